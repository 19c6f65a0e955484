"""Charts of the Gradient checking page: tables to pictures. Knows no Streamlit."""

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.shared.charts import SENT, specification
from pages.shared.theme import QUIET, chart, colour, powers, tint

SCHEMES = {"one-sided": "gradient", "two-sided": "signal", "complex": "yardstick"}
LINES = {"two-sided": "signal", "one-sided": "gradient", "tangent": "yardstick"}
V_LOW, V_TOP = 1e-17, 1e3
ERROR_SCALE = alt.Scale(domain=[0, -12], range="diverging", clamp=True)  # orange at 1, blue where both sides agree
ERROR = alt.Color(
    "log_error",
    type="quantitative",
    scale=ERROR_SCALE,
    legend=alt.Legend(  # symbols, because a gradient is drawn by its address, and a link's brackets break that
        type="symbol",
        symbolType="square",
        symbolStrokeWidth=0,
        values=[0, -4, -8, -12],
        labelExpr="datum.value == 0 ? 'error 1' : '10' + ['⁻⁴', '⁻⁸', '⁻¹²'][-datum.value / 4 - 1]",
    ),
)


def _level(value: float) -> alt.YDatum:
    return alt.YDatum(value, type="quantitative", scale=alt.Scale(domain=[0, 1], nice=False), axis=None, title=None)


@lru_cache(maxsize=32)
def strip(parameters: int) -> dict:
    """The giant vector θ from the first layer's first weight to the last bias, coloured by error; grey where nothing is compared.

    A specification, built once, to be sent with rows of `frames.strip` while a slider moves.
    """
    x = alt.X("x", type="quantitative", title=None, scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
    tip = [
        alt.Tooltip("parameter", type="nominal", title="Parameter"),
        alt.Tooltip("first", type="quantitative", title="From component"),
        alt.Tooltip("last", type="quantitative", title="to"),
        alt.Tooltip("said", type="nominal", title="Largest error"),
        alt.Tooltip("kinks", type="quantitative", title="Across a kink"),
        alt.Tooltip("state", type="nominal", title="State"),
    ]
    base = chart(SENT).encode(x=x, x2="x2", y=_level(0.12), y2=alt.datum(0.72), tooltip=tip)
    compared = base.transform_filter("datum.state == 'compared'").mark_rect().encode(color=ERROR)
    idle = base.transform_filter("datum.state == 'nothing to compare'").mark_rect(color=QUIET, opacity=0.3)
    kinks = base.transform_filter("datum.kinks > 0").mark_rect().encode(y=_level(0), y2=alt.datum(0.07), color=tint("trouble"))
    said = chart(SENT).transform_filter("datum.state == 'name'").encode(x=x)
    borders = said.mark_rule(color=QUIET, strokeWidth=1).encode(y=_level(0.12), y2=alt.datum(0.95))
    words = said.mark_text(align="left", baseline="top", dx=4, fontSize=12).encode(y=_level(0.97), text=alt.Text("parameter", type="nominal"))
    return specification(
        alt.layer(compared, idle, kinks, borders, words)
        .resolve_scale(color="independent")
        .properties(
            height=198,
            title=alt.Title(
                f"θ, one vector of {parameters:,} components",
                subtitle=["blue: both sides agree, orange: they do not", "grey: 0 on both sides, marks below: across a kink"],
            ),
        )
    )


def _grid(rows: int, columns: int, tooltip: list[alt.Tooltip], colour_by: alt.Color) -> alt.Chart:
    ticks = alt.Axis(grid=False, format="d", tickMinStep=1)
    y = alt.Y(
        "row",
        type="quantitative",
        title="from unit i" if rows > 1 else None,
        scale=alt.Scale(domain=[rows, 0], nice=False),
        axis=ticks if rows > 1 else None,
    )
    x = alt.X("column", type="quantitative", title="to unit j", scale=alt.Scale(domain=[0, columns], nice=False), axis=ticks)
    tips = [alt.Tooltip("row", type="quantitative", title="From unit"), alt.Tooltip("column", type="quantitative", title="To unit"), *tooltip]
    return (
        chart(SENT).mark_rect().encode(x=x, x2="column2", y=y, y2="row2", color=colour_by, tooltip=tips).properties(height=270 if rows > 1 else 130)
    )


@lru_cache(maxsize=64)
def error_map(name: str, rows: int, columns: int) -> dict:
    """One parameter, coloured by error as the strip is: a matrix, or one row for a vector. To be sent with rows of `frames.error_map`."""
    tip = [alt.Tooltip("log_error", type="quantitative", format=".1f", title="log₁₀ error")]
    grid = _grid(rows, columns, tip, alt.Color("log_error", type="quantitative", scale=ERROR_SCALE, legend=None))
    return specification(alt.layer(grid, title=f"{name}, by error"))


@lru_cache(maxsize=64)
def gradient_map(side: str, name: str, rows: int, columns: int) -> dict:
    """One side's gradient of one parameter: blue positive, orange negative, full colour at the numerical side's largest.

    To be sent with rows of `frames.gradient_maps`.
    """
    tip = [alt.Tooltip("value", type="quantitative", format=".3f", title="Of the largest")]
    values = alt.Color("value", type="quantitative", scale=alt.Scale(domain=[-1, 1], range="diverging", clamp=True), legend=None)
    return specification(alt.layer(_grid(rows, columns, tip, values), title=alt.Title(side, subtitle=name)))


def curve(
    points: pd.DataFrame, lines: pd.DataFrame, ends: pd.DataFrame, span: tuple[float, float], reach: tuple[float, float], name: str
) -> alt.LayerChart:
    """f as a grey curve; the tangent and both secants through it; dots where f was evaluated."""
    x = alt.X("t", type="quantitative", title="θ", scale=alt.Scale(domain=list(span), nice=False))
    y = alt.Y("y", type="quantitative", title=f"f = {name}", scale=alt.Scale(domain=list(reach), nice=False))
    f = chart(points).mark_line(color=QUIET, strokeWidth=3, opacity=0.6, clip=True).encode(x=x, y=y)
    dash = alt.StrokeDash("line", type="nominal", scale=alt.Scale(domain=list(LINES), range=[[1, 0], [7, 3], [2, 2]]), legend=None)
    straight = chart(lines).mark_line(clip=True).encode(x=x, y=y, color=colour("line", LINES), strokeDash=dash)
    dots = chart(ends).mark_point(size=70, filled=True, clip=True).encode(x=x, y=y, color=tint("yardstick"))
    return alt.layer(f, straight, dots).resolve_scale(color="independent").properties(height=300, title="Which secant leans like the tangent?")


def v_chart(frame: pd.DataFrame, best: pd.DataFrame, arms: pd.DataFrame) -> alt.LayerChart:
    """Error against ε, log-log: full lines float64, dashed float32; dots at each best ε; the slope of each right arm beside it."""
    x = alt.X(
        "epsilon",
        type="quantitative",
        title="Step ε (log)",
        scale=alt.Scale(type="log", domain=[1e-16, 1], nice=False),
        axis=powers(-16, -14, -12, -10, -8, -6, -4, -2, 0),
    )
    y = alt.Y(
        "error",
        type="quantitative",
        title="Error of the slope (log)",
        scale=alt.Scale(type="log", domain=[V_LOW, V_TOP], nice=False, clamp=True),
        axis=powers(-16, -12, -8, -4, 0),
    )
    tip = [
        alt.Tooltip("scheme", type="nominal", title="Difference"),
        alt.Tooltip("dtype", type="nominal", title="Precision"),
        alt.Tooltip("epsilon", type="quantitative", format=".2~g", title="ε"),
        alt.Tooltip("error", type="quantitative", format=".2~g", title="Error"),
    ]
    dash = alt.StrokeDash(
        "dtype", type="nominal", scale=alt.Scale(domain=["float64", "float32"], range=[[1, 0], [4, 3]]), legend=alt.Legend(orient="bottom")
    )
    lines = chart(frame).mark_line(clip=True).encode(x=x, y=y, color=colour("scheme", SCHEMES), strokeDash=dash)
    dots = (
        chart(best)
        .mark_point(size=90, filled=True, clip=True, opacity=1)
        .encode(x=x, y=y, color=colour("scheme", SCHEMES, legend=False), tooltip=tip)
    )
    words = chart(arms).mark_text(align="left", dx=10, dy=10, fontSize=12, fontWeight=600).encode(x=x, y=y, text=alt.Text("text", type="nominal"))
    return alt.layer(lines, dots, words).properties(
        height=440, title=alt.Title("Two errors draw a V", subtitle=["right arm: the secant is not the tangent", "left arm: rounding; dots: best ε"])
    )
