"""The normal distribution's CDF, to rounding and without SciPy: GELU multiplies by it."""

import math

import numpy as np

Array = np.ndarray

_FAR = 39.0   # beyond, exp(-z²/2) is 0 even in float64
_NEAR, _MIDDLE, _HALF = 4.0, (1 / 4 + 1 / 43) / 2, (1 / 4 - 1 / 43) / 2   # v = 1 / (z + 4) lies within MIDDLE ± HALF for z from 0 to FAR


def _mills(z: Array) -> Array:
    """P(Z > z) / exp(-z²/2) for z (n,) >= 0, which is the integral of exp(-z s - s²/2) over s > 0, divided by sqrt(2 pi)."""
    u = np.arange(-134, 103) / 32
    s = np.exp(u - np.exp(-u))   # steps that die out at both ends, where equal weights are exact to rounding
    weights = s * (1 + np.exp(-u)) / 32
    return np.exp(-z[:, None] * s - s * s / 2) @ weights / math.sqrt(2 * math.pi)


def _fitted(degree: int) -> list[float]:
    """The polynomial in t = (v - MIDDLE) / HALF that follows `_mills` / v, highest power first."""
    t = np.cos(np.linspace(0, math.pi, 400))
    v = _MIDDLE + _HALF * t
    fit = np.polynomial.Chebyshev.fit(t, _mills(1 / v - _NEAR) / v, degree, domain=[-1, 1])
    return fit.convert(kind=np.polynomial.Polynomial).coef[::-1].tolist()


_COEFFICIENTS = {4: _fitted(10), 8: _fitted(22)}   # by the bytes of a number: more would drown in its rounding


def normal_cdf(z: Array) -> Array:
    """P(N(0, 1) <= z) to rounding, in the dtype of z, real or complex (near the real axis).

    One exponential, one division and one polynomial for all z: P(Z > |z|) = exp(-z²/2) times something smooth in 1 / (|z| + 4).
    """
    z = np.asarray(z)
    if np.iscomplexobj(z):
        x = np.where(z.real < 0, -z, z)
        x = np.minimum(x.real, _FAR) + 1j * x.imag
    else:
        x = np.minimum(np.abs(z), _FAR)
    v = 1 / (x + _NEAR)
    t = (v - _MIDDLE) * (1 / _HALF)
    first, *others = _COEFFICIENTS[z.real.dtype.itemsize]
    upper = first * t
    for coefficient in others[:-1]:
        upper += coefficient
        upper *= t   # in place: fresh memory for each term costs more than the term
    upper += others[-1]
    upper *= v
    upper *= np.exp(x * (x * -0.5))
    return np.where(z.real < 0, upper, 1 - upper)
