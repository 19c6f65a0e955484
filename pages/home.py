"""The question, one live picture, the way to every page, and every experiment to be found by its words."""

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (fills PAGES)
from engine import mean_field
from engine.studies import random_networks
from engine.verdict import number
from pages.shared import catalogue, encodings, layout, lessons, link, workers
from pages.shared.control import Ladder, Text
from pages.shared.encodings import drawn, tips
from pages.shared.part import PAGES
from pages.shared.router import ensure_routed
from pages.shared.theme import TALL, chart, tint

DEPTH = 30
GAIN = Ladder(
    "home_gain", "Scale of the first weights, in units of He's rule", 0.8, "One factor on all weights of thirty layers.",
    tuple(round(0.05 * i, 2) for i in range(10, 41)),
)
FIND = Text(
    "home_find", "Words of its title, its outcome, its page or its source", "", "All of the words must stand there.", placeholder="ReLU, dying, Ioffe …")
CONTROLS = (GAIN, FIND)


def network(gain: float) -> tuple[pd.DataFrame, float, float]:
    """Spread of the signal by layer, and its last value; the size of the gradient in layer 1."""
    settings = {"depth": DEPTH, "width": 300, "samples": 300, "activation": "relu", "initializer": "he_normal", "measure": ()}
    run = workers.measure(random_networks.network, 0, gain=gain, **settings)
    return pd.DataFrame({"layer": np.arange(1, DEPTH + 1), "measured": run.std}), run.std[-1], run.gradient_rms[0]


@st.cache_data(max_entries=1, show_spinner=False)
def theory() -> pd.DataFrame:
    """Columns layer, series (a factor on He's weights), expected."""
    layers, sigma_w = np.arange(1, DEPTH + 1), mean_field.moments("relu").gain
    scales = {f"× {gain:g}": mean_field.predict("relu", np.full(DEPTH, gain * sigma_w)).std for gain in (0.6, 0.8, 1.0, 1.25, 1.6)}
    return pd.concat([pd.DataFrame({"layer": layers, "series": name, "expected": std}) for name, std in scales.items()], ignore_index=True)


@drawn
def fan(lines: pd.DataFrame, points: pd.DataFrame) -> alt.LayerChart:
    """Theory for several scales as thin labelled lines, one network as points (layer, measured)."""
    x = encodings.number(alt.X, "layer", "Layer l", domain=(0, DEPTH + 2.5), axis=alt.Axis(grid=False, format="d"))
    y = {"domain": (1e-10, 1e10), "log": True}  # 0.5³⁰ and 2³⁰, the ends of the control, lie on it
    line = chart(lines).encode(
        x=x, y=encodings.number(alt.Y, "expected", "Spread of the signal", ticks=(-8, -4, 0, 4, 8), **y), detail=alt.Detail("series", type="nominal")
    )
    words = line.transform_filter(f"datum.layer == {DEPTH}").mark_text(align="left", dx=5).encode(text=alt.Text("series", type="nominal"))
    dots = chart(points).mark_point(size=55).encode(
        x=x, y=encodings.number(alt.Y, "measured", **y), color=tint("signal"), tooltip=tips(("layer", "Layer", "d"), ("measured", "Spread", ".3~g"))
    )
    return alt.layer(line.mark_line(strokeWidth=1.2).encode(color=tint("yardstick")), words, dots, height=TALL, title=alt.Title("Thirty layers, one factor on their weights", subtitle="Dots: one random network. Lines: theory."))


ensure_routed()
link.read("home", CONTROLS)
layout.question("Why are deep neural networks hard to train, and what fixes it?")
left, right = st.columns([3, 2], gap="large")
with left:
    gain = link.draw(GAIN)
    link.write(CONTROLS, CONTROLS)
    for sentence in link.refused(CONTROLS):
        st.warning(sentence)
    points, end, start = network(gain)
    layout.show(
        st, fan(theory(), points),
        f"Spread of the signal over {DEPTH} ReLU layers for weights of {gain:g} times He's rule, against theory for five scales")
with right:
    layout.verdict(
        f"Weights of **{gain:g} ×** what He's rule says: after {DEPTH} layers the signal has a spread of **{number(end)}**, "
        f"and the gradient that comes back to the first layer has a size of **{number(start)}**."
    )
    st.latex(rf"{layout.tex(gain)}^{{{DEPTH}}} = {layout.tex(gain**DEPTH)}")
    st.markdown(
        "Every layer multiplies: the signal on its way forward, and the gradient on its way back. "
        f"Thirty factors of 0.8 leave {number(0.8**DEPTH)}, and thirty of 1.25 make {number(1.25**DEPTH)}. "
        "The pages measure how that happens and what has been done about it."
    )

st.header("Experiments", anchor=False)
columns = st.columns(2)
for i, page in enumerate(PAGES.values()):
    with columns[i % 2]:
        st.page_link(f"pages/{page.stem}.py", label=f"**{page.title}**")
        st.caption(page.card)

st.header("Lessons", anchor=False)
with st.container(horizontal=True):
    for key, lesson in lessons.lessons().items():
        first = lesson.steps[0]
        st.page_link(f"pages/{first.page.stem}.py", label=lesson.title, query_params=first.query(key, 1))

st.header("Find an experiment", anchor=False)
found = catalogue.find(text := link.draw(FIND))
if text.strip():
    st.markdown(f"**{len(found)}** of {len(catalogue.find())} experiments say that.")
    catalogue.show(found)
else:
    for page in PAGES.values():
        with st.expander(f"{page.title}: {page.question}"):
            catalogue.show([one for one in found if one.page is page])
