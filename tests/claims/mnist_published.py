"""Every sentence of the part that repeats published trainings."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from engine import load_digits, load_mnist
from engine.layers import Dropout
from engine.studies.published import EXPERIMENTS, PlainDropout, Trained, Variant, trained
from engine.studies.variants import Recipe
from pages.parts.mnist_training import published
from tests.claims.claim import Claim, why
from tests.reference import MNIST

DIGITS = load_digits()


@cache
def mnist():
    if not MNIST:
        pytest.skip("MNIST is not on this machine")
    return load_mnist(MNIST)


@cache
def ends(key: str, variant: str, seed: int) -> Trained:
    experiment = EXPERIMENTS[key]
    around = tuple(target.step for target in experiment.targets if target.variant == variant and target.step)
    return trained(experiment.variants[variant], mnist().first(experiment.images), seed, around)


def tests_read(key: str, seed: int) -> dict[str, float]:
    return {variant: float(ends(key, variant, seed).test[-1]) for variant in EXPERIMENTS[key].variants}


def check_books():
    """What the presets say to look for, over three seeds."""
    for seed in (0, 1, 2):
        losses = {key: {name: ends(key, name, seed).around[1000][0] for name in EXPERIMENTS[key].variants} for key in ("weights", "optimizers")}
        assert losses["weights"]["σ = 0.01"] == pytest.approx(np.log(10), abs=0.01)
        assert max(losses["optimizers"], key=losses["optimizers"].get) == "SGD"
        read = tests_read("chapter5", seed)
        assert read["Sigmoid"] < read["ReLU"]
        read = tests_read("overfit", seed)
        assert read["the book's dropout 0.2"] < read["dropout 0.2"]


def check_sigmoids():
    for seed in (0, 1, 2):
        sgd, adam = tests_read("sigmoid_sgd", seed), tests_read("sigmoid_adam", seed)
        assert sgd["1/√n"] in np.bincount(mnist().y_test) / 10_000   # all images are read as one digit: ones from seeds 0 and 1, sixes from seed 2
        assert 0.085 < sgd["1/√n"] < 0.115   # 9 to 11 %
        assert min(share for name, share in sgd.items() if name != "1/√n") > 0.8
        assert adam["1/√n"] > 0.8


def check_inputs():
    for seed in (0, 1, 2):
        losses = {name: ends("inputs", name, seed).loss[-1] for name in EXPERIMENTS["inputs"].variants}
        assert np.isnan(losses["raw"])
        assert max(losses["standardised"], losses["batch norm first"]) < losses["scaled"]


def check_dropout():
    x = np.ones((1000, 50), np.float32)
    for kind, training, use in ((Dropout, 1.0, 1.0), (PlainDropout, 0.8, 0.8)):
        layer = kind(0.2, rng=np.random.default_rng(0))
        assert layer.forward(x, training=True).mean() == pytest.approx(training, rel=0.01)
        assert layer.forward(x, training=False).mean() == pytest.approx(use, rel=1e-6)
    assert set(np.unique(layer.forward(x, training=True))) == {0.0, 1.0}


def check_seeds():
    """Another seed, another curve; the same seed, the same."""
    variant = Variant(Recipe((20,), batch_size=50), 100)
    one, same, other = (trained(variant, DIGITS, seed) for seed in (0, 0, 1))
    assert np.array_equal(one.loss, same.loss)
    assert not np.array_equal(one.loss, other.loss)


def made_up(experiment, shift: float) -> dict:
    """Each target's value, moved by a share of itself."""
    found = {}
    for name in experiment.variants:
        mine = {(target.measure, target.step): target.value * (1 + shift) for target in experiment.targets if target.variant == name}
        flat = np.zeros(10)
        around = {step: (value, 0.9 * value, 1.1 * value) for (measure, step), value in mine.items() if measure == "loss"}
        read = {measure: flat + mine.get((measure, 0), 0.5) for measure in ("train", "test")}
        found[name] = [Trained(np.arange(1, 51), np.ones(50), np.arange(1, 11), **read, around=around)] * 2
    return found


def check_read():
    for key, experiment in EXPERIMENTS.items():
        assert published.read(key, published.held(experiment, {}), {}, 1).kind == "unread"
        for shift, says in ((0.0, "reproduced"), (0.6, "differs")):
            found = made_up(experiment, shift)
            rows = published.held(experiment, found)
            said = published.read(key, rows, found, 2)
            assert len(rows) == len(experiment.targets)
            assert set(rows["Says"]) <= {says}
            assert said.kind == (says if experiment.targets else "measured")
            if experiment.targets:
                assert f"{len(rows) if says == 'reproduced' else 0} of {len(rows)} published" in said.text
                assert ("These **differ**" in said.text) == (says == "differs")
            else:
                assert all(f"**{name}** 50.0 %" in said.text for name in experiment.variants)
                assert "overflow" not in said.text
                found[name := next(iter(found))][1].loss[-1] = np.nan
                assert published.read(key, rows, found, 2).text.count(f"**{name}** 50.0 %, as its numbers overflow") == 1
                found[name][1].loss[-1] = 1.0
            losses, shares = published.courses(found)
            assert {"variant", "step", "mean", "low", "high"} == set(losses.columns) == set(shares.columns)
    assert isinstance(rows, pd.DataFrame)


def check_steps():
    """All variants of an experiment train on the same batches: one batch size."""
    for experiment in EXPERIMENTS.values():
        assert len({one.recipe.batch_size for one in experiment.variants.values()}) == 1


CLAIMS = {
    "These numbers were published for MNIST, which is not on this server: nothing was trained. The part Training offers to download it.":
        Claim("MNIST is not there", check_read),
    "{} Test images read in the end: {} ({}).": Claim("no number was published", check_read),
    ", as its numbers overflow": Claim("a loss is no finite number", check_read),
    "{} of {} published numbers are **reproduced** by {}. ": Claim("numbers were published", check_read),
    "the mean of {} seeds": Claim("several seeds", check_read),
    "Reproduced: published between “From” and “To”. For an accuracy that is the seeds' range and {} points on either side. "
    "The printed losses are those of one batch: for them it is the range of the {} batches around that step.":
        Claim("numbers were published", why_not="a definition, which the engine's test holds"),
    "Each trains its variants from the same seeds on the same batches.": Claim("always", check_steps),
    "The dotted lines are the book's losses at step 1,000. σ = 0.01 stays at guessing's loss.": Claim("its preset", check_books),
    "The dotted lines are the book's losses at step 1,000. SGD's is the highest.": Claim("its preset", check_books),
    "The book prints 97.8 % and 96.9 % for ReLU. Sigmoid reads fewer.": Claim("its preset", check_books),
    "With the book's dropout the network learns slower: it does not enlarge the units that are left, so the signal shrinks.":
        Claim("its preset", check_books),
    "The book's dropout does not enlarge the units that are left in training. Today's dropout does.": Claim("its preset", check_dropout),
    "Under SGD, 1/√n gives every image the same answer and reads 9 to 11 % of them; the other three learn.": Claim("its preset", check_sigmoids),
    "Under Adam, 1/√n learns as well.": Claim("its preset", check_sigmoids),
    "Raw pixels overflow at this rate. Standardised ones, and batch norm in front, reach the lowest losses.": Claim("its preset", check_inputs),
    "The notes call 1/√n stable and σ = 1 the start whose gradients vanish.": why("what the notes say"),
    "The notes' claim says nothing of Adam.": why("what the notes say"),
    "The notes say that scaled inputs train faster, and print no number.": why("what the notes say"),
    **{text: why("a question") for text in (
        "One seed alone: do the same published numbers come out?", "Sigmoids under SGD: is the start that the notes call stable the one that learns?",
    )},
    **{text: why("a name, or a definition") for text in (
        "Line: mean of the seeds. Dotted: published", ", at the diamond's step.", "{} by step for {}, and what was published",
        "overfitting and its cures", "Share of test images read", "Pixels raw, scaled and standardised.", "Loss J of the batches (log)",
        "The same sigmoids under Adam.",
    )},
}
