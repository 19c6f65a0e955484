"""Gradient verdict: a report as a teacher reads it out, and the setting that would help."""

import math

from engine.gradient_check.report import WORST_FIRST, GradientReport, ParameterReport, band, relative_error
from engine.verdict import Verdict, number

GradientVerdict = Verdict   # kind: the grade; fix: arguments of `check_gradients` (epsilon, dtype, frozen), or "samples"; often empty


def explain(report: GradientReport, samples: int = 16) -> Verdict:
    """The grade in a few sentences: what was found, where, and whether the plain formula would have been misled."""
    guilty = [row for row in report.by_parameter.values() if row.grade in WORST_FIRST]
    if report.grade == "right":
        text = _right(report)
    elif guilty:
        worst = max(guilty, key=lambda row: math.inf if math.isnan(row.relative_error) else row.relative_error)
        right = [row.name for row in report.by_parameter.values() if row.grade == "right"]
        verb = ("agree only roughly" if report.grade == "fair" else "do not agree") if len(guilty) > 1 else (
            "agrees only roughly" if report.grade == "fair" else "does not agree")
        text = (f"The check is graded **{report.grade}**: {_names([row.name for row in guilty])} {verb}. "
                f"The worst is {worst.name}, with a relative error of {number(worst.relative_error)}, "
                f"most of all at index [{', '.join(map(str, worst.worst))}]. ")
        text += f"Right: {_names(right)}." if right else "No parameter is right."
        if report.better_epsilon:
            text += " But ε does not suit the scheme, and the differences may be what is wrong: check again with a better ε."
    else:
        text = _not_compared(report)
    return Verdict(report.grade, text, _fix(report, samples))


def _right(report: GradientReport) -> str:
    """In how many components, and what a cruder check would have said."""
    error, naive = number(report.relative_error), band(report.relative_error)
    count, all_of_them = number(report.compared), report.compared == report.analytical.size
    text = f"Backpropagation is right in all {count} components{'' if all_of_them else ' that could be compared'}"
    if naive != "right":
        return (f"{text}. The plain formula gives {error} and would say **{naive}**, because it also counts {_excuse(report)}."
                + _left_out(report))
    text += f": relative error {error}."
    strict = max((row for row in report.by_parameter.values() if row.grade == "right"), key=lambda row: row.relative_error)
    if band(strict.relative_error) != "right":
        text += (f" A strict threshold of 10⁻⁷ would reject {strict.name} with {number(strict.relative_error)}. "
                 f"What it would count is {_excuse(report, strict)}, not a bug.")
    return text + _left_out(report)


def _excuse(report: GradientReport, row: ParameterReport | None = None) -> str:
    """What makes the plain formula's number so large: is it small enough once the components at kinks are left out?"""
    here = slice(row.start, row.start + math.prod(row.shape)) if row else slice(None)
    smooth = ~report.crosses_kink[here]
    steady = band(relative_error(report.analytical[here][smooth], report.numerical[here][smooth])) == "right"
    if steady:
        return "steps across a kink"
    return "rounding and the secant's own error" if smooth.all() else "rounding, the secant's own error and steps across a kink"


def _left_out(report: GradientReport) -> str:
    """Every component that was not compared, by its reason."""
    idle = int(report.idle.sum())
    kinks = int((report.crosses_kink & ~report.idle).sum())
    rest = report.analytical.size - report.compared - idle - kinks
    parts = [f"{number(n)} {one if n == 1 else many}" for n, one, many in (
        (idle, "that is 0 on both sides", "that are 0 on both sides"), (kinks, "that steps across a kink", "that step across a kink"),
        (rest, "that rounding hides", "that rounding hides")) if n]
    return f" Not compared: {_names(parts)}." if parts else ""


def _not_compared(report: GradientReport) -> str:
    """Too little was compared for a verdict: why."""
    error, naive, size = number(report.relative_error), band(report.relative_error), report.analytical.size
    idle = int(report.idle.sum())
    if idle == size:
        return f"Nothing was tested: all {number(size)} components are exactly 0 on both sides."
    plain = f"The plain formula gives {error} and would say **{naive}**"
    if report.grade == "vacuous" and 2 * idle > size:
        return (f"Hardly anything was tested: {number(idle)} of the {number(size)} components are exactly 0 on both sides. "
                f"{plain}. Its number comes from the other {number(size - idle)}.")
    if report.grade == "kink":
        return (f"No verdict on backpropagation: {number(int(report.crosses_kink.sum()))} of the {number(size)} components step across a kink, "
                f"where both sides may differ and be right. {plain}. Try other images or a smaller ε.")
    warned = {warning.kind for warning in report.warnings}
    why = {"dropout": "the losses that were subtracted had different masks", "float32": "float32 leaves too few digits of the difference",
           "epsilon": "ε does not suit the scheme", "overflow": "not every number is finite"}
    said = [reason for kind, reason in why.items() if kind in warned]
    doubtful = [row for row in report.by_parameter.values() if row.grade == "unclear"]
    small = any(report.rounding * math.sqrt(math.prod(row.shape)) > 1e-2 * (row.gradient_norm + row.numerical_norm) for row in doubtful)
    lost = "the gradient is too close to the rounding of its differences" if small else "the secant is too far from the tangent"
    lost = "the gradient is smaller than the rounding of its differences" if report.grade == "vacuous" else lost
    return f"No verdict on backpropagation: {', and '.join(said) or lost}. {plain}."


def _fix(report: GradientReport, samples: int) -> dict[str, object]:
    fix: dict[str, object] = {}
    warned = {warning.kind for warning in report.warnings}
    if "dropout" in warned:
        fix["frozen"] = True
    elif report.grade == "vacuous" and samples == 1:
        fix["samples"] = 16
    if "float32" in warned:
        fix["dtype"] = "float64"
    if report.better_epsilon:
        fix["epsilon"] = report.better_epsilon
    return fix


def _names(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
