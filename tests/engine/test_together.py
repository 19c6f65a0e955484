"""`propagate_together` gives what `propagate` gives, one network after the other."""

import numpy as np
import pytest

from engine import together
from engine.activations import ACTIVATIONS
from engine.diagnosis import diagnose
from engine.initializers import INITIALIZERS
from engine.propagation import EVERYTHING, propagate
from engine.together import Draws, propagate_together

STATISTICS = ("std", "std_over_data", "q", "gradient_rms", "saturated", "dead", "sigma_w")
EVENTS = ("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow", "input_std", "input_moment", "input_overlap")
SETTINGS = SHAPE = {"depth": 12, "width": 20, "samples": 30}


def alone_as(own, dtype):
    settings = {**SETTINGS, **own, "dtype": dtype}
    return propagate(rng=np.random.default_rng(settings.pop("seed")), **settings)


def same(run, own):
    """In float64: a chaotic network makes much of a rounding in float32."""
    alone = alone_as(own, np.float64)
    assert run.settings == alone.settings
    assert [getattr(run, name) for name in EVENTS] == [getattr(alone, name) for name in EVENTS]
    assert run.distinct[0] == alone.distinct[0]
    for name in STATISTICS:
        found, expected = getattr(run, name), getattr(alone, name)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-14 * name.startswith("std"), err_msg=f"{name} of {own}")


@pytest.mark.parametrize("gain", [1.0, 0.1, 10.0])
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_networks_side_by_side_are_those_drawn_one_by_one(initializer, gain):
    networks = [{"activation": activation, "initializer": initializer, "gain": gain, "seed": 5} for activation in ACTIVATIONS]
    for run, own in zip(propagate_together(networks, Draws(**SHAPE, dtype=np.float64)), networks, strict=True):
        same(run, own)


@pytest.mark.parametrize("gain", [1e-5, 1e4])
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_where_numbers_leave_float32_the_diagnosis_is_that_of_one_alone(initializer, gain):
    """There the last digits go, and the layer may be the next one: the factor comes before the product, or after it."""
    networks = [{"activation": activation, "initializer": initializer, "gain": gain, "seed": 5} for activation in ACTIVATIONS]
    for run, own in zip(propagate_together(networks, Draws(**SHAPE)), networks, strict=True):
        alone = alone_as(own, np.float32)
        assert diagnose(run).kind == diagnose(alone).kind, own
        for event in EVENTS[:2]:
            a, b = (getattr(one, event) for one in (run, alone))
            assert a == b or (None not in (a, b) and abs(a - b) <= 1), (own, event)


def test_what_only_the_gradient_needs_changes_nothing_of_it():
    networks = [{"activation": activation, "initializer": rule, "seed": 3} for activation in ("relu", "tanh") for rule in ("he_normal", "lsuv")]
    every, some = (propagate_together(networks, Draws(**SHAPE), gradient_only=only) for only in (False, True))
    for one, other in zip(every, some, strict=True):
        np.testing.assert_array_equal(one.gradient_rms, other.gradient_rms)
        assert np.isnan((other.std, other.dead, other.distinct)).all()


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
def test_networks_with_rules_gains_and_seeds_of_their_own_share_what_they_can(batch_norm):
    rules = ("glorot_normal", "he_normal", "lecun_normal", "he_uniform", "lsuv", "orthogonal", "normal", "zeros")
    draws = Draws(**SHAPE, dtype=np.float64)
    networks = [{"activation": "tanh", "initializer": rule, "gain": gain, "batch_norm": batch_norm, "seed": seed}
                for rule in rules for gain in (0.3, 1.0) for seed in (0, 1)]
    for run, own in zip(propagate_together(networks, draws), networks, strict=True):
        same(run, own)
    assert len(draws.kept) == 2 * len(("normal", "uniform", "orthogonal", "zeros"))


def test_rules_that_draw_alike_cost_nothing_twice(monkeypatch):
    """In a square layer Glorot's rule is LeCun's."""
    passes, plain = [], together._Pass.__init__
    monkeypatch.setattr(together._Pass, "__init__", lambda self, batch_norm, networks, *rest: (passes.append(len(networks)), plain(
        self, batch_norm, networks, *rest))[1])
    rules = ["glorot_normal", "lecun_normal", "he_normal"]
    found = propagate_together([{"activation": "relu", "initializer": rule, "seed": 0} for rule in rules], Draws(**SHAPE))
    assert passes == [2]
    assert [run.settings["initializer"] for run in found] == rules
    assert found[0].std is found[1].std


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("width", [20, 150])   # drawn here, and by another thread
def test_what_is_not_asked_for_is_left_out_and_changes_nothing_else(width, batch_norm):
    settings = SETTINGS | {"width": width, "activation": "tanh", "initializer": "orthogonal", "batch_norm": batch_norm}
    measures = (EVERYTHING, ("gradient_median", "activations"))
    every, some = (propagate(**settings, measure=measure, rng=np.random.default_rng(1)) for measure in measures)
    np.testing.assert_array_equal(some.activations.inside, every.activations.inside)
    assert some.pre_activations is None
    assert np.isnan(some.rank).all()
    assert np.isnan(some.distinct[1:]).all()
    assert some.distinct[0] == every.distinct[0]
    for name in (*STATISTICS, "gradient_median", "mean"):
        np.testing.assert_array_equal(getattr(some, name), getattr(every, name))


def test_an_unknown_measure_is_named():
    with pytest.raises(ValueError, match=r"^measure must name some of activations, .*, gradient_median, rank, distinct, got \['colour'\]$"):
        propagate(**SETTINGS, activation="relu", initializer="zeros", rng=np.random.default_rng(0), measure=["colour"])
