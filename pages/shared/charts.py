"""Tables to charts. Knows no Streamlit; titles, domains and encodings stay constant while data change."""

import math
from functools import lru_cache

import altair as alt
import pandas as pd

from pages.shared.theme import INK_BLUE, chart, colour, tint

LOSS_FLOOR, LOSS_TOP = 1e-3, 10.0
SENT = alt.NamedData("sent")  # stands for the table that is sent with a specification
SERIES = {"train": "signal", "test": "yardstick"}
PROVE = False  # every chart against Vega-Lite's grammar: tests do


def specification(chart: alt.TopLevelMixin) -> dict:
    """A chart as it is sent, its tables beside it under "datasets"; `SENT` and others that are only named follow later.

    Streamlit's `altair_chart` would also prove it against the whole grammar, under a lock for all
    visitors, which costs more than to build it.
    """
    tables: dict[str, pd.DataFrame] = {}

    def take_tables(part: alt.TopLevelMixin) -> None:
        if isinstance(part.data, pd.DataFrame):
            name = next((name for name, table in tables.items() if table is part.data), f"table {len(tables) + 1}")
            tables[name], part.data = part.data, alt.NamedData(name)
        for inner in part.layer if isinstance(part, alt.LayerChart) else part.vconcat if isinstance(part, alt.VConcatChart) else ():
            take_tables(inner)

    take_tables(chart)
    return {**chart.to_dict(validate=PROVE), "datasets": tables}


@lru_cache(maxsize=64)
def training_curve(measure: str, epochs: int, classes: int) -> dict:
    """Loss (log axis) or accuracy by epoch on fixed axes: batches pale, training images blue, test images dark and dashed.

    A Vega-Lite specification, built once, to be sent with rows of `frames.training_curves` several
    times a second. The dotted rule is what guessing would get.
    """
    y = (
        alt.Y(
            "loss",
            type="quantitative",
            title="Loss J (log)",
            scale=alt.Scale(type="log", domain=[LOSS_FLOOR, LOSS_TOP], clamp=True),
            axis=alt.Axis(values=[0.001, 0.01, 0.1, 1, 10], format="~g"),
        )
        if measure == "loss"
        else alt.Y(
            "accuracy",
            type="quantitative",
            title="Accuracy",
            scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]),
        )
    )
    x = alt.X("epoch", type="quantitative", title="Epoch", scale=alt.Scale(domain=[0, epochs], nice=False, clamp=True))
    base = alt.Chart(SENT).encode(x=x, y=y)
    batches = base.transform_filter(alt.datum.series == "batch").mark_line(strokeWidth=1, opacity=0.45, clip=True)
    evaluated = base.transform_filter(alt.datum.series != "batch").encode(
        color=colour("series", SERIES),
        strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=list(SERIES), range=[[1, 0], [5, 3]]), legend=None),
        tooltip=[
            alt.Tooltip("series", type="nominal", title="Images"),
            alt.Tooltip("epoch", type="quantitative", format=".3~g", title="Epoch"),
            alt.Tooltip("loss", type="quantitative", format=".4f", title="Loss"),
            alt.Tooltip("accuracy", type="quantitative", format=".2%", title="Accuracy"),
        ],
    )
    guess = math.log(classes) if measure == "loss" else 1 / classes
    rule = alt.Chart(pd.DataFrame({"y": [guess]})).mark_rule(strokeDash=[2, 3]).encode(y=alt.Y("y", type="quantitative"))
    word = (
        alt.Chart(pd.DataFrame({"y": [guess], "text": [f"guessing: ln {classes} = {guess:.2f}" if measure == "loss" else "guessing: 1 in 10"]}))
        .mark_text(align="right", baseline="bottom", dx=-2, dy=-2)
        .encode(x=alt.value("width"), y=alt.Y("y", type="quantitative"), text=alt.Text("text", type="nominal"))
    )
    title = "Loss" if measure == "loss" else "Share read correctly"
    chart = alt.layer(batches, evaluated.mark_line(clip=True), evaluated.mark_point(clip=True), rule, word).properties(
        height=300, title=alt.Title(title, subtitle="pale: each step's batch")
    )
    return specification(chart)


@lru_cache(maxsize=1)
def confusion() -> dict:
    """Counts of test images by true digit (rows) and answer (columns); the darker, the larger the share of its row.

    A specification, to be sent with rows of `frames.confusion`.
    """
    base = chart(SENT).encode(
        x=alt.X("answer", type="ordinal", title="Network's answer", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("truth", type="ordinal", title="True digit"),
        tooltip=[
            alt.Tooltip("truth", type="ordinal", title="True digit"),
            alt.Tooltip("answer", type="ordinal", title="Answer"),
            alt.Tooltip("images", type="quantitative", title="Images"),
        ],
    )
    cells = base.mark_rect(color=INK_BLUE).encode(
        opacity=alt.Opacity("share", type="quantitative", scale=alt.Scale(domain=[0, 1], type="sqrt", range=[0.07, 1]), legend=None)
    )
    shown = base.transform_filter(alt.datum.images > 0).mark_text(fontSize=11).encode(text=alt.Text("images", type="quantitative"))
    bright = shown.transform_filter(alt.datum.share > 0.3).encode(color=alt.value("white"))
    plain = shown.transform_filter(alt.datum.share <= 0.3).encode(color=tint("yardstick"))
    return specification((cells + bright + plain).properties(height=300, title="What is taken for what"))
