"""Charts of the Batch Norm page: tables to pictures. Knows no Streamlit."""

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.shared.charts import SENT, specification
from pages.shared.theme import QUIET, chart, powers, tint

STAGES = ("x", "x − μ", "x̂", "y")
PLACEMENTS = {"none": "without", "before": "before φ", "after": "after φ"}
WAYS = {"raw": "raw", "variance": "divided by σ²", "std": "divided by σ"}


def batch(frame: pd.DataFrame, reach: float) -> alt.LayerChart:
    """The batch on its way, left to right: columns stage, value, index (x₁ is 1, drawn dark)."""
    x = alt.X(
        "stage", type="nominal", sort=list(STAGES), title=None, axis=alt.Axis(labelAngle=0, labelFontSize=14, grid=True), scale=alt.Scale(padding=0.3)
    )
    y = alt.Y("value", type="quantitative", title="Value", scale=alt.Scale(domain=[-reach, reach], nice=False, clamp=True))
    base = chart(frame).encode(x=x, y=y, detail=alt.Detail("index", type="nominal"))
    tip = [
        alt.Tooltip("index", type="quantitative", title="Example"),
        alt.Tooltip("stage", type="nominal", title="Stage"),
        alt.Tooltip("value", type="quantitative", format=".4~g", title="Value"),
    ]
    others, first = base.transform_filter("datum.index > 1"), base.transform_filter("datum.index == 1")
    zero = alt.Chart(pd.DataFrame({"y": [0.0]})).mark_rule(strokeDash=[2, 3]).encode(y=alt.Y("y", type="quantitative"))
    return alt.layer(
        zero,
        others.mark_line(strokeWidth=1, opacity=0.45).encode(color=tint("signal")),
        others.mark_point(size=40).encode(color=tint("signal"), tooltip=tip),
        first.mark_line(strokeWidth=1.5).encode(color=tint("yardstick")),
        first.mark_point(size=70).encode(color=tint("yardstick"), tooltip=tip),
        first.transform_filter("datum.stage == 'x'").mark_text(align="right", dx=-8, fontWeight=600).encode(text=alt.value("x₁")),
    ).properties(height=320, title=alt.Title("Four equations, left to right", subtitle="a line is one example; the dark one is x₁"))


def before_after(frame: pd.DataFrame, marks: pd.DataFrame) -> alt.LayerChart:
    """Two rows of ticks, x̂ at 2 and y at 1: columns row, value; below each its mean and spread: row, low, mean, high, std."""
    scale = alt.Scale(domain=[-6, 6], nice=False, clamp=True)
    x = alt.X("value", type="quantitative", title="Value", scale=scale)
    names = alt.Axis(values=[1, 2], labelExpr="datum.value == 2 ? 'x̂' : 'y'", labelFontSize=14, grid=False, ticks=False, domain=False)
    y = alt.Y("row", type="quantitative", title=None, axis=names, scale=alt.Scale(domain=[0.3, 2.5], nice=False))
    ticks = chart(frame).mark_tick(orient="vertical", thickness=2, size=44, opacity=0.7).encode(x=x, y=y, color=tint("signal"))
    span = chart(marks).transform_calculate(row="datum.row - 0.36").encode(y=y, color=tint("yardstick"))
    low = alt.X("low", type="quantitative", scale=scale, title="Value")
    tip = [
        alt.Tooltip("mean", type="quantitative", format=".3~g", title="Mean"),
        alt.Tooltip("std", type="quantitative", format=".3~g", title="Standard deviation"),
    ]
    return alt.layer(
        ticks,
        span.mark_rule(strokeWidth=2).encode(x=low, x2="high"),
        span.mark_point(size=60).encode(x=alt.X("mean", type="quantitative", scale=scale), tooltip=tip),
    ).properties(height=320, title=alt.Title("The distribution after it", subtitle="dark: mean ± standard deviation"))


def gradient_terms(frame: pd.DataFrame, sums: pd.DataFrame, reach: float) -> alt.LayerChart:
    """Bars of the three terms of each example's dx (columns example, term, value) and their sum as a point (example, dx)."""
    terms = ["direct", "through μ", "through σ²"]
    x = alt.X("example", type="ordinal", title="Example i", axis=alt.Axis(labelAngle=0))
    scale = alt.Scale(domain=[-reach, reach], nice=False, clamp=True)
    tip = [alt.Tooltip("example", type="ordinal", title="Example")]
    bars = (
        chart(frame)
        .mark_bar()
        .encode(
            x=x,
            xOffset=alt.XOffset("term", type="nominal", sort=terms),
            y=alt.Y("value", type="quantitative", title="∂L/∂x", scale=scale),
            color=tint("gradient"),
            opacity=alt.Opacity(
                "term",
                type="nominal",
                scale=alt.Scale(domain=terms, range=[1, 0.6, 0.3]),
                legend=alt.Legend(symbolType="square", symbolStrokeWidth=0, symbolFillColor=QUIET),
            ),
            tooltip=[
                *tip,
                alt.Tooltip("term", type="nominal", title="Term"),
                alt.Tooltip("value", type="quantitative", format=".3~g", title="Value"),
            ],
        )
    )
    points = (
        chart(sums)
        .mark_point(shape="diamond", size=70)
        .encode(
            x=x,
            y=alt.Y("dx", type="quantitative", scale=scale),
            color=tint("yardstick"),
            tooltip=[*tip, alt.Tooltip("dx", type="quantitative", format=".3~g", title="dx, their sum")],
        )
    )
    return alt.layer(bars, points).properties(
        height=300, title=alt.Title("Each example's gradient", subtitle="bars: its three terms; dark diamonds: dx, their sum")
    )


def scale_law(frame: pd.DataFrame) -> alt.LayerChart:
    """‖dL/dW‖ over the factor s on the weights: measured as points, 1/s as the line. Columns s, norm, law."""
    x = alt.X(
        "s", type="quantitative", title="Factor s on the weights", scale=alt.Scale(type="log", domain=[1e-4, 1e4]), axis=powers(-4, -2, 0, 2, 4)
    )
    scale = alt.Scale(type="log", domain=[1e-6, 1e5], clamp=True)
    y = alt.Y("law", type="quantitative", title="‖∂L/∂W‖", scale=scale, axis=powers(-6, -4, -2, 0, 2, 4))
    base = chart(frame).encode(x=x)
    points = base.mark_point(size=50).encode(
        y=alt.Y("norm", type="quantitative", scale=scale),
        color=tint("gradient"),
        tooltip=[
            alt.Tooltip("s", type="quantitative", format=".3~g", title="s"),
            alt.Tooltip("norm", type="quantitative", format=".3~g", title="‖∂L/∂W‖"),
            alt.Tooltip("change", type="quantitative", format=".2~g", title="Change of x̂"),
        ],
    )
    return alt.layer(base.mark_line(strokeWidth=1.2).encode(y=y, color=tint("yardstick")), points).properties(
        height=300, title=alt.Title("Larger W, smaller ∂L/∂W", subtitle="points: measured; line: 1/s")
    )


def running(frame: pd.DataFrame, what: str, step: int, top: tuple[float, float]) -> alt.LayerChart:
    """Running value (line), batches (pale points) and truth (dashed) over steps: columns step, running, batch, truth."""
    symbol = {"mean": "μ", "variance": "σ²"}[what]
    x = alt.X("step", type="quantitative", title="Step", scale=alt.Scale(domain=[0, 100], nice=False))
    scale = alt.Scale(domain=list(top), nice=False, clamp=True)
    y = alt.Y("running", type="quantitative", title=f"{what.capitalize()} {symbol}", scale=scale)
    base = chart(frame).encode(x=x)
    rule = alt.Chart(pd.DataFrame({"step": [step]})).mark_rule(strokeDash=[3, 3]).encode(x=alt.X("step", type="quantitative"))
    return alt.layer(
        base.mark_point(size=12, opacity=0.4, clip=True).encode(y=alt.Y("batch", type="quantitative", scale=scale), color=tint("signal")),
        base.mark_line(strokeWidth=1.2, strokeDash=[5, 3]).encode(y=alt.Y("truth", type="quantitative", scale=scale), color=tint("yardstick")),
        base.mark_line().encode(y=y, color=tint("signal")),
        rule,
    ).properties(height=250, title=alt.Title(f"Running {what}", subtitle="line: running; pale: batches; dashed: truth"))


def in_use(frame: pd.DataFrame, step: int) -> alt.LayerChart:
    """Mean ± spread of x̂ in use, had training stopped at each step: columns step, mean, low, high."""
    x = alt.X("step", type="quantitative", title="Evaluated after step k", scale=alt.Scale(domain=[0, 100], nice=False))
    scale = alt.Scale(domain=[-5, 5], nice=False, clamp=True)
    base = chart(frame).encode(x=x)
    ideal = alt.Chart(pd.DataFrame({"y": [-1.0, 0.0, 1.0]})).mark_rule(strokeDash=[5, 3]).encode(y=alt.Y("y", type="quantitative"))
    rule = alt.Chart(pd.DataFrame({"step": [step]})).mark_rule(strokeDash=[3, 3]).encode(x=alt.X("step", type="quantitative"))
    return alt.layer(
        base.mark_area(opacity=0.2, clip=True).encode(
            y=alt.Y("low", type="quantitative", title="x̂ in use", scale=scale), y2="high", color=tint("signal")
        ),
        base.mark_line(clip=True).encode(y=alt.Y("mean", type="quantitative", scale=scale), color=tint("signal")),
        ideal,
        rule,
    ).properties(height=250, title=alt.Title("What use mode makes of it", subtitle="x̂: mean ± spread; dashed: training mode"))


def neighbours(frame: pd.DataFrame, size: int) -> alt.LayerChart:
    """How much one example's x̂ varies with its neighbours, over the batch size: columns size, measured, rule."""
    x = alt.X(
        "size",
        type="quantitative",
        title="Batch size m",
        scale=alt.Scale(type="log", domain=[2, 512], nice=False),
        axis=alt.Axis(values=[2, 8, 32, 128, 512]),
    )
    scale = alt.Scale(type="log", domain=[0.03, 1.5], clamp=True, nice=False)
    base = chart(frame).encode(x=x)
    y = alt.Y("rule", type="quantitative", title="Spread of its x̂", scale=scale, axis=alt.Axis(values=[0.03, 0.1, 0.3, 1], format="~g"))
    here = base.transform_filter(f"datum.size == {size}")
    measured = alt.Y("measured", type="quantitative", scale=scale)
    tip = [
        alt.Tooltip("size", type="quantitative", title="Batch size"),
        alt.Tooltip("measured", type="quantitative", format=".3f", title="Measured"),
        alt.Tooltip("rule", type="quantitative", format=".3f", title="√((1 + x²/2)/m)"),
    ]
    return alt.layer(
        base.mark_line(strokeWidth=1.2).encode(y=y, color=tint("yardstick")),
        base.mark_point(size=45).encode(y=measured, color=tint("signal"), tooltip=tip),
        here.mark_point(size=180, filled=False, strokeWidth=2).encode(y=measured, color=tint("yardstick")),
    ).properties(height=250, title=alt.Title("Same image, new neighbours", subtitle="points: 2,000 batches; line: 1/√m rule; ring: m"))


def strip(frame: pd.DataFrame, depth: int, name: str, words: str, span: tuple[float, float]) -> alt.LayerChart:
    """Histograms of y by layer, one column a layer, darker where more values are: columns layer, low, high, share."""
    base = chart(frame).encode(
        x=alt.X(
            "left",
            type="quantitative",
            title="Layer l",
            scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
            axis=alt.Axis(format="d", tickMinStep=1, grid=False),
        ),
        x2="right",
        y=alt.Y("low", type="quantitative", title="Activation y", scale=alt.Scale(domain=list(span), nice=False), axis=alt.Axis(grid=False)),
        y2="high",
        color=tint("signal"),
        opacity=alt.Opacity("share", type="quantitative", scale=alt.Scale(type="sqrt", domain=[0, 0.5], range=[0.04, 1], clamp=True), legend=None),
        tooltip=[alt.Tooltip("layer", type="quantitative", title="Layer"), alt.Tooltip("share", type="quantitative", format=".1%", title="Share")],
    )
    return alt.layer(base.mark_rect()).properties(height=230, title=alt.Title(name, subtitle=words))


def placements(frame: pd.DataFrame, x: alt.X, y: alt.Y, meaning: str, title: str) -> alt.LayerChart:
    """A magnitude for each placement of batch norm (column series, see `PLACEMENTS`): grey without, coloured with. Wants x and y's fields."""
    names = list(PLACEMENTS.values())
    shape = alt.Shape("series", type="nominal", scale=alt.Scale(domain=names, range=["circle", "square", "diamond"]), legend=None)
    base = chart(frame).encode(
        x=x,
        y=y,
        shape=shape,
        detail=alt.Detail("series", type="nominal"),
        tooltip=[
            alt.Tooltip("series", type="nominal", title="Batch norm"),
            alt.Tooltip(x.shorthand, type="quantitative", format=".3~g"),
            alt.Tooltip(y.shorthand, type="quantitative", format=".3~g"),
        ],
    )
    off = base.transform_filter("datum.series == 'without'")
    on = base.transform_filter("datum.series != 'without'")
    dash = alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=names, range=[[1, 0], [1, 0], [5, 3]]), legend=None)
    return alt.layer(
        off.mark_line(strokeWidth=1, color=QUIET),
        off.mark_point(size=45, color=QUIET),
        on.mark_line(strokeWidth=1).encode(color=tint(meaning), strokeDash=dash),
        on.mark_point(size=45).encode(color=tint(meaning)),
    ).properties(height=270, title=alt.Title(title, subtitle="grey: without; squares: before φ; diamonds: after φ"))


def by_layer(depth: int) -> alt.X:
    return alt.X(
        "layer",
        type="quantitative",
        title="Layer l",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(format="d", tickMinStep=1, grid=False),
    )


def by_scale() -> alt.X:
    return alt.X(
        "scale", type="quantitative", title="Weight scale σ√n", scale=alt.Scale(type="log", domain=[0.01, 10], nice=False), axis=powers(-2, -1, 0, 1)
    )


def magnitude(field: str, title: str) -> alt.Y:
    return alt.Y(
        field,
        type="quantitative",
        title=title,
        scale=alt.Scale(type="log", domain=[1e-10, 1e6], clamp=True, nice=False),
        axis=powers(-10, -8, -6, -4, -2, 0, 2, 4, 6),
    )


@lru_cache(maxsize=1)
def final_accuracy() -> dict:
    """Training accuracy by weight scale, without (grey) and with (blue) batch norm, published values as dark ticks.

    A specification, to be sent with rows scale, series ("without", "with", "published"), accuracy.
    """
    base = chart(SENT).encode(
        x=alt.X(
            "scale",
            type="quantitative",
            title="Scale σ of the first weights",
            scale=alt.Scale(type="log", domain=[7e-5, 1.4], nice=False),
            axis=powers(-4, -3, -2, -1, 0),
        ),
        y=alt.Y(
            "accuracy",
            type="quantitative",
            title="Training accuracy",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        ),
        tooltip=[
            alt.Tooltip("series", type="nominal", title="Batch norm"),
            alt.Tooltip("scale", type="quantitative", format=".2~g", title="σ"),
            alt.Tooltip("accuracy", type="quantitative", format=".1%", title="Accuracy"),
        ],
    )
    off, on, ticks = (base.transform_filter(f"datum.series == '{name}'") for name in ("without", "with", "published"))
    return specification(
        alt.layer(
            off.mark_line(color=QUIET, strokeDash=[5, 3]),
            off.mark_point(color=QUIET, size=40),
            on.mark_line().encode(color=tint("signal")),
            on.mark_point(size=40).encode(color=tint("signal")),
            ticks.mark_tick(orient="horizontal", size=16, thickness=2).encode(color=tint("yardstick")),
        ).properties(height=320, title=alt.Title("Where each scale has got to", subtitle="blue: with, grey: without, ticks: published"))
    )


@lru_cache(maxsize=1)
def small_multiples() -> dict:
    """Sixteen little learning curves, four by four. A specification, to be sent with rows panel, x, y, series, accuracy, epoch, and words (text)."""
    base = chart(SENT).encode(
        x=alt.X("x", type="quantitative", scale=alt.Scale(domain=[0, 4], nice=False), axis=None),
        y=alt.Y("y", type="quantitative", scale=alt.Scale(domain=[0, 4], nice=False), axis=None),
        detail=[alt.Detail("panel", type="nominal")],
        order=alt.Order("epoch", type="quantitative"),
    )
    off, on, words, frames = (base.transform_filter(f"datum.series == '{name}'") for name in ("without", "with", "word", "frame"))
    tip = [alt.Tooltip("epoch", type="quantitative", title="Epoch"), alt.Tooltip("accuracy", type="quantitative", format=".1%", title="Accuracy")]
    return specification(
        alt.layer(
            frames.mark_line(strokeWidth=0.5, color=QUIET, opacity=0.6),
            off.mark_line(strokeWidth=1.5, color=QUIET, strokeDash=[4, 2]).encode(tooltip=tip),
            on.mark_line(strokeWidth=2).encode(color=tint("signal"), tooltip=tip),
            words.mark_text(align="left", baseline="bottom", dy=-1, fontSize=11).encode(text=alt.Text("text", type="nominal")),
        ).properties(height=320, title=alt.Title("Accuracy by epoch, scale by scale", subtitle="each panel: 20 epochs, 0 to 100 %"))
    )


@lru_cache(maxsize=2)
def heat(series: str) -> dict:
    """Training accuracy by epoch (x) and scale (y). A specification, to be sent with rows epoch, scale, accuracy."""
    base = alt.Chart(SENT).encode(
        x=alt.X(
            "epoch", type="ordinal", title="Epoch", scale=alt.Scale(domain=list(range(1, 21))), axis=alt.Axis(labelAngle=0, values=[1, 5, 10, 15, 20])
        ),
        y=alt.Y("scale", type="ordinal", title="σ", sort="descending", axis=alt.Axis(format=".1~g")),
        color=alt.Color(
            "accuracy",
            type="quantitative",
            scale=alt.Scale(domain=[0, 1], range="heatmap"),
            legend=alt.Legend(title="accuracy", format="%", orient="right", values=[0, 0.5, 1], gradientLength=150),
        ),
        tooltip=[
            alt.Tooltip("epoch", type="ordinal", title="Epoch"),
            alt.Tooltip("scale", type="ordinal", format=".2~g", title="σ"),
            alt.Tooltip("accuracy", type="quantitative", format=".1%", title="Accuracy"),
        ],
    )
    return specification(alt.layer(base.mark_rect()).properties(height=300, title=f"{series.capitalize()} batch norm"))


def cost(frame: pd.DataFrame) -> alt.LayerChart:
    """Parameters by layer: trained blue, kept dark. Columns order, layer, series ("trained", "kept"), count."""
    x = alt.X("layer", type="nominal", sort=None, title="Layer, left to right", axis=alt.Axis(labelAngle=-40, grid=False))
    scale = alt.Scale(type="log", domain=[1, 1e8], nice=False, clamp=True)
    y = alt.Y("count", type="quantitative", title="Parameters (log)", scale=scale, axis=powers(0, 2, 4, 6, 8))
    tip = [
        alt.Tooltip("layer", type="nominal", title="Layer"),
        alt.Tooltip("series", type="nominal", title="Parameters"),
        alt.Tooltip("count", type="quantitative", format=",", title="Count"),
    ]
    side = alt.XOffset("series", type="nominal", scale=alt.Scale(domain=["trained", "kept"], paddingInner=0.5, paddingOuter=1))
    base = chart(frame).encode(x=x, y=y, xOffset=side, tooltip=tip)
    trained, kept = (base.transform_filter(f"datum.series == '{name}' && datum.count > 0") for name in ("trained", "kept"))
    every = chart(frame).mark_point(size=0, opacity=0).encode(x=x)
    return alt.layer(
        every,
        trained.mark_point(size=110).encode(color=tint("signal")),
        trained.mark_text(dy=-13, fontSize=11).encode(text=alt.Text("count", type="quantitative", format=",")),
        kept.mark_point(shape="diamond", size=80, filled=False, strokeWidth=2).encode(color=tint("yardstick")),
    ).properties(height=340, title=alt.Title("Where the parameters are", subtitle="blue: trained; diamonds: kept, not trained"))


def valley(contours: pd.DataFrame, path: pd.DataFrame, way: str, words: str, span: tuple[float, float]) -> alt.LayerChart:
    """Contours of the loss (columns w1, w2, level, order) and the way of gradient descent (w1, w2, step)."""
    scale = alt.Scale(domain=list(span), nice=False)
    axis = alt.Axis(grid=False, tickCount=4, labelExpr="format(datum.value, '.4~g')")
    x, y = (
        alt.X("w1", type="quantitative", title="w₁", scale=scale, axis=axis),
        alt.Y("w2", type="quantitative", title="w₂", scale=scale, axis=axis),
    )
    lines = (
        chart(contours)
        .mark_line(strokeWidth=1, color=QUIET, clip=True)
        .encode(x=x, y=y, detail=alt.Detail("level", type="nominal"), order=alt.Order("order", type="quantitative"))
    )
    walk = chart(path).encode(x=x, y=y, order=alt.Order("step", type="quantitative"), color=tint("gradient"))
    tip = [
        alt.Tooltip("step", type="quantitative", title="Step"),
        alt.Tooltip("w1", type="quantitative", format=".3~g", title="w₁"),
        alt.Tooltip("w2", type="quantitative", format=".3~g", title="w₂"),
    ]
    goal = (
        chart(path)
        .transform_filter("datum.step == 0")
        .mark_point(shape="cross", size=120)
        .encode(x=alt.X("goal1", type="quantitative", scale=scale), y=alt.Y("goal2", type="quantitative", scale=scale), color=tint("yardstick"))
    )
    return alt.layer(lines, walk.mark_line(strokeWidth=1.5, clip=True), walk.mark_point(size=30, clip=True).encode(tooltip=tip), goal).properties(
        width=195, height=232, title=alt.Title(WAYS[way].capitalize(), subtitle=words)
    )


def descent(frame: pd.DataFrame) -> alt.LayerChart:
    """Loss by step for the three ways, both on log axes: columns step, loss, series."""
    names = list(WAYS.values())
    dash = alt.StrokeDash(
        "series", type="nominal", scale=alt.Scale(domain=names, range=[[1, 0], [6, 4], [2, 2]]), legend=alt.Legend(symbolType="stroke")
    )
    base = chart(frame).encode(
        x=alt.X("step", type="quantitative", title="Step", scale=alt.Scale(type="log", domain=[1, 1e8], nice=False), axis=powers(0, 2, 4, 6, 8)),
        y=alt.Y(
            "loss",
            type="quantitative",
            title="Loss J",
            scale=alt.Scale(type="log", domain=[1e-8, 100], clamp=True, nice=False),
            axis=powers(-8, -6, -4, -2, 0, 2),
        ),
        strokeDash=dash,
        strokeWidth=alt.StrokeWidth("series", type="nominal", scale=alt.Scale(domain=names, range=[2, 4, 2.5])),
        opacity=alt.Opacity("series", type="nominal", scale=alt.Scale(domain=names, range=[1, 0.5, 1])),
        color=tint("signal"),
        tooltip=[
            alt.Tooltip("series", type="nominal", title="Features"),
            alt.Tooltip("step", type="quantitative", format=",", title="Step"),
            alt.Tooltip("loss", type="quantitative", format=".2~g", title="Loss"),
        ],
    )
    goal = alt.Chart(pd.DataFrame({"y": [1e-6]})).mark_rule(strokeDash=[2, 3]).encode(y=alt.Y("y", type="quantitative"))
    return alt.layer(base.mark_line(clip=True), goal).properties(
        height=260, title=alt.Title("Loss by step, both log", subtitle="dotted: a millionth; raw and σ² coincide")
    )
