"""Training and use: the running statistics, and what happens when a network is switched to them."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies import normalization
from engine.verdict import SUPERSCRIPT, Verdict, number
from pages.parts.batch_norm.common import SEED
from pages.shared import encodings, layout
from pages.shared.control import Ladder, Values, Whole
from pages.shared.encodings import tips
from pages.shared.layout import term, tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import chart, tint

SHIFT_AT, STEPS = 60, 100
CONTROLS = (
    Ladder(
        "bn_run_size", "Batch size m", 32, "Small batches give restless statistics, and too small a variance.", (1, 2, 4, 8, 16, 32, 64, 256)
    ),
    Ladder(
        "bn_momentum", "Momentum", 0.9, "Share of the old running value that a step keeps. Keras has 0.99.", (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
    ),
    Whole("bn_evaluate", "Evaluate after step k", 10, "Where the network is switched from training to use.", (0, STEPS)),
    Ladder(
        "bn_shift", f"Shift of the inputs at step {SHIFT_AT}", 0.0, "In standard deviations. Evaluate before and after.",
        (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0),
    ),
    SEED,
)  # fmt: skip


@st.cache_data(max_entries=20, show_spinner=False)
def neighbour_table(seed: int) -> pd.DataFrame:
    sizes = np.array([2, 4, 8, 16, 32, 64, 128, 256, 512])
    measured, rule = normalization.neighbours(sizes, seed=seed)
    return pd.DataFrame({"size": sizes, "measured": measured, "rule": rule})


def simulate(v: Values) -> normalization.RunningStatistics:
    """Inputs have a spread of 2."""
    return normalization.running_statistics(
        steps=STEPS, batch_size=v.run_size, momentum=v.momentum, shift_at=SHIFT_AT, shift=2 * v.shift, seed=v.seed
    )


def by_step(frame: pd.DataFrame, what: str, k: int, top: tuple[float, float]) -> alt.LayerChart:
    """Running value (line), batches (pale points) and truth (dashed) over steps: columns step, running, batch, truth."""
    axis = {"domain": top, "clamp": True}
    base = chart(frame).encode(x=encodings.number(alt.X, "step", "Step", domain=(0, STEPS)))
    title = f"{what.capitalize()} {({'mean': 'μ', 'variance': 'σ²'})[what]}"
    return alt.layer(
        base.mark_point(size=12, opacity=0.4, clip=True).encode(y=encodings.number(alt.Y, "batch", **axis), color=tint("signal")),
        base.mark_line(strokeWidth=1.2, strokeDash=[5, 3]).encode(y=encodings.number(alt.Y, "truth", **axis), color=tint("yardstick")),
        base.mark_line().encode(y=encodings.number(alt.Y, "running", title, **axis), color=tint("signal")),
        encodings.rule(x=k, dash=(3, 3)),
    ).properties(height=250, title=alt.Title(f"Running {what}", subtitle="line: running; pale: batches; dashed: truth"))


def in_use(frame: pd.DataFrame, k: int) -> alt.LayerChart:
    """Mean ± spread of x̂ in use, had training stopped at each step: columns step, mean, low, high."""
    axis = {"domain": (-5, 5), "clamp": True}
    base = chart(frame).encode(x=encodings.number(alt.X, "step", "Evaluated after step k", domain=(0, STEPS)))
    band = base.mark_area(opacity=0.2, clip=True).encode(y=encodings.number(alt.Y, "low", "x̂ in use", **axis), y2="high", color=tint("signal"))
    return alt.layer(
        band,
        base.mark_line(clip=True).encode(y=encodings.number(alt.Y, "mean", **axis), color=tint("signal")),
        encodings.rule(y=(-1.0, 0.0, 1.0), dash=(5, 3)),
        encodings.rule(x=k, dash=(3, 3)),
    ).properties(height=250, title=alt.Title("What use mode makes of it", subtitle="x̂: mean ± spread; dashed: training mode"))


def neighbours(frame: pd.DataFrame, size: int) -> alt.LayerChart:
    """How much one example's x̂ varies with its neighbours, over the batch size: columns size, measured, rule."""
    axis = {"domain": (0.03, 1.5), "log": True, "clamp": True}
    base = chart(frame).encode(x=encodings.number(alt.X, "size", "Batch size m", domain=(2, 512), log=True, axis=alt.Axis(values=[2, 8, 32, 128, 512])))
    measured = encodings.number(alt.Y, "measured", **axis)
    tip = tips(("size", "Batch size"), ("measured", "Measured", ".3f"), ("rule", "√((1 + x²/2)/m)", ".3f"))
    return alt.layer(
        base.mark_line(strokeWidth=1.2).encode(
            y=encodings.number(alt.Y, "rule", "Spread of its x̂", ticks=(0.03, 0.1, 0.3, 1), format="~g", **axis), color=tint("yardstick")
        ),
        base.mark_point(size=45).encode(y=measured, color=tint("signal"), tooltip=tip),
        base.transform_filter(f"datum.size == {size}").mark_point(size=180, filled=False, strokeWidth=2).encode(y=measured, color=tint("yardstick")),
    ).properties(height=250, title=alt.Title("Same image, new neighbours", subtitle="points: 2,000 batches; line: 1/√m rule; ring: m"))


def read(run: normalization.RunningStatistics, k: int) -> Verdict:
    """Kinds: "one" (batches of one), "early", "shifted" or "usual"."""
    mean, std = float(run.use_mean[k]), float(run.use_std[k])
    gap = f"in use x̂ has mean {number(mean, 2)} and spread {number(std, 2)} instead of 0 and 1"
    if run.batch_size == 1 and k:
        text = f"A batch of one has no variance, so the running variance falls towards 0: after {k} steps {gap}."
        return Verdict("one", text, {"run_size": 32})
    shifted = run.true_mean[k] != run.true_mean[0]
    if shifted and abs(mean) > 0.25:
        text = f"The inputs have moved and the running mean follows by {number(1 - run.momentum, 2)} of the gap a step: {gap}. Training mode does not notice."
        return Verdict("shifted", text, {"evaluate": STEPS} if run.momentum <= 0.95 else {"momentum": 0.9})
    gone = run.way_gone(k)
    if gone < 0.95 and not shifted:
        text = f"After {k} steps the running statistics have gone 1 − {run.momentum:g}{str(k).translate(SUPERSCRIPT)} = {100 * gone:.0f} % of the way: "
        text += f"{gap}. Evaluated now, a network that trains well looks bad."
        return Verdict("early", text, {"evaluate": 50} if run.momentum <= 0.9 else {"momentum": 0.9})
    note = f" Batches of {run.batch_size} see only {run.batch_size - 1}/{run.batch_size} of the variance." if run.batch_size <= 8 else ""
    agree = "agree roughly" if abs(mean) > 0.1 or abs(std - 1) > 0.1 else "agree"
    return Verdict("usual", f"After {k} steps {gap}: training and use {agree}.{note}")


def show(v: Values) -> Shown:
    run, k, step = simulate(v), v.evaluate, np.arange(STEPS + 1)
    tables = {
        "mean": pd.DataFrame({"step": step, "running": run.running_mean, "batch": [math.nan, *run.batch_mean], "truth": run.true_mean}),
        "variance": pd.DataFrame({"step": step, "running": run.running_var, "batch": [math.nan, *run.batch_var], "truth": run.true_var}),
    }
    use = pd.DataFrame({"step": step, "mean": run.use_mean, "low": run.use_mean - run.use_std, "high": run.use_mean + run.use_std})
    alt_text = "Running {}, the batches' own, and the true one by training step"
    left, right = st.columns(2)
    layout.show(left, by_step(tables["mean"], "mean", k, (-8, 14)), alt_text.format("mean"))
    layout.show(right, in_use(use, k), "Mean and spread of the normalised values in use, by the step after which training stops")

    def details() -> None:
        left, right = st.columns(2)
        layout.show(left, by_step(tables["variance"], "variance", k, (0, 12)), alt_text.format("variance"))
        layout.show(right, neighbours(neighbour_table(v.seed), v.run_size), "How much one image's normalised value varies with its neighbours, by batch size")

    p, rest = tex(v.momentum), tex(round(1 - v.momentum, 6))
    formulas = [
        rf"\hat\mu \leftarrow {p}\,\hat\mu + {rest}\,\mu_B \qquad 1 - {p}^{{{k}}} = {tex(run.way_gone(k))}",
        r"\text{in use: } \hat x = \frac{x - \hat\mu}{\sqrt{\hat\sigma^2 + \varepsilon}}"
        rf" = \frac{{x - {term(run.running_mean[k])}}}{{\sqrt{{{tex(run.running_var[k])} + 10^{{-5}}}}}}"
        r" \qquad \mathrm{E}[\sigma_B^2] = \tfrac{m-1}{m}\sigma^2",
    ]
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
    "running",
    "Training and use",
    show,
    controls=CONTROLS,
    presets=(
        Preset("bn_early", "Evaluated too early", "The running statistics are not there yet.", {"evaluate": 5}),
        Preset("bn_shifted", "The inputs shift", "The running mean lags behind what training already knows.", {"shift": 2.0, "evaluate": 63}),
        Preset("bn_run_one", "Trained with batches of one", "The running variance is 0, and the answers in use explode.", {"run_size": 1, "evaluate": 60}),
    ),
    try_next=(
        Try("Evaluate after step 3, then 30. With momentum 0.99, how long is long enough?", {"evaluate": 3}),
        Try("Shift the inputs, and evaluate at 59, 61 and 100.", {"shift": 2.0, "evaluate": 61}),
        Try("Batches of two: why is the running variance half of the true one?", {"run_size": 2, "evaluate": 59}),
        Try("Batches of one: what is divided by what?", {"run_size": 1}),
    ),
    sources=(normalization.running_statistics, normalization.neighbours),
)
