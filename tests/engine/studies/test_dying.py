"""Dying units: what kills a ReLU, that it stays dead, and what brings others back."""

import numpy as np
import pytest

from engine.studies.dying import EPOCHS, sweep, watch_units

BIAS = {"learning_rate": 0.01, "bias": -1.0}
STEP = {"learning_rate": 0.1, "bias": 0.0}


def test_a_low_bias_switches_relu_units_off_and_none_comes_back():
    looks = watch_units("relu", **BIAS)
    off = np.array([look.off for look in looks])
    assert [look.epoch for look in looks] == [0, 1 / 23, *range(1, EPOCHS + 1)]   # 1,437 images in batches of 64: 23 steps an epoch
    assert [look.step for look in looks] == [0, 1, *range(23, 23 * EPOCHS + 1, 23)]
    assert off[0].mean() > 0.75
    assert np.array_equal(off[0], off[-1])
    assert looks[-1].accuracy < 0.15


def test_a_unit_that_is_off_in_a_relu_network_is_dead_and_in_no_other():
    for look in watch_units("relu", **BIAS):
        np.testing.assert_array_equal(look.off, look.dead)
    for name in ("leaky_relu", "prelu", "elu"):
        assert all(not look.dead.any() for look in watch_units(name, **BIAS))


@pytest.mark.parametrize("name", ["leaky_relu", "prelu", "elu"])
def test_a_slope_to_the_left_brings_units_back_on_the_same_seed(name):
    looks = watch_units(name, **BIAS)
    assert looks[-1].off.mean() < 0.5 * looks[0].off.mean()
    assert looks[-1].accuracy > 0.95


def test_leaky_relu_starts_from_the_very_units_that_relu_has():
    np.testing.assert_allclose(watch_units("relu", **BIAS)[0].off, watch_units("leaky_relu", **BIAS)[0].off, atol=0.1)
    np.testing.assert_array_equal(watch_units("relu", **BIAS)[0].off[0], watch_units("elu", **BIAS)[0].off[0])   # layer 1 sees the same z


def test_too_large_a_step_kills_units_that_were_alive():
    looks = watch_units("relu", **STEP)
    assert looks[0].off.mean() < 0.1
    assert looks[-1].dead.mean() > 0.8
    assert watch_units("relu", learning_rate=0.001)[-1].dead.mean() < 0.15


def test_a_sweep_yields_every_combination_in_order_and_repeats_itself():
    points = list(sweep(("relu", "elu"), (0.001, 0.1), (0.0, -1.0), epochs=1, depth=2, width=10))
    expected = [(a, r, b) for b in (0.0, -1.0) for r in (0.001, 0.1) for a in ("relu", "elu")]
    assert [(p.activation, p.learning_rate, p.bias) for p in points] == expected
    assert points == list(sweep(("relu", "elu"), (0.001, 0.1), (0.0, -1.0), epochs=1, depth=2, width=10))


@pytest.mark.parametrize(("given", "message"), [({"learning_rate": 0.0}, "learning_rate must be above 0, got 0"),
                                                ({"learning_rate": 0.1, "depth": 0}, "depth must be at least 1, got 0")])
def test_what_cannot_be_trained_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        watch_units("relu", **given)
