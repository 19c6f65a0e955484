"""The ranking: same seeds and budget for everyone, and a fair reading of the bands."""

from itertools import islice

import pytest

from engine.activations import ACTIVATIONS
from engine.studies.ranking import CLAIM, Agreement, agreement, ranking, ranks, steps_of

SMALL = {"depth": 2, "width": 10, "epochs": 1, "seeds": 2}


def finals(steps):
    reached = {}
    for step in steps:
        if step.last:
            reached.setdefault(step.activation, []).append(step.test_accuracy)
    return reached


def test_every_activation_of_the_table_is_trained_on_every_seed():
    reached = finals(ranking(list(ACTIVATIONS), **SMALL))
    assert {name: len(values) for name, values in reached.items()} == dict.fromkeys(ACTIVATIONS, 2)


def test_progress_counts_every_step_once():
    steps = list(ranking(("relu", "tanh"), **SMALL))
    assert [step.done for step in steps] == list(range(1, steps[0].steps + 1))
    assert sum(step.last for step in steps) == 4
    assert len(steps) == steps[0].steps == steps_of(4, epochs=1) == 4 * 29   # 1,437 images in batches of 50


def test_results_are_the_same_however_it_is_sliced_and_whoever_else_takes_part():
    whole = finals(ranking(("relu", "tanh"), **SMALL))
    sliced, run = [], ranking(("relu", "tanh"), **SMALL)
    while part := list(islice(run, 7)):
        sliced += part
    assert finals(sliced) == whole
    assert finals(ranking(("tanh",), **SMALL))["tanh"] == whole["tanh"]


def test_ranks_go_by_the_median_and_overlapping_bands_decide_nothing():
    assert [r.activation for r in ranks({"a": [0.1, 0.5, 0.6], "b": [0.7], "c": []})] == ["b", "a"]
    assert agreement({"selu": [0.9, 0.95], "relu": [0.8, 0.85], "sigmoid": [0.84, 0.99]}) == Agreement(1, 0, 2)
    assert agreement({"selu": [0.1], "relu": [0.9]}) == Agreement(0, 1, 0)
    assert agreement({"gelu": [0.1], "relu": [0.9]}) == Agreement(0, 0, 0)


@pytest.mark.slow
def test_at_20_layers_the_sigmoid_is_last_and_selu_beats_relu():
    reached = finals(ranking(CLAIM, depth=20, width=30, epochs=10, seeds=3))
    table = ranks(reached)
    assert table[-1].activation == "sigmoid"
    assert table[-1].high < 0.2
    assert min(reached["selu"]) > max(reached["relu"])


@pytest.mark.parametrize(("given", "message"), [({"seeds": 0}, "seeds must be at least 1, got 0"), ({"depth": 0}, "depth must be at least 1, got 0")])
def test_what_cannot_be_run_is_refused_at_once(given, message):
    with pytest.raises(ValueError, match=message):
        ranking(("relu",), **{**SMALL, **given})
    with pytest.raises(ValueError, match="activations must name at least one, got none"):
        ranking((), **SMALL)
