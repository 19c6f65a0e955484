"""Matrix: every activation with every initializer, at one depth."""

from dataclasses import asdict

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import diagnosis
from engine.activations import as_activation
from engine.verdict import Verdict, number
from pages.parts.initialization.common import DEPTH, GAIN, SEED
from pages.shared import layout, runs
from pages.shared.control import Values
from pages.shared.encodings import tips
from pages.shared.part import Part, Shown, Try
from pages.shared.theme import DIVERGING, QUIET, chart
from pages.shared.titles import title


@st.cache_data(max_entries=20, show_spinner="Running 132 networks …")
def survey(depth: int, gain: float, seed: int) -> pd.DataFrame:
    """One row a pair: activation, initializer, kind, signal and gradient (factors from end to end), made_for."""
    with runs.place():
        pairs = diagnosis.survey(depth, width=64, samples=64, gain=gain, seed=seed)
    table = pd.DataFrame([asdict(pair) for pair in pairs])
    table["made_for"] = [as_activation(pair.activation).recommended == pair.initializer for pair in pairs]
    return table.assign(**{name: table[name].map(title) for name in ("activation", "initializer")})


def grid(pairs: pd.DataFrame, depth: int) -> alt.LayerChart:
    """Activations by initializers: a dot where the pair is healthy, else the first letters of what is wrong; colour by the gradient's factor."""
    with np.errstate(divide="ignore"):
        logs = np.nan_to_num(np.clip(np.log10(pairs["gradient"].to_numpy(float)), -6, 6), nan=0.0)
    frame = pairs[["activation", "initializer", "kind", "made_for"]].assign(gradient=logs.astype(np.float32), factor=pairs["gradient"].map(number))
    names = {name: {"field": name, "type": "nominal", "sort": list(frame[name].unique()), "title": None} for name in ("activation", "initializer")}
    base = chart(frame).encode(
        x=alt.X(**names["initializer"], axis=alt.Axis(orient="top", labelAngle=-60, labelOverlap=False)),
        y=alt.Y(**names["activation"], axis=alt.Axis(labelOverlap=False)),
        tooltip=tips(("activation", "Activation"), ("initializer", "Initializer"), ("kind", "Diagnosis"), ("factor", "Gradient ×")),
    )
    cells = base.mark_rect(stroke="transparent").encode(
        color=alt.Color("gradient", type="quantitative", scale=alt.Scale(domain=[6, 3, 0, -3, -6], range=DIVERGING), legend=None)
    )
    rings = base.transform_filter("datum.made_for").mark_rect(filled=False, strokeWidth=2).encode(stroke=alt.value(QUIET))
    words = base.transform_calculate(word="datum.kind == 'healthy' ? '●' : slice(datum.kind, 0, 2)").mark_text(fontSize=11)
    words = words.encode(
        text=alt.Text("word", type="nominal"), color=alt.condition("abs(datum.gradient) > 4.5", alt.value("white"), alt.value("#1d1f23"))
    )
    letters = ["● healthy, va(nishing), ex(ploding), sa(turated),", "de(ad), sy(mmetric), in(distinguishable)"]
    picture = alt.layer(cells, rings, words).resolve_scale(color="independent")
    return picture.properties(height=400, title=alt.Title(f"Depth {depth}: which pairs keep the signal?", subtitle=letters))


def read(pairs: pd.DataFrame, depth: int) -> Verdict:
    """Kinds: "all" (every activation has a rule that saves it), or "some"."""
    healthy = pairs[pairs["kind"] == "healthy"]
    lost = [activation for activation in pairs["activation"].unique() if activation not in set(healthy["activation"])]
    return Verdict(
        "some" if lost else "all",
        f"At depth {depth}, {len(healthy)} of {len(pairs)} pairs keep signal and gradient within a factor of a thousand. "
        + (f"No rule alone saves {', '.join(lost)}. " if lost else "")
        + "Ringed: the rule that was made for the activation. Deeper networks leave fewer, and the rule table writes itself.",
    )


def show(v: Values) -> Shown:
    pairs = survey(v.depth, v.gain, v.seed)
    said = f"Diagnosis of every activation with every initializer after {v.depth} layers, and the factor on the gradient"
    layout.show(st, grid(pairs, v.depth), said)
    formulas = [r"\text{Glorot: } \tfrac{2}{n_{in} + n_{out}} \qquad \text{He: } \tfrac{2}{n_{in}} \qquad \text{LeCun: } \tfrac{1}{n_{in}}"]
    script = f"""from engine.diagnosis import survey

for pair in survey({v.depth}, width=64, samples=64, gain={v.gain}, seed={v.seed}):
    print(f"{{pair.activation}} with {{pair.initializer}}: {{pair.kind}}, gradient x {{pair.gradient:.3g}}")
"""
    return Shown(read(pairs, v.depth), formulas, script, pairs)


PART = Part(
    "matrix",
    "Matrix",
    show,
    controls=(DEPTH, GAIN, SEED),
    try_next=(
        Try("Depth 5, 20 and 50: which rows stay whole?", {"depth": 50}),
        Try("Gain 2, and then 0.5: which rule was right about its factor?", {"gain": 2.0}),
    ),
    sources=(diagnosis.survey,),
)
