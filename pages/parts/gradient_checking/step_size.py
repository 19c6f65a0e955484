"""The V: how small should the step be?"""

from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check.finite_differences import SCHEMES, VCurve, best_epsilon, v_curve
from engine.verdict import Verdict, number
from engine.words import NO_STEP_HELPS
from pages.parts.gradient_checking.common import FUNCTION, NAMES, THETA, WORDS
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import LONG, TALL, colour

MEANING = {"one-sided": "gradient", "two-sided": "signal", "complex": "yardstick"}
LOW, TOP = 1e-17, 1e3  # of the errors drawn


def curves(function: str, theta: float) -> list[VCurve]:
    return workers.measure_all(*(partial(v_curve, function, theta, scheme=scheme, dtype=dtype) for dtype in (np.float64, np.float32) for scheme in SCHEMES))


def points(found: list[VCurve]) -> pd.DataFrame:
    """Columns scheme, dtype, epsilon, error; errors of exactly 0 or beyond a number have no place on a logarithmic axis."""
    each = [len(c.epsilons) for c in found]
    columns = {"scheme": np.repeat([WORDS[c.scheme] for c in found], each), "dtype": np.repeat([c.dtype for c in found], each)}
    columns |= {"epsilon": np.concatenate([c.epsilons for c in found]), "error": np.concatenate([c.errors for c in found])}
    drawable = np.isfinite(columns["error"]) & (columns["error"] > 0)
    return pd.DataFrame({name: values[drawable] for name, values in columns.items()})


def best_points(found: list[VCurve]) -> pd.DataFrame:
    """The bottom of each V: columns scheme, dtype, epsilon, error. The complex step has none."""
    rows = [(WORDS[c.scheme], c.dtype, c.best, c.best_error) for c in found if c.scheme != "complex" and 0 < c.best_error < np.inf]
    return pd.DataFrame(rows, columns=["scheme", "dtype", "epsilon", "error"]).astype({"epsilon": float, "error": float})


def arms(found: list[VCurve]) -> pd.DataFrame:
    """Where the slope of each right arm is written: columns epsilon, error, text, above (the arm, where float32's lines are not)."""
    at = [(c, int(np.abs(np.log10(c.epsilons) + 5).argmin())) for c in found[:2] if np.isfinite(c.order)]
    rows = [(c.epsilons[k], c.errors[k], f"slope {number(c.order)}", c.scheme == "forward") for c, k in at]
    return pd.DataFrame(rows, columns=["epsilon", "error", "text", "above"]).astype({"epsilon": float, "error": float, "text": str, "above": bool})


@drawn
def picture(frame: pd.DataFrame, best: pd.DataFrame, slopes: pd.DataFrame) -> alt.LayerChart:
    """Error against ε, log-log: full lines float64, dashed float32; dots at each best ε; the slope of each right arm beside it."""
    x = encodings.number(alt.X, "epsilon", "Step ε (log)", domain=(1e-16, 1), log=True, ticks=range(-16, 1, 2))
    y = encodings.number(alt.Y, "error", "Error of the slope (log)", domain=(LOW, TOP), log=True, ticks=range(-16, 1, 4))
    tip = tips(("scheme", "Difference"), ("dtype", "Precision"), ("epsilon_said", "ε"), ("error_said", "Error"))
    scale = alt.Scale(domain=["float64", "float32"], range=[[1, 0], [4, 3]])
    dash = alt.StrokeDash("dtype", type="nominal", scale=scale, legend=alt.Legend(orient="bottom", symbolSize=LONG))
    dots = alt.Chart(best).transform_calculate(**encodings.written(epsilon_said="epsilon", error_said="error")).mark_point(size=90, filled=True, clip=True, opacity=1)
    side = {name: alt.ExprRef(f"datum.above ? {above} : {below}") for name, above, below in (("align", "'right'", "'left'"), ("dx", -12, 12), ("dy", -12, 12))}
    words = encodings.over_lines(alt.Chart(slopes).encode(x=x, y=y), alt.Text("text", type="nominal"), fontWeight=600, **side)
    said = ["Right: the step is so long that the secant is not the tangent.", "Left: so short that rounding takes over. Dots: the best ε."]
    return alt.layer(
        alt.Chart(frame).mark_line(clip=True).encode(x=x, y=y, color=colour("scheme", MEANING), strokeDash=dash),
        dots.encode(x=x, y=y, color=colour("scheme", MEANING), tooltip=tip),
        *words,
        height=TALL, title=alt.Title("Error of the slope at every step", subtitle=said))


def read(found: list[VCurve]) -> Verdict:
    """Kinds: "v", "exact" (two-sided at any step), "straight" (any secant, until a step reaches the kink), or "kink" (no step helps)."""
    one, two, complex_step = found[:3]
    last = f"The complex step reaches {number(complex_step.best_error)} and has no left arm, because it subtracts nothing."
    if np.isfinite([one.order, two.order]).all():
        text = f"In float64 the two-sided difference is best at ε = **{number(two.best)}** with an error of {number(two.best_error)}, "
        text += f"the one-sided at **{number(one.best)}** with {number(one.best_error)}. "
        return Verdict("v", f"{text}Their right arms rise with slopes {number(two.order)} and {number(one.order)}: the errors grow like these powers of ε. {last}")
    if np.isfinite(one.order):
        text = f"The two-sided secant of this curve is exact at any ε, so its V has no right arm. Rounding leaves an error of {number(two.best_error)} "
        text += f"at ε = **{number(two.best)}**. In float64 the one-sided difference is best at ε = **{number(one.best)}** with an error of "
        text += f"{number(one.best_error)}, and its right arm rises with slope {number(one.order)}. "
        return Verdict("exact", text + last)
    if min(one.best_error, two.best_error) > NO_STEP_HELPS:
        text = "No ε helps: the curve has a kink here, and no tangent. "
        text += f"The least error at any ε is **{number(two.best_error)}** for the two-sided difference and **{number(one.best_error)}** for the one-sided. "
        return Verdict("kink", text + "The complex step stays on one side of the kink and gives the slope of that side.")
    text = f"On both sides of its kink this curve is straight, so short steps are exact but for rounding. The least errors are {number(two.best_error)} "
    text += f"for the two-sided difference and {number(one.best_error)} for the one-sided."
    if np.isfinite(two.jumps_at):
        text += f" From ε = **{number(two.jumps_at)}** on, two-sided steps cross the kink, and their error grows to {number(two.errors[-1])}."
    return Verdict("straight", text)


def formulas(found: list[VCurve]) -> list[str]:
    """Two errors for each difference; where there is no right arm, only rounding."""
    lines = []
    for c, arm, power in zip(found[1::-1], (r"\tfrac{1}{6}|f'''|\,\varepsilon^2", r"\tfrac{1}{2}|f''|\,\varepsilon"), ("1/3", "1/2"), strict=True):
        if np.isfinite(c.order):
            least = rf"u^{{{power}}} = {tex(best_epsilon(c.scheme))} \text{{ if all is about }} 1"
            lines.append(
                rf"\begin{{aligned}} \text{{{WORDS[c.scheme]} error}} &\approx {arm} + \frac{{u}}{{\varepsilon}} \\ "
                rf"\text{{least near }} \varepsilon &= {least} \end{{aligned}}"
            )
        else:
            lines.append(rf"\text{{{WORDS[c.scheme]} error}} \lesssim \frac{{u}}{{\varepsilon}} \text{{ while no step crosses a kink}}")
    return lines


def show(v: Values) -> Shown:
    found = curves(v.function, v.theta)
    frame = points(found)
    said = f"Error of the slope of {NAMES[v.function]} at {number(v.theta)} against the step, log-log, for three schemes in float64 and float32"
    layout.show(st, picture(frame, best_points(found), arms(found)), said)

    def details() -> None:
        columns = {
            "Difference": [WORDS[c.scheme] for c in found], "Precision": [c.dtype for c in found],
            "Best ε": [f"any up to {number(c.exact_up_to)}" if c.exact_up_to else number(c.best) for c in found],
            "Least error": [number(c.best_error) for c in found],
            "Slope of the right arm": ["–" if np.isnan(c.order) else number(c.order, 4) for c in found]}
        st.dataframe(pd.DataFrame(columns), hide_index=True)
        with st.container(width=layout.TEXT_WIDTH):
            st.caption(
                "Rounding puts each value of f off by up to about u times its size: u is 2.2 × 10⁻¹⁶ in float64 and 1.2 × 10⁻⁷ in float32. "
                "The division by ε enlarges this; that is the left arm. Errors are root mean squares over 25 points within 5 % of θ, or within "
                "0.05 where |θ| is below 1. An error of exactly 0 cannot be drawn."
            )

    script = f"""import numpy as np
from engine import v_curve

for dtype in (np.float64, np.float32):
    for scheme in ("forward", "central", "complex"):
        v = v_curve({v.function!r}, {v.theta!r}, scheme=scheme, dtype=dtype)
        print(f"{{scheme}} {{v.dtype}}: best epsilon {{v.best:.3g}}, error {{v.best_error:.3g}}, slope {{v.order:.3f}}")
"""
    return Shown(read(found), formulas(found), script, frame, details)


def _shorter(v: Values, shown: Shown) -> float | None:
    curve = shown.numbers[(shown.numbers["scheme"] == "two-sided") & (shown.numbers["dtype"] == "float64")]
    if not curve["error"].notna().any():  # on a kink there is no slope to be right about
        return None
    best = curve.loc[curve["error"].idxmin()]
    near = curve.iloc[(np.log(curve["epsilon"] * 1000 / best["epsilon"])).abs().argmin()]
    return float(near["error"] / best["error"]) if best["error"] else None


PART = Part(
    "v", "The V", show,
    question="How small should the step be?",
    sees="The error of a measured slope at every step ε, for three ways to measure it, with 16 digits (float64) and with 7 (float32).",
    matters="A long step can miss the tangent. A very short one loses digits, where two almost equal numbers are subtracted.",
    first="Choose exp θ. Which step is best for the two-sided difference?",
    predict=Question(
        "Make ε a thousand times smaller than the best two-sided step. What happens to that error?",
        ("It falls", "It hardly changes", "It grows more than tenfold"), (0.5, 10),
        _shorter,
        "It becomes {} times as large.", "A short step loses digits when two nearly equal numbers are subtracted."),
    controls=(FUNCTION, THETA),
    presets=(Preset("grad_v", "How small is too small?", "One-sided and two-sided differences have a best ε. The complex step is good at any small one."),),
    try_next=(
        Try("exp θ: read off the best ε of the two-sided difference in float64, and in float32.", {"function": "exp"}),
        Try("sin θ: why does the complex step have no left arm? It subtracts nothing.", {"function": "sin"}),
        Try("max(0, θ) at θ = 0: no ε helps at a kink.", {"function": "relu", "theta": 0.0})),
    sources=(v_curve, best_epsilon), cites=("squire", "cs231n"),
)
