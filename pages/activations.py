"""Activations: curves, slopes, and what their product does."""

import streamlit as st

from pages.shared import activations_parts as parts
from pages.shared import activations_training as training
from pages.shared import layout
from pages.shared.controls import ACT, ACT_FAMILIES, ACT_HAND
from pages.shared.router import ensure_routed

ensure_routed()


def draw_controls(part: str) -> dict:
    """This part's controls in the sidebar, the other parts' folded away: a link keeps them all."""
    groups = {
        "product": ["set", "initializer", "gain", "depth", "width", "seeds"],
        "curves": ["set", "z"],
        "hand": list(ACT_HAND),
        "dying": ["rivals", "rate", "bias", "dying_depth", "dying_seed"],
        "selu": ["fixed", "mean", "variance", "layers", "fixed_initializer", "fixed_gain", "dropout", "dropout_rate"],
        "ranking": ["rank_depth", "set", "rank_width", "rank_epochs", "rank_rate", "rank_seeds"],
    }
    with st.sidebar:
        value = {name: ACT[name].draw() for name in groups[part]}
        if part != "hand":
            with st.expander("Slopes and α", expanded=part == "curves"):
                value |= {name: ACT[name].draw() for name in ACT_FAMILIES}
        with st.expander("The other parts' controls"):
            value |= {name: ACT[name].draw() for name in ACT if name not in value and name != "part"}
    layout.link_notes(ACT)
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
