"""How much does a training step cost beyond the matrix products that nobody can avoid?

    python -m benchmarks.training

784-100x5-10, ReLU, Adam, batch 128, float32, one BLAS thread. A step is the one that `train` does: gather the
batch, scale it, forward, loss, backward, Adam, and the check that all is finite. The bare products are X W of every
layer, Xᵀ dY of every layer and dY Wᵀ of all layers but the first. Both are timed in turn, so that a busy machine
slows both, and medians count. Where PyTorch is installed, its step is timed beside them.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from engine import Adam, Dataset, mlp, train

SIZES, BATCH, ASKED = (784, 100, 100, 100, 100, 100, 10), 128, 1.7


def images(rng: np.random.Generator) -> Dataset:
    """Noise in MNIST's shapes, most pixels 0: what they show does not matter to the clock."""
    x = np.where(rng.random((60_000, 784), dtype=np.float32) < 0.8, 0, rng.integers(1, 256, (60_000, 784), np.uint8))
    y = rng.integers(0, 10, 60_000, np.uint8)
    return Dataset("noise", x, y, x[:100], y[:100], (28, 28), 10, 255)


def engine_step(data: Dataset) -> Callable[[], object]:
    network = mlp(SIZES, rng=np.random.default_rng(0))
    steps = train(network, data, Adam(network), epochs=10**6, batch_size=BATCH, rng=np.random.default_rng(1), evaluate_every=10**9)
    return lambda: next(steps)


def bare_products() -> Callable[[], object]:
    rng = np.random.default_rng(2)
    x = [rng.standard_normal((BATCH, n), np.float32) for n in SIZES[:-1]]
    dy = [rng.standard_normal((BATCH, n), np.float32) for n in SIZES[1:]]
    w = mlp(SIZES, rng=rng).weights

    def products() -> None:
        for i in range(len(w)):
            x[i] @ w[i]
            x[i].T @ dy[i]
            if i:
                dy[i] @ w[i].T

    return products


def torch_step(data: Dataset) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    layers = []
    for fan_in, fan_out in pairwise(SIZES):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer, loss_function = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
    images, labels = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train).long()

    def step() -> float:
        batch = torch.randint(0, len(labels), (BATCH,))
        optimizer.zero_grad()
        loss = loss_function(model(images[batch].float() / 255), labels[batch])
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def medians(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each action, all of them timed once a round."""
    times = {name: [] for name in actions}
    for action in actions.values():
        for _ in range(20):   # caches, allocator
            action()
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3000, help="how many steps are timed")
    rounds = parser.parse_args().rounds
    data = images(np.random.default_rng(3))
    actions = {"bare matrix products": bare_products(), "training step": engine_step(data)}
    if importlib.util.find_spec("torch"):
        actions["PyTorch's step"] = torch_step(data)
    with threadpool_limits(1):
        seconds = medians(actions, rounds)
    for name, value in seconds.items():
        print(f"{name:22} {1e6 * value:7.0f} µs   {value / seconds['bare matrix products']:5.2f} x")
    ratio = seconds["training step"] / seconds["bare matrix products"]
    print(f"A training step takes {ratio:.2f} x the time of its bare matrix products; at most {ASKED} is asked for.")


if __name__ == "__main__":
    main()
