"""Curves: what can be read off phi and phi' before any network is built?

Where phi levels off, its slope is gone, and with it the gradient of every layer behind.
Everything here is measured on the functions themselves, so that a new activation brings
its own row to every table.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.activations import Activation
from engine.mean_field import expectation
from engine.words import ALMOST_FLAT, ZERO_CENTRED

Array = np.ndarray

FAR = 1e6   # where phi is taken to have reached its asymptote


@dataclass(frozen=True)
class Line:
    """The straight line slope · z + intercept that phi runs into."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Zone:
    """An interval without a useful slope, from -inf or to inf. "dead": the slope is exactly 0; "saturated": below 5 % of the steepest, and fading."""

    low: float
    high: float
    kind: str


@dataclass(frozen=True)
class Facts:
    """What a reader should know of one activation, measured on phi and phi'.

    low, high : the range of phi, open where phi only tends there
    left, right : `Line` that phi approaches, None where it approaches none
    mean : E[phi(z)] for z ~ N(0, 1); zero_centred says whether it is 0
    steepest : largest |phi'|; its L-th power bounds a product of L slopes
    zones : where the slope is gone
    """

    activation: Activation
    low: float
    high: float
    left: Line | None
    right: Line | None
    mean: float
    steepest: float
    zones: tuple[Zone, ...]

    @property
    def zero_centred(self) -> bool:
        return abs(self.mean) < ZERO_CENTRED


def facts(activation: Activation) -> Facts:
    """Measure one activation. Extremes are found to about 9 digits, asymptotes to 5."""
    f, df = activation.f, activation.df
    z = np.linspace(-40, 40, 80_001)
    slope = np.abs(df(z))
    steepest = float(max(slope.max(), np.abs(df(np.array([-FAR, FAR]))).max()))
    left, right = _asymptote(f, df, -FAR), _asymptote(f, df, FAR)
    ends = [float(f(np.array(end))) if line is None or line.slope else line.intercept for end, line in ((-math.inf, left), (math.inf, right))]
    low, high = min(_lowest(f, z), *ends), -min(_lowest(lambda z: -f(z), z), *(-end for end in ends))
    return Facts(activation, low, high, left, right, expectation(f, 1.0, activation.kinks), steepest, _zones(z, slope, steepest, df))


def _asymptote(f, df, far: float) -> Line | None:
    slope, nearer = float(df(np.array(far))), float(df(np.array(far / 10)))
    if not math.isfinite(slope) or abs(slope - nearer) > 1e-5:
        return None
    return Line(round(slope, 6) + 0.0, round(float(f(np.array(far))) - slope * far, 5) + 0.0)   # + 0.0 turns -0.0 into 0.0


def _lowest(f, z: Array) -> float:
    at = z[np.argmin(f(z))]
    return float(f(np.linspace(at - 2e-3, at + 2e-3, 4001)).min())


def _zones(z: Array, slope: Array, steepest: float, df) -> tuple[Zone, ...]:
    steep = np.flatnonzero(slope >= ALMOST_FLAT * steepest) if steepest else np.array([], int)
    if not len(steep):
        return (Zone(-math.inf, math.inf, "dead" if not steepest else "saturated"),)
    zones = []
    for tail, edge, far in ((slope[:steep[0]], z[steep[0]], -FAR), (slope[steep[-1] + 1:], z[steep[-1]], FAR)):
        if not len(tail) or abs(float(df(np.array(far)))) > ALMOST_FLAT * steepest / 10:   # a leaky side keeps its slope: it does not saturate
            continue
        edge = round(float(edge), 2) + 0.0
        zones.append(Zone(*((-math.inf, edge) if far < 0 else (edge, math.inf)), "saturated" if tail.any() else "dead"))
    return tuple(zones)


def values_at(activations: Sequence[Activation], z: float) -> list[tuple[str, float, float]]:
    """(name, phi(z), phi'(z)) of each activation: what a cursor at z reads. z may be huge, infinite or NaN."""
    at = np.array(float(z))
    return [(a.name, float(a.f(at)), float(a.df(at))) for a in activations]
