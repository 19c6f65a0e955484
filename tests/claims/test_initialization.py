# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of the Initialization page: when it is said, and a check of what it claims.

Thresholds stand here as plain numbers and recalculations in plain NumPy: neither is taken from the code that wrote the sentence.
"""

import itertools
import math
import re
from dataclasses import replace
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import diagnosis, propagation
from engine.activations import ACTIVATIONS
from engine.initializers import INITIALIZERS
from engine.studies import linear, scales
from engine.studies.symmetry import count_units
from engine.verdict import Verdict
from pages.parts.initialization import PAGE, chain, common, deep, gains, matrix, neuron, phase, symmetry, widths
from pages.shared.part import find_preset
from tests.claims.claim import Claim
from tests.claims.collect import sentences
from tests.claims.openings import openings

FILES = ("pages/parts/initialization", "engine/diagnosis.py")
NUMBER = re.compile(r"−?\d[\d,]*\.?\d*(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|∞")
DEFAULTS = {control.name: control.default for control in PAGE.controls}


def numbers_in(text):
    def value(word):
        if word == "∞":
            return math.inf
        mantissa, _, exponent = word.replace(",", "").replace("−", "-").partition(" × 10")
        return float(mantissa) * 10.0 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)
    return [value(word) for word in NUMBER.findall(text.replace("\u00a0", " "))]


def near(a, b):
    return a == b or math.isclose(a, b, rel_tol=0.06 if abs(b) < 0.01 or abs(b) >= 1e7 else 0.01)


# --- the verdict on a random network ---

def made_up(rng):
    """The numbers of a network of any kind, drawn close to every threshold."""
    depth = int(rng.choice([1, 2, 5, 12, 30, 60, 100]))
    steps = np.linspace(0, 1, depth)
    reach = [rng.choice([0, *np.log([1.3, 9, 11.5, 12.5, 40, 148, 900, 1100, 1e6]), np.log(1.045) * (depth - 1), np.log(1.055) * (depth - 1)]) for _ in "sg"]
    signs = rng.choice([-1, 1], 2)
    std = rng.choice([0.03, 0.6, 2]) * np.exp(signs[0] * reach[0] * steps)
    gradient = np.exp(signs[1] * reach[1] * steps[::-1])
    over = rng.choice([0.019, 0.021, 0.5, 1]) ** steps if depth > 1 else np.ones(1)
    flat, dead = (np.where(steps == rng.choice(steps), rng.choice([0, 0, 0, *shares]), 0.0) for shares in ([0.49, 0.51], [0.74, 0.76, 0.94]))
    over_layer = {name: int(rng.integers(1, depth + 1)) if rng.random() < 0.04 else None
                  for name in ("first_overflow", "gradient_overflow", "first_underflow", "gradient_underflow")}
    alike = rng.random() < 0.03
    return SimpleNamespace(
        std=std, gradient_rms=gradient, std_over_data=std * over, saturated=flat, dead=dead, distinct=np.full(depth, 1 if rng.random() < 0.06 else 7),
        sigma_w=np.full(depth, rng.choice([0.0, np.nan, 1.0], p=[0.15, 0.15, 0.7])), input_moment=1.0, input_overlap=0.9999 if alike else 0.0,
        settings={"width": 7, "samples": 50, "dtype": "float32"}, **over_layer)


def kind_of(run):
    """The definition of each kind, on its own."""
    depth, gone = len(run.std), run.std[-1] / run.std[0]
    back = run.gradient_rms[0] / run.gradient_rms[-1]
    worst = max(gone, back, 1 / gone, 1 / back)
    if run.input_overlap > 0.9996:
        return "indistinguishable"
    if run.distinct[0] == 1 and not run.sigma_w[0] > 0:
        return "symmetric"
    if run.first_overflow or run.gradient_overflow or max(gone, back) > 1000:
        return "exploding"
    if max(run.saturated) >= 0.5:
        return "saturated"
    died = [i for i in range(depth) if run.dead[i] >= 0.75]
    if died and run.std[max(died[0] - 1, 0)] >= run.std[0] / 1000:
        return "dead"
    if min(gone, back) < 1e-3 or run.first_underflow or run.gradient_underflow:
        return "vanishing"
    if run.std_over_data[-1] / run.std[-1] < 0.02:
        return "indistinguishable"
    if depth == 1 or worst <= 12 or worst ** (1 / (depth - 1)) <= 1.05:
        return "healthy"
    return "growing" if worst == max(gone, back) else "fading"


@lru_cache
def verdicts_of_networks():
    rng = np.random.default_rng(4)
    seen = set()
    for _ in range(900):
        run = made_up(rng)
        said, kind = diagnosis.diagnose(run), kind_of(run)
        assert said.kind == kind, (kind, said)
        seen.add(kind)
        found, depth = numbers_in(said.text), len(run.std)
        ends = [1, depth, run.std[0], run.std[-1], run.gradient_rms[-1], run.gradient_rms[0]]
        if "From layer 1" in said.text:
            at = numbers_in(said.text[said.text.index("From layer 1"):])
            assert all(map(near, at, ends)), (said.text, ends)
        if kind in ("fading", "growing") or (kind == "healthy" and depth > 1):
            change = max((run.std[-1] / run.std[0], run.gradient_rms[0] / run.gradient_rms[-1]), key=lambda x: abs(math.log(x)))
            assert any(near(x, change ** (1 / (depth - 1))) for x in found)
            assert kind == "healthy" or near(found[-1], change)
        if kind == "saturated":
            assert found[:2] == [np.argmax(run.saturated) + 1, round(100 * max(run.saturated))]
        if kind == "dead":
            assert found[0] == 1 + min(i for i in range(depth) if run.dead[i] >= 0.75)
        if "overflows" in said.text:
            assert near(found[-1], float(np.finfo(np.float32).max))
    assert seen == set(diagnosis.KINDS)


@lru_cache
def real_networks():
    """Verdicts on real networks agree with the arrays that the page shows beside them."""
    rng = np.random.default_rng(0)
    for _ in range(120):
        pick = {"activation": rng.choice(list(ACTIVATIONS)), "initializer": rng.choice(["normal", "lecun_normal", "he_normal", "zeros", "constant"]),
                "gain": float(rng.choice([0.01, 0.5, 1, 2, 10])), "depth": int(rng.choice([1, 3, 10, 20])), "width": int(rng.choice([2, 20, 40])),
                "sigma_b": float(rng.choice([0, 0, 0.3, 2]))}
        run = propagation.propagate(**pick, samples=60, rng=np.random.default_rng(int(rng.integers(99))))
        with np.errstate(all="ignore"):
            said = diagnosis.diagnose(run)
        if said.kind == "symmetric":
            assert pick["initializer"] in ("zeros", "constant")
        if said.kind in diagnosis.ALIVE and pick["depth"] > 1:
            for ratio in (run.std[-1] / run.std[0], run.gradient_rms[0] / run.gradient_rms[-1]):
                assert 1e-3 <= ratio <= 1e3
        if run.std[0] == 0 and pick["width"] > 1:
            assert said.kind in ("dead", "symmetric"), (pick, said)
    silent = propagation.propagate(depth=5, width=2, samples=1000, activation="relu", initializer="lecun_normal", gain=0.01, sigma_b=2.0,
                                   rng=np.random.default_rng(0))
    assert (silent.std[0], diagnosis.diagnose(silent).kind) == (0, "dead")


def plain_relu_network(depth, gain, sigma, seed, width=100):
    """Spread by layer and size of the gradient by layer, in plain NumPy."""
    rng = np.random.default_rng(seed)
    x, layers, spreads = rng.standard_normal((100, width)), [], []
    for _ in range(depth):
        w = rng.standard_normal((width, width)) * gain * sigma
        z = x @ w
        x = np.maximum(z, 0)
        layers.append((w, z))
        spreads.append(x.std())
    dy, sizes = rng.standard_normal(x.shape), []
    for w, z in reversed(layers):
        dz = dy * (z > 0)
        sizes.append(math.sqrt((dz**2).mean()))
        dy = dz @ w.T
    return np.array(spreads), np.array(sizes[::-1])


@lru_cache
def depth_of_loss():
    for gain in (0.7, 1.0, 1.3):
        run = propagation.propagate(depth=3, width=100, samples=100, activation="relu", initializer="he_normal", gain=gain, rng=np.random.default_rng(0))
        text = diagnosis.diagnose(run, with_fix=True).text
        spreads, sizes = plain_relu_network(100, gain, math.sqrt(2 / 100), 5)
        lost = [i + 1 for i in range(100) if not (1e-3 <= spreads[i] / spreads[0] <= 1e3 and 1e-3 <= sizes[0] / sizes[i] <= 1e3)]
        if gain == 1:
            assert "A network of 100 such layers was tried out: it keeps both within a factor of 1,000." in text
            assert not lost
        else:
            assert "tried out" in text
            assert abs(numbers_in(text)[-1] - lost[0]) <= 6
    lucky = propagation.propagate(  # lost at layer 62 in most networks of its kind, and alive after 64
        depth=64, width=100, samples=100, activation="prelu", initializer="lecun_uniform", gain=7.0, sigma_b=0.7, batch_norm="before", rng=np.random.default_rng(179))
    said = diagnosis.diagnose(lucky, with_fix=True).text
    assert "Others of this kind were tried out, and are lost sooner: the gradient has changed more than 1,000-fold at layer 6" in said
    assert "Deeper" not in said
    sigmoid = propagation.propagate(depth=2, width=100, samples=100, activation="sigmoid", initializer="lecun_normal", rng=np.random.default_rng(0))
    assert "the inputs can hardly be told apart at layer" in diagnosis.diagnose(sigmoid, with_fix=True).text


# --- chain, neuron, phases, matrix, symmetry ---

@lru_cache
def chains():
    rng = np.random.default_rng(0)
    for a, depth in itertools.product(common.GAIN.options, (1, 2, 7, 50, 100)):
        layers = min(depth, 20)
        values = np.linalg.svd(np.linalg.multi_dot([np.eye(6), np.eye(6), *[rng.standard_normal((6, 6)) / math.sqrt(6) for _ in range(layers)]]),
                               compute_uv=False)
        table = pd.DataFrame({"layer": layers, "series": ["largest", "median", "orthogonal"], "measured": [values[0], np.median(values), 1.0]})
        said = chain.read(a, depth, table)
        power = math.exp((depth - 1) * math.log(a))
        assert said.kind == ("keeps" if depth == 1 or a == 1 else "grows" if power > 1 else "falls")
        found = numbers_in(said.text)
        assert found[0] == depth
        assert near(found[1], a)
        assert near(found[2], power), said.text
        others = [base for base in (1.5, 0.5) if base != a]
        assert all(near(x, y) for x, y in zip(found[3:], [n for base in others for n in (base, base ** (depth - 1))], strict=False)), said.text
        assert found[-3] == layers
        assert near(found[-2], values[0])
        assert near(found[-1], np.median(values))
    for layers in (1, 5, 12):   # the orthogonal ones, each keeps lengths; the wide limit
        assert linear.product_singular_values(layers, 30, orthogonal=True, rng=rng) == pytest.approx(np.ones(30))
        largest = linear.product_singular_values(layers, 200, rng=rng)[0]
        assert largest == pytest.approx(math.sqrt((layers + 1) ** (layers + 1) / layers**layers), rel=0.15)


@lru_cache
def neurons():
    for seed in range(10):
        found = numbers_in(neuron.read(neuron.variances(seed)).text)
        assert found[:2] == [1, 1]
        assert found[2] == pytest.approx(1000, rel=0.2)
        assert found[-1] == pytest.approx(2, rel=0.2)
        assert found[-3] == pytest.approx(1, rel=0.2)   # "of variance 1/n give …, and those of variance 2/n give …"
        assert 51 in found
        assert any(near(x, math.exp(-51) / (1 + math.exp(-51)) ** 2) for x in found)


U = np.linspace(-9, 9, 20001)
P = np.exp(-U * U / 2) / np.exp(-U * U / 2).sum()


def settles(phi, sigma_w, sigma_b):
    """q after many layers from 1, by plain iteration on a dense grid; None while it still moves."""
    q = 1.0
    for _ in range(400):
        last, q = q, sigma_w**2 * float(P @ phi.f(math.sqrt(q) * U) ** 2) + sigma_b**2
        if not 1e-9 < q < 1e9:
            return (math.inf if q >= 1e9 else 0.0)
        if abs(q - last) < 1e-9 * q:
            return q
    return None


@lru_cache
def phases():
    from engine import mean_field
    checked = 0
    for name, sigma_w, sigma_b in itertools.product(("relu", "tanh", "sigmoid", "gelu", "elu", "identity"), (0.1, 0.5, 1.0, 1.2, 1.5, 2.5, 4, 10), (0, 0.1, 0.5, 2)):
        phi = ACTIVATIONS[name]
        q = mean_field.fixed_point(sigma_w, sigma_b, name)
        chi = mean_field.chi(q, sigma_w, name)
        said, expected = phase.read(sigma_w, sigma_b, q, chi), settles(phi, sigma_w, sigma_b)
        if expected is None:
            continue
        checked += 1
        if expected == math.inf:
            assert said.kind == "unbounded", (name, sigma_w, sigma_b, said)
            continue
        found, slope = numbers_in(said.text), sigma_w**2 * float(P @ phi.df(math.sqrt(max(expected, 1e-12)) * U) ** 2)
        assert abs(found[2] - expected) <= max(0.02 * expected, 1e-3), (name, sigma_w, sigma_b, said)
        assert found[3] == pytest.approx(slope, rel=0.02, abs=1e-6), (name, sigma_w, sigma_b, said)
        judge_phase(said, slope if said.kind != "critical" else chi)
    assert checked > 150
    for name in ("tanh", "elu"):
        q = mean_field.fixed_point(1.0, 0.0, name)
        slow_to_come(ACTIVATIONS[name], 1.0, 0.0, phase.read(1.0, 0.0, q, mean_field.chi(q, 1.0, name)))
    for name in ("relu", "identity", "leaky_relu", "prelu"):   # any q stays, so none is named
        critical = mean_field.critical_sigma_w(0.0, name)
        q = mean_field.fixed_point(critical, 0.0, name)
        assert all(near(mean_field.variance_map(one, critical, 0.0, name), one) for one in (0.3, 2.0, 5.0))
        said = phase.read(critical, 0.0, q or 1.0, mean_field.chi(q, critical, name), held=True)
        assert "stays as it is in layer 1, and χ = 1: this is the critical line." in said.text
    for chi in (0.0, 1e-9, 0.2, 0.9, 0.998, 0.9989, 0.99905, 0.9999, 1, 1.0002, 1.00095, 1.0011, 1.02, 1.5, 20):
        judge_phase(phase.read(1.0, 0.0, 0.5, chi), chi)


def slow_to_come(phi, sigma_w, sigma_b, said):
    """Layer by layer: z's mean square falls by ever smaller shares, and the gradient shrinks by ever less."""
    q, slopes, falls = 1.0, [], []
    for _ in range(100):
        slopes.append(sigma_w**2 * float(P @ phi.df(math.sqrt(q) * U) ** 2))
        last, q = q, sigma_w**2 * float(P @ phi.f(math.sqrt(q) * U) ** 2) + sigma_b**2
        falls.append(q / last)
    assert (np.diff(falls) > 0).all()
    assert max(falls) < 1
    assert (np.diff(slopes) > 0).all()
    assert max(slopes) < 1
    assert np.prod(slopes) < 0.5   # not "less than 5 % in a hundred layers"
    assert "the gradient still shrinks, by less in each layer." in said.text


def judge_phase(said, chi):
    """Is the gradient's size changed by less than 5 % in 100 layers? If not, after which layer more than a thousandfold?"""
    change = math.exp(min(abs(50 * math.log(chi)), 700)) if chi else math.inf
    assert (said.kind == "critical") == (change < 1.05), (chi, said)
    if said.kind == "critical":
        assert "less than 5 % in a hundred layers" in said.text
        return
    assert said.kind == ("ordered" if chi < 1 else "chaotic")
    if chi == 0:
        assert "no gradient passes a single layer" in said.text
        return
    assert ("shrinks" in said.text) == (chi < 1)
    assert near(numbers_in(said.text)[4], math.sqrt(chi))
    layers = 1 if "in a single layer" in said.text else numbers_in(said.text)[-1]
    assert abs(math.log(chi)) / 2 * layers * 1.03 + 1e-9 >= math.log(1000)
    assert abs(math.log(chi)) / 2 * (layers - 1) * 0.97 <= math.log(1000)


@lru_cache
def markers():
    for w, b in itertools.product((0, 0.5, 4, 4.1, 10, 223), (0, 0.5, 1.5, 2)):
        row = phase.marker(w, b).iloc[0]
        assert 0 <= row["sigma_w"] <= 4
        assert 0 <= row["sigma_b"] <= 1.5
        assert (row["shape"] == "cross") == (w <= 4 and b <= 1.5)
        assert ("σ_w" in row["text"]) == (w > 4)
        assert ("σ_b" in row["text"]) == (b > 1.5)
    spec = phase.picture(*phase.tables("tanh"), phase.marker(1.0, 0.0))
    low = [layer["encoding"]["y"]["scale"]["domain"][0] for layer in spec["layer"]]
    assert max(low) < 0   # the whole cross is seen at 0


@lru_cache
def matrices():
    rng = np.random.default_rng(0)
    for _ in range(60):
        pairs = pd.DataFrame([{"activation": a, "initializer": i, "drawn": (drawn := int(rng.integers(1, 9))), "healthy": int(rng.choice([0, drawn, rng.integers(0, drawn + 1)])),
                               "usual": i == "x", "kind": "fading"} for a in "abcd" for i in "xyz"])
        said = matrix.read(pairs, 30)
        sure = [row for row in pairs.itertuples() if row.healthy == row.drawn]
        some = [row for row in pairs.itertuples() if 0 < row.healthy < row.drawn]
        assert numbers_in(said.text)[:4] == [30, len(sure), 12, len(some)]
        assert numbers_in(said.text)[-2:] == [sum(row.usual for row in sure), 4]
        named = re.findall(r"healthy with ([a-d, ]+)\.", said.text)
        assert (named[0].split(", ") if named else []) == [a for a in "abcd" if a not in {row.activation for row in sure}]
        assert said.kind == ("some" if named else "all")


@lru_cache
def counted():
    """The matrix counts what single networks get, and the same thresholds judge both; GELU with He is one of the mixed pairs."""
    pair, = diagnosis.survey(30, width=64, samples=32, networks=8, activations=["gelu"], initializers=["he_normal"])
    kinds = [diagnosis.diagnose(run).kind for run in propagation.over_seeds(
        range(pair.drawn), depth=30, width=64, samples=32, activation="gelu", initializer="he_normal")]
    assert (pair.healthy, pair.drawn) == (kinds.count("healthy"), len(kinds))
    assert pair.drawn == 8
    assert 0 < pair.healthy < 8
    zero, = diagnosis.survey(5, width=20, samples=20, networks=8, activations=["tanh"], initializers=["zeros"])
    assert (zero.kind, zero.drawn) == ("symmetric", 1)
    assert {kind: kind[:2] for kind in diagnosis.KINDS if kind != "healthy"} == matrix.KINDS
    assert all(kind in " ".join(matrix.LETTERS) for kind in diagnosis.KINDS)


RANDOM = [name for name in INITIALIZERS if name not in ("zeros", "constant")]


@lru_cache
def few_layers_keep_more_pairs():
    few, many = (sum(p.healthy == p.drawn for p in diagnosis.survey(d, width=64, samples=32, activations=["relu", "sigmoid", "elu", "gelu"])) for d in (5, 30))
    assert few > 1.3 * many
    doubled = diagnosis.survey(30, width=64, samples=32, gain=2.0, activations=["relu"], initializers=RANDOM)
    assert {p.initializer: p.kind for p in doubled} == dict.fromkeys(RANDOM, "exploding") | {"lsuv": "healthy"}
    assert all(min(p.signal, p.gradient) > 1e3 for p in doubled if p.initializer != "lsuv")


@lru_cache
def twins():
    for activation, seed in (("relu", 0), ("relu", 1), ("sigmoid", 0), ("tanh", 0), ("softplus", 2)):
        table = symmetry.trained(activation, seed)
        last = table.groupby("series").last()
        said = symmetry.read(table)
        assert (last.loc["constant", "units"], last.loc["zeros", "units"], said.kind) == (1, 1, "one")
        assert ("exactly 0" in said.text) == (last.loc["zeros", "moved_hidden"] == 0)
        assert ("none of them moves" in said.text) == (last.loc["zeros", "moved_output"] == 0)
        # zeros: phi(0) = 0 leaves nothing for the output weights to see
        assert ("none of them moves" in said.text) == (float(ACTIVATIONS[activation].f(np.zeros(1))[0]) == 0), said.text
        assert last.loc["constant", "moved_hidden"] > 0
        assert "20 neurons are as good as one" in said.text
        assert any(near(x, last.loc["constant", "moved_hidden"]) for x in numbers_in(said.text))
    parted = symmetry.trained("rrelu", 0)   # as leaky ReLU, but that each unit's slope is drawn in training
    said = symmetry.read(parted, "rrelu")
    assert (said.kind, symmetry.read(symmetry.trained("leaky_relu", 0), "leaky_relu").kind) == ("apart", "one")
    assert "chance has made them differ" in said.text
    assert "Rounding" not in said.text
    for activation in ("selu", "identity", "relu"):
        run = symmetry.trained(activation, 0)
        ends = run.groupby("series")["loss"].nth(-1)
        assert ("this training ran away" in symmetry.read(run, activation).text) == (not all(loss < 4 for loss in ends)) == (activation != "relu")
    broken = table.copy()
    broken.loc[broken["series"] == "constant", "units"] = 3
    assert symmetry.read(broken).kind == "apart"
    assert "as good as one" not in symmetry.read(broken).text
    assert count_units("digits", "constant", epochs=1).units.max() == 1
    assert count_units("digits", "glorot_normal", epochs=1).units[0].tolist() == [20, 20]


@lru_cache
def as_good_as_one():
    """Units are counted again, by comparing each with each; and a layer whose units say the same tells no more than one of them."""
    for rule, sigma_b, activation in itertools.product(("constant", "zeros", "lecun_normal", "normal"), (0.0, 0.5), ("tanh", "relu", "sigmoid")):
        run = propagation.propagate(depth=3, width=6, samples=40, activation=activation, initializer=rule, sigma_b=sigma_b, rng=np.random.default_rng(0))
        said, rng = deep.units_said(run), np.random.default_rng(0)
        x = rng.standard_normal((40, 6))
        for _ in range(3):
            w = WEIGHTS_OF[rule](rng)
            z = x @ w + (rng.normal(0, sigma_b, 6) if sigma_b else 0)
            x = ACTIVATIONS[activation].f(z)
        differ = len({tuple(np.round(column, 5)) for column in z.T})
        assert ("as good as one" in said) == (differ == 1) == (rule in ("constant", "zeros") and not sigma_b), (rule, sigma_b, said)
        if differ == 1:
            assert numbers_in(said) == [3, 6, 6]
            assert "6 neurons are as good as one" in diagnosis.diagnose(run).text
        else:
            assert numbers_in(said)[:3] == [differ, 6, 3], (rule, sigma_b, activation, said)
            values = np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T)))
            flat = values.sum() < 1e-9
            assert ("no output changes" in said) == flat
            assert flat or numbers_in(said)[3] == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=0.2)
    some = deep.units_said(replace(run, distinct=np.array([6, 6, 3])))
    assert "as good as one" not in some
    assert numbers_in(some)[:3] == [3, 6, 3]
    gone = propagation.propagate(depth=30, width=20, samples=10, activation="relu", initializer="normal", gain=10.0, rng=np.random.default_rng(0), dtype="float32")
    assert gone.first_overflow
    assert deep.units_said(gone) == ""


WEIGHTS_OF = {   # a rule's weights (6, 6)
    "constant": lambda rng: np.ones((6, 6)), "zeros": lambda rng: np.zeros((6, 6)), "normal": lambda rng: rng.standard_normal((6, 6)),
    "lecun_normal": lambda rng: rng.standard_normal((6, 6)) / math.sqrt(6)}


# --- unequal widths, and the gain ---

def of_widths(shape="swinging", wide=200, narrow=50, layers=11, bend="identity", seed=0):
    sizes = scales.widths(shape, wide, narrow, layers)
    return widths.table(sizes, bend, seed), sizes


def ends(table, series, column="measured"):
    """From the first layer to the last: the signal's factor; and back: the gradient's."""
    forth, back = (table[(table["series"] == series) & (table["direction"] == way)][column].to_numpy() for way in ("signal", "gradient"))
    return forth[-1] / forth[0], back[0] / back[-1]


@lru_cache
def unequal_widths():
    kinds = set()
    for shape, wide, narrow, layers, bend in ((*one, bend) for one in (("swinging", 200, 50, 11), ("swinging", 200, 50, 2), ("swinging", 100, 10, 12),
                                              ("narrowing", 400, 10, 5), ("widening", 100, 20, 7), ("widening", 100, 100, 3)) for bend in widths.scales.FACTORS):
        table, sizes = of_widths(shape, wide, narrow, layers, bend)
        said, found = widths.read(table, sizes), numbers_in(widths.read(table, sizes).text.replace("1/fan", "fan"))
        kinds.add(said.kind)
        measured = [ends(table, series) for series in widths.NAMES.values()]
        assert found[:2] == [1, layers]
        assert all(map(near, found[2:8], [forth for forth, _ in measured] + [back for _, back in measured])), said.text
        forth = back = 1.0   # Glorot's, in plain arithmetic
        for a, b in itertools.pairwise(sizes[1:]):
            forth, back = forth * 2 * a / (a + b), back * 2 * b / (a + b)
        if wide == narrow:
            assert (said.kind, len(found)) == ("equal", 8)
            assert [x for x, _ in measured] == pytest.approx([measured[0][0]] * 3)
            continue
        assert said.kind == ("both" if forth < 1 and back < 1 else "between"), said
        last = sizes[-1] / sizes[1]
        numbers = [forth, back, *([] if last == 1 else [last, 1 / last])] if said.kind == "both" else [last, 1 / last, forth, back]
        assert len(found) == 8 + len(numbers)
        assert all(map(near, found[8:], numbers)), said.text
        assert ("ends where it began" in said.text) == (said.kind == "both" and last == 1)
    assert kinds == {"equal", "both", "between"}


@lru_cache
def what_widths_show():
    """Its presets and lines; the networks' scatter leaves a factor of two and a half."""
    for seed in range(3):
        table, _ = of_widths(wide=100, narrow=100, seed=seed)
        assert table["measured"].between(0.5, 2).all()
        funnel = [ends(of_widths("narrowing", 400, 10, seed=seed)[0], series) for series in widths.NAMES.values()]
        for found, (kept, changed) in zip(funnel[:2], ((0, 1), (1, 0)), strict=True):
            assert 0.4 < found[kept] < 2.5
            assert 28.6 / 2.5 < max(found[changed], 1 / found[changed]) < 28.6 * 2.5
        assert (funnel[0][1] < 0.2, funnel[1][0] > 5) == (True, True)
        assert funnel[1][0] > funnel[2][0] > 1 > funnel[2][1] > funnel[0][1]
        deep_ones = [ends(of_widths(layers=29, seed=seed)[0], series) for series in widths.NAMES.values()]
        assert max(deep_ones[2]) < 0.01
        assert min(x for found in deep_ones[:2] for x in found) > 0.1
    sizes = scales.widths("narrowing", 400, 10, 11)
    assert 28 < sizes[1] / sizes[-1] < 29
    bent, plain = (of_widths(bend=bend, layers=9)[0] for bend in ("relu", "identity"))
    spread = [np.log(table["most"] / table["least"]).mean() for table in (bent, plain)]
    assert spread[0] > spread[1]
    assert ends(bent, "Glorot", "expected") == pytest.approx(ends(plain, "Glorot", "expected"))
    assert [b / a for a, b in zip(scales.stds((10, 20, 30), "identity")[0], scales.stds((10, 20, 30), "relu")[0], strict=True)] == pytest.approx([math.sqrt(2)] * 2)


@lru_cache
def bars_and_dots():
    table, sizes = of_widths(layers=3)
    runs = np.stack([scales.travel(sizes, scales.stds(sizes, "identity"), "identity", seed=seed) for seed in range(5)])
    assert table["measured"].to_numpy().reshape(3, 2, 3) == pytest.approx(runs.mean(axis=0).swapaxes(0, 1))
    assert table["most"].to_numpy().reshape(3, 2, 3) == pytest.approx(runs.max(axis=0).swapaxes(0, 1))
    found = gains.table("relu", 4, 0)
    assert (found["least"] <= found["measured"]).all()
    assert (found["measured"] <= found["most"]).all()
    assert scales.WIDTH == 64
    assert scales.by_gain("relu", 4).shape == (3, 2, 2, 11)
    first = scales.gain_scales(4)[:, 0] * 8   # of layer 1: 1 at every gain
    assert first == pytest.approx(1)


def made_up_gains(rng):
    table = gains.table("relu", 3, 0)
    factor = np.exp(rng.normal(0, 0.03, len(table))) * np.array(table["gain"]) ** rng.choice([1, 0.3, -0.5]) * rng.choice([1, 0.7, 30, 0.01])
    width = rng.choice([1.001, 1.2])
    return table.assign(measured=factor, least=factor / width, most=factor * width)


@lru_cache
def swept_gains():
    rng, kinds, nowhere = np.random.default_rng(0), set(), 0
    for _ in range(60):
        table = made_up_gains(rng)
        said = gains.read(table)
        kinds.add(said.kind)
        one, two = (table[table["series"] == draw] for draw in ("normal", "uniform"))
        between = 100 * (np.exp(np.abs(np.log(one["measured"].to_numpy() / two["measured"].to_numpy())).max()) - 1)
        within = 100 * ((table["most"] / table["least"]).max() - 1)
        assert said.kind == ("same" if between <= within else "apart")
        assert ("what counts is the variance" in said.text) == (between <= within)
        assert numbers_in(said.text)[-2:] == [pytest.approx(x, rel=0.06) for x in (between, within)]
        for direction, sentence in zip(("signal", "gradient"), re.split(r"(?<=[a-z\d)])\. ", said.text), strict=False):
            logs = [np.log(each[each["direction"] == direction]["measured"].to_numpy()) for each in (one, two)]
            mean, grid = sum(logs) / 2, np.log(np.array(scales.GAINS))
            crossings = [i for i in range(10) if mean[i] * mean[i + 1] < 0]
            assert direction in sentence
            assert ("at none of these gains" in sentence) == (not crossings)
            nowhere += not crossings
            if crossings:
                at = [math.exp(grid[i] + (grid[i + 1] - grid[i]) * mean[i] / (mean[i] - mean[i + 1])) for i in crossings]
                assert all(map(near, numbers_in(sentence), at)), (sentence, at)
            else:
                closest = min((value for each in logs for value in each), key=abs)
                assert near(numbers_in(sentence)[-1], math.exp(closest))
    assert kinds == {"same", "apart"}
    assert nowhere


@lru_cache
def what_gains_show():
    for seed in range(3):
        found = {activation: [gains.kept(gains.table(activation, 11, seed), way) for way in gains.WAYS] for activation in ("relu", "selu", "tanh", "sigmoid")}
        assert [one[0] for one in found["relu"]] == pytest.approx([math.sqrt(2)] * 2, rel=0.06)
        assert found["selu"][0][0] == pytest.approx(1, rel=0.06)
        assert found["tanh"][0][0] > 1.1 * found["tanh"][1][0]
        assert found["sigmoid"][1] == []
    tables = [gains.table("relu", 11, seed) for seed in (0, 1)]
    assert (tables[0]["measured"] != tables[1]["measured"]).all()
    assert [gains.kept(table, "signal")[0] for table in tables] == pytest.approx([math.sqrt(2)] * 2, rel=0.06)


# --- presets and lines that promise what will be seen ---

@lru_cache
def of_preset(key):
    settings = DEFAULTS | dict(find_preset(key)[1].settings)
    return networks_at(tuple(sorted((k, v) for k, v in settings.items() if k not in ("part", "show"))))


@lru_cache
def networks_at(items):
    v = dict(items)
    return propagation.over_seeds(range(2), **{k: v[k] for k in ("depth", "width", "activation", "initializer", "gain", "sigma_b")}, samples=300,
                                  batch_norm=None if v.get("batch_norm", "none") == "none" else v["batch_norm"])


def tried(**settings):
    return networks_at(tuple(sorted({**{k: v for k, v in DEFAULTS.items() if k not in ("part", "show")}, **settings}.items())))


def seen(key, claim):
    def check():
        assert all(claim(run) for run in of_preset(key)), key
    return check


def back(run, name="gradient_rms"):
    values = getattr(run, name)
    return values[0] / values[-1]


LOOK = {
    "sigmoid_1": lambda r: 0.7 < back(r) < 0.9 and 1 / 16 < back(r, "gradient_median") < 1 / 5 and r.saturated[0] > 0.5
    and r.activations.inside[0][0] > 0.1 and r.activations.inside[0][-1] > 0.1,
    "sigmoid_001": lambda r: abs(r.mean - 0.5).max() < 0.02 and r.std.max() < 0.03 and back(r) < 1e-6,
    "sigmoid_xavier": lambda r: r.std[-1] > 0.1 and r.std_over_data[-1] / r.std[-1] < 0.02,
    "tanh_1": lambda r: min(r.saturated) > 0.6 and min(r.std) > 0.9,
    "tanh_xavier": lambda r: 0.45 < r.std[-1] / r.std[0] < 0.55 and (np.diff(r.std[1:] / r.std[:-1]) > -0.01).all(),
    "relu_001": lambda r: (abs(r.std[1:] / r.std[:-1] * 14.14 - 1) < 0.3).all(),
    "relu_xavier": lambda r: (abs((r.std[1:] / r.std[:-1]) ** 2 * 2 - 1) < 0.35).all(),
    "relu_he": lambda r: (abs(r.std / 0.8256 - 1) < 0.35).all(),
    "cs231n": lambda r: (abs(r.std / 0.8256 - 1) < 0.4).all() and abs(r.std / 0.8256 - 1).max() > 1e-4,
    "tanh_critical": lambda r: (abs(r.std[9:] * np.sqrt(np.arange(10, 51)) / (r.std[9] * math.sqrt(10)) - 1) < 0.35).all(),
    "tanh_chaos": lambda r: (abs(r.std / r.std[0] - 1) < 0.15).all() and back(r) > 1000 and r.settings["gain"] == 2.0,
}


def try_relu_he():
    assert all(diagnosis.diagnose(run).kind in diagnosis.ALIVE for run in tried(activation="relu", depth=30, initializer="he_normal"))


def try_batch_norm():
    for run in tried(initializer="normal", gain=0.01, batch_norm="before"):
        assert abs(run.std / run.std[0] - 1).max() < 0.2
        assert back(run) > 12


def try_phases():
    from engine import mean_field
    assert mean_field.critical_sigma_w(0.0, "tanh") == pytest.approx(1, abs=1e-6)
    assert mean_field.critical_sigma_w(0.0, "relu") == pytest.approx(math.sqrt(2), abs=1e-6)
    assert all(back(run) > 2 for run in tried(activation="tanh", gain=1.5, depth=50))


def try_chain():
    assert round(1.1**49) == 107
    assert f"{1.5**49:.1e}" == "4.3e+08"
    table = chain.products(20, 200, 0)
    large = table[table["series"] == "largest"]
    assert (large["measured"] / large["expected"]).between(2 / 3, 4 / 3).all()


def try_saturated():
    assert all(0.6 < run.saturated[0] < 0.73 for run in of_preset("sigmoid_1"))


def hints():
    """A narrow network scatters more; a gain on zeros and under LSUV does nothing."""
    narrow, wide = (np.std([np.log(r.std[-1]) for r in propagation.over_seeds(range(12), depth=10, width=w, samples=50, activation="relu", initializer="he_normal")])
                    for w in (10, 200))
    assert narrow > 2 * wide
    for rule in ("zeros", "lsuv"):
        one, two = (propagation.propagate(depth=4, width=30, samples=100, activation="relu", initializer=rule, gain=g, rng=np.random.default_rng(0)).std for g in (1.0, 2.0))
        assert one == pytest.approx(two, rel=0.02)
    assert common.GAIN.idle(SimpleNamespace(initializer="zeros"))
    assert common.GAIN.idle(SimpleNamespace(initializer="lsuv"))
    assert not common.GAIN.idle(SimpleNamespace(initializer="normal"))
    assert "Xavier" in common.INITIALIZER.show("lecun_normal")


def pictures():
    """What leaves an axis is marked once for each of its ends, where it leaves, with the furthest value; nothing lies flat at an end."""
    values = [1e-3, 1.0, 1e3, 1e5, 1e7, 2.0, 0.0, 1.0]
    rows, gone = common.cut(pd.DataFrame({"layer": range(1, 9), "series": "one", "measured": values, "expected": math.nan}), (1e-10, 1e4))
    assert np.isnan(rows["measured"]).tolist() == [False, False, False, True, True, False, True, False]
    assert list(zip(gone["layer"], gone["text"], strict=True)) == [(4, "▲ 1.0\u00a0×\u00a010⁷"), (7, "▼ 0")]
    both = pd.DataFrame({"layer": [1, 2, 3] * 2, "series": ["a"] * 3 + ["b"] * 3, "measured": [1, 1e9, np.inf] * 2, "expected": math.nan})
    upper = common.cut(both, (1e-10, 1e4))[1]
    assert list(upper["text"]) == ["▲ ∞"] * 2
    assert upper["measured"][0] > 3 * upper["measured"][1]   # two that leave at one place do not stand on each other
    assert common.cut(both, (1e-10, 1e4), back=True)[1]["layer"].tolist() == [3, 3]
    frame = common.depth_frame(propagation.over_seeds((0, 1), depth=40, width=30, samples=50, activation="tanh", initializer="normal", gain=4.0))
    for _, rows in frame.groupby("series"):
        assert not (rows["value"] == np.float32(10.0**common.HIGH)).any()
        assert (np.isfinite(rows["value"]) == ((rows["whole"] >= 1e-10) & (rows["whole"] <= 1e4))).all()
    assert 0.5**30 > 1e-10
    assert 2.0**30 < 1e10


def agreement():
    """How many networks share the diagnosis is counted."""
    nets, said = common.measure((0, 1, 2), inputs="gaussian", samples=100, depth=5, width=30, activation="tanh", initializer="lecun_normal", gain=1.0, sigma_b=0.0, batch_norm=None)
    assert isinstance(said, Verdict)
    assert f"{sum(kind_of(run) == said.kind for run in nets)} of 3 networks drawn" in said.text
    for seed, gets in ((23, True), (0, False)):   # alone with its diagnosis, and not
        text = common.measure((seed, seed + 1, seed + 2), inputs="gaussian", samples=100, depth=10, width=2, activation="relu",
                              initializer="he_normal", gain=1.0, sigma_b=0.0, batch_norm=None)[1].text
        assert (" 1 of 3 " in text, "networks drawn gets this" in text) == (gets, gets)


def affordable():
    assert common.affordable(SimpleNamespace(initializer="normal", depth=100, width=500, samples=1000, seeds=10)) == (100, 1)


def critical_button():
    """It says where it lands: on the ladder of the gain."""
    from engine import mean_field
    line = mean_field.critical_sigma_w(0.35, "tanh")
    assert min(abs(line - rung) for rung in common.GAIN.options) / line < 0.05


def theory_of_phases():
    """LSUV changes the weights that the theory is told of, and χ is not theirs."""
    run = propagation.propagate(depth=3, width=50, samples=100, activation="tanh", initializer="lsuv", rng=np.random.default_rng(0))
    assert abs(run.sigma_w[1] - 1) > 0.2
    assert set(phase.SILENT) == {"zeros", "constant", "lsuv"}


AXIS, LABEL, DEFINES, ASKS, DOES = "names what is drawn", "a title or label", "a definition", "a question", "an instruction or a state of the page"
PARTS = {   # sentence: (when, check or reason)
    **dict.fromkeys(("From layer 1 to layer {} the spread of the signal goes from {} to {}. On its way back the gradient goes from {} to {}", "This network is healthy. {}. The {} changes most, by a factor of {} a layer.", "This network is healthy: one layer multiplies nothing yet. Its signal has a spread of {}, its gradient a size of {}.", "In layer {} all activations together have a spread of {}, but over the data each unit varies by only {}. The last layer can hardly tell one input from another.", "In layer 1 all {} units have the same weights and compute the same number: {} neurons are as good as one. Equal units get equal gradients, so training moves them together. " "Random first weights make them differ.", "Layer {}: {} % of the pre-activations lie where the activation is flat: its slope there is less than a twentieth of its steepest. {}.", "Layer {}: {} % of the units are switched off by every input. No gradient reaches their weights. {}.", "The inputs themselves are alike: over the data they vary by less than {} % of their root mean square, {}. Look at the inputs before you change the network.", "The {} explodes. {}. In all, the {} is multiplied by {}.", "The {} overflows in layer {}: it is larger than the largest number of {}, {}. Nothing can be learned from infinities.", "The {} vanishes. {}. In all, the {} is multiplied by {}.{}", "The {} {}: each layer multiplies it by {}, on average. {}. In all, it is multiplied by {}.", " In layer {} it is smaller than the smallest normal number of {}."), ("the verdict on a network", verdicts_of_networks)),
    "Layer 1: {} % of the units are switched off by every input. No signal leaves the layer, and no gradient reaches its weights.": ("layer 1 is silent", real_networks),
    **dict.fromkeys((" Deeper networks of this kind were tried out: {} at layer {}.", " Others of this kind were tried out, and are lost sooner: {} at layer {}.", " A network of {} such layers was tried out: it keeps both within a factor of {}.", "the inputs can hardly be told apart", "the {} has changed more than {}-fold"), ("a network that is alive, tried out deeper", depth_of_loss)),
    "{} {} of {} networks drawn get{} this diagnosis.": ("several seeds", agreement),
    **dict.fromkeys(("Distinct units: in layer {} all {} compute the same number, so {} neurons are as good as one.", "Distinct units: {} of the {} units in layer {} have a sum z of their own. Rank: {}.", "the outputs of the layer fill about {} direction{}", "no output changes from input to input"), ("below a deep network's pictures", as_good_as_one)),
    **dict.fromkeys(("After {} layer{} with a gain of {}, a signal of size one has become {}; {}. The product of {} Gaussian matri{} stretches one direction by {}, and half of all directions by no more than {}. " "{} the length of every direction.", "An orthogonal matrix keeps", "Dots: measured. Lines: theory for wide matrices."), ("chain", chains)),
    **dict.fromkeys(("1.5 to the power of 49 is 4.3 × 10⁸.", "A gain of 1.1, a tenth too much: fifty layers make it a factor of 107.", "Width 200: the largest singular value stays within a third of its line."), ("chain: preset and try", try_chain)),
    **dict.fromkeys(("With weights of variance 1, a thousand inputs of mean square 1 give Var(z) = {}: it grows like n. A sigmoid neuron with 100 weights of 1, inputs of 0.5 and a bias " "of 1 has the sum z = {}. There its slope is {}: next to no gradient passes. Weights of variance 1/n give Var(z) = {}, and those of variance 2/n give {}.", "Dots: the variance over 2,000 random neurons, which get ever more inputs. Lines: n Var(w) E[x²]."), ("one neuron", neurons)),
    "*Sigmoid, σ = 1*: two thirds of the first layer's sums z lie where the sigmoid is flat.": ("neuron: try", try_saturated),
    **dict.fromkeys(("At σ_w = {}, σ_b = {} the mean square of z", "{} does not settle: it grows without bound, and χ tends to {}.", "{}. There each layer multiplies the gradient's size by √χ = {}: it {} more than {}-fold {}.", "{}: no gradient passes a single layer.", "{}: this is the critical line. There the gradient's size changes by less than {} % in a hundred layers.", "stays as it is in layer 1, and", "{}: this is the critical line. It takes ever more layers to come closer, and on the way χ is below 1: the gradient still shrinks, by less in each layer."), ("phases", phases)),
    "; the critical line is at {}": ("the gain's ladder has not its very value", critical_button),
    **dict.fromkeys(("Blue: the gradient vanishes. Orange: it explodes. Line: neither (χ = 1).", "Dashed: here ξ layers change the gradient's mean square by the factor e."), ("phases, the picture", markers)),
    **dict.fromkeys(("LSUV rescales each layer on the data until z has variance 1. The cross shows the weights before that, and χ is not theirs.",), ("phases: the theory is silent", theory_of_phases)),
    **dict.fromkeys(("ReLU with He's rule: its σ_w of √2 is on the critical line.", "tanh beyond the line, at σ_w = 1.5 and depth 50: the gradient grows.", "tanh without bias: the critical line is at σ_w = 1."), ("phases: try", try_phases)),
    **dict.fromkeys(("At depth {}, {} of {} pairs are healthy in every network drawn, and {} in some of them. ", "No rule alone makes every network healthy with {}. ", "A ring marks the rule that is usually taken for an activation: it is healthy every time for {} of {} activations."), ("matrix", matrices)),
    **dict.fromkeys(("Networks of 64 units on 32 inputs, judged by the same thresholds as the deep network. ", "Up to {} are drawn for each pair, and fewer if the first ones agree.", "One is drawn for each pair.", "● means that all networks are healthy, and 6/8 that six of eight are. Else the first two letters say what is wrong: fading, growing, vanishing,", "exploding, saturated, dead, symmetric, indistinguishable. Blue: the gradient shrinks. Orange: it grows."), ("matrix: what is counted", counted)),
    **dict.fromkeys(("Depth 5: far more pairs are healthy than at depth 30.", "Gain 2: with ReLU, signal and gradient explode by every rule of random weights but LSUV."), ("matrix: try", few_layers_keep_more_pairs)),
    **dict.fromkeys(("After {} steps the layer of 20 units that started constant has {} different unit{}. The one that started at zero has {}, and the one with random weights {}. The losses of these networks are {}, {} and {}. {}{} {}", "Equal units get equal gradients: they moved together, by up to {}, and 20 neurons are as good as one.", "Rounding has made them differ.", "RReLU draws a slope for each unit anew in every step: chance has made them differ.", "A loss far above 2.3, which is that of guessing, or one that is no number, means that this training ran away. ", "With zeros it also moves as one, by up to {}.", "With zeros its gradients are exactly 0, and it never moves.", "With zeros the gradients of all weights are exactly 0: none of them moves, only the biases of the output.", "ReLU and another seed: from zeros, no weight moves at all.", "Sigmoid: from zeros the weights do move, and all units of a layer alike.", "The layer that started constant has one unit, twenty times over."), ("symmetry", twins)),
    **dict.fromkeys(("From layer 1 to layer {} the signal's mean square is multiplied by {} (1/fan-in), {} (1/fan-out) and {} (Glorot). On its way back the gradient's is multiplied by {}, {} and {}. ", "All layers are equally wide, so the three rules are one.", "By the widths alone, Glorot's rule leaves {} of the signal's mean square and {} of the gradient's. ", "Each of the other rules keeps one direction, and in the other one the mean square ends where it began.", "Each of the other rules keeps one direction, and multiplies the gradient's by {} (1/fan-in) or the signal's by {} (1/fan-out).", "By the widths alone, 1/fan-in keeps the signal's and multiplies the gradient's by {}. The rule 1/fan-out keeps the gradient's and multiplies the signal's by {}. Glorot's multiplies them by {} and {}."), ("unequal widths", unequal_widths)),
    **dict.fromkeys(("Left and right, all dots lie near 1: with equal widths the three rules are the same.", "Each one-sided rule keeps one direction and changes the other almost 29-fold. Glorot's rule changes both, by less.", "By the one-sided rules nothing is lost over many layers: it only swings. By Glorot's rule both sink.", "From 400 units to 10: the gradient shrinks by 1/fan-in, and the signal grows by 1/fan-out.", "Wide and narrow in turn, 29 layers: with Glorot's rule less than a hundredth of both is left.", "ReLU: the three rules are doubled, and the picture is the same with more scatter.", "For ReLU all three rules are doubled, as in He's rule."), ("unequal widths: presets and tries", what_widths_show)),
    **dict.fromkeys(("Dots: the average of five random networks. Bars: their range. Lines: the formula.", "Dots: normal weights, and beside them uniform ones; the average of three networks.", "Bars: their range. Line: theory. Triangle: here the dots leave the picture.", "Networks of {} units a layer on 32 inputs. In layer 1 the gain is 1, so that z starts with a mean square of 1."), ("the pictures of widths and gains", bars_and_dots)),
    **dict.fromkeys(("The {} keeps its size from layer to layer at a gain of {}{}.", "The {} keeps its size at none of these gains: it comes closest at {}, where a layer multiplies it by {}.", "{} {} Normal and uniform weights of the same variance differ by at most {} % in these factors, and networks drawn alike by up to {} %{}.", ": what counts is the variance"), ("gain", swept_gains)),
    **dict.fromkeys(("Both pictures cross 1 at √2, the gain of He's rule.", "The signal crosses 1 at a gain of 1: SELU was made for that.", "The signal crosses 1 at a larger gain than the gradient: no one gain keeps both.", "*tanh: two gains*: the signal wants a larger one than the gradient.", "Sigmoid, 11 layers: no gain up to 8 keeps the gradient.", "Another seed: normal and uniform move as chance will have it, and the crossing hardly does."), ("gain: presets and tries", what_gains_show)),
    "ReLU with He's rule, thirty layers: neither signal nor gradient is lost.": ("deep: try", try_relu_he),
    "σ = 0.01 with batch norm before the activation: the signal stays, and now the gradient grows.": ("deep: try", try_batch_norm),
    "*Sigmoid, 1/√n* has broad histograms, but its inputs can hardly be told apart.": ("deep: try", seen("sigmoid_xavier", LOOK["sigmoid_xavier"])),
    "*Sigmoid, σ = 1*: the RMS of the gradient falls by a fifth, its median to a seventh.": ("deep: try", seen("sigmoid_1", LOOK["sigmoid_1"])),
    **{find_preset(key)[1].look_for: (f"preset {key}", seen(key, claim)) for key, claim in LOOK.items()},
    **dict.fromkeys(("LSUV rescales each layer until Var(z) is 1, whatever the gain was.", "Zeros stay zero, whatever multiplies them.", "How many units each layer has. Narrow layers scatter more around the theory.", "How many units the narrowest layer has. Narrow layers scatter more around the theory.", "Multiplies every weight. Under Normal it is σ itself."), ("a control that does nothing here, or its help", hints)),
    **dict.fromkeys(("Triangle: here the dots leave the picture.", "Dots: the median of the networks drawn.", "Band: their range. Line: theory.", "Dots: the chosen gain a, and 1.5 and 0.5 beside it."), ("a picture", pictures)),
    "A network of this size is measured on {} inputs and {} seed{}, to answer soon.": ("a large network", affordable),
}
NOT_CLAIMS = {
    ASKS: ("A signal sent through a hundred random layers: which first weights keep it alive, and what does theory say?", "What does depth do to a signal?",
           "Depth {}: which pairs keep the signal?"),
    DEFINES: ("Bends the signal; its slope multiplies the gradient.", "Each layer multiplies once more.", "How many inputs go through the network.",
              "How many networks are drawn. The band spans them.", "Noise N(0, 1), or the built-in handwriting, standardized.", "Normalise each layer before or after φ.",
              "The rule for the first weights. Normal takes its σ from the gain.", "The same seed draws the same weights.", "Standard deviation of the first biases.",
              "What the small pictures count.", "How many units the layers have, from the first to the last.", "How many layers the network has.", "How many units the widest layer has.", "The number above each panel is its {}.", "All matrices are n × n with n = {}{}. Gaussian entries have variance 1/n.",
              "Each panel goes from {} to {}; red edges hold what falls outside.",
              "These weights are all equal. The theory speaks of random ones, and has nothing to say of them."),
    DOES: ("A click into the diagram sets Gain and Bias to that point, with LeCun normal.", "Go on to the linear chain: one factor, multiplied layer after layer.",
           "Keeps it beside whatever you set next; the link keeps both.", "The link pins a network that cannot be read; none is pinned.",
           "The theory is silent on batch norm: diagram and verdict are those of the same network without it.",
           "Verdict, numbers and script are those of the first of these networks, seed {}.", "{} The others are measured on {} inputs.",
           'data = load_digits()\nimages = normalizer("standardize", data)(data.x_train[:{}])\n'),
    AXIS: ("By which factor a layer changes the {}, for gains from a quarter to eight, normal and uniform weights, and in theory", "Glorot's compromise in a funnel",
           "Glorot: equal widths suit both", "Gradient: mean square of dJ/dz", "Gradient: the size of dJ/dz", "He: a gain of √2 for ReLU",
           "He: one direction is enough", "Mean square of the {} by layer, for three rules for the first weights, measured and by the formula", "SELU needs no gain",
           "Signal: mean square of z", "Signal: the size of z", "The network from the side: its inputs, and the units of each layer",
           "The network from the side: {}, between {} and {} units", "wide and narrow in turn", "direction == 'signal' and series == 'Glorot'",
           "A chain of layers W = aI multiplies", "Diagnosis of every activation with every initializer after {} layers, and the factor on the gradient",
           "Different units in hidden layer 1", "Gradient: size of dJ/dz", "Largest and median singular value of a product of Gaussian matrices, and of orthogonal ones, by number of matrices",
           "Loss while training, for zero, constant and random weights", "Median of the seeds",
           "Number of different units in the first hidden layer while training, for zero, constant and random weights", "One neuron adds up its inputs",
           "Phase diagram: the factor chi of the gradient's variance over the scales of weights and biases, with the critical line", "Products of random matrices",
           "Signal: spread of the activations", "Size of the gradient, log₁₀ |dJ/dz|",
           "Ten ReLU layers × 500, He",
           "Variance of one neuron's z against its number of inputs, for weights of variance 1, 2/n and 1/n",
           "Weights σ_w = std · √fan_in", "a to the power L − 1 by layer, for the chosen gain, 1.5 and 0.5", "per unit, over data", "{} histograms of {} in up to five of {} layers: {}",
           "{}{} by layer, measured and in theory: {}", "χ, the factor on the gradient's mean square per layer", ", the widest multiplied here"),
}
CLAIMS = openings("initialization") | {text: Claim(when, check) for text, (when, check) in PARTS.items()} | {
    text: Claim("always" if reason == LABEL else "where it stands", why_not=reason) for reason, texts in NOT_CLAIMS.items() for text in texts}


def test_every_sentence_has_its_claim_and_every_claim_its_sentence():
    found = sentences(*FILES)
    assert sorted(found - set(CLAIMS)) == []
    assert sorted(set(CLAIMS) - found) == []


@pytest.mark.parametrize("check", dict.fromkeys(claim.check for claim in CLAIMS.values() if claim.check), ids=lambda check: getattr(check, "__name__", "check"))
def test_what_is_said_is_so(check):
    check()


def test_presets_say_what_is_to_be_seen():
    assert {preset.key for preset in deep.PRESETS} == set(LOOK)
    for key, claim in LOOK.items():
        seen(key, claim)()
