"""Your own digit: what is drawn, by whom it is read, and what a hostile browser sends."""

import base64

import numpy as np
import pytest

from engine import load_digits
from engine.studies.own_digit import read, shifted
from pages.parts.mnist_training import PAGE, drawing, own
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.pages import golden
from tests.pages.helpers import open_part, verdict_of

pytestmark = pytest.mark.usefixtures("without_mnist")
DIGITS = load_digits()
TRAINING = {control.name: control.default for control in PAGE.part("training").all_controls}


@pytest.mark.parametrize("sent", ["", "!", "é", "A" * 9000, "AAAA\n" * 100,
                                  *(base64.b64encode(bytes(n)).decode() for n in (10, 84 * 84, 84 * 84 + 1))])
def test_what_is_no_drawing_is_none(sent):
    assert drawing.drawn_ink(sent) is None


def drawn(image: np.ndarray, paper: int = 0) -> str:
    """A test image as the canvas would send it: how dark it is, on white paper, or on black."""
    ink = np.zeros((84, 84), np.uint8)
    ink[2:82, 2:82] = np.round(np.kron(image.reshape(8, 8), np.ones((10, 10))) * 255 / 16)
    return base64.b64encode(np.abs(ink.astype(int) - paper).astype(np.uint8).tobytes()).decode()


def open_own(**state):
    """The part as a visitor has it whose session holds this already."""
    app = open_part(PAGE, PAGE.part("own"))
    for key, value in state.items():
        app.session_state[key] = value
    return app.run()


def test_a_drawing_is_read_instead_of_the_test_image_and_stays_while_the_visitor_is_elsewhere():
    index = 11
    app = open_own(mnist_canvas_kept=drawn(DIGITS.x_test[index]))
    assert not app.exception
    assert f"Your digit: read as {own.named(DIGITS.y_test[index], '**')}" in verdict_of(app)
    before = verdict_of(app)
    app.session_state["mnist_part"] = "paths"
    app.run()
    app.session_state["mnist_part"] = "own"
    assert verdict_of(app.run()) == before


def test_what_a_hostile_browser_sends_changes_nothing():
    usual = verdict_of(open_own())
    for sent in ("A" * 12_000, "<script>", base64.b64encode(b"x" * 7055).decode()):
        app = open_own(mnist_canvas_kept=sent)
        assert not app.exception
        assert verdict_of(app) == usual


def test_a_picture_on_dark_paper_is_read_as_on_light_paper():
    light, dark = (drawing.drawn_ink(drawn(DIGITS.x_test[11], paper)) for paper in (0, 255))
    assert np.array_equal(light, dark)


def own_run(steps: int, **changed) -> TrainingRun:
    v = Values(**TRAINING | {"width": 20, "epochs": 2} | changed)
    run = TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate)
    for _ in range(steps):
        run.advance(0)
    return run


@pytest.mark.parametrize("steps", [1, 60, 90])   # before its first look at the test images, between two, after the last
def test_the_run_of_this_visit_reads_and_the_script_repeats_it(steps):
    run = own_run(steps, activation="tanh", batch_norm="before", normalize="standardize")
    app = open_own(mnist_run=run)
    assert any(f"Read by your run after {min(steps, run.steps):,} step{'s' * (steps > 1)}" in caption.value for caption in app.caption)
    expected = read(run.network, DIGITS, DIGITS.x_test[0], "standardize").probabilities
    printed = [line.split() for line in golden.printed(golden.script_of(app)).splitlines() if line[:1].isdigit()]
    assert [float(p) for _, p in printed] == pytest.approx(expected, rel=2e-3)
    assert f"read as {own.named(expected.argmax(), '**')}" in verdict_of(app)


def test_a_network_that_was_trained_on_shifted_images_is_not_told_that_it_was_not():
    image, wrong = DIGITS.x_test[0], {}
    for shift in (0, 2):
        run = own_run(45, shift=shift)
        answers = [(read(run.network, DIGITS, shifted(image, DIGITS, right), "scale").answer, right) for right in (3, 4, 5)]
        right = next(right for answer, right in answers if answer != read(run.network, DIGITS, image, "scale").answer)
        app = open_part(PAGE, PAGE.part("own"), shift_right=right)
        app.session_state["mnist_run"] = run
        wrong[shift] = verdict_of(app.run())
        assert "Without the shift it would be" in wrong[shift]
    assert ["not shifted" in wrong[shift] for shift in (0, 2)] == [True, False]


def test_a_run_that_is_closed_or_has_not_begun_leaves_the_small_network():
    for run in (own_run(0), own_run(3)):
        if run.latest:
            run.close()
        app = open_own(mnist_run=run)
        assert not app.exception
        assert any("Read by a small network" in caption.value for caption in app.caption)


def test_without_a_hidden_layer_there_is_no_picture_of_units():
    run = own_run(5, depth=0)
    app = open_own(mnist_run=run)
    assert not app.exception
    assert "Units that fired" not in verdict_of(app)
    assert not len(own.units(read(run.network, DIGITS, DIGITS.x_test[0])))
