"""Through depth: the same network without batch norm, with it before the activation, and after."""

import math
from collections.abc import Mapping
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import propagation, words
from engine.activations import ACTIVATIONS
from engine.studies.random_networks import arriving, arriving_by_scale, placed
from engine.verdict import Verdict, number
from pages.parts.batch_norm.common import PLACEMENTS, SEED
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Sketch, Try
from pages.shared.theme import HALF, QUIET, tint

MAGNITUDES = (1e-10, 1e6)  # of the gradients drawn
BUDGET = 6e8  # multiplications of one network forward: all three, and the sweep, then take about half a second
SWEEP = tuple(float(s) for s in np.logspace(-2, 1, 13))
CONTROLS = (
    Menu("bn_activation", "Activation φ", "relu", "It bends z in every layer. Batch norm stands before it or after it.", tuple(ACTIVATIONS)),
    Ladder(
        "bn_scale", "Weight scale σ√n", 0.3, "1 is 1/√n, 1.4142 is He's rule. Batch norm divides it out again.",
        (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4142, 2.0, 3.0, 5.0, 10.0)),
    Whole("bn_depth", "Depth L", 10, "Each layer multiplies signal and gradient once more.", (1, 30)),
    Ladder("bn_width", "Width n", 100, "Units per layer.", (10, 20, 50, 100, 200)), SEED,
)


def room(depth: int, width: int) -> tuple[int, int]:
    """Inputs that a network of this size leaves time for: for each of the three, and at each scale of the sweep."""
    inputs = int(BUDGET / (depth * width**2))
    return min(1000, inputs), min(128, inputs // 10)


def strip_frame(run: propagation.Propagation) -> tuple[pd.DataFrame, float]:
    """One rectangle a bin that holds anything, and the largest share of a layer that lies outside of the bins."""
    h = run.activations
    layer, bin_ = np.nonzero(h.inside)
    ends, share = h.edges.astype(np.float32), h.inside[layer, bin_].astype(np.float32)
    table = {"layer": layer + 1, "left": layer + 0.55, "right": layer + 1.45, "low": ends[bin_], "high": ends[bin_ + 1], "share": share}
    return pd.DataFrame(table), float((h.below + h.above).max())


def beyond(below: np.ndarray, above: np.ndarray, low: float, high: float) -> pd.DataFrame:
    """In which layers over half a per cent lies beyond the axis of a strip of histograms: columns layer, low (the end of the axis), share, side."""
    sides = {"above": (high, above), "below": (low, below)}
    rows = [(i + 1, edge, shares[i], side) for side, (edge, shares) in sides.items() for i in np.flatnonzero(shares > 0.005)]
    return pd.DataFrame(rows, columns=["layer", "low", "share", "side"])


def edges(found: object, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Layers of a chart: a table of `beyond` as arrows at the ends of the axis."""
    base = alt.Chart(found).encode(x=x, y=y, color=tint("yardstick"), tooltip=tips(("layer", "Layer"), ("side", "Outside"), ("share", "Share", ".1%")))
    return [
        base.transform_filter(f"datum.side == '{side}'").mark_point(shape=shape, filled=True, opacity=1, size=45, yOffset=offset)
        for side, shape, offset in (("above", "triangle-up", 5), ("below", "triangle-down", -5))
    ]


@drawn
def strip(frame: pd.DataFrame, outside: pd.DataFrame, depth: int, span: tuple[float, float]) -> alt.LayerChart:
    """Histograms of y by layer, one column a layer, stronger in colour where more values are (columns layer, low, high, share); arrows for what lies outside."""
    y = encodings.number(alt.Y, "low", "Activation y", domain=span, axis=alt.Axis(grid=False))
    bins = alt.Chart(frame).encode(
        x=encodings.layers(depth, "left"), x2=alt.X2("right"), y=y, y2=alt.Y2("high"), color=tint("signal"),
        opacity=alt.Opacity("share", type="quantitative", scale=alt.Scale(type="sqrt", domain=[0, 0.5], range=[0.04, 1], clamp=True), legend=None),
        tooltip=tips(("layer", "Layer"), ("share", "Share", ".1%")))
    return alt.layer(bins.mark_rect(), *edges(outside, encodings.layers(depth), y), height=HALF)


@drawn
def placements(frame: pd.DataFrame, gone: pd.DataFrame, by: str, depth: int = 0) -> alt.LayerChart:
    """A gradient for each placement of batch norm (column series, see `PLACEMENTS`), by layer or by scale: grey without, coloured with."""
    names = list(PLACEMENTS.values())
    x, y, title = {
        "layer": (encodings.layers(depth), magnitude("rms", "RMS of ∂L/∂z"), "Gradient by layer, from right to left"),
        "scale": (
            encodings.number(alt.X, "scale", "Weight scale σ√n", domain=(0.01, 10), log=True, ticks=(-2, -1, 0, 1)),
            magnitude("ratio", "First layer : last layer"), "Gradient that arrives, by scale")}[by]
    base = alt.Chart(frame).encode(
        x=x, y=y,
        shape=alt.Shape("series", type="nominal", scale=alt.Scale(domain=names, range=["circle", "square", "diamond"]), legend=None),
        detail=alt.Detail("series", type="nominal"),
        tooltip=tips(("series", "Batch norm"), (x.shorthand, x["title"], ".3~g"), (y.shorthand, y["title"], ".3~g")))
    off, on = base.transform_filter("datum.series == 'without'"), base.transform_filter("datum.series != 'without'")
    dash = alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=names, range=[[1, 0], [1, 0], [5, 3]]), legend=None)
    return alt.layer(
        off.mark_line(strokeWidth=1, color=QUIET, clip=True), off.mark_point(size=45, color=QUIET, clip=True),
        on.mark_line(strokeWidth=1, clip=True).encode(color=tint("gradient"), strokeDash=dash),
        on.mark_point(size=45, clip=True).encode(color=tint("gradient")), *encodings.arrows(gone, x, y),
        height=HALF, title=alt.Title(title, subtitle="Grey: without batch norm. Squares: with it before φ. Diamonds: with it after φ."))


def magnitude(field: str, title: str) -> alt.Y:
    return encodings.number(alt.Y, field, title, domain=MAGNITUDES, log=True, ticks=range(-10, 7, 2))


def read(runs: Mapping[str, propagation.Propagation]) -> Verdict:
    """Kinds: "helps", "harmless" (the plain network keeps signal and gradient by itself)."""
    plain, before, after = (runs[name] for name in ("none", "before", "after"))
    depth, kept = len(plain.std), arriving(plain)
    times = f"{number(kept, 2)} times the last one's" if kept == kept else "0, as the last one's is"
    text = (
        f"Without batch norm, layer {depth} has a spread of {number(plain.std[-1], 2)}, and the first layer's gradient is {times}. "
        f"With it before φ these are {number(before.std[-1], 2)} and {number(arriving(before), 2)}; after φ, "
        f"{number(after.std[-1], 2)} and {number(arriving(after), 2)}. "
    )
    fits = 1 / words.BY_ITSELF < kept < words.BY_ITSELF and 1 / words.BY_ITSELF < plain.std[-1] < words.BY_ITSELF
    if fits:
        text += f"At this scale the plain network keeps both within a factor of {words.BY_ITSELF:g} by itself. "
    elif all(1 / words.KEEPS_SPREAD < run.std[-1] < words.KEEPS_SPREAD for run in (before, after)):
        text += "Batch norm keeps the spread of the signal. " if depth > 1 else ""
    rates = {PLACEMENTS[name]: arriving(runs[name]) ** (1 / max(depth - 1, 1)) for name in ("before", "after")}
    if grows := [f"{number(rate)} {where}" for where, rate in rates.items() if rate > words.GROWS]:
        text += f"But batch norm itself makes the gradient grow towards the first layer, by this factor a layer: {', '.join(grows)}."
    return Verdict("harmless" if fits else "helps", text.strip())


def show(v: Values) -> Shown:
    network, (samples, few) = {"depth": v.depth, "width": v.width, "activation": v.activation, "seed": v.seed}, room(v.depth, v.width)
    if samples < 1000:
        st.caption(f"Networks of this size are measured on {samples} inputs, and on {few} at each scale, to answer soon.")
    each, sweep = partial(placed, scale=v.scale, samples=samples, measure=("activations",), **network), partial(arriving_by_scale, SWEEP, samples=few, **network)
    found, swept = workers.measure_all(each, sweep)
    for column, (name, run) in zip(st.columns(3, vertical_alignment="bottom"), found.items(), strict=True):
        frame, outside = strip_frame(run)
        caption = [f"Spread: {number(run.std[0], 2)} in layer 1, {number(run.std[-1], 2)} in layer {v.depth}.", *[f"Outside of the picture: at most {100 * outside:.1f} %."] * (outside >= 0.0005)]
        title = "Without batch norm" if name == "none" else f"Batch norm {PLACEMENTS[name]}"
        h = run.activations
        ends = (float(h.edges[0]), float(h.edges[-1]))
        spec = strip(frame, beyond(h.below, h.above, *ends), v.depth, ends)
        layout.show(column, encodings.titled(spec, title, caption), f"Histograms of the activations layer by layer, {PLACEMENTS[name]}")
    columns = {"layer": np.tile(np.arange(1, v.depth + 1), len(found)), "series": np.repeat([PLACEMENTS[name] for name in found], v.depth)}
    by_layer = pd.DataFrame(columns | {n: np.concatenate([getattr(run, at) for run in found.values()]) for n, at in (("rms", "gradient_rms"), ("std", "std"))})

    def details() -> None:
        left, right = st.columns(2, vertical_alignment="bottom")
        rows = by_layer.assign(rms=encodings.drawable(by_layer["rms"].fillna(np.inf)))
        layout.show(left, placements(rows, encodings.gone(rows, "layer", "rms", MAGNITUDES, log=True, by="series"), "layer", v.depth), "Gradient by layer, without batch norm, before and after the activation")
        rows = pd.DataFrame(swept, columns=["scale", "series", "ratio"]).assign(series=lambda t: t["series"].map(PLACEMENTS), ratio=lambda t: encodings.drawable(t["ratio"]))
        layout.show(right, placements(rows, encodings.gone(rows, "scale", "ratio", MAGNITUDES, log=True, by="series"), "scale"), "Gradient of the first layer over that of the last one, against the scale of the weights")

    formulas = [
        rf"\sigma = \frac{{{tex(v.scale)}}}{{\sqrt{{{v.width}}}}} = {tex(v.scale / math.sqrt(v.width))} \qquad"
        r"\text{before: } y = \varphi(\mathrm{BN}(xW)) \qquad \text{after: } y = \mathrm{BN}(\varphi(xW))"
    ]
    script = f"""import numpy as np

from engine.propagation import propagate

for batch_norm in (None, "before", "after"):
    run = propagate(depth={v.depth}, width={v.width}, activation={v.activation!r}, initializer="lecun_normal", gain={v.scale!r},
                    samples={samples}, batch_norm=batch_norm, rng=np.random.default_rng({v.seed}))
    for layer, (std, gradient) in enumerate(zip(run.std, run.gradient_rms), start=1):
        print(f"{{batch_norm}}  layer {{layer}}  std {{std:.4g}}  gradient {{gradient:.4g}}")
"""
    return Shown(read(found), formulas, script, by_layer, details)


def _by_layer(v: Values, shown: Shown) -> pd.Series:
    rms = shown.numbers.query("series == 'before φ'")["rms"]
    return rms / rms.iloc[-1]


def _reach(v: Values, shown: Shown) -> float:
    rms = shown.numbers.query("series == 'before φ'")["rms"]
    return float(rms.iloc[0] / rms.iloc[-1])


PART = Part(
    "depth", "Through depth", show,
    question="What does batch norm change in a deep network?",
    sees="The same random network three times: without batch norm, with it before the activation φ, and after it. Columns are layers, stronger in colour where more values lie.",
    matters="Batch norm divides the scale of the weights out again. Weights half as large leave its output as it was, but for ε, a small number in its division.",
    first="Move the weight scale from one end to the other. Which of the three pictures stay as they are?",
    predict=Question(
        "With batch norm before φ, how large is the first layer's gradient, in units of the last layer's?",
        ("Less than half", "Between a half and 2", "More than 2"), (0.5, 2),
        _reach,
        "It is {} times as large.", "Batch norm divides each layer by its spread, and on its way back the gradient is divided by the same spread.",
        sketch=Sketch("the size of the gradient in each layer, in units of the last layer's.", _by_layer, lambda v: (-4, 6), "gradient")),
    controls=CONTROLS,
    presets=(
        Preset("bn_small", "Weights too small", "Without batch norm the activations shrink to nothing; with it, before or after φ, they keep their spread.", {"scale": 0.05}),
        Preset("bn_he", "He's scale, with and without", "The plain network keeps signal and gradient. Batch norm makes the gradient grow.", {"scale": 1.4142}),
    ),
    try_next=(
        Try("Weight scale 10 instead of 0.3: which of the three pictures changes?", {"scale": 10.0}),
        Try("He's scale, 1.4142, with ReLU: what is there left for batch norm to do?", {"scale": 1.4142, "activation": "relu"}),
        Try("Sigmoid: its activations lie between 0 and 1, unless batch norm stands after it.", {"activation": "sigmoid"}),
        Try("Thirty layers of ReLU with batch norm: the gradient grows more than a hundredfold towards the first layer. Depth has its price.",
            {"depth": 30, "activation": "relu", "width": 100}),
    ),
    cites=("ioffe", "yang"), sources=(propagation.propagate,))
