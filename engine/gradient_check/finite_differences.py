"""Finite differences: a derivative from function values alone, and how exact it can be.

A smaller step follows the curve better but subtracts two numbers that are almost
equal. The two errors pull in opposite directions and draw a V; its bottom is the
best step. The complex step subtracts nothing, so its V has only one arm.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from engine.words import AT_ROUNDING, NO_STEP_HELPS

Array = np.ndarray
SCHEMES = ("forward", "central", "complex")
ORDERS = {"forward": 1, "central": 2, "complex": 2}   # the error shrinks as epsilon to this power


def check_step(epsilon: float, scheme: str) -> None:
    """Raise ValueError: "epsilon must be a positive number, got 0", or for a scheme that is not in SCHEMES."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
    if not 0 < epsilon < math.inf:
        raise ValueError(f"epsilon must be a positive number, got {epsilon:g}")


def derivative(f: Callable, theta: float, epsilon: float, scheme: str = "central") -> float:
    """Slope of a scalar function at theta, from its values.

    forward  (f(theta + eps) - f(theta)) / eps               error about eps/2 |f''|
    central  (f(theta + eps) - f(theta - eps)) / (2 eps)     error about eps²/6 |f'''|
    complex  Im f(theta + i eps) / eps                       error about eps²/6 |f'''|, and no subtraction

    Parameters
    ----------
    f : callable
        Scalar to scalar; "complex" needs one that accepts complex numbers and is analytic.
    theta : float
        Where. With an np.float32, all arithmetic is in float32.
    epsilon : float
        The step, above 0.

    Source: Squire & Trapp 1998, SIAM Review 40, 110-112, for the complex step.
    """
    check_step(epsilon, scheme)
    if scheme == "complex":
        return float(np.imag(f(theta + 1j * epsilon)) / epsilon)
    if scheme == "forward":
        return float((f(theta + epsilon) - f(theta)) / epsilon)
    return float((f(theta + epsilon) - f(theta - epsilon)) / (2 * epsilon))


def best_epsilon(scheme: str, dtype=np.float64) -> float:
    """The step at the bottom of the V, for a function whose value and derivatives are about 1.

    Rounding adds about u / eps (u: machine epsilon); eps + u / eps is least at u^(1/2) and
    eps² + u / eps at u^(1/3). The complex step has no rounding to trade: any tiny eps will do.
    """
    check_step(1.0, scheme)
    return 1e-20 if scheme == "complex" else float(np.finfo(dtype).eps) ** (1 / (1 + ORDERS[scheme]))


@dataclass(frozen=True)
class ScalarFunction:
    """A curve to take slopes of: f, its derivative df, and the LaTeX of f. Both accept arrays; f accepts complex ones.

    At a `kink` there is no slope; df is what backpropagation takes there.
    """

    name: str
    f: Callable
    df: Callable
    formula: str
    kink: float | None = None


FUNCTIONS: dict[str, ScalarFunction] = {s.name: s for s in (
    ScalarFunction("cube", lambda t: t * t * t, lambda t: 3 * t * t, r"\theta^3"),
    ScalarFunction("square", lambda t: t * t, lambda t: 2 * t, r"\theta^2"),
    ScalarFunction("exp", np.exp, np.exp, r"e^\theta"),
    ScalarFunction("sin", np.sin, np.cos, r"\sin\theta"),
    ScalarFunction("tanh", np.tanh, lambda t: 1 - np.tanh(t) ** 2, r"\tanh\theta"),
    ScalarFunction("sigmoid", lambda t: 1 / (1 + np.exp(-t)), lambda t: 1 / (2 + 2 * np.cosh(t)), r"1 / (1 + e^{-\theta})"),
    ScalarFunction("relu", lambda t: np.where(np.real(t) > 0, t, 0), lambda t: np.where(t > 0, 1.0, 0.0), r"\max(0, \theta)", 0.0),
)}


@dataclass(frozen=True)
class Secants:
    """Both secants at one step: slope of the one through theta and theta + eps, and of the one through theta -+ eps.

    `exact` is nan at a kink, which has no tangent.
    """

    epsilon: float
    exact: float
    one_sided: float
    two_sided: float

    @property
    def one_sided_error(self) -> float:
        return abs(self.one_sided - self.exact)

    @property
    def two_sided_error(self) -> float:
        return abs(self.two_sided - self.exact)


def secants(function: str = "cube", theta: float = 1.0, epsilons: Sequence[float] = (0.01, 0.001)) -> list[Secants]:
    """The table of the lesson: theta³ at 1 gives 3.0301 and 3.0001, then 3.003001 and 3.000001."""
    chosen = FUNCTIONS[function]
    exact = math.nan if theta == chosen.kink else float(chosen.df(theta))
    return [Secants(e, exact, derivative(chosen.f, theta, e, "forward"), derivative(chosen.f, theta, e)) for e in epsilons]


EPSILONS = tuple(10.0 ** (k / 8) for k in range(-16 * 8, 1))   # 1e-16 … 1, eight a decade


@dataclass(frozen=True)
class VCurve:
    """Error of one scheme in one precision: errors (E,) at epsilons (E,), NaN or 0 where nothing can be drawn.

    `order` is the slope measured on the right arm of the log-log plot (nan where it has no arm),
    `best` the step of the least error, `best_error` that error.
    """

    scheme: str
    dtype: str
    epsilons: Array
    errors: Array
    order: float
    best: float
    best_error: float

    @property
    def exact_up_to(self) -> float:
        """The largest epsilon up to which every error is rounding of a slope of about 1; 0 where a left arm begins at once."""
        off = self.errors > AT_ROUNDING * np.finfo(self.dtype).eps
        return 0.0 if off[0] else float(self.epsilons[(off.argmax() if off.any() else len(off)) - 1])

    @property
    def jumps_at(self) -> float:
        """The epsilon from which on every error is large; infinite where the longest step is still exact."""
        small = np.flatnonzero(self.errors <= NO_STEP_HELPS)
        return float(self.epsilons[small[-1] + 1]) if small[-1] + 1 < len(self.epsilons) else math.inf


def v_curve(function: str = "cube", theta: float = 1.0, *, scheme: str = "central", dtype=np.float64,
            epsilons: Sequence[float] = EPSILONS) -> VCurve:
    """Error against epsilon, as the root mean square over 25 points within 5 % of theta.

    One point alone draws a ragged V, with lucky gaps where theta ± eps happens to be exact.
    """
    chosen, dtype = FUNCTIONS[function], np.dtype(dtype)
    points = (theta + 0.05 * max(abs(theta), 1.0) * np.linspace(-1, 1, 25)).astype(dtype)   # rounded first: the point itself is exact
    exact = chosen.df(points.astype(np.float64))
    steps = np.asarray(epsilons, np.float64)
    errors = np.empty(len(steps))
    with np.errstate(all="ignore"):
        for k, step in enumerate(steps):
            values = [derivative(chosen.f, point, float(step), scheme) for point in points]
            errors[k] = np.sqrt(np.mean((np.asarray(values) - exact) ** 2))
    bottom = int(np.nanargmin(errors))
    floor = max(errors[bottom], float(np.finfo(dtype).eps) * max(1.0, float(np.abs(exact).max())))
    right_arm = (steps > steps[bottom]) & (steps <= 0.1) & (errors > 10 * floor)
    order = math.nan   # on straight pieces with a kink between them the error jumps: that is no arm
    if chosen.kink is None and right_arm.any() and errors[right_arm].max() > 100 * floor:
        order = float(np.polyfit(np.log(steps[right_arm]), np.log(errors[right_arm]), 1)[0])
    return VCurve(scheme, dtype.name, steps, errors, order, float(steps[bottom]), float(errors[bottom]))
