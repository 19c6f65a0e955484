"""Phases: where over the scales of weights and biases do gradients vanish, explode, or survive?"""

import math
from functools import lru_cache, partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import mean_field
from engine.initializers import as_initializer
from engine.verdict import Verdict, number
from engine.words import CRITICAL, LOST, ON_THE_LINE
from pages.parts.initialization import common
from pages.parts.initialization.common import GAIN, INITIALIZER, MEASURED, NETWORK, SIGMA_B
from pages.shared import encodings, layout, link, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Question, Shown, Try
from pages.shared.theme import TALL, ink, tint

DIAGRAM = "init_diagram"
WORDS = ["Blue: the gradient vanishes. Orange: it explodes. Line: neither (χ = 1).", "Dashed: here ξ layers change the gradient's mean square by the factor e."]
SILENT = {
    "zeros": "These weights are all equal. The theory speaks of random ones, and has nothing to say of them.",
    "lsuv": "LSUV rescales each layer on the data until z has variance 1. The cross shows the weights before that, and χ is not theirs."}
SILENT["constant"] = SILENT["zeros"]
WEIGHTS, BIASES = np.round(np.arange(1, 41) * 0.1, 1), np.round(np.arange(31) * 0.05, 2)


@lru_cache(maxsize=20)
def tables(activation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells (sigma_w, sigma_b, chi, depth_scale, log_chi, their edges) and lines (sigma_w, sigma_b, line, order, at: where its label stands).

    Lines: the critical one, and where the depth scale is 5 and 20 layers on either side of it.
    """
    diagram = workers.measure(mean_field.phase_diagram, activation, WEIGHTS, BIASES)
    w, b = (grid.ravel() for grid in np.meshgrid(WEIGHTS, BIASES))
    dw, db = WEIGHTS[1] - WEIGHTS[0], BIASES[1] - BIASES[0]
    chi = np.maximum(diagram.chi, 1e-12).ravel()
    edges = {"w1": w - dw / 2, "w2": w + 0.52 * dw, "b1": np.maximum(b - db / 2, 0), "b2": b + 0.52 * db}  # they overlap: no seams
    columns = {"sigma_w": w, "sigma_b": b, "chi": chi, "depth_scale": diagram.depth_scale.ravel(), "log_chi": np.log10(chi), **edges}
    lines = [(s, t, "χ = 1", i, 28) for i, (s, t) in enumerate(zip(diagram.critical, BIASES, strict=True))]
    for scale, at in ((5, 16), (20, 22)):
        for side in (-1, 1):
            level, name = math.exp(side / scale), f"ξ = {scale}" if side < 0 else " " * scale
            for i, row in enumerate(diagram.chi):
                past = np.flatnonzero(row > level)
                if len(past) and past[0]:
                    j = past[0]
                    lines.append((WEIGHTS[j - 1] + dw * (level - row[j - 1]) / (row[j] - row[j - 1]), BIASES[i], name, i, at))
    frame = pd.DataFrame(lines, columns=["sigma_w", "sigma_b", "line", "order", "at"])
    return pd.DataFrame(columns).astype(np.float32), frame[frame["sigma_w"].between(WEIGHTS[0], WEIGHTS[-1])]


def marker(sigma_w: float, sigma_b: float) -> pd.DataFrame:
    """Where the network stands, or the edge of the picture next to it: columns sigma_w, sigma_b, shape, text."""
    x, y = min(sigma_w, WEIGHTS[-1]), min(sigma_b, BIASES[-1])
    shape = "triangle-right" if x < sigma_w else "triangle-up" if y < sigma_b else "cross"
    beyond = [f"{name} = {number(value)}" for name, value, at in (("σ_w", sigma_w, x), ("σ_b", sigma_b, y)) if at < value]
    return pd.DataFrame({"sigma_w": [x], "sigma_b": [y], "text": [", ".join(beyond)]}).assign(shape=shape)


@drawn
def picture(cells: pd.DataFrame, lines: pd.DataFrame, point: pd.DataFrame) -> alt.LayerChart:
    """χ over (σ_w, σ_b): blue where gradients vanish, orange where they explode, the critical line between; and where the network stands (`marker`)."""
    plain = alt.Axis(grid=False)
    pick = alt.selection_point(name="pick", fields=["sigma_w", "sigma_b"], on="click", empty=False)

    def axes(x: str = "sigma_w", y: str = "sigma_b") -> dict:
        return {
            "x": encodings.number(alt.X, x, "Weights σ_w = std · √fan_in", domain=(0, 4.1), axis=plain),
            "y": encodings.number(alt.Y, y, "Biases σ_b", domain=(-0.05, 1.55), axis=plain)}

    heat = alt.Chart(cells).transform_calculate(w2="datum.w2 + 0.008", b2="datum.b2 + 0.004").mark_rect().add_params(pick).encode(  # half a pixel still showed
        **axes("w1", "b1"), x2=alt.X2("w2"), y2=alt.Y2("b2"),
        color=alt.Color("log_chi", type="quantitative", scale=alt.Scale(domain=[0.6, -0.6], range="diverging", clamp=True), legend=None),
        tooltip=tips(("sigma_w", "σ_w", ".2f"), ("sigma_b", "σ_b", ".2f"), ("chi", "χ", ".3f"), ("depth_scale", "Depth scale ξ", ".3~g")),
    )
    curve = alt.Chart(lines).encode(**axes(), order=alt.Order("order", type="quantitative"), detail=alt.Detail("line", type="nominal"))
    critical = curve.transform_filter("datum.line == 'χ = 1'").mark_line(strokeWidth=2.5).encode(color=tint("yardstick"))
    contours = curve.transform_filter("datum.line != 'χ = 1'").mark_line(strokeWidth=1.8, strokeDash=[4, 3], color=alt.ExprRef(**ink()))
    names = [
        layer for test, side, away in (("==", "left", 5), ("!=", "right", -5)) for layer in encodings.over_lines(
            curve.transform_filter(f"datum.order == datum.at && datum.line {test} 'χ = 1'"), alt.Text("line", type="nominal"), align=side, dx=away, fontWeight=600)]
    here = alt.Chart(point).encode(**axes(), color=tint("yardstick"))
    cross = here.mark_point(size=200, stroke=alt.ExprRef("background"), strokeWidth=1.5).encode(shape=alt.Shape("shape", type="nominal", scale=None))
    beyond = here.mark_text(align="right", dx=-10, fontWeight=600).encode(text=alt.Text("text", type="nominal"))
    return alt.layer(
        heat, contours, critical, *names, cross, beyond, resolve=encodings.OWN_COLOURS,
        height=TALL, title=alt.Title("χ, the factor on the gradient's mean square per layer", subtitle=WORDS))


def go_to(sigma_w: float, sigma_b: float) -> None:
    """Set the controls to a point of the diagram: LeCun's rule, whose gain is sigma_w."""
    link.put({INITIALIZER.key: "lecun_normal", GAIN.key: GAIN.take(sigma_w), SIGMA_B.key: SIGMA_B.take(sigma_b)})


def picked() -> None:
    if points := st.session_state[DIAGRAM].selection.get("pick", []):
        go_to(points[0]["sigma_w"], points[0]["sigma_b"])


def read(sigma_w: float, sigma_b: float, q: float, chi: float, held: bool = False) -> Verdict:
    """Kinds: "unbounded", "critical", "ordered" (χ < 1) or "chaotic". With `held`, any q stays what it is."""
    scale, here = mean_field.depth_scale(chi), f"At σ_w = {number(sigma_w)}, σ_b = {number(sigma_b)} the mean square of z"
    if not math.isfinite(q):
        return Verdict("unbounded", f"{here} does not settle: it grows without bound, and χ tends to {number(chi, 4)}.")
    here = f"{here} {'stays as it is in layer 1, and' if held else f'settles at q* = {number(q)}, where'} χ = {number(chi, 4)}"
    if scale > CRITICAL:
        if q == 0:
            return Verdict("critical", f"{here}: this is the critical line. It takes ever more layers to come closer, and on the way χ is "
                                       "below 1: the gradient still shrinks, by less in each layer.")
        percent = 100 * (math.exp(50 / CRITICAL) - 1)
        return Verdict("critical", f"{here}: this is the critical line. There the gradient's size changes by less than {percent:.0f} % in a hundred layers.")
    kind, verb = ("ordered", "shrinks") if chi < 1 else ("chaotic", "grows")
    if chi == 0:
        return Verdict(kind, f"{here}: no gradient passes a single layer.")
    layers = math.ceil(2 * math.log(LOST) * scale)
    often = "in a single layer" if layers == 1 else f"after {layers:,} layers"
    return Verdict(kind, f"{here}. There each layer multiplies the gradient's size by √χ = {number(math.sqrt(chi))}: it {verb} more than {LOST:,.0f}-fold {often}.")


def show(v: Values) -> Shown:
    sigma_w = v.gain * as_initializer(v.initializer).std(v.width, v.width) * math.sqrt(v.width)
    theory = (partial(mean_field.critical_sigma_w, v.sigma_b, v.activation), partial(mean_field.fixed_point, sigma_w, v.sigma_b, v.activation))
    critical, q = workers.measure_all(*theory)
    chi = mean_field.chi(q, sigma_w, v.activation)
    said = "Phase diagram: the factor chi of the gradient's variance over the scales of weights and biases, with the critical line"
    spec = picture(*tables(v.activation), marker(sigma_w, v.sigma_b))
    layout.show(st, spec, said, look={"key": DIAGRAM, "on_select": picked, "selection_mode": "pick"})
    with st.container(horizontal=True):
        landing = GAIN.take(critical)
        if abs(landing / critical - 1) <= ON_THE_LINE:  # never at infinity
            near = "" if number(landing) == number(critical) else f"; the critical line is at {number(critical)}"
            st.button(f"Go to σ_w = {number(landing)}{near}", on_click=go_to, args=(critical, v.sigma_b), key="init_critical")
        st.caption("A click into the diagram sets Gain and Bias to that point, with LeCun normal.")
    if v.batch_norm != "none":
        st.caption("The theory is silent on batch norm: diagram and verdict are those of the same network without it.")
    nets, _ = common.networks(v)
    formulas = [
        r"q' = \sigma_w^2\,\mathrm{E}[\varphi(q^{1/2} u)^2] + \sigma_b^2 \qquad "
        rf"\chi = \sigma_w^2\,\mathrm{{E}}[\varphi'({{q^*}}^{{1/2}} u)^2]{'' if v.initializer in SILENT else f' = {tex(chi)}'} \qquad u \sim \mathcal{{N}}(0, 1)"
    ]
    script = f"""import numpy as np

from engine.initializers import as_initializer
from engine.mean_field import chi, critical_sigma_w, fixed_point

sigma_w = {v.gain} * as_initializer({v.initializer!r}).std({v.width}, {v.width}) * np.sqrt({v.width})
q = fixed_point(sigma_w, {v.sigma_b}, {v.activation!r})
print(f"sigma_w {{sigma_w:.4g}}  q* {{q:.4g}}  chi {{chi(q, sigma_w, {v.activation!r}):.4g}}")
print(f"critical sigma_w {{critical_sigma_w({v.sigma_b}, {v.activation!r}):.4g}}")
"""
    held = all(math.isclose(mean_field.variance_map(one, sigma_w, v.sigma_b, v.activation), one) for one in (0.5, 1.0, 2.0))
    verdict = Verdict("silent", SILENT[v.initializer]) if v.initializer in SILENT else read(sigma_w, v.sigma_b, q, chi, held)
    return Shown(verdict, formulas, script, common.layer_table(nets[0]), lambda: common.show_by_depth(st.columns(2, vertical_alignment="bottom"), nets, v))


PART = Part(
    "phase", "Phases", show,
    question="Which weights and biases keep a gradient alive?",
    sees="Each point of the map is a kind of network: to the right its weights grow (σ_w), upwards its biases (σ_b). The colour tells what depth does to its gradient.",
    matters="The colour is χ, the factor on the gradient's mean square in each layer. Over many layers, any factor but one near 1 makes it vanish or explode.",
    first="Choose tanh, click on either side of the line, and compare the pictures below the map.",
    predict=Question(
        "From one layer to the layer before, by which factor does the size of the gradient change?",
        ("It shrinks: below 0.95", "It hardly changes", "It grows: above 1.05"), (0.95, 1.05),
        lambda v, shown: float(shown.numbers["gradient_rms"].iloc[0] / shown.numbers["gradient_rms"].iloc[-1]) ** (1 / max(1, len(shown.numbers) - 1)),
        "In this network each layer multiplies it by {}, on average.", "The scale of the weights and the slopes of the activation make up this factor."),
    controls=(*NETWORK, SIGMA_B), cites=("poole", "schoenholz"),
    folded={"More": tuple(control for control in MEASURED if control is not SIGMA_B)},
    try_next=(
        Try("tanh without bias: the critical line is at σ_w = 1.", {"activation": "tanh", "sigma_b": 0.0}),
        Try("ReLU with He's rule: its σ_w of √2 is on the critical line.", {"activation": "relu", "initializer": "he_normal", "gain": 1.0, "sigma_b": 0.0}),
        Try("tanh beyond the line, at σ_w = 1.5 and depth 50: the gradient grows.", {"activation": "tanh", "initializer": "lecun_normal", "gain": 1.5, "sigma_b": 0.0, "depth": 50}),
    ),
    sources=(mean_field.variance_map, mean_field.chi, mean_field.fixed_point))
