"""Symmetry: units that start alike stay alike, however long they are trained.

Two units with the same weights get the same inputs, give the same outputs, and so
receive the same gradient: not a zero one, an identical one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.datasets import Dataset, load_digits
from engine.initializers import Initializer
from engine.measures import distinct
from engine.network import mlp
from engine.optimizers import SGD
from engine.training import train

Array = np.ndarray


@dataclass(frozen=True)
class SymmetryRun:
    """steps (S,), losses (S,) before each step, and units (S, hidden layers): how many units of a layer differ in their weights.

    moved (layers,): how far the weight of each layer that went farthest is from where it started, after all steps.
    """

    steps: Array
    losses: Array
    units: Array
    moved: Array


def count_units(data: Dataset | Literal["digits"], initializer: str | Initializer, *, activation: str = "tanh", gain: float = 1.0,
                hidden: Sequence[int] = (20, 20), epochs: int = 5, learning_rate: float = 0.5, batch_size: int = 100, seed: int = 0) -> SymmetryRun:
    """Train a small network by SGD and count, before every step, the units of each hidden layer that are not copies of another."""
    data = load_digits() if data == "digits" else data
    rng = np.random.default_rng(seed)
    network = mlp((data.x_train.shape[1], *hidden, data.classes), activation=activation, initializer=initializer, gain=gain, rng=rng)
    first, units, losses = [w.copy() for w in network.weights], [_distinct_units(network.weights)], []
    for progress in train(network, data, SGD(network, learning_rate), epochs=epochs, batch_size=batch_size, rng=rng, evaluation_images=1):
        losses.append(progress.loss)
        units.append(_distinct_units(network.weights))
    return SymmetryRun(np.arange(len(losses)), np.array(losses), np.array(units[:-1]),
                       np.array([np.abs(w - start).max() for w, start in zip(network.weights, first, strict=True)]))


def _distinct_units(weights: list[Array]) -> list[int]:
    """Units whose incoming weights (a column) differ from all others', for each hidden layer."""
    return [distinct(w) for w in weights[:-1]]
