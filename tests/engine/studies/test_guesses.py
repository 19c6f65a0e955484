"""A guess over depth: the layers that are asked for, and where it is furthest from what was measured."""

import math

import numpy as np

from engine.studies.guesses import PLACES, compared, exponents, places

REACH = (-6, 2)
FALLS = 10.0 ** -np.arange(5.0)   # 1 to 10⁻⁴ in layers 1 to 5


def test_every_place_is_a_layer_and_the_ends_are_among_them():
    for depth in range(3, 101):
        found = places(depth)
        assert (found[0], found[-1]) == (1, depth)
        assert len(found) == min(depth, PLACES)


def test_how_far_a_guess_is_off_is_told_in_the_layer_where_it_is_furthest():
    assert compared(np.zeros(5), FALLS, REACH) == "You were furthest off in layer 5: what was measured there is 10,000 times smaller than you drew."
    assert "layer 2" in compared(np.zeros(5), [1, 1e-5, math.nan, math.nan, math.nan], REACH)


def test_a_guess_is_good_if_it_is_nowhere_off_by_more_than_three():
    assert compared(exponents(FALLS), FALLS, REACH).startswith("You were within a factor of 1 ")
    assert "within a factor of 2 " in compared(exponents(2 * FALLS), FALLS, REACH)
    assert "furthest off" in compared(exponents(3.1 * FALLS), FALLS, REACH)


def test_what_lies_beyond_the_axis_is_at_least_as_far_off_as_its_end_and_what_is_no_number_is_not_compared():
    assert "at least 100 times larger" in compared(np.zeros(5), [1, 1, 1, 1, 1e9], REACH)
    assert "at least 1,000,000 times smaller" in compared(np.zeros(5), np.zeros(5), REACH)
    assert compared(np.full(5, -6.0), np.zeros(5), REACH).startswith("You were within a factor of 1 ")
    assert compared(np.zeros(5), [math.nan] * 5, REACH) == ""
