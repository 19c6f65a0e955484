"""One neuron: the variance of a sum grows with the number of its inputs."""

import math

import altair as alt
import pandas as pd
import streamlit as st

from engine.studies import linear
from engine.verdict import Verdict, number
from pages.parts.initialization.common import SEED, cut, lines_and_points
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn
from pages.shared.part import Part, Question, Shown, Try

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
VARIANCES = (0.5, 2000)  # drawn
RULES = {"Var(w) = 1": lambda n: 1.0, "Var(w) = 2/n": lambda n: math.sqrt(2 / n), "Var(w) = 1/n": lambda n: math.sqrt(1 / n)}


def variances(seed: int) -> pd.DataFrame:
    """Columns n, series (a rule), measured, expected."""
    found = workers.measure(linear.neurons, SIZES, tuple(tuple(map(rule, SIZES)) for rule in RULES.values()), seed=seed)
    rows = [(n, series, one.measured, one.predicted) for series, each in zip(RULES, found, strict=True) for n, one in zip(SIZES, each, strict=True)]
    return pd.DataFrame(rows, columns=["n", "series", "measured", "expected"])


@drawn
def picture(frame: pd.DataFrame, gone: pd.DataFrame) -> alt.LayerChart:
    x, y = encodings.number(alt.X, "n", "Inputs n", domain=(1, 1000), log=True), {"title": "Var(z)", "domain": VARIANCES, "log": True}
    words = "Dots: the variance over 2,000 random neurons, which get ever more inputs. Lines: n Var(w) E[x²]."
    return lines_and_points(frame, gone, tuple(RULES), x, y, title=alt.Title("One neuron adds up its inputs", subtitle=words))


def read(table: pd.DataFrame) -> Verdict:
    got = table[table["n"] == SIZES[-1]].set_index("series")["measured"]
    z, slope = linear.saturated_neuron(100, 0.5, 1.0)
    return Verdict(
        "grows",
        f"With weights of variance 1, a thousand inputs of mean square 1 give Var(z) = {number(got['Var(w) = 1'])}: it grows like n. "
        f"A sigmoid neuron with 100 weights of 1, inputs of 0.5 and a bias of 1 has the sum z = {number(z)}. There its slope is {number(slope)}: "
        f"next to no gradient passes. Weights of variance 1/n give Var(z) = {number(got['Var(w) = 1/n'])}, and those of variance 2/n give {number(got['Var(w) = 2/n'])}.",
    )


def show(v: Values) -> Shown:
    table = variances(v.seed)
    layout.show(st, encodings.readings(picture(*cut(table, VARIANCES, "n")), table, "n", "series", "measured"), "Variance of one neuron's z against its number of inputs, for weights of variance 1, 2/n and 1/n")
    formulas = [r"\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,\mathrm{E}[x^2] \qquad \sigma'(51) = \sigma(51)\,\sigma(-51) = 7.095 \times 10^{-23}"]
    script = f"""from engine.studies.linear import neurons, saturated_neuron

sizes = {SIZES}
for n, one in zip(sizes, neurons(sizes, [[1.0] * len(sizes)], seed={v.seed})[0]):
    print(f"n = {{n}}  Var(z) = {{one.measured:.4g}}")
print("z = %g, slope %.4g" % saturated_neuron(100, 0.5, 1.0))
"""
    return Shown(read(table), formulas, script, table)


def _spreads(v: Values, shown: Shown) -> float:
    of = shown.numbers.query("series == 'Var(w) = 1'").set_index("n")["measured"]
    return math.sqrt(of.loc[1000] / of.loc[100])


PART = Part(
    "neuron", "One neuron", show,
    question="How large does the sum in one neuron get?",
    sees="A neuron adds up n inputs, each times its weight: that is z. The picture shows how much z varies between 2,000 random neurons.",
    matters="With weights of variance 1 the variance of z grows like n. A sum far from 0 lies where a sigmoid is flat, and next to no gradient passes there.",
    first="Read the three lines at a thousand inputs. Which rule keeps the sum as large as a single input?",
    predict=Question(
        "Ten times as many inputs, and weights as before: how many times as large is the spread of the sum z?",
        ("About once", "About 3 times", "About 10 times"), (2, 6),
        _spreads,
        "With 1,000 inputs instead of 100 it is {} times as large.", "Variances of independent terms add up, so the spread grows like the root of their number."),
    controls=(SEED,), cites=("notes", "lecun", "he"),
    try_next=(
        Try("Go on to the linear chain: one factor, multiplied layer after layer.", preset="linear_chain"),
        Try("*Sigmoid, σ = 1*: two thirds of the first layer's sums z lie where the sigmoid is flat.", preset="sigmoid_1")),
    sources=(linear.neurons, linear.saturated_neuron))
