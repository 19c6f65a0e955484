"""Every sentence of the part on overfitting. tests/engine/studies/test_overfitting.py has what its cures do."""

import random
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from engine import load_digits
from engine.studies.overfitting import Learned, learned
from pages.parts.mnist_training import overfitting, thinned
from pages.shared.control import Values
from pages.shared.part import PAGES
from tests.claims.claim import Claim, why
from tests.claims.mnist_published import mnist
from tests.pages.helpers import open_part

DEFAULTS = {control.name: control.default for control in overfitting.PART.all_controls}
PRESETS = {preset.key: dict(preset.settings) for preset in overfitting.PART.presets}


@cache
def rows_of(key: str, cures: tuple[str, ...] = tuple(overfitting.CURES)) -> pd.DataFrame:
    v = Values(**DEFAULTS | PRESETS[key])
    data = mnist() if v.data == "mnist" else load_digits()
    base, found = overfitting.recipe_of(v, data.x_train.shape[1]), {}
    assert base.epochs == v.few_epochs
    for cure, (change, given) in overfitting.changes(v).items():
        if cure in cures:
            count = min(v.few * (overfitting.MORE if cure == "more" else 1), len(data.y_train))
            arrays = data.x_train[:count], data.y_train[:count], data.x_test[:overfitting.NEW], data.y_test[:overfitting.NEW]
            found[cure] = learned(*arrays, recipe=replace(base, **change), seeds=(0, 1, 2), pixel_max=data.pixel_max, **given)
    return overfitting.table(found).set_index("cure")


def check_few():
    rows = rows_of("few_start")
    assert rows["points"].idxmax() == "3 times the images"
    assert rows.loc["3 times the images", "least"] > 3
    assert rows.loc["Shifts of 1 pixel", "most"] < -5
    assert rows.loc["Shifts of 2 pixels", "most"] < rows.loc["Shifts of 1 pixel", "least"]
    images = load_digits().x_train.reshape(-1, 8, 8)
    assert np.mean(images[:, 0].any(axis=1) & images[:, 7].any(axis=1)) > 0.95   # the first and the last row
    assert rows["points"].max() - rows["points"].min() > 20   # very different amounts, and some do harm


def check_twenty():
    rows = rows_of("few_twenty", ("none",))
    assert rows.loc["No cure", "train"] == 1
    assert rows.loc["No cure", "test"] < 0.5


def check_thousand():
    assert rows_of("few_thousand", ("none",)).loc["No cure", "test"] > 0.95


def check_mnist_shift():
    assert rows_of("few_mnist", ("none", "shift1")).loc["Shifts of 1 pixel", "least"] > 1


def check_read():
    """Made-up results: what is said against a plain reading of them."""
    rng, kinds = random.Random(5), set()
    names = ("none", "l2", "dropout", "more")
    for _ in range(300):
        seeds = rng.choice((1, 3))
        gap = rng.choice((0.02, 0.3))
        plain = [rng.uniform(0.5, 0.6) for _ in range(seeds)]
        shifts = {name: 0 if name == "none" else rng.choice((-0.1, 0.0, 0.1)) for name in names}
        ends = {name: plain if name == "none" else [a + shifts[name] + rng.uniform(-0.05, 0.05) for a in plain] for name in names}
        found = {name: [Learned(np.array([1]), np.array([a + gap]), np.array([a])) for a in ends[name]] for name in names}
        said = overfitting.read(overfitting.table(found), seeds)
        gains = {name: 100 * (np.array(ends[name]) - plain) for name in names[1:]}
        order = sorted(gains, key=lambda name: -gains[name].mean())
        better = [name for name in order if gains[name].min() > 0]
        for place, name in zip(("of new images: ", ", then ", "; least: "), order, strict=True):
            points = f"{round(gains[name].mean(), 1) + 0.0:+.1f}".replace("-", "−")
            assert f"{place}**{overfitting.CURES[name]}** {points}" in said.text
        assert ("\u00a0±\u00a0" in said.text) == (seeds > 1)
        assert ("One seed alone" in said.text) == (seeds == 1)
        assert ("Better with every seed: " in said.text) == (seeds > 1 and bool(better))
        assert ("No cure is better" in said.text) == (seeds > 1 and not better)
        assert f"reads {100 * np.mean(plain) + 100 * gap:.1f} % of its training" in said.text
        assert ("hardly a gap" in said.text) == (gap < 0.05)
        assert said.kind == ("little" if gap < 0.05 else "cured" if better else "hardly")
        kinds.add(said.kind)
    assert kinds == {"little", "cured", "hardly"}


def check_overflow():
    """A real one, five layers under SGD at the largest rate, beside made-up ones: named, with some seeds or with each, and nothing else is."""
    v = Values(**DEFAULTS | {"depth": 5, "few": 20, "few_epochs": 10, "optimizer": "sgd", "rate": 100.0})
    data = load_digits()
    arrays = data.x_train[:20], data.y_train[:20], data.x_test[:50], data.y_test[:50]
    (wild,) = learned(*arrays, recipe=overfitting.recipe_of(v, 64), seeds=(0,), pixel_max=16)
    tame = Learned(np.array([1]), np.array([0.9]), np.array([0.88]))
    none_of_its_own = Learned(np.array([1]), np.array([0.0]), np.array([0.1]))   # always the digit that is not among its images
    for plain, l2, more, said, kind in (
            (tame, tame, tame, "", "little"), (wild, tame, tame, "**No cure**", "overflow"), (tame, wild, tame, "**L2 penalty**", "little"),
            (wild, wild, none_of_its_own, "**No cure**, **L2 penalty**", "overflow")):
        found = {"none": [plain], "l2": [l2], "more": [more]}
        text = f"Numbers overflow in the training of {said}: they become too large for the computer, and from then on no image counts as read. "
        assert overfitting.overflowed(found) == (text if said else "")
        verdict = overfitting.read(overfitting.table(found), 1, overfitting.overflowed(found))
        assert verdict.kind == kind
        assert ("overflow" in verdict.text) == bool(said)
        assert ("hardly a gap" in verdict.text) == (kind == "little")
    assert "**No cure** (some seeds):" in overfitting.overflowed({"none": [wild, tame]})
    alone = overfitting.read(overfitting.table({"none": [wild], "l2": [tame], "more": [tame]}), 1, overfitting.overflowed({"none": [wild]}))
    assert "reads 0.0 % of its training images and 0.0 % of new ones. Numbers overflow in" in alone.text


def check_more():
    """Of 1,437 training images, three times 500 cannot be had."""
    assert len(load_digits().y_train) == 1437
    for few, missing in ((300, False), (500, True)):
        app = open_part(PAGES["mnist_training"], overfitting.PART, few=few, few_epochs=10, few_seeds=1, width=5)
        assert any("“3 times the images” means all 1,437 of them here" in one.value for one in app.caption) == missing


def check_cut():
    v = Values(**DEFAULTS | {"depth": 20, "width": 512, "few": 1000, "few_seeds": 5})
    assert overfitting.recipe_of(v, 784).epochs == 1
    assert overfitting.recipe_of(Values(**DEFAULTS), 784).epochs == DEFAULTS["few_epochs"]


def check_thinned():
    kept = [np.array([True, False, True]), np.array([False, True])]
    units, lines = thinned.tables(kept)
    assert units["kept"].sum() == 3
    assert lines["line"].nunique() == 2   # two kept units, joined with one
    wide, _ = thinned.tables([np.ones(100, bool)] * 20)
    assert len(wide) == thinned.UNITS * thinned.LAYERS


CLAIMS = {
    "There are not {} times as many training images: “{}” means all {} of them here.": Claim("three times as many cannot be had", check_more),
    "Without a cure the network reads {} % of its training images and {} % of new ones. {}": Claim("always", check_read),
    "Numbers overflow in the training of {}: they become too large for the computer, and from then on no image counts as read. ":
        Claim("a training reads nothing, neither of its images nor of new ones", check_overflow),
    "Worth most, in points of new images: {}, then {}; least: {}. ": Claim("always", check_read),
    "Better with every seed: {}. ": Claim("a cure is", check_read),
    "No cure is better with every seed. ": Claim("none is", check_read),
    "One seed alone does not tell what is luck. ": Claim("one seed", check_read),
    "There is hardly a gap to close.": Claim("less than 5 points", check_read),
    "Three times the images is worth most. Shifts do harm: these digits fill their 8 rows, and lose a stroke.": Claim("its preset", check_few),
    "The network knows all twenty by heart, and reads fewer than half of the new ones.": Claim("its preset", check_twenty),
    "The gap closes: more than 95 % of new images are read without any cure.": Claim("its preset", check_thousand),
    "On MNIST a shift by one pixel is worth points: its digits have room to move.": Claim("its preset", check_mnist_shift),
    "Such networks are trained for {} epoch{} here: {} would keep you waiting.": Claim("the epochs are cut", check_cut),
    "In the first step dropout keeps for this image, layer by layer: {} units.": Claim("there is a hidden layer", check_thinned),
    "Filled: kept. Hollow: silent for this image. The first {} units of each layer.": Claim("there is a hidden layer", check_thinned),
    "The fewer they are, the sooner the network knows them by heart.": Claim("always", check_twenty),
    **{text: why("a question, or an instruction") for text in (
        "300 images of MNIST: are shifts still harmful?", "Few images: which cure helps?", "Twenty images: what is left of each cure?",
        "Dropout at 0.7, for a hundred epochs.", "An L2 penalty with λ = 0.1: too strong?", "Watch one of them while it learns: press Start.",
    )},
    **{text: why("a name, a definition, or what a picture shows") for text in (
        "Accuracy on training and new images without a cure and with: {}", "Beside the network without a cure.",
        "Cure drawn on the left", "Dot: mean of the seeds. Bar: their spread. Blue: it reads more. Orange: it reads fewer.",
        "Dropout silences other units for each image: the picture below shows them.",
        "Each training is repeated so often, with other first weights and another order of the images.", "Few images of MNIST", "Image of the batch",
        "Passes over these few images.", "Strength of the cures", "The loss gets λ/2 Σw².",
        "Dashed: no cure. Full: {}.", "The gap between the two colours is overfitting. Band: the range of the seeds.",
        "Training images and new ones", "What each cure is worth",
        "The network as dropout thins it for image {} of the first batch",
        "What each cure is worth in points of new images read, with its spread over the seeds",
        "The network learns {} images, and is tested on {} new ones. Early stopping keeps back {} % of its training images to decide when to stop.",
    )},
}
