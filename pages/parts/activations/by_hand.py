"""Backprop by hand: two inputs, two units, one output, every number written out."""

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from engine.studies import by_hand
from engine.verdict import Verdict, number
from pages.shared import layout
from pages.shared.control import Number, Values
from pages.shared.encodings import drawn, over_lines
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import BACK, TALL, tint

AT = {"x1": (0.0, 1.0), "x2": (0.0, 0.0), "a1": (1.0, 1.0), "a2": (1.0, 0.0), "y": (2.0, 0.5)}
WIRES = (("w1", "x1", "a1"), ("w2", "x2", "a1"), ("w3", "x1", "a2"), ("w4", "x2", "a2"), ("w5", "a1", "y"), ("w6", "a2", "y"))


def subscripted(name: str) -> str:
    return name[0] + name[1:].translate(str.maketrans("123456", "₁₂₃₄₅₆"))


CONTROLS = tuple(
    Number(
        f"act_{name}", "Target t" if name == "t" else subscripted(name), default, "The lecture notes' value is the default.",
        limits=(-100, 100), step=0.5)
    for name, default in by_hand.NOTES.items()
)


def picture_tables(value: Mapping[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Edges (x, y, x2, y2, mx, my, weight, back) and nodes (x, y, text) of the 2-2-1 network."""
    edges = []
    for weight, start, end in WIRES:
        (x, y), (x2, y2) = AT[start], AT[end]
        part = 0.3 if y != y2 and x2 == 1 else 0.5  # the two that cross are written near their start
        named = f"{subscripted(weight)} = {number(value[weight])}"
        edges.append((x, y, x2, y2, x + part * (x2 - x), y + part * (y2 - y), named, number(value[f"d{weight}"])))
    nodes = [(*place, f"{subscripted(name)} = {number(value[name], 4)}") for name, place in AT.items()]
    wires = pd.DataFrame(edges, columns=["x", "y", "x2", "y2", "mx", "my", "weight", "back"])
    return wires, pd.DataFrame(nodes, columns=["x", "y", "text"])


@drawn
def network(edges: pd.DataFrame, nodes: pd.DataFrame) -> alt.LayerChart:
    """The 2-2-1 network: activations in blue, weights along the wires, and under each weight its gradient in orange."""

    def place(x: str, y: str) -> dict:
        hidden = {"title": None, "axis": None}
        return {
            "x": alt.X(x, type="quantitative", scale=alt.Scale(domain=[-0.3, 2.35], nice=False), **hidden),
            "y": alt.Y(y, type="quantitative", scale=alt.Scale(domain=[-0.25, 1.2], nice=False), **hidden)}

    small = alt.ExprRef("width < 400 ? 12 : 14")  # on a phone the words of a wire would reach those of its ends
    along, spots = alt.Chart(edges).encode(**place("mx", "my")), alt.Chart(nodes).encode(**place("x", "y"))
    return alt.layer(
        alt.Chart(edges).mark_rule(strokeWidth=1.5).encode(**place("x", "y"), x2=alt.X2("x2"), y2=alt.Y2("y2")),
        *over_lines(along, alt.Text("weight", type="nominal"), rim=20, dy=-13, fontSize=small), *over_lines(along, alt.Text("back", type="nominal"), BACK, rim=20, dy=14, fontSize=small),
        *over_lines(spots, alt.Text("text", type="nominal"), rim=14, dy=alt.ExprRef("datum.y == 1 ? -26 : 26"), fontWeight=600, fontSize=small),
        spots.mark_point(filled=True, size=330, opacity=1).encode(color=tint("signal")),
        height=TALL,
        title=alt.Title("Two inputs, two units, one output", subtitle="Blue: what flows forward. Orange: the gradients ∂J/∂w that come back."))


def aligned(steps: Sequence[by_hand.Step]) -> str:
    lines = [rf"{s.symbol} &= {s.rule} \\ &= {s.numbers} = {by_hand.number(s.value, brackets=False)}" for s in steps]
    return r"\begin{aligned}" + r" \\[4pt] ".join(lines) + r"\end{aligned}"


def read(output: float, first: float, last: float) -> Verdict:
    return Verdict(
        "read",
        f"The output is **{output:.4f}**. The gradient of w₁ has passed two slopes, {number(last)} × {number(first)} = "
        f"**{number(first * last)}**; a sigmoid's is never above ¼, so two leave at most 1/16. "
        "Each further layer would multiply by one more slope of at most ¼, and by one more weight.")


def show(v: Values) -> Shown:
    given = {name: getattr(v, name) for name in by_hand.NOTES}
    forward, backward = by_hand.solve(**given)
    value = {step.key: step.value for step in (*forward, *backward)}
    layout.show(st, network(*picture_tables(given | value)), f"The 2-2-1 network with its weights and gradients; its output is {value['y']:.4f}")
    first, _, last = by_hand.slopes(**given)

    def details() -> None:
        with st.container(horizontal=True, gap="large"):  # below each other where the second would be cut
            for head, steps in (("Forward", forward), ("Backward", backward)):
                with st.container(width="content"):
                    st.markdown(f"**{head}**")
                    st.latex(aligned(steps), width="content")

    formulas = [
        rf"\frac{{\partial J}}{{\partial w_1}} = (y - t)\ \underbrace{{\sigma'(z_3)}}_{{{tex(last)}}}\ w_5\ "
        rf"\underbrace{{\sigma'(z_1)}}_{{{tex(first)}}}\ x_1 = {tex(value['dw1'])}"
    ]
    script = f"""from engine.studies.by_hand import solve

forward, backward = solve({", ".join(f"{name}={setting!r}" for name, setting in given.items())})
print("step,value")
for step in (*forward, *backward):
    print(f"{{step.key}},{{step.value!r}}")
"""
    return Shown(read(value["y"], first, last), formulas, script, pd.DataFrame({"step": list(value), "value": list(value.values())}), details)


PART = Part(
    "hand", "Backprop by hand", show,
    question="How does a gradient find its way back?",
    sees="Two inputs x, two hidden units a, one output y. Each line carries its weight w, and below it the gradient: how much the error J grows with that weight.",
    matters="The gradient of a first weight is a product: error, slopes, a later weight, an input. If one of these is 0, so is the gradient.",
    first="Follow the gradient of w₁ from the output back to the input. Then set w₁ to 20 and look again.",
    controls=CONTROLS,
    presets=(Preset("act_hand", "Backprop by hand", "The units give 0.731 and 0.5, and the output is 0.5575. The slide rounds it to 0.55."),),
    try_next=(
        Try("w₁ = 20: the first unit saturates. What is left of the gradients of w₁ and w₂?", by_hand.NOTES | {"w1": 20.0}),
        Try("x = (0, 0): which gradients are 0, and why not those of w₅ and w₆?", by_hand.NOTES | {"x1": 0.0, "x2": 0.0}),
        Try("w₁ = 1 and t = ½, so that t = y: the error is 0, and with it everything that comes back.", by_hand.NOTES | {"w1": 1.0, "t": 0.5}),
    ),
    sources=(by_hand.solve,), cites=("notes",))
