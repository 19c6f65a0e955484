"""Inside: the run of the visit seen from within, and beside the curves of the part Training."""

import math
import shutil

import numpy as np
import pandas as pd
import pytest

from pages.parts.mnist_training import PAGE, layered, takeaway, training
from tests.conftest import ROOT
from tests.engine.studies.test_plain import printed
from tests.pages import golden
from tests.pages.helpers import assert_charts_are_vega_lite, assert_charts_get_their_tables, charts_of, open_part, verdict_of
from tests.pages.test_mnist_training import finish, training_run

pytestmark = pytest.mark.usefixtures("without_mnist")
INSIDE, TRAINING = PAGE.part("inside"), PAGE.part("training")


def steps(app, count: int):
    run = app.session_state["mnist_run"]
    for _ in range(count):
        run.advance(0)
    app.run()
    assert not app.exception
    assert_charts_get_their_tables(app)
    assert_charts_are_vega_lite(app)
    return run


def test_where_layers_leave_a_low_picture_their_words_stand_further_apart():
    frame = pd.DataFrame({"epoch": [0.0, 1.0] * 3, "layer": [1, 1, 2, 2, 3, 3], "grown": [1.0, 50.0] * 3})
    _, _, left = layered.lines_of(frame, "grown", apart=0.125)
    assert np.allclose(np.diff(np.log10(left["grown"])), -0.125 * 2)   # of an axis of two powers of ten


def test_a_run_too_large_to_keep_its_network_before_it_starts_shows_its_first_look():
    app = open_part(PAGE, INSIDE, epochs=3, width=20)
    app.session_state["mnist_run"].network = None
    app.run()
    assert not app.exception
    assert len(charts_of(app)) == 3   # by layer, activations, weights


@pytest.mark.parametrize("settings", [{}, {"batch_norm": "before", "input_norm": True, "rate": 3e-3}, {"depth": 0}])
def test_the_script_repeats_the_run_and_prints_its_latest_look(settings):
    app = open_part(PAGE, INSIDE, epochs=3, width=20, **settings)
    assert "one layer" in verdict_of(app) or "Before the first step" in verdict_of(app)
    assert len(charts_of(app)) == (2 if "depth" in settings else 3)   # by layer, activations, weights
    assert_printed(app, steps(app, 1))   # which needs the weights before the first step
    run = steps(app, 39)
    assert verdict_of(app).startswith("After 30 steps: ")
    assert len(charts_of(app)) == 6 + 1 + ("depth" not in settings) + 2 * ("batch_norm" in settings)
    assert_printed(app, run)


def assert_printed(app, run):
    now = run.looks()[-1]
    printed = [line.split() for line in golden.printed(golden.script_of(app)).splitlines()]
    assert printed[0][0] == "layer"
    for i, line in enumerate(printed[1:]):
        found = [float(x) for x in line[1:]]
        expected = [float(f"{getattr(now, name)[i]:.4g}") for name in printed[0][1:]]
        assert np.allclose(found, expected, rtol=1e-3, equal_nan=True)
    assert not np.isnan(now.update).any()


def test_it_is_the_run_of_the_part_training():
    app = open_part(PAGE, TRAINING, depth=3)
    assert verdict_of(app).startswith("Before the first step the signal's spread goes from")
    run = steps(app, 5)
    app.session_state["mnist_part"] = "inside"
    app.run()
    assert app.session_state["mnist_run"] is run
    assert verdict_of(app).startswith("After 3 steps: ")


def test_a_change_of_the_learning_rate_is_marked_where_it_was_made():
    app = open_part(PAGE, TRAINING, epochs=5)
    run = steps(app, 45)
    app.session_state["mnist_rate"] = 0.01
    app.run()
    marks = training.changes(run)
    assert marks["text"].tolist() == ["η = 0.01"]
    assert math.isclose(marks["epoch"][0], 1)
    assert any("marks" in {table.name for table in chart.datasets} for chart in charts_of(app))


def test_a_run_that_overflowed_says_so_and_its_looks_end_before():
    app = open_part(PAGE, INSIDE, optimizer="sgd", rate=100.0, activation="identity", epochs=5)
    run = steps(app, 60)
    assert run.status == "finished"
    assert verdict_of(app).startswith("Diverged at step")
    assert run.looks()[-1].step < run.latest.step


def test_the_plain_script_of_a_run_repeats_it_with_the_changes_of_its_rate(tmp_path):
    app = open_part(PAGE, TRAINING, epochs=2, width=20)
    run = steps(app, 10)
    run.set_rate(0.01)
    for _ in range(80):
        run.advance(0)
    assert_plain_script_repeats(run, tmp_path)


def assert_plain_script_repeats(run, folder):
    shutil.copy(ROOT / "engine" / "data" / "digits.npz", folder)
    found, read = printed(takeaway.plain_of(run), folder), dict(run.evaluations)
    assert len(found) == run.settings.epochs
    for epoch, (_, right) in enumerate(found, start=1):
        assert epoch not in read or right == pytest.approx(read[epoch].test_accuracy, abs=0.006)
    assert run.settings.epochs in read
    assert found[-1][0] == pytest.approx(run.latest.loss, rel=2e-3)


def test_the_plain_script_of_a_run_that_trained_further_at_other_rates_repeats_all_of_it(tmp_path):
    """The rate is changed before the first further step, and in the middle of the further epochs."""
    app = open_part(PAGE, TRAINING, epochs=1, width=20, images=300)
    run = steps(app, 10)
    assert run.status == "finished"
    app.session_state["mnist_rate"] = 0.01
    app.run()
    next(button for button in app.button if button.label.startswith("Train further")).click().run()
    while run.status == "running":
        app.run()
    run.further(5)
    for _ in range(13):
        run.advance(0)
    run.set_rate(0.003)
    while run.status != "finished":
        run.advance()
    assert run.rates == {0: 0.001, 10: 0.01, 33: 0.003}
    assert_plain_script_repeats(run, tmp_path)


@pytest.mark.parametrize("changed", [{"activation": "gelu"}, {"initializer": "lsuv"}, {"input_norm": True}, {"shift": 1, "normalize": "standardize"}])
def test_every_setting_of_the_page_reaches_the_plain_script(changed, tmp_path):
    run = finish(training_run(epochs=2, width=20, images=300, **changed))
    assert_plain_script_repeats(run, tmp_path)


def test_the_plain_script_is_written_when_it_is_opened(monkeypatch):
    written = []
    monkeypatch.setattr(takeaway, "plain_script", lambda **given: written.append(given) or "print(1)")
    app = open_part(PAGE, TRAINING)
    assert not written
    assert "Download the script" not in [button.label for button in app.get("download_button")]
    app.session_state["_plain"] = True
    app.run()
    assert len(written) == 1
    assert [button.label for button in app.get("download_button")].count("Download the script") == 1
    app = open_part(PAGE, TRAINING, initializer="constant")
    app.session_state["_plain"] = True
    app.run()
    assert len(written) == 1
    assert any("Constant first weights have no such script." in caption.value for caption in app.caption)
