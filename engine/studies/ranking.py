"""Ranking: "SELU > ELU > leaky ReLU > ReLU > tanh > logistic" - is it so?

A heuristic from textbooks, put to the test: the same deep and narrow network for each
activation, the same digits, budget and seeds, each with the initializer made for it.
Chance differs from seed to seed; where two bands overlap, nothing is decided.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np

from engine.activations import Activation, as_activation
from engine.datasets import Dataset, load_digits
from engine.network import mlp
from engine.optimizers import OPTIMIZERS
from engine.training import train

CLAIM = ("selu", "elu", "leaky_relu", "relu", "tanh", "sigmoid")   # Géron, Hands-On Machine Learning, ch. 11
EPOCHS, BATCH = 10, 50


@dataclass(frozen=True)
class RankingStep:
    """One training step; test_accuracy and test_loss after every epoch only. `done` of `steps` steps of the whole experiment are behind."""

    activation: str
    seed: int
    epoch: float
    done: int
    steps: int
    test_accuracy: float | None = None
    test_loss: float | None = None
    last: bool = False


@dataclass(frozen=True)
class Rank:
    """An activation's test accuracy over its seeds."""

    activation: str
    middle: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class Agreement:
    """Pairs of the claim that the measurement confirms, contradicts, or cannot tell apart because their bands overlap."""

    confirmed: int
    contradicted: int
    undecided: int


def steps_of(trainings: int, *, epochs: int = EPOCHS, batch_size: int = BATCH, data: Dataset | None = None) -> int:
    """Steps of so many trainings (activations × seeds) of a `ranking`, if none of them diverges."""
    data = data or load_digits()
    return trainings * epochs * -(-len(data.y_train) // batch_size)


def ranking(activations: Sequence[str | Activation], *, depth: int, width: int = 30, epochs: int = EPOCHS, seeds: int = 3,
            learning_rate: float = 1e-3, optimizer: str = "adam", batch_size: int = BATCH, data: Dataset | None = None) -> Iterator[RankingStep]:
    """Train 64 - width × depth - 10 for each seed and activation in turn, yielding every step. Every training is the same however it is sliced.

    Raises
    ------
    ValueError
        "activations must name at least one, got none"; "seeds must be at least 1, got 0"; and what `mlp` and `train` refuse.
    """
    table = [as_activation(a) for a in activations]
    if not table:
        raise ValueError("activations must name at least one, got none")
    for name, value in (("depth", depth), ("width", width), ("epochs", epochs), ("seeds", seeds)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    data = data or load_digits()
    per_training, steps = (steps_of(n, epochs=epochs, batch_size=batch_size, data=data) for n in (1, seeds * len(table)))

    def run() -> Iterator[RankingStep]:
        done = 0
        for seed in range(seeds):
            for activation in table:
                network = mlp((data.x_train.shape[1], *[width] * depth, data.classes), activation=activation, initializer=activation.recommended,
                              rng=np.random.default_rng([seed, 0]))
                for p in train(network, data, OPTIMIZERS[optimizer](network, learning_rate), epochs=epochs, batch_size=batch_size,
                               rng=np.random.default_rng([seed, 1]), evaluation_images=1):
                    last = p.step == per_training or p.diverged is not None
                    reached = (p.evaluation.test_accuracy, p.evaluation.test_loss) if p.evaluation else (None, None)
                    yield RankingStep(activation.name, seed, p.epoch, done + (per_training if last else p.step), steps, *reached, last)
                done += per_training

    return run()


def ranks(finals: Mapping[str, Sequence[float]]) -> list[Rank]:
    """Best first: by the median over seeds."""
    rows = [Rank(name, median(values), min(values), max(values), len(values)) for name, values in finals.items() if values]
    return sorted(rows, key=lambda rank: -rank.middle)


def agreement(finals: Mapping[str, Sequence[float]], claim: Sequence[str] = CLAIM) -> Agreement:
    """Hold a claimed order against what was measured. Only activations of the claim that were measured count."""
    bands = {rank.activation: rank for rank in ranks(finals)}
    counts = [0, 0, 0]
    for better, worse in combinations([name for name in claim if name in bands], 2):
        a, b = bands[better], bands[worse]
        counts[0 if a.low > b.high else 1 if a.high < b.low else 2] += 1
    return Agreement(*counts)
