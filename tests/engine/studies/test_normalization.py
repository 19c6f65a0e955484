"""Batch norm taken apart: the algebra, in float64, and the traps. Oracles: closed forms and central differences."""

import math

import numpy as np
import pytest

from engine.layers import BatchNorm
from engine.studies.normalization import draw_batch, gradient_terms, neighbours, normalize_batch, parse_batch, running_statistics, scale_invariance
from tests.reference import central_differences, disagreement

SIZES = pytest.mark.parametrize("m", [1, 2, 3, 64])


def batch(m, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(5, 2, m), rng.standard_normal(m)


def test_the_four_equations_by_hand():
    steps = normalize_batch(np.array([1.0, 2.0, 4.0, 9.0]), gamma=2, beta=-1, epsilon=0.5)
    assert steps.mean == 4
    assert steps.variance == (9 + 4 + 0 + 25) / 4
    np.testing.assert_allclose(steps.normalized, np.array([-3, -2, 0, 5]) / math.sqrt(10), rtol=1e-14)
    np.testing.assert_allclose(steps.y, 2 * np.array([-3, -2, 0, 5]) / math.sqrt(10) - 1, rtol=1e-14)
    assert steps.epsilon_share == 0.05


@SIZES
@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 1e-1])
def test_the_steps_and_the_terms_are_what_the_layer_computes(m, epsilon):
    x, dy = batch(m)
    layer = BatchNorm(1, epsilon=epsilon, dtype=np.float64)
    layer.gamma.value[...], layer.beta.value[...] = 1.7, -0.4
    steps = normalize_batch(x, 1.7, -0.4, epsilon)
    terms = gradient_terms(steps, dy)
    np.testing.assert_allclose(layer.forward(x[:, None], training=True)[:, 0], steps.y, atol=1e-12)
    np.testing.assert_allclose(layer.backward(dy[:, None])[:, 0], terms.dx, atol=1e-10)
    np.testing.assert_allclose([layer.gamma.gradient[0], layer.beta.gradient[0]], [terms.dgamma, terms.dbeta], atol=1e-12)


@SIZES
@pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
@pytest.mark.parametrize("columns", ["usual", "constant"])
def test_backward_is_the_derivative_of_forward_for_every_batch_size(m, training, columns):
    rng = np.random.default_rng(m)
    x, dy = rng.normal(1, 2, (m, 3)), rng.standard_normal((m, 3))
    if columns == "constant":
        x[:, 1] = 0.1   # its sum over m is not exact, and its variance is rounding or 0
    layer = BatchNorm(3, epsilon=1e-2, dtype=np.float64)
    layer.gamma.value[...], layer.beta.value[...] = rng.normal(1, 0.3, 3), rng.standard_normal(3)
    layer.running_mean.value[...], layer.running_var.value[...] = rng.standard_normal(3), rng.uniform(0.5, 2, 3)

    def loss():
        return (dy * layer.forward(x, training)).sum()

    loss()
    dx = layer.backward(dy)
    gradients = {p.name: p.gradient.copy() for p in layer.parameters()}
    assert disagreement(dx, central_differences(loss, x)) < 1e-7
    for p in layer.parameters():
        assert disagreement(gradients[p.name], central_differences(loss, p.value)) < 1e-7


@SIZES
@pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
def test_float32_agrees_with_float64_and_stays_float32(m, training):
    rng = np.random.default_rng(m)
    x, dy = rng.normal(1, 2, (m, 3)), rng.standard_normal((m, 3))
    x[:, 1] = 0.1
    layers = {dtype: BatchNorm(3, epsilon=1e-3, dtype=dtype) for dtype in (np.float32, np.float64)}
    y = {dtype: layer.forward(x.astype(dtype), training) for dtype, layer in layers.items()}
    dx = {dtype: layer.backward(dy.astype(dtype)) for dtype, layer in layers.items()}
    for result in (y, dx):
        assert result[np.float32].dtype == np.float32
        np.testing.assert_allclose(result[np.float32], result[np.float64], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("m", [2, 3, 64])
def test_the_gradient_sums_to_zero_and_is_orthogonal_to_the_normalized_values(m):
    x, dy = batch(m)
    steps = normalize_batch(x, 1.7, 0.3, epsilon=1e-300)
    dx = gradient_terms(steps, dy).dx
    assert abs(dx.sum()) < 1e-10
    assert abs(dx @ steps.normalized) < 1e-10


@SIZES
def test_with_epsilon_what_is_left_along_the_normalized_values_is_epsilons_share(m):
    x, dy = batch(m)
    steps = normalize_batch(x, 1.7, 0.3, epsilon=0.5)
    terms = gradient_terms(steps, dy)
    assert abs(terms.dx.sum()) < 1e-10
    expected = steps.gamma / steps.std * terms.dgamma * steps.epsilon_share   # mean(x̂²) = 1 - share
    assert terms.dx @ steps.normalized == pytest.approx(expected, abs=1e-12)


def test_a_planted_1_percent_fault_in_one_term_is_caught():
    x, dy = batch(8)

    def slopes():
        return central_differences(lambda: float(dy @ normalize_batch(x).y), x)

    terms = gradient_terms(normalize_batch(x), dy)
    assert disagreement(terms.dx, slopes()) < 1e-8
    assert disagreement(terms.direct + terms.through_mean + 1.01 * terms.through_variance, slopes()) > 1e-4


def test_a_batch_of_one_gives_beta_and_no_gradient_whatever_the_value_was():
    for x in (-1e6, 0.0, 3.7):
        steps = normalize_batch(np.array([x]), gamma=2, beta=0.25)
        assert steps.kind() == "one"
        assert steps.y[0] == 0.25
        terms = gradient_terms(steps, np.array([1.3]))
        assert terms.dx[0] == 0
        assert terms.dgamma == 0
        assert terms.dbeta == 1.3


def test_a_batch_of_two_gives_plus_and_minus_1_whatever_the_values_were():
    for low, high in ((0, 1), (-400, 3), (5, 5.01)):
        steps = normalize_batch(np.array([high, low]), epsilon=1e-15)
        np.testing.assert_allclose(steps.normalized, [1, -1], rtol=1e-10)


@pytest.mark.parametrize(("spread", "kind"), [(1.0, "usual"), (1e-2, "usual"), (1e-4, "epsilon"), (1e-10, "epsilon")])
def test_epsilon_rules_where_the_variance_is_smaller(spread, kind):
    steps = normalize_batch(draw_batch(16, spread, 1.0, 0), epsilon=1e-5)
    assert steps.kind() == kind
    assert steps.normalized.var() == pytest.approx(1 - steps.epsilon_share)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_equal_values_are_constant_and_give_beta(value):
    steps = normalize_batch(np.full(7, value), beta=0.5)
    assert steps.kind() == "constant"
    np.testing.assert_allclose(steps.y, 0.5, atol=1e-7)


def test_the_weights_scale_does_nothing_forward_and_divides_the_gradient():
    scales = np.logspace(-3, 3, 13)
    found = scale_invariance(scales, epsilon=0)
    assert found.output_change.max() < 1e-10
    np.testing.assert_allclose(found.gradient_norm * scales, found.gradient_norm[6], rtol=1e-10)
    assert (found.radial * scales).max() < 1e-10   # dL/dw is 1/s as large, and w s times
    assert (found.bias_gradient * scales).max() < 1e-10
    assert found.plain_bias_gradient.min() > 1e-3


def test_epsilon_ends_the_invariance_for_small_weights_only():
    found = scale_invariance(np.array([1e-4, 1.0, 1e4]), epsilon=1e-5)
    assert found.output_change[0] > 1
    assert found.output_change[2] < 1e-4
    assert found.gradient_norm[0] < 0.1 * 1e4 * found.gradient_norm[1]


def test_running_statistics_go_1_minus_momentum_to_the_k_of_the_way():
    runs = [running_statistics(steps=20, batch_size=50, momentum=0.9, seed=seed) for seed in range(200)]
    for k in (1, 3, 10, 20):
        assert np.mean([r.running_mean[k] for r in runs]) == pytest.approx(3 * (1 - 0.9**k), abs=0.05)
        assert runs[0].way_gone(k) == 1 - 0.9**k
    assert runs[0].running_mean[1] == pytest.approx(0.1 * runs[0].batch_mean[0])


def test_evaluated_before_the_first_step_nothing_is_normalized_and_later_everything():
    run = running_statistics(steps=200, batch_size=64, momentum=0.9, epsilon=0)
    assert (run.use_mean[0], run.use_std[0]) == (3, 2)
    assert abs(run.use_mean[100:]).mean() < 0.1
    assert run.use_std[100:].mean() == pytest.approx(1, abs=0.05)


def test_after_a_shift_the_running_mean_lags_behind():
    run = running_statistics(steps=100, batch_size=256, momentum=0.9, shift_at=60, shift=4)
    assert abs(run.use_mean[60]) < 0.1
    assert run.use_mean[61] == pytest.approx(0.9 * 2, abs=0.2)    # 4 is two standard deviations, a tenth already followed
    assert abs(run.use_mean[100]) < 0.15
    assert run.true_mean[60] == 3
    assert run.true_mean[61] == 7


@pytest.mark.parametrize("m", [1, 2, 4, 32])
def test_small_batches_make_the_running_variance_too_small(m):
    runs = [running_statistics(steps=150, batch_size=m, momentum=0.9, seed=seed) for seed in range(60)]
    late = np.mean([r.running_var[50:].mean() for r in runs])
    assert late == pytest.approx(4 * (m - 1) / m, abs=0.15)


def test_after_batches_of_one_the_answers_in_use_explode():
    run = running_statistics(steps=150, batch_size=1, momentum=0.9)
    assert run.use_std[-1] > 100   # the running variance is nearly 0


def test_neighbours_matter_less_in_larger_batches_by_one_over_root_m():
    sizes = np.array([16, 64, 256])
    measured, rule = neighbours(sizes)
    np.testing.assert_allclose(measured, rule, rtol=0.08)
    one, _ = neighbours(np.array([1]))
    assert one[0] == 0   # alone, x̂ is always 0


def test_the_same_settings_give_the_same_bytes_and_share_no_state():
    settings = {"steps": 30, "batch_size": 8, "momentum": 0.9}
    first = running_statistics(**settings)
    running_statistics(**{**settings, "seed": 1})
    assert running_statistics(**settings).running_mean.tobytes() == first.running_mean.tobytes()
    assert draw_batch(5, 1, 2, 0).tobytes() == draw_batch(5, 1, 2, 0).tobytes()


def test_the_spread_stretches_a_batch_and_keeps_its_shape():
    np.testing.assert_allclose((draw_batch(9, 2, 3, 1) - 5) / 2, (draw_batch(9, 1e-3, 3, 1) - 5) / 1e-3, rtol=1e-9)
    assert draw_batch(9, 2, 3, 1)[0] == 11


def test_a_batch_is_read_from_text():
    np.testing.assert_array_equal(parse_batch("1, 2.5; −3   4e2"), [1, 2.5, -3, 400])


@pytest.mark.parametrize(("call", "message"), [
    (lambda: parse_batch(""), "the batch must hold 1 to 64 values, got 0"),
    (lambda: parse_batch("1 " * 65), "the batch must hold 1 to 64 values, got 65"),
    (lambda: parse_batch("1, abc"), "value 2 must be a number, got 'abc'"),
    (lambda: parse_batch("1, 2, nan"), "value 3 must lie between -1e6 and 1e6, got nan"),
    (lambda: parse_batch("inf"), "value 1 must lie between -1e6 and 1e6, got inf"),
    (lambda: normalize_batch(np.ones(3), epsilon=0), "epsilon must be above 0, got 0"),
    (lambda: normalize_batch(np.ones((2, 2))), r"x must be \(m,\) with m at least 1, got shape \(2, 2\)"),
    (lambda: gradient_terms(normalize_batch(np.ones(3)), np.ones(2)), r"dy must have the shape of x, \(3,\), got \(2,\)"),
    (lambda: draw_batch(0, 1, 1, 0), "size must be between 1 and 64, got 0"),
    (lambda: running_statistics(steps=0, batch_size=1, momentum=0.9), "steps must be at least 1, got 0"),
    (lambda: running_statistics(steps=1, batch_size=0, momentum=0.9), "batch_size must be at least 1, got 0"),
])
def test_errors_name_the_argument_the_rule_and_the_value(call, message):
    with pytest.raises(ValueError, match=message):
        call()
