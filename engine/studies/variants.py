"""Change one thing: trainings that differ in one setting, from the same seed and on the same batches, and what they reach.

A difference that is smaller than what another seed makes of it is none: so each is repeated over a few seeds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.datasets import Dataset
from engine.losses import Penalty
from engine.network import Network
from engine.optimizers import OPTIMIZERS, Optimizer
from engine.training import before_training, train

Array = np.ndarray


@dataclass(frozen=True)
class Recipe:
    """One training, hashable. `learning_rate` None is the optimizer's usual one; `hidden` are the widths between the pixels and the classes."""

    hidden: tuple[int, ...] = (100, 100)
    activation: str = "relu"
    initializer: str = "he_normal"
    gain: float = 1.0
    batch_norm: str | None = None
    dropout: float = 0.0
    optimizer: str = "adam"
    learning_rate: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    normalize: str = "scale"
    batch_size: int = 32
    epochs: int = 10
    input_norm: bool = False
    schedule: str = "constant"
    shift: int = 0
    decay: float = 0.01   # of AdamW

    def network(self, data: Dataset, seed: int) -> Network:
        """The network before its first step."""
        return before_training(data, self.hidden, activation=self.activation, initializer=self.initializer, gain=self.gain,
                               batch_norm=self.batch_norm, dropout=self.dropout, input_batch_norm=self.input_norm,
                               normalize=self.normalize, seed=seed)

    def built(self, data: Dataset, seed: int) -> tuple[Network, Optimizer, Penalty | None]:
        """What `train` needs of it."""
        network, kind = self.network(data, seed), OPTIMIZERS[self.optimizer]
        decay = {"weight_decay": self.decay} if self.optimizer == "adamw" else {}
        return network, kind(network, self.learning_rate or kind.usual_rate, **decay), Penalty(self.l1, self.l2) if self.l1 or self.l2 else None


@dataclass(frozen=True)
class Course:
    """(epochs,) each, after every epoch: loss and accuracy on the training images and on new ones. From an overflow on: NaN, and accuracy 0."""

    train_loss: Array
    train_accuracy: Array
    test_loss: Array
    test_accuracy: Array


def course(recipe: Recipe, data: Dataset, seed: int) -> Course:
    """Train by a recipe. The seed draws the first weights and the order of the images, whatever else the recipe says."""
    (network, optimizer, penalty), table = recipe.built(data, seed), np.full((4, recipe.epochs), math.nan)
    table[[1, 3]] = 0
    for result in train(network, data, optimizer, epochs=recipe.epochs, batch_size=min(recipe.batch_size, len(data.y_train)),
                        rng=np.random.default_rng([seed, 1]), penalty=penalty, normalize=recipe.normalize, schedule=recipe.schedule,
                        shift=recipe.shift):
        if result.evaluation and not result.diverged:
            e = result.evaluation
            table[:, round(result.epoch) - 1] = e.train_loss, e.train_accuracy, e.test_loss, e.test_accuracy
    return Course(*table)


def courses(x_train: Array, y_train: Array, x_test: Array, y_test: Array, *, recipe: Recipe, seeds: Sequence[int], pixel_max: int) -> list[Course]:
    """One for each seed, on square images (N, features) of ten classes that come as arrays, as they travel to another process."""
    data = Dataset("", x_train, y_train, x_test, y_test, (math.isqrt(x_train.shape[1]),) * 2, 10, pixel_max)
    return [course(recipe, data, seed) for seed in seeds]
