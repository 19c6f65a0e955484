"""Initializers: how large should the first weights be?

Each one answers with a standard deviation taken from the layer's fans.
Too small and the signal dies with depth; too large and it explodes.
Glorot, He and LeCun are one rule, Var(w) = scale / fan, with another scale or fan.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Generator = np.random.Generator


@dataclass(frozen=True)
class Initializer:
    """One rule for the first weights of a layer.

    Parameters
    ----------
    name : str
        Key in `INITIALIZERS`.
    source : str
        Where the rule was published.
    std : callable
        (fan_in, fan_out) -> standard deviation of one weight.
    draw : callable
        (rng, (fan_in, fan_out)) -> float64 weights (fan_in, fan_out).
    formula : str
        LaTeX of the distribution.
    needs_data : bool
        LSUV: `Network.lsuv` rescales the drawn weights on a batch of inputs.
    """

    name: str
    source: str
    std: Callable[[int, int], float]
    draw: Callable[[Generator, tuple[int, int]], Array]
    formula: str = ""
    needs_data: bool = False


def _check_fans(fan_in: int, fan_out: int) -> None:
    for name, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
        if fan < 1:
            raise ValueError(f"{name} must be at least 1, got {fan}")


def constant(value: float = 1.0) -> Initializer:
    """Every weight the same. All units of a layer then stay copies of each other for ever."""
    return Initializer("constant", "the symmetry that random weights break", lambda fan_in, fan_out: 0.0,
                       lambda rng, shape: np.full(shape, float(value)), f"w = {value:g}")


def normal(sigma: float = 1.0) -> Initializer:
    """N(0, sigma²), blind to the layer's size. In the table sigma is 1, so that the gain is sigma."""
    if not sigma >= 0:
        raise ValueError(f"sigma must be at least 0, got {sigma:g}")
    return Initializer("normal", "the habit before 2010", lambda fan_in, fan_out: float(sigma),
                       lambda rng, shape: sigma * rng.standard_normal(shape), rf"\mathcal{{N}}(0, {sigma:g}^2)")


def _scaled(name: str, source: str, scale: float, fan: str, uniform: bool = False) -> Initializer:
    """Var(w) = scale / fan, drawn from a normal or from a uniform distribution of that variance."""
    def std(fan_in: int, fan_out: int) -> float:
        _check_fans(fan_in, fan_out)
        return math.sqrt(scale / (fan_in if fan == "fan_in" else (fan_in + fan_out) / 2))

    def draw(rng: Generator, shape: tuple[int, int]) -> Array:
        sigma = std(*shape)
        if uniform:
            r = math.sqrt(3) * sigma   # U(-r, r) has variance r²/3
            return rng.uniform(-r, r, shape)
        return sigma * rng.standard_normal(shape)   # untruncated

    size = rf"\mathrm{{{fan.replace('_', chr(92) + '_')}}}"
    formula = rf"U(\pm\sqrt{{{3 * scale:g} / {size}}})" if uniform else rf"\mathcal{{N}}(0, {scale:g} / {size})"
    return Initializer(name, source, std, draw, formula)


def _orthogonal_std(fan_in: int, fan_out: int) -> float:
    _check_fans(fan_in, fan_out)
    return 1 / math.sqrt(max(fan_in, fan_out))


def _orthogonal_draw(rng: Generator, shape: tuple[int, int]) -> Array:
    _check_fans(*shape)
    fan_in, fan_out = shape
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q *= np.sign(np.diag(r))   # makes the draw uniform over orthogonal matrices (Mezzadri 2007)
    return q if fan_in >= fan_out else q.T


_GLOROT = "Glorot & Bengio 2010, PMLR 9, eq. 12 and 16"
_HE = "He et al. 2015, arXiv:1502.01852, eq. 10"
_LECUN = "LeCun et al. 1998, Efficient BackProp, eq. 16"

INITIALIZERS: dict[str, Initializer] = {i.name: i for i in (
    Initializer("zeros", "the first idea that everybody has", lambda fan_in, fan_out: 0.0, lambda rng, shape: np.zeros(shape), "w = 0"),
    constant(),
    normal(),
    _scaled("glorot_normal", _GLOROT, 1, "fan_avg"),
    _scaled("glorot_uniform", _GLOROT, 1, "fan_avg", uniform=True),
    _scaled("he_normal", _HE, 2, "fan_in"),
    _scaled("he_uniform", _HE, 2, "fan_in", uniform=True),
    _scaled("lecun_normal", _LECUN, 1, "fan_in"),
    _scaled("lecun_uniform", _LECUN, 1, "fan_in", uniform=True),
    Initializer("orthogonal", "Saxe et al. 2013, arXiv:1312.6120", _orthogonal_std, _orthogonal_draw, r"W^\top W = I"),
    Initializer("lsuv", "Mishkin & Matas 2015, arXiv:1511.06422", _orthogonal_std, _orthogonal_draw,
                r"W^\top W = I,\ \text{then } \mathrm{Var}(z) = 1", needs_data=True),
)}

# What people call them, where that is not the key with a capital letter.
TITLES = {"normal": "Normal N(0, 1)", "lecun_normal": "LeCun normal", "lecun_uniform": "LeCun uniform", "lsuv": "LSUV"}

ELSEWHERE = {   # the same rule as Keras takes it and as PyTorch writes it; Keras cuts its normal draws off at 2σ and widens them to the same σ
    "zeros": ('"zeros"', "zeros_(w)"),
    "constant": ("Constant(1.0)", "constant_(w, 1.0)"),
    "normal": ("RandomNormal(stddev=1.0)", "normal_(w, std=1.0)"),
    "glorot_normal": ('"glorot_normal"', "xavier_normal_(w)"),
    "glorot_uniform": ('"glorot_uniform"', "xavier_uniform_(w)"),
    "he_normal": ('"he_normal"', 'kaiming_normal_(w, nonlinearity="relu")'),
    "he_uniform": ('"he_uniform"', 'kaiming_uniform_(w, nonlinearity="relu")'),
    "lecun_normal": ('"lecun_normal"', 'kaiming_normal_(w, nonlinearity="linear")'),
    "lecun_uniform": ('"lecun_uniform"', 'kaiming_uniform_(w, nonlinearity="linear")'),
    "orthogonal": ('"orthogonal"', "orthogonal_(w)"),
}


def as_initializer(initializer: str | Initializer) -> Initializer:
    """The table's entry for a key, or the object itself.

    Raises
    ------
    ValueError
        "initializer must be one of zeros, constant, …, got 'kaiming'".
    """
    if isinstance(initializer, Initializer):
        return initializer
    if initializer not in INITIALIZERS:
        raise ValueError(f"initializer must be one of {', '.join(INITIALIZERS)}, got {initializer!r}")
    return INITIALIZERS[initializer]


def sigma_w(weights: Array, rule: Initializer, gain: float) -> float:
    """Std of a weight times sqrt(fan_in), by the rule; as drawn for one that needs data, NaN if all weights are one constant."""
    fan_in, fan_out = weights.shape
    if rule.needs_data:
        return math.sqrt(fan_in * np.mean(np.square(weights, dtype=np.float64)))
    std = abs(gain) * rule.std(fan_in, fan_out)
    return math.sqrt(fan_in) * std if std or not weights.any() else math.nan


def unit_variance(weights: Array, bias: Array | None, x: Array, tolerance: float = 0.01, tries: int = 10) -> None:
    """LSUV's inner loop: rescale W in place until Var(x W + b) is 1 (Mishkin & Matas 2015). A silent layer is left alone.

    x is (batch, fan_in), W (fan_in, units), b (units,) or None.
    """
    for _ in range(tries):
        z = x @ weights
        std = math.sqrt(float(np.var(z if bias is None else z + bias)))
        if not math.isfinite(std) or std == 0 or abs(std * std - 1) < tolerance:
            return
        weights /= std
        if bias is None and 1e-6 < std < 1e6:   # z is then linear in W, and one division does it but for coarse rounding
            return
