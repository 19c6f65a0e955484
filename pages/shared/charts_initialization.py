"""Charts of the Initialization page: tables to pictures. Knows no Streamlit."""

from functools import lru_cache

import altair as alt
import pandas as pd

from pages.shared.charts import SENT, specification
from pages.shared.theme import DIVERGING, INK_BLUE, QUIET, chart, powers, tint

LOW, HIGH = 1e-10, 1e4  # of every magnitude drawn over depth: fixed, so that the eye compares


def _depth(depth: int) -> alt.X:
    return alt.X(
        "layer",
        type="quantitative",
        title="Layer l",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )


def _magnitude(field: str, title: str) -> alt.Y:
    return alt.Y(
        field,
        type="quantitative",
        title=title,
        scale=alt.Scale(type="log", domain=[LOW, HIGH], clamp=True),
        axis=powers(-10, -8, -6, -4, -2, 0, 2, 4),
    )


@lru_cache(maxsize=256)
def by_depth(names: tuple[str, ...], measure: str, depth: int, overflow: int | None) -> dict:
    """One measure over depth: theory as thin dark lines, measurement as points, the seeds' range as a band.

    A specification, to be sent with rows of `frames.by_depth` of one measure and of these series. Filled points and
    full lines are the first series, hollow and dashed the second. A rule marks the layer where numbers overflow.
    """
    title = {"signal": ("Signal: spread of the activations", "Standard deviation of y"), "gradient": ("Gradient: size of dJ/dz", "|dJ/dz|")}[measure]
    shape = alt.Shape("series", type="nominal", scale=alt.Scale(domain=names, range=["circle", "diamond"]))
    base = chart(SENT).encode(x=_depth(depth))
    band = base.mark_area(opacity=0.18).encode(
        y=_magnitude("least", title[1]), y2="most", color=tint(measure), detail=alt.Detail("series", type="nominal")
    )
    theory = (
        base.transform_filter("isValid(datum.theory)")
        .mark_line(strokeWidth=1.2)
        .encode(
            y=_magnitude("theory", title[1]),
            color=tint("yardstick"),
            strokeDash=alt.StrokeDash(
                "series",
                type="nominal",
                scale=alt.Scale(domain=names, range=[[1, 0], [4, 3]]),
                legend=alt.Legend(symbolType="stroke", symbolSize=150, columns=2),
            ),
        )
    )
    points = base.mark_point(filled=True, size=45).encode(
        y=_magnitude("value", title[1]),
        color=tint(measure),
        shape=shape,
        opacity=alt.condition("datum.beyond", alt.value(0.15), alt.value(0.8)),
        tooltip=[
            alt.Tooltip("layer", type="quantitative", title="Layer"),
            alt.Tooltip("series", type="nominal", title="Measured"),
            alt.Tooltip("value", type="quantitative", format=".3~g", title="Median of the seeds"),
            alt.Tooltip("least", type="quantitative", format=".3~g", title="Least"),
            alt.Tooltip("most", type="quantitative", format=".3~g", title="Greatest"),
            alt.Tooltip("theory", type="quantitative", format=".3~g", title="Theory"),
        ],
    )
    layers = [band, theory, points]
    if overflow:
        mark = chart(pd.DataFrame({"layer": [overflow], "text": f"overflow in layer {overflow}"}))
        layers.append(mark.mark_rule(strokeDash=[3, 3], strokeWidth=2).encode(x=_depth(depth), color=tint("trouble")))
        layers.append(mark.mark_text(align="right", baseline="top", dx=-4, dy=6).encode(x=_depth(depth), y=alt.value(0), text="text:N"))
    return specification(
        alt.layer(*layers).properties(height=290, title=alt.Title(title[0], subtitle="points measured, band seeds, line theory; pale: off the axis"))
    )


@lru_cache(maxsize=256)
def histogram_panels(panels: int, show: str, depth: int, span: tuple[float, float]) -> dict:
    """The notes' figure: a histogram for each of up to five layers, left to right, on the same fixed axes.

    A specification, to be sent with the two tables of `frames.histogram_panels`, the second as `words`. Heights are
    shares on a square-root axis, so that one full bin and fifty half-empty ones can both be seen. Red-brown edges are
    what falls outside of the bins.
    """
    x = alt.X("x", type="quantitative", scale=alt.Scale(domain=[0, max(panels, 3)], nice=False), axis=None)
    y = alt.Y(
        "share",
        type="quantitative",
        title="Share (√ scale)",
        scale=alt.Scale(type="sqrt", domain=[0, 1.9], nice=False),
        axis=alt.Axis(values=[0, 0.1, 0.5, 1], format="%"),
    )
    tip = [alt.Tooltip("layer", type="quantitative", title="Layer"), alt.Tooltip("share", type="quantitative", format=".2%", title="Share")]
    base = chart(SENT).encode(x=x, x2="x2", y=y, y2=alt.datum(0), tooltip=tip)
    scale = alt.Scale(domain=[1 - 0.7 * depth, depth], range="ramp")
    inside = base.transform_filter("!datum.outside").mark_bar(binSpacing=0)
    inside = (
        inside.encode(color=tint("gradient"))
        if show == "gradients"
        else inside.encode(color=alt.Color("layer", type="quantitative", scale=scale, legend=None))
    )
    outside = base.transform_filter("datum.outside").mark_bar(binSpacing=0).encode(color=tint("trouble"))
    said = chart(alt.NamedData("words")).encode(x=x)
    lines = [
        said.mark_text(baseline="top", fontSize=10, fontWeight=weight, dy=2 + 15 * i).encode(y=alt.value(0), text=alt.Text(field, type="nominal"))
        for i, (field, weight) in enumerate((("head", 600), ("line1", 400), ("line2", 400)))
    ]
    name = {"activations": "Activations y", "pre_activations": "Pre-activations z", "gradients": "Size of the gradient, log₁₀ |dJ/dz|"}[show]
    low, high = (f"{edge:g}".replace("-", "−") for edge in span)
    return specification(
        alt.layer(inside, outside, *lines)
        .resolve_scale(color="independent")
        .properties(
            height=215,
            title=alt.Title(
                f"{name}, layer by layer",
                subtitle=f"each panel from {low} to {high}; number: {'RMS' if show == 'gradients' else 'std'}; edges: what falls outside",
            ),
        )
    )


def phase_diagram(cells: pd.DataFrame, lines: pd.DataFrame, here: tuple[float, float]) -> alt.LayerChart:
    """χ over (σ_w, σ_b): blue where gradients vanish, orange where they explode, the critical line between; a cross marks the network."""
    top = alt.Scale(domain=[0, 4.05], nice=False)
    side = alt.Scale(domain=[0, 1.525], nice=False)
    pick = alt.selection_point(name="pick", fields=["sigma_w", "sigma_b"], on="click", empty=False)
    base = (
        chart(cells)
        .mark_rect()
        .encode(
            x=alt.X("w1", type="quantitative", title="Weights σ_w = std · √fan_in", scale=top, axis=alt.Axis(grid=False)),
            x2="w2",
            y=alt.Y("b1", type="quantitative", title="Biases σ_b", scale=side, axis=alt.Axis(grid=False)),
            y2="b2",
            color=alt.Color("log_chi", type="quantitative", scale=alt.Scale(domain=[0.6, -0.6], range="diverging", clamp=True), legend=None),
            tooltip=[
                alt.Tooltip("sigma_w", type="quantitative", format=".2f", title="σ_w"),
                alt.Tooltip("sigma_b", type="quantitative", format=".2f", title="σ_b"),
                alt.Tooltip("chi", type="quantitative", format=".3f", title="χ"),
                alt.Tooltip("depth_scale", type="quantitative", format=".3~g", title="Depth scale ξ"),
            ],
        )
        .add_params(pick)
    )
    curve = chart(lines).encode(
        x=alt.X("sigma_w", type="quantitative", scale=top),
        y=alt.Y("sigma_b", type="quantitative", scale=side),
        order=alt.Order("order", type="quantitative"),
        detail=alt.Detail("line", type="nominal"),
    )
    critical = curve.transform_filter("datum.line == 'χ = 1'").mark_line(strokeWidth=2.5).encode(color=tint("yardstick"))
    contours = curve.transform_filter("datum.line != 'χ = 1'").mark_line(strokeWidth=1, strokeDash=[4, 3], color=QUIET)
    ends = (
        curve.transform_filter("datum.order == datum.at")
        .mark_text(align="left", dx=5, fontSize=11, fontWeight=600)
        .encode(text=alt.Text("line", type="nominal"))
    )
    cross = (
        chart(pd.DataFrame({"sigma_w": [here[0]], "sigma_b": [here[1]]}))
        .mark_point(clip=True, shape="cross", size=160, filled=True, stroke="white", strokeWidth=1)
        .encode(x=alt.X("sigma_w", type="quantitative", scale=top), y=alt.Y("sigma_b", type="quantitative", scale=side), color=tint("yardstick"))
    )
    return (
        alt.layer(base, contours, critical, ends, cross)
        .resolve_scale(color="independent")
        .properties(
            height=340,
            title=alt.Title("χ, the factor of the gradient's variance per layer", subtitle="blue: vanishes, orange: explodes, dashed: depth scale"),
        )
    )


def lines_and_points(frame: pd.DataFrame, x: alt.X, y: alt.Y, title: str, subtitle: str, names: list[str]) -> alt.LayerChart:
    """Theory (column expected) as lines and measurement (column measured) as points for each value of `series`, by x."""
    base = chart(frame).encode(x=x)
    dash = alt.StrokeDash(
        "series",
        type="nominal",
        scale=alt.Scale(domain=names, range=[[1, 0], [6, 3], [2, 2]][: len(names)]),
        legend=alt.Legend(symbolType="stroke", symbolSize=150, columns=2),
    )
    shape = alt.Shape("series", type="nominal", scale=alt.Scale(domain=names, range=["circle", "square", "triangle-up"][: len(names)]))
    line = (
        base.transform_filter("isValid(datum.expected)")
        .mark_line(strokeWidth=1.2, color=QUIET)
        .encode(y=y, strokeDash=dash, detail=alt.Detail("series", type="nominal"))
    )
    points = (
        base.transform_filter("isValid(datum.measured)")
        .mark_point(filled=True, size=40)
        .encode(
            y="measured:Q",
            shape=shape,
            color=tint("signal"),
            tooltip=[
                alt.Tooltip("series", type="nominal", title="Series"),
                alt.Tooltip("measured", type="quantitative", format=".3~g", title="Measured"),
                alt.Tooltip("expected", type="quantitative", format=".3~g", title="Theory"),
            ],
        )
    )
    return alt.layer(line, points).properties(height=290, title=alt.Title(title, subtitle=subtitle))


def fan(lines: pd.DataFrame, points: pd.DataFrame, depth: int) -> alt.LayerChart:
    """Theory for several scales as thin labelled lines (layer, series, expected), one network as points (layer, measured)."""
    x = alt.X(
        "layer", type="quantitative", title="Layer l", scale=alt.Scale(domain=[0, depth + 2.5], nice=False), axis=alt.Axis(grid=False, format="d")
    )
    scale = alt.Scale(type="log", domain=[1e-8, 1e8], clamp=True)
    axis = powers(-8, -4, 0, 4, 8)
    line = chart(lines).encode(x=x, y=alt.Y("expected", type="quantitative", title="Spread of the signal", scale=scale, axis=axis), detail="series:N")
    words = line.transform_filter(f"datum.layer == {depth}").mark_text(align="left", dx=5).encode(text=alt.Text("series", type="nominal"))
    dots = (
        chart(points)
        .mark_point(filled=True, size=55)
        .encode(
            x=x,
            y=alt.Y("measured", type="quantitative", scale=scale),
            color=tint("signal"),
            tooltip=[
                alt.Tooltip("layer", type="quantitative", title="Layer"),
                alt.Tooltip("measured", type="quantitative", format=".3~g", title="Spread"),
            ],
        )
    )
    return alt.layer(line.mark_line(strokeWidth=1.2).encode(color=tint("yardstick")), words, dots).properties(
        height=330, title=alt.Title("Thirty layers, one factor on their weights", subtitle="points: measured now, lines: theory")
    )


def matrix(frame: pd.DataFrame, depth: int) -> alt.LayerChart:
    """Activations by initializers: a dot where the pair is healthy, else the first letters of what is wrong; colour by the gradient's factor."""
    x = alt.X(
        "initializer",
        type="nominal",
        sort=list(dict.fromkeys(frame["initializer"])),
        title=None,
        axis=alt.Axis(orient="top", labelAngle=-60, labelOverlap=False),
    )
    y = alt.Y("activation", type="nominal", sort=list(dict.fromkeys(frame["activation"])), title=None, axis=alt.Axis(labelOverlap=False))
    base = chart(frame).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip(name, type="nominal", title=title)
            for name, title in (("activation", "Activation"), ("initializer", "Initializer"), ("kind", "Diagnosis"), ("factor", "Gradient ×"))
        ],
    )
    cells = base.mark_rect(stroke="transparent").encode(
        color=alt.Color("gradient", type="quantitative", scale=alt.Scale(domain=[6, 3, 0, -3, -6], range=DIVERGING), legend=None)
    )
    rings = base.transform_filter("datum.made_for").mark_rect(filled=False, strokeWidth=2).encode(stroke=alt.value(QUIET))
    words = (
        base.transform_calculate(word="datum.kind == 'healthy' ? '●' : slice(datum.kind, 0, 2)")
        .mark_text(fontSize=11)
        .encode(text=alt.Text("word", type="nominal"), color=alt.condition("abs(datum.gradient) > 4.5", alt.value("white"), alt.value("#1d1f23")))
    )
    return (
        alt.layer(cells, rings, words)
        .resolve_scale(color="independent")
        .properties(
            height=400,
            title=alt.Title(
                f"Depth {depth}: which pairs keep the signal?",
                subtitle=["● healthy, va(nishing), ex(ploding), sa(turated),", "de(ad), sy(mmetric), in(distinguishable)"],
            ),
        )
    )


def by_step(frame: pd.DataFrame, field: str, title: str, domain: list[float], names: list[str]) -> alt.Chart:
    """One quantity while a network trains, a line for each of up to three series, told apart by dash and a legend."""
    last = int(frame["step"].max())
    return (
        alt.Chart(frame)
        .mark_line(color=INK_BLUE)
        .encode(
            x=alt.X("step", type="quantitative", title="Step", scale=alt.Scale(domain=[0, last])),
            y=alt.Y(field, type="quantitative", title=title, scale=alt.Scale(domain=domain, clamp=True)),
            strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=names, range=[[2, 2], [6, 3], [1, 0]])),
            tooltip=[
                alt.Tooltip("series", type="nominal"),
                alt.Tooltip("step", type="quantitative"),
                alt.Tooltip(field, type="quantitative", format=".3~g"),
            ],
        )
        .properties(height=260, title=title)
    )
