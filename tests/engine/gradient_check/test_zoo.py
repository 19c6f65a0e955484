"""The bug zoo: every bug is caught, and by its own parameters only."""

import inspect

import numpy as np
import pytest

from engine import ACTIVATIONS, BUGS, Penalty, check_directions, check_gradients, exercise, fingerprint, mlp, plant
from tests.engine.architectures import draw

GUILTY = {"wrong", "suspicious", "fair"}
VISIBLE = {"activation": "tanh", "sigma_b": 0.5, "dropout": 0.3}   # settings in which every bug shows that can be planted at all


def wrong(report, grades=("wrong",)):
    return {row.name for row in report.by_parameter.values() if row.grade in grades}


def trained(network, x, labels, steps=100):
    for _ in range(steps):
        network.theta -= 0.3 * network.loss_and_gradient(x, labels)[1]
    return network


def test_the_zoo_has_a_dozen_bugs():
    assert len(BUGS) >= 12


@pytest.mark.parametrize("bug", BUGS.values(), ids=BUGS)
def test_every_bug_tells_its_story(bug):
    assert all((bug.title, bug.wrong, bug.right, bug.fingerprint))
    assert bug.wrong != bug.right
    assert bug.source == inspect.getsource(bug.kind)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("key", BUGS)
def test_every_bug_is_caught_and_only_by_its_fingerprint(key, seed):
    e = exercise(key, seed=seed)
    assert check_gradients(e.correct, e.x, e.labels, penalty=e.penalty).grade == "right"
    report = check_gradients(e.network, e.x, e.labels, penalty=e.penalty)
    assert report.grade == "wrong"
    assert wrong(report, GUILTY) == wrong(report) == fingerprint(e.correct, key)


@pytest.mark.parametrize("key", BUGS)
def test_every_bug_is_caught_with_every_scheme_and_by_random_directions(key):
    e = exercise(key, sizes=(64, 12, 10, 10))
    for scheme, epsilon in (("forward", 1e-8), ("complex", 1e-20)):
        assert wrong(check_gradients(e.network, e.x, e.labels, penalty=e.penalty, scheme=scheme, epsilon=epsilon)) == fingerprint(e.correct, key)
    report = check_directions(e.network, e.x, e.labels, penalty=e.penalty, directions=8, rng=np.random.default_rng(0))
    assert wrong(report, GUILTY) == fingerprint(e.correct, key)


@pytest.mark.parametrize("key", BUGS)
def test_a_bug_accuses_only_its_fingerprint_on_random_architectures(key):
    for seed in range(12):
        network, x, labels, penalty, training = draw(seed)
        try:
            planted = plant(network, key)
        except ValueError:   # no layer that could have it
            continue
        assert wrong(check_gradients(planted, x, labels, penalty=penalty, training=training), GUILTY) <= fingerprint(network, key, training=training)


@pytest.mark.parametrize("batch_norm", [None, "before", "after"])
@pytest.mark.parametrize("key", BUGS)
def test_the_whole_fingerprint_shows_where_the_bug_can(key, batch_norm):
    rng = np.random.default_rng(0)
    network = mlp((9, 8, 7, 6), batch_norm=batch_norm, rng=rng, **VISIBLE)
    x, labels = rng.standard_normal((12, 9)), rng.integers(0, 6, 12)
    if "batch norm" in BUGS[key].title.lower() and batch_norm is None:
        with pytest.raises(ValueError, match="needs a BatchNorm layer"):
            plant(network, key)
        return
    assert wrong(check_gradients(plant(network, key), x, labels, penalty=Penalty(l2=0.1)), GUILTY) == fingerprint(network, key)


@pytest.mark.parametrize("key", BUGS)
def test_a_bug_is_in_the_backward_pass_only(key):
    e = exercise(key)
    np.testing.assert_array_equal(e.network.forward(e.x, training=True), e.correct.forward(e.x, training=True))
    assert e.network.loss(e.x, e.labels, e.penalty) == e.correct.loss(e.x, e.labels, e.penalty)
    assert type(e.correct.layers[0]).__module__ == "engine.layers"   # planting made a copy
    assert wrong(check_gradients(e.network.astype(np.float32), e.x, e.labels, penalty=e.penalty))   # which keeps the bug when copied


def test_a_bug_can_be_planted_in_one_layer_and_shows_from_there_down():
    e = exercise("missing_slope")
    assert wrong(check_gradients(plant(e.correct, "missing_slope", "activate_1"), e.x, e.labels)) == {"dense_1.W", "dense_1.b"}
    assert fingerprint(e.correct, "missing_slope", "activate_1") == {"dense_1.W", "dense_1.b"}
    e = exercise("transposed_weight")
    assert wrong(check_gradients(plant(e.correct, "transposed_weight", "dense_2"), e.x, e.labels)) == {"dense_2.W"}


def test_the_loss_bugs_have_their_exact_relative_errors():
    def error(key):
        e = exercise(key)
        return check_gradients(e.network, e.x, e.labels).relative_error

    assert error("wrong_sign") == pytest.approx(1)
    assert error("forgotten_mean") == pytest.approx(15 / 17)     # 16 images: (16 - 1) / (16 + 1)
    assert error("divided_by_size") == pytest.approx(9 / 11)     # 10 classes: (1 - 1/10) / (1 + 1/10)


@pytest.mark.parametrize(("key", "settings"), [("penalised_biases", {"sigma_b": 0.0}), ("slope_at_output", {"gain": 0.003})])
def test_late_bugs_pass_at_the_start_and_are_caught_after_training(key, settings):
    assert BUGS[key].late
    e = exercise(key, **settings)
    assert not wrong(check_gradients(e.network, e.x, e.labels, penalty=e.penalty))
    after = plant(trained(e.correct, e.x, e.labels, 2000), key)
    assert wrong(check_gradients(after, e.x, e.labels, penalty=e.penalty)) == fingerprint(after, key)


def test_the_slope_at_a_cannot_be_told_from_the_slope_at_z_with_relu():
    e = exercise("slope_at_output", activation="relu")
    assert check_gradients(e.network, e.x, e.labels).grade == "right"


def test_one_sample_hides_the_bias_of_one_sample():
    e = exercise("bias_of_one_sample", samples=1)
    assert not wrong(check_gradients(e.network, e.x, e.labels), GUILTY)


@pytest.mark.parametrize("activation", [key for key, each in ACTIVATIONS.items() if each.kinks])
def test_kinks_do_not_hide_bugs(activation):
    e = exercise("forgotten_mean", activation=activation)
    assert check_gradients(e.network, e.x, e.labels, epsilon=1e-4).grade == "wrong"


def test_unknown_bugs_and_impossible_places_are_refused():
    network = mlp((4, 3, 2), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"bug must be one of forgotten_mean, .*, got 'typo'"):
        plant(network, "typo")
    with pytest.raises(ValueError, match="needs a Dropout layer, the network has none"):
        plant(network, "redrawn_mask")
    with pytest.raises(ValueError, match="needs a Dense layer named 'dense_7'"):
        plant(network, "mean_twice", "dense_7")
    with pytest.raises(ValueError, match="skipped_layer"):
        plant(mlp((4, 2), rng=np.random.default_rng(0)), "skipped_layer")
