"""A network whose layers fade or glow while its slider is dragged: computed once for every scale, drawn and moved by the browser alone."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies import random_networks
from pages.shared import encodings, workers
from pages.shared.control import Ladder
from pages.shared.encodings import drawn
from pages.shared.theme import BACK, FORWARD, QUIET, ink, tint

DEPTH, UNITS, APART = 30, 4, 0.32  # layers, the units of each that are drawn, and how far from each other on the axis of y
WAY = (0, 0, 1, 1, 2, 2, 3, 3, 0, 1, 3, 0, 2, 3, 1, 2, 0)  # units of two layers in turn: all links between them, each once, in one line
SCALE = Ladder("home_gain", "Scale of the first weights", 0.8, "", tuple(round(0.05 * i, 2) for i in range(10, 41)))  # a link says where the slider starts
KINDS = {"ReLU": ("relu", None), "tanh": ("tanh", None), "ReLU with batch norm": ("relu", "before")}
HALVES = {"signal": (0.95, FORWARD, "Forward → the signal in"), "gradient": (-0.95, BACK, "Back ← the gradient in")}
EMPTY, WIDEST = -3, 6  # powers of ten: a unit is empty at the one, its glow is widest at the other
LOST, TOO_MUCH = 0.01, 100  # what is said to be lost, and to explode


def column(field: str, kind: str, scale: float) -> str:
    return f"{field} {kind} {scale:.2f}"


@st.cache_data(max_entries=1, show_spinner=False)
def passed() -> pd.DataFrame:
    """A row a layer; a column for the signal and for the gradient at each place of the slider, see `column`."""
    found = workers.measure(random_networks.passed_by_scale, tuple(KINDS.values()), SCALE.options, DEPTH, 64, seed=0, samples=64)
    columns = {
        column(field, kind, scale): found[i, j, k].astype(np.float32)
        for i, kind in enumerate(KINDS) for j, scale in enumerate(SCALE.options) for k, field in enumerate(HALVES)}
    return pd.DataFrame({"layer": np.arange(1, DEPTH + 1, dtype=np.int32), **columns})


def half(table: object, field: str) -> list[alt.Chart]:
    """The network once: its links, a glow behind each layer, its units and their rims, and in words what gets through. Only expressions of marks follow the slider."""
    (middle, colours, told), last = HALVES[field], DEPTH if field == "signal" else 1
    value = f"datum['{field} ' + place]"
    level, step = f"(log(max({value}, 1e-30)) / LN10)", f"(width / {DEPTH + 1})"  # px between two layers
    bare = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    x, y = encodings.number(alt.X, "layer", None, domain=(0.5, DEPTH + 0.5), axis=bare), encodings.number(alt.Y, "y", None, domain=(-1.8, 2.0), axis=bare)
    at = f"{middle} + ({{}} - {(UNITS - 1) / 2}) * {APART}".format
    way = alt.Chart(table).transform_filter(f"datum.layer < {DEPTH}").transform_calculate(turn=f"sequence({len(WAY)})").transform_flatten(["turn"])
    links = way.transform_calculate(y=at(f"{list(WAY)}[datum.turn]"), x="datum.layer + datum.turn % 2")
    # a row of units is one line of dots: of no length, with round ends, and as far from each other as the units
    units = alt.Chart(table).transform_calculate(y=at(0), y2=at(UNITS - 0.98)).encode(x=x, y=y, y2="y2")
    dots = {"strokeCap": "round", "strokeDash": alt.ExprRef(f"[0, {APART} / 3.8 * height]")}
    size = f"{step} * 0.5"
    glow = alt.ExprRef(f"{step} * 1.15 * clamp({level} / {WIDEST}, 0, 1)")
    layers, here = alt.Chart(table).transform_calculate(y=str(middle - 0.48), y2=str(middle + 0.48)), alt.Chart(table).transform_filter(f"datum.layer == {last}")
    number, what = encodings.written_of(value), f"{value} < {LOST} ? 'almost nothing is left' : {value} > {TOO_MUCH} ? 'it explodes' : 'it gets through'"
    words = here.mark_text(
        align="left", fontSize=alt.ExprRef("width < 600 ? 14 : 16"), fontWeight=600, color=alt.ExprRef(**ink(colours)),
        text=alt.ExprRef(f"(width < 600 ? '{field.capitalize()} in' : '{told}') + ' layer {last}: ' + ({number}) + (width < 600 ? '' : ', ' + ({what}))"))
    return [
        links.mark_line(opacity=0.25, strokeWidth=0.6, color=QUIET).encode(
            x=encodings.number(alt.X, "x", None, domain=(0.5, DEPTH + 0.5), axis=bare), y=y, detail=alt.Detail("layer", type="quantitative"), order=alt.Order("turn", type="quantitative")),
        layers.mark_rule(opacity=0.3, strokeCap="round", strokeWidth=glow).encode(x=x, y=y, y2="y2", color=tint(field)),
        units.mark_rule(color=QUIET, strokeWidth=alt.ExprRef(f"{size} + 1"), **dots),
        units.mark_rule(color=alt.ExprRef("background"), strokeWidth=alt.ExprRef(f"{size} - 1"), **dots),
        units.mark_rule(opacity=alt.ExprRef(f"clamp(1 - {level} / {EMPTY}, 0, 1)"), strokeWidth=alt.ExprRef(size), **dots).encode(color=tint(field)),
        words.encode(x=alt.value(2), y=alt.YDatum(middle + 0.85))]


@drawn
def network(table: pd.DataFrame, start: float) -> alt.LayerChart:
    """Thirty layers, drawn forward and back. Its slider and its menu are the browser's own."""
    scale = alt.param("scale", value=start, bind=alt.binding_range(min=SCALE.options[0], max=SCALE.options[-1], step=0.05, name=SCALE.label))
    kind = alt.param("kind", value=next(iter(KINDS)), bind=alt.binding_radio(options=list(KINDS), name="Layers of"))
    place = alt.param("place", expr="kind + ' ' + format(scale, '.2f')")
    return alt.layer(*half(table, "signal"), *half(table, "gradient"), height=300).add_params(kind, scale, place)
