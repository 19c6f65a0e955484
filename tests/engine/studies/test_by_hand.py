"""By hand: the notes' 2-2-1 network against its printed numbers, differences and the engine's own layers."""

import math

import numpy as np
import pytest

from engine.layers import Activate, Dense
from engine.losses import squared_error
from engine.network import Network
from engine.studies import by_hand

CASES = [{}, {"w1": -3.0, "w6": 2.5, "x2": 0.5, "t": 0.0}, {"x1": 0.0, "x2": 0.0}]


def values(**given):
    return {step.key: step.value for steps in by_hand.solve(**given) for step in steps}


def test_the_notes_numbers_come_out():
    v = values()
    assert (v["z1"], v["z2"]) == (1, 0)
    assert v["a1"] == pytest.approx(0.731, abs=5e-4)
    assert v["a2"] == 0.5
    assert v["z3"] == pytest.approx(0.231, abs=5e-4)
    assert v["y"] == pytest.approx(0.5575, abs=5e-5)   # the slide rounds to .55


@pytest.mark.parametrize("given", CASES)
@pytest.mark.parametrize("name", ["w1", "w2", "w3", "w4", "w5", "w6"])
def test_every_gradient_is_what_a_difference_quotient_says(name, given):
    at = {**by_hand.NOTES, **given}
    above, below = (by_hand.loss(**{**at, name: at[name] + h}) for h in (1e-5, -1e-5))
    assert values(**given)[f"d{name}"] == pytest.approx((above - below) / 2e-5, abs=1e-10)


@pytest.mark.parametrize("given", CASES)
def test_the_engines_layers_give_the_same_gradient(given):
    v = {**by_hand.NOTES, **given}
    dense = [Dense(2, units, bias=False, rng=np.random.default_rng(0), dtype=np.float64) for units in (2, 1)]
    network = Network([dense[0], Activate("sigmoid"), dense[1], Activate("sigmoid")], squared_error)
    dense[0].weight.value[...] = [[v["w1"], v["w3"]], [v["w2"], v["w4"]]]
    dense[1].weight.value[...] = [[v["w5"]], [v["w6"]]]
    y = network.forward(np.array([[v["x1"], v["x2"]]]))
    network.backward(y - v["t"])
    expected = values(**given)
    assert y[0, 0] == pytest.approx(expected["y"], rel=1e-14)
    np.testing.assert_allclose(network.gradient, [expected[f"d{w}"] for w in ("w1", "w3", "w2", "w4", "w5", "w6")], atol=1e-16)


def test_the_arithmetic_is_written_out_with_the_numbers_of_the_step():
    forward, backward = by_hand.solve()
    assert forward[0].numbers == r"2 \cdot 1 + 1 \cdot (-1)"
    assert next(step for step in backward if step.key == "d1").numbers == r"(-0.1092) \cdot 1 \cdot 0.1966"
    assert by_hand.number(7.1e-23) == r"7.1 \times 10^{-23}"


def test_no_slope_is_above_a_quarter_and_far_weights_take_it_away_without_an_error():
    assert max(by_hand.slopes()) <= 0.25
    assert by_hand.slopes(w1=100.0)[0] == pytest.approx(math.exp(-99))
    assert abs(values(w1=100.0)["dw1"]) < 1e-40


@pytest.mark.parametrize(("given", "message"), [({"w7": 1}, "names must be among x1, .*, got w7"), ({"w1": math.nan}, "w1 must be finite, got nan")])
def test_what_cannot_be_computed_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        by_hand.solve(**given)
