"""Verdicts: one writer of numbers, and one shape for every sentence about a result."""

import dataclasses
import math

import numpy as np
import pytest

from engine import Diagnosis, GradientVerdict, judgement
from engine.verdict import Verdict, number, power


@pytest.mark.parametrize(("x", "text"), [
    (0, "0"), (-0.0, "0"), (0.83, "0.83"), (-0.5, "−0.5"), (1.0, "1"), (-2, "−2"), (2.84e-3, "2.8 × 10⁻³"), (-1e-20, "−1.0 × 10⁻²⁰"),
    (99.49, "99.5"), (99.5, "100"), (99.96, "100"), (999.6, "1,000"), (1672.4, "1,672"), (12_345.0, "12,345"), (998_001.0, "998,001"),
    (-998_001, "−998,001"), (9_999_998.0, "9,999,998"), (1e7, "1.0 × 10⁷"), (3e12, "3.0 × 10¹²"), (7.6e34, "7.6 × 10³⁴"),
    (math.inf, "∞"), (-math.inf, "−∞"), (math.nan, "not a number"), (np.float32(0.25), "0.25"), (np.int64(12_345), "12,345"),
])
def test_numbers_are_written_as_people_write_them(x, text):
    assert number(x).replace("\u00a0", " ") == text


@pytest.mark.parametrize(("x", "digits", "text"), [
    (1.2345, 4, "1.234"), (0.0123, 2, "0.012"), (1e-5, 1, "1 × 10⁻⁵"), (9.4, 1, "9"), (12.3, 1, "12"), (12.34, 2, "12"), (123.4, 5, "123"),
])
def test_digits_may_be_fewer_or_more(x, digits, text):
    assert number(x, digits).replace("\u00a0", " ") == text


def test_a_number_never_breaks_over_a_line():
    assert not any(" " in number(x) for x in (1e-300, -2.5e-7, 1e7, 1e300, 12_345))


@pytest.mark.parametrize("exponent", range(-320, 309, 7))
def test_a_number_read_back_is_the_number_up_to_its_digits(exponent):
    x = 1.234 * 10.0**exponent
    digits = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    text = number(x).replace(",", "")
    mantissa, _, rest = text.partition("\u00a0×\u00a010")
    assert float(mantissa + (f"e{rest.translate(digits)}" if rest else "")) == pytest.approx(x, rel=0.05)


def test_powers_have_any_base():
    assert (power(-3), power(20, 0.9), power(12)) == ("10⁻³", "0.9²⁰", "10¹²")


def test_all_verdicts_have_one_shape():
    assert Diagnosis is GradientVerdict is judgement.Verdict is Verdict
    plain = Verdict("usual", "All is well.")
    assert (plain.fix, plain.layer) == ({}, None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plain.kind = "other"
