"""Symmetry: what equal weights do to the units of a layer, in training and in their gradients."""

import math

import numpy as np
import pytest

from engine.datasets import load_digits
from engine.initializers import INITIALIZERS
from engine.measures import distinct
from engine.network import mlp
from engine.optimizers import SGD
from engine.studies.symmetry import count_units

EQUAL = ("zeros", "constant")


def data():
    return load_digits().first(300)


def network(activation, initializer, gain=1.0):
    return mlp((64, 20, 15, 10), activation=activation, initializer=initializer, gain=gain, dtype=np.float64, rng=np.random.default_rng(0))


def batch():
    images = data()
    return images.x_train[:100] / 16, images.y_train[:100]


def weight_gradients(net):
    return [p.gradient for p in net.parameters if p.is_weight]


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("initializer", EQUAL)
def test_units_that_start_alike_stay_one_unit_however_long_they_are_trained(activation, initializer):
    run = count_units(data(), initializer, activation=activation, gain=0.05, epochs=8)
    assert (run.units == 1).all()
    assert run.units.shape == (24, 2)
    np.testing.assert_array_equal(run.steps, np.arange(24))


@pytest.mark.parametrize("initializer", [name for name in INITIALIZERS if name not in EQUAL])
def test_random_weights_keep_every_unit_apart(initializer):
    run = count_units(data(), initializer, hidden=(20, 7), learning_rate=0.05, epochs=3)
    assert (run.units == [20, 7]).all()


def test_random_weights_learn_what_equal_ones_cannot():
    rules = {"constant": .05, "glorot_normal": 1.0}
    equal, random = (count_units(data(), name, gain=gain, epochs=20).losses[-3:].mean() for name, gain in rules.items())
    assert equal > 1.5
    assert random < 0.5


def test_relu_with_zero_weights_stays_at_ln_10_and_only_the_last_bias_moves():
    run = count_units(data(), "zeros", activation="relu", epochs=20, learning_rate=0.1)
    assert run.losses[0] == pytest.approx(math.log(10), rel=1e-6)
    np.testing.assert_allclose(run.losses, math.log(10), atol=0.05)   # a bias learns how frequent each digit is, and no more
    net = network("relu", "zeros")
    for _ in range(5):
        net.loss_and_gradient(*batch())
        moved = [p.name for p in net.parameters if p.gradient.any()]
        assert moved == ["output.b"]
        SGD(net, 0.5).step()


def test_sigmoid_with_zero_weights_moves_its_last_layer_the_same_way_for_every_unit():
    net = network("sigmoid", "zeros")
    loss, _ = net.loss_and_gradient(*batch())
    first, second, last = weight_gradients(net)
    assert loss == pytest.approx(math.log(10))
    assert not first.any()
    assert not second.any()
    assert last.any()
    np.testing.assert_allclose(last, np.broadcast_to(last[:1], last.shape), rtol=1e-12, atol=1e-15)   # where the rest cancels, rounding is left


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "selu"])
def test_constant_weights_get_gradients_that_are_identical_and_not_zero(activation):
    net = network(activation, "constant", gain=0.05)
    for p in net.parameters:
        if p.name == "output.W":
            p.value += np.linspace(-1, 1, 10)   # equal logits would cancel: the same column for every unit, another one for every class
    net.loss_and_gradient(*batch())
    for gradient in weight_gradients(net)[:-1]:
        assert np.abs(gradient).max() > 1e-6
        np.testing.assert_allclose(gradient, np.broadcast_to(gradient[:, :1], gradient.shape), rtol=1e-9, atol=1e-18)


def test_one_weight_that_differs_breaks_the_tie_of_its_unit_alone():
    net = network("tanh", "constant", gain=0.02)
    first = net.weights[0]
    first[20, 3] += 0.1
    for p in net.parameters:
        if p.name == "output.W":
            p.value += np.linspace(-1, 1, 10)
    net.loss_and_gradient(*batch())
    gradient = weight_gradients(net)[0]
    same = [np.allclose(gradient[:, j], gradient[:, 0], rtol=1e-9, atol=1e-18) for j in range(20)]
    assert same == [j != 3 for j in range(20)]


def test_the_same_seed_gives_the_same_losses():
    one, two, other = (count_units(data(), "glorot_normal", epochs=2, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.losses, two.losses)
    assert not np.array_equal(one.losses, other.losses)


def test_copies_are_counted_once_and_neighbours_by_chance_are_not_copies():
    """500 random numbers lie so close that one number a unit cannot tell them apart."""
    for seed in range(20):
        z = np.random.default_rng(seed).standard_normal((4, 500)).astype(np.float32)
        assert distinct(z) == 500
        z[:, 400:] = z[:, :100] * np.float32(1 + 1e-7)
        assert distinct(z) == 400
    assert distinct(np.zeros((3, 7))) == 1
    assert distinct(np.array([[1.0, 1.0, 2.0], [5.0, 6.0, 5.0]])) == 3


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match=r"initializer must be one of zeros, .*, got 'kaiming'"):
        count_units(data(), "kaiming")
