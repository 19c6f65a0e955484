"""SELU's fixed point: where mean and variance go from layer to layer."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS, as_activation
from engine.initializers import INITIALIZERS
from engine.studies import moment_map
from engine.verdict import Verdict, number
from engine.words import AT_HOME, DIED_OUT
from pages.parts.activations.common import GAINS, SLOPE_CONTROLS, gain_idle, member, members_of
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Number, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import QUIET, TALL, tint
from pages.shared.titles import rule, title

STARTS = tuple((mean, variance) for mean in (-1.0, 0.0, 1.0, 2.0) for variance in (0.02, 0.3, 5.0, 40.0))
VARIANCES = (0.01, 100)  # drawn
RULES = tuple(name for name, rule in INITIALIZERS.items() if name != "constant" and not rule.needs_data)  # those that this theory knows
FIXED = Menu("act_fixed", "Activation φ", "selu", "Only SELU is made to settle at (0, 1).", tuple(ACTIVATIONS))
CONTROLS = (
    FIXED, Number("act_mean", "Input mean μ", 0.5, "The mean of the network's inputs.", limits=(-2, 2), step=0.25),
    Number("act_variance", "Input variance ν", 2.0, "The variance of the network's inputs.", limits=(0, 10), step=0.25),
    Whole("act_layers", "Layers", 30, "How many layers the path is followed.", (1, 1000)),
    Menu("act_fixed_initializer", "Initializer", "lecun_normal", "SELU is made for LeCun's 1/n. Try He.", RULES, show=rule),
    Ladder("act_fixed_gain", "Gain of the weights", 1.0, "Multiplies every weight.", tuple(g for g in GAINS if 0.4 < g < 3), idle=gain_idle),
    Ladder("act_dropout_rate", "Dropout rate", 0.0, "The share of units that is silenced after every layer.", (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)),
    Menu(
        "act_dropout", "Kind of dropout", "dropout", "Alpha dropout sends units to SELU's floor instead of 0.", moment_map.DROPOUTS,
        show={"dropout": "Dropout", "alpha": "Alpha dropout"}.__getitem__, idle=lambda v: "" if v.dropout_rate else "At rate 0 nothing is dropped.",
    ),
)


HOME = {"fixed": "selu", "fixed_initializer": "lecun_normal", "fixed_gain": 1.0}
MAP = ["Grey: theory from 16 starts. Blue: one network.", "A cross shows where theory settles, if it does."]


def path_frame(trajectories: list[np.ndarray], every: int = 1) -> pd.DataFrame:
    """Columns path, layer, mean, variance of several (depth + 1, 2) trajectories; what is infinite or NaN is left out."""
    parts = [pd.DataFrame({"path": i, "layer": np.arange(len(t)), "mean": t[:, 0], "variance": t[:, 1]})[::every] for i, t in enumerate(trajectories)]
    frame = pd.concat(parts, ignore_index=True)
    return frame[np.isfinite(frame["mean"]) & np.isfinite(frame["variance"])]


def variance_axis() -> alt.Y:
    return encodings.number(alt.Y, "variance", "Variance ν (log)", domain=VARIANCES, log=True, ticks=range(-2, 3))


@drawn
def map_picture(paths: pd.DataFrame, measured: pd.DataFrame, settles: pd.DataFrame) -> alt.LayerChart:
    """Mean and variance, layer after layer, from many starts (thin lines), in one network (points); a cross where theory settles."""
    place = {"x": encodings.number(alt.X, "mean", "Mean μ", domain=(-1.2, 2.2)), "y": variance_axis()}
    tip = tips(("layer", "After layer", "d"), ("mean", "Mean", ".3~g"), ("variance", "Variance", ".3~g"))
    order = alt.Order("layer", type="quantitative")
    base = alt.Chart(paths).encode(**place, detail=alt.Detail("path", type="nominal"), order=order, tooltip=tip)
    network = alt.Chart(measured).encode(**place, color=tint("signal"))
    cross = alt.Chart(settles).mark_point(shape="cross", size=190, clip=True, stroke=alt.ExprRef("background"))
    return alt.layer(
        base.mark_line(strokeWidth=1, clip=True, color=QUIET), base.mark_point(size=9, clip=True, color=QUIET, opacity=0.8),
        network.mark_line(strokeWidth=1, clip=True).encode(order=order),
        network.mark_point(size=32, clip=True).encode(tooltip=tip), cross.encode(**place, color=tint("yardstick")),
        height=TALL, title=alt.Title("The map, layer after layer", subtitle=MAP))


@drawn
def by_layer(theory: pd.DataFrame, measured: pd.DataFrame, gone: pd.DataFrame, depth: int) -> alt.LayerChart:
    """Variance by layer: theory's line, one network's points, arrows where they leave the axis."""
    place = {
        "x": encodings.number(alt.X, "layer", "Layer l", domain=(-depth / 60, depth * 61 / 60), axis=alt.Axis(tickMinStep=1, grid=False)), "y": variance_axis(),
        "tooltip": tips(("layer", "Layer", "d"), ("variance", "Variance", ".3~g"))}
    return alt.layer(
        alt.Chart(theory).mark_line(strokeWidth=1.2, clip=True).encode(**place, color=tint("yardstick")),
        alt.Chart(measured).mark_point(size=45, clip=True).encode(**place, color=tint("signal")),
        *encodings.arrows(gone, place["x"], place["y"]),
        height=TALL, title=alt.Title("Variance by layer", subtitle=["Line: theory. Dots: one network.", "An arrow shows where values leave the picture."]))


def read(key: str, network: np.ndarray, settles: tuple[float, float], rate: float) -> Verdict:
    """Kinds: "home" where theory settles at (0, 1), "elsewhere", "grows", "dies", "moves"."""
    depth, end = len(network) - 1, network[-1]

    def moments(mean: float, variance: float, bold: str = "") -> str:
        return f"mean {bold}{number(round(mean, 2))}{bold} and variance {bold}{number(variance)}{bold}"

    text = f"After {depth:,} layer{'s' * (depth > 1)} of {title(key)} the network has {moments(*end, '**')}. "
    if not np.isfinite(end).all():
        text = f"In layer {int(np.isfinite(network).all(axis=1).sum())} of {title(key)} the network's numbers overflow. "
    there = f"{text}From this start, theory settles at {moments(*settles)}."
    if abs(settles[0]) < AT_HOME and abs(settles[1] - 1) < AT_HOME:
        return Verdict("home", there)
    fix = {"fixed": "selu", "fixed_initializer": "lecun_normal", "fixed_gain": 1.0} | ({"dropout": "alpha"} if rate else {})
    fix |= {} if network[0].any() else {"variance": 1.0}  # an input of zeros stays one
    if settles[1] == math.inf:
        return Verdict("grows", f"{text}In theory the variance grows without end.", fix)
    if math.isnan(settles[1]):
        return Verdict("moves", f"{text}In theory both still move after {moment_map.MOST:,} layers.", fix)
    if settles[1] < DIED_OUT:
        return Verdict("dies", f"{text}In theory the variance dies out.", fix)
    return Verdict("elsewhere", there, fix)


def show(v: Values) -> Shown:
    ((key, options),) = members_of([v.fixed], [FIXED.default], v)
    start, layer = (v.mean, v.variance), {"rate": v.dropout_rate, "dropout": v.dropout}
    phi, rules = as_activation(key, **dict(options)), {"initializer": v.fixed_initializer, "gain": v.fixed_gain}
    fan, theory, network, settles = workers.measure(moment_map.paths, STARTS, start, v.layers, phi, **rules, **layer)
    verdict = read(key, network, settles, v.dropout_rate)
    every = max(1, v.layers // 150)
    measured, theory_rows = path_frame([network], every), path_frame([theory], every)
    there = pd.DataFrame([settles] if verdict.kind in ("home", "elsewhere") else [], columns=["mean", "variance"])
    left, right = st.columns(2, vertical_alignment="bottom")
    said = f"Mean and variance from layer to layer under {title(key)}, from {len(STARTS)} starts"
    layout.show(left, map_picture(path_frame(fan), measured, there), said)
    picture = by_layer(theory_rows, measured, encodings.gone(measured, "layer", "variance", VARIANCES, log=True), v.layers)
    layout.show(right, picture, f"Variance over {v.layers} layers: theory and one network of 100 units")

    def near(x: float) -> str:
        return tex(round(x, 6) + 0.0) if math.isfinite(x) else r"\infty"

    sigma_w = moment_map.sigma_w_of(v.fixed_initializer, v.fixed_gain)
    mu, nu = moment_map.next_moments(0.0, 1.0, phi, sigma_w=sigma_w, **layer)
    formulas = [
        r"q = \sigma_w^2 (\nu + \mu^2), \quad u \sim \mathcal{N}(0, 1)",
        r"\mu' = E[\varphi(\sqrt{q}\,u)], \quad \nu' = E[\varphi(\sqrt{q}\,u)^2] - \mu'^2",
        rf"(0,\ 1) \;\mapsto\; ({near(mu)},\ {near(nu)}) \quad \text{{with }} \sigma_w = {tex(sigma_w)}"]
    drop = ", ".join(f"{name}={value!r}" for name, value in layer.items())
    script = f"""import numpy as np

from engine.activations import as_activation
from engine.studies.moment_map import sigma_w_of, simulate, trajectory

phi, start, depth = {member(key, options)}, {start!r}, {v.layers}
initializer, gain = {v.fixed_initializer!r}, {v.fixed_gain!r}
theory = trajectory(*start, depth, phi, sigma_w=sigma_w_of(initializer, gain), {drop})
network = simulate(*start, depth, phi, initializer=initializer, gain=gain, {drop},
                   rng=np.random.default_rng(0))
print("layer,mean,variance,measured_mean,measured_variance")
for layer, row in enumerate(np.hstack([theory, network])):
    print(layer, *(repr(float(x)) for x in row), sep=",")
"""
    numbers = pd.DataFrame(np.hstack([theory, network]), columns=["mean", "variance", "measured_mean", "measured_variance"])
    numbers.insert(0, "layer", range(len(numbers)))
    return Shown(verdict, formulas, script, numbers)


PART = Part(
    "selu", "SELU's fixed point", show,
    question="Can an activation keep mean and variance?",
    sees="The mean μ and the variance ν of a signal, layer after layer. Left: the paths from many starts. Right: the variance by layer.",
    matters="A signal that keeps its mean and variance neither dies out nor explodes with depth. SELU with LeCun's weights draws both towards 0 and 1.",
    first="Change the initializer to He normal. Where do the paths go now?",
    predict=Question(
        "Which variance will the signal have in the last layer?",
        ("Below 0.5", "Between 0.5 and 2", "Above 2"), (0.5, 2),
        lambda v, shown: float(shown.numbers["measured_variance"].iloc[-1]),
        "Measured in the last layer: {}.", "Each layer maps mean and variance on to new ones, and the next layer does so again."),
    controls=CONTROLS, folded=SLOPE_CONTROLS,
    presets=(
        Preset("act_selu", "SELU, 100 layers", "From all 16 starts the grey paths run towards mean 0 and variance 1. The network stays near them.", {"layers": 100}),
        Preset(
            "act_selu_dropout", "SELU with dropout", "Dropout puts zeros where SELU has its floor. The fixed point moves away from (0, 1).",
            {"dropout_rate": 0.1}),
        Preset(
            "act_selu_he", "SELU with He's weights", "Every layer enlarges the variance, at first by 1.6, later by 1.1. Theory finds no fixed point.",
            {"fixed_initializer": "he_normal"}),
    ),
    try_next=(
        Try("100 layers of SELU.", preset="act_selu"), Try("Then 1,000 layers.", {"layers": 1000}),
        Try("Dropout moves the fixed point.", preset="act_selu_dropout"),
        Try("Alpha dropout leaves it where it was.", HOME | {"dropout_rate": 0.1, "dropout": "alpha"}),
        Try("He's weights, which keep a ReLU's second moment, are too large for SELU.", preset="act_selu_he"),
        Try("ReLU with He's weights: the second moment stays, but mean and variance?", {"fixed": "relu", "fixed_initializer": "he_normal", "fixed_gain": 1.0, "dropout_rate": 0.0}),
    ),
    sources=(moment_map.next_moments, moment_map.simulate), cites=("selu",),
)
