"""Paths on x² / 20 + y²: against steps made by hand, closed forms, and the limits of stability."""

import numpy as np
import pytest

from engine.optimizers import OPTIMIZERS
from engine.studies.valley import RATES, START, Point, descend, height, limit


def test_the_height_and_the_gradient_are_those_of_the_formula():
    assert height(np.array([-7.0, 2.0])) == pytest.approx(49 / 20 + 4)
    point = Point()
    point.look()
    assert point.gradient == pytest.approx([-0.7, 4.0])


def test_sgd_multiplies_each_coordinate_by_its_own_factor():
    path = descend("sgd")
    step = np.arange(31)
    assert path.points == pytest.approx(np.c_[-7 * 0.905**step, 2 * (-0.9) ** step])
    assert path.crossings == (0, 30)
    assert path.moves == pytest.approx(-path.gradients[:-1])


@pytest.mark.parametrize(("optimizer", "points"), [
    ("momentum", [(-6.93, 1.6), (-6.7977, 0.92)]),          # v = (.07, −.4), then .9 v + (.0693, −.32)
    ("nesterov", [(-6.867, 1.24), (-6.679827, 0.4448)]),    # θ + .9 v − η g; v = (.07, −.4), then (.13167, −.608)
    ("adagrad", [(-5.5, 0.5)]),                             # 1.5 in each coordinate: g / √g² is its sign
    ("rmsprop", [(-7 + 0.3 / np.sqrt(0.1), 2 - 0.3 / np.sqrt(0.1))]),
    ("adam", [(-6.7, 1.7)]),                                # .3 in each: both means are corrected to g and g²
])
def test_the_first_steps_are_those_made_by_hand(optimizer, points):
    assert descend(optimizer).points[1:len(points) + 1] == pytest.approx(np.array(points), abs=1e-6)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_just_below_its_limit_a_walk_calms_down_and_just_above_it_grows(optimizer, momentum):
    most = limit(optimizer, momentum)
    assert abs(descend(optimizer, 0.98 * most, momentum=momentum, steps=4000).points[-1, 1]) < 1e-6
    assert abs(descend(optimizer, 1.02 * most, momentum=momentum, steps=300).points[-1, 1]) > 1e3


def test_momentum_zero_is_plain_descent_and_momentum_walks_up_to_ten_times_as_far_under_a_steady_pull():
    assert descend("momentum", 0.3, momentum=0.0).points == pytest.approx(descend("sgd", 0.3).points)
    path = descend("momentum", 1e-5, steps=200)
    assert path.moves[-1, 0] / -path.gradients[-1, 0] == pytest.approx(10, rel=0.01)


def test_every_optimizer_but_adams_twin_has_a_rate_and_ends_lower_than_it_began():
    assert set(RATES) == set(OPTIMIZERS) - {"adamw"}
    for optimizer in RATES:
        path = descend(optimizer)
        assert path.points.shape == (31, 2)
        assert tuple(path.points[0]) == START
        assert path.heights[-1] < 0.02 * path.heights[0]
        assert path.detour >= 1
    assert min(RATES, key=lambda name: descend(name).heights[-1]) == "adagrad"
