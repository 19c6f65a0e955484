"""Cautions: six ways to be misled by a gradient check, each with the mistake and without it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import load_digits
from engine.gradient_check import Cost, check_cost, check_gradients
from engine.gradient_check.cautions import CAUTIONS
from engine.gradient_check.explanation import explain
from engine.gradient_check.report import GradientReport
from engine.network import Network, mlp
from engine.verdict import Verdict, number
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PRINT
from pages.shared import layout, link
from pages.shared.control import Menu, Switch, Values
from pages.shared.part import Part, Shown, Try
from pages.shared.runs import place

TITLES = {key: caution.title for key, caution in CAUTIONS.items()} | {"cost": "Cost"}
CAUTION = Menu("grad_caution", "Caution", "dropout", "Ways to be misled.", tuple(TITLES), pills=True, show=lambda key: TITLES[key])
MISTAKE = Switch("grad_mistake", "Make the mistake", False, "Switch it on and off, and watch the check.")


@st.cache_resource(max_entries=2 * len(CAUTIONS), show_spinner=False)
def check(key: str, mistake: bool) -> GradientReport:
    return CAUTIONS[key].check(mistake)


def show(v: Values) -> Shown:
    key = link.draw(CAUTION)
    if key == "cost":
        return cost()
    st.sidebar.caption(common.SMALL)
    caution = CAUTIONS[key]
    mistake = link.draw(replace(MISTAKE, label=caution.mistake))
    report = check(key, mistake)
    common.show_strip(report)
    verdict = explain(report)

    def details() -> None:
        st.dataframe(common.parameter_table(report), hide_index=True)
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
print(f"{cost.parameters} parameters: backpropagation {1e3 * cost.backprop_seconds:.2g} ms, "
      f"all slopes {cost.structured_ratio:.0f} times that, the plain loop {cost.loop_ratio:.0f} times")
"""


def network() -> Network:
    return mlp((64, 256, 32, 10), rng=np.random.default_rng(0), dtype=np.float64)


def measure() -> None:
    """What the script `COST` does."""
    data = load_digits()
    with place():
        st.session_state["grad_cost"] = check_cost(network(), data.x_train[:16] / 16, data.y_train[:16])


def read_cost(got: Cost | None) -> Verdict:
    """Kinds: "ready", or "measured"."""
    if got is None:
        text = "Backpropagation gives all slopes for about the price of two forward passes; differences want two passes for each parameter. "
        return Verdict("ready", text + "Press the button to see the ratio.")
    text = f"For {number(got.parameters)} parameters the plain loop costs **{number(got.loop_ratio)}** backpropagations, "
    text += f"and this page's way **{number(got.structured_ratio)}**. "
    return Verdict("measured", text + "Either is far too much for each step of training: check while you debug, then switch the check off.")


def seconds(s: float) -> str:
    return f"{number(s, 2)} s" if s >= 1 else f"{number(1e3 * s, 2)} ms"


def cost() -> Shown:
    """One backpropagation against the check of every component, timed when asked."""
    st.button("Measure on this machine, now", on_click=measure, type="primary", key="grad_measure")
    got: Cost | None = st.session_state.get("grad_cost")
    parameters = network().theta.size
    table = pd.DataFrame({"What": ["Parameters P", "Forward passes of the plain loop, 2P"], "Count": [parameters, 2 * parameters]})
    if got:
        times = [got.backprop_seconds, got.structured_seconds, got.loop_seconds]
        ratios = [1.0, got.structured_ratio, got.loop_ratio]
        table = pd.DataFrame(
            {
                "What": ["Backpropagation", "All slopes, by structure", "All slopes, plain loop of 2P forward passes"],
                "seconds": times,
                "ratio": ratios,
            }
        )
        said = {"What": table["What"], "Time": [*map(seconds, times)], "× backpropagation": [*map(number, ratios)]}
        st.dataframe(pd.DataFrame(said), hide_index=True)
    ratio = r"\frac{\text{loop}}{\text{backpropagation}} \approx \frac{2P}{2\text{ to }3} \qquad P = "
    return Shown(read_cost(got), [ratio + f"{parameters:,}".replace(",", "{,}")], COST, table)


PART = Part(
    "cautions",
    "Cautions",
    show,
    inside=(CAUTION, MISTAKE),
    try_next=(
        Try("*Kink*: guess before you switch. Will the check fail, pass, or say that it cannot tell?", {"caution": "kink", "mistake": False}),
        Try(
            "*One sample*: without the mistake, the bug is found. With it, the plain formula says right.", {"caution": "one_sample", "mistake": True}
        ),
        Try("*Cost*: why is a check a tool for debugging, and not for training?", {"caution": "cost"}),
    ),
    sources=(check_gradients,),
)
