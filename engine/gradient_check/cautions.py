"""Cautions: five ways to be misled by a gradient check, each with the mistake and without it.

Every case is small enough to be checked in the blink of an eye, and differs from its
right twin in one thing only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.datasets import load_digits, normalizer
from engine.gradient_check.check import check_gradients
from engine.gradient_check.report import GradientReport
from engine.gradient_check.zoo import exercise, plant
from engine.losses import Penalty
from engine.network import Network, mlp

Array = np.ndarray
SIZES, SAMPLES, EPSILON = (64, 24, 16, 10), 16, 1e-5


@dataclass(frozen=True)
class Caution:
    """One caution: the rule, the mistake as a switch says it, what happens then, and `check(mistake)`, which returns a report."""

    key: str
    title: str
    rule: str
    mistake: str
    happens: str
    check: Callable[[bool], GradientReport]


def _case(samples: int = SAMPLES, **options) -> tuple[Network, Array, Array]:
    digits = load_digits()
    network = mlp(SIZES, rng=np.random.default_rng(0), dtype=np.float64, **options)
    return network, normalizer("scale", digits, np.float64)(digits.x_train[:samples]), digits.y_train[:samples]


def dropout(mistake: bool) -> GradientReport:
    """The mistake: masks are drawn anew for each of the two losses that are subtracted."""
    return check_gradients(*_case(dropout=0.5, activation="tanh"), frozen=not mistake)


def penalty(mistake: bool) -> GradientReport:
    """The mistake: the penalty is in J, and not in the gradient."""
    e = exercise("forgotten_penalty")
    return check_gradients(e.network if mistake else e.correct, e.x, e.labels, penalty=e.penalty)


def one_sample(mistake: bool) -> GradientReport:
    """A backward pass without the activation's slope, through batch norm. The mistake: a batch of one, which normalises to 0."""
    network, x, labels = _case(1 if mistake else SAMPLES, batch_norm="before", activation="tanh")
    return check_gradients(plant(network, "missing_slope"), x, labels)


def kink(mistake: bool) -> GradientReport:
    """The code is right. The mistake: each unit of the first layer has an image whose z is within epsilon of ReLU's kink."""
    network, x, labels = _case(activation="relu")
    return check_gradients(at_kink(network, x) if mistake else network, x, labels)


def at_kink(network: Network, x: Array, distance: float = EPSILON / 4) -> Network:
    """A copy whose first biases put each first unit's z at `distance` above 0 for one of the images x (batch, features)."""
    twin = network.astype(np.float64)
    z = twin.layers[0].forward(x, training=True)
    nearest = np.abs(z).argmin(axis=0)
    twin.layers[0].bias.value += distance - z[nearest, np.arange(z.shape[1])]
    return twin


def late(mistake: bool) -> GradientReport:
    """The bug penalises biases, which start at 0. The mistake: to check at initialization only; without it, after 20 steps."""
    e = exercise("penalised_biases", sigma_b=0.0)
    network = e.network if mistake else plant(train_a_little(e.correct, e.x, e.labels), "penalised_biases")
    return check_gradients(network, e.x, e.labels, penalty=e.penalty)


def train_a_little(network: Network, x: Array, labels: Array, steps: int = 20, rate: float = 0.3) -> Network:
    """A copy after some steps of gradient descent on the one batch."""
    twin = network.astype(np.float64)
    for _ in range(steps):
        twin.theta -= rate * twin.loss_and_gradient(x, labels, Penalty())[1]
    return twin


CAUTIONS: dict[str, Caution] = {c.key: c for c in (
    Caution("dropout", "Dropout", "Switch dropout off, or hold one mask for the whole check, as was done here.", "Draw a new mask for every loss",
            "Two losses with different masks are different functions, so their difference over 2ε is noise.", dropout),
    Caution("penalty", "Penalty", "A penalty belongs into J and into the gradient.", "Forget the penalty in the gradient",
            "Weights are off by λw, and biases are right. Which parameters are wrong tells which line is missing.", penalty),
    Caution("one_sample", "One sample", "Look at the size of the gradient, not only at the difference.", "Check with one image",
            "This backward pass has a bug. But batch norm turns one image into zeros, and nearly all gradients are 0 on both sides. "
            "A checker that asks only for a small difference lets the bug pass.", one_sample),
    Caution("kink", "Kink", "Near a kink, both sides may differ and both be right.", "Stand on ReLU's kink",
            "Some steps carry z across 0, and a two-sided secant then mixes the slopes of both sides. Neither side is wrong.", kink),
    Caution("late", "Only at the start", "Check at the start, and again after some training: this check comes after 20 steps.",
            "Check only at initialization",
            "This backward pass penalises biases. They start at 0, and 0 has no penalty. The check passes, and the bug goes on to training.", late),
)}
