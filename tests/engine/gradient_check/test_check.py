"""Gradient checking: the numbers of the lesson, and a checker that accuses the guilty only."""

import copy
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import (
    ACTIVATIONS,
    FUNCTIONS,
    Dense,
    Network,
    Penalty,
    band,
    best_epsilon,
    check_cost,
    check_directions,
    check_gradients,
    derivative,
    load_digits,
    mlp,
    numerical_gradient,
    relative_error,
    secants,
    squared_error,
    v_curve,
)
from engine.gradient_check import structured
from engine.layers import Layer
from tests.engine.architectures import draw

SMOOTH = ("cube", "exp", "sin", "tanh", "sigmoid")
SCHEMES = (("central", 1e-5, 1e-7), ("complex", 1e-20, 1e-12))   # scheme, epsilon, agreement asked for


def small(rng=0, sizes=(8, 7, 6, 5), samples=6, **options):
    rng = np.random.default_rng(rng)
    network = mlp(sizes, rng=rng, **({"sigma_b": 0.3, "activation": "tanh"} | options))
    return network, rng.standard_normal((samples, sizes[0])), rng.integers(0, sizes[-1], samples)


# One curve

@pytest.mark.parametrize(("epsilon", "one_sided", "two_sided"), [(0.01, 3.0301, 3.0001), (0.001, 3.003001, 3.000001)])
def test_secants_of_theta_cubed_at_one_are_those_of_the_notes(epsilon, one_sided, two_sided):
    row, = secants("cube", 1.0, [epsilon])
    assert round(row.one_sided, 10) == one_sided
    assert round(row.two_sided, 10) == two_sided
    assert row.two_sided_error == pytest.approx(epsilon**2, rel=1e-6)
    assert row.one_sided_error == pytest.approx(3 * epsilon + epsilon**2, rel=1e-6)


@pytest.mark.parametrize(("epsilon", "value"), [(1e-7, 3.58), (1e-8, 0.0)])
def test_in_float32_theta_cubed_falls_apart(epsilon, value):
    assert derivative(lambda t: t**3, np.float32(1), epsilon) == pytest.approx(value, abs=0.005)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_complex_step_is_exact_to_rounding(name):
    f = FUNCTIONS[name]
    for theta in (-1.3, 0.2, 1.0):
        assert abs(derivative(f.f, theta, 1e-20, "complex") - f.df(theta)) <= 1e-14


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS.values() if not a.kinks], ids=lambda a: a.name)
def test_smooth_activations_have_their_complex_step_at_exactly_zero_too(activation):
    z = np.array([-1.5, 0.0, 0.7])
    for step in (1e-20, -1e-20):   # a negative weight turns the step around
        np.testing.assert_allclose(activation.f(z + 1j * step).imag / step, activation.df(z), rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_of_the_curves_match_a_central_difference(name):
    for theta in (-1.3, 0.7):
        assert FUNCTIONS[name].df(theta) == pytest.approx(derivative(FUNCTIONS[name].f, theta, 1e-6), abs=1e-8)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("scheme", "order"), [("forward", 1), ("central", 2), ("complex", 2)])
@pytest.mark.parametrize("name", ["cube", "exp", "sin", "tanh"])
def test_the_right_arm_of_the_v_has_slope_1_or_2(name, scheme, order, dtype):
    assert v_curve(name, scheme=scheme, dtype=dtype).order == pytest.approx(order, abs=0.05)


@pytest.mark.parametrize(("scheme", "epsilon", "error"), [("central", 2e-6, 2e-11), ("forward", 6e-9, 3e-8)])
def test_the_bottom_of_the_v_is_where_the_facts_say(scheme, epsilon, error):
    v = v_curve("cube", scheme=scheme)
    assert epsilon / 3 <= v.best <= 3 * epsilon
    assert error / 3 <= v.best_error <= 3 * error
    assert v.best / 5 <= best_epsilon(scheme) <= 5 * v.best


@pytest.mark.parametrize("scheme", ["forward", "central"])
def test_the_left_arm_is_rounding_which_grows_as_one_over_epsilon(scheme):
    v = v_curve("cube", scheme=scheme)
    left = (v.epsilons < v.best / 10) & (v.epsilons > 1e-13)
    assert np.polyfit(np.log(v.epsilons[left]), np.log(v.errors[left]), 1)[0] == pytest.approx(-1, abs=0.1)


def test_the_complex_step_has_no_left_arm():
    v = v_curve("cube", scheme="complex")
    assert v.errors[v.epsilons < 1e-9].max() < 1e-14


@pytest.mark.parametrize(("options", "message"), [({"epsilon": 0}, "epsilon must be a positive number, got 0"),
                                                  ({"epsilon": -1e-5}, "epsilon must be"), ({"epsilon": np.nan}, "epsilon must be"),
                                                  ({"epsilon": 1e-5, "scheme": "backward"}, "scheme must be one of forward, central, complex")])
def test_bad_steps_and_schemes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        derivative(np.sin, 1.0, **options)
    with pytest.raises(ValueError, match=message):
        check_gradients(*small(), **options)


# The whole gradient

@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, structured.APART]))
def test_the_structured_gradient_is_the_loops_on_every_architecture(seed, apart):
    network, x, labels, penalty, training = draw(seed)
    for scheme, epsilon, agreement in SCHEMES:
        options = {"penalty": penalty, "training": training, "epsilon": epsilon, "scheme": scheme}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(structured, "APART", apart)   # parameters from which on samples are followed one by one
            fast, slow = (numerical_gradient(network, x, labels, method=method, **options) for method in ("structured", "loop"))
        assert relative_error(fast, slow) < agreement


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_structured_gradient_is_the_loops_for_each_activation(activation, batch_norm):
    network, x, labels = small(activation=activation, batch_norm=batch_norm, dropout=0.2, input_batch_norm=True)
    for scheme, epsilon, agreement in SCHEMES:
        fast, slow = (numerical_gradient(network, x, labels, penalty=Penalty(0.01, 0.1), epsilon=epsilon, scheme=scheme, method=method)
                      for method in ("structured", "loop"))
        assert relative_error(fast, slow) < agreement


@pytest.mark.parametrize("options", [{"activation": "relu"}, {"dropout": 0.3}, {"activation": "rrelu"}, {"activation": "prelu"},
                                     {"initializer": "zeros"}], ids=lambda options: " ".join(map(str, options.values())))
def test_samples_followed_one_by_one_give_the_same_changes_and_kinks(monkeypatch, options):
    network, x, labels = small(**options, dtype=np.float64)
    found = []
    for apart in (0, structured.APART):
        monkeypatch.setattr(structured, "APART", apart)
        crossed = np.zeros(network.theta.size, bool)
        loss, changes = structured.loss_changes(network.astype(np.float64), x, labels, 0.1, crossed=crossed)
        found.append((loss, changes, crossed))
    (one, each, flags), (other, together, expected) = found
    assert one == other
    np.testing.assert_allclose(each, together, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(flags, expected)
    assert options != {"activation": "relu"} or 0 < flags.sum() < flags.size   # the step is so large that it crosses kinks


def test_where_the_loss_is_not_finite_no_change_counts_as_none(monkeypatch):
    monkeypatch.setattr(structured, "APART", 0)
    network, x, labels = small(dtype=np.float64)
    network.parameters[-1].value[0] = np.inf
    with np.errstate(invalid="ignore"):
        changes = structured.loss_changes(network, x, labels, 1e-5)[1]
    assert np.isnan(changes).all()


def test_small_chunks_change_nothing(monkeypatch):
    network, x, labels = small(batch_norm="before")
    whole = numerical_gradient(network, x, labels, scheme="complex")
    monkeypatch.setattr(structured, "CHUNK", 50)
    assert relative_error(numerical_gradient(network, x, labels, scheme="complex"), whole) < 1e-14


def test_memory_stays_bounded():
    network, x, labels = small(sizes=(128, 128, 128, 10), samples=16, dtype=np.float64)
    tracemalloc.start()
    numerical_gradient(network, x, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6   # all perturbations of a layer at once would take 128 × 128 × 16 × 128 numbers, 270 MB


def test_softmax_regression_has_the_gradient_of_the_textbook():
    network, x, labels = small(sizes=(9, 4), samples=12, dtype=np.float64)
    w, b = (p.value for p in network.parameters)
    p = np.exp(x @ w + b) / np.exp(x @ w + b).sum(axis=1, keepdims=True)
    expected = np.concatenate([(x.T @ (p - np.eye(4)[labels]) / 12 + 0.1 * w).ravel(), (p - np.eye(4)[labels]).mean(axis=0)])
    for method in ("structured", "loop"):
        found = numerical_gradient(network, x, labels, penalty=Penalty(l2=0.1), scheme="complex", epsilon=1e-20, method=method)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-15)


def test_other_losses_and_unknown_layers_are_checked_too():
    class Cubed(Layer):
        def forward(self, x, training):
            self.x = x
            return x**3

        def backward(self, dy):
            return 3 * self.x**2 * dy

    network, x, labels = small(dtype=np.float64)
    for changed in (Network(network.layers, squared_error), Network(network.layers, lambda y, t: squared_error(y, t)),
                    Network([*network.layers[:2], Cubed(), *network.layers[2:]])):
        assert check_gradients(changed, x, labels).grade == "right"


def test_a_check_leaves_the_network_as_it_was():
    network, x, labels = small(batch_norm="before", dropout=0.5, dtype=np.float32)
    network.loss_and_gradient(x.astype(np.float32), labels)
    before = [array.copy() for array in (network.theta, network.gradient, network.running)]
    twin = network.astype(np.float32)
    check_gradients(network, x, labels)
    check_directions(network, x, labels, rng=np.random.default_rng(0))
    for array, old in zip((network.theta, network.gradient, network.running), before, strict=True):
        np.testing.assert_array_equal(array, old)
    np.testing.assert_array_equal(network.forward(x, training=True), twin.forward(x, training=True))   # the same mask comes next


# The report

@pytest.mark.parametrize(("error", "grade"), [(0, "right"), (1e-7, "right"), (1.1e-7, "fair"), (1e-4, "fair"), (1e-3, "suspicious"), (0.1, "wrong"),
                                              (np.nan, "wrong")])
def test_grades_come_in_bands(error, grade):
    assert band(error) == grade


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_correct_code_is_right(activation, batch_norm):
    network, x, labels = small(activation=activation, batch_norm=batch_norm, dropout=0.2, input_batch_norm=True)
    for scheme, epsilon, _ in SCHEMES:
        report = check_gradients(network, x, labels, penalty=Penalty(0.01, 0.1), epsilon=epsilon, scheme=scheme)
        assert report.grade == "right"
        assert {row.grade for row in report.by_parameter.values()} <= {"right", "vacuous", "kink"}


def test_no_false_alarm_on_200_random_networks():
    for seed in range(200):
        network, x, labels, penalty, training = draw(seed)
        report = check_gradients(network, x, labels, penalty=penalty, training=training)
        assert report.grade == "right", (seed, report.by_parameter)


def test_a_strict_threshold_with_a_tiny_step_rejects_correct_code_and_the_grade_does_not():
    digits = load_digits()
    network = mlp((64, 50, 10), activation="tanh", initializer="glorot_normal", rng=np.random.default_rng(0), dtype=np.float64)
    x, labels = digits.x_train[:100] / 16, digits.y_train[:100]
    for _ in range(300):
        network.theta -= 0.5 * network.loss_and_gradient(x, labels)[1]
    report = check_gradients(network, x, labels, epsilon=1e-7)
    assert report.relative_error > 1e-7
    assert report.grade == "right"
    assert report.better_epsilon == best_epsilon("central")
    assert check_gradients(network, x, labels).relative_error < 1e-8


def test_kinks_make_the_bare_metric_accuse_correct_code_and_the_grade_does_not():
    digits = load_digits()
    network = mlp((64, 50, 30, 10), initializer="normal", gain=0.01, rng=np.random.default_rng(0))   # small weights: all units near their kink
    report = check_gradients(network, digits.x_train[:100] / 16, digits.y_train[:100])
    assert band(report.relative_error) == "suspicious"
    assert report.grade == "right"
    assert said(report, "kink")


def test_a_single_tiny_number_is_not_called_wrong_by_chance():
    for seed in range(40):   # the slopes of PReLU: one component each, with gradients down to rounding
        network, x, labels = small(seed, sizes=(6, 5, 5, 5, 5, 4), samples=4, activation="prelu", gain=0.12, sigma_b=0)
        assert check_gradients(network, x, labels).grade == "right"


class Scaled(Network):
    """Backpropagation off by a factor, in all components or in one."""

    factor, where = 1.0, slice(None)

    def loss_and_gradient(self, *arguments):
        result = super().loss_and_gradient(*arguments)
        self.gradient[self.where] *= self.factor
        return result


def scaled(network, factor, where=slice(None)):
    twin = network.astype(np.float64)
    twin.__class__, twin.factor, twin.where = Scaled, factor, where
    return twin


@pytest.mark.parametrize("activation", ["relu", "tanh", "prelu"])
@pytest.mark.parametrize(("factor", "expected"), [(2.001, "wrong"), (-1, "wrong"), (1.03, "wrong"), (1.01, "suspicious"), (1.0001, "fair")])
def test_a_planted_factor_is_caught(factor, expected, activation):
    network, x, labels = small(activation=activation)
    report = check_gradients(scaled(network, factor), x, labels)
    assert report.grade == expected
    assert report.relative_error == pytest.approx(abs(factor - 1) / (1 + abs(factor)), rel=0.02)


def test_a_gradient_that_is_not_a_number_is_wrong():
    network, x, labels = small()
    report = check_gradients(scaled(network, np.nan, 3), x, labels)
    assert report.grade == report.by_parameter["dense_1.W"].grade == "wrong"
    assert report.by_parameter["dense_1.W"].worst == (0, 3)
    assert said(report, "overflow")


def test_one_wrong_component_is_found_by_index():
    network, x, labels = small()
    parameter = network.parameters[2]
    k = network.parameters[0].value.size + network.parameters[1].value.size + np.ravel_multi_index((3, 4), parameter.value.shape)
    report = check_gradients(scaled(network, 1.01, k), x, labels)
    assert {row.name for row in report.by_parameter.values() if row.grade != "right"} == {"dense_2.W"}
    assert report.by_parameter["dense_2.W"].worst == (3, 4)
    assert np.abs(report.analytical / report.numerical - 1).argmax() == k


def said(report, kind):
    return any(sentence.startswith(f"{kind}:") for sentence in report.warnings)


def test_a_warning_is_its_sentence_and_knows_its_kind_also_as_a_copy():
    network, x, labels = small(dropout=0.5)
    for frozen, kind in ((True, "held"), (False, "dropout")):
        warning, = (w for w in check_gradients(network, x, labels, frozen=frozen).warnings if w.startswith("dropout:"))
        for same in (warning, copy.deepcopy(warning), pickle.loads(pickle.dumps(warning))):
            assert (same.kind, same.text, f"{same}") == (kind, str(warning), str(warning))


def test_a_plain_check_has_nothing_to_warn_of():
    assert check_gradients(*small()).warnings == ()


def one_image(hidden=(20, 20)):
    digits = load_digits()
    network = mlp((64, *hidden, 10), activation="relu", batch_norm="before", rng=np.random.default_rng(0))
    return network, digits.x_train[:1] / 16, digits.y_train[:1]


def test_batch_norm_of_one_image_is_named_vacuous():
    report = check_gradients(*one_image())
    assert report.grade == "vacuous"
    assert report.vacuous > 0.9
    assert said(report, "vacuous")
    assert report.by_parameter["dense_1.W"].grade == "vacuous"
    assert report.by_parameter["output.b"].grade == "right"


def test_its_beta_on_the_relu_kink_is_named_and_not_called_wrong():
    report = check_gradients(*one_image())
    row = report.by_parameter["batch_norm_2.beta"]
    assert row.relative_error > 0.1   # a one-sided slope against the mean of both
    assert row.grade == "kink"
    assert row.kinks == 20
    assert said(report, "kink")


@pytest.mark.parametrize("scheme", ["forward", "central", "complex"])
def test_kinks_are_found_exactly_where_a_step_crosses(scheme):
    network, x, labels = small(activation="relu", sizes=(4, 3, 2), samples=1, dtype=np.float64)
    weight, bias = (p.value for p in network.parameters[:2])
    x, weight[...] = np.round(8 * x) / 8, np.round(8 * weight) / 8   # products and sums of eighths are exact, in whichever order
    bias[:] = -(x @ weight)[0] + (0, 5e-6, 1.0)   # pre-activations 0, 5e-6 and 1
    crossed = check_gradients(network, x, labels, scheme=scheme).crosses_kink
    assert crossed[12:15].tolist() == [True, scheme == "central", False]
    assert not crossed[15:].any()


def test_the_kink_of_an_l1_penalty_counts():
    network, x, labels = small(dtype=np.float64)
    network.weights[0][1, 2] = 0
    report = check_gradients(network, x, labels, penalty=Penalty(l1=0.1))
    assert np.flatnonzero(report.crosses_kink).tolist() == [1 * 7 + 2]
    assert report.grade == "right"


@pytest.mark.parametrize("options", [{"dropout": 0.3}, {"activation": "rrelu"}])
def test_randomness_is_named_and_breaks_an_unfrozen_check(options):
    network, x, labels = small(**options)
    frozen, loose = check_gradients(network, x, labels), check_gradients(network, x, labels, frozen=False)
    assert frozen.grade == "right"
    assert loose.relative_error > 0.1
    assert loose.grade == "unclear"   # two different losses were subtracted: no evidence against backpropagation
    for report in (frozen, loose):
        assert not report.deterministic
        assert said(report, "dropout")
    assert check_gradients(network, x, labels, training=False).deterministic


def test_float32_is_named_and_not_taken_for_a_bug():
    report = check_gradients(*small(), dtype=np.float32)
    assert said(report, "float32")
    assert report.relative_error > 1e-3
    assert report.grade == "unclear"
    assert report.better_epsilon == pytest.approx(5e-3, rel=0.1)
    assert check_gradients(*small(), dtype=np.float32, epsilon=5e-3).grade == "right"


def test_a_float32_network_is_checked_in_float64_unasked():
    report = check_gradients(*small(dtype=np.float32))
    assert report.numerical.dtype == report.analytical.dtype == np.float64
    assert not said(report, "float32")


@pytest.mark.parametrize(("scheme", "epsilon", "word"), [("central", 1e-9, "small"), ("central", 1e-2, "large"), ("forward", 1e-5, "large"),
                                                         ("forward", 1e-12, "small"), ("complex", 1e-3, "large"), ("complex", 1e-300, "small")])
def test_a_bad_step_is_named_with_a_better_one(scheme, epsilon, word):
    network, x, labels = small()
    report = check_gradients(network, x, labels, scheme=scheme, epsilon=epsilon)
    assert any(word in sentence for sentence in report.warnings if sentence.startswith("epsilon:"))
    assert report.grade in ("right", "unclear")
    better = check_gradients(network, x, labels, scheme=scheme, epsilon=report.better_epsilon)
    assert better.relative_error < report.relative_error
    assert not said(better, "epsilon")


def test_a_bias_before_batch_norm_has_nothing_to_check():
    report = check_gradients(*small(batch_norm="before"))
    assert report.by_parameter["dense_1.b"].grade == "vacuous"
    assert np.abs(report.analytical[56:63]).max() < 1e-15


def test_overflow_is_named():
    network, x, labels = small(activation="relu", gain=1e120, initializer="he_normal", dtype=np.float64)
    report = check_gradients(network, x, labels)
    assert said(report, "overflow")
    assert report.grade == "unclear"


def test_the_rows_tile_theta_and_carry_its_norms():
    network, x, labels = small(batch_norm="after", activation="prelu")
    report = check_gradients(network, x, labels)
    assert list(report.by_parameter) == [p.name for p in network.parameters]
    for row, p in zip(report.by_parameter.values(), network.parameters, strict=True):
        here = slice(row.start, row.start + p.value.size)
        assert row.shape == p.value.shape
        assert row.gradient_norm == np.linalg.norm(report.analytical[here])
        assert row.relative_error == relative_error(report.analytical[here], report.numerical[here])
    assert report.analytical.shape == report.numerical.shape == network.theta.shape
    assert report.gradient_norm == pytest.approx(np.sqrt(sum(row.gradient_norm**2 for row in report.by_parameter.values())))


def test_the_cost_of_a_check_is_measured_beside_backpropagation():
    cost = check_cost(*small())
    assert cost.parameters == 8 * 7 + 7 + 7 * 6 + 6 + 6 * 5 + 5
    assert min(cost.backprop_seconds, cost.structured_ratio, cost.loop_ratio) > 0


@pytest.mark.parametrize(("scheme", "epsilon", "_"), SCHEMES)
def test_random_directions_clear_a_large_correct_network_and_name_a_wrong_parameter(scheme, epsilon, _):
    network, x, labels = small(sizes=(300, 400, 300, 10))
    options = {"rng": np.random.default_rng(1), "scheme": scheme, "epsilon": epsilon}
    assert check_directions(network, x, labels, **options).grade == "right"
    start = network.parameters[0].value.size + network.parameters[1].value.size
    wrong = scaled(network, 1.5, slice(start, start + network.parameters[2].value.size))
    report = check_directions(wrong, x, labels, **options)
    assert {row.name for row in report.by_parameter.values() if row.grade == "wrong"} == {"dense_2.W"}


def test_a_dense_layer_with_a_forward_of_its_own_is_not_taken_for_a_plain_one():
    class Doubled(Dense):
        def forward(self, x, training):
            return 2 * super().forward(x, training)

    network, x, labels = small(dtype=np.float64)
    network.layers[2].__class__ = Doubled
    assert not structured.supports(network)
    assert check_gradients(network, x, labels).grade == "wrong"   # its backward was not doubled
