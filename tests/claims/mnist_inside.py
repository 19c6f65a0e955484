"""Every sentence of the part that looks inside, and of the looks themselves. tests/engine/studies/test_by_layer.py has their numbers."""

import random
from functools import cache

import numpy as np

from engine import load_digits
from engine.studies import by_layer
from engine.studies.by_layer import MEASURES, TINY, Look
from pages.parts.mnist_training import inside, layered
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.claims.claim import Claim, why

DIGITS = load_digits()
DEFAULTS = {control.name: control.default for control in inside.PART.all_controls}
PRESETS = {preset.key: dict(preset.settings) for preset in inside.PART.presets}


@cache
def watched(key: str, seed: int, epochs: int = 30) -> TrainingRun:
    v = Values(**DEFAULTS | PRESETS[key] | {"seed": seed, "epochs": epochs})
    run = TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate, 10**9)
    run.looks()
    run.build()
    run.watch.start(run.network)
    for result in run.results:
        run.record(result)
    return run


def check_start():
    for seed in (0, 1, 2):
        looks = watched("inside_start", seed).looks()
        assert looks[1].step == 1
        assert ((looks[1].update > 4e-3) & (looks[1].update < 7.5e-3)).all()
        assert (looks[-1].update < 1e-3).all()


def check_sigmoid():
    """The loss tells that it does not learn; which layer it is, only the looks tell."""
    for seed in (0, 1, 2):
        run = watched("inside_sigmoid", seed)
        looks = run.looks()
        assert looks[0].gradient[0] < looks[0].gradient[-1] / 1000
        assert np.linalg.norm(run.network.weights[0] - run.first) < 0.01 * np.linalg.norm(run.first)
        assert run.evaluations[-1][1].test_accuracy < 0.15
        said = inside.read(run, looks)
        assert (said.kind, said.layer) == ("still", 1)
        assert inside.read(run, looks[:1]).kind == "lost"


def check_norm():
    for seed in (0, 1, 2):
        looks = {one.step: one for one in watched("inside_bn", seed).looks()}
        hidden = looks[0].gradient[:-1]
        assert hidden.max() < 1.3 * hidden.min()
        assert np.allclose(looks[100].running_std[:-1], looks[1350].running_std[:-1], rtol=0.1)
        assert (looks[0].running_std[:-1] == 1).all()


def check_l1():
    for seed in (0, 1, 2):
        run = watched("inside_l1", seed)
        assert run.looks()[-1].small[0] > 0.6
        assert 0 < np.mean(np.abs(run.network.weights[0]) > 0.3) < 0.05


def check_l2():
    for seed in (0, 1, 2):
        first, now = (watched("inside_l2", seed).looks()[i] for i in (0, -1))
        assert (now.norm[:-1] < 0.5 * first.norm[:-1]).all()
        assert (now.small < watched("inside_l1", seed).looks()[-1].small).all()


def check_dead():
    for seed in (0, 1, 2):
        looks = {one.step: one for one in watched("inside_dead", seed).looks()}
        assert (looks[30].dead[:-1] > 0.9).all()
        assert (looks[1350].dead[:-1] > 0.9).all()


def made_up(rng: random.Random, step: int) -> Look:
    layers = rng.choice((1, 2, 4))
    rows = {name: np.array([10 ** rng.uniform(-7, 1) for _ in range(layers)]) for name in MEASURES}
    for name in ("dead", "saturated"):
        rows[name] = np.array([*(rng.choice((0.0, 0.3, 0.7, 0.9)) for _ in range(layers - 1)), np.nan])
    if rng.random() < 0.3:
        rows["update"] = np.full(layers, rng.choice((0.0, 1e-3, 2e-6)))
    if step == 0:
        rows["gradient"] = np.array([10 ** rng.uniform(-5, 0) for _ in range(layers)]) * rng.choice((1, 1, 1, 1, 0, np.inf))
    return Look(step, **rows, activations=np.zeros((1, 1)), weights=np.zeros((1, 1)))


def check_zeros():
    """Zeros under ReLU: a real network of the training page, before and after an epoch."""
    v = Values(**DEFAULTS | {"initializer": "zeros", "epochs": 1})
    run = TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate, 10**9)
    assert by_layer.before_training(run.looks()[0]).kind == "none"
    run.build()
    for result in run.results:
        run.record(result)
    assert not any(weights.any() for weights in run.network.weights)


def check_words():
    """Made-up looks: what is said, against a plain reading of them."""
    rng, kinds = random.Random(3), set()
    for _ in range(600):
        first = made_up(rng, 0)
        said = by_layer.before_training(first)
        with np.errstate(all="ignore"):
            far = max(first.gradient[0] / first.gradient[-1], first.gradient[-1] / first.gradient[0])
        layers = len(first.gradient)
        expected = "single" if layers == 1 else "none" if not first.gradient.any() else "even" if far <= 12 else "uneven" if far <= 1000 else "lost"
        assert said.kind == expected
        assert ("one layer" in said.text) == (expected == "single")
        finite = np.isfinite(first.gradient).all()
        assert ("cannot serve" in said.text) == (expected == "lost" and finite)
        assert ("these numbers overflow" in said.text) == (expected == "lost" and not finite)
        assert ("so none of them can learn" in said.text) == (expected == "none")
        assert ("different speeds" in said.text) == (expected == "uneven")
        assert ("one learning rate serves both ends" in said.text) == (expected == "even")
        kinds.add(expected)
        now = made_up(rng, 7)
        said, u = by_layer.while_training(now), now.update
        dead, flat = np.nan_to_num(now.dead), np.nan_to_num(now.saturated)
        expected = ("dead" if dead.max() >= 0.75 else "saturated" if flat.max() >= 0.5 else "still" if u.min() < 1e-5 else
                    "restless" if u.max() > 0.03 else "steady")
        assert said.kind == expected
        assert ("left all weights" in said.text) == (u.max() == 0)
        assert (" of their length in layer" in said.text) == (u.max() > 0)
        assert ("are off for every image" in said.text) == (expected == "dead")
        assert ("activation is flat" in said.text) == (expected == "saturated")
        assert ("hardly moves" in said.text) == (expected == "still")
        assert ("large steps" in said.text) == (expected == "restless")
        assert ("1 in 1,000" in said.text) == (expected in ("still", "restless", "steady"))
        kinds.add(expected)
    assert kinds == {"single", "none", "lost", "uneven", "even", "dead", "saturated", "still", "restless", "steady"}


def check_pictures():
    """Rows are those of the looks; a histogram's columns keep all shares; the caption's numbers are the looks'."""
    run = watched("inside_l1", 0)
    looks = run.looks()
    frame = layered.table(looks, 45)
    assert len(frame) == 3 * len(looks)
    assert frame["epoch"].max() == 30
    assert np.allclose(frame[frame["step"] == 0]["grown"], 1)
    for measure in layered.PICTURES:
        rows, ends, _ = layered.lines_of(frame, measure)
        assert len(rows) == frame[measure].notna().sum()
        assert set(ends["layer"]) <= {1, 2, 3}
    sizes = layered.sizes(looks[0], looks[-1], 1)
    assert np.allclose(sizes.groupby("when")["share"].sum(), 1, atol=1e-5)
    tiny = sizes[(sizes["when"] == "now") & (sizes["high"] <= TINY * 1.01)]["share"].sum()
    assert abs(tiny - looks[-1].small[0]) < 0.02
    heat = layered.heat(looks, 2, np.linspace(*by_layer.span(run.network), by_layer.BINS + 1), 45, 30)
    assert np.allclose(heat.groupby("start")["share"].sum(), 1, atol=1e-5)
    assert (heat["end"] > heat["start"]).all()


CLAIMS = {
    "This network has one layer: no signal can fade on the way, and no gradient.": Claim("there is one layer", check_words),
    "Before the first step the signal's spread goes from {} in layer 1 to {} in layer {}. "
    "On its way back the size of the weights' gradient goes from {} to {}: ": Claim("before the first step", check_words),
    "one learning rate cannot serve both ends.": Claim("a factor of a thousand", check_words),
    "one learning rate serves both ends.": Claim("a factor of 12 at most", check_words),
    "no gradient reaches the weights of any layer, so none of them can learn.": Claim("all gradients are 0", check_zeros),
    "these numbers overflow, and nothing can be learned from them.": Claim("a gradient is no finite number", check_words),
    ", and by {} % in layer {}. ": Claim("two layers differ", check_words),
    "the ends will learn at different speeds.": Claim("a factor of more than 12", check_words),
    "The latest step left all weights as they were. ": Claim("no weight changed", check_words),
    "The latest step changed the weights by {} % of their length in layer {}": Claim("a weight changed", check_words),
    "of the units are off for every image: they cannot learn.": Claim("three quarters of a layer are", check_words),
    "of the pre-activations lie where the activation is flat: little gradient passes.": Claim("half of a layer do", check_words),
    "{}A rule of thumb wants about 1 in 1,000: layer {} hardly moves.": Claim("a layer steps by less than 10⁻⁵", check_words),
    "{}A rule of thumb wants about 1 in 1,000: layer {} moves in large steps.": Claim("a layer steps by more than 3 %", check_words),
    "{}A rule of thumb wants about 1 in 1,000.": Claim("otherwise", check_words),
    "The first step moves each layer's weights by about half a percent of their length, and the last steps by less than a tenth of a percent.":
        Claim("its preset", check_start),
    "Layer 1 gets less than a thousandth of the last layer's gradient, and its weights stay where they are.": Claim("its preset", check_sigmoid),
    "The hidden layers begin with gradients of one size, and the running spread settles within 100 steps.": Claim("its preset", check_norm),
    "Most weights of layer 1 become smaller than 0.001; a few stay large.": Claim("its preset", check_l1),
    "The weights of both hidden layers end shorter than half of their first length; fewer than under L1 become tiny.": Claim("its preset", check_l2),
    "Within 30 steps nine of ten hidden units are dead, and they stay so.": Claim("its preset", check_dead),
    "In layer {}, {} of the weights were smaller than {} before the first step, and {} are now.": Claim("always", check_pictures),
    "Its activations and its weights are drawn as histograms. Beyond the last layer, the last one.": Claim("always", check_pictures),
    **{text: why("a question, or an instruction") for text in (
        "Five layers of sigmoids under SGD: which layer stands still?", "L1 and L2: what do they make of the weights?",
        "Back to the loss and the accuracy of the same run.",
    )},
    **{text: why("a name, or what a picture shows") for text in (
        "A learning rate so large that units die: how many are left?",
        "The same with batch norm in every hidden layer.", "Inside: a network that learns",
        "Inside: five layers of sigmoids", "Inside: the same with batch norm",
        "Inside: ReLU at a rate that kills", "Each line is a layer: the fainter, the nearer to the images.",
        "Dotted: 1 in 1,000, a rule of thumb.", "How far one step moves the weights",
        "What each layer hands on; of the output layer, its logits.",
        "Compared with the first weights.", "Root mean square over the units.", "Root of the mean running variance.",
        "Off for each of 100 training images.",
        "Where the activation is almost flat.", "Each column is a histogram: stronger where more values lie.",
        "Bars: now. Line: before the first step. Dotted: {}.",
        *inside.SAID.values(), "What layer {} hands on", "Size of a weight, |w| (log)", "Gradient of the weights", "Length of the weights",
        "Batch norm: running spread", "Batch norm: running means", "Orange: size of dJ/dW.", "Of the latest batch.", "Size of dJ/dW (log)",
        "Share of the weights", "Blue: spread of the signal.",
        "Spread of the signal and size of the gradient by layer", "Histograms of what layer {} hands on, over time",
        "Spread of the signal and size of the gradient by layer, at the latest look",
        "Histogram of the weights of layer {}, before the first step and now",
    )},
    "    if not progress.diverged:\n        watch.after(network, progress.step)\n    if progress.step == {}:\n        break\n":
        why("a line of the script"),
}
