"""Inputs: the same idea at the door of the network, and by what one should divide."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import load_digits
from engine.studies import input_scaling
from engine.verdict import Verdict, number
from pages.parts.batch_norm.common import SEED
from pages.shared import encodings, layout
from pages.shared.control import Ladder, Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import HALF, LONG, QUIET, TALL, tint

WAYS = {"raw": "raw", "variance": "divided by σ²", "std": "divided by σ"}
CONTROLS = (
    Ladder("bn_range", "x₁ reaches from 1 to", 1000, "x₂ always lies between 0 and 1.", (2, 5, 10, 30, 100, 1000)),
    Ladder(
        "bn_share", "Learning rate · λ_max / 2", 0.2,
        "Beyond 1 gradient descent diverges. At 0.5 one step reaches the bottom of the steepest direction.",
        (0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.9, 0.95, 0.99, 1.05)),
    Ladder("bn_drift", "Test data lie higher by", 2.0, "x₁ of the test data, in standard deviations.", (0.0, 0.5, 1.0, 2.0, 3.0)), SEED,
)


@lru_cache(maxsize=64)
def measured(range_: float, share: float) -> tuple[dict[str, input_scaling.Valley], dict[str, float], dict[str, tuple], pd.DataFrame]:
    """The valley of each way, the steps it takes, its picture (contours, the way of gradient descent, the axes' ends), and the losses of all. To be read only."""
    valleys = {way: input_scaling.valley(input_scaling.features(range_), way) for way in WAYS}
    levels, steps, pictures, losses = (0.01, 0.1, 0.3, 0.6, 1.0), np.unique(np.round(np.logspace(0, 8, 120))), {}, []
    for way, one in valleys.items():
        (w1, w2), largest = np.vstack([one.contour(level) for level in levels]).T.astype(np.float32), float(one.optimum.max())
        contours = pd.DataFrame({"w1": w1, "w2": w2, "level": np.repeat(levels, 61).astype(np.float32), "order": np.tile(np.arange(61, dtype=np.int32), len(levels))})
        (a, b), (goal1, goal2) = one.path(30, share).T, one.optimum
        path = pd.DataFrame({"w1": a, "w2": b, "step": range(31), "goal1": goal1, "goal2": goal2})
        pictures[way] = (contours, path, (-0.8 * largest, 2.6 * largest))
        with np.errstate(all="ignore"):
            losses.append(encodings.drawable(one.loss(steps, share)))
    names = np.repeat([*WAYS.values()], len(steps))
    table = pd.DataFrame({"step": np.tile(steps, len(WAYS)), "loss": np.concatenate(losses), "series": names})
    return valleys, {way: one.steps_needed(share) for way, one in valleys.items()}, pictures, table


@drawn
def valley(contours: pd.DataFrame, path: pd.DataFrame, span: tuple[float, float]) -> alt.LayerChart:
    """Contours of the loss (columns w1, w2, level, order) and the way of gradient descent (w1, w2, step)."""
    axis = alt.Axis(grid=False, tickCount=4, labelExpr="format(datum.value, '.4~g')")
    x, y = (encodings.number(channel, field, title, domain=span, axis=axis) for channel, field, title in ((alt.X, "w1", "w₁"), (alt.Y, "w2", "w₂")))
    lines = alt.Chart(contours).encode(x=x, y=y, detail=alt.Detail("level", type="nominal"), order=alt.Order("order", type="quantitative"))
    walk = alt.Chart(path).encode(x=x, y=y, order=alt.Order("step", type="quantitative"), color=tint("gradient"))
    goal = alt.Chart(path).transform_filter("datum.step == 0").mark_point(shape="cross", size=120)
    return alt.layer(
        lines.mark_line(strokeWidth=1, color=QUIET, clip=True), walk.mark_line(strokeWidth=1.5, clip=True),
        walk.mark_point(size=30, clip=True).encode(tooltip=tips(("step", "Step"), ("w1", "w₁", ".3~g"), ("w2", "w₂", ".3~g"))),
        goal.encode(x=encodings.number(alt.X, "goal1", domain=span), y=encodings.number(alt.Y, "goal2", domain=span), color=tint("yardstick")),
        height=HALF - 50)


@drawn
def descent(frame: pd.DataFrame, gone: pd.DataFrame) -> alt.LayerChart:
    """Loss by step for the three ways, both on log axes: columns step, loss, series."""
    names = list(WAYS.values())

    x = encodings.number(alt.X, "step", "Step", domain=(1, 1e8), log=True, ticks=(0, 2, 4, 6, 8))
    y = encodings.number(alt.Y, "loss", "Loss J", domain=(1e-8, 100), log=True, ticks=range(-8, 3, 2))
    base = alt.Chart(frame).encode(
        x=x, y=y, color=tint("signal"),
        strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=names, range=[[1, 0], [6, 4], [2, 2]]), legend=alt.Legend(symbolSize=LONG)),
        tooltip=tips(("series", "Features"), ("step", "Step", ","), ("loss", "Loss", ".2~g")))
    wide, thin = (base.transform_filter(f"datum.series {is_} '{names[1]}'") for is_ in ("==", "!="))  # these lie on each other
    return alt.layer(
        wide.mark_line(clip=True, strokeWidth=7, opacity=0.6), thin.mark_line(clip=True), encodings.rule(y=1e-6), *encodings.arrows(gone, x, y), height=TALL,
        title=alt.Title("Loss by step, both axes logarithmic", subtitle="Grey: a millionth of the first loss. The lines of raw and σ² lie on each other."))


def read(valleys: Mapping[str, input_scaling.Valley], share: float, rows: Sequence[input_scaling.TestScaling]) -> Verdict:
    """Kinds: "diverges", or "usual"."""
    kappa = {way: number(valley.condition) for way, valley in valleys.items()}
    text = f"The condition number is {kappa['raw']} for raw inputs, {kappa['variance']} if they are divided by σ², and {kappa['std']} if they are divided by σ. "
    if share >= 1:
        return Verdict("diverges", text + "At a learning rate of 2/λ_max or more, gradient descent never comes down.", {"share": 0.5})
    steps = {way: f"{valley.steps_needed(share):,.0f}" for way, valley in valleys.items()}
    text += f"Gradient descent comes down to a millionth of the loss in {steps['raw']}, {steps['variance']} and {steps['std']} steps. "
    (raw1, raw2), (by1, by2) = valleys["raw"].stds, valleys["variance"].stds
    text += "Dividing by the variance only swaps which feature is too large. " if (raw1 - raw2) * (by1 - by2) < -1e-9 else (
        "Both features have the same spread: here the divisor does not matter. ")
    return Verdict("usual", f"{text}Test data scaled by their own μ and σ have {number(rows[1].error / rows[0].error, 2)} times the error.")


def show(v: Values) -> Shown:
    valleys, steps, pictures, losses = measured(v.range, v.share)
    for column, (way, one) in zip(st.columns(len(valleys), vertical_alignment="bottom"), valleys.items(), strict=True):
        picture = encodings.titled(valley(*pictures[way]), WAYS[way].capitalize(), [f"Condition number {number(one.condition)}:", f"{number(math.sqrt(one.condition))} times as long as wide." if one.condition > 1.01 else "as long as wide."])
        layout.show(column, picture, f"Contours of the loss and thirty steps of gradient descent, {WAYS[way]}")
    rows = input_scaling.scale_test_data(v.drift, seed=v.seed)

    def details() -> None:
        up = losses[losses["loss"] > 100]  # downwards out of the picture is where they should go
        layout.show(st, descent(losses, encodings.gone(up, "step", "loss", (1e-8, 100), log=True)), "Loss by step of gradient descent for three ways to scale the features")
        test_data(rows)

    spreads = valleys["raw"].stds
    formulas = [
        rf"\sigma_1 = {tex(spreads[0])},\ \sigma_2 = {tex(spreads[1])} \qquad \frac{{x - \mu}}{{\sigma^2}}: "
        rf"\text{{spreads }} {tex(1 / spreads[0])},\ {tex(1 / spreads[1])} \qquad \frac{{x - \mu}}{{\sigma}}: 1,\ 1",
        rf"\kappa = \frac{{\lambda_{{\max}}}}{{\lambda_{{\min}}}} \qquad \eta = {tex(v.share)} \cdot \frac{{2}}{{\lambda_{{\max}}}}"]
    script = f"""from engine.studies.input_scaling import WAYS, features, scale_test_data, valley

for way in WAYS:
    v = valley(features({v.range}), way)
    print(f"{{way}}  condition number {{v.condition:.6g}}  steps {{v.steps_needed({v.share!r}):.0f}}")
for row in scale_test_data({v.drift!r}, seed={v.seed}):
    print(f"{{row.way}}  mean {{row.test_mean:.4g}}  spread {{row.test_std:.4g}}  error {{row.error:.4g}}")
"""
    numbers = pd.DataFrame(
        [(WAYS[w], *y.stds, y.condition, y.rate(v.share), steps[w]) for w, y in valleys.items()],
        columns=["Features", "Spread 1", "Spread 2", "Condition number", "Learning rate", "Steps to J = 10⁻⁶"])
    return Shown(read(valleys, v.share, rows), formulas, script, numbers, details)


def test_data(rows: Sequence[input_scaling.TestScaling]) -> None:
    """The same μ and σ on test data: what each way to scale them costs."""
    names = {"train": "training data's μ, σ (right)", "own": "their own μ, σ", "leak": "μ, σ of all data together (leak)"}
    tested = pd.DataFrame(
        [(names[r.way], r.test_mean, r.test_std, r.error) for r in rows],
        columns=["Test data scaled by", "Their mean of x̂₁", "Their spread of x̂₁", "Test error / noise"])
    constant = int((np.ptp(load_digits().x_train, axis=0) == 0).sum())
    with st.container(width=layout.TEXT_WIDTH):
        st.markdown("**The same μ and σ on test data**")
        numeric = {name: st.column_config.NumberColumn(format="%.3f") for name in tested.columns[1:]}
        st.dataframe(tested, hide_index=True, column_config=numeric)
        st.caption(
            "Scaled by their own μ and σ, test data hide that they have moved. A μ and σ of all data together change nothing for least squares, "
            f"but they look at data that nobody has yet. {constant} of the 64 pixels of the digits never change: σ = 0, and they stay 0."
        )


PART = Part(
    "input", "Inputs", show,
    question="Why scale the inputs before training?",
    sees="The loss of a model with two weights, as a valley seen from above, for three ways to scale its inputs. The path is thirty steps of gradient descent.",
    matters="In a long valley gradient descent needs many steps. Divided by their spread σ, the inputs make a round one: its condition number is 1.",
    first="Let x₁ reach only to 10, so that the long valleys can be seen. Which path gets to the cross?",
    predict=Question(
        "Divide the features by their variance, not their spread. What happens to the condition number?",
        ("It falls", "It stays", "It grows"), (0.9, 1.1),
        lambda v, shown: float(shown.numbers["Condition number"].iloc[1] / shown.numbers["Condition number"].iloc[0]),
        "It becomes {} times what it was.", "The feature that was too large is now too small by the same factor."),
    controls=CONTROLS,
    presets=(
        Preset("bn_inputs", "Ranges 1 … 1000 and 0 … 1", "Divided by σ² the valley is as long as before, only turned by a right angle."),
        Preset("bn_inputs_10", "Ranges 1 … 10 and 0 … 1", "The way zigzags across the valley, and thirty steps take it only half of the way along.", {"range": 10, "share": 0.9}),
    ),
    try_next=(
        Try("x₁ up to 10 only: now the valley can be seen. Count the zigzags at a rate of 0.95.", {"range": 10, "share": 0.95}),
        Try("Rate 1.05: which of the three still comes down?", {"share": 1.05}),
        Try("Test data that lie three σ higher: what does scaling by their own numbers cost?", {"drift": 3.0})),
    cites=("notes", "lecun"), sources=(input_scaling.Valley, input_scaling.valley, input_scaling.scale_test_data))
