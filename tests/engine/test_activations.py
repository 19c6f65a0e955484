"""Activations: published values, slopes against differences, and what happens far out."""

import math
import warnings

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, FAMILIES, SELU_ALPHA, SELU_LAMBDA, as_activation, elu, leaky_relu, prelu, rrelu

TABLE = [pytest.param(a, id=name) for name, a in ACTIVATIONS.items()]
MEMBERS = [*TABLE, *(pytest.param(a, id=f"{a.name}{list(a.options.values())}")
                     for a in (leaky_relu(0), leaky_relu(0.2), leaky_relu(1), prelu(0.5), rrelu(0.1, 0.9), elu(0.3), elu(2)))]
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def normal_mean(f):
    """E f(z) over z ~ N(0, 1): the trapezoid rule, exact to rounding for what decays like this away from kinks at 0."""
    z = np.linspace(-12, 12, 48_001)
    return np.trapezoid(f(z) * np.exp(-z * z / 2) / math.sqrt(2 * math.pi), z)


@pytest.mark.parametrize("activation", MEMBERS)
def test_df_is_the_slope_of_f(activation):
    z = np.linspace(-6, 6, 240)   # passes by 0, where the slope bends even where it has no jump
    central = (activation.f(z + 1e-5) - activation.f(z - 1e-5)) / 2e-5
    np.testing.assert_allclose(activation.df(z), central, atol=1e-9)


@pytest.mark.parametrize("activation", MEMBERS)
def test_a_complex_step_gives_df_to_rounding(activation):
    z = np.linspace(-12, 12, 241)   # kinks included: there, both take the slope of the left side
    np.testing.assert_allclose(activation.f(z + 1e-30j).imag / 1e-30, activation.df(z), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("activation", MEMBERS)
def test_complex_arguments_agree_with_real_ones(activation):
    z = np.linspace(-5, 5, 51)
    np.testing.assert_allclose(activation.f(z + 0j), activation.f(z), atol=1e-15)
    np.testing.assert_allclose(activation.df(z + 0j), activation.df(z), atol=1e-15)


@pytest.mark.parametrize("activation", MEMBERS)
def test_slopes_differ_from_side_to_side_exactly_at_the_listed_kinks(activation):
    for z in (-1.0, 0.0, 1.0):
        jump = abs(activation.df(np.array(z + 1e-9)) - activation.df(np.array(z - 1e-9)))
        straight = activation.name == "leaky_relu" and activation.options["alpha"] == 1   # a line, whatever its family lists
        assert (jump > 1e-6) == (z in activation.kinks and not straight)


@DTYPES
@pytest.mark.parametrize("activation", MEMBERS)
def test_far_arguments_give_limits_without_warnings(activation, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = np.array([-np.inf, -1e30, -1e4, 0.0, 1e4, 1e30, np.inf], dtype)
        y, slope = activation.f(far), activation.df(far)
        unknown = activation.f(np.array([np.nan], dtype))
        activation.df(np.array([np.nan], dtype))
    assert y.dtype == slope.dtype == unknown.dtype == dtype
    assert np.isnan(unknown).all()
    assert not np.isnan(y).any()
    assert np.isfinite(y[1:-1]).all()
    assert np.isfinite(slope).all()
    assert slope[0] == slope[1] == pytest.approx(slope[2], abs=1e-30)
    assert slope[-1] == slope[-2] == pytest.approx(slope[-3], abs=1e-30)
    for end, near, sign in ((y[0], y[2], -1), (y[-1], y[4], 1)):
        assert end == (sign * np.inf if abs(near) > 10 else pytest.approx(near, abs=1e-30))


@DTYPES
@pytest.mark.parametrize("activation", MEMBERS)
def test_the_dtype_is_kept_and_the_input_is_left_alone(activation, dtype):
    z = np.random.default_rng(0).standard_normal((3, 4)).astype(dtype)
    before = z.copy()
    z.flags.writeable = False
    for result in (activation.f(z), activation.df(z)):
        assert (result.dtype, result.shape) == (dtype, (3, 4))
        assert not np.shares_memory(result, z)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("activation", MEMBERS)
def test_float32_agrees_with_float64(activation):
    z = np.linspace(-8, 8, 1001).astype(np.float32)
    np.testing.assert_allclose(activation.f(z), activation.f(z.astype(np.float64)), rtol=3e-6, atol=3e-7)
    np.testing.assert_allclose(activation.df(z), activation.df(z.astype(np.float64)), rtol=3e-6, atol=3e-7)


@pytest.mark.parametrize("build", [lambda a: leaky_relu(a), lambda a: prelu(a), lambda a: elu(a), lambda a: rrelu(a, a)])
def test_a_numpy_scalar_as_option_does_not_promote_float32(build):
    activation = build(np.float64(0.3))
    z = np.linspace(-1, 1, 5, dtype=np.float32)
    assert activation.f(z).dtype == activation.df(z).dtype == np.float32


@pytest.mark.parametrize(("name", "z", "value", "digits"), [
    ("sigmoid", 0, 0.5, 15), ("sigmoid", 1, 0.7310585786300049, 15), ("sigmoid", 0.231, 0.5575, 4), ("sigmoid", -1000, 0, 15),
    ("tanh", 1, 0.7615941559557649, 15), ("relu", -3, 0, 15), ("relu", 3, 3, 15), ("leaky_relu", -1, -0.01, 15), ("prelu", -1, -0.25, 15),
    ("rrelu", -1, -11 / 48, 15), ("elu", -1, math.exp(-1) - 1, 15), ("elu", -50, -1, 15), ("selu", 1, SELU_LAMBDA, 15),
    ("selu", -50, -1.7580993408473766, 14), ("softplus", 0, math.log(2), 15), ("softplus", -40, math.exp(-40), 30),
    ("gelu", 1, 0.8413447460685429, 15), ("gelu", -1, -0.15865525393145707, 15), ("swish", 1, 0.7310585786300049, 15),
    ("swish", -1.2784645427610738, -0.2784645427610738, 14), ("identity", -2.5, -2.5, 15),
])
def test_values_of_f_are_the_published_ones(name, z, value, digits):
    assert float(ACTIVATIONS[name].f(np.array(float(z)))) == pytest.approx(value, abs=10.0 ** -digits)


@pytest.mark.parametrize(("name", "z", "value"), [
    ("sigmoid", 0, 0.25), ("sigmoid", 51, 7.095474162284704e-23), ("sigmoid", -51, 7.095474162284704e-23), ("tanh", 0, 1.0),
    ("tanh", 30, 4 * math.exp(-60)), ("relu", 0, 0), ("selu", -1, SELU_LAMBDA * SELU_ALPHA * math.exp(-1)), ("softplus", 0, 0.5),
    ("swish", 0, 0.5), ("gelu", 0, 0.5), ("gelu", 1, 1.0833154705876863),
])
def test_values_of_df_are_the_published_ones(name, z, value):
    assert float(ACTIVATIONS[name].df(np.array(float(z)))) == pytest.approx(value, rel=1e-12)


def test_gelu_is_z_times_the_normal_distribution_to_rounding():
    z = np.concatenate([np.linspace(-37, 8, 3001), [0.46875 * math.sqrt(2), 4 * math.sqrt(2)]])
    exact = [x * math.erfc(-x / math.sqrt(2)) / 2 for x in z]
    np.testing.assert_allclose(ACTIVATIONS["gelu"].f(z), exact, rtol=1e-12)


def test_gelu_in_float32_keeps_its_digits_far_to_the_left():
    z = np.linspace(-9, 9, 2001)
    found, exact = ACTIVATIONS["gelu"].f(z.astype(np.float32)), ACTIVATIONS["gelu"].f(z.astype(np.float32).astype(np.float64))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=1e-5)   # e^(-z²/2) knows no more
    np.testing.assert_allclose(found[np.abs(z) < 3], exact[np.abs(z) < 3], rtol=1.5e-6)


def test_gelu_of_a_large_layer_is_to_the_bit_that_of_its_rows():
    z = np.random.default_rng(0).normal(0, 3, (70, 1000)).astype(np.float32)   # more than one block of the normal distribution
    for function in (ACTIVATIONS["gelu"].f, ACTIVATIONS["gelu"].df):
        assert np.array_equal(function(z), np.stack([function(row) for row in z]))


def test_selu_has_the_published_constants_and_keeps_mean_0_and_variance_1():
    assert (SELU_ALPHA, SELU_LAMBDA) == (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)
    f = ACTIVATIONS["selu"].f
    assert normal_mean(f) == pytest.approx(0, abs=1e-7)
    assert normal_mean(lambda z: f(z) ** 2) == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(("activation", "squares", "slopes"), [   # E[phi²] and E[phi'²] over N(0, 1), as FACTS of mean-field theory
    (ACTIVATIONS["identity"], 1, 1), (ACTIVATIONS["relu"], 0.5, 0.5), (leaky_relu(0.01), 0.50005, 0.50005), (leaky_relu(0.2), 0.52, 0.52),
    (ACTIVATIONS["elu"], 0.644945, 0.668102), (ACTIVATIONS["selu"], 1, 1.0716), (ACTIVATIONS["tanh"], 0.394294, 0.464403),
    (ACTIVATIONS["sigmoid"], 0.293379, 0.044836), (ACTIVATIONS["gelu"], 0.425221, 0.455851), (ACTIVATIONS["swish"], 0.355776, 0.379482),
])
def test_second_moments_under_a_normal_input_are_the_published_ones(activation, squares, slopes):
    assert normal_mean(lambda z: activation.f(z) ** 2) == pytest.approx(squares, abs=6e-7)
    assert normal_mean(lambda z: activation.df(z) ** 2) == pytest.approx(slopes, abs=3e-4 if activation.kinks else 6e-7)


def test_the_steepest_slope_of_sigmoid_is_a_quarter():
    z = np.linspace(-5, 5, 1001)
    assert ACTIVATIONS["sigmoid"].df(z).max() == 0.25


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_entry_tells_its_formula_and_an_initializer(name):
    from engine.initializers import INITIALIZERS
    assert ACTIVATIONS[name].name == name
    assert ACTIVATIONS[name].formula
    assert ACTIVATIONS[name].recommended in INITIALIZERS


@pytest.mark.parametrize("name", FAMILIES)
def test_families_build_the_tables_entry_by_default(name):
    assert FAMILIES[name]().options == ACTIVATIONS[name].options == as_activation(name).options
    assert as_activation(name, **ACTIVATIONS[name].options).options == ACTIVATIONS[name].options


@pytest.mark.parametrize(("build", "message"), [
    (lambda: leaky_relu(1.5), "alpha must be between 0 and 1, got 1.5"), (lambda: leaky_relu(math.nan), "alpha must be between 0 and 1, got nan"),
    (lambda: prelu(-0.1), "alpha must be between 0 and 1, got -0.1"), (lambda: rrelu(0.5, 0.2), "lower must be between 0 and 0.2, got 0.5"),
    (lambda: rrelu(0.5, 2), "upper must be between 0 and 1, got 2"), (lambda: elu(0), "alpha must be above 0 and at most 100, got 0"),
    (lambda: as_activation("relu6"), "activation must be one of identity, sigmoid, .*, got 'relu6'"),
    (lambda: as_activation("relu", alpha=0.1), "options must be empty for relu, got alpha"),
])
def test_errors_name_the_argument_the_rule_and_the_value(build, message):
    with pytest.raises(ValueError, match=message):
        build()
