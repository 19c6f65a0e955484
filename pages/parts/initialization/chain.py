"""Linear chain: layers multiply, numbers as well as matrices."""

import math

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.studies import linear
from engine.verdict import Verdict, number
from pages.parts.initialization.common import DEPTH, GAIN, SEED, WIDTH, cut, lines_and_points
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn, titled
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Sketch, Try

SINGULAR = 1e-4, 100  # drawn
LONGEST, WIDEST = 20, 200  # of the products: each costs a singular value decomposition


def decades(depth: int) -> int:
    """The axis goes so many powers of ten up and down: 1.5 and 0.5 stay on it for fifty layers, and any gain has the same axis."""
    return 20 if depth > 50 else math.ceil(0.31 * depth) + 1


def products(depth: int, width: int, seed: int) -> pd.DataFrame:
    """Columns layer, series (largest, median, orthogonal), measured, expected: singular values of a product of so many matrices."""
    rows = []
    for layers, (gaussian, orthogonal) in enumerate(workers.measure(linear.singular_values_by_depth, depth, width, seed=seed), start=1):
        rows += [
            (layers, "largest", gaussian[0], linear.largest_singular_value(layers)),
            (layers, "median", float(np.median(gaussian)), math.nan), (layers, "orthogonal", orthogonal[-1], 1.0)]
    return pd.DataFrame(rows, columns=["layer", "series", "measured", "expected"])


def powers_of(a: float, depth: int) -> pd.DataFrame:
    """Columns layer, series (a, 1.5 and 0.5), measured, expected: what W = aI leaves of a signal."""
    rows = [(layer, f"a = {base:g}", linear.chain(base, layer)) for base in dict.fromkeys((a, 1.5, 0.5)) for layer in range(1, depth + 1)]
    return pd.DataFrame(rows, columns=["layer", "series", "measured"]).assign(expected=lambda frame: frame["measured"])


@drawn
def chain_picture(frame: pd.DataFrame, gone: pd.DataFrame, depth: int) -> alt.LayerChart:
    end = decades(depth)
    step = max(1, end // 4)
    y = {"title": "Signal, aᴸ⁻¹", "domain": (10.0**-end, 10.0**end), "log": True, "ticks": range(-(end // step) * step, end + 1, step)}
    words = ["Dots: the chosen gain a, and 1.5 and 0.5 beside it.", "Triangle: here the dots leave the picture."]
    x, title = encodings.layers(depth, title="Layer L"), alt.Title("A chain of layers W = aI multiplies", subtitle=words)
    return lines_and_points(frame, gone, ("the gain", "a = 1.5", "a = 0.5"), x, y, title=title)


@drawn
def product_picture(frame: pd.DataFrame, gone: pd.DataFrame) -> alt.LayerChart:
    y = {"title": "Singular value", "domain": SINGULAR, "log": True, "format": "~g"}
    return lines_and_points(frame, gone, ("largest", "median", "orthogonal"), encodings.layers(LONGEST, title="Matrices multiplied, L"), y)


def read(a: float, depth: int, multiplied: pd.DataFrame) -> Verdict:
    """Kinds: "grows", "falls" or "keeps", by the gain."""
    kind = "keeps" if a == 1 or depth == 1 else "grows" if a > 1 else "falls"
    powers = " and ".join(f"{base:g} would give {number(linear.chain(base, depth))}" for base in (1.5, 0.5) if base != a)
    layers = multiplied["layer"].max()
    last = multiplied[multiplied["layer"] == layers].set_index("series")["measured"]
    return Verdict(
        kind,
        f"After {depth} layer{'s' * (depth > 1)} with a gain of {number(a)}, a signal of size one has become {number(linear.chain(a, depth))}; {powers}. "
        f"The product of {layers} Gaussian matri{'ces' if layers > 1 else 'x'} stretches one direction by {number(last['largest'])}, "
        f"and half of all directions by no more than {number(last['median'])}. "
        f"{'Orthogonal matrices keep' if layers > 1 else 'An orthogonal matrix keeps'} the length of every direction.")


def show(v: Values) -> Shown:
    layers, width = min(v.depth, LONGEST), min(v.width, WIDEST)
    numbers, matrices = powers_of(v.gain, v.depth), products(layers, width, v.seed)
    left, right = st.columns(2, vertical_alignment="bottom")
    chain = numbers.assign(series=numbers["series"].mask(numbers.index < v.depth, "the gain"))
    drawn_rows = cut(chain, (10.0 ** -decades(v.depth), 10.0 ** decades(v.depth)))
    layout.show(left, encodings.readings(chain_picture(*drawn_rows, v.depth), chain, "layer", "series", "measured"), "a to the power L − 1 by layer, for the chosen gain, 1.5 and 0.5")
    words = [f"All matrices are n × n with n = {width}{', the widest multiplied here' * (v.width > width)}. Gaussian entries have variance 1/n.", "Dots: measured. Lines: theory for wide matrices."]
    picture = titled(encodings.readings(product_picture(*cut(matrices, SINGULAR)), matrices, "layer", "series", "measured"), "Products of random matrices", words)
    said = "Largest and median singular value of a product of Gaussian matrices, and of orthogonal ones, by number of matrices"
    layout.show(right, picture, said)
    formulas = [
        rf"\hat y \propto a^{{L-1}} = {tex(v.gain)}^{{{v.depth - 1}}} = {tex(linear.chain(v.gain, v.depth))} \qquad "
        r"\sigma_{\max}^2 \to \frac{(L+1)^{L+1}}{L^L}"
    ]
    script = f"""import numpy as np

from engine.studies.linear import chain, singular_values_by_depth

for layer in range(1, {v.depth} + 1):
    print(f"L = {{layer}}  a^(L-1) = {{chain({v.gain}, layer):.4g}}")
for layers, (gaussian, orthogonal) in enumerate(singular_values_by_depth({layers}, {width}, seed={v.seed}), start=1):
    print(f"{{layers}} matrices  largest {{gaussian[0]:.4g}}  median {{np.median(gaussian):.4g}}  orthogonal {{orthogonal[-1]:.4g}}")
"""
    return Shown(read(v.gain, v.depth, matrices), formulas, script, pd.concat([numbers, matrices], ignore_index=True))


PART = Part(
    "chain", "Linear chain", show,
    question="What does a factor do in every layer?",
    sees="Left: a signal that each layer multiplies by the same number, the gain a. Right: how far a product of random matrices stretches a direction.",
    matters="Depth makes small differences huge: a factor of 1.1 becomes 107 in fifty layers, and a factor of 0.9 becomes 0.0057.",
    first="Set the gain to 1.1, then to 0.9, and move the depth from 5 to 50.",
    predict=Question(
        "What has the gain made of a signal of 1 after the last layer?",
        ("Less than 0.01", "Something between 0.01 and 100", "More than 100"), (0.01, 100),
        lambda v, shown: linear.chain(v.gain, v.depth),
        "It has become {}.", "Each layer after the first multiplies by the gain once more.",
        sketch=Sketch(
            "what the gain has made of a signal of 1 in each layer.", lambda v, shown: shown.numbers["measured"].iloc[: v.depth], lambda v: (-decades(v.depth), decades(v.depth)),
            "signal")),
    controls=(GAIN, DEPTH, WIDTH, SEED), cites=("saxe",),
    presets=(Preset("linear_chain", "Linear chain", "1.5 to the power of 49 is 4.3 × 10⁸.", {"gain": 1.5, "depth": 50}),),
    try_next=(
        Try("A gain of 1.1, a tenth too much: fifty layers make it a factor of 107.", {"gain": 1.1, "depth": 50}),
        Try("Width 200: the largest singular value stays within a third of its line.", {"width": 200})),
    sources=(linear.chain, linear.product_singular_values, linear.singular_values_by_depth))
