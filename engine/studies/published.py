"""Published trainings on MNIST, repeated: the lecture's book, and what the notes claim of sigmoids.

Each experiment is a few recipes that differ in one thing, with the numbers that were printed for them. A number
counts as reproduced if it is an accuracy in the range of the seeds, or two points beyond it, or if it is a loss in the
range of the hundred batches around its step: what the book prints is the loss of one batch.
Sources: Saito 2016, Deep Learning from Scratch, chapters 5 and 6; the lecture notes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from engine.datasets import Dataset, load_mnist
from engine.layers import Dropout
from engine.studies.variants import Recipe
from engine.training import train

Array = np.ndarray
POINTS = 0.02                # how far beyond the seeds' range a published accuracy may lie
AROUND = 50                  # a loss at a step is looked at in the batches of so many steps before and after
LOOKS, DOTS = 5, 50          # of a training: how often all images are read, and points of the loss's curve


@dataclass(frozen=True)
class Target:
    """A published number: of a variant, its "loss" at a step, or its "train" or "test" accuracy at the end."""

    variant: str
    measure: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Variant:
    """`steps` of a recipe, a multiple of LOOKS; its epochs are not looked at. `plain`: with the book's dropout, see `PlainDropout`."""

    recipe: Recipe
    steps: int
    plain: bool = False


@dataclass(frozen=True)
class Experiment:
    """Variants by their names, on so many of the training images."""

    title: str
    variants: dict[str, Variant]
    targets: tuple[Target, ...] = ()
    images: int = 60_000


@dataclass(frozen=True)
class Trained:
    """loss (DOTS,): mean loss of the batches up to each of `steps`; read_at (LOOKS,), and accuracy there on training and on test images.

    From an overflow on: NaN, and accuracy 0. `around`: at the steps that a target asks for, mean, least and
    greatest loss of the batches.
    """

    steps: Array
    loss: Array
    read_at: Array
    train: Array
    test: Array
    around: dict[int, tuple[float, float, float]]

    def value(self, target: Target) -> tuple[float, float, float]:
        """What was measured, and between which numbers a printed one may lie."""
        if target.measure == "loss":
            return self.around[target.step]
        share = float(getattr(self, target.measure)[-1])
        return share, share - POINTS, share + POINTS


FOUR = Recipe((100,) * 4, batch_size=128)
FIVE = Recipe((100,) * 5, "sigmoid", "lecun_normal", optimizer="sgd", learning_rate=1.0, batch_size=100)
SIX = Recipe((100,) * 6, optimizer="sgd", learning_rate=0.01, batch_size=100)
STARTS = {"σ = 0.01": {"initializer": "normal", "gain": 0.01}, "1/√n": {"initializer": "lecun_normal"}, "He": {}}
SIGMOIDS = {"1/√n": {}, "σ = 1": {"initializer": "normal"}, "4/√n": {"gain": 4.0}, "1/√n, batch norm": {"batch_norm": "before"}}
SCALINGS = {"raw": {"normalize": "none"}, "scaled": {"normalize": "scale"}, "standardised": {"normalize": "standardize"},
            "batch norm first": {"normalize": "none", "input_norm": True}}
BOOKS = {"SGD": ("sgd", 0.01), "Momentum": ("momentum", 0.01), "AdaGrad": ("adagrad", 0.01), "Adam": ("adam", 0.001)}

EXPERIMENTS: dict[str, Experiment] = {
    "weights": Experiment(
        "First weights (the book's weight_init_compare)",
        {name: Variant(replace(FOUR, optimizer="sgd", learning_rate=0.01, **change), 2000) for name, change in STARTS.items()},
        (Target("σ = 0.01", "loss", 2.3017, 1000), Target("1/√n", "loss", 0.356, 1000), Target("He", "loss", 0.205, 1000))),
    "optimizers": Experiment(
        "Optimizers (the book's optimizer_compare)",
        {name: Variant(replace(FOUR, optimizer=key, learning_rate=rate), 2000) for name, (key, rate) in BOOKS.items()},
        tuple(Target(name, "loss", value, 1000) for name, value in zip(BOOKS, (0.181, 0.044, 0.020, 0.026), strict=True))),
    "chapter5": Experiment(
        "The network of the book's chapter 5",
        {name: Variant(Recipe((50,), phi, "normal", 0.01, optimizer="sgd", learning_rate=0.1, batch_size=100), 10_000)
         for name, phi in (("ReLU", "relu"), ("Sigmoid", "sigmoid"))},
        (Target("ReLU", "train", 0.978), Target("ReLU", "test", 0.969))),
    "overfit": Experiment(
        "Overfitting 300 images, and its cures",
        {"nothing": Variant(SIX, 600), "L2 = 0.1": Variant(replace(SIX, l2=0.1), 600),
         "dropout 0.2": Variant(replace(SIX, dropout=0.2), 900), "the book's dropout 0.2": Variant(replace(SIX, dropout=0.2), 900, plain=True)},
        (Target("L2 = 0.1", "train", 0.927), Target("L2 = 0.1", "test", 0.721),
         Target("the book's dropout 0.2", "train", 0.67), Target("the book's dropout 0.2", "test", 0.548)),
        images=300),
    "sigmoid_sgd": Experiment(
        "The notes' claim of sigmoids, under SGD",
        {name: Variant(replace(FIVE, **change), 1200) for name, change in SIGMOIDS.items()}, images=10_000),
    "sigmoid_adam": Experiment(
        "The notes' claim of sigmoids, under Adam",
        {name: Variant(replace(FIVE, optimizer="adam", learning_rate=0.001, **change), 1200) for name, change in SIGMOIDS.items()}, images=10_000),
    "inputs": Experiment(
        "Input scaling",
        {name: Variant(replace(FOUR, optimizer="sgd", learning_rate=0.01, **change), 1000) for name, change in SCALINGS.items()}, images=10_000),
}


def reproduced(target: Target, seeds: Sequence[Trained]) -> bool:
    """Whether the published number lies in the range of the seeds."""
    values = [one.value(target) for one in seeds]
    return min(low for _, low, _ in values) <= target.value <= max(high for _, _, high in values)


class PlainDropout(Dropout):
    """Dropout as the book writes it: in training the rest is not enlarged; in use every element is made smaller instead.

    So in training the signal shrinks from layer to layer, by 1 - rate each time, and so does the gradient.
    """

    def forward(self, x: Array, training: bool) -> Array:
        return super().forward(x, training) * np.asarray(1 - self.rate, x.dtype)

    def backward(self, dy: Array) -> Array:
        return super().backward(dy) * np.asarray(1 - self.rate, dy.dtype)


def trained(variant: Variant, data: Dataset, seed: int, around: Sequence[int] = ()) -> Trained:
    """Train a variant. The seed draws the first weights and the order of the images, whatever else the recipe says."""
    recipe, steps = variant.recipe, variant.steps
    network, optimizer, penalty = recipe.built(data, seed)
    if variant.plain:
        network.layers = [PlainDropout(layer.rate, rng=layer.rng, name=layer.name) if isinstance(layer, Dropout) else layer
                          for layer in network.layers]
    losses, every = np.full(steps, math.nan), steps // LOOKS
    read_at = every * np.arange(1, LOOKS + 1)
    read = np.zeros((2, LOOKS))
    epochs = -(-steps // -(-len(data.y_train) // recipe.batch_size))
    rng = np.random.default_rng([seed, 1])
    for result in train(network, data, optimizer, epochs=epochs, batch_size=recipe.batch_size, rng=rng,
                        penalty=penalty, normalize=recipe.normalize, evaluate_every=every):
        losses[result.step - 1] = result.loss
        if result.diverged:
            break
        if result.evaluation:
            read[:, result.step // every - 1] = result.evaluation.train_accuracy, result.evaluation.test_accuracy
        if result.step == steps:
            break
    ends = np.linspace(steps / DOTS, steps, DOTS).astype(int)
    starts = np.concatenate([[0], ends[:-1]])
    means = np.array([losses[a:b].mean() for a, b in zip(starts, ends, strict=True)])
    return Trained(ends, means, read_at, *read, {step: _spread(losses[step - AROUND:step + AROUND]) for step in around})


def _spread(losses: Array) -> tuple[float, float, float]:
    return float(losses.mean()), float(losses.min()), float(losses.max())


@lru_cache(maxsize=1)
def _mnist() -> Dataset:
    """Read once in each process that is asked: 55 MB."""
    return load_mnist()


def on_mnist(key: str, variant: str, seed: int) -> Trained:
    """One training of an experiment."""
    experiment = EXPERIMENTS[key]
    around = tuple({target.step for target in experiment.targets if target.variant == variant and target.step})
    return trained(experiment.variants[variant], _mnist().first(experiment.images), seed, around)
