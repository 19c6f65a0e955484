"""Mean field: published numbers, closed forms, and the theory's curves against networks that are really run."""

import math
import re

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, Activation, elu, leaky_relu, prelu
from engine.mean_field import chi, critical_sigma_w, depth_scale, expectation, fixed_point, moments, phase_diagram, predict, variance_map
from engine.propagation import over_seeds, propagate, stack

pytestmark = pytest.mark.filterwarnings("error")
EVERY = pytest.mark.parametrize("activation", ACTIVATIONS)

MOMENTS = {   # E[phi²], E[phi'²], gain at q = 1, to the digits that are printed
    "identity": ("identity", "1", "1", "1"), "relu": ("relu", "0.5", "0.5", "1.414214"),
    "leaky .01": (leaky_relu(.01), "0.50005", "0.50005", "1.41414"), "leaky .2": (leaky_relu(.2), "0.52", "0.52", "1.38675"),
    "elu": ("elu", "0.644945", "0.668102", "1.245198"), "selu": ("selu", "1", "1.0716", "1"),
    "tanh": ("tanh", "0.394294", "0.464403", "1.592537"), "sigmoid": ("sigmoid", "0.293379", "0.044836", None),
    "gelu": ("gelu", "0.425221", "0.455851", "1.533530"), "swish": ("swish", "0.355776", "0.379482", "1.676532"),
}


def printed(value, digits):
    """As the table prints it, with as many decimals."""
    return f"{value:.{len(digits.partition('.')[2])}f}"


@pytest.mark.parametrize("row", MOMENTS)
def test_the_table_of_moments(row):
    activation, square, slope_square, gain = MOMENTS[row]
    found = moments(activation)
    assert printed(found.square, square) == square
    assert printed(found.slope_square, slope_square) == slope_square
    if gain:
        assert printed(found.gain, gain) == gain


@pytest.mark.parametrize(("activation", "square"), [
    ("identity", 1), ("relu", 1 / 2), (leaky_relu(.01), (1 + .01**2) / 2), (leaky_relu(.2), (1 + .2**2) / 2), (prelu(.25), (1 + .25**2) / 2),
    ("rrelu", (1 + (11 / 48)**2) / 2),
])
@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 1e6])
def test_moments_of_bent_lines_in_closed_form(activation, square, q):
    assert variance_map(q, 1, 0, activation) == pytest.approx(square * q, rel=1e-12)
    assert chi(q, 1, activation) == pytest.approx(square, rel=1e-12)


def test_moments_of_elu_and_gelu_in_closed_form():
    def cdf(x):
        return math.erfc(-x / math.sqrt(2)) / 2

    left = [math.exp(k * k / 2) * cdf(-k) for k in (1, 2)]   # E[e^(kz); z < 0]
    for alpha in (1.0, 0.5, 3.0):
        found = moments(elu(alpha))
        assert found.square == pytest.approx(.5 + alpha**2 * (left[1] - 2 * left[0] + .5), rel=1e-10)
        assert found.slope_square == pytest.approx(.5 + alpha**2 * left[1], rel=1e-10)
    # E[z² Phi(z)²] = 1/3 + 1/(2 pi sqrt 3), by differentiating E[Phi(a z)²] = 1/4 + arcsin(a²/(1 + a²)) / 2 pi
    assert moments("gelu").square == pytest.approx(1 / 3 + 1 / (2 * math.pi * math.sqrt(3)), rel=1e-10)


@EVERY
@pytest.mark.parametrize("q", [1e-4, 1.0, 1e4])
def test_expectations_agree_with_a_sum_over_a_fine_grid(activation, q):
    phi = ACTIVATIONS[activation]
    u = (np.arange(-50_000, 50_000) + 0.5) / 5000   # the middle of each step: never on a kink
    weight = np.exp(-u * u / 2)
    z = math.sqrt(q) * u
    weight /= weight.sum()
    assert variance_map(q, 1, 0, activation) == pytest.approx(weight @ phi.f(z)**2, rel=1e-7)
    assert chi(q, 1, activation) == pytest.approx(weight @ phi.df(z)**2, rel=1e-6)


@pytest.mark.parametrize(("sigma_b2", "sigma_w2"), [(.01, 1.42421), (.05, 1.76095), (.1, 1.98607), (.5, 2.84317), (1, 3.44321)])
def test_the_critical_line_of_tanh(sigma_b2, sigma_w2):
    found = critical_sigma_w(math.sqrt(sigma_b2), "tanh")
    assert found**2 == pytest.approx(sigma_w2, abs=5.1e-6)
    assert chi(fixed_point(found, math.sqrt(sigma_b2), "tanh"), found, "tanh") == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("sigma_w2", "slope", "scale"), [(1.3, .8802, 7.83), (1.5, .9386, 15.8), (2.5, 1.1335, None)])
def test_chi_and_depth_scale_of_tanh_with_a_bias(sigma_w2, slope, scale):
    sigma_w, sigma_b = math.sqrt(sigma_w2), math.sqrt(.05)
    found = chi(fixed_point(sigma_w, sigma_b, "tanh"), sigma_w, "tanh")
    assert found == pytest.approx(slope, abs=5.1e-5)
    if scale:
        assert depth_scale(found) == pytest.approx(scale, rel=4e-3 if scale == 15.8 else 7e-4)


def test_tanh_with_the_gain_5_over_3():
    q = fixed_point(5 / 3, 0, "tanh")
    assert q == pytest.approx(1.17848, abs=5.1e-6)
    assert chi(q, 5 / 3, "tanh") == pytest.approx(1.2098, abs=5.1e-5)
    assert variance_map(q, 5 / 3, 0, "tanh") == pytest.approx(q, rel=1e-12)


@pytest.mark.parametrize(("sigma_w", "root"), [(.1, ".0250"), (1, ".236"), (math.sqrt(2), ".318"), (2, ".414"), (4, ".632"), (10, ".993")])
def test_no_reasonable_weights_make_a_sigmoid_pass_gradients_on(sigma_w, root):
    found = math.sqrt(chi(fixed_point(sigma_w, 0, "sigmoid"), sigma_w, "sigmoid"))
    assert found == pytest.approx(float(root), abs=0.51 * 10.0 ** -(len(root) - 1))


def test_relu_is_critical_at_2_over_fan_in_without_biases_whatever_q():
    assert critical_sigma_w(0, "relu")**2 == pytest.approx(2, rel=1e-9)
    for q in (1e-10, 1.0, 1e10):
        assert chi(q, math.sqrt(2), "relu") == pytest.approx(1, rel=1e-12)
        assert variance_map(q, math.sqrt(2), 0, "relu") == pytest.approx(q, rel=1e-12)
    assert fixed_point(math.sqrt(2) * 1.001, 0, "relu") == math.inf
    assert fixed_point(math.sqrt(2) * 0.999, 0, "relu") == 0


def test_relu_with_1_over_fan_in_loses_a_factor_sqrt_2_a_layer():
    curve = predict("relu", np.ones(31))
    rms = np.sqrt(curve.q)
    np.testing.assert_allclose(rms[1:] / rms[:-1], math.sqrt(.5), rtol=1e-10)
    np.testing.assert_allclose(curve.gradient_rms[:-1] / curve.gradient_rms[1:], math.sqrt(.5), rtol=1e-10)
    assert printed(1e5 * rms[30] / rms[0], "3.05") == "3.05"


def test_tanh_at_criticality_decays_like_1_over_2l():
    q = [1.0]
    for _ in range(1000):
        q.append(variance_map(q[-1], 1, 0, "tanh"))
    assert q[20] == pytest.approx(.0259, abs=5.1e-5)
    assert q[100] == pytest.approx(.00507, abs=5.1e-6)
    assert q[1000] == pytest.approx(1 / 2000, rel=0.01)
    assert critical_sigma_w(0, "tanh") == pytest.approx(1, abs=1e-4)
    assert chi(0, 1, "tanh") == pytest.approx(1, abs=1e-14)


def test_selu_returns_to_mean_0_and_variance_1():
    assert variance_map(1, 1, 0, "selu") == pytest.approx(1, abs=1e-12)
    assert expectation(ACTIVATIONS["selu"].f, 1, (0.0,)) == pytest.approx(0, abs=1e-12)
    assert fixed_point(1, 0, "selu") == pytest.approx(1, abs=1e-9)
    for start in (0.5, 2.0):
        q = start
        for _ in range(100):
            q = variance_map(q, 1, 0, "selu")
        assert q == pytest.approx(1, abs=1e-6)


@EVERY
@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(0.7, 0.3), (1.5, 0.0), (0.9, 0.0)])
def test_the_fixed_point_is_where_the_map_goes_from_1(activation, sigma_w, sigma_b):
    q, found = 1.0, fixed_point(sigma_w, sigma_b, activation)
    for _ in range(1000):
        before, q = q, variance_map(q, sigma_w, sigma_b, activation)
        if not 1e-30 < q < 1e30 or abs(q / before - 1) < 1e-10:
            break
    if found == 0:
        assert q < 1e-3   # tanh near criticality is slow
    elif found == math.inf:
        assert q > 1e3
    else:
        assert found == pytest.approx(q, rel=1e-6)


def test_gelu_dies_from_below_an_unstable_point_and_explodes_from_above():
    """Two fixed points, 0 and one between; where q starts decides."""
    gain = moments("gelu").gain
    assert fixed_point(gain * 0.99, 0, "gelu") == 0
    assert fixed_point(gain * 1.01, 0, "gelu") == math.inf


def test_depth_scales():
    assert depth_scale(1.0) == math.inf
    assert depth_scale(0.0) == 0
    assert depth_scale(math.exp(-1 / 7)) == pytest.approx(7)
    assert depth_scale(math.exp(1 / 7)) == pytest.approx(7)


# Theory is for infinitely many units. At width 500 a mean over seeds scatters by its standard error, and is off by a bias of a few / width.
SIMULATED = {"q": 0.015, "std": 0.015, "std_over_data": 0.025, "gradient_rms": 0.015}


@EVERY
@pytest.mark.parametrize("sigma_b", [0.0, 0.2])
def test_theory_meets_simulation(activation, sigma_b):
    gain = round(moments(activation).gain, 4)
    runs = over_seeds(range(5), depth=4, width=500, samples=100, activation=activation, initializer="lecun_normal", gain=gain, sigma_b=sigma_b)
    curve = predict(**runs[0].theory())
    for name, bias in SIMULATED.items():
        logs = np.log(stack(runs, name))   # what multiplies layer by layer scatters like a log-normal
        error = np.abs(logs.mean(axis=0) - np.log(getattr(curve, name)))
        allowed = 4 * logs.std(axis=0, ddof=1) / math.sqrt(len(runs)) + bias
        assert (error < allowed).all(), (name, error, allowed)
        assert (allowed < 0.35).all(), name


@EVERY
def test_a_theory_that_is_wrong_by_a_tenth_of_the_weights_is_caught_by_the_simulation(activation):
    gain = round(moments(activation).gain, 4)
    runs = over_seeds(range(4), depth=5, width=300, samples=50, activation=activation, initializer="lecun_normal", gain=gain)
    wrong = predict(**runs[0].theory() | {"sigma_w": 1.1 * runs[0].sigma_w})
    assert abs(np.log(stack(runs, "gradient_rms")[:, 0]).mean() - math.log(wrong.gradient_rms[0])) > 0.1


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_theory_follows_inputs_that_are_alike(activation):
    rng = np.random.default_rng(0)
    alike = 0.9 * rng.standard_normal(500) + 0.3 * rng.standard_normal((100, 500))
    runs = over_seeds(range(6), depth=4, width=500, activation=activation, initializer="he_normal", inputs=alike)
    theory = runs[0].theory()
    assert theory["input_overlap"] == pytest.approx(.81, rel=0.15)
    curve = predict(**theory)
    np.testing.assert_allclose(stack(runs, "std_over_data").mean(axis=0), curve.std_over_data, rtol=0.05)
    np.testing.assert_allclose(stack(runs, "std").mean(axis=0), curve.std, rtol=0.05)


def test_prediction_starts_at_the_inputs_and_ends_at_the_last_layers_slope():
    curve = predict("tanh", [1.5, 0.8], 0.3, input_moment=0.4, input_overlap=0.1)
    assert curve.q[0] == pytest.approx(1.5**2 * .4 + .3**2)
    assert curve.q[1] == pytest.approx(variance_map(curve.q[0], .8, .3, "tanh"))
    slopes = [expectation(lambda z: np.cosh(z)**-4, q) for q in curve.q]
    assert curve.gradient_rms == pytest.approx([math.sqrt(slopes[0] * .8**2 * slopes[1]), math.sqrt(slopes[1])], rel=1e-9)
    assert curve.chi == pytest.approx([1.5**2 * slopes[0], .8**2 * slopes[1]], rel=1e-9)
    assert curve.std**2 + curve.mean**2 == pytest.approx([expectation(lambda z: np.tanh(z)**2, q) for q in curve.q], rel=1e-9)


def test_predictions_of_what_overflows_are_infinite_and_of_nothing_are_zero():
    wild = predict("relu", np.full(100, 1e20))
    assert wild.q[-1] == math.inf
    assert np.isfinite(wild.q[0])
    silent = predict("relu", np.zeros(3))
    assert not silent.q.any()
    assert not silent.std_over_data.any()


@EVERY
def test_the_phase_diagram_agrees_with_chi_and_its_critical_line_row_by_row(activation):
    sigma_w, sigma_b = np.linspace(0.2, 3, 57), np.array([0.0, 0.1, 0.5, 1.0])
    diagram = phase_diagram(activation, sigma_w, sigma_b)
    assert diagram.chi.shape == diagram.q.shape == diagram.depth_scale.shape == (4, 57)
    for row, b in enumerate(sigma_b):
        for column in range(0, 57, 8):
            w = sigma_w[column]
            q = fixed_point(w, b, activation)
            assert diagram.chi[row, column] == pytest.approx(chi(q, w, activation), rel=2e-3, abs=1e-6)
            if 1e-6 < q < 1e6:
                assert diagram.q[row, column] == pytest.approx(q, rel=5e-3)
        line = critical_sigma_w(b, activation)
        if np.isfinite(diagram.critical[row]):
            assert diagram.critical[row] == pytest.approx(line, abs=0.05)   # a step of the grid: chi may jump there
        else:
            assert not 0.2 < line < 3
    scale = [depth_scale(float(c)) for c in diagram.chi[1]]
    np.testing.assert_allclose(diagram.depth_scale[1], scale, rtol=1e-9)


def test_the_diagram_s_critical_line_of_tanh_is_the_published_one():
    diagram = phase_diagram("tanh", np.linspace(0.5, 3, 101), np.sqrt([.01, .05, .1, .5, 1]))
    np.testing.assert_allclose(diagram.critical**2, [1.42421, 1.76095, 1.98607, 2.84317, 3.44321], rtol=1e-3)


def test_gradients_of_a_real_network_change_by_sqrt_chi_a_layer():
    """Ordered, critical and chaotic tanh, far from the first layers."""
    for sigma_w2 in (1.3, 1.76095, 2.5):
        sigma_w, sigma_b = math.sqrt(sigma_w2), math.sqrt(.05)
        slope = chi(fixed_point(sigma_w, sigma_b, "tanh"), sigma_w, "tanh")
        run = propagate(depth=40, width=400, samples=50, activation="tanh", initializer="lecun_normal", gain=sigma_w, sigma_b=sigma_b,
                        rng=np.random.default_rng(1))
        assert (run.gradient_rms[10] / run.gradient_rms[35])**(2 / 25) == pytest.approx(slope, rel=0.02)


def test_an_activation_may_be_an_object():
    half = Activation("half", lambda z: z / 2, lambda z: np.full_like(z, 0.5))
    assert moments(half).gain == pytest.approx(2)
    assert critical_sigma_w(0, half) == pytest.approx(2, rel=1e-9)
    never = Activation("nothing", np.zeros_like, np.zeros_like)
    assert moments(never).gain == math.inf
    assert critical_sigma_w(0.1, never) == math.inf
    assert fixed_point(1, 0, never) == 0


@pytest.mark.parametrize(("call", "message"), [
    (lambda: variance_map(-1, 1, 0, "tanh"), "q must be at least 0, got -1"),
    (lambda: variance_map(1, -2, 0, "tanh"), "sigma_w must be at least 0, got -2"),
    (lambda: variance_map(1, 1, -3, "tanh"), "sigma_b must be at least 0, got -3"),
    (lambda: chi(-1, 1, "tanh"), "q must be at least 0, got -1"), (lambda: chi(1, math.nan, "tanh"), "sigma_w must be at least 0, got nan"),
    (lambda: fixed_point(-1, 0, "tanh"), "sigma_w must be at least 0, got -1"),
    (lambda: fixed_point(1, -1, "tanh"), "sigma_b must be at least 0, got -1"),
    (lambda: critical_sigma_w(-.5, "tanh"), "sigma_b must be at least 0, got -0.5"),
    (lambda: predict("tanh", [1.0], -1), "sigma_b must be at least 0, got -1"),
    (lambda: predict("tanh", [1.0], input_moment=-1), "input_moment must be at least 0, got -1"),
    (lambda: phase_diagram("tanh", np.array([-1.0, 1]), np.zeros(1)), "sigma_w must be at least 0, got -1"),
    (lambda: phase_diagram("tanh", np.ones(1), np.array([-1.0])), "sigma_b must be at least 0, got -1"),
    (lambda: moments("relu6"), "activation must be one of identity, "),
])
def test_errors_name_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
