"""Linear: the numbers that a sum of n terms and a product of L matrices are known for."""

import math
import re

import numpy as np
import pytest

from engine.initializers import Initializer
from engine.propagation import over_seeds, propagate, stack
from engine.studies.linear import (
    chain,
    largest_singular_value,
    neurons,
    one_neuron,
    product_singular_values,
    saturated_neuron,
    singular_values_by_depth,
)

LIMITS = pytest.mark.parametrize(("depth", "square"), [(1, 4), (2, 6.75), (3, 9.48), (4, 12.2)])


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize(("a", "signal"), [(1.5, 4.25e8), (0.5, 1.78e-15), (1.0, 1.0)])
def test_a_chain_of_50_layers(a, signal):
    assert chain(a, 50) == pytest.approx(signal, rel=3e-3)
    diagonal = Initializer("diagonal", "", lambda fan_in, fan_out: a, lambda rng, shape: a * np.eye(*shape))
    run = propagate(depth=50, width=10, samples=20, activation="identity", initializer=diagonal, dtype="float64", rng=rng())
    assert run.std[-1] / run.std[0] == pytest.approx(chain(a, 50), rel=1e-9)
    assert run.gradient_rms[0] / run.gradient_rms[-1] == pytest.approx(chain(a, 50), rel=1e-9)


def test_a_chain_keeps_its_sign_and_ends_in_infinity_or_zero():
    assert chain(-2, 4) == -8
    assert chain(3.0, 1) == 1
    assert chain(1.5, 10_000) == math.inf
    assert chain(0.5, 10_000) == 0


@LIMITS
def test_the_largest_singular_value_of_wide_products(depth, square):
    assert largest_singular_value(depth)**2 == pytest.approx(square, rel=1e-3)
    found = {width: np.mean([product_singular_values(depth, width, rng=rng(seed))[0]**2 for seed in range(4)]) for width in (30, 400)}
    assert found[400] == pytest.approx(square, rel=0.07)   # finite matrices stay below, by a few times width^(-2/3)
    assert abs(found[400] - square) < abs(found[30] - square)


def test_for_many_layers_the_limit_grows_like_e_times_l_plus_a_half():
    assert largest_singular_value(1000)**2 == pytest.approx(math.e * 1000.5, rel=1e-3)


def test_gaussian_products_keep_lengths_on_average_and_flatten_most_directions():
    for depth in (1, 2, 5):
        values = np.concatenate([product_singular_values(depth, 200, rng=rng(seed)) for seed in range(3)])
        assert np.mean(values**2) == pytest.approx(1, rel=0.15)
    deep = product_singular_values(50, 100, rng=rng())
    assert deep[50] / deep[0] < 1e-6
    assert (np.diff(deep) <= 0).all()


@pytest.mark.parametrize("depth", [1, 4, 100])
def test_products_of_orthogonal_matrices_keep_every_length(depth):
    np.testing.assert_allclose(product_singular_values(depth, 100, orthogonal=True, rng=rng()), 1, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 10, 100, 1000])
@pytest.mark.parametrize(("std", "variance"), [(lambda n: 0.3, lambda n: 0.09 * n), (lambda n: 1 / math.sqrt(n), lambda n: 1),
                                               (lambda n: math.sqrt(2 / n), lambda n: 2)], ids=["fixed", "1/n", "2/n"])
def test_the_variance_of_one_neuron(n, std, variance):
    draws = 4000
    found = one_neuron(n, std(n), draws=draws, rng=rng(n))
    assert found.predicted == pytest.approx(variance(n))
    standard_error = math.sqrt((2 + 6 / n) / draws)   # a product of two normals has kurtosis 9, a sum of n of them 3 + 6/n
    assert found.measured == pytest.approx(variance(n), rel=4 * standard_error)


def test_neurons_get_ever_more_inputs_and_rules_scale_the_same_ones():
    (alone,), (early, late), (scaled, _) = neurons((10,), [[1.0]], seed=3)[0], *neurons((10, 1000), [[1.0, 1.0], [0.5, 0.5]], seed=3)
    assert early == alone == one_neuron(10, 1.0, rng=rng(3))
    assert late.measured == pytest.approx(1000, rel=4 * math.sqrt(2 / 2000))
    assert (scaled.measured, scaled.predicted) == (early.measured / 4, 2.5)


def test_a_saturated_neuron_keeps_a_slope_that_rounding_would_lose():
    z, slope = saturated_neuron(100, 0.5, 1)
    assert z == 51
    assert slope == pytest.approx(7.095e-23, rel=1e-4)
    sigma = 1 / (1 + math.exp(-z))
    assert sigma * (1 - sigma) == 0
    assert saturated_neuron(100, 0.5, 1, weight=0.02) == (2.0, pytest.approx(math.exp(-2) / (1 + math.exp(-2))**2))


def test_elements_below_1_can_explode_because_it_is_the_gain_that_counts():
    signs = Initializer("signs", "", lambda fan_in, fan_out: 0.5, lambda rng, shape: rng.choice([-0.5, 0.5], shape))
    runs = over_seeds(range(10), depth=11, width=100, samples=100, activation="identity", initializer=signs, dtype="float64")
    stds = stack(runs, "std")
    growth = (stds[:, -1] / stds[:, 0])**0.1
    assert growth.mean() == pytest.approx(5 * math.exp(-1 / 200), rel=0.02)   # sqrt(100 · .25), less what 100 random terms scatter: 4.9 to 5
    np.testing.assert_allclose(runs[0].sigma_w, 5)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: one_neuron(0, 1, rng=rng()), "n must be 1 to 10000 and draws 2 to 10000, got 0 and 2000"),
    (lambda: one_neuron(10_001, 1, rng=rng()), "n must be 1 to 10000 and draws 2 to 10000, got 10001 and 2000"),
    (lambda: one_neuron(5, 1, draws=1, rng=rng()), "n must be 1 to 10000 and draws 2 to 10000, got 5 and 1"),
    (lambda: product_singular_values(0, 10, rng=rng()), "depth must be between 1 and 100, got 0"),
    (lambda: product_singular_values(101, 10, rng=rng()), "depth must be between 1 and 100, got 101"),
    (lambda: product_singular_values(3, 0, rng=rng()), "width must be between 1 and 500, got 0"),
    (lambda: product_singular_values(3, 501, rng=rng()), "width must be between 1 and 500, got 501"),
    (lambda: largest_singular_value(0), "depth must be at least 1, got 0"),
])
def test_errors_name_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_a_product_that_grows_has_the_singular_values_of_products_of_its_first_matrices():
    found = singular_values_by_depth(6, 20, seed=3)
    for depth in (1, 2, 6):
        np.testing.assert_array_equal(found[depth - 1][0], product_singular_values(depth, 20, rng=np.random.default_rng(3)))
        np.testing.assert_allclose(found[depth - 1][1], 1, rtol=1e-12)
