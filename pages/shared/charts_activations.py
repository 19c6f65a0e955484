"""Charts of the Activations page: tables to pictures. Knows no Streamlit.

Each activation keeps its own colour, dash and mark in every picture. The theme's four
colours have meanings of their own, so activations take others, which can be read on white
and on near-black.
"""

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.shared.charts import SENT, specification
from pages.shared.theme import QUIET, chart, powers, tint

SPAN = 6.0  # curves are drawn for |z| up to here
REACH_LOW, REACH_HIGH = 1e-20, 1e8
VARIANCE_LOW, VARIANCE_HIGH = 0.01, 100.0
HUES = (
    "#7f8894", "#8f63c9", "#b8860b", "#2a9a8a", "#c05fb5", "#748f1f", "#a37a4f", "#4f9a4a", "#d14f7f", "#6a8ca0", "#2f97ad", "#998a3a",
)  # fmt: skip
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])
SHAPES = ("circle", "square", "triangle-up", "diamond")


def _own(channel: type, values: Sequence, shown: Sequence[str], names: Sequence[str]) -> alt.Color | alt.StrokeDash | alt.Shape:
    """What is each activation's own, the same in every picture: `names` is the whole table, in order. Equal legends merge into one."""
    given = [values[(i + 1) % len(values)] for i in range(len(names))]
    return channel(
        "activation",
        type="nominal",
        scale=alt.Scale(domain=list(names), range=given),
        legend=alt.Legend(values=list(shown), columns=3, symbolOpacity=1),
    )


def hue(shown: Sequence[str], names: Sequence[str]) -> alt.Color:
    return _own(alt.Color, (*HUES[-1:], *HUES[:-1]), shown, names)  # so that the first takes the first


def dash(shown: Sequence[str], names: Sequence[str]) -> alt.StrokeDash:
    return _own(alt.StrokeDash, DASHES, shown, names)


def shape(shown: Sequence[str], names: Sequence[str]) -> alt.Shape:
    return _own(alt.Shape, SHAPES, shown, names)


def _share(field: str, title: str) -> alt.Y:
    return alt.Y(
        field, type="quantitative", title=title, scale=alt.Scale(domain=[0, 1], clamp=True), axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    )


def _z(field: str = "z") -> alt.X:
    return alt.X(field, type="quantitative", title="z", scale=alt.Scale(domain=[-SPAN, SPAN], nice=False))


def curves(frame: pd.DataFrame, zones: pd.DataFrame, measure: str, z: float, names: Sequence[str]) -> alt.LayerChart:
    """φ or φ′ of several activations, saturated and dead zones shaded, and a rule at the cursor with a point on each curve.

    Where zones of several activations lie over each other, the shade is deeper.
    """
    shown = list(frame["activation"].unique())
    field, title, head, domain = {"phi": ("phi", "φ(z)", "The curve φ", [-2.5, 4.5]), "slope": ("slope", "φ′(z)", "Its slope φ′", [-0.3, 2.1])}[
        measure
    ]
    y = alt.Y(field, type="quantitative", title=title, scale=alt.Scale(domain=domain, nice=False))
    depth = 0.3 / max(1, zones["activation"].nunique())
    shade = alt.Chart(zones).mark_rect(opacity=depth, color=QUIET)
    shades = [shade.encode(x=_z("low"), x2="high")] if len(zones) else []
    lines = (
        alt.Chart(frame)
        .mark_line(clip=True)
        .encode(
            x=_z(),
            y=y,
            color=hue(shown, names),
            strokeDash=dash(shown, names),
            tooltip=[
                alt.Tooltip("activation", type="nominal", title="Activation"),
                alt.Tooltip("z", type="quantitative", format=".2f", title="z"),
                alt.Tooltip("phi", type="quantitative", format=".4g", title="φ"),
                alt.Tooltip("slope", type="quantitative", format=".4g", title="φ′"),
            ],
        )
    )
    layers = [*shades, lines]
    if abs(z) <= SPAN:
        layers.append(alt.Chart(pd.DataFrame({"z": [z]})).mark_rule(strokeDash=[2, 3]).encode(x=_z()))
    return alt.layer(*layers).properties(height=330, title=alt.Title(head, subtitle="shaded: the slope is gone, the deeper for the more"))


def zone_strips(zones: pd.DataFrame, shown: Sequence[str]) -> alt.Chart:
    """A row for each activation: where its slope is below 5 % of the steepest and fading, and where it is exactly 0."""
    return (
        chart(zones)
        .mark_bar(height=12)
        .encode(
            x=alt.X("low", type="quantitative", title="z", scale=alt.Scale(domain=[-SPAN, SPAN], nice=False)),
            x2="high",
            y=alt.Y("activation", type="nominal", title=None, scale=alt.Scale(domain=list(shown)), sort=None),
            color=alt.Color(
                "kind",
                type="nominal",
                scale=alt.Scale(domain=[" ", "  ", "saturated", "dead"]),
                legend=alt.Legend(values=["saturated", "dead"], symbolType="square", symbolStrokeWidth=0),
            ),
            tooltip=[
                alt.Tooltip("activation", type="nominal", title="Activation"),
                alt.Tooltip("kind", type="nominal", title="Slope"),
                alt.Tooltip("low", type="quantitative", format=".2f", title="From z"),
                alt.Tooltip("high", type="quantitative", format=".2f", title="To z"),
            ],
        )
        .properties(
            height=28 * len(shown) + 110, title=alt.Title("Where no gradient passes", subtitle="dead: φ′ = 0; saturated: under 5 % of the steepest")
        )
    )


def network_by_hand(edges: pd.DataFrame, nodes: pd.DataFrame) -> alt.LayerChart:
    """The 2-2-1 network: activations in blue, weights along the wires, and under each weight its gradient in orange."""
    x, y = alt.Scale(domain=[-0.3, 2.35], nice=False), alt.Scale(domain=[-0.25, 1.2], nice=False)
    wires = chart(edges).mark_rule(strokeWidth=1.5).encode(x=alt.X("x:Q", scale=x, axis=None), x2="x2", y=alt.Y("y:Q", scale=y, axis=None), y2="y2")
    along = chart(edges).encode(x=alt.X("mx:Q", scale=x, axis=None), y=alt.Y("my:Q", scale=y, axis=None))
    weights = along.mark_text(dy=-13, fontSize=13).encode(text="weight:N")
    gradients = along.mark_text(dy=14, fontSize=12).encode(text="back:N", color=tint("gradient"))
    spots = chart(nodes).encode(x=alt.X("x:Q", scale=x, axis=None), y=alt.Y("y:Q", scale=y, axis=None))
    dots = spots.mark_point(filled=True, size=330, opacity=1).encode(color=tint("signal"))
    words = spots.mark_text(dy=22, fontSize=13, fontWeight=600).encode(text="text:N")
    return alt.layer(wires, weights, gradients, dots, words).properties(
        height=330, title=alt.Title("Two inputs, two units, one output", subtitle="blue: what flows forward; orange: ∂J/∂w, what comes back")
    )


@lru_cache(maxsize=256)
def reach(shown: tuple[str, ...], depth: int, title: str, subtitle: str, names: tuple[str, ...]) -> dict:
    """The gradient in each layer over that in the last: measured points, the seeds' range, and theory's thin line.

    A specification, to be sent with rows of `frames.reach` of the activations shown.
    """
    x = alt.X(
        "layer",
        type="quantitative",
        title="Layer l",
        scale=alt.Scale(domain=[0.5, depth + 0.5], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )
    scale = alt.Scale(type="log", domain=[REACH_LOW, REACH_HIGH], clamp=True)
    axis = powers(-20, -16, -12, -8, -4, 0, 4, 8)
    label = "Gradient here / in layer L"
    base = alt.Chart(SENT).encode(x=x, color=hue(shown, names))

    def y(field: str) -> alt.Y:
        return alt.Y(field, type="quantitative", title=label, scale=scale, axis=axis)

    band = base.mark_area(opacity=0.2).encode(y=y("least"), y2="most")
    line = base.transform_filter("isValid(datum.theory)").mark_line(strokeWidth=1.2).encode(y=y("theory"))
    points = base.mark_point(filled=True, size=34, opacity=1).encode(
        y=y("value"),
        shape=shape(shown, names),
        tooltip=[
            alt.Tooltip("activation", type="nominal", title="Activation"),
            alt.Tooltip("layer", type="quantitative", title="Layer"),
            alt.Tooltip("value", type="quantitative", format=".3~g", title="Measured"),
            alt.Tooltip("theory", type="quantitative", format=".3~g", title="Theory"),
        ],
    )
    return specification(alt.layer(band, line, points).properties(height=400, title=alt.Title(title, subtitle=subtitle)))


def switched_off(frame: pd.DataFrame, epochs: int, names: Sequence[str]) -> alt.LayerChart:
    """Share of units that no training image switches on, while training."""
    shown = list(frame["activation"].unique())
    x = alt.X("epoch", type="quantitative", title="Epoch", scale=alt.Scale(domain=[0, epochs], nice=False), axis=alt.Axis(tickMinStep=1))
    base = alt.Chart(frame).encode(
        x=x,
        y=_share("off", "Units no image switches on"),
        color=hue(shown, names),
        tooltip=[
            alt.Tooltip("activation", type="nominal", title="Activation"),
            alt.Tooltip("epoch", type="quantitative", format=".2~f", title="Epoch"),
            alt.Tooltip("off", type="quantitative", format=".1%", title="Switched off"),
            alt.Tooltip("dead", type="quantitative", format=".1%", title="Dead for good"),
            alt.Tooltip("accuracy", type="quantitative", format=".1%", title="Read correctly"),
        ],
    )
    return (base.mark_line().encode(strokeDash=dash(shown, names)) + base.mark_point(opacity=1)).properties(
        height=330, title=alt.Title("While training", subtitle="z ≤ 0 on every training image")
    )


def switched_off_by_layer(frame: pd.DataFrame, names: Sequence[str]) -> alt.Chart:
    """The same by layer, at the end."""
    shown = list(frame["activation"].unique())
    return (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("layer", type="ordinal", title="Layer l", axis=alt.Axis(labelAngle=0)),
            xOffset=alt.XOffset("activation", type="nominal", sort=None, scale=alt.Scale(domain=shown)),
            y=_share("off", "Units no image switches on"),
            color=hue(shown, names).legend(values=shown, columns=3, symbolType="square", symbolStrokeWidth=0),
            tooltip=[
                alt.Tooltip("activation", type="nominal", title="Activation"),
                alt.Tooltip("layer", type="ordinal", title="Layer"),
                alt.Tooltip("off", type="quantitative", format=".1%", title="Switched off"),
                alt.Tooltip("dead", type="quantitative", format=".1%", title="Dead for good"),
            ],
        )
        .properties(height=330, title=alt.Title("By layer, at the end", subtitle="z ≤ 0 on every training image"))
    )


@lru_cache(maxsize=64)
def swept(by: str, here: float, shown: tuple[str, ...], names: tuple[str, ...]) -> dict:
    """The final share of switched-off units against the learning rate, or against the first bias; a rule marks the sidebar's value.

    A specification, to be sent with rows of `frames.swept`.
    """
    x = {
        "rate": alt.X(
            "rate", type="quantitative", title="Learning rate η", scale=alt.Scale(type="log", domain=[1e-4, 1]), axis=powers(-4, -3, -2, -1, 0)
        ),
        "bias": alt.X("bias", type="quantitative", title="First bias b", scale=alt.Scale(domain=[-2, 0.5], nice=False)),
    }[by]
    base = alt.Chart(SENT).encode(x=x, y=_share("off", "Switched off at the end"), color=hue(shown, names))
    rule = alt.Chart(SENT).mark_rule(strokeDash=[2, 3], clip=True).encode(x=alt.datum(here))
    head = {"rate": "Against the learning rate", "bias": "Against the first bias"}[by]
    return specification(
        (base.mark_line().encode(strokeDash=dash(shown, names)) + base.mark_point(opacity=1) + rule).properties(height=300, title=head)
    )


def moment_map(paths: pd.DataFrame, measured: pd.DataFrame, settles: tuple[float, float] | None) -> alt.LayerChart:
    """Mean and variance, layer after layer, from many starts (thin lines), in one network (points); a cross where theory settles."""
    x = alt.X("mean", type="quantitative", title="Mean μ", scale=alt.Scale(domain=[-1.2, 2.2], nice=False, clamp=False))
    y = alt.Y(
        "variance",
        type="quantitative",
        title="Variance ν (log)",
        scale=alt.Scale(type="log", domain=[VARIANCE_LOW, VARIANCE_HIGH], clamp=True),
        axis=powers(-2, -1, 0, 1, 2),
    )
    tip = [
        alt.Tooltip("layer", type="quantitative", title="After layer"),
        alt.Tooltip("mean", type="quantitative", format=".3~g", title="Mean"),
        alt.Tooltip("variance", type="quantitative", format=".3~g", title="Variance"),
    ]
    base = chart(paths).encode(x=x, y=y, detail=alt.Detail("path", type="nominal"), order=alt.Order("layer", type="quantitative"), tooltip=tip)
    layers = [
        base.mark_line(strokeWidth=1, clip=True, color=QUIET),
        base.mark_point(size=9, clip=True, color=QUIET, opacity=0.8),
        chart(measured).mark_line(strokeWidth=1, clip=True).encode(x=x, y=y, color=tint("signal"), order=alt.Order("layer", type="quantitative")),
        chart(measured).mark_point(size=32, clip=True, opacity=0.9).encode(x=x, y=y, color=tint("signal"), tooltip=tip),
    ]
    if settles:
        cross = chart(pd.DataFrame({"mean": [settles[0]], "variance": [settles[1]]}))
        layers.append(cross.mark_point(shape="cross", size=190, opacity=1, clip=True, stroke="white").encode(x=x, y=y, color=tint("yardstick")))
    return alt.layer(*layers).properties(height=380, title=alt.Title("The map, layer after layer", subtitle="grey: theory; blue: a network"))


def moment(theory: pd.DataFrame, measured: pd.DataFrame, depth: int) -> alt.LayerChart:
    """Variance by layer: theory's line, one network's points."""
    x = alt.X("layer", type="quantitative", title="Layer l", scale=alt.Scale(domain=[0, depth], nice=False), axis=alt.Axis(tickMinStep=1, grid=False))
    y = alt.Y(
        "variance",
        type="quantitative",
        title="Variance ν (log)",
        scale=alt.Scale(type="log", domain=[VARIANCE_LOW, VARIANCE_HIGH], clamp=True),
        axis=powers(-2, -1, 0, 1, 2),
    )
    tip = [alt.Tooltip("layer", type="quantitative", title="Layer"), alt.Tooltip("variance", type="quantitative", format=".3~g", title="Variance")]
    return alt.layer(
        chart(theory).mark_line(strokeWidth=1.2).encode(x=x, y=y, color=tint("yardstick")),
        chart(measured).mark_point(size=32, opacity=0.9).encode(x=x, y=y, color=tint("signal"), tooltip=tip),
    ).properties(height=380, title=alt.Title("Variance by layer", subtitle="line: theory; points: one network"))


def _accuracy(field: str) -> alt.X:
    title = "Test images read correctly"
    return alt.X(field, type="quantitative", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=5))


@lru_cache(maxsize=64)
def ranking(order: tuple[str, ...]) -> dict:
    """Test accuracy after the same budget: a point for each seed, a bar from the worst to the best, the activations in this order.

    A specification, to be sent with rows of `frames.finals`.
    """
    y = alt.Y("activation", type="nominal", title=None, scale=alt.Scale(domain=list(order)), sort=None)
    base, tip = (
        chart(SENT).encode(y=y),
        [
            alt.Tooltip("activation", type="nominal", title="Activation"),
            alt.Tooltip("seed", type="quantitative", title="Seed"),
            alt.Tooltip("accuracy", type="quantitative", format=".1%", title="Read correctly"),
        ],
    )
    once = base.transform_filter("datum.seed == 0")
    rule = once.mark_rule(strokeWidth=5, opacity=0.35).encode(x=_accuracy("low"), x2="high", color=tint("signal"))
    points = base.mark_point(size=55, opacity=1).encode(x=_accuracy("accuracy"), color=tint("signal"), tooltip=tip)
    middle = once.mark_tick(thickness=2.5, size=18).encode(x=_accuracy("middle"), color=tint("yardstick"))
    guess = alt.Chart(SENT).mark_rule(strokeDash=[2, 3]).encode(x=alt.datum(0.1))
    title = alt.Title("Who reads best?", subtitle="points: seeds; dotted: guessing")
    return specification(alt.layer(rule, points, middle, guess).properties(height=max(330, 34 * len(order) + 110), title=title))


@lru_cache(maxsize=64)
def learning(epochs: int, shown: tuple[str, ...], names: tuple[str, ...]) -> dict:
    """Test accuracy by epoch: the middle of the seeds, and their range as a band. A specification, to be sent with rows of `frames.learning`."""
    x = alt.X("epoch", type="quantitative", title="Epoch", scale=alt.Scale(domain=[0, epochs], nice=False), axis=alt.Axis(tickMinStep=1))
    base, label = alt.Chart(SENT).encode(x=x, color=hue(shown, names)), "Test images read correctly"
    band = base.mark_area(opacity=0.15).encode(y=_share("low", label), y2="high")
    line = base.mark_line().encode(
        y=_share("middle", label),
        strokeDash=dash(shown, names),
        tooltip=[
            alt.Tooltip("activation", type="nominal", title="Activation"),
            alt.Tooltip("epoch", type="quantitative", title="Epoch"),
            alt.Tooltip("middle", type="quantitative", format=".1%", title="Middle of the seeds"),
        ],
    )
    title = alt.Title("On the way", subtitle="line: middle of the seeds; band: their range")
    return specification(alt.layer(band, line).properties(height=max(330, 34 * len(shown) + 110), title=title))
