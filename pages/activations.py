"""Activations: curves, slopes, and what their product does."""

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.shared import activations_parts as parts
from pages.shared import activations_training as training
from pages.shared import controls, layout
from pages.shared.controls import ACT, ACT_FAMILIES, ACT_HAND
from pages.shared.router import ensure_routed

ensure_routed()


CONTROLS = {  # of each part, in the sidebar; the rest of the table keeps its values
    "product": ("set", "initializer", "gain", "depth", "width", "seeds"),
    "curves": ("set", "z"),
    "hand": tuple(ACT_HAND),
    "dying": ("rivals", "rate", "bias", "dying_depth", "dying_seed"),
    "selu": ("fixed", "mean", "variance", "layers", "fixed_initializer", "fixed_gain", "dropout", "dropout_rate"),
    "ranking": ("rank_depth", "set", "rank_width", "rank_epochs", "rank_rate", "rank_seeds"),
}


def draw_controls(part: str) -> dict:
    slopes = () if part == "hand" else tuple(ACT_FAMILIES)
    drawn = ("part", *CONTROLS[part], *slopes)
    value = controls.keep(ACT, drawn)
    with st.sidebar:
        with st.container():
            value |= {name: ACT[name].draw() for name in CONTROLS[part]}
        if slopes:
            with st.expander("Slopes and α", expanded=part == "curves"):
                value |= {name: ACT[name].draw() for name in slopes}
    layout.link_notes({name: ACT[name] for name in drawn})
    return value


layout.question("What do the slopes of the activations multiply to?")
with st.sidebar:
    layout.preset_menu("activations")
part = ACT["part"].draw()
values = draw_controls(part)
reading = {
    "product": parts.product_part,
    "curves": parts.curves_part,
    "hand": parts.hand_part,
    "dying": training.dying_part,
    "selu": parts.selu_part,
    "ranking": training.ranking_part,
}[part](values)
if reading.verdict:
    layout.verdict(reading.verdict)
layout.fix_button(reading.fix)
if part == "dying":
    training.after_dying(values)
st.header("The formula, with these numbers", anchor=False)
with st.container(width=layout.TEXT_WIDTH):
    for formula in reading.formulas:
        st.latex(formula)
layout.try_next(reading.tries)
layout.run_it_yourself(reading.script, *reading.sources)
with st.expander("The numbers of this part"):
    st.dataframe(reading.numbers, hide_index=True, key="act_numbers")
    layout.download(reading.numbers, f"activations_{part}.csv")
