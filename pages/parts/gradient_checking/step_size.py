"""The V: how small should the step be?"""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check.finite_differences import SCHEMES, VCurve, best_epsilon, v_curve
from engine.verdict import Verdict, number
from pages.parts.gradient_checking.common import FUNCTION, NAMES, THETA
from pages.shared import encodings, layout
from pages.shared.control import Values
from pages.shared.encodings import tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import chart, colour

WORDS = {"forward": "one-sided", "central": "two-sided", "complex": "complex"}
MEANING = {"one-sided": "gradient", "two-sided": "signal", "complex": "yardstick"}
LOW, TOP = 1e-17, 1e3  # of the errors drawn


@st.cache_data(max_entries=50, show_spinner=False)
def curves(function: str, theta: float) -> list[VCurve]:
    return [v_curve(function, theta, scheme=scheme, dtype=dtype) for dtype in (np.float64, np.float32) for scheme in SCHEMES]


def points(found: list[VCurve]) -> pd.DataFrame:
    """Columns scheme, dtype, epsilon, error; errors of exactly 0 or beyond a number are left out, the rest clipped to the axis."""
    parts = [pd.DataFrame({"scheme": WORDS[c.scheme], "dtype": c.dtype, "epsilon": c.epsilons, "error": c.errors}) for c in found]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[np.isfinite(frame["error"]) & (frame["error"] > 0)]
    return frame.assign(error=frame["error"].clip(LOW, TOP))


def best_points(found: list[VCurve]) -> pd.DataFrame:
    """The bottom of each V: columns scheme, dtype, epsilon, error. The complex step has none."""
    rows = [(WORDS[c.scheme], c.dtype, c.best, c.best_error) for c in found if c.scheme != "complex" and 0 < c.best_error < np.inf]
    return pd.DataFrame(rows, columns=["scheme", "dtype", "epsilon", "error"]).astype({"epsilon": float, "error": float})


def arms(found: list[VCurve]) -> pd.DataFrame:
    """Where the slope of each right arm is written: columns epsilon, error, text."""
    rows = []
    for c, at in zip(found, (-6, -5), strict=False):
        if np.isfinite(c.order):
            k = int(np.abs(np.log10(c.epsilons) - at).argmin())
            rows.append((c.epsilons[k], max(c.errors[k], LOW), f"slope {number(c.order)}"))
    return pd.DataFrame(rows, columns=["epsilon", "error", "text"]).astype({"epsilon": float, "error": float, "text": str})


def picture(frame: pd.DataFrame, best: pd.DataFrame, slopes: pd.DataFrame) -> alt.LayerChart:
    """Error against ε, log-log: full lines float64, dashed float32; dots at each best ε; the slope of each right arm beside it."""
    x = encodings.number(alt.X, "epsilon", "Step ε (log)", domain=(1e-16, 1), log=True, ticks=range(-16, 1, 2))
    y = encodings.number(alt.Y, "error", "Error of the slope (log)", domain=(LOW, TOP), log=True, clamp=True, ticks=range(-16, 1, 4))
    tip = tips(("scheme", "Difference"), ("dtype", "Precision"), ("epsilon", "ε", ".2~g"), ("error", "Error", ".2~g"))
    dash = alt.StrokeDash(
        "dtype", type="nominal", scale=alt.Scale(domain=["float64", "float32"], range=[[1, 0], [4, 3]]), legend=alt.Legend(orient="bottom")
    )
    dots = chart(best).mark_point(size=90, filled=True, clip=True, opacity=1)
    words = chart(slopes).mark_text(align="left", dx=10, dy=10, fontSize=12, fontWeight=600)
    return alt.layer(
        chart(frame).mark_line(clip=True).encode(x=x, y=y, color=colour("scheme", MEANING), strokeDash=dash),
        dots.encode(x=x, y=y, color=colour("scheme", MEANING, legend=False), tooltip=tip),
        words.encode(x=x, y=y, text=alt.Text("text", type="nominal")),
    ).properties(
        height=440, title=alt.Title("Two errors draw a V", subtitle=["right arm: the secant is not the tangent", "left arm: rounding; dots: best ε"])
    )


def read(found: list[VCurve], theta: float) -> Verdict:
    """Kinds: "v", "kink" (no step helps), or "exact" (a secant is the tangent at any step)."""
    one, two, complex_step = found[:3]
    if np.isfinite([one.order, two.order]).all():
        text = (
            f"In float64 the two-sided difference is best at ε = **{number(two.best)}** with an error of {number(two.best_error)}, the one-sided at "
            f"**{number(one.best)}** with {number(one.best_error)}. Their right arms rise with slopes {number(two.order)} and {number(one.order)}. "
            f"The complex step reaches {number(complex_step.best_error)} and has no left arm, because it subtracts nothing."
        )
        return Verdict("v", text)
    if one.best_error > 1e-3:
        least = number(min(one.best_error, two.best_error))
        return Verdict("kink", f"No ε helps: there is a kink within reach of θ = {number(theta)}, and the best error is {least}.")
    text = (
        f"The right arm is missing where the secant is exact: the two-sided difference has an error of {number(two.best_error)} at best, "
        f"the one-sided {number(one.best_error)}. Only rounding is left, and it wants a large ε."
    )
    return Verdict("exact", text)


def formulas() -> list[str]:
    arms = (("two-sided", r"\tfrac{1}{6}|f'''|\,\varepsilon^2", "1/3", "central"), ("one-sided", r"\tfrac{1}{2}|f''|\,\varepsilon", "1/2", "forward"))
    return [
        rf"\begin{{aligned}} \text{{{name} error}} &\approx {arm} + \frac{{u}}{{\varepsilon}} \\ "
        rf"\text{{least near }} \varepsilon &= u^{{{power}}} = {tex(best_epsilon(scheme))} \end{{aligned}}"
        for name, arm, power, scheme in arms
    ]


def show(v: Values) -> Shown:
    found = curves(v.function, v.theta)
    frame = points(found)
    layout.show(
        st,
        picture(frame, best_points(found), arms(found)),
        f"Error of the slope of {NAMES[v.function]} at {number(v.theta)} against the step, log-log, for three schemes in float64 and float32",
    )

    def details() -> None:
        columns = {
            "Difference": [WORDS[c.scheme] for c in found],
            "Precision": [c.dtype for c in found],
            "Best ε": [number(c.best) for c in found],
            "Error there": [number(c.best_error) for c in found],
            "Slope of the right arm": ["–" if np.isnan(c.order) else number(c.order, 4) for c in found],
        }
        st.dataframe(pd.DataFrame(columns), hide_index=True)
        with st.container(width=layout.TEXT_WIDTH):
            st.caption(
                "u = 2.2 × 10⁻¹⁶ is float64's rounding. f(θ + ε) and f(θ − ε) agree in all but their last digits; the division by 2ε blows up "
                "what is lost there: the left arm, slope −1. float32 has u = 1.2 × 10⁻⁷: at ε = 10⁻⁸ nothing is left. "
                "Errors are root mean squares over 25 points around θ."
            )

    script = f"""import numpy as np
from engine import v_curve

for dtype in (np.float64, np.float32):
    for scheme in ("forward", "central", "complex"):
        v = v_curve({v.function!r}, {v.theta!r}, scheme=scheme, dtype=dtype)
        print(f"{{scheme}} {{v.dtype}}: best epsilon {{v.best:.3g}}, error {{v.best_error:.3g}}, slope {{v.order:.3f}}")
"""
    return Shown(read(found, v.theta), formulas(), script, frame, details)


PART = Part(
    "v",
    "The V",
    show,
    controls=(FUNCTION, THETA),
    presets=(Preset("grad_v", "How small is too small?", "Every scheme has a best ε, except one."),),
    try_next=(
        Try("exp θ: read off the best ε of the two-sided difference in float64, and in float32.", {"function": "exp"}),
        Try("sin θ: why does the complex step have no left arm? It subtracts nothing.", {"function": "sin"}),
        Try("max(0, θ) at θ = 0: no ε helps at a kink.", {"function": "relu", "theta": 0.0}),
    ),
    sources=(v_curve, best_epsilon),
)
