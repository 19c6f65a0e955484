"""The range test: smoothing and reading by hand, and whether what it suggests is what a training at one rate likes."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine import SGD, load_digits, mlp, softmax_cross_entropy
from engine.studies.range_test import HIGH, HUGE, LOW, STEPS, RangeTest, Setup, at_rates, range_test, smooth, with_arrays

DIGITS = load_digits()
LADDER = (1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def test_smoothing_is_a_geometric_mean_without_lag():
    assert smooth(np.array([1.0, 10.0, 100.0, 1000.0]), 1) == pytest.approx([10**0.5, 10, 100, 10**2.5])
    losses = np.exp(-np.abs(np.arange(41) - 20.0))
    assert smooth(losses).argmin() in (0, 40)
    assert smooth(losses).argmax() == 20
    assert smooth(np.full(9, 3.0)) == pytest.approx(3)


def test_it_is_read_where_the_loss_falls_fastest_and_where_it_is_above_its_start():
    rates = np.geomspace(1, 1e9, 10)
    found = RangeTest(rates, np.zeros(10), np.array([2.3, 2.3, 2.2, 1.5, 1.0, 0.9, 1.2, 2.0, 2.4, 9.0]))
    assert found.least == 5
    assert found.fastest == 1e3    # slopes by half differences: 0, −.05, −.4, −.6, −.3, −.1
    assert found.blows_up == 1e8
    assert found.learns(10)
    assert not RangeTest(rates, np.zeros(10), np.full(10, 2.3)).learns(10)


def test_a_range_test_is_sgd_with_a_rate_that_grows_by_one_factor():
    """The first steps, done by hand."""
    setup = Setup((20,), optimizer="sgd", batch_size=16)
    found = range_test(setup, DIGITS)
    network = mlp((64, 20, 10), rng=np.random.default_rng([0, 0]))
    optimizer, order = SGD(network, 1.0), np.random.default_rng([0, 1]).permutation(len(DIGITS.y_train))
    for step in range(20):
        batch = order[16 * step:16 * step + 16]
        loss, dlogits = softmax_cross_entropy(network.forward(DIGITS.x_train[batch].astype(np.float32) / 16, training=True), DIGITS.y_train[batch])
        assert found.losses[step] == pytest.approx(loss, rel=1e-5)
        network.backward(dlogits)
        optimizer.step(LOW * (HIGH / LOW) ** (step / (STEPS - 1)))
    assert found.rates[0] == LOW
    assert len(found.losses) == STEPS or found.losses[-1] >= found.losses[0]


@pytest.mark.parametrize("batch_norm", [None, "before"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam"])
def test_the_rate_where_the_loss_falls_fastest_reads_nearly_as_much_as_the_best(optimizer, batch_norm):
    setup = Setup((50, 50), optimizer=optimizer, batch_norm=batch_norm, seed=1)
    found = range_test(setup, DIGITS)
    suggested, *others = at_rates(setup, DIGITS, (found.fastest, *LADDER[2:9]))
    assert suggested.accuracy > max(one.accuracy for one in others) - 0.05
    beyond = at_rates(setup, DIGITS, (3 * found.blows_up,))[0]
    assert beyond.accuracy < suggested.accuracy - 0.1


def test_an_overflow_ends_the_test_and_counts_as_nothing_read():
    setup = replace(Setup((50,) * 6, activation="identity", optimizer="sgd"), gain=3.0)
    found = range_test(setup, DIGITS)
    assert len(found.losses) < STEPS
    assert found.losses[-1] <= HUGE
    assert found.blows_up is not None
    end = at_rates(setup, DIGITS, (100.0,))[0]
    assert (end.accuracy, end.loss) == (0.0, math.inf)


def test_where_no_rate_helps_nothing_is_learnt():
    stuck = Setup((100,) * 5, activation="sigmoid", initializer="lecun_normal", optimizer="sgd")
    assert not range_test(stuck, DIGITS).learns(10)


def test_arrays_give_what_the_dataset_gives_and_a_batch_is_cut_to_what_it_may_cost():
    setup = Setup((20,))
    arrays = DIGITS.x_train, DIGITS.y_train, DIGITS.x_test, DIGITS.y_test
    assert with_arrays(range_test, *arrays, pixel_max=16, setup=setup).losses == pytest.approx(range_test(setup, DIGITS).losses)
    assert with_arrays(at_rates, *arrays, (0.01,), pixel_max=16, setup=setup) == at_rates(setup, DIGITS, (0.01,))
    assert Setup((500,) * 20, batch_size=1000).batch(DIGITS) == int(2e8 / (64 * 500 + 19 * 500**2 + 5000))
    assert Setup(batch_size=5000).batch(DIGITS) == len(DIGITS.y_train)
