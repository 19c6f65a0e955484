"""Published trainings: what is trained is what the recipe says, and the printed numbers come out again, or do not."""

from dataclasses import replace

import numpy as np
import pytest

from engine import Adam, load_digits, load_mnist, mlp, train
from engine.studies.published import DOTS, EXPERIMENTS, LOOKS, PlainDropout, Target, Variant, reproduced, trained
from engine.studies.variants import Recipe
from tests.reference import MNIST, needs_mnist

DIGITS = load_digits()
SMALL = Recipe((20,), batch_size=50)


def test_a_training_is_the_plain_one_with_its_losses_and_what_it_reads():
    network = mlp((64, 20, 10), rng=np.random.default_rng([3, 0]))
    steps = list(train(network, DIGITS, Adam(network), epochs=7, batch_size=50, rng=np.random.default_rng([3, 1]), evaluate_every=20))[:200]
    found = trained(Variant(SMALL, 200), DIGITS, 3, around=(100,))
    assert found.around[100] == pytest.approx(np.mean([one.loss for one in steps[50:150]]))
    assert found.loss[-1] == pytest.approx(np.mean([one.loss for one in steps[196:]]))
    assert found.test.tolist() == [one.evaluation.test_accuracy for one in steps if one.step % 20 == 0]
    assert found.train.tolist() == [one.evaluation.train_accuracy for one in steps if one.step % 20 == 0]
    assert (len(found.steps), len(found.read_at), found.steps[-1], found.read_at[-1]) == (DOTS, LOOKS, 200, 200)


def test_an_overflow_is_no_number_and_reads_nothing():
    found = trained(Variant(replace(SMALL, optimizer="sgd", learning_rate=1e4, activation="identity"), 200), DIGITS, 0, around=(100,))
    assert np.isnan(found.loss[-1])
    assert np.isnan(found.around[100])
    assert not found.test.any()
    assert not reproduced(Target("", "loss", 0.3, 100), [found.around[100]])


def test_near_is_the_seeds_range_and_two_points_of_accuracy_or_half_as_much_again_of_a_loss():
    assert [reproduced(Target("", "test", 0.9), [value]) for value in (0.87, 0.885, 0.915, 0.93)] == [False, True, True, False]
    assert [reproduced(Target("", "loss", 0.3, 1000), [value]) for value in (0.1, 0.21, 0.44, 0.46)] == [False, True, True, False]
    assert reproduced(Target("", "test", 0.9), [0.85, 0.95])   # in the range
    assert not reproduced(Target("", "test", 0.9), [0.85, 0.87])


def test_variants_of_an_experiment_share_a_batch_size_and_every_target_has_its_variant():
    for experiment in EXPERIMENTS.values():
        assert len({one.recipe.batch_size for one in experiment.variants.values()}) == 1
        assert all(one.steps % LOOKS == 0 for one in experiment.variants.values())
        assert {target.variant for target in experiment.targets} <= set(experiment.variants)
        assert all(target.step + 50 <= experiment.variants[target.variant].steps for target in experiment.targets)


def test_input_scaling_reaches_the_network():
    ends = {trained(Variant(replace(SMALL, **change), 50), DIGITS, 0).loss[-1] for change in
            ({"normalize": "none"}, {"normalize": "scale"}, {"normalize": "standardize"}, {"normalize": "none", "input_norm": True})}
    assert len(ends) == 4


def test_the_books_dropout_backward_is_its_forwards_derivative():
    layer, x = PlainDropout(0.2, rng=np.random.default_rng(0)), np.random.default_rng(1).standard_normal((4, 5))
    y = layer.forward(x, training=True)
    assert set(np.round(np.unique(y / x), 12)) == {0.0, 1.0}
    assert np.allclose(layer.backward(np.ones((4, 5))), y / x)
    assert np.allclose(layer.forward(x, training=False), 0.8 * x)


def test_a_variant_with_the_books_dropout_learns_slower():
    base = replace(SMALL, hidden=(20,) * 4, dropout=0.2, optimizer="sgd", learning_rate=0.05)
    usual, plain = (trained(Variant(base, 300, plain=plain), DIGITS, 0) for plain in (False, True))
    assert plain.loss[-1] > usual.loss[-1]


@pytest.mark.slow
@needs_mnist
def test_what_is_reproduced_on_mnist_over_three_seeds():
    data = load_mnist(MNIST)
    for key, expected in REPRODUCED.items():
        experiment = EXPERIMENTS[key]
        for target in experiment.targets:
            variant, asked = experiment.variants[target.variant], (target.step,) * (target.step > 0)
            values = [trained(variant, data.first(experiment.images), seed, asked).value(target) for seed in range(3)]
            assert reproduced(target, values) == expected[target.variant, target.measure], (key, target, values)


REPRODUCED = {}
