"""Published trainings: what is trained is what the recipe says, and the printed numbers come out again, or do not."""

from dataclasses import replace

import numpy as np
import pytest

from engine import Adam, load_digits, load_mnist, mlp, train
from engine.studies.published import DOTS, EXPERIMENTS, LOOKS, PlainDropout, Target, Trained, Variant, reproduced, trained
from engine.studies.variants import Recipe
from tests.reference import MNIST, needs_mnist

DIGITS = load_digits()
SMALL = Recipe((20,), batch_size=50)


def test_a_training_is_the_plain_one_with_its_losses_and_what_it_reads():
    network = mlp((64, 20, 10), rng=np.random.default_rng([3, 0]))
    steps = list(train(network, DIGITS, Adam(network), epochs=7, batch_size=50, rng=np.random.default_rng([3, 1]), evaluate_every=200 // LOOKS))[:200]
    found = trained(Variant(SMALL, 200), DIGITS, 3, around=(100,))
    near = [one.loss for one in steps[50:150]]
    assert found.around[100] == pytest.approx((np.mean(near), min(near), max(near)))
    assert found.loss[-1] == pytest.approx(np.mean([one.loss for one in steps[196:]]))
    assert found.test.tolist() == [one.evaluation.test_accuracy for one in steps if one.step % (200 // LOOKS) == 0]
    assert found.train.tolist() == [one.evaluation.train_accuracy for one in steps if one.step % (200 // LOOKS) == 0]
    assert (len(found.steps), len(found.read_at), found.steps[-1], found.read_at[-1]) == (DOTS, LOOKS, 200, 200)


def test_an_overflow_is_no_number_and_reads_nothing():
    found = trained(Variant(replace(SMALL, optimizer="sgd", learning_rate=1e4, activation="identity"), 200), DIGITS, 0, around=(100,))
    assert np.isnan(found.loss[-1])
    assert np.isnan(found.around[100]).all()
    assert not found.test.any()
    assert not reproduced(Target("", "loss", 0.3, 100), [found])


def seeds(*ends: float, losses: tuple[float, float] = (0.2, 0.5)) -> list[Trained]:
    flat = np.zeros(LOOKS)
    return [Trained(flat, flat, flat, flat + end, flat + end, {1000: (0.3, *losses)}) for end in ends]


def test_reproduced_is_the_seeds_range_and_two_points_of_accuracy_and_a_batchs_range_of_loss():
    target = Target("", "test", 0.9)
    assert [reproduced(target, seeds(value)) for value in (0.87, 0.885, 0.915, 0.93)] == [False, True, True, False]
    assert reproduced(target, seeds(0.85, 0.95))   # in the range
    assert not reproduced(target, seeds(0.85, 0.87))
    assert [reproduced(Target("", "loss", value, 1000), seeds(0.9)) for value in (0.1, 0.21, 0.49, 0.51)] == [False, True, True, False]


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


REPRODUCED = {   # what each comparison says over three seeds
    "weights": {("σ = 0.01", "loss"): True, ("1/√n", "loss"): True, ("He", "loss"): True},
    "optimizers": {("SGD", "loss"): True, ("Momentum", "loss"): True, ("AdaGrad", "loss"): False, ("Adam", "loss"): True},
    "chapter5": {("ReLU", "train"): True, ("ReLU", "test"): True},
    "overfit": {("L2 = 0.1", "train"): True, ("L2 = 0.1", "test"): True,
                ("the book's dropout 0.2", "train"): True, ("the book's dropout 0.2", "test"): True},
}


@pytest.mark.slow
@pytest.mark.long
@needs_mnist
def test_what_is_reproduced_on_mnist_over_three_seeds():
    data = load_mnist(MNIST)
    for key, expected in REPRODUCED.items():
        experiment = EXPERIMENTS[key]
        for target in experiment.targets:
            variant, asked = experiment.variants[target.variant], (target.step,) * (target.step > 0)
            runs = [trained(variant, data.first(experiment.images), seed, asked) for seed in range(3)]
            assert reproduced(target, runs) == expected[target.variant, target.measure], (key, target, [one.value(target) for one in runs])


