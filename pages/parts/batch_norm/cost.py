"""Parameters: what batch norm adds to a network, counted as Keras does."""

import altair as alt
import pandas as pd
import streamlit as st

from engine.studies import layer_list
from engine.verdict import Verdict, number
from pages.shared import encodings, layout, link
from pages.shared.control import Text, Values
from pages.shared.encodings import drawn, tips
from pages.shared.link import plain_text
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import TALL, tint

LAYERS = Text(  # a list of layers wants the width of the page
    "bn_layers", "Layers", "784, BN, 300 elu, BN, 100 elu, BN, 10",
    "The number of inputs first, then layers: “300”, “300 elu”, “300 no bias”, “BN”, “elu”, “dropout 0.2”.",
    placeholder="784, 300 relu, 10")
BEFORE = "784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10"
PRINTED = "784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, elu, 10"
MILLION = "784, 1000 no bias, BN, relu, 200 no bias, BN, relu, 10"


def read_list(text: str) -> tuple[layer_list.LayerList, str]:
    """The list that is typed, or the default one and a sentence why; and its text."""
    try:
        return layer_list.parse_layers(text), text
    except ValueError as error:
        st.warning(f"This list cannot be read: {plain_text(str(error), 200)}. The default list is shown.")
        return layer_list.parse_layers(LAYERS.default), LAYERS.default


@drawn
def bars(frame: pd.DataFrame, names: tuple[str, ...], top: int) -> alt.LayerChart:
    """Parameters by layer: trained blue, kept as diamonds. Columns layer, series ("trained", "kept"), count; the order of the layers, and the power of ten at the top."""
    order = list(names)  # named, because the axis keeps its old order when only the table is replaced
    x = alt.X("layer", type="nominal", sort=order, title="Layer, left to right", axis=alt.Axis(labelAngle=-50, grid=False, labelOverlap=False), scale=alt.Scale(domain=order))
    y = encodings.number(alt.Y, "count", "Parameters (log)", domain=(1, 10.0**top), log=True, ticks=range(0, top + 1, 1 if top < 8 else 2))
    side = alt.XOffset("series", type="nominal", scale=alt.Scale(domain=["trained", "kept"], padding=1))
    base = alt.Chart(frame).encode(x=x, y=y, xOffset=side, tooltip=tips(("layer", "Layer"), ("series", "Parameters"), ("count", "Count", ",")))
    trained, kept = (base.transform_filter(f"datum.series == '{name}' && datum.count > 0") for name in ("trained", "kept"))
    every = alt.Chart(frame).mark_point(size=0, opacity=0).encode(x=x)
    return alt.layer(
        every, trained.mark_point(size=110).encode(color=tint("signal")),
        trained.mark_text(dy=-15).encode(text=alt.Text("count", type="quantitative", format=",")),
        kept.mark_point(shape="diamond", size=80, filled=False, strokeWidth=2).encode(color=tint("yardstick")),
        height=TALL, title=alt.Title("Where the parameters are", subtitle="Blue: trained. Diamonds: kept as averages, not trained."))


def read(layers: layer_list.LayerList) -> Verdict:
    """Kinds: "doubled" (an activation after an activation), "bias" (one that batch norm subtracts), or "usual"."""
    total, trainable, kept = layer_list.totals(layers.summary())
    text = f"{total:,} parameters: {trainable:,} are trained, {kept:,} are kept as running means and variances. "
    if doubled := layers.doubled_activations():
        several = len(doubled) > 1
        text += f"Layer{'s' * several} {', '.join(map(str, doubled))} appl{'y' if several else 'ies'} an activation to what went through one already, with no dense layer between. "
        return Verdict("doubled", text + "Keep only one of the two: elu(elu(x)), for example, cannot fall below −0.632, where elu(x) reaches −1.")
    if where := layers.needless_biases():
        saved = sum(layers.items[i - 1].units for i in where)
        text += f"The {saved:,} bias{'es' * (saved > 1)} of layer{'s' * (len(where) > 1)} {', '.join(map(str, where))} "
        text += f"{'are' if saved > 1 else 'is'} subtracted again by the batch norm that follows: say “no bias”."
        return Verdict("bias", text)
    norms = sum(item.kind == "batch_norm" for item in layers.items)
    share = 100 * 2 * kept / total if total else 0
    return Verdict("usual", text + (f"Batch norm costs {2 * kept:,} of them, {number(share, 2)} %." if norms else "There is no batch norm in it."))


def show(v: Values) -> Shown:
    layers, text = read_list(link.draw(LAYERS))
    rows = layers.summary()
    total, trainable, kept = layer_list.totals(rows)
    frame = pd.DataFrame(
        [(row.name, series, count) for row in rows for series, count in (("trained", row.trainable), ("kept", row.non_trainable))],
        columns=["layer", "series", "count"])
    top = len(str(max(frame["count"].max(), 1000))) + 1  # a decade of room for the number above the largest
    layout.show(st, bars(frame, tuple(dict.fromkeys(row.name for row in rows)), top), "Trained and kept parameters of each layer")
    numbers = pd.DataFrame(
        [(row.name, f"(None, {row.output_shape[1]})", row.trainable + row.non_trainable, row.trainable, row.non_trainable) for row in rows]
        + [("total", "", total, trainable, kept)], columns=["Layer", "Output shape", "Parameters", "Trainable", "Non-trainable"])

    def details() -> None:
        localized = {name: st.column_config.NumberColumn(format="localized") for name in numbers.columns[2:]}
        st.dataframe(numbers, hide_index=True, column_config=localized, height="content")

    formulas = [
        r"\text{dense: } n_\text{in} \cdot n_\text{out} + n_\text{out} \qquad "
        r"\text{batch norm: } \underbrace{2n}_{\gamma,\,\beta} + \underbrace{2n}_{\hat\mu,\,\hat\sigma^2}",
        rf"{total:,} = {trainable:,} + {kept:,}".replace(",", r"{,}")]
    script = f"""from engine.studies.layer_list import parse_layers, totals

rows = parse_layers({text!r}).summary()
for row in rows:
    print(f"{{row.name:20s}} {{row.output_shape!s:14s}} {{row.trainable:>10,}} {{row.non_trainable:>8,}}")
print("total {{:,}}, trainable {{:,}}, non-trainable {{:,}}".format(*totals(rows)))
"""
    return Shown(read(layers), formulas, script, numbers, details)


def _share(v: Values, shown: Shown) -> float:
    layers = shown.numbers
    return 100 * float(layers.loc[layers["Layer"] == "batch_norm", "Parameters"].sum() / layers["Parameters"].sum())


PART = Part(
    "cost", "Parameters", show,
    question="How many numbers does batch norm add?",
    sees="Each layer of the network that you type, with how many numbers it trains, and how many it only keeps.",
    matters="For each unit batch norm adds four numbers: γ and β are trained, a running mean and variance are kept. A bias just before it is of no use.",
    first="Take one “BN” out of the list. How many numbers does that save?",
    predict=Question(
        "Which share of all parameters belongs to batch norm?",
        ("Less than 5 %", "5 to 20 %", "More than 20 %"), (5, 20),
        _share,
        "It is {} %.", "Batch norm keeps four numbers a unit; a dense layer has one weight for each input of a unit."),
    inside=(LAYERS,),
    presets=(
        Preset("bn_keras_after", "Keras listing: BN after ELU", "It has 271,346 parameters; 2,368 of them are not trained."),
        Preset("bn_keras_before", "Keras listing: BN before ELU", "It has 400 biases fewer: 270,946 parameters.", {"layers": BEFORE}),
        Preset("bn_keras_doubled", "The listing as printed: ELU twice", "The same count of 270,946; but elu(elu(x)) cannot fall below −0.632.", {"layers": PRINTED}),
    ),
    try_next=(
        Try("Put BN before the activation and drop the biases: 400 parameters fewer.", {"layers": BEFORE}),
        Try("“784, 300, BN, elu, 10”: which parameters are wasted?", {"layers": "784, 300, BN, elu, 10"}),
        Try(f"How many of a million-parameter network's numbers are batch norm's? “{MILLION}”", {"layers": MILLION})),
    cites=("notes", "geron"), sources=(layer_list.LayerList, layer_list.parse_layers))
