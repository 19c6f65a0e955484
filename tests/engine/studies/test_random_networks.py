"""Networks of one kind, drawn from remembered numbers."""

from dataclasses import replace

import numpy as np
import pytest

from engine.initializers import INITIALIZERS
from engine.propagation import REMEMBERED, Remembered, propagate, source
from engine.studies import random_networks

SETTINGS = {"depth": 4, "width": 20, "samples": 50, "activation": "tanh"}


@pytest.mark.parametrize("initializer", INITIALIZERS)
@pytest.mark.parametrize("sigma_b", [0.0, 0.3])
def test_remembered_numbers_draw_the_same_network_again_and_again(initializer, sigma_b):
    settings = SETTINGS | {"initializer": initializer, "sigma_b": sigma_b}
    plain = propagate(**settings, rng=np.random.default_rng(7))
    for _ in range(2):
        again = random_networks.network(7, **settings)
        for name in ("std", "q", "gradient_rms", "gradient_median", "rank", "sigma_w"):
            np.testing.assert_array_equal(getattr(again, name), getattr(plain, name))


def test_only_normal_numbers_that_are_few_enough_are_remembered():
    def remembered(**changed):
        return isinstance(source(0, **SETTINGS | {"initializer": "he_normal"} | changed), Remembered)

    assert remembered()
    assert not remembered(initializer="he_uniform")
    assert remembered(initializer=INITIALIZERS["he_normal"])
    assert not remembered(initializer=replace(INITIALIZERS["he_normal"]))   # one of one's own may draw anything
    most = next(depth for depth in range(1, 101) if not remembered(width=100, samples=1000, depth=depth)) - 1
    largest = SETTINGS | {"width": 100, "samples": 1000, "depth": most, "sigma_b": 1.0, "initializer": "he_normal"}
    propagate(**largest, measure=(), rng=(drawn := source(991, **largest)))
    assert REMEMBERED - 100 * 101 < drawn.taken == len(drawn.numbers) <= REMEMBERED   # no one else asks for this seed


def test_the_places_of_batch_norm_share_their_draws():
    found = random_networks.placed(3, 20, "relu", 0.5, seed=4, samples=50)
    for name, place in random_networks.PLACES.items():
        settings = {"depth": 3, "width": 20, "activation": "relu", "initializer": "lecun_normal", "gain": 0.5, "samples": 50}
        alone = propagate(**settings, batch_norm=place, rng=np.random.default_rng(4))
        np.testing.assert_array_equal(found[name].gradient_rms, alone.gradient_rms)
