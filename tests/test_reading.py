"""Reading: the sentences say what the numbers are, and a fix does cure."""


import numpy as np
import pytest

from engine import reading
from engine.propagation import propagate
from engine.studies import input_scaling
from engine.studies.layer_list import parse_layers
from engine.studies.normalization import draw_batch, gradient_terms, normalize_batch, running_statistics, scale_invariance
from engine.studies.sixteen_scales import SCALES


def batch(**changed):
    v = {"size": 8, "spread": 2.0, "pull": 1.0, "epsilon": 1e-5, **changed}
    return normalize_batch(draw_batch(v["size"], v["spread"], v["pull"], 0), epsilon=v["epsilon"])


@pytest.mark.parametrize(("changed", "kind", "word"), [
    ({}, "usual", "order"), ({"size": 1}, "one", "Nothing passes"), ({"size": 2}, "two", "−1 and +1"),
    ({"spread": 1e-4}, "epsilon", "of σ² + ε"), ({"pull": 10.0, "size": 16}, "usual", "√(m − 1) = 3.87"),
])
def test_a_batch_is_called_by_its_case_and_its_fix_cures_it(changed, kind, word):
    verdict = reading.read_batch(batch(**changed))
    assert verdict.kind == kind
    assert word in verdict.text
    if verdict.fix:
        assert reading.read_batch(batch(**{**changed, **verdict.fix})).kind == "usual"


def test_equal_values_are_called_so():
    assert "equal" in reading.read_batch(normalize_batch(np.full(5, 3.0))).text


@pytest.mark.parametrize(("size", "kind"), [(1, "nothing"), (2, "nothing"), (3, "usual"), (64, "usual")])
def test_no_gradient_passes_a_batch_of_one_or_two(size, kind):
    steps = batch(size=size)
    terms = gradient_terms(steps, np.random.default_rng(0).standard_normal(size))
    law = scale_invariance(np.logspace(-4, 4, 5))
    assert reading.read_gradient(steps, terms, law).kind == kind
    assert (np.linalg.norm(terms.dx) < 1e-4 * np.linalg.norm(terms.dy)) == (kind == "nothing")


@pytest.mark.parametrize(("changed", "step", "kind"), [
    ({}, 3, "early"), ({}, 50, "usual"), ({"momentum": 0.99}, 40, "early"), ({"batch_size": 1}, 60, "one"),
    ({"shift": 4.0}, 62, "shifted"), ({"shift": 4.0}, 100, "usual"), ({"shift": 4.0}, 60, "usual"), ({}, 0, "early"),
])
def test_running_statistics_are_read_where_they_stand(changed, step, kind):
    run = running_statistics(**{"steps": 100, "batch_size": 32, "momentum": 0.9, "shift_at": 60, **changed})
    verdict = reading.read_running(run, step)
    assert verdict.kind == kind
    if kind == "early":
        assert f"{100 * (1 - run.momentum**step):.0f} %" in verdict.text


@pytest.mark.parametrize(("scale", "kind"), [(0.1, "helps"), (10.0, "helps"), (1.4142, "harmless")])
def test_batch_norm_helps_where_the_weights_do_not_fit(scale, kind):
    runs = {str(bn or "none"): propagate(depth=10, width=100, activation="relu", initializer="lecun_normal", gain=scale, samples=200, batch_norm=bn,
                                         rng=np.random.default_rng(0)) for bn in (None, "before", "after")}
    assert reading.read_depth(runs).kind == kind
    spreads = [runs[name].std[-1] for name in ("before", "after")]
    assert min(spreads) > 0.3
    assert max(spreads) < 1.1


def test_where_batch_norm_is_behind_stands_in_the_sentence():
    accuracy = np.full((2, 16), 0.1)
    accuracy[1] = 0.9
    accuracy[:, 2] = 0.98, 0.63
    text = reading.read_scales(accuracy, 20).text
    assert "ahead at 15 of 16" in text
    assert f"σ = {SCALES[2]:.2g} (63 % against 98 %)" in text
    assert "behind" not in reading.read_scales(np.array([[0.1] * 16, [0.9] * 16]), 1).text
    assert "Start" in reading.read_scales(None, 0).text


@pytest.mark.parametrize(("text", "kind", "words"), [
    ("784, BN, 300 elu, BN, 100 elu, BN, 10", "usual", "271,346 parameters: 268,978 are trained, 2,368"),
    ("784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10", "usual", "270,946 parameters: 268,578 are trained, 2,368"),
    ("784, BN, 300 elu no bias, BN, elu, 10", "doubled", "Layer 4"),
    ("784, 300, BN, elu, 10", "bias", "The 300 biases of layer 1"),
    ("784, 10", "usual", "no batch norm"),
])
def test_a_layer_list_is_read_for_what_it_wastes(text, kind, words):
    verdict = reading.read_cost(parse_layers(text))
    assert verdict.kind == kind
    assert words in verdict.text


def test_condition_numbers_stand_in_the_sentence_and_a_rate_beyond_the_limit_is_called_so():
    valleys = {way: input_scaling.valley(input_scaling.features(1000), way) for way in input_scaling.WAYS}
    rows = input_scaling.scale_test_data(2.0)
    assert "raw 998,001, divided by σ² 998,001, by σ 1." in reading.read_input(valleys, 0.5, rows).text
    assert "6,548,063, 6,548,063 and 1 steps" in reading.read_input(valleys, 0.5, rows).text
    verdict = reading.read_input(valleys, 1.05, rows)
    assert verdict.kind == "diverges"
    assert reading.read_input(valleys, verdict.fix["share"], rows).kind == "usual"
