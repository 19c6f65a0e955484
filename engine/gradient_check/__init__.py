"""Gradient check: is backpropagation right?

Read in this order: finite_differences (a slope from two values), check (every component
of theta compared), structured (the same numbers, faster), report (what a check found),
explanation (what that means, in words). Then faults to be found: bugs (each one line
away from the right code), zoo (what each looks like to a check), listing (its backward
pass in eleven lines) and cautions (what a check can overlook).
"""

from engine.gradient_check.cautions import CAUTIONS, Caution
from engine.gradient_check.check import Cost, check_cost, check_directions, check_gradients, numerical_gradient
from engine.gradient_check.explanation import GradientVerdict, explain
from engine.gradient_check.finite_differences import (
    FUNCTIONS,
    SCHEMES,
    ScalarFunction,
    Secants,
    VCurve,
    best_epsilon,
    derivative,
    secants,
    v_curve,
)
from engine.gradient_check.report import BANDS, GradientReport, ParameterReport, Remark, band, judge, relative_error
from engine.gradient_check.zoo import BUGS, NUMBERED, Bug, Exercise, exercise, fingerprint, numbered, plant

__all__ = [
    "BANDS", "BUGS", "CAUTIONS", "FUNCTIONS", "NUMBERED", "SCHEMES", "Bug", "Caution", "Cost", "Exercise", "GradientReport",
    "GradientVerdict", "ParameterReport", "Remark", "ScalarFunction", "Secants", "VCurve", "band", "best_epsilon", "check_cost", "check_directions",
    "check_gradients", "derivative", "exercise", "explain", "fingerprint", "judge", "numbered", "numerical_gradient", "plant",
    "relative_error", "secants", "v_curve",
]
