"""`propagate_together` gives what `propagate` gives, one network after the other."""

import numpy as np
import pytest

from engine.activations import ACTIVATIONS
from engine.initializers import INITIALIZERS
from engine.propagation import EVERYTHING, propagate
from engine.together import propagate_together

STATISTICS = ("std", "std_over_data", "q", "gradient_rms", "saturated", "dead", "sigma_w")
EVENTS = ("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow", "input_std", "input_moment", "input_overlap")
SETTINGS = {"depth": 12, "width": 20, "samples": 30}


@pytest.mark.parametrize("gain", [1.0, 1e-5, 1e4])
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_networks_side_by_side_are_those_drawn_one_by_one(initializer, gain):
    side_by_side = propagate_together(list(ACTIVATIONS), **SETTINGS, initializer=initializer, gain=gain, rng=np.random.default_rng(5))
    for activation, run in zip(ACTIVATIONS, side_by_side, strict=True):
        alone = propagate(**SETTINGS, initializer=initializer, gain=gain, activation=activation, rng=np.random.default_rng(5))
        assert run.settings == alone.settings
        assert [getattr(run, name) for name in EVENTS] == [getattr(alone, name) for name in EVENTS]
        assert run.distinct[0] == alone.distinct[0]
        for name in STATISTICS:
            np.testing.assert_allclose(getattr(run, name), getattr(alone, name), rtol=1e-4, atol=1e-44, err_msg=f"{name} of {activation}")


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("width", [20, 150])   # drawn here, and by another thread
def test_what_is_not_asked_for_is_left_out_and_changes_nothing_else(width, batch_norm):
    settings = SETTINGS | {"width": width, "activation": "tanh", "initializer": "orthogonal", "batch_norm": batch_norm}
    every, some = (propagate(**settings, measure=measure, rng=np.random.default_rng(1)) for measure in (EVERYTHING, ("gradient_median",)))
    assert some.activations is some.pre_activations is None
    assert np.isnan(some.rank).all()
    assert np.isnan(some.distinct[1:]).all()
    assert some.distinct[0] == every.distinct[0]
    for name in (*STATISTICS, "gradient_median", "mean"):
        np.testing.assert_array_equal(getattr(some, name), getattr(every, name))


def test_an_unknown_measure_is_named():
    with pytest.raises(ValueError, match=r"^measure must name some of histograms, gradient_median, rank, distinct, got \['colour'\]$"):
        propagate(**SETTINGS, activation="relu", initializer="zeros", rng=np.random.default_rng(0), measure=["colour"])
