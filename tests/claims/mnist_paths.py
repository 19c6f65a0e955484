# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of the part on optimizer paths."""

import random

import numpy as np
import pytest

from engine.studies.valley import RATES, descend, height, limit
from pages.parts.mnist_training import valley
from pages.shared.control import Values
from tests.claims.claim import Claim, why

DEFAULTS = {control.name: control.default for control in valley.PART.all_controls}
PRESETS = {preset.key: preset.settings for preset in valley.PART.presets}


def paths(key: str = "", **changed) -> dict:
    return {path.optimizer: path for path in valley.paths_of(Values(**DEFAULTS | dict(PRESETS.get(key, {})) | changed))}


def check_verdict():
    """At random settings, against a walk that is written out here for those with a plain rule."""
    rng, kinds = random.Random(0), set()
    for _ in range(300):
        changed = {f"eta_{key}": rng.choice(valley.RUNGS) for key in RATES}
        changed |= {"walkers": rng.sample(list(RATES), rng.randint(1, 6)), "momentum": rng.choice((0.0, 0.5, 0.9, 0.99))}
        changed |= {"walk_steps": rng.randint(1, 100)}
        found = paths(**changed)
        said = valley.read(list(found.values()), changed["momentum"])
        kinds.add(said.kind)
        ends = {key: path.points[-1, 0] ** 2 / 20 + path.points[-1, 1] ** 2 for key, path in found.items()}
        assert f"**{valley.title(min(ends, key=ends.get))}** stands lowest" in said.text
        for key, end in ends.items():
            name, start = f"**{valley.title(key)}** ends higher", 49 / 20 + 4
            assert (name in said.text) == (end > start)
            most = limit(key, changed["momentum"])
            if most and changed[f"eta_{key}"] > most and end > start:
                assert f"its η = {changed[f'eta_{key}']:g} is above" in said.text
            if f"eta_{key}" in said.fix:
                cured = descend(key, said.fix[f"eta_{key}"], steps=changed["walk_steps"], momentum=changed["momentum"])
                assert height(cured.points[-1]) < start < end
        if "crosses" in said.text:
            widest = max(found.values(), key=lambda path: path.detour)
            signs = np.sign(widest.points[:, 1])
            signs = signs[signs != 0]
            assert f"{(signs[1:] != signs[:-1]).sum()} times" in said.text
    assert kinds == {"settling", "climbing"}


def check_book():
    found = paths()
    assert found["sgd"].crossings[1] == 30
    assert found["momentum"].crossings[1] > 1
    for key in ("adagrad", "adam"):
        first = np.abs(np.diff(found[key].points[:2], axis=0))[0]
        assert first[0] == pytest.approx(first[1], rel=1e-6)


def check_steps():
    """What the caption says of a step: SGD's against AdaGrad's, and what momentum adds up or cancels."""
    found = paths()
    assert np.abs(found["sgd"].moves[0]) == pytest.approx([0.7, 4.0])
    for key in ("adagrad", "adam"):
        assert np.abs(found[key].moves[0]) == pytest.approx([1, 1], abs=1e-6)
    steady, alternating = 0.0, 0.0
    for step in range(200):
        steady, alternating = 0.9 * steady + 1, 0.9 * alternating + (-1) ** step
    assert steady == pytest.approx(10)
    assert abs(alternating) < 0.6
    assert np.abs(found["momentum"].moves[:, 0]).max() > 3 * 0.7


def check_same_rate():
    found = paths("paths_momentum")
    assert found["sgd"].points[30, 0] < -5   # of −7
    along = found["momentum"].points[:, 0]
    assert along.max() > 0.5
    assert along[-1] < along.max() - 0.5
    assert along[-1] < along[-2]


def check_ways_out():
    """The rate at which SGD is still calm leaves it far up the valley; momentum and Adam get down at a rate at which SGD hardly moves."""
    assert abs(descend("sgd", 0.98 * limit("sgd"), steps=10).points[-1, 0]) > 2
    assert abs(descend("sgd", 0.1).points[-1, 0]) > 5
    assert abs(descend("sgd", 0.3).points[-1, 0]) > 2.5
    assert abs(descend("momentum", 0.1).points[-1, 0]) < 1
    assert abs(descend("adam", 0.3).points[-1, 0]) < 1


def check_unstable():
    across = np.abs(paths("paths_unstable")["sgd"].points[:, 1])
    assert (np.diff(across) > 0).all()
    assert across[-1] > valley.ACROSS[1]
    assert limit("sgd") == 1


def check_out():
    """An arrow stands where a path leaves an axis, and only there."""
    frame = valley.table(list(paths("paths_unstable").values()))
    out = valley.encodings.gone(frame, "x", "y", valley.ACROSS, False, "optimizer")
    assert set(out["text"]) == {"▲ 35", "▼ −32"}
    book = valley.table(list(paths().values()))
    assert not len(valley.encodings.gone(book, "x", "y", valley.ACROSS, False, "optimizer"))


CLAIMS = {
    "After {} step{} **{}** stands lowest, at f = {}. ": Claim("always", check_verdict),
    "**{}** crosses the floor of the valley {} times and walks {} times the straight way. ":
        Claim("the longest detour crosses it twice or more", check_verdict),
    "**{}** ends higher than it began": Claim("it does", check_verdict),
    ": its η = {} is above {}, where each step across begins to overshoot by more than it corrects. ":
        Claim("there is a limit, and η is above it", check_verdict),
    "SGD bounces from wall to wall, momentum swings around the floor, AdaGrad and Adam set off at 45°.": Claim("its preset", check_book),
    "SGD steps by the gradient: large across, small along. Momentum adds up what points the same way and cancels what alternates. "
    "AdaGrad and Adam divide by the size of past gradients, so that both coordinates begin with steps of the same length.":
        Claim("always", check_steps),
    "Both take η = 0.1. SGD hardly gets along the valley; momentum runs past the lowest point and comes back.": Claim("its preset", check_same_rate),
    "At η = 1.05 each step across the valley is longer than the last: SGD climbs out of the picture.": Claim("its preset", check_unstable),
    "η = 1.05 for SGD: the walls throw it higher at each step.": Claim("always", check_unstable),
    "The axes stay where they are. Arrows tell what lies outside.": Claim("always", check_out),
    "No optimizer is chosen: the book's four are shown.": Claim("none is", check_book),
    **{text: why("a question") for text in (
        "All six, 100 steps: which one comes to rest, which one still swings?", "Momentum of 0.99: how long does it swing?",
        "SGD and momentum at the same η: which gets further along the floor?",
    )},
    **{text: why("a name, or a definition") for text in (
        "How far each step went, divided by its learning rate.", "Four optimizers in a valley", "How many steps each optimizer takes.", "Height of {} step by step, on a log axis",
        "How low, step by step", "Learning rate of {} in this valley.", "Momentum against SGD, same η", "SGD above its limit",
        "Neither Momentum nor Nesterov is shown.", "{} is not among the optimizers shown.", "{}: each step of {} over its learning rate",
        "Paths of {} over the lines of equal height of x²/20 + y²", "For Momentum and Nesterov: the share of the last step that is walked again.",
        "The same question on real digits, with SGD: press Start.", "Thin: lines of equal height. Cross: the lowest point.",
    )},
}
