"""Slopes: how much of the gradient reaches layer l?

On its way back, the gradient is multiplied by phi'(z) W' at every layer. Theory says
that in a wide network its size changes by the factor sqrt(chi) a layer; this sets the
measured product beside that line, for one activation and one initializer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine import mean_field
from engine.activations import Activation, as_activation
from engine.initializers import Initializer
from engine.propagation import Propagation, stack
from engine.together import Draws, propagate_together
from engine.words import LOST

Array = np.ndarray


@dataclass(frozen=True)
class GradientReach:
    """The gradient's RMS in each layer over that in the last layer.

    measured : (seeds, depth); infinite from where it overflowed, 0 where it underflowed
    theory : (depth,), or None where theory is silent (constant weights)
    factor : sqrt(chi_1), by which theory multiplies the gradient a layer, at the fixed point of q; NaN where it is silent
    sigma_w : std of a weight times sqrt(fan_in), in the last layer
    weights : the same in the geometric middle of layers 2 to L, whose weights the gradient passes
    """

    measured: Array
    theory: Array | None
    factor: float
    sigma_w: float
    weights: float = math.nan

    @property
    def first(self) -> float:
        """What reaches layer 1: the geometric middle of the seeds."""
        first = self.measured[:, 0]
        return float(np.exp(np.median(np.log(first)))) if (first > 0).all() else float(np.median(first))

    @property
    def a_layer(self) -> float:
        """The factor which, at each of the L - 1 steps from the last layer to the first, would give `first`."""
        return self.first ** (1 / max(1, self.measured.shape[1] - 1))

    @property
    def lost_after(self) -> float:
        """Steps of `a_layer` until the gradient has changed by the factor LOST. Infinite where it does not change, NaN where it is 0 or infinite."""
        if not 0 < self.a_layer < math.inf:
            return math.nan
        decades = abs(math.log10(self.a_layer))
        return math.ceil(math.log10(LOST) / decades - 1e-9) if decades > 1e-6 else math.inf

    @property
    def kept(self) -> bool:
        return 1 / LOST <= self.first <= LOST


def gradient_reach(activation: str | Activation, initializer: str | Initializer | None = None, *, gain: float = 1.0, **shape: int) -> GradientReach:
    """Send a gradient back through random networks, one for each seed; by default with the activation's recommended initializer.

    `shape` as in `gradient_reaches`. Raises ValueError as `propagate` does.
    """
    return gradient_reaches([(activation, initializer, gain)], **shape)[0]


def gradient_reaches(asked: Sequence[tuple[str | Activation, str | Initializer | None, float]], *, depth: int, width: int = 100, seeds: int = 3,
                     samples: int = 16) -> list[GradientReach]:
    """`gradient_reach` of each activation with its initializer and gain; all send theirs through the same random matrices, which are drawn once."""
    draws = Draws(depth, width, samples, np.float64)   # in float32 a signal of 10³⁸ overflows, and its gradient is nonsense
    networks = [{"activation": (phi := as_activation(activation)), "initializer": initializer or phi.recommended, "gain": gain, "seed": seed}
                for activation, initializer, gain in asked for seed in range(seeds)]
    runs = propagate_together(networks, draws, gradient_only=True)
    return [_compared(as_activation(one[0]), runs[i * seeds:(i + 1) * seeds]) for i, one in enumerate(asked)]


def _compared(phi: Activation, runs: Sequence[Propagation]) -> GradientReach:
    with np.errstate(all="ignore"):
        rms = stack(runs, "gradient_rms")
        last = rms[:, -1:]
        measured = np.where(np.isfinite(rms), rms / np.where((last > 0) & np.isfinite(last), last, 1), np.inf)
        if not np.isfinite(runs[0].sigma_w).all():
            return GradientReach(measured, None, math.nan, math.nan)
        passed = runs[0].sigma_w
        theory = mean_field.predict(phi, passed, input_moment=runs[0].input_moment, input_overlap=None).gradient_rms
        sigma_w, weights = float(passed[-1]), float(np.exp(np.log(passed[1:]).mean())) if len(passed) > 1 else math.nan
        q = mean_field.fixed_point(sigma_w, 0.0, phi)
        return GradientReach(measured, theory / theory[-1], math.sqrt(mean_field.chi(q, sigma_w, phi)), sigma_w, weights)


def critical_gain(reach: GradientReach, activation: str | Activation, gain: float = 1.0) -> float:
    """The gain at which theory keeps the gradient's size, given what this gain led to. Infinite or NaN where there is none."""
    if not reach.sigma_w:
        return math.inf
    return gain * mean_field.critical_sigma_w(0.0, activation) / reach.sigma_w
