# ruff: noqa: E501  (a row of the table is a sentence)
"""Gradient checking: every sentence that the page can say, when it is said, and whether it is so."""

import itertools
import math
import random
import re
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import CAUTIONS, check_cost, check_gradients, exercise, load_digits, mlp, numbered, plant, secants
from engine.gradient_check.explanation import explain
from engine.gradient_check.finite_differences import EPSILONS
from engine.gradient_check.listing import LINES, clues, hints, line_of
from engine.gradient_check.zoo import BUGS, NUMBERED, fingerprint
from engine.losses import Penalty
from pages.parts.gradient_checking import PAGE, bug, cautions, common, curve, network, step_size
from pages.shared.titles import rule
from tests.claims.claim import Claim, checks_of, full_name
from tests.claims.collect import sentences
from tests.claims.openings import openings
from tests.pages.helpers import open_part

pytestmark = pytest.mark.usefixtures("without_mnist")
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = r"(∞|not a number|−?[\d.,]*\d(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?)"
THETAS = [round(0.1 * i, 1) for i in range(-20, 21)]


def value(text: str) -> float:
    text = text.replace(",", "").replace("−", "-").replace("∞", "inf").replace("not a number", "nan")
    mantissa, _, power = text.partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(SUPERSCRIPT) or 0)


def parts(pattern: str, text: str) -> list[str]:
    """What stands at each N of a sentence, which must be there."""
    found = re.search(re.escape(pattern).replace("N", NUMBER).replace("W", r"(.+?)"), text.replace("\u00a0", " ").replace("**", ""))
    assert found, (pattern, text)
    return list(found.groups())


def close(text: str, x: float, rel: float = 0.06, abs_: float = 0.0) -> bool:
    got = value(text)
    return (math.isnan(got) and math.isnan(x)) or got == x or math.isclose(got, x, rel_tol=rel, abs_tol=abs_)


# ------------------------------------------------------------------ curves and their slopes, written down once more
CURVES = {
    "cube": (lambda t: t**3, lambda t: 3 * t**2), "square": (lambda t: t**2, lambda t: 2 * t), "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos), "tanh": (np.tanh, lambda t: np.cosh(t) ** -2.0), "relu": (lambda t: np.maximum(t, 0), lambda t: np.where(t > 0, 1.0, 0.0)),
    "sigmoid": (lambda t: 1 / (1 + np.exp(-t)), lambda t: np.exp(-t) / (1 + np.exp(-t)) ** 2),
}


def slopes(name, t, e):
    f = CURVES[name][0]
    return (f(t + e) - f(t)) / e, (f(t + e) - f(t - e)) / (2 * e)


def check_curve():
    """Every curve at every place with every step: 5,166 settings."""
    for name, theta, step in itertools.product(CURVES, THETAS, curve.STEP.options):
        said = curve.read(secants(name, theta, [step])[0])
        text, (one, two), exact = said.text, slopes(name, theta, step), float(CURVES[name][1](theta))
        loose = 40 * 2.2e-16 * max(1.0, abs(float(CURVES[name][0](theta)))) / step + 1e-9 * max(1, abs(exact))
        a, b = parts("the two-sided secant has slope N, and the one-sided N. ", text)
        assert close(a, two, 0.03, loose), (name, theta, step)
        assert close(b, one, 0.03, loose), (name, theta, step)
        assert (said.kind == "kink") == ("no tangent" in text) == (name == "relu" and theta == 0)
        if said.kind == "kink":
            assert (CURVES[name][1](-1e-9), CURVES[name][1](1e-9)) == (0, 1)
        elif said.kind == "exact":
            assert abs(two - exact) <= loose
            assert abs(one - exact) <= loose
        else:
            c, d, e = parts("The tangent has N, so they are off by N and N.", text)
            assert close(c, exact, 1e-8 if abs(exact) > 0.01 else 0.03, 1e-15)
            assert close(d, abs(two - exact), 0.06, loose)
            assert close(e, abs(one - exact), 0.06, loose)


def rms(name, theta, e, scheme):
    t = theta + 0.05 * max(abs(theta), 1.0) * np.linspace(-1, 1, 25)
    if scheme == "complex":
        f = {"relu": lambda z: np.where(z.real > 0, z, 0), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}.get(name, CURVES[name][0])
        got = np.imag(f(t + 1j * e)) / e
    else:
        got = slopes(name, t, e)[scheme == "central"]
    return float(np.sqrt(np.mean((got - CURVES[name][1](t)) ** 2)))


@lru_cache(maxsize=400)
def own_v(name, theta, scheme):
    return np.array([rms(name, theta, e, scheme) for e in EPSILONS])


@lru_cache(maxsize=400)
def found_v(name, theta):
    return step_size.curves(name, theta)


def check_v():
    """Every curve at four places: 28 settings. Rounding draws the left arm in its own way each time, within a factor of 4."""
    at = np.array(EPSILONS)
    for name, theta in itertools.product(CURVES, (-2.0, -0.1, 0.0, 1.0)):
        said = step_size.read(found_v(name, theta))
        one, two = own_v(name, theta, "forward"), own_v(name, theta, "central")
        kind = ("kink" if theta == 0 else "straight") if name == "relu" else "exact" if name == "square" else "v"
        assert said.kind == kind, (name, theta)

        def near(text, errors):
            return errors.min() / 5 <= value(text) <= 5 * errors.min() + 1e-15

        def least_at(text, errors):
            return errors[np.abs(np.log(at / value(text))).argmin()] <= 30 * errors.min() + 1e-15

        if kind in ("v", "exact"):
            complex_error, = parts("The complex step reaches N and has no left arm, because it subtracts nothing.", said.text)
            assert value(complex_error) <= 3e-15
            assert own_v(name, theta, "complex")[at <= 1e-9].max() < 3e-15      # no left arm
            if kind == "v":
                e2, r2, e1, r1 = parts("the two-sided difference is best at ε = N with an error of N, the one-sided at N with N. ", said.text)
                o2, o1 = parts("Their right arms rise with slopes N and N: the errors grow like these powers of ε.", said.text)
                assert abs(value(o2) - 2) < 0.05
                assert least_at(e2, two)
                assert near(r2, two)
            else:
                assert two[at > 1e-3].max() < 1e-11                            # exact but for rounding, and without a right arm
                (_,) = parts("is exact at any ε, so its V has no right arm. Rounding leaves an error of N ", said.text)
                e1, r1, o1 = parts("In float64 the one-sided difference is best at ε = N with an error of N, and its right arm rises with slope N.", said.text)
            assert abs(value(o1) - 1) < 0.05
            assert least_at(e1, one)
            assert near(r1, one)
        elif kind == "kink":
            r2, r1 = parts("The least error at any ε is N for the two-sided difference and N for the one-sided.", said.text)
            assert close(r2, two.min())
            assert close(r1, one.min())
            assert min(two.min(), one.min()) > 0.05                            # no step helps
            assert own_v(name, theta, "complex").max() == 0
        else:
            r2, r1 = parts("The least errors are N for the two-sided difference and N for the one-sided.", said.text)
            assert max(value(r2), value(r1), two.min(), one.min()) < 1e-15
            reach = at[at > abs(theta) - 0.05 * max(abs(theta), 1)]            # the first ε that carries the nearest point across
            assert ("steps cross the kink" in said.text) == bool(len(reach)), (name, theta)
            if len(reach):
                e, most = parts("From ε = N on, two-sided steps cross the kink, and their error grows to N.", said.text)
                assert close(e, reach[0], 0.06)
                assert close(most, two[-1])
                assert "slopes" not in said.text


def check_v_table():
    """"Any up to": below it every error is rounding, and no V is said to be without a left arm."""
    for name, theta in itertools.product(CURVES, (-2.0, -0.1, 0.0, 1.0)):
        for c in found_v(name, theta):
            u = np.finfo(c.dtype).eps
            flat, limit = c.errors <= 10 * u, c.exact_up_to
            assert (limit > 0) == bool(flat[0])
            if limit:
                assert flat[c.epsilons <= limit].all()
                assert c.scheme == "complex" or (name == "relu" and theta < 0)


def check_v_picture():
    """Nothing is moved to the edge of its axis: what leaves it is cut there."""
    for name, theta in (("cube", 0.0), ("exp", 2.0), ("sin", 1.0)):
        found = found_v(name, theta)
        frame = step_size.points(found)
        assert set(frame["error"]) == {e for c in found for e in c.errors if 0 < e < math.inf}
        assert frame[(frame["epsilon"] <= 1e-16) & (frame["scheme"] == "two-sided")]["error"].gt(1e-5).all()    # left: rounding
    assert found_v("cube", 1.0)[1].errors[-1] == pytest.approx(1.0, rel=0.01)                                   # right: ε² at ε = 1


def check_v_presets():
    found = {c.scheme: c for c in found_v("cube", 1.0)[:3]}
    for scheme in ("forward", "central"):
        e = found[scheme].errors
        assert min(e[0], e[-1]) > 1e4 * e.min()
    assert found["complex"].errors[:40].max() < 1e-14
    assert found_v("sin", 1.0)[2].errors[0] < 1e-15
    kink = found_v("relu", 0.0)
    assert min(kink[0].best_error, kink[1].best_error) > 0.05


def check_curve_presets():
    r = secants("cube", 1.0, [0.01])[0]
    assert (r.one_sided, r.two_sided) == (pytest.approx(3.0301), pytest.approx(3.0001))
    assert (pytest.approx(r.one_sided_error), pytest.approx(r.two_sided_error)) == (3 * 0.01 + 0.01**2, 0.01**2)
    settings = {line.text.split(" ")[0] + str(i): line.settings for i, line in enumerate(curve.PART.try_next)}
    square, tiny = settings["θ²:1"], settings["θ³3"]
    r = secants(square["function"], square["theta"], [square["step"]])[0]
    assert r.two_sided_error < 1e-14
    r = secants(tiny["function"], tiny["theta"], [tiny["step"]])[0]
    for slope in (r.one_sided, r.two_sided):
        assert f"{slope:.3f}" == "3.000"
        assert f"{slope:.4f}" != "3.0000"
    assert secants("cube", 1.0, [1.0])[0].two_sided_error > 0.5
    assert secants("cube", 1.0, [1e-12])[0].two_sided_error > secants("cube", 1.0, [1e-6])[0].two_sided_error


# ------------------------------------------------------------------ bugs, against the same network without the bug
@lru_cache(maxsize=20)
def sides(number: int):
    """name -> (gradient with the bug, gradient without it); nothing of a gradient check is in it."""
    e = numbered(number)
    return {p.name: pair for p, *pair in _pairs(e)}, e


def _pairs(e):
    a = e.network.astype(np.float64).loss_and_gradient(e.x, e.labels, e.penalty)[1]
    b = e.correct.astype(np.float64).loss_and_gradient(e.x, e.labels, e.penalty)[1]
    start = 0
    for p in e.correct.parameters:
        yield p, a[start:start + p.value.size].reshape(p.value.shape), b[start:start + p.value.size].reshape(p.value.shape)
        start += p.value.size


def wrong(pairs) -> set[str]:
    return {name for name, (a, b) in pairs.items() if np.linalg.norm(a - b) > 1e-6 * (np.linalg.norm(a) + np.linalg.norm(b)) + 1e-12}


def of(key: str):
    return sides(NUMBERED.index(key) + 1)


@lru_cache(maxsize=20)
def clues_of(number: int):
    return clues(number)


def check_hints():
    """All three of each bug: what is wrong and right, by what ratio, and which lines can do it, against gradients with every bug planted."""
    for number_ in range(1, 18):
        pairs, e = sides(number_)
        spoiled = wrong(pairs)
        first, second, third = hints(clues_of(number_))
        accused, _, right = first.partition(" Right: ")
        assert set(re.findall(r"[a-z_]+\d?\.[A-Za-z]+", accused)) == spoiled
        named = set(re.findall(r"[a-z_]+\d?\.[A-Za-z]+", right))
        assert not named & spoiled
        assert named == {name for name, (_, b) in pairs.items() if np.abs(b).max() > 1e-9} - spoiled
        assert ("nothing that could be compared" in right) == (not named)
        multiples, _, others = second.partition("No one number turns b into a in ")
        for ratio, names in re.findall(r"a is (\S+(?: × 10\S+)?) × b in ([^;]*?)\.(?= |$)", multiples):
            for name in names.split(", "):
                a, b = pairs[name]
                assert np.allclose(a, value(ratio) * b, rtol=1e-3, atol=1e-9 + 1e-3 * np.abs(b).max()), (number_, name)
        for name in others.rstrip(".").split(", ") if others else ():
            a, b = pairs[name]
            best = (a * b).sum() / ((b * b).sum() or 1)
            assert np.linalg.norm(a - best * b) > 1e-6 * np.linalg.norm(a), (number_, name)
        can = {line_of(key) for key in NUMBERED if planted(e, key) == spoiled}
        assert {int(i) - 1 for i in re.findall(r"\d+", third.partition("Only")[2])} == can


def planted(e, key: str) -> set[str]:
    twin = SimpleNamespace(network=plant(e.correct, key), correct=e.correct, x=e.x, labels=e.labels, penalty=e.penalty)
    return wrong({p.name: pair for p, *pair in _pairs(twin)})


def check_misses():
    """The answer to each wrong click on each bug (170), against gradients with every bug of the clicked line planted."""
    for number_ in range(1, 18):
        pairs, e = sides(number_)
        here = wrong(pairs)
        for i, line in enumerate(LINES):
            if e.bug.key in line.faults:
                continue
            text = bug.miss(clues_of(number_), i)
            faults = [planted(e, key) for key in line.faults] or [{name for name in pairs if name.endswith(".beta")}]
            named = set(re.findall(r"[a-z_]+\d?\.[A-Za-z]+", text))
            if "also spoil" in text:
                assert named == set.intersection(*(there - here for there in faults)), (number_, i)
                assert named
            elif "would leave" in text:
                assert named == set.intersection(*(here - there for there in faults)), (number_, i)
                assert named
            else:
                assert here in faults, (number_, i)


def check_bug_verdicts():
    """All bugs in other networks (136 settings): who is accused is wrong, who is acquitted is right; "most of all" is the largest difference."""
    for key, seed, (activation, samples) in itertools.product(NUMBERED, range(4), (("tanh", 7), ("relu", 16))):
        options = {"activation": activation} if key not in ("slope_at_output", "skipped_layer") else {}
        e = exercise(key, sizes=(64, 9, 8, 10), seed=seed, samples=samples, **options)
        report = check_gradients(e.network, e.x, e.labels, penalty=e.penalty)
        said, spoiled = explain(report), wrong({p.name: pair for p, *pair in _pairs(e)})
        assert said.kind == "wrong", (key, seed)
        accused = {row.name for row in report.by_parameter.values() if row.grade in ("fair", "suspicious", "wrong")}
        acquitted = {row.name for row in report.by_parameter.values() if row.grade == "right"}
        assert accused <= spoiled
        assert not acquitted & spoiled
        before, _, after = said.text.partition(" not agree.")
        assert set(re.findall(r"[a-z_]+\d?\.[A-Za-z]+", before)) <= accused
        name, error, index = parts("The worst is W, with a relative error of N, most of all at index [W]", after)
        row = report.by_parameter[name]
        a, b = (side[row.start:row.start + math.prod(row.shape)].reshape(row.shape) for side in (report.analytical, report.numerical))
        assert close(error, np.linalg.norm(a - b) / (np.linalg.norm(a) + np.linalg.norm(b)))
        assert np.abs(a - b).max() == np.abs(a - b)[tuple(map(int, index.split(", ")))]
        right = after.partition("Right: ")[2]
        assert set(re.findall(r"[a-z_]+\d?\.[A-Za-z]+", right)) <= acquitted
        assert ("No parameter is right" in after) == (not acquitted)


def check_fingerprints():
    for number_, key in enumerate(NUMBERED, 1):
        pairs, e = sides(number_)
        assert wrong(pairs) == set(fingerprint(e.correct, key)), key


def check_bug_map():
    """Rounding is 0, in the zoo and on what a check finds equal to rounding; nothing else is; nothing is cut."""
    for number_ in range(1, 18):
        _, e = sides(number_)
        report = check_gradients(e.network, e.x, e.labels, penalty=e.penalty)
        for name, (_, truth) in sides(number_)[0].items():
            a, b = bug.gradient_cells(report, name)
            if np.abs(truth).max() < 1e-12:
                assert not b["value"].any(), name
            else:
                assert np.abs(b["value"]).max() == 1
            row = report.by_parameter[name]
            raw = report.analytical[row.start:row.start + math.prod(row.shape)]
            unit = np.abs(truth).max() if np.abs(truth).max() > 1e-12 else np.abs(raw).max()
            if unit > 1e-9:
                assert np.abs(a["value"]).max() == pytest.approx(np.abs(raw).max() / unit, rel=1e-4)


def check_bug_words():
    """What the network has, and a progress of none, some and all."""
    app = open_part(PAGE, PAGE.part("bug"), bug=14)
    e = numbered(14)
    assert [layer.name for layer in e.correct.summary()] == [
        "dense_1", "batch_norm_1", "activate_1", "dropout_1", "dense_2", "batch_norm_2", "activate_2", "dropout_2", "output"]
    assert e.correct.layers[2].activation.name == "tanh"
    assert (e.correct.layers[3].rate, e.penalty.l2, e.x.shape) == (0.3, 0.1, (16, 64))
    assert all(np.abs(p.value).min() > 0 for p in e.correct.parameters if p.name.endswith(".b"))
    assert "Found at this level: 0 of 17" in app.get("progress")[0].proto.text
    gamma_and_beta = [pair for name, pair in sides(15)[0].items() if name.endswith((".gamma", ".beta"))]
    assert all(np.allclose(a, b / 10) for a, b in gamma_and_beta)
    for level in bug.LEVELS:
        lines = [bug.code(i, level, 14) for i in range(len(LINES))]
        assert sum(f"`{line.code}`" not in text for line, text in zip(LINES, lines, strict=True)) == (level == "1")
    assert "seventeen bugs" in PAGE.card
    assert len(NUMBERED) == len(BUGS) == bug.BUG.limits[1] == 17


# ------------------------------------------------------------------ networks
def settings(**changed) -> SimpleNamespace:
    return SimpleNamespace(**network.PLAIN | changed)


@lru_cache(maxsize=600)
def _checked(items: tuple):
    v = settings(**dict(items))
    data = load_digits()
    s = network.settings_of(v, data)
    built = {name: s[name] for name in ("activation", "dropout", "initializer", "gain", "sigma_b", "batch_norm")}
    net = mlp(s["sizes"], rng=np.random.default_rng(s["seed"]), dtype=np.float64, **built)
    penalty = Penalty(l2=s["l2"]) if s["l2"] else None
    report = check_gradients(net, data.x_train[:s["samples"]] / 16, data.y_train[:s["samples"]], penalty=penalty, epsilon=s["epsilon"],
                             scheme=s["scheme"], dtype=np.dtype(s["precision"]))
    return report, network.read(report, s["samples"], network.room(64, v.layers)), s


def checked(**changed):
    return _checked(tuple(sorted(changed.items())))


def grid():
    """Both ends and all rungs of each control on a small network, one at a time; then random settings: about 160."""
    free = [c for c in (*network.CONTROLS, *network.MORE) if c.name not in ("layers", "data", "seed")]
    found = [{"layers": "24-16", c.name: option} for c in free for option in c.options]
    found.append({"activation": "gelu", "batch_norm": "after", "dropout": 0.5, "samples": 2, "scheme": "complex", "epsilon": 1e-9, "precision": "float32",
                  "l2": 0.001, "initializer": "lecun_uniform", "gain": 3.0, "sigma_b": 0.5, "layers": "24-16", "seed": 77})   # "fair"
    rng = random.Random(0)
    for _ in range(70):
        found.append({c.name: rng.choice(c.options) for c in free} | {
            "layers": rng.choice(("10", "24-16", "30-30-30")), "seed": rng.randrange(99), "samples": rng.choice((1, 2, 3, 16))})
    return found


def own_band(x):
    return "right" if x <= 1e-7 else "fair" if x <= 1e-4 else "suspicious" if x <= 1e-2 else "wrong"


def own_error(a, b):
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return float(np.linalg.norm(a - b) / size) if size else 0.0


FAR_OFF = {"layers": "256-32", "activation": "selu", "batch_norm": "before", "dropout": 0.5, "samples": 10, "scheme": "forward", "epsilon": 0.01,
           "l2": 1.0, "initializer": "lecun_uniform", "gain": 0.01, "sigma_b": 0.5}


def check_net_verdicts():
    """The code is right: it is never called wrong. What is counted, and what the plain formula gives, is counted again."""
    kinds = set()
    _, said, _ = checked(**FAR_OFF)   # the secant is so far from the tangent that half a step tells nothing of it
    assert said.kind == "wrong"
    assert "But ε does not suit the scheme, and the differences may be what is wrong: check again with a better ε." in said.text
    assert checked(**FAR_OFF | dict(said.fix))[1].kind == "right"
    for changed in grid():
        report, said, s = checked(**changed)
        text, a, b = said.text.replace("\u00a0", " ").replace("**", ""), report.analytical, report.numerical
        kinds.add(said.kind)
        error, size = own_error(a, b), a.size
        idle, kink = (a == 0) & (b == 0), report.crosses_kink
        assert said.kind not in ("suspicious", "wrong"), (changed, text)
        if said.kind == "fair":
            assert re.search("agrees? only roughly", text)
            assert error < 1e-3
            continue
        if "would say" in text:
            assert close(parts("The plain formula gives N and would say", text)[0], error), changed
            assert re.search(r"would say (\w+)", text)[1] == own_band(error), changed
        if said.kind == "right":
            n, = parts("Backpropagation is right in all N components", text)
            judged = np.concatenate([np.full(math.prod(r.shape), r.grade == "right") for r in report.by_parameter.values()])
            good = judged & ~idle & ~kink
            assert value(n) == good.sum()
            assert good.sum() >= 0.04 * size
            assert own_error(a[good], b[good]) < 1e-2
            left = {"that (?:are|is) 0 on both sides": int(idle.sum()), "that steps? across a kink": int((kink & ~idle).sum()),
                    "that rounding hides": int((~judged & ~idle & ~kink).sum())}
            assert not re.search(r"\b1 that (are|step) |\d\d that (is|steps) ", text), text
            for what, count in left.items():
                assert bool(re.search(what, text)) == (count > 0), (changed, text)
                if count:
                    assert value(re.search(NUMBER + " " + what, text)[1]) == count
            assert ("that could be compared" in text) == (good.sum() < size)
            if "it also counts" not in text:
                assert own_band(error) == "right"
                assert close(parts("relative error N", text)[0], error)
            for row in report.by_parameter.values():
                if f"would reject {row.name} with" in text:
                    here = slice(row.start, row.start + math.prod(row.shape))
                    assert own_error(a[here], b[here]) > 1e-7
                    smooth = own_error(a[here][~kink[here]], b[here][~kink[here]])
                    assert ("What it would count is steps across a kink, not" in text) == (smooth <= 1e-7)
            if "it also counts" in text:
                assert own_band(error) != "right"
                assert ("counts steps across a kink" in text) == (own_error(a[~kink], b[~kink]) <= 1e-7)
                assert ("counts rounding and the secant's own error." in text) == (own_error(a[~kink], b[~kink]) > 1e-7 and not kink.any())
        elif text.startswith("Nothing was tested"):
            assert idle.all()
        elif text.startswith("Hardly anything was tested"):
            zero, of_all = parts("Hardly anything was tested: N of the N components are exactly 0 on both sides.", text)
            other, = parts("Its number comes from the other N.", text)
            assert (value(zero), value(of_all), value(other)) == (idle.sum(), size, size - idle.sum())
            assert sum((~idle & ~kink)[r.start:r.start + math.prod(r.shape)].sum() for r in report.by_parameter.values() if r.grade == "right") < 0.05 * size
        elif said.kind == "kink":
            n, of_all = parts("N of the N components step across a kink", text)
            assert (value(n), value(of_all)) == (kink.sum(), size)
            assert kink.mean() > 0.3
        else:
            assert "No verdict on backpropagation" in text
            assert ("float32 leaves" in text) == (s["precision"] == "float32"), changed
            assert ("had different masks" in text) is False
            assert ("not every number is finite" in text) == (not np.isfinite(a).all() or not np.isfinite(b).all())
            if "smaller than the rounding" in text or "too close to the rounding" in text:
                norm = 4 * 2.3e-16 * max(1.0, np.log(10)) / s["epsilon"]
                assert s["scheme"] == "complex" or np.median(np.abs(b[~idle])) < 1e3 * norm * 100, changed
    assert {"right", "fair", "vacuous", "unclear"} <= kinds


def check_net_fixes():
    """A cure that is offered where there is no verdict brings one, or shows that the network has no gradient to be tested: checked as the button would."""
    for changed in grid():
        _report, said, _ = checked(**changed)
        if said.kind != "right" and said.fix:
            _, after, _ = checked(**changed | dict(said.fix))
            assert after.kind == "right" or (after.kind == "vacuous" and not after.fix), (changed, said.fix, after.text)


def check_net_warnings():
    """The remarks' counts, shares and names, over the same grid."""
    for changed in grid():
        report, _, s = checked(**changed)
        idle = (report.analytical == 0) & (report.numerical == 0)
        best = {"forward": 2**-26, "central": 2.0 ** (-52 / 3)}
        for remark in report.warnings:
            text = remark.replace("\u00a0", " ")
            if remark.kind == "kink":
                n, of_all = parts("the step of N of N components crosses a kink.", text)
                assert (value(n), value(of_all)) == (report.crosses_kink.sum(), idle.size)
                assert "," in n or value(n) < 1000
            if remark.kind == "vacuous" and " % of" in text:
                assert abs(value(parts("N % of", text)[0]) - 100 * idle.mean()) <= 0.1
            if remark.kind == "vacuous" and "above rounding in" in text:
                for name in re.findall(r"[a-z_]+\d?\.[A-Za-z]+", text):
                    row = report.by_parameter[name]
                    here = slice(row.start, row.start + math.prod(row.shape))
                    keep = ~report.crosses_kink[here]
                    assert not keep.any() or max(np.abs(report.analytical[here][keep]).max(), np.abs(report.numerical[here][keep]).max()) <= report.rounding
            if remark.kind == "epsilon" and s["scheme"] in best and s["precision"] == "float64":
                assert ("too small" in text) == (s["epsilon"] < best[s["scheme"]])
                assert abs(math.log(s["epsilon"] / best[s["scheme"]])) > math.log(25)
                assert ("rounding grows" in text) == ("too small" in text)
            if remark.kind == "float32":
                assert s["precision"] == "float32"
            assert remark.kind != "dropout"                          # this page always holds one draw
            if remark.kind == "held":
                assert s["dropout"] or s["activation"] == "rrelu"
            if remark.kind == "overflow":
                assert not np.isfinite(report.analytical + report.numerical).all()


def check_net_presets():
    default, said, s = checked()
    assert default.analytical.size == 25_194
    report, said, _ = checked(**network.PART.presets[1].settings)
    errors = [own_error(*(side[r.start:r.start + math.prod(r.shape)] for side in (report.analytical, report.numerical)))
              for r in report.by_parameter.values()]
    assert sum(e > 1e-7 for e in errors) >= 3
    assert said.kind == "right"
    assert "would reject" in said.text
    chapter, bn = ({k: x for k, x in preset.settings.items() if k != "data"} for preset in network.PART.presets[2:])
    report, _, s = checked(**chapter)
    assert (s["sizes"][1:], s["samples"], s["epsilon"]) == ((50, 10), 3, 1e-4)
    assert max(row.mean_difference for row in report.by_parameter.values()) < 1e-9
    report, said, _ = checked(**bn)
    assert ((report.analytical == 0) & (report.numerical == 0)).mean() > 0.99
    row = report.by_parameter["batch_norm_2.beta"]
    assert row.kinks > 0


def check_net_tries():
    one, float32, complex_step, gelu = (line.settings for line in network.PART.try_next)
    report, said, _ = checked(**one)
    assert ((report.analytical == 0) & (report.numerical == 0)).mean() > 0.99
    assert said.text.startswith("Hardly anything was tested")
    assert said.fix["samples"] == 16
    assert checked(**float32)[1].text.startswith("No verdict on backpropagation")
    report = checked(**complex_step)[0]
    assert own_error(report.analytical, report.numerical) < 1e-15
    assert checked(**gelu)[1].kind == "right"


def check_controls():
    """Idle controls do nothing, and say why; those that are not idle do something."""
    base = checked(layers="10")[0].relative_error
    for name, changed in (("gain", {"initializer": "lsuv"}), ("gain", {"initializer": "zeros"}), ("seed", {"initializer": "zeros"}),
                          ("seed", {"initializer": "constant"})):
        control = next(c for c in network.MORE if c.name == name)
        v = settings(layers="10", **changed)
        assert control.idle(v)
        other = 0.1 if name == "gain" else 7
        assert np.array_equal(checked(layers="10", **changed)[0].analytical, checked(layers="10", **changed | {name: other})[0].analytical)
        assert not control.idle(settings(layers="10"))
        assert checked(layers="10", **{name: other})[0].relative_error != base
    assert not network.nothing_drawn(settings(initializer="zeros", sigma_b=0.5))
    assert not network.nothing_drawn(settings(initializer="constant", dropout=0.5))


def check_room():
    """With MNIST, large networks are checked on one image: Images is disabled there, and the cure is a smaller network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "mnist_at_hand", lambda: True)
        for layers in next(c for c in network.CONTROLS if c.name == "layers").options:
            assert (network.room(784, layers) == 1) == (layers in ("128-128", "256-32")), layers
            v = settings(data="mnist", layers=layers)
            assert bool(network.one_image(v)) == (network.room(784, layers) == 1)
            assert not network.one_image(settings(layers=layers))
        patch.setattr(network, "mnist_at_hand", lambda: False)
        assert not network.one_image(settings(data="mnist"))
    assert network.room(784, "256-32") == 1                          # the default network: one image, whatever is asked for
    assert network.room(784, "50-30") >= 16
    report, _, _ = checked(samples=1, batch_norm="before")
    assert network.read(report, 1, most=1).fix == {"samples": 16, "layers": "50-30"}
    assert network.read(report, 1, most=20).fix == {"samples": 16}


def check_strip():
    """Green, red-brown, empty, and marks: what the strip's cells stand for."""
    report = checked(layers="24-16")[0]
    cells = common.strip_cells(report).query("state != 'name'")
    idle = (report.analytical == 0) & (report.numerical == 0)
    starts = {row.name: row.start for row in report.by_parameter.values()}
    for _, cell in cells.iterrows():
        here = slice(starts[cell.parameter] + cell["first"], starts[cell.parameter] + cell["last"] + 1)
        if idle[here].all():
            assert cell.state == "nothing to compare"
        assert cell.kinks == report.crosses_kink[here].sum()
    assert common.ERROR_SCALE.range[0] != common.ERROR_SCALE.range[-1]
    assert not set(common.ERROR_SCALE.range) & set(bug.DIVERGING)    # no colour means both an error and a sign
    assert list(bug.gradient_map(pd.DataFrame(), 2, 2)["layer"][0]["encoding"]["color"]["scale"]["domain"]) == [-1, -0.5, 0, 0.5, 1]


def check_bands():
    """The caption of the bands is that of the report's error, counted here."""
    app = open_part(PAGE, PAGE.part("net"), layers="10", epsilon=1e-7, gain=0.1)
    report, _said, _ = checked(layers="10", epsilon=1e-7, gain=0.1)
    text = " ".join(c.value for c in app.caption)
    assert f"the check would be graded {own_band(own_error(report.analytical, report.numerical))}. The grade leaves out kinks and rounding: it is right." in text
    assert "right up to 10⁻⁷, fair up to 10⁻⁴, suspicious up to 10⁻², and wrong above" in text
    assert network.MORE[3].show("lecun_normal") == rule("lecun_normal")
    assert "Xavier" in network.MORE[3].show("glorot_normal")


# ------------------------------------------------------------------ cautions
def check_cautions():
    dropped = CAUTIONS["dropout"].check(True)
    assert own_error(dropped.analytical, dropped.numerical) > 0.1
    assert CAUTIONS["dropout"].check(False).grade == "right"
    e = exercise("forgotten_penalty")
    report = CAUTIONS["penalty"].check(True)
    weights = np.concatenate([np.full(p.value.size, p.is_weight) for p in e.correct.parameters])
    assert np.allclose((report.numerical - report.analytical)[weights], 0.1 * e.correct.theta[weights], atol=1e-8)
    assert np.allclose(report.numerical[~weights], report.analytical[~weights], atol=1e-8)
    assert CAUTIONS["penalty"].check(False).grade == "right"
    one = CAUTIONS["one_sample"].check(True)
    assert ((one.analytical == 0) & (one.numerical == 0)).mean() > 0.95
    assert own_band(own_error(one.analytical, one.numerical)) == "right"
    assert CAUTIONS["one_sample"].check(False).grade == "wrong"
    kink = CAUTIONS["kink"].check(True)
    assert kink.crosses_kink.any()
    assert kink.grade == "right"                                     # the code is right, and not accused
    assert not CAUTIONS["kink"].check(False).crosses_kink.any()
    late = CAUTIONS["late"].check(True)
    assert own_band(own_error(late.analytical, late.numerical)) == "right"
    assert CAUTIONS["late"].check(False).grade == "wrong"
    for key in CAUTIONS:
        for mistake in (False, True):
            report = CAUTIONS[key].check(mistake)
            assert explain(report).kind == report.grade
    masked = explain(dropped).text
    assert "the losses that were subtracted had different masks" in masked


def check_cost_words():
    """Least of several times; the loop's time is that of one pass times 2P, and no sentence says what was not timed."""
    data = load_digits()
    net = mlp((64, 8, 6, 10), rng=np.random.default_rng(0), dtype=np.float64)
    got = check_cost(net, data.x_train[:4] / 16, data.y_train[:4])
    assert got.loop_seconds == 2 * net.theta.size * got.forward_seconds
    a, b, c = parts("For N parameters the plain loop costs N backpropagations, and this page's way N.", cautions.read_cost(got, 0).text)
    assert value(a) == net.theta.size
    assert close(b, 2 * net.theta.size * got.forward_seconds / got.backprop_seconds)
    assert close(c, got.structured_seconds / got.backprop_seconds)
    assert value(parts("each of the N parameters", cautions.read_cost(None, 25_194).text)[0]) == 64 * 256 + 256 * 32 + 320 + 256 + 32 + 10
    timed = cautions.network()
    assert [layer.weight.value.shape[0] for layer in timed.layers if hasattr(layer, "weight")] == [64, 256, 32]
    app = open_part(PAGE, PAGE.part("cautions"), caution="cost")
    assert any("64-256-32-10" in c.value for c in app.sidebar.caption)


def test_a_time_is_the_least_of_several(monkeypatch):
    """A machine that is busy now and then adds to some of the times, and not to the one that is told."""
    clock, calls = [0.0], [0]

    def tick():
        calls[0] += 1
        clock[0] += 5.0 if calls[0] % 4 == 0 else 1.0
        return clock[0]

    monkeypatch.setattr("engine.gradient_check.check.time.perf_counter", tick)
    data, net = load_digits(), mlp((64, 8, 10), rng=np.random.default_rng(0), dtype=np.float64)
    got = check_cost(net, data.x_train[:4] / 16, data.y_train[:4])
    assert got.backprop_seconds == got.forward_seconds == pytest.approx(1 / 20)


def check_help():
    """What the help of A network's controls says of digits, masks, means and differences."""
    assert (np.finfo(np.float32).precision + 1, np.finfo(np.float64).precision + 1) == (7, 16)
    data = load_digits()
    assert data.x_train.shape[1] == 64
    e = numbered(1)
    assert (e.x.shape, [p.value.shape for p in e.network.parameters if p.is_weight]) == ((16, 64), [(64, 24), (24, 16), (16, 10)])
    for key in CAUTIONS:
        assert CAUTIONS[key].check(False).analytical.size in (64 * 24 + 24 * 16 + 160 + 50, 64 * 24 + 24 * 16 + 160 + 50 + 80)
    e = exercise("missing_slope")
    net, x, labels = e.correct.astype(np.float64), e.x, e.labels
    loss, k, h = net.loss(x, labels, training=True), 70, 1e-5
    values = {}
    for step in (h, -h):
        net.theta[k] += step
        values[step] = net.loss(x, labels, training=True)
        net.theta[k] -= step
    for scheme, own in (("forward", (values[h] - loss) / h), ("central", (values[h] - values[-h]) / (2 * h))):
        assert check_gradients(e.correct, x, labels, epsilon=h, scheme=scheme).numerical[k] == pytest.approx(own, abs=1e-10)
    assert check_gradients(e.correct, x, labels, epsilon=1e-20, scheme="complex").numerical[k] == pytest.approx((values[h] - values[-h]) / (2 * h), abs=1e-8)
    z = x @ net.layers[0].weight.value
    moved = net.layers[0].weight.value.copy()
    moved[10, 3] += 0.1
    assert (x @ moved).mean(axis=0)[3] != z.mean(axis=0)[3]                      # a unit's mean over the batch moves
    masked = exercise("redrawn_mask").correct
    assert check_gradients(masked, x, labels).grade == "right"                   # one mask is held: with two, it would be unclear
    assert check_gradients(masked, x, labels, frozen=False).grade == "unclear"
    kink = CAUTIONS["kink"].check(True)
    differ = np.abs(kink.analytical - kink.numerical)[kink.crosses_kink]
    assert differ.max() > 1e-3
    assert kink.grade == "right"


# ------------------------------------------------------------------ the table
def said(when, *sentences_, check=None, why_not=""):
    return {sentence: Claim(when, check, why_not) for sentence in sentences_}


CLAIMS: dict[str, Claim] = {
    **openings("gradient_checking"),
    **said(
        'in words or on an axis, always',
        " that could be compared",
        "All slopes, by structure",
        "Batch norm: gamma's gradient copied from beta's",
        "Batch norm: mean and variance treated as constants",
        "Batch norm: the mean's own path is missing",
        "Deep Learning from Scratch, ch. 5",
        "Dropout: a new mask in the backward pass",
        "Dropout: the scale is missing in the backward pass",
        "Error of the slope (log)",
        "Error of the slope at every step",
        "Error of the slope of {} at {} against the step, log-log, for three schemes in float64 and float32",
        "Every weight of a network",
        "Forward passes of the plain loop, 2P",
        "Gradient of {} by {}, blue positive, orange negative",
        "Heat map of {}: error of each component or block of components",
        "How small is too small?",
        "Its batch-norm check: one image",
        "Off by one: the loop leaves out a layer",
        "Only at the start",
        "Slope of the right arm",
        "Softmax divided by batch × classes",
        "Standard deviation of the biases.",
        "Step ε of the secants",
        "The activation's slope is missing",
        "The bias's gradient of one sample",
        "The bug's whole code",
        "The curve whose slope is taken.",
        "The curve {} with its {} at {}, one-sided and two-sided, of step {}",
        "The mean's 1/m is forgotten",
        "The number of units in each hidden layer, from the first to the last.",
        "The penalty is in J but not in its gradient",
        "The penalty's gradient also on biases",
        "The picture shows its components.",
        "The place where the slope is taken.",
        "The rule that draws the weights.",
        "The sign of the loss's gradient",
        "The slope is taken at a instead of z",
        "The vector of all {} parameters as a strip, coloured by the error of backpropagation against differences",
        "Weights divided by m once more",
        "best for the scheme",
        "dW is the transposed product",
        "dx uses W with its axes confused",
        "θ, one vector of {} components",
        why_not='names an axis, a column, a control, an experiment or a bug'),
    **said(
        "beside a bug's answer",
        "bias_of_one_sample",
        "dW = (dy.T @ x).reshape(W.shape)",
        "dx = dy * new_mask()",
        "dx = dy * slope(tanh(z))",
        "dx = dy @ W.reshape(W.T.shape)",
        "dx = gamma * (dy - mean(dy) - xhat * mean(dy*xhat)) / std",
        "dx = gamma * (dy - xhat * mean(dy*xhat)) / std",
        "for layer in reversed(layers[1:]): dy = layer.backward(dy)",
        "for layer in reversed(layers[2:]): dy = layer.backward(dy)",
        "dx = dy @ W.reshape(fan_out, fan_in)",
        "dx = gamma * (dy - mean(dy) - xhat * mean(dy * xhat)) / std",
        "dx = gamma * (dy - xhat * mean(dy * xhat)) / std",
        "dx = gamma * dy / std",
        "for layer in reversed(self.layers[1:]):",
        "for layer in reversed(self.layers[2:]):",
        "for p in parameters: if p.is_weight: p.gradient += l2 * p.value",
        "for p in parameters: p.gradient += l2 * p.value",
        "loss += penalty.value(parameters)",
        "loss += penalty.value(parameters); penalty.add_gradient(parameters)",
        "mask = rng.random(dy.shape) >= rate",
        "return dy * (self.mask != 0)",
        "return dy * df(f(self.x))",
        "return dy * df(self.x)",
        "return dy * self.mask",
        why_not='a line of the program, shown as code'),
    **said(
        'beside a control',
        "*Cost*: why is a check a tool for debugging, and not for training?",
        "*Kink*: guess before you switch. Will the check fail, pass, or say that it cannot tell?",
        "A penalty belongs into J and into the gradient.",
        "Bug 13. Before you answer: which is the last parameter, counted from the output, that is still right?",
        "Check only at initialization",
        "Click the line that is wrong",
        "Click the line that runs otherwise",
        "Check with one image",
        "Draw a new mask for every loss",
        "Each is a way to be misled by a check, or what a check costs.",
        "Forget the penalty in the gradient",
        "Look at the size of the gradient, not only at the difference.",
        "Measure on this machine, now",
        "Near a kink, both sides may differ and both be right.",
        "Press the button to see how much longer that takes.",
        "Stand on ReLU's kink",
        "Switch it on and off, and watch the verdict of the check.",
        "To give a class bug 6, share the link of this page: it names the number only.",
        "Which parameters are wrong? Which are right, if any? Which lines of the code lie between them?",
        "Which secant leans like the tangent?",
        "exp θ: read off the best ε of the two-sided difference in float64, and in float32.",
        why_not='a question or an instruction'),
    **said(
        'on One curve, at every setting',
        "At ε = {} the two-sided secant has slope **{}**, ",
        "Grey: the curve f. Dots: where f is evaluated.",
        "There is no tangent to compare them with: at this kink the slope is 0 on the left and 1 on the right.",
        "and the one-sided **{}**. ",
        "{}The tangent has {}, exactly as both secants.",
        "{}The tangent has {}, so they are off by {} and {}.",
        check=check_curve),
    **said(
        'a preset or a line of Try next of One curve',
        "The one-sided secant has slope 3.0301, the two-sided 3.0001: errors of 3ε + ε² and ε².",
        "With a large step the secant is not the tangent. With a small one rounding takes over, except for the complex step.",
        "With a large step the secants can be seen to be off. With a tiny one, rounding puts the numbers off.",
        "ε = 0.01 at θ = 1: the numbers of the lecture notes.",
        "θ²: the two-sided secant leans exactly like the tangent. Its third derivative is 0.",
        "θ³ with ε = 10⁻¹²: rounding leaves each secant four correct digits.",
        check=check_curve_presets),
    **said(
        'on The V, at every setting',
        " From ε = **{}** on, two-sided steps cross the kink, and their error grows to {}.",
        "In float64 the two-sided difference is best at ε = **{}** with an error of {}, ",
        "No ε helps: the curve has a kink here, and no tangent. ",
        "On both sides of its kink this curve is straight, so short steps are exact but for rounding. The least errors are {} ",
        "The complex step reaches {} and has no left arm, because it subtracts nothing.",
        "The complex step stays on one side of the kink and gives the slope of that side.",
        "The least error at any ε is **{}** for the two-sided difference and **{}** for the one-sided. ",
        "The two-sided secant of this curve is exact at any ε, so its V has no right arm. Rounding leaves an error of {} ",
        "at ε = **{}**. In float64 the one-sided difference is best at ε = **{}** with an error of ",
        "{}, and its right arm rises with slope {}. ",
        "for the two-sided difference and {} for the one-sided.",
        "the one-sided at **{}** with {}. ",
        "{}Their right arms rise with slopes {} and {}: the errors grow like these powers of ε. {}",
        check=check_v),
    **said(
        'in the picture and the caption of The V',
        "Left: so short that rounding takes over. Dots: the best ε.",
        "Right: the step is so long that the secant is not the tangent.",
        "Rounding puts each value of f off by up to about u times its size: u is 2.2 × 10⁻¹⁶ in float64 and 1.2 × 10⁻⁷ in float32. The division by ε enlarges this; that is the left arm. Errors are root mean squares over 25 points within 5 % of θ, or within 0.05 where |θ| is below 1. An error of exactly 0 cannot be drawn.",
        check=check_v_picture),
    **said(
        'a preset or a line of Try next of The V',
        "One-sided and two-sided differences have a best ε. The complex step is good at any small one.",
        "sin θ: why does the complex step have no left arm? It subtracts nothing.",
        check=check_v_presets),
    **said(
        'the hint of a bug',
        "Bug 15. In every gamma and beta the ratio a ÷ b is the same number: a factor is forgotten or doubled. Which one?",
        "Each of the zoo's {} faults was tried in this network. Only faults in {} spoil just these parameters.",
        "No one number turns b into a in {}.",
        "nothing that could be compared",
        check=check_hints),
    **said(
        'the answer to a bug',
        "biases, no weights; nothing while they are 0",
        "every parameter, all by 1 / classes",
        "every parameter, all by the factor m",
        "every parameter, relative error exactly 1",
        "everything below the activation",
        "everything below the activation; nothing with ReLU, and little while z is near 0",
        "everything below the batch norm",
        "everything below the dropout",
        "everything below the dropout, a factor for each dropout above",
        "everything below the last Dense layer",
        "only the first layer (and what is skipped)",
        "weights, by the factor 1/m; no biases",
        check=check_fingerprints),
    **said(
        'the answer to a wrong choice',
        "Not that line, though a fault there can spoil the same parameters. Compare the ratios, and the maps below.",
        "Not that line: a fault there would also spoil {}. Nothing is wrong there.",
        "Not that line: a fault there would leave {} right.",
        check=check_misses),
    **said(
        'on Find the bug, at every number',
        " Only a first click counts at this level.",
        "1: the code as it runs",
        "2: the code as meant",
        "3: one try, no hints",
        "All bugs live in one network, 64-24-16-10: tanh, batch norm, dropout 0.3, biases that are not 0, and an L2 penalty of 0.1. It sees 16 of the built-in digits.",
        "Each number hides one bug. A link with the number does not name it.",
        "Found at this level: {} of {}{}",
        "The faulty line stands in the code at level 1. At levels 2 and 3 the code is right, and one line runs otherwise.",
        "Is backpropagation right? Every weight of a network compared at once, and seventeen bugs to find by what they spoil.",
        check=check_bug_words),
    **said(
        'above the maps of a bug',
        "Blue: above 0. Orange: below 0. Pale: 0.",
        check=check_bug_map),
    **said(
        'a parameter is wrong',
        "The check is graded **{}**: {} {}. The worst is {}, with a relative error of {}, most of all at index [{}]. ",
        "No parameter is right.",
        check=check_bug_verdicts),
    **said(
        'the verdict of a check',
        " A strict threshold of 10⁻⁷ would reject {} with {}. What it would count is {}, not a bug.",
        "Backpropagation is right in all {} components{}",
        "Hardly anything was tested: {} of the {} components are exactly 0 on both sides. {}. Its number comes from the other {}.",
        "No verdict on backpropagation: {} of the {} components step across a kink, where both sides may differ and be right. {}. Try other images or a smaller ε.",
        "No verdict on backpropagation: {}. {}.",
        "Nothing was tested: all {} components are exactly 0 on both sides.",
        "The plain formula gives {} and would say **{}**",
        "float32 leaves too few digits of the difference",
        "not every number is finite",
        "rounding and the secant's own error",
        "rounding, the secant's own error and steps across a kink",
        "that are 0 on both sides",
        "that is 0 on both sides",
        "that step across a kink",
        "that steps across a kink",
        " But ε does not suit the scheme, and the differences may be what is wrong: check again with a better ε.",
        "the gradient is smaller than the rounding of its differences",
        "the gradient is too close to the rounding of its differences",
        "the secant is too far from the tangent",
        "{}. The plain formula gives {} and would say **{}**, because it also counts {}.",
        "ε does not suit the scheme",
        check=check_net_verdicts),
    **said(
        'a remark of a check',
        "dropout: two forward passes differ, because masks or slopes are drawn anew; ",
        "epsilon: {} is too {} for {} in {}, because {}. A good one is {}.",
        "float32: it carries 7 digits, and a difference of two losses can lose most of them; check in float64.",
        "its products may underflow",
        "kink: the step of {} of {} components crosses a kink. Both sides may differ there, and the grade leaves them out: {}.",
        "nothing lies above rounding in {}",
        "overflow: not every component is finite, in {}.",
        "rounding grows as 1 / epsilon",
        "the check held one draw.",
        "the secant is not the tangent",
        "vacuous: {}. Agreement there tests nothing.",
        "{} % of the components are exactly 0 on both sides",
        check=check_net_warnings),
    **said(
        'a preset of A network',
        "25,194 components, taken by backpropagation and by differences while you move a slider.",
        "784-50-10, three images, ε = 10⁻⁴. Without a number added inside the logarithm, all mean differences stay below 10⁻⁹.",
        "Over 99 % of the gradients are exactly 0 on both sides, and the last β steps across ReLU's kink.",
        "With ε = 10⁻⁷, a threshold of 10⁻⁷ for every parameter rejects correct code, because of rounding.",
        check=check_net_presets),
    **said(
        'a line of Try next of A network',
        "GELU, dropout, batch norm after the activation: backpropagation is right there too.",
        "One image and batch norm: over 99 % of the gradients are 0 on both sides, and hardly anything is tested.",
        "The complex step: both sides agree in 15 digits.",
        "float32 with ε = 10⁻⁵: the same code, the same network, and no verdict.",
        check=check_net_tries),
    **said(
        'a control that is idle, or its help',
        "All weights are 0, whatever multiplies them.",
        "LSUV scales the weights itself, whatever multiplies them first.",
        "Nothing is drawn: the weights are all alike, and the biases are 0.",
        "The same seed draws the same weights.",
        check=check_controls),
    **said(
        'a network too large for the images asked for',
        "A network of this size is checked on {} image{} only, to answer soon.",
        "With MNIST, a network of this size is always checked on one image. A smaller one leaves time for more.",
        check=check_room),
    **said(
        'above the strip',
        "Empty: 0 or rounding on both sides. Marks below: steps across a kink.",
        "Green: both sides agree. Red-brown: they do not.",
        check=check_strip),
    **said(
        'below the table of a check',
        "a is backpropagation's gradient, b that of differences. The number counts as {}, and wrong above. By this number alone, the check would be graded {}. The grade leaves out kinks and rounding: it is {}.",
        check=check_bands),
    **said(
        "a control's help",
        "At a kink, such as ReLU's at 0, both sides may differ and both be right.",
        "Images in the batch whose loss is taken. With batch norm, try 1.",
        "One mask is held for the whole check, so that both losses have the same.",
        "One-sided: J(θ + ε) − J(θ). Two-sided: J(θ + ε) − J(θ − ε). Complex step: the imaginary part of J(θ + iε).",
        "The built-in digits have 64 pixels an image, those of MNIST 784.",
        "The network is small, 64-24-16-10, and sees 16 of the built-in digits.",
        "The penalty is in J and in its gradient. Cautions shows what happens when it is forgotten.",
        "With batch norm, each change of a weight moves its unit's mean over the batch as well.",
        "float32 carries about 7 digits, float64 about 16.",
        check=check_help),
    **said(
        'on Cautions, with the mistake or without',
        "*One sample*: without the mistake the bug is found. With it, the plain formula says right.",
        "Check at the start, and again after some training: this check comes after 20 steps.",
        "Some steps carry z across 0, and a two-sided secant then mixes the slopes of both sides. Neither side is wrong.",
        "Switch dropout off, or hold one mask for the whole check, as was done here.",
        "This backward pass has a bug. But batch norm turns one image into zeros, and nearly all gradients are 0 on both sides. A checker that asks only for a small difference lets the bug pass.",
        "This backward pass penalises biases. They start at 0, and 0 has no penalty. The check passes, and the bug goes on to training.",
        "Two losses with different masks are different functions, so their difference over 2ε is noise.",
        "Weights are off by λw, and biases are right. Which parameters are wrong tells which line is missing.",
        "the losses that were subtracted are different functions: freeze the draw.",
        "the losses that were subtracted had different masks",
        check=check_cautions),
    **said(
        'on Cost',
        "All slopes, plain loop: 2P times one forward pass, not run",
        "Backpropagation gives all slopes at once. The plain loop wants two forward passes for each of the {} parameters. ",
        "Each time is the least of several on this machine. The plain loop is too slow to be run here, so its time is multiplied up.",
        "For {} parameters the plain loop costs **{}** backpropagations, ",
        "In training, each step would need one: so check while you debug, then switch the check off.",
        "The network that is timed has layers of 64-256-32-10 units, and sees 16 of the built-in digits.",
        "and this page's way **{}**. That is for one check. ",
        check=check_cost_words),
    **said(
        'MNIST, 784-50-10, three images, ε = 10⁻⁴',
        "The book reports mean differences of 1.4 × 10⁻⁷ for the last bias and 6 × 10⁻⁹ for its weights. They are not rounding: its loss is ln(p + 10⁻⁷), and backpropagation differentiates ln p. A unit that steps across ReLU's kink gives first-layer differences such as the book's, 2.4 × 10⁻⁵ and 1.8 × 10⁻⁶. With ln p itself and no kink, what remains is below 10⁻⁹.",
        why_not="checked in tests/pages/test_gradient_checking.py, by plain loops over the book's own network"),
}
CHECKS = checks_of(CLAIMS, check_v_table, check_net_fixes)


def test_every_sentence_stands_in_the_table_and_every_entry_is_said():
    assert set(CLAIMS) == sentences("pages/parts/gradient_checking", "engine/gradient_check")


@pytest.mark.parametrize("check", CHECKS, ids=full_name)
def test_a_sentence_is_true_wherever_it_is_said(check):
    check()
