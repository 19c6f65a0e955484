"""Activations: the bend between two linear layers, and its slope.

Without a bend, a stack of layers is one matrix. With it, every layer multiplies
the gradient by phi'(z), and the product of those slopes decides whether a deep
network learns. Each entry of `ACTIVATIONS` is a pair (f, df) of plain functions.

All functions keep the dtype that they are given, raise no warnings at infinite
or huge arguments, and accept complex arguments (the complex-step check needs
them): where phi is pieced together, the real part chooses the piece.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from engine.normal import normal_cdf

Array = np.ndarray

SELU_ALPHA = 1.67326324235437728481704299167   # Klambauer et al. 2017, arXiv:1706.02515
SELU_LAMBDA = 1.05070098735548049341933498529


@dataclass(frozen=True)
class Activation:
    """One activation function, its derivative, and what a reader should know of it.

    Parameters
    ----------
    name : str
        Key in `ACTIVATIONS`.
    f, df : callable
        phi(z) and phi'(z), elementwise; the shape and dtype of z are kept.
    kinks : tuple of float
        Points without a derivative; there, df returns one of the one-sided slopes.
    recommended : str
        Key of the initializer that is made for it.
    formula : str
        LaTeX of phi.
    options : mapping
        The arguments that its family was built with, such as {"alpha": 0.01}.
    learned_slope : float or None
        PReLU: where the negative slope starts; the layer learns it from there.
    drawn_slopes : (float, float) or None
        RReLU: the range that negative slopes are drawn from in training.
    """

    name: str
    f: Callable[[Array], Array]
    df: Callable[[Array], Array]
    kinks: tuple[float, ...] = ()
    recommended: str = "glorot_normal"
    formula: str = ""
    options: Mapping[str, float] = field(default_factory=dict, hash=False)   # so that theory can be remembered for an activation
    learned_slope: float | None = None
    drawn_slopes: tuple[float, float] | None = None

    def __reduce__(self):
        """To another process goes the name: functions cannot be sent. One that is in no table cannot go."""
        known = self.name in FAMILIES if self.options else ACTIVATIONS.get(self.name) is self
        return (_named, (self.name, dict(self.options))) if known else super().__reduce__()


def _decaying(z: Array) -> Array:
    """exp(-|z|) without overflow; for complex z the sign of the real part decides."""
    return np.exp(np.where(z.real > 0, -z, z) if np.iscomplexobj(z) else -np.abs(z))


def positive_part(z: Array) -> Array:
    """max(z, 0). For complex z the real part decides, and 0 belongs to the left, as in every df here."""
    return np.where(z.real <= 0, 0, z) if np.iscomplexobj(z) else np.maximum(z, 0)   # np.maximum would ask the imaginary part at 0


def negative_part(z: Array) -> Array:
    """min(z, 0), so that z = positive_part(z) + negative_part(z)."""
    return np.where(z.real > 0, 0, z) if np.iscomplexobj(z) else np.minimum(z, 0)


def _identity(z: Array) -> Array:
    return np.array(z)


def _sigmoid(z: Array) -> Array:
    z = np.asarray(z)
    e = _decaying(z)
    return np.where(z.real > 0, 1, e) / (1 + e)


def _sigmoid_slope(z: Array) -> Array:
    e = _decaying(np.asarray(z))
    return e / ((1 + e) * (1 + e))   # sigma(z) sigma(-z): exact where sigma (1 - sigma) rounds to 0


def _tanh_slope(z: Array) -> Array:
    e = _decaying(2 * np.asarray(z))
    return 4 * e / ((1 + e) * (1 + e))   # 1/cosh^2, without the cancellation of 1 - tanh^2


def _relu_slope(z: Array) -> Array:
    # 0 at NaN too. That hides nothing: relu(NaN) is NaN, so the loss is NaN and dy arrives as NaN, and NaN * 0 is NaN.
    # A slope of NaN there would need a second comparison in the hottest line of training.
    z = np.asarray(z)
    return (z.real > 0).astype(z.dtype)


def _softplus(z: Array) -> Array:
    z = np.asarray(z)
    return positive_part(z) + np.log1p(_decaying(z))


def _swish(z: Array) -> Array:
    return np.maximum(z, -1e3) * _sigmoid(z)   # the clip turns -inf * 0 into the limit 0


def _swish_slope(z: Array) -> Array:
    z = np.asarray(z)
    e = _decaying(z)
    to = 1 + e
    return np.where(z.real > 0, 1, e) / to + np.clip(z, -1e3, 1e3) * (e / (to * to))   # sigma and its slope from one exponential


def _gelu(z: Array) -> Array:
    return np.maximum(z, -50) * normal_cdf(z)


def _gelu_slope(z: Array) -> Array:
    near = np.clip(z, -50, 50)
    return normal_cdf(z) + near * np.exp(-near * near / 2) / math.sqrt(2 * math.pi)


def _bent(alpha: float) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """f and df of the line with slope 1 to the right of 0 and slope alpha to the left."""
    alpha = float(alpha)   # an np.float64 scalar promotes float32
    if alpha == 0:
        return positive_part, _relu_slope   # 0 * -inf would be NaN

    def slope(z: Array) -> Array:
        z = np.asarray(z)
        return np.where(z.real > 0, z.dtype.type(1), z.dtype.type(alpha))

    return lambda z: positive_part(z) + alpha * negative_part(z), slope


def _check_slope(name: str, value: float, upper: float = 1.0) -> None:
    if not 0 <= value <= upper:
        raise ValueError(f"{name} must be between 0 and {upper:g}, got {value:g}")


def leaky_relu(alpha: float = 0.01) -> Activation:
    """max(alpha z, z): a small slope keeps a switched-off unit learning (Maas et al. 2013). 0 <= alpha <= 1."""
    _check_slope("alpha", alpha)
    return Activation("leaky_relu", *_bent(alpha), (0.0,), "he_normal", r"\max(\alpha z, z)", {"alpha": alpha})


def prelu(alpha: float = 0.25) -> Activation:
    """Leaky ReLU whose slope is learned, one for a layer, starting at alpha (He et al. 2015, arXiv:1502.01852)."""
    _check_slope("alpha", alpha)
    return Activation("prelu", *_bent(alpha), (0.0,), "he_normal", r"\max(0, z) + \alpha \min(0, z),\ \alpha\ \text{learned}",
                      {"alpha": alpha}, learned_slope=alpha)


def rrelu(lower: float = 1 / 8, upper: float = 1 / 3) -> Activation:
    """Leaky ReLU with slopes drawn from U(lower, upper) in training, their mean in use (Xu et al. 2015, arXiv:1505.00853)."""
    _check_slope("upper", upper)
    _check_slope("lower", lower, upper)
    return Activation("rrelu", *_bent((lower + upper) / 2), (0.0,), "he_normal", r"\max(0, z) + a \min(0, z),\ a \sim U(l, u)",
                      {"lower": lower, "upper": upper}, drawn_slopes=(lower, upper))


def _exponential(alpha: float, scale: float) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    alpha = float(alpha)

    def f(z: Array) -> Array:
        t = np.tanh(negative_part(z) / 2)   # e^z - 1 = 2t / (1 - t): as exact as expm1 near 0, and NumPy computes tanh three times as fast
        rest = 1 - t
        t *= 2 * scale * alpha   # in place: fewer arrays that the cache has to hold
        t /= rest
        if scale == 1 and alpha <= 1 and not np.iscomplexobj(z):
            return np.maximum(z, t)   # alpha (e^z - 1) is above z to the left of 0, and 0 to the right
        return t + scale * positive_part(z)

    def df(z: Array) -> Array:
        z = np.asarray(z)
        slope = np.exp(negative_part(z))
        if scale == alpha == 1:
            return slope   # to the right it is e^0: no choice, which would cost as much as the exponential
        return np.where(z.real > 0, z.dtype.type(scale), scale * alpha * slope)

    return f, df


def elu(alpha: float = 1.0) -> Activation:
    """z to the right, alpha (e^z - 1) to the left, which floors at -alpha (Clevert et al. 2016, arXiv:1511.07289)."""
    if not 0 < alpha <= 100:
        raise ValueError(f"alpha must be above 0 and at most 100, got {alpha:g}")
    return Activation("elu", *_exponential(alpha, 1.0), () if alpha == 1 else (0.0,), "he_normal",
                      r"z \text{ if } z > 0,\ \alpha(e^z - 1) \text{ otherwise}", {"alpha": alpha})


# Families take arguments; everything else is one fixed function.
FAMILIES: dict[str, Callable[..., Activation]] = {"leaky_relu": leaky_relu, "prelu": prelu, "rrelu": rrelu, "elu": elu}

ACTIVATIONS: dict[str, Activation] = {a.name: a for a in (
    Activation("identity", _identity, np.ones_like, formula="z"),
    Activation("sigmoid", _sigmoid, _sigmoid_slope, formula=r"1 / (1 + e^{-z})"),
    Activation("tanh", np.tanh, _tanh_slope, formula=r"\tanh z"),
    Activation("relu", positive_part, _relu_slope, (0.0,), "he_normal", r"\max(0, z)"),
    leaky_relu(), prelu(), rrelu(), elu(),
    Activation("selu", *_exponential(SELU_ALPHA, SELU_LAMBDA), (0.0,), "lecun_normal",
               r"\lambda z \text{ if } z > 0,\ \lambda\alpha(e^z - 1) \text{ otherwise}"),
    Activation("softplus", _softplus, _sigmoid, recommended="he_normal", formula=r"\ln(1 + e^z)"),
    Activation("gelu", _gelu, _gelu_slope, recommended="he_normal", formula=r"z\,\Phi(z)"),
    Activation("swish", _swish, _swish_slope, recommended="he_normal", formula=r"z\,\sigma(z)"),
)}

# What people call them, where that is not the key with a capital letter.
TITLES = {"relu": "ReLU", "leaky_relu": "Leaky ReLU", "prelu": "PReLU", "rrelu": "RReLU", "elu": "ELU", "selu": "SELU", "gelu": "GELU",
          "tanh": "tanh"}


def as_activation(activation: str | Activation, **options: float) -> Activation:
    """The table's entry for a key, a family's member for a key with options, or the object itself.

    Raises
    ------
    ValueError
        "activation must be one of identity, sigmoid, …, got 'relu6'"; "options must be empty for relu, got alpha".
    """
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if options and activation not in FAMILIES:
        raise ValueError(f"options must be empty for {activation}, got {', '.join(options)}")
    return _member(activation, tuple(options.items())) if options else ACTIVATIONS[activation]


def _named(name: str, options: Mapping[str, float]) -> Activation:
    return as_activation(name, **options)


@lru_cache(maxsize=128, typed=True)
def _member(family: str, options: tuple[tuple[str, float], ...]) -> Activation:
    """The same object for the same options."""
    return FAMILIES[family](**dict(options))
