"""Initializers: each draw has the spread that its formula promises, and the spread does what it is for."""

import math

import numpy as np
import pytest

from engine.initializers import ELSEWHERE, INITIALIZERS, as_initializer, constant, normal
from engine.network import mlp

FORMULAS = {   # variance of one weight, from the papers
    "zeros": lambda i, o: 0, "constant": lambda i, o: 0, "normal": lambda i, o: 1,
    "glorot_normal": lambda i, o: 2 / (i + o), "glorot_uniform": lambda i, o: 2 / (i + o),
    "he_normal": lambda i, o: 2 / i, "he_uniform": lambda i, o: 2 / i,
    "lecun_normal": lambda i, o: 1 / i, "lecun_uniform": lambda i, o: 1 / i,
    "orthogonal": lambda i, o: 1 / max(i, o), "lsuv": lambda i, o: 1 / max(i, o),
}
NAMES = pytest.mark.parametrize("name", INITIALIZERS)
SHAPES = pytest.mark.parametrize("shape", [(400, 300), (300, 400), (200, 200)])


@NAMES
@SHAPES
def test_std_is_the_papers_formula(name, shape):
    assert INITIALIZERS[name].std(*shape) == pytest.approx(math.sqrt(FORMULAS[name](*shape)), rel=1e-12)
    assert type(INITIALIZERS[name].std(*shape)) is float


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n != "constant"])
@SHAPES
def test_drawn_weights_have_that_variance_and_mean_0(name, shape):
    w = INITIALIZERS[name].draw(np.random.default_rng(1), shape)
    variance, n = FORMULAS[name](*shape), w.size
    assert (w.shape, w.dtype) == (shape, np.float64)
    assert abs(w.mean()) <= 5 * math.sqrt(variance / n)
    assert abs(w.var() - variance) <= 5 * variance * math.sqrt(2 / n)


@NAMES
def test_the_same_seed_draws_the_same_bytes_and_another_seed_others(name):
    draw = INITIALIZERS[name].draw
    first, again, other = (draw(np.random.default_rng(seed), (5, 3)) for seed in (7, 7, 8))
    assert first.tobytes() == again.tobytes()
    assert (first.tobytes() == other.tobytes()) == (name in ("zeros", "constant"))


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n.endswith("uniform")])
def test_uniform_draws_reach_sqrt_3_sigma_and_no_further(name):
    w = INITIALIZERS[name].draw(np.random.default_rng(2), (300, 200))
    bound = math.sqrt(3 * FORMULAS[name](300, 200))
    assert 0.999 * bound < np.abs(w).max() <= bound


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n.endswith("normal")])
def test_normal_draws_are_not_truncated(name):
    w = INITIALIZERS[name].draw(np.random.default_rng(2), (300, 300))
    assert np.mean(np.abs(w) > 2 * math.sqrt(FORMULAS[name](300, 300))) == pytest.approx(0.0455, abs=0.004)


@pytest.mark.parametrize("name", ["orthogonal", "lsuv"])
@SHAPES
def test_all_singular_values_of_an_orthogonal_draw_are_1(name, shape):
    w = INITIALIZERS[name].draw(np.random.default_rng(3), shape)
    small = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-13)


def test_orthogonal_draws_are_uniform_rotations_and_not_those_that_qr_prefers():
    draws = np.array([INITIALIZERS["orthogonal"].draw(np.random.default_rng(seed), (3, 3)) for seed in range(2000)])
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=5 / math.sqrt(3 * 2000))   # QR alone leaves the diagonal negative


def test_zeros_and_constant_are_what_they_say():
    rng = np.random.default_rng(0)
    assert not INITIALIZERS["zeros"].draw(rng, (3, 2)).any()
    assert (constant(0.5).draw(rng, (3, 2)) == 0.5).all()


def test_normal_scales_with_its_sigma():
    assert normal(0.01).std(5, 5) == 0.01
    assert normal(0.01).draw(np.random.default_rng(0), (300, 300)).std() == pytest.approx(0.01, rel=0.02)


def test_he_keeps_the_second_moment_through_30_relu_layers():
    rng, x = np.random.default_rng(4), np.random.default_rng(5).standard_normal((500, 600))
    for _ in range(30):
        x = np.maximum(x @ INITIALIZERS["he_normal"].draw(rng, (600, 600)), 0)
    assert (x * x).mean() == pytest.approx(1.0, abs=0.5)   # 1/fan_in would leave 2^-30


def test_lecun_halves_the_second_moment_at_every_relu_layer():
    rng, x = np.random.default_rng(4), np.random.default_rng(5).standard_normal((500, 600))
    for _ in range(30):
        x = np.maximum(x @ INITIALIZERS["lecun_normal"].draw(rng, (600, 600)), 0)
    assert math.sqrt((x * x).mean()) == pytest.approx(3.05e-5, rel=0.25)   # 2^-15


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_lsuv_gives_every_dense_layer_outputs_of_variance_1(activation):
    rng = np.random.default_rng(6)
    network = mlp((50, 80, 80, 80, 10), activation=activation, initializer="lsuv", rng=rng, dtype=np.float64)
    x = rng.standard_normal((2000, 50))
    for layer in network.layers:
        x = layer.forward(x, training=False)
        if layer.name.startswith(("dense", "output")):
            assert x.var() == pytest.approx(1, abs=0.12)   # measured on other inputs than it was scaled with


def test_lsuv_leaves_weights_orthogonal_up_to_one_factor():
    network = mlp((50, 40, 10), initializer="lsuv", rng=np.random.default_rng(6), dtype=np.float64)
    singular = np.linalg.svd(network.weights[0], compute_uv=False)
    np.testing.assert_allclose(singular, singular[0])


@NAMES
def test_every_entry_tells_its_source_and_formula(name):
    assert INITIALIZERS[name].name == name
    assert INITIALIZERS[name].source
    assert INITIALIZERS[name].formula
    assert as_initializer(name) is as_initializer(INITIALIZERS[name]) is INITIALIZERS[name]


@pytest.mark.parametrize("name", [n for n in INITIALIZERS if n not in ("zeros", "constant", "normal")])
@pytest.mark.parametrize(("fans", "message"), [((0, 3), "fan_in must be at least 1, got 0"), ((3, -1), "fan_out must be at least 1, got -1")])
def test_rules_that_need_fans_refuse_empty_layers(name, fans, message):
    with pytest.raises(ValueError, match=message):
        INITIALIZERS[name].std(*fans)
    with pytest.raises(ValueError, match=message):
        INITIALIZERS[name].draw(np.random.default_rng(0), fans)


def test_errors_name_the_argument_the_rule_and_the_value():
    with pytest.raises(ValueError, match="sigma must be at least 0, got -1"):
        normal(-1)
    with pytest.raises(ValueError, match=r"initializer must be one of zeros, constant, .*, got 'kaiming'"):
        as_initializer("kaiming")


TORCH = {   # std of one weight, as its documentation writes it, for weights of (fan_in, fan_out)
    "zeros_": lambda w: 0.0, "constant_": lambda w, val: 0.0, "normal_": lambda w, std: std,
    "xavier_normal_": lambda w: math.sqrt(2 / sum(w)), "xavier_uniform_": lambda w: math.sqrt(6 / sum(w)) / math.sqrt(3),
    "kaiming_normal_": lambda w, nonlinearity: {"relu": math.sqrt(2), "linear": 1}[nonlinearity] / math.sqrt(w[0]),
    "kaiming_uniform_": lambda w, nonlinearity: math.sqrt(3) * {"relu": math.sqrt(2), "linear": 1}[nonlinearity] / math.sqrt(w[0]) / math.sqrt(3),
}


def test_every_rule_but_lsuv_has_a_name_in_other_libraries():
    assert set(INITIALIZERS) - set(ELSEWHERE) == {"lsuv"}


@pytest.mark.parametrize("name", [name for name in ELSEWHERE if name != "orthogonal"])
def test_the_names_of_other_libraries_mean_the_same_rule(name):
    keras, torch = ELSEWHERE[name]
    assert keras in (f'"{name}"', "Constant(1.0)", "RandomNormal(stddev=1.0)")   # Keras's aliases are our keys, but for two that take a number
    assert eval(torch, {"w": (50, 200)} | TORCH) == pytest.approx(INITIALIZERS[name].std(50, 200))
    assert ("uniform" in torch) == ("uniform" in name)
