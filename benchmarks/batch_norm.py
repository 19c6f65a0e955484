"""Side by side or one after the other? `python -m benchmarks.batch_norm` trains the sixteen scales both ways.

Both ways take turns, an epoch each, on the same weights and batches, so that whatever else the machine does hits both.
One BLAS thread, as the app has.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import time

import numpy as np

from engine.datasets import load_digits, load_mnist, mnist_at_hand, normalizer
from engine.optimizers import SGD
from engine.studies.sixteen_scales import BATCH, HIDDEN, IMAGES, RATE, SCALES, alone, draw_weights, side_by_side, training_accuracy


def one_epoch(networks, optimizers, x, labels, order) -> float:
    started = time.perf_counter()
    with np.errstate(all="ignore"):
        for network, optimizer in zip(networks, optimizers, strict=True):
            for start in range(0, len(labels), BATCH):
                batch = order[start:start + BATCH]
                network.loss_and_gradient(x[batch], labels[batch])
                optimizer.step()
    return time.perf_counter() - started


def accuracy_alone(networks, x, labels) -> list[float]:
    return [sum(int((n.forward(x[i:i + BATCH]).argmax(axis=1) == labels[i:i + BATCH]).sum()) for i in range(0, len(labels), BATCH)) / len(labels)
            for n in networks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=6)
    given = parser.parse_args()
    for data in [load_digits(), load_mnist()] if mnist_at_hand() else [load_digits()]:
        data = data.first(IMAGES)
        x, labels = normalizer("scale", data)(data.x_train), data.y_train
        print(f"{data.name}: {x.shape[1]}-100×5-10, {len(SCALES)} scales, {IMAGES} images an epoch, both ways in turn")
        for batch_norm in (False, True):
            rng = np.random.default_rng(0)
            weights = draw_weights((x.shape[1], *HIDDEN, data.classes), SCALES, rng)
            ways = {"side by side": [side_by_side(weights, batch_norm)],
                    "one after the other": [alone(weights, k, batch_norm) for k in range(len(SCALES))]}
            optimizers = {way: [SGD(n, RATE) for n in networks] for way, networks in ways.items()}
            times: dict[str, list[float]] = {way: [] for way in ways}
            scoring: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(given.epochs):
                order = rng.permutation(len(labels))
                for way, networks in ways.items():
                    times[way].append(one_epoch(networks, optimizers[way], x, labels, order))
                    started = time.perf_counter()
                    with np.errstate(all="ignore"):
                        score = training_accuracy(networks[0], x, labels) if way == "side by side" else accuracy_alone(networks, x, labels)
                    scoring[way].append(time.perf_counter() - started)
                    if way == "side by side":
                        together = score
            print(f"  {'with' if batch_norm else 'without'} batch norm, largest difference in accuracy {np.abs(together - score).max():.3f}")
            for name, clock in (("training", times), ("evaluation", scoring)):
                a, b = (np.array(clock[way]) for way in ways)
                print(f"    {name:10s} side by side {np.median(a):.3f} s, one after the other {np.median(b):.3f} s an epoch, "
                      f"ratio {np.median(a / b):.2f}")


if __name__ == "__main__":
    main()
