"""One curve: which secant leans like the tangent?"""

import json

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check.finite_differences import FUNCTIONS, Secants, derivative, secants
from engine.verdict import Verdict, number, power
from pages.parts.gradient_checking.common import FUNCTION, NAMES, THETA
from pages.shared import encodings, layout
from pages.shared.control import Ladder, Values
from pages.shared.encodings import drawn
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import LONG, QUIET, TALL, colour, tint
from pages.shared.titles import powers

STEP = Ladder(
    "grad_step", "Step ε of the secants", 0.5, "With a large step the secants can be seen to be off. With a tiny one, rounding puts the numbers off.",
    (*(10.0**-k for k in range(12, 1, -1)), 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), show=powers,
)
LINES = {"two-sided": "signal", "one-sided": "gradient", "tangent": "yardstick"}
DASHES = {"two-sided": [1, 0], "one-sided": [7, 3], "tangent": [2, 2]}
SPAN = (-3.0, 3.0)  # of θ in the drawing
REACH = {"cube": (-9, 9), "square": (-2, 9), "exp": (-2, 9), "relu": (-2, 3)}  # of f, where not (-2, 2)
STEPS = (0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9, 1e-11)  # of the table


def straight_lines(function: str, theta: float, here: Secants) -> pd.DataFrame:
    """Tangent, where there is one, and secants, each through the point or points that define it: columns t, y, line."""
    f, ends = FUNCTIONS[function].f, np.array(SPAN)
    through = {"tangent": (theta, here.exact), "two-sided": (theta - here.epsilon, here.two_sided), "one-sided": (theta, here.one_sided)}
    lines = [(x, float(f(x0)) + slope * (x - x0), name) for name, (x0, slope) in through.items() if np.isfinite(slope) for x in ends]
    return pd.DataFrame(lines, columns=["t", "y", "line"])


@drawn
def picture(points: pd.DataFrame, lines: pd.DataFrame, ends: pd.DataFrame, reach: tuple[float, float], name: str, shown: tuple[str, ...]) -> alt.LayerChart:
    """f as a grey curve; the tangent and both secants through it; dots where f was evaluated. Columns t, y (and line)."""
    x = encodings.number(alt.X, "t", "θ", domain=SPAN)
    y = encodings.number(alt.Y, "y", f"f = {name}", domain=reach)
    dash = alt.StrokeDash("line", type="nominal", scale=alt.Scale(domain=list(DASHES), range=list(DASHES.values())), legend=None)
    meaning = {line: LINES[line] for line in shown}
    legend = alt.Legend(values=list(shown), symbolOpacity=1, symbolSize=LONG, symbolDash=alt.ExprRef(f"({json.dumps(DASHES)})[datum.value]"))
    return alt.layer(
        alt.Chart(points).mark_line(color=QUIET, strokeWidth=3, clip=True).encode(x=x, y=y),
        alt.Chart(lines).mark_line(clip=True).encode(x=x, y=y, color=colour("line", meaning).legend(legend), strokeDash=dash),
        alt.Chart(ends).mark_point(size=70, filled=True, clip=True).encode(x=x, y=y, color=tint("yardstick")), resolve=encodings.OWN_COLOURS,
        height=TALL, title=alt.Title("Which secant leans like the tangent?", subtitle="Grey: the curve f. Dots: where f is evaluated."))


def read(here: Secants) -> Verdict:
    """Kinds: "kink" (no tangent), "exact" (both secants have the tangent's slope), or "off"."""
    text = f"At ε = {number(here.epsilon)} the two-sided secant has slope **{number(here.two_sided, 10)}**, "
    text += f"and the one-sided **{number(here.one_sided, 10)}**. "
    if np.isnan(here.exact):
        return Verdict("kink", text + "There is no tangent to compare them with: at this kink the slope is 0 on the left and 1 on the right.")
    one, two = here.one_sided_error, here.two_sided_error
    if one == two == 0:
        return Verdict("exact", f"{text}The tangent has {number(here.exact, 10)}, exactly as both secants.")
    return Verdict("off", f"{text}The tangent has {number(here.exact, 10)}, so they are off by {number(two)} and {number(one)}.")


def place(x: float) -> str:
    """A number of a formula with the digits that tell θ + ε from θ."""
    return tex(x) if 0 < abs(x) < 1e-3 else f"{x:.13g}"


def formula(function: str, theta: float, here: Secants) -> str:
    step = here.epsilon
    above = tex(abs(3 * theta * step + step**2))
    errors = rf" \\ \text{{errors without rounding }} &\; \varepsilon^2 = {tex(step**2)} \\ &\; |3\theta\varepsilon + \varepsilon^2| = {above}"
    return (
        r"\begin{aligned} &\frac{f(\theta+\varepsilon)-f(\theta-\varepsilon)}{2\varepsilon} \\ "
        rf"= &\;\frac{{f({place(theta + step)})-f({place(theta - step)})}}{{2 \cdot {tex(step)}}} = {place(here.two_sided)}"
        + (errors if function == "cube" else "")
        + r"\end{aligned}"
    )


def show(v: Values) -> Shown:
    f, name = FUNCTIONS[v.function].f, NAMES[v.function]
    here, rows = secants(v.function, v.theta, [v.step])[0], secants(v.function, v.theta, STEPS)
    t, at = np.linspace(*SPAN, 241), np.array([v.theta - v.step, v.theta, v.theta + v.step])
    points, ends = (pd.DataFrame({"t": t, "y": np.asarray(f(t), float)}) for t in (t, at))
    lines = straight_lines(v.function, v.theta, here)
    said = "secants" if np.isnan(here.exact) else "tangent and secants"
    said = f"The curve {name} with its {said} at {number(v.theta)}, one-sided and two-sided, of step {number(v.step)}"
    layout.show(st, picture(points, lines, ends, REACH.get(v.function, (-2, 2)), name, tuple(sorted(set(lines["line"]), key=[*LINES].index))), said)

    def details() -> None:
        columns = {
            "ε": [power(round(np.log10(row.epsilon))) for row in rows], "Two-sided": [number(row.two_sided, 10) for row in rows],
            "Two-sided error": ["–" if np.isnan(row.exact) else number(row.two_sided_error) for row in rows],
            "One-sided": [number(row.one_sided, 10) for row in rows],
            "One-sided error": ["–" if np.isnan(row.exact) else number(row.one_sided_error) for row in rows]}
        st.dataframe(pd.DataFrame(columns), hide_index=True)

    script = f"""from engine import secants

for row in secants({v.function!r}, {v.theta!r}, [{v.step!r}]):
    print(f"exact {{row.exact:.10g}}  two-sided {{row.two_sided:.10g}}  one-sided {{row.one_sided:.10g}}")
"""
    return Shown(read(here), [formula(v.function, v.theta, here)], script, pd.DataFrame([vars(row) for row in rows]), details)


NOTES = {"function": "cube", "theta": 1.0, "step": 0.01}
PART = Part(
    "curve", "One curve", show,
    question="Can a slope be measured without calculus?",
    sees="A curve f, its tangent at the place θ, and two secants, lines through two of its points. They lie a step ε to both sides of θ, or at θ and a step to the right.",
    matters="Backpropagation is much code, easily wrong. A secant needs nothing but values of f, so its slope can tell whether that code is right.",
    first="Move the step ε from 1 to 0.01. Which secant comes closer to the tangent?",
    controls=(FUNCTION, THETA, STEP),
    presets=(Preset("grad_notes", "The notes' θ³", "The one-sided secant has slope 3.0301, the two-sided 3.0001: errors of 3ε + ε² and ε².", NOTES),),
    try_next=(
        Try("ε = 0.01 at θ = 1: the numbers of the lecture notes.", preset="grad_notes"),
        Try("θ²: the two-sided secant leans exactly like the tangent. Its third derivative is 0.", NOTES | {"function": "square", "step": 0.5}),
        Try("max(0, θ) at θ = 0: which slope does each secant give?", {"function": "relu", "theta": 0.0}),
        Try("θ³ with ε = 10⁻¹²: rounding leaves each secant four correct digits.", NOTES | {"step": 1e-12})),
    sources=(derivative, secants), cites=("notes",),
)
