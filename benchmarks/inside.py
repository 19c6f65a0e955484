"""What does it cost to look inside a network while it trains? `python -m benchmarks.inside`

Each network is trained with the looks of the page's part *Inside*, at their usual interval. Steps and looks are timed in the same
run, so that a busy machine slows both. One BLAS thread, as the app has.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"

import time

import numpy as np

from benchmarks.training import images
from engine import OPTIMIZERS, Dataset, load_digits, train
from engine.datasets import normalizer
from engine.studies.by_layer import IMAGES, Watch
from engine.training import before_training

ASKED = 0.1   # of the time of the training


def shares(data: Dataset, hidden: list[int], batch_size: int, steps: int, **settings) -> tuple[float, float, int]:
    """Seconds of the steps, seconds of the looks, and how many looks there were."""
    settings = {"activation": "relu", "initializer": "he_normal", "normalize": "scale", "seed": 0} | settings
    network = before_training(data, hidden, **settings)
    batch_size = min(batch_size, len(data.y_train))
    epochs = -(-steps * batch_size // len(data.y_train))
    watch = Watch(epochs * -(-len(data.y_train) // batch_size), batch_size)
    first = network, normalizer("scale", data)(data.x_train[:IMAGES]), data.y_train[:IMAGES]
    watch.begin(*first)   # caches
    training, began = 0.0, time.perf_counter()
    watch.begin(*first)
    watch.start(network)
    looking = time.perf_counter() - began
    for progress in train(network, data, OPTIMIZERS["adam"](network), epochs=epochs, batch_size=batch_size, rng=np.random.default_rng(1),
                          evaluate_at=lambda step: False):
        training += progress.seconds_per_image * batch_size
        began = time.perf_counter()
        watch.after(network, progress.step)
        looking += time.perf_counter() - began
        if progress.step == steps:
            break
    return training, looking, len(watch.looks)


def main() -> None:
    digits, mnist = load_digits(), images(np.random.default_rng(3))
    worst = 0.0
    for name, data, hidden, batch_size, steps, settings in (
            ("digits, 64-100-100-10, batch 32: the page's start", digits, [100] * 2, 32, 1350, {}),
            ("784-100x5-10, batch 128", mnist, [100] * 5, 128, 1000, {}),
            ("784-100x5-10, sigmoid, batch norm, batch 32", mnist, [100] * 5, 32, 1000, {"activation": "sigmoid", "batch_norm": "before"}),
            ("784-512-512-10, batch 128", mnist, [512] * 2, 128, 300, {}), ("784-10, batch 32", mnist, [], 32, 1000, {}),
            ("64-100x20-10, batch 32", digits, [100] * 20, 32, 1000, {}), ("64-20-10, batch 1", digits, [20], 1, 7000, {})):
        found = [shares(data, hidden, batch_size, steps, **settings) for _ in range(3)]
        training, looking, count = sorted(found, key=lambda one: one[1] / one[0])[1]
        worst = max(worst, looking / training)
        print(f"{name:52} {steps:5} steps {training:6.2f} s, {count:3} looks {looking:5.3f} s: {100 * looking / training:4.1f} %")
    print(f"Looking inside takes at most {100 * worst:.1f} % of the training; at most {100 * ASKED:.0f} % is asked for.")


if __name__ == "__main__":
    main()
