"""Input scaling: condition numbers and step counts, against closed forms and gradient descent itself."""

import math

import numpy as np
import pytest

from engine.datasets import load_digits, normalizer
from engine.studies.input_scaling import WAYS, features, scale_test_data, valley


def test_the_notes_slip_leaves_the_valley_as_long_as_it_was():
    raw, by_variance, by_std = (valley(features(1000), way) for way in WAYS)
    assert raw.condition == pytest.approx(999**2, rel=1e-9)
    assert by_variance.condition == pytest.approx(999**2, rel=1e-9)
    assert by_std.condition == pytest.approx(1, rel=1e-9)
    np.testing.assert_allclose(by_variance.stds, [0.00347, 3.46], rtol=2e-3)
    np.testing.assert_allclose(by_std.stds, 1, rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("largest", [2.0, 10.0, 1000.0])
def test_every_valley_starts_at_1_and_has_its_floor_at_the_optimum(way, largest):
    v = valley(features(largest), way)
    assert v.loss([0], 0.5)[0] == pytest.approx(1)
    assert v.loss([1e12], 0.5)[0] == pytest.approx(0, abs=1e-12)
    on_contour = v.contour(0.3) - v.optimum
    np.testing.assert_allclose(0.5 * np.einsum("pi,ij,pj->p", on_contour, v.hessian, on_contour), 0.3, rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.1])
def test_the_closed_form_is_gradient_descent(way, share):
    """The oracle is the loss over the data themselves, with the bias fitted, along the path."""
    x = features(10)
    v = valley(x, way)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    divisor = {"raw": 1, "variance": x.std(axis=0) ** 2, "std": x.std(axis=0)}[way]
    scaled = (x - x.mean(axis=0)) / divisor
    path = v.path(40, share)
    losses = [0.5 * np.mean((scaled @ w - z.sum(axis=1)) ** 2) for w in path]
    np.testing.assert_allclose(v.loss(np.arange(41), share), losses, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_steps_needed_are_the_first_below_the_tolerance(share):
    v = valley(features(10), "raw")
    steps = v.steps_needed(share)
    below = v.loss([steps - 1, steps], share) <= 1e-6
    assert below.tolist() == [False, True]


def test_convergence_counts_of_two_features_of_1000_and_1():
    raw, by_variance, by_std = (valley(features(1000), way).steps_needed(0.5) for way in WAYS)
    assert by_std == 1
    assert raw == by_variance
    assert raw == pytest.approx(math.log(0.5e6) / 2 * 999**2, rel=1e-3)   # (1 - 1/κ)^2k = 2·10⁻⁶: the short direction is done at once


@pytest.mark.parametrize("share", [1.0, 1.5, 0.0])
def test_at_or_beyond_the_largest_rate_it_never_arrives(share):
    v = valley(features(10), "raw")
    assert v.steps_needed(share) == math.inf
    assert not v.loss([1000], share)[0] < 0.1


def test_scaling_test_data_by_their_own_numbers_hides_the_shift_and_costs_accuracy():
    train, own, leak = scale_test_data(2.0)
    assert train.test_mean == pytest.approx(2, abs=0.3)
    assert abs(own.test_mean) < 1e-12
    assert own.error > 50 * train.error
    assert train.error == pytest.approx(1, abs=0.5)
    assert leak.error == pytest.approx(train.error, rel=1e-6)   # least squares does not mind; but its numbers now depend on the test data
    assert abs(leak.test_mean) < train.test_mean / 2


def test_without_a_shift_all_three_are_close():
    errors = [row.error for row in scale_test_data(0.0)]
    assert max(errors) < 5


def test_constant_pixels_stay_0_and_test_images_get_the_training_images_numbers():
    data = load_digits()
    scaled = normalizer("standardize", data, np.float64)
    constant = np.ptp(data.x_train, axis=0) == 0
    assert constant.any()
    x = scaled(data.x_train)
    assert not x[:, constant].any()
    np.testing.assert_allclose(x[:, ~constant].mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(x[:, ~constant].std(axis=0), 1, rtol=1e-6)
    assert abs(scaled(data.x_test)[:, ~constant].mean(axis=0)).max() > 1e-3   # not their own


@pytest.mark.parametrize(("call", "message"), [
    (lambda: valley(features(10), "max"), "way must be one of raw, variance, std, got 'max'"),
    (lambda: features(1), "largest must be above 1 and finite, got 1"),
    (lambda: features(math.inf), "largest must be above 1 and finite, got inf"),
])
def test_errors_name_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
