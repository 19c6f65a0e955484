"""Scales: two directions that want two scales of the weights, and the gain that keeps each, against theory and closed forms."""

import itertools
import math

import numpy as np
import pytest

from engine.mean_field import moments
from engine.network import mlp
from engine.propagation import over_seeds, stack
from engine.studies import scales
from engine.studies.scales import DRAWS, FACTORS, GAINS, RULES, SHAPES, by_gain, by_rule, by_width_alone, expected, keeps, stds, travel, widths


def theory(sizes, activation):
    """(2, rules, depth)"""
    return np.array([expected(sizes, own, activation) for own in stds(sizes, activation)]).swapaxes(0, 1)


@pytest.mark.parametrize(("shape", "activation"), list(itertools.product(SHAPES, FACTORS)))
def test_networks_of_unequal_widths_do_on_average_what_the_formula_says(shape, activation):
    sizes = widths(shape, 200, 50, 6)
    runs = by_rule(sizes, activation, seeds=60, samples=16)
    error = runs.std(axis=0) / math.sqrt(len(runs))
    finite_width = 0.06 if activation == "tanh" else 0.02   # tanh bends the scatter of narrow layers
    assert (np.abs(runs.mean(axis=0) - theory(sizes, activation)) < 4.5 * error + finite_width * theory(sizes, activation)).all()


def test_a_rule_that_is_five_percent_off_a_layer_would_be_seen():
    sizes = widths("swinging", 200, 50, 6)
    runs = np.stack([travel(sizes, 1.05 * np.array(stds(sizes, "identity")), "identity", seed=seed, samples=16) for seed in range(60)])
    error = runs.std(axis=0) / math.sqrt(len(runs))
    assert (np.abs(runs.mean(axis=0) - theory(sizes, "identity")) > 4.5 * error + 0.02 * theory(sizes, "identity"))[0, :, -1].all()


@pytest.mark.parametrize("activation", FACTORS)
def test_layers_of_equal_width_are_those_of_propagate(activation):
    sizes, own = (50,) * 6, stds((50,) * 6, activation)[:1]
    here = np.stack([travel(sizes, own, activation, seed=seed, samples=50)[:, 0] for seed in range(40)])
    settings = {"depth": 5, "width": 50, "samples": 50, "activation": activation, "initializer": "lecun_normal", "measure": ()}
    there = over_seeds(range(40), gain=math.sqrt(FACTORS[activation]), **settings)
    for one, other in zip(here.swapaxes(0, 1), (stack(there, "q"), stack(there, "gradient_rms") ** 2), strict=True):
        scatter = np.hypot(one.std(axis=0), other.std(axis=0)) / math.sqrt(40)
        assert (np.abs(one.mean(axis=0) - other.mean(axis=0)) < 4.5 * scatter + 1e-3).all()


def test_the_gradient_is_that_of_the_librarys_network():
    """The same weights in an `mlp` without a softmax's part: backward of its layers gives the same dJ/dz."""
    sizes, seed = (7, 5, 3, 4), 3
    own = stds(sizes, "tanh")[2]
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((9, 7), dtype=np.float32)
    network = mlp((*sizes, 2), activation="tanh", rng=np.random.default_rng(0), dtype=np.float64)
    dense = [layer for layer in network.layers if hasattr(layer, "weight")][:3]
    for layer, std, shape in zip(dense, own, itertools.pairwise(sizes), strict=True):
        layer.weight.value[...], layer.bias.value[...] = std * rng.standard_normal(shape, dtype=np.float32), 0
    network.forward(x.astype(np.float64), training=True)
    dy, sizes_of_dz = rng.standard_normal((9, 4), dtype=np.float32).astype(np.float64), []
    for layer in reversed(network.layers[:-1]):   # all but the output layer
        dy = layer.backward(dy)
        if not hasattr(layer, "weight"):
            sizes_of_dz.append(np.mean(dy**2))
    assert travel(sizes, [own], "tanh", seed=seed, samples=9)[1, 0] == pytest.approx(sizes_of_dz[::-1], rel=1e-5)


def test_in_a_linear_network_fan_in_keeps_the_signal_and_leaves_of_the_gradient_the_ratio_of_the_widths():
    for shape in SHAPES:
        sizes = widths(shape, 300, 20, 7)
        signal, gradient = theory(sizes, "identity")
        assert signal[0] == pytest.approx(1)
        assert gradient[0] == pytest.approx([sizes[-1] / n for n in sizes[1:]])
        assert signal[1] == pytest.approx([sizes[0] / n for n in sizes[1:]])
        assert gradient[1] == pytest.approx(1)


def test_glorots_average_keeps_both_where_widths_are_equal_and_loses_both_where_they_swing():
    assert theory((80,) * 9, "identity") == pytest.approx(1)
    signal, gradient = theory(widths("swinging", 400, 100, 11), "identity")[:, 2]
    assert (signal[-1] / signal[0], gradient[0] / gradient[-1]) == pytest.approx((0.64**5, 0.64**5))   # 4 ab / (a + b)² a pair of layers


@pytest.mark.parametrize("seed", range(5))
def test_of_any_widths_each_one_sided_rule_changes_the_other_direction_by_first_over_last_and_no_more(seed):
    sizes = [int(n) for n in np.random.default_rng(seed).integers(10, 400, 12)]
    assert by_width_alone(sizes, "fan_in") == pytest.approx((1, sizes[-1] / sizes[1]))
    assert by_width_alone(sizes, "fan_out") == pytest.approx((sizes[1] / sizes[-1], 1))
    assert math.prod(by_width_alone(sizes, "glorot")) < 1


def test_shapes_go_from_one_width_to_the_other():
    assert widths("swinging", 200, 50, 3) == (200, 50, 200, 50)
    assert widths("narrowing", 400, 100, 2) == (400, 200, 100)
    assert widths("widening", 400, 100, 2) == (100, 200, 400)
    with pytest.raises(ValueError, match="shape must be one of swinging, narrowing, widening, got 'round'"):
        widths("round", 200, 50, 3)


@pytest.mark.parametrize("draw", DRAWS)
def test_draws_have_mean_0_and_variance_1(draw):
    w = DRAWS[draw](np.random.default_rng(0), (300, 300))
    assert (w.mean(), w.var()) == pytest.approx((0, 1), abs=0.02)
    assert (np.abs(w).max() < 1.7321) == (draw == "uniform")


def test_it_does_not_matter_how_the_weights_are_drawn_but_for_chance():
    logs = np.log(by_gain("relu", 8, seeds=40, samples=16))   # (seeds, draws, 2, gains)
    between = np.abs(np.diff(logs.mean(axis=0), axis=0))
    assert (between < 4 * logs.std(axis=0).max() * math.sqrt(2 / 40)).all()
    assert between.max() < 0.02


@pytest.mark.parametrize("activation", ["relu", "identity", "selu", "sigmoid", "elu", "tanh"])
def test_the_signal_is_kept_at_the_gain_that_keeps_a_mean_square_of_1(activation):
    found = keeps(scales.expected_by_gain(activation, 6)[0])
    assert found == [pytest.approx(moments(activation).gain, rel=0.03)]   # straight lines between eleven gains


@pytest.mark.parametrize(("activation", "gains"), [("relu", [math.sqrt(2)]), ("identity", [1.0]), ("sigmoid", [])])
def test_the_gradients_gain(activation, gains):
    assert keeps(scales.expected_by_gain(activation, 11)[1]) == pytest.approx(gains)


@pytest.mark.parametrize(("factors", "gains"), [
    ([0.5, 1, 2], [1]), ([0.5, 2, 4], [math.sqrt(0.5)]), ([0.5, 0.6, 0.7], []), ([0.5, 2, 0.5], [math.sqrt(0.5), math.sqrt(2)]), ([0, 2, 4], []),
    ([math.nan, 0.5, 2], [math.sqrt(2)])])
def test_where_a_factor_passes_1(factors, gains):
    assert keeps(factors, (0.5, 1, 2)) == pytest.approx(gains)


def test_the_same_seed_gives_the_same_numbers_and_networks_share_a_draw():
    sizes = (10, 20, 30)
    one = travel(sizes, [[1, 1], [2, 1]], "identity", seed=4)
    assert (one == travel(sizes, [[1, 1], [2, 1]], "identity", seed=4)).all()
    assert one[0, 1] == pytest.approx(4 * one[0, 0])
    assert GAINS[4] == 1
    assert GAINS[5] == pytest.approx(math.sqrt(2))
    assert list(RULES) == ["fan_in", "fan_out", "glorot"]


@pytest.mark.parametrize(("sizes", "own", "words"), [
    ((10,), [[1.0]], "sizes must be 2 to 101"), ((10, 0), [[1.0]], "sizes must be 2 to 101"), ((10, 501), [[1.0]], "got \\(10, 501\\)"),
    ((10, 20), [[1.0, 1.0]], "scales must be \\(networks, 1\\), got shape \\(1, 2\\)")])
def test_what_does_not_fit_is_refused(sizes, own, words):
    with pytest.raises(ValueError, match=words):
        travel(sizes, own, "identity")
