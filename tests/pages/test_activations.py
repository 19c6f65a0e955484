"""The Activations page: what its parts say, its scripts and runs, the looks of activations, and a new activation in one file."""

import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import combinations
from urllib.parse import parse_qs, urlparse

import numpy as np
import pandas as pd
import pytest

from benchmarks.client import link_to
from engine.activations import ACTIVATIONS
from pages.parts.activations import PAGE, common, product
from pages.parts.activations.dying import SweepSettings
from pages.parts.activations.ranking import RankingRun, RankingSettings, script
from pages.shared.part import PAGES, find_preset
from pages.shared.theme import MEANINGS, QUIET
from tests.conftest import ROOT
from tests.pages import golden
from tests.pages.helpers import charts_of, fix_of, open_part, verdict_of

MEMBERS = (("relu", ()), ("tanh", ()))


def opened(part, **settings):
    return open_part(PAGE, PAGE.part(part), **settings)


def said(app):
    """The verdict, with plain spaces."""
    return verdict_of(app).replace("\u00a0", " ")


def finish(run):
    run.status = "running"
    while run.status != "finished":
        run.advance()
    return run


@pytest.mark.parametrize("part", [part.key for part in PAGE.parts])
def test_every_part_shows_the_whole_table_at_once(part):
    names = {control.name for control in PAGE.part(part).controls} & {"set", "rivals"}
    app = opened(part, **{name: list(ACTIVATIONS) for name in names})
    assert not app.exception
    assert not app.warning


@pytest.mark.parametrize("part", ["product", "curves", "ranking"])
def test_without_a_choice_the_usual_activations_are_shown(part):
    app = opened(part, set=[])
    assert any("the usual ones are shown" in caption.value for caption in app.caption)
    assert said(app) == said(opened(part))


@pytest.mark.parametrize(("part", "values"), [("product", {"depth": 100, "seeds": 1}), ("selu", {"layers": 1000})])
def test_the_deepest_network_is_drawn(part, values):
    app = opened(part, **values)
    assert not app.exception
    assert len(charts_of(app)) == 2


@pytest.mark.parametrize("values", [{"gain": 10.0, "depth": 100, "seeds": 1}, {"gain": 0.01, "depth": 100, "seeds": 1}, {"initializer": "zeros"},
                                    {"initializer": "constant"}, {"initializer": "lsuv", "seeds": 1}])
def test_overflow_and_silence_are_drawn_and_told(values):
    app = opened("product", **values)
    assert not app.exception
    assert "reaches layer 1 of" in said(app)
    assert not re.search("nan|not a number", said(app).lower())


def test_bad_values_in_a_link_are_named_where_the_control_is_and_the_defaults_used():
    app = golden.open_link("activations?act_part=Nonsense&act_z=far&act_w1=1e99&act_set=ReLU6&act_depth=1000")
    for part, phrases in (("product", ("Part = “Nonsense”", "Activations = “ReLU6”", "Depth L = “1000”")),
                          ("curves", ("Cursor at z = “far”",)), ("hand", ("w₁ = “1e99”",))):
        app.session_state["act_part"] = part
        app.run()
        assert not app.exception
        warnings = " ".join(warning.value for warning in app.warning)
        for phrase in phrases:
            assert phrase in warnings


def test_options_that_do_not_go_together_are_named_and_the_usual_ones_used():
    app = opened("curves", set=["rrelu"], rrelu_lower=0.3, rrelu_upper=0.2)
    assert not app.exception
    assert any("RReLU: lower must be between 0 and 0.2, got 0.3" in warning.value for warning in app.warning)
    assert golden.columns(app) == golden.columns(opened("curves", set=["rrelu"]))


def test_the_slopes_of_what_is_not_shown_stand_still_and_say_why():
    idle = {slider.key: slider.disabled for slider in opened("curves", set=["relu", "selu", "leaky_relu"]).select_slider}
    assert idle["act_elu_alpha"]
    assert idle["act_prelu_alpha"]
    assert not idle["act_leaky_relu_alpha"]
    assert [slider.key for slider in opened("dying", rivals=[]).select_slider if slider.disabled] == ["act_rrelu_lower", "act_rrelu_upper"]


@pytest.mark.parametrize(("part", "values"), [
    ("curves", {"z": 51.0, "set": ["sigmoid"], "leaky_relu_alpha": 0.2}), ("hand", {"w1": -3.0}),
    ("product", {"depth": 5, "set": ["leaky_relu"], "leaky_relu_alpha": 0.2, "gain": 2.0, "initializer": "he_normal"}),
    ("dying", {"rivals": ["relu"], "dying_depth": 2}), ("selu", {"layers": 8, "dropout_rate": 0.1, "dropout": "alpha"}),
])
def test_the_script_of_a_part_prints_the_parts_table(part, values):
    app = opened(part, **values)
    printed = pd.read_csv(io.StringIO(golden.printed(golden.script_of(app))), comment="#")
    table = app.dataframe[-1].value
    assert len(printed) == len(table)
    shared = [column for column in table.select_dtypes("number") if column in printed]
    assert shared
    for column in shared:
        np.testing.assert_allclose(printed[column], table[column], rtol=1e-6, equal_nan=True)


def test_the_rankings_script_prints_what_the_run_measured():
    settings = RankingSettings(MEMBERS, depth=2, width=10, epochs=1, rate=0.01, seeds=2)
    table = pd.read_csv(io.StringIO(golden.printed(script(settings))))
    assert {name: list(rows["accuracy"]) for name, rows in table.groupby("activation")} == finish(RankingRun(settings)).finals


def test_the_ranking_starts_pauses_and_starts_over():
    app = opened("ranking", set=["relu"])
    app.button(key="act_ranking_start").click().run()
    run = app.session_state["act_ranking"]
    assert run.status in ("running", "finished")
    if run.status == "running":
        app.button(key="act_ranking_pause").click().run()
        assert run.status == "paused"
    assert run.done > 0
    app.session_state["act_rank_width"] = 10
    app.run()
    app.button(key="act_ranking_reset").click().run()
    assert app.session_state["act_ranking"].settings.width == 10
    assert app.session_state["act_ranking"].done == 0


def test_a_finished_ranking_is_held_against_the_claim_and_kept_when_another_takes_its_place():
    app = opened("ranking", set=["selu", "sigmoid"])
    before = app.session_state["act_ranking"]
    run = finish(RankingRun(before.settings))
    run.key = before.key
    app.session_state["act_ranking"] = run
    app.run()
    assert not app.exception
    assert len(charts_of(app)) == 2
    assert "Of the claim's 1 pair, 1 came out as claimed" in said(app)
    app.session_state["act_rank_depth"] = 5
    app.run()
    assert not app.exception
    row = app.dataframe[0].value.iloc[0]
    assert row["Settings"] == "64 – 30 × 20 – 10, 10 epochs, η = 0.001, 3 seeds"
    assert row["SELU"] == np.median(run.finals["selu"])


def test_a_row_of_an_earlier_ranking_tells_slopes_that_are_not_the_usual_ones():
    usual, changed = (("leaky_relu", (("alpha", alpha),)) for alpha in (0.01, 0.2))
    rows = [finish(RankingRun(RankingSettings((one,), depth=1, width=10, epochs=1, rate=0.01, seeds=1))).summary() for one in (usual, changed)]
    assert [("α = 0.2" in row["Settings"], "α" in row["Settings"]) for row in rows] == [(False, False), (True, True)]


def test_a_ranking_is_the_same_however_it_is_sliced():
    settings = RankingSettings(MEMBERS, depth=2, width=10, epochs=2, rate=0.01, seeds=2)
    whole, sliced = finish(RankingRun(settings)), RankingRun(settings)
    assert whole.steps == RankingRun(settings).steps == whole.done
    sliced.status = "running"
    while sliced.status != "finished":
        sliced.advance(0)
    assert sliced.finals == whole.finals
    assert sliced.history == whole.history


def test_the_sweep_goes_over_both_ladders_finds_the_edge_and_says_where_it_is():
    app = opened("dying", rivals=["relu"], bias=0.0, dying_depth=2)
    run = finish(app.session_state["act_sweep"])
    assert run.settings == SweepSettings((("relu", ()),), rate=0.01, bias=0.0, depth=2, seed=0)
    assert run.done == run.steps == sum(map(len, run.points.values()))
    by_bias = {point.bias: point.off for point in run.points["bias"]}
    assert by_bias[-2.0] > 0.9 > 0.3 > by_bias[0.0]
    assert run.points["rate"][-1].off > run.points["rate"][0].off
    app.run()
    assert not app.exception
    assert len(charts_of(app)) == 4
    edge = max(bias for bias, off in by_bias.items() if off > 0.5)
    assert any(f"last at b = {edge:g} (**ReLU**)".replace("-", "−") in markdown.value for markdown in app.markdown)


def test_the_sweep_starts_with_its_own_button_and_new_settings_make_a_new_one():
    app = opened("dying", rivals=["relu"], dying_depth=1)
    app.button(key="act_sweep_start").click().run()
    run = app.session_state["act_sweep"]
    assert run.done > 0
    run.pause()
    app.session_state["act_dying_depth"] = 2
    app.run()
    assert app.session_state["act_sweep"] is run
    assert any("This run keeps its own" in info.value for info in app.info)
    app.button(key="act_sweep_reset").click().run()
    assert app.session_state["act_sweep"].settings.depth == 2


@pytest.mark.parametrize(("part", "values"), [
    ("product", {"set": ["sigmoid"]}), ("dying", {}), ("dying", {"rate": 0.1, "bias": 0.0}), ("selu", {"dropout_rate": 0.1}),
    ("selu", {"fixed_initializer": "he_normal"}),
])
def test_the_fix_that_is_offered_cures_and_is_not_offered_again(part, values):
    app = opened(part, **values)
    fix_of(app).click().run()
    assert not app.exception
    assert fix_of(app) is None


def test_the_sigmoid_reading_names_a_quarter_to_the_power_of_the_slopes_that_are_passed():
    words = said(opened("product", set=["sigmoid"]))
    assert "4⁻²⁹ = 3.5 × 10⁻¹⁸" in words
    assert "× 0.234 a layer" in words


def test_a_target_that_the_network_meets_sends_nothing_back():
    app = opened("hand", **next(line.settings for line in PAGE.part("hand").try_next if "t = y" in line.text))
    table = app.dataframe[-1].value.set_index("step")["value"]
    assert table["y"] == 0.5
    assert (table[["d1", "d2", "d3", *(f"dw{i}" for i in range(1, 7))]] == 0).all()


def test_the_presets_of_the_notes_measurement_are_a_click_away_and_hold_its_settings():
    linked = {line.preset for line in PAGE.part("product").try_next}
    for key in ("sigmoid_stuck", "sigmoid_scaled", "sigmoid_wide", "sigmoid_bn"):
        assert key in linked
        page, preset = find_preset(key)
        assert page is PAGES["mnist_training"]
        settings = {"data": "mnist", "depth": 5, "width": 100, "images": 10_000, "batch": 100, "rate": 1.0, "epochs": 12, "activation": "sigmoid"}
        assert {f"mnist_{name}": value for name, value in settings.items()}.items() <= page.settings_of(preset).items()
        asked = parse_qs(urlparse(link_to(key)).query)
        assert all(control.read(asked[control.key]) == page.settings_of(preset)[control.key] for control in page.controls if control.key in asked)


@pytest.mark.parametrize("chosen", common.USUAL.values(), ids=common.USUAL)
@pytest.mark.parametrize("looks", [common.DASHES, common.SHAPES], ids=["dashes", "shapes"])
def test_activations_that_usually_stand_together_are_told_apart_without_their_colours(chosen, looks):
    shown = [str(looks[list(ACTIVATIONS).index(key) % len(looks)]) for key in chosen]
    assert len({*shown}) == len(chosen)


def linear(colour):
    """Red, green and blue as amounts of light."""
    channels = np.array([int(c, 16) / 255 for c in re.findall("..", colour[1:])])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """WCAG 2.1 contrast ratio."""
    dark, bright = sorted(linear(colour) @ [0.2126, 0.7152, 0.0722] for colour in (a, b))
    return (bright + 0.05) / (dark + 0.05)


def apart(a, b):
    """How different two colours look: distance in OKLab (Ottosson 2020), where black and white are 1 apart."""
    lms = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
    lab = [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
    first, second = (np.array(lab) @ np.cbrt(np.array(lms) @ linear(colour)) for colour in (a, b))
    return float(np.linalg.norm(first - second))


def test_colours_of_activations_differ_from_each_other_and_from_those_with_a_meaning_and_can_be_read():
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    taken = {QUIET, *(colour for mode in ("light", "dark") for colour in theme[mode]["chartCategoricalColors"][: len(MEANINGS)])}
    assert apart("#000000", "#ffffff") == pytest.approx(1, abs=1e-3)
    assert apart("#7f8894", QUIET) < 0.05   # two greys that nobody tells apart
    pairs = [*combinations(common.HUES, 2), *((hue, other) for hue in common.HUES for other in taken)]
    closest = min(pairs, key=lambda pair: apart(*pair))
    assert apart(*closest) > 0.08, closest
    for hue in common.HUES:
        for mode in ("light", "dark"):
            assert contrast(hue, theme[mode]["backgroundColor"]) > 3, (hue, mode)


@pytest.mark.parametrize("second", [common.dash, common.shape])
def test_twice_as_many_activations_as_colours_still_look_different(second):
    names = [f"activation {i}" for i in range(24)]

    def given(channel):
        return dict(zip(*(channel["scale"][side] for side in ("domain", "range")), strict=True))

    colours, others = (given(look(names, names).to_dict()) for look in (common.hue, second))
    assert list(colours) == names
    assert len({(colours[name], str(others[name])) for name in names}) == 24


@pytest.mark.parametrize("part", ["product", "curves", "dying", "ranking"])
def test_in_every_picture_a_line_or_mark_of_an_activation_has_more_than_a_colour(part):
    app = opened(part)
    if part == "ranking":
        run = app.session_state["act_ranking"]
        run.advance(0)
        for key in ("relu", "tanh"):
            run.history.append((key, 0, 1.0, 0.5))
            run.finals[key] = [0.5]
        app.run()
    coloured = [chart.spec for chart in charts_of(app) if '"field": "activation"' in chart.spec and common.HUES[0] in chart.spec]
    assert len(coloured) == {"product": 2, "curves": 2, "dying": 2, "ranking": 1}[part]
    for spec in coloured:
        assert '"strokeDash": {"field": "activation"' in spec or '"shape": {"field": "activation"' in spec


@pytest.mark.parametrize("part", ["product", "curves", "dying", "selu"])
def test_pictures_stay_small(part):
    names = {control.name for control in PAGE.part(part).controls} & {"set", "rivals"}
    app = opened(part, **{name: list(ACTIVATIONS) for name in names})
    for chart in charts_of(app):
        assert sum(len(one.data.data) for one in chart.datasets) + len(chart.data.data) < 60_000


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
from engine import mean_field
from engine.activations import ACTIVATIONS
from engine.propagation import propagate
from pages.parts.activations import PAGE
from pages.parts.activations.ranking import RankingRun, RankingSettings
from pages.shared.part import PAGES
from tests.pages.helpers import charts_of, open_part

assert list(ACTIVATIONS)[-1] == "softclip"
menus = [control for page in PAGES.values() for control in page.controls if {"relu", "gelu"} <= {*getattr(control, "options", ())}]
assert {control.key.partition("_")[0] for control in menus} == {page.prefix for page in PAGES.values()}
for control in menus:
    assert "softclip" in control.options, control.key
wanted = {"set": ["relu", "softclip"], "rivals": ["relu", "softclip"], "fixed": "softclip", "softclip_alpha": 1.0}
for part in PAGE.parts:
    names = {control.name for control in part.all_controls}
    assert ("softclip_alpha" in names) == (part.key != "hand")
    app = open_part(PAGE, part, **{name: value for name, value in wanted.items() if name in names})
    assert not app.exception, part.key
    assert not app.warning, part.key
    if part.key in ("curves", "product", "dying"):
        drawn = [chart.datasets for chart in charts_of(app)]
        assert drawn
        assert all(any(b"Softclip" in table.data.data for table in tables) for tables in drawn), part.key
    if part.key == "curves":
        facts = next(frame.value for frame in app.dataframe if "Usual initializer" in frame.value)
        assert "Softclip" in list(facts["Activation"])
    if part.key in ("product", "curves", "dying", "selu", "ranking"):
        assert any("as_activation('softclip', alpha=1.0)" in code.value for code in app.code), part.key
run = RankingRun(RankingSettings((("relu", ()), ("softclip", (("alpha", 1.0),))), 2, 10, 1, 0.01, 1))
run.status = "running"
while run.status != "finished":
    run.advance()
assert set(run.finals) == {"relu", "softclip"}
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


@pytest.mark.parametrize("depth", [2, 5, 10, 30])
def test_the_axis_of_the_product_goes_with_the_depth_alone_and_holds_a_sigmoid_at_its_usual_weights(depth):
    domain = [10.0**end for end in product.reach(depth)]
    assert domain[0] < 0.23 ** (depth - 1) < 1 < domain[1]
    spec = product.by_layer(pd.DataFrame(), pd.DataFrame(), depth, ("Sigmoid",))
    assert all(layer["encoding"]["y"]["scale"]["domain"] == domain for layer in spec["layer"])


def test_no_value_of_a_curve_is_minus_zero():
    app = opened("curves", set=["gelu", "swish"], z=-10000.0)
    values = [one.value for one in app.latex if "varphi(" in one.value]
    assert len(values) == 2
    assert all(value.rstrip("$ \n").endswith("= 0") for value in values), values
