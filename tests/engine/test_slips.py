"""What is measured of each claim of the notes, against closed forms, published numbers and slow versions."""

import math
import re

import numpy as np
import pytest

from engine import slips
from engine.slips import DOUBLED, SLIPS, measured

SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
FOUND: dict[str, list[float]] = {}


def numbers(key: str) -> list[float]:
    """Every number of a slip's sentence, in order."""
    if key not in FOUND:
        text = measured(key).replace("\u00a0", " ").replace(",", "").replace("−", "-")
        text = re.sub(r" × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "e" + m[1].translate(SUPERSCRIPT), text)
        FOUND[key] = [float(x) for x in re.findall(r"(?<![\w/.])[-+]?\d+(?:\.\d+)?(?:e-?\d+)?", text)]
    return FOUND[key]


def test_there_are_eleven_and_each_says_claim_notes_and_experiment():
    assert len(SLIPS) == 11
    for slip in SLIPS.values():
        assert all((slip.claim.endswith("."), slip.notes, slip.experiment.endswith(".")))
        assert all(len(sentence.split()) <= 30 for sentence in re.split(r"(?<=[.:;]) ", slip.experiment))


@pytest.mark.parametrize("key", [key for key in SLIPS if key != "overfitting"])
def test_what_is_measured_is_said_in_short_sentences_and_is_the_same_again(key):
    text = measured(key)
    assert text == measured(key)
    assert all(len(sentence.split()) <= 30 for sentence in re.split(r"(?<=[.:;]) ", text)), text


def test_sigmoid_loses_the_gradient_with_xavier_and_keeps_it_with_one():
    one, xavier = (x for x in numbers("sigmoid") if x not in (1,))
    assert (pytest.approx(one, rel=0.05), pytest.approx(xavier, rel=0.1)) == (0.80, 2.8e-3)   # measured for this page with ten seeds
    assert one > 100 * xavier


def test_dividing_by_the_variance_leaves_the_valley_as_long_as_it_was():
    small, large, condition, std, one = numbers("variance")
    assert (pytest.approx(small, rel=0.02), pytest.approx(large, rel=0.01)) == (math.sqrt(12) / 999, math.sqrt(12))   # 1 / σ of uniform numbers
    assert condition == pytest.approx(999**2, rel=0.03)
    assert (std, one) == (1, 1)


def test_elu_twice_has_its_own_floor():
    once, twice, doubled = numbers("elu")
    assert once == -1
    assert twice == pytest.approx(math.exp(-1) - 1, abs=1e-3)
    assert doubled == 1 == DOUBLED.count("elu, elu")


def test_a_bug_hides_near_0():
    _, passes, _, found, _ = numbers("near_zero")
    assert passes < 1e-9 < 1e-3 < found


def test_the_factor_2_is_the_root_of_a_half_a_layer():
    one, two = (x for x in numbers("two") if x not in (1, 2))
    assert one == pytest.approx(2 ** -14.5, rel=0.6)    # thirty layers, of which the last has its own slope only
    assert two / one == pytest.approx(2 ** 14.5, rel=0.03)


def test_elements_of_a_half_explode():
    assert numbers("elements")[1] == pytest.approx(5, rel=0.1)


def test_equal_units_get_equal_gradients_and_not_zero_ones():
    size, _, units, _, first, _ = numbers("equal")
    assert "all 20 units get the same" in measured("equal")
    assert units == 20
    assert first < 1e-15 < 1e-8 < size


def test_the_figure_leaves_out_half_of_tanh_and_a_quarter_of_relu():
    _, _, tanh, relu = numbers("histogram")
    assert tanh == pytest.approx(50, abs=2)     # it is symmetric
    assert relu == pytest.approx(25, abs=3)     # published with the notes' settings
    rng, y, missed = np.random.default_rng(5), np.random.default_rng(6).standard_normal((1000, 100)), []
    for _ in range(5):
        y = np.maximum(y @ (rng.standard_normal((100, 100)) * math.sqrt(2 / 100)), 0)
        missed.append(np.mean(y > 1))
    assert relu / 100 == pytest.approx(np.mean(missed), abs=0.04)


@pytest.mark.slow
def test_batch_norm_and_dropout_are_told_as_they_come_out():
    own, new, own_bn, new_bn, rate, plain, with_bn = numbers("overfitting")
    assert rate == 0.3
    assert all(80 < share <= 100 for share in (own, new, own_bn, new_bn))
    assert all(-10 < points < 10 for points in (plain, with_bn))
    assert own > new
    assert own_bn > new_bn


def test_the_stored_number_is_a_variance():
    spread, stored = numbers("moving")
    assert stored == pytest.approx(spread**2, rel=0.1)


def test_tanh_outputs_bound_the_probability_and_the_loss():
    best = math.exp(1) / (math.exp(1) + 9 * math.exp(-1))
    assert numbers("output")[-2:] == [round(100 * best), pytest.approx(-math.log(best), abs=1e-3)]
    rng = np.random.default_rng(0)
    for _ in range(200):
        scores = np.tanh(5 * rng.standard_normal(10))
        assert np.exp(scores).max() / np.exp(scores).sum() <= best


def test_randn_takes_no_shape():
    """The notes' code beside the second variance does not run."""
    with pytest.raises(TypeError):
        np.random.randn(shape=(2, 3))   # noqa: NPY002


def test_experiments_are_functions_that_a_worker_can_be_asked():
    assert all(slip.measured is getattr(slips, slip.measured.__name__) for slip in SLIPS.values())
