"""Training: one network learns to read, live, and a sentence says why it does or does not."""

import contextlib
import math
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.judgement import judge
from engine.studies import by_layer
from engine.training import train
from engine.verdict import Verdict
from pages.parts.mnist_training import clock, inspected, kept, layered, looks, takeaway
from pages.parts.mnist_training.common import ALL, MAIN, MORE, REGULARISE, in_controls
from pages.parts.mnist_training.program import script
from pages.parts.mnist_training.run import TrainingRun
from pages.parts.mnist_training.visit import RUN, here
from pages.shared import encodings, layout, runs
from pages.shared.control import Values
from pages.shared.encodings import SENT, specification, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import HALF, colour

SERIES = {"train": "signal", "test": "yardstick"}
LOSSES = -3, 1  # exponents of ten between which the axis of losses always spans


def curves(run: TrainingRun) -> pd.DataFrame:
    """Columns epoch, series (batch, train, test), loss, accuracy, off: 1 where the loss is infinite or not a number, -1 where it is 0."""
    rows = [(epoch, "batch", loss, accuracy) for epoch, loss, accuracy in run.batches]
    for epoch, e in run.evaluations:
        rows += [(epoch, "train", e.train_loss, e.train_accuracy), (epoch, "test", e.test_loss, e.test_accuracy)]
    frame = pd.DataFrame(rows, columns=["epoch", "series", "loss", "accuracy"])
    with np.errstate(over="ignore"):
        frame = frame.astype({"epoch": np.float32, "loss": np.float32, "accuracy": np.float32})
    there = np.isfinite(frame["loss"]) & (frame["loss"] > 0)
    return frame.assign(loss=frame["loss"].where(there), off=np.where(there, 0, np.where(frame["loss"] <= 0, -1, 1)).astype(np.int8))


def changes(run: TrainingRun) -> pd.DataFrame:
    """Where the learning rate was changed on the way: columns epoch, text."""
    rows = [(step * run.settings.epochs / run.steps, f"η = {rate:g}") for step, rate in run.rates.items() if step]
    return pd.DataFrame(rows, columns=["epoch", "text"]).astype({"epoch": float, "text": object})


def decades(losses: pd.Series) -> tuple[int, int]:
    """Exponents of ten that hold all losses, and `LOSSES` at least, so that most runs share one axis."""
    if not losses.notna().any():
        return LOSSES
    return min(LOSSES[0], math.floor(math.log10(losses.min()))), max(LOSSES[1], math.ceil(math.log10(losses.max())))


@lru_cache(maxsize=64)
def training_curve(measure: str, until: float, classes: int, exponents: tuple[int, int] = LOSSES, floor: float = 0.0, few: bool = True) -> dict:
    """Loss (log axis) or accuracy from a floor on, by epoch up to `until`: batches pale, training images blue, test images dark and dashed; `few` evaluations are dots as well.

    A specification, built once, to be sent with the rows of `curves` several times a second. The dotted rule is what guessing would get.
    """
    low, high = exponents
    if measure == "loss":
        title, guess, word = "Loss", math.log(classes), f"guessing: ln {classes} = {math.log(classes):.2f}"
        ticks = range(low, high + 1, 1 + (high - low) // 8)
        y = encodings.number(alt.Y, "loss", "Loss J (log)", domain=(10.0**low, 10.0**high), log=True, ticks=ticks)
    else:
        title, guess, word = "Share read correctly", 1 / classes, f"guessing: 1 in {classes}"
        y = encodings.share("accuracy", "Accuracy", floor)
    base = alt.Chart(SENT).encode(x=encodings.number(alt.X, "epoch", "Epoch", domain=(0, until), clamp=True), y=y)
    batches = base.transform_filter("datum.series == 'batch'").mark_line(strokeWidth=1, opacity=0.45, clip=True, point={"size": 6, "opacity": 0.45})
    shade = colour("series", SERIES | {"off": "trouble"})  # one scale for all layers of the chart
    shade["legend"] = alt.Legend(values=list(SERIES))
    evaluated = base.transform_filter("datum.series != 'batch'").encode(
        color=shade,
        strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=list(SERIES), range=[[1, 0], [5, 3]]), legend=shade["legend"]),
        tooltip=tips(("series", "Images"), ("epoch", "Epoch", ".3~g"), ("loss", "Loss", ".3~g"), ("accuracy", "Accuracy", ".2%")))
    text = alt.Chart(pd.DataFrame({"y": [guess], "text": [word]})).mark_text(align="right", baseline="bottom", dx=-2, dy=-2)
    label = text.encode(x=alt.XValue("width"), y=alt.Y("y", type="quantitative"), text=alt.Text("text", type="nominal"))
    change = alt.Chart(alt.NamedData("marks")).encode(x=alt.X("epoch", type="quantitative"))
    named = change.mark_text(align="left", baseline="top", angle=90, dx=4, dy=-14, fontSize=13).encode(y=alt.YValue(0), text=alt.Text("text", type="nominal"))
    drawn = [batches, evaluated.mark_line(clip=True), evaluated.mark_point(clip=True, opacity=0.7 if few else 0), change.mark_rule(strokeDash=[3, 3], strokeWidth=1.5), named]
    if guess >= floor:
        drawn += [encodings.rule(y=guess), label]
    if measure == "loss":  # a log axis has no 0 and no infinity
        for off, shape, place in ((1, "triangle-up", 0), (-1, "triangle-down", "height")):
            mark = base.transform_filter(f"datum.off == {off}").transform_calculate(series="'off'").mark_point(shape=shape, filled=True, size=50)
            drawn.append(mark.encode(y=alt.YValue(place), color=shade))
    more = "Triangles at the edge: a loss of 0 or ∞." if measure == "loss" else f"The axis begins at {100 * floor:.0f} %." if floor else ""
    subtitle = f"Pale: each step's batch. {more}".strip()
    return specification(alt.layer(*drawn, height=HALF, title=alt.Title(title, subtitle=subtitle)))


def read(run: TrainingRun) -> Verdict:
    """Kinds: "ready", or those of `engine.judgement`, its cure in terms of this page's controls; tried only while the run stands still."""
    if not run.evaluations:
        start = (
            "Press **Start**. The pale line is each step's batch. After the first epoch, and then from time to time, the network reads all test images "
            "and the first 10,000 training images. Reading them takes no longer than training."
        )
        each = run.steps // run.settings.epochs
        going = f"The first epoch has {each:,} step{'s' * (each > 1)}. At its end the images are read for the first time."
        seen = [] if run.latest else run.looks()
        return Verdict("ready", " ".join([*(by_layer.before_training(first).text for first in seen), going if run.latest else start]))
    still = run.status != "running"
    key = len(run.evaluations), run.learning_rate, still
    if key not in run.verdicts and run.status != "closed":
        try:
            with st.spinner("Trying changes for a few hundred steps each …") if still else contextlib.nullcontext():
                verdict = judge(
                    run.latest, run.evaluations[-1][1], run.network, run.optimizer, batch_size=run.batch_size, history=run.evaluations,
                    rates=run.rates, inside=run.inside, attempt=run.attempt if still else None,
                )
        except AttributeError:
            if run.status != "closed":
                raise
            return Verdict("closed", "")  # its visitor left meanwhile, and another one needed its memory
        run.verdicts = {key: replace(verdict, fix=in_controls(verdict.fix))}
    return run.verdicts.get(key, Verdict("closed", ""))


def progress(run: TrainingRun) -> str:
    if not run.latest:
        return f"{run.parameters:,} parameters, {run.steps:,} step{'s' * (run.steps > 1)} to go"
    left = 0 if run.latest.diverged else (run.steps - run.latest.step) * run.seconds / run.latest.step  # of work
    return f"Step {run.latest.step:,} of {run.steps:,} · {run.images / max(run.image_seconds, 1e-9):,.0f} images/s · " + (
        f"{left:.0f} s of work left" if left >= 1 else f"{run.seconds:.1f} s of work"
    )


def draw(run: TrainingRun) -> Verdict:
    """What ticks while the network trains."""
    frame = curves(run)
    until = run.latest.epoch if run.latest and run.latest.diverged else run.settings.epochs
    floor = encodings.floor_of(min((min(e.train_accuracy, e.test_accuracy) for _, e in run.evaluations), default=0.0))
    *columns, aside = st.columns([3, 3, 2], vertical_alignment="bottom")
    for column, measure in zip(columns, ("loss", "accuracy"), strict=True):
        said = f"{measure.capitalize()} by epoch: each batch, the training images, the test images"
        layout.show(column, training_curve(measure, until, run.data.classes, decades(frame["loss"]), floor, len(run.evaluations) <= looks.FEW), said, frame, marks=changes(run))
    if seen := run.looks():
        layout.show(aside, layered.at_a_look(seen[-1]), "Spread of the signal and size of the gradient by layer, at the latest look")
    runs.progress_line(run, run.latest.step if run.latest else 0, run.steps, progress(run))
    return read(run)


def show(v: Values) -> Shown:
    run = here(v)
    verdict = runs.live(run, draw, inspected.show)

    def details() -> None:
        if run.status != "running":
            inspected.show(run)
            takeaway.offer(run)
        earlier = runs.earlier(RUN)
        there = [*earlier, *[mine for mine in (kept.kept(run),) if mine and run.status != "running"]]
        if earlier:
            kept.show(there)

    s, m, classes = run.settings, run.batch_size, run.data.classes
    formulas = [
        rf"J = -\frac{{1}}{{{m}}} \sum_{{i=1}}^{{{m}}} \ln p_i[\text{{label}}_i]"
        + (rf" + {tex(s.l1)} \sum |w|" if s.l1 else "")
        + (rf" + \frac{{{tex(s.l2)}}}{{2}} \sum w^2" if s.l2 else ""), rf"\text{{guessing: }} J = \ln {classes} = {math.log(classes):.4f}",
        rf"\theta \in \mathbb{{R}}^{{{run.parameters}}} \qquad \eta = {tex(run.learning_rate)} \qquad \mathrm{{std}}(W_1) = {tex(run.spread)} \text{{ at first}}",
    ]
    return Shown(verdict, formulas, script(run), curves(run), details, live=run)


DEEP = {"data": "mnist", "depth": 4, "optimizer": "sgd", "rate": 0.01, "batch": 128, "epochs": 5}
NOTES = {
    "data": "mnist", "images": 10000, "depth": 5, "activation": "sigmoid", "initializer": "lecun_normal",
    "optimizer": "sgd", "rate": 1.0, "batch": 100, "epochs": 12,
}
FEW = {"data": "mnist", "images": 300, "depth": 6, "optimizer": "sgd", "rate": 0.01, "batch": 100, "epochs": 200}
ELU = {"data": "mnist", "layers": "300, 100", "activation": "elu", "batch_norm": "before", "batch": 128, "epochs": 5}
WIDE = {"data": "mnist", "width": 512, "dropout": 0.2, "batch": 128, "epochs": 15}
TEN = {
    "data": "digits", "images": ALL, "depth": 10, "width": 100, "activation": "relu", "initializer": "he_normal", "gain": 1.0,
    "batch_norm": "none", "optimizer": "sgd", "rate": 0.1, "batch": 32,
}

PART = Part(
    "training", "Training", show,
    question="What makes a network learn real handwriting?",
    sees="After Start, while the network learns: its loss J, how wrong its answers are, and the share of images that it reads correctly.",
    matters="The network never trains on the test images. Only they tell whether it has learned to read, or has learned its training images by heart.",
    first="Press Start and watch. Then choose an experiment in the sidebar, and say what its curves will do.",
    controls=MAIN, folded={"Regularise": REGULARISE, "More": MORE},
    presets=(
        Preset("start", "Start here", "A small ReLU network reads over 95 % of the test digits in the end."),
        Preset(
            "small_weights", "Weights too small (σ = 0.01)",
            "On MNIST the loss stays at ln 10 = 2.30: four layers shrink the signal more than a thousandfold.",
            {**DEEP, "initializer": "normal", "gain": 0.01}),
        Preset(
            "xavier", "The same, Xavier 1/n", "On MNIST it learns. After five epochs its loss is still above that of He's start.",
            {**DEEP, "initializer": "lecun_normal"}),
        Preset("he", "The same, He 2/n", "The factor 2 makes up for the half that ReLU cuts off.", DEEP),
        Preset(
            "sigmoid_stuck", "Sigmoid, five layers, 1/√n",
            "The notes call this start stable. On MNIST, SGD leaves it at 11.35 %, the share of ones; Adam gets it to 91 %.", NOTES),
        Preset("sigmoid_scaled", "The same with 4/√n", "A sigmoid's slope is at most ¼. With a gain of 4, SGD reads 92 to 95 % of MNIST.", {**NOTES, "gain": 4.0}),
        Preset(
            "sigmoid_wide", "The same with σ = 1", "The notes call it the one whose gradients vanish. On MNIST it learns: 85 to 88 %.",
            {**NOTES, "initializer": "normal"}),
        Preset("sigmoid_bn", "The same with batch norm", "With batch norm in every hidden layer, SGD reads 91 to 94 % of MNIST.", {**NOTES, "batch_norm": "before"}),
        Preset("overfit", "Overfitting 300 images", "On MNIST, train reaches 100 % and test stays at 75 to 77 %.", FEW),
        Preset("weight_decay", "The same with L2 = 0.1", "On MNIST, train and test both end lower than without the penalty.", {**FEW, "l2": 0.1}),
        Preset(
            "dropout", "The same with dropout 0.2", "On MNIST, even after 300 epochs test ends below the run without dropout.",
            {**FEW, "dropout": 0.2, "epochs": 300}),
        Preset("elu_bn", "The notes' network: 300-100, ELU, batch norm", "After five epochs, 97 to 98 % of MNIST's test images. The same network in PyTorch reads 97.2 to 97.5 %.", ELU),
        Preset("wide_dropout", "512-512 with dropout 0.2", "Over 98 % of MNIST's test images within 15 epochs.", WIDE),
        Preset(
            "too_fast", "Learning rate 100", "The run overflows after a few steps. The sentence names the step and the layer.",
            {"activation": "leaky_relu", "optimizer": "sgd", "rate": 100.0}),
        *clock.PRESETS,
    ),
    try_next=(
        Try("Weights too small, σ = 0.01: press Start, and MNIST's loss stays at ln 10.", preset="small_weights"),
        Try("Then He's rule: the same network and images, other first weights, and the loss falls.", preset="he"),
        Try("Sigmoid, five layers, first weights by the notes: under SGD it reads no more than the share of ones.", preset="sigmoid_stuck"),
        Try("The same first weights with Adam at 0.001: does it get through?", {**NOTES, "optimizer": "adam", "rate": 1e-3}),
        Try("The same sigmoid with a gain of 4: now SGD gets through.", preset="sigmoid_scaled"),
        Try("Or with batch norm in every hidden layer: SGD gets through as well.", preset="sigmoid_bn"),
        Try("Ten hidden layers with SGD at 0.1: how much does the first epoch teach them?", TEN),
        Try("The same ten layers with batch norm: how much now?", {**TEN, "batch_norm": "before"}),
        Try("20 training images: how fast does the network learn them by heart, and what does the test curve do?", {"images": 20, "epochs": 100}),
    ),
    sources=(train, judge), cites=("notes", "dlfs", "he", "lecun", "ioffe", "adam", "srivastava"),
)
