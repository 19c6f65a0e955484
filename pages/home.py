"""The question, one live picture, and the way to every experiment."""

import numpy as np
import pandas as pd
import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from engine import diagnosis, mean_field, propagation
from pages.shared import charts_initialization as charts
from pages.shared import layout
from pages.shared.controls import HOME
from pages.shared.router import PAGES, ensure_routed

ensure_routed()
DEPTH = 30


@st.cache_data(max_entries=100, show_spinner=False)
def network(gain: float) -> tuple[pd.DataFrame, float, float]:
    """Spread of the signal by layer, and its last value; the size of the gradient in layer 1."""
    run = propagation.propagate(
        depth=DEPTH, width=300, samples=300, activation="relu", initializer="he_normal", gain=gain, rng=np.random.default_rng(0)
    )
    return pd.DataFrame({"layer": np.arange(1, DEPTH + 1), "measured": run.std}), run.std[-1], run.gradient_rms[0]


@st.cache_data(max_entries=1, show_spinner=False)
def theory() -> pd.DataFrame:
    layers, sigma_w = np.arange(1, DEPTH + 1), mean_field.moments("relu").gain
    scales = {f"× {gain:g}": mean_field.predict("relu", np.full(DEPTH, gain * sigma_w)).std for gain in (0.6, 0.8, 1.0, 1.25, 1.6)}
    return pd.concat([pd.DataFrame({"layer": layers, "series": name, "expected": std}) for name, std in scales.items()], ignore_index=True)


layout.question("Why are deep neural networks hard to train, and what fixes it?")
left, right = st.columns([3, 2], gap="large")
with left:
    gain = HOME["gain"].draw()
    points, end, start = network(gain)
    layout.show(
        st,
        charts.fan(theory(), points, DEPTH),
        f"Spread of the signal over {DEPTH} ReLU layers for weights of {gain:g} times He's rule, against theory for five scales",
    )
with right:
    layout.verdict(
        f"Weights of **{gain:g} ×** what He's rule says: after {DEPTH} layers the signal has a spread of **{diagnosis.number(end)}**, "
        f"and the gradient that comes back to the first layer has a size of **{diagnosis.number(start)}**."
    )
    st.latex(rf"{layout.tex(gain)}^{{{DEPTH}}} = {layout.tex(gain**DEPTH)}")
    st.markdown(
        "Every layer multiplies, forward the signal and backward the gradient, and a product of thirty factors forgives nothing: "
        "a little under 1 and it dies, a little over and it explodes. The pages measure how that happens and what has been done about it."
    )

st.header("Experiments", anchor=False)
columns = st.columns(2)
for i, (stem, (title, text)) in enumerate((stem, card) for stem, card in PAGES.items() if stem != "home"):
    with columns[i % 2]:
        st.page_link(f"pages/{stem}.py", label=f"**{title}**")
        st.caption(text)
