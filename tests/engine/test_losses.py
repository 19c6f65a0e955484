"""Losses and penalties: closed forms, differences, and logits far out."""

import math
import warnings

import numpy as np
import pytest

from engine.layers import Parameter
from engine.losses import LOSSES, Penalty, log_softmax, softmax_cross_entropy, squared_error
from tests.reference import central_differences, disagreement

LABELS = np.array([2, 0, 1, 2], np.uint8)
EACH = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def logits(dtype=np.float64):
    return np.random.default_rng(0).standard_normal((4, 3)).astype(dtype)


@EACH
def test_the_gradient_is_that_of_the_loss(loss):
    x = logits()
    assert disagreement(loss(x, LABELS)[1], central_differences(lambda: loss(x, LABELS)[0], x)) < 1e-9


@EACH
def test_a_complex_step_gives_the_gradient_to_rounding(loss):
    x, steps = logits(), np.zeros((4, 3))
    for i in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[i] += 1e-30j
        steps[i] = loss(moved, LABELS)[0].imag / 1e-30
    np.testing.assert_allclose(loss(x, LABELS)[1], steps, atol=1e-16)


@EACH
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_is_a_python_float_the_gradient_keeps_its_dtype_and_inputs_are_left_alone(loss, dtype):
    x = logits(dtype)
    x.flags.writeable = LABELS.flags.writeable = False
    value, gradient = loss(x, LABELS)
    assert type(value) is float
    assert (gradient.dtype, gradient.shape) == (dtype, (4, 3))
    assert not np.shares_memory(gradient, x)


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_equal_logits_cost_the_logarithm_of_the_number_of_classes(classes):
    assert softmax_cross_entropy(np.zeros((5, classes)), np.zeros(5, int))[0] == pytest.approx(math.log(classes), rel=1e-15)


def test_cross_entropy_by_hand():
    loss, gradient = softmax_cross_entropy(np.log([[1.0, 2.0, 5.0], [4.0, 4.0, 2.0]]), np.array([2, 0]))
    assert loss == pytest.approx((math.log(8 / 5) + math.log(10 / 4)) / 2, rel=1e-15)
    np.testing.assert_allclose(gradient, np.array([[1 / 8, 2 / 8, 5 / 8 - 1], [0.4 - 1, 0.4, 0.2]]) / 2, atol=1e-16)


def test_squared_error_by_hand():
    loss, gradient = squared_error(np.array([[1.0, 2.0], [0.0, 4.0]]), np.array([[0.0, 2.0], [3.0, 0.0]]))
    assert loss == (1 + 9 + 16) / 4
    np.testing.assert_array_equal(gradient, [[0.5, 0], [-1.5, 2]])
    assert squared_error(np.array([[1.0, 0.0]]), np.array([0]))[0] == 0   # labels stand for one-hot rows


def test_each_row_of_the_softmax_gradient_sums_to_0():
    np.testing.assert_allclose(softmax_cross_entropy(logits(), LABELS)[1].sum(axis=1), 0, atol=1e-16)


def test_softmax_is_shift_invariant():
    np.testing.assert_allclose(log_softmax(logits() + 1e4), log_softmax(logits()), atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_logits_neither_overflow_nor_lose_the_loss(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, gradient = softmax_cross_entropy(np.array([[1e4, -1e4], [-1e30, 0]], dtype), np.array([1, 1]))
    assert loss == 1e4   # the first row costs 2e4, the second nothing
    np.testing.assert_array_equal(gradient, [[0.5, -0.5], [0, 0]])


def parameters(dtype=np.float64):
    w = np.array([[1.0, -2.0], [0.0, 4.0]], dtype)
    return [Parameter("W", w, is_weight=True), Parameter("b", np.array([100.0], dtype)), Parameter("V", np.array([[3.0]], dtype), is_weight=True)]


@pytest.mark.parametrize(("penalty", "value", "gradient"), [
    (Penalty(), 0, [[0, 0], [0, 0]]), (Penalty(l1=0.5), 5, [[0.5, -0.5], [0, 0.5]]),
    (Penalty(l2=0.1), 1.5, [[0.1, -0.2], [0, 0.4]]), (Penalty(0.5, 0.1), 6.5, [[0.6, -0.7], [0, 0.9]]),
])
def test_penalties_by_hand_leave_biases_out(penalty, value, gradient):
    p = parameters()
    assert penalty.value(p) == pytest.approx(value)
    penalty.add_gradient(p)
    np.testing.assert_allclose(p[0].gradient, gradient)
    assert not p[1].gradient.any()


def test_penalties_keep_float32_even_for_numpy_scalars():
    p = parameters(np.float32)
    penalty = Penalty(np.float64(0.1), np.float64(0.1))
    assert isinstance(penalty.value(p), float)
    penalty.add_gradient(p)
    assert p[0].gradient.dtype == np.float32


@pytest.mark.parametrize(("options", "message"), [
    ({"l1": -1}, "l1 must be at least 0, got -1"), ({"l2": math.nan}, "l2 must be at least 0, got nan"),
])
def test_errors_name_the_argument_the_rule_and_the_value(options, message):
    with pytest.raises(ValueError, match=message):
        Penalty(**options)
