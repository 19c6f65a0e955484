"""What does a training step cost, beside PyTorch's and beyond the matrix products that nobody can avoid?

    python -m benchmarks.training

Three networks, batch 128, Adam, float32, one BLAS thread. A step is the one that `train` does: gather the batch,
scale it, forward, loss, backward, Adam, and the check that all is finite. The bare products are X W of every layer,
Xᵀ dY of every layer and dY Wᵀ of all layers but the first. Where PyTorch is installed, its eager step is timed with
its plain and with its fused Adam, and the faster of the two counts; where scikit-learn is, its MLP's step, which
knows neither batch norm nor dropout. All take turns of ten steps, so that a busy machine slows all of them alike:
seconds of work, not of waiting, and medians.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

from engine import Adam, Dataset, mlp, train

BATCH, TURN = 128, 10


@dataclass(frozen=True)
class Case:
    """A network, and what its step may take of PyTorch's."""

    title: str
    sizes: tuple[int, ...]
    asked: float
    settings: dict = field(default_factory=dict)   # of `mlp`


CASES = (Case("784-100×5-10, ReLU", (784, 100, 100, 100, 100, 100, 10), 0.70),
         Case("784-300-100-10, ELU, batch norm", (784, 300, 100, 10), 0.80, {"activation": "elu", "batch_norm": "before", "bias": False}),
         Case("784-512-512-10, ReLU, dropout .2", (784, 512, 512, 10), 0.76, {"dropout": 0.2}))


def images(rng: np.random.Generator) -> Dataset:
    """Noise in MNIST's shapes, most pixels 0: what they show does not matter to the clock."""
    x = np.where(rng.random((60_000, 784), dtype=np.float32) < 0.8, 0, rng.integers(1, 256, (60_000, 784), np.uint8))
    y = rng.integers(0, 10, 60_000, np.uint8)
    return Dataset("noise", x, y, x[:100], y[:100], (28, 28), 10, 255)


def engine_step(case: Case, data: Dataset) -> Callable[[], object]:
    network = mlp(case.sizes, rng=np.random.default_rng(0), **case.settings)
    steps = train(network, data, Adam(network), epochs=10**6, batch_size=BATCH, rng=np.random.default_rng(1), evaluate_every=10**9)
    return lambda: next(steps)


def bare_products(sizes: tuple[int, ...]) -> Callable[[], object]:
    rng = np.random.default_rng(2)
    x = [rng.standard_normal((BATCH, n), np.float32) for n in sizes[:-1]]
    dy = [rng.standard_normal((BATCH, n), np.float32) for n in sizes[1:]]
    w = mlp(sizes, rng=rng).weights

    def products() -> None:
        for i in range(len(w)):
            x[i] @ w[i]
            x[i].T @ dy[i]
            if i:
                dy[i] @ w[i].T

    return products


def torch_network(sizes: tuple[int, ...], activation: str = "relu", batch_norm: str | None = None, bias: bool = True, dropout: float = 0.0):
    """The same layers in PyTorch; batch norm stands before the activation."""
    from torch import nn

    *hidden, last = pairwise(sizes)
    layers = []
    for fan_in, fan_out in hidden:
        layers.append(nn.Linear(fan_in, fan_out, bias=bias))
        layers += [nn.BatchNorm1d(fan_out)] if batch_norm else []
        layers.append({"relu": nn.ReLU, "elu": nn.ELU}[activation]())
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers, nn.Linear(*last))


def torch_step(case: Case, data: Dataset, fused: bool) -> Callable[[], object]:
    import torch

    torch.set_num_threads(1)
    model = torch_network(case.sizes, **case.settings)
    optimizer, loss_function = torch.optim.Adam(model.parameters(), fused=fused), torch.nn.CrossEntropyLoss()
    images, labels = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train).long()

    def step() -> float:
        batch = torch.randint(0, len(labels), (BATCH,))
        optimizer.zero_grad()
        loss = loss_function(model(images[batch].float() / 255), labels[batch])
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def scikit_step(case: Case, data: Dataset) -> Callable[[], object]:
    from sklearn.neural_network import MLPClassifier

    model, rng = MLPClassifier(case.sizes[1:-1], batch_size=BATCH, alpha=0), np.random.default_rng(4)

    def step() -> None:
        batch = rng.integers(0, len(data.y_train), BATCH)
        model.partial_fit(data.x_train[batch].astype(np.float32) / 255, data.y_train[batch], classes=range(10))

    return step


def medians(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of work of each action, all of them timed in turn."""
    times = {name: [] for name in actions}
    for action in actions.values():
        for _ in range(20):   # caches, allocator
            action()
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.process_time()
            for _ in range(TURN):
                action()
            times[name].append((time.process_time() - began) / TURN)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=150, help="how many turns of ten steps are timed")
    rounds = parser.parse_args().rounds
    data = images(np.random.default_rng(3))
    for case in CASES:
        actions = {"bare matrix products": bare_products(case.sizes), "training step": engine_step(case, data)}
        if importlib.util.find_spec("torch"):
            actions |= {"PyTorch, plain Adam": torch_step(case, data, False), "PyTorch, fused Adam": torch_step(case, data, True)}
        if importlib.util.find_spec("sklearn") and not {"batch_norm", "dropout"} & set(case.settings):
            actions["scikit-learn's MLP"] = scikit_step(case, data)
        with threadpool_limits(1):
            seconds = medians(actions, rounds)
        print(case.title)
        for name, value in seconds.items():
            print(f"  {name:22} {1e6 * value:7.0f} µs   {value / seconds['bare matrix products']:5.2f} × the products")
        rivals = [value for name, value in seconds.items() if name.startswith("PyTorch")]
        if rivals:
            print(f"  Of the faster PyTorch: {seconds['training step'] / min(rivals):.2f}; at most {case.asked:.2f} is asked for.")


if __name__ == "__main__":
    main()
