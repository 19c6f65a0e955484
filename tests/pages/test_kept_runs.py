"""Kept runs: the pictures, the table and the files of what a visit has trained."""

import io
import json
import pickle

import numpy as np
import pandas as pd
import pytest

from engine import Evaluation
from engine.studies.variants import course
from pages.parts.mnist_training import PAGE, compare, kept, looks
from pages.shared import theme, workers
from pages.shared.runs import Run
from tests.pages.helpers import assert_charts_are_vega_lite, assert_charts_get_their_tables, open_part, verdict_of
from tests.pages.test_mnist_training import finish, run_of, training_run
from tests.pages.test_theme import contrast


def made_up(count: int, evaluations: int = 3) -> list[kept.Kept]:
    """Runs that differ in their seed and their width."""
    base = training_run()
    base.latest = type("Latest", (), {"step": 7})
    found = []
    for number in range(1, count + 1):
        base.number = number
        base.evaluations = [(float(i), Evaluation(1 / i, 0.8, 2 / i, 0.5 + number / 100)) for i in range(1, evaluations + 1)]
        one = kept.kept(base)
        found.append(kept.Kept(**vars(one) | {"settings": one.settings | {"seed": number, "hidden": f"{number} × 5"}}))
    return found


def test_names_at_the_ends_of_lines_can_be_read_in_light_and_in_dark():
    """They have the colours of their lines."""
    for mode, hues in zip(("light", "dark"), zip(*looks.HUES, strict=True), strict=True):
        assert len(set(hues)) == len(looks.HUES)
        assert min(contrast(hue, theme.THEME[mode]["backgroundColor"]) for hue in hues) >= 4.5


@pytest.mark.parametrize(("names", "short", "long"), [
    (["1: Adam", "12: SGD, three layers"], 2, 21), (["He", "Momentum, η = 0.01"], 9, 18),
    (["scaled to 0 … 1", "pixels as they are"], 9, 18), (["He", "1/√n"], 4, 4)])
def test_a_name_too_long_for_a_narrow_picture_is_its_number_or_two_lines(names, short, long):
    text, few, all_ = looks._in_little(names)
    assert [few, all_] == [round(14 + looks.LETTER * letters) for letters in (short, long)]
    assert ("datum.name, ': '" in text) == (": " in names[0])


@pytest.mark.parametrize("log", [False, True])
def test_names_at_the_ends_of_lines_do_not_overlap_and_move_no_further_than_needed(log):
    rng, (low, high) = np.random.default_rng(0), (1e-3, 30.0) if log else (0.0, 1.0)
    scale = np.log10 if log else np.asarray
    length = scale(high) - scale(low)
    for _ in range(300):
        count = rng.integers(1, kept.MOST + 1)
        values = rng.choice([low, high, (low + high) / 2, *(rng.uniform(low, high, 3))], count)
        found = looks.apart(values, low, high, log)
        assert (np.diff(np.sort(scale(found))) >= looks.GAP * length - 1e-9).all()
        assert low <= found.min() <= found.max() <= high
        clear = np.array([(np.abs(scale(values) - scale(v)) < length).sum() == 1 for v in values])
        assert np.allclose(found[clear], values[clear]) or count == 1
    alone = looks.apart(np.array([0.3, 0.9]), 0, 1)
    assert np.allclose(alone, [0.3, 0.9])   # what does not meet stays where it is
    met = looks.apart(np.array([0.5, 0.5]), 0, 1)
    assert np.isclose(met.mean(), 0.5)


def test_the_table_shows_the_settings_that_differ_and_what_was_reached():
    table = kept.table(made_up(3))
    assert list(table.columns) == [
        "Run", "Hidden layers", "Seed", "Best test accuracy", "at epoch", "Last train accuracy", "Last test accuracy", "Steps", "Work (s)"]
    assert table["Hidden layers"].tolist() == ["1 × 5", "2 × 5", "3 × 5"]
    assert np.allclose(table["Best test accuracy"], [0.51, 0.52, 0.53])
    assert "Seed" not in kept.table(made_up(1)).columns
    course = np.array([[1, 2, 0.3, 2, 0.4], [2, 1, 0.5, 1, 0.9], [3, 1, 0.9, 3, 0.6]], np.float32)
    fell = kept.Kept(**vars(made_up(1)[0]) | {"course": course})
    reached = kept.table([fell])[["Best test accuracy", "at epoch", "Last train accuracy", "Last test accuracy"]]
    assert reached.iloc[0].tolist() == pytest.approx([0.9, 2, 0.9, 0.6])


def test_a_run_is_named_by_what_sets_it_apart_in_words():
    runs = [kept.Kept(**vars(one) | {"settings": one.settings | {"hidden": "2 × 100"}}) for one in made_up(2)]
    assert kept.named(runs) == ("1: seed 1", "2: seed 2")
    assert kept.named(made_up(2), 60) == ("1: 1 × 5, seed 1", "2: 2 × 5, seed 2")
    assert kept.named(made_up(1)) == ("1",)


def test_a_run_is_kept_with_its_own_numbers():
    run = training_run(epochs=2, images=300, batch=1000)
    assert kept.kept(run) is None
    run.set_rate(0.01)
    finish(run)
    one = kept.kept(run)
    assert one.course.tolist() == [[np.float32(x) for x in (epoch, *vars(e).values())] for epoch, e in run.evaluations]
    assert (one.settings["images"], one.settings["batch"], one.settings["rate"], one.settings["data"]) == (300, 300, "0.01", "Digits")
    assert (one.steps, one.parameters) == (2, run.network.theta.size)


def test_the_files_hold_every_setting_and_units_and_null_for_what_is_no_number():
    runs = made_up(2)
    runs[0].course[1, 1] = np.nan
    csv = pd.read_csv(io.StringIO(kept.as_csv(runs)))
    assert csv["run"].tolist() == [1, 2]
    wanted = {"dataset", "hidden layers", "learning rate", "seed", "dropout", "work (s)", "best test accuracy (share)", "last test loss (nats)"}
    assert wanted <= set(csv.columns)
    assert np.allclose(csv["last test accuracy (share)"], [0.51, 0.52])
    found = json.loads(kept.as_json(runs), parse_constant=lambda word: pytest.fail(word))
    assert found[0]["evaluations"][1]["train_loss"] is None
    last = {"epoch": 3, "train_loss": 1 / 3, "train_accuracy": 0.8, "test_loss": 2 / 3, "test_accuracy": 0.52}
    assert found[1]["evaluations"][2] == pytest.approx(last, rel=1e-6)
    assert found[1]["settings"]["seed"] == 2


def test_thirty_kept_runs_take_little_memory_and_the_page_draws_ten_at_the_most():
    app = open_part(PAGE, PAGE.parts[0], images=20, epochs=1)
    thirty = made_up(30, evaluations=300)
    assert len(pickle.dumps(thirty)) < 1e6
    app.session_state["mnist_run_earlier"] = thirty
    app.session_state["_mnist_shown"] = list(range(1, 11))
    app.run()
    assert not app.exception
    assert_charts_are_vega_lite(app)
    assert_charts_get_their_tables(app)
    assert len(app.dataframe[0].value) == 30
    assert app.multiselect[0].max_selections == kept.MOST == 10
    sent = sum(len(table.data.data) for chart in app.get("vega_lite_chart") for table in chart.proto.datasets)
    assert sent < 300_000
    run = finish(run_of(app))
    app.run()
    assert app.dataframe[0].value["Run"].tolist() == list(range(31, 0, -1))
    app.button(key="mnist_run_reset").click().run()
    assert [one.number for one in app.session_state["mnist_run_earlier"]] == list(range(2, 32))
    assert type(run).remembered == 30
    assert Run.remembered == 8


def test_the_runs_in_the_picture_are_chosen_and_stay_chosen():
    app = open_part(PAGE, PAGE.parts[0])
    bare = len(app.get("vega_lite_chart"))
    app.session_state["mnist_run_earlier"] = made_up(5)
    app.run()
    assert app.multiselect[0].value == [2, 3, 4, 5]
    app.multiselect[0].set_value([1, 5]).run()
    app.run()
    assert app.multiselect[0].value == [1, 5]
    assert len(app.get("vega_lite_chart")) == bare + 2
    finish(run_of(app))
    app.run()
    assert app.multiselect[0].value == [1, 5, 6]   # a new one joins them
    charts = len(app.get("vega_lite_chart"))
    app.multiselect[0].set_value([]).run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == charts - 2


def test_streamlit_may_ask_for_the_name_of_a_run_that_is_in_the_picture_no_more(monkeypatch):
    """It did so once in a thousand visits, and takes nothing but text."""
    asked = []
    monkeypatch.setattr(kept.st, "multiselect", lambda label, options, format_func, **more: asked.append(format_func) or list(options))
    app = open_part(PAGE, PAGE.parts[0])
    app.session_state["mnist_run_earlier"] = made_up(2)
    app.run()
    assert not app.exception
    assert [asked[-1](number) for number in (1, 2, 7)] == [*kept.named(made_up(2), 60), "7"]


AGAIN = (
    {"images": 100, "epochs": 1},
    {"layers": "30, 20", "epochs": 2, "images": 300, "optimizer": "adamw", "decay": 0.1, "rate": 3e-3, "schedule": "linear"},
    {"depth": 0, "images": 20, "epochs": 1, "batch": 1000, "normalize": "standardize", "seed": 7},
    {"depth": 3, "width": 20, "epochs": 1, "batch_norm": "before", "input_norm": True, "dropout": 0.2, "l1": 1e-5, "l2": 1e-4, "shift": 1,
     "activation": "gelu"},
)


@pytest.mark.parametrize("changed", AGAIN)
@pytest.mark.parametrize("kept_before", [False, True])
def test_a_kept_run_is_repeated_over_seeds_with_its_own_settings(changed, kept_before, monkeypatch):
    """Its first seed in Compare is the run, had it that seed: to the byte of what it reads after its last epoch."""
    asked = []
    monkeypatch.setattr(workers, "measure_all", lambda *calls, **_: asked.extend(calls) or [call() for call in calls])
    app = open_part(PAGE, PAGE.parts[0], **changed)
    run = finish(run_of(app))
    app.run()
    if kept_before:
        app.button(key="mnist_run_reset").click().run()
        asked.clear()
        app.button(key="mnist_again_kept").click().run()
    else:
        asked.clear()
        app.button(key="mnist_again").click().run()
    assert not app.exception
    assert app.session_state["mnist_part"] == "compare"
    assert [call.keywords["seeds"] for call in asked] == [(0,), (1,), (2,)]
    (recipe,) = {call.keywords["recipe"] for call in asked}
    assert recipe.hidden == run.settings.hidden
    assert recipe.epochs == run.settings.epochs
    again = course(recipe, run.data, run.settings.seed)
    assert again.test_accuracy[-1] == run.evaluations[-1][1].test_accuracy
    assert again.train_loss[-1] == run.evaluations[-1][1].train_loss
    assert "over 3 seeds. The seed alone makes" in verdict_of(app)
    assert_charts_are_vega_lite(app)
    assert_charts_get_their_tables(app)


def test_a_run_whose_learning_rate_was_changed_on_the_way_cannot_be_repeated():
    run = training_run(epochs=2, images=300)
    run.advance(0)
    run.set_rate(0.01)
    assert kept.settings_again(kept.kept(finish(run))) == {}
    assert kept.settings_again(kept.kept(finish(training_run(epochs=1, images=300))))


@pytest.mark.parametrize(("which", "domain"), [("mean", [0.95, 1]), ("loss", [1e-3, 30])])
def test_band_and_line_of_a_comparison_share_an_axis_that_does_not_begin_at_0(which, domain):
    """A band that names no domain has one that begins at 0, and the line's would be stretched down to it."""
    spec = compare.courses_of(pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), which, ("a",), 5, 0.95)
    axes = [layer["encoding"]["y"] for layer in spec["layer"]]
    assert len(axes) >= 4
    assert all(y["scale"]["domain"] == domain for y in axes)
