"""What do the statistics cost? `python -m benchmarks.propagation` measures them against the bare matrix products.

Both sides use the same weights, drawn beforehand, and take turns within one run, so that whatever else the
machine does hits both; medians of seconds and of ratios are printed. Both keep every layer's z, as a way back must:
the first touch of fresh memory costs more than a product where the system hands it out late. One BLAS thread, because a ratio between
one thread's statistics and many threads' products would mean nothing. Drawing the weights is printed too:
`propagate` draws the next layer's while this one's products run.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import time
from itertools import cycle
from statistics import median

import numpy as np

from engine.initializers import INITIALIZERS, Initializer
from engine.propagation import propagate

LIMIT, LIMIT_MS = 1.4, 100
DEFAULTS = {"depth": 20, "width": 100, "samples": 1000, "activation": "tanh", "initializer": "glorot_normal"}


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("depth", 100), ("width", 500), ("samples", 1000), ("rounds", 7)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--activation", default="relu")
    given = parser.parse_args()
    depth, width, samples = given.depth, given.width, given.samples
    rng, he = np.random.default_rng(0), INITIALIZERS["he_normal"]
    x = rng.standard_normal((samples, width)).astype(np.float32)
    drawn = [he.draw(rng, (width, width)) for _ in range(depth)]
    weights, out = [w.astype(np.float32) for w in drawn], np.empty((2, samples, width), np.float32)
    taken = cycle(drawn)
    beforehand = Initializer("beforehand", he.source, he.std, lambda rng, shape: next(taken))

    def products() -> None:
        y, kept = x, np.empty((depth, samples, width), np.float32)   # the way back needs what came forward: both sides pay for this memory
        for layer, w in enumerate(weights):
            y = np.matmul(y, w, out=kept[layer])
        for layer, w in enumerate(reversed(weights[1:])):
            y = np.matmul(y, w.T, out=out[(depth + layer) % 2])

    def network(initializer) -> None:
        propagate(depth=depth, width=width, activation=given.activation, initializer=initializer, inputs=x, rng=rng)

    works = {"bare matrix products, forward and backward": products,
             "propagate: products, statistics, histograms": lambda: network(beforehand),
             "propagate, weights drawn on the way": lambda: network(he)}
    times: dict[str, list[float]] = {name: [] for name in works}
    with np.errstate(all="ignore"):
        for work in works.values():
            work()   # warm up
        for _ in range(given.rounds):
            for name, work in works.items():
                times[name].append(seconds(work))
    bare = times[next(iter(works))]
    print(f"{depth} layers x {width} units x {samples} samples, {given.activation}, medians of {given.rounds} interleaved rounds")
    for name, taken_seconds in times.items():
        ratio = median(t / b for t, b in zip(taken_seconds, bare, strict=True))
        print(f"  {name:46s}{median(taken_seconds):7.3f} s   {ratio:.2f} x")
    print(f"  asked for: statistics and histograms at most {LIMIT} x the products")
    network_of_the_page = median(seconds(lambda: propagate(**DEFAULTS, rng=rng)) for _ in range(15))
    print(f"{DEFAULTS['depth']} layers x {DEFAULTS['width']} units x {DEFAULTS['samples']} samples, {DEFAULTS['activation']}: "
          f"{network_of_the_page * 1e3:.0f} ms, asked for: under {LIMIT_MS} ms")


if __name__ == "__main__":
    main()
