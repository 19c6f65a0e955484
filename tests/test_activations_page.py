"""The Activations page: every part, control, preset and script; a new activation in one file; and the page in a real browser."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest

from engine.activations import ACTIVATIONS
from pages.shared import charts_activations as charts
from pages.shared.controls import ACT, ACT_PARTS, MNIST, Number, Several
from pages.shared.presets import PRESETS, link_to
from pages.shared.runs_activations import RankingRun, RankingSettings, SweepRun, SweepSettings
from pages.shared.theme import QUIET
from tests.conftest import ROOT
from tests.test_charts import contrast
from tests.test_pages import finish, open_page

PARTS = pytest.mark.parametrize("part", list(ACT_PARTS))
MEMBERS = (("relu", ()), ("tanh", ()))


def open_part(part, **values):
    return open_page("activations", act_part=ACT["part"].write(part), **{f"act_{name}": ACT[name].write(value) for name, value in values.items()})


def words(app):
    return " ".join(m.value for m in app.markdown)


@PARTS
def test_every_part_is_reached_by_a_link_and_renders(part):
    app = open_part(part)
    assert not app.exception
    assert app.session_state["act_part"] == part
    assert app.get("vega_lite_chart") or part == "ranking"   # nothing has been run yet


@PARTS
def test_every_part_shows_the_whole_table_at_once(part):
    app = open_part(part)
    app.session_state["act_set"] = app.session_state["act_rivals"] = list(ACTIVATIONS)
    app.run()
    assert not app.exception


@pytest.mark.parametrize("name", [name for name in ACT if name not in ("part", "layers", "depth", "rank_depth")])
def test_every_control_can_be_moved_to_both_ends(name):
    control = ACT[name]
    part = next((p for p, names in {
        "hand": ("x1", "x2", "w1", "w2", "w3", "w4", "w5", "w6", "t"), "curves": ("z", *(n for n in ACT if re.match("leaky|prelu|rrelu|elu", n))),
        "dying": ("rivals", "rate", "bias", "dying_depth", "dying_seed"), "ranking": tuple(n for n in ACT if n.startswith("rank_")),
        "selu": ("fixed", "mean", "variance", "fixed_initializer", "fixed_gain", "dropout", "dropout_rate"),
    }.items() if name in names), "product")
    app = open_part(part)
    ends = (control.options[0], control.options[-1]) if control.options else control.limits
    if isinstance(control, Several):
        ends = ([], list(control.options[:1]))
    for end in ends:
        app.session_state[control.key] = float(end) if isinstance(control, Number) else end
        app.run()
        assert not app.exception, end


@pytest.mark.parametrize(("part", "values"), [("selu", {"layers": 1}), ("selu", {"layers": 1000}), ("product", {"depth": 2}),
                                              ("product", {"depth": 100, "seeds": 1})])
def test_depth_goes_from_end_to_end(part, values):
    assert not open_part(part, **values).exception


@pytest.mark.parametrize("values", [{"gain": 10.0, "depth": 100, "seeds": 1}, {"gain": 0.01, "depth": 100, "seeds": 1}, {"initializer": "zeros"},
                                    {"initializer": "constant"}, {"initializer": "lsuv", "seeds": 1}])
def test_overflow_and_silence_are_drawn_and_told(values):
    app = open_part("product", **values)
    assert not app.exception
    assert "reaches layer 1 of" in words(app)
    assert "nan" not in words(app).lower()


def test_bad_values_in_a_link_are_named_and_the_defaults_used():
    app = open_page("activations", act_part="Nonsense", act_z="far", act_w1="1e99", act_set="ReLU6", act_depth="1000")
    for part, phrases in (("product", ("Part = “Nonsense”", "Activations = “ReLU6”", "Depth L = “1000”")),
                          ("curves", ("Cursor at z = “far”",)), ("hand", ("w₁ = “1e99”",))):   # said where the control is
        app.session_state["act_part"] = part
        app.run()
        assert not app.exception
        said = " ".join(warning.value for warning in app.warning)
        for phrase in phrases:
            assert phrase in said


def test_options_that_do_not_go_together_are_named_and_the_usual_ones_used():
    app = open_part("curves", set=["rrelu"], rrelu_lower=0.3, rrelu_upper=0.2)
    assert not app.exception
    assert any("RReLU: lower must be between 0 and 0.2, got 0.3" in warning.value for warning in app.warning)


SCRIPTS = [
    ("curves", {"z": 51.0, "set": ["sigmoid"], "leaky_relu_alpha": 0.2}), ("hand", {"w1": -3.0}),
    ("product", {"depth": 5, "set": ["leaky_relu"], "leaky_relu_alpha": 0.2, "gain": 2.0, "initializer": "he_normal"}),
    ("dying", {"rivals": ["relu"], "dying_depth": 2}), ("selu", {"layers": 8, "dropout_rate": 0.1, "dropout": "alpha"}),
]


@pytest.mark.parametrize(("part", "values"), SCRIPTS)
def test_the_script_of_a_part_prints_the_parts_numbers(part, values):
    app = open_part(part, **values)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(app.code[0].value, {})
    script = pd.read_csv(io.StringIO(printed.getvalue()), comment="#")
    page = app.dataframe[-1].value
    assert len(script) == len(page)
    shared = [column for column in page.select_dtypes("number") if column in script]
    assert shared
    for column in shared:
        np.testing.assert_allclose(script[column], page[column], rtol=1e-6, equal_nan=True)


def test_the_rankings_script_prints_what_the_run_measured():
    settings = RankingSettings(MEMBERS, depth=2, width=10, epochs=1, rate=0.01, seeds=2)
    run = finish(RankingRun(settings))
    from pages.shared import scripts_activations as scripts
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(scripts.ranking(settings), {})
    table = pd.read_csv(io.StringIO(printed.getvalue()))
    assert {name: list(rows["accuracy"]) for name, rows in table.groupby("activation")} == run.finals


def test_the_ranking_starts_pauses_and_forgets():
    app = open_part("ranking", set=["relu"])
    app.button(key="act_ranking_start").click().run()
    run = app.session_state["act_ranking"]
    assert run.status in ("running", "finished")
    if run.status == "running":
        app.button(key="act_ranking_start").click().run()
        assert run.status == "paused"
    done = run.done
    assert done > 0
    app.session_state["act_rank_width"] = 10
    app.run()
    app.button(key="act_ranking_reset").click().run()
    assert app.session_state["act_ranking"].settings.width == 10
    assert app.session_state["act_ranking"].done == 0


def test_a_finished_ranking_is_drawn_and_held_against_the_claim():
    app = open_part("ranking", rank_epochs=10)
    settings = RankingSettings((("selu", ()), ("sigmoid", ())), depth=20, width=30, epochs=10, rate=0.001, seeds=3)
    app.session_state["act_ranking"] = finish(RankingRun(settings))
    app.session_state["act_set"] = ["selu", "sigmoid"]
    app.run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 2
    assert "Of the claim's 1 pair, 1 as claimed" in words(app)


def test_a_ranking_is_the_same_however_it_is_sliced():
    settings = RankingSettings(MEMBERS, depth=2, width=10, epochs=2, rate=0.01, seeds=2)
    whole, sliced = finish(RankingRun(settings)), RankingRun(settings)
    assert whole.steps == RankingRun(settings).steps == whole.done
    sliced.status = "running"
    while sliced.status != "finished":
        sliced.advance(0)
    assert sliced.finals == whole.finals
    assert sliced.history == whole.history


def test_the_sweep_goes_over_both_ladders_and_finds_the_edge():
    run = finish(SweepRun(SweepSettings((("relu", ()),), rate=0.01, bias=0.0, depth=2, seed=0)))
    assert run.done == run.steps == len(run.by_rate) + len(run.by_bias)
    by_bias = {point.bias: point.off for point in run.by_bias}
    assert by_bias[-2.0] > 0.9 > 0.3 > by_bias[0.0]
    assert run.by_rate[-1].off > run.by_rate[0].off


FIXES = [("product", {"set": ["sigmoid"]}), ("dying", {}), ("dying", {"rate": 0.1, "bias": 0.0}), ("selu", {"dropout_rate": 0.1}),
         ("selu", {"fixed_initializer": "he_normal"})]


@pytest.mark.parametrize(("part", "values"), FIXES)
def test_the_fix_that_is_offered_cures_and_is_not_offered_again(part, values):
    app = open_part(part, **values)
    app.button(key="apply_fix").click().run()
    assert not app.exception
    assert "apply_fix" not in [button.key for button in app.button]


def test_the_sigmoid_reading_names_a_quarter_to_the_power_of_depth():
    app = open_part("product", set=["sigmoid"])
    assert "4⁻ᴸ = 8.7 × 10⁻¹⁹" in words(app)
    assert "× 0.236 a layer" in words(app)


def test_the_presets_of_the_notes_measurement_are_linked_and_hold_its_settings():
    app = open_part("product")
    for key in ("sigmoid_stuck", "sigmoid_scaled", "sigmoid_wide", "sigmoid_bn"):
        assert link_to(key) in words(app)
        settings = {"data": "mnist", "depth": 5, "width": 100, "images": 10_000, "batch": 100, "rate": 1.0, "epochs": 12, "activation": "sigmoid"}
        assert settings.items() <= PRESETS[key].values.items()
        asked = parse_qs(urlparse(link_to(key)).query)
        assert all(control.parse(asked[control.key][0]) == PRESETS[key].values[name] for name, control in MNIST.items() if control.key in asked)


@pytest.mark.parametrize("key", [key for key, preset in PRESETS.items() if preset.page == "activations"])
def test_a_link_to_a_preset_sets_what_the_preset_sets(key):
    query = {name: values if len(values) > 1 else values[0] for name, values in parse_qs(urlparse(link_to(key)).query).items()}
    app = open_page("activations", **query)
    assert not app.warning
    for name, value in PRESETS[key].values.items():
        assert app.session_state[f"act_{name}"] == value


def test_activations_have_colours_of_their_own_that_can_be_read_in_both_themes():
    assert len(set(charts.HUES)) == len(charts.HUES)
    assert QUIET not in charts.HUES
    for colour in charts.HUES:
        assert min(contrast(colour, "#ffffff"), contrast(colour, "#14161a")) > 3, colour


@pytest.mark.parametrize("part", ["product", "curves", "dying", "selu"])
def test_pictures_stay_small(part):
    app = open_part(part)
    app.session_state["act_set"] = list(ACTIVATIONS)
    app.run()
    for chart in app.get("vega_lite_chart"):
        assert sum(len(one.data.data) for one in chart.proto.datasets) + len(chart.proto.data.data) < 60_000


MADE_UP = r'''

def softclip(alpha: float = 0.5) -> Activation:
    """A made-up family: tanh, stretched by alpha in both directions."""
    if not 0 < alpha <= 2:
        raise ValueError(f"alpha must be above 0 and at most 2, got {alpha:g}")
    scale = float(alpha)
    return Activation("softclip", lambda z: scale * np.tanh(np.asarray(z) / scale), lambda z: _tanh_slope(np.asarray(z) / scale),
                      (), "lecun_normal", r"\alpha \tanh(z / \alpha)", {"alpha": alpha})


FAMILIES["softclip"] = softclip
ACTIVATIONS["softclip"] = softclip()
'''

TOUR = """
import numpy as np
from streamlit.testing.v1 import AppTest
from engine.activations import ACTIVATIONS
from pages.shared.controls import ACT, ACT_PARTS, MNIST, Number, Several
from pages.shared.presets import TABLES

assert list(ACTIVATIONS)[-1] == "softclip"
for table in TABLES.values():
    for control in table.values():
        if control.options and {"relu", "gelu"} <= set(control.options):
            assert "softclip" in control.options, control.key
assert "softclip_alpha" in ACT
for part in ACT_PARTS:
    app = AppTest.from_file("streamlit_app.py", default_timeout=60)
    app.query_params["act_part"] = ACT["part"].write(part)
    app.run()
    app.switch_page("pages/activations.py").run()
    for key in ("act_set", "act_rivals"):
        app.session_state[key] = ["relu", "softclip"]
    app.session_state["act_fixed"] = "softclip"
    app.session_state["act_softclip_alpha"] = 1.0
    app.run()
    assert not app.exception, part
    charts = app.get("vega_lite_chart")
    if part in ("curves", "product", "dying"):
        assert all("Softclip" in chart.proto.spec or any("Softclip".encode() in one.data.data for one in chart.proto.datasets) for chart in charts)
    if part == "curves":
        assert "Softclip" in list(app.dataframe[1].value["Activation"]), "the table of facts"
    if part == "ranking":
        from pages.shared.runs_activations import RankingRun, RankingSettings
        run = RankingRun(RankingSettings((("relu", ()), ("softclip", (("alpha", 1.0),))), 2, 10, 1, 0.01, 1))
        run.status = "running"
        while run.status != "finished":
            run.advance()
        assert set(run.finals) == {"relu", "softclip"}
from engine.propagation import propagate
from engine import mean_field
run = propagate(depth=5, width=50, activation="softclip", initializer="lecun_normal", rng=np.random.default_rng(0))
assert np.isfinite(run.std).all() and 0 < mean_field.moments("softclip").square < 1
print("shown everywhere")
"""


def test_a_new_activation_in_one_file_appears_in_every_menu_chart_table_and_test(tmp_path):
    """A copy of the app, in which one file has got a made-up family at its end."""
    for folder in ("engine", "pages", "tests", ".streamlit"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("streamlit_app.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    with open(tmp_path / "engine" / "activations.py", "a") as module:
        module.write(MADE_UP)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    tour = subprocess.run([sys.executable, "-c", TOUR], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert tour.stdout.strip().endswith("shown everywhere"), tour.stderr[-3000:]
    files = [f"tests/engine/{name}.py" for name in ("test_activations", "studies/test_curves", "studies/test_moment_map", "studies/test_slopes",
                                                    "studies/test_ranking")]
    tests = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not slow",
                            "-k", "softclip or every_activation_of_the_table", *files],
                           cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert tests.returncode == 0, tests.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", tests.stdout).group(1)) >= 15


@pytest.mark.browser
def test_parts_and_sets_travel_in_the_link(new_server, tab):
    from playwright.sync_api import expect

    server, first, second = new_server(), tab(), tab()
    page = first.open(f"{server.url}/activations")
    page.get_by_role("radio", name="Backprop by hand").or_(page.get_by_role("button", name="Backprop by hand")).first.click()
    expect(page).to_have_url(re.compile("act_part=Backprop"))
    expect(page.locator(".st-key-verdict")).to_contain_text("0.5575")
    page.locator(".st-key-act_w1 input").fill("20")
    page.locator(".st-key-act_w1 input").press("Enter")
    expect(page).to_have_url(re.compile("act_w1=20"))
    copy = second.open(page.url)
    expect(copy.locator(".st-key-verdict")).to_contain_text("× 10⁻")
    copy.goto(f"{server.url}/{link_to('act_sigmoid')}")
    expect(copy.locator(".st-key-verdict")).to_contain_text("Sigmoid")
    expect(copy.locator(".st-key-verdict")).not_to_contain_text("SELU")


@pytest.mark.browser
def test_the_ranking_runs_to_its_end_and_draws_every_activation(new_server, tab):
    from playwright.sync_api import expect

    from tests.test_browser import complaints

    visitor = tab()
    page = visitor.open(f"{new_server().url}/{link_to('act_ranking')}&act_rank_depth=5&act_rank_epochs=2&act_rank_seeds=2".replace("?&", "?"))
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("12 of 12 trainings", timeout=60_000)
    expect(page.locator(".st-key-verdict")).to_contain_text("Of the claim's 15 pairs")
    chart = page.locator("[data-testid='stVegaLiteChart']").first
    expect(chart).to_be_visible()
    expect(chart.locator("path[aria-roledescription='point'], .mark-symbol path").first).to_be_attached()
    assert chart.locator(".mark-symbol path").count() >= 12
    assert complaints(visitor) == []
