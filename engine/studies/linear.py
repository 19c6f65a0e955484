"""Linear: what do n inputs do to a sum, and L matrices to a product, before any bend?

One neuron adds n random terms; a chain of layers multiplies. Sums grow like sqrt(n),
products like a power of L: nearly everything that goes wrong with depth is already here.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.activations import as_activation
from engine.initializers import INITIALIZERS

Array = np.ndarray
Generator = np.random.Generator


@dataclass(frozen=True)
class Neuron:
    """Var(z) of one neuron: `measured` over random weights and inputs, and `predicted` as n Var(w) E[x²]."""

    measured: float
    predicted: float


def one_neuron(n: int, weight_std: float, *, draws: int = 2000, rng: Generator) -> Neuron:
    """Variance of z = Σ w x over `draws` neurons of n inputs, w ~ N(0, weight_std²), x ~ N(0, 1).

    With a fixed weight_std it grows like n; with 1/sqrt(n) it stays 1, with sqrt(2/n) it stays 2.
    """
    if not 1 <= n <= 10_000 or not 2 <= draws <= 10_000:
        raise ValueError(f"n must be 1 to 10000 and draws 2 to 10000, got {n} and {draws}")
    (unit,) = _variances((n,), draws, rng)
    return Neuron(unit * weight_std**2, n * weight_std**2)


def _variances(sizes: Sequence[int], draws: int, rng: Generator) -> Iterator[float]:
    """Var(z) of neurons with weights N(0, 1) whenever they have so many inputs; sizes rise."""
    z, had = np.zeros(draws), 0
    for n in sizes:
        while had < n:
            more = min(16, n - had)   # a few inputs at once: thousands of short calls cost more than their numbers
            w, x = rng.standard_normal((more, 2, draws)).swapaxes(0, 1)   # for each input all weights, then all values
            z += np.einsum("nd,nd->d", w, x)
            had += more
        yield float(np.var(z))


def neurons(sizes: Sequence[int], rules: Sequence[Sequence[float]], *, seed: int = 0) -> list[list[Neuron]]:
    """The same 2,000 neurons with ever more inputs (sizes rise), for each rule: the standard deviation of a weight at each size.

    All sizes and rules share their random numbers, of which most of the time goes into drawing.
    """
    units = list(_variances(sizes, 2000, np.random.default_rng(seed)))
    return [[Neuron(unit * std**2, n * std**2) for n, unit, std in zip(sizes, units, stds, strict=True)] for stds in rules]


def saturated_neuron(n: int, x: float, b: float, weight: float = 1.0) -> tuple[float, float]:
    """z = n · weight · x + b and sigma'(z): 100 inputs of .5 and a bias of 1 give z = 51, and a slope of 7 × 10⁻²³."""
    z = n * weight * x + b
    return z, float(as_activation("sigmoid").df(np.float64(z)))


def chain(a: float, depth: int) -> float:
    """a^(L-1): what L - 1 layers with W = aI leave of a signal; infinity when even float64 ends."""
    try:
        return float(a) ** (depth - 1)
    except OverflowError:
        return math.inf


def product_singular_values(depth: int, width: int, *, orthogonal: bool = False, rng: Generator) -> Array:
    """Singular values (width,) of a product of `depth` random matrices, largest first.

    Gaussian matrices have variance 1/width: each keeps lengths on average, and yet the product stretches a few
    directions and flattens the rest. Orthogonal ones keep every length: all values are 1.
    Source: Saxe et al. 2013, arXiv:1312.6120.
    """
    _check_product(depth, width)
    *_, values = _growing_product(depth, width, orthogonal, rng, only_last=True)
    return values


def _check_product(depth: int, width: int) -> None:
    for name, value, most in (("depth", depth, 100), ("width", width, 500)):
        if not 1 <= value <= most:
            raise ValueError(f"{name} must be between 1 and {most}, got {value}")


def _growing_product(depth: int, width: int, orthogonal: bool, rng: Generator, only_last: bool = False) -> Iterator[Array]:
    rule, product = INITIALIZERS["orthogonal" if orthogonal else "lecun_normal"], np.eye(width)
    for layer in range(1, depth + 1):
        product = product @ rule.draw(rng, (width, width))
        if layer == depth or not only_last:
            yield np.linalg.svd(product, compute_uv=False)


def singular_values_by_depth(depth: int, width: int, *, seed: int = 0) -> list[tuple[Array, Array]]:
    """Of two products that grow, one of Gaussian matrices and one of orthogonal ones: the singular values after 1, 2, … up to `depth`, as above."""
    _check_product(depth, width)
    rng = np.random.default_rng(seed)
    return list(zip(*(list(_growing_product(depth, width, kind, rng)) for kind in (False, True)), strict=True))


def largest_singular_value(depth: int) -> float:
    """Limit of the largest singular value for wide Gaussian matrices: its square tends to (L+1)^(L+1) / L^L, about e (L + 1/2).

    Source: Penson & Życzkowski 2011, arXiv:1103.3453 (Fuss-Catalan distributions).
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    return math.exp(((depth + 1) * math.log(depth + 1) - depth * math.log(depth)) / 2)
