"""The notes against the measurement: a card for each slip, in the part where it belongs, and all of them on the page of references."""

import streamlit as st

from engine.slips import SLIPS, measured
from pages.shared import layout, workers
from pages.shared.part import PAGES, find_preset

PLACES = {  # page, part, and the experiment to open: a preset, or settings by the controls' names
    "sigmoid": ("initialization", "deep", "sigmoid_xavier"),
    "two": ("initialization", "deep", "relu_xavier"),
    "histogram": ("initialization", "deep", "tanh_xavier"),
    "elements": ("initialization", "chain", "linear_chain"),
    "equal": ("initialization", "symmetry", "constant"),
    "output": ("activations", "curves", "act_notes"),
    "variance": ("batch_norm", "input", "bn_inputs"),
    "elu": ("batch_norm", "cost", "bn_keras_doubled"),
    "moving": ("batch_norm", "running", "bn_early"),
    "near_zero": ("gradient_checking", "cautions", {"caution": "late"}),
    "overfitting": ("mnist_training", "compare", {"vary": "batch_norm"}),
}


def query(key: str) -> dict[str, str]:
    """The address of a slip's experiment on its page."""
    stem, part, opens = PLACES[key]
    page = PAGES[stem]
    return page.query(page.settings_of(find_preset(opens)[1]) if isinstance(opens, str) else page.by_key({"part": part} | opens))


def card(key: str, at_home: bool) -> None:
    """A claim; opened, its experiment is run. Elsewhere than on its own part, with the way there."""
    slip, (stem, part, _) = SLIPS[key], PLACES[key]
    with st.expander(f"The notes: {slip.claim}", key=f"_slip_{key}", on_change="rerun") as opened:
        if not opened.open:
            return
        st.caption(f"Lecture notes, {slip.notes}. {slip.experiment}")
        layout.verdict(workers.measure(measured, key, long=key == "overfitting"), f"slip_{key}")
        if not at_home:
            title = f"{PAGES[stem].title}: {PAGES[stem].part(part).title}"
            st.page_link(f"pages/{stem}.py", label=f"Try it on {title}", query_params=query(key))


def beside(stem: str, part: str) -> None:
    """The slips that belong to a part."""
    if keys := [key for key, place in PLACES.items() if place[:2] == (stem, part)]:
        st.header("The notes against the measurement", anchor=False)
        st.caption("What the lecture notes say, in short. Open a claim to measure it.")
        for key in keys:
            card(key, at_home=True)


def overview() -> None:
    """All of them, in the order of the pages."""
    st.header("The notes against the measurement", anchor=False)
    st.caption(f"{len(PLACES)} claims of the lecture notes that do not hold as they are written, or not always. Open one to measure it. "
               "Two slips of the pen need no measurement: z = w₁x₁ + w₁x₁ + … names one weight twice, and a limit stands before an approximation.")
    for key in PLACES:
        card(key, at_home=False)
