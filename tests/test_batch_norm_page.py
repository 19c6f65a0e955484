"""The Batch Norm page: every part, every control, every script, links, and two visits in a real browser."""

import contextlib
import io
import json
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from engine import propagation
from engine.datasets import load_digits
from engine.studies import input_scaling, layer_list, normalization, sixteen_scales
from pages.shared import batch_norm_parts as parts
from pages.shared import batch_norm_scripts as scripts
from pages.shared import charts_batch_norm as charts
from pages.shared.controls import BATCH_NORM, BN_PARTS
from pages.shared.runs import ScalesRun
from tests.test_pages import open_page

DEFAULTS = {name: control.default for name, control in BATCH_NORM.items()}
PARTS = pytest.mark.parametrize("part", list(BN_PARTS))
OF_PART = {
    "batch": ("values", "size", "pull", "spread", "gamma", "beta", "epsilon", "seed"), "gradient": ("size", "pull", "spread", "gamma", "epsilon"),
    "running": ("run_size", "momentum", "evaluate", "shift", "seed"), "depth": ("activation", "scale", "depth", "width", "seed"),
    "scales": ("data", "seed"), "cost": ("layers",), "input": ("range", "share", "drift", "seed"),
}


@pytest.fixture(autouse=True)
def without_mnist(monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


def opened(part, **query):
    return open_page("batch_norm", bn_part=BN_PARTS[part], **query)


def verdict_of(app):
    return app.markdown[0].value


def printed(part, **changed):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(scripts.script(part, {**DEFAULTS, **changed}), {})
    return out.getvalue().splitlines()


@PARTS
def test_every_part_opens_by_link_with_charts_that_say_what_they_show(part):
    app = opened(part)
    assert not app.exception
    drawn = app.get("vega_lite_chart")
    assert drawn
    for chart in drawn:
        assert chart.proto.alt_text if hasattr(chart.proto, "alt_text") else True
        assert "title" in json.loads(chart.proto.spec)
    assert any(button.label == "Download as CSV" for button in app.get("download_button")) or part == "scales"


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in OF_PART.items() for name in names if BATCH_NORM[name].options
                                            or BATCH_NORM[name].limits])
def test_every_control_can_be_moved_to_both_ends(part, name):
    control = BATCH_NORM[name]
    app = opened(part)
    for end in (control.options[0], control.options[-1]) if control.options else control.limits:
        app.session_state[control.key] = end
        app.run()
        assert not app.exception, end
        assert app.session_state[control.key] == end


def test_all_controls_belong_to_a_part():
    assert {name for names in OF_PART.values() for name in names} | {"part"} == set(BATCH_NORM)


@pytest.mark.parametrize("activation", BATCH_NORM["activation"].options)
def test_every_activation_goes_through_depth(activation):
    app = opened("depth", bn_activation=BATCH_NORM["activation"].show(activation))
    assert not app.exception


@pytest.mark.parametrize(("settings", "words"), [
    ({"bn_size": "1"}, "A batch of one is its own mean"), ({"bn_size": "2"}, "Two values always become −1 and +1"),
    ({"bn_values": "1, 2, 4, 9"}, "the spread 3.08"), ({"bn_values": "5 5 5"}, "All 3 values are equal"),
    ({"bn_spread": "10⁻³"}, "of σ² + ε"),
])
def test_the_batch_says_what_it_is_a_case_of(settings, words):
    assert words in verdict_of(opened("batch", **settings))


def test_a_batch_or_list_that_cannot_be_read_is_a_sentence_and_the_usual_one_is_used():
    app = opened("batch", bn_values="1, two")
    assert any("value 2 must be a number, got 'two'" in warning.value for warning in app.warning)
    assert "8 values" in verdict_of(app)
    app = opened("cost", bn_layers="784, conv, 10")
    assert any("layer 1 must be" in warning.value for warning in app.warning)
    assert "271,346" in verdict_of(app)


@pytest.mark.parametrize("values", ["1e6 -1e6", "0", "1e-300, 2e-300", "1000000 " * 64])
def test_extreme_batches_draw(values):
    for part in ("batch", "gradient"):
        assert not opened(part, bn_values=values).exception


def test_the_two_listings_of_the_notes():
    assert "271,346 parameters: 268,978 are trained, 2,368" in verdict_of(opened("cost"))
    before = opened("cost", bn_layers="784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10")
    assert "270,946 parameters: 268,578 are trained, 2,368" in verdict_of(before)


def test_the_fix_is_a_click_away_and_cures():
    app = opened("running", bn_evaluate="3")
    assert "27 % of the way" in verdict_of(app)
    app.button(key="apply_fix").click().run()
    assert app.session_state["bn_evaluate"] == 50
    assert "training and use agree" in verdict_of(app)


def test_a_link_that_asks_for_what_is_not_there_says_so():
    app = open_page("batch_norm", bn_part="Elsewhere", bn_size="5", bn_seed="-1", bn_momentum="2")
    warned = " ".join(warning.value for warning in app.warning)
    for words in ("Part = “Elsewhere”", "Batch size m = “5”", "Seed = “-1”"):
        assert words in warned
    assert not app.exception


def test_values_of_parts_that_are_not_shown_are_kept():
    app = opened("batch", bn_gamma="2")
    app.session_state["bn_part"] = "running"
    app.run()
    app.session_state["bn_evaluate"] = 42
    app.run()
    app.session_state["bn_part"] = "batch"
    app.run()
    assert app.session_state["bn_gamma"] == 2.0
    app.session_state["bn_part"] = "running"
    app.run()
    assert app.session_state["bn_evaluate"] == 42


@pytest.mark.parametrize("changed", [{}, {"values": "1, 2, 4, 9", "gamma": 2.0, "beta": -1.0}, {"size": 1}, {"values": "x"}])
def test_the_batch_scripts_print_the_numbers_of_the_page(changed):
    v = {**DEFAULTS, **changed}
    steps = parts.steps_of(v) if changed.get("values") != "x" else parts.steps_of({**v, "values": ""})
    assert printed("batch", **changed) == [f"mean {steps.mean:.6g}  variance {steps.variance:.6g}",
                                           *(f"{x:.6g}  {n:.6g}  {y:.6g}" for x, n, y in zip(steps.x, steps.normalized, steps.y, strict=True))]
    terms = normalization.gradient_terms(steps, parts.upstream(len(steps.x), v["seed"]))
    rows = zip(terms.direct, terms.through_mean, terms.through_variance, terms.dx, strict=True)
    assert printed("gradient", **changed) == ["  ".join(f"{value:.6g}" for value in row) for row in rows] + [
        f"dgamma {terms.dgamma:.6g}  dbeta {terms.dbeta:.6g}"]


@pytest.mark.parametrize("changed", [{}, {"shift": 2.0, "evaluate": 63, "run_size": 4, "momentum": 0.99, "seed": 7}])
def test_the_running_script_prints_the_numbers_of_the_page(changed):
    run, k = parts.simulate({**DEFAULTS, **changed}), {**DEFAULTS, **changed}["evaluate"]
    assert printed("running", **changed) == [f"running mean {run.running_mean[k]:.6g}  running variance {run.running_var[k]:.6g}",
                                             f"in use: mean {run.use_mean[k]:.6g}  spread {run.use_std[k]:.6g}"]


def test_the_depth_script_prints_the_numbers_of_the_page():
    found = parts.deep(4, 50, "tanh", 0.7, 3, 1000)
    lines = [f"{None if name == 'none' else name}  layer {layer}  std {std:.4g}  gradient {gradient:.4g}"
             for name, run in found.items() for layer, (std, gradient) in enumerate(zip(run.std, run.gradient_rms, strict=True), start=1)]
    assert printed("depth", depth=4, width=50, activation="tanh", scale=0.7, seed=3) == lines


def test_the_parameter_script_prints_the_rows_of_the_page():
    lines = printed("cost")
    assert lines[-1] == "total 271,346, trainable 268,978, non-trainable 2,368"
    assert len(lines) == len(layer_list.parse_layers(DEFAULTS["layers"]).summary()) + 1
    assert printed("cost", layers="nonsense") == lines


def test_the_input_script_prints_the_numbers_of_the_page():
    lines = printed("input", range=10, share=0.9, drift=1.0)
    for way, line in zip(input_scaling.WAYS, lines, strict=False):
        valley = input_scaling.valley(input_scaling.features(10), way)
        assert line == f"{way}  condition number {valley.condition:.6g}  steps {valley.steps_needed(0.9):.0f}"
    assert lines[3:] == [f"{r.way}  mean {r.test_mean:.4g}  spread {r.test_std:.4g}  error {r.error:.4g}" for r in input_scaling.scale_test_data(1.0)]
    assert "inf" in printed("input", share=1.05)[0]


@pytest.mark.slow
def test_the_scales_script_prints_the_numbers_of_the_page_however_the_run_was_sliced():
    run = ScalesRun(load_digits(), 0)
    run.status = "running"
    while run.status != "finished":
        run.advance(0)
    assert len(run.history) == sixteen_scales.EPOCHS
    assert printed("scales") == [f"{scale:.3g}  without {a:.3f}  with {b:.3f}"
                                 for scale, a, b in zip(sixteen_scales.SCALES, *run.history[-1], strict=True)]


def test_two_visitors_train_apart():
    first, second = ScalesRun(load_digits(), 0), ScalesRun(load_digits(), 0)
    for _ in range(10):
        first.advance(0)
    assert second.latest is None
    for _ in range(10):
        second.advance(0)
    assert second.latest.step == 10
    assert np.array_equal(first.history[0], second.history[0])


def test_another_seed_or_dataset_is_another_run_and_reset_forgets():
    app = opened("scales")
    ready = app.session_state["bn_run"]
    app.session_state["bn_seed"] = 5
    app.run()
    assert app.session_state["bn_run"] is not ready
    kept = app.session_state["bn_run"]
    app.run()
    assert app.session_state["bn_run"] is kept
    app.button(key="bn_reset").click().run()
    assert app.session_state["bn_run"] is not kept


def test_without_mnist_the_scales_say_why_and_use_the_digits():
    app = opened("scales", bn_data="MNIST")
    assert any("MNIST_DIR names /nowhere" in warning.value for warning in app.warning)
    assert app.session_state["bn_run"].data.name == "Digits"
    assert any("load_digits" in code.value for code in app.code)


def test_pictures_stay_under_2000_marks():
    history = [np.full((2, 16), 0.5)] * sixteen_scales.EPOCHS
    for frame in parts.scales_frames(history):
        assert len(frame) <= 2000
    run = propagation.propagate(depth=30, width=20, activation="tanh", initializer="lecun_normal", samples=500, rng=np.random.default_rng(0))
    frame, _ = parts.strip_frame(run)
    assert len(frame) <= 2000
    assert frame.memory_usage(index=False).sum() < 60_000


def test_axes_do_not_move_with_the_data():
    for spec in (charts.final_accuracy(), charts.small_multiples(), charts.heat("with")):
        assert (spec.get("data") or spec["layer"][0]["data"])["name"] == "sent"
        for layer in spec["layer"]:   # a colour goes by a meaning that the layer has worked out
            field = layer["encoding"].get("color", {}).get("field", "accuracy")
            assert field == "accuracy" or f'"as": "{field}"' in json.dumps(layer) + json.dumps(spec.get("transform", []))
        assert all("data" not in layer for layer in spec["layer"])
    assert parts.reach_of(np.array([3.0, -14.0]), 15.0) == 15.0
    assert parts.reach_of(np.array([3.0, -16.0]), 15.0) == 30.0


@pytest.mark.browser
def test_all_scales_train_live_and_the_sentence_says_where_batch_norm_is_behind(new_server, tab):
    visitor = tab()
    page = visitor.open(f"{new_server().url}/batch_norm?bn_part=Sixteen+scales")
    page.get_by_role("button", name="Start", exact=True).click()
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("After 20 epochs batch norm is ahead at", timeout=120_000)
    expect(verdict).to_contain_text("behind")
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    expect(page.locator("[data-testid='stVegaLiteChart']")).to_have_count(4)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(verdict).to_contain_text("Press Start")
    assert [text for text in visitor.complaints if not re.search(r"_stcore|Failed to load resource", text)] == []


@pytest.mark.browser
def test_a_walk_through_the_parts_keeps_settings_and_the_link(new_server, tab):
    server, visitor = new_server(), tab()
    page = visitor.open(f"{server.url}/batch_norm?bn_size=1")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("A batch of one")
    for part, words in (("Its gradient", "In a batch of 1"), ("Training and use", "of the way"), ("Through depth", "Without batch norm"),
                        ("Parameters", "271,346"), ("Inputs", "998,001"), ("The mini-batch", "A batch of one")):
        page.get_by_role("radio", name=part).or_(page.get_by_role("button", name=part, exact=True)).first.click()
        expect(verdict).to_contain_text(words)
        visitor.settle()
        assert page.locator("[data-testid='stException']").count() == 0
    expect(page).to_have_url(re.compile("bn_size=1"))
    page.get_by_role("button", name="Apply the fix: Batch size m = 8").click()
    expect(verdict).to_contain_text("8 values")
    assert [text for text in visitor.complaints if not re.search(r"_stcore|Failed to load resource", text)] == []
