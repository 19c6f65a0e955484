"""Measures: a layer holds half a million numbers; which few of them tell how it is doing?

Everything here takes an array (samples, units) and returns a number, or the shares of a
histogram. Sums run over blocks that fit the processor's cache, in the array's own
dtype; where squares over- or underflow there, they are taken again in float64.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

Array = np.ndarray

BINS = 51             # odd: zero lies in the middle of a bin of z, not on an edge
COUNTED = 1 << 15     # elements that a histogram counts: every k-th sample, k as small as this allows
BLOCK = 1 << 15       # elements that are worked on at once
RANK_SAMPLES = 128    # samples, evenly spaced, whose inner products give the effective rank


@dataclass(frozen=True)
class Histogram:
    """Shares of each layer's elements on fixed bins, so that nothing that falls outside is dropped in silence.

    edges : (bins + 1,)
    inside : (depth, bins)
    below, above : (depth,)

    In each layer they add up to 1. NaN counts as above; a bin holds its lower edge, the last one its upper edge too.
    A layer of more than `COUNTED` elements is counted on every k-th sample, which leaves a share p uncertain by
    sqrt(p / COUNTED).
    """

    edges: Array
    inside: Array
    below: Array
    above: Array


class Counter:
    """Fills a `Histogram` of `depth` layers, one `count` a layer, on `bins` equal bins from low to high."""

    def __init__(self, depth: int, low: float, high: float, bins: int = BINS):
        self.low, self.high, self.bins = low, high, bins
        self.histogram = Histogram(np.linspace(low, high, bins + 1), np.zeros((depth, bins)), np.zeros(depth), np.zeros(depth))

    def count(self, layer: int, values: Array) -> None:
        values = thinned(values)
        one = values.dtype.type
        position = (values - one(self.low)) * one(self.bins / (self.high - self.low)) + one(1)   # 0 is below, bins + 1 above
        np.fmax(np.fmin(position, one(self.bins + 1), out=position), one(0), out=position)       # fmin takes NaN to the top
        counts = np.bincount(position.astype(np.int32).ravel(), minlength=self.bins + 2)
        above = values.size - np.count_nonzero(values <= one(self.high)) if counts[-1] else 0
        counts[-2] += counts[-1] - above   # a saturated sigmoid is exactly 1, and belongs inside
        shares = counts / values.size
        self.histogram.inside[layer] = shares[1:-1]
        self.histogram.below[layer], self.histogram.above[layer] = shares[0], above / values.size


class MagnitudeCounter:
    """As `Counter`, of log10 |value| on quarters of a decade; zeros count as below. It also knows the median.

    Counts are kept over the whole range of the dtype, 64 bins a decade, from which the median of the values that
    are not zero is read by interpolation: no sorting, and a rounding far below 1 %.
    """

    fine = 64

    def __init__(self, depth: int, low: int, high: int, dtype):
        info = np.finfo(dtype)
        self.low, self.high = math.floor(math.log10(info.smallest_subnormal)), math.ceil(math.log10(info.max))
        self.ends = slice((low - self.low) * self.fine, (high - self.low) * self.fine + 1, self.fine // 4)   # of the histogram's bins
        bins = 4 * (high - low)
        self.histogram = Histogram(np.linspace(low, high, bins + 1), np.zeros((depth, bins)), np.zeros(depth), np.zeros(depth))

    def count(self, layer: int, values: Array) -> float:
        """Fill in one layer and return the median of |value| over the values that are not zero; 0.0 if all are."""
        values = thinned(values)
        one, top = values.dtype.type, (self.high - self.low) * self.fine
        position = np.log(np.abs(values))
        position *= one(self.fine / math.log(10))
        position += one(1 - self.low * self.fine)
        np.fmax(np.fmin(position, one(top + 1), out=position), one(0), out=position)
        counts = np.bincount(position.astype(np.int32).ravel(), minlength=top + 2)
        running, zeros = np.cumsum(counts), int(counts[0])
        below = running[self.ends]
        self.histogram.inside[layer] = np.diff(below) / values.size
        self.histogram.below[layer], self.histogram.above[layer] = below[0] / values.size, (values.size - below[-1]) / values.size
        if zeros == values.size:
            return 0.0
        half = (values.size + zeros) / 2
        bin_ = int(np.searchsorted(running, math.ceil(half)))   # of whole numbers: one that is not would turn them all into float64
        if bin_ > top:
            return math.inf
        return 10.0 ** (self.low + (bin_ - (running[bin_] - half) / counts[bin_]) / self.fine)


def thinned(values: Array) -> Array:
    """Every k-th sample (row), so that at most `COUNTED` elements remain."""
    return values[::math.ceil(values.size / COUNTED)] if len(values) > 1 else values


def blocks(values: Array) -> list[slice]:
    """Slices of consecutive samples that fit the cache."""
    rows = max(1, BLOCK // values.shape[1])
    return [slice(start, start + rows) for start in range(0, len(values), rows)]


def second_moment(values: Array, total: float) -> float:
    """Mean of squares, from their total in the array's dtype where that can be trusted, else taken again in float64."""
    if trusted(total, values.dtype):
        return float(total) / values.size
    return float(np.mean(np.square(values, dtype=np.float64)))


def over_samples(*factors: Array) -> Array:
    """The mean of each unit of many networks, of (networks, samples, units) or of the product of two: (networks, 1, units)."""
    samples, dtype = factors[0].shape[1], factors[0].dtype
    total = np.ones(samples, dtype) @ factors[0] if len(factors) == 1 else np.einsum("nsu,nsu->nu", *factors)
    return total[:, None] / dtype.type(samples)


class UnitStatistics:
    """Mean and variance of each unit over the samples, collected block by block."""

    def __init__(self, units: int):
        self.first, self.shift, self.square = None, np.zeros(units), np.zeros(units)

    def add(self, block: Array) -> None:
        if self.first is None:
            self.first = block[0].copy()
        moved = block - self.first   # measured from one of its own values, so that a small spread around a large mean survives
        self.shift += np.ones(len(moved), moved.dtype) @ moved
        self.square += np.einsum("ij,ij->j", moved, moved)

    def result(self, y: Array) -> tuple[Array, Array]:
        """Mean and variance, both float64 (units,), of all of y (samples, units); exactly 0 for a unit that never varies."""
        shift = self.shift / len(y)
        variance = np.maximum(self.square / len(y) - shift * shift, 0)
        if trusted(variance.sum(), y.dtype) or (y == self.first).all():
            return self.first + shift, variance
        wide = y.astype(np.float64)
        return wide.mean(axis=0), wide.var(axis=0)


def effective_rank(y: Array, means: Array) -> float:
    """How many directions the samples fill: (Σλ)² / Σλ² over the eigenvalues λ of the covariance; 0 if nothing varies.

    n equal eigenvalues give n, one alone gives 1. No eigenvalue is computed: over pairs of different samples,
    Σλ² is the mean of (x·x')² and (Σλ)² that of |x|²|x'|², x measured from the mean. At most `RANK_SAMPLES` samples are used.
    """
    x = y[::math.ceil(len(y) / RANK_SAMPLES)] - means.astype(y.dtype)
    largest = float(np.abs(x).max())
    if len(x) < 2 or largest == 0:
        return 0.0
    x /= y.dtype.type(largest)
    products = x @ x.T   # (samples, samples)
    norms = np.diag(products).astype(np.float64)
    own = norms @ norms
    others = float(np.vdot(products, products)) - own
    rank = (norms.sum() ** 2 - own) / others if others > 0 else 1.0
    return float(np.clip(rank, 1, min(len(y) - 1, y.shape[1])))


def distinct(values: Array) -> int:
    """How many columns differ from each other, up to rounding: units with the same numbers do the same work.

    One mixture of the rows puts copies side by side; neighbours in that order are then compared row by row.
    """
    scale = float(np.abs(values).max()) * len(values)
    if not math.isfinite(scale):
        return values.shape[1]
    values = values.astype(np.float64)
    mixed = np.cos(np.arange(1.0, len(values) + 1)) @ values
    neighbours = values[:, np.argsort(mixed)]
    return 1 + int(np.count_nonzero(np.abs(np.diff(neighbours)).max(axis=0) > 1e-6 * scale))


def trusted(total: float | Array, dtype) -> bool | Array:
    """Whether a sum of squares, or each of several, is far from over- and underflow (and from the NaN that follows)."""
    info = np.finfo(dtype)
    return (1e10 * info.tiny < total) & (total < info.max / 1e4)


@lru_cache(maxsize=64)
def plateaus(df, kinks: tuple[float, ...]) -> tuple[float, float]:
    """(low, high): phi is flat, with a slope below 5 % of its steepest, for z below low and above high.

    A side without a plateau gets an infinity, and so does one that begins at a kink: the hinge of a ReLU switches
    a unit off, which half of a healthy layer is.
    """
    z = np.linspace(-40, 40, 80_001)
    slope = np.abs(df(z))
    steep = z[slope >= 0.05 * slope.max()]
    low, high = float(steep[0]), float(steep[-1])
    hinged = [edge for edge in (low, high) if any(abs(edge - kink) < 0.01 for kink in kinks)]
    return (-math.inf if low == z[0] or low in hinged else low), (math.inf if high == z[-1] or high in hinged else high)


@lru_cache(maxsize=64)
def value_range(f) -> tuple[float, float]:
    """What a histogram of phi(z) should span: all of phi's values where they are bounded, and else those for |z| <= 4."""
    near, far = f(np.linspace(-4, 4, 8001)), f(np.array([-1e3, 1e3]))
    values = np.concatenate([near, far[np.abs(far) < 10]])
    low, high = math.floor(values.min() * 100 + 1e-9) / 100, math.ceil(values.max() * 100 - 1e-9) / 100
    return (low, high) if high > low else (low - 1, high + 1)
