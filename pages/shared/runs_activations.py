"""The Activations page's long work, drawn on in slices like a training: the ranking and the sweep over learning rates and biases."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.activations import as_activation
from engine.datasets import load_digits
from engine.studies.dying import SweepPoint, sweep
from engine.studies.ranking import RankingStep, ranking
from pages.shared.runs import Run

Members = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]  # (key, its options), hashable


@dataclass(frozen=True)
class RankingSettings:
    members: Members
    depth: int
    width: int
    epochs: int
    rate: float
    seeds: int


class RankingRun(Run):
    """Keeps test accuracies only: one number for each activation, seed and epoch."""

    def __init__(self, settings: RankingSettings):
        s = self.settings = settings
        self.history: list[tuple[str, int, float, float]] = []  # activation, seed, epoch, test accuracy
        self.finals: dict[str, list[float]] = {}
        self.done = 0
        table = [as_activation(key, **dict(options)) for key, options in s.members]
        results = ranking(table, depth=s.depth, width=s.width, epochs=s.epochs, seeds=s.seeds, learning_rate=s.rate)
        self.trainings, self.steps = len(table) * s.seeds, len(table) * s.seeds * s.epochs * -(-len(load_digits().y_train) // 50)  # batches of 50
        super().__init__("activations", results)

    def record(self, result: RankingStep) -> None:
        self.done, self.steps = result.done, result.steps
        if result.test_accuracy is not None:
            self.history.append((result.activation, result.seed, result.epoch, result.test_accuracy))
        if result.last:
            self.finals.setdefault(result.activation, []).append(result.test_accuracy)
        if self.done == self.steps:
            self.status = "finished"


RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
BIASES = (-2.0, -1.5, -1.0, -0.7, -0.5, -0.3, 0.0, 0.5)


@dataclass(frozen=True)
class SweepSettings:
    members: Members
    rate: float
    bias: float
    depth: int
    seed: int


class SweepRun(Run):
    """Every activation over the ladder of learning rates at one bias, then over the ladder of biases at one learning rate."""

    def __init__(self, settings: SweepSettings):
        self.settings = settings
        self.by_rate: list[SweepPoint] = []
        self.by_bias: list[SweepPoint] = []
        self.done, self.steps = 0, len(settings.members) * (len(RATES) + len(BIASES))
        super().__init__("activations", self._both())

    def _both(self) -> Iterator[tuple[str, SweepPoint]]:
        s = self.settings
        table = [as_activation(key, **dict(options)) for key, options in s.members]
        for point in sweep(table, RATES, (s.bias,), depth=s.depth, seed=s.seed):
            yield "rate", point
        for point in sweep(table, (s.rate,), BIASES, depth=s.depth, seed=s.seed):
            yield "bias", point

    def record(self, result: tuple[str, SweepPoint]) -> None:
        which, point = result
        (self.by_rate if which == "rate" else self.by_bias).append(point)
        self.done += 1
        if self.done == self.steps:
            self.status = "finished"
