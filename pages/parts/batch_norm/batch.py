"""The mini-batch: the four equations of batch norm, on a handful of numbers."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.studies import normalization
from engine.verdict import Verdict, number
from pages.parts.batch_norm.common import BATCH, reach_of, script_head, steps_of, typed
from pages.shared import encodings, layout
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import term, tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import TALL, tint

STAGES = ("x", "x − μ", "x̂", "y")


@drawn
def stages(frame: pd.DataFrame, reach: float) -> alt.LayerChart:
    """The batch on its way, left to right: columns stage, value, index (x₁ is 1, drawn bold)."""
    x = alt.X("stage", type="nominal", sort=list(STAGES), title=None, axis=alt.Axis(labelAngle=0, labelFontSize=14, grid=True), scale=alt.Scale(padding=0.3))
    y = encodings.number(alt.Y, "value", "Value", domain=(-reach, reach))
    base = alt.Chart(frame).encode(x=x, y=y, detail=alt.Detail("index", type="nominal"))
    tip = tips(("index", "Example"), ("stage", "Stage"), ("value", "Value", ".4~g"))
    others, first = base.transform_filter("datum.index > 1"), base.transform_filter("datum.index == 1")
    return alt.layer(
        encodings.rule(y=0.0), others.mark_line(strokeWidth=1, opacity=0.45).encode(color=tint("signal")),
        others.mark_point(size=40).encode(color=tint("signal"), tooltip=tip),
        first.mark_line(strokeWidth=2.5).encode(color=tint("yardstick")),
        first.mark_point(size=90).encode(color=tint("yardstick"), tooltip=tip),
        first.transform_filter("datum.stage == 'x'").mark_text(align="right", dx=-10, fontWeight=600).encode(text=alt.TextValue("x₁")),
        height=TALL, title=alt.Title("Four equations, left to right", subtitle="Each line is one example on its way through the four equations. The bold line is x₁."))


@drawn
def before_after(frame: pd.DataFrame, marks: pd.DataFrame, reach: float) -> alt.LayerChart:
    """Two rows of ticks, x̂ at 2 and y at 1: columns row, value; below each its mean and spread: row, low, mean, high, std."""
    axis = {"domain": (-reach, reach)}
    names = alt.Axis(values=[1, 2], labelExpr="datum.value == 2 ? 'x̂' : 'y'", labelFontSize=14, grid=False, ticks=False, domain=False)
    y = encodings.number(alt.Y, "row", None, domain=(0.3, 2.5), axis=names)
    ticks = alt.Chart(frame).mark_tick(orient="vertical", thickness=2.5, size=80, opacity=0.8)
    span = alt.Chart(marks).transform_calculate(row="datum.row - 0.36").encode(y=y, color=tint("yardstick"))
    return alt.layer(
        ticks.encode(x=encodings.number(alt.X, "value", "Value", **axis), y=y, color=tint("signal")),
        span.mark_rule(strokeWidth=2).encode(x=encodings.number(alt.X, "low", "Value", **axis), x2=alt.X2("high")),
        span.mark_point(size=60).encode(x=encodings.number(alt.X, "mean", **axis), tooltip=tips(("mean", "Mean", ".3~g"), ("std", "Standard deviation", ".3~g"))),
        height=TALL, title=alt.Title("The distribution after it", subtitle="Below: their mean, and one spread to either side."))


def read(steps: normalization.BatchSteps, drawn: bool = True) -> Verdict:
    """Kinds are those of `BatchSteps.kind`, and "undone" (γ and β give x back). Only a batch that is drawn has settings to change."""
    m, kind, largest, beta = len(steps.x), steps.kind(), float(np.abs(steps.normalized).max()), number(steps.beta)
    spread, kept = math.sqrt(steps.variance), math.sqrt(steps.variance) / steps.std
    if kind == "one":
        text = f"A batch of one is its own mean: x − μ = 0, so y = β = {beta} whatever x is. Nothing passes, forward or back."
        return Verdict(kind, text, {"size": 8} if drawn else {})
    if kind == "constant":
        return Verdict(kind, f"All {m} values are equal: σ² = 0, and only ε keeps the division finite. Every y is β = {beta}.")
    if kind == "epsilon":
        share = "more than 99.9" if steps.epsilon_share > 0.999 else f"{100 * steps.epsilon_share:.3g}"  # 100 % would mean all
        text = f"Of what stands under the root, σ² + ε, {share} % is ε. The batch's own variance is only "
        text += f"{number(steps.variance)}, and x̂ has variance {number(kept**2)} instead of 1."
        cures = [epsilon for epsilon in (1e-5, 1e-8, 1e-12) if epsilon / (steps.variance + epsilon) <= words.EPSILON_RULES]
        return Verdict(kind, text, {"epsilon": cures[0]} if cures else {})
    if kind == "two":
        left = "Only their order is left." if largest >= words.ONLY_ORDER else f"Here ε is large enough to hold them back at ±{number(largest)}."
        return Verdict(kind, f"Two different values always become −1 and +1, up to ε. {left}")
    text = f"Batch norm takes away the mean {number(steps.mean)} and the spread {number(spread)} of the batch. "
    text += f"γ and β give y the mean {beta} and the spread {number(abs(steps.gamma) * kept)}. "
    if steps.gamma == 0:
        return Verdict(kind, text + f"With γ = 0 every y is β = {beta}: nothing is left of x.")
    if np.abs(steps.y - steps.x).max() <= words.UNDONE * spread:
        return Verdict("undone", text + "These are those of x: every y is its x again, up to ε. With such γ and β the layer changes nothing.")
    if largest > words.FAR_OUT * math.sqrt(m - 1):
        text += f"One value is far out, and still |x̂| = {largest:.2f}. "
        return Verdict(kind, text + f"Among {m} values none can be beyond √(m − 1) = {math.sqrt(m - 1):.2f}.")
    return Verdict(kind, text + f"The {m} values keep their relative distances, in {'the same' if steps.gamma > 0 else 'reversed'} order.")


def formulas(steps: normalization.BatchSteps) -> list[str]:
    m = len(steps.x)
    listed = " + ".join(term(x) for x in steps.x[:3]) + (r" + \dots" if m > 3 else "")
    return [
        rf"\mu_B = \frac{{1}}{{{m}}} \left({listed}\right) = {tex(steps.mean)}",
        rf"\sigma_B^2 = \frac{{1}}{{{m}}} \sum_i (x_i - \mu_B)^2 = {tex(steps.variance)}",
        rf"\hat x_1 = \frac{{x_1 - \mu_B}}{{\sqrt{{\sigma_B^2 + \varepsilon}}}} \qquad = \frac{{{tex(steps.x[0])} - {term(steps.mean)}}}"
        rf"{{\sqrt{{{tex(steps.variance)} + {tex(steps.epsilon)}}}}} = {tex(steps.normalized[0])}",
        rf"y_1 = \gamma \hat x_1 + \beta = {tex(steps.gamma)} \cdot {term(steps.normalized[0])} + {term(steps.beta)} = {tex(steps.y[0])}"]


def show(v: Values) -> Shown:
    steps = steps_of(v)
    m = len(steps.x)
    columns = dict(zip(STAGES, (steps.x, steps.x - steps.mean, steps.normalized, steps.y), strict=True))
    frame = pd.DataFrame(columns).rename_axis("index").reset_index().melt("index", var_name="stage")
    frame["index"] += 1
    rows = {2: steps.normalized, 1: steps.y}
    dots = pd.DataFrame([(row, value) for row, values in rows.items() for value in values], columns=["row", "value"])
    marks = pd.DataFrame([(row, a.mean() - a.std(), a.mean(), a.mean() + a.std(), a.std()) for row, a in rows.items()], columns=["row", "low", "mean", "high", "std"])
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    reach = reach_of(np.concatenate([steps.x, steps.y]), 15.0)
    layout.show(left, stages(frame, reach), f"{m} values on their way through the four equations of batch norm")
    layout.show(right, before_after(dots, marks, reach_of(dots["value"].to_numpy(), 6.0)), "Normalised values and outputs as ticks, with mean and spread")
    script = f"""{script_head(v)}print(f"mean {{steps.mean:.6g}}  variance {{steps.variance:.6g}}")
for x, normalized, y in zip(steps.x, steps.normalized, steps.y):
    print(f"{{x:.6g}}  {{normalized:.6g}}  {{y:.6g}}")
"""
    numbers = pd.DataFrame({"i": range(1, m + 1), **columns})
    return Shown(read(steps, not typed(v)), formulas(steps), script, numbers)


PART = Part(
    "batch", "The mini-batch", show,
    question="What does batch norm do to a handful of numbers?",
    sees="A mini-batch: what a unit gets from a few examples. Left to right each value x loses the mean, is divided by the spread (x̂), and gets a learned spread γ and mean β (y).",
    matters="Whatever comes in, the next layer gets values with a mean of β and a spread of at most |γ|. The network learns both, as it learns weights.",
    first="Drag x₁ away from the others. What happens to all the values that did not move?",
    predict=Question(
        "How many spreads from the mean does the value lie that is furthest out?",
        ("At most 1", "Between 1 and 2", "2 or more"), (1.0005, 2),
        lambda v, shown: float(shown.numbers["x̂"].abs().max()),
        "It lies at {}.", "Among m values none can be beyond √(m − 1) spreads."),
    controls=BATCH,
    presets=(
        Preset("bn_start", "One mini-batch", "Left to right: subtract the mean, divide by the spread, multiply by γ and add β."),
        Preset("bn_one", "A batch of one", "x − μ is 0: whatever goes in, β comes out.", {"size": 1}),
        Preset("bn_two", "A batch of two", "Whatever the two values are, x̂ is −1 and +1, up to ε.", {"size": 2}),
        Preset("bn_epsilon", "ε larger than the variance", "x̂ keeps less than a third of its spread of 1.", {"spread": 1e-3}),
        Preset("bn_outlier", "One value far out", "It squeezes all the others, and stays within √(m − 1).", {"pull": 10.0, "size": 16})),
    try_next=(
        Try("Drag x₁ to 10 spreads: what happens to all the others?", {"values": "", "size": 8, "pull": 10.0}),
        Try("Batch size 2, then 1: what is left of the values?", {"values": "", "size": 2}),
        Try("Spread 10⁻³: compare σ² with ε. Keras's ε is 10⁻³, a thousand times this variance.", {"values": "", "size": 8, "pull": 2.5, "spread": 1e-3}),
        Try(
            "A batch with mean 5 and spread 2: γ = 2 and β = 5 undo the normalisation. The layer can learn to be the identity.",
            {"values": "2, 4, 4, 4, 5, 5, 7, 9", "gamma": 2.0, "beta": 5.0}),
    ),
    cites=("ioffe", "notes"), sources=(normalization.normalize_batch, normalization.draw_batch))
