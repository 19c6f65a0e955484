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
    unknown = set(given) - set(NAMES)
    if unknown:
        raise ValueError(f"names must be among {', '.join(NAMES)}, got {', '.join(sorted(unknown))}")
    v = {**NOTES, **{name: float(value) for name, value in given.items()}}
    for name, value in v.items():
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, got {value}")
    sigmoid = as_activation("sigmoid")
    forward: list[Step] = []
    backward: list[Step] = []

    def note(steps: list[Step], key: str, symbol: str, rule: str, numbers: str, value: float) -> None:
        v[key] = value
        steps.append(Step(key, symbol, rule, numbers, value))

    def weighted(key: str, z: str, pairs: tuple[tuple[str, str], ...]) -> None:
        note(forward, key, z, " + ".join(f"{_tex(w)} {_tex(x)}" for w, x in pairs),
             " + ".join(rf"{number(v[w])} \cdot {number(v[x])}" for w, x in pairs), sum(v[w] * v[x] for w, x in pairs))

    def bent(key: str, z: str) -> None:
        note(forward, key, _tex(key), rf"\sigma({_tex(z)})", rf"1 / (1 + e^{{-{number(v[z])}}})", float(sigmoid.f(np.float64(v[z]))))
        v[f"slope_{z}"] = float(sigmoid.df(np.float64(v[z])))

    weighted("z1", "z_1", (("w1", "x1"), ("w2", "x2")))
    bent("a1", "z1")
    weighted("z2", "z_2", (("w3", "x1"), ("w4", "x2")))
    bent("a2", "z2")
    weighted("z3", "z_3", (("w5", "a1"), ("w6", "a2")))
    bent("y", "z3")
    note(forward, "J", "J", r"\tfrac12 (y - t)^2", rf"\tfrac12 ({number(v['y'])} - {number(v['t'])})^2", (v["y"] - v["t"]) ** 2 / 2)

    note(backward, "d3", r"\delta_3", r"(y - t)\, \sigma'(z_3)", rf"{number(v['y'] - v['t'])} \cdot {number(v['slope_z3'])}",
         (v["y"] - v["t"]) * v["slope_z3"])
    for weight, a in (("w5", "a1"), ("w6", "a2")):
        _product(note, backward, v, f"d{weight}", rf"\partial J / \partial {_tex(weight)}", "d3", a)
    for unit, out, inner in (("1", "w5", ("w1", "w2")), ("2", "w6", ("w3", "w4"))):
        delta, slope = f"d{unit}", v[f"slope_z{unit}"]
        note(backward, delta, rf"\delta_{unit}", rf"\delta_3\, {_tex(out)}\, \sigma'(z_{unit})",
             rf"{number(v['d3'])} \cdot {number(v[out])} \cdot {number(slope)}", v["d3"] * v[out] * slope)
        for weight, x in zip(inner, ("x1", "x2"), strict=True):
            _product(note, backward, v, f"d{weight}", rf"\partial J / \partial {_tex(weight)}", delta, x)
    return forward, backward


def _product(note, steps: list[Step], v: Mapping[str, float], key: str, symbol: str, delta: str, factor: str) -> None:
    note(steps, key, symbol, rf"\delta_{delta[1]}\, {_tex(factor)}", rf"{number(v[delta])} \cdot {number(v[factor])}", v[delta] * v[factor])


def _tex(name: str) -> str:
    return name if len(name) == 1 else f"{name[0]}_{name[1:]}"


def loss(**given: float) -> float:
    """J alone: what a difference quotient asks for."""
    return solve(**given)[0][-1].value


def slopes(**given: float) -> tuple[float, float, float]:
    """sigma'(z1), sigma'(z2), sigma'(z3): none is above a quarter."""
    z = {step.key: step.value for step in solve(**given)[0]}
    df = as_activation("sigmoid").df
    return tuple(float(df(np.float64(z[key]))) for key in ("z1", "z2", "z3"))
