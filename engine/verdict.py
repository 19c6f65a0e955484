"""Temporary."""
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
@dataclass(frozen=True)
class Verdict:
    kind: str
    text: str
    fix: Mapping[str, object] = field(default_factory=dict)
def number(x: float, digits: int = 3) -> str:
    if not math.isfinite(x):
        return "not a number" if math.isnan(x) else "∞" if x > 0 else "−∞"
    if 99.5 <= abs(x) < 1e7:
        return f"{x:,.0f}".replace("-", "−")
    if x == 0 or 0.01 <= abs(x) < 99.5:
        return f"{x:.{digits}g}".replace("-", "−")
    mantissa, exponent = f"{x:.{min(1, digits - 1)}e}".split("e")
    return f"{mantissa}\u00a0×\u00a010{str(int(exponent)).translate(SUPERSCRIPT)}".replace("-", "−")
