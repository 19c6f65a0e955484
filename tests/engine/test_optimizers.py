"""Optimizers: two steps on two parameters by hand, the book's valley, and what schedules do at their ends."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from engine.network import mlp
from engine.optimizers import OPTIMIZERS, SCHEDULES, SGD, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSProp

NAMES = pytest.mark.parametrize("name", OPTIMIZERS)


def toy(theta=(1.0, 2.0), dtype=np.float64):
    return SimpleNamespace(theta=np.array(theta, dtype), gradient=np.zeros(len(theta), dtype))


# From theta = (1, 2), with the gradient (2, -4) in the first step and (1, 1) in the second, learning rate .1:
BY_HAND = {   # options, theta after each of the two steps
    # 1 - .2, 2 + .4; - .1, - .1
    "sgd": ({}, (0.8, 2.4), (0.7, 2.3)),
    # v = (-.2, .4); then .9 v - .1 = (-.28, .26)
    "momentum": ({}, (0.8, 2.4), (0.52, 2.66)),
    # the same v, but each step moves by .9 v - .1 g: (-.38, .76), then (-.252 - .1, .234 - .1)
    "nesterov": ({}, (0.62, 2.76), (0.268, 2.894)),
    # h = (4, 16): .1 g/sqrt(h) = (.1, -.1); then h = (5, 17)
    "adagrad": ({"epsilon": 0}, (0.9, 2.1), (0.9 - 0.1 / math.sqrt(5), 2.1 - 0.1 / math.sqrt(17))),
    # h = (.4, 1.6): .1 · (2/sqrt(.4), -4/sqrt(1.6)); then h = .9 h + .1 = (.46, 1.54)
    "rmsprop": ({"epsilon": 0}, (1 - 0.1 * math.sqrt(10), 2 + 0.1 * math.sqrt(10)),
                (1 - 0.1 * math.sqrt(10) - 0.1 / math.sqrt(0.46), 2 + 0.1 * math.sqrt(10) - 0.1 / math.sqrt(1.54))),
    # m̂ = g and v̂ = g² at first: a step of .1 · sign g. Then m = .9 (.2, -.4) + .1 = (.28, -.26), over 1 - .81 = .19;
    # v = .999 (.004, .016) + .001 = (.004996, .016984), over 1 - .998001 = .001999
    "adam": ({"epsilon": 0}, (0.9, 2.1), (0.9 - 0.1 * (0.28 / 0.19) / math.sqrt(0.004996 / 0.001999),
                                          2.1 + 0.1 * (0.26 / 0.19) / math.sqrt(0.016984 / 0.001999))),
    # Adam's steps, after each theta has lost .1 · .5 = 5 % of itself: (.95, 1.9) -> (.85, 2.0) -> (.8075, 1.9) -> ...
    "adamw": ({"epsilon": 0, "weight_decay": 0.5}, (0.85, 2.0), (0.8075 - 0.1 * (0.28 / 0.19) / math.sqrt(0.004996 / 0.001999),
                                                                 1.9 + 0.1 * (0.26 / 0.19) / math.sqrt(0.016984 / 0.001999))),
}


@NAMES
def test_two_steps_by_hand(name):
    options, first, second = BY_HAND[name]   # a new optimizer needs its own two lines there
    network = toy()
    optimizer = OPTIMIZERS[name](network, learning_rate=0.1, **options)
    for gradient, theta in (((2, -4), first), ((1, 1), second)):
        network.gradient[:] = gradient
        optimizer.step()
        np.testing.assert_allclose(network.theta, theta, rtol=1e-12)


def the_books_valley(update, steps=30):
    """f = x²/20 + y² from (-7, 2): update(state, coordinate, gradient) -> change, in plain floats."""
    x, y, state = -7.0, 2.0, ({}, {})
    for _ in range(steps):
        dx, dy = update(state[0], x / 10), update(state[1], 2 * y)
        x, y = x + dx, y + dy
    return x, y


def book_momentum(s, g):
    s["v"] = 0.9 * s.get("v", 0.0) - 0.1 * g
    return s["v"]


def book_adagrad(s, g):
    s["h"] = s.get("h", 0.0) + g * g
    return -1.5 * g / (math.sqrt(s["h"]) + 1e-7)


def book_adam(s, g):
    s["t"] = s.get("t", 0) + 1
    s["m"] = s.get("m", 0.0) + (1 - 0.9) * (g - s.get("m", 0.0))
    s["v"] = s.get("v", 0.0) + (1 - 0.999) * (g * g - s.get("v", 0.0))
    return -0.3 * math.sqrt(1 - 0.999 ** s["t"]) / (1 - 0.9 ** s["t"]) * s["m"] / (math.sqrt(s["v"]) + 1e-7)


@pytest.mark.parametrize(("name", "rate", "update"), [
    ("sgd", 0.95, lambda s, g: -0.95 * g), ("momentum", 0.1, book_momentum), ("adagrad", 1.5, book_adagrad), ("adam", 0.3, book_adam),
])
def test_the_valley_of_the_book_is_walked_as_in_the_book(name, rate, update):
    network = toy((-7.0, 2.0))
    optimizer = OPTIMIZERS[name](network, rate)
    for _ in range(30):
        network.gradient[:] = network.theta[0] / 10, 2 * network.theta[1]
        optimizer.step()
    np.testing.assert_allclose(network.theta, the_books_valley(update), atol=1e-5)   # the book adds Adam's epsilon to the uncorrected root


@pytest.mark.parametrize(("name", "rate"), [("sgd", 0.95), ("momentum", 0.1), ("nesterov", 0.1), ("adagrad", 1.5), ("rmsprop", 0.3), ("adam", 0.3)])
def test_thirty_steps_come_down_the_valley(name, rate):
    network = toy((-7.0, 2.0))
    optimizer = OPTIMIZERS[name](network, rate)
    for _ in range(30):
        network.gradient[:] = network.theta[0] / 10, 2 * network.theta[1]
        optimizer.step()
    assert network.theta[0]**2 / 20 + network.theta[1]**2 < 0.2 * (49 / 20 + 4)


def test_sgd_zigzags_in_the_valley_where_adagrad_does_not():
    turns = {}
    for name, rate in (("sgd", 0.95), ("adagrad", 1.5)):
        network, y = toy((-7.0, 2.0)), []
        optimizer = OPTIMIZERS[name](network, rate)
        for _ in range(30):
            y.append(network.theta[1])
            network.gradient[:] = network.theta[0] / 10, 2 * network.theta[1]
            optimizer.step()
        turns[name] = np.count_nonzero(np.diff(np.sign(y)))
    assert turns["sgd"] == 29
    assert turns["adagrad"] <= 2


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_first_step_of_adam_does_not_depend_on_the_size_of_the_gradient(scale):
    network = toy()
    network.gradient[:] = 3 * scale, -scale
    Adam(network, 0.1, epsilon=0).step()
    np.testing.assert_allclose(network.theta, [0.9, 2.1])


def test_adam_counts_its_epsilon_beside_the_corrected_root():
    network = toy()
    network.gradient[:] = 1e-8, 1.0   # v̂ = g², so the first step is .1 g / (|g| + 1e-8): half of .1
    Adam(network, 0.1, epsilon=1e-8).step()
    np.testing.assert_allclose(network.theta, [0.95, 1.9], rtol=1e-7)


def test_nesterov_is_momentum_seen_one_step_ahead():
    """theta' = theta + .9 v moves by plain Nesterov: v = .9 v - rate g(theta'), from where the velocity would lead."""
    network, rate = toy((-7.0, 2.0)), 0.1
    optimizer = Nesterov(network, rate)
    plain, v = np.array([-7.0, 2.0]), np.zeros(2)
    for _ in range(20):
        network.gradient[:] = network.theta[0] / 10, 2 * network.theta[1]
        optimizer.step()
        ahead = plain + 0.9 * v
        v = 0.9 * v - rate * np.array([ahead[0] / 10, 2 * ahead[1]])
        plain = plain + v
    np.testing.assert_allclose(network.theta, plain + 0.9 * v)


@NAMES
@pytest.mark.parametrize("rate", [0.01, np.float64(0.01)], ids=["float", "np.float64"])
def test_float32_stays_float32_and_theta_moves_in_place(name, rate):
    network = toy(dtype=np.float32)
    theta, gradient = network.theta, network.gradient
    optimizer = OPTIMIZERS[name](network, rate)
    for _ in range(3):
        gradient[:] = 1, -1
        optimizer.step(np.float64(0.5))
    assert network.theta is theta
    assert theta.dtype == np.float32
    assert all(value.dtype == np.float32 for value in vars(optimizer).values() if isinstance(value, np.ndarray))
    np.testing.assert_array_equal(gradient, [1, -1])
    assert theta[0] < 1


@NAMES
def test_without_a_gradient_nothing_moves_but_decaying_weights(name):
    network = toy()
    OPTIMIZERS[name](network, 0.1).step()
    np.testing.assert_allclose(network.theta, np.array([1, 2]) * (0.999 if name == "adamw" else 1))


@NAMES
def test_the_factor_of_a_schedule_scales_the_step(name):
    one, two = toy(), toy()
    one.gradient[:] = two.gradient[:] = 2, -4
    OPTIMIZERS[name](one, 0.1).step(0.5)
    OPTIMIZERS[name](two, 0.05).step()
    np.testing.assert_allclose(one.theta, two.theta)


def test_adamw_decays_weights_and_neither_biases_nor_batch_norm():
    network = mlp((4, 3, 2), batch_norm="before", rng=np.random.default_rng(0), dtype=np.float64)
    before = [p.value.copy() for p in network.parameters]
    AdamW(network, 0.1, weight_decay=0.5).step()
    for p, value in zip(network.parameters, before, strict=True):
        np.testing.assert_allclose(p.value, value * (0.95 if p.is_weight else 1))


@NAMES
def test_the_usual_rate_is_the_default(name):
    rates = {"sgd": 0.1, "momentum": 0.01, "nesterov": 0.01, "adagrad": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}
    assert OPTIMIZERS[name](toy()).learning_rate == OPTIMIZERS[name].usual_rate == rates[name]


def test_the_learning_rate_may_change_between_steps():
    network = toy()
    optimizer = SGD(network, 0.1)
    network.gradient[:] = 1, 1
    optimizer.step()
    optimizer.learning_rate = 0.5
    optimizer.step()
    np.testing.assert_allclose(network.theta, [0.4, 1.4])


@NAMES
@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf])
def test_a_learning_rate_must_be_above_0_and_finite(name, rate):
    with pytest.raises(ValueError, match=f"learning_rate must be above 0 and finite, got {rate:g}"):
        OPTIMIZERS[name](toy(), rate)


@pytest.mark.parametrize(("build", "message"), [
    (lambda: Momentum(toy(), momentum=1), "momentum must be at least 0 and below 1, got 1"),
    (lambda: RMSProp(toy(), decay=-0.1), "decay must be at least 0 and below 1, got -0.1"),
    (lambda: Adam(toy(), beta1=1.5), "beta1 must be at least 0 and below 1, got 1.5"),
    (lambda: Adam(toy(), beta2=math.nan), "beta2 must be at least 0 and below 1, got nan"),
    (lambda: Adam(toy(), epsilon=-1), "epsilon must be at least 0 and finite, got -1"),
    (lambda: AdamW(toy(), weight_decay=-1), "weight_decay must be at least 0 and finite, got -1"),
])
def test_errors_name_the_argument_the_rule_and_the_value(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_the_base_has_no_rule_of_its_own():
    with pytest.raises(TypeError, match="Optimizer has no update"):
        Optimizer(toy(), 0.1).step()


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 7, 1000])
def test_schedules_stay_between_0_and_1(name, steps):
    factors = [SCHEDULES[name](step, steps) for step in range(steps)]
    assert all(0 < f <= 1 for f in factors)
    assert max(factors) == 1


@pytest.mark.parametrize(("name", "step", "factor"), [
    ("constant", 0, 1), ("constant", 99, 1), ("step", 0, 1), ("step", 49, 1), ("step", 50, 0.1), ("step", 74, 0.1), ("step", 75, 0.01),
    ("cosine", 0, 1), ("cosine", 25, (1 + math.sqrt(0.5)) / 2), ("cosine", 50, 0.5), ("warmup", 0, 0.1), ("warmup", 4, 0.5), ("warmup", 9, 1),
    ("warmup", 99, 1), ("linear", 0, 1), ("linear", 25, 0.75), ("linear", 99, 0.01),
])
def test_factors_of_a_run_of_100_steps(name, step, factor):
    assert SCHEDULES[name](step, 100) == pytest.approx(factor)
