"""The listing: each line says what the engine does, meant or faulty; each clue is what a plain comparison of gradients shows."""

import re

import numpy as np
import pytest

from engine.activations import as_activation
from engine.gradient_check.listing import LINES, clues, hints, line_of
from engine.gradient_check.zoo import BUGS, NUMBERED, numbered, plant
from engine.layers import Activate, BatchNorm, Dense, Dropout
from engine.losses import softmax_cross_entropy

EVERY = range(1, len(NUMBERED) + 1)


def test_every_bug_of_the_zoo_stands_in_one_line_and_the_line_differs_from_what_was_meant():
    assert sorted(key for line in LINES for key in line.faults) == sorted(BUGS)
    assert all(text != line.code for line in LINES for text in line.faults.values())
    assert all(bool(line.faults) != bool(line.alone) for line in LINES)


def gradients_of(layer, x, dy):
    """What a layer passes down and leaves, by the names that the listing gives them."""
    layer.forward(x, training=True)
    found = {"dx": layer.backward(dy)}
    return found | {"d" + p.name.split(".")[-1]: p.gradient for p in layer.parameters()}


@pytest.mark.parametrize(("line", "key"), [(i, key) for i, line in enumerate(LINES) for key in (None, *line.faults)
                                           if line.where not in ("loss", "network") and key != "redrawn_mask"])
def test_a_line_of_a_layer_computes_what_the_engines_layer_computes(line, key):
    rng = np.random.default_rng(0)
    where, code = LINES[line].where, LINES[line].faults[key] if key else LINES[line].code
    x, dy = rng.standard_normal((6, 4)), rng.standard_normal((6, 3 if where == "dense" else 4))
    tanh = as_activation("tanh")
    layer = {
        "dense": lambda: Dense(4, 3, initializer="he_normal", rng=rng, dtype=np.float64), "tanh": lambda: Activate(tanh),
        "batch norm": lambda: BatchNorm(4, dtype=np.float64), "dropout": lambda: Dropout(0.5, rng=rng)}[where]()
    if key:
        layer.__class__ = BUGS[key].kind
    found = gradients_of(layer, x, dy)
    said = {"x": x, "dy": dy, "z": x, "m": len(x), "slope": tanh.df, "tanh": np.tanh, "mean": lambda a: a.mean(axis=0)}
    if where == "dense":
        said |= {"W": layer.weight.value}
        found["dW"] = layer.weight.gradient
        found["db"] = layer.bias.gradient
    if where == "batch norm":
        said |= {"gamma": layer.gamma.value, "xhat": layer.normalized, "std": 1 / layer.inverse_std}
    if where == "dropout":
        said |= {"mask": layer.mask}
    exec(code, said)
    name = code.split(" ")[0]
    np.testing.assert_allclose(said[name], found[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("key", [None, *LINES[0].faults])
def test_the_line_of_the_loss_computes_what_the_engine_does(key):
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((6, 4)), rng.integers(0, 4, 6)
    _, expected = softmax_cross_entropy(logits, labels)
    expected = expected * {None: 1, "forgotten_mean": 6, "divided_by_size": 1 / 4, "wrong_sign": -1}[key]   # tests of the zoo hold these factors
    e = np.exp(logits)
    said = {"p": e / e.sum(axis=1, keepdims=True), "onehot": np.eye(4)[labels], "m": 6}
    exec(LINES[0].faults[key] if key else LINES[0].code, said)
    np.testing.assert_allclose(said["dlogits"], expected, rtol=1e-12, atol=1e-15)


def spoiled(network, e):
    """Names of the parameters whose gradient differs from the right one, by a plain loop."""
    a = network.astype(np.float64).loss_and_gradient(e.x, e.labels, e.penalty)[1]
    b = e.correct.astype(np.float64).loss_and_gradient(e.x, e.labels, e.penalty)[1]
    found, start = set(), 0
    for p in e.correct.parameters:
        part = slice(start, start := start + p.value.size)
        if not np.allclose(a[part], b[part], rtol=1e-7, atol=1e-12):
            found.add(p.name)
    return found


@pytest.mark.parametrize("number", EVERY)
def test_the_clues_are_what_gradients_show_and_never_clear_the_guilty_line(number):
    e, found = numbered(number), clues(number)
    assert found.report.grade == "wrong"
    graded = {row.name for row in found.report.by_parameter.values() if row.grade in ("wrong", "suspicious", "fair")}
    assert found.wrong == spoiled(e.network, e) == graded
    for i, line in enumerate(LINES):
        for key, names in zip(line.faults, found.spoils[i], strict=False):
            assert names == spoiled(plant(e.correct, key), e), key
    guilty = line_of(NUMBERED[number - 1])
    assert guilty in found.suspects
    assert found.rules_out(guilty) == (set(), set())


@pytest.mark.parametrize("number", EVERY)
def test_the_hints_say_more_from_one_to_the_next_and_never_name_the_bug(number):
    e, found = numbered(number), clues(number)
    first, second, third = hints(found)
    assert set(first.partition(" Right")[0].removeprefix("Wrong: ").rstrip(".").split(", ")) == found.wrong
    assert all(name in second for name in found.wrong)
    lines = re.search(r"Only faults in lines? ([\d, ]+) spoil just these parameters", third)[1]
    assert {int(i) - 1 for i in lines.split(", ")} == set(found.suspects)
    assert all(e.bug.title not in text and "`" not in text for text in (first, second, third))


def test_all_bugs_share_one_network_so_that_what_it_is_made_of_tells_nothing():
    exercises = [numbered(number) for number in EVERY]
    assert len({tuple(row.name for row in e.correct.summary()) for e in exercises}) == 1
    assert len({e.correct.theta.tobytes() for e in exercises}) == 1
    assert len({e.penalty for e in exercises}) == 1
