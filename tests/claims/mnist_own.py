# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of the part on one's own digit. What a browser refuses stands in tests/browser."""

import numpy as np
import pytest

from engine import load_digits
from engine.studies.own_digit import Reading, nearest, read, shifted, small_network, trained_small
from pages.parts.mnist_training import own
from tests.claims.claim import Claim, why

DIGITS = load_digits()


def accuracy(right: int) -> float:
    network = small_network(trained_small())
    answers = [read(network, DIGITS, shifted(image, DIGITS, right)).answer for image in DIGITS.x_test]
    return np.mean(answers == DIGITS.y_test)


def check_shift():
    assert 0.975 <= accuracy(0) < 0.985
    assert accuracy(2) < 0.1


def check_said():
    """On made-up readings: which sentence follows from which numbers."""
    rng, kinds = np.random.default_rng(0), set()
    for _ in range(300):
        logits, other = rng.normal(size=(2, 10)) * rng.choice([0.5, 3.0])
        found, unmoved = (Reading(np.exp(z) / np.exp(z).sum(), [rng.normal(size=7)] * rng.integers(0, 3), []) for z in (logits, other))
        near, shift = rng.integers(0, 10, rng.integers(1, 5)).tolist(), (int(rng.integers(-1, 2)), 0)
        unshifted = bool(rng.integers(2))
        said = own.read(found, unmoved, near, "Your drawing", shift, unshifted)
        kinds.add(said.kind)
        order = sorted(range(10), key=lambda k: -logits[k])
        a, then = ("an" if digit == 8 else "a" for digit in order[:2])
        assert f"read as {a} **{order[0]}** with {100 * found.probabilities[order[0]]:.1f} %, then as {then} {order[1]}" in said.text
        assert ("No digit gets half" in said.text) == (max(found.probabilities) < 0.5)
        assert f"that show {a} {order[0]}: {sum(one == order[0] for one in near)} of {len(near)}." in said.text
        assert ("Units that fired" in said.text) == bool(found.z)
        if found.z:
            assert f"fired: {(found.z[0] > 0).sum()} of 7" in said.text
        assert ("Without the shift" in said.text) == bool(said.fix) == (shift[0] != 0 and np.argmax(other) != order[0])
        assert ("trained on images that were not shifted" in said.text) == (bool(said.fix) and unshifted)
    assert kinds == {"sure", "unsure", "moved"}


def check_units():
    found = read(small_network(trained_small()), DIGITS, DIGITS.x_test[0])
    frame = own.units(found)
    assert frame.groupby("layer")["fired"].sum().tolist() == found.fired
    assert frame.groupby("layer")["share"].max().tolist() == pytest.approx([1, 1])
    assert len(nearest(DIGITS, DIGITS.x_test[0], 16)) == 16


IN_PAGES = "tests/pages/test_own_digit.py says when"
CLAIMS = {
    "The small network reads 98 % of the test digits as they are, and under 10 % of them two pixels further right.": Claim("its preset", check_shift),
    "Without the shift it would be {}{}.": Claim("the shift alone changes the answer", check_said),
    ": this network was trained on images that were not shifted": Claim("the small network, or a run without shifts", check_said),
    "{}: read as {} with {}, then as {} with {}. ": Claim("always", check_said),
    "No digit gets half of the probability. ": Claim("none does", check_said),
    "Nearest training images that show {}: {} of {}. ": Claim("always", check_said),
    "Blue: the unit fired, z > 0. Orange: it did not. Stronger colour: a larger output in its layer. The first {} units are shown.": Claim("there is a hidden layer", check_units),
    "Those that differ least, pixel by pixel, among the first 10,000.": Claim("always", check_units),
    **{text: why(IN_PAGES) for text in (
        "Read by your run after {} step{}",
        "; at its last look it read {} % of the test images.", "Read as long as nothing is drawn. Beyond the last one, the count starts again.",
        "Read by a small network, trained on the built-in digits. Train your own in the part **Training**: then it reads here.",
        "Train a network of your own first: here it is the small one that reads, until yours has made a step.",
        "Until you draw, a test image stands there. Watch the probabilities change with each stroke.",
    )},
    **{text: why("a name, a definition or a question") for text in (
        "**Nearest training images**, pixel by pixel", "A digit off the middle", "After the digit was centred; what leaves the image is lost.",
        "Another test image: number 7.", "Probability of each of the ten digits for the image that is read",
        "Shift the digit two pixels: does the network still know it?", "Units of each hidden layer that this image switches on, and how strongly",
        "Units that fired, layer by layer", "What the network says", "{}, as the network gets it",
    )},
    "    if progress.step == {}:\n        break\n": why("a line of the script"),
}
