"""By hand: backpropagation through two inputs, two units and one output, every number written out.

The network of the lecture notes: a1 = sigma(w1 x1 + w2 x2), a2 = sigma(w3 x1 + w4 x2),
y = sigma(w5 a1 + w6 a2), J = (y - t)²/2, without biases. Going back, each unit hands on
what it received times its own slope: that product of slopes is the whole story of depth.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.activations import as_activation

NAMES = ("x1", "x2", "w1", "w2", "w3", "w4", "w5", "w6", "t")
NOTES = {"x1": 1.0, "x2": -1.0, "w1": 2.0, "w2": 1.0, "w3": 1.0, "w4": 1.0, "w5": 1.0, "w6": -1.0, "t": 1.0}


SIGMOID = as_activation("sigmoid")


def sigma(z: float) -> float:
    return float(SIGMOID.f(np.float64(z)))


def slope(z: float) -> float:
    """sigma'(z): never above a quarter."""
    return float(SIGMOID.df(np.float64(z)))


def passes(x1: float, x2: float, w1: float, w2: float, w3: float, w4: float, w5: float, w6: float, t: float) -> dict[str, float]:
    """Forward, then backward, one line a step; every value by its name, delta_k as dk and ∂J/∂w_k as dwk."""
    z1 = w1 * x1 + w2 * x2 + 0.0   # turns -0.0 into 0.0
    a1 = sigma(z1)
    z2 = w3 * x1 + w4 * x2 + 0.0
    a2 = sigma(z2)
    z3 = w5 * a1 + w6 * a2 + 0.0
    y = sigma(z3)
    J = (y - t) ** 2 / 2

    d3 = (y - t) * slope(z3)     # delta_3 = ∂J/∂z_3
    dw5 = d3 * a1
    dw6 = d3 * a2
    d1 = d3 * w5 * slope(z1)     # delta_1 = ∂J/∂z_1: what arrives, times the unit's own slope
    dw1 = d1 * x1
    dw2 = d1 * x2
    d2 = d3 * w6 * slope(z2)
    dw3 = d2 * x1
    dw4 = d2 * x2
    return {"z1": z1, "a1": a1, "z2": z2, "a2": a2, "z3": z3, "y": y, "J": J,
            "d3": d3, "dw5": dw5, "dw6": dw6, "d1": d1, "dw1": dw1, "dw2": dw2, "d2": d2, "dw3": dw3, "dw4": dw4}


def loss(**given: float) -> float:
    """J alone: what a difference quotient asks for."""
    return passes(**complete(given))["J"]


def slopes(**given: float) -> tuple[float, float, float]:
    """sigma'(z1), sigma'(z2), sigma'(z3)."""
    v = passes(**complete(given))
    return slope(v["z1"]), slope(v["z2"]), slope(v["z3"])


def complete(given: Mapping[str, float]) -> dict[str, float]:
    """Inputs, weights and target as floats; what is not given is as in the notes. Raises as `solve` does."""
    unknown = set(given) - set(NAMES)
    if unknown:
        raise ValueError(f"names must be among {', '.join(NAMES)}, got {', '.join(sorted(unknown))}")
    v = {**NOTES, **{name: float(value) for name, value in given.items()}}
    for name, value in v.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    return v


# The same lines as LaTeX: key, symbol, rule, and the rule with a place for each number.
FORWARD = (
    ("z1", "z_1", "w_1 x_1 + w_2 x_2", r"{w1} \cdot {x1} + {w2} \cdot {x2}"),
    ("a1", "a_1", r"\sigma(z_1)", r"1 / (1 + e^{{-{z1}}})"),
    ("z2", "z_2", "w_3 x_1 + w_4 x_2", r"{w3} \cdot {x1} + {w4} \cdot {x2}"),
    ("a2", "a_2", r"\sigma(z_2)", r"1 / (1 + e^{{-{z2}}})"),
    ("z3", "z_3", "w_5 a_1 + w_6 a_2", r"{w5} \cdot {a1} + {w6} \cdot {a2}"),
    ("y", "y", r"\sigma(z_3)", r"1 / (1 + e^{{-{z3}}})"),
    ("J", "J", r"\tfrac12 (y - t)^2", r"\tfrac12 ({y} - {t})^2"),
)
BACKWARD = (
    ("d3", r"\delta_3", r"(y - t)\, \sigma'(z_3)", r"{error} \cdot {slope3}"),
    ("dw5", r"\partial J / \partial w_5", r"\delta_3\, a_1", r"{d3} \cdot {a1}"),
    ("dw6", r"\partial J / \partial w_6", r"\delta_3\, a_2", r"{d3} \cdot {a2}"),
    ("d1", r"\delta_1", r"\delta_3\, w_5\, \sigma'(z_1)", r"{d3} \cdot {w5} \cdot {slope1}"),
    ("dw1", r"\partial J / \partial w_1", r"\delta_1\, x_1", r"{d1} \cdot {x1}"),
    ("dw2", r"\partial J / \partial w_2", r"\delta_1\, x_2", r"{d1} \cdot {x2}"),
    ("d2", r"\delta_2", r"\delta_3\, w_6\, \sigma'(z_2)", r"{d3} \cdot {w6} \cdot {slope2}"),
    ("dw3", r"\partial J / \partial w_3", r"\delta_2\, x_1", r"{d2} \cdot {x1}"),
    ("dw4", r"\partial J / \partial w_4", r"\delta_2\, x_2", r"{d2} \cdot {x2}"),
)


@dataclass(frozen=True)
class Step:
    """One line of arithmetic: LaTeX of its name, of the rule and of the rule with numbers, and the value."""

    key: str
    symbol: str
    rule: str
    numbers: str
    value: float


def number(x: float, brackets: bool = True) -> str:
    """LaTeX of a number with four significant digits; negative ones in brackets, as factors need them."""
    mantissa, _, exponent = f"{x:.4g}".partition("e")
    text = rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa
    return f"({text})" if x < 0 and brackets else text


def solve(**given: float) -> tuple[list[Step], list[Step]]:
    """Forward steps and backward steps, with their arithmetic, for inputs x1, x2, weights w1 … w6 and target t.

    What is not given is as in the notes: x = (1, -1), w = (2, 1, 1, 1, 1, -1), t = 1; then a1 = .731 and y = .5575.

    Raises
    ------
    ValueError
        "names must be among x1, x2, …, got w7"; "w1 must be finite, got nan".
    """
    inputs = complete(given)
    v = inputs | passes(**inputs)
    seen = v | {"error": v["y"] - v["t"], "slope1": slope(v["z1"]), "slope2": slope(v["z2"]), "slope3": slope(v["z3"])}
    written = {name: number(value) for name, value in seen.items()}

    def steps(lines: tuple[tuple[str, str, str, str], ...]) -> list[Step]:
        return [Step(key, symbol, rule, numbers.format_map(written), v[key]) for key, symbol, rule, numbers in lines]

    return steps(FORWARD), steps(BACKWARD)
