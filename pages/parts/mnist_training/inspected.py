"""What a run does with the test images: which digits it mixes up, the images of one cell, the surest mistakes; and its first weights."""

import numpy as np
import streamlit as st

from engine import words
from pages.parts.mnist_training import pictures
from pages.parts.mnist_training.run import TrainingRun
from pages.shared import layout

MATRIX = "mnist_matrix"  # of the session: what was clicked
TRUTH, ANSWER = "mnist_cell_truth", "mnist_cell_answer"  # of the session: the cell that is open


def picked() -> None:
    """A click opens a cell; one beside all of them, or two at once, close it."""
    points = st.session_state[MATRIX].selection.get("pick", [])
    first = points[0] if points else {"truth": None, "answer": None}
    cell = [first.get(name, "") for name in ("truth", "answer")] if isinstance(first, dict) else [""]
    if cell == [None, None] or all(isinstance(digit, int) and 0 <= digit < 10 for digit in cell):  # a browser can send anything
        st.session_state[TRUTH], st.session_state[ANSWER] = cell


def open_cell() -> tuple[int, int] | None:
    cell = st.session_state.get(TRUTH), st.session_state.get(ANSWER)
    return None if None in cell else cell


def show(run: TrainingRun) -> None:
    """The latest evaluation, image by image, and the weights that it met. Cells open while the run stands still."""
    inspection, network, drawn = run.inspection, run.network, run.pictures  # a run can be closed while it is drawn
    if inspection is None or network is None:
        return
    if drawn is None:
        drawn = run.pictures = pictures.mistakes(run.data, inspection), pictures.weight_picture(network.weights[0], run.data.image_shape)
    mistakes, weights = drawn
    left, right = st.columns([3, 2])
    opens, said = run.status != "running", "Confusion matrix of the test images: true digit by answer"
    look = {"key": MATRIX, "on_select": picked, "selection_mode": "pick"} if opens else {}
    layout.show(left, pictures.confusion(opens), said, pictures.counts(inspection, open_cell() if opens else None), look=look)
    tiles = f"One tile for each of the first {pictures.TILES} units, as the pixels see it. Blue adds, orange subtracts; each tile has its own scale."
    right.markdown("**First layer's weights**", help=tiles)
    right.image(weights, width="stretch", alt="Incoming weights of the first layer's units as small pictures, blue positive, orange negative")
    if opens:
        with left.container(horizontal=True):
            for label, key in (("True digit", TRUTH), ("Network's answer", ANSWER)):
                st.selectbox(label, range(run.data.classes), index=None, placeholder="Choose", key=key, persist_state="session")
        if open_cell():
            show_cell(run, *open_cell())
    wrong, sure = len(run.data.y_test) - np.trace(inspection.confusion), f"{100 * words.SURE:.0f} %"
    st.markdown(
        f"**Surest mistakes** among {len(run.data.y_test):,} test images: wrong answers that were given at least {sure}." if mistakes
        else f"No wrong answer was given {sure}." if wrong else "**No mistakes** among the test images."
    )
    row([(picture, said, f"Test digit, {said}") for picture, said in mistakes])


def show_cell(run: TrainingRun, truth: int, answer: int) -> None:
    """The images of a cell that the network, as it stands, is surest of."""
    found = run.cells()
    if found is None:  # the server took its memory meanwhile
        return
    count, listed = int(found.counts[truth, answer]), [int(i) for i in found.images[truth, answer] if i >= 0]
    said = f"**True digit {truth}, read as {answer}:** {count:,} test image{'s' * (count != 1)}. "
    if count:
        said += f"Shown are the {len(listed)} that the network is surest of. " if count > len(listed) else ""
        said += "Below each stands the probability of this answer. "
    more = run.latest.step - run.evaluated_at[-1]
    if more:
        said += f"The matrix was counted {more:,} step{'s' * (more > 1)} ago. These images are as the network reads them now."
    st.markdown(said.strip())
    shown = []
    for i, p in zip(listed, found.certainty[truth, answer], strict=False):
        digit = pictures.digit_picture(run.data.x_test[i], run.data.image_shape, run.data.pixel_max)
        shown.append((digit, f"{100 * p:.1f} %", f"Test digit {truth}, read as {answer} with {100 * p:.1f} %"))
    row(shown)


def row(shown: list[tuple[str, str, str]]) -> None:
    """Pictures side by side, each with its caption and with what is said of it to those who hear it."""
    with st.container(horizontal=True):
        for picture, caption, said in shown:
            st.image(picture, caption=caption, width=84, alt=said)
