"""MNIST training: the run, its pictures and sentences, and the page around them, without a browser."""

import base64
import dataclasses
import io
import itertools
import threading
import time

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine import Evaluation, load_digits
from engine.initializers import INITIALIZERS
from engine.training import Inspection
from pages.parts.mnist_training import PAGE, pictures, training
from pages.parts.mnist_training import run as run_module
from pages.parts.mnist_training.common import ALL, TABLE, describe, hidden, sizes
from pages.parts.mnist_training.kept import Kept
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared import capacity, layout
from pages.shared.control import Values
from pages.shared.encodings import SENT, floor_of
from tests.pages import golden
from tests.pages.helpers import asked, assert_charts_get_their_tables, fix_of, open_part, printed, told, verdict_of

pytestmark = pytest.mark.usefixtures("without_mnist")
PART = PAGE.parts[0]
DEFAULTS = {control.name: control.default for control in PART.all_controls}
EVALUATIONS = [(1.0, Evaluation(0.5, 0.9, 0.6, 0.8)), (2.0, Evaluation(np.inf, 0.1, np.nan, 0.1))]


def training_run(**changed) -> TrainingRun:
    v = Values(**DEFAULTS | changed)
    return TrainingRun(TrainingSettings.of(v, load_digits()), load_digits(), v.rate)


def finish(run: TrainingRun) -> TrainingRun:
    run.status = "running"
    while run.status != "finished":
        run.advance()
    return run


def run_of(app: AppTest) -> TrainingRun:
    return app.session_state["mnist_run"]


def earlier(app: AppTest) -> list[Kept]:
    key = "mnist_run_earlier"
    return app.session_state[key] if key in app.session_state else []   # noqa: SIM401  (it has no get)


# The run ------------------------------------------------------------------------------------------------------------


def test_the_page_trains_the_digits_to_97_percent_with_its_defaults():
    run = finish(training_run())
    assert run.evaluations[-1][1].test_accuracy >= 0.97
    assert np.trace(run.inspection.confusion) / run.inspection.confusion.sum() == pytest.approx(run.evaluations[-1][1].test_accuracy)


def test_a_run_gives_the_same_numbers_however_it_is_sliced(monkeypatch):
    monkeypatch.setattr(TrainingRun, "_affordable", lambda run, step: True)   # after every epoch, however busy the machine
    sliced, whole = training_run(epochs=3), finish(training_run(epochs=3))
    sliced.status = "running"
    while sliced.status != "finished":
        sliced.advance(0)   # one step at a time
    assert sliced.evaluations == whole.evaluations
    assert sliced.network.theta.tobytes() == whole.network.theta.tobytes()


def test_a_large_network_is_kept_only_while_it_trains_and_gives_the_same_numbers(monkeypatch):
    small = finish(training_run(epochs=1))
    monkeypatch.setattr(TrainingRun, "LARGE", 0)
    with monkeypatch.context() as looked_at:
        looked_at.setitem(run_module.OPTIMIZERS, "adam", None)   # three more copies of the weights, which nobody needs yet
        large = training_run(epochs=1)
    assert large.network is large.optimizer is None
    assert (large.held, large.parameters, large.spread) == (0, small.parameters, small.spread)
    assert large.looks()   # what a page shows of it before the first step
    assert large.network is None
    finish(large)
    assert large.evaluations == small.evaluations
    assert large.network.theta.tobytes() == small.network.theta.tobytes()


def test_a_run_that_is_closed_while_its_verdict_is_sought_ends_without_one(monkeypatch):
    """Its visitor has left, and another one needs the memory."""
    run = finish(training_run(epochs=1))
    monkeypatch.setattr(training, "judge", lambda *_, inside, **__: (run.close(), inside())[1])
    assert training.read(run).kind == "closed"
    assert training.read(run).kind == "closed"
    monkeypatch.setattr(training, "judge", lambda *_, **__: None.nothing)   # an error of a run that is there is no excuse
    with pytest.raises(AttributeError):
        training.read(finish(training_run(epochs=1)))


def test_a_runs_history_is_bounded_and_keeps_the_mean():
    run, seen = training_run(epochs=20, batch=5), []
    record = run.record
    run.record = lambda result: (seen.append((result.epoch, result.loss)), record(result))
    finish(run)
    assert len(seen) == run.steps > 10 * TrainingRun.LONGEST
    assert len(run.batches) <= TrainingRun.LONGEST
    epochs = [epoch for epoch, _, _ in run.batches]
    assert epochs == sorted(epochs)
    assert len(run.evaluations) == 20
    first = [loss for epoch, loss in seen if epoch <= epochs[9]]
    assert np.mean([loss for _, loss, _ in run.batches[:10]]) == pytest.approx(np.mean(first), rel=0.05)


def test_a_learning_rate_of_100_ends_in_a_sentence_and_finite_weights():
    run = finish(training_run(rate=100.0, optimizer="sgd", activation="identity"))
    assert "Diverged at step" in run.latest.diverged
    assert np.isfinite(run.network.theta).all()
    assert run.latest.evaluation is not None


def test_stepping_past_the_end_changes_nothing():
    run = finish(training_run(epochs=1))
    before = run.network.theta.copy()
    run.advance(0)
    run.advance()
    assert np.array_equal(run.network.theta, before)
    assert len(run.evaluations) == 1


def test_a_run_is_described_by_its_shape_and_by_what_is_no_default():
    settings = training_run(dropout=0.2, images=300, input_norm=True, normalize="standardize", seed=7).settings
    assert describe(settings, 0.01) == (
        "2 × 100 · ReLU · He normal · Adam · η = 0.01 · Dropout rate 0.2 · Training images 300 · Batch norm on the input · "
        "Input normalisation Standardize each pixel · Seed 7"
    )
    assert describe(training_run().settings, 1e-3) == "2 × 100 · ReLU · He normal · Adam · η = 0.001"


def test_a_run_is_made_from_all_controls_but_the_learning_rate_which_is_live():
    assert {field.name for field in dataclasses.fields(TrainingSettings)} == {"hidden"} | set(TABLE) - {"rate", "depth", "width", "layers"}


@pytest.mark.parametrize("changed", [
    {},
    {"initializer": "lsuv", "batch_norm": "after", "dropout": 0.2, "l2": 1e-3, "schedule": "cosine", "optimizer": "nesterov"},
    {"images": 20, "batch": 128, "l1": 1e-4, "input_norm": True, "activation": "rrelu", "normalize": "standardize"},
    {"shift": 2, "optimizer": "adamw", "decay": 0.3, "schedule": "linear", "batch": 100},
])
def test_the_script_of_the_page_prints_the_numbers_of_the_page(changed):
    run = finish(training_run(epochs=2, **changed))
    assert printed(run) == told(run)


def test_a_learning_rate_that_was_changed_on_the_way_stands_in_the_script():
    run = training_run(epochs=2)
    for _ in range(50):
        run.advance(0)
    run.set_rate(0.03)
    finish(run)
    assert printed(run)[-1].endswith(f"test loss {run.evaluations[-1][1].test_loss:.4f}")
    unchanged = finish(training_run(epochs=2))
    assert unchanged.evaluations[-1] != run.evaluations[-1]


def test_a_learning_rate_that_is_changed_in_the_middle_of_a_step_waits_for_its_end():
    """A slider that moves starts a second thread of the same session, while the first one trains and evaluates."""
    run = training_run(epochs=12, rate=1e-4)
    run.press(pause=False)
    worker = threading.Thread(target=lambda: [run.advance(0.05) for _ in range(10_000) if run.status != "finished"])
    worker.start()
    for i in itertools.count():
        if not worker.is_alive():
            break
        run.set_rate((1e-4, 1e-3, 3e-3)[i % 3])
        time.sleep(0.003)
    assert len(run.rates) > 5
    assert printed(run)[-1].endswith(f"test loss {run.evaluations[-1][1].test_loss:.4f}")


@pytest.mark.parametrize(("training", "reading"), [(0.005, 0.09), (0.02, 0.02), (0.08, 0.01), (0.3, 0.2), (1.0, 0.1), (10.0, 1.0)])
def test_reading_all_images_takes_no_longer_than_training_and_happens_four_times_a_second_unless_it_is_cheap(training, reading, monkeypatch):
    """A clock by hand: so many seconds for each epoch, and so many for each evaluation."""
    now, run = [100.0], training_run(epochs=200)
    monkeypatch.setattr(run_module.time, "perf_counter", lambda: now[0])
    read_at = []
    for epoch in range(1, 201):
        now[0] += training
        run.image_seconds += training
        if epoch == 200 or run._affordable(epoch):
            read_at.append(now[0])
            now[0] += reading
            run._read_seconds += reading
            run.evaluations.append(EVALUATIONS[0])
    assert len(read_at) * reading <= 200 * training + 1e-9
    assert len(read_at) <= 4 * (now[0] - 100) + 0.5 * 200 * training / reading + 2
    assert read_at[0] == 100 + training   # the first epoch is told at once


def test_the_script_reads_the_images_where_the_page_did():
    run = training_run(epochs=60, images=20)   # epochs of a millisecond
    finish(run)
    assert len(run.evaluations) < 60
    assert run.evaluations[0][0] == 1
    assert run.evaluations[-1][0] == 60
    assert printed(run) == told(run)
    again = finish(training_run(epochs=60, images=20))   # when the clock asks for it depends on the machine, what it finds does not
    both = dict(run.evaluations).keys() & dict(again.evaluations).keys()
    assert {1.0, 60.0} <= both
    assert all(dict(run.evaluations)[epoch] == dict(again.evaluations)[epoch] for epoch in both)


# The verdict --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", [
    {"rate": 100.0, "optimizer": "sgd"}, {"rate": 100.0, "optimizer": "sgd", "activation": "leaky_relu"},
    {"depth": 5, "initializer": "normal", "gain": 0.01, "optimizer": "sgd", "rate": 0.1}, {"images": 20, "epochs": 100},
    {"initializer": "zeros"}, {"initializer": "constant", "gain": 0.1}, {"rate": 100.0, "optimizer": "sgd", "schedule": "cosine"},
    {"rate": 1e-5, "optimizer": "sgd", "epochs": 5}, {"rate": 100.0, "optimizer": "sgd", "schedule": "step"},
])
def test_the_fix_that_a_bad_run_is_offered_does_cure_it(changed):
    """What stands in the verdict is applied to the same settings, and the same verdict does not come again."""
    first = training.read(finish(training_run(**changed)))
    assert first.kind in ("stuck", "diverged", "overfitting", "symmetric")
    assert first.fix
    cure = {name: TABLE[name].take(value) for name, value in first.fix.items()}
    assert all(TABLE[name].read([TABLE[name].write(value)]) == value for name, value in cure.items())   # what the control can be set to
    assert training.read(finish(training_run(**changed | cure))).kind in ("good", "learning")


def test_the_fix_stands_below_the_verdict_moves_the_controls_and_makes_a_new_run():
    app = open_part(PAGE, PART, epochs=1, initializer="normal", gain=0.01, depth=5, optimizer="sgd", rate=0.1)
    assert fix_of(app) is None
    bad = finish(run_of(app))
    app.run()
    assert "guessing has ln 10" in verdict_of(app)
    fix = fix_of(app)
    assert fix.label == "Apply the fix: Batch norm = Before"
    fix.click().run()
    assert run_of(app) is not bad
    assert run_of(app).settings.batch_norm == "before"
    assert app.query_params["mnist_batch_norm"] == "before"
    assert [(one.number, one.settings["initializer"], one.settings["gain"]) for one in earlier(app)] == [(1, "normal", 0.01)]


def test_a_finished_run_of_20_images_is_offered_all_of_them():
    app = open_part(PAGE, PART, epochs=50, images=20)
    finish(run_of(app))
    app.run()
    assert fix_of(app).label == "Apply the fix: Training images = all"
    fix_of(app).click().run()
    assert run_of(app).settings.images == ALL
    assert "mnist_images" not in app.query_params


def try_line(words: str) -> dict:
    return next(line.settings for line in PART.try_next if words in line.text)


def test_batch_norm_teaches_ten_layers_in_the_first_epoch_what_they_do_not_learn_without():
    without, with_it = (finish(training_run(epochs=1, **try_line(words))) for words in ("Ten hidden layers", "same ten layers with batch norm"))
    assert without.evaluations[0][1].test_accuracy < 0.7
    assert with_it.evaluations[0][1].test_accuracy > 0.8


def test_20_images_are_learned_by_heart_while_the_test_curve_stays_low():
    run = finish(training_run(**try_line("20 training images")))
    assert run.evaluations[-1][1].train_accuracy == 1
    assert run.evaluations[-1][1].test_accuracy < 0.5


# Tables and charts --------------------------------------------------------------------------------------------------


def with_history(batches=(), evaluations=()) -> TrainingRun:
    run = training_run()
    run.batches, run.evaluations = list(batches), list(evaluations)
    return run


def test_an_empty_history_is_an_empty_table_with_the_same_columns():
    assert list(training.curves(with_history()).columns) == list(training.curves(with_history([(1.0, 2.0, 0.5)], EVALUATIONS)).columns)
    assert training.curves(with_history()).empty


def test_no_loss_is_clipped_and_those_without_a_place_on_a_log_axis_are_marked_where_they_leave():
    frame = training.curves(with_history([(1.0, 0.0, 1.0), (2.0, 1.2e-5, 1.0), (3.0, 1.2e32, 0.1)], EVALUATIONS))
    assert list(frame["off"]) == [-1, 0, 0, 0, 0, 1, 1]
    assert frame["loss"].isna().sum() == 3
    assert training.decades(frame["loss"]) == (-5, 33)
    assert training.decades(training.curves(with_history())["loss"]) == (-3, 1)


def test_a_full_history_stays_under_2000_marks_and_60_kilobytes():
    frame = training.curves(with_history([(0.1 * i, 1.0, 0.5) for i in range(400)], EVALUATIONS * 150))
    assert len(frame) == 1000
    assert frame.drop(columns="series").memory_usage(index=False, deep=True).sum() < 60_000


@pytest.mark.parametrize(("measure", "ends"), [("loss", [1e-3, 10]), ("accuracy", [0, 1])])
def test_axes_do_not_move_with_the_data(measure, ends):
    spec = training.training_curve(measure, 30, 10)
    first = spec["layer"][0]["encoding"]
    assert first["x"]["scale"]["domain"] == [0, 30]
    assert first["y"]["scale"]["domain"] == ends
    assert {(layer.get("data") or spec["data"])["name"] for layer in spec["layer"][:3]} == {SENT.name}   # they draw what is sent along


def test_dots_of_many_evaluations_leave_the_dashed_line_its_dashes():
    for few, opacity in ((True, 0.7), (False, 0)):
        spec = training.training_curve("loss", 30, 10, few=few)
        (dots,) = [layer for layer in spec["layer"] if layer["mark"].get("type") == "point" and "tooltip" in layer["encoding"]]
        assert dots["mark"]["opacity"] == opacity


@pytest.mark.parametrize(("lowest", "floor"), [(0.1, 0), (0.93, 0.9), (0.97, 0.95)])
def test_the_accuracies_fill_their_axis_and_it_says_where_it_begins(lowest, floor):
    spec = training.training_curve("accuracy", 30, 10, floor=floor_of(lowest))
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [floor, 1]
    assert (f"begins at {100 * floor:.0f} %" in spec["title"].get("subtitle")) == bool(floor)
    guesses = [layer for layer in spec["layer"] if layer["mark"].get("type") == "rule" and "strokeWidth" not in layer["mark"]]
    assert len(guesses) == (not floor)   # a tenth is not on an axis that begins above it


def inspection() -> Inspection:
    return Inspection(np.diag([5] * 9 + [0]), np.array([0]), np.array([3]), np.array([0.9]))


def test_confusion_shares_are_of_the_true_class_and_an_absent_class_is_no_error():
    frame = pictures.counts(inspection())
    assert frame["images"].sum() == 45
    assert set(frame.loc[frame.truth == frame.answer, "share"]) == {1.0, 0.0}
    assert set(frame.columns) >= {"truth", "answer", "images", "share"}


def opened(picture: str) -> np.ndarray:
    """Pixels of a data URI."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.removeprefix("data:image/png;base64,")))))


def test_weights_are_drawn_blue_for_positive_orange_for_negative_and_grey_for_zero():
    weights = np.zeros((4, 3))
    weights[0, 0], weights[1, 0], weights[:, 2] = 2.0, -2.0, np.nan
    picture = opened(pictures.weight_picture(weights, (2, 2), columns=3))
    step = picture.shape[1] // 8   # three tiles of two pixels, two gaps
    positive, negative, zero = picture[0, 0], picture[0, step], picture[step, 0]
    assert positive[2] > positive[0]
    assert negative[0] > negative[2]
    assert np.ptp(zero.astype(int)) < 5


def test_ink_is_dark_on_white():
    picture = opened(pictures.digit_picture(np.array([0, 16, 0, 16]), (2, 2), 16))
    assert picture[0, 0] == 255
    assert picture[0, -1] == 0


def test_the_surest_mistakes_say_what_was_taken_for_what():
    ((picture, said),) = pictures.mistakes(load_digits(), inspection())
    assert said == f"{load_digits().y_test[0]} read as 3 (90 %)"
    assert opened(picture).shape == (96, 96)


# The page -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "name", "value"), [
    ("mnist_batch=1000", "batch", 1000), ("mnist_batch=1,000", "batch", 1000), ("mnist_images=10000", "images", 10_000),
    ("mnist_images=10%2C000", "images", 10_000), ("mnist_images=all", "images", ALL), ("mnist_l1=0.000001", "l1", 1e-6),
    ("mnist_schedule=Warm-up", "schedule", "warmup"), ("mnist_schedule=Step", "schedule", "step"), ("mnist_shift=1", "shift", 1),
    ("mnist_normalize=Standardize+each+pixel", "normalize", "standardize"),
])
def test_links_carry_plain_numbers_and_keys_and_old_ones_labels(query, name, value):
    app = golden.open_link(f"mnist_training?{query}")
    assert not app.warning
    assert getattr(run_of(app).settings, name) == value


@pytest.mark.parametrize(("query", "widths", "said"), [
    ("mnist_depth=3&mnist_width=20", (20, 20, 20), "3 × 20"), ("mnist_depth=0", (), "no hidden layer"),
    ("mnist_layers=300,+100", (300, 100), "300–100"),
    ("mnist_depth=3&mnist_layers=5+x+10", (10,) * 5, "5 × 10"), ("mnist_width=20&mnist_layers=5+xx+10", (20, 20), "2 × 20"),
])
def test_hidden_layers_are_those_that_are_typed_or_else_those_of_the_sliders(query, widths, said):
    app = golden.open_link(f"mnist_training?{query}")
    assert run_of(app).settings.hidden == widths
    assert [w.shape[1] for w in run_of(app).network.weights] == [*widths, 10]
    assert describe(run_of(app).settings, 0.1).startswith(f"{said} · ")
    captions = [caption.value for caption in app.sidebar.caption]
    assert any("This cannot be read: entry 1 must be units" in caption for caption in captions) == ("xx" in query)
    assert (f"Hidden layers: {', '.join(map(str, widths))}." in captions) == ("layers" in query and "xx" not in query)
    app.button(key="mnist_run_step").click().run()
    assert not app.exception


def test_a_network_of_any_widths_has_a_script_of_its_own():
    for changed in ({"layers": "30, 20, 10"}, {"depth": 0}, {"depth": 1, "width": 20}):
        run = finish(training_run(epochs=1, **changed))
        assert printed(run) == told(run)


@pytest.mark.parametrize("text", ["0.00001", "1e-05"])
def test_a_learning_rate_is_read_as_a_plain_number(text):
    app = golden.open_link(f"mnist_training?mnist_rate={text}")
    assert not app.warning
    assert run_of(app).learning_rate == 1e-5


@pytest.mark.parametrize("query", [
    {"mnist_depth": "--5"}, {"mnist_seed": "9" * 5000}, {"mnist_depth": ""}, {"mnist_rate": "nan"}, {"mnist_input_norm": "maybe"},
], ids=lambda query: str(query)[:40])
def test_nonsense_in_a_link_is_a_sentence_and_never_a_traceback(query):
    app = golden.open_link("mnist_training?" + "&".join(f"{key}={value}" for key, value in query.items()))
    assert not app.exception
    assert any("which is not possible here" in warning.value for warning in app.warning)
    assert run_of(app).settings == training_run().settings


def test_a_batch_larger_than_the_data_becomes_all_of_it_and_the_page_says_so():
    app = open_part(PAGE, PART, images=20, batch=128)
    assert any("Batch size 128 is more than the 20 training images" in caption.value for caption in app.caption)
    assert run_of(app).batch_size == 20


def test_without_mnist_the_page_says_why_and_offers_the_digits():
    app = open_part(PAGE, PART, data="mnist")
    assert any("MNIST could not be read" in warning.value for warning in app.warning)
    assert "nowhere" not in " ".join(warning.value for warning in app.warning)   # a folder of the server is not a visitor's matter
    assert "MNIST is not on this server: the digits are used." in [caption.value for caption in app.sidebar.caption]
    assert run_of(app).data.name == "Digits"
    assert "load_digits()" in golden.script_of(app)


def test_mnist_that_arrives_makes_a_new_run(monkeypatch):
    app = open_part(PAGE, PART, data="mnist")
    ready = run_of(app)
    monkeypatch.setattr(layout, "load_mnist", lambda progress: None)
    monkeypatch.setattr(layout, "mnist", lambda: dataclasses.replace(load_digits(), name="MNIST"))
    next(button for button in app.button if button.label == "Try again").click().run()
    assert run_of(app) is not ready
    assert run_of(app).data.name == "MNIST"
    assert not any("on this server" in caption.value for caption in app.sidebar.caption)
    assert "load_mnist()" in golden.script_of(app)


def test_new_settings_make_a_new_run_only_when_none_is_under_way():
    app = open_part(PAGE, PART)
    ready = run_of(app)
    app.session_state["mnist_depth"] = 3
    app.run()
    assert run_of(app) is not ready
    app.button(key="mnist_run_step").click().run()
    under_way = run_of(app)
    app.session_state["mnist_depth"] = 4
    app.run()
    assert run_of(app) is under_way
    assert any("This run keeps its own" in info.value for info in app.info)
    app.button(key="mnist_run_reset").click().run()
    assert run_of(app).settings.hidden == (100,) * 4


def test_the_learning_rate_changes_without_starting_over():
    app = open_part(PAGE, PART)
    app.button(key="mnist_run_step").click().run()
    run = run_of(app)
    app.session_state["mnist_rate"] = 0.01
    app.run()
    assert run_of(app) is run
    assert not app.info
    app.button(key="mnist_run_step").click().run()
    assert run.latest.learning_rate == 0.01


MOVED = {"rate": 0.01, "depth": 3, "epochs": 2, "seed": 5, "layers": "20, 10", "batch_norm": "before"}


@pytest.mark.parametrize(("name", "value"), MOVED.items())
def test_a_finished_run_stays_on_the_screen_when_a_control_is_moved_until_start_trains_the_new_settings(name, value):
    app = open_part(PAGE, PART, epochs=1)
    done = finish(run_of(app))
    app.run()
    assert not app.info
    assert app.button(key="mnist_run_start").disabled
    charts, script = len(app.get("vega_lite_chart")), golden.script_of(app)
    app.session_state[f"mnist_{name}"] = value
    app.run()
    assert run_of(app) is done
    assert done.learning_rate == 0.001
    assert (len(app.get("vega_lite_chart")), golden.script_of(app)) == (charts, script)
    assert "These charts are of the run with 2 × 100 · ReLU" in app.info[0].value
    assert not app.button(key="mnist_run_start").disabled
    app.session_state[f"mnist_{name}"] = DEFAULTS[name] if name != "epochs" else 1
    app.run()
    assert not app.info   # its own settings again
    app.session_state[f"mnist_{name}"] = value
    app.run()
    app.button(key="mnist_run_start").click().run()
    assert run_of(app) is not done
    assert run_of(app).latest   # it has begun
    assert run_of(app).settings == TrainingSettings.of(Values(**DEFAULTS | {"epochs": 1, name: value}), load_digits())
    assert [(one.number, one.settings["rate"]) for one in earlier(app)] == [(1, "0.001")]
    assert run_of(app).number == 2


def test_a_run_that_trains_further_is_the_run_that_was_longer_from_the_beginning():
    """To the byte: weights, running statistics and what is read; dropout, batch norm and an optimizer with a memory are part of it."""
    mixed = {"dropout": 0.2, "batch_norm": "before", "optimizer": "nesterov", "rate": 0.01}
    for changed in (mixed, {"activation": "rrelu", "images": 100, "batch": 30}):
        short, whole = finish(training_run(epochs=1, **changed)), finish(training_run(epochs=3, **changed))
        for epochs in (2, 3):
            short.further(epochs)
            assert short.status == "running"
            finish(short)
        assert short.settings == whole.settings
        assert short.network.theta.tobytes() == whole.network.theta.tobytes()
        assert short.network.running.tobytes() == whole.network.running.tobytes()
        assert short.looks()[-1].step == whole.looks()[-1].step == whole.steps
        assert np.array_equal(short.looks()[-1].update, whole.looks()[-1].update)
        both = dict(short.evaluations).keys() & dict(whole.evaluations).keys()
        assert {1.0, 3.0} <= both
        assert all(dict(short.evaluations)[epoch] == dict(whole.evaluations)[epoch] for epoch in both)
        assert printed(short) == told(short)


def test_train_further_stands_beside_a_finished_run_and_takes_its_epochs_into_the_link():
    app = open_part(PAGE, PART, epochs=1, images=100)
    assert not [button for button in app.button if button.label.startswith("Train further")]
    run = finish(run_of(app))
    app.run()
    assert app.button(key="mnist_run_further_2").label == "Train further, to 2 epochs"
    app.session_state["mnist_epochs"] = 5
    app.run()
    assert "These charts" in app.info[0].value
    app.button(key="mnist_run_further_5").click().run()
    assert asked(app, "mnist_epochs") == "5"
    assert finish(run_of(app)) is run
    app.run()
    assert not app.info
    assert run.evaluations[-1][0] == 5
    assert "epochs=5" in golden.script_of(app)
    for name, value in (("depth", 3), ("epochs", 2)):   # other settings, or fewer epochs
        app.session_state[f"mnist_{name}"] = value
        app.run()
        assert not [button for button in app.button if button.label.startswith("Train further")]
        app.session_state[f"mnist_{name}"] = DEFAULTS[name] if name != "epochs" else 5


def test_a_run_under_a_schedule_or_after_an_overflow_cannot_go_on():
    for changed in ({"schedule": "cosine"}, {"rate": 100.0, "optimizer": "sgd", "activation": "identity"}):
        run = finish(training_run(epochs=1, images=100, **changed))
        before = run.network.theta.tobytes()
        run.further(3)
        assert (run.status, run.settings.epochs, run.network.theta.tobytes()) == ("finished", 1, before)


def test_an_optimizer_brings_its_usual_rate_which_is_said_and_can_be_taken_back():
    app = open_part(PAGE, PART, rate=0.03)
    said = "SGD came with its usual learning rate, η = 0.1. Before, η was 0.03."
    app.selectbox(key="mnist_optimizer").set_value("sgd").run()
    assert run_of(app).learning_rate == app.session_state["mnist_rate"] == 0.1
    assert said in [caption.value for caption in app.caption]
    assert asked(app, "mnist_rate") == "0.1"
    app.button(key="mnist_rate_back").click().run()
    assert run_of(app).learning_rate == 0.03
    assert said not in [caption.value for caption in app.caption]
    linked = open_part(PAGE, PART, optimizer="sgd")   # a link says what it means
    assert run_of(linked).learning_rate == 0.001


def test_a_run_under_way_keeps_its_rate_when_another_optimizer_is_chosen():
    app = open_part(PAGE, PART)
    app.button(key="mnist_run_step").click().run()
    app.selectbox(key="mnist_optimizer").set_value("sgd").run()
    app.button(key="mnist_run_step").click().run()
    assert run_of(app).latest.learning_rate == 0.001


def test_a_finished_run_shows_its_curves_and_which_digits_get_mixed_up_and_stays_in_the_list_after_reset():
    app = open_part(PAGE, PART, epochs=2)
    assert "Press **Start**" in verdict_of(app)
    assert len(app.get("vega_lite_chart")) == 3
    finish(run_of(app))
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 4
    assert_charts_get_their_tables(app)
    assert "after 2 epochs" in verdict_of(app).lower()
    assert any("Surest mistakes" in words.value for words in app.markdown)
    assert app.header[0].value != "Kept runs"
    app.button(key="mnist_run_reset").click().run()
    assert app.header[0].value == "Kept runs"
    assert app.dataframe[0].value["Run"].tolist() == [1]


def test_while_a_run_goes_on_what_is_inside_shows_and_no_fix():
    app = open_part(PAGE, PART, epochs=300, images=20, depth=5, width=500)   # more than one slice
    app.button(key="mnist_run_step").click().run()   # one step is an epoch of 20 images
    app.button(key="mnist_run_start").click().run()
    assert run_of(app).status == "running"
    assert any("Surest mistakes" in words.value for words in app.markdown)
    assert len(app.get("vega_lite_chart")) == 4
    assert fix_of(app) is None


def test_reset_repeats_the_run_and_a_new_seed_does_not():
    app = open_part(PAGE, PART)
    first = run_of(app).network.theta.copy()
    app.button(key="mnist_run_step").click().run()
    app.button(key="mnist_run_reset").click().run()
    assert np.array_equal(run_of(app).network.theta, first)
    app.button(key="mnist_run_reseed").click().run()
    assert not np.array_equal(run_of(app).network.theta, first)
    assert app.query_params["mnist_seed"] == "1"


def test_the_rule_of_an_initializer_stands_below_it():
    app = open_part(PAGE, PART, initializer="lecun_normal")
    rule = INITIALIZERS["lecun_normal"]
    assert any(f"${rule.formula}$ — {rule.source}" in caption.value for caption in app.caption)


def test_thirty_students_train_mnist_at_once_as_the_page_opens_it():
    v = Values(**{name: control.default for name, control in TABLE.items()})
    mnist = dataclasses.replace(load_digits(), x_train=np.zeros((60_000, 784), np.uint8), y_train=np.zeros(60_000, np.int64))
    assert 30 * sizes(Values(hidden=hidden(v), batch=v.batch), mnist)[1] < capacity.MOST
