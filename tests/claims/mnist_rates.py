# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of the part on learning rates."""

import math
import random
import re
from dataclasses import replace

import numpy as np

from engine import load_digits
from engine.studies.range_test import STEPS, RangeTest, Setup, at_rates, range_test
from engine.words import AHEAD
from pages.parts.mnist_training import rates
from pages.shared.control import Values
from tests.claims.claim import Claim, why

DIGITS = load_digits()
DEFAULTS = {control.name: control.default for control in rates.PART.all_controls}
DEEP = {"depth": 10, "optimizer": "sgd"}


def setup(seed: int = 0, **changed) -> Setup:
    return rates.setup_of(Values(**DEFAULTS | changed | {"seed": seed}))


def found(seed: int = 0, **changed) -> RangeTest:
    return range_test(setup(seed, **changed), DIGITS)


def check_adam():
    for seed in (0, 1, 2):
        assert 0.0033 < found(seed).fastest < 0.0075
        assert all(one.accuracy < 0.25 for one in at_rates(setup(seed), DIGITS, [rate for rate in rates.TRIED if rate >= 0.3]))


def check_sgd():
    for seed in (0, 1, 2):
        assert found(seed, optimizer="sgd").fastest > 10 * found(seed).fastest


def check_deep():
    lower = 0
    for seed in (0, 1, 2):   # where it climbs depends on rounding too: by a factor of three for ten layers
        deep = found(seed, **DEEP).blows_up
        lower += deep < 0.95 * found(seed, optimizer="sgd").blows_up
        assert lower or seed   # the preset's own
        assert found(seed, batch_norm="before", **DEEP).blows_up > 5 * deep
    assert lower >= 2


def check_ends():
    for optimizer in ("sgd", "adam"):
        low, usual, high = (one.accuracy for one in at_rates(setup(optimizer=optimizer), DIGITS, (1e-5, found(optimizer=optimizer).fastest, 10.0)))
        assert low < 0.25
        assert high < 0.15
        assert usual > 0.9


def check_read():
    """Made-up tests and trials: what is said against a plain reading of the same numbers."""
    rng, kinds = random.Random(2), set()
    for _ in range(500):
        low, end = rng.choice((2.28, 2.27, 2.25, 1.0)), rng.choice((2.29, 5.0))
        fall = np.concatenate([np.full(60, 2.3), np.linspace(2.3, low, 40), np.linspace(low, end, STEPS - 100)])
        made = RangeTest(np.geomspace(1e-5, 100, STEPS), fall, fall)
        shares = [rng.choice((0.1, 0.5, 0.9, 0.93, 0.96, 0.97)) for _ in rates.TRIED]
        table = rates.tried_table([[rates.Reached(rate, 300, 1.0, share) for rate, share in zip(rates.TRIED, shares, strict=True)]])
        said, best = rates.read(made, table, 10, 360), max(shares)
        kinds.add(said.kind)
        assert (said.kind == "stuck") == (min(fall) >= 0.98 * math.log(10))
        assert ("climbed above its start" in said.text) == (fall[-1] > 2.3 and said.kind != "stuck")
        if said.kind == "stuck":
            assert not said.fix
            assert f"its lowest is {min(fall):.2f}." in said.text
            rate, percent = re.search(r"than ([\d.e-]+): (\d+) %", said.text).groups()
            assert shares[rates.TRIED.index(float(rate))] == best
            assert percent == f"{100 * best:.0f}"
            continue
        near = min(rates.TRIED, key=lambda rate: max(rate / made.fastest, made.fastest / rate))
        share = shares[rates.TRIED.index(near)]
        assert f"{near:g} reads {100 * share:.1f} % of 360" in said.text
        assert ("no other rate tried reads more" in said.text) == (share == best)
        assert (said.kind == "misled") == (best - share > AHEAD)
        assert shares[rates.TRIED.index(said.fix["rate"])] >= best - AHEAD
        assert ("the best rate tried" in said.text) == (f"reads {100 * best:.1f} %." in said.text)
    assert kinds == {"stuck", "found", "misled"}


def check_repeated():
    """What is said of the default network, repeated with the engine alone."""
    test, one = found(), at_rates(setup(), DIGITS, rates.TRIED)
    said = rates.read(test, rates.tried_table([one]), 10, 360)
    rate, share = re.search(r"at the one rate ([\d.]+) reads ([\d.]+) %", said.text).groups()
    again = at_rates(replace(setup(), seed=0), DIGITS, (float(rate),))[0]
    assert f"{100 * again.accuracy:.1f}" == share
    marked = rates.marks(test, 10)
    assert dict(zip(marked["kind"], marked["rate"], strict=True)) == {"fastest": test.fastest, "above": test.blows_up}
    assert not len(rates.marks(RangeTest(test.rates, np.full(STEPS, 2.3), np.full(STEPS, 2.3)), 10))
    assert setup(depth=20, width=512, batch=1000).batch(DIGITS) < 1000


CLAIMS = {
    "While its rate grows, this training never comes clearly below the loss of guessing, ln {} = {}: its lowest is {}. ": Claim("at least 98 % of it", check_read),
    "At one rate for all {} steps, none tried reads more of the new images than {}: {} %.": Claim("no rate brings the loss below guessing", check_read),
    "The loss falls fastest at **η = {}**. ": Claim("it gets below guessing", check_repeated),
    "At {} it has climbed above its start. ": Claim("the smoothed loss gets above its start, or overflows", check_read),
    "A training of {} steps at the one rate {} reads {} % of {} new images": Claim("the loss gets below guessing", check_repeated),
    "; the best rate tried, {}, reads {} %.": Claim("another rate reads more", check_read),
    "{}; no other rate tried reads more.": Claim("none does", check_read),
    "Batches of {} images are used here.": Claim("the batch is cut", check_repeated),
    "The loss falls fastest near 0.005. At rates of 0.3 and more, every training ends near guessing.": Claim("its preset", check_adam),
    "The same network and images: SGD wants a rate over ten times as large as Adam.": Claim("its preset", check_sgd),
    "The loss climbs above its start at a lower rate than with two layers.": Claim("its preset", check_deep),
    "Ten layers with batch norm: the loss stays below its start up to rates five times as large.": Claim("always", check_deep),
    **{text: why("a question") for text in (
        "Five layers of sigmoids at 1/√n, SGD: is any rate good enough?", "SGD instead of Adam: by what factor does the best rate move?",
        "Raw pixels, without scaling: does the test still point to the best rate?",
    )},
    **{text: why("a name, or a definition") for text in (
        "Each starts from the same weights and makes {} steps. Grey: what guessing reads. Blue, red-brown: the rates marked in the other picture.", "Dots: the loss of each batch. Line: their smoothed course. Dotted: the loss of guessing.",
        "New images read correctly",
        "Loss of each step against its learning rate, which grows from step to step", "One training whose rate grows step by step",
        "Range test: ten layers, SGD", "Share of new images read correctly, against the learning rate of a whole training",
        "Why a rate can be too large: the paths in a valley.", "{} trainings at one rate each",
    )},
}
