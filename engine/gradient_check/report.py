"""The report of a gradient check: how wrong, where, and whether anything was tested.

One number against one threshold accuses correct code at a kink or at a bad step, and acquits a wrong one where all
gradients are zero. So grades come in bands, parameter by parameter, and what cannot be judged is called by its name.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.gradient_check.conditions import SPOKEN, Conditions
from engine.parameters import Parameter
from engine.verdict import number
from engine.words import TESTED

Array = np.ndarray

BANDS = ((1e-7, "right"), (1e-4, "fair"), (1e-2, "suspicious"), (math.inf, "wrong"))   # CS231n, "Gradient checks"
WORST_FIRST = ("wrong", "suspicious", "fair")


def relative_error(a: Array, b: Array) -> float:
    """||a - b|| / (||a|| + ||b||): 0 for equal vectors (two zero vectors too), 1 for opposite ones."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / size) if size else 0.0


def band(error: float) -> str:
    """"right" up to 1e-7, "fair" up to 1e-4 (fine for deep or kinked losses), "suspicious" up to 1e-2, "wrong" above, or for nan."""
    return next((grade for limit, grade in BANDS if error <= limit), "wrong")


class Remark(str):
    """A warning of a gradient check: a sentence, and in one word what it is about.

    kind : "vacuous", "kink", "dropout" (the losses had different masks), "held" (one draw was held), "float32", "epsilon" or "overflow"
    """

    __slots__ = ("kind",)
    kind: str

    def __new__(cls, kind: str, text: str) -> "Remark":
        remark = super().__new__(cls, text)
        remark.kind = kind
        return remark

    @property
    def text(self) -> str:
        return str(self)

    def __getnewargs__(self) -> tuple[str, str]:   # for copies and pickles
        return self.kind, str(self)


@dataclass(frozen=True)
class ParameterReport:
    """One row of the report. Grades as in `GradientReport`.

    `relative_error` is over all components, `worst` the index of the largest difference,
    `vacuous` the share of components that are exactly 0 on both sides, `kinks` how many stepped across a kink.
    `factor` is the number that fits analytical = factor · numerical best, 1 for a right gradient and nan without one;
    `mean_difference` the mean of |a - b|.
    """

    name: str
    shape: tuple[int, ...]
    start: int                # the parameter is [start:start + size] of the vectors
    relative_error: float
    grade: str
    gradient_norm: float
    numerical_norm: float
    worst: tuple[int, ...]
    vacuous: float
    kinks: int
    factor: float
    mean_difference: float


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found.

    Attributes
    ----------
    relative_error : ||a - b|| / (||a|| + ||b||) over all components; `band` reads it the naive way
    grade : "right", "fair", "suspicious" or "wrong", as the worst parameter; or, where nothing was left to compare,
        "vacuous" (both sides are 0, or below rounding), "kink" (all components step across one)
        or "unclear" (the numerical gradient is too inexact: see the warnings)
    analytical, numerical : (P,)
    crosses_kink : bool (P,), components that the grade leaves out
    by_parameter : name -> ParameterReport, in the order of theta
    warnings : `Remark`s: sentences that each begin with a word and a colon, and know their kind
    gradient_norm : ||a||
    vacuous : share of components that are exactly 0 on both sides
    rounding : about how far rounding alone can put one numerical component off
    deterministic : whether two forward passes agree without holding masks and slopes
    better_epsilon : None where epsilon is fine
    """

    relative_error: float
    grade: str
    analytical: Array
    numerical: Array
    crosses_kink: Array
    by_parameter: dict[str, ParameterReport]
    warnings: tuple[Remark, ...]
    gradient_norm: float
    vacuous: float
    rounding: float
    deterministic: bool
    better_epsilon: float | None

    @property
    def idle(self) -> Array:
        """Components that are exactly 0 on both sides, (P,)."""
        return (self.analytical == 0) & (self.numerical == 0)

    @property
    def compared(self) -> int:
        """How many components the grade compares: not 0 on both sides, nor at a kink, and of a parameter that could be judged."""
        left = ~(self.idle | self.crosses_kink)
        return sum(int(left[row.start:row.start + math.prod(row.shape)].sum()) for row in self.by_parameter.values()
                   if row.grade in ("right", *WORST_FIRST))

    @property
    def local_error(self) -> Array:
        """|a_k - b_k| √n / (||a|| + ||b||) of each component's own parameter of n components, (P,).

        Its root mean square over a parameter is that parameter's relative error; unlike |a - b| / (|a| + |b|), it does
        not blame rounding on components whose gradient happens to be tiny. NaN counts as infinite.
        """
        error = np.abs(self.analytical - self.numerical)
        error = np.where(np.isnan(error), np.inf, error)
        for row in self.by_parameter.values():
            n, size = math.prod(row.shape), row.gradient_norm + row.numerical_norm
            here = slice(row.start, row.start + n)
            error[here] = error[here] * (math.sqrt(n) / size) if 0 < size < math.inf else np.where(error[here] > 0, np.inf, 0)
        return error


def judge(parameters: list[Parameter], analytical: Array, numerical: Array, crossed: Array, again: Callable[[], Array],
          conditions: Conditions) -> GradientReport:
    """Judge each parameter, then the whole.

    Parameters
    ----------
    parameters : names and shapes, in the order of the vectors
    analytical, numerical : (P,)
    crossed : bool (P,), components that stepped across a kink
    again : measures the numerical gradient (P,) once more, with half the step; called only when in doubt
    """
    rounding, second = conditions.rounding(analytical), []
    zero = (analytical == 0) & (numerical == 0)
    rows, start = {}, 0
    for p in parameters:
        here = slice(start, start + p.value.size)
        a, b, smooth = analytical[here], numerical[here], ~crossed[here]

        def uncertainty(here=here, smooth=smooth) -> float:
            if not second:
                second.append(again())
            return 3 * float(np.linalg.norm((numerical[here] - second[0][here])[smooth]))

        difference = np.where(np.isnan(a - b), np.inf, np.abs(a - b))
        worst = tuple(int(i) for i in np.unravel_index(difference.argmax(), p.value.shape))
        rows[p.name] = ParameterReport(
            p.name, p.value.shape, start, relative_error=relative_error(a, b), grade=_grade(a[smooth], b[smooth], rounding, uncertainty),
            gradient_norm=float(np.linalg.norm(a)), numerical_norm=float(np.linalg.norm(b)), worst=worst, vacuous=float(zero[here].mean()),
            kinks=int((~smooth).sum()), factor=_factor(a[smooth], b[smooth], rounding), mean_difference=float(difference.mean()))
        start = here.stop
    return GradientReport(
        relative_error=relative_error(analytical, numerical), grade=_overall(rows, zero | crossed), analytical=analytical, numerical=numerical,
        crosses_kink=crossed, by_parameter=rows, warnings=_warnings(rows, analytical, numerical, crossed, zero, conditions),
        gradient_norm=float(np.linalg.norm(analytical)), vacuous=float(zero.mean()), rounding=rounding,
        deterministic=conditions.deterministic, better_epsilon=conditions.better_epsilon)


def _grade(a: Array, b: Array, rounding: float, uncertainty: Callable[[], float]) -> str:
    """Grade one parameter's gradient a against the numerical b, both without the components at kinks."""
    if not a.size:
        return "kink"
    if not np.isfinite(b).all():
        return "unclear"
    if not np.isfinite(a).all():
        return "wrong"
    if max(np.abs(a).max(), np.abs(b).max()) <= rounding:
        return "vacuous"
    size, difference = np.linalg.norm(a) + np.linalg.norm(b), np.linalg.norm(a - b)
    doubt = rounding * math.sqrt(a.size)
    if difference > doubt + 1e-7 * size:
        doubt = max(doubt, uncertainty())
    if doubt > 1e-2 * size and difference <= doubt:
        return "unclear"
    return band(max(0.0, difference - doubt) / size)


def _factor(a: Array, b: Array, rounding: float) -> float:
    """Least squares for a = factor · b, over components that rounding does not hide."""
    seen = (np.abs(b) > rounding) & np.isfinite(a) & np.isfinite(b)
    return float(a[seen] @ b[seen] / (b[seen] @ b[seen])) if seen.any() else math.nan


def _overall(rows: dict[str, ParameterReport], untested: Array) -> str:
    """The worst parameter's grade; if too few of all components were tested, why they were not."""
    grades = {row.grade for row in rows.values()}
    bad = next((grade for grade in WORST_FIRST if grade in grades), None)
    if bad:
        return bad
    sizes: Counter[str] = Counter()
    for row in rows.values():
        idle = int(untested[row.start:row.start + math.prod(row.shape)].sum()) if row.grade == "right" else 0
        sizes[row.grade] += math.prod(row.shape) - idle
        sizes["vacuous"] += idle
    tested = sizes.pop("right", 0)
    return "right" if tested >= TESTED * untested.size else sizes.most_common(1)[0][0]


def _warnings(rows: dict[str, ParameterReport], analytical: Array, numerical: Array, crossed: Array, zero: Array,
              how: Conditions) -> tuple[Remark, ...]:
    said: list[Remark] = []
    better = how.better_epsilon
    idle = [row.name for row in rows.values() if row.grade == "vacuous"]
    if idle or zero.mean() > 0.5:
        share = math.floor(1000 * zero.mean()) / 10   # rounded down: 100 % means all
        parts = [f"{share:g} % of the components are exactly 0 on both sides"] if share else []
        parts += [f"nothing lies above rounding in {', '.join(idle)}"] if idle else []
        said.append(Remark("vacuous", f"vacuous: {', and '.join(parts)}. Agreement there tests nothing."))
    if crossed.any():
        where = ", ".join(f"{row.name} ({number(row.kinks)})" for row in rows.values() if row.kinks)
        said.append(Remark("kink", f"kink: the step of {number(int(crossed.sum()))} of {number(crossed.size)} components crosses a kink. Both sides "
                           f"may differ there, and the grade leaves them out: {where}."))
    if not how.deterministic:
        drawn = "dropout: two forward passes differ, because masks or slopes are drawn anew; "
        said.append(Remark("held", drawn + "the check held one draw.") if how.frozen else
                    Remark("dropout", drawn + "the losses that were subtracted are different functions: freeze the draw."))
    if how.dtype.itemsize < 8:
        said.append(Remark("float32", "float32: it carries 7 digits, and a difference of two losses can lose most of them; check in float64."))
    if better:
        side = "small" if how.epsilon < better else "large"
        small = "its products may underflow" if how.scheme == "complex" else "rounding grows as 1 / epsilon"
        why = small if side == "small" else "the secant is not the tangent"
        said.append(Remark("epsilon", f"epsilon: {number(how.epsilon, 2)} is too {side} for {SPOKEN[how.scheme]} in {how.dtype.name}, "
                           f"because {why}. A good one is {number(better, 1)}."))
    if not (np.isfinite(analytical).all() and np.isfinite(numerical).all()):
        where = ", ".join(row.name for row in rows.values() if not math.isfinite(row.gradient_norm + row.numerical_norm))
        said.append(Remark("overflow", f"overflow: not every component is finite, in {where}."))
    return tuple(said)
