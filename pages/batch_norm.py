"""Batch Norm: what happens inside the layer, and what does it buy?"""

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.shared import batch_norm_parts as parts
from pages.shared import batch_norm_scripts as scripts
from pages.shared import controls, layout
from pages.shared.controls import BATCH_NORM
from pages.shared.router import ensure_routed

ensure_routed()
state = st.session_state
CONTROLS = {  # of each part, in the sidebar; the rest of the table keeps its values
    "batch": ("values", "size", "pull", "spread", "gamma", "beta", "epsilon"),
    "gradient": ("values", "size", "pull", "spread", "gamma", "beta", "epsilon"),
    "running": ("run_size", "momentum", "evaluate", "shift"),
    "depth": ("activation", "scale", "depth", "width"),
    "scales": ("data",),
    "cost": (),
    "input": ("range", "share", "drift"),
}
DRAWN = ("size", "pull", "spread")  # without effect on a batch that is typed


def draw_controls(part: str) -> dict:
    """All values of the table; only those of the part are drawn, and the others keep what they were set to."""
    names = (*CONTROLS[part], "layers" if part == "cost" else "seed")
    v = controls.keep(BATCH_NORM, ("part", *names))
    for name in names:
        with st.container() if name == "layers" else st.sidebar:  # a list of layers wants the width of the page
            v[name] = BATCH_NORM[name].draw(disabled=name in DRAWN and bool(v["values"].strip()))
    layout.link_notes({name: BATCH_NORM[name] for name in ("part", *names)})
    return v


layout.question("What happens inside batch norm?")
with st.sidebar:
    layout.preset_menu("batch_norm")
part = BATCH_NORM["part"].draw()
v = draw_controls(part)
parts.PARTS[part](v)
if part == "scales":
    v["data"] = state["bn_run"].data.name.lower()  # MNIST may not be at hand
layout.try_next(scripts.NEXT[part])
layout.run_it_yourself(scripts.script(part, v), *parts.SOURCES[part])
