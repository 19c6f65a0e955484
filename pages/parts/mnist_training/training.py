"""Training: one network learns to read, live, and a sentence says why it does or does not."""

import math
from dataclasses import replace
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import training
from engine.verdict import Verdict
from pages.parts.mnist_training import pictures
from pages.parts.mnist_training.common import ALL, MAIN, MORE, REGULARISE, SEED
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings, script
from pages.shared import encodings, layout, runs
from pages.shared.control import Values
from pages.shared.encodings import SENT, specification, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import colour

RUN = "mnist_run"
LOSS_FLOOR, LOSS_TOP = 1e-3, 10.0
SERIES = {"train": "signal", "test": "yardstick"}


def curves(run: TrainingRun) -> pd.DataFrame:
    """Columns epoch, series (batch, train, test), loss, accuracy; losses at least `LOSS_FLOOR`, so that a log axis can show them."""
    rows = [(epoch, "batch", loss, accuracy) for epoch, loss, accuracy in run.batches]
    for epoch, e in run.evaluations:
        rows += [(epoch, "train", e.train_loss, e.train_accuracy), (epoch, "test", e.test_loss, e.test_accuracy)]
    frame = pd.DataFrame(rows, columns=["epoch", "series", "loss", "accuracy"])
    frame = frame.astype({"epoch": np.float32, "loss": np.float32, "accuracy": np.float32})
    frame["loss"] = frame["loss"].where(np.isfinite(frame["loss"])).clip(lower=LOSS_FLOOR)  # an infinite loss leaves a gap
    return frame


@lru_cache(maxsize=64)
def training_curve(measure: str, epochs: int, classes: int) -> dict:
    """Loss (log axis) or accuracy by epoch on fixed axes: batches pale, training images blue, test images dark and dashed.

    A specification, built once, to be sent with the rows of `curves` several times a second. The dotted rule is what guessing would get.
    """
    if measure == "loss":
        title, guess, word = "Loss", math.log(classes), f"guessing: ln {classes} = {math.log(classes):.2f}"
        marks = (0.001, 0.01, 0.1, 1, 10)
        y = encodings.number(alt.Y, "loss", "Loss J (log)", domain=(LOSS_FLOOR, LOSS_TOP), log=True, clamp=True, ticks=marks, format="~g")
    else:
        title, guess, word = "Share read correctly", 1 / classes, f"guessing: 1 in {classes}"
        y = encodings.share("accuracy", "Accuracy")
    base = alt.Chart(SENT).encode(x=encodings.number(alt.X, "epoch", "Epoch", domain=(0, epochs), clamp=True), y=y)
    batches = base.transform_filter("datum.series == 'batch'").mark_line(strokeWidth=1, opacity=0.45, clip=True)
    evaluated = base.transform_filter("datum.series != 'batch'").encode(
        color=colour("series", SERIES),
        strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=list(SERIES), range=[[1, 0], [5, 3]]), legend=None),
        tooltip=tips(("series", "Images"), ("epoch", "Epoch", ".3~g"), ("loss", "Loss", ".4f"), ("accuracy", "Accuracy", ".2%")),
    )
    text = alt.Chart(pd.DataFrame({"y": [guess], "text": [word]})).mark_text(align="right", baseline="bottom", dx=-2, dy=-2)
    words = text.encode(x=alt.value("width"), y=alt.Y("y", type="quantitative"), text=alt.Text("text", type="nominal"))
    return specification(
        alt.layer(batches, evaluated.mark_line(clip=True), evaluated.mark_point(clip=True), encodings.rule(y=guess), words).properties(
            height=300, title=alt.Title(title, subtitle="pale: each step's batch")
        )
    )


def read(run: TrainingRun) -> Verdict:
    """Kinds: "ready", or those of `engine.training.judge`, its cure in terms of this page's controls."""
    if not run.evaluations:
        text = "Press **Start**. The pale line is each step's batch; after every epoch all test images are read, and up to 10,000 training images."
        return Verdict("ready", text)
    verdict = training.judge(run.latest, run.evaluations[-1][1], run.network, run.optimizer)
    fix = {"rate" if name == "learning_rate" else name: ALL if value == "all" else value for name, value in verdict.fix.items()}
    return replace(verdict, fix=fix)


def progress(run: TrainingRun) -> str:
    if not run.latest:
        return f"{run.network.theta.size:,} parameters, {run.steps:,} steps to go"
    left = (run.steps - run.latest.step) * run.seconds / run.latest.step  # of work
    return f"Step {run.latest.step:,} of {run.steps:,} · {run.images / max(run.image_seconds, 1e-9):,.0f} images/s · " + (
        f"{left:.0f} s of work left" if left >= 1 else f"{run.seconds:.1f} s of work"
    )


def draw(run: TrainingRun) -> Verdict:
    """What ticks while the network trains."""
    frame = curves(run)
    for column, measure in zip(st.columns(2), ("loss", "accuracy"), strict=True):
        said = f"{measure.capitalize()} by epoch: each batch, the training images, the test images"
        layout.show(column, training_curve(measure, run.settings.epochs, run.data.classes), said, frame)
    runs.progress_line(run, run.latest.step if run.latest else 0, run.steps, progress(run))
    return read(run)


def look_inside(run: TrainingRun) -> None:
    """The latest evaluation, image by image, and the weights that it met."""
    if not run.inspection:
        return
    if run.pictures is None:
        run.pictures = pictures.mistakes(run.data, run.inspection), pictures.weight_picture(run.network.weights[0], run.data.image_shape)
    mistakes, weights = run.pictures
    left, right = st.columns(2)
    layout.show(left, pictures.confusion(), "Confusion matrix of the test images: true digit by answer", pictures.counts(run.inspection))
    tiles = f"One tile for each of the first {pictures.TILES} units, as the pixels see it. Blue adds, orange subtracts; each tile has its own scale."
    right.markdown("**First layer's weights**", help=tiles)
    right.image(weights, width="stretch", alt="Incoming weights of the first layer's units as small pictures, blue positive, orange negative")
    st.markdown(f"**Surest mistakes** among {len(run.data.y_test):,} test images" if mistakes else "**No mistakes** among the test images.")
    with st.container(horizontal=True):
        for picture, said in mistakes:
            st.image(picture, caption=said, width=84, alt=f"Test digit, {said}")


def list_earlier() -> None:
    if rows := runs.earlier(RUN):
        st.header("Earlier runs of this visit", anchor=False)
        columns = {name: st.column_config.NumberColumn(format="%.4f") for name in ("Train accuracy", "Test accuracy", "Test loss")}
        columns["Test accuracy by epoch"] = st.column_config.LineChartColumn(y_min=0, y_max=1)
        st.dataframe(pd.DataFrame(reversed(rows)), hide_index=True, column_config=columns)


def show(v: Values) -> Shown:
    data = layout.dataset(v.data)
    settings = TrainingSettings.of(v, data)
    last = st.session_state.get(RUN)
    if last and last.status == "finished" and last.learning_rate != v.rate:  # it cannot learn at another rate any more
        runs.forget(RUN)
    run = runs.current(RUN, settings, lambda: TrainingRun(settings, data, v.rate))
    run.set_rate(v.rate)
    runs.buttons(RUN, run, step=True, seed=SEED)
    if run.batch_size < run.settings.batch:
        st.caption(f"Batch size {run.settings.batch:,} is more than the {run.batch_size:,} training images: every step uses all of them.")
    verdict = runs.live(run, draw, look_inside)

    def details() -> None:
        if run.status != "running":
            look_inside(run)
        list_earlier()

    s, m, classes = run.settings, run.batch_size, run.data.classes
    formulas = [
        rf"J = -\frac{{1}}{{{m}}} \sum_{{i=1}}^{{{m}}} \ln p_i[\text{{label}}_i]"
        + (rf" + {tex(s.l1)} \sum |w|" if s.l1 else "")
        + (rf" + \frac{{{tex(s.l2)}}}{{2}} \sum w^2" if s.l2 else ""),
        rf"\text{{guessing: }} J = \ln {classes} = {math.log(classes):.4f}",
        rf"\theta \in \mathbb{{R}}^{{{run.network.theta.size}}} \qquad \eta = {tex(run.learning_rate)}",
    ]
    return Shown(verdict, formulas, script(run), curves(run), details, live=run)


DEEP = {"data": "mnist", "depth": 4, "optimizer": "sgd", "rate": 0.01, "batch": 128, "epochs": 5}
NOTES = {
    "data": "mnist", "images": 10000, "depth": 5, "activation": "sigmoid", "initializer": "lecun_normal",
    "optimizer": "sgd", "rate": 1.0, "batch": 100, "epochs": 12,
}  # fmt: skip
FEW = {"data": "mnist", "images": 300, "depth": 6, "optimizer": "sgd", "rate": 0.01, "batch": 100, "epochs": 200}
ELU = {"data": "mnist", "width": 300, "activation": "elu", "batch_norm": "before", "batch": 128, "epochs": 5}
WIDE = {"data": "mnist", "width": 512, "dropout": 0.2, "batch": 128, "epochs": 15}
TEN = {
    "data": "digits", "images": ALL, "depth": 10, "width": 100, "activation": "relu", "initializer": "he_normal", "gain": 1.0,
    "batch_norm": "none", "optimizer": "sgd", "rate": 0.1, "batch": 32,
}  # fmt: skip

PART = Part(
    "training",
    "Training",
    show,
    controls=MAIN,
    folded={"Regularise": REGULARISE, "More": MORE},
    presets=(
        Preset("start", "Start here", "A small ReLU network reads handwriting after a second of training."),
        Preset(
            "small_weights", "Weights too small (σ = 0.01)", "Loss stays at ln 10 = 2.30: four layers shrink the signal to nothing.",
            {**DEEP, "initializer": "normal", "gain": 0.01},
        ),
        Preset("xavier", "The same, Xavier 1/n", "It learns, a little slower than He under ReLU.", {**DEEP, "initializer": "lecun_normal"}),
        Preset("he", "The same, He 2/n", "The factor 2 makes up for the half that ReLU cuts off.", DEEP),
        Preset(
            "sigmoid_stuck", "Sigmoid, five layers, 1/√n",
            "It never learns, whatever the notes say: φ′(0) = ¼, five times. Every image gets the same answer, 11.35 % at best.", NOTES,
        ),
        Preset("sigmoid_scaled", "The same with 4/√n", "A gain of 4 makes up for the quarter: 93 to 95 % of new images.", {**NOTES, "gain": 4.0}),
        Preset(
            "sigmoid_wide", "The same with σ = 1", "The notes call it the vanishing one. It saturates, and learns: 85 to 88 %.",
            {**NOTES, "initializer": "normal"},
        ),
        Preset("sigmoid_bn", "The same with batch norm", "Batch norm finds the scale by itself: 92 to 93 %.", {**NOTES, "batch_norm": "before"}),
        Preset("overfit", "Overfitting 300 images", "Train reaches 100 %, test stays behind.", FEW),
        Preset("weight_decay", "The same with L2 = 0.1", "The gap narrows; both fall.", {**FEW, "l2": 0.1}),
        Preset(
            "dropout", "The same with dropout 0.2", "Six layers of dropout at this rate slow learning more than they help.",
            {**FEW, "dropout": 0.2, "epochs": 300},
        ),
        Preset("elu_bn", "ELU + He + batch norm + Adam", "97.5 % of MNIST after five passes.", ELU),
        Preset("wide_dropout", "512-512 with dropout 0.2", "Over 98 %, the classic baseline.", WIDE),
        Preset(
            "too_fast", "Learning rate 100", "The run overflows; the sentence names the step and the layer.",
            {"activation": "leaky_relu", "optimizer": "sgd", "rate": 100.0},
        ),
    ),
    try_next=(
        Try("Weights too small, σ = 0.01: press Start, and the loss stays at ln 10.", preset="small_weights"),
        Try("Then He: same network, same data, one factor of difference.", preset="he"),
        Try("Sigmoid, five layers: the rule of the lecture notes never learns.", preset="sigmoid_stuck"),
        Try("The same sigmoid with a gain of 4: now it does.", preset="sigmoid_scaled"),
        Try("Or with batch norm, which finds the scale by itself.", preset="sigmoid_bn"),
        Try("Ten hidden layers with SGD at 0.1: how much does the first epoch teach them?", TEN),
        Try("The same ten layers with batch norm: how much now?", {**TEN, "batch_norm": "before"}),
        Try("20 training images: how fast does the network learn them by heart, and what does the test curve do?", {"images": 20, "epochs": 100}),
    ),
    sources=(training.train,),
)  # fmt: skip
