"""Network: one vector theta, checked gradients in every combination, the totals that Keras prints, save and load."""

import io
import json
import math
import zipfile
from itertools import pairwise, product

import numpy as np
import pytest

from engine.activations import ACTIVATIONS, Activation, elu, leaky_relu
from engine.initializers import INITIALIZERS, constant
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer
from engine.losses import LOSSES, Penalty, squared_error
from engine.network import Network, mlp
from engine.optimizers import Adam
from tests.reference import central_differences, disagreement

ACTIVATION = pytest.mark.parametrize("activation", ACTIVATIONS)
MODES = pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
LABELS = np.array([0, 2, 1, 1, 2, 0, 1])


def small(activation="relu", seed=0, dtype=np.float64, **options):
    """A 5-4-4-3 network some way from its start: no parameter or running statistic at its initial value."""
    network = mlp((5, 4, 4, 3), activation=activation, rng=np.random.default_rng(seed), dtype=dtype, **options)
    rng = np.random.default_rng(seed + 1)
    network.theta += rng.normal(0, 0.1, network.theta.size).astype(dtype)
    network.running += rng.uniform(0, 0.5, network.running.size).astype(dtype)
    return network


def inputs(dtype=np.float64):
    return np.random.default_rng(9).standard_normal((7, 5)).astype(dtype)


def numerical(network, x, penalty=None, training=True):
    def loss():
        network.reseed(5)
        return network.loss(x, LABELS, penalty, training=training)
    return central_differences(loss, network.theta)


def analytical(network, x, penalty=None, training=True):
    network.reseed(5)
    return network.loss_and_gradient(x, LABELS, penalty, training)[1].copy()


# --- gradients ---------------------------------------------------------------------------------

@ACTIVATION
@MODES
@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_gradients_agree_with_central_differences(activation, training, batch_norm, bias):
    network = small(activation, batch_norm=batch_norm, bias=bias)
    assert disagreement(analytical(network, inputs(), None, training), numerical(network, inputs(), None, training)) < 1e-7


@MODES
@pytest.mark.parametrize("penalty", [None, Penalty(l1=0.01), Penalty(l2=0.1), Penalty(0.01, 0.1)], ids=str)
@pytest.mark.parametrize(("input_batch_norm", "dropout", "batch_norm"), [*product([False, True], [0, 0.3], [None, "before", "after"])])
def test_gradients_agree_with_penalties_dropout_and_normalised_inputs(training, penalty, input_batch_norm, dropout, batch_norm):
    network = small(batch_norm=batch_norm, input_batch_norm=input_batch_norm, dropout=dropout)
    assert disagreement(analytical(network, inputs(), penalty, training), numerical(network, inputs(), penalty, training)) < 1e-7


@ACTIVATION
@pytest.mark.parametrize("batch_norm", [None, "before"])
def test_a_complex_step_gives_the_gradient_to_rounding(activation, batch_norm):
    network, penalty, x = small(activation, batch_norm=batch_norm, dropout=0.2), Penalty(0.01, 0.1), inputs()
    twin, steps = network.astype(np.complex128), []
    for i in range(network.theta.size):
        twin.theta[i] += 1e-30j
        twin.reseed(5)
        steps.append(twin.loss(x.astype(complex), LABELS, penalty, training=True).imag / 1e-30)
        twin.theta[i] = network.theta[i]
    np.testing.assert_allclose(analytical(network, x, penalty), steps, rtol=1e-9, atol=1e-14)


def test_the_gradient_with_respect_to_the_input_is_right_and_only_given_when_asked_for():
    network, x = small(batch_norm="before"), inputs()
    _, dlogits = network.loss_function(network.forward(x), LABELS)
    assert network.backward(dlogits) is None
    dx = network.backward(dlogits, input_gradient=True)
    assert disagreement(dx, central_differences(lambda: network.loss(x, LABELS), x)) < 1e-8


@pytest.mark.parametrize("i", range(len(small("prelu", batch_norm="before", bias=False).parameters)))
def test_a_gradient_that_is_1_percent_wrong_in_one_parameter_is_caught(i):
    network = small("prelu", batch_norm="before", bias=False)
    right = numerical(network, inputs())
    analytical(network, inputs())
    network.parameters[i].gradient *= 1.01
    assert disagreement(network.gradient, right) > 1e-5


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_gradients_agree_for_every_loss(loss):
    network = Network(small("tanh").layers, loss)
    assert disagreement(analytical(network, inputs()), numerical(network, inputs())) < 1e-7


# --- theta ---------------------------------------------------------------------------------------

def test_every_parameter_is_a_view_into_theta_and_its_gradient_into_gradient():
    network = small("prelu", batch_norm="before")
    for p in network.parameters:
        assert np.shares_memory(p.value, network.theta)
        assert np.shares_memory(p.gradient, network.gradient)
    assert all(np.shares_memory(b.value, network.running) for b in network.buffers)
    assert sum(p.value.size for p in network.parameters) == network.theta.size == network.gradient.size
    network.theta[:] = 7
    assert all((p.value == 7).all() for layer in network.layers for p in layer.parameters())
    assert all((w == 7).all() for w in network.weights)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_long_vectors_begin_where_a_line_of_the_cache_does(dtype):
    network = small().astype(dtype)
    adam = Adam(network)
    assert all(vector.dtype == dtype and vector.ctypes.data % 64 == 0 for vector in (network.theta, network.gradient, adam.m, adam.v, adam.scratch))


def test_views_survive_training_passes_and_optimizer_steps():
    network = small("prelu", batch_norm="before", dropout=0.2)
    network.loss_and_gradient(inputs(), LABELS)
    network.theta -= 0.1 * network.gradient
    test = [(p.value, p.gradient) for layer in network.layers for p in layer.parameters()]
    assert all(np.shares_memory(v, network.theta) and np.shares_memory(g, network.gradient) for v, g in test)


def test_two_networks_share_nothing_and_astype_copies():
    network = small(batch_norm="before")
    twin = network.astype(np.float32)
    assert twin.theta.dtype == twin.running.dtype == twin.gradient.dtype == np.float32
    np.testing.assert_allclose(twin.predict(inputs(np.float32)), network.predict(inputs()), atol=1e-6)
    before = network.theta.copy()
    twin.theta[:] = 0
    np.testing.assert_array_equal(network.theta, before)


@ACTIVATION
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_from_layer_to_layer_and_inputs_are_left_alone(activation, dtype):
    network, x = small(activation, dtype=dtype, batch_norm="before", input_batch_norm=True, dropout=0.2), inputs(dtype)
    kept = x.copy()
    x.flags.writeable = False
    for training in (True, False):
        y = x
        for layer in network.layers:
            y = layer.forward(y, training)
            assert y.dtype == dtype, layer.name
        loss, gradient = network.loss_and_gradient(x, LABELS, Penalty(0.1, 0.1), training)
        dy = network.loss_function(y, LABELS)[1]
        for layer in reversed(network.layers):
            dy = layer.backward(dy)
            assert dy.dtype == dtype, layer.name
        assert isinstance(loss, float)
    assert gradient is network.gradient
    assert network.theta.dtype == network.gradient.dtype == network.running.dtype == network.predict(x).dtype == dtype
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("initializer", INITIALIZERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_weights_of_every_initializer_come_in_the_networks_dtype(initializer, dtype):
    assert mlp((5, 4, 3), initializer=initializer, gain=np.float64(1.5), sigma_b=0.1, rng=np.random.default_rng(0), dtype=dtype).theta.dtype == dtype


def test_the_same_seed_builds_the_same_bytes():
    one, two, other = (mlp((5, 4, 3), rng=np.random.default_rng(seed)).theta.tobytes() for seed in (3, 3, 4))
    assert one == two != other


def test_probabilities_are_positive_and_sum_to_1():
    p = small().predict(inputs())
    assert (p > 0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_after_the_same_seed_come_the_same_masks_and_layers_do_not_share_them():
    network = mlp((30, 30, 30, 2), dropout=0.5, activation="identity", rng=np.random.default_rng(0))
    first, masks = [], []
    for seed in (1, 1, 2):
        network.reseed(seed)
        first.append(network.forward(np.ones((4, 30), np.float32), training=True))
        masks.append([layer.mask for layer in network.layers if isinstance(layer, Dropout)])
    np.testing.assert_array_equal(first[0], first[1])
    assert not np.array_equal(first[0], first[2])
    assert not np.array_equal(masks[0][0], masks[0][1])


# --- facts of the subject ------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_with_output_weights_at_zero_the_loss_is_the_logarithm_of_ten(dtype):
    network = mlp((784, 100, 10), rng=np.random.default_rng(0), dtype=dtype)
    network.weights[-1][:] = 0
    x = np.random.default_rng(1).random((50, 784)).astype(dtype)
    assert network.loss(x, np.arange(50) % 10) == pytest.approx(math.log(10), abs=1e-6)


def test_with_zero_weights_and_relu_only_the_output_bias_learns():
    network = mlp((5, 4, 4, 3), initializer="zeros", rng=np.random.default_rng(0), dtype=np.float64)
    network.loss_and_gradient(inputs(), LABELS)
    assert [p.name for p in network.parameters if p.gradient.any()] == ["output.b"]


def test_with_zero_weights_and_sigmoid_the_output_layer_moves_symmetrically():
    network = mlp((5, 4, 3), activation="sigmoid", initializer="zeros", rng=np.random.default_rng(0), dtype=np.float64)
    network.loss_and_gradient(inputs(), LABELS)
    assert {p.name for p in network.parameters if p.gradient.any()} == {"output.W", "output.b"}
    gradient = network.parameters[2].gradient
    np.testing.assert_allclose(gradient, np.broadcast_to(gradient[0], gradient.shape))


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_under_constant_weights_the_units_of_a_layer_stay_copies_of_each_other(activation):
    network = mlp((5, 4, 4, 3), activation=activation, initializer=constant(0.1), rng=np.random.default_rng(0), dtype=np.float64)
    for _ in range(50):
        network.loss_and_gradient(inputs(), LABELS)
        network.theta -= 0.5 * network.gradient
    w = network.weights[1]
    assert network.gradient.any()   # identical gradients, not zero ones
    np.testing.assert_allclose(w, np.full_like(w, w[0, 0]), rtol=1e-9)
    assert not np.allclose(w, 0.1)


@ACTIVATION
def test_a_nan_reaches_the_loss_and_every_gradient_below_it(activation):
    network = small(activation)
    network.weights[1][0, 0] = np.nan
    loss, _ = network.loss_and_gradient(inputs(), LABELS)
    assert math.isnan(loss)
    assert np.isnan(network.parameters[0].gradient).any()   # also through ReLU, whose own slope at NaN is 0


def test_the_first_layer_to_overflow_is_named():
    network = small(dtype=np.float32)
    assert network.first_overflow(inputs(np.float32)) is None
    network.weights[1][:] = 3e38
    assert network.first_overflow(inputs(np.float32)) == "dense_2"


# --- summary -------------------------------------------------------------------------------------

def test_the_keras_listing_of_the_notes_has_these_counts():
    def dense(i, o):
        return Dense(i, o, rng=np.random.default_rng(0))
    network = Network([BatchNorm(784), dense(784, 300), Activate("elu"), BatchNorm(300), dense(300, 100), Activate("elu"), BatchNorm(100),
                       dense(100, 10)])
    rows = [(row.trainable, row.non_trainable) for row in network.summary()]
    assert [sum(row) for row in rows if any(row)] == [3136, 235_500, 1200, 30_100, 400, 1010]
    assert tuple(map(sum, zip(*rows, strict=True))) == (268_978, 2_368)
    assert network.theta.size + network.running.size == 271_346


@pytest.mark.parametrize(("options", "trainable", "non_trainable"), [
    ({"batch_norm": "after", "input_batch_norm": True}, 268_978, 2_368),
    ({"batch_norm": "before", "input_batch_norm": True, "bias": False}, 268_578, 2_368),
    ({}, 266_610, 0),
])
def test_mlp_has_keras_totals(options, trainable, non_trainable):
    rows = mlp((784, 300, 100, 10), activation="elu", rng=np.random.default_rng(0), **options).summary()
    assert sum(row.trainable for row in rows) == trainable
    assert sum(row.non_trainable for row in rows) == non_trainable


def test_summary_tells_the_shape_after_each_layer():
    rows = mlp((8, 6, 4), batch_norm="before", dropout=0.1, input_batch_norm=True, rng=np.random.default_rng(0)).summary()
    assert [(r.name, r.output_shape) for r in rows] == [
        ("input_batch_norm", (None, 8)), ("dense_1", (None, 6)), ("batch_norm_1", (None, 6)), ("activate_1", (None, 6)), ("dropout_1", (None, 6)),
        ("output", (None, 4))]


def test_batch_norm_sits_before_or_after_the_activation_as_asked():
    for where, kinds in (("before", [Dense, BatchNorm, Activate]), ("after", [Dense, Activate, BatchNorm])):
        assert [type(layer) for layer in mlp((3, 3, 3), batch_norm=where, rng=np.random.default_rng(0)).layers[:3]] == kinds


# --- save and load -------------------------------------------------------------------------------

@pytest.mark.parametrize("options", [
    *({"activation": name} for name in ACTIVATIONS), {"activation": leaky_relu(0.3)}, {"activation": elu(2.0)}, {"dtype": "float32"},
    {"batch_norm": "before", "input_batch_norm": True, "dropout": 0.25, "bias": False},
], ids=lambda options: "-".join(f"{key}={getattr(value, 'name', value)}" for key, value in options.items()))
def test_a_saved_network_comes_back_the_same(options, tmp_path):
    network, x = small(**options), inputs()
    network.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in network.layers]
    assert again.theta.dtype == network.theta.dtype
    assert again.theta.tobytes() == network.theta.tobytes()
    assert again.running.tobytes() == network.running.tobytes()
    assert again.summary() == network.summary()
    np.testing.assert_array_equal(again.predict(x), network.predict(x))
    for one in (network, again):
        one.reseed(3)
    np.testing.assert_array_equal(again.forward(x, training=True), network.forward(x, training=True))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_saved_network_keeps_its_loss_and_open_files_work(loss):
    stream, network = io.BytesIO(), Network(small().layers, loss)
    network.save(stream)
    stream.seek(0)
    assert Network.load(stream).loss(inputs(), LABELS) == network.loss(inputs(), LABELS)


def test_nothing_in_a_saved_file_is_pickled(tmp_path):
    small().save(tmp_path / "net.npz")
    with zipfile.ZipFile(tmp_path / "net.npz") as archive:
        for name in archive.namelist():
            with archive.open(name) as entry:
                assert not np.lib.format.read_array(entry, allow_pickle=False).dtype.hasobject


class Mine(Layer):
    def forward(self, x, training):
        return x


@pytest.mark.parametrize("network", [
    Network([Mine()]), Network([Activate(Activation("mine", np.sin, np.cos))]), Network([Activate("relu")], lambda y, labels: (0, y)),
], ids=["layer", "activation", "loss"])
def test_what_load_could_not_find_by_name_is_refused_before_anything_is_written(network, tmp_path):
    with pytest.raises(ValueError, match="by name"):
        network.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


def saved(**changes):
    """A saved network whose entries are replaced, or left out where the change is None."""
    stream = io.BytesIO()
    small().save(stream)
    stream.seek(0)
    entries = {**np.load(stream), **changes}
    stream = io.BytesIO()
    np.savez(stream, **{name: value for name, value in entries.items() if value is not None})
    return stream.getvalue()


GARBAGE = {
    "nothing": b"", "text": b"hello, this is no network", "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07garbage\x94.",
    "half of one": saved()[:len(saved()) // 2], "a damaged one": saved()[:300] + bytes(40) + saved()[340:], "no theta": saved(theta=None),
    "a theta of one number": saved(theta=np.ones(1)), "a theta of words": saved(theta=np.array(["a", "b"])), "integers": saved(theta=np.arange(55)),
    "no loss": saved(loss=None), "an unknown loss": saved(loss=np.array("hinge")), "no JSON": saved(layers=np.array("[{")),
    "an unknown layer": saved(layers=np.array(json.dumps([{"kind": "Conv"}]))), "no layers": saved(layers=np.array("[]")),
    "too long a running state": saved(running=np.ones(3)),
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_any_other_file_is_a_value_error(garbage, tmp_path):
    (tmp_path / "net.npz").write_bytes(garbage)
    with pytest.raises(ValueError, match=r"file must be one that Network\.save wrote"):
        Network.load(tmp_path / "net.npz")


def test_a_missing_file_stays_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "absent")


# --- errors --------------------------------------------------------------------------------------

@pytest.mark.parametrize(("options", "message"), [
    ({"sizes": (784,)}, r"sizes must be at least two numbers of at least 1, got \(784,\)"),
    ({"sizes": (784, 0, 10)}, r"sizes must be at least two numbers of at least 1, got \(784, 0, 10\)"),
    ({"batch_norm": "during"}, "batch_norm must be None, 'before' or 'after', got 'during'"),
    ({"activation": "step"}, r"activation must be one of identity, .*, got 'step'"),
    ({"initializer": "kaiming"}, r"initializer must be one of zeros, .*, got 'kaiming'"),
    ({"dropout": 1.0}, "rate must be at least 0 and below 1, got 1"),
])
def test_errors_name_the_argument_the_rule_and_the_value(options, message):
    with pytest.raises(ValueError, match=message):
        mlp(**{"sizes": (4, 3, 2), "rng": np.random.default_rng(0), **options})


def test_a_network_needs_a_layer():
    with pytest.raises(ValueError, match="layers must hold at least one layer, got none"):
        Network([])


def test_mlp_follows_its_sizes():
    assert [w.shape for w in mlp((7, 5, 4, 3), rng=np.random.default_rng(0)).weights] == list(pairwise((7, 5, 4, 3)))
    assert squared_error in LOSSES.values()
