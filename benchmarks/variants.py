"""What do four variants cost together? `python -m benchmarks.variants` times one alone and four at once, in turn, through the pages' workers.

On two cores four want at least twice the time of one. A machine that is busy with other things says little.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ["WORKERS"] = "2"

import time
from collections.abc import Sequence
from functools import partial
from statistics import median

from engine import load_digits
from engine.studies.variants import Recipe, courses
from pages.shared import workers

ROUNDS = 7
STARTS = (("he_normal", 1.0), ("lecun_normal", 1.0), ("normal", 0.01), ("normal", 0.1))


def seconds(recipes: Sequence[Recipe], seed: int) -> float:
    """Each seed is asked once, because answers are kept."""
    data = load_digits()
    arrays = data.x_train, data.y_train, data.x_test, data.y_test
    started = time.perf_counter()
    workers.measure_all(*(partial(courses, *arrays, recipe=recipe, seeds=(seed,), pixel_max=data.pixel_max) for recipe in recipes))
    return time.perf_counter() - started


def main() -> None:
    recipes = [Recipe(initializer=initializer, gain=gain, epochs=30) for initializer, gain in STARTS]
    seconds(recipes, 999)   # the workers start
    alone, together = zip(*((seconds(recipes[:1], 2 * i), seconds(recipes, 2 * i + 1)) for i in range(ROUNDS)), strict=True)
    print(f"one {median(alone):.2f} s, four {median(together):.2f} s: {median(together) / median(alone):.2f} times as long (wanted: at most 2.4)")


if __name__ == "__main__":
    main()
