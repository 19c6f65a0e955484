"""Gain: one number multiplies all weights; at which one does a layer keep the signal, and does it matter how the weights are drawn?"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import mean_field
from engine.studies import scales
from engine.verdict import Verdict, number
from pages.parts.initialization.common import ACTIVATION, LAYERS, SEED, cut, lines_and_points
from pages.shared import encodings, layout, workers
from pages.shared.control import Values
from pages.shared.encodings import drawn
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import QUIET

FACTORS = 0.1, 10  # drawn
WAYS = ("signal", "gradient")
SERIES = {"normal": 2 ** (-1 / 24), "uniform": 2 ** (1 / 24)}  # a draw, and how far beside its gain its dots stand
WORDS = ["Dots: normal weights, and beside them uniform ones; the average of three networks.", "Bars: their range. Line: theory. Triangle: here the dots leave the picture."]


def table(activation: str, depth: int, seed: int) -> pd.DataFrame:
    """One row a direction, series (draw) and gain: the networks' geometric mean of the factor a layer (measured), least, most, expected; at: its place in the picture."""
    found, parts = workers.measure(scales.by_gain, activation, depth, seed=seed), []
    expected = workers.measure(scales.expected_by_gain, activation, depth)
    with np.errstate(divide="ignore"):
        means = np.exp(np.log(found).mean(axis=0))
    for i, (draw, beside) in enumerate(SERIES.items()):
        for way, direction in enumerate(WAYS):
            runs = found[:, i, way]
            parts.append(pd.DataFrame({
                "direction": direction, "series": draw, "gain": scales.GAINS, "at": np.array(scales.GAINS) * beside, "measured": means[i, way],
                "expected": expected[way], "least": runs.min(axis=0), "most": runs.max(axis=0)}))
    return pd.concat(parts, ignore_index=True)


def kept(measured: pd.DataFrame, direction: str, column: str = "measured") -> list[float]:
    """The gains at which a layer keeps the signal or the gradient, by the mean of both draws."""
    rows = measured[measured["direction"] == direction]
    with np.errstate(divide="ignore"):
        return scales.keeps(np.exp(np.log(rows[column]).groupby(rows["gain"]).mean().to_numpy()))


@drawn
def by_gain(frame: pd.DataFrame, gone: pd.DataFrame, marks: pd.DataFrame, direction: str) -> alt.LayerChart:
    text = {"signal": "Signal: the size of z", "gradient": "Gradient: the size of dJ/dz"}[direction]
    y = {"title": "Factor a layer", "domain": FACTORS, "log": True, "ticks": (0.1, 0.3, 1, 3, 10), "format": "~g"}

    def x(field: str) -> alt.X:
        return encodings.number(alt.X, field, "Gain a", domain=(0.22, 9), log=True, ticks=(0.5, 1, 2, 4, 8), format="~g")

    picture = lines_and_points(frame, gone, tuple(SERIES), x("at"), y, direction, title=alt.Title(text, subtitle=WORDS))
    theory = alt.Chart(frame).transform_filter("datum.series == 'normal' && isValid(datum.expected)").mark_line(strokeWidth=1.2, color=QUIET)
    bars = alt.Chart(frame).mark_rule(clip=True, color=QUIET, opacity=0.5, strokeWidth=3).encode(
        x=x("at"), y=encodings.number(alt.Y, "least", **y), y2=alt.Y2("most"), detail=alt.Detail("series", type="nominal"))
    here = alt.Chart(marks).encode(x=x("at"))
    said = encodings.over_lines(here.encode(y=alt.YValue(14)), alt.Text("text", type="nominal"), align="left", dx=6, fontWeight=600)
    picture.layer = [  # the lines of both draws are one, and stand where the gain is
        theory.encode(x=x("gain"), y=encodings.number(alt.Y, "expected", **y)), bars, *picture.layer[1:], encodings.rule(y=1),
        here.mark_rule(strokeDash=[4, 3], color=QUIET), *said]
    return picture


def _found(measured: pd.DataFrame, direction: str) -> str:
    """At which gain a direction is kept, or at which it comes closest to that."""
    what = {"signal": "signal", "gradient": "gradient"}[direction]
    if gains := kept(measured, direction):
        theory = kept(measured, direction, "expected")
        beside = f" (theory: {' and '.join(map(number, theory))})" if theory else ""
        return f"The {what} keeps its size from layer to layer at a gain of {' and '.join(map(number, gains))}{beside}."
    rows = measured[(measured["direction"] == direction) & (measured["measured"] > 0)]
    near = rows.loc[np.log(rows["measured"]).abs().idxmin()]
    return f"The {what} keeps its size at none of these gains: it comes closest at {number(near['gain'])}, where a layer multiplies it by {number(near['measured'])}."


def gaps(measured: pd.DataFrame) -> tuple[float, float]:
    """By how many percent the means of the two draws differ at most, and networks of one draw from seed to seed."""
    live = measured[measured["least"] > 0]
    means = np.log(live["measured"]).groupby([live["direction"], live["gain"]])
    return tuple(100 * float(np.expm1(most)) for most in ((means.max() - means.min()).max(), np.log(live["most"] / live["least"]).max()))


def read(measured: pd.DataFrame) -> Verdict:
    """Kinds: "same" (normal and uniform differ by no more than seeds do), or "apart"."""
    between, within = gaps(measured)
    same = between <= within
    return Verdict("same" if same else "apart", (
        f"{_found(measured, 'signal')} {_found(measured, 'gradient')} Normal and uniform weights of the same variance differ by at most {number(between, 2)} % "
        f"in these factors, and networks drawn alike by up to {number(within, 2)} %{': what counts is the variance' if same else ''}."))


def show(v: Values) -> Shown:
    measured, said = table(v.activation, v.layers, v.seed), {}
    for place, direction in zip(st.columns(2, vertical_alignment="bottom"), WAYS, strict=True):
        rows = measured[measured["direction"] == direction].reset_index(drop=True)
        said[direction] = kept(measured, direction, "expected")
        marks = pd.DataFrame({"at": said[direction], "text": [f"a = {number(gain)}" for gain in said[direction]]}, columns=["at", "text"])
        layout.show(place, encodings.readings(by_gain(*cut(rows, FACTORS, "at"), marks, direction), rows, "gain", "series", "measured"),
                    f"By which factor a layer changes the {direction}, for gains from a quarter to eight, normal and uniform weights, and in theory")
    st.caption(f"Networks of {scales.WIDTH} units a layer on 32 inputs. In layer 1 the gain is 1, so that z starts with a mean square of 1.")
    moments = mean_field.moments(v.activation)
    lines = [
        r"\text{normal: } w \sim \mathcal{N}(0, a^2/n) \qquad \text{uniform: } |w| \le a \sqrt{3/n} \qquad \text{both: } \mathrm{Var}(w) = a^2/n",
        rf"\text{{the signal keeps }} \mathrm{{E}}[z^2] = 1 \text{{ if }} a = \mathrm{{E}}[\varphi(u)^2]^{{-1/2}} = {tex(moments.gain)} \qquad "
        rf"\text{{there the gradient is kept if }} a = \mathrm{{E}}[\varphi'(u)^2]^{{-1/2}} = {tex(moments.slope_square ** -0.5)}"]
    script = f"""import numpy as np

from engine.studies.scales import DRAWS, GAINS, by_gain, expected_by_gain

means = np.exp(np.log(by_gain({v.activation!r}, {v.layers}, seed={v.seed})).mean(axis=0))
for i, gain in enumerate(GAINS):
    for draw, (signal, gradient) in zip(DRAWS, means[:, :, i]):
        print(f"gain {{gain:.4g}}  {{draw}}: signal x {{signal:.4g}}, gradient x {{gradient:.4g}}")
    print("  theory: signal x %.4g, gradient x %.4g" % tuple(expected_by_gain({v.activation!r}, {v.layers})[:, i]))
"""
    return Shown(read(measured), lines, script, measured)


def _gain_of_gradient(v: Values, shown: Shown) -> float | None:
    gains: Sequence[float] = kept(shown.numbers, "gradient")
    return gains[0] if gains else None


PART = Part(
    "gains", "Gain", show,
    question="Which gain keeps signal and gradient?",
    sees="The gain multiplies all weights. For eleven gains, each picture shows by which factor one layer changes the size of the signal, or of the gradient.",
    matters="A factor of 1 is kept through any depth; every other factor is multiplied layer after layer. The right gain depends on the activation.",
    first="Find where the dots cross 1. Then choose tanh: do both pictures cross at the same gain?",
    predict=Question(
        "At which gain does this network keep the size of the gradient?",
        ("Below 0.9", "Between 0.9 and 1.2", "Between 1.2 and 2", "Above 2"), (0.9, 1.2, 2),
        _gain_of_gradient,
        "Measured, it is {}.", "The weights must give back what the slopes of the activation take away."),
    controls=(ACTIVATION, LAYERS), folded={"More": (SEED,)}, cites=("he", "glorot", "selu"),
    presets=(
        Preset("gain_relu", "He: a gain of √2 for ReLU", "Both pictures cross 1 at √2, the gain of He's rule.", {"activation": "relu"}),
        Preset("gain_selu", "SELU needs no gain", "The signal crosses 1 at a gain of 1: SELU was made for that.", {"activation": "selu"}),
        Preset("gain_tanh", "tanh: two gains", "The signal crosses 1 at a larger gain than the gradient: no one gain keeps both.", {"activation": "tanh"})),
    try_next=(
        Try("Sigmoid, 11 layers: no gain up to 8 keeps the gradient.", {"activation": "sigmoid", "layers": 11}),
        Try("*tanh: two gains*: the signal wants a larger one than the gradient.", preset="gain_tanh"),
        Try("Another seed: normal and uniform move as chance will have it, and the crossing hardly does.", {"seed": 1})),
    sources=(scales.by_gain, scales.expected_by_gain, scales.keeps))
