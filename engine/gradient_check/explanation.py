"""Gradient verdict: a report as a teacher reads it out, and the setting that would help."""

import math

from engine.gradient_check.report import GradientReport, band
from engine.verdict import Verdict, number

GradientVerdict = Verdict   # kind: the grade; fix: arguments of `check_gradients` (epsilon, dtype, frozen), or "samples"; often empty


def explain(report: GradientReport, samples: int = 16) -> Verdict:
    """The grade in one or two sentences: what was found, where, and whether the plain formula would have been misled."""
    error, count = number(report.relative_error), number(report.analytical.size)
    naive, fix = band(report.relative_error), _fix(report, samples)
    guilty = [row for row in report.by_parameter.values() if row.grade in ("fair", "suspicious", "wrong")]
    if report.grade == "right":
        left_out = int(report.crosses_kink.sum())
        idle = f" ({100 * report.vacuous:.0f} % of them are 0 on both sides)" if report.vacuous >= 0.1 else ""
        text = f"Backpropagation is right in all {count} components{idle}: relative error {error}."
        if naive != "right":
            why = f"{number(left_out)} components whose step crosses a kink are left out" if left_out else "what rounding explains is left out"
            text = f"Backpropagation is right. The plain formula gives {error} and would say **{naive}**; here {why}."
        else:
            strict = max(report.by_parameter.values(), key=lambda row: row.relative_error if row.grade == "right" else 0)
            if strict.grade == "right" and band(strict.relative_error) != "right":
                text += (f" A strict threshold of 10⁻⁷ would reject {strict.name} with {number(strict.relative_error)}: "
                         f"that is {'a kink' if strict.kinks else 'rounding'}, not a bug.")
        if naive == "right" and left_out:
            text += f" {number(left_out)} of them step across a kink and are left out of the grade."
        return Verdict("right", text, fix)
    if guilty:
        worst = max(guilty, key=lambda row: math.inf if math.isnan(row.relative_error) else row.relative_error)
        right = [row.name for row in report.by_parameter.values() if row.grade == "right"]
        text = (f"Graded **{report.grade}**: {_names([row.name for row in guilty])} {'does' if len(guilty) == 1 else 'do'} not agree. "
                f"The worst is {worst.name} with {number(worst.relative_error)}, most of all at index [{', '.join(map(str, worst.worst))}]. ")
        text += f"Right: {_names(right)}." if right else "No parameter is right."
        return Verdict(report.grade, text, fix)
    if report.grade == "vacuous" and report.vacuous > 0.5:
        text = f"Nothing was tested: {100 * math.floor(1000 * report.vacuous) / 1000:.3g} % of the {count} components are exactly 0 on both sides. "
        text += f"The plain formula gives {error} and says **{naive}**: that is a word about the rest."
        return Verdict("vacuous", text, fix)
    if report.grade == "kink":
        return Verdict("kink", f"Nearly every component steps across a kink, where both sides may differ ({error}) and be right. "
                               "Other images or a smaller ε help.", fix)
    why = {"dropout": "the losses that were subtracted had different masks", "float32": "float32 leaves too few digits of the difference",
           "epsilon": "ε does not suit the scheme", "overflow": "not every number is finite"}
    warned = {warning.kind for warning in report.warnings}
    said = [reason for kind, reason in why.items() if kind in warned]
    lost = "the gradient is smaller than the rounding of its differences" if report.grade == "vacuous" else "the secant is too far from the tangent"
    reason = ", and ".join(said) or lost
    return Verdict(report.grade, f"No verdict on backpropagation: {reason}. The plain formula gives {error} and would say **{naive}**.", fix)


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
