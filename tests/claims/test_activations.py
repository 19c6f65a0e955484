"""Activations: every sentence that the page can say, when it is said, and whether it is so."""

import inspect
import math
import random
import re
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from engine import words
from engine.activations import ACTIVATIONS, SELU_ALPHA, SELU_LAMBDA, as_activation
from engine.initializers import as_initializer
from engine.studies import by_hand as hand_study
from engine.studies import curves as curve_study
from engine.studies import dying as dying_study
from engine.studies import moment_map, slopes
from engine.studies import ranking as ranking_study
from engine.studies.slopes import GradientReach
from pages.parts.activations import PAGE, by_hand, common, curves, dying, product, ranking, selu
from pages.shared.titles import title
from tests.claims.claim import Claim, checks_of, full_name
from tests.claims.collect import sentences
from tests.claims.openings import openings

SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = r"(?:∞|−?[\d.,]*\d(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?)"


def plain(text):
    return text.replace("\u00a0", " ")


def value(text):
    """The number that a sentence writes."""
    text = text.replace(",", "").replace("−", "-").replace("∞", "inf")
    mantissa, _, power = text.partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(SUPERSCRIPT) or 0)


def close(text, x, rel=0.06):
    rel = max(rel, 0.051) if "× 10" in text else rel   # one decimal there
    return value(text) == x or math.isclose(value(text), x, rel_tol=rel, abs_tol=1e-300)


# ------------------------------------------------------------------ the functions themselves, written down once more
def sig(z):
    return 1 / (1 + math.exp(-z)) if z > -709 else 0.0


def sig_slope(z):
    e = math.exp(-abs(z))
    return e / (1 + e) ** 2


def bell(z):
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def cdf(z):
    return math.erfc(-z / math.sqrt(2)) / 2


SLOPE = {
    "identity": lambda z: 1.0, "sigmoid": sig_slope, "tanh": lambda z: 4 * sig_slope(2 * z), "relu": lambda z: float(z > 0),
    "leaky_relu": lambda z: 1.0 if z > 0 else 0.01, "prelu": lambda z: 1.0 if z > 0 else 0.25,
    "rrelu": lambda z: 1.0 if z > 0 else (1 / 8 + 1 / 3) / 2, "elu": lambda z: math.exp(min(z, 0)),
    "selu": lambda z: SELU_LAMBDA if z > 0 else SELU_LAMBDA * SELU_ALPHA * math.exp(z), "softplus": sig,
    "gelu": lambda z: cdf(z) + z * bell(z), "swish": lambda z: sig(z) + z * sig_slope(z),
}  # fmt: skip


def phi(name, z):
    """On arrays, for sums over a grid."""
    with np.errstate(all="ignore"):
        s, left = 1 / (1 + np.exp(-z)), np.exp(np.minimum(z, 0)) - 1
        return {
            "identity": z, "sigmoid": s, "tanh": np.tanh(z), "relu": np.maximum(z, 0), "leaky_relu": np.where(z > 0, z, 0.01 * z),
            "prelu": np.where(z > 0, z, z / 4), "rrelu": np.where(z > 0, z, z * (1 / 8 + 1 / 3) / 2), "elu": np.maximum(z, 0) + left,
            "selu": SELU_LAMBDA * (np.maximum(z, 0) + SELU_ALPHA * left), "softplus": np.logaddexp(0, z), "swish": z * s,
        }[name]  # fmt: skip


# ------------------------------------------------------------------ Curves
ZS = (-10_000.0, -700.0, -51.0, -20.0, -6.0, -5.0, -3.0, -2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 6.0, 20.0, 51.0, 700.0, 10_000.0)


def read_curves(names, z):
    table = [ACTIVATIONS[name] for name in names]
    cursor = pd.DataFrame(curve_study.values_at(table, z), columns=["activation", "phi", "slope"]).assign(activation=list(map(title, names)))
    return curves.read(cursor, z)


def check_cursor():
    rng = random.Random(0)
    sets = [["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"], list(ACTIVATIONS), *([name] for name in ACTIVATIONS)]
    sets += [rng.sample(list(ACTIVATIONS), 3) for _ in range(6)]
    for names in sets:
        for z in ZS:
            verdict, slope = read_curves(names, z), {title(name): SLOPE[name](z) for name in names}
            text, most = plain(verdict.text), max(map(abs, slope.values()))
            shown, best = re.search(rf"φ′ = ({NUMBER}), that of \*\*(.*?)\*\*", text).groups()
            assert close(shown.lstrip("−"), most, 0.01), text
            assert all(abs(slope[name]) >= most * (1 - 1e-6) for name in re.split(", | and ", best)), text
            flat = re.search(r"\*\*\. (.*) lets? less than a hundredth", text)
            said = set(re.split(", | and ", flat[1])) if flat else set()
            assert said == {name for name, s in slope.items() if abs(s) < 0.01}, text
            assert (verdict.kind == "flat") == bool(said) == ("at least a hundredth" not in text)


def check_flat_zones():
    """Grey, saturated and dead, against slopes on a fine grid."""
    for name, a in ACTIVATIONS.items():
        zones, most = curve_study.facts(a).zones, max(abs(SLOPE[name](z)) for z in np.linspace(-40, 40, 4001))
        for zone in zones:
            inside = [abs(SLOPE[name](z)) for z in np.linspace(max(zone.low, -40) + 0.02, min(zone.high, 40) - 0.02, 200)]
            assert max(inside) < 0.05 * most
            assert (max(inside) == 0) == (zone.kind == "dead")
        for end in (-39.0, 39.0):   # what is flat at an end is in a zone
            if abs(SLOPE[name](end)) < 0.001 * most:
                assert any(zone.low < end < zone.high for zone in zones), name
    assert words.ALMOST_FLAT == 0.05


def check_none_flat():
    assert curves.flat_zones({"Identity": curve_study.facts(ACTIVATIONS["identity"])}).empty


def check_far():
    far = next(p for p in PAGE.part("curves").presets if p.key == "act_far")
    assert far.settings["z"] == 51
    assert math.isclose(SLOPE["sigmoid"](51), 7e-23, rel_tol=0.05)
    for z, measure, end, arrow in ((51.0, "phi", -2.5, "z = 51 ▶"), (-300.0, "slope", 2.1, "◀ z = −300")):
        at = curves.cursor_at(z)
        spec = curves.lines(*curves.measured((("relu", ()),))[1:], at, measure, ("ReLU",), 1)
        (layer,) = [one for one in spec["layer"] if one["mark"].get("align") == at["side"].iloc[0]]
        assert layer["encoding"]["y"]["datum"] == end
        assert abs(at["z"].iloc[0]) == 6 < abs(z)
        assert at["text"].iloc[0] == arrow


def check_try_curves():
    tries = {line.text: line for line in PAGE.part("curves").try_next}
    relu, leaky = ACTIVATIONS["relu"], as_activation("leaky_relu", alpha=0.0)
    z = np.linspace(-5, 5, 101)
    np.testing.assert_array_equal(relu.f(z), leaky.f(z))
    elu = next(line for text, line in tries.items() if text.startswith("ELU")).settings
    assert elu == {"set": ["elu"], "elu_alpha": 2.0}
    bent = as_activation("elu", alpha=2.0)
    assert float(bent.f(np.array(-50.0))) == pytest.approx(-2)
    assert [float(bent.df(np.array(at))) for at in (-1e-9, 1e-9)] == pytest.approx([2, 1])


def check_notes_figure():
    assert len(next(p for p in PAGE.part("curves").presets if p.key == "act_notes").settings["set"]) == 5


def test_check_zero_centred():
    for name, a in ACTIVATIONS.items():
        assert curve_study.facts(a).zero_centred == (abs(float(BELL @ phi(name, U))) < 1e-4) if name != "gelu" else True, name


# ------------------------------------------------------------------ By hand
def check_hand():
    rng = random.Random(1)
    ends = [{name: x} for name in hand_study.NOTES for x in (-100.0, 0.0, 100.0)]
    for given in [{}, *ends, *({name: round(rng.uniform(-4, 4), 2) for name in hand_study.NOTES} for _ in range(60))]:
        v = hand_study.NOTES | given
        z1, z2 = v["w1"] * v["x1"] + v["w2"] * v["x2"], v["w3"] * v["x1"] + v["w4"] * v["x2"]
        z3 = v["w5"] * sig(z1) + v["w6"] * sig(z2)
        first, _, last = hand_study.slopes(**v)
        text = plain(by_hand.read(hand_study.passes(**v)["y"], first, last).text)
        output, one, two, both = re.search(rf"\*\*([\d.]+)\*\*.*?({NUMBER}) × ({NUMBER}) = \*\*({NUMBER})\*\*", text).groups()
        assert float(output) == pytest.approx(sig(z3), abs=1e-4)
        for shown, x in ((one, sig_slope(z3)), (two, sig_slope(z1)), (both, sig_slope(z3) * sig_slope(z1))):
            assert close(shown, x), (text, x)
        assert sig_slope(z3) * sig_slope(z1) <= 1 / 16

    def J(w1, **more):
        v = hand_study.NOTES | {"w1": w1} | more
        z3 = v["w5"] * sig(v["w1"] * v["x1"] + v["w2"] * v["x2"]) + v["w6"] * sig(v["w3"] * v["x1"] + v["w4"] * v["x2"])
        return (sig(z3) - v["t"]) ** 2 / 2
    slope = (J(2 + 1e-5) - J(2 - 1e-5)) / 2e-5   # the gradient is that product, times error, w5 and x1
    assert slope == pytest.approx((sig(sig(1) - 0.5) - 1) * sig_slope(sig(1) - 0.5) * sig_slope(1), rel=1e-6)


def check_hand_numbers():
    v = hand_study.passes(**hand_study.NOTES)
    assert (round(v["a1"], 3), v["a2"], round(v["y"], 4)) == (0.731, 0.5, 0.5575)


def check_hand_tries():
    for line in PAGE.part("hand").try_next:
        assert line.settings.keys() == hand_study.NOTES.keys()
        v = hand_study.passes(**line.settings)
        if line.text.startswith("w₁ = 20"):
            assert sig_slope(19) < words.HARDLY_PASSES
            assert 0 < abs(v["dw1"]) < 1e-6
        elif line.text.startswith("x = (0, 0)"):
            assert all(v[f"dw{i}"] == 0 for i in range(1, 5))
            assert v["dw5"]
            assert v["dw6"]
        else:
            assert v["y"] == line.settings["t"]
            assert not any(v[f"d{k}"] for k in (1, 2, 3, "w1", "w2", "w3", "w4", "w5", "w6"))


# ------------------------------------------------------------------ The product of slopes
def ratio(name, initializer, gain, depth, width, seed, samples=16):
    """Gradient of layer 1 over that of the last, in the network that this seed draws."""
    rng, a, rule = np.random.default_rng(seed), ACTIVATIONS[name], as_initializer(initializer)
    x, weights, zs = rng.standard_normal((samples, width)), [], []
    for _ in range(depth):
        weights.append(gain * rule.draw(rng, (width, width)))
        zs.append(x @ weights[-1])
        x = a.f(zs[-1])
    d = rng.standard_normal((samples, width)) * a.df(zs[-1])
    last = math.sqrt((d * d).mean())
    for W, z in zip(weights[:0:-1], zs[-2::-1], strict=True):
        d = (d @ W.T) * a.df(z)
    return math.sqrt((d * d).mean()) / last


def hold_product_against(text, firsts, sigma_w, depth):
    """What is said of each activation, given what layer 1 gets of the gradient."""
    for name, x in firsts.items():
        shown, rate = re.search(rf"\*\*{name}\*\* ({NUMBER}) \(× ({NUMBER}) a layer\)", text).groups()
        assert close(shown, x), (name, x, text)
        assert close(rate, x ** (1 / (depth - 1)), 0.01), (name, x, text)
    worst = max(firsts, key=lambda name: abs(math.log10(firsts[name])) if 0 < firsts[name] < math.inf else math.inf)
    if lost := re.search(rf"At that rate (.*?) makes the gradient a thousand times (smaller|larger) in ({NUMBER}) layers?", text):
        name, way, layers = lost.groups()
        assert name == worst
        assert way == ("smaller" if firsts[name] < 1 else "larger")
        rate = abs(math.log(firsts[name])) / (depth - 1)
        assert math.isclose(value(layers), math.ceil(math.log(1000) / rate), rel_tol=0.02, abs_tol=1.001), text
        said = value(re.search(rf"\*\*{name}\*\* {NUMBER} \(× ({NUMBER}) a layer\)", text)[1])   # whoever recalculates finds as many layers
        assert value(layers) > 1e4 or math.isclose(value(layers), math.log(1000) / abs(math.log(said)), rel_tol=0.03, abs_tol=1.5), text
    pattern = rf"The (\d+) slopes? of the sigmoid on the way allows? at most 4([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+) = ({NUMBER}); "
    pattern += rf"its weights multiply by about ({NUMBER}) a layer"
    if allowed := re.search(pattern, text):
        passed, power, bound, weights = allowed.groups()
        assert int(passed) == depth - 1 == -int(power.translate(SUPERSCRIPT))
        assert close(bound, 0.25 ** (depth - 1))
        assert close(weights, sigma_w, 0.02)
        assert firsts["Sigmoid"] <= 0.25 ** (depth - 1) * sigma_w ** (depth - 1) * 2   # narrow layers scatter
    return worst


@lru_cache(maxsize=2000)
def reached(name, initializer, gain, depth, width):
    return slopes.gradient_reach(name, initializer, gain=gain, depth=depth, width=width, seeds=1)


def read_product(names, initializer, gain, depth, width):
    def at(g):
        return {title(name): reached(name, initializer, g, depth, width) for name in names}
    return product.read(tuple((name, ()) for name in names), at(gain), title(initializer), gain, at)


PRODUCTS = [(initializer, gain, depth, width) for initializer, sizes in (("lecun_normal", (0.01, 1.0, 4.0, 10.0)), ("he_normal", (0.5, 1.0, 2.0)),
                                                                         ("glorot_uniform", (1.0, 3.0)), ("orthogonal", (1.0,)))
            for gain in sizes for depth, width in ((2, 10), (5, 30), (20, 20))]


def check_product():
    rng, offered, spoilt = random.Random(2), 0, 0
    for initializer, gain, depth, width in PRODUCTS:
        for names in (["sigmoid"], rng.sample(["sigmoid", "tanh", "relu", "elu", "selu", "swish"], 2), ["sigmoid", "relu", "selu"]):
            key, verdict = read_product(names, initializer, gain, depth, width)
            text = plain(verdict.text)
            firsts = {title(name): ratio(name, initializer, gain, depth, width, 0) for name in names}
            sigma_w = gain * as_initializer(initializer).std(width, width) * math.sqrt(width)
            worst = hold_product_against(text, firsts, sigma_w, depth)
            assert title(key) == worst
            kept = 1e-3 <= firsts[worst] <= 1e3
            assert verdict.kind == ("kept" if kept else "vanishes" if firsts[worst] < 1 else "explodes")
            assert f"layer 1 of {depth}" in text
            assert ("sigmoid" in names) == (" of the sigmoid on the way" in text)
            if verdict.fix:   # nothing else is thrown away, and all are kept
                assert not kept
                assert verdict.fix.keys() == {"gain"}
                assert all(1e-3 <= ratio(name, initializer, verdict.fix["gain"], depth, width, 0) <= 1e3 for name in names)
                offered += 1
            where = r", in one network of at most 100 units\.$"
            if but := re.search(rf"With a gain of ([\d.]+) this share would be ({NUMBER}) for (.*?), but ({NUMBER}) for (.*?)" + where, text):
                other, one, name, two, spoils = but.groups()
                for shown, who in ((one, name), (two, spoils)):
                    which = next(n for n in names if title(n) == who)
                    x = ratio(which, initializer, float(other), depth, width, 0)
                    assert close(shown, x), text
                    assert (1e-3 <= x <= 1e3) == (who == name)
                spoilt += 1
    assert offered >= 5
    assert spoilt >= 2


def check_made_up_reaches():
    """Numbers that no network of a test's size reaches: overflow, underflow, exactly a thousand."""
    for first in (0.0, math.inf, 1e-300, 9.99e-4, 1.001e-3, 0.5, 0.999, 1.0, 1.001, 999.0, 1001.0, 1e30):
        for depth in (2, 30, 100):
            reach = GradientReach(np.array([[first, *[1.0] * (depth - 1)]]), None, math.nan, math.nan)
            _, verdict = product.read((("relu", ()),), {"ReLU": reach}, "He normal", 1.0, dict)
            hold_product_against(plain(verdict.text), {"ReLU": first}, 1.0, depth)
            assert (verdict.kind == "kept") == (1e-3 <= first <= 1e3)
            assert verdict.kind in ("kept", "vanishes" if first < 1 else "explodes")
            assert not verdict.fix
    stubborn = GradientReach(np.array([[1e-9, 1.0]]), None, 0.5, 0.5)   # no gain that is tried keeps it: none is offered, or named
    _, verdict = product.read((("relu", ()),), {"ReLU": stubborn}, "He normal", 1.0, lambda gain: {"ReLU": stubborn})
    assert not verdict.fix
    assert "With a gain" not in verdict.text


def check_presets_product():
    """A quarter, 0.6 and 0.23 a layer, an eighth after five layers, a millionth after thirty."""
    small, large = (np.median([ratio("sigmoid", "lecun_normal", gain, 30, 100, seed) for seed in range(3)]) for gain in (1, 4))
    assert small ** (1 / 29) == pytest.approx(0.23, abs=0.005)
    assert large ** (1 / 29) == pytest.approx(0.6, abs=0.02)
    assert large == pytest.approx(1e-6, rel=0.5)
    assert np.median([ratio("sigmoid", "lecun_normal", 4, 5, 100, seed) for seed in range(3)]) == pytest.approx(1 / 8, rel=0.1)


def check_narrow_scatters():
    """Around the theory: seeds at width 10 lie further apart than at 300, and those at 300 near its line."""
    narrow, wide = (np.log([ratio("tanh", "lecun_normal", 1.0, 20, width, seed) for seed in range(6)]) for width in (10, 200))
    theory = slopes.gradient_reach("tanh", "lecun_normal", depth=20, width=10, seeds=1).theory[0]
    assert narrow.std() > 2 * wide.std()
    assert np.median(wide) == pytest.approx(math.log(theory), abs=0.3)


def check_he_explodes():
    firsts = {name: ratio(name, "he_normal", 1.0, 30, 100, 0) for name in common.USUAL["set"]}
    assert max(firsts, key=firsts.get) == "selu"
    assert firsts["selu"] > 10


def check_sixteen_inputs():
    """They scatter the seeds' values less than twofold."""
    assert inspect.signature(slopes.gradient_reaches).parameters["samples"].default == 16
    many, few = (np.log([ratio("tanh", "lecun_normal", 1.0, 30, 100, seed, samples) for seed in range(12)]) for samples in (100, 16))
    assert few.std() < 2 * many.std()


def check_idle_gain():
    for rule in ("zeros", "lsuv"):
        for gain in (0.5, 3.0):
            a, b = (slopes.gradient_reach("tanh", rule, gain=g, depth=4, width=20, seeds=1).measured for g in (1.0, gain))
            np.testing.assert_allclose(a, b, rtol=2e-2)
        from pages.shared.control import Values
        assert common.gain_idle(Values(initializer=rule))
    assert not common.gain_idle(Values(initializer="he_normal"))
    assert not moment_map.simulate(0.5, 2.0, 3, "tanh", initializer="zeros", gain=2.0, rng=np.random.default_rng(0))[1:].any()


def check_mnist_tries():
    """They ask, and open five sigmoid layers of 100 units on MNIST, trained by plain SGD, at what they name."""
    from pages.shared.part import find_preset
    wanted = {"sigmoid_stuck": ("lecun_normal", 1.0), "sigmoid_scaled": ("lecun_normal", 4.0), "sigmoid_bn": ("lecun_normal", 1.0)}
    for key, (rule, gain) in wanted.items():
        page, preset = find_preset(key)
        v = {name.partition("_")[2]: x for name, x in page.settings_of(preset).items()}
        assert (v["data"], v["activation"], v["depth"], v["epochs"], v["optimizer"]) == ("mnist", "sigmoid", 5, 12, "sgd")
        assert (v["initializer"], v["gain"]) == (rule, gain)
        assert (v["batch_norm"] != "none") == (key == "sigmoid_bn")
    page, preset = find_preset("sigmoid_wide")
    assert page.settings_of(preset)["mnist_initializer"] == "normal"


# ------------------------------------------------------------------ SELU's fixed point
U = np.linspace(-9, 9, 1801)
BELL = np.exp(-U * U / 2) / np.exp(-U * U / 2).sum()


def step(name, m, v, sigma_w, rate=0.0, kind="dropout"):
    y = phi(name, math.sqrt(sigma_w**2 * (v + m * m)) * U)
    mean, square = float(BELL @ y), float(BELL @ (y * y))
    if kind == "dropout":
        return mean, square / (1 - rate) - mean**2
    floor, kept = -SELU_LAMBDA * SELU_ALPHA, 1 - rate
    mean, square = kept * mean + rate * floor, kept * square + rate * floor**2
    a = (kept * (1 + rate * floor**2)) ** -0.5
    return a * (mean - rate * floor), a * a * (square - mean**2)


def follow(name, start, layers, *layer):
    m, v = start
    for _ in range(layers):
        if not v < 1e28:
            return math.nan, math.inf
        new = step(name, m, v, *layer)
        if abs(new[0] - m) + abs(new[1] - v) < 1e-13 * abs(new[1]) or new[1] + new[0] ** 2 < 1e-13:
            return new
        m, v = new
    return m, v


SELU_AT = [(name, start, gain, rate, kind)
           for name, starts in (("selu", ((0.5, 2.0), (-2.0, 0.0), (2.0, 10.0), (0.0, 0.0))), ("relu", ((0.5, 2.0), (0.0, 1.0))),
                                ("tanh", ((0.5, 2.0),)), ("sigmoid", ((0.0, 0.0), (1.0, 5.0))), ("elu", ((0.5, 2.0),)),
                                ("softplus", ((0.0, 0.0), (0.5, 2.0))), ("identity", ((1.0, 1.0),)))
           for start in starts for gain in (0.5, 1.0, math.sqrt(2), 2.8) for rate, kind in ((0.0, "dropout"), (0.1, "dropout"), (0.3, "alpha"))]


def check_selu():
    kinds = set()
    for name, start, gain, rate, kind in SELU_AT:
        settles = moment_map.settles_at(name, start, sigma_w=gain, rate=rate, dropout=kind)
        network = np.array([start, start])
        verdict = selu.read(name, network, settles, rate)
        text, at = plain(verdict.text), (name, start, gain, rate, kind, verdict.text)
        kinds.add(verdict.kind)
        m, v = follow(name, start, 2000, gain, rate, kind)
        if verdict.kind in ("home", "elsewhere"):
            mean, variance = re.search(rf"theory settles at mean ({NUMBER}) and variance ({NUMBER})\.", text).groups()
            assert abs(value(mean) - m) < 0.006 + 0.006 * abs(m), at
            assert close(variance, v, 0.01), (at, v)
            assert (verdict.kind == "home") == (abs(m) < 0.01 and abs(v - 1) < 0.01), at
        elif verdict.kind == "grows":
            assert "grows without end" in text
            assert v > 1e28, at
        elif verdict.kind == "dies":
            assert "dies out" in text
            assert v < 1e-12, at
        else:
            later = step(name, m, v, gain, rate, kind)
            assert "still move" in text
            assert abs(later[1] - v) > 1e-7 * v, at
        if verdict.fix:   # what is offered leads home
            there = start[0], verdict.fix.get("variance", start[1])
            m, v = follow("selu", there, 400, 1.0, rate, verdict.fix.get("dropout", kind))
            assert abs(m) < 0.01, at
            assert abs(v - 1) < 0.01, at
        assert bool(verdict.fix) == (verdict.kind != "home")
    assert kinds == {"home", "elsewhere", "grows", "dies", "moves"}


def check_selu_network():
    """Mean and variance of the network's last layer, and the layer that overflows."""
    for name, gain, depth in (("selu", 1.0, 30), ("relu", 1.4142, 7), ("selu", 2.8, 1000), ("tanh", 1.0, 1)):
        rng = np.random.default_rng(0)
        x = (0.5 + math.sqrt(2) * rng.standard_normal((200, 100))).astype(np.float32)
        layer, overflown = 0, False
        while layer < depth and not overflown:
            layer += 1
            with np.errstate(all="ignore"):
                x = ACTIVATIONS[name].f(x @ (gain * as_initializer("lecun_normal").draw(rng, (100, 100))).astype(np.float32))
                overflown = not np.isfinite([x.astype(float).mean(), x.astype(float).var()]).all()
        network = moment_map.simulate(0.5, 2.0, depth, name, gain=gain, rng=np.random.default_rng(0))
        text = plain(selu.read(name, network, (0.0, 1.0), 0.0).text)
        if overflown:
            assert f"In layer {layer} of {title(name)} the network's numbers overflow." in text
        else:
            mean, variance = re.search(rf"has mean \*\*({NUMBER})\*\* and variance \*\*({NUMBER})\*\*", text).groups()
            assert value(mean) == pytest.approx(x.mean(), abs=0.006)
            assert close(variance, x.var(), 0.01)
            assert f"After {depth:,} layer{'s' * (depth > 1)} of {title(name)}" in text


def check_start_of_theory():
    """ReLU with He: the second moment of the start stays, so theory does not settle where (0, 1) would."""
    assert moment_map.settles_at("relu", (0.5, 2.0), sigma_w=math.sqrt(2)) == pytest.approx((0.846, 1.534), abs=1e-3)
    assert moment_map.settles_at("relu", sigma_w=math.sqrt(2)) == pytest.approx((0.564, 0.682), abs=1e-3)
    m, v = follow("relu", (0.5, 2.0), 1, math.sqrt(2))
    assert m * m + v == pytest.approx(2.25, abs=1e-3)


def check_selu_comes_home():
    for start in selu.STARTS:
        m, v = follow("selu", start, 20, 1.0)
        assert abs(m) < 0.05
        assert abs(v - 1) < 0.05
    network = moment_map.simulate(0.5, 2.0, 100, rng=np.random.default_rng(0))[20:]
    assert np.abs(network - (0, 1)).max() < 0.15
    assert len(selu.STARTS) == 16


def check_he_too_large():
    path = [(0.5, 2.0)]
    for _ in range(30):
        path.append(step("selu", *path[-1], math.sqrt(2)))
    growth = [b[1] / a[1] for a, b in pairwise(path)]
    assert growth[0] == pytest.approx(1.6, abs=0.05)
    assert growth[-1] == pytest.approx(1.1, abs=0.05)
    assert min(growth) > 1
    assert moment_map.settles_at("selu", (0.5, 2.0), sigma_w=math.sqrt(2))[1] == math.inf
    m, v = step("relu", 0.5, 2.0, math.sqrt(2))
    assert m * m + v == pytest.approx(2.25, abs=1e-3)


def check_dropout_moves():
    m, v = follow("selu", (0.5, 2.0), 400, 1.0, 0.1)
    assert abs(v - 1) > 0.1
    m, v = follow("selu", (0.5, 2.0), 400, 1.0, 0.1, "alpha")
    assert abs(m) < 0.01
    assert abs(v - 1) < 0.01
    line = next(line for line in PAGE.part("selu").try_next if line.text.startswith("Alpha"))
    assert line.settings == {"fixed": "selu", "fixed_initializer": "lecun_normal", "fixed_gain": 1.0, "dropout_rate": 0.1, "dropout": "alpha"}


def check_only_selu():
    home = [name for name in ACTIVATIONS if name != "gelu" and np.allclose(follow(name, (0.5, 2.0), 300, 1.0), (0, 1), atol=0.01)]
    assert home == ["selu"]


# ------------------------------------------------------------------ Dying ReLU
def watches(rng, depth=3, width=50, looks=4, share=None):
    made = []
    for i in range(looks):
        silent = rng.random((depth, width)) < (rng.random() if share is None else share)
        made.append(dying_study.Watch(i, float(i), silent.mean(axis=1), silent, float(rng.random())))
    return made


def check_dying():
    rng, kinds = np.random.default_rng(0), set()
    for i in range(150):
        names, rate, bias = (["ReLU"], ["ReLU", "ELU"])[i % 2], (0.001, 0.01, 0.3)[i % 3], (-1.0, 0.0, 0.5)[i // 3 % 3]
        looks = {name: watches(rng, share=(None, 0.15, 0.9, 0.21, 0.19)[i % 5]) for name in names}
        tried = {}

        def at(names, rate, bias, tried=tried, rng=rng):
            return [tried.setdefault((name, rate, bias), watches(rng, share=(0.05, 0.5, 0.3)[len(tried) % 3])) for name in names]
        verdict = dying.read(looks, rate, bias, at)
        text = plain(verdict.text)
        kinds.add(verdict.kind)
        share = {name: [100 * np.mean([u for layer in w.silent for u in layer]) for w in seen] for name, seen in looks.items()}
        for name, seen in looks.items():
            off, right = re.search(rf"\*\*{name}\*\* (\d+) % \((\d+) %\)", text).groups()
            assert abs(int(off) - share[name][-1]) <= 0.51
            assert abs(int(right) - 100 * seen[-1].accuracy) <= 0.51
        worst = max(names, key=lambda name: share[name][-1])
        if abs(share[worst][-1] - 20) < 1e-9:   # rounding decides
            continue
        assert (verdict.kind == "alive") == (share[worst][-1] <= 20) == ("slope 0" not in text)
        if verdict.kind == "alive":
            assert not verdict.fix
            continue
        end, name, before, after = re.search(r"(\d+) % of (.*?)'s units end with slope 0 .* it was (\d+) %, after it (\d+) %", text).groups()
        assert share[name][-1] >= share[worst][-1] - 1e-9
        worst = name
        assert max(abs(int(x) - share[name][k]) for x, k in ((before, 0), (after, 1), (end, -1))) <= 0.51
        ever = {(k, u) for w in looks[name] for k, layer in enumerate(w.silent) for u, dead in enumerate(layer) if dead}
        back = sum(not looks[name][-1].silent[k][u] for k, u in ever)
        assert f"Of {len(ever)} units that ever had no slope, {back} came back." in text
        if verdict.kind == "cured":
            new = {"rate": rate, "bias": bias} | dict(verdict.fix)
            ends = {name: 100 * tried[name, new["rate"], new["bias"]][-1].silent.mean() for name in names if share[name][-1] > 20}
            assert max(ends.values()) <= 20
            assert f"it would be {ends[worst]:.0f} % at the end" in text
            assert ("η = " in text) == ("rate" in verdict.fix)
            assert ("a first bias of" in text) == ("bias" in verdict.fix)
        else:
            assert not verdict.fix
            for cure in dying.CURES:
                new = {"rate": rate, "bias": bias} | cure
                if new != {"rate": rate, "bias": bias}:
                    assert max(tried[name, new["rate"], new["bias"]][-1].silent.mean() for name in names if (name, *new.values()) in tried) > 0.2
    assert kinds == {"alive", "cured", "silent"}


@lru_cache(maxsize=20)
def trained(name, rate, bias, depth=3):
    return dying_study.watch_units(name, learning_rate=rate, bias=bias, depth=depth)


def check_units_come_back():
    """In layer 1 none did, in the third more than half: "dead for good" would be false."""
    ever, back = dying_study.came_back(trained("relu", 0.01, -0.5))
    assert back[0] == 0 < ever[0]
    assert back[2] > ever[2] / 2


def check_relu_stays():
    off = {name: [w.off.mean() for w in trained(name, 0.01, -1.0)] for name in common.USUAL["rivals"]}
    assert max(off["relu"]) - min(off["relu"]) < 0.01
    for name in ("leaky_relu", "prelu", "elu"):
        assert off[name][-1] < off[name][0] / 2


def check_first_step():
    after = {name: 100 * trained(name, 0.1, 0.0)[1].off.mean() for name in ("relu", "leaky_relu", "elu")}
    assert after == pytest.approx({"relu": 50, "leaky_relu": 45, "elu": 41}, abs=1.5)
    assert trained("relu", 0.1, 0.0)[0].off.mean() < 0.1


def check_third_silent():
    line = next(line for line in PAGE.part("dying").try_next if "η = 0.03" in line.text)
    assert line.settings == {"rate": 0.03, "bias": 0.0, "rivals": common.USUAL["rivals"], "dying_depth": 3, "dying_seed": 0}
    assert trained("relu", 0.03, 0.0)[-1].dead.mean() == pytest.approx(1 / 3, abs=0.06)


def check_far_below():
    for bias in (-3.0, -2.0, -1.0):
        for name in ("relu", "leaky_relu"):
            assert dying_study.watch_units(name, learning_rate=0.01, bias=bias, epochs=1)[0].off.mean() > 0.5


def check_same_start():
    np.testing.assert_array_equal(trained("relu", 0.01, -1.0)[0].off[0], trained("elu", 0.01, -1.0)[0].off[0])


class Made:
    """A run that has been made up."""

    def __init__(self, **given):
        self.__dict__.update({"done": 1, "steps": 1, "status": "finished"} | given)


def check_sweep(monkeypatch):
    rng = random.Random(3)
    monkeypatch.setattr(dying.layout, "show", lambda *a, **k: None)
    monkeypatch.setattr(dying.runs, "progress_line", lambda *a: None)
    monkeypatch.setattr(dying.st, "columns", lambda n, **look: [None] * n)
    for i in range(40):
        top = (0.4, 1.0)[i % 2]
        points = {by: [dying_study.SweepPoint(name, x if by == "rate" else 0.01, x if by == "bias" else -1.0, rng.uniform(0, top), 0.0, 0.5)
                       for x in ladder for name in ("relu", "elu")] for by, ladder in (("rate", dying.RATES), ("bias", dying.BIASES))}
        run = Made(settings=Made(members=(("relu", ()), ("elu", ())), rate=0.01, bias=-1.0), points=points, done=(1, 30)[i % 3 == 0], steps=30)
        text = dying.draw_sweep(run).text
        assert text.startswith("So far: ") == (run.done < 30)
        half = {by: {name: [getattr(p, "learning_rate" if by == "rate" else by) for p in rows if p.activation == name and p.off > 0.5]
                     for name in ("relu", "elu")} for by, rows in points.items()}
        for by, words_, pick in (("rate", "first at η = ", min), ("bias", "last at b = ", max)):
            for name, xs in half[by].items():
                part = text.partition(words_)[2].partition(";")[0]
                assert (f"{pick(xs):g}".replace("-", "−") + f" (**{title(name)}**)" in part) if xs else f"**{title(name)}**" not in part
        assert ("No activation" in text) == (not any(xs for table in half.values() for xs in table.values()))


# ------------------------------------------------------------------ The ranking
def check_ranking():
    rng = random.Random(4)
    for i in range(80):
        names, seeds = rng.sample(list(ACTIVATIONS), 4), (1, 3)[i % 2]
        finals = {name: [rng.choice((0.1, 0.5, 0.9)) + rng.uniform(0, 0.3) for _ in range(seeds)] for name in names}
        status = ("finished", "paused")[i % 4 == 3]
        run = Made(settings=Made(depth=20, seeds=seeds), finals=finals, trained=4 * seeds, status=status)
        text = ranking.read(run).text
        order = sorted(names, key=lambda name: -np.median(finals[name]))
        said = re.search(r"at 20 layers: \*\*(.*?)\*\*", text)[1].split(" · ")
        assert [name.rpartition(" ")[0].rpartition(" ")[0] for name in said] == list(map(title, order))
        for name, words_ in zip(order, said, strict=True):
            assert abs(int(words_.split()[-2]) - 100 * np.median(finals[name])) <= 0.51
        counts, claim = [0, 0, 0], [name for name in ("selu", "elu", "leaky_relu", "relu", "tanh", "sigmoid") if name in names]
        for k, better in enumerate(claim):
            for worse in claim[k + 1:]:
                apart = [np.sign(a - b) for a in finals[better] for b in finals[worse]]
                counts[0 if set(apart) == {1} else 1 if set(apart) == {-1} else 2] += 1
        told = re.search(r"claim's (\d+) pairs?, (\d+) came out as claimed and (\d+) the other way round\. Undecided, .* overlap: (\d+)", text)
        assert bool(told) == (seeds > 1 and status == "finished" and sum(counts) > 0)
        if told:
            assert [int(x) for x in told.groups()] == [sum(counts), *counts]
        assert ("Not all trainings are done" in text) == (status != "finished")


@pytest.mark.slow
def test_at_50_layers_five_seeds_leave_most_pairs_undecided():
    finals = {}
    for one in ranking_study.ranking(ranking_study.CLAIM, depth=50, seeds=5):
        if one.last:
            finals.setdefault(one.activation, []).append(one.test_accuracy)
    assert ranking_study.agreement(finals).undecided > 15 / 2


def check_most_undecided():
    preset = next(p for p in PAGE.part("ranking").presets if p.key == "act_ranking_50")
    assert preset.settings == {"rank_depth": 50, "rank_seeds": 5}   # trained by the slow test above


def check_images():
    from engine.datasets import load_digits
    assert len(load_digits().y_train) == 1437


def check_idle():
    from pages.shared.control import Values
    for name, chosen, idle in (("set", ["relu"], True), ("set", [], False), ("set", ["elu"], False), ("fixed", "selu", True),
                               ("rivals", ["elu"], False)):
        control = next(c for c in common.SLOPE_CONTROLS["Slopes and α"] if c.key == "act_elu_alpha")
        assert bool(control.idle(Values(**{name: chosen}))) == idle


def check_drop_idle():
    a, b = (moment_map.trajectory(0.5, 2.0, 5, rate=0.0, dropout=kind) for kind in moment_map.DROPOUTS)
    np.testing.assert_array_equal(a, b)


def check_ends():
    """The usual values are used where options do not go together."""
    with pytest.raises(ValueError, match="lower"):
        as_activation("rrelu", lower=0.3, upper=0.2)


# ------------------------------------------------------------------ the table
def says_nothing(when, reason, *texts):
    return {text: Claim(when, why_not=reason) for text in texts}


def stands(when, check, *texts):
    return {text: Claim(when, check) for text in texts}


CLAIMS: dict[str, Claim] = {
    **openings("activations"),
    **says_nothing("always", "names an axis, a picture, a part or a preset",
        "**Earlier runs**: the middle of the seeds", "Against learning rate and bias", "Against the first bias", "Against the learning rate",
        "By layer, at the end", "Dying ReLU: biases too low", "Dying ReLU: steps too large", "Each with its usual initializer",
        "For each activation, where its slope is saturated or dead", "Gain of the weights", "Gradient here / in layer L",
        "Gradient in layer 1 to {} over that in the last, with {}: {}", "Mean and variance from layer to layer under {}, from {} starts",
        "Middle of the seeds", "SELU with He's weights", "Slope 0 on every image", "Switched off at the end",
        "Test accuracy by epoch for each activation",
        "Test accuracy of each activation after the same budget, one point a seed", "Test images read correctly",
        "The 2-2-1 network with its weights and gradients; its output is {}", "The map, layer after layer", "The product of slopes",
        "The ranking at 20 layers", "The ranking at 50 layers", "Two inputs, two units, one output", "Units no image switches on",
        "Units of {} that no image switches on, by layer at the end of training", "Units switched off at the end of training, against the {}",
        "Units that no image switches on, while {} train", "Variance over {} layers: theory and one network of 100 units",
        "Where the slope is almost gone", "{} of {} for z from −6 to 6, cursor at {}", "{} of {} trainings, {} s of work",
        "Curves, slopes, and what their product does: why a sigmoid's gradient shrinks with depth, how units fall "
        "silent, and the textbooks' ranking measured.",
    ),
    **says_nothing("always", "says what the marks are",
        "Blue: what flows forward. Orange: the gradients ∂J/∂w that come back.", "A cross shows where theory settles, if it does.",
        "Grey: theory from 16 starts. Blue: one network.", "Line: the middle of the seeds. Band: their range.",
        "Line: theory. An arrow shows where dots leave the picture.",
        "Line: theory. Dots: one network.",
        "An arrow shows where values leave the picture.",
        "Dots: one training each. Stroke: the middle one. Dotted: what guessing reads.", "A unit is switched off if z ≤ 0 on every training image.",
        "Dotted: where the sidebar stands.",
    ),
    **says_nothing("always", "says what a control sets",
        "Alpha dropout sends units to SELU's floor instead of 0.", "It draws the weights and orders the images.",
        "How many layers the path is followed.",
        "How many units each hidden layer has.", "Multiplies every weight of the right picture.",
        "How many networks are drawn for each activation. The band spans them.",
        "Networks trained for each activation. One alone cannot tell skill from luck.", "The share of units that is silenced after every layer.",
        "Shown in the curves, the product of slopes and the ranking.", "Shows φ and its slope φ′ for all curves at this z. Try 51.",
        "The depth of every network that is trained.", "The lecture notes' value is the default.", "The mean of the network's inputs.",
        "The right picture gives it to every activation.", "All activations learn with it.", "The variance of the network's inputs.",
        "Each layer multiplies the gradient by its slopes and its weights once more.",
    ),
    **says_nothing("always", "an instruction, or what is about to be trained",
        "Networks of 64 – {} × {} – 10 units learn the digits with Adam, {} epochs and {} seed{}. ", "Each activation takes its own initializer.",
        "Press **Start**: the same network and digits for each activation, one seed after the other.",
        "Press **Start**: the same network is trained at each learning rate, then at each bias.",
        "{} trainings: {} learning rates and {} biases for each activation.", "So many layers are measured on {} seed{}, to answer at once.",
        "No activation is chosen: the usual ones are shown.",
    ),
    **says_nothing("always", "a question, or where a link leads",
        "All {} activations, identity among them: what does a network without any bend reach?",
        "Five layers: how far apart are the activations there?",
        "Large steps (η = 0.1) instead of a low bias: does ReLU end with fewer units without slope?",
        "One seed and twenty epochs: would you publish that order?", "Press Start. Is the textbooks' order the one that comes out?",
        "Ten layers: in which of them do units come back?", "What do the slopes of the activations multiply to?",
        "What the slopes multiply to: the sigmoid at 1/√n.", "The sigmoid at 1/√n, thirty layers deep.", "The sigmoid at 4/√n, thirty layers deep.",
        "Width 10: how far may one network be from the theory?",
    ),
    **stands("at every cursor", check_cursor, "At z = {} the steepest slope is φ′ = {}, that of **{}**. ",
             "Each of them lets at least a hundredth of the gradient through here.", "{}{} {} less than a hundredth of the gradient through here."),
    **stands("where a zone is drawn", check_flat_zones, "Grey: almost no slope here;", "the greyer, the more of them are flat.",
             "Dead: the slope is exactly 0.", "Saturated: the slope is below {} % of its steepest."),
    **stands("no zone", check_none_flat, "None of these activations goes flat at either end."),
    **stands("preset act_far", check_far,
             "σ′(51) = 7 × 10⁻²³, far outside the picture, where the arrow points. Of a gradient that arrives there, nothing is left.",
             "Move the cursor to 51: what is left of the sigmoid's slope?"),
    **stands("preset act_notes", check_notes_figure, "Five curves, and below them where each slope is almost gone."),
    **stands("Curves, after a click", check_try_curves, "ELU with α = 2: a kink appears at 0, and the floor moves to −2.",
             "Leaky ReLU with α = 0, beside ReLU: can you tell them apart?"),
    **stands("By hand, always", check_hand,
             "The output is **{}**. The gradient of w₁ has passed two slopes, {} × {} = **{}**; a sigmoid's is never above "
             "¼, so two leave at most 1/16. Each further layer would multiply by one more slope of at most ¼, and by one more weight."),
    **stands("preset act_hand", check_hand_numbers, "The units give 0.731 and 0.5, and the output is 0.5575. The slide rounds it to 0.55."),
    **stands("By hand, after a click", check_hand_tries, "w₁ = 1 and t = ½, so that t = y: the error is 0, and with it everything that comes back.",
             "w₁ = 20: the first unit saturates. What is left of the gradients of w₁ and w₂?",
             "x = (0, 0): which gradients are 0, and why not those of w₅ and w₆?"),
    **stands("Product, always; the rate where it is finite, the cure where it was tried", check_product,
             "With {}, this much of the last layer's gradient reaches layer 1 of {}: {}. ",
             "The {} slope{} of the sigmoid on the way allow{} at most {} = {}; ",
             "its weights multiply by about {} a layer.",
             " With a gain of {} this share would be {} for {}, but {} for {}, in one network of at most {} units."),
    **stands("Product, where the gradient changes", check_made_up_reaches, "At that rate {} makes the gradient a thousand times {} in {} layer{}. "),
    **stands("presets act_sigmoid, act_sigmoid_4", check_presets_product, "Less than a quarter of the gradient is left after each layer.",
             "About 0.6 a layer instead of 0.23: over five layers an eighth is left, over thirty about a millionth."),
    **stands("what the dots are", check_sixteen_inputs, "Dots: the median of the networks drawn, each on 16 inputs. Band: their range."),
    **stands("help of the width", check_narrow_scatters, "The theory is made for wide layers. Narrow ones scatter about it."),
    **stands("Product, after a click", check_he_explodes, "He normal for all: whose gradient explodes now?"),
    **stands("the gain is idle", check_idle_gain, "All weights are 0: no gain changes that.", "LSUV sets the size of the weights itself."),
    **stands("Product, links to MNIST", check_mnist_tries, "On MNIST with batch norm.",
             "On MNIST, five layers at 1/√n: do twelve epochs of plain SGD move it?"),
    **stands("SELU, by what theory does from this start", check_selu, "{}From this start, theory settles at {}.",
             "{}In theory the variance dies out.",
             "{}In theory the variance grows without end.", "{}In theory both still move after {} layers."),
    **stands("SELU, by what the network does", check_selu_network, "After {} layer{} of {} the network has {}. ",
             "In layer {} of {} the network's numbers overflow. "),
    **stands("preset act_selu", check_selu_comes_home,
             "From all 16 starts the grey paths run towards mean 0 and variance 1. The network stays near them."),
    **stands("preset act_selu_he", check_he_too_large,
             "Every layer enlarges the variance, at first by 1.6, later by 1.1. Theory finds no fixed point.",
             "He's weights, which keep a ReLU's second moment, are too large for SELU."),
    **stands("SELU, after a click", check_start_of_theory, "ReLU with He's weights: the second moment stays, but mean and variance?"),
    **stands("preset act_selu_dropout and its lines", check_dropout_moves, "Dropout moves the fixed point.", "Alpha dropout leaves it where it was.",
             "Dropout puts zeros where SELU has its floor. The fixed point moves away from (0, 1)."),
    **stands("help of SELU's part", check_only_selu, "Only SELU is made to settle at (0, 1).", "SELU is made for LeCun's 1/n. Try He."),
    **stands("the kind of dropout is idle", check_drop_idle, "At rate 0 nothing is dropped."),
    **stands("Dying, always; the rest where more than a fifth of the units end without slope", check_dying,
             "This share of the units is switched on by no image at the end, "
             "and in brackets this share of the training images is read correctly: {}. ",
             "{} % of {}'s units end with slope 0 on every image; before the first step it was {} %, after it {} %. ",
             "{}With {} it would be {} % at the end."),
    **stands("Dying, where units end without slope", check_units_come_back, "Of {} units that ever had no slope, {} came back. "),
    **stands("preset act_dying", check_relu_stays, "ReLU's line stays where it began. The other three come down: many of their units come back."),
    **stands("preset act_dying_step", check_first_step,
             "The first step alone switches off half of ReLU's units, 45 % of leaky ReLU's and 41 % of ELU's.",
             "Adam's. Large steps throw units to where no image switches them on: try 0.1 with a bias of 0."),
    **stands("Dying, after a click", check_third_silent,
             "A bias of 0 and η = 0.03: a third of ReLU's units end without slope. Does it read worse than the others?"),
    **stands("help of the bias", check_far_below, "Every hidden unit starts with it. Far below 0, no image switches most of the units on."),
    **stands("help of the rivals", check_same_start, "All start from the same weights and see the same images."),
    **stands("Dying, once the sweep has begun", check_sweep, "{}More than half of the units end switched off {}.",
             "{}No activation ends with more than half of its units switched off."),
    **stands("Ranking, once a training is done", check_ranking, "The middle of the seeds reads so many of the test images at {} layers: **{}**. ",
             "Not all trainings are done.",
             "Of the claim's {} pair{}, {} came out as claimed and {} the other way round. Undecided, because their seeds overlap: {}."),
    **stands("preset act_ranking_50", check_most_undecided,
             "Press Start. Even with five seeds most pairs of the claim stay undecided: their seeds overlap."),
    **stands("help of the epochs", check_images, "How often each network sees the 1,437 training images."),
    **stands("a slope is idle", check_idle, "{} is not among the activations shown."),
    **stands("options that do not go together", check_ends, "{}: {}. The usual values are used."),
}
CHECKS = checks_of(CLAIMS)


def test_every_sentence_of_the_page_is_in_the_table():
    said = sentences("pages/parts/activations", *(f"engine/studies/{name}.py" for name in ("slopes", "curves", "by_hand", "dying",
                     "ranking", "moment_map")))
    assert sorted(said - CLAIMS.keys()) == []
    assert sorted(CLAIMS.keys() - said) == []


@pytest.mark.parametrize("check", CHECKS, ids=full_name)
def test_what_is_said_is_so(check, monkeypatch):
    check(*([monkeypatch] if check.__code__.co_argcount else []))
