"""Every page and every preset, run as Streamlit runs it, without a browser."""

import contextlib
import inspect
import io
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine import load_digits
from engine.studies.input_scaling import Valley
from engine.studies.layer_list import LayerList
from engine.studies.sixteen_scales import SideBySide
from engine.training import judge, train
from pages.shared import layout, runs
from pages.shared.controls import ALL, MNIST
from pages.shared.presets import PRESETS, TABLES, Preset, values_of
from pages.shared.router import PAGES
from pages.shared.runs import TrainingRun, TrainingSettings
from tests.conftest import ROOT

DEFAULTS = {name: control.default for name, control in MNIST.items() if name != "rate"}


def open_page(stem: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    return app.switch_page(f"pages/{stem}.py").run() if stem != "home" else app


def training_run(**changed) -> TrainingRun:
    rate = changed.pop("rate", 1e-3)
    return TrainingRun(TrainingSettings(**{**DEFAULTS, **changed}), load_digits(), rate)


def finish(run: TrainingRun) -> TrainingRun:
    run.status = "running"
    while run.status != "finished":
        run.advance()
    return run


@pytest.fixture(autouse=True)
def without_mnist(monkeypatch):
    """MNIST is slow to read again for every test; the pages must do without it."""
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


def tables_named(spec: dict):
    if spec.get("data"):
        yield spec["data"]["name"]
    for part in (*spec.get("layer", ()), *spec.get("vconcat", ())):
        yield from tables_named(part)


def assert_charts_get_their_tables(app: AppTest) -> None:
    """Each by its name: a table without one would be drawn by whatever layer has the only name."""
    for chart in app.get("vega_lite_chart"):
        spec, given = json.loads(chart.proto.spec), {table.name for table in chart.proto.datasets}
        assert set(tables_named(spec)) == given
        assert not chart.proto.data.data


@pytest.mark.parametrize("stem", list(PAGES))
def test_every_page_renders_with_its_defaults(stem):
    app = open_page(stem)
    assert not app.exception
    assert len(app.title) == 1
    assert_charts_get_their_tables(app)


@pytest.mark.parametrize("key", list(PRESETS))
def test_every_preset_sets_controls_that_its_page_has_and_renders(key):
    preset = PRESETS[key]
    table = {control.key: control for control in TABLES[preset.page].values()}
    for name, value in values_of(preset).items():
        assert table[name].parse(table[name].write(value)) == value, (name, value)
    app = open_page(preset.page)
    app.selectbox(key=f"_{preset.page}_preset").set_value(key).run()
    assert not app.exception
    assert_charts_get_their_tables(app)
    assert all(app.session_state[name] == value for name, value in values_of(preset).items())
    assert any(preset.look_for in caption.value for caption in app.caption)


def containers(block, path: tuple = ()):
    """(key, path of its container) of every control below a block."""
    for place, node in block.children.items():
        if hasattr(node, "children"):
            yield from containers(node, (*path, place))
        elif getattr(node, "key", None):
            yield node.key, path


@pytest.mark.parametrize("stem", [stem for stem, table in TABLES.items() if "part" in table])
def test_a_control_stays_in_one_container_whatever_part_is_shown(stem):
    """One that moves while the page still runs can lose its place in the link: Streamlit's browser side unbinds it."""
    part, homes, app = TABLES[stem]["part"], {}, open_page(stem)
    for option in part.options:
        app.session_state[part.key] = option
        for key, home in containers(app.run()._tree):
            homes.setdefault(key, set()).add(home)
        assert_charts_get_their_tables(app)
    bound = {control.key for control in TABLES[stem].values()} - {"grad_parameter"}   # beside the picture of its part
    assert bound <= set(homes)
    assert {key: paths for key, paths in homes.items() if key in bound and len(paths) > 1} == {}


def test_a_preset_that_names_no_control_is_refused():
    with pytest.raises(ValueError, match="values must name controls of mnist_training, got colour"):
        values_of(Preset("x", "mnist_training", "", {"colour": 1}))


@pytest.mark.parametrize("control", MNIST.values(), ids=list(MNIST))
def test_every_control_can_be_moved_to_both_ends(control):
    ends = (control.options[0], control.options[-1]) if control.options else control.limits or (False, True)
    app = open_page("mnist_training")
    for end in ends:
        app.session_state[control.key] = end
        app.run()
        assert not app.exception, end
        assert app.session_state[control.key] == end


def test_the_page_trains_the_digits_to_97_percent_with_its_defaults():
    run = finish(training_run())
    assert run.evaluations[-1][1].test_accuracy >= 0.97
    assert np.trace(run.inspection.confusion) / run.inspection.confusion.sum() == pytest.approx(run.evaluations[-1][1].test_accuracy)


def test_a_run_gives_the_same_numbers_however_it_is_sliced():
    sliced, whole = training_run(epochs=3), finish(training_run(epochs=3))
    sliced.status = "running"
    while sliced.status != "finished":
        sliced.advance(0)   # one step at a time
    assert sliced.evaluations == whole.evaluations
    assert sliced.network.theta.tobytes() == whole.network.theta.tobytes()


def test_a_runs_history_is_bounded_and_keeps_the_mean():
    run = finish(training_run(epochs=20, batch=5))
    assert run.steps > 10 * TrainingRun.LONGEST
    assert len(run.batches) <= TrainingRun.LONGEST
    epochs = [epoch for epoch, _, _ in run.batches]
    assert epochs == sorted(epochs)
    assert len(run.evaluations) == 20


def test_no_more_runs_work_at_once_than_the_machine_has_places(monkeypatch):
    monkeypatch.setattr(runs, "_gate", runs.threading.BoundedSemaphore(1))
    first, second = training_run(), training_run()
    with runs._gate:
        second.advance(0)
    assert second.waiting
    assert second.latest is None
    second.advance(0)
    assert second.latest.step == 1
    first.advance(0)
    assert first.latest.step == 1


@pytest.mark.parametrize("visitors", [1, 2, 4, 5, 8, 30, 60])
def test_a_full_class_ticks_slower_and_leaves_the_cores_time_for_pages(visitors, monkeypatch):
    monkeypatch.setattr(runs, "PLACES", 2)
    monkeypatch.setattr(runs, "_ticking", runs.weakref.WeakSet())
    training = [training_run() for _ in range(visitors)]
    for run in training:
        run.advance(0)
        run.status = "running"
    tick, work = runs.pace()
    assert tick == 0.25 or visitors > 4
    assert visitors / tick <= 16                    # pictures a second, each about 10 ms of one core
    assert visitors * work / tick <= 0.8 * 2 + 1e-9   # of two cores: everybody gets a slice within a tick
    assert 0.1 <= work <= 0.2
    for run in training:
        run.status = "paused"
    assert runs.pace() == (0.25, 0.2)


def test_a_run_that_is_paused_while_it_waits_for_a_core_does_not_move(monkeypatch):
    monkeypatch.setattr(runs, "_gate", runs.threading.BoundedSemaphore(1))
    run = training_run()
    run.press(False)
    with runs._gate:
        waiting = runs.threading.Thread(target=run.advance)
        waiting.start()
        run.pause()             # answers although the other thread stands at the gate
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert run.latest is None


def test_a_batch_larger_than_the_data_becomes_all_of_it_and_the_page_says_so():
    app = open_page("mnist_training", mnist_images="20", mnist_batch="128")
    assert any("Batch size 128 is more than the 20 training images" in caption.value for caption in app.caption)
    assert app.session_state["mnist_run"].batch_size == 20


def test_a_learning_rate_of_100_ends_in_a_sentence_and_finite_weights():
    run = finish(training_run(rate=100.0, optimizer="sgd", activation="identity"))
    assert "Diverged at step" in run.latest.diverged
    assert np.isfinite(run.network.theta).all()
    assert run.latest.evaluation is not None


def test_without_mnist_the_page_says_why_and_offers_the_digits():
    app = open_page("mnist_training", mnist_data="MNIST")
    assert any("MNIST_DIR names /nowhere" in warning.value for warning in app.warning)
    assert app.session_state["mnist_run"].data.name == "Digits"


def test_new_settings_make_a_new_run_only_when_none_is_under_way():
    app = open_page("mnist_training")
    ready = app.session_state["mnist_run"]
    app.session_state["mnist_depth"] = 3
    app.run()
    assert app.session_state["mnist_run"] is not ready
    app.button(key="mnist_step").click().run()
    under_way = app.session_state["mnist_run"]
    app.session_state["mnist_depth"] = 4
    app.run()
    assert app.session_state["mnist_run"] is under_way
    assert any("This run keeps its own" in info.value for info in app.info)
    app.button(key="mnist_reset").click().run()
    assert app.session_state["mnist_run"].settings.depth == 4


def test_the_learning_rate_changes_without_starting_over():
    app = open_page("mnist_training")
    app.button(key="mnist_step").click().run()
    run = app.session_state["mnist_run"]
    app.session_state["mnist_rate"] = 0.01
    app.run()
    assert app.session_state["mnist_run"] is run
    app.button(key="mnist_step").click().run()
    assert run.latest.learning_rate == 0.01


def test_a_finished_run_shows_its_curves_and_what_is_taken_for_what():
    app = open_page("mnist_training")
    app.session_state["mnist_run"] = finish(training_run())
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 3
    assert_charts_get_their_tables(app)


@pytest.mark.parametrize("thing", [Valley, LayerList, SideBySide, train], ids=lambda thing: thing.__name__)
def test_sources_are_shown_whole_without_a_parser_that_threads_must_not_share(thing, monkeypatch):
    expected = inspect.getsource(thing)
    monkeypatch.setattr("ast.parse", None)
    assert layout.source.__wrapped__(thing) == expected


def test_reset_repeats_the_run_and_a_new_seed_does_not():
    app = open_page("mnist_training")
    first = app.session_state["mnist_run"].network.theta.copy()
    app.button(key="mnist_step").click().run()
    app.button(key="mnist_reset").click().run()
    assert np.array_equal(app.session_state["mnist_run"].network.theta, first)
    app.button(key="mnist_reseed").click().run()
    assert not np.array_equal(app.session_state["mnist_run"].network.theta, first)


def test_stepping_past_the_end_and_pressing_twice_changes_nothing():
    run = finish(training_run(epochs=1))
    before = run.network.theta.copy()
    run.advance(0)
    run.advance()
    assert np.array_equal(run.network.theta, before)
    assert len(run.evaluations) == 1


@pytest.mark.parametrize("changed", [
    {},
    {"initializer": "lsuv", "batch_norm": "after", "dropout": 0.2, "l2": 1e-3, "schedule": "cosine", "optimizer": "nesterov"},
    {"images": 20, "batch": 128, "l1": 1e-4, "input_norm": True, "activation": "rrelu", "normalize": "standardize"},
])
def test_the_script_of_the_page_prints_the_numbers_of_the_page(changed):
    run = finish(training_run(epochs=2, **changed))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(runs.training_script(run), {})
    lines = [f"epoch {epoch:g}  train {e.train_accuracy:.4f}  test {e.test_accuracy:.4f}  test loss {e.test_loss:.4f}"
             for epoch, e in run.evaluations]
    assert printed.getvalue().splitlines() == lines


@pytest.mark.parametrize("changed", [
    {"rate": 100.0, "optimizer": "sgd"}, {"rate": 100.0, "optimizer": "sgd", "activation": "leaky_relu"},
    {"depth": 5, "initializer": "normal", "gain": 0.01, "optimizer": "sgd", "rate": 0.1}, {"images": 20, "epochs": 100},
    {"initializer": "zeros"}, {"initializer": "constant", "gain": 0.1}, {"rate": 100.0, "optimizer": "sgd", "schedule": "cosine"},
    {"rate": 1e-5, "optimizer": "sgd", "epochs": 5}, {"rate": 100.0, "optimizer": "sgd", "schedule": "step"},
])
def test_the_fix_that_a_bad_run_is_offered_does_cure_it(changed):
    """What stands in the verdict is applied to the same settings, and the same verdict does not come again."""
    def verdict(settings):
        run = finish(training_run(**settings))
        return judge(run.latest, run.evaluations[-1][1], run.network, run.optimizer)

    first = verdict(changed)
    assert first.kind in ("stuck", "diverged", "overfitting", "symmetric")
    cure = {"rate" if name == "learning_rate" else name: ALL if value == "all" else value for name, value in first.fix.items()}
    assert verdict({**changed, **cure}).kind in ("good", "learning")


def test_a_learning_rate_that_was_changed_on_the_way_stands_in_the_script():
    run = training_run(epochs=2)
    for _ in range(50):
        run.advance(0)
    run.set_rate(0.03)
    finish(run)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(runs.training_script(run), {})
    assert printed.getvalue().splitlines()[-1].endswith(f"test loss {run.evaluations[-1][1].test_loss:.4f}")


@pytest.mark.parametrize("query", [
    {"mnist_depth": "--5"}, {"mnist_seed": "9" * 5000}, {"mnist_depth": ""}, {"mnist_rate": "nan"}, {"mnist_input_norm": "maybe"},
], ids=lambda query: str(query)[:40])
def test_nonsense_in_a_link_is_a_sentence_and_never_a_traceback(query):
    app = open_page("mnist_training", **query)
    assert not app.exception
    assert any("which is not possible here" in warning.value for warning in app.warning)
