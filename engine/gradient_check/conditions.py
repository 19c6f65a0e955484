"""Conditions: how the two gradients of a check were taken, and what that allows to be seen."""

import math
from dataclasses import dataclass

import numpy as np

from engine.gradient_check.finite_differences import best_epsilon

Array = np.ndarray
SPOKEN = {"forward": "one-sided differences", "central": "two-sided differences", "complex": "the complex step"}


@dataclass(frozen=True)
class Conditions:
    """How the two gradients were taken. `scale` is the size of the numbers that the loss was made of."""

    epsilon: float
    scheme: str
    dtype: np.dtype
    scale: float
    deterministic: bool
    frozen: bool

    @property
    def better_epsilon(self) -> float | None:
        """None within a factor 30 of the bottom of the V; for the complex step, where epsilon² is below rounding and nothing underflows."""
        best, limits = best_epsilon(self.scheme, self.dtype), np.finfo(self.dtype)
        low, high = (1e15 * float(limits.tiny), math.sqrt(limits.eps)) if self.scheme == "complex" else (best / 30, 30 * best)
        return None if low <= self.epsilon <= high else best

    def rounding(self, analytical: Array) -> float:
        """About how far rounding puts one numerical component off: the loss's, over epsilon, and backpropagation's own."""
        largest = float(np.abs(analytical[np.isfinite(analytical)]).max(initial=0.0))
        loss = 10 if self.scheme == "complex" else 4 * self.scale / self.epsilon   # nothing is subtracted in a complex step
        return float(np.finfo(self.dtype).eps) * max(100 * largest, loss)
