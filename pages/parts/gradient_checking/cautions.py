"""Cautions: six ways to be misled by a gradient check, each with the mistake and without it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import load_digits
from engine.gradient_check import Cost, check_cost, check_gradients
from engine.gradient_check.cautions import CAUTIONS
from engine.gradient_check.explanation import explain
from engine.network import Network, mlp
from engine.verdict import Verdict, number
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PRINT
from pages.shared import layout, link, workers
from pages.shared.capacity import place
from pages.shared.control import Menu, Switch, Values
from pages.shared.layout import tex
from pages.shared.part import Part, Question, Shown, Try

TITLES = {key: caution.title for key, caution in CAUTIONS.items()} | {"cost": "Cost"}
CAUTION = Menu("grad_caution", "Caution", "dropout", "Each is a way to be misled by a check, or what a check costs.", tuple(TITLES), pills=True, show=lambda key: TITLES[key])
MISTAKE = Switch("grad_mistake", "Make the mistake", False, "Switch it on and off, and watch the verdict of the check.")


def show(v: Values) -> Shown:
    key = link.draw(CAUTION)
    if key == "cost":
        return cost()
    st.sidebar.caption(common.SMALL)
    caution = CAUTIONS[key]
    mistake = link.draw(replace(MISTAKE, label=caution.mistake))
    report = workers.measure(caution.check, mistake)
    common.show_strip(report)
    verdict = explain(report)

    def details() -> None:
        common.show_table(report)
        with st.container(width=layout.TEXT_WIDTH):
            common.show_bands(report)
            common.show_warnings(report)

    script = f"""from engine import CAUTIONS

report = CAUTIONS[{key!r}].check(mistake={mistake})
{PRINT}"""
    text = f"{caution.happens if mistake else caution.rule} {verdict.text}"
    return Shown(Verdict(verdict.kind, text), common.metric(report), script, common.numbers(report), details)


# The cost of a check


COST = """import numpy as np
from engine import check_cost, load_digits, mlp

data = load_digits()
network = mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64)
cost = check_cost(network, data.x_train[:16] / 16, data.y_train[:16])
print(f"{cost.parameters} parameters: backpropagation {1e3 * cost.backprop_seconds:.3g} ms, "
      f"all slopes {cost.structured_ratio:.0f} times that, the plain loop {cost.loop_ratio:.0f} times")
"""
TIMED = "The network that is timed has layers of 64-256-32-10 units, and sees 16 of the built-in digits."


def network() -> Network:
    return mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64)


def measure() -> None:
    data = load_digits()
    with place():
        st.session_state["grad_cost"] = check_cost(network(), data.x_train[:16] / 16, data.y_train[:16])


def read_cost(got: Cost | None, parameters: int) -> Verdict:
    """Kinds: "ready", or "measured"."""
    if got is None:
        text = f"Backpropagation gives all slopes at once. The plain loop wants two forward passes for each of the {number(parameters)} parameters. "
        return Verdict("ready", text + "Press the button to see how much longer that takes.")
    text = f"For {number(got.parameters)} parameters the plain loop costs **{number(got.loop_ratio)}** backpropagations, "
    text += f"and this page's way **{number(got.structured_ratio)}**. That is for one check. "
    return Verdict("measured", text + "In training, each step would need one: so check while you debug, then switch the check off.")


def seconds(s: float) -> str:
    return f"{number(s, 2)} s" if s >= 1 else f"{number(1e3 * s, 2)} ms"


def cost() -> Shown:
    """One backpropagation against the check of every component, timed when asked."""
    st.sidebar.caption(TIMED)
    st.button("Measure on this machine, now", on_click=measure, type="primary", key="grad_measure")
    got: Cost | None = st.session_state.get("grad_cost")
    parameters = network().theta.size
    table = pd.DataFrame({"What": ["Parameters P", "Forward passes of the plain loop, 2P"], "Count": [parameters, 2 * parameters]})
    ratio = r"\frac{\text{loop}}{\text{backpropagation}} = 2P \cdot \frac{\text{forward pass}}{\text{backpropagation}}"
    if got:
        what = ["Backpropagation", "One forward pass", "All slopes, by structure", "All slopes, plain loop: 2P times one forward pass, not run"]
        times = [got.backprop_seconds, got.forward_seconds, got.structured_seconds, got.loop_seconds]
        table = pd.DataFrame({"What": what, "seconds": times, "ratio": [time / got.backprop_seconds for time in times]})
        said = {"What": what, "Time": [*map(seconds, times)], "× backpropagation": [*map(number, table["ratio"])]}
        rows = (said, ("---",) * len(said), *zip(*said.values(), strict=True))  # of Markdown: they wrap, and a phone shows the numbers too
        st.markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
        st.caption("Each time is the least of several on this machine. The plain loop is too slow to be run here, so its time is multiplied up.")
        ratio += rf" = 2 \cdot {parameters:,} \cdot {tex(got.forward_seconds / got.backprop_seconds)} = {tex(got.loop_ratio)}".replace(",", "{,}")
    return Shown(read_cost(got, parameters), [ratio + rf" \qquad P = {parameters:,}".replace(",", "{,}")], COST, table)


def _not_right(v: Values, shown: Shown) -> float:
    return 100 * float((shown.numbers["grade"] != "right").mean())


PART = Part(
    "cautions", "Cautions", show,
    question="How can a gradient check mislead?",
    sees="Choose a caution: a strip shows one check, with a mistake in it or without. The last one, Cost, tells how long a check takes.",
    matters="A check that is done wrongly can reject right code, or let wrong code pass.",
    first="Guess what the mistake will do before you switch it on.",
    predict=Question(
        "Of all the arrays of the gradient, how many will the check not grade right?",
        ("None", "Some of them", "All of them"), (0.01, 99.99),
        _not_right,
        "Not graded right: {} % of the arrays.", "A check is only as good as the function that it compares with."),
    inside=(CAUTION, MISTAKE),
    try_next=(
        Try("*Kink*: guess before you switch. Will the check fail, pass, or say that it cannot tell?", {"caution": "kink", "mistake": False}),
        Try("*One sample*: without the mistake the bug is found. With it, the plain formula says right.", {"caution": "one_sample", "mistake": True}),
        Try("*Cost*: why is a check a tool for debugging, and not for training?", {"caution": "cost"})),
    sources=(check_gradients,), cites=("notes", "cs231n", "dlfs"),
)
