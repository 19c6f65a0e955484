"""The Initialization page: its parts, its scripts, its limits."""

import contextlib
import io
import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from engine import diagnosis, mean_field, propagation
from engine.activations import ACTIVATIONS
from engine.studies.linear import chain
from pages.shared import charts_initialization as charts
from pages.shared import frames
from pages.shared import initialization_parts as parts
from pages.shared.controls import INIT, INIT_PARTS
from tests.test_browser import complaints
from tests.test_pages import open_page

DEFAULTS = {name: control.default for name, control in INIT.items()}


def run_script(part: str, **changed) -> list[str]:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(parts.script(part, {**DEFAULTS, **changed}), {})
    return printed.getvalue().splitlines()


@pytest.mark.parametrize("part", INIT_PARTS)
def test_every_part_renders_with_charts_and_a_verdict(part):
    app = open_page("initialization", init_part=INIT["part"].show(part), init_depth="5")
    assert not app.exception
    assert app.get("vega_lite_chart")
    assert len(app.code) >= 1


@pytest.mark.parametrize("control", [c for c in INIT.values() if not c.pills], ids=[n for n, c in INIT.items() if not c.pills])
def test_every_control_can_be_moved_to_both_ends(control):
    app = open_page("initialization")
    for end in (control.options[0], control.options[-1]) if control.options else control.limits:
        app.session_state[control.key] = end
        app.run()
        assert not app.exception, end


@pytest.mark.parametrize("settings", [
    {"init_initializer": "Zeros"}, {"init_initializer": "Constant"}, {"init_initializer": "Normal N(0, 1)", "init_gain": "10"},
    {"init_initializer": "Normal N(0, 1)", "init_gain": "0.01", "init_depth": "100"}, {"init_width": "2", "init_depth": "100"},
    {"init_depth": "1"}, {"init_activation": "Sigmoid", "init_depth": "100", "init_show": "Gradients dJ/dz"},
    {"init_activation": "ReLU", "init_initializer": "Zeros", "init_show": "Gradients dJ/dz", "init_batch_norm": "Before"},
], ids=str)
def test_broken_networks_draw_and_explain_themselves(settings):
    app = open_page("initialization", **settings)
    assert not app.exception
    for chart in app.get("vega_lite_chart"):
        assert chart.proto.spec
    assert any(re.search(r"Healthy|explodes|overflows|vanishes|flat|switched off|one unit|hardly tell", m.value) for m in app.markdown)


@pytest.mark.parametrize("changed", [{}, {"inputs": "digits", "samples": 300, "activation": "tanh", "batch_norm": "before"},
                                     {"initializer": "lsuv", "depth": 3}])
def test_the_script_prints_the_numbers_of_the_deep_network(changed):
    v = {**DEFAULTS, **changed}
    app = open_page("initialization", **{INIT[name].key: INIT[name].write(value) for name, value in changed.items()})
    lines = run_script("deep", **changed)
    assert len(lines) == v["depth"]
    table = app.dataframe[0].value
    for line, (_, row) in zip(lines, table.iterrows(), strict=True):
        assert line == (f"layer {int(row['layer'])}  std {row['std']:.4g}  over the data {row['std_over_data']:.4g}  "
                        f"gradient {row['gradient_rms']:.4g}")


def test_the_other_scripts_print_what_their_parts_show():
    assert f"L = 50  a^(L-1) = {chain(1.5, 50):.4g}" in run_script("chain", gain=1.5, depth=50)
    neuron = run_script("neuron")
    table = parts.neuron_table(0)
    assert f"n = 1000  Var(z) = {table[(table.n == 1000) & (table.series == 'Var(w) = 1')].measured.iloc[0]:.4g}" in neuron
    assert neuron[-1] == "z = 51, slope 7.095e-23"
    assert run_script("phase", activation="tanh", gain=1.5)[1] == "critical sigma_w 1"
    matrix = run_script("matrix", depth=5)
    assert len(matrix) == len(parts.matrix_table(5, 1.0, 0))
    assert any(line.startswith("relu with he_normal: healthy") for line in matrix)
    symmetry = run_script("symmetry", activation="tanh")
    assert symmetry[0].startswith("zeros: 1 different units")
    assert symmetry[2].startswith("glorot_normal: 20 different units")


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_no_chart_gets_more_than_2000_marks_or_60_kilobytes(activation):
    runs = propagation.over_seeds(range(2), depth=100, width=20, samples=100, activation=activation, initializer="he_normal")
    by_depth = frames.by_depth(runs, mean_field.predict(**runs[0].theory()), charts.LOW, charts.HIGH)
    tables = [by_depth[by_depth["measure"] == measure] for measure in ("signal", "gradient")]
    tables += [frames.histogram_panels(runs[0], show)[0] for show in INIT["show"].options]
    tables += list(parts.diagram_tables(activation))
    for table in tables:
        assert len(table) <= 2000
        size = sum(table[c].to_numpy().nbytes if table[c].dtype != object else table[c].astype(str).str.len().sum() for c in table)
        assert size <= 60_000


def test_a_large_network_is_measured_on_fewer_inputs_and_says_so():
    app = open_page("initialization", init_depth="100", init_width="500", init_seeds="10")
    assert not app.exception
    assert any("is measured on" in caption.value for caption in app.caption)


def test_a_pinned_network_stands_beside_the_current_one_and_a_bad_pin_falls_back():
    app = open_page("initialization", init_pin="depth=7&activation=tanh&width=nonsense")
    assert not app.exception
    assert any("**Pinned:** tanh" in m.value and "7 × 100" in m.value for m in app.markdown)
    assert len(app.get("vega_lite_chart")) == 6


def test_the_offered_fix_makes_the_network_healthy():
    app = open_page("initialization", init_activation="Sigmoid", init_depth="20")
    app.button(key="apply_fix").click().run()
    assert not app.exception
    assert any(m.value.startswith("Healthy") for m in app.markdown)


@pytest.mark.parametrize("depth", [5, 20, 50])
def test_every_cure_lies_on_the_page_s_ladders(depth):
    """A fix that the controls cannot hold would raise, or heal nothing."""
    for activation in ACTIVATIONS:
        for initializer in ("normal", "zeros", "lecun_normal"):
            run = propagation.propagate(depth=depth, width=50, samples=100, activation=activation, initializer=initializer,
                                        rng=np.random.default_rng(0))
            for name, value in diagnosis.diagnose(run, with_fix=True).fix.items():
                assert parts.on_ladder(name, value) in (INIT[name].options or [INIT[name].default])


@pytest.mark.browser
def test_a_click_into_the_phase_diagram_moves_the_controls_and_the_keyboard_does_too(new_server, tab):
    visitor = tab()
    page = visitor.open(f"{new_server().url}/initialization?init_part=Phases&init_activation=tanh&init_depth=10")
    diagram = page.locator("[data-testid='stVegaLiteChart']").first
    expect(diagram.locator("canvas, svg").first).to_be_visible()
    box = diagram.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    expect(page).to_have_url(re.compile(r"init_gain=(2\.[3-9]|3)"), timeout=15_000)
    expect(page).to_have_url(re.compile(r"init_sigma_b=0"))
    page.get_by_role("button", name=re.compile("Go to the critical line")).click()
    expect(page.locator(".st-key-verdict")).to_contain_text("χ =")
    page.locator(".st-key-init_gain [role='slider'], .st-key-init_gain input[type='range']").first.focus()
    before = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(before)
    assert complaints(visitor) == []


@pytest.mark.browser
def test_a_pin_travels_in_the_link(new_server, tab):
    visitor = tab()
    server = new_server()
    page = visitor.open(f"{server.url}/initialization?init_depth=7")
    page.get_by_role("button", name="Pin this network").click()
    expect(page.get_by_text("Pinned:")).to_be_visible()
    copy = tab().open(page.url)
    expect(copy.get_by_text("Pinned:")).to_be_visible()
    assert json.dumps(complaints(visitor)) == "[]"


@pytest.mark.parametrize("query", [{"init_part": "bogus"}, {"init_show": "x"}, {"init_show": "x", "init_part": "Matrix", "init_depth": "3"},
                                   {"init_seed": "--1"}, {"init_pin": "depth=--5"}, {"init_pin": "%00"}, {"init_gain": "nan"}], ids=str)
def test_nonsense_in_a_link_never_breaks_the_page(query):
    assert not open_page("initialization", **query).exception


def test_a_pin_that_cannot_be_read_is_said_to_be_so():
    app = open_page("initialization", init_pin="nonsense")
    assert any("cannot be read" in warning.value for warning in app.warning)


def test_the_verdict_follows_the_seed_and_the_inputs():
    """It is computed with the network that it speaks of, not remembered from another visitor's."""
    said = []
    for settings in ({"init_seed": "0"}, {"init_seed": "7"}, {"init_seed": "7", "init_inputs": "Digits"}):
        app = open_page("initialization", init_activation="tanh", init_depth="10", init_width="20", init_seeds="1", **settings)
        said.append(next(m.value for m in app.markdown if "spread of the signal" in m.value))
    assert len(set(said)) == 3
