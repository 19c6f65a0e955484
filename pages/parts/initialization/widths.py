"""Unequal widths: the signal wants one scale of the weights and the gradient another; what does the average of the two do?"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies import scales
from engine.verdict import Verdict, number
from pages.parts.initialization.common import LAYERS, SEED, cut, lines_and_points
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import QUIET
from pages.shared.titles import title

SHAPES = {"swinging": "wide and narrow in turn", "narrowing": "from wide to narrow", "widening": "from narrow to wide"}
SHAPE = Menu("init_shape", "Widths", "swinging", "How many units the layers have, from the first to the last.", tuple(SHAPES), show=SHAPES.get)
WIDE = Ladder("init_wide", "Widest layer", 200, "How many units the widest layer has.", (100, 200, 400))
NARROW = Ladder("init_narrow", "Narrowest layer", 50, "How many units the narrowest layer has. Narrow layers scatter more around the theory.", (10, 20, 50, 100))
BEND = Menu("init_bend", "Activation φ", "identity", "For ReLU all three rules are doubled, as in He's rule.", tuple(scales.FACTORS), show=title)

NAMES = {"fan_in": "1/fan-in", "fan_out": "1/fan-out", "glorot": "Glorot"}  # a series: a rule for Var(w)
SQUARES = 1e-3, 1e2  # drawn
NETWORKS = 5
WORDS = ["Dots: the average of five random networks. Bars: their range. Lines: the formula.", "Triangle: here the dots leave the picture."]


def table(sizes: Sequence[int], activation: str, seed: int) -> pd.DataFrame:
    """One row a direction, series and layer: fan_in, fan_out, and of the mean square the networks' mean (measured), least, most, and the theory (expected)."""
    found, parts = workers.measure(scales.by_rule, tuple(sizes), activation, seed=seed, seeds=NETWORKS), []
    fans = {"layer": np.arange(1, len(sizes)), "fan_in": sizes[:-1], "fan_out": sizes[1:]}
    for rule, (key, stds) in enumerate(zip(NAMES, scales.stds(sizes, activation), strict=True)):
        expected = scales.expected(tuple(sizes), stds, activation)
        for way, direction in enumerate(("signal", "gradient")):
            runs = found[:, way, rule]
            parts.append(pd.DataFrame({
                "direction": direction, "series": NAMES[key], **fans, "measured": runs.mean(axis=0), "expected": expected[way],
                "least": runs.min(axis=0), "most": runs.max(axis=0)}))
    return pd.concat(parts, ignore_index=True)


@drawn
def silhouette(frame: pd.DataFrame, depth: int, widest: int) -> alt.Chart:
    """The network from the side: a bar for its inputs and for each layer, as high as it is wide."""
    return alt.Chart(frame).mark_bar(orient="vertical", size=8, color=QUIET).encode(
        x=alt.X("layer", type="quantitative", scale=alt.Scale(domain=[-0.5, depth + 0.5], nice=False), axis=None),
        y=alt.Y("below", type="quantitative", scale=alt.Scale(domain=[-widest / 2, widest / 2], nice=False), axis=None), y2=alt.Y2("above"),
        tooltip=tips(("layer", "Layer", "d"), ("units", "Units", "d"))).properties(height=60, title="The network from the side: its inputs, and the units of each layer")


@drawn
def by_layer(frame: pd.DataFrame, gone: pd.DataFrame, direction: str, depth: int) -> alt.LayerChart:
    text, label = {"signal": ("Signal: mean square of z", "E[z²]"), "gradient": ("Gradient: mean square of dJ/dz", "E[(dJ/dz)²]")}[direction]
    y = {"title": label, "domain": SQUARES, "log": True, "ticks": range(-2, 3)}
    picture = lines_and_points(frame, gone, tuple(NAMES.values()), encodings.layers(depth), y, direction, title=alt.Title(text, subtitle=WORDS))
    bars = alt.Chart(frame).mark_rule(clip=True, color=QUIET, opacity=0.5, strokeWidth=3).encode(
        x=encodings.layers(depth), y=encodings.number(alt.Y, "least", **y), y2=alt.Y2("most"), detail=alt.Detail("series", type="nominal"))
    picture.layer.insert(0, bars)
    return picture


def read(measured: pd.DataFrame, sizes: Sequence[int]) -> Verdict:
    """Kinds: "equal" (all layers are), "both" (the widths alone make Glorot's rule lose in both directions), or "between"."""
    depth, signal, gradient = len(sizes) - 1, [], []
    for _, rows in measured.groupby("series", sort=False):
        forth, back = (rows[rows["direction"] == way]["measured"].to_numpy() for way in ("signal", "gradient"))
        signal.append(forth[-1] / forth[0])
        gradient.append(back[0] / back[-1])
    (a, b, c), (d, e, f) = (map(number, values) for values in (signal, gradient))
    text = (
        f"From layer 1 to layer {depth} the signal's mean square is multiplied by {a} (1/fan-in), {b} (1/fan-out) and {c} (Glorot). "
        f"On its way back the gradient's is multiplied by {d}, {e} and {f}. ")
    if len(set(sizes)) == 1:
        return Verdict("equal", text + "All layers are equally wide, so the three rules are one.")
    (forth, back), grows = scales.by_width_alone(sizes, "glorot"), sizes[1] / sizes[-1]
    if forth < 1 and back < 1:
        return Verdict("both", text + (
            f"By the widths alone, Glorot's rule leaves {number(forth)} of the signal's mean square and {number(back)} of the gradient's. "
            + ("Each of the other rules keeps one direction, and in the other one the mean square ends where it began." if grows == 1 else
               f"Each of the other rules keeps one direction, and multiplies the gradient's by {number(1 / grows)} (1/fan-in) or the signal's by {number(grows)} (1/fan-out).")))
    return Verdict("between", text + (
        f"By the widths alone, 1/fan-in keeps the signal's and multiplies the gradient's by {number(1 / grows)}. "
        f"The rule 1/fan-out keeps the gradient's and multiplies the signal's by {number(grows)}. Glorot's multiplies them by {number(forth)} and {number(back)}."))


def formulas(sizes: Sequence[int], factor: float) -> list[str]:
    (a, b), one = sizes[1:3], r"\tfrac{1}{2}\," if factor == 2 else ""
    variance = 2 * factor / (a + b)
    return [
        rf"\text{{the signal is kept if }} {one}n_{{in}}\,\mathrm{{Var}}(w) = 1 \qquad \text{{the gradient if }} {one}n_{{out}}\,\mathrm{{Var}}(w) = 1",
        rf"\text{{Glorot, layer 2: }} \mathrm{{Var}}(w) = \frac{{{2 * factor:g}}}{{n_{{in}} + n_{{out}}}} = \frac{{{2 * factor:g}}}{{{a} + {b}}} = {tex(variance)} \qquad "
        rf"{one}n_{{in}}\,\mathrm{{Var}}(w) = {tex(a * variance / factor)} \qquad {one}n_{{out}}\,\mathrm{{Var}}(w) = {tex(b * variance / factor)}"]


def show(v: Values) -> Shown:
    sizes = scales.widths(v.shape, v.wide, v.narrow, v.layers)
    measured = table(sizes, v.bend, v.seed)
    units = np.array(sizes)
    layout.show(st, silhouette(pd.DataFrame({"layer": np.arange(v.layers + 1), "units": units, "below": -units / 2, "above": units / 2}), v.layers, max(sizes)),
                f"The network from the side: {SHAPES[v.shape]}, between {min(sizes)} and {max(sizes)} units")
    for place, direction in zip(st.columns(2, vertical_alignment="bottom"), ("signal", "gradient"), strict=True):
        rows = measured[measured["direction"] == direction].reset_index(drop=True)
        picture = by_layer(*cut(rows, SQUARES, back=direction == "gradient"), direction, v.layers)
        layout.show(place, encodings.readings(picture, rows, "layer", "series", "measured"), f"Mean square of the {direction} by layer, for three rules for the first weights, measured and by the formula")
    script = f"""from engine.studies.scales import RULES, by_rule, widths

sizes = widths({v.shape!r}, {v.wide}, {v.narrow}, {v.layers})
signal, gradient = by_rule(sizes, {v.bend!r}, seed={v.seed}, seeds={NETWORKS}).mean(axis=0)
for i, rule in enumerate(RULES):
    for layer in range({v.layers}):
        print(f"{{rule}}  layer {{layer + 1}}  {{sizes[layer]}} to {{sizes[layer + 1]}}  signal {{signal[i, layer]:.4g}}  gradient {{gradient[i, layer]:.4g}}")
"""
    return Shown(read(measured, sizes), formulas(sizes, scales.FACTORS[v.bend]), script, measured)


def _left_by_glorot(v: Values, shown: Shown) -> float:
    rows = shown.numbers.query("direction == 'signal' and series == 'Glorot'")["measured"]
    return float(rows.iloc[-1] / rows.iloc[0])


FUNNEL = {"shape": "narrowing", "wide": 400, "narrow": 10}
PART = Part(
    "widths", "Widths", show,
    question="Can one scale suit the signal and the gradient?",
    sees="Random networks whose layers are not equally wide, drawn by three rules. Left: the signal's mean square on its way forward. Right: the gradient's on its way back.",
    matters="Forward, a unit adds up fan-in terms; on the way back, an input adds up fan-out terms. Where these differ, no one scale keeps both.",
    first="Compare the three rules left and right. Then let the network go from wide to narrow.",
    predict=Question(
        "Glorot's rule takes the average of fan-in and fan-out. What becomes of the signal's mean square, from the first layer to the last?",
        ("It falls below a half", "It stays between a half and twice", "It more than doubles"), (0.5, 2),
        _left_by_glorot,
        "It is multiplied by {}.", "An average of two different fans is neither of them, and every layer multiplies once more."),
    controls=(SHAPE, WIDE, NARROW, LAYERS, BEND), folded={"More": (SEED,)}, cites=("glorot", "he"),
    presets=(
        Preset("widths_equal", "Glorot: equal widths suit both", "Left and right, all dots lie near 1: with equal widths the three rules are the same.", {"wide": 100, "narrow": 100}),
        Preset("widths_funnel", "Glorot's compromise in a funnel", "Each one-sided rule keeps one direction and changes the other almost 29-fold. Glorot's rule changes both, by less.", FUNNEL),
        Preset("widths_one", "He: one direction is enough", "By the one-sided rules nothing is lost over many layers: it only swings. By Glorot's rule both sink.", {"layers": 29}),
    ),
    try_next=(
        Try("From 400 units to 10: the gradient shrinks by 1/fan-in, and the signal grows by 1/fan-out.", FUNNEL),
        Try("Wide and narrow in turn, 29 layers: with Glorot's rule less than a hundredth of both is left.", {"shape": "swinging", "wide": 200, "narrow": 50, "layers": 29}),
        Try("ReLU: the three rules are doubled, and the picture is the same with more scatter.", {"bend": "relu"})),
    sources=(scales.travel, scales.expected, scales.by_width_alone))
