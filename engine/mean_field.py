"""Mean-field theory: what should depth do to a signal, before anything is run?

In a wide layer, a pre-activation is a sum of many small terms, hence Gaussian, and one
number says it all: its second moment q. Each layer maps q to the next q; the slope of
the gradient's own map, chi, says whether gradients die (chi < 1), explode (chi > 1) or
survive (chi = 1, the critical line). Poole et al. 2016, arXiv:1606.05340; Schoenholz et
al. 2017, arXiv:1611.01232.

Weights are N(0, sigma_w² / fan_in), biases N(0, sigma_b²): both sigmas are standard
deviations. Expectations are quadratures, cut at the kinks of phi: at least 10 digits.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine.activations import Activation, as_activation

Array = np.ndarray

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_GRID = np.logspace(-12, 8, 20 * 24 + 1)   # of q, 24 points a decade; fixed points beyond it are called 0 or infinity
_ONE = 12 * 24                             # where q = 1 is
_T = np.linspace(-6, 6, 161)               # for what two inputs do not share: kinks move there, and equal steps do not mind
_T_WEIGHTS = np.exp(-_T * _T / 2) / np.exp(-_T * _T / 2).sum()


@dataclass(frozen=True)
class Moments:
    """At q = 1: E[phi²], E[phi'²], and the gain 1/sqrt(E[phi²]) of the weights that keeps q at 1 (sigma_b = 0)."""

    square: float
    slope_square: float
    gain: float


@dataclass(frozen=True)
class Prediction:
    """Theory for each layer, arrays (depth,), named as in `Propagation`: q of z, mean, std and std_over_data of y, and

    gradient_rms : of dJ/dz, when dJ/dy of the last layer is N(0, 1)
    chi : sigma_w² E[phi'²] at the layer's own q: the factor of the gradient's variance
    """

    q: Array
    mean: Array
    std: Array
    std_over_data: Array
    gradient_rms: Array
    chi: Array


@dataclass(frozen=True)
class PhaseDiagram:
    """q, chi and depth_scale at each pair's fixed point, (sigma_b, sigma_w); critical: sigma_w of the line chi = 1, (sigma_b,), NaN off the grid."""

    sigma_w: Array
    sigma_b: Array
    q: Array
    chi: Array
    depth_scale: Array
    critical: Array


@lru_cache(maxsize=64)
def _rule(bends: tuple[float, ...] = (), finest: int = 24) -> tuple[Array, Array]:
    """Nodes u and weights w with E[g(u)] = sum w g(u) for u ~ N(0, 1), where g may bend at 0 and at `bends`."""
    halves = 10 * 2.0 ** np.arange(-finest, 1)   # finer towards 0, where phi bends when sqrt(q) is large
    cuts = np.unique(np.concatenate([-halves, [0.0], halves, bends]))
    half = np.diff(cuts)[:, None] / 2
    u = (cuts[:-1, None] + half * (1 + _NODES)).ravel()
    w = (half * _WEIGHTS).ravel() * np.exp(-u * u / 2)
    return u, w / w.sum()


def expectation(g: Callable[[Array], Array], q: float, kinks: tuple[float, ...] = ()) -> float:
    """E[g(z)] for z ~ N(0, q), q >= 0."""
    scale = math.sqrt(q)
    if scale == 0:
        return float(g(np.zeros(1))[0])
    u, w = _rule(tuple(k / scale for k in kinks if k and abs(k / scale) < 10))
    with np.errstate(all="ignore"):
        return float(w @ g(scale * u))


def _square(phi: Activation, q: float) -> float:
    return expectation(lambda z: phi.f(z) ** 2, q, phi.kinks)


def _slope_square(phi: Activation, q: float) -> float:
    # Half of either side at q = 0, so that a kink in 0 counts as the limit q -> 0.
    return expectation(lambda z: phi.df(z) ** 2, max(q, 1e-24), phi.kinks)


def variance_map(q: float, sigma_w: float, sigma_b: float, activation: str | Activation) -> float:
    """Second moment of the next layer's pre-activations: sigma_w² E[phi(sqrt(q) u)²] + sigma_b², u ~ N(0, 1).

    Raises ValueError, "q must be at least 0, got -1", for negative arguments.
    """
    _check(q=q, sigma_w=sigma_w, sigma_b=sigma_b)
    return sigma_w**2 * _square(as_activation(activation), q) + sigma_b**2


def chi(q: float, sigma_w: float, activation: str | Activation) -> float:
    """Factor of the gradient's variance from one layer to the one before: sigma_w² E[phi'(sqrt(q) u)²]; at q = inf, its limit."""
    _check(q=q, sigma_w=sigma_w)
    return sigma_w**2 * _slope_square(as_activation(activation), min(q, _GRID[-1]))


@lru_cache(maxsize=1024)
def fixed_point(sigma_w: float, sigma_b: float, activation: str | Activation) -> float:
    """Where q goes with depth when it starts at 1: a number, 0.0 if the signal dies, or infinity.

    Starting matters: GELU and swish have an unstable fixed point between 0 and infinity.
    """
    _check(sigma_w=sigma_w, sigma_b=sigma_b)
    phi = as_activation(activation)

    def excess(q: float) -> float:
        return variance_map(q, sigma_w, sigma_b, phi) / q - 1

    start = excess(1.0)
    if abs(start) < 1e-12:
        return 1.0
    squares, _ = _table(phi.f, phi.df, phi.kinks)
    signs = (sigma_w**2 * squares + sigma_b**2) / _GRID - 1
    if start > 0:
        beyond = np.flatnonzero((signs <= 1e-13) & (_GRID > 1))
        return _root(excess, _GRID[beyond[0] - 1], _GRID[beyond[0]]) if len(beyond) else math.inf
    beyond = np.flatnonzero((signs >= -1e-13) & (_GRID < 1))
    return _root(excess, _GRID[beyond[-1]], _GRID[beyond[-1] + 1]) if len(beyond) else 0.0


@lru_cache(maxsize=256)
def critical_sigma_w(sigma_b: float, activation: str | Activation) -> float:
    """The sigma_w at which chi at the fixed point first reaches 1: gradients neither vanish nor explode. Infinity above 10⁴."""
    _check(sigma_b=sigma_b)
    phi = as_activation(activation)
    ladder = np.logspace(-2, 4, 601)
    above = np.flatnonzero(_chi_table(ladder, np.array([sigma_b]), phi)[1][0] >= 1 - 1e-9)
    if not len(above) or above[0] == 0:
        return float(ladder[0]) if len(above) else math.inf
    return _root(lambda sigma_w: 1 - chi(fixed_point(sigma_w, sigma_b, phi), sigma_w, phi), ladder[above[0] - 1], ladder[above[0]] * 1.01)


def depth_scale(chi: float) -> float:
    """1 / |ln chi|: the layers over which the gradient's variance changes by a factor e. Infinite at chi = 1."""
    return abs(1 / math.log(chi)) if 0 < chi != 1 else math.inf if chi == 1 else 0.0


@lru_cache(maxsize=256)
def moments(activation: str | Activation) -> Moments:
    """E[phi²], E[phi'²] for z ~ N(0, 1), and the gain that keeps the second moment at 1."""
    phi = as_activation(activation)
    square = _square(phi, 1.0)
    return Moments(square, _slope_square(phi, 1.0), 1 / math.sqrt(square) if square else math.inf)


def predict(activation: str | Activation, sigma_w: Array, sigma_b: float = 0.0, input_moment: float = 1.0,
            input_overlap: float | None = 0.0) -> Prediction:
    """The theory's curves for a network whose layers have these sigma_w (depth,). `Propagation.theory` gives the arguments. Remembered.

    input_moment is E[x²], input_overlap E[x·x'] / features for two different inputs. What two inputs share (q - d)
    and what differs (d) are followed apart: d' = sigma_w² E[Var of phi given the shared part]. Without input_overlap, they are not.
    """
    _check(sigma_b=sigma_b, input_moment=input_moment)
    return _predict(as_activation(activation), tuple(np.atleast_1d(sigma_w).tolist()), sigma_b, input_moment, input_overlap)


@lru_cache(maxsize=256)
def _predict(phi: Activation, sigma_w: tuple[float, ...], sigma_b: float, square: float, overlap: float | None) -> Prediction:
    scales, (s, ws), rows = np.array(sigma_w), _rule(finest=6), []
    apart, over_data = 0.0 if overlap is None else max(0.0, square - overlap), math.nan
    with np.errstate(all="ignore"):
        for scale in scales:
            q, d = scale**2 * square + sigma_b**2, scale**2 * apart
            if not math.isfinite(q):
                rows.append((math.inf, math.nan, math.inf, math.inf, math.nan))
                continue
            if overlap is not None:
                y = phi.f(math.sqrt(max(q - d, 0)) * s[:, None] + math.sqrt(d) * _T)   # (shared, own)
                spread = np.square(y - (y @ _T_WEIGHTS)[:, None]) @ _T_WEIGHTS
                apart, over_data = float(ws @ spread), float(ws @ np.sqrt(spread))
            square, mean = _square(phi, q), expectation(phi.f, q, phi.kinks)
            rows.append((q, mean, math.sqrt(max(square - mean**2, 0)), over_data, _slope_square(phi, q)))
        q, mean, std, over_data, slopes = np.array(rows).T
        back = np.concatenate([(scales[1:] ** 2 * slopes[:-1])[::-1].cumprod()[::-1], [1.0]])   # product over the layers behind
        return Prediction(q, mean, std, over_data, np.sqrt(slopes[-1] * back), scales**2 * slopes)


def phase_diagram(activation: str | Activation, sigma_w: Array, sigma_b: Array) -> PhaseDiagram:
    """chi over a grid of sigma_w (m,) and sigma_b (k,), to about three digits, and the critical line through it."""
    phi, sigma_w, sigma_b = as_activation(activation), np.asarray(sigma_w, float), np.asarray(sigma_b, float)
    _check(sigma_w=sigma_w.min(), sigma_b=sigma_b.min())
    q, slopes = _chi_table(sigma_w, sigma_b, phi)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(slopes)
        crossed = (logs[:, :-1] < 0) & (logs[:, 1:] >= 0)
        part = -logs[:, :-1] / (logs[:, 1:] - logs[:, :-1])
        lines = np.where(crossed, sigma_w[:-1] + part * np.diff(sigma_w), np.inf).min(axis=1, initial=np.inf)
        return PhaseDiagram(sigma_w, sigma_b, q, slopes, np.abs(1 / logs), np.where(np.isfinite(lines), lines, np.nan))


def _chi_table(sigma_w: Array, sigma_b: Array, phi: Activation) -> tuple[Array, Array]:
    """q at the fixed point reached from 1, and chi there, each (sigma_b, sigma_w), by interpolating a table over q."""
    squares, slopes = _table(phi.f, phi.df, phi.kinks)
    log_q = np.log(_GRID)
    excess = np.log(sigma_w[None, :, None] ** 2 * squares + sigma_b[:, None, None] ** 2 + 1e-300) - log_q   # (sigma_b, sigma_w, q)
    up, down = excess[..., _ONE:], excess[..., _ONE::-1]
    rises = excess[..., _ONE] > 1e-12

    def crossing(values: Array, step: int) -> Array:
        """log q where values (…, q) first change sign, walking from q = 1; ±infinity if they never do."""
        crossed = values <= 1e-12 if step > 0 else values >= -1e-12
        i = np.where(crossed.any(axis=-1), crossed.argmax(axis=-1), -1)
        now = np.take_along_axis(values, np.maximum(i, 0)[..., None], -1)[..., 0]
        before = np.take_along_axis(values, np.maximum(i - 1, 0)[..., None], -1)[..., 0]
        back = np.where(i > 0, now / np.where(now == before, 1, now - before), 0)
        at = log_q[_ONE] + step * (i - back) * (log_q[1] - log_q[0])
        return np.where(i < 0, step * math.inf, at)

    at = np.where(rises, crossing(up, 1), crossing(down, -1))
    return np.exp(at), sigma_w**2 * np.interp(at, log_q, slopes)


@lru_cache(maxsize=128)
def _table(f, df, kinks: tuple[float, ...]) -> tuple[Array, Array]:
    """E[phi²] and E[phi'²] on _GRID."""
    phi = Activation("", f, df, kinks)
    return np.array([_square(phi, q) for q in _GRID]), np.array([_slope_square(phi, q) for q in _GRID])


def _root(g: Callable[[float], float], low: float, high: float) -> float:
    """Where g changes sign between low and high, by halving."""
    sign = g(low) > 0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (g(middle) > 0) == sign else (low, middle)
        if high - low <= 1e-13 * high:
            break
    return float(low + high) / 2


def _check(**values: float) -> None:
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}")
