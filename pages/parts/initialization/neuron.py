"""One neuron: the variance of a sum grows with the number of its inputs."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies import linear
from engine.verdict import Verdict, number
from pages.parts.initialization.common import SEED, lines_and_points
from pages.shared import encodings, layout
from pages.shared.control import Values
from pages.shared.part import Part, Shown, Try

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
RULES = {"Var(w) = 1": lambda n: 1.0, "Var(w) = 2/n": lambda n: math.sqrt(2 / n), "Var(w) = 1/n": lambda n: math.sqrt(1 / n)}


@st.cache_data(max_entries=20, show_spinner=False)
def variances(seed: int) -> pd.DataFrame:
    """Columns n, series (a rule), measured, expected."""
    rng, rows = np.random.default_rng(seed), []
    for series, rule in RULES.items():
        for n in SIZES:
            got = linear.one_neuron(n, rule(n), rng=rng)
            rows.append((n, series, got.measured, got.predicted))
    return pd.DataFrame(rows, columns=["n", "series", "measured", "expected"])


def read(table: pd.DataFrame) -> Verdict:
    got = table[(table["series"] == "Var(w) = 1") & (table["n"] == SIZES[-1])]["measured"].iloc[0]
    z, slope = linear.saturated_neuron(100, 0.5, 1.0)
    return Verdict(
        "grows",
        f"With weights of variance 1, a thousand inputs give Var(z) = {number(got)}: the sum grows with n, whatever the inputs. "
        f"A sigmoid neuron with 100 weights of 1, inputs of 0.5 and a bias of 1 stands at z = {number(z)}, where its slope is {number(slope)}: "
        "it has stopped learning before it began. Variance 1/n keeps z in reach; 2/n makes up for a ReLU.",
    )


def show(v: Values) -> Shown:
    table = variances(v.seed)
    x = encodings.number(alt.X, "n", "Inputs n", domain=(1, 1000), log=True)
    y = {"title": "Var(z)", "domain": (0.5, 2000), "log": True, "clamp": True}
    picture = lines_and_points(table, x, y, "One neuron adds up its inputs", "points: 2,000 random neurons, line: n Var(w) E[x²]")
    layout.show(st, picture, "Variance of one neuron's z against its number of inputs, for weights of variance 1, 2/n and 1/n")
    formulas = [r"\mathrm{Var}(z) = n\,\mathrm{Var}(w)\,\mathrm{E}[x^2] \qquad \sigma'(51) = \sigma(51)\,\sigma(-51) = 7.095 \times 10^{-23}"]
    script = f"""import numpy as np

from engine.studies.linear import one_neuron, saturated_neuron

rng = np.random.default_rng({v.seed})
for n in {SIZES}:
    print(f"n = {{n}}  Var(z) = {{one_neuron(n, 1.0, rng=rng).measured:.4g}}")
print("z = %g, slope %.4g" % saturated_neuron(100, 0.5, 1.0))
"""
    return Shown(read(table), formulas, script, table)


PART = Part(
    "neuron",
    "One neuron",
    show,
    controls=(SEED,),
    try_next=(
        Try("Go on to the linear chain: the same sum, fifty times over.", preset="linear_chain"),
        Try("Then *Sigmoid, σ = 1*: many saturated neurons.", preset="sigmoid_1"),
    ),
    sources=(linear.one_neuron, linear.saturated_neuron),
)
