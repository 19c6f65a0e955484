"""What is written down of a network while it trains: against a plain account of each number, and without a trace in the training."""

import math

import numpy as np
import pytest

from engine import SGD, Adam, Penalty, load_digits, mlp, train
from engine.layers import Activate, BatchNorm, Dense
from engine.studies import by_layer
from engine.studies.by_layer import IMAGES, MEASURES, TINY, Look, Watch, before_training, first_look, interval, look, while_training

DIGITS = load_digits()
X, Y = DIGITS.x_train[:IMAGES].astype(np.float32) / 16, DIGITS.y_train[:IMAGES]


def watched(steps=60, batch_size=64, every=0, optimizer=Adam, rate=1e-3, penalty=None, **settings):
    """A network, its looks, and theta after each step."""
    network = mlp((64, 30, 20, 10), rng=np.random.default_rng(0), **settings)
    watch, thetas = Watch(10**6, batch_size), [network.theta.copy()]
    watch.every = every or watch.every
    watch.begin(network, X, Y)
    watch.start(network)
    for progress in train(network, DIGITS, optimizer(network, rate), epochs=100, batch_size=batch_size, rng=np.random.default_rng(1), penalty=penalty,
                          evaluate_at=lambda step: False):
        thetas.append(network.theta.copy())
        watch.after(network, progress.step)
        if progress.step == steps:
            break
    return network, watch, thetas


@pytest.mark.parametrize("settings", [{}, {"activation": "tanh", "batch_norm": "before"}, {"activation": "prelu", "input_batch_norm": True},
                                      {"activation": "sigmoid", "batch_norm": "after", "dropout": 0.3}])
def test_every_number_of_a_look_is_what_a_plain_account_gives(settings):
    network, watch, thetas = watched(30, **settings)
    now = watch.looks[-1]
    assert now.step == 30
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    for i, layer in enumerate(dense):
        w = layer.weight.value.astype(float)
        place = next(k for k, p in enumerate(network.parameters) if p is layer.weight)
        start = sum(p.value.size for p in network.parameters[:place])
        earlier = thetas[29][start:start + w.size].reshape(w.shape).astype(float)
        assert now.norm[i] == pytest.approx(math.sqrt((w**2).sum()), rel=1e-5)
        assert now.update[i] == pytest.approx(math.sqrt(((w - earlier) ** 2).sum() / (w**2).sum()), rel=1e-3)
        assert now.gradient[i] == pytest.approx(math.sqrt((layer.weight.gradient.astype(float) ** 2).mean()), rel=1e-5)
        assert now.small[i] == np.mean(np.abs(w) < TINY)
    x, i, hidden = X, 0, len(dense) - 1
    for layer in network.layers:
        z, x = x, layer.forward(x, training=False)
        if isinstance(layer, Activate):
            i += 1
            slope = layer.activation.df(z)
            assert now.dead[i - 1] == np.mean((slope == 0).all(axis=0))
            if layer.activation.name in ("tanh", "sigmoid"):
                steepest = layer.activation.df(np.zeros(1))[0]
                assert now.saturated[i - 1] == pytest.approx(np.mean(slope < 0.05 * steepest), abs=0.01)
            low, high = by_layer.span(network)
            edges = np.linspace(low, high, by_layer.BINS + 1)
            counted = np.concatenate([[np.mean(x < low)], np.histogram(x, edges)[0] / x.size, [np.mean(x > high)]])
            assert now.activations[i - 1] == pytest.approx(counted, abs=2e-3)
        if isinstance(layer, BatchNorm) and layer.name != "input_batch_norm":
            at = int(layer.name[-1]) - 1
            assert now.running_mean[at] == pytest.approx(math.sqrt((layer.running_mean.value.astype(float) ** 2).mean()), rel=1e-5)
            assert now.running_std[at] == pytest.approx(math.sqrt(layer.running_var.value.mean()), rel=1e-5)
    assert now.signal[-1] == pytest.approx(x.std(), rel=1e-5)
    assert np.isnan(now.running_std).all() == ("batch_norm" not in settings)
    assert np.isnan(now.dead[hidden])
    assert now.activations.sum(axis=1) == pytest.approx(np.ones(hidden), abs=1e-5)
    assert now.weights.sum(axis=1) == pytest.approx(np.ones(hidden + 1), abs=1e-5)


@pytest.mark.parametrize("settings", [{}, {"batch_norm": "before", "dropout": 0.3}, {"activation": "rrelu"}])
def test_looking_changes_not_a_byte_of_the_training(settings):
    seen, watch, _ = watched(60, every=7, **settings)
    blind = mlp((64, 30, 20, 10), rng=np.random.default_rng(0), **settings)
    for progress in train(blind, DIGITS, Adam(blind), epochs=100, batch_size=64, rng=np.random.default_rng(1), evaluate_at=lambda step: False):
        if progress.step == 60:
            break
    assert len(watch.looks) > 8
    assert seen.theta.tobytes() == blind.theta.tobytes()
    assert seen.running.tobytes() == blind.running.tobytes()


def test_under_sgd_the_update_is_the_rate_times_the_gradient():
    _, watch, _ = watched(10, optimizer=SGD, rate=0.1)
    for one in watch.looks[1:]:
        sizes = np.sqrt([64 * 30, 30 * 20, 20 * 10])
        assert one.update == pytest.approx(0.1 * one.gradient * sizes / one.norm, rel=2e-3)


def test_l1_makes_many_weights_tiny_and_keeps_the_large_and_l2_restrains_the_large():
    tiny, large = {}, {}
    for name, penalty in (("none", None), ("l1", Penalty(l1=1e-3)), ("l2", Penalty(l2=1e-2))):
        network, watch, _ = watched(900, penalty=penalty)
        tiny[name], large[name] = watch.looks[-1].small[0], np.percentile(np.abs(network.weights[0]), 99)
    assert tiny["l1"] > 2 * tiny["l2"] > 4 * tiny["none"]
    assert large["l1"] > 0.85 * large["none"]
    assert large["l2"] < 0.7 * large["none"]


def test_the_looks_are_the_first_the_early_ones_and_every_so_many_and_their_number_is_bounded():
    _, watch, _ = watched(700, every=5)
    steps = [one.step for one in watch.looks]
    assert len(steps) <= Watch.LONGEST
    assert steps[:4] == [0, 1, 3, 10]
    assert set(np.diff(steps[6:])) == {watch.every}
    assert watch.every == 20
    network = mlp((64, 10), rng=np.random.default_rng(0))
    short = Watch(2, 64)
    short.after(network, 1)   # nothing has begun
    assert short.looks == []
    short.begin(network, X, Y)
    short.start(network)
    for step in (1, 2):
        short.after(network, step)
    short.release()
    short.after(network, 3)
    assert [one.step for one in short.looks] == [0, 1, 2]   # the last step, whatever the interval
    assert (interval(1), interval(32), interval(1000)) == (3200, 100, 50)


def test_the_first_look_takes_the_gradient_of_the_images_and_leaves_the_network_alone():
    network = mlp((64, 30, 10), batch_norm="before", rng=np.random.default_rng(0))
    before = network.theta.copy(), network.running.copy(), network.gradient.copy()
    found = first_look(network, X, Y)
    assert all(np.array_equal(a, b) for a, b in zip(before, (network.theta, network.running, network.gradient), strict=True))
    assert found.step == 0
    assert np.isnan(found.update).all()
    assert found.running_std[0] == 1   # nothing has run yet
    network.loss_and_gradient(X, Y)
    assert found.gradient[0] == pytest.approx(np.sqrt((network.parameters[0].gradient.astype(float) ** 2).mean()), rel=1e-5)


def test_an_overflow_is_a_result_of_a_look():
    network = mlp((64, 30, 10), activation="identity", gain=1e30, rng=np.random.default_rng(0))
    found = look(network, X)
    assert not np.isfinite(found.signal[-1])
    assert before_training(first_look(network, X, Y)).kind == "lost"


def made_up(**changed) -> Look:
    size = len(next(iter(changed.values())))
    none = np.full(size, np.nan)
    return Look(5, **{name: np.asarray(changed.get(name, none), float) for name in MEASURES}, activations=none, weights=none)


def test_before_the_first_step_it_is_said_how_far_the_gradient_changes_on_its_way_back():
    cases = (([1, 1], "even"), ([1, 13], "uneven"), ([13, 1], "uneven"), ([1, 11], "even"), ([1, 1100], "lost"), ([0, 1], "lost"), ([1], "single"))
    for gradient, kind in (*cases, ([0, 0], "none"), ([np.inf, np.inf], "lost")):
        assert before_training(made_up(gradient=gradient, signal=np.ones(len(gradient)))).kind == kind


def test_while_it_trains_the_worst_layer_is_named():
    fine = {"update": [1e-3, 2e-3, 1e-3], "dead": [0, 0, np.nan], "saturated": [0, 0, np.nan]}
    cases = (({}, "steady", None), ({"dead": [0, 0.8, np.nan]}, "dead", 2), ({"saturated": [0.6, 0.5, np.nan]}, "saturated", 1),
             ({"update": [1e-6, 1e-3, 1e-3]}, "still", 1), ({"update": [1e-3, 1e-3, 0.1]}, "restless", 3), ({"update": [0.0, 0.0, 0.0]}, "still", 1))
    for changed, kind, layer in cases:
        said = while_training(made_up(**fine | changed))
        assert (said.kind, said.layer) == (kind, layer)
        assert layer is None or f"ayer {layer}" in said.text
