"""Overfitting: what a network reads of the few images that it was trained on, what it reads of new ones, and what narrows the gap.

Each cure trains the same network from the same seed on the same batches. What it is worth is the difference
in new images read correctly, seed by seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.datasets import Dataset, normalizer, shifted
from engine.layers import Dropout
from engine.studies.variants import Recipe
from engine.training import evaluate, train

Array = np.ndarray
HELD = 0.2     # share of the training images that early stopping keeps back, to decide when
POINTS = 12    # evaluations of a training


@dataclass(frozen=True)
class Learned:
    """Accuracies (points,) after some `epochs` (points,), on all given training images and on new ones; 0 from an overflow on.

    `stopped` is the epoch whose weights early stopping keeps, None without it.
    """

    epochs: Array
    train: Array
    test: Array
    stopped: int | None = None


def learn(recipe: Recipe, data: Dataset, seed: int, shift: int = 0, stop: bool = False) -> Learned:
    """Train by a recipe. `shift` moves each image anew in every epoch by up to so many pixels; `stop` is early stopping.

    Early stopping trains on the first images only, and keeps the weights that had the least loss on the last fifth (`HELD`).
    """
    network, optimizer, penalty = recipe.built(data, seed)
    count = len(data.y_train) - (max(1, round(HELD * len(data.y_train))) if stop else 0)
    order, moves, scaled = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2]), normalizer(recipe.normalize, data)
    epochs = np.unique(np.ceil(np.linspace(1, recipe.epochs, POINTS)).astype(int))
    found, best = np.zeros((2, len(epochs))), (np.inf, 0, network.theta.copy(), network.running.copy())
    for epoch in range(1, recipe.epochs + 1):
        x = data.x_train[:count]
        one_epoch = Dataset("", shifted(x, shift, moves) if shift else x, data.y_train[:count], data.x_test[:1], data.y_test[:1],
                            data.image_shape, data.classes, data.pixel_max)
        *_, last = train(network, one_epoch, optimizer, epochs=1, batch_size=min(recipe.batch_size, count), rng=order, penalty=penalty,
                         normalize=recipe.normalize, evaluation_images=1)
        if last.diverged:
            break
        if stop:
            loss = evaluate(network, data.x_train[count:], data.y_train[count:], scaled)[0]
            if loss < best[0]:
                best = loss, epoch, network.theta.copy(), network.running.copy()
        if epoch in epochs:
            now = network.theta.copy(), network.running.copy()
            if stop:
                network.theta[...], network.running[...] = best[2:]
            found[:, np.searchsorted(epochs, epoch)] = (evaluate(network, data.x_train, data.y_train, scaled)[1],
                                                        evaluate(network, data.x_test, data.y_test, scaled)[1])
            network.theta[...], network.running[...] = now
    return Learned(epochs, *found, best[1] if stop else None)


def learned(x_train: Array, y_train: Array, x_test: Array, y_test: Array, *, recipe: Recipe, seeds: Sequence[int], pixel_max: int,
            shift: int = 0, stop: bool = False) -> list[Learned]:
    """One for each seed, on square images (N, features) of ten classes that come as arrays, as they travel to another process."""
    side = int(x_train.shape[1] ** 0.5)
    data = Dataset("", x_train, y_train, x_test, y_test, (side, side), 10, pixel_max)
    return [learn(recipe, data, seed, shift, stop) for seed in seeds]


def worth(cured: Sequence[Learned], plain: Sequence[Learned]) -> tuple[float, float, Array]:
    """Points of new images that a cure brings in the end: mean over the seeds, standard deviation (0 for one seed), and each seed's (seeds,)."""
    gains = 100 * np.array([a.test[-1] - b.test[-1] for a, b in zip(cured, plain, strict=True)])
    return float(gains.mean()), float(gains.std(ddof=1)) if len(gains) > 1 else 0.0, gains


def thinned(recipe: Recipe, data: Dataset, seed: int) -> list[Array]:
    """Which units dropout keeps in the first step, (batch, units) of each hidden layer, for each image of the batch its own."""
    network = recipe.network(data, seed)
    batch = np.random.default_rng([seed, 1]).permutation(len(data.y_train))[:recipe.batch_size]
    network.forward(normalizer(recipe.normalize, data)(data.x_train[batch]), training=True)
    return [layer.mask != 0 for layer in network.layers if isinstance(layer, Dropout)]
