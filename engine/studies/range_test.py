"""Learning-rate range test: which rates are worth trying, from one short training.

Each step takes a rate a little greater than the last. While the rate is too small, the loss
hardly moves; where it falls fastest, a step does most; beyond, steps overshoot, and the
loss blows up. Source: L. Smith 2017, arXiv:1506.01186, section 3.3.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from engine.datasets import Dataset, normalizer
from engine.network import Network
from engine.optimizers import OPTIMIZERS, Schedule
from engine.training import before_training, evaluate, train

Array = np.ndarray
LOW, HIGH = 1e-5, 100.0    # ends of the rates
STEPS = 176                # 25 a decade
HUGE = 1e30
CLEARLY = 0.98             # share of guessing's loss below which something has been learnt
REACH = 6                  # a step is smoothed with so many on either side: half a decade in all
TRIAL, WORK = 300, 2e9     # steps of a trial at most, and multiplications of its passes forward, but not less than 20 steps
LARGEST = 2e8              # multiplications of one pass forward: a batch is cut so that it takes no more


@dataclass(frozen=True)
class Setup:
    """What is trained, but for the rate; hashable. `hidden` are the widths between the pixels and the classes."""

    hidden: tuple[int, ...] = (100, 100)
    activation: str = "relu"
    initializer: str = "he_normal"
    gain: float = 1.0
    batch_norm: str | None = None
    optimizer: str = "adam"
    batch_size: int = 32
    normalize: str = "scale"
    seed: int = 0

    def batch(self, data: Dataset) -> int:
        """Images a step: not more than there are, and not more than a step may cost."""
        widths = (data.x_train.shape[1], *self.hidden, data.classes)
        return max(1, min(self.batch_size, len(data.y_train), int(LARGEST / sum(a * b for a, b in pairwise(widths)))))

    def network(self, data: Dataset) -> Network:
        """The network before its first step."""
        return before_training(data, self.hidden, activation=self.activation, initializer=self.initializer, gain=self.gain,
                               batch_norm=self.batch_norm, normalize=self.normalize, seed=self.seed)


@dataclass(frozen=True)
class RangeTest:
    """What a training with a growing rate has seen: (steps,) each, up to the step that overflowed.

    smoothed : geometric mean of the losses around each step
    """

    rates: Array
    losses: Array
    smoothed: Array

    @property
    def least(self) -> int:
        """The step with the least smoothed loss."""
        return int(self.smoothed.argmin())

    @property
    def fastest(self) -> float:
        """The rate where the smoothed loss falls fastest, for equal factors on the rate; not beyond the least loss."""
        fall = np.gradient(self.smoothed[:self.least + 1]) if self.least else np.zeros(1)
        return float(self.rates[fall.argmin()])

    def learns(self, classes: int) -> bool:
        """Whether the smoothed loss gets clearly below that of guessing."""
        return bool(self.smoothed[self.least] < CLEARLY * math.log(classes))

    @property
    def blows_up(self) -> float | None:
        """The first rate beyond the least loss where the smoothed loss stands above its start, or the last step before an overflow."""
        above = np.flatnonzero(self.smoothed[self.least:] > self.smoothed[0])
        if len(above):
            return float(self.rates[self.least + above[0]])
        return float(self.rates[-1]) if len(self.rates) < STEPS else None


@dataclass(frozen=True)
class Reached:
    """One training at one rate: the test images' loss and accuracy after `steps`; an overflow counts as accuracy 0 and an infinite loss."""

    learning_rate: float
    steps: int
    loss: float
    accuracy: float


def smooth(losses: Array, reach: int = REACH) -> Array:
    """Geometric means over windows of 2 reach + 1 steps, cut at the ends: no lag, unlike a running mean."""
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.maximum(losses, 1e-12)))])
    at = np.arange(len(losses))
    low, high = np.maximum(at - reach, 0), np.minimum(at + reach + 1, len(losses))
    return np.exp((logs[high] - logs[low]) / (high - low))


def range_test(setup: Setup, data: Dataset) -> RangeTest:
    """Train once while the rate grows from LOW to HIGH by one factor a step."""
    factor = (HIGH / LOW) ** (1 / (STEPS - 1))
    rates = LOW * factor ** np.arange(STEPS)
    losses = np.array([loss for loss, _ in _run(setup, data, LOW, STEPS, lambda step, steps: factor**step)])
    return RangeTest(rates[:len(losses)], losses, smooth(losses))


def at_rates(setup: Setup, data: Dataset, learning_rates: Sequence[float]) -> list[Reached]:
    """Train at each of these rates, always from the same start and on the same batches, and read the test images."""
    return [_at_rate(setup, data, rate) for rate in learning_rates]


def with_arrays(study: Callable[..., Any], x_train: Array, y_train: Array, x_test: Array, y_test: Array, *given: Any,
                pixel_max: int, setup: Setup) -> Any:
    """`range_test` or `at_rates` on images (N, features) of ten classes that come as arrays, as they travel to another process."""
    return study(setup, Dataset("", x_train, y_train, x_test, y_test, (1, x_train.shape[1]), 10, pixel_max), *given)


def _at_rate(setup: Setup, data: Dataset, learning_rate: float) -> Reached:
    network = setup.network(data)
    steps = min(TRIAL, max(20, int(WORK / (sum(weights.size for weights in network.weights) * setup.batch(data)))))
    *_, (_, diverged) = _run(setup, data, learning_rate, steps, None, network)
    if diverged:
        return Reached(learning_rate, steps, math.inf, 0.0)
    return Reached(learning_rate, steps, *evaluate(network, data.x_test, data.y_test, normalizer(setup.normalize, data)))


def _run(setup: Setup, data: Dataset, rate: float, steps: int, schedule: Schedule | None,
         network: Network | None = None) -> Iterator[tuple[float, bool]]:
    """Loss of each step's batch, and whether the run has overflowed there; a loss that is no finite number counts as HUGE."""
    network, batch = network or setup.network(data), setup.batch(data)
    optimizer = OPTIMIZERS[setup.optimizer](network, rate)
    epochs = -(-steps // -(-len(data.y_train) // batch))
    for result in train(network, data, optimizer, epochs=epochs, batch_size=batch, rng=np.random.default_rng([setup.seed, 1]), schedule=schedule,
                        normalize=setup.normalize, evaluation_images=1, evaluate_at=lambda step: False):
        yield result.loss if math.isfinite(result.loss) else HUGE, bool(result.diverged)
        if result.step == steps:
            return
