"""How keys and numbers are written: for people, and in a link."""

import math
import re
from typing import Any

from engine import activations, initializers, optimizers
from engine.verdict import SUPERSCRIPT

TITLES = {**activations.TITLES, **initializers.TITLES, **optimizers.TITLES, "mnist": "MNIST"}


def title(key: Any) -> str:
    """What people call a table's key: "he_normal" is He normal, 0.003 is 0.003, 60000 is 60,000."""
    if isinstance(key, int):
        return f"{key:,}"
    return f"{key:g}" if isinstance(key, float) else TITLES.get(key, key.replace("_", " ").capitalize())


def rule(key: str) -> str:
    """An initializer in a menu, so that who looks for Xavier finds it: the name means two rules."""
    return title(key) + {"lecun_normal": ": Xavier in the notes", "glorot_normal": " (Xavier)", "glorot_uniform": " (Xavier)"}.get(key, "")


def rule_note(key: str) -> str:
    """What stands below the menu of initializers: the formula, who says so, and what Keras and PyTorch call it."""
    rule, names = initializers.INITIALIZERS[key], initializers.ELSEWHERE.get(key)
    called = f"Keras: `kernel_initializer={names[0]}`. PyTorch: `nn.init.{names[1]}`." if names else "Neither Keras nor PyTorch has it built in."
    return f"${rule.formula}$ — {rule.source}  \n{called}"


def listed(value: Any) -> str:
    return ", ".join(map(title, value)) if isinstance(value, list) else title(value)


def powers(x: float) -> str:
    """10⁻⁵ for 0.00001, 0.1 as it is: labels of a ladder of powers of ten."""
    exponent = round(math.log10(x))
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if exponent < -2 else f"{x:g}"


def plain(x: float) -> str:
    """A number for a link: 0.00001, 10000."""
    return f"{x:.12g}"


def as_number(text: str) -> float | None:
    """The number that a link's text is, if it is one."""
    return float(text) if re.fullmatch(r"[-+]?(\d{1,20}\.?\d{0,20}|\.\d{1,20})([eE][-+]?\d{1,3})?", text) else None
