"""Sixteen scales: the experiment of *Deep Learning from Scratch* on the scale of the first weights, with and without batch norm."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.datasets import Dataset
from engine.studies.sixteen_scales import EPOCHS, PUBLISHED, SCALES, ScalesProgress, SideBySide, side_by_side, train_scales, where_it_loses
from engine.verdict import Verdict
from pages.parts.batch_norm.common import SEED
from pages.shared import encodings, layout, runs
from pages.shared.control import Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import HALF, NOTE, QUIET, TALL, tint

RUN, NAMES = "bn_run", ("without", "with")  # batch norm
CONTROLS = (Menu("bn_data", "Dataset", "digits", "The first 1,000 images: of the built-in digits, or of MNIST as in the book.", ("digits", "mnist")), SEED,)


class ScalesRun(runs.Run):
    """The sixteen scales, with and without batch norm: 32 networks that train together."""

    def __init__(self, data: Dataset, seed: int):
        self.data, self.seed = data, seed
        self.latest: ScalesProgress | None = None
        self.history: list[np.ndarray] = []  # (2, scales) after each epoch
        super().__init__("batch_norm", train_scales(data, seed))

    def record(self, result: ScalesProgress) -> None:
        self.latest = result
        if result.accuracy is not None:
            self.history.append(result.accuracy)
        if result.step == result.steps:
            self.status = "finished"


def cells_of(history: list[np.ndarray]) -> pd.DataFrame:
    """Columns epoch, scale, series, accuracy."""
    accuracy = np.array(history, np.float32).reshape(len(history), len(NAMES), len(SCALES)).transpose(2, 0, 1)
    scale, epoch, name = (at.ravel() for at in np.indices(accuracy.shape))
    return pd.DataFrame({"epoch": epoch + 1, "scale": np.array(SCALES)[scale], "series": np.array(NAMES)[name], "accuracy": accuracy.ravel()})


def frames(history: list[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Rows for the three pictures: final accuracy, small multiples, heat maps."""
    final = [(SCALES[k], f"{name}, published", value) for k, pair in PUBLISHED.items() for name, value in zip(NAMES, pair, strict=True)]
    panels = []
    if history:
        final += [(scale, name, row[k]) for name, row in zip(NAMES, history[-1], strict=True) for k, scale in enumerate(SCALES)]
    for k, scale in enumerate(SCALES):
        left, bottom = k % 4, 3 - k // 4
        for dx, dy in ((0, 0), (0.9, 0), (0.9, 0.75), (0, 0.75), (0, 0)):
            panels.append((k, left + dx, bottom + dy, "frame", math.nan, 0, ""))
        panels.append((k, left, bottom + 0.75, "word", math.nan, 0, f"σ = {scale:.2g}"))
        for epoch, accuracy in enumerate(history, start=1):
            for name, row in zip(NAMES, accuracy, strict=True):
                panels.append((k, left + 0.9 * (epoch - 1) / (EPOCHS - 1), bottom + 0.75 * row[k], name, row[k], epoch, ""))
    small = {"x": np.float32, "y": np.float32, "accuracy": np.float32}
    return (
        pd.DataFrame(final, columns=["scale", "series", "accuracy"]),
        pd.DataFrame(panels, columns=["panel", "x", "y", "series", "accuracy", "epoch", "text"]).astype(small), cells_of(history))


@drawn
def final_accuracy(final: pd.DataFrame) -> alt.LayerChart:
    """Training accuracy by weight scale, without (grey) and with (blue) batch norm, published values as short lines.

    Columns scale, series ("without", "with", and each with ", published"), accuracy.
    """
    base = alt.Chart(final).encode(
        x=encodings.number(alt.X, "scale", "Scale σ of the first weights", domain=(7e-5, 1.4), log=True, ticks=(-4, -3, -2, -1, 0)),
        y=encodings.share("accuracy", "Training accuracy"),
        tooltip=tips(("series", "Batch norm"), ("scale", "σ", ".2~g"), ("accuracy", "Accuracy", ".1%")))
    off, on, *ticks = (base.transform_filter(f"datum.series == '{name}'") for name in (*NAMES, *(f"{name}, published" for name in NAMES)))
    return alt.layer(
        off.mark_line(color=QUIET, strokeDash=[5, 3]), off.mark_point(color=QUIET, size=40),
        on.mark_line().encode(color=tint("signal")), on.mark_point(size=40).encode(color=tint("signal")),
        ticks[0].mark_tick(orient="horizontal", size=24, thickness=3, opacity=1, color=QUIET),
        ticks[1].mark_tick(orient="horizontal", size=24, thickness=3, opacity=1).encode(color=tint("signal")),
        height=TALL, title=alt.Title("Images read correctly, for each scale", subtitle="Blue: with batch norm. Grey: without. Short lines: the published values."))


@drawn
def small_multiples(panels: pd.DataFrame) -> alt.LayerChart:
    """Sixteen little learning curves, four by four: columns panel, x, y, series, accuracy, epoch, and words (text)."""
    base = alt.Chart(panels).encode(
        x=alt.X("x", type="quantitative", scale=alt.Scale(domain=[0, 4], nice=False), axis=None),
        y=alt.Y("y", type="quantitative", scale=alt.Scale(domain=[0, 4], nice=False), axis=None),
        detail=[alt.Detail("panel", type="nominal")], order=alt.Order("epoch", type="quantitative"))
    off, on, words, boxes = (base.transform_filter(f"datum.series == '{name}'") for name in ("without", "with", "word", "frame"))
    tip = tips(("epoch", "Epoch"), ("accuracy", "Accuracy", ".1%"))
    return alt.layer(
        boxes.mark_line(strokeWidth=0.5, color=QUIET, opacity=0.6),
        off.mark_line(strokeWidth=1.5, color=QUIET, strokeDash=[4, 2]).encode(tooltip=tip),
        on.mark_line(strokeWidth=2).encode(color=tint("signal"), tooltip=tip),
        words.transform_calculate(text="(width < 380 && datum.panel > 0) ? replace(datum.text, 'σ = ', '') : datum.text").mark_text(
            align="left", baseline="bottom", dy=-1, fontSize=NOTE).encode(text=alt.Text("text", type="nominal")),
        height=TALL, title=alt.Title("Accuracy by epoch, scale by scale", subtitle=f"Each panel is one scale: {EPOCHS} epochs from left to right, 0 to 100 % upwards."))


@drawn
def heat(cells: pd.DataFrame, series: str) -> alt.LayerChart:
    """Training accuracy by epoch (x) and scale (y): columns epoch, scale, accuracy."""
    epochs = alt.Scale(domain=list(range(1, EPOCHS + 1)))
    legend = alt.Legend(title="accuracy", format="%", orient="right", values=[0, 0.5, 1], gradientLength=150)
    base = alt.Chart(cells).encode(
        x=alt.X("epoch", type="ordinal", title="Epoch", scale=epochs, axis=alt.Axis(labelAngle=0, values=[1, 5, 10, 15, 20])),
        y=alt.Y("scale", type="ordinal", title="σ", sort="descending", axis=alt.Axis(format=".1~g")),
        color=alt.Color("accuracy", type="quantitative", scale=alt.Scale(domain=[0, 1], range="heatmap"), legend=legend),
        tooltip=tips(("epoch", "Epoch"), ("scale", "σ", ".2~g"), ("accuracy", "Accuracy", ".1%")))
    return alt.layer(base.mark_rect(), height=HALF, title=f"{series.capitalize()} batch norm")


def read(accuracy: np.ndarray | None, epoch: int) -> Verdict:
    """Accuracy (2, scales) after so many epochs. Kinds: "ready", or "read"."""
    if accuracy is None:
        return Verdict("ready", "Press **Start**: 32 networks train at once, and each gets a point after every epoch.")
    wins = int(np.count_nonzero(accuracy[1] > accuracy[0] + words.AHEAD))
    text = f"After {epoch} epoch{'s' * (epoch > 1)} batch norm is ahead at {wins} of {len(SCALES)} scales, by more than {100 * words.AHEAD:.0f} points. "
    losses = where_it_loses(accuracy)
    if losses:
        worst = sorted(losses, key=lambda k: accuracy[1, k] - accuracy[0, k])[:3]
        listed = ", ".join(f"σ = {SCALES[k]:.2g} ({100 * accuracy[1, k]:.0f} % against {100 * accuracy[0, k]:.0f} %)" for k in worst)
        text += f"It is **behind** at {listed}"
        text += ", where the plain network learns by itself." if all(accuracy[0, losses] >= words.LEARNS) else "."
    return Verdict("read", text.strip())


def draw(run: ScalesRun) -> Verdict:
    """What ticks while the networks train."""
    final, panels, cells = frames(run.history)
    left, right = st.columns(2, vertical_alignment="bottom")
    layout.show(left, final_accuracy(final), "Training accuracy by weight scale, with and without batch norm, and as published")
    layout.show(right, small_multiples(panels), "Sixteen small learning curves, one for each weight scale")
    runs.progress_line(run, run.latest.step if run.latest else 0, run.latest.steps if run.latest else 1, pace(run))
    for column, series in zip(st.columns(2), NAMES if run.history else (), strict=False):
        rows = cells[cells["series"] == series].drop(columns="series")
        layout.show(column, heat(rows, series), f"Training accuracy by epoch and weight scale, {series} batch norm")
    return read(run.history[-1] if run.history else None, len(run.history))


def pace(run: ScalesRun) -> str:
    if not run.latest:
        return f"{2 * len(SCALES)} networks, {EPOCHS} epochs of 1,000 images: 2 × {len(SCALES)} scales"
    left = (run.latest.steps - run.latest.step) * run.seconds / run.latest.step
    return f"Epoch {run.latest.epoch} of {EPOCHS} · " + (f"{left:.0f} s of work left" if left >= 1 else f"{run.seconds:.1f} s of work")


def show(v: Values) -> Shown:
    data = layout.dataset(v.data)
    run = runs.current(RUN, (data.name, v.seed), lambda: ScalesRun(data, v.seed))
    runs.buttons(RUN, run)
    verdict = runs.live(run, draw)
    if run.data.name != "MNIST":
        st.caption("The published values, and what the preset promises, are of MNIST. These are the digits: 8 × 8 pixels instead of 28 × 28.")
    formulas = [
        rf"{run.data.x_train.shape[1]} \to 100 \times 5 \to 10,\ \text{{ReLU}} \qquad W \sim \mathcal{{N}}(0, \sigma^2) \qquad"
        r"\sigma = 10^0 \dots 10^{-4} \qquad \eta = 0.01,\ m = 100"
    ]
    load = f"load_{run.data.name.lower()}"
    script = f"""from engine import {load}
from engine.studies.sixteen_scales import SCALES, train_scales

for progress in train_scales({load}(), seed={run.seed}):
    if progress.accuracy is not None:
        accuracy = progress.accuracy
for scale, without, with_it in zip(SCALES, *accuracy):
    print(f"{{scale:.3g}}  without {{without:.3f}}  with {{with_it:.3f}}")
"""
    return Shown(verdict, formulas, script, cells_of(run.history), live=run)


PART = Part(
    "scales", "Sixteen scales", show,
    question="Does batch norm help with all first weights?",
    sees="After Start, how many training images networks read correctly, for sixteen scales σ of their first weights, with batch norm and without. Short lines: as published for MNIST.",
    matters="Of the scales published for MNIST, few let the plain network learn. With batch norm it learns at each of them, but not always better.",
    first="Press Start. At which scales does batch norm end behind?",
    controls=CONTROLS,
    presets=(
        Preset("bn_sixteen", "Sixteen scales on MNIST", "On MNIST, batch norm ends ahead at most scales, and behind at 0.29 and 0.16.", {"data": "mnist"}),
    ),
    try_next=(
        Try("Choose MNIST in the sidebar, and compare the points with the short lines, the published values.", {"data": "mnist"}),
        Try("Another seed: which scales scatter most?", {"seed": 1}),
        Try("He's scale through depth: what does the plain network do there?", preset="bn_he")),
    cites=("dlfs", "ioffe"), sources=(train_scales, side_by_side, SideBySide))
