"""Every sentence of the MNIST page: when it is said, and whether it is true, over a grid of settings."""

import math
import random
import re
from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest

from engine import ACTIVATIONS, OPTIMIZERS, Evaluation, Penalty, Progress, load_digits, mlp, train
from engine.datasets import normalizer
from engine.initializers import INITIALIZERS
from engine.judgement import Inside, Trial, judge, look_inside
from engine.training import judge as kept
from pages.parts.mnist_training import PAGE, common, pictures, training
from pages.parts.mnist_training.common import ALL, TABLE
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.claims import mnist_clock, mnist_compare, mnist_inside, mnist_overfitting, mnist_own, mnist_paths, mnist_published, mnist_rates
from tests.claims.claim import Claim, checks_of, full_name
from tests.claims.collect import sentences
from tests.claims.mnist_published import mnist
from tests.claims.openings import openings

PART = PAGE.parts[0]
DEFAULTS = {control.name: control.default for control in PART.all_controls}
PRESETS = {preset.key: dict(preset.settings) for preset in PART.presets}
DIGITS = load_digits()


def finished(data=DIGITS, /, changed_rate=(), steps=0, every=None, **changed) -> TrainingRun:
    v = Values(**DEFAULTS | changed)
    run = TrainingRun(TrainingSettings.of(v, data), data, v.rate, every)
    run.build()
    for result in run.results:
        run.record(result)
        if changed_rate and result.step == changed_rate[0]:
            run.set_rate(changed_rate[1])
        if steps and result.step >= steps:
            break
    run.status = "finished"
    return run


@cache
def on_mnist(key: str, seed: int = 0, **changed) -> Evaluation:
    return finished(mnist(), every=10**9, **PRESETS[key] | {"seed": seed} | changed).evaluations[-1][1]


# The verdict's words, against a plain account of when each is said: numbers made up around every threshold ---------------


def network(kind: str):
    options = {"copies": {"initializer": "zeros"}, "batch_norm": {"batch_norm": "before"}}.get(kind, {})
    return mlp((4, 3, 10), activation="sigmoid" if kind == "sigmoid" else "relu", rng=np.random.default_rng(0), **options)


NETWORKS = {kind: network(kind) for kind in ("plain", "sigmoid", "copies", "batch_norm")}


@cache
def check_words():
    rng, kinds, seen = random.Random(1), set(), set()
    accuracies = (0.0, 0.1, 0.2, 0.24, 0.249, 0.251, 0.3, 0.5, 0.7, 0.84, 0.89, 0.91, 0.94, 0.949, 0.951, 0.98, 0.994, 0.996, 1.0)
    for _ in range(4000):
        kind = rng.choice(("plain", "plain", "sigmoid", "copies", "batch_norm"))
        net, name = NETWORKS[kind], rng.choice(list(OPTIMIZERS))
        usual = OPTIMIZERS[name].usual_rate
        rate = usual * rng.choice((1e-4, 0.02, 0.04, 1, 2, 4, 100))
        optimizer = OPTIMIZERS[name](net, rate)
        train_accuracy = rng.choice(accuracies)
        test = min(1.0, max(0.0, rng.choice((train_accuracy, train_accuracy - 0.04, train_accuracy - 0.06, rng.choice(accuracies)))))
        e = Evaluation(rng.choice((1e-4, 0.5, 2.25, 2.26, 2.31, 9.0, math.nan)), train_accuracy, 1.0, test)
        past_test = min(1.0, max(0.0, test + rng.choice((-0.2, 0, 0.09, 0.11, 0.3))))
        past = Evaluation(e.train_loss * rng.choice((0.5, 1, 1.0005, 1.002, 2)), 0.5, 1.0, past_test)
        history = [(1.0, past), (2.0, e)] if rng.random() < 0.7 else [(2.0, e)]
        batch = rng.choice((1, 32))
        diverged = rng.choice((None, None, None, None, "Diverged."))
        step, loss = rng.choice(((1, math.nan), (1, 3.0), (20, math.nan)))
        inside = Inside(rng.choice((0.0, 0.019, 0.021, 1)), rng.choice((0.0, 0.009, 0.011, 1)), rng.choice((None, 0.0, 0.029, 0.031, 0.5, 3.0)))
        reached = {}

        def attempt(change, reached=reached, rng=rng):
            if rng.random() < 0.2:
                return None
            reached[repr(change)] = rng.choice((0.1, 0.3, 0.55, 0.69, 0.71, 0.9, 0.99, 1.0))
            return Trial(reached[repr(change)], 300, 360)

        rates = {0: 0.5, 15: rate} if rng.random() < 0.5 else {0: rate}
        said = judge(Progress(step, 2.18, loss, 0.1, rate, diverged=diverged), e, net, optimizer, batch_size=batch, history=history, rates=rates,
                     inside=lambda inside=inside: inside, attempt=attempt)
        best = max(one.test_accuracy for _, one in history)
        fell = best >= 0.25 and best - test >= 0.1
        stuck = train_accuracy < 0.25 and not e.train_loss < 0.98 * math.log(10)
        alone = kind == "batch_norm" and batch == 1
        expected = ("diverged" if diverged else "symmetric" if kind == "copies" else "alone" if alone else "fell" if fell else
                    "stuck" if stuck else "overfitting" if train_accuracy - test >= 0.05 else "good" if test >= 0.95 else "learning")
        assert said.kind == expected
        kinds.add(said.kind)
        text = said.text
        if said.kind != "diverged":
            assert f"test {100 * test:.1f} %" in text or said.kind == "fell"
        assert "2.18" not in text   # epochs are those of the evaluation, not those so far
        assert ("it is not the learning rate" in text) == (said.kind == "diverged" and step == 1 and math.isnan(loss))
        is_stuck = said.kind == "stuck"
        assert ("can hardly tell them apart" in text) == (is_stuck and inside.apart < 0.02)
        assert ("of the last weights' gradient" in text) == (is_stuck and 0 < inside.arriving < 0.01)
        assert ("No gradient reaches" in text) == (is_stuck and inside.arriving == 0)
        plain = name in ("sgd", "momentum", "nesterov")
        assert ("steps by the gradient as it is" in text) == (is_stuck and 0 < inside.arriving < 0.01 and plain)
        assert ("moved by only" in text) == (is_stuck and inside.moved is not None and inside.moved < 0.03)
        assert ("moved by" in text) == (is_stuck and inside.moved is not None)
        assert ("by heart" in text) == (said.kind == "overfitting" and train_accuracy >= 0.995)
        changed = best == past.test_accuracy and rates[0] != rate and step / 2.18 <= 15   # after step 15, which is later than the best epoch
        assert ("the learning rate was changed" in text) == (said.kind == "fell" and changed)
        falls = e.train_loss < 0.999 * past.train_loss
        assert ("is learning" in text) == (said.kind == "learning" and len(history) == 2 and falls)
        assert ("learns no more" in text) == (said.kind == "learning" and len(history) == 2 and not falls)
        good = {change: share for change, share in reached.items() if share >= test + 0.05}
        assert bool(said.fix) == bool(good)
        if said.fix:
            share = reached[repr(said.fix)]
            assert share == max(reached.values())
            assert f"{100 * share:.1f} % of 360" in text
            assert all(other < max(0.7, test + 0.05) for other in list(reached.values())[:-1])   # no trial after one that is enough
        assert ("found no change" in text) == (bool(reached) and not good)
        assert len(reached) <= 6
        assert not (said.kind == "learning" and test >= 0.9 and reached)
        seen |= {word for word in ("no more", "only", "by heart", "apart", "changed from", "found no change") if word in text}
    assert kinds == {"diverged", "symmetric", "alone", "fell", "stuck", "overfitting", "good", "learning"}
    assert len(seen) == 6


# What the verdict says of real runs ---------------------------------------------------------------------------------------


def by_hand(run: TrainingRun):
    """apart, arriving and moved of a plain sigmoid network, from the two equations of each layer."""
    x = run.data.x_train[:200] / run.data.pixel_max
    w = [p.value.astype(float) for p in run.network.parameters if p.is_weight]
    b = [p.value.astype(float) for p in run.network.parameters if not p.is_weight]
    ys = [x]
    for weights, bias in zip(w[:-1], b[:-1], strict=True):
        ys.append(1 / (1 + np.exp(-(ys[-1] @ weights + bias))))
    p = np.exp(ys[-1] @ w[-1] + b[-1])
    delta = p / p.sum(axis=1, keepdims=True) - np.eye(10)[run.data.y_train[:200]]
    last = first = ys[-1].T @ delta
    for i in range(len(w) - 1, 0, -1):
        delta = delta @ w[i].T * ys[i] * (1 - ys[i])
        first = ys[i - 1].T @ delta
    size = lambda a: math.sqrt(np.mean(a * a))   # noqa: E731
    start = run.first
    return math.sqrt(ys[-1].var(axis=0).mean()) / size(ys[-1]), size(first) / size(last), size(w[0] - start) / size(start)


@cache
def check_inside():
    for depth, gain, rate in ((5, 1.0, 1.0), (2, 1.0, 0.1), (3, 4.0, 1.0), (1, 0.1, 10.0)):
        run = finished(depth=depth, width=20, activation="sigmoid", initializer="lecun_normal", gain=gain, optimizer="sgd", rate=rate, epochs=1)
        before = run.network.theta.copy()
        found = run.inside()
        assert (found.apart, found.arriving, found.moved) == pytest.approx(by_hand(run), rel=1e-3)
        assert np.array_equal(run.network.theta, before)   # who looks changes nothing


def grid(how_many: int):
    """Presets on the digits, each control at its ends and in the middle, and random settings; small and short, so that there can be many."""
    rng = random.Random(3)
    whole = {name: c for name, c in TABLE.items() if name != "layers"}
    rungs = {name: list(getattr(c, "options", ())) or list(range(c.limits[0], min(c.limits[1], 20) + 1)) for name, c in whole.items()}
    listed = [dict(settings) for settings in PRESETS.values()] + [{name: one[i]} for name, one in rungs.items() for i in (0, len(one) // 2, -1)]
    listed += [{name: rng.choice(one) for name, one in rungs.items()} for _ in range(how_many)]
    for one in listed:
        one = DEFAULTS | one | {"data": "digits"}
        yield one | {"width": min(one["width"], 10), "epochs": min(one["epochs"], 2), "depth": min(one["depth"], 5)}


@cache
def check_runs():
    """In ≥ 500 real runs of a few steps: what is said agrees with the numbers on the screen."""
    count, kinds = 0, set()
    for one in grid(460):
        with np.errstate(all="ignore"):
            run = finished(**one | {"images": min(one["images"], 40)})
            run.status = "running"
            verdict = training.read(run)
        e, count = run.evaluations[-1][1], count + 1
        kinds.add(verdict.kind)
        assert not verdict.fix   # nothing is offered that was not tried
        assert len(verdict.text.split()) < 130
        if verdict.kind == "stuck":
            assert e.train_accuracy < 0.25
            assert f"guessing has ln 10 = {math.log(10):.3f}" in verdict.text
        if verdict.kind == "symmetric":
            w = run.network.weights[0]
            assert np.allclose(w, w[:, :1], rtol=1e-3, atol=1e-5 * np.abs(w).max())
        if verdict.kind == "alone":
            assert run.batch_size == 1
            assert max(b.value.max() for b in run.network.buffers if b.name.endswith("var")) == pytest.approx(0.9 ** run.steps, rel=0.01, abs=1e-30)
        for share in re.findall(r"test ([\d.]+) %", verdict.text):
            assert float(share) == pytest.approx(100 * e.test_accuracy, abs=0.051)
        assert "s of work left" not in training.progress(run) or not run.latest.diverged
        frame = training.curves(run)
        low, high = training.decades(frame["loss"])
        shown = frame["loss"].dropna()
        assert ((shown >= 10.0**low) & (shown <= 10.0**high * 1.0001)).all()
        assert (frame["loss"].isna() == (frame["off"] != 0)).all()
    assert count >= 500
    assert {"diverged", "symmetric", "alone", "stuck", "overfitting", "learning"} <= kinds


CURED = {   # what a run ends in -> settings, and the kinds it may be
    "sgd slow": ({"optimizer": "sgd", "rate": 1e-3, "epochs": 10}, 0.9), "adam slow": ({"rate": 1e-5, "epochs": 10}, 0.9),
    "adam fast": ({"rate": 0.1}, 0.85), "l2": ({"l2": 0.1, "epochs": 10}, 0.9),
    "one image": ({"batch": 1, "batch_norm": "before", "epochs": 2}, 0.9), "dropped": ({"changed_rate": (200, 0.3), "epochs": 10}, 0.9),
    "overflow": (PRESETS["too_fast"], 0.9), "first weights": ({"depth": 20, "width": 300, "initializer": "normal", "gain": 10.0, "epochs": 1}, 0.3),
    "few images": ({"images": 20, "epochs": 100}, 0.8), "copies": ({"initializer": "zeros", "epochs": 2}, 0.8),
}


@cache
def check_cures():
    """Each of these is offered a cure, whose trial, repeated here with the engine alone, reads what is said and more than the run."""
    for settings, least in CURED.values():
        run = finished(**settings)
        verdict = training.read(run)
        assert verdict.fix, (settings, verdict.text)
        share, images = re.search(r"reads ([\d.]+) % of ([\d,]+) test images", verdict.text).groups()
        steps = int(re.search(r"a trial of (\d+) steps", verdict.text).group(1))
        s = SimpleNamespace(**vars(run.settings) | {"rate": run.learning_rate} | dict(verdict.fix))
        data = DIGITS.first(min(s.images, 1437))
        net = mlp((64, *s.hidden, 10), activation=s.activation, initializer=s.initializer, gain=s.gain, dropout=s.dropout,
                  batch_norm=None if s.batch_norm == "none" else s.batch_norm, input_batch_norm=s.input_norm, rng=np.random.default_rng([0, 0]))
        optimizer = OPTIMIZERS[s.optimizer](net, s.rate)
        going = train(net, data, optimizer, epochs=s.epochs, batch_size=min(s.batch, len(data.y_train)), normalize=s.normalize,
                      rng=np.random.default_rng([0, 1]), penalty=Penalty(s.l1, s.l2), evaluate_every=10**9)
        for result in going:
            if result.step == steps:
                break
        read = np.mean(net.forward(normalizer(s.normalize, data)(data.x_test)).argmax(axis=1) == data.y_test)
        assert float(share) == pytest.approx(100 * read, abs=0.06)
        assert int(images) == len(DIGITS.y_test)
        assert read >= max(least, run.evaluations[-1][1].test_accuracy + 0.05)


def test_a_run_dropped_by_a_change_of_its_rate_is_told_so_and_first_weights_are_not_blamed_on_the_rate():
    dropped = training.read(finished(**CURED["dropped"][0]))
    assert dropped.kind == "fell"
    assert "changed from 0.001 to 0.3" in dropped.text
    assert dropped.fix == {"rate": 0.001}
    assert "No weight had moved yet" in training.read(finished(**CURED["first weights"][0])).text
    assert kept is judge


def test_epochs_are_those_of_the_evaluation():
    run = finished(steps=53)
    run.status = "running"
    assert run.latest.epoch == pytest.approx(53 / 45)
    assert "After 1 epoch: train" in training.read(run).text


def test_before_the_first_evaluation_nobody_is_asked_to_press_start():
    run = finished(steps=3)
    run.status = "running"
    assert "Start" not in training.read(run).text
    assert "45 steps" in training.read(run).text
    assert "Start" in training.read(finished_not()).text


def finished_not() -> TrainingRun:
    v = Values(**DEFAULTS)
    return TrainingRun(TrainingSettings.of(v, DIGITS), DIGITS, v.rate)


@cache
def check_sure():
    for one in ({"epochs": 1}, {"rate": 1e-5, "epochs": 1}, {"epochs": 5}):
        run = finished(**one)
        p = run.network.predict(run.data.x_test / np.float32(16))
        wrong = p.argmax(axis=1) != run.data.y_test
        listed = pictures.mistakes(run.data, run.inspection)
        assert len(listed) == min(12, int((wrong & (p.max(axis=1) >= 0.5)).sum()))
        assert all(float(re.search(r"\((\d+) %\)", said).group(1)) >= 50 for _, said in listed)
        assert np.trace(run.inspection.confusion) == (~wrong).sum()
        assert run.inspection.confusion.sum() == 360


@cache
def check_penalties():
    plain, sparse, small = (finished(epochs=5, **one) for one in ({}, {"l1": 1e-3}, {"l2": 1e-2}))
    sizes = [np.concatenate([np.abs(w).ravel() for w in run.network.weights]) for run in (plain, sparse, small)]
    assert (sizes[1] < 1e-3).mean() > 3 * (sizes[0] < 1e-3).mean()
    assert (sizes[1] == 0).sum() == 0
    assert np.mean(sizes[2] ** 2) < np.mean(sizes[0] ** 2)


@cache
def check_controls():
    assert [f"{OPTIMIZERS[name].usual_rate:g}" for name in ("adam", "sgd")] == ["0.001", "0.1"]
    rng = lambda: np.random.default_rng(0)   # noqa: E731
    assert INITIALIZERS["normal"].draw(rng(), (50, 50)).std() == pytest.approx(1, rel=0.05)
    assert not mlp((64, 9, 10), initializer="zeros", gain=10.0, rng=rng()).theta.any()
    large, usual = (mlp((64, 9, 10), initializer="lsuv", gain=gain, rng=rng()).theta for gain in (3.0, 1.0))
    assert np.allclose(large, usual, rtol=1e-4)
    bare = {"dropout": 0.5, "activation": "tanh", "batch_norm": "before"}
    assert np.allclose(mlp((64, 10), rng=rng(), **bare).theta, mlp((64, 10), rng=rng()).theta)
    assert (len(DIGITS.y_train) + len(DIGITS.y_test), DIGITS.image_shape) == (1797, (8, 8))
    assert finished(images=20, batch=128, epochs=1).batch_size == 20
    assert finished_not().steps == 30 * 45
    few = TrainingRun(TrainingSettings.of(Values(**DEFAULTS | {"images": 20, "epochs": 1}), DIGITS), DIGITS, 0.001)
    assert training.progress(few).endswith(" 1 step to go")
    one, same = finished(epochs=1), finished(epochs=1)
    assert np.array_equal(one.network.theta, same.network.theta)


@cache
def check_default():
    assert all(finished(seed=seed).evaluations[-1][1].test_accuracy > 0.95 for seed in (0, 1))


@cache
def check_too_fast():
    run = finished(**PRESETS["too_fast"])
    assert 1 < run.latest.step < 20
    assert re.search(r"Diverged at step \d+: the first layer to overflow was [a-z]+_\d", training.read(run).text)
    frame = training.curves(run)
    assert frame["loss"].max() > 1e10   # the explosion is in the picture
    assert 10.0 ** training.decades(frame["loss"])[1] >= frame["loss"].max()
    assert (frame["off"] == 1).sum() == 1


@cache
def check_he():
    """Under ReLU, He's rule keeps the mean square; 1/n halves it in every layer."""
    x, ratio = np.random.default_rng(0).standard_normal((500, 300)), {}
    for name in ("he_normal", "lecun_normal"):
        z = x @ INITIALIZERS[name].draw(np.random.default_rng(1), (300, 300))
        ratio[name] = np.mean(np.maximum(z @ np.eye(300), 0) ** 2) / np.mean(x**2)
    assert ratio == pytest.approx({"he_normal": 1, "lecun_normal": 0.5}, rel=0.1)


@cache
def check_first_weights():
    small = finished_with("small_weights")
    chance = training.judge(small.latest, small.evaluations[-1][1], small.network, small.optimizer)
    assert chance.kind == "stuck"
    assert small.evaluations[-1][1].train_loss == pytest.approx(math.log(10), abs=0.01)
    x = small.data.x_train[:200] / 255
    before = math.sqrt(np.mean(x * x))
    net = mlp((784, 100, 100, 100, 100, 10), initializer="normal", gain=0.01, rng=np.random.default_rng([0, 0]))
    y = x.astype(np.float32)
    for layer in net.layers[:-1]:
        y = layer.forward(y, training=False)
    assert math.sqrt(np.mean(y * y)) < 1e-3 * before
    assert set(training.read(small).fix) == {"initializer"} or training.read(small).fix["initializer"] == "he_normal"
    he, xavier = on_mnist("he"), on_mnist("xavier")
    assert he.train_loss < xavier.train_loss < 1


@cache
def finished_with(key: str) -> TrainingRun:
    return finished(mnist(), **PRESETS[key])


@cache
def check_sigmoid():
    stuck = finished_with("sigmoid_stuck")
    assert stuck.evaluations[-1][1].test_accuracy == pytest.approx(np.mean(mnist().y_test == 1)) == 0.1135
    verdict = training.read(stuck)
    assert verdict.fix == {"initializer": "lecun_normal", "gain": 4.0}
    assert "learning rate" not in verdict.text
    assert 0.90 < on_mnist("sigmoid_stuck", optimizer="adam", rate=1e-3).test_accuracy < 0.925
    for seed in (0, 1):
        assert 0.92 <= on_mnist("sigmoid_scaled", seed).test_accuracy <= 0.95
        assert 0.845 <= on_mnist("sigmoid_wide", seed).test_accuracy <= 0.885
        assert 0.91 <= on_mnist("sigmoid_bn", seed).test_accuracy <= 0.94


@cache
def check_few():
    for seed in (0, 1, 2):
        plain, l2, dropout = (on_mnist(key, seed) for key in ("overfit", "weight_decay", "dropout"))
        assert plain.train_accuracy == 1
        assert 0.745 < plain.test_accuracy < 0.775
        assert l2.train_accuracy < plain.train_accuracy
        assert l2.test_accuracy < plain.test_accuracy
        assert dropout.test_accuracy < plain.test_accuracy


@cache
def check_best():
    assert max(e.test_accuracy for _, e in finished_with("wide_dropout").evaluations) > 0.98


@cache
def check_notes():
    """PyTorch's three seeds reach 97.2 to 97.5 %, three of ours 97.45 to 97.82 %."""
    reached = [on_mnist("elu_bn", seed).test_accuracy for seed in (0, 1, 2)]
    assert 0.97 <= min(reached) <= max(reached) <= 0.98


@cache
def check_typed():
    assert common.typed("300, 100") == (300, 100)
    assert common.typed("x") is common.typed("21 x 5") is common.typed("20 x 1001") is common.typed("20 x 1000") is None
    assert common.typed("2 x 1000") == (1000, 1000)
    v = Values(**DEFAULTS | {"layers": "300, 100", "depth": 3})
    assert common.hidden(v) == (300, 100)
    assert common.overruled(v)
    assert common.hidden(Values(**DEFAULTS | {"layers": "300,, 100", "depth": 3})) == (100,) * 3
    assert "cannot be read" in common.as_read("300,, 100")


@cache
def check_usual_rate():
    """Every optimizer's usual rate is a rung of the ladder, so that it is that one which is set."""
    assert all(common.RATE.take(kind.usual_rate) == kind.usual_rate for kind in OPTIMIZERS.values())


@cache
def check_further():
    short, whole = finished(images=100, epochs=1), finished(images=100, epochs=2)
    short.further(2)
    short.build()
    for result in short.results:
        short.record(result)
    assert short.network.theta.tobytes() == whole.network.theta.tobytes()


def name(why: str = "a name") -> Claim:
    return Claim("always", why_not=why)


STUCK = "the run is at the loss and the accuracy of guessing"
CLAIMS: dict[str, Claim] = {
    **openings("mnist_training"),
    # verdicts
    "**No mistakes** among the test images.": Claim("every test image is read correctly", check_sure),
    "**Surest mistakes** among {} test images: wrong answers that were given at least {}.": Claim("there are such mistakes", check_sure),
    "No wrong answer was given {}.": Claim("there are mistakes, and none was given half", check_sure),
    " In between, the learning rate was changed from {} to {}.": Claim("the rate at the best evaluation was another", check_words),
    " It knows its training images by heart.": Claim("it reads at least 99.5 % of them", check_words),
    " No gradient reaches the first weights.": Claim(f"{STUCK}, and it is exactly 0", check_words),
    " No weight had moved yet: it is not the learning rate.": Claim("the very first loss is not finite", check_words),
    " So far the first weights have moved by {}{} their first size.": Claim(STUCK, check_inside),
    " The first weights' gradient is {} of the size of the last weights' gradient.": Claim(f"{STUCK}, and it is below 1 %", check_inside),
    " What reaches the last layer differs between images by {} of its size: the network can hardly tell them apart.":
        Claim(f"{STUCK}, and it is below 2 %", check_inside),
    " {} steps by the gradient as it is; Adam divides by its size.": Claim(f"{STUCK} under SGD or momentum, with a small gradient", check_words),
    "A batch of one image has no variance: batch norm gives every image the same numbers in training. "
    "Its running variance, which new images meet, is at most {} ({}).": Claim("batch size 1 with batch norm", check_runs),
    "A trial of {} steps found no change that reads {} points more: {} tried.": Claim("all trials failed", check_words),
    "After {} the training loss is {}; guessing has ln {} = {} ({}).": Claim(STUCK, check_runs),
    "After {}, {} % of the test images are misread ({}).": Claim("at least 95 % are read", check_words),
    "All units of layer 1 are still copies of each other: identical gradients keep them so ({}). Only different first weights break the tie.":
        Claim("the columns of the first weights are equal", check_runs),
    "At present the network learns no more: {} after {}; {}.": Claim("the training loss fell by less than 0.1 %", check_words),
    "The network is learning: {} after {}; {}.": Claim("the training loss fell by more than 0.1 %", check_words),
    "the training loss went from {} to {} since the evaluation before": Claim("two evaluations", check_words),
    "The network reads {} points more of its training images than of new ones ({}).": Claim("by at least 5 points", check_words),
    "The share of test images that is read correctly fell from {} % to {} % after {}.": Claim("it was at least 10 points higher", check_words),
    "With the change below, a trial of {} steps reads {} % of {} test images.": Claim("a trial succeeded", check_cures),
    "Diverged at step {}: {}. The weights are back in their last finite state.": Claim("the run overflowed", check_too_fast),
    "the first layer to overflow was {}": Claim("a layer's output is not finite", check_too_fast),
    "every layer's output was finite, the loss or the update was not": Claim("none is", check_runs),
    "Press **Start**. The pale line is each step's batch. After the first epoch, and then from time to time, the network reads all test images "
    "and the first 10,000 training images. Reading them takes no longer than training.":
        Claim("nothing has run", why_not="an instruction; the engine's test counts what is evaluated, the page's how often"),
    "The first epoch has {} step{}. At its end the images are read for the first time.": Claim("before the first evaluation", check_controls),
    "Trying changes for a few hundred steps each …": name("an announcement"),
    "{} parameters, {} step{} to go": Claim("before the first step", check_controls),
    # presets
    "A small ReLU network reads over 95 % of the test digits in the end.": Claim("the defaults", check_default),
    "On MNIST the loss stays at ln 10 = 2.30: four layers shrink the signal more than a thousandfold.": Claim("its preset", check_first_weights),
    "On MNIST it learns. After five epochs its loss is still above that of He's start.": Claim("its preset", check_first_weights),
    "The factor 2 makes up for the half that ReLU cuts off.": Claim("its preset", check_he),
    "The notes call this start stable. On MNIST, SGD leaves it at 11.35 %, the share of ones; Adam gets it to 91 %.":
        Claim("its preset", check_sigmoid),
    "A sigmoid's slope is at most ¼. With a gain of 4, SGD reads 92 to 95 % of MNIST.": Claim("its preset", check_sigmoid),
    "The notes call it the one whose gradients vanish. On MNIST it learns: 85 to 88 %.": Claim("its preset", check_sigmoid),
    "With batch norm in every hidden layer, SGD reads 91 to 94 % of MNIST.": Claim("its preset", check_sigmoid),
    "On MNIST, train reaches 100 % and test stays at 75 to 77 %.": Claim("its preset", check_few),
    "On MNIST, train and test both end lower than without the penalty.": Claim("its preset", check_few),
    "On MNIST, even after 300 epochs test ends below the run without dropout.": Claim("its preset", check_few),
    "After five epochs, 97 to 98 % of MNIST's test images. The same network in PyTorch reads 97.2 to 97.5 %.": Claim("its preset", check_notes),
    "Over 98 % of MNIST's test images within 15 epochs.": Claim("its preset", check_best),
    "The run overflows after a few steps. The sentence names the step and the layer.": Claim("its preset", check_too_fast),
    # try next
    "Weights too small, σ = 0.01: press Start, and MNIST's loss stays at ln 10.": Claim("always", check_first_weights),
    "Then He's rule: the same network and images, other first weights, and the loss falls.": Claim("always", check_first_weights),
    "Sigmoid, five layers, first weights by the notes: under SGD it reads no more than the share of ones.": Claim("always", check_sigmoid),
    "The same sigmoid with a gain of 4: now SGD gets through.": Claim("always", check_sigmoid),
    "Or with batch norm in every hidden layer: SGD gets through as well.": Claim("always", check_sigmoid),
    "The same first weights with Adam at 0.001: does it get through?": name("a question"),
    "Ten hidden layers with SGD at 0.1: how much does the first epoch teach them?": name("a question"),
    "The same ten layers with batch norm: how much now?": name("a question"),
    "20 training images: how fast does the network learn them by heart, and what does the test curve do?": name("a question"),
    # controls
    "How a gradient becomes a step. Choosing one sets its usual learning rate.": Claim("always", check_usual_rate),
    "{} came with its usual learning rate, η = {}. Before, η was {}.": Claim("an optimizer was chosen, and both stand there", check_usual_rate),
    "These charts are of the run with {}, on {}. **Start** trains the new settings, and this run goes to the kept ones.":
        Claim("a finished run has other settings than the sidebar", why_not="the page's own test presses Start"),
    "Train further, to {} epochs": Claim("a finished run can go on", check_further),
    "It goes on from where it stands, as if it had been longer from the beginning.": Claim("a finished run can go on", check_further),
    "Digits is built in: 1,797 images of 8 × 8. MNIST has 70,000 of 28 × 28.": Claim("always", check_controls),
    "Batch size {} is more than the {} training images: every step uses all of them.": Claim("it is", check_controls),
    "LSUV sets the size of the first weights itself.": Claim("LSUV is chosen", check_controls),
    "Zeros stay zeros at any gain.": Claim("zeros are chosen", check_controls),
    "This cannot be read: {}. The sliders' layers are used.": Claim("the typed widths are none", check_typed),
    "The typed widths hold instead. Empty their box to use this slider.": Claim("widths are typed", check_typed),
    "Units of each hidden layer, from the pixels to the classes: “300, 100”, or “5 × 100” for five layers of 100. "
    "At most {} layers of {} units, and {} weights.": Claim("always", check_typed),
    "Without a hidden layer this has no effect.": Claim("no hidden layer", check_controls),
    "Size of a step. It can be changed while the network trains. Adam likes {}, SGD {}.": Claim("always", check_controls),
    "The same seed gives the same weights and the same order of images.": Claim("always", check_controls),
    "The rule that draws the first weights. For the normal one, the gain is its standard deviation.": Claim("always", check_controls),
    "The loss gets λ Σ|w|. Steps along its slope bring weights near 0, but not to exactly 0.": Claim("always", check_penalties),
    "The loss gets λ/2 Σw², which keeps the weights smaller.": Claim("always", check_penalties),
    "With few images, the curves of training and test images part.": Claim("always", check_cures),
    **{text: name("a definition") for text in (
        "How the learning rate changes over the run.",
        "Multiplies the first weights.",
        "Normalise every hidden layer over the batch, before or after the activation.", "Normalise the pixels over the batch as well.",
        "Passes over the training images.", "Share of hidden units silenced at random in each step.",
        "What bends the signal after each hidden layer.",
        "What happens to pixels before the first layer.", "A factor of {} on the rule above.", "Wider layers have more weights.",
        "The gradient passes each of them on its way back to the first weights.",
        "One tile for each of the first {} units, as the pixels see it. Blue adds, orange subtracts; each tile has its own scale.",
        "Pale: each step's batch. {}", "Triangles at the edge: a loss of 0 or ∞.", "The axis begins at {} %.",
    )},
    **{text: name() for text in (
        "Batch norm on the input", "Confusion matrix of the test images: true digit by answer", "Confusion matrix: which digits get mixed up",
        "The notes' network: 300-100, ELU, batch norm",
        "Loss of the kept runs", "Accuracy of the kept runs", "Settings and curves as JSON", "All settings as CSV",
        "Runs in the picture", "{} by epoch of the runs {}", "Thick: the test images. Thin: the training images.",
        "losses in nats, accuracies as shares, epochs as passes over the training images",
        "The same with batch norm", "The same with dropout 0.2",
        "Incoming weights of the first layer's units as small pictures, blue positive, orange negative", "data:image/png;base64,{}",
        "{} by epoch: each batch, the training images, the test images",
    )},
    **{text: name("a question") for text in (
        "Real handwriting, trained live. Which start, which optimizer and which regulariser gets there, and which never does?",
        "What makes a deep network learn real handwriting?",
    )},
    **{text: name("a line of the script") for text in (
        "    optimizer.learning_rate = rates.get(progress.step, optimizer.learning_rate)\n",
        "rates = {}  # after these steps the learning rate was changed\n", "seen = {}  # after these steps the page read all test images\n",
    )},
}  # fmt: skip
IN_PAGES = "tests/pages/test_inside.py says when, and tests/engine/studies/test_plain.py runs it"
CLAIMS |= {text: Claim("always", why_not=IN_PAGES) for text in (
    "Take it away: this training in plain NumPy",
    "Constant first weights have no such script. Their hidden layers begin with a gradient of rounding errors alone, "
    "and two programs round differently.",
    "It needs NumPy and {}, and nothing of this project. "
    "After each epoch it prints its last batch's loss and the share of test images read correctly.",
    "digits.npz of the folder engine/data", "the four files of MNIST",
)}
CLAIMS |= {text: Claim("always", why_not="tests/pages/test_keeping.py says when") for text in (
    "Close the opened network", "Keep this network as a file", "Networks of more than 900,000 weights are not kept as files.",
    "Read by the network that you opened. Close it to go back.", "This file was not opened: {}.", "the file is damaged",
    "it was trained on MNIST, which is not on this server",
)}
CLAIMS |= {text: Claim("a cell is open", why_not="tests/pages/test_inspected.py says when, and counts") for text in (
    "**True digit {}, read as {}:** {} test image{}. ", "Shown are the {} that the network is surest of. ",
    "Below each stands the probability of this answer. ", "Test digit {}, read as {} with {} %",
    "The matrix was counted {} step{} ago. These images are as the network reads them now.",
    "Click a cell, or choose it below, to see its images.",
)}
CLAIMS |= mnist_paths.CLAIMS | mnist_rates.CLAIMS | mnist_own.CLAIMS | mnist_compare.CLAIMS | mnist_published.CLAIMS
CLAIMS |= mnist_clock.CLAIMS | mnist_inside.CLAIMS | mnist_overfitting.CLAIMS
ON_MNIST = {mnist_published.check_books, mnist_published.check_sigmoids, mnist_published.check_inputs, mnist_overfitting.check_mnist_shift,
            check_notes, check_first_weights, check_sigmoid, check_few, check_best}
CHECKS = checks_of(CLAIMS)


def test_the_table_holds_every_sentence_that_can_be_said():
    assert set(CLAIMS) == sentences("pages/parts/mnist_training", "engine/judgement.py", "engine/training.py", "engine/progress.py",
                                      "engine/studies/by_layer.py")


@pytest.mark.parametrize("check", [
    pytest.param(check, id=full_name(check), marks=[pytest.mark.slow] * (check in ON_MNIST))
    for check in CHECKS
])
def test_what_is_said_is_so(check):
    check()


def test_the_loss_axis_of_a_run_that_overflowed_shows_its_steps_and_every_activation_can_be_judged():
    spec = training.training_curve("loss", 0.1, 10, (-3, 33))
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 0.1]
    assert spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [10.0**-3, 10.0**33]
    for activation in ACTIVATIONS:
        net = mlp((4, 3, 10), activation=activation, rng=np.random.default_rng(0))
        assert math.isfinite(look_inside(net, np.ones((5, 4), np.float32), np.zeros(5, int), net.weights[0].copy()).apart)
    assert ALL > 60_000
