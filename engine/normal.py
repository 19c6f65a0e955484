"""The normal distribution's CDF, to rounding and without SciPy: GELU multiplies by it."""

import math

import numpy as np

Array = np.ndarray

BLOCK = 1 << 15   # elements that are worked on at once: a dozen temporary arrays of a large layer would not fit the cache

# erfc by the rational approximations of W. J. Cody, Math. Comp. 23 (1969) 631-637; highest power first.
_SMALL = ((1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
          (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3))
_MIDDLE = ((2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
            2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
           (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
            3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3))
_LARGE = ((1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
           1.60837851487422766e-2, 6.58749161529837803e-4),
          (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3))

# log(erfc(x) / t) + x², t = 1 / (1 + x / 2): Chebyshev's fit of Press et al., Numerical Recipes, section 6.2, to 1.2e-7 everywhere.
_SINGLE = (0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223)


def _rational(coefficients, x: Array) -> Array:
    over, under = coefficients
    p, q = over[0] * x, under[0] * x
    for a, b in zip(over[1:-1], under[1:-1], strict=True):
        p += a   # in place: fresh memory for each term costs more than the term
        p *= x
        q += b
        q *= x
    p += over[-1]
    p /= q + under[-1]
    return p


def normal_cdf(z: Array) -> Array:
    """P(N(0, 1) <= z) to rounding, in the dtype of z, real or complex (near the real axis)."""
    z = np.asarray(z)
    cdf = _single if z.dtype == np.float32 else _cdf
    if z.size <= BLOCK:
        return cdf(z)
    flat = z.ravel()
    return np.concatenate([cdf(flat[start:start + BLOCK]) for start in range(0, flat.size, BLOCK)]).reshape(z.shape)


def _single(z: Array) -> Array:
    """In float32, whose seven digits one polynomial gives, at a fraction of the price."""
    x = np.minimum(np.abs(z), np.float32(40)) * np.float32(math.sqrt(0.5))
    t = 1 / (1 + x / 2)
    p = _SINGLE[0] * t
    for coefficient in _SINGLE[1:-1]:
        p += coefficient
        p *= t
    p += _SINGLE[-1]
    p -= x * x
    upper = t * np.exp(p) / 2   # P(Z > |z|)
    return np.where(z < 0, upper, 1 - upper)


def _cdf(z: Array) -> Array:
    u = np.clip(z.real, -40, 40) * math.sqrt(0.5) + (1j * z.imag * math.sqrt(0.5) if np.iscomplexobj(z) else 0)
    x = np.where(u.real < 0, -u, u)
    far = np.maximum(x, 0.46875)   # keeps the tail's formula away from where it is not used
    tail = _rational(_MIDDLE, np.minimum(far, 4.5))
    if (far.real > 4).any():
        square = 1 / (far * far)
        tail = np.where(far.real > 4, (1 / math.sqrt(math.pi) - square * _rational(_LARGE, square)) / far, tail)
    upper = np.exp(-far * far) * tail / 2   # P(Z > |z|)
    near = 0.5 - x * _rational(_SMALL, np.minimum(x * x, 1.0)) / 2
    upper = np.where(x.real < 0.46875, near, upper)
    return np.where(u.real < 0, upper, 1 - upper).astype(z.dtype)
