"""How much faster is the structured gradient than the loop, and than PyTorch's gradcheck?

    python -m benchmarks.gradient_check

Rounds of both are timed in turn, so that a busy machine slows both, and the fastest round of
each counts. The loop is timed on some components and multiplied up to all of them: its cost is
the same for each.
"""

import argparse
import importlib.util
import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from engine import mlp
from engine.gradient_check import check_gradients, derivative, numerical_gradient

CASES = (   # sizes, options of mlp, the ratio that is asked for
    ((64, 50, 30, 10), {"activation": "tanh"}, 10),
    ((784, 100, 10), {"activation": "tanh"}, 100),
    ((784, 100, 10), {"activation": "relu", "batch_norm": "before"}, 100),
    ((784, 32, 10), {"activation": "relu"}, None),
)
SAMPLES, EPSILON, COMPONENTS, ROUNDS = 16, 1e-5, 150, 5


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def problem(sizes, options):
    rng = np.random.default_rng(0)
    network = mlp(sizes, sigma_b=0.1, rng=rng, dtype=np.float64, **options)
    return network, rng.standard_normal((SAMPLES, sizes[0])), rng.integers(0, sizes[-1], SAMPLES)


def part_of_loop(network, x, labels):
    """The reference loop on some components, spread over theta."""
    theta = network.theta
    for k in np.linspace(0, theta.size - 1, COMPONENTS).astype(int):
        start = theta[k]

        def loss(value, k=k):
            theta[k] = value
            return network.loss(x, labels, None, training=True)

        derivative(loss, start, EPSILON)
        theta[k] = start


def torch_gradcheck(sizes, options):
    """Seconds of PyTorch's gradcheck for tanh networks without batch norm, or None."""
    if options != {"activation": "tanh"} or importlib.util.find_spec("torch") is None:
        return None
    import torch
    torch.set_num_threads(1)
    network, x, labels = problem(sizes, options)
    x, labels = torch.tensor(x), torch.tensor(labels)
    parameters = [torch.tensor(p.value, requires_grad=True) for p in network.parameters]

    def loss(*parameters):
        y = x
        for k in range(0, len(parameters), 2):
            y = (torch.tanh(y) if k else y) @ parameters[k] + parameters[k + 1]
        return torch.nn.functional.cross_entropy(y, labels)

    return seconds(lambda: torch.autograd.gradcheck(loss, parameters))


def measure(sizes, options, asked, rounds: int) -> None:
    network, x, labels = problem(sizes, options)
    fast, slow, report = [], [], []
    for _ in range(rounds):
        fast.append(seconds(lambda: numerical_gradient(network, x, labels)))
        slow.append(seconds(lambda: part_of_loop(network, x, labels)) * network.theta.size / COMPONENTS)
        report.append(seconds(lambda: check_gradients(network, x, labels)))
    print(f"{'-'.join(map(str, sizes))} {' '.join(map(str, options.values()))}: {network.theta.size} parameters; "
          f"structured {min(fast) * 1e3:.0f} ms, whole report {min(report) * 1e3:.0f} ms, loop {min(slow):.2f} s: "
          f"{min(slow) / min(fast):.0f} x" + (f" (asked: {asked})" if asked else ""))
    torch_seconds = torch_gradcheck(sizes, options)
    if torch_seconds:
        print(f"    PyTorch gradcheck {torch_seconds:.1f} s: {torch_seconds / min(fast):.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    print(f"{SAMPLES} samples, central differences, float64; the loop timed on {COMPONENTS} components and multiplied up")
    for case in CASES:
        measure(*case, rounds)
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: its gradcheck was not timed")


if __name__ == "__main__":
    with threadpool_limits(1):   # products this small only wait for each other in threads
        main()
