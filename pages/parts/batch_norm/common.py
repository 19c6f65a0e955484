"""What the parts of the Batch Norm page share: the batch that two of them look at, and the seed."""

import math

import numpy as np
import streamlit as st

from engine.studies import normalization
from pages.shared.control import Control, Ladder, Text, Typed, Values
from pages.shared.link import plain_text
from pages.shared.titles import powers

PLACEMENTS = {"none": "without", "before": "before φ", "after": "after φ"}
TYPED = "The batch is typed: no number is drawn."


def typed(v: Values) -> str:
    """The typed batch, if it can be read."""
    try:
        normalization.parse_batch(v.values)
    except ValueError:
        return ""
    return v.values


def _drawn(v: Values) -> str:
    return TYPED if typed(v) else ""


def _of_several(v: Values) -> str:
    """Of one value, neither its place nor its spread reaches the gradient: only the mini-batch shows them."""
    return _drawn(v) or ("A batch of one is its own mean: this changes no gradient." if v.size == 1 and not hasattr(v, "beta") else "")


def _seed_idle(v: Values) -> str:
    if not hasattr(v, "beta"):  # not the mini-batch: the gradient's dy, batches and weights are drawn too
        return ""
    return _drawn(v) or ("A batch of one holds only x₁, which you set yourself." if v.size == 1 else "")


SEED = Typed("bn_seed", "Seed", 0, "The same seed draws the same numbers.", (0, 9999), idle=_seed_idle)


BATCH: tuple[Control, ...] = (
    Text("bn_values", "Type a batch x", "", "Numbers with commas. Empty: the batch is drawn, with the settings below.", placeholder="1, 2, 4, 9"),
    Ladder("bn_size", "Batch size m", 8, "Of one value nothing is left, of two only their order.", (1, 2, 3, 4, 6, 8, 12, 16, 32, 64), idle=_drawn),
    Ladder(
        "bn_pull", "Drag x₁: spreads from the centre 5", 2.5, "At 2.5, with a spread of 2, x₁ itself is 5 + 2.5 · 2 = 10.",
        tuple(round(0.5 * i, 1) for i in range(-20, 21)), idle=_of_several),
    Ladder(
        "bn_spread", "Spread of x", 2.0, "All values but x₁ are drawn with this standard deviation around 5.",
        (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 3.0), show=powers, idle=_of_several),
    Ladder("bn_gamma", "Scale γ", 1.0, "Learned: it multiplies x̂.", tuple(round(0.25 * i, 2) for i in range(-8, 13))),
    Ladder("bn_beta", "Shift β", 0.0, "Learned: the mean of y.", tuple(round(0.5 * i, 1) for i in range(-10, 11))),
    Ladder("bn_epsilon", "ε", 1e-5, "Keeps the division finite. Keras has 10⁻³, PyTorch 10⁻⁵.", (1e-12, 1e-8, 1e-6, 1e-5, 1e-3, 1e-2, 0.1, 1.0), show=powers),
    SEED,
)


def beta_of(v: Values) -> float:
    """β moves no gradient: the part that shows gradients has no such control."""
    return getattr(v, "beta", 0.0)


def steps_of(v: Values) -> normalization.BatchSteps:
    """The batch on its way through the four equations: the typed one, or the drawn one (and a sentence, if the typed one cannot be read)."""
    if v.values.strip():
        try:
            return normalization.normalize_batch(normalization.parse_batch(v.values), v.gamma, beta_of(v), v.epsilon)
        except ValueError as error:
            st.warning(f"This batch cannot be read: {plain_text(str(error), 200)}. The drawn one is used.")
    return normalization.normalize_batch(normalization.draw_batch(v.size, v.spread, v.pull, v.seed), v.gamma, beta_of(v), v.epsilon)


def made(v: Values) -> str:
    """How a script makes the batch."""
    text = typed(v)
    return f"parse_batch({text!r})" if text else f"draw_batch({v.size}, {v.spread!r}, {v.pull!r}, {v.seed})"


def script_head(v: Values, *names: str) -> str:
    imports = ", ".join((*names, "normalize_batch", made(v).split("(")[0]))
    return f"""from engine.studies.normalization import {imports}

steps = normalize_batch({made(v)}, gamma={v.gamma!r}, beta={beta_of(v)!r}, epsilon={v.epsilon!r})
"""


def reach_of(values: np.ndarray, usual: float) -> float:
    """Half of an axis: the usual one, doubled until the values fit."""
    largest = float(np.abs(values).max())
    return usual if largest <= usual else usual * 2 ** math.ceil(math.log2(largest / usual))
