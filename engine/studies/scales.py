"""Scales: how large should the first weights be, if one scale has to serve both directions?

Forward, a unit adds up fan_in terms: the signal keeps its size if Var(w) = 1 / fan_in. On the way back, an input
collects fan_out terms: the gradient keeps its size if Var(w) = 1 / fan_out. Layers of equal width can have both, and
no others. Glorot & Bengio 2010 take the average of the two fans (eq. 10 to 12); He et al. 2015 find that either rule
alone is enough (section 2.2).
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from engine.activations import as_activation
from engine.mean_field import chi, variance_map

Array = np.ndarray
Generator = np.random.Generator

SHAPES = ("swinging", "narrowing", "widening")
RULES: dict[str, Callable[[int, int], float]] = {   # variance of a weight
    "fan_in": lambda fan_in, fan_out: 1 / fan_in,
    "fan_out": lambda fan_in, fan_out: 1 / fan_out,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
}
FACTORS = {"identity": 1.0, "tanh": 1.0, "relu": 2.0}   # on that variance: a ReLU cuts half of the mean square off, He et al. 2015
DRAWS: dict[str, Callable[[Generator, tuple[int, int]], Array]] = {   # of variance 1, (fan_in, fan_out)
    "normal": lambda rng, shape: rng.standard_normal(shape, dtype=np.float32),
    "uniform": lambda rng, shape: math.sqrt(12) * (rng.random(shape, dtype=np.float32) - np.float32(0.5)),
}
GAINS = tuple(0.25 * 2 ** (i / 2) for i in range(11))   # a quarter to 8: each √2 times the one before
WIDTH = 64                                              # of the networks whose gain is swept


def widths(shape: str, wide: int, narrow: int, depth: int) -> tuple[int, ...]:
    """Inputs and units of each layer, (depth + 1,): wide and narrow in turn, or from one to the other by equal factors.

    Raises ValueError, "shape must be one of swinging, narrowing, widening, got 'round'".
    """
    if shape not in SHAPES:
        raise ValueError(f"shape must be one of {', '.join(SHAPES)}, got {shape!r}")
    if shape == "swinging":
        return tuple(narrow if layer % 2 else wide for layer in range(depth + 1))
    ends = (wide, narrow) if shape == "narrowing" else (narrow, wide)
    return tuple(round(n) for n in np.geomspace(*ends, depth + 1).tolist())


def stds(sizes: Sequence[int], activation: str) -> tuple[tuple[float, ...], ...]:
    """Standard deviation of a weight by each of the `RULES`, (rules, depth)."""
    return tuple(tuple(math.sqrt(FACTORS[activation] * rule(*fans)) for fans in pairwise(sizes)) for rule in RULES.values())


def travel(sizes: Sequence[int], scales: Sequence[Sequence[float]], activation: str, *, draw: str = "normal", seed: int = 0,
           samples: int = 32) -> Array:
    """Mean squares of z, and of dJ/dz, by layer: (2, networks, depth). dJ/dy of the last layer is N(0, 1).

    All networks share inputs N(0, 1) and one draw of variance 1, which each multiplies by its own `scales` (networks, depth).

    Raises
    ------
    ValueError
        "sizes must be 2 to 101 whole numbers from 1 to 500, got …", or where `scales` does not fit them.
    """
    depth, scales = len(sizes) - 1, np.asarray(scales, np.float32)
    if not 1 <= depth <= 100 or not all(1 <= n <= 500 for n in sizes):
        raise ValueError(f"sizes must be 2 to 101 whole numbers from 1 to 500, got {sizes}")
    if scales.ndim != 2 or scales.shape[1] != depth:
        raise ValueError(f"scales must be (networks, {depth}), got shape {scales.shape}")
    phi, rng, many = as_activation(activation), np.random.default_rng(seed), len(scales)
    found, matrices, slopes = np.zeros((2, many, depth)), [], []
    y = np.broadcast_to(rng.standard_normal((samples, sizes[0]), dtype=np.float32), (many, samples, sizes[0]))
    with np.errstate(all="ignore"):
        for layer, shape in enumerate(pairwise(sizes)):
            matrices.append(DRAWS[draw](rng, shape))
            z = _times(y, matrices[-1]) * scales[:, layer, None, None]
            found[0, :, layer] = _mean_square(z)
            y = phi.f(z)
            slopes.append(phi.df(z))
        dy = rng.standard_normal((samples, sizes[-1]), dtype=np.float32)
        for layer in reversed(range(depth)):
            dz = dy * slopes[layer]
            found[1, :, layer] = _mean_square(dz)
            dy = _times(dz, matrices[layer].T) * scales[:, layer, None, None]
    return found


def _times(x: Array, matrix: Array) -> Array:
    """(networks, samples, units) @ (units, others), as one product."""
    return (x.reshape(-1, x.shape[-1]) @ matrix).reshape(*x.shape[:2], -1)


def _mean_square(values: Array) -> Array:
    """Of each network; in float64, where squares have room."""
    return np.mean(np.square(values, dtype=np.float64), axis=(1, 2))


@lru_cache(maxsize=256)
def expected(sizes: tuple[int, ...], scales: tuple[float, ...], activation: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """What `travel` gives one network on average, if its layers are wide: E[z²] and E[(dJ/dz)²] by layer.

    Forward, E[z²] = fan_in Var(w) E[φ(z)²] of the layer before; back, E[(dJ/dz)²] = fan_out Var(w) E[φ'(z)²] of the layer behind.
    """
    square, signal, slopes = 1.0, [], []
    for fan_in, std in zip(sizes, scales, strict=False):
        signal.append(fan_in * std**2 * square)
        square, slope = variance_map(signal[-1], 1.0, 0.0, activation), chi(signal[-1], 1.0, activation)
        slopes.append(slope)
    gradient = [slopes[-1]]
    for fan_out, std, slope in zip(sizes[:1:-1], scales[:0:-1], slopes[-2::-1], strict=True):
        gradient.append(fan_out * std**2 * slope * gradient[-1])
    return tuple(signal), tuple(gradient[::-1])


def by_rule(sizes: tuple[int, ...], activation: str, *, seed: int = 0, seeds: int = 5, samples: int = 32) -> Array:
    """`travel` by each of the `RULES`, over seeds: (seeds, 2, rules, depth)."""
    return np.stack([travel(sizes, stds(sizes, activation), activation, seed=seed + i, samples=samples) for i in range(seeds)])


def by_width_alone(sizes: Sequence[int], rule: str) -> tuple[float, float]:
    """What the widths alone make of the mean square of the signal from layer 1 to the last, and of the gradient on its way back.

    Products of fan_in Var(w), and of fan_out Var(w). By fan_in, the second is the last width over the first, and nothing else.
    """
    fans = list(pairwise(sizes[1:]))   # the weights of layer 1 lie on neither way
    return math.prod(a * RULES[rule](a, b) for a, b in fans), math.prod(b * RULES[rule](a, b) for a, b in fans)


def gain_scales(depth: int) -> Array:
    """Standard deviations for a network of each gain, (gains, depth); layer 1 has none, so that z starts at mean square 1."""
    return np.array([[1.0] + [gain] * (depth - 1) for gain in GAINS]) / math.sqrt(WIDTH)


def by_gain(activation: str, depth: int, *, seed: int = 0, seeds: int = 3, samples: int = 32) -> Array:
    """By which factor a layer changes the root mean square of z, and of dJ/dz: (seeds, draws, 2, gains), the mean over `depth` layers.

    Weights have variance gain² / fan_in from layer 2 on, normal or uniform (`DRAWS`), in layers of `WIDTH` units.
    """
    sizes, scales = (WIDTH,) * (depth + 1), gain_scales(depth)
    runs = [[travel(sizes, scales, activation, draw=draw, seed=seed + i, samples=samples) for draw in DRAWS] for i in range(seeds)]
    return per_layer(np.array(runs))


def expected_by_gain(activation: str, depth: int) -> Array:
    """What theory gives in the place of `by_gain`: (2, gains)."""
    sizes = (WIDTH,) * (depth + 1)
    return per_layer(np.array([expected(sizes, tuple(scales), activation) for scales in gain_scales(depth).tolist()]).swapaxes(0, 1))


def per_layer(squares: Array) -> Array:
    """Of mean squares (…, 2, networks, depth): the factor a layer on the signal, and on the gradient, whose way goes back."""
    with np.errstate(all="ignore"):
        ratio = squares[..., -1] / squares[..., 0]
        ratio[..., 1, :] = 1 / ratio[..., 1, :]
        return ratio ** (1 / (2 * max(1, squares.shape[-1] - 1)))


def keeps(factors: Sequence[float], gains: Sequence[float] = GAINS) -> list[float]:
    """The gains at which a factor a layer passes 1, on straight lines between its logarithms; empty where it never does."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.log(gains), np.log(np.asarray(factors, float))
    found = [float(gain) for gain, one in zip(gains, y, strict=True) if one == 0]
    for i in range(len(x) - 1):
        if np.isfinite(y[i:i + 2]).all() and y[i] * y[i + 1] < 0:
            found.append(math.exp(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i])))
    return sorted(found)
