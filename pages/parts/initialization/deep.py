"""Deep network: a signal through a hundred random layers, histogram by histogram, and the gradient on its way back."""

import math
from typing import Any
from urllib.parse import parse_qsl, urlencode

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import mean_field, propagation
from engine.datasets import load_digits
from engine.verdict import Verdict, number
from pages.parts.initialization import common
from pages.parts.initialization.common import MEASURED, NETWORK, describe
from pages.shared import encodings, layout, link
from pages.shared.control import Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Sketch, Try
from pages.shared.theme import NOTE, TALL, TEXT, tint

COUNTED = {"activations": "Activations", "pre_activations": "Pre-activations z", "gradients": "Gradients dJ/dz"}
SHOW = Menu("init_show", "Histograms of", "activations", "What the small pictures count.", tuple(COUNTED), pills=True, show=COUNTED.get)
CONTROLS = {control.name: control for control in (*NETWORK, *MEASURED)}
PANELS = 5  # small multiples side by side
PIN = "init_pin"  # in the link: a whole network, `depth=7&activation=tanh`
PLAIN = "defaults"  # a pin of nothing but defaults


def pinned() -> Values | None:
    """The network that the link pins; what it does not name, or names wrongly, takes its default."""
    if link.came_back() and PIN not in st.query_params:
        unpin()
    text = st.query_params.get(PIN, st.session_state.get("_init_pin"))
    if text is None:
        return None
    asked = dict(parse_qsl(text[:1000]))
    read = {name: control.read([asked[name]]) if name in asked else None for name, control in CONTROLS.items()}
    if all(value is None for value in read.values()) and text != PLAIN:
        st.session_state.pop("_init_pin", None)
        st.warning("The link pins a network that cannot be read; none is pinned.")
        return None
    st.session_state["_init_pin"] = st.query_params[PIN] = text  # kept while other pages are visited
    return Values(**{name: CONTROLS[name].default if value is None else value for name, value in read.items()})


def pin(v: Values) -> None:
    changed = {name: control.write(getattr(v, name)) for name, control in CONTROLS.items() if getattr(v, name) != control.default}
    st.query_params[PIN] = urlencode(changed) or PLAIN


def unpin() -> None:
    st.session_state.pop("_init_pin", None)
    st.query_params.pop(PIN, None)


def panel_tables(run: propagation.Propagation, counted: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of up to five layers' histograms side by side, and the words above each.

    Panels stand at x = 0, 1, 2 …, each 0.86 wide. Bars: x, x2, share, layer, outside (true for what falls beyond the bins).
    Words: x, layer, head, line1, line2.
    """
    histogram = getattr(run, counted)
    depth, bins = histogram.inside.shape
    layers = np.unique(np.linspace(0, depth - 1, min(PANELS, depth)).round().astype(int))
    edges, words = np.array([0, *(0.03 + 0.80 * np.linspace(0, 1, bins + 1)), 0.86]), []
    shares = np.column_stack([histogram.below[layers], histogram.inside[layers], histogram.above[layers]])
    panel, bin_ = np.nonzero(shares > 0)
    bars = pd.DataFrame({
        "x": (panel + edges[bin_]).astype(np.float32), "x2": (panel + edges[bin_ + 1]).astype(np.float32), "share": shares[panel, bin_].astype(np.float32),
        "layer": (layers[panel] + 1).astype(np.int32), "outside": (bin_ == 0) | (bin_ == bins + 1)})
    for panel, layer in enumerate(layers):
        size = number((run.gradient_rms if counted == "gradients" else run.std)[layer], 2)
        said = ((histogram.below[layer] + histogram.above[layer], "outside"), (run.saturated[layer], "flat"), (run.dead[layer], "dead"))
        note = next((f"{100 * share:.0f} % {word}" for share, word in said if share >= 0.005), "")
        bar = int(histogram.inside[layer].argmax())
        lone = counted != "gradients" and histogram.inside[layer, bar] > 0.998  # a bar without a form: how narrow it is can be said
        near = f"all within {number(np.abs(histogram.edges[bar : bar + 2]).max(), 2)} of 0" if lone else ""
        words.append((panel + 0.43, layer + 1, f"layer {layer + 1}", size, note, near))
    return bars, pd.DataFrame(words, columns=["x", "layer", "head", "line1", "line2", "line3"])


@drawn
def panels(bars: pd.DataFrame, words: pd.DataFrame, count: int, counted: str, depth: int, span: tuple[float, float]) -> alt.LayerChart:
    """The notes' figure (`panel_tables`): a histogram for each of up to five layers, left to right, on the same fixed axes.

    Heights are shares on a square-root axis, so that one full bin and fifty half-empty ones can both be seen.
    Red-brown edges are what falls outside.
    """
    x = alt.X("x", type="quantitative", scale=alt.Scale(domain=[0, max(count, 3)], nice=False), axis=None)
    scale = alt.Scale(type="sqrt", domain=[0, 1.5], nice=False)  # room for the words
    y = alt.Y("share", type="quantitative", title="Share (√ scale)", scale=scale, axis=alt.Axis(values=[0, 0.1, 0.5, 1], format="%"))
    base = alt.Chart(bars).encode(x=x, x2=alt.X2("x2"), y=y, y2=alt.Y2Datum(0), tooltip=tips(("layer", "Layer", "d"), ("share", "Share", ".2%")))
    by_layer = {"shorthand": "layer", "type": "quantitative", "scale": alt.Scale(domain=[1 - 0.7 * depth, depth], range="ramp"), "legend": None}
    paint = {"color": tint("gradient")} if counted == "gradients" else {"color": alt.Color(**by_layer), "stroke": alt.Stroke(**by_layer)}  # a lone bar is thin
    inside = base.transform_filter("!datum.outside").mark_bar(binSpacing=0, strokeWidth=1).encode(**paint)
    outside = base.transform_filter("datum.outside").mark_bar(binSpacing=0).encode(color=tint("trouble"))
    phone, size = "(width < 480)", alt.ExprRef(f"width < 480 ? {NOTE} : {TEXT}")  # on a phone there is room for every second panel's numbers
    said = alt.Chart(words).encode(x=x, y=alt.YValue(0)).transform_calculate(head=f"({phone} && datum.x > 1) ? datum.layer : datum.head")
    lines = [
        (said.transform_filter(f"!{phone} || floor(datum.x) % 2 == 0") if i else said).transform_filter(f"{i} < 3 || width > 740").mark_text(
            baseline="top", fontSize=size, fontWeight=600 if i == 0 else 400, dy=2 + 18 * i, dx=alt.ExprRef(f"{phone} && datum.x > 4 ? -10 : 0")).encode(text=alt.Text(field, type="nominal"))
        for i, field in enumerate(("head", "line1", "line2", "line3"))]
    name = {"activations": "Activations y", "pre_activations": "Pre-activations z", "gradients": "Size of the gradient, log₁₀ |dJ/dz|"}[counted]
    size = "root mean square" if counted == "gradients" else "spread"
    subtitle = [f"Each panel goes from {number(span[0])} to {number(span[1])}; red edges hold what falls outside.", f"The number above each panel is its {size}."]
    head = alt.Title(f"{name}, layer by layer", subtitle=subtitle)
    return alt.layer(inside, outside, *lines, resolve=encodings.OWN_COLOURS, height=TALL, title=head)


def units_said(run: propagation.Propagation) -> str:
    """What `distinct` and `rank` count in the last layer; nothing where its numbers overflow."""
    depth, units, distinct, rank = len(run.std), run.settings["width"], run.distinct[-1], run.rank[-1]
    if not np.isfinite((run.q[-1], run.std[-1])).all():
        return ""
    if distinct == 1:
        return f"Distinct units: in layer {depth} all {units} compute the same number, so {units} neurons are as good as one."
    fill = f"the outputs of the layer fill about {number(rank, 2)} direction{'s' * (number(rank, 2) != '1')}" if rank else "no output changes from input to input"
    return f"Distinct units: {distinct} of the {units} units in layer {depth} have a sum z of their own. Rank: {fill}."


def show_histograms(place: Any, v: Values, counted: str, which: str = "") -> tuple[list[propagation.Propagation], Verdict]:
    with place:
        if which:
            st.markdown(f"**{which}:** {describe(v)}")
        nets, verdict = common.networks(v, counted)
    bars, words = panel_tables(nets[0], counted)
    edges = getattr(nets[0], counted).edges
    said = f"{which} histograms of {COUNTED[counted].lower()} in up to five of {v.depth} layers: {describe(v)}".strip()
    layout.show(place, panels(bars, words, len(words), counted, v.depth, (float(edges[0]), float(edges[-1]))), said)
    return nets, verdict


def formulas(v: Values, run: propagation.Propagation) -> list[str]:
    """The scale of the weights, and those that would keep the signal and the gradient."""
    if not math.isfinite(run.sigma_w[-1]):
        return [r"w_{ij} = w \;\Rightarrow\; z_1 = z_2 = \dots = z_n"]
    fan_in = load_digits().x_train.shape[1] if v.depth == 1 and v.inputs == "digits" else v.width
    weight, moments = run.sigma_w[-1] / math.sqrt(fan_in), mean_field.moments(v.activation)
    recalculated = tex(fan_in * float(f"{weight:.3g}") ** 2)  # as a reader does
    is_ = "=" if recalculated == tex(fan_in * weight**2) else r"\approx"
    lines = [rf"\sigma_w^2 = n\,\mathrm{{Var}}(w) = {fan_in} \times {tex(weight)}^2 {is_} {tex(fan_in * weight**2)}"]
    if v.batch_norm != "none":
        return lines
    keeps = rf"\sigma_w^2 = (1 - \sigma_b^2) / \mathrm{{E}}[\varphi(u)^2] = {tex((1 - v.sigma_b**2) * moments.gain**2)}" if v.sigma_b < 1 else r"\sigma_b < 1"
    return [
        *lines, rf"\text{{the signal keeps }} \mathrm{{E}}[z^2] = 1 \text{{ if }} {keeps}",
        rf"\text{{there the gradient keeps its size if }} \sigma_w^2 = 1 / \mathrm{{E}}[\varphi'(u)^2] = {tex(1 / moments.slope_square)}",
    ]


def show(v: Values) -> Shown:
    counted, other = link.draw(SHOW), pinned()
    places = st.columns(2, vertical_alignment="bottom") if other else [st.container()]
    nets, verdict = show_histograms(places[0], v, counted, "Now" if other else "")
    beside = show_histograms(places[1], other, counted, "Pinned") if other else None
    if beside:
        verdict = Verdict(verdict.kind, f"**Now:** {verdict.text}", verdict.fix, verdict.layer)

    def details() -> None:
        with st.container(horizontal=True):
            st.button("Pin this network", on_click=pin, args=(v,), help="Keeps it beside whatever you set next; the link keeps both.", key="init_pin_it")
            if beside:
                st.button("Unpin", on_click=unpin, key="init_unpin")
        if beside:
            layout.verdict(f"**Pinned:** {beside[1].text}", "verdict_pinned")
            left, right = st.columns(2)
            common.show_by_depth((left, left), nets, v, "Now: ")
            common.show_by_depth((right, right), beside[0], other, "Pinned: ")
        else:
            common.show_by_depth(st.columns(2, vertical_alignment="bottom"), nets, v)
        if said := units_said(nets[0]):
            st.caption(said)
        words = f"Verdict, numbers and script are those of the first of these networks, seed {v.seed}."
        few = common.inputs_of_band(v.depth, v.width, samples)
        st.caption(f"{words} The others are measured on {few} inputs." if few < samples and len(nets) > 1 else words)

    samples, batch_norm = common.affordable(v)[0], None if v.batch_norm == "none" else v.batch_norm
    digits = v.inputs == "digits"
    imports = "from engine.datasets import load_digits, normalizer\n" * digits
    load = f'data = load_digits()\nimages = normalizer("standardize", data)(data.x_train[:{samples}])\n' * digits
    script = f"""import numpy as np

{imports}from engine.propagation import propagate

{load}run = propagate(depth={v.depth}, width={v.width}, activation={v.activation!r}, initializer={v.initializer!r}, gain={v.gain!r},
                sigma_b={v.sigma_b!r}, batch_norm={batch_norm!r}, samples={samples}, inputs={'images' if digits else None}, rng=np.random.default_rng({v.seed}))
for layer in range({v.depth}):
    print(f"layer {{layer + 1}}  std {{run.std[layer]:.4g}}  over the data {{run.std_over_data[layer]:.4g}}  gradient {{run.gradient_rms[layer]:.4g}}")
"""
    return Shown(verdict, formulas(v, nets[0]), script, common.layer_table(nets[0]), details)


def figure(key: str, title: str, look_for: str, activation: str, initializer: str, gain: float = 1.0, **more: Any) -> Preset:
    """A network of the size of the lecture notes' figure."""
    return Preset(key, title, look_for, {"depth": 5, "seeds": 10, "activation": activation, "initializer": initializer, "gain": gain, **more})


PRESETS = (
    figure("sigmoid_1", "Sigmoid, σ = 1", "Both ends of the sigmoid are full: it saturates. The RMS of the gradient falls by a fifth only, its median to a seventh.", "sigmoid", "normal"),
    figure("sigmoid_001", "Sigmoid, σ = 0.01", "All units say about 0.5, and less than a millionth of the gradient is left in layer 1.", "sigmoid", "normal", 0.01),
    figure(
        "sigmoid_xavier", "Sigmoid, 1/√n", "The histograms keep their width, but over the data each unit of the last layer hardly varies.",
        "sigmoid", "lecun_normal"),
    figure("tanh_1", "tanh, σ = 1", "Most of the activations are close to −1 or 1.", "tanh", "normal"),
    figure("tanh_xavier", "tanh, 1/√n", "The spread halves in five layers, by less in every layer.", "tanh", "lecun_normal"),
    figure("relu_001", "ReLU, σ = 0.01", "Each layer keeps about a fourteenth of the signal.", "relu", "normal", 0.01),
    figure("relu_xavier", "ReLU, 1/√n", "About half of the variance is lost in every layer; 1/√2 of the spread is left.", "relu", "lecun_normal"),
    figure("relu_he", "ReLU, √(2/n)", "The factor 2 gives back what ReLU cuts off: the spread stays.", "relu", "he_normal"),
    figure(
        "cs231n", "Ten ReLU layers × 500, He", "The theory says 0.8256; a network of finite width scatters around it.",
        "relu", "he_normal", depth=10, width=500, seeds=3),
    figure(
        "tanh_critical", "tanh at criticality", "σ_w = 1 and no bias: the spread falls about like 1/√l.",
        "tanh", "lecun_normal", depth=50, width=300, seeds=3),
    figure(
        "tanh_chaos", "tanh beyond it, σ_w = 2", "The signal is steady, and the gradient explodes: chaos.", "tanh", "lecun_normal", 2.0, depth=50, seeds=3
    ),
)

RELU = {"activation": "relu", "depth": 30, "width": 100, "gain": 1.0, "sigma_b": 0.0, "batch_norm": "none"}
PART = Part(
    "deep", "Deep network", show,
    question="Does a signal survive many random layers?",
    sees="Inputs go through a network with random weights, before any training. Each small picture is a histogram of one layer's values, the first layer on the left.",
    matters="Training starts from such weights. A layer learns from the gradient that comes back to it: where hardly any arrives, plain gradient descent hardly changes it.",
    first="Change the initializer to He normal. What happens to the last layers?",
    predict=Question(
        "How large is the first layer's gradient, in units of the last layer's?",
        ("Less than a thousandth", "Between a thousandth and a thousand", "More than a thousand"), (1e-3, 1e3),
        lambda v, shown: float(shown.numbers["gradient_rms"].iloc[0] / shown.numbers["gradient_rms"].iloc[-1]),
        "In this network it is {} times the last layer's.", "On its way back the gradient is multiplied once a layer, by weights and slopes.",
        sketch=Sketch(
            "the size of the gradient in each layer, in units of the last layer's.", lambda v, shown: shown.numbers["gradient_rms"] / shown.numbers["gradient_rms"].iloc[-1],
            lambda v: common.reach(v.depth), "gradient")),
    controls=NETWORK, folded={"More": MEASURED}, inside=(SHOW,), cites=("notes", "dlfs", "cs231n", "poole", "schoenholz"),
    presets=PRESETS,
    try_next=(
        Try("*Sigmoid, 1/√n* has broad histograms, but its inputs can hardly be told apart.", preset="sigmoid_xavier"),
        Try("ReLU with He's rule, thirty layers: neither signal nor gradient is lost.", RELU | {"initializer": "he_normal"}),
        Try("*Sigmoid, σ = 1*: the RMS of the gradient falls by a fifth, its median to a seventh.", preset="sigmoid_1"),
        Try("σ = 0.01 with batch norm before the activation: the signal stays, and now the gradient grows.", RELU | {"initializer": "normal", "gain": 0.01, "batch_norm": "before"}),
    ),
    sources=(propagation.propagate,))
