"""Cures for overfitting: each trains as it says, from the same seed on the same batches."""

from dataclasses import replace

import numpy as np
import pytest

from engine import load_digits
from engine.datasets import normalizer
from engine.studies.overfitting import HELD, Learned, learn, learned, thinned, worth
from engine.studies.variants import Recipe, course
from engine.training import evaluate

DIGITS = load_digits().first(100)
SMALL = Recipe((30,), epochs=24)


def test_without_a_cure_it_is_the_training_of_the_variants():
    found, plain = learn(SMALL, DIGITS, 3), course(SMALL, DIGITS, 3)
    assert np.array_equal(found.epochs, np.ceil(np.linspace(1, 24, 12)))
    assert np.array_equal(found.train, plain.train_accuracy[found.epochs - 1])
    assert np.array_equal(found.test, plain.test_accuracy[found.epochs - 1])
    assert found.stopped is None


@pytest.mark.parametrize("cure", [{"l2": 0.1}, {"l1": 0.01}, {"dropout": 0.5}, {"batch_norm": "before"}])
def test_a_cure_of_the_recipe_is_the_training_of_the_variants_too(cure):
    recipe = replace(SMALL, **cure)
    found, plain = learn(recipe, DIGITS, 0), course(recipe, DIGITS, 0)
    assert np.array_equal(found.test, plain.test_accuracy[found.epochs - 1])
    assert not np.array_equal(found.test, learn(SMALL, DIGITS, 0).test)


def test_shifts_train_on_shifted_images_and_are_judged_on_the_images_as_they_are(monkeypatch):
    import engine.studies.overfitting as study

    seen, kept = [], study.train
    monkeypatch.setattr(study, "train", lambda network, data, *more, **named: (seen.append(data.x_train), kept(network, data, *more, **named))[1])
    learn(replace(SMALL, epochs=3), DIGITS, 0, shift=1)
    assert len(seen) == 3
    assert not np.array_equal(seen[0], seen[1])   # moved anew
    for x in seen:
        moved = [not np.array_equal(a, b) for a, b in zip(x, DIGITS.x_train, strict=True)]
        assert 0.7 < np.mean(moved) < 1   # one of nine stays
    assert learn(SMALL, DIGITS, 0, shift=1).train[-1] < learn(SMALL, DIGITS, 0).train[-1]


def test_early_stopping_keeps_the_weights_with_the_least_loss_on_images_that_it_never_trained_on():
    recipe = replace(SMALL, optimizer="sgd", learning_rate=1.0, epochs=60, batch_size=10)
    found = learn(recipe, DIGITS, 0, stop=True)
    assert 0 < found.stopped < 60
    held = round(HELD * 100)
    losses = []
    for epochs in range(1, 61):   # slow and plain: train anew for each number of epochs, on the first 80 only
        if abs(epochs - found.stopped) < 3 or epochs % 15 == 0:
            losses.append((held_loss(replace(recipe, epochs=epochs), held), epochs))
    assert min(losses)[1] == found.stopped
    assert found.test[-1] == course(replace(recipe, epochs=found.stopped), DIGITS.first(100 - held), 0).test_accuracy[-1]


def held_loss(recipe: Recipe, held: int) -> float:
    from engine import SGD, train

    network, few = recipe.network(DIGITS, 0), DIGITS.first(100 - held)
    for _ in train(network, few, SGD(network, recipe.learning_rate), epochs=recipe.epochs, batch_size=10, rng=np.random.default_rng([0, 1]),
                   evaluate_at=lambda step: False):
        pass
    return evaluate(network, DIGITS.x_train[-held:], DIGITS.y_train[-held:], normalizer("scale", DIGITS))[0]


def test_an_overflow_reads_nothing_from_then_on():
    found = learn(replace(SMALL, activation="identity", optimizer="sgd", learning_rate=100.0), DIGITS, 0)
    assert found.test[-1] == 0


def test_what_a_cure_is_worth_is_the_mean_and_the_spread_of_the_differences_seed_by_seed():
    def made(*ends):
        return [Learned(np.array([1]), np.array([1.0]), np.array([end])) for end in ends]

    mean, spread, gains = worth(made(0.8, 0.9, 0.7), made(0.7, 0.7, 0.7))
    assert gains == pytest.approx([10, 20, 0])
    assert (mean, spread) == pytest.approx((10, 10))
    assert worth(made(0.8), made(0.7))[:2] == pytest.approx((10, 0))


def test_arrays_travel_to_another_process_and_the_seeds_differ():
    arrays = DIGITS.x_train, DIGITS.y_train, DIGITS.x_test, DIGITS.y_test
    found = learned(*arrays, recipe=SMALL, seeds=(0, 1), pixel_max=16, shift=1)
    assert np.array_equal(found[1].test, learn(SMALL, DIGITS, 1, shift=1).test)
    assert not np.array_equal(found[0].test, found[1].test)


def test_each_image_of_a_batch_has_its_own_thinned_network():
    masks = thinned(Recipe((40, 30), dropout=0.3), DIGITS, 0)
    assert [mask.shape for mask in masks] == [(32, 40), (32, 30)]
    assert all(abs(mask.mean() - 0.7) < 0.05 for mask in masks)
    assert len({row.tobytes() for row in masks[0]}) == 32
