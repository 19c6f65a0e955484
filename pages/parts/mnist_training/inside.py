"""Inside: the run of this visit, layer by layer while it trains. It is the run of the part Training, seen from within."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import as_activation
from engine.measures import plateaus, value_range
from engine.studies import by_layer
from engine.studies.by_layer import BINS, TINY, Look
from engine.verdict import Verdict
from pages.parts.mnist_training import layered
from pages.parts.mnist_training.common import MAIN, MORE, REGULARISE
from pages.parts.mnist_training.program import script
from pages.parts.mnist_training.run import TrainingRun
from pages.parts.mnist_training.visit import here
from pages.shared import layout, runs
from pages.shared.control import Values, Whole
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import HALF

LAYER = Whole("mnist_layer", "Layer looked into", 1, "Its activations and its weights are drawn as histograms. Beyond the last layer, the last one.", (1, 21))
TOP, BELOW, NORMALISED = ("update", "gradient"), ("saturated", "dead", "signal", "grown"), ("running_mean", "running_std")
SAID = {
    "update": "How far one step moves each layer's weights, over time", "gradient": "Size of each layer's gradient, over time",
    "saturated": "Share of saturated pre-activations of each layer, over time", "dead": "Share of dead units of each layer, over time",
    "signal": "Spread of the signal that each layer hands on, over time", "grown": "Length of each layer's weights over its first, over time",
    "running_mean": "Running means of each layer's batch norm, over time", "running_std": "Running spread of each layer's batch norm, over time"}


def until(run: TrainingRun) -> float:
    return run.latest.epoch if run.latest and run.latest.diverged else run.settings.epochs


def draw_lines(run: TrainingRun, looks: list[Look], measures: tuple[str, ...]) -> None:
    frame, layers = layered.table(looks, run.steps / run.settings.epochs), len(looks[0].norm)
    for pair in zip(measures[::2], measures[1::2], strict=True):
        for column, measure in zip(st.columns(2, vertical_alignment="bottom"), pair, strict=True):
            height = HALF if measure in TOP else 240
            rows, ends, left = layered.lines_of(frame, measure, min(30 / height, 0.9 / layers))  # 30: px of words of arrows above each other
            layout.show(column, layered.over_time(rows, ends, left, measure, layers, until(run), height), SAID[measure])


def read(run: TrainingRun, looks: list[Look]) -> Verdict:
    """Kinds of `by_layer.before_training` before the first step, of `by_layer.while_training` after it, and "closed"."""
    if not looks:
        return Verdict("closed", "")
    now = looks[-1]
    if not now.step:
        return by_layer.before_training(now)
    said = by_layer.while_training(now)
    stopped = f"{run.latest.diverged} " if run.latest.diverged else ""
    return Verdict(said.kind, f"{stopped}After {now.step:,} step{'s' * (now.step > 1)}: {said.text[0].lower()}{said.text[1:]}", layer=said.layer)


def draw(run: TrainingRun) -> Verdict:
    """What ticks while the network trains."""
    looks = run.looks()
    if len(looks) > 1:
        draw_lines(run, looks, TOP)
    elif looks:
        layout.show(st, layered.at_a_look(looks[0]), "Spread of the signal and size of the gradient by layer")
    runs.progress_line(run, run.latest.step if run.latest else 0, run.steps, f"Looks so far: {len(looks)}")
    return read(run, looks)


def show(v: Values) -> Shown:
    run = here(v)

    def below(run: TrainingRun) -> None:
        looks, depth = run.looks(), len(run.settings.hidden)
        if not looks:
            return
        if len(looks) > 1:
            st.caption("Each line is a layer: the fainter, the nearer to the images.")
            draw_lines(run, looks, BELOW + NORMALISED * (run.settings.batch_norm != "none" and depth > 0))
        left, right = st.columns(2, vertical_alignment="bottom") if depth else (None, st)
        layer, first, now = min(v.layer, depth + 1), looks[0], looks[-1]
        if depth:
            low, high = value_range(as_activation(run.settings.activation).f)  # as `by_layer` counts; a large run has no network before its start
            hidden, edges = min(layer, depth), np.linspace(low, high, BINS + 1)
            frame = layered.heat(looks, hidden, edges, run.steps / run.settings.epochs, until(run))
            layout.show(left, layered.activations(frame, hidden, until(run), (low, high)), f"Histograms of what layer {hidden} hands on, over time")
        layout.show(right, layered.weights(layered.sizes(first, now, layer), layer), f"Histogram of the weights of layer {layer}, before the first step and now")
        before, after = (f"{100 * one.small[layer - 1]:.1f} %" for one in (first, now))
        st.caption(f"In layer {layer}, {before} of the weights were smaller than {TINY:g} before the first step, and {after} are now.")

    verdict = runs.live(run, draw, below)
    looks = run.looks()
    if not looks:  # the server took its memory while it was drawn
        return Shown(verdict, [], script_of(run), pd.DataFrame(), live=run)
    numbers = layered.table(looks, run.steps / run.settings.epochs)
    now, formulas = looks[-1], []
    for i in sorted({0, len(now.norm) - 1}):
        w = rf"\lVert W_{{{i + 1}}} \rVert = {tex(float(now.norm[i]))}"
        moved = rf"\frac{{\lVert \Delta W_{{{i + 1}}} \rVert}}{{\lVert W_{{{i + 1}}} \rVert}} = {tex(float(now.update[i]))}"
        formulas.append(w + (rf" \qquad {moved}" if now.step else "") + rf" \qquad \mathrm{{RMS}}\,\frac{{\partial J}}{{\partial W_{{{i + 1}}}}} = {tex(float(now.gradient[i]))}")
    return Shown(verdict, formulas, script_of(run), numbers, (lambda: below(run)) if run.status != "running" else None, live=run)


def script_of(run: TrainingRun) -> str:
    """It trains as far again, and prints the latest look, a line a layer."""
    head, train = script(run).split("optimizer = OPTIMIZERS", 1)
    loop = "optimizer = OPTIMIZERS" + train.partition("    if progress.evaluation:")[0] + f"""    if not progress.diverged:
        watch.after(network, progress.step)
    if progress.step == {run.latest.step}:
        break
""" if run.latest else ""
    return f"""from engine.datasets import normalizer
from engine.studies.by_layer import IMAGES, MEASURES, Watch
{head}watch = Watch({run.steps}, {run.batch_size})
watch.begin(network, normalizer({run.settings.normalize!r}, data)(data.x_train[:IMAGES]), data.y_train[:IMAGES])
watch.start(network)
{loop}now = watch.looks[-1]
print("layer", *MEASURES)
for layer, row in enumerate(zip(*(getattr(now, name) for name in MEASURES)), start=1):
    print(layer, *(f"{{x:.4g}}" for x in row))
"""


SIGMOID = {"depth": 5, "activation": "sigmoid", "initializer": "lecun_normal", "optimizer": "sgd", "rate": 0.1}
PART = Part(
    "inside", "Inside", show,
    question="Which layer learns, and which one does not?",
    sees="The run of the part Training, from within: how far a step moves each layer's weights, the gradient that gets there, and what the units do.",
    matters="The loss tells that a network does not learn. Only a look inside tells which layer it is.",
    first="Look at the layers before the first step. Then press Start, and follow layer 1.",
    controls=(LAYER, *MAIN), folded={"Regularise": REGULARISE, "More": MORE},
    presets=(
        Preset("inside_start", "Inside: a network that learns", "The first step moves each layer's weights by about half a percent of their length, and the last steps by less than a tenth of a percent."),
        Preset("inside_sigmoid", "Inside: five layers of sigmoids", "Layer 1 gets less than a thousandth of the last layer's gradient, and its weights stay where they are.", SIGMOID),
        Preset("inside_bn", "Inside: the same with batch norm", "The hidden layers begin with gradients of one size, and the running spread settles within 100 steps.", {**SIGMOID, "batch_norm": "before"}),
        Preset("inside_l1", "Inside: weights under L1", "Most weights of layer 1 become smaller than 0.001; a few stay large.", {"l1": 1e-3}),
        Preset("inside_l2", "Inside: weights under L2", "The weights of both hidden layers end shorter than half of their first length; fewer than under L1 become tiny.", {"l2": 1e-2}),
        Preset("inside_dead", "Inside: ReLU at a rate that kills", "Within 30 steps nine of ten hidden units are dead, and they stay so.", {"optimizer": "sgd", "rate": 3.0}),
    ),
    try_next=(
        Try("Five layers of sigmoids under SGD: which layer stands still?", preset="inside_sigmoid"),
        Try("The same with batch norm in every hidden layer.", preset="inside_bn"),
        Try("L1 and L2: what do they make of the weights?", preset="inside_l1"),
        Try("A learning rate so large that units die: how many are left?", preset="inside_dead"),
        Try("Back to the loss and the accuracy of the same run.", {"part": "training"})),
    sources=(by_layer.look, by_layer.while_training, plateaus), cites=("cs231n", "notes"),
)
