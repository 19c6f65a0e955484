"""Every sentence of the part that compares."""

import random

import numpy as np
import pandas as pd

from engine import load_digits
from engine.studies.variants import course
from pages.parts.mnist_training import compare
from pages.shared.control import Values
from tests.claims.claim import Claim, why

DIGITS = load_digits()
DEFAULTS = {control.name: control.default for control in compare.PART.all_controls}
PRESETS = {preset.key: dict(preset.settings) for preset in compare.PART.presets}


def recipes(**changed) -> dict:
    return compare.recipes(Values(**DEFAULTS | changed), len(DIGITS.y_train), 64)


def ends(key: str, seed: int) -> dict[str, float]:
    return {name: float(course(recipe, DIGITS, seed).test_accuracy[-1]) for name, recipe in recipes(**PRESETS[key]).items()}


def check_weights():
    for seed in (0, 1, 2):
        found = ends("compare_weights", seed)
        assert found["Normal, σ = 0.01"] < 0.15
        assert found["Normal, σ = 1"] == 0
        assert min(found["1/√n"], found["He"]) > 0.8


def check_sigmoid():
    for seed in (0, 1, 2):
        found = ends("compare_sigmoid", seed)
        assert found["without"] < 0.15
        assert min(found["before φ"], found["after φ"]) > 0.85


def check_optimizers():
    found = pd.DataFrame([ends("compare_optimizers", seed) for seed in (0, 1, 2)])
    best, second = found.mean().sort_values(ascending=False).index[:2]
    assert found[best].min() <= found[second].max()


def check_luck():
    """The seeds' range of one variant is wider than the distance between two neighbours, on the optimizers."""
    found = pd.DataFrame([ends("compare_optimizers", seed) for seed in (0, 1, 2)])
    assert (found.max() - found.min()).max() > found.mean().sort_values().diff().min()


def check_read():
    """Made-up courses: what is said against a plain reading of them."""
    rng, kinds = random.Random(4), set()
    for _ in range(300):
        seeds, names = rng.choice((1, 3)), ["a", "b", "c"]
        drawn = [[rng.choice((0.1, 0.5, 0.9)) + rng.random() / 50 for _ in range(seeds)] for _ in names]
        groups = [[compare.Course(*np.array([[1.0], [0.5], [1.0], [share]])) for share in group] for group in drawn]
        shares = {name: [one.test_accuracy[-1] for one in group] for name, group in zip(names, groups, strict=True)}
        said = compare.read(compare.table(groups, names), seeds)
        order = sorted(names, key=lambda name: -np.mean(shares[name]))
        kinds.add(said.kind)
        assert f"most with **{order[0]}** {100 * np.mean(shares[order[0]]):.1f} %" in said.text
        assert f"then **{order[1]}**" in said.text
        assert f"fewest with **{order[2]}**" in said.text
        assert ("One seed alone" in said.text) == (seeds == 1)
        apart = seeds > 1 and min(shares[order[0]]) > max(shares[order[1]])
        assert ("with every seed" in said.text) == apart
        assert ("overlap" in said.text) == (seeds > 1 and not apart)
        assert ("over 3 seeds" in said.text) == (seeds == 3)
    assert kinds == {"apart", "close"}


def check_overflow():
    """A real one, σ = 1 in five layers at a large rate, beside made-up ones: named, with some seeds or with each, and nothing else is."""
    wild = course(recipes(**PRESETS["compare_weights"])["Normal, σ = 1"], DIGITS, 0)
    tame = compare.Course(*np.array([[1.0], [0.5], [1.0], [0.5]]))
    wild = compare.Course(*(values[-1:] for values in vars(wild).values()))
    for groups, said in (
            ([[tame, tame]] * 2, ""), ([[tame, tame], [wild, wild]], "with **b**: "), ([[tame, tame]], ""),
            ([[wild, tame], [wild, wild]], "with **a** (some seeds), **b**: "), ([[wild, tame]], "with **a** (some seeds): ")):
        text = compare.read(compare.table(groups, list("ab")[:len(groups)]), 2).text
        assert (f"Numbers overflow {said}they become too large" in text) if said else ("overflow" not in text)
    alone = compare.read(compare.table([[wild]], ["a"]), 1).text
    assert "0.0 %. Numbers overflow with **a**: " in alone


def check_luck_alone():
    """Made-up shares of one network over seeds, and a real one: other seeds, the same settings."""
    rng = random.Random(5)
    for seeds in (1, 3, 10):
        shares = [0.9 + rng.random() / 20 for _ in range(seeds)]
        said = compare.read(compare.table([[compare.Course(*np.array([[1.0], [0.5], [1.0], [share]])) for share in shares]], ["a"]), seeds)
        low, high = min(shares), max(shares)
        assert said.kind == "luck"
        assert f"1 epoch: {100 * np.mean(shares):.1f} %" in said.text
        assert (f"{100 * low:.1f} % to {100 * high:.1f} % over {seeds} seeds" in said.text) == (seeds > 1)
        assert (f"makes {100 * (high - low):.1f} points" in said.text) == (seeds > 1)
        assert ("One seed alone" in said.text) == (seeds == 1)
    (recipe,) = recipes(vary="seed", vary_epochs=1).values()
    assert len({float(course(recipe, DIGITS, seed).test_accuracy[-1]) for seed in range(3)}) > 1


def check_again():
    """What is said of the part that repeats a kept run; the page's own test compares the settings."""
    assert (compare.IMAGES, max(compare.VARY_EPOCHS.options)) == (5000, 20)
    assert compare.CHOICES["seed"] == {"these settings": {}}


def check_cut():
    """Epochs are cut where all of it would take too long; the variants differ in one thing."""
    assert {recipe.epochs for recipe in recipes(depth=20, width=512).values()} == {1}
    assert {recipe.epochs for recipe in recipes().values()} == {10}
    slow = recipes(batch=1, vary_seeds=10, vary_epochs=20)
    (epochs,) = {recipe.epochs for recipe in slow.values()}
    assert epochs * len(DIGITS.y_train) * 10 * len(slow) < 200_000   # steps
    for vary in compare.CHOICES:
        made = [vars(recipe) for recipe in recipes(vary=vary).values()]
        differ = {name for name in made[0] if len({one[name] for one in made}) > 1}
        assert (vary in differ) == (vary != "seed")
        assert differ <= {vary, *(("gain",) if vary == "initializer" else ("learning_rate",) if vary == "optimizer" else ())}


CLAIMS = {
    "Test images read correctly after {} epoch{}: most with {}; then {}; fewest with {}. {}": Claim("always", check_read),
    "One seed alone does not tell whether the order is luck.": Claim("one seed", check_read),
    "The first is ahead of the second with every seed.": Claim("their ranges lie apart", check_read),
    "The ranges of the first two overlap: with other seeds their order may turn.": Claim("they overlap", check_read),
    "Numbers overflow with {}: they become too large for the computer, and from then on no test image counts as read. ":
        Claim("a loss is no finite number", check_overflow),
    "Test images read correctly after {} epoch{}: {}": Claim("the seed alone is changed", check_luck_alone),
    "{}. {}One seed alone does not tell what luck makes of it.": Claim("the seed alone is changed, and there is one", check_luck_alone),
    "{} on average, {} to {} over {} seeds. {}The seed alone makes {} points: a smaller difference between two single runs may be luck.":
        Claim("the seed alone is changed", check_luck_alone),
    "The part Compare trains these settings from seeds 0, 1, 2 …, on at most 5,000 images and for at most 20 epochs.":
        Claim("a run is finished", check_again),
    "Five layers of ReLU under SGD: σ = 0.01 stays near guessing, 1/√n and He learn, and σ = 1 overflows.": Claim("its preset", check_weights),
    "Five layers of sigmoids under SGD: without batch norm they stay near guessing.": Claim("its preset", check_sigmoid),
    "Each at its usual rate: the ranges of the two that read most overlap.": Claim("its preset", check_optimizers),
    "Such networks are trained for {} epoch{} here: {} would keep you waiting.": Claim("the epochs are cut", check_cut),
    "All variants start together: the same seeds, the same batches.": Claim("always", check_cut),
    **{text: why("a question") for text in (
        "Is it luck? A run, with other seeds", "The same settings with ten seeds: how much is luck?",
        "300 training images: is dropout worth anything, over five seeds?",
        "Optimizers, each at its usual rate: which one is ahead after one epoch, and after ten?",
    )},
    **{text: why("a name, or a definition") for text in (
        "Compare: batch norm for sigmoids", "Each variant is trained once for each seed. The band is their range.",
        "Five layers of sigmoids with batch norm and without.",
        "Line: mean of the seeds. Band: their range.",
        "Loss on the training images", "Raw pixels against scaled ones, under SGD.", "Share of test images read correctly",
        "Test images read correctly",
        "Trained on the first {} images, and read on the first {} test images.", "pixels as they are",
    )},
}
