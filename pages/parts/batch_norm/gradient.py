"""Its gradient: what batch norm lets through, and what it takes away."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.studies import normalization
from engine.verdict import Verdict, number
from pages.parts.batch_norm.common import BATCH, reach_of, script_head, steps_of, typed
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import term, tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import BACK, TALL, ink, tint

TERMS = ("direct", "through μ", "through σ²")


def upstream(m: int, seed: int) -> np.ndarray:
    """What the layers above send back: N(0, 1) for each example."""
    return np.random.default_rng([seed, 1]).standard_normal(m)


def invariance(epsilon: float, seed: int) -> normalization.ScaleInvariance:
    return workers.measure(normalization.scale_invariance, np.logspace(-4, 4, 17), epsilon=epsilon, seed=seed)


@drawn
def term_bars(frame: pd.DataFrame, sums: pd.DataFrame, reach: float) -> alt.LayerChart:
    """Bars of the three terms of each example's dx (columns example, term, value) and their sum as a point (example, dx)."""
    x, axis = alt.X("example", type="ordinal", title="Example i", axis=alt.Axis(labelAngle=0)), {"domain": (-reach, reach)}
    shades = alt.Opacity(
        "term", type="ordinal", scale=alt.Scale(domain=list(TERMS), range=[1, 0.6, 0.3]),
        legend=alt.Legend(symbolType="square", symbolStrokeWidth=0, symbolFillColor=alt.ExprRef(**ink(BACK))),
    )
    bars = alt.Chart(frame).encode(
        x=x, xOffset=alt.XOffset("term", type="nominal", sort=list(TERMS)), y=encodings.number(alt.Y, "value", "∂L/∂x", **axis),
        color=tint("gradient"), opacity=shades, tooltip=tips(("example", "Example"), ("term", "Term"), ("value", "Value", ".3~g")))
    points = alt.Chart(sums).encode(
        x=x, y=encodings.number(alt.Y, "dx", **axis), color=tint("yardstick"),
        tooltip=tips(("example", "Example"), ("dx", "dx, their sum", ".3~g")))
    return alt.layer(bars.mark_bar(), points.mark_point(shape="diamond", size=70), height=TALL, title=alt.Title("Each example's gradient", subtitle="Bars: the three terms of each gradient. Diamonds: dx, their sum."))


@drawn
def scale_law(frame: pd.DataFrame) -> alt.LayerChart:
    """‖dL/dW‖ over the factor s on the weights: measured as points, 1/s as the line. Columns s, norm, law."""
    x = encodings.number(alt.X, "s", "Factor s on the weights", domain=(1e-4, 1e4), log=True, ticks=(-4, -2, 0, 2, 4))
    axis = {"domain": (1e-6, 1e5), "log": True}
    base = alt.Chart(frame).encode(x=x)
    points = base.mark_point(size=50).encode(
        y=encodings.number(alt.Y, "norm", **axis), color=tint("gradient"),
        tooltip=tips(("s", "s", ".3~g"), ("norm", "‖∂L/∂W‖", ".3~g"), ("change", "Change of x̂", ".2~g")))
    line = base.mark_line(strokeWidth=1.2).encode(y=encodings.number(alt.Y, "law", "‖∂L/∂W‖", ticks=(-6, -4, -2, 0, 2, 4), **axis), color=tint("yardstick"))
    return alt.layer(line, points, height=TALL, title=alt.Title("Gradient of W, by a factor on W", subtitle="Dots: measured. Line: in proportion to 1/s."))


def read(steps: normalization.BatchSteps, terms: normalization.GradientTerms, law: normalization.ScaleInvariance, drawn: bool = True) -> Verdict:
    """Kinds: "nothing" (batches of one and two, but for ε), "shut" (γ = 0) or "usual"."""
    direct, left, m = np.linalg.norm(terms.direct), np.linalg.norm(terms.dx), len(steps.x)
    if direct == 0:
        text = f"γ itself still gets dγ = {number(terms.dgamma)}, and can grow again." if terms.dgamma else ""
        return Verdict("shut", f"With γ = 0 no gradient passes: every dx is 0. {text}".strip(), {"gamma": 1.0})
    if left <= words.NOTHING_PASSES * direct:
        text = f"In a batch of {m} the mean{' and the variance' * (m > 1)} take{'s' * (m == 1)} the gradient back: of a norm of {number(direct, 2)}, {number(left, 2)} is left. "
        return Verdict("nothing", text + "The layers below learn next to nothing from it.", {"size": 8} if drawn else {})
    dot, middle = float(terms.dx @ steps.normalized), len(law.scales) // 2
    gone = abs(dot) <= words.STRETCH_GONE * direct * np.linalg.norm(steps.normalized)
    text = f"Batch norm lets {100 * left**2 / direct**2:.0f} % of the direct gradient through, counted by squares. "
    text += f"It takes away the part that would shift the whole batch: Σ dx = {number(terms.dx.sum(), 2)}. "
    text += f"It also takes away the part that would stretch it: dx · x̂ = {number(dot, 2)}. " if gone else (
        f"ε lets some of the part pass that would stretch it: dx · x̂ = {number(dot, 2)}. ")
    text += f"In a small network, a bias just before batch norm gets a gradient of {number(law.bias_gradient[middle], 2)}, "
    return Verdict("usual", text + f"and without batch norm one of {number(law.plain_bias_gradient[middle], 2)}. Leave that bias out.")


def show(v: Values) -> Shown:
    steps = steps_of(v)
    m = len(steps.x)
    terms, law = normalization.gradient_terms(steps, upstream(m, v.seed)), invariance(v.epsilon, v.seed)
    example = np.arange(1, m + 1)
    parts = dict(zip(TERMS, (terms.direct, terms.through_mean, terms.through_variance), strict=True))
    bars = pd.DataFrame({"example": example, **parts}).melt("example", var_name="term")
    lines = pd.DataFrame({"s": law.scales, "norm": law.gradient_norm, "law": law.gradient_norm[-1] * law.scales[-1] / law.scales, "change": law.output_change})
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    layout.show(
        left,
        term_bars(bars, pd.DataFrame({"example": example, "dx": terms.dx}), reach_of(np.concatenate([*parts.values(), terms.dx]), 1.5)),
        "Direct gradient of each example, the parts that flow back through mean and variance, and their sum")
    layout.show(right, scale_law(lines), "Norm of the weights' gradient against a factor on the weights, beside the line one over the factor")
    formulas = [
        r"dx_i = \frac{\gamma}{\sqrt{\sigma_B^2 + \varepsilon}} \Big( dy_i - \overline{dy} - \hat x_i\,\overline{dy\,\hat x} \Big)"
        rf" \qquad dx_1 = {tex(terms.direct[0])} + {term(terms.through_mean[0])} + {term(terms.through_variance[0])} = {tex(terms.dx[0])}",
        rf"d\gamma = \sum dy_i\,\hat x_i = {tex(terms.dgamma)} \qquad d\beta = \sum dy_i = {tex(terms.dbeta)}",
        r"\varepsilon \to 0: \qquad \mathrm{BN}(x \cdot sW) = \mathrm{BN}(x \cdot W) \qquad \|\partial L / \partial W\| \propto 1/s \qquad w \cdot \partial L/\partial w = 0",
    ]
    script = f"""import numpy as np

{script_head(v, "gradient_terms")}dy = np.random.default_rng([{v.seed}, 1]).standard_normal(len(steps.x))
terms = gradient_terms(steps, dy)
for row in zip(terms.direct, terms.through_mean, terms.through_variance, terms.dx):
    print("  ".join(f"{{value:.6g}}" for value in row))
print(f"dgamma {{terms.dgamma:.6g}}  dbeta {{terms.dbeta:.6g}}")
"""
    numbers = pd.DataFrame({"i": example, "x̂": steps.normalized, "dy": terms.dy, **parts, "dx": terms.dx})
    return Shown(read(steps, terms, law, not typed(v)), formulas, script, numbers)


def _sum_of_dx(v: Values, shown: Shown) -> float | None:
    dx = shown.numbers["dx"]
    return float(abs(dx.sum()) / dx.abs().sum()) if dx.abs().sum() > 1e-9 else None


PART = Part(
    "gradient", "Its gradient", show,
    question="Which gradient does batch norm let through?",
    sees="Left: for each example the gradient that comes back, two corrections, and their sum. Right: the gradient of the weights, when all weights are multiplied by a factor s.",
    matters="The mean and the spread depend on every example, so every gradient does. What would shift the whole batch is taken out of it.",
    first="Set the batch size to 2. How much of the gradient is left?",
    predict=Question(
        "Add up the gradients dx of the whole batch. What is the sum, as a share of their sizes?",
        ("0, up to rounding", "A part of them", "All of them"), (1e-6, 0.99),
        _sum_of_dx,
        "Here it is {}.", "Batch norm takes the mean away: no shift of the whole batch can change the loss."),
    controls=tuple(control for control in BATCH if control.name != "beta"),
    presets=(Preset("bn_gradient", "The gradient, term by term", "The three terms add up to dx, which sums to zero."),),
    try_next=(
        Try("Batch size 2: why is nothing left?", {"values": "", "size": 2, "gamma": 1.0, "epsilon": 1e-5, "spread": 2.0}),
        Try("Drag x₁ to 10 spreads: every direct gradient shrinks. By how much does the spread of the batch grow?", {"values": "", "size": 8, "pull": 10.0}),
        Try("ε = 1: the sum of dx stays 0, but dx · x̂ does not.", {"values": "", "size": 8, "gamma": 1.0, "epsilon": 1.0}),
        Try("ε = 0.1: for small factors s the points leave the line 1/s.", {"epsilon": 0.1})),
    cites=("ioffe", "dlfs"), sources=(normalization.gradient_terms, normalization.scale_invariance))
