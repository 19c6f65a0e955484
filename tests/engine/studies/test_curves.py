"""Curves: what the engine reads off phi and phi' against what is known of them."""

import math

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, as_activation
from engine.studies import curves
from engine.studies.curves import Line, Zone
from engine.words import ALMOST_FLAT

INF = math.inf


@pytest.mark.parametrize(("name", "low", "high"), [
    ("identity", -INF, INF), ("sigmoid", 0, 1), ("tanh", -1, 1), ("relu", 0, INF), ("leaky_relu", -INF, INF), ("prelu", -INF, INF),
    ("rrelu", -INF, INF), ("elu", -1, INF), ("selu", -1.7580993408473766, INF), ("softplus", 0, INF),
    ("gelu", -0.16997120747990369, INF), ("swish", -0.27846454276107, INF),
])
def test_ranges_are_the_published_ones(name, low, high):
    facts = curves.facts(ACTIVATIONS[name])
    assert facts.low == pytest.approx(low, abs=1e-5)
    assert facts.high == pytest.approx(high, abs=1e-5)


@pytest.mark.parametrize(("name", "left", "right"), [
    ("identity", Line(1, 0), Line(1, 0)), ("sigmoid", Line(0, 0), Line(0, 1)), ("tanh", Line(0, -1), Line(0, 1)), ("relu", Line(0, 0), Line(1, 0)),
    ("leaky_relu", Line(0.01, 0), Line(1, 0)), ("prelu", Line(0.25, 0), Line(1, 0)), ("rrelu", Line(0.229167, 0), Line(1, 0)),
    ("elu", Line(0, -1), Line(1, 0)), ("selu", Line(0, -1.7581), Line(1.050701, 0)), ("softplus", Line(0, 0), Line(1, 0)),
    ("gelu", Line(0, 0), Line(1, 0)), ("swish", Line(0, 0), Line(1, 0)),
])
def test_asymptotes_are_the_limits_of_the_formula(name, left, right):
    facts = curves.facts(ACTIVATIONS[name])
    assert (facts.left, facts.right) == (left, right)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_entry_has_facts_that_hold_on_a_sample(name):
    activation, z = ACTIVATIONS[name], np.linspace(-300, 300, 60_001)
    facts = curves.facts(activation)
    y, slope = activation.f(z), np.abs(activation.df(z))
    assert facts.low - 1e-5 <= y.min()
    assert y.max() <= facts.high + 1e-5
    assert slope.max() <= facts.steepest * (1 + 1e-12)
    for zone in facts.zones:
        inside = slope[(z > zone.low) & (z < zone.high)]
        assert len(inside)
        assert inside.max() == 0 if zone.kind == "dead" else inside.max() < 1.1 * ALMOST_FLAT * facts.steepest


@pytest.mark.parametrize(("name", "centred"), [("identity", True), ("tanh", True), ("selu", True), ("sigmoid", False), ("relu", False),
                                               ("elu", False), ("leaky_relu", False), ("gelu", False), ("swish", False), ("softplus", False)])
def test_zero_centred_means_that_noise_around_0_stays_around_0(name, centred):
    facts = curves.facts(ACTIVATIONS[name])
    sample = ACTIVATIONS[name].f(np.random.default_rng(0).standard_normal(200_000)).mean()
    assert facts.mean == pytest.approx(sample, abs=0.01)
    assert facts.zero_centred == centred


def test_a_relu_is_dead_to_the_left_a_sigmoid_saturates_on_both_sides_and_a_leaky_relu_on_none():
    assert curves.facts(ACTIVATIONS["relu"]).zones == (Zone(-INF, 0.0, "dead"),)
    low, high = curves.facts(ACTIVATIONS["sigmoid"]).zones
    assert (low.kind, high.kind) == ("saturated", "saturated")
    assert low.high == -high.low == pytest.approx(-math.log(78), abs=0.01)   # sigma' = .05 / 4 where e^|z| + 2 + e^-|z| = 80
    assert curves.facts(ACTIVATIONS["leaky_relu"]).zones == ()
    assert curves.facts(as_activation("leaky_relu", alpha=0.0)).zones == (Zone(-INF, 0.0, "dead"),)


def test_options_change_the_facts():
    assert curves.facts(as_activation("elu", alpha=2.0)).low == -2
    assert curves.facts(as_activation("leaky_relu", alpha=0.2)).left == Line(0.2, 0)


def test_elu_composed_twice_floors_at_minus_632():
    elu = ACTIVATIONS["elu"].f
    twice = elu(elu(np.array([-1e4, -50.0, -INF])))
    np.testing.assert_allclose(twice, math.exp(-1) - 1, rtol=1e-15)
    assert round(float(twice[0]), 3) == -0.632


def test_the_cursor_reads_a_slope_of_7e_minus_23_at_51():
    (name, value, slope), = curves.values_at([ACTIVATIONS["sigmoid"]], 51)
    assert (name, value) == ("sigmoid", 1.0)
    assert slope == pytest.approx(7.095474162284704e-23, rel=1e-12)
    s = ACTIVATIONS["sigmoid"].f
    assert float(s(np.float64(51)) * s(np.float64(-51))) == pytest.approx(7.095474162284704e-23, rel=1e-12)
    assert float(s(np.float64(51)) * (1 - s(np.float64(51)))) == 0.0   # what the naive formula gives


@pytest.mark.parametrize("z", [1e4, -1e4, INF, -INF, math.nan])
@pytest.mark.filterwarnings("error")
def test_the_cursor_reads_every_curve_far_out(z):
    rows = curves.values_at(list(ACTIVATIONS.values()), z)
    assert [name for name, _, _ in rows] == list(ACTIVATIONS)
    assert all(math.isnan(value) == math.isnan(z) for _, value, _ in rows)


def test_a_product_of_sigmoid_slopes_is_at_most_a_quarter_to_the_power_of_depth():
    assert curves.facts(ACTIVATIONS["sigmoid"]).steepest ** 10 == pytest.approx(4.0 ** -10)
    z = np.random.default_rng(0).standard_normal((10, 1000))
    assert ACTIVATIONS["sigmoid"].df(z).prod(axis=0).max() <= 4.0 ** -10
