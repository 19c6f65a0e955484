"""Learning rates: the range test, and what a training at each rate reaches."""

import math
from collections.abc import Sequence
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import Dataset
from engine.studies import range_test
from engine.studies.range_test import RangeTest, Reached, Setup
from engine.verdict import Verdict, number
from engine.words import AHEAD
from pages.parts.mnist_training.common import RATE, SEED, TABLE, hidden
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import HALF, QUIET, tint

TRIED = tuple(rate for rate in RATE.options if 1e-4 <= rate <= 10)
AT_ONCE = 3  # rates that one worker tries, before they are shown
IMAGES, NEW = 5000, 2000  # of MNIST: to train on, and to be read
LOSSES = (0.03, 30.0)
CONTROLS = tuple(TABLE[name] for name in ("data", "depth", "width", "layers", "activation", "initializer", "gain", "optimizer", "batch_norm"))
MORE = (TABLE["batch"], TABLE["normalize"], SEED)


def setup_of(v: Values) -> Setup:
    return Setup(
        hidden(v), v.activation, v.initializer, v.gain, None if v.batch_norm == "none" else v.batch_norm, v.optimizer, v.batch, v.normalize, v.seed)


def images(data: Dataset) -> tuple[np.ndarray, ...]:
    """The images and labels that are used: (train, labels, new, labels)."""
    return data.x_train[:IMAGES], data.y_train[:IMAGES], data.x_test[:NEW], data.y_test[:NEW]


def curve(found: RangeTest) -> pd.DataFrame:
    """Columns rate, loss, smoothed; off: 1 where a loss lies beyond the axis."""
    return pd.DataFrame({"rate": found.rates, "loss": np.clip(found.losses, *LOSSES), "smoothed": found.smoothed, "off": found.losses > LOSSES[1]})


def tried_table(found: Sequence[Sequence[Reached] | None]) -> pd.DataFrame:
    """Columns rate, accuracy, loss, steps: the trials that are over."""
    rows = [(one.learning_rate, one.accuracy, one.loss, one.steps) for group in found for one in group or ()]
    return pd.DataFrame(rows, columns=["rate", "accuracy", "test_loss", "steps"])


def marks(found: RangeTest, classes: int) -> pd.DataFrame:
    """Columns rate, word, kind ("fastest" or "above"): the rates at which the pictures draw a line."""
    rows = [(found.fastest, f"fastest: {number(found.fastest, 2)}", "fastest")] if found.learns(classes) else []
    rows += [(found.blows_up, f"above its start: {number(found.blows_up, 2)}", "above")] if found.blows_up else []
    return pd.DataFrame(rows, columns=["rate", "word", "kind"])


def rate_axis() -> alt.X:
    return encodings.number(alt.X, "rate", "Learning rate η (log)", domain=(range_test.LOW, range_test.HIGH), log=True, ticks=range(-5, 3))


def lines_at(found: object, x: alt.X) -> list[alt.Chart]:
    """Layers: a rule at each row of `marks`, in its own colour."""
    base = alt.Chart(found).encode(x=x)
    return [base.transform_filter(f"datum.kind == '{kind}'").mark_rule(strokeDash=[3, 3], strokeWidth=1.5).encode(color=tint(meaning))
            for kind, meaning in (("fastest", "signal"), ("above", "trouble"))]


def word_at(found: object, x: alt.X, kind: str, y: float | str, turn: float, **look) -> list[alt.Chart]:
    """Layers: what a rule of `marks` is, on its right up to the rate `turn`, and beyond it on its left."""
    base = alt.Chart(found).transform_filter(f"datum.kind == '{kind}'").encode(x=x, y=alt.YValue(y))
    side = {name: alt.ExprRef(f"datum.rate > {turn} ? {beyond} : {before}") for name, beyond, before in (("align", "'right'", "'left'"), ("dx", -4, 4))}
    return encodings.over_lines(base, alt.Text("word", type="nominal"), **side, **look)


@drawn
def grown(frame: pd.DataFrame, at: pd.DataFrame, left: pd.DataFrame, guess: float) -> alt.LayerChart:
    """The loss of each step against its rate: dots are batches, the line is smoothed."""
    x, y = rate_axis(), encodings.number(alt.Y, "smoothed", "Loss J (log)", domain=LOSSES, log=True, ticks=(-1, 0, 1))
    base = alt.Chart(frame).encode(x=x)
    inside = encodings.number(alt.Y, "loss", domain=LOSSES, log=True)
    return alt.layer(
        base.transform_filter("!datum.off").mark_point(size=10, opacity=0.5, color=QUIET).encode(
            y=inside, tooltip=tips(("rate", "Rate", ".2~g"), ("loss", "Loss", ".3~g"))),
        base.mark_line(clip=True).encode(y=y, color=tint("signal")), encodings.rule(y=guess), *lines_at(at, x),
        *word_at(at, x, "fastest", "height", 0.1, dy=-4, baseline="bottom"), *word_at(at, x, "above", 0, 0.01, dy=4, baseline="top"),
        *encodings.arrows(left, x, y), height=HALF,
        title=alt.Title("One training whose rate grows step by step", subtitle="Dots: the loss of each batch. Line: their smoothed course. Dotted: the loss of guessing."))


@drawn
def reached(frame: pd.DataFrame, at: pd.DataFrame, steps: int, guess: float) -> alt.LayerChart:
    """Accuracy on new images of one training for each rate."""
    x = rate_axis()
    base = alt.Chart(frame).encode(
        x=x, y=encodings.share("accuracy", "New images read correctly"),
        tooltip=tips(("rate", "Rate", ".2~g"), ("accuracy", "Accuracy", ".1%"), ("test_loss", "Loss", ".3~g")))
    return alt.layer(
        base.mark_line().encode(color=tint("yardstick")), base.mark_point(size=45, opacity=1).encode(color=tint("yardstick")),
        encodings.rule(y=guess), *lines_at(at, x), height=HALF,
        title=alt.Title(f"{len(TRIED)} trainings at one rate each", subtitle=f"Each starts from the same weights and makes {steps} steps. Grey: what guessing reads. Blue, red-brown: the rates marked in the other picture."))


def nearest(rate: float) -> float:
    """The rate tried that is nearest by its factor."""
    return min(TRIED, key=lambda one: abs(math.log(one / rate)))


def read(found: RangeTest, tried: pd.DataFrame, classes: int, new: int) -> Verdict:
    """Kinds: "stuck" (no rate helps), "found" (the suggestion reads nearly as much as the best rate tried), "misled" (it does not)."""
    shares, steps = dict(zip(tried["rate"], tried["accuracy"], strict=True)), int(tried["steps"].max())
    best = max(shares, key=shares.get)
    if not found.learns(classes):
        low, guess = found.smoothed[found.least], math.log(classes)
        text = f"While its rate grows, this training never comes clearly below the loss of guessing, ln {classes} = {guess:.2f}: its lowest is {low:.2f}. "
        return Verdict("stuck", text + f"At one rate for all {steps} steps, none tried reads more of the new images than {best:g}: {100 * shares[best]:.0f} %.")
    text = f"The loss falls fastest at **η = {number(found.fastest, 2)}**. "
    if found.blows_up:
        text += f"At {number(found.blows_up, 2)} it has climbed above its start. "
    near = nearest(found.fastest)
    text += f"A training of {steps} steps at the one rate {near:g} reads {100 * shares[near]:.1f} % of {new:,} new images"
    if shares[near] == shares[best]:
        return Verdict("found", f"{text}; no other rate tried reads more.", {"part": "training", "rate": near})
    text += f"; the best rate tried, {best:g}, reads {100 * shares[best]:.1f} %."
    misled = shares[best] - shares[near] > AHEAD
    return Verdict("misled" if misled else "found", text, {"part": "training", "rate": best if misled else near})


def show(v: Values) -> Shown:
    data = layout.dataset(v.data)
    setup, taken = setup_of(v), images(data)
    ask = partial(partial, range_test.with_arrays, pixel_max=data.pixel_max, setup=setup)
    groups = [TRIED[i : i + AT_ONCE] for i in range(0, len(TRIED), AT_ONCE)]
    left, right = (column.empty() for column in st.columns(2, vertical_alignment="bottom"))

    def fill(answers: Sequence) -> None:
        found, trials = answers[0], tried_table(answers[1:])
        at = marks(found, data.classes) if found else pd.DataFrame(columns=["rate", "word", "kind"])
        if found:
            frame = curve(found)
            out = encodings.gone(frame, "rate", "smoothed", LOSSES, log=True)
            layout.show(left, grown(frame, at, out, math.log(data.classes)), "Loss of each step against its learning rate, which grows from step to step")
        if len(trials):
            said = "Share of new images read correctly, against the learning rate of a whole training"
            layout.show(right, reached(trials.sort_values("rate"), at, int(trials["steps"].max()), 1 / data.classes), said)

    answers = workers.measure_all(
        ask(range_test.range_test, *taken), *(ask(range_test.at_rates, *taken, group) for group in groups), long=True, seen=fill)
    fill(answers)
    found, trials = answers[0], tried_table(answers[1:])
    batch = setup.batch(data.first(len(taken[1])))
    if batch < v.batch:
        st.caption(f"Batches of {batch:,} images are used here.")
    more = f".first({IMAGES})" if len(data.y_train) > IMAGES else ""
    formulas = [
        r"\eta_t = \eta_0 \left(\frac{\eta_T}{\eta_0}\right)^{t / T} \qquad \eta_0 = 10^{-5},\ \eta_T = 100 \qquad" + rf"T = {range_test.STEPS - 1}",
        rf"\text{{guessing: }} J = \ln {data.classes} = {math.log(data.classes):.4f} \qquad \text{{least smoothed loss: }} {found.smoothed[found.least]:.4g}"]
    script = f"""from engine import load_{data.name.lower()}
from engine.studies.range_test import Setup, at_rates, range_test

setup = {setup!r}
data = load_{data.name.lower()}(){more}
found = range_test(setup, data)
print("falls fastest at", found.fastest, "least loss", found.smoothed[found.least])
for one in at_rates(setup, data, {TRIED!r}):  # the page reads the first {NEW:,} new images at most
    print(f"{{one.learning_rate:g}}  {{one.accuracy:.4f}}  {{one.loss:.4g}}")
"""
    return Shown(read(found, trials, data.classes, len(taken[3])), formulas, script, pd.concat([curve(found).drop(columns="off"), trials]))


TEN = {"depth": 10, "optimizer": "sgd"}
USUAL = {control.name: control.default for control in (*CONTROLS, *MORE) if control.name not in ("data", "seed")}
PART = Part(
    "rates", "Learning rates", show,
    question="Which learning rate suits this network?",
    sees="Left: the loss J of one training whose learning rate η grows at every step. Right: what whole trainings at one η each learn to read.",
    matters="Too small a rate hardly learns in the same time, and too large a one learns nothing. A few seconds tell where to begin.",
    first="Find where the loss falls fastest, and where it climbs. Then choose SGD, and say where both will move.",
    controls=CONTROLS, folded={"More": MORE},
    presets=(
        Preset("rates_adam", "Range test: Adam", "The loss falls fastest near 0.005. At rates of 0.3 and more, every training ends near guessing."),
        Preset("rates_sgd", "Range test: SGD", "The same network and images: SGD wants a rate over ten times as large as Adam.", {"optimizer": "sgd"}),
        Preset("rates_deep", "Range test: ten layers, SGD", "The loss climbs above its start at a lower rate than with two layers.", TEN),
    ),
    try_next=(
        Try("SGD instead of Adam: by what factor does the best rate move?", preset="rates_sgd"),
        Try("Ten layers with batch norm: the loss stays below its start up to rates five times as large.", {**USUAL, **TEN, "batch_norm": "before"}),
        Try("Five layers of sigmoids at 1/√n, SGD: is any rate good enough?", {"depth": 5, "activation": "sigmoid", "initializer": "lecun_normal", "optimizer": "sgd"}),
        Try("Raw pixels, without scaling: does the test still point to the best rate?", {"optimizer": "sgd", "normalize": "none"}),
        Try("Why a rate can be too large: the paths in a valley.", preset="paths_unstable")),
    sources=(range_test.range_test, range_test.RangeTest), cites=("smith", "dlfs"),
)
