"""Moment map: where do mean and variance go from layer to layer, and do they settle?

A layer with weights N(0, sigma_w²/n) turns inputs of mean mu and variance nu into
pre-activations of second moment q = sigma_w² (nu + mu²), and phi into a new mean and
variance. SELU's two constants are chosen so that with sigma_w = 1 this map has the
attracting fixed point (0, 1). Klambauer et al. 2017, arXiv:1706.02515.
"""

import math
from collections.abc import Sequence

import numpy as np

from engine.activations import SELU_ALPHA, SELU_LAMBDA, Activation, as_activation
from engine.initializers import Initializer, as_initializer
from engine.mean_field import expectation
from engine.words import DIED_OUT, WITHOUT_END

Array = np.ndarray

DROPOUTS = ("dropout", "alpha")
FLOOR = -SELU_LAMBDA * SELU_ALPHA   # where SELU levels off: alpha dropout puts silenced units there, not at 0
MOST = 2000                         # layers after which theory is asked whether it has settled


def next_moments(mean: float, variance: float, activation: str | Activation = "selu", *, sigma_w: float = 1.0,
                 rate: float = 0.0, dropout: str = "dropout") -> tuple[float, float]:
    """Mean and variance after one more layer, in a wide network.

    Parameters
    ----------
    mean, variance : float
        Of what enters the layer, over units and inputs; variance at least 0.
    sigma_w : float
        Standard deviation of a weight times sqrt(fan_in): 1 for LeCun, sqrt(2) for He.
    rate, dropout : float, str
        Dropout after phi, 0 <= rate < 1. "dropout" sets a unit to 0 and divides the rest by 1 - rate: the mean stays,
        the variance grows. "alpha" sets it to SELU's floor and rescales so that (0, 1) stays (0, 1).

    Raises
    ------
    ValueError
        "variance must be at least 0, got -1", and the like.
    """
    phi = as_activation(activation)
    _check(variance, sigma_w, rate, dropout)
    q = sigma_w**2 * (variance + mean**2)
    if not q < WITHOUT_END:
        return math.nan, math.inf
    m = expectation(phi.f, q, phi.kinks)
    v = max(0.0, expectation(lambda z: phi.f(z) ** 2, q, phi.kinks) - m**2)
    kept = 1 - rate
    if not rate:
        return m, v
    if dropout == "dropout":
        return m, (v + m**2) / kept - m**2
    a, b = alpha_dropout(rate)
    return a * (kept * m + rate * FLOOR) + b, a**2 * (kept * v + kept * rate * (m - FLOOR) ** 2)


def alpha_dropout(rate: float) -> tuple[float, float]:
    """Scale a and shift b that bring mean 0 and variance 1 back after a share `rate` of units went to SELU's floor."""
    a = ((1 - rate) * (1 + rate * FLOOR**2)) ** -0.5
    return a, -a * rate * FLOOR


def trajectory(mean: float, variance: float, depth: int, activation: str | Activation = "selu", **layer) -> Array:
    """(depth + 1, 2): mean and variance of the input and after each layer; `layer` as in `next_moments`."""
    path = [(mean, variance)]
    for _ in range(depth):
        path.append(next_moments(*path[-1], activation, **layer) if math.isfinite(path[-1][1]) else path[-1])
    return np.array(path)


def paths(starts: Sequence[tuple[float, float]], start: tuple[float, float], depth: int, activation: str | Activation, *, initializer: str,
          gain: float, fan: int = 20, seed: int = 0, **layer) -> tuple[list[Array], Array, Array, tuple[float, float]]:
    """Theory from many starts (over at most `fan` layers) and from `start`, one network from `start`, and where theory settles."""
    sigma_w = sigma_w_of(initializer, gain)
    many = [trajectory(*at, min(depth, fan), activation, sigma_w=sigma_w, **layer) for at in starts]
    theory = trajectory(*start, depth, activation, sigma_w=sigma_w, **layer)
    network = simulate(*start, depth, activation, initializer=initializer, gain=gain, **layer, rng=np.random.default_rng(seed))
    return many, theory, network, settles_at(activation, start, sigma_w=sigma_w, **layer)


def settles_at(activation: str | Activation = "selu", start: tuple[float, float] = (0.0, 1.0), **layer) -> tuple[float, float]:
    """Where the map goes from `start`, after at most `MOST` layers.

    The variance is infinite where it passes WITHOUT_END, below DIED_OUT where it dies, and NaN where it still moves.
    """
    m, v = start
    for _ in range(MOST):
        new = next_moments(m, v, activation, **layer)
        if not new[1] < WITHOUT_END:
            return math.nan, math.inf
        moved = abs(new[0] - m) + abs(new[1] - v)
        m, v = new
        if v + m * m < DIED_OUT or moved <= 1e-12 * v:
            return m, v
    return (m, v) if moved < 1e-6 * v else (math.nan, math.nan)


def sigma_w_of(initializer: str | Initializer, gain: float = 1.0, width: int = 100) -> float:
    """gain · sigma · sqrt(fan_in) of a square layer: 1 for LeCun and Glorot, sqrt(2) for He."""
    return abs(gain) * as_initializer(initializer).std(width, width) * math.sqrt(width)


def simulate(mean: float, variance: float, depth: int, activation: str | Activation = "selu", *, width: int = 100, samples: int = 200,
             initializer: str | Initializer = "lecun_normal", gain: float = 1.0, rate: float = 0.0, dropout: str = "dropout",
             rng: np.random.Generator, dtype=np.float32) -> Array:
    """The same path in one random network, (depth + 1, 2): inputs N(mean, variance), fresh weights and masks in each layer.

    Only one layer is kept in memory. What overflows gives NaN and infinity.
    """
    phi, rule = as_activation(activation), as_initializer(initializer)
    _check(variance, 1.0, rate, dropout)
    a, b = alpha_dropout(rate)
    x = (mean + math.sqrt(variance) * rng.standard_normal((samples, width))).astype(dtype)
    path = [(float(x.mean(dtype=np.float64)), float(x.var(dtype=np.float64)))]
    with np.errstate(all="ignore"):
        for _ in range(depth):
            x = phi.f(x @ (gain * rule.draw(rng, (width, width))).astype(dtype))
            if rate:
                kept = rng.random(x.shape, dtype=np.float32) >= rate
                x = x * kept / dtype(1 - rate) if dropout == "dropout" else dtype(a) * np.where(kept, x, dtype(FLOOR)) + dtype(b)
            moments = float(x.mean(dtype=np.float64)), float(x.var(dtype=np.float64))
            path.append(moments if math.isfinite(sum(moments)) else (math.nan, math.inf))
    return np.array(path)


def _check(variance: float, sigma_w: float, rate: float, dropout: str) -> None:
    for name, value in (("variance", variance), ("sigma_w", sigma_w)):
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}")
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and below 1, got {rate:g}")
    if dropout not in DROPOUTS:
        raise ValueError(f"dropout must be one of {', '.join(DROPOUTS)}, got {dropout!r}")
