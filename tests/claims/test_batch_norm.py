# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of the Batch Norm page: when it is said, and whether it is true, over a grid of settings."""

import inspect
import itertools
import json
import math
import random
from functools import cache

import numpy as np
import pandas as pd
import pytest

from engine.datasets import load_digits, normalizer
from engine.layers import BatchNorm
from engine.propagation import propagate
from engine.studies import input_scaling, layer_list, normalization
from engine.studies.sixteen_scales import PUBLISHED, SCALES
from engine.verdict import number
from pages.parts.batch_norm import PAGE, batch, common, cost, depth, gradient, inputs, running, scales
from pages.shared import encodings
from pages.shared.control import Values
from tests.claims.claim import Claim, checks_of, full_name
from tests.claims.collect import sentences
from tests.claims.openings import openings

TRIED = {"settings": 0}   # how many settings the grids below went through


def values(part: str, **changed) -> Values:
    return Values(**{**{control.name: control.default for control in PAGE.part(part).all_controls}, **changed})


def settings(part: str, how_many: int, **only):
    """The defaults, every preset and try line of a part, each control at both ends and in the middle, and random ones."""
    controls = {control.name: control for control in PAGE.part(part).all_controls}
    rungs = {name: only.get(name) or list(getattr(c, "options", ())) or list(range(c.limits[0], min(c.limits[1], 100) + 1))
             for name, c in controls.items() if name != "values"}
    listed = [{}, *(dict(p.settings) for p in PAGE.part(part).presets), *(dict(t.settings) for t in PAGE.part(part).try_next if not t.preset)]
    listed += [{name: options[i]} for name, options in rungs.items() for i in (0, len(options) // 2, -1)]
    rng = random.Random(part)
    listed += [{name: rng.choice(options) for name, options in rungs.items()} for _ in range(how_many)]
    TRIED["settings"] += len(listed)
    return [values(part, **one) for one in listed]


def of(part: str, text: str):
    """The settings of the try line or preset that says this."""
    one = next(x for x in (*PAGE.part(part).presets, *PAGE.part(part).try_next) if text in (getattr(x, "text", ""), getattr(x, "look_for", "")))
    return values(part, **one.settings)


def with_fix(v: Values, verdict) -> Values:
    for control in PAGE.controls:
        if control.name in verdict.fix and hasattr(v, control.name):
            assert not (control.idle and control.idle(v)), f"{verdict.text} points at an idle control, {control.key}"
            if hasattr(control, "options"):
                assert verdict.fix[control.name] in control.options
    return Values(**{**vars(v), **verdict.fix})


# The mini-batch

TYPED = ("1, 2, 4, 9", "5 5 5", "0.1 0.1 0.1", "7", "1e6 -1e6", "1e-300, 2e-300", "1e-15 2e-15", "2, 4, 4, 4, 5, 5, 7, 9", "1 2",
             "0 0 0 0 0 0 0 0 0 9", "3 3 3.01")


def batches(part: str, how_many: int):
    typed = [values(part, values=text, **({"gamma": g} | ({"beta": b} if part == "batch" else {}) | {"epsilon": e}))
             for text in TYPED for g, b, e in ((1.0, 0.0, 1e-5), (2.0, 5.0, 1e-12), (-1.5, 3.0, 0.1), (0.0, -2.0, 1.0))]
    TRIED["settings"] += len(typed)
    return [*settings(part, how_many), *typed]


def plainly(v: Values):
    """x, its mean, variance, x̂ and y, in slow and obvious words."""
    x = list(normalization.parse_batch(v.values) if v.values else normalization.draw_batch(v.size, v.spread, v.pull, v.seed))
    mean = math.fsum(x) / len(x)
    variance = math.fsum((one - mean) ** 2 for one in x) / len(x)
    normal = [(one - mean) / math.sqrt(variance + v.epsilon) for one in x]
    return x, mean, variance, normal, [v.gamma * one + common.beta_of(v) for one in normal]


@cache
def check_batch():
    kinds = set()
    for v in batches("batch", 200):
        steps = common.steps_of(v)
        verdict = batch.read(steps, not v.values)
        x, mean, variance, normal, y = plainly(v)
        kinds.add(verdict.kind)
        text, m, equal, largest = verdict.text, len(x), max(x) == min(x), max(map(abs, normal))
        rules = v.epsilon > 0.5 * (variance + v.epsilon) and m > 1 and not equal
        assert ("is its own mean" in text) == (m == 1)
        assert ("values are equal" in text) == (equal and m > 1)
        assert ("of what stands under the root" in text.lower()) == rules
        assert ("Two different values" in text) == (m == 2 and not equal and not rules)
        if m == 1 or equal:
            assert all(abs(one - v.beta) <= 1e-6 for one in y)
            assert f"y = β = {number(v.beta)}" in text or f"y is β = {number(v.beta)}" in text
        elif rules:
            share = v.epsilon / (variance + v.epsilon)
            assert ("more than 99.9 % is ε" in text) == (share > 0.999)
            assert share > 0.999 or f"{100 * share:.3g} % is ε" in text
            assert "100 %" not in text
            assert f"only {number(variance)}, and x̂ has variance {number(np.var(normal))}" in text
        elif m == 2:
            assert ("Only their order is left" in text) == (largest >= 0.99)
            assert ("hold them back" in text) == (largest < 0.99)
        else:
            assert f"the mean {number(mean)} and the spread {number(math.sqrt(variance))} of the batch" in text
            assert f"give y the mean {number(v.beta)} and the spread {number(np.std(y))}" in text
            assert abs(np.mean(y) - v.beta) < 1e-6
            undone = v.gamma != 0 and max(abs(a - b) for a, b in zip(x, y, strict=True)) <= 0.01 * math.sqrt(variance)
            far = largest > 0.9 * math.sqrt(m - 1)
            assert ("every y is its x again" in text) == undone
            assert ("nothing is left of x" in text) == (v.gamma == 0)
            assert ("One value is far out" in text) == (far and not undone and v.gamma != 0)
            assert largest <= math.sqrt(m - 1) + 1e-9
            if "relative distances" in text:
                assert ("the same order" in text) == (np.corrcoef(x, y)[0, 1] > 0.999999)
                assert ("reversed order" in text) == (np.corrcoef(x, y)[0, 1] < -0.999999)
        if verdict.fix:
            assert batch.read(common.steps_of(with_fix(v, verdict)), not v.values).kind != verdict.kind
    assert kinds == {"one", "constant", "epsilon", "two", "usual", "undone"}


def check_batch_lines():
    say = "A batch with mean 5 and spread 2: γ = 2 and β = 5 undo the normalisation. The layer can learn to be the identity."
    x, mean, variance, _, y = plainly(of("batch", say))
    assert (mean, variance) == (5, 4)
    assert np.allclose(x, y, atol=1e-4)
    assert "every y is its x again" in batch.read(common.steps_of(of("batch", say))).text
    small = of("batch", "Spread 10⁻³: compare σ² with ε. Keras's ε is 10⁻³, a thousand times this variance.")
    assert 700 < 1e-3 / plainly(small)[2] < 1500
    assert np.std(plainly(of("batch", "x̂ keeps less than a third of its spread of 1."))[3]) < 1 / 3
    assert np.allclose(np.abs(plainly(of("batch", "Whatever the two values are, x̂ is −1 and +1, up to ε."))[3]), 1, atol=1e-4)
    assert plainly(of("batch", "x − μ is 0: whatever goes in, β comes out."))[4] == [0.0]
    far = of("batch", "It squeezes all the others, and stays within √(m − 1).")
    usual = plainly(Values(**{**vars(far), "pull": 2.5}))[3]
    assert np.std(plainly(far)[3][1:]) < 0.5 * np.std(usual[1:])
    assert plainly(far)[3][0] <= math.sqrt(15)
    assert common.steps_of(values("batch")).x[0] == 5 + 2.5 * 2


# Its gradient

def by_differences(v: Values, dy: np.ndarray) -> np.ndarray:
    """∂(dy · y)/∂x by complex steps of the four equations: nothing of the engine's backward."""
    x, n = np.array(plainly(v)[0]), len(plainly(v)[0])
    found = []
    for i in range(n):
        z = x.astype(complex)
        z[i] += 1e-30j
        d = z - z.sum() / n
        found.append((dy @ (v.gamma * d / np.sqrt((d * d).sum() / n + v.epsilon))).imag / 1e-30)
    return np.array(found)


@cache
def check_gradient():
    kinds = set()
    law = gradient.invariance(1e-5, 0)
    for v in batches("gradient", 120):
        steps = common.steps_of(v)
        m, dy = len(steps.x), gradient.upstream(len(steps.x), v.seed)
        verdict = gradient.read(steps, normalization.gradient_terms(steps, dy), law, not v.values)
        kinds.add(verdict.kind)
        text, dx, direct = verdict.text, by_differences(v, dy), np.linalg.norm(v.gamma * dy / math.sqrt(plainly(v)[2] + v.epsilon))
        left, normal = np.linalg.norm(dx), np.array(plainly(v)[3])
        assert ("With γ = 0 no gradient passes" in text) == (v.gamma == 0)
        assert ("γ itself still gets" in text) == (v.gamma == 0 and abs(dy @ normal) > 0)
        if v.gamma == 0:
            assert not dx.any()
            continue
        near_edge = 0.009 < left / direct < 0.011
        assert near_edge or ("the gradient back" in text) == (left <= 0.01 * direct)
        assert ("the mean takes the gradient back" in text) == (m == 1)
        assert near_edge or ("learn next to nothing" in text) == (left <= 0.01 * direct)
        assert abs(dx.sum()) <= 1e-9 * direct + 1e-12
        if verdict.kind == "usual":
            assert f"lets {100 * left**2 / direct**2:.0f} % of" in text
            stretch = abs(dx @ normal) <= 0.01 * direct * np.linalg.norm(normal)
            assert ("It also takes away the part that would stretch it" in text) == stretch
            assert ("ε lets some of the part pass" in text) == (not stretch)
            assert "It takes away the part that would shift" in text
        else:
            assert (" and the variance" in text) == (m > 1)
        if verdict.fix:
            cured = with_fix(v, verdict)
            now = common.steps_of(cured)
            assert gradient.read(now, normalization.gradient_terms(now, gradient.upstream(len(now.x), v.seed)), law).kind != verdict.kind
    assert kinds == {"nothing", "shut", "usual"}


def check_bias():
    for epsilon, seed in itertools.product((1e-12, 1e-5, 0.1, 1.0), (0, 1, 7)):
        law = normalization.scale_invariance(np.logspace(-4, 4, 5), epsilon=epsilon, seed=seed)
        assert law.bias_gradient.max() < 1e-8
        assert law.plain_bias_gradient[2] > 1e-3
        on_line = law.gradient_norm[-1] * law.scales[-1] / law.scales
        assert law.gradient_norm.min() > 1e-6
        assert max(law.gradient_norm.max(), on_line.max()) < 1e5   # nothing lies outside of the axis
        assert np.isclose(law.gradient_norm[-2], on_line[-2], rtol=0.01)
        if epsilon == 0.1:
            assert law.gradient_norm[0] < 0.1 * on_line[0]


def check_gradient_lines():
    v = of("gradient", "Drag x₁ to 10 spreads: every direct gradient shrinks. By how much does the spread of the batch grow?")
    usual = Values(**{**vars(v), "pull": 2.5})
    assert plainly(v)[2] > 2 * plainly(usual)[2]
    v = of("gradient", "ε = 1: the sum of dx stays 0, but dx · x̂ does not.")
    dx = by_differences(v, gradient.upstream(8, 0))
    assert abs(dx.sum()) < 1e-12 < 0.1 < dx @ np.array(plainly(v)[3])
    v = of("gradient", "Batch size 2: why is nothing left?")
    assert np.abs(by_differences(v, gradient.upstream(2, 0))).max() < 1e-5
    terms = normalization.gradient_terms(common.steps_of(values("gradient")), gradient.upstream(8, 0))
    assert np.allclose(terms.direct + terms.through_mean + terms.through_variance, by_differences(values("gradient"), gradient.upstream(8, 0)))
    one = values("gradient", size=1)
    moved = Values(**{**vars(one), "pull": -4.0, "spread": 0.1})
    assert np.allclose(by_differences(one, np.ones(1)), by_differences(moved, np.ones(1)))


# Training and use

def statistics(v: Values):
    """Mean and spread of x̂ in use after step k, by the recurrence itself."""
    rng, mean, var = np.random.default_rng(v.seed), 0.0, 1.0
    truth = 3.0
    for step in range(v.evaluate):
        truth = 3.0 + (2 * v.shift if step >= 60 else 0.0)
        x = truth + 2.0 * rng.standard_normal((v.run_size, 1))
        mean, var = v.momentum * mean + (1 - v.momentum) * x.mean(), v.momentum * var + (1 - v.momentum) * x.var()
    return (truth - mean) / math.sqrt(var + 1e-5), 2 / math.sqrt(var + 1e-5), var


@cache
def check_running():
    kinds, seen = set(), set()
    for v in settings("running", 250, seed=[0, 1, 2, 3]):
        verdict, (mean, spread, var) = running.read(running.simulate(v), v.evaluate), statistics(v)
        text, k, p, m = verdict.text, v.evaluate, v.momentum, v.run_size
        kinds.add(verdict.kind)
        assert f"mean {number(mean, 2)} and spread {number(spread, 2)} instead of 0 and 1" in text
        one = m == 1 and k > 0
        lag = abs(v.shift) * p ** (k - 60) if k > 60 else 0.0   # in spreads of 2
        off = max(abs(mean), abs(spread - 1))
        assert ("has no variance" in text) == one
        if one:
            assert math.isclose(var, p**k)
            assert var < 1
        assert ("The inputs have moved" in text) == (not one and lag > 0.2)
        early = not one and lag <= 0.2 and 1 - p**k < 0.95
        assert ("have gone" in text) == early
        assert not early or f"= {number(100 * (1 - p**k), 2)} % of the way" in text
        assert ("= 0 % of the way" in text) == (early and k == 0)
        if verdict.kind in ("usual", "apart"):
            grade = "agree" if off <= 0.1 else "agree roughly" if off <= 0.3 else "do not agree"
            seen.add(grade)
            assert f"training and use {grade}." in text
            assert (f"see only {m - 1}/{m}" in text) == (1 < m <= 8)
            assert ("averages about" in text) == (grade == "do not agree")
        if verdict.fix:
            cured = with_fix(v, verdict)
            now = running.read(running.simulate(cured), cured.evaluate).kind
            assert now != verdict.kind
            assert verdict.kind == "one" or now in ("usual", "apart", "one")
    assert kinds == {"one", "shifted", "early", "usual", "apart"}
    assert len(seen) == 3


def check_averaged():
    """The running mean of batches of m at momentum p scatters like the mean of m(1 + p)/(1 − p) inputs; small batches see too little."""
    rng = np.random.default_rng(0)
    for m, p in ((2, 0.5), (4, 0.8), (2, 0.0)):
        runs = rng.standard_normal((4000, 60, m)).mean(axis=2)
        weights = (1 - p) * p ** np.arange(59, -1, -1.0)
        assert math.isclose((runs @ weights).var(), (1 - p) / (1 + p) / m, rel_tol=0.1)
        assert math.isclose(rng.standard_normal((20000, m)).var(axis=1).mean(), (m - 1) / m, rel_tol=0.05)


def check_running_lines():
    v = of("running", "Batches of two: why is the running variance about half of the true one?")
    found = [statistics(Values(**{**vars(v), "seed": seed}))[2] for seed in range(40)]
    assert 0.4 < np.mean(found) / 4 < 0.6
    assert 0.3 < found[0] / 4 < 0.7
    v = of("running", "The running variance falls towards 0; x̂ in use leaves its axis.")
    assert statistics(v)[2] < 0.01
    assert statistics(v)[1] > 5
    v = of("running", "The running mean lags behind the mean of the batches.")
    assert running.read(running.simulate(v), v.evaluate).kind == "shifted"
    v = of("running", "The running statistics have not yet come to the true mean and variance.")
    assert running.read(running.simulate(v), v.evaluate).kind == "early"
    v = of("running", "Shift the inputs, and evaluate at 59, 61 and 100.")
    kinds = [running.read(running.simulate(v), k).kind for k in (59, 61, 100)]
    assert kinds == ["usual", "shifted", "usual"]


# Through depth

@cache
def check_depth():
    kinds, grown, kept_spread = set(), 0, 0
    saturated = values("depth", activation="tanh", scale=3.0, depth=30, width=50)   # its gradient explodes, its signal cannot
    for v in [saturated, *settings("depth", 70, width=[10, 20, 50], seed=[0, 1, 2])]:
        with np.errstate(all="ignore"):
            found = depth.placed(v.depth, v.width, v.activation, v.scale, seed=v.seed, samples=60)
            verdict = depth.read(found)
            ends = {name: (float(r.std[-1]), float(r.gradient_rms[0]), float(r.gradient_rms[-1])) for name, r in found.items()}
        kinds.add(verdict.kind)
        text, (spread, first, last) = verdict.text, ends["none"]
        assert f"layer {v.depth} has a spread of {number(spread, 2)}" in text
        assert ("0, as the last one's is" in text) == (last == 0)
        assert last == 0 or f"{number(first / last, 2)} times the last one's" in text
        fits = last > 0 and 0.01 < first / last < 100 and 0.01 < spread < 100
        assert ("by itself" in text) == fits
        normed = [ends["before"][0], ends["after"][0]]
        assert ("Batch norm keeps the spread" in text) == (not fits and v.depth > 1 and min(normed) > 0.1 and max(normed) < 10)
        rates = {where: (ends[name][1] / ends[name][2]) ** (1 / max(v.depth - 1, 1)) for name, where in (("before", "before φ"), ("after",
             "after φ"))}
        for where, rate in rates.items():
            assert (f"{number(rate)} {where}" in text.partition("But batch norm")[2]) == (rate > 1.1)
        grown, kept_spread = grown + ("But batch norm itself" in text), kept_spread + ("keeps the spread" in text)
        assert "finds the scale" not in text
    assert kinds == {"helps", "harmless"}
    assert min(grown, kept_spread) > 5


def rates(activation: str, layers: int, scale: float, width: int = 100) -> dict[str, float]:
    runs = depth.placed(layers, width, activation, scale, seed=0, samples=1000)
    return {name: float(run.gradient_rms[0] / run.gradient_rms[-1]) ** (1 / (layers - 1)) for name, run in runs.items()}


def check_explosion():
    """Batch norm's own explosion under ReLU: √(π/(π − 1)) = 1.21 a layer, whatever the weights' scale (Yang et al. 2019)."""
    theory = math.sqrt(math.pi / (math.pi - 1))
    for scale in (0.1, 1.4142, 10.0):
        found = rates("relu", 30, scale)
        assert abs(found["before"] - theory) < 0.03
        assert abs(found["after"] - theory) < 0.03
    assert rates("relu", 30, 0.3)["before"] ** 29 > 100
    he = rates("relu", 10, 1.4142)
    assert 0.9 < he["none"] < 1.1 < he["before"]


def check_room():
    assert [depth.room(*size) for size in ((10, 100), (30, 100), (15, 200), (30, 200))] == [(1000, 128), (1000, 128), (1000, 100), (500, 50)]


def check_depth_lines():
    small = depth.placed(10, 100, "relu", 0.05, seed=0, samples=1000)
    assert small["none"].std[-1] < 1e-10
    assert all(abs(small[name].std[-1] / small[name].std[0] - 1) < 0.2 for name in ("before", "after"))
    spreads = {s: depth.placed(10, 100, "relu", s, seed=0, samples=200) for s in (0.3, 10.0)}
    assert [not np.isclose(spreads[0.3][n].std[-1], spreads[10.0][n].std[-1], rtol=0.05) for n in ("none", "before", "after")] == [True, False, False]
    bent = depth.placed(10, 100, "sigmoid", 0.3, seed=0, samples=200)
    assert all(bent[n].activations.edges[0] == 0 and bent[n].activations.edges[-1] == 1 for n in ("none", "before"))
    assert bent["after"].activations.inside[:, bent["after"].activations.edges[1:] < 0].sum() > 0
    x, w = np.random.default_rng(0).standard_normal((64, 9)), np.random.default_rng(1).standard_normal((9, 4))
    assert np.allclose(*((s * x @ w - (s * x @ w).mean(0)) / (s * x @ w).std(0) for s in (0.1, 3.0)))   # the scale is divided out


# Sixteen scales

@cache
def check_scales():
    rng = np.random.default_rng(0)
    tables = [rng.choice([0.1, 0.3, 0.485, 0.5, 0.515, 0.8, 0.814, 0.824, 1.0], (2, 16)) for _ in range(150)]
    tables += [np.full((2, 16), 0.5), np.array([[0.1] * 16, [0.9] * 16]), np.array([[0.9] * 16, [0.1] * 16])]
    TRIED["settings"] += len(tables)
    learned = set()
    for epoch, table in enumerate(tables, start=1):
        text = scales.read(table, epoch).text
        ahead, behind = (table[1] - table[0] > 0.02).sum(), [k for k in range(16) if table[0, k] - table[1, k] > 0.02]
        assert f"After {epoch} epoch{'s' if epoch > 1 else ''} batch norm is ahead at {ahead} of 16 scales, by more than 2 points." in text
        assert ("behind" in text) == bool(behind)
        worst = max(behind, key=lambda k: table[0, k] - table[1, k], default=None)
        assert worst is None or f"σ = {SCALES[worst]:.2g} ({100 * table[1, worst]:.0f} % against {100 * table[0, worst]:.0f} %)" in text
        alone = bool(behind) and min(table[0, k] for k in behind) >= 0.5
        learned.add(alone)
        assert ("the plain network learns by itself" in text) == alone
        assert "happen to fit" not in text
    assert learned == {True, False}


def check_scales_lines():
    ahead = {k for k, (without, with_it) in PUBLISHED.items() if with_it > without}
    assert len(ahead) > len(PUBLISHED) / 2
    assert [f"{SCALES[k]:.2g}" for k in sorted(set(PUBLISHED) - ahead)] == ["0.29", "0.16"]
    assert load_digits().x_train.shape[1] == 64
    assert all(preset.look_for.startswith("On MNIST") for preset in PAGE.part("scales").presets)


# Parameters

@cache
def check_cost():
    rng, kinds = random.Random(0), set()
    listed = [dict(x.settings).get("layers", cost.LAYERS.default) for x in (*PAGE.part("cost").presets, *PAGE.part("cost").try_next)]
    entries = ("BN", "300", "300 elu", "100 no bias", "elu", "relu", "dropout 0.2", "50 relu", "1", "100000 no bias")
    listed += [", ".join(["784", *rng.choices(entries, k=rng.randint(1, 7))]) for _ in range(150)] + ["1, 1", "100000, 100000", "784, BN", "784, 1, BN, 10", "784, 30, BN, elu, 20, BN, 10"]
    TRIED["settings"] += len(listed)
    for text in listed:
        features, trained, kept, norms, bent, doubled, wasted = 0, 0, 0, 0, False, [], []
        words = [word.strip() for word in text.split(",")]
        features = int(words[0])
        for i, word in enumerate(words[1:], start=1):
            if word == "BN":
                trained, kept, norms = trained + 2 * features, kept + 2 * features, norms + 4 * features
            elif word[0].isdigit():
                bias = "no bias" not in word
                trained, features = trained + (features + bias) * int(word.split()[0]), int(word.split()[0])
                bent = word.endswith(("elu",))
                if bias and not bent and words[i + 1:i + 2] == ["BN"]:
                    wasted.append((i, features))
            elif word in ("elu", "relu"):
                if bent:
                    doubled.append(i)
                bent = True
        verdict = cost.read(layer_list.parse_layers(text))
        kinds.add(verdict.kind)
        assert f"{trained + kept:,} parameters: {trained:,} are trained, {kept:,} are kept" in verdict.text, text
        assert trained + kept < 1e11   # the axis ends there
        assert ("an activation to what went through one" in verdict.text) == bool(doubled)
        assert not doubled or f"Layer{'s' * (len(doubled) > 1)} {', '.join(map(str, doubled))} appl{'y' if len(doubled) > 1 else 'ies'} an" in verdict.text
        assert ("say “no bias”" in verdict.text) == (bool(wasted) and not doubled)
        if verdict.kind == "bias":
            count, said = sum(n for _, n in wasted), f" layer{'s' * (len(wasted) > 1)} {', '.join(str(i) for i, _ in wasted)} "
            assert f"The {count:,} bias{'es' * (count > 1)} of{said}{'are' if count > 1 else 'is'} subtracted" in verdict.text
        if verdict.kind == "usual":
            assert ("There is no batch norm" in verdict.text) == (norms == 0)
            assert norms == 0 or f"Batch norm costs {norms:,} of them, {number(100 * norms / (trained + kept), 2)} %." in verdict.text
            assert "e+" not in verdict.text
    assert kinds == {"usual", "bias", "doubled"}


def check_listings():
    def count(text):
        return layer_list.totals(layer_list.parse_layers(text).summary())
    assert count(cost.LAYERS.default) == (271_346, 268_978, 2_368)
    assert count(cost.BEFORE) == count(cost.PRINTED) == (270_946, 268_578, 2_368)
    assert count(cost.LAYERS.default)[0] - count(cost.BEFORE)[0] == 400
    assert cost.PRINTED == "784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, elu, 10"   # as the notes print it, Flatten aside
    assert "Layer 8 " in cost.read(layer_list.parse_layers(cost.PRINTED)).text
    assert abs(count(cost.MILLION)[0] - 1e6) < 1e4
    assert "Batch norm costs 4,800 of them" in cost.read(layer_list.parse_layers(cost.MILLION)).text
    x = np.linspace(-60, 5, 1001)
    once = np.where(x > 0, x, np.expm1(x))
    assert round(float(np.where(once > 0, once, np.expm1(once)).min()), 3) == -0.632
    assert round(float(once.min()), 6) == -1


# Inputs

def loss(n: int, kappa: float, share: float) -> float:
    """After n steps: each direction holds half of the loss, and shrinks by its own factor."""
    return 0.5 * ((1 - 2 * share) ** 2) ** n + 0.5 * ((1 - 2 * share / kappa) ** 2) ** n


@cache
def check_inputs():
    rows = {drift: input_scaling.scale_test_data(drift, seed=1) for drift in (0.0, 2.0, 3.0)}
    options = {c.name: c.options for c in inputs.CONTROLS if hasattr(c, "options")}
    kinds = set()
    for reach, share, drift in itertools.product(options["range"], options["share"], rows):
        TRIED["settings"] += 1
        ways = {way: input_scaling.valley(input_scaling.features(reach), way) for way in inputs.WAYS}
        verdict = inputs.read(ways, share, rows[drift])
        kinds.add(verdict.kind)
        kappa = (reach - 1.0) ** 2   # evenly spread features: spreads are in proportion to ranges
        assert f"is {number(kappa)} for raw inputs, {number(kappa)} if they are divided by σ², and 1 if they" in verdict.text
        assert ("never comes down" in verdict.text) == (share >= 1)
        if share >= 1:
            assert all(one.loss([1000], share)[0] >= 1 for one in ways.values())
            assert inputs.read(ways, verdict.fix["share"], rows[drift]).kind == "usual"
            continue
        said = [int(word.replace(",", "")) for word in verdict.text.partition("of the loss in ")[2].partition(" steps")[0].replace(" and", ",").split(", ")]
        for n, k in zip(said, (kappa, kappa, 1.0), strict=True):
            assert loss(n, k, share) <= 1e-6 * 1.001
            assert n == 1 or loss(n - 1, k, share) > 1e-6 * 0.999
        assert ("only swaps which feature" in verdict.text) == (reach > 2)
        assert ("Both features have the same spread" in verdict.text) == (reach == 2)
        assert f"have {number(rows[drift][1].error / rows[drift][0].error, 2)} times the error" in verdict.text
    assert kinds == {"usual", "diverges"}


def check_inputs_lines():
    raw, by, std = (input_scaling.valley(input_scaling.features(10), way) for way in input_scaling.WAYS)
    assert math.isclose(raw.condition, by.condition)
    assert math.isclose(np.sqrt(raw.condition), np.sqrt(np.divide(*np.linalg.eigvalsh(raw.hessian)[::-1])))   # the axes of an ellipse of equal loss
    steep = [np.abs(np.linalg.eigh(one.hessian)[1][:, 1]) for one in (raw, by)]
    assert abs(steep[0] @ steep[1]) < 1e-9   # turned by a right angle
    assert np.allclose(raw.loss([1, 5, 50], 0.9), by.loss([1, 5, 50], 0.9))
    path = raw.path(30, 0.9)
    across, along = np.sign(path[1:, 0] - raw.optimum[0]), path[-1, 1] / raw.optimum[1]
    assert (across[1:] == -across[:-1]).all()
    assert 0.45 < along < 0.55
    assert abs(std.path(1, 0.5)[1] - std.optimum).max() < 1e-12
    assert abs(raw.path(1, 0.5)[1][0] - raw.optimum[0]) < 1e-9
    assert all(one.loss([100], 1.05)[0] > 1 for one in (raw, by, std))
    for drift in (0.0, 1.0, 3.0):
        train, own, leak = input_scaling.scale_test_data(drift, seed=3)
        assert math.isclose(train.error, leak.error)
        assert abs(own.test_mean) < 1e-9
    digits = load_digits()
    constant = np.ptp(digits.x_train, axis=0) == 0
    standard = normalizer("standardize", digits)(digits.x_train)
    assert not standard[:, constant].any()
    features = input_scaling.features(30)
    assert 0 < features[:, 1].min() < features[:, 1].max() < 1


# What idle controls and marks at the edge say

def check_idle():
    control = {c.name: c for c in PAGE.controls}
    for name in ("size", "pull", "spread", "seed"):
        assert control[name].idle(values("batch", values="1, 2")) == common.TYPED
        assert not control[name].idle(values("batch", values="1, two"))   # it cannot be read: the drawn one counts
        assert not control[name].idle(values("batch"))
    assert not control["seed"].idle(values("gradient", values="1, 2"))
    assert control["seed"].idle(values("batch", size=1))
    assert "beta" not in {c.name for c in PAGE.part("gradient").all_controls}
    assert plainly(values("batch", size=1, seed=1))[0] == plainly(values("batch", size=1, seed=2))[0] == [10.0]


def check_axes():
    """Lines that leave an axis are not bent along its edge, and an arrow tells how far they go."""
    assert '"clamp": true' not in json.dumps([scale.to_dict() for scale in (depth.magnitude("rms", "RMS")["scale"],)])
    for module in (batch, gradient, running, cost, inputs):
        assert "clamp=True" not in inspect.getsource(module)
        assert '"clamp": True' not in inspect.getsource(module)
    run = depth.placed(30, 100, "relu", 10.0, seed=0, samples=100)["none"]
    out = depth.beyond(run.activations.below, run.activations.above, 0, 4)
    assert set(out["side"]) == {"above"}
    assert set(out["layer"]) == set(range(1, 31))
    table = pd.DataFrame({"layer": range(1, 31), "rms": encodings.drawable(run.gradient_rms), "series": "without"})
    marks = encodings.gone(table, "layer", "rms", depth.MAGNITUDES, log=True, by="series")
    assert list(marks["text"]) == [f"▲ {number(float(run.gradient_rms.max()), 2)}"]
    inside = table.assign(rms=1.0)
    assert encodings.gone(inside, "layer", "rms", depth.MAGNITUDES, log=True, by="series").empty


def check_neighbours():
    sizes = np.array([32, 128])
    measured, rule = normalization.neighbours(sizes)
    rng = np.random.default_rng(5)
    for size, found, expected in zip(sizes, measured, rule, strict=True):
        others = rng.standard_normal((4000, size - 1))
        full = np.column_stack([np.ones(4000), others])
        assert math.isclose(((1 - full.mean(1)) / full.std(1)).std(), found, rel_tol=0.1)
        assert math.isclose(expected, math.sqrt(1.5 / size))


def check_momentum():
    layer = BatchNorm(1, momentum=0.75)
    layer.forward(np.array([[2.0], [6.0]]), training=True)
    assert math.isclose(layer.running_mean.value.item(), 0.75 * 0 + 0.25 * 4)


def check_propagation_scale():
    run = propagate(depth=1, width=200, activation="relu", initializer="lecun_normal", gain=1.4142, samples=10, rng=np.random.default_rng(0))
    he = propagate(depth=1, width=200, activation="relu", initializer="he_normal", samples=10, rng=np.random.default_rng(0))
    assert np.allclose(run.sigma_w, he.sigma_w, rtol=1e-4)


def all_of(when: str, check, *texts: str) -> dict[str, Claim]:
    return {text: Claim(when, check) for text in texts}


def none_of(why: str, *texts: str) -> dict[str, Claim]:
    return {text: Claim("always", why_not=why) for text in texts}


CLAIMS: dict[str, Claim] = {
    **openings("batch_norm"),
    **all_of("by the kind of the batch", check_batch,
             "A batch of one is its own mean: x − μ = 0, so y = β = {} whatever x is. Nothing passes, forward or back.",
             "All {} values are equal: σ² = 0, and only ε keeps the division finite. Every y is β = {}.",
             "Of what stands under the root, σ² + ε, {} % is ε. The batch's own variance is only ", "{}, and x̂ has variance {} instead of 1.",
             "Two different values always become −1 and +1, up to ε. {}", "Only their order is left.",
             "Here ε is large enough to hold them back at ±{}.",
             "Batch norm takes away the mean {} and the spread {} of the batch. ", "γ and β give y the mean {} and the spread {}. ",
             "With γ = 0 every y is β = {}: nothing is left of x.", "One value is far out, and still |x̂| = {}. ",
             "These are those of x: every y is its x again, up to ε. With such γ and β the layer changes nothing.",
             "Among {} values none can be beyond √(m − 1) = {}.", "The {} values keep their relative distances, in {} order.",
             "Of one value nothing is left, of two only their order.", "Learned: the mean of y."),
    **all_of("with its own settings", check_batch_lines,
             "A batch with mean 5 and spread 2: γ = 2 and β = 5 undo the normalisation. The layer can learn to be the identity.",
             "Spread 10⁻³: compare σ² with ε. Keras's ε is 10⁻³, a thousand times this variance.", "x̂ keeps less than a third of its spread of 1.",
             "Whatever the two values are, x̂ is −1 and +1, up to ε.", "x − μ is 0: whatever goes in, β comes out.", "ε larger than the variance",
             "It squeezes all the others, and stays within √(m − 1).", "At 2.5, with a spread of 2, x₁ itself is 5 + 2.5 · 2 = 10.",
             "One value far out"),
    **all_of("by what is left of the gradient", check_gradient,
             "With γ = 0 no gradient passes: every dx is 0. {}", "γ itself still gets dγ = {}, and can grow again.",
             "In a batch of {} the mean{} take{} the gradient back: of a norm of {}, {} is left. ", "The layers below learn next to nothing from it.",
             "Batch norm lets {} % of the direct gradient through, counted by squares. ", "It takes away the part that would shift the whole batch: Σ dx = {}. ",
             "It also takes away the part that would stretch it: dx · x̂ = {}. ", "ε lets some of the part pass that would stretch it: dx · x̂ = {}. "),
    **all_of("whenever a gradient passes", check_bias, "In a small network, a bias just before batch norm gets a gradient of {}, ",
             "and without batch norm one of {}. Leave that bias out.", "ε = 0.1: for small factors s the points leave the line 1/s."),
    **all_of("with its own settings", check_gradient_lines,
             "Drag x₁ to 10 spreads: every direct gradient shrinks. By how much does the spread of the batch grow?",
             "ε = 1: the sum of dx stays 0, but dx · x̂ does not.", "Batch size 2: why is nothing left?",
             "The three terms add up to dx, which sums to zero."),
    **all_of("by what use mode makes of x̂", check_running, "in use x̂ has mean {} and spread {} instead of 0 and 1",
             "A batch of one has no variance, so the running variance falls towards 0. After step {}, {}.", "Training mode does not notice.",
             "The inputs have moved, and the running mean makes up {} of the gap a step: {}. ", "After step {} {}: training and use {}.{}",
             "After step {} the running statistics have gone 1 − {} = {} % of the way from their start. I{}."),
    **all_of("batches up to 8; where training and use do not agree", check_averaged, "{} The running mean averages about {} inputs.",
             " On average, batches of {} see only {}/{} of the variance.", "A small batch has a restless mean, and on average too small a variance."),
    **all_of("with its own settings", check_running_lines, "Batches of two: why is the running variance about half of the true one?",
             "The running variance falls towards 0; x̂ in use leaves its axis.", "The running mean lags behind the mean of the batches.",
             "The running statistics have not yet come to the true mean and variance.", "Shift the inputs, and evaluate at 59, 61 and 100."),
    **all_of("always", check_momentum, "Share of the old running value that a step keeps. Keras has 0.99."),
    **all_of("by spread and gradient of the three networks", check_depth,
             "Without batch norm, layer {} has a spread of {}, and the first layer's gradient is {}. "
             "With it before φ these are {} and {}; after φ, {} and {}. ",
             "{} times the last one's", "0, as the last one's is", "Batch norm keeps the spread of the signal. ",
             "At this scale the plain network keeps both within a factor of {} by itself. "),
    **all_of("where the gradient grows by more than 1.1 a layer", check_explosion,
             "But batch norm itself makes the gradient grow towards the first layer, by this factor a layer: {}.",
             "Thirty layers of ReLU with batch norm: the gradient grows more than a hundredfold towards the first layer. Depth has its price.",
             "The plain network keeps signal and gradient. Batch norm makes the gradient grow.",
             "Each layer multiplies signal and gradient once more."),
    **all_of("with its own settings", check_depth_lines, "Weight scale 10 instead of 0.3: which of the three pictures changes?",
             "Without batch norm the activations shrink to nothing; with it, before or after φ, they keep their spread.",
             "Sigmoid: its activations lie between 0 and 1, unless batch norm stands after it."),
    **all_of("a large network", check_room, "Networks of this size are measured on {} inputs, and on {} at each scale, to answer soon."),
    **all_of("always", check_propagation_scale, "1 is 1/√n, 1.4142 is He's rule. Batch norm divides it out again."),
    **all_of("after an epoch", check_scales, "After {} epoch{} batch norm is ahead at {} of {} scales, by more than {} points. ",
             "It is **behind** at {}", ", where the plain network learns by itself."),
    **all_of("the published values of MNIST", check_scales_lines, "On MNIST, batch norm ends ahead at most scales, and behind at 0.29 and 0.16.",
             "The published values, and what the preset promises, are of MNIST. These are the digits: 8 × 8 pixels instead of 28 × 28.",
             "The first 1,000 images: of the built-in digits, or of MNIST as in the book."),
    **all_of("by what the list wastes", check_cost, "{} parameters: {} are trained, {} are kept as running means and variances. ",
             "Layer{} {} appl{} an activation to what went through one already, with no dense layer between. ", "Batch norm costs {} of them, {} %.",
             "The {} bias{} of layer{} {} ", "{} subtracted again by the batch norm that follows: say “no bias”.", "There is no batch norm in it.",
             "“784, 300, BN, elu, 10”: which parameters are wasted?"),
    **all_of("with its own list", check_listings, "It has 271,346 parameters; 2,368 of them are not trained.",
             "It has 400 biases fewer: 270,946 parameters.",
             "The same count of 270,946; but elu(elu(x)) cannot fall below −0.632.", "The listing as printed: ELU twice", cost.BEFORE, cost.MILLION,
             cost.PRINTED, cost.LAYERS.default, "Put BN before the activation and drop the biases: 400 parameters fewer.",
             "Keras listing: BN after ELU",
             "Keras listing: BN before ELU", "How many of a million-parameter network's numbers are batch norm's? “{}”",
             "Keep only one of the two: elu(elu(x)), for example, cannot fall below −0.632, where elu(x) reaches −1."),
    **all_of("by the learning rate and the range", check_inputs, "The condition number is {} for raw inputs, {} if they are divided by σ², and {} if they are divided by σ. ",
             "At a learning rate of 2/λ_max or more, gradient descent never comes down.", "Gradient descent comes down to a millionth of the loss in {}, {} and {} steps. ",
             "Dividing by the variance only swaps which feature is too large. ",
             "Both features have the same spread: here the divisor does not matter. ",
             "{}Test data scaled by their own μ and σ have {} times the error."),
    **all_of("always, or with its own settings", check_inputs_lines, "x₂ always lies between 0 and 1.",
             "Rate 1.05: which of the three still comes down?",
             "Beyond 1 gradient descent diverges. At 0.5 one step reaches the bottom of the steepest direction.",
             "Divided by σ² the valley is as long as before, only turned by a right angle.", "Grey: a millionth of the first loss. The lines of raw and σ² lie on each other.",
             "The way zigzags across the valley, and thirty steps take it only half of the way along.",
             "{} times as long as wide.", "as long as wide.",
             "x₁ up to 10 only: now the valley can be seen. Count the zigzags at a rate of 0.95.",
             "Scaled by their own μ and σ, test data hide that they have moved. A μ and σ of all data together change nothing for least squares, "
             "but they look at data that nobody has yet. {} of the 64 pixels of the digits never change: σ = 0, and they stay 0."),
    **all_of("where a control does nothing", check_idle, "The batch is typed: no number is drawn.",
             "A batch of one holds only x₁, which you set yourself.",
             "A batch of one is its own mean: this changes no gradient.", "All values but x₁ are drawn with this standard deviation around 5.",
             "The same seed draws the same numbers.", "This batch cannot be read: {}. The drawn one is used."),
    **all_of("always", check_neighbours, "Dots: measured over 2,000 batches. Line: the rule, in proportion to 1/√m. Ring: your batch size.", "One x̂ depends on its batch",
             "How much one image's normalised value varies with its neighbours, by batch size"),
    **all_of("where lines end", check_axes, "Histograms of the activations layer by layer, {}", "Gradient by layer, from right to left",
             "Gradient by layer, without batch norm, before and after the activation", "The same values in use", "Spread: {} in layer 1, {} in layer {}.",
             "Outside of the picture: at most {} %.",
             "Gradient of the first layer over that of the last one, against the scale of the weights"),
    **none_of("a question", "Another seed: which scales scatter most?", "Batch size 2, then 1: what is left of the values?",
              "Batches of one: what is divided by what?", "Drag x₁ to 10 spreads: what happens to all the others?",
              "Evaluate after step 3, then 30. With momentum 0.99, how long is long enough?", "What happens inside batch norm?",
              "He's scale through depth: what does the plain network do there?",
             "He's scale, 1.4142, with ReLU: what is there left for batch norm to do?",
              "Test data that lie three σ higher: what does scaling by their own numbers cost?"),
    **none_of("an instruction", "In standard deviations. Evaluate before and after.",
             "Choose MNIST in the sidebar, and compare the points with the short lines, the published values.",
              "Numbers with commas. Empty: the batch is drawn, with the settings below.",
              "Press **Start**: 32 networks train at once, and each gets a point after every epoch.",
              "The number of inputs first, then layers: “300”, “300 elu”, “300 no bias”, “BN”, “elu”, “dropout 0.2”."),
    **none_of("a definition", "It bends z in every layer. Batch norm stands before it or after it.", "x₁ of the test data, in standard deviations.",
              "Keeps the division finite. Keras has 10⁻³, PyTorch 10⁻⁵.",
             "Left to right: subtract the mean, divide by the spread, multiply by γ and add β.",
              "Where the network is switched from training to use.", "{} networks, {} epochs of 1,000 images: 2 × {} scales",
              "Inside the layer: four equations and their gradient, running statistics, sixteen weight scales, and where it loses.",
              "This list cannot be read: {}. The default list is shown."),
    **none_of("names a control, a column, a preset or a chart and its marks", "**The same μ and σ on test data**",
             "Accuracy by epoch, scale by scale",
              "Contours of the loss and thirty steps of gradient descent, {}", "Drag x₁: spreads from the centre 5", "Factor s on the weights",
              "Direct gradient of each example, the parts that flow back through mean and variance, and their sum", "First layer : last layer",
              "Four equations, left to right", "Gradient of W, by a factor on W", "Gradient that arrives, by scale", "He's scale, with and without",
              "Layer, left to right", "Loss by step of gradient descent for three ways to scale the features", "Loss by step, both axes logarithmic",
              "Mean and spread of the normalised values in use, by the step after which training stops", "Scale σ of the first weights",
              "Norm of the weights' gradient against a factor on the weights, beside the line one over the factor", "Shift of the inputs at step {}",
              "Normalised values and outputs as ticks, with mean and spread", "Running {}, the batches' own, and the true one by training step",
              "Sixteen scales on MNIST", "Sixteen small learning curves, one for each weight scale", "Test data lie higher by", "Test data scaled by",
              "The distribution after it", "The gradient, term by term", "Trained and kept parameters of each layer", "Trained with batches of one",
              "Training accuracy by epoch and weight scale, {} batch norm", "Images read correctly, for each scale", "Where the parameters are",
              "Training accuracy by weight scale, with and without batch norm, and as published", "Each line is one example on its way through the four equations. The bold line is x₁.",
              "Bars: the three terms of each gradient. Diamonds: dx, their sum.", "Blue: trained. Diamonds: kept as averages, not trained.",
              "Blue: with batch norm. Grey: without. Short lines: the published values.", "Below: their mean, and one spread to either side.", "Each panel is one scale: {} epochs from left to right, 0 to 100 % upwards.",
              "Grey: without batch norm. Squares: with it before φ. Diamonds: with it after φ.", "Line: the running average. Dots: each batch. Dashed: the truth.", "x₁ reaches from 1 to",
              "Dots: measured. Line: in proportion to 1/s.", "Line and band: mean and spread of x̂ in use. Dashed: in training.", "μ, σ of all data together (leak)",
              "{} values on their way through the four equations of batch norm"),
}
CHECKS = checks_of(CLAIMS)


def test_the_table_holds_every_sentence_of_the_page_and_no_other():
    collected = sentences("pages/parts/batch_norm")
    assert collected - set(CLAIMS) == set()
    assert set(CLAIMS) - collected == set()


@pytest.mark.parametrize("check", CHECKS, ids=full_name)
def test_what_is_said_is_so(check):
    check()


def test_over_500_settings_were_tried():
    for check in (check_batch, check_gradient, check_running, check_depth, check_scales, check_cost, check_inputs):
        check()
    assert TRIED["settings"] >= 500


def test_sentences_stay_short():
    for text in CLAIMS:
        for sentence in text.replace("≤", "").split(". "):
            assert len(sentence.split()) <= 34, sentence
