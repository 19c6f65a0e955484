"""The Batch Norm page: what its parts say, its scripts, its run, and two visits in a real browser are elsewhere."""

import json

import numpy as np
import pytest

from engine import propagation
from engine.activations import ACTIVATIONS
from engine.datasets import load_digits
from engine.propagation import propagate
from engine.studies import input_scaling, layer_list, normalization, sixteen_scales
from engine.studies.layer_list import parse_layers
from engine.studies.normalization import draw_batch, gradient_terms, normalize_batch, running_statistics, scale_invariance
from engine.studies.sixteen_scales import SCALES
from pages.parts.batch_norm import PAGE, common
from pages.parts.batch_norm import batch as batch_part
from pages.parts.batch_norm import cost as cost_part
from pages.parts.batch_norm import depth as depth_part
from pages.parts.batch_norm import gradient as gradient_part
from pages.parts.batch_norm import inputs as inputs_part
from pages.parts.batch_norm import running as running_part
from pages.parts.batch_norm import scales as scales_part
from pages.parts.batch_norm.scales import ScalesRun
from pages.shared.control import Values
from tests.pages import golden
from tests.pages.helpers import fix_of, open_part, verdict_of

pytestmark = pytest.mark.usefixtures("without_mnist")


def opened(part, **settings):
    return open_part(PAGE, PAGE.part(part), **settings)


def settings(part, **changed):
    return Values(**{**{control.name: control.default for control in PAGE.part(part).all_controls}, **changed})


def printed(part, **changed):
    return golden.printed(golden.script_of(opened(part, **changed))).splitlines()

@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_every_activation_goes_through_depth(activation):
    assert not opened("depth", activation=activation).exception


@pytest.mark.parametrize(("values", "words"), [
    ({"size": 1}, "A batch of one is its own mean"), ({"size": 2}, "Two different values always become −1 and +1"),
    ({"values": "1, 2, 4, 9"}, "the spread 3.08"), ({"values": "5 5 5"}, "All 3 values are equal"), ({"spread": 1e-3}, "σ² + ε, 92.7 % is ε"),
])
def test_the_batch_says_what_it_is_a_case_of(values, words):
    assert words in verdict_of(opened("batch", **values))


def test_a_batch_or_list_that_cannot_be_read_is_a_sentence_and_the_usual_one_is_used():
    app = opened("batch", values="1, two")
    assert any("value 2 must be a number, got 'two'" in warning.value for warning in app.warning)
    assert "8 values" in verdict_of(app)
    app = opened("cost", layers="784, conv, 10")
    assert any("layer 1 must be" in warning.value for warning in app.warning)
    assert "271,346" in verdict_of(app)


@pytest.mark.parametrize("part", ["batch", "gradient"])
def test_a_typed_batch_that_plants_a_link_is_shown_as_text(part):
    warned = opened(part, values="[Sign in](http://evil.example/a)").warning[0].value
    assert "\\[Sign" in warned
    assert "](" not in warned


@pytest.mark.parametrize("values", ["1e6 -1e6", "0", "1e-300, 2e-300", "1000000 " * 40])
def test_extreme_batches_draw(values):
    for part in ("batch", "gradient"):
        app = opened(part, values=values)
        assert not app.exception
        assert not app.warning


def test_controls_of_the_drawn_batch_say_that_a_typed_one_makes_them_idle():
    app = opened("batch", values="1, 2, 4")
    assert app.select_slider(key="bn_size").disabled
    assert "typed" in app.select_slider(key="bn_size").help
    assert not opened("batch").select_slider(key="bn_size").disabled


def test_the_two_listings_of_the_notes():
    assert "271,346 parameters: 268,978 are trained, 2,368" in verdict_of(opened("cost"))
    assert "270,946 parameters: 268,578 are trained, 2,368" in verdict_of(opened("cost", layers=cost_part.BEFORE))


def test_the_fix_is_a_click_away_and_cures():
    app = opened("running", evaluate=3)
    assert "27 % of the way" in verdict_of(app)
    fix_of(app).click().run()
    assert app.session_state["bn_evaluate"] == 50
    assert "training and use agree" in verdict_of(app)


def test_values_of_parts_that_are_not_shown_are_kept():
    app = opened("batch", gamma=2.0)
    for key, value in (("bn_part", "running"), ("bn_evaluate", 42), ("bn_part", "batch")):
        app.session_state[key] = value
        app.run()
    assert app.session_state["bn_gamma"] == 2.0
    app.session_state["bn_part"] = "running"
    assert app.run().session_state["bn_evaluate"] == 42


@pytest.mark.parametrize("changed", [{}, {"values": "1, 2, 4, 9", "gamma": 2.0, "beta": -1.0}, {"size": 1}, {"values": "x"}])
def test_the_batch_scripts_print_the_numbers_of_the_page(changed):
    v = settings("batch", **changed)
    steps = common.steps_of(v) if changed.get("values") != "x" else common.steps_of(settings("batch"))
    assert printed("batch", **changed) == [f"mean {steps.mean:.6g}  variance {steps.variance:.6g}",
                                           *(f"{x:.6g}  {n:.6g}  {y:.6g}" for x, n, y in zip(steps.x, steps.normalized, steps.y, strict=True))]
    terms = normalization.gradient_terms(steps, gradient_part.upstream(len(steps.x), v.seed))
    rows = zip(terms.direct, terms.through_mean, terms.through_variance, terms.dx, strict=True)
    assert printed("gradient", **changed) == ["  ".join(f"{value:.6g}" for value in row) for row in rows] + [
        f"dgamma {terms.dgamma:.6g}  dbeta {terms.dbeta:.6g}"]


@pytest.mark.parametrize("changed", [{}, {"shift": 2.0, "evaluate": 63, "run_size": 4, "momentum": 0.99, "seed": 7}])
def test_the_running_script_prints_the_numbers_of_the_page(changed):
    v = settings("running", **changed)
    run, k = running_part.simulate(v), v.evaluate
    assert printed("running", **changed) == [f"running mean {run.running_mean[k]:.6g}  running variance {run.running_var[k]:.6g}",
                                             f"in use: mean {run.use_mean[k]:.6g}  spread {run.use_std[k]:.6g}"]


def test_the_depth_script_prints_the_numbers_of_the_page():
    found = depth_part.placed(4, 50, "tanh", 0.7, seed=3, samples=1000)
    lines = [f"{None if name == 'none' else name}  layer {layer}  std {std:.4g}  gradient {gradient:.4g}"
             for name, run in found.items() for layer, (std, gradient) in enumerate(zip(run.std, run.gradient_rms, strict=True), start=1)]
    assert printed("depth", depth=4, width=50, activation="tanh", scale=0.7, seed=3) == lines


def test_the_parameter_script_prints_the_rows_of_the_page():
    lines = printed("cost")
    assert lines[-1] == "total 271,346, trainable 268,978, non-trainable 2,368"
    assert len(lines) == len(layer_list.parse_layers(cost_part.LAYERS.default).summary()) + 1
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
    app.button(key="bn_run_reset").click().run()
    assert app.session_state["bn_run"] is not kept


def test_without_mnist_the_scales_say_why_and_use_the_digits():
    app = opened("scales", data="mnist")
    assert any("MNIST could not be read" in warning.value for warning in app.warning)
    assert "nowhere" not in " ".join(warning.value for warning in app.warning)   # a folder of the server is not a visitor's matter
    assert app.session_state["bn_run"].data.name == "Digits"
    assert any("load_digits" in code.value for code in app.code)


def test_pictures_stay_under_2000_marks():
    history = [np.full((2, 16), 0.5)] * sixteen_scales.EPOCHS
    for frame in scales_part.frames(history):
        assert len(frame) <= 2000
    run = propagation.propagate(depth=30, width=20, activation="tanh", initializer="lecun_normal", samples=500, rng=np.random.default_rng(0))
    frame, _ = depth_part.strip_frame(run)
    assert len(frame) <= 2000
    assert frame.memory_usage(index=False).sum() < 60_000


def test_axes_do_not_move_with_the_data():
    final, panels, cells = scales_part.frames([])
    for spec in (scales_part.final_accuracy(final), scales_part.small_multiples(panels), scales_part.heat(cells, "with")):
        assert {(spec.get("data") or spec["layer"][0]["data"])["name"]} == set(spec["datasets"])
        for layer in spec["layer"]:   # a colour goes by a meaning that the layer has worked out
            field = layer["encoding"].get("color", {}).get("field", "accuracy")
            assert field == "accuracy" or f'"as": "{field}"' in json.dumps(layer) + json.dumps(spec.get("transform", []))
        assert all("data" not in layer for layer in spec["layer"])
    assert common.reach_of(np.array([3.0, -14.0]), 15.0) == 15.0
    assert common.reach_of(np.array([3.0, -16.0]), 15.0) == 30.0


def test_parameters_draw_the_layers_in_their_order_after_any_edit():
    """A nominal axis keeps its old domain when only the table is replaced: the specification names the order."""
    for layers in (cost_part.LAYERS.default, "784, 1000, BN, relu, 200, BN, relu, 10"):
        app = opened("cost", layers=layers)
        spec = json.loads(app.get("vega_lite_chart")[0].proto.spec)
        names = [row.name for row in parse_layers(layers).summary()]
        assert all(layer["encoding"]["x"]["scale"]["domain"] == names for layer in spec["layer"])


def small_batch(**changed):
    v = {"size": 8, "spread": 2.0, "pull": 1.0, "epsilon": 1e-5, **changed}
    return normalize_batch(draw_batch(v["size"], v["spread"], v["pull"], 0), epsilon=v["epsilon"])


@pytest.mark.parametrize(("changed", "kind", "word"), [
    ({}, "usual", "order"), ({"size": 1}, "one", "Nothing passes"), ({"size": 2}, "two", "−1 and +1"),
    ({"spread": 1e-4}, "epsilon", "σ² + ε, more than 99.9 % is ε"), ({"pull": 10.0, "size": 16}, "usual", "√(m − 1) = 3.87"),
])
def test_a_batch_is_called_by_its_case_and_its_fix_cures_it(changed, kind, word):
    verdict = batch_part.read(small_batch(**changed))
    assert verdict.kind == kind
    assert word in verdict.text
    if verdict.fix:
        assert batch_part.read(small_batch(**{**changed, **verdict.fix})).kind == "usual"


def test_equal_values_are_called_so():
    assert "equal" in batch_part.read(normalize_batch(np.full(5, 3.0))).text


@pytest.mark.parametrize(("size", "kind"), [(1, "nothing"), (2, "nothing"), (3, "usual"), (64, "usual")])
def test_no_gradient_passes_a_batch_of_one_or_two(size, kind):
    steps = small_batch(size=size)
    terms = gradient_terms(steps, np.random.default_rng(0).standard_normal(size))
    law = scale_invariance(np.logspace(-4, 4, 5))
    assert gradient_part.read(steps, terms, law).kind == kind
    assert (np.linalg.norm(terms.dx) < 1e-4 * np.linalg.norm(terms.dy)) == (kind == "nothing")


@pytest.mark.parametrize(("changed", "step", "kind"), [
    ({}, 3, "early"), ({}, 50, "usual"), ({"momentum": 0.99}, 40, "early"), ({"batch_size": 1}, 60, "one"),
    ({"shift": 4.0}, 62, "shifted"), ({"shift": 4.0}, 100, "usual"), ({"shift": 4.0}, 60, "usual"), ({}, 0, "early"),
])
def test_running_statistics_are_read_where_they_stand(changed, step, kind):
    run = running_statistics(**{"steps": 100, "batch_size": 32, "momentum": 0.9, "shift_at": 60, **changed})
    verdict = running_part.read(run, step)
    assert verdict.kind == kind
    if kind == "early":
        assert f"{100 * (1 - run.momentum**step):.0f} %" in verdict.text


@pytest.mark.parametrize(("scale", "kind"), [(0.1, "helps"), (10.0, "helps"), (1.4142, "harmless")])
def test_batch_norm_helps_where_the_weights_do_not_fit(scale, kind):
    runs = {str(bn or "none"): propagate(depth=10, width=100, activation="relu", initializer="lecun_normal", gain=scale, samples=200, batch_norm=bn,
                                         rng=np.random.default_rng(0)) for bn in (None, "before", "after")}
    assert depth_part.read(runs).kind == kind
    spreads = [runs[name].std[-1] for name in ("before", "after")]
    assert min(spreads) > 0.3
    assert max(spreads) < 1.1


def test_where_batch_norm_is_behind_stands_in_the_sentence():
    accuracy = np.full((2, 16), 0.1)
    accuracy[1] = 0.9
    accuracy[:, 2] = 0.98, 0.63
    text = scales_part.read(accuracy, 20).text
    assert "ahead at 15 of 16" in text
    assert f"σ = {SCALES[2]:.2g} (63 % against 98 %)" in text
    assert "behind" not in scales_part.read(np.array([[0.1] * 16, [0.9] * 16]), 1).text
    assert "Start" in scales_part.read(None, 0).text


@pytest.mark.parametrize(("text", "kind", "words"), [
    ("784, BN, 300 elu, BN, 100 elu, BN, 10", "usual", "271,346 parameters: 268,978 are trained, 2,368"),
    ("784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10", "usual", "270,946 parameters: 268,578 are trained, 2,368"),
    ("784, BN, 300 elu no bias, BN, elu, 10", "doubled", "Layer 4"),
    ("784, 300, BN, elu, 10", "bias", "The 300 biases of layer 1"),
    ("784, 10", "usual", "no batch norm"),
])
def test_a_layer_list_is_read_for_what_it_wastes(text, kind, words):
    verdict = cost_part.read(parse_layers(text))
    assert verdict.kind == kind
    assert words in verdict.text


def test_condition_numbers_stand_in_the_sentence_and_a_rate_beyond_the_limit_is_called_so():
    valleys = {way: input_scaling.valley(input_scaling.features(1000), way) for way in input_scaling.WAYS}
    rows = input_scaling.scale_test_data(2.0)
    assert "is 998,001 for raw inputs, 998,001 if they are divided by σ², and 1 if" in inputs_part.read(valleys, 0.5, rows).text
    assert "6,548,063, 6,548,063 and 1 steps" in inputs_part.read(valleys, 0.5, rows).text
    verdict = inputs_part.read(valleys, 1.05, rows)
    assert verdict.kind == "diverges"
    assert inputs_part.read(valleys, verdict.fix["share"], rows).kind == "usual"
