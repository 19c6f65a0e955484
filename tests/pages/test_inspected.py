"""A cell of the confusion matrix opens its images."""

from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st

from engine.datasets import normalizer
from pages.parts.mnist_training import PAGE, inspected
from tests.pages.helpers import assert_charts_are_vega_lite, assert_charts_get_their_tables, open_part
from tests.pages.test_mnist_training import finish, run_of, training_run

pytestmark = pytest.mark.usefixtures("without_mnist")
PART = PAGE.parts[0]


def images_of(app) -> list[str]:
    """Captions of all pictures."""
    return [image.caption for row in app.get("image") for image in row.proto.imgs]


def said(app) -> str:
    return next((words.value for words in app.markdown if words.value.startswith("**True digit")), "")


def by_hand(run, truth: int, answer: int) -> list[float]:
    """Probabilities of the images of a cell, the largest first, of the network as it stands."""
    p = run.network.predict(normalizer("scale", run.data)(run.data.x_test))
    return sorted(p[(run.data.y_test == truth) & (p.argmax(axis=1) == answer), answer].tolist(), reverse=True)


def opened(app, truth: int, answer: int):
    app.selectbox(key=inspected.TRUTH).set_value(truth)
    app.selectbox(key=inspected.ANSWER).set_value(answer).run()
    assert not app.exception
    assert_charts_get_their_tables(app)
    assert_charts_are_vega_lite(app)
    return app


def test_every_cell_of_a_finished_run_opens_and_says_how_many_images_are_in_it():
    app = open_part(PAGE, PART, epochs=2)
    run = finish(run_of(app))
    app.run()
    closed, weights = len(images_of(app)), run.network.theta.copy()
    assert said(app) == ""
    assert run._cells is None   # nothing is computed before a cell is open
    for truth, answer in ((3, 3), (8, 1), (0, 7)):
        opened(app, truth, answer)
        expected = by_hand(run, truth, answer)
        count = len(expected)
        assert f"**True digit {truth}, read as {answer}:** {count} test image" in said(app)
        assert count == run.inspection.confusion[truth, answer]
        assert ("Shown are the 12" in said(app)) == (count > 12)
        assert "ago" not in said(app)
        listed = images_of(app)[1 : 1 + min(12, count)]   # after the weights
        assert listed == [f"{100 * p:.1f} %" for p in expected[:12]]
        assert len(images_of(app)) == closed + len(listed)
    assert run.network.theta.tobytes() == weights.tobytes()
    app.selectbox(key=inspected.TRUTH).set_value(None).run()
    assert said(app) == ""


def test_a_rerun_computes_nothing_again_and_the_next_step_does(monkeypatch):
    app = open_part(PAGE, PART, epochs=2)
    run = run_of(app)
    for _ in range(45):
        run.advance(0)
    run.status = "paused"
    opened(app.run(), 4, 4)
    first = run.cells()
    app.run()
    assert run.cells() is first
    assert sum(kept.nbytes for kept in vars(first).values()) < 11_000
    for _ in range(3):
        run.advance(0)
    app.run()
    assert run.cells() is not first
    assert "The matrix was counted 3 steps ago." in said(app)
    expected = by_hand(run, 4, 4)
    assert f"{len(expected)} test images" in said(app)
    assert images_of(app)[1:13] == [f"{100 * p:.1f} %" for p in expected[:12]]


def test_a_run_that_was_looked_into_goes_on_as_one_that_was_not():
    looked, plain = (training_run(epochs=2, dropout=0.2, batch_norm="before", images=300) for _ in range(2))
    for run in (looked, plain):
        for _ in range(12):
            run.advance(0)
    looked.cells()
    finish(looked), finish(plain)
    assert looked.network.theta.tobytes() == plain.network.theta.tobytes()
    assert looked.network.running.tobytes() == plain.network.running.tobytes()
    looked.close()
    assert looked.cells() is None


def test_a_running_network_opens_no_cell():
    app = open_part(PAGE, PART, epochs=300)
    app.button(key="mnist_run_start").click().run()
    assert run_of(app).status == "running"
    while not run_of(app).inspection:
        app.run()
    assert inspected.TRUTH not in {box.key for box in app.selectbox}
    assert all("Click a cell" not in words.proto.body for words in app.get("html"))
    app.button(key="mnist_run_pause").click().run()
    assert inspected.TRUTH in {box.key for box in app.selectbox}
    assert any("Click a cell" in words.proto.body for words in app.get("html"))


@pytest.mark.parametrize(("points", "cell"), [
    ([{"truth": 4, "answer": 9}], (4, 9)), ([], (None, None)), ([{"truth": 10, "answer": 1}], (7, 7)), ([{"truth": "4"}], (7, 7)),
    ([{"answer": 3}], (7, 7)), ([{"truth": -1, "answer": 0}], (7, 7)), ([{"truth": 1.5, "answer": 0}], (7, 7)), (["x"], (7, 7)),
])
def test_a_click_opens_a_cell_and_nonsense_changes_nothing(points, cell, monkeypatch):
    state = {inspected.TRUTH: 7, inspected.ANSWER: 7, inspected.MATRIX: SimpleNamespace(selection={"pick": points})}
    monkeypatch.setattr(st, "session_state", state)
    inspected.picked()
    assert (state[inspected.TRUTH], state[inspected.ANSWER]) == cell


def test_the_open_cell_is_marked():
    run = finish(training_run(epochs=1))
    marked = inspected.pictures.counts(run.inspection, (2, 5))
    assert marked.loc[marked["opened"], ["truth", "answer"]].to_numpy().tolist() == [[2, 5]]
    assert not inspected.pictures.counts(run.inspection)["opened"].any()
    assert np.array_equal(marked["images"].to_numpy().reshape(10, 10), run.inspection.confusion)
