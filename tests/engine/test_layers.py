"""Layers: every backward against central differences of its forward, and the facts that each layer is known for."""

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, elu, leaky_relu
from engine.initializers import unit_variance
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer
from tests.reference import central_differences, disagreement


def dense(bias=True, dtype=np.float64, shape=(4, 3)):
    return Dense(*shape, sigma_b=0.3, bias=bias, rng=np.random.default_rng(0), dtype=dtype)


def batch_norm(dtype=np.float64, features=4, **options):
    """A batch norm as it is in the middle of training: nothing at its initial value."""
    rng, layer = np.random.default_rng(1), BatchNorm(features, dtype=dtype, **options)
    layer.gamma.value += rng.normal(0, 0.3, features).astype(dtype)
    layer.beta.value += rng.normal(0, 0.3, features).astype(dtype)
    layer.running_mean.value += rng.normal(0, 0.3, features).astype(dtype)
    layer.running_var.value *= rng.uniform(0.5, 2, features).astype(dtype)
    return layer


LAYERS = {   # name: dtype -> a layer of 4 inputs
    "dense": lambda dtype: dense(dtype=dtype), "dense without bias": lambda dtype: dense(bias=False, dtype=dtype),
    "batch norm": lambda dtype: batch_norm(dtype), "batch norm, epsilon 0.1": lambda dtype: batch_norm(dtype, epsilon=0.1),
    "dropout 0.4": lambda dtype: Dropout(0.4), "dropout 0": lambda dtype: Dropout(0),
    **{name: lambda dtype, a=a: Activate(a, dtype=dtype) for name, a in ACTIVATIONS.items()},
    "leaky 0.3": lambda dtype: Activate(leaky_relu(0.3), dtype=dtype), "elu 2": lambda dtype: Activate(elu(2), dtype=dtype),
}
KINDS = pytest.mark.parametrize("kind", LAYERS)
MODES = pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def batch(dtype=np.float64, features=4, n=6):
    """Inputs and output gradients; inputs keep their distance from kinks at 0."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((n, features))
    return (x + np.copysign(0.05, x)).astype(dtype), rng.standard_normal((n, features)).astype(dtype)


def forward(layer, x, training):
    layer.reseed(np.random.default_rng(3))   # the same dropout mask and the same random slopes at every call
    return layer.forward(x, training)


def check(layer, training):
    """The largest disagreement between backward and central differences, over the input and all parameters."""
    x, dy = batch()
    dy = dy[:, :forward(layer, x, training).shape[1]]
    dx = layer.backward(dy)

    def loss():
        return (dy * forward(layer, x, training)).sum()

    errors = {"x": disagreement(dx, central_differences(loss, x))}
    for p in layer.parameters():
        errors[p.name] = disagreement(p.gradient.copy(), central_differences(loss, p.value))
    return max(errors.values())


@KINDS
@MODES
def test_backward_is_the_derivative_of_forward(kind, training):
    assert check(LAYERS[kind](np.float64), training) < 1e-8


class OnePercentWrong(Layer):
    """A layer whose backward is wrong by 1 %, in one of the gradients that it computes."""

    def __init__(self, inner, part):
        self.inner, self.part = inner, part

    def forward(self, x, training):
        return self.inner.forward(x, training)

    def backward(self, dy):
        dx = self.inner.backward(dy)
        if self.part == "x":
            return 1.01 * dx
        self.inner.parameters()[self.part].gradient *= 1.01
        return dx

    def parameters(self):
        return self.inner.parameters()

    def reseed(self, rng):
        self.inner.reseed(rng)


PARTS = [(kind, part) for kind, build in LAYERS.items() for part in ("x", *range(len(build(np.float64).parameters())))]


@pytest.mark.parametrize(("kind", "part"), PARTS)
@MODES
def test_the_check_catches_a_gradient_that_is_1_percent_wrong(kind, part, training):
    assert check(OnePercentWrong(LAYERS[kind](np.float64), part), training) > 1e-3


@KINDS
@MODES
@DTYPES
def test_dtypes_are_kept_inputs_left_alone_and_outputs_fresh(kind, training, dtype):
    layer = LAYERS[kind](dtype)
    x, dy = batch(dtype)
    y = forward(layer, x, training)
    dy = dy[:, :y.shape[1]]
    copies = x.copy(), dy.copy()
    x.flags.writeable = dy.flags.writeable = False
    y = forward(layer, x, training)
    dx = layer.backward(dy)
    assert y.dtype == dx.dtype == dtype
    assert all(a.dtype == dtype for p in layer.parameters() + layer.buffers() for a in (p.value, p.gradient))
    assert dx.shape == x.shape
    for fresh in (y, dx):
        assert fresh.flags.writeable
        assert not any(np.shares_memory(fresh, given) for given in (x, dy, *(p.value for p in layer.parameters())))
    np.testing.assert_array_equal(x, copies[0])
    np.testing.assert_array_equal(dy, copies[1])


@KINDS
def test_no_gradient_in_gives_no_gradient_out(kind):
    layer = LAYERS[kind](np.float64)
    y = forward(layer, batch()[0], training=True)
    assert not layer.backward(np.zeros_like(y)).any()
    assert not any(p.gradient.any() for p in layer.parameters())


@KINDS
def test_backward_replaces_gradients_and_does_not_pile_them_up(kind):
    layer = LAYERS[kind](np.float64)
    y = forward(layer, batch()[0], training=True)
    for _ in range(2):
        layer.backward(np.ones_like(y))
    twice = [p.gradient.copy() for p in layer.parameters()]
    layer.backward(np.ones_like(y))
    assert all(np.array_equal(a, p.gradient) for a, p in zip(twice, layer.parameters(), strict=True))


def test_dense_by_hand():
    layer = dense(shape=(2, 2))
    layer.weight.value[...] = [[1, 2], [3, 4]]
    layer.bias.value[...] = [10, 20]
    np.testing.assert_array_equal(layer.forward(np.array([[1.0, 1.0], [2.0, 0.0]]), True), [[14, 26], [12, 24]])
    np.testing.assert_array_equal(layer.backward(np.array([[1.0, 0.0], [0.0, 1.0]])), [[1, 3], [2, 4]])
    np.testing.assert_array_equal(layer.weight.gradient, [[1, 2], [1, 0]])
    np.testing.assert_array_equal(layer.bias.gradient, [1, 1])


def test_the_notes_two_layer_example_by_hand():
    hidden, sigmoid = Dense(2, 2, rng=np.random.default_rng(0), dtype=float), ACTIVATIONS["sigmoid"].f
    hidden.weight.value[...] = [[2, 1], [1, 1]]
    h = sigmoid(hidden.forward(np.array([[1.0, -1.0]]), True))
    np.testing.assert_allclose(h, [[0.7311, 0.5]], atol=5e-5)
    z = h @ np.array([1.0, -1.0])
    np.testing.assert_allclose([z.item(), sigmoid(z).item()], [0.2311, 0.5575], atol=5e-5)


def test_dense_leaves_dx_out_only_when_told_to():
    layer = dense()
    y = layer.forward(batch()[0], True)
    assert layer.backward(y, input_gradient=False) is None
    without = layer.weight.gradient.copy()
    assert layer.backward(y).shape == (6, 4)
    np.testing.assert_array_equal(layer.weight.gradient, without)


def test_prelu_learns_the_slope_of_its_negative_side():
    layer = Activate("prelu", dtype=np.float64)
    np.testing.assert_array_equal(layer.forward(np.array([[-2.0, 4.0], [-8.0, 0.0]]), True), [[-0.5, 4], [-2, 0]])
    np.testing.assert_array_equal(layer.backward(np.array([[1.0, 1.0], [10.0, 1.0]])), [[0.25, 1], [2.5, 0.25]])
    assert layer.slope.gradient[0] == -2 - 80


def test_rrelu_draws_slopes_in_training_and_uses_their_mean_afterwards():
    layer, z = Activate("rrelu", dtype=np.float64), -np.ones((300, 300))
    slopes = -layer.forward(z, training=True)
    assert 1 / 8 <= slopes.min() < 0.13 < 0.33 < slopes.max() <= 1 / 3
    assert slopes.mean() == pytest.approx(11 / 48, abs=1e-3)
    np.testing.assert_array_equal(layer.forward(z, training=False), np.full_like(z, -11 / 48))


def test_batch_norm_gives_mean_0_and_variance_1_in_training():
    x = np.random.default_rng(0).normal(5, 3, (200, 4))
    y = BatchNorm(4, dtype=np.float64).forward(x, training=True)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=0), 1, rtol=1e-5)


def test_batch_norm_turns_two_images_into_plus_and_minus_1_and_one_into_0():
    layer = BatchNorm(3, epsilon=1e-12, dtype=np.float64)
    x = np.array([[1.0, 5.0, -2.0], [3.0, 4.0, -2.5]])
    np.testing.assert_allclose(layer.forward(x, training=True), [[-1, 1, 1], [1, -1, -1]], rtol=1e-10)
    assert not layer.forward(x[:1], training=True).any()


def test_running_statistics_have_gone_1_minus_momentum_to_the_k_of_the_way_after_k_steps():
    layer, x = BatchNorm(2, momentum=0.9, dtype=np.float64), np.random.default_rng(0).normal(3, 2, (50, 2))
    for k in range(1, 20):
        layer.forward(x, training=True)
        np.testing.assert_allclose(layer.running_mean.value, (1 - 0.9**k) * x.mean(axis=0))
        np.testing.assert_allclose(layer.running_var.value - 1, (1 - 0.9**k) * (x.var(axis=0) - 1))


def test_in_use_an_answer_of_batch_norm_does_not_depend_on_its_neighbours_and_changes_nothing():
    layer = batch_norm()
    x, _ = batch()
    state = [b.value.copy() for b in layer.buffers()]
    together = layer.forward(x, training=False)
    alone = np.concatenate([layer.forward(row[None], training=False) for row in x])
    np.testing.assert_allclose(together, alone, rtol=1e-14)
    assert all(np.array_equal(a, b.value) for a, b in zip(state, layer.buffers(), strict=True))


@pytest.mark.parametrize("scale", [1e-3, 0.5, 40.0])
def test_before_batch_norm_the_scale_of_the_weights_does_not_matter_and_their_gradient_shrinks_with_it(scale):
    x, dy = batch()

    def run(factor):
        linear, norm = dense(bias=True), BatchNorm(3, epsilon=0, dtype=np.float64)
        linear.bias.value[...] = 0
        linear.weight.value *= factor
        y = norm.forward(linear.forward(x, True), True)
        linear.backward(norm.backward(dy[:, :3]))
        return y, linear

    (y1, _), (y2, linear) = run(1), run(scale)
    np.testing.assert_allclose(y2, y1, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(linear.weight.gradient) * scale, np.linalg.norm(run(1)[1].weight.gradient), rtol=1e-9)
    np.testing.assert_allclose((linear.weight.value * linear.weight.gradient).sum(axis=0), 0, atol=1e-12)   # w · dL/dw of each unit
    np.testing.assert_allclose(linear.bias.gradient, 0, atol=1e-12 / scale)


def test_dropout_zeroes_at_its_rate_and_keeps_the_mean():
    y = Dropout(0.3, rng=np.random.default_rng(0)).forward(np.ones((400, 400)), training=True)
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.005)
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert set(np.unique(y)) == {0.0, 1 / 0.7}


def test_dropout_sends_gradients_only_through_what_it_kept():
    layer = Dropout(0.5, rng=np.random.default_rng(0))
    y = layer.forward(np.ones((20, 20)), training=True)
    np.testing.assert_array_equal(layer.backward(np.ones((20, 20))), y)
    np.testing.assert_array_equal(layer.mask, y)


def test_dropout_does_nothing_in_use_and_its_masks_repeat_after_reseeding():
    layer, x = Dropout(0.5), batch()[0]
    np.testing.assert_array_equal(layer.forward(x, training=False), x)
    np.testing.assert_array_equal(forward(layer, x, True), forward(layer, x, True))
    assert not np.array_equal(layer.forward(x, True), layer.forward(x, True))


def test_a_mask_is_the_same_in_float32_and_float64():
    x = np.ones((30, 30))
    np.testing.assert_array_equal(forward(Dropout(0.4), x, True) == 0, forward(Dropout(0.4), x.astype(np.float32), True) == 0)


def test_numpy_scalars_as_options_do_not_promote_float32():
    layer = BatchNorm(4, momentum=np.float64(0.9), epsilon=np.float64(1e-5))
    x, _ = batch(np.float32)
    assert layer.forward(x, True).dtype == layer.backward(x).dtype == np.float32
    assert Dropout(np.float64(0.5)).forward(x, True).dtype == np.float32
    wide = Dense(4, 3, gain=np.float64(2), sigma_b=np.float64(1), rng=np.random.default_rng(0))
    assert wide.forward(x, True).dtype == np.float32


def test_unit_variance_leaves_a_silent_layer_alone():
    layer = Dense(4, 3, initializer="zeros", rng=np.random.default_rng(0))
    unit_variance(layer.weight.value, None, batch(np.float32)[0])
    assert not layer.weight.value.any()


@pytest.mark.parametrize("sigma_b", [0.0, 0.3])
def test_unit_variance_is_reached_with_biases_too(sigma_b):
    """A bias isn't scaled with the weights: one division isn't enough."""
    x = np.random.default_rng(1).standard_normal((200, 50))
    layer = Dense(50, 40, initializer="orthogonal", sigma_b=sigma_b, gain=3.0, rng=np.random.default_rng(0), dtype=np.float64)
    unit_variance(layer.weight.value, layer.bias.value if sigma_b else None, x)
    assert np.var(layer.forward(x, False)) == pytest.approx(1, abs=0.01)


def test_an_absurd_gain_overflows_without_a_warning():
    assert np.isinf(Dense(4, 3, gain=1e300, rng=np.random.default_rng(0)).weight.value).all()


@pytest.mark.parametrize(("build", "message"), [
    (lambda: Dropout(1), "rate must be at least 0 and below 1, got 1"), (lambda: Dropout(-0.1), "rate must be at least 0 and below 1, got -0.1"),
    (lambda: BatchNorm(3, momentum=1.1), "momentum must be between 0 and 1, got 1.1"),
    (lambda: BatchNorm(3, epsilon=-1), "epsilon must be at least 0, got -1"),
    (lambda: dense(shape=(0, 3)), "fan_in must be at least 1, got 0"), (lambda: dense(shape=(3, 0)), "fan_out must be at least 1, got 0"),
    (lambda: Activate("step"), "activation must be one of identity, .*, got 'step'"),
])
def test_errors_name_the_argument_the_rule_and_the_value(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_layer_without_equations_says_so():
    with pytest.raises(TypeError, match="Layer has no forward"):
        Layer().forward(np.zeros((1, 1)), True)
    with pytest.raises(TypeError, match="Layer has no backward"):
        Layer().backward(np.zeros((1, 1)))
