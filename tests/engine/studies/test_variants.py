"""Trainings that differ in one thing: repeatable, from the same start, and an overflow is a result."""

from dataclasses import replace

import numpy as np

from engine import Adam, load_digits, mlp, train
from engine.studies.variants import Recipe, course, courses

DIGITS = load_digits()
SMALL = Recipe((20,), epochs=2)


def test_a_course_is_a_plain_training_read_after_each_epoch():
    network = mlp((64, 20, 10), rng=np.random.default_rng([3, 0]))
    steps = train(network, DIGITS, Adam(network), epochs=2, batch_size=32, rng=np.random.default_rng([3, 1]))
    expected = [result.evaluation for result in steps if result.evaluation]
    found = course(SMALL, DIGITS, 3)
    assert found.test_accuracy.tolist() == [e.test_accuracy for e in expected]
    assert found.train_loss.tolist() == [e.train_loss for e in expected]


def test_what_has_no_effect_changes_nothing_and_what_has_one_does():
    base = course(SMALL, DIGITS, 0)
    assert np.array_equal(course(replace(SMALL, learning_rate=0.001), DIGITS, 0).train_loss, base.train_loss)   # Adam's usual one
    changes = {"dropout": 0.3, "l1": 0.01, "l2": 0.01, "initializer": "lecun_normal", "optimizer": "sgd", "batch_norm": "before"}
    changes |= {"normalize": "standardize", "input_norm": True, "schedule": "linear", "shift": 1}
    for change in ({name: value} for name, value in changes.items()):
        assert not np.array_equal(course(replace(SMALL, **change), DIGITS, 0).train_loss, base.train_loss), change


def test_weight_decay_is_adamws_alone():
    adam, w = SMALL, replace(SMALL, optimizer="adamw")
    assert np.array_equal(course(replace(adam, decay=1.0), DIGITS, 0).train_loss, course(adam, DIGITS, 0).train_loss)
    assert not np.array_equal(course(replace(w, decay=1.0), DIGITS, 0).train_loss, course(w, DIGITS, 0).train_loss)


def test_an_overflow_ends_a_course_with_nothing_read():
    found = course(replace(SMALL, optimizer="sgd", learning_rate=1e4, activation="identity"), DIGITS, 0)
    assert np.isnan(found.train_loss).all()
    assert not found.test_accuracy.any()


def test_arrays_give_what_the_dataset_gives_for_each_seed():
    arrays = DIGITS.x_train, DIGITS.y_train, DIGITS.x_test, DIGITS.y_test
    for recipe in (SMALL, replace(SMALL, shift=1)):   # a shift needs to know that images are square
        found = courses(*arrays, recipe=recipe, seeds=(0, 1), pixel_max=16)
        assert [one.test_accuracy.tolist() for one in found] == [course(recipe, DIGITS, seed).test_accuracy.tolist() for seed in (0, 1)]


def test_the_notes_claim_of_the_sigmoid_under_sgd_shows_on_the_digits():
    stuck = Recipe((100,) * 5, "sigmoid", "lecun_normal", optimizer="sgd", learning_rate=1.0, epochs=10)
    assert course(stuck, DIGITS, 0).test_accuracy[-1] < 0.2
    for learns, least in (({"initializer": "normal"}, 0.25), ({"batch_norm": "before"}, 0.8), ({"gain": 4.0}, 0.75)):   # rounding decides on more
        assert course(replace(stuck, **learns), DIGITS, 0).test_accuracy[-1] > least
