"""Symmetry: units that start alike stay alike, however long they are trained."""

from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies.symmetry import count_units
from engine.verdict import Verdict, number
from pages.parts.initialization.common import ACTIVATION, SEED
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import LONG, TALL, tint

RAN_AWAY = 4.0  # a loss from which on it leaves the picture
STARTS = {"zeros": ("zeros", 1.0), "constant": ("constant", 0.1), "random": ("glorot_normal", 1.0)}


def trained(activation: str, seed: int) -> pd.DataFrame:
    """Columns step, loss, units (different ones in hidden layer 1), series (how the weights started), and two that do not change:

    moved_hidden and moved_output, how far the weight that went farthest of hidden layer 1, and of the output layer, got in all steps.
    """
    parts, started = [], (partial(count_units, "digits", rule, gain=gain, activation=activation, seed=seed) for rule, gain in STARTS.values())
    for series, run in zip(STARTS, workers.measure_all(*started), strict=True):
        moved = {"moved_hidden": run.moved[0], "moved_output": run.moved[-1]}
        parts.append(pd.DataFrame({"step": run.steps, "loss": run.losses, "units": run.units[:, 0], "series": series, **moved}))
    return pd.concat(parts, ignore_index=True).astype({"step": np.int32, "loss": np.float32, "units": np.int32})


@drawn
def by_step(frame: pd.DataFrame, last: int, field: str, title: str, label: str, domain: tuple[float, float]) -> alt.LayerChart:
    """One quantity while the networks train, a line for each start."""
    base = alt.Chart(frame).encode(
        x=encodings.number(alt.X, "step", "Step", domain=(0, last)),
        y=encodings.number(alt.Y, field, label, domain=domain, clamp=True), color=tint("signal"),
        strokeDash=alt.StrokeDash("series", type="nominal", scale=alt.Scale(domain=list(STARTS), range=[[2, 7], [9, 5], [1, 0]]), legend=alt.Legend(symbolSize=LONG)),
        tooltip=tips(("series", "First weights"), ("step", "Step", "d"), (field, label, ".3~g")),
    )
    zeros, others = (base.transform_filter(f"datum.series {is_} 'zeros'") for is_ in ("==", "!="))
    return alt.layer(zeros.mark_line(strokeWidth=8), others.mark_line(), height=TALL, title=title)  # so wide, for another line may lie on it


def read(table: pd.DataFrame, activation: str = "tanh") -> Verdict:
    """Kinds: "one" (what started constant is one unit still), or "apart"."""
    last = table.drop_duplicates("series", keep="last").set_index("series")
    units, losses, moved = last["units"].to_dict(), last["loss"].map(number), last["moved_hidden"].to_dict()
    zeros = (
        f"With zeros it also moves as one, by up to {number(moved['zeros'])}." if moved["zeros"]
        else "With zeros its gradients are exactly 0, and it never moves." if last["moved_output"]["zeros"]
        else "With zeros the gradients of all weights are exactly 0: none of them moves, only the biases of the output."
    )
    one = units["constant"] == 1
    how = f"Equal units get equal gradients: they moved together, by up to {number(moved['constant'])}, and 20 neurons are as good as one." if one else "Rounding has made them differ."
    if not one and activation == "rrelu":
        how = "RReLU draws a slope for each unit anew in every step: chance has made them differ."
    wild = "A loss far above 2.3, which is that of guessing, or one that is no number, means that this training ran away. " if not last["loss"].max(skipna=False) < RAN_AWAY else ""
    return Verdict(
        "one" if one else "apart",
        f"After {int(table['step'].max()) + 1} steps the layer of 20 units that started constant has {units['constant']} different "
        f"unit{'s' * (not one)}. The one that started at zero has {units['zeros']}, and the one with random weights {units['random']}. "
        f"The losses of these networks are {losses['constant']}, {losses['zeros']} and {losses['random']}. {wild}{how} {zeros}")


def show(v: Values) -> Shown:
    table = trained(v.activation, v.seed)
    last, (left, right) = int(table["step"].max()), st.columns(2)
    said = "Number of different units in the first hidden layer while training, for zero, constant and random weights"
    layout.show(left, by_step(table, last, "units", "Different units in hidden layer 1", "Different units", (0, 21)), said)
    layout.show(right, by_step(table, last, "loss", "Loss J", "Loss J", (0, RAN_AWAY)), "Loss while training, for zero, constant and random weights")
    formulas = [r"w_1 = w_2 \;\Rightarrow\; z_1 = z_2 \;\Rightarrow\; \frac{\partial J}{\partial w_1} = \frac{\partial J}{\partial w_2} \;\Rightarrow\; w_1 = w_2"]
    script = f"""from engine.datasets import load_digits
from engine.studies.symmetry import count_units

for rule, gain in {tuple(STARTS.values())}:
    run = count_units(load_digits(), rule, gain=gain, activation={v.activation!r}, seed={v.seed})
    print(f"{{rule}}: {{run.units[-1, 0]}} different units, loss {{run.losses[-1]:.4f}}")
"""
    return Shown(read(table, v.activation), formulas, script, table)


PART = Part(
    "symmetry", "Symmetry", show,
    question="What if all weights start out equal?",
    sees="One small network learns from three starts: weights of zero, equal weights, random weights. Left: how many of its hidden units differ. Right: the loss, its error.",
    matters="Equal units get equal gradients, so training keeps them equal, unless rounding or chance parts them. A hundred equal units can do no more than a single one.",
    first="Change the activation. Does training with any of them tell equal units apart?",
    predict=Question(
        "Twenty units start with equal weights. How many different ones are there after training?",
        ("One", "A few", "All twenty"), (2, 20),
        lambda v, shown: float(shown.numbers.query("series == 'constant'")["units"].iloc[-1]),
        "Counted at the end: {}.", "Equal units get equal gradients; only rounding, or slopes drawn by chance, can part them."),
    controls=(ACTIVATION, SEED), cites=("notes", "geron"),
    presets=(Preset("constant", "Constant weights", "The layer that started constant has one unit, twenty times over.", {"activation": "tanh"}),),
    try_next=(
        Try("ReLU and another seed: from zeros, no weight moves at all.", {"activation": "relu", "seed": 1}),
        Try("Sigmoid: from zeros the weights do move, and all units of a layer alike.", {"activation": "sigmoid"})),
    sources=(count_units,))
