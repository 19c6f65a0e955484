"""Training and use: the running statistics, and what happens when a network is switched to them."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.studies import normalization
from engine.verdict import Verdict, number, power
from pages.parts.batch_norm.common import SEED
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import term, tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import HALF, TALL, tint

SHIFT_AT, STEPS = 60, 100
TOPS, USE = {"mean": (-8, 14), "variance": (0, 12)}, (-5, 5)  # ends of the axes
CONTROLS = (
    Ladder("bn_run_size", "Batch size m", 32, "A small batch has a restless mean, and on average too small a variance.", (1, 2, 4, 8, 16, 32, 64, 256)),
    Ladder("bn_momentum", "Momentum", 0.9, "Share of the old running value that a step keeps. Keras has 0.99.", (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)),
    Whole("bn_evaluate", "Evaluate after step k", 10, "Where the network is switched from training to use.", (0, STEPS)),
    Ladder("bn_shift", f"Shift of the inputs at step {SHIFT_AT}", 0.0, "In standard deviations. Evaluate before and after.", (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0)),
    SEED,
)


def neighbour_table(seed: int) -> pd.DataFrame:
    sizes = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
    measured, rule = workers.measure(normalization.neighbours, sizes, seed=seed)
    return pd.DataFrame({"size": sizes, "measured": measured, "rule": rule})


def simulate(v: Values) -> normalization.RunningStatistics:
    """Inputs have a spread of 2."""
    return workers.measure(normalization.running_statistics, steps=STEPS, batch_size=v.run_size, momentum=v.momentum, shift_at=SHIFT_AT, shift=2 * v.shift, seed=v.seed)


def chosen(here: object, x: alt.X) -> list[alt.Chart]:
    """A rule at the step k that is chosen, and its name."""
    at, beyond = alt.Chart(here).encode(x=x).transform_calculate(said="'k = ' + datum.step"), f"datum.step > {STEPS / 2}"
    look = {"align": alt.ExprRef(f"{beyond} ? 'right' : 'left'"), "dx": alt.ExprRef(f"{beyond} ? -6 : 6"), "fontWeight": 600}
    return [at.mark_rule(strokeDash=[3, 3]), *encodings.over_lines(at.encode(y=alt.YValue(alt.ExprRef("0.85 * height"))), alt.Text("said", type="nominal"), **look)]


@drawn
def by_step(frame: pd.DataFrame, gone: pd.DataFrame, here: pd.DataFrame, what: str) -> alt.LayerChart:
    """Running value (line), batches (small dots) and truth (dashed) over steps: columns step, running, batch, truth. A rule at the step that is here."""
    axis, x = {"domain": TOPS[what]}, encodings.number(alt.X, "step", "Step", domain=(0, STEPS))
    base, title = alt.Chart(frame).encode(x=x), f"{what.capitalize()} {({'mean': 'μ', 'variance': 'σ²'})[what]}"
    return alt.layer(
        base.mark_point(size=25, opacity=0.5, clip=True).encode(y=encodings.number(alt.Y, "batch", **axis), color=tint("signal")),
        base.mark_line(strokeWidth=1.2, strokeDash=[5, 3]).encode(y=encodings.number(alt.Y, "truth", **axis), color=tint("yardstick")),
        base.mark_line(clip=True).encode(y=encodings.number(alt.Y, "running", title, **axis), color=tint("signal")),
        *chosen(here, x), *encodings.arrows(gone, x, encodings.number(alt.Y, "batch", title, **axis)),
        height=TALL if what == "mean" else HALF, title=alt.Title(f"Running {what}", subtitle="Line: the running average. Dots: each batch. Dashed: the truth."))


@drawn
def in_use(frame: pd.DataFrame, high: pd.DataFrame, low: pd.DataFrame, here: pd.DataFrame) -> alt.LayerChart:
    """Mean ± spread of x̂ in use, had training stopped at each step: columns step, mean, low, high; and where these two leave the axis."""
    axis, x = {"domain": USE}, encodings.number(alt.X, "step", "Evaluated after step k", domain=(0, STEPS))
    base = alt.Chart(frame).encode(x=x)
    band = base.mark_area(opacity=0.2, clip=True).encode(y=encodings.number(alt.Y, "low", "x̂ in use", **axis), y2=alt.Y2("high"), color=tint("signal"))
    return alt.layer(
        band, base.mark_line(clip=True).encode(y=encodings.number(alt.Y, "mean", **axis), color=tint("signal")),
        encodings.rule(y=(-1.0, 0.0, 1.0), dash=(5, 3)), *chosen(here, x),
        *encodings.arrows(high, x, encodings.number(alt.Y, "high", "x̂ in use", **axis)),
        *encodings.arrows(low, x, encodings.number(alt.Y, "low", "x̂ in use", **axis)),
        height=TALL, title=alt.Title("The same values in use", subtitle="Line and band: mean and spread of x̂ in use. Dashed: in training."))


@drawn
def neighbours(frame: pd.DataFrame) -> alt.LayerChart:
    """How much one example's x̂ varies with its neighbours, over the batch size: columns size, measured, rule, yours (true where the ring goes)."""
    axis = {"domain": (0.03, 1.5), "log": True}
    base = alt.Chart(frame).encode(x=encodings.number(alt.X, "size", "Batch size m", domain=(2, 512), log=True, axis=alt.Axis(values=[2, 8, 32, 128, 512])))
    measured = encodings.number(alt.Y, "measured", **axis)
    tip = tips(("size", "Batch size"), ("measured", "Measured", ".3f"), ("rule", "√((1 + x²/2)/m)", ".3f"))
    return alt.layer(
        base.mark_line(strokeWidth=1.2).encode(
            y=encodings.number(alt.Y, "rule", "Spread of its x̂", ticks=(0.03, 0.1, 0.3, 1), format="~g", **axis), color=tint("yardstick")
        ),
        base.mark_point(size=45).encode(y=measured, color=tint("signal"), tooltip=tip),
        base.transform_filter("datum.yours").mark_point(size=180, filled=False, strokeWidth=2).encode(y=measured, color=tint("yardstick")),
        height=HALF, title=alt.Title("One x̂ depends on its batch", subtitle="Dots: measured over 2,000 batches. Line: the rule, in proportion to 1/√m. Ring: your batch size."))


def read(run: normalization.RunningStatistics, k: int) -> Verdict:
    """Kinds: "one" (batches of one), "shifted", "early", "apart" or "usual"."""
    p, m, mean, std, gone = run.momentum, run.batch_size, float(run.use_mean[k]), float(run.use_std[k]), run.way_gone(k)
    gap = f"in use x̂ has mean {number(mean, 2)} and spread {number(std, 2)} instead of 0 and 1"
    if m == 1 and k:
        text = f"A batch of one has no variance, so the running variance falls towards 0. After step {k}, {gap}."
        return Verdict("one", text, {"run_size": 32})
    if run.lag(k) > words.LAGS:
        text = f"The inputs have moved, and the running mean makes up {number(1 - p, 2)} of the gap a step: {gap}. "
        return Verdict("shifted", text + "Training mode does not notice.", {"evaluate": STEPS, "momentum": min(p, 0.9)})
    if gone < words.SETTLED:
        text = f"After step {k} the running statistics have gone 1 − {power(k, f'{p:g}')} = {number(100 * gone, 2)} % of the way from their start. I{gap[1:]}."
        return Verdict("early", text, {"evaluate": 50, "momentum": min(p, 0.9)})
    note = f" On average, batches of {m} see only {m - 1}/{m} of the variance." if 1 < m <= words.SMALL_BATCH else ""
    off = max(abs(mean), abs(std - 1))
    agree = "agree" if off <= words.AGREE else "agree roughly" if off <= words.AGREE_ROUGHLY else "do not agree"
    text = f"After step {k} {gap}: training and use {agree}.{note}"
    if off <= words.AGREE_ROUGHLY:
        return Verdict("usual", text)
    return Verdict("apart", f"{text} The running mean averages about {number(m * (1 + p) / (1 - p))} inputs.", {"run_size": 256})


def show(v: Values) -> Shown:
    run, k, step = simulate(v), v.evaluate, np.arange(STEPS + 1)
    tables = {
        "mean": pd.DataFrame({"step": step, "running": run.running_mean, "batch": [math.nan, *run.batch_mean], "truth": run.true_mean}),
        "variance": pd.DataFrame({"step": step, "running": run.running_var, "batch": [math.nan, *run.batch_var], "truth": run.true_var})}
    use = pd.DataFrame({"step": step, "mean": run.use_mean, "low": run.use_mean - run.use_std, "high": run.use_mean + run.use_std})
    here, batch = pd.DataFrame({"step": [k]}), {what: encodings.gone(tables[what], "step", "batch", top) for what, top in TOPS.items()}
    alt_text = "Running {}, the batches' own, and the true one by training step"
    left, right = st.columns(2, vertical_alignment="bottom")
    layout.show(left, by_step(tables["mean"], batch["mean"], here, "mean"), alt_text.format("mean"))
    beyond = [encodings.gone(use, "step", side, USE) for side in ("high", "low")]
    layout.show(right, in_use(use, *beyond, here), "Mean and spread of the normalised values in use, by the step after which training stops")

    def details() -> None:
        left, right = st.columns(2, vertical_alignment="bottom")
        layout.show(left, by_step(tables["variance"], batch["variance"], here, "variance"), alt_text.format("variance"))
        table = neighbour_table(v.seed)
        layout.show(right, neighbours(table.assign(yours=table["size"] == v.run_size)), "How much one image's normalised value varies with its neighbours, by batch size")

    p, rest = tex(v.momentum), tex(round(1 - v.momentum, 6))
    formulas = [
        rf"\hat\mu \leftarrow {p}\,\hat\mu + {rest}\,\mu_B \qquad 1 - {p}^{{{k}}} = {tex(run.way_gone(k))}",
        r"\text{in use: } \hat x = \frac{x - \hat\mu}{\sqrt{\hat\sigma^2 + \varepsilon}}"
        rf" = \frac{{x - {term(run.running_mean[k])}}}{{\sqrt{{{tex(run.running_var[k])} + 10^{{-5}}}}}}"
        r" \qquad \mathrm{E}[\sigma_B^2] = \tfrac{m-1}{m}\sigma^2"]
    script = f"""from engine.studies.normalization import running_statistics

run = running_statistics(steps={STEPS}, batch_size={v.run_size}, momentum={v.momentum!r},
                         shift_at={SHIFT_AT}, shift={2 * v.shift!r}, seed={v.seed})
k = {k}
print(f"running mean {{run.running_mean[k]:.6g}}  running variance {{run.running_var[k]:.6g}}")
print(f"in use: mean {{run.use_mean[k]:.6g}}  spread {{run.use_std[k]:.6g}}")
"""
    numbers = tables["mean"].merge(tables["variance"], on="step", suffixes=(" mean", " variance"))
    return Shown(read(run, k), formulas, script, numbers.assign(**{"x̂ in use, mean": run.use_mean, "x̂ in use, spread": run.use_std}), details)


PART = Part(
    "running", "Training and use", show,
    question="What does batch norm do when there is no batch?",
    sees="Left: the mean of each batch, and the running mean, an average kept while training. Right: the normalised values x̂ if the network is used with these averages after step k.",
    matters="In use, a single image has no batch: averages kept from training replace its mean and variance. Where they are off, so is every value.",
    first="Evaluate after step 3, then after step 30. When have the averages arrived?",
    predict=Question(
        "How far is the mean of x̂ from 0 when the network is used at the chosen step?",
        ("Less than 0.1", "Between 0.1 and 0.5", "More than 0.5"), (0.1, 0.5),
        lambda v, shown: abs(float(shown.numbers.set_index("step")["x̂ in use, mean"].loc[v.evaluate])),
        "It is {} away.", "Running statistics begin at 0 and 1, and each batch brings them closer to its own mean and variance."),
    controls=CONTROLS,
    presets=(
        Preset("bn_early", "Evaluated too early", "The running statistics have not yet come to the true mean and variance.", {"evaluate": 5}),
        Preset("bn_shifted", "The inputs shift", "The running mean lags behind the mean of the batches.", {"shift": 2.0, "evaluate": 63}),
        Preset("bn_run_one", "Trained with batches of one", "The running variance falls towards 0; x̂ in use leaves its axis.", {"run_size": 1, "evaluate": 60}),
    ),
    try_next=(
        Try("Evaluate after step 3, then 30. With momentum 0.99, how long is long enough?", {"evaluate": 3}),
        Try("Shift the inputs, and evaluate at 59, 61 and 100.", {"shift": 2.0, "evaluate": 61}),
        Try("Batches of two: why is the running variance about half of the true one?", {"run_size": 2, "momentum": 0.9, "evaluate": 59}),
        Try("Batches of one: what is divided by what?", {"run_size": 1})),
    cites=("ioffe", "dlfs"), sources=(normalization.running_statistics, normalization.neighbours))
