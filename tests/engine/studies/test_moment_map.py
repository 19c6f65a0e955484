"""Moment map: SELU's published fixed point, its derivative, and what breaks it."""

import math

import numpy as np
import pytest

from engine.activations import ACTIVATIONS
from engine.studies import moment_map
from engine.studies.moment_map import next_moments, settles_at, simulate, trajectory


def test_selu_keeps_mean_0_and_variance_1():
    assert next_moments(0, 1) == pytest.approx((0, 1), abs=1e-9)


def test_the_maps_derivative_at_the_fixed_point_is_the_published_one():
    """Klambauer et al. 2017, section "Stable and attracting fixed point (0, 1)": ((0, .088834), (0, .782648))."""
    h = 1e-5
    by_mean, by_variance = (np.subtract(next_moments(h * i, 1 + h * j), next_moments(-h * i, 1 - h * j)) / (2 * h) for i, j in ((1, 0), (0, 1)))
    np.testing.assert_allclose(by_mean, (0, 0), atol=1e-9)
    np.testing.assert_allclose(by_variance, (0.088834, 0.782648), atol=1e-6)


@pytest.mark.parametrize("start", [(0.5, 2.0), (-1.0, 0.1), (0.1, 1.5), (1.0, 3.0), (0.0, 0.01)])
def test_every_start_runs_to_0_and_1(start):
    assert trajectory(*start, 200)[-1] == pytest.approx((0, 1), abs=1e-6)


@pytest.mark.slow
def test_selu_at_depth_1000_keeps_its_moments():
    path = simulate(0, 1, 1000, width=300, samples=200, rng=np.random.default_rng(0))
    assert np.abs(path[:, 0]).max() < 0.15
    assert 0.75 < path[:, 1].min() < path[:, 1].max() < 1.3
    assert path[500:, 1].mean() == pytest.approx(1, abs=0.05)


def test_in_theory_selu_at_depth_1000_is_where_it_began():
    assert trajectory(0, 1, 1000)[-1] == pytest.approx((0, 1), abs=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("layer", [{}, {"rate": 0.2}, {"rate": 0.2, "dropout": "alpha"}, {"initializer": "he_normal"}])
def test_theory_is_what_a_wide_network_does(name, layer):
    rule = layer.get("initializer", "lecun_normal")
    theory = trajectory(0.3, 1.5, 3, name, sigma_w=moment_map.sigma_w_of(rule), **{k: v for k, v in layer.items() if k != "initializer"})
    measured = np.mean([simulate(0.3, 1.5, 3, name, width=400, samples=200, rng=np.random.default_rng(seed), **layer) for seed in range(4)], axis=0)
    np.testing.assert_allclose(measured, theory, rtol=0.1, atol=0.06)


def test_dropout_lifts_the_fixed_point_and_alpha_dropout_keeps_it():
    assert settles_at(rate=0.1)[1] == pytest.approx(1.62, abs=0.01)
    assert settles_at(rate=0.1, dropout="alpha") == pytest.approx((0, 1), abs=1e-9)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_alpha_dropout_keeps_mean_and_variance_in_a_sample(rate):
    rng = np.random.default_rng(0)
    a, b = moment_map.alpha_dropout(rate)
    x = a * np.where(rng.random(400_000) >= rate, rng.standard_normal(400_000), moment_map.FLOOR) + b
    assert x.mean() == pytest.approx(0, abs=0.01)
    assert x.var() == pytest.approx(1, abs=0.02)


def test_hes_weights_are_too_large_for_selu_and_half_of_lecuns_too_small():
    assert settles_at(sigma_w=math.sqrt(2))[1] == math.inf
    assert settles_at(sigma_w=0.5)[1] < 0.1
    assert settles_at("relu", sigma_w=1.0)[1] == pytest.approx(0, abs=1e-9)


def test_an_exploding_path_ends_at_infinity_without_an_error():
    path = trajectory(0, 1, 400, "identity", sigma_w=2.0)
    assert math.isinf(path[-1, 1])
    assert math.isinf(simulate(0, 1, 100, "identity", gain=10, width=20, samples=10, rng=np.random.default_rng(0))[-1, 1])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: next_moments(0, -1), "variance must be at least 0, got -1"), (lambda: next_moments(0, 1, rate=1), "rate must be at least 0 and below 1"),
    (lambda: next_moments(0, 1, dropout="beta"), "dropout must be one of dropout, alpha, got 'beta'"),
    (lambda: next_moments(0, 1, sigma_w=-1), "sigma_w must be at least 0"),
])
def test_errors_name_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
