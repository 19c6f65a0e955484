"""Matrix: every activation with every initializer, at one depth."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import diagnosis
from engine.activations import ACTIVATIONS, as_activation
from engine.initializers import INITIALIZERS
from engine.verdict import Verdict, number
from pages.parts.initialization.common import DEPTH, GAIN, SEED
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Question, Shown, Try
from pages.shared.theme import DIVERGING, QUIET, TEXT
from pages.shared.titles import title

AT_ONCE = 3  # activations that one worker measures, before their rows are shown
NETWORKS, FEW = 8, 1  # of a pair, where the first ones do not agree; and while many ask
LETTERS = [
    "● means that all networks are healthy, and 6/8 that six of eight are. Else the first two letters say what is wrong: fading, growing, vanishing,",
    "exploding, saturated, dead, symmetric, indistinguishable. Blue: the gradient shrinks. Orange: it grows."]
KINDS = {"fading": "fa", "growing": "gr", "vanishing": "va", "exploding": "ex", "saturated": "sa", "dead": "de", "symmetric": "sy", "indistinguishable": "in"}


def surveys(depth: int, gain: float, seed: int, networks: int = NETWORKS) -> list[partial]:
    """Questions that measure all pairs, with up to so many networks each."""
    names, settings = tuple(ACTIVATIONS), {"width": 64, "samples": 32, "gain": gain, "seed": seed, "networks": networks}
    return [partial(diagnosis.survey, depth, activations=names[i : i + AT_ONCE], **settings) for i in range(0, len(names), AT_ONCE)]


def table_of(found: Sequence[Sequence[diagnosis.Pair] | None]) -> pd.DataFrame:
    """One row a pair: activation, initializer, kind, signal and gradient (factors from end to end), healthy of drawn networks, usual. None is not there yet."""
    table = pd.DataFrame([asdict(pair) for pairs in found for pair in pairs or ()])
    table["usual"] = [as_activation(activation).recommended == rule for activation, rule in zip(table["activation"], table["initializer"], strict=True)]
    return table.assign(**{name: table[name].map(title) for name in ("activation", "initializer")})


def cells(pairs: pd.DataFrame) -> pd.DataFrame:
    """Columns activation, initializer, kind, usual, gradient (log₁₀ of its factor, cut), factor and count (in words), said (in the cell)."""
    factor = pairs["gradient"].mask(pairs["signal"] == np.inf, np.inf)  # what comes back through infinities is 0 or 1 by chance, and grew until then
    with np.errstate(divide="ignore"):
        logs = np.nan_to_num(np.clip(np.log10(factor.to_numpy(float)), -6, 6), nan=0.0)
    count = pairs["healthy"].astype(str) + " of " + pairs["drawn"].astype(str)
    said = count.str.replace(" of ", "/").where(pairs["healthy"] > 0, pairs["kind"].map(KINDS)).where(pairs["healthy"] < pairs["drawn"], "●")
    return pairs[["activation", "initializer", "kind", "usual"]].assign(
        gradient=logs.astype(np.float32), factor=factor.map(number), count=count, said=said
    )


@drawn
def grid(frame: pd.DataFrame, activations: tuple[str, ...], initializers: tuple[str, ...]) -> alt.LayerChart:
    """Activations by initializers: a dot where all networks are healthy, "6/8" where some, else letters of what is wrong; colour by the gradient's factor."""
    base = alt.Chart(frame).encode(
        x=alt.X("initializer", type="nominal", scale=alt.Scale(domain=list(initializers)), title=None, axis=alt.Axis(orient="top", labelAngle=-60, labelOverlap=False)),
        y=alt.Y("activation", type="nominal", scale=alt.Scale(domain=list(activations)), title=None, axis=alt.Axis(labelOverlap=False)),
        tooltip=tips(("activation", "Activation"), ("initializer", "Initializer"), ("kind", "Diagnosis of most"), ("count", "Healthy"), ("factor", "Gradient ×")),
    )
    squares = base.mark_rect(stroke="transparent").encode(
        color=alt.Color("gradient", type="quantitative", scale=alt.Scale(domain=[6, 3, 0, -3, -6], range=DIVERGING, interpolate="rgb"), legend=None)
    )
    rings = base.transform_filter("datum.usual").mark_rect(filled=False, strokeWidth=2).encode(stroke=alt.StrokeValue(QUIET))
    words = base.mark_text(fontSize=alt.ExprRef(f"(width < 360 && length(datum.said) > 2) ? 11 : {TEXT}")).encode(  # 6/8 fills a phone's cell
        text=alt.Text("said", type="nominal"), color=alt.condition("abs(datum.gradient) > 4.5", alt.value("white"), alt.value("#1d1f23"))
    )
    return alt.layer(squares, rings, words, resolve=encodings.OWN_COLOURS, height=620)


def read(pairs: pd.DataFrame, depth: int) -> Verdict:
    """Kinds: "all" (each activation has a rule with which every network drawn is healthy), or "some"."""
    sure = pairs[pairs["healthy"] == pairs["drawn"]]
    some = pairs[(pairs["healthy"] > 0) & (pairs["healthy"] < pairs["drawn"])]
    lost = [activation for activation in pairs["activation"].unique() if activation not in set(sure["activation"])]
    usual = sure[sure["usual"]]
    return Verdict(
        "some" if lost else "all",
        f"At depth {depth}, {len(sure)} of {len(pairs)} pairs are healthy in every network drawn, and {len(some)} in some of them. "
        + (f"No rule alone makes every network healthy with {', '.join(lost)}. " if lost else "")
        + f"A ring marks the rule that is usually taken for an activation: it is healthy every time for {len(usual)} of {pairs['activation'].nunique()} activations.",
    )


def show(v: Values) -> Shown:
    said = f"Diagnosis of every activation with every initializer after {v.depth} layers, and the factor on the gradient"
    rows, columns, slot = tuple(map(title, ACTIVATIONS)), tuple(map(title, INITIALIZERS)), st.empty()

    def fill(pairs: pd.DataFrame) -> None:
        layout.show(slot, encodings.titled(grid(cells(pairs), rows, columns), f"Depth {v.depth}: which pairs keep the signal?", LETTERS), said)

    asked, networks = surveys(v.depth, v.gain, v.seed), NETWORKS
    if len(workers.thin_out(asked)) < len(asked):
        asked, networks = surveys(v.depth, v.gain, v.seed, FEW), FEW
    pairs = table_of(workers.measure_all(*asked, long=networks > FEW, seen=lambda found: fill(table_of(found))))
    fill(pairs)
    st.caption(
        "Networks of 64 units on 32 inputs, judged by the same thresholds as the deep network. "
        + (f"Up to {networks} are drawn for each pair, and fewer if the first ones agree." if networks > 1 else "One is drawn for each pair.")
    )
    if networks < NETWORKS:
        workers.complete(networks, NETWORKS)
    formulas = [r"\text{Glorot: } \dfrac{2}{n_{in} + n_{out}} \qquad \text{He: } \dfrac{2}{n_{in}} \qquad \text{LeCun: } \dfrac{1}{n_{in}}"]
    script = f"""from engine.diagnosis import survey

for pair in survey({v.depth}, width=64, samples=32, gain={v.gain}, seed={v.seed}, networks={networks}):
    print(f"{{pair.activation}} with {{pair.initializer}}: {{pair.kind}}, gradient x {{pair.gradient:.3g}}, {{pair.healthy}} of {{pair.drawn}} healthy")
"""
    return Shown(read(pairs, v.depth), formulas, script, pairs)


PART = Part(
    "matrix", "Matrix", show,
    question="Which first weights suit which activation?",
    sees="Each row is an activation, each column a rule for the first weights. The cell tells whether such networks keep their signal and their gradient.",
    matters="No one rule suits all activations. Over thirty layers LeCun's rule keeps the gradient of SELU alive, and lets that of ReLU fade.",
    first="Set the depth to 5, then to 30. How many healthy pairs are left?",
    predict=Question(
        "How many of all these pairs keep signal and gradient in every network drawn?",
        ("Fewer than a third", "One to two thirds", "More than two thirds"), (100 / 3, 200 / 3),
        lambda v, shown: 100 * float((shown.numbers["healthy"] == shown.numbers["drawn"]).mean()),
        "It is {} % of them.", "Each activation wants weights of its own size, and every rule but LSUV gives all of them the same."),
    controls=(DEPTH, GAIN, SEED), cites=("glorot", "he", "lecun", "saxe", "lsuv"),
    try_next=(
        Try("Depth 5: far more pairs are healthy than at depth 30.", {"depth": 5, "gain": 1.0}),
        Try("Gain 2: with ReLU, signal and gradient explode by every rule of random weights but LSUV.", {"gain": 2.0, "depth": 30})),
    sources=(diagnosis.survey,))
