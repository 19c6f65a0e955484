"""Verdicts and numbers: what an experiment shows, in a sentence that a teacher could say.

Every sentence of the program writes its numbers with `number`, so that one and the same
value looks the same on every page.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Verdict:
    """One or two sentences on one result, and the change of settings that would help.

    kind : what is the case, in one word; whoever gives verdicts names its kinds
    text : what happened, with the result's own numbers
    fix : settings to change, by name; empty where nothing needs to be, or nothing was found
    layer : where it shows, counted from 1; None where it shows in no layer, or in all
    """

    kind: str
    text: str
    fix: Mapping[str, object] = field(default_factory=dict)
    layer: int | None = None


def number(x: float, digits: int = 3) -> str:
    """A number as people write it: 0.83, −2, 998,001, 2.8 × 10⁻³, ∞.

    Below 99.5 it has `digits` significant digits, then it is whole; from 10⁷ on and below 0.01 it is
    a power of ten with one decimal. The spaces around × do not break.
    """
    size = abs(x)
    if not math.isfinite(x):
        return "not a number" if math.isnan(x) else "∞" if x > 0 else "−∞"
    if x == 0:
        return "0"
    if min(99.5, 10**digits - 0.5) <= size < 1e7:
        text = f"{x:,.0f}"
    elif 0.01 <= size < 1e7:
        text = f"{x:.{digits}g}"
    else:
        mantissa, exponent = f"{x:.{min(1, digits - 1)}e}".split("e")
        text = f"{mantissa}\u00a0×\u00a0{power(int(exponent))}"
    return text.replace("-", "−")


def power(exponent: int, base: object = 10) -> str:
    """A power as people write it: 10⁻³, 0.9²⁰."""
    return f"{base}{str(exponent).translate(SUPERSCRIPT)}"
