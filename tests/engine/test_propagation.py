"""Propagation: published and measured tables, and every statistic against a slow NumPy version of the same network."""

import dataclasses
import math
import re

import numpy as np
import pytest

from engine import measures
from engine.activations import ACTIVATIONS, Activation
from engine.datasets import load_digits
from engine.initializers import INITIALIZERS, constant
from engine.passes import STATISTICS
from engine.propagation import over_seeds, propagate, stack

pytestmark = pytest.mark.filterwarnings("error")   # infinity, NaN and zeros are results: none of them may warn

# Five layers of 100, no biases, 1000 Gaussian inputs: std of the activations, RMS of dJ/dz of layer 1 over layer 5 (seeds 0 to 9).
HISTOGRAM_TABLE = [
    ("sigmoid", "normal", 1, (.459, .440, .437, .438, .441), 0.80),
    ("sigmoid", "normal", .01, (.0249, .0124, .0123, .0124, .0131), 3.9e-7),
    ("sigmoid", "lecun_normal", 1, (.208, .127, .119, .121, .127), 2.8e-3),
    ("tanh", "normal", 1, (.959, .958, .957, .957, .958), 30),
    ("tanh", "lecun_normal", 1, (.627, .486, .407, .356, .322), .413),
    ("relu", "normal", .01, (.0585, .00413, 2.97e-4, 2.06e-5, 1.54e-6), 2.5e-5),
    ("relu", "lecun_normal", 1, (.585, .413, .297, .206, .154), .253),
    ("relu", "he_normal", 1, (.827, .825, .840, .825, .869), 1.01),
]
CS231N = (.8252, .8278, .8139, .8269, .8341, .8600, .8706, .8893, .8454, .8445)   # ten ReLU layers of 500, He, one seed, as published
BATCH_NORMS = pytest.mark.parametrize("batch_norm", [None, "before", "after"])


def run(seed=0, **settings):
    return propagate(**{"depth": 3, "width": 20, "samples": 50, "activation": "tanh", "initializer": "glorot_normal"} | settings,
                     rng=np.random.default_rng(seed))


def reference(seed, depth, width, samples, activation, initializer, gain=1.0, sigma_b=0.0, batch_norm=None, inputs=None):
    """The network that `propagate` draws, computed in float64 without any shortcut: lists of z, y and dJ/dz, a layer each."""
    rng, phi, draw = np.random.default_rng(seed), ACTIVATIONS[activation], INITIALIZERS[initializer].draw
    x = rng.standard_normal((samples, width)) if inputs is None else inputs
    weights, zs, ys, ins, dzs = [], [], [], [], []
    for _ in range(depth):
        w = gain * draw(rng, (x.shape[1], width))
        z = x @ w + (sigma_b * rng.standard_normal(width) if sigma_b else 0)
        ins.append(z)
        if batch_norm == "before":
            z = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
        x = phi.f(z)
        if batch_norm == "after":
            ins[-1] = x
            x = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5)
        weights.append(w)
        zs.append(z)
        ys.append(x)

    def back_through_norm(dy, into, out):
        return (dy - dy.mean(axis=0) - out * (dy * out).mean(axis=0)) / np.sqrt(into.var(axis=0) + 1e-5)

    dy = rng.standard_normal((len(x), width))
    for layer in reversed(range(depth)):
        if batch_norm == "after":
            dy = back_through_norm(dy, ins[layer], ys[layer])
        dz = dy * phi.df(zs[layer])
        dzs.insert(0, dz)   # of the normalised z, as z is what the activation receives
        if batch_norm == "before":
            dz = back_through_norm(dz, ins[layer], zs[layer])
        dy = dz @ weights[layer].T
    return zs, ys, dzs


def middle(dz):
    return np.median(np.abs(dz[dz != 0])) if dz.any() else 0.0


def numbers(result):
    """Every number of a result as one flat array."""
    parts = [getattr(result, name) for name in STATISTICS] + [result.distinct]
    parts += [getattr(h, part) for h in (result.activations, result.pre_activations, result.gradients) for part in ("inside", "below", "above")]
    return np.concatenate([np.ravel(part).astype(float) for part in parts])


def check_readable(result):
    """All that a chart needs of a network, however sick: shares that sum to 1, and no NaN but in the mean of what overflowed."""
    for histogram in (result.activations, result.pre_activations, result.gradients):
        np.testing.assert_allclose(histogram.inside.sum(axis=1) + histogram.below + histogram.above, 1, rtol=1e-12)
        assert (np.diff(histogram.edges) > 0).all()
    for name in STATISTICS:
        values = getattr(result, name)
        assert values.shape == result.mean.shape
        if name not in ("mean", "sigma_w"):
            assert not np.isnan(values).any(), name
            assert (values >= 0).all(), name
    assert (result.saturated <= 1).all()
    assert (result.dead <= 1).all()
    assert (result.distinct >= 1).all()


@pytest.mark.parametrize(("activation", "initializer", "gain", "stds", "ratio"), HISTOGRAM_TABLE)
def test_the_histogram_table(activation, initializer, gain, stds, ratio):
    runs = over_seeds(range(10), depth=5, width=100, activation=activation, initializer=initializer, gain=gain)
    np.testing.assert_allclose(stack(runs, "std").mean(axis=0), stds, rtol=0.03)
    ratios = stack(runs, "gradient_rms")[:, 0] / stack(runs, "gradient_rms")[:, -1]
    assert ratios.min() < ratio < ratios.max()
    assert ratios.mean() == pytest.approx(ratio, rel=0.03)


def test_sigmoid_with_1_over_fan_in_looks_healthy_pooled_and_has_stopped_telling_inputs_apart():
    runs = over_seeds(range(10), depth=5, width=100, activation="sigmoid", initializer="lecun_normal")
    np.testing.assert_allclose(stack(runs, "std_over_data").mean(axis=0), (.2075, .0485, .0114, .00267, .00063), rtol=0.01)
    assert stack(runs, "std").min() > 0.09


def test_ten_relu_layers_of_500_scatter_around_theory_and_the_published_seed_is_one_of_them():
    runs = over_seeds(range(10), depth=10, width=500, activation="relu", initializer="he_normal")
    stds = stack(runs, "std")
    assert (stds.min(axis=0) < CS231N).all()
    assert (stds.max(axis=0) > CS231N).all()
    np.testing.assert_allclose(stds.mean(axis=0), math.sqrt(1 - 1 / math.pi), rtol=0.03)   # .8256
    assert np.ptp(stds[:, 9]) > 5 * np.ptp(stds[:, 0])   # so that a single line would tell little of layer 10


PLATEAUS = {   # where the slope is 5 % of its steepest, in closed form; a hinge is not a plateau
    "identity": (-math.inf, math.inf), "relu": (-math.inf, math.inf), "leaky_relu": (-math.inf, math.inf), "rrelu": (-math.inf, math.inf),
    "sigmoid": (-2 * math.atanh(math.sqrt(.95)), 2 * math.atanh(math.sqrt(.95))), "tanh": (-math.atanh(math.sqrt(.95)), math.atanh(math.sqrt(.95))),
    "elu": (math.log(.05), math.inf), "selu": (math.log(.05), math.inf), "softplus": (-math.log(19), math.inf),
}


@pytest.mark.parametrize("activation", PLATEAUS)
def test_plateaus_begin_where_the_slope_has_fallen_to_5_percent(activation):
    phi = ACTIVATIONS[activation]
    np.testing.assert_allclose(measures.plateaus(phi.df, phi.kinks), PLATEAUS[activation], atol=2e-3)


@pytest.mark.parametrize("activation", ["gelu", "swish"])
def test_the_bottom_of_a_dip_is_no_plateau(activation):
    """GELU and swish have a slope of 0 at their minimum; only beyond it are they flat."""
    phi = ACTIVATIONS[activation]
    low, high = measures.plateaus(phi.df, phi.kinks)
    z = np.linspace(-30, 5, 4001)
    assert high == math.inf
    assert z[np.argmin(phi.f(z))] > low
    assert (np.abs(phi.df(z[z < low])) < 0.05 * phi.df(z).max()).all()


@BATCH_NORMS
@pytest.mark.parametrize(("activation", "initializer", "gain", "sigma_b"), [
    ("tanh", "normal", 1.0, 0.0), ("tanh", "lecun_normal", 1.3, 0.4), ("relu", "he_normal", 1.0, 0.0),
    ("relu", "normal", .01, 0.0), ("sigmoid", "lecun_normal", 4.0, 0.1), ("selu", "lecun_uniform", 1.5, 0.3),
    ("rrelu", "orthogonal", 1.4, 0.2), ("gelu", "glorot_uniform", 1.0, 0.0),
])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_statistics_agree_with_a_plain_float64_network(activation, initializer, gain, sigma_b, batch_norm, dtype):
    settings = {"depth": 4, "width": 30, "samples": 400, "activation": activation, "initializer": initializer, "gain": gain, "sigma_b": sigma_b,
                "batch_norm": batch_norm}
    result = run(7, **settings, dtype=dtype)
    zs, ys, dzs = reference(7, **settings)
    phi, exact = ACTIVATIONS[activation], dtype == "float64"
    rtol = 1e-8 if exact else 2e-3
    for layer, (z, y, dz) in enumerate(zip(zs, ys, dzs, strict=True)):
        assert result.mean[layer] == pytest.approx(y.mean(), rel=rtol, abs=rtol * y.std())
        assert result.std[layer] == pytest.approx(y.std(), rel=rtol)
        assert result.std_over_data[layer] == pytest.approx(y.std(axis=0).mean(), rel=rtol)
        assert result.q[layer] == pytest.approx((z * z).mean(), rel=rtol)
        assert result.gradient_rms[layer] == pytest.approx(math.sqrt((dz * dz).mean()), rel=rtol)
        assert result.gradient_median[layer] == pytest.approx(middle(dz), rel=0.01)
        assert result.dead[layer] == (phi.df(z) == 0).all(axis=0).mean()
        assert result.distinct[layer] == 30
        if activation in PLATEAUS:
            low, high = PLATEAUS[activation]
            assert result.saturated[layer] == pytest.approx(((z < low) | (z > high)).mean(), abs=3e-3)
        if exact:   # 12,000 elements, so that all are counted
            for histogram, values in ((result.activations, y), (result.pre_activations, z), (result.gradients, np.log10(np.abs(dz[dz != 0])))):
                expected = np.histogram(values, histogram.edges)[0]
                if histogram is result.gradients:
                    assert histogram.below[layer] == pytest.approx((np.count_nonzero(dz == 0) + np.count_nonzero(values < -10)) / dz.size)
                else:
                    assert histogram.below[layer] == np.count_nonzero(values < histogram.edges[0]) / y.size
                assert histogram.above[layer] == np.count_nonzero(values > histogram.edges[-1]) / y.size
                np.testing.assert_allclose(histogram.inside[layer], expected / y.size, atol=1.5 / y.size)   # one element may sit on an edge


def test_histograms_of_a_layer_too_large_to_count_are_those_of_every_kth_sample():
    result = run(3, depth=2, width=400, samples=500, dtype="float64")
    _, ys, _ = reference(3, 2, 400, 500, "tanh", "glorot_normal")
    full = np.histogram(ys[1], result.activations.edges)[0] / ys[1].size
    np.testing.assert_allclose(result.activations.inside[1], full, atol=5 * math.sqrt(full.max() / measures.COUNTED))
    assert not np.array_equal(result.activations.inside[1], full)


@pytest.mark.parametrize("directions", [1, 5, 30])
def test_effective_rank_counts_equal_directions(directions):
    rng = np.random.default_rng(0)
    y = rng.standard_normal((1000, directions)) @ np.linalg.qr(rng.standard_normal((60, directions)))[0].T
    assert measures.effective_rank(y, y.mean(axis=0)) == pytest.approx(directions, rel=0.05)
    eigenvalues = np.linalg.eigvalsh(np.cov(y.T))
    assert eigenvalues.sum()**2 / (eigenvalues**2).sum() == pytest.approx(directions, rel=0.05)


def test_rank_falls_with_depth_where_inputs_become_alike():
    rank = run(depth=20, width=100, samples=500, activation="relu", initializer="he_normal").rank
    assert rank[0] > 25 * rank[-1]
    assert rank[-1] < 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BATCH_NORMS
def test_the_signal_travels_in_the_dtype_asked_for_and_inputs_stay_as_they_are(dtype, batch_norm):
    seen = set()

    def note(function):
        return lambda z: (seen.add(z.dtype) if z.ndim == 2 else None) or function(z)

    phi = Activation("noted", note(np.tanh), note(ACTIVATIONS["tanh"].df))
    inputs = np.random.default_rng(1).standard_normal((30, 12))
    inputs.flags.writeable = False
    result = run(activation=phi, inputs=inputs, sigma_b=0.5, gain=np.float64(1.1), dtype=dtype, batch_norm=batch_norm)
    assert seen == {np.dtype(dtype)}
    assert result.settings["dtype"] == np.dtype(dtype).name
    assert all(getattr(result, name).dtype == np.float64 for name in STATISTICS)


@BATCH_NORMS
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(batch_norm):
    first, again, other = (run(seed, depth=6, width=50, sigma_b=0.1, batch_norm=batch_norm) for seed in (4, 4, 5))
    assert numbers(first).tobytes() == numbers(again).tobytes()
    assert numbers(first).tobytes() != numbers(other).tobytes()
    one, two = over_seeds([4, 5], depth=6, width=50, samples=50, activation="tanh", initializer="glorot_normal", sigma_b=0.1, batch_norm=batch_norm)
    assert numbers(one).tobytes() == numbers(first).tobytes()
    assert numbers(two).tobytes() == numbers(other).tobytes()
    assert stack([one, two], "q").shape == (2, 6)


def test_settings_run_another_network_of_the_same_kind():
    first = run(sigma_b=0.2, gain=1.7, batch_norm="before", dtype="float64")
    again = propagate(**first.settings, rng=np.random.default_rng(0))
    assert numbers(first).tobytes() == numbers(again).tobytes()
    assert again.settings == first.settings


def test_digits_as_inputs():
    x = load_digits().x_train[:500] / 16
    runs = [run(seed, depth=5, width=200, activation="relu", initializer="he_normal", inputs=x) for seed in range(5)]
    one = runs[0]
    assert one.settings["samples"] == 500
    assert one.input_std == pytest.approx(x.std())
    assert one.input_moment == pytest.approx((x * x).mean())
    products = x @ x.T
    assert one.input_overlap == pytest.approx((products.sum() - np.trace(products)) / (500 * 499) / 64)
    assert one.sigma_w[0] == pytest.approx(math.sqrt(2))   # sqrt(64) sqrt(2/64): the fan is that of the pixels
    assert stack(runs, "q")[:, 0].mean() == pytest.approx(2 * (x * x).mean(), rel=0.1)
    zs, ys, dzs = reference(0, 5, 200, 500, "relu", "he_normal", inputs=x)
    np.testing.assert_allclose(one.std, [y.std() for y in ys], rtol=1e-4)
    np.testing.assert_allclose(one.q, [(z * z).mean() for z in zs], rtol=1e-4)
    np.testing.assert_allclose(one.gradient_rms, [np.sqrt((dz * dz).mean()) for dz in dzs], rtol=1e-4)
    check_readable(one)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_every_activation_runs_with_every_initializer(activation, initializer):
    result = run(activation=activation, initializer=initializer, sigma_b=0.1, depth=3)
    check_readable(result)
    assert all(np.isfinite(getattr(result, name)).all() for name in STATISTICS if name != "sigma_w")
    assert result.first_overflow is result.first_underflow is None


def test_lsuv_brings_every_pre_activation_to_variance_1():
    result = run(depth=10, width=100, samples=500, initializer="lsuv")
    np.testing.assert_allclose(result.q, 1, atol=0.02)   # its tolerance is 1 %


def test_an_activation_and_an_initializer_may_be_objects():
    bent = Activation("made up", lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z))**2)
    result = run(activation=bent, initializer=constant(0.2))
    check_readable(result)
    assert (result.distinct == 1).all()


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("gain", [0.01, 1.0, 100.0])
def test_batch_norm_makes_the_scale_of_the_weights_irrelevant_forward(where, gain):
    result = run(depth=20, width=100, samples=500, activation="relu", initializer="normal", gain=gain, batch_norm=where)
    if where == "before":
        np.testing.assert_allclose(result.q, 1, rtol=0.02)   # zero mean and unit variance, up to epsilon
        np.testing.assert_allclose(result.std, math.sqrt(.5 - .5 / math.pi), rtol=0.1)   # of max(z, 0), z ~ N(0, 1)
    else:
        np.testing.assert_allclose(result.mean, 0, atol=1e-5)
        assert result.std_over_data[:5] == pytest.approx(np.ones(5), abs=0.05)
    ratio = result.gradient_rms[0] / result.gradient_rms[-1]
    assert 0.02 < ratio < 1000   # without it, gain 100 overflows and gain .01 leaves 10⁻³⁰


def first(values, holds):
    return next((i + 1 for i, v in enumerate(values) if holds(v)), None)


SINGLE = np.finfo(np.float32)


def test_overflow_is_named_by_the_layer_where_a_float64_network_leaves_float32():
    settings = {"depth": 40, "width": 100, "samples": 100, "activation": "relu", "initializer": "normal", "gain": 10.0}
    result = run(2, **settings)
    zs, _, _ = reference(2, **settings)
    assert result.first_overflow == first(zs, lambda z: np.abs(z).max() > SINGLE.max)
    assert np.isinf(result.q[result.first_overflow - 1:]).all()
    assert np.isfinite(result.q[:result.first_overflow - 1]).all()
    check_readable(result)
    assert (result.activations.above[result.first_overflow:] > 0).all()


def test_squares_may_overflow_before_the_signal_does():
    """At |z| = 10²⁵ the square leaves float32; the statistics are taken in float64 there."""
    settings = {"depth": 1, "width": 50, "samples": 60, "activation": "relu", "initializer": "normal"}
    for gain in (1e25, 1e-25, 1e-30):
        result = run(1, **settings, gain=gain)
        (z,), (y,), _ = reference(1, **settings, gain=gain)
        assert result.q[0] == pytest.approx((z * z).mean(), rel=1e-4)
        assert result.std[0] == pytest.approx(y.std(), rel=1e-4)
        assert result.std_over_data[0] == pytest.approx(y.std(axis=0).mean(), rel=1e-4)
        assert result.first_overflow is result.first_underflow is None


def test_underflow_is_named_by_the_layer_where_a_float64_network_leaves_float32():
    settings = {"depth": 40, "width": 100, "samples": 100, "activation": "relu", "initializer": "normal", "gain": 1e-3}
    result = run(2, **settings)
    zs, _, _ = reference(2, **settings)
    assert result.first_underflow == first(zs, lambda z: np.abs(z).max() < SINGLE.tiny)
    assert (result.q[result.first_underflow + 5:] == 0).all()
    check_readable(result)


@pytest.mark.parametrize(("settings", "event", "beyond"), [
    ({"activation": "tanh", "gain": 2.0}, "gradient_overflow", lambda dz: np.abs(dz).max() > SINGLE.max),
    ({"activation": "sigmoid", "gain": 0.01}, "gradient_underflow", lambda dz: np.abs(dz).max() < SINGLE.tiny),
])
def test_a_gradient_that_leaves_float32_is_named_by_its_layer_while_the_signal_stays(settings, event, beyond):
    settings = {"depth": 100, "width": 100, "samples": 100, "initializer": "normal"} | settings
    result = run(2, **settings)
    _, _, dzs = reference(2, **settings)
    layer = 101 - first(dzs[::-1], beyond)
    assert abs(getattr(result, event) - layer) <= 4   # of 100: a plateau in float32 is flatter, and a product rounds as its machine does
    assert result.first_overflow is result.first_underflow is None
    assert result.gradient_rms[0] == (math.inf if event == "gradient_overflow" else 0)
    check_readable(result)


def test_float64_goes_on_where_float32_ends():
    settings = {"depth": 40, "width": 100, "activation": "relu", "initializer": "normal", "gain": 10.0}
    assert run(2, **settings).first_overflow
    assert run(2, **settings, dtype="float64").first_overflow is None


NOTHING = Activation("nothing", np.ones_like, np.zeros_like)
SICK = {
    "zero weights, relu": {"activation": "relu", "initializer": "zeros"},
    "zero weights, sigmoid": {"activation": "sigmoid", "initializer": "zeros"},
    "constant weights": {"activation": "relu", "initializer": "constant"},
    "huge constant weights": {"activation": "relu", "initializer": constant(1e38)},
    "constant inputs": {"inputs": np.ones((30, 8))},
    "zero inputs": {"inputs": np.zeros((30, 8))},
    "zero inputs, normalised": {"inputs": np.zeros((30, 8)), "batch_norm": "before"},
    "zero gain": {"gain": 0.0},
    "an absurd gain": {"gain": 1e300, "activation": "relu"},
    "an absurd gain, normalised": {"gain": 1e300, "activation": "relu", "batch_norm": "before"},
    "an absurd gain, tanh": {"gain": 1e300},
    "a negative gain": {"gain": -1.0},
    "a constant activation": {"activation": NOTHING},
    "all dead": {"activation": "relu", "initializer": constant(-1.0), "inputs": np.ones((30, 8))},
    "all dead, normalised after": {"activation": "relu", "initializer": constant(-1.0), "inputs": np.ones((30, 8)), "batch_norm": "after"},
    "infinite inputs": {"inputs": np.full((30, 8), np.inf)},
    "inputs that are no numbers": {"inputs": np.full((30, 8), np.nan)},
    "one sample": {"samples": 1}, "one sample, normalised": {"samples": 1, "batch_norm": "before"},
    "one unit": {"width": 1}, "one of everything": {"width": 1, "samples": 1, "depth": 1},
    "lsuv without a signal": {"initializer": "lsuv", "inputs": np.zeros((30, 8))},
    "explodes": {"depth": 60, "gain": 30.0, "activation": "softplus", "initializer": "normal"},
    "vanishes": {"depth": 60, "gain": 1e-3, "activation": "identity", "initializer": "normal"},
}


@pytest.mark.parametrize("kind", SICK)
def test_sick_networks_are_measured_like_any_other(kind):
    check_readable(run(**SICK[kind]))


def test_all_dead_units_are_counted_and_pass_nothing_back():
    for kind in ("all dead", "zero weights, relu", "a constant activation"):
        result = run(**SICK[kind])
        assert (result.dead == 1).all()
        assert not result.gradient_rms.any()
        assert not result.gradient_median.any()
        assert (result.gradients.below == 1).all()
        assert not result.std.any()
        assert result.gradient_underflow is None   # it is the slope that is zero, not the numbers that end


def test_constant_inputs_leave_a_spread_between_units_and_none_over_the_data():
    result = run(**SICK["constant inputs"])
    assert (result.std > 0.1).all()
    assert (result.std_over_data < 1e-6 * result.std).all()   # a matrix product may round its last rows otherwise
    assert (result.rank < 1.5).all()


def test_histogram_shares_keep_what_falls_outside():
    result = run(depth=1, width=200, samples=150, activation="relu", initializer="normal")
    z = reference(0, 1, 200, 150, "relu", "normal")[0][0]
    assert result.pre_activations.below[0] == pytest.approx((z < -5).mean(), abs=1e-4)   # N(0, 200): most of it is out there
    assert result.pre_activations.above[0] == pytest.approx((z > 5).mean(), abs=1e-4)
    assert result.pre_activations.below[0] > 0.3


def test_the_edges_of_a_bounded_activation_lie_inside_and_nan_lies_above():
    counter = measures.Counter(1, 0.0, 1.0)
    counter.count(0, np.array([[0.0, 1.0, 1.0, np.nan, -1e-3, np.inf, 1.001, -np.inf]]))
    assert counter.histogram.inside[0, 0] == 1 / 8
    assert counter.histogram.inside[0, -1] == 2 / 8
    assert (counter.histogram.below[0], counter.histogram.above[0]) == (2 / 8, 3 / 8)


def test_the_median_of_a_gradient_ignores_zeros_and_counts_them_as_below():
    values = np.concatenate([np.zeros(400), 10.0 ** np.random.default_rng(0).uniform(-20, 3, 601)])[None]
    counter = measures.MagnitudeCounter(1, -10, 4, np.float64)
    with np.errstate(divide="ignore"):
        assert counter.count(0, values) == pytest.approx(np.median(values[values > 0]), rel=0.1)   # one value a bin, here
    assert counter.histogram.below[0] == pytest.approx((values < 1e-10).mean(), abs=1e-3)


def test_theory_is_silent_about_batch_norm_and_constant_weights():
    assert run(batch_norm="before").theory() is None
    assert run(initializer="constant").theory() is None
    assert set(run().theory()) == {"activation", "sigma_w", "sigma_b", "input_moment", "input_overlap"}


def test_sigma_w_is_the_rules_std_times_the_root_of_fan_in():
    np.testing.assert_allclose(run(initializer="he_normal", gain=1.5).sigma_w, 1.5 * math.sqrt(2))
    np.testing.assert_allclose(run(initializer="normal", gain=.01, width=100).sigma_w, 0.1)
    np.testing.assert_allclose(run(initializer="glorot_normal", inputs=np.ones((5, 60))).sigma_w, [math.sqrt(60 / 40), 1, 1])


@pytest.mark.parametrize(("settings", "message"), [
    ({"depth": 0}, "depth must be between 1 and 100, got 0"), ({"depth": 101}, "depth must be between 1 and 100, got 101"),
    ({"depth": 2.5}, "depth must be a whole number, got 2.5"), ({"depth": "3"}, "depth must be a whole number, got '3'"),
    ({"width": 0}, "width must be between 1 and 500, got 0"), ({"width": 501}, "width must be between 1 and 500, got 501"),
    ({"samples": 0}, "samples must be between 1 and 10000, got 0"), ({"samples": 10_001}, "samples must be between 1 and 10000, got 10001"),
    ({"gain": math.nan}, "gain must be finite, got nan"), ({"gain": math.inf}, "gain must be finite, got inf"),
    ({"sigma_b": -0.1}, "sigma_b must be finite and at least 0, got -0.1"), ({"sigma_b": math.inf}, "sigma_b must be finite and at least 0, got inf"),
    ({"sigma_b": math.nan}, "sigma_b must be finite and at least 0, got nan"),
    ({"batch_norm": "during"}, "batch_norm must be None, 'before' or 'after', got 'during'"),
    ({"dtype": "float16"}, "dtype must be float32 or float64, got float16"), ({"dtype": int}, "dtype must be float32 or float64, got int64"),
    ({"inputs": np.ones(5)}, "inputs must be (samples, features), each 1 to 10000, got shape (5,)"),
    ({"inputs": np.ones((0, 5))}, "inputs must be (samples, features), each 1 to 10000, got shape (0, 5)"),
    ({"inputs": np.ones((1, 10_001))}, "inputs must be (samples, features), each 1 to 10000, got shape (1, 10001)"),
    ({"activation": "relu6"}, "activation must be one of identity, "), ({"initializer": "kaiming"}, "initializer must be one of zeros, "),
])
def test_errors_name_the_setting_the_rule_and_the_value(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(**settings)


def test_whole_numbers_of_numpy_are_whole_numbers():
    assert len(run(depth=np.int64(2), width=np.int32(4)).std) == 2


def test_a_result_cannot_be_reassigned():
    with pytest.raises(dataclasses.FrozenInstanceError):
        run().std = None
