"""Losses: one number that says how wrong, and the gradient that starts the way back.

Each loss returns (loss, d loss / d outputs), averaged over the batch. A penalty is
added to the loss and to the gradient: to both, or a gradient check will tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


def log_softmax(logits: Array) -> Array:
    """ln softmax, (batch, classes), by log-sum-exp: no overflow, and no epsilon inside the logarithm."""
    shifted = logits - logits.real.max(axis=1, keepdims=True)   # softmax is shift-invariant
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Mean of -ln p[label], and its gradient (p - onehot) / batch.

    Parameters
    ----------
    logits : (batch, classes)
    labels : integer (batch,)

    Returns
    -------
    loss : float, or complex for complex logits
    dlogits : (batch, classes), dtype of logits
    """
    rows = np.arange(len(labels))
    log_p = log_softmax(logits)
    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    dlogits /= len(labels)
    return -log_p[rows, labels].sum().item() / len(labels), dlogits


def squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
    """Half the squared distance, summed over outputs and averaged over the batch; gradient (y - t) / batch.

    Targets are (batch, outputs), or integer labels (batch,) that stand for one-hot rows.
    """
    if targets.ndim == 1:
        targets = np.eye(outputs.shape[1], dtype=outputs.dtype)[targets]
    difference = outputs - targets
    return ((difference * difference).sum() / (2 * len(outputs))).item(), difference / len(outputs)


LOSSES = {loss.__name__: loss for loss in (softmax_cross_entropy, squared_error)}


@dataclass(frozen=True)
class Penalty:
    """l1 Σ|w| + l2/2 Σ w², over weights only: never over biases, gamma, beta or learned slopes."""

    l1: float = 0.0
    l2: float = 0.0

    def __post_init__(self):
        for name, value in (("l1", self.l1), ("l2", self.l2)):
            if not value >= 0:
                raise ValueError(f"{name} must be at least 0, got {value:g}")

    def value(self, parameters: Iterable) -> float:
        """The penalty of parameters that tell `value` and `is_weight`, as `layers.Parameter` does."""
        total = 0.0
        for p in parameters:
            if p.is_weight:
                w = p.value.ravel()
                if self.l1:
                    total += self.l1 * (np.sign(w.real) * w).sum().item()   # |w|, also along the complex step
                if self.l2:
                    total += self.l2 / 2 * (w @ w).item()
        return total

    def add_gradient(self, parameters: Iterable) -> None:
        """Add l1 sign(w) + l2 w to each weight's `gradient`, in place."""
        for p in parameters:
            if p.is_weight:
                if self.l1:
                    p.gradient += self.l1 * np.sign(p.value)
                if self.l2:
                    p.gradient += self.l2 * p.value
