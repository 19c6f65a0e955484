"""The product of slopes: how much of the gradient reaches layer l, measured and predicted, for several activations at once."""

import math
from collections.abc import Callable, Mapping
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import mean_field
from engine.activations import as_activation
from engine.initializers import INITIALIZERS
from engine.studies import slopes
from engine.studies.slopes import GradientReach
from engine.verdict import Verdict, number, power
from pages.parts.activations.common import GAINS, NAMES, SET, SLOPE_CONTROLS, Members, built, gain_idle, hue, listed, members_of, script_table, shape
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Sketch, Try
from pages.shared.theme import TALL
from pages.shared.titles import rule, title

LOW, HIGH = -20, 8  # exponents of ten at the ends of the picture, at the most
WORDS = ["Dots: the median of the networks drawn, each on 16 inputs. Band: their range.", "Line: theory. An arrow shows where dots leave the picture."]
TRIED = 100  # units a layer, at the most, of the network in which a cure is tried
BUDGET = 2000  # layers that one answer may draw: about a second
GAIN = Ladder("act_gain", "Gain", 1.0, "Multiplies every weight of the right picture.", GAINS, idle=gain_idle)
CONTROLS = (
    SET,
    Menu("act_initializer", "Initializer for all", "lecun_normal", "The right picture gives it to every activation.", tuple(INITIALIZERS), show=rule),
    GAIN, Whole("act_depth", "Depth L", 30, "Each layer multiplies the gradient by its slopes and its weights once more.", (2, 100)),
    Ladder("act_width", "Width n", 100, "The theory is made for wide layers. Narrow ones scatter about it.", (10, 20, 50, 100, 200, 300)),
    Whole("act_seeds", "Seeds", 3, "How many networks are drawn for each activation. The band spans them.", (1, 5)))


def frame(reaches: Mapping[str, GradientReach]) -> pd.DataFrame:
    """Columns activation, layer, value (median of the seeds), least, most, theory."""
    measured = np.stack([r.measured for r in reaches.values()], axis=1)  # (seeds, activations, layers)
    _, count, depth = measured.shape
    found = {"value": np.median(measured, axis=0), "least": measured.min(axis=0), "most": measured.max(axis=0)}
    found["theory"] = np.array([np.full(depth, np.nan) if r.theory is None else r.theory for r in reaches.values()])
    layers = np.tile(np.arange(1, depth + 1, dtype=np.int32), count)
    return pd.DataFrame({"activation": np.repeat(list(reaches), depth), "layer": layers} | {name: values.ravel() for name, values in found.items()})


def reach(depth: int) -> tuple[int, int]:
    """Exponents of ten at the ends of the axis for so many layers, whatever the rule and the gain: a sigmoid at 1/√n loses 0.64 decades a layer."""
    return max(LOW, -math.ceil(0.65 * depth)), min(HIGH, math.ceil(depth / 4))


def drawable(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of `frame` as they are drawn, and where they leave the axis, from the last layer back."""
    rows = frame.assign(**{name: encodings.drawable(frame[name].to_numpy()) for name in ("value", "least", "most")})
    ends = tuple(10.0**end for end in reach(rows["layer"].max()))
    return rows, encodings.gone(rows[::-1], "layer", "value", ends, log=True, by="activation")


@drawn
def by_layer(frame: pd.DataFrame, gone: pd.DataFrame, depth: int, shown: tuple[str, ...], names: tuple[str, ...] = NAMES) -> alt.LayerChart:
    """The gradient in each layer over that in the last, with the tables of `drawable`."""
    base, (low, high) = alt.Chart(frame).encode(x=encodings.layers(depth), color=hue(shown, names)), reach(depth)
    step = 4 if high - low > 16 else 2 if high - low > 8 else 1

    def y(field: str) -> alt.Y:
        return encodings.number(alt.Y, field, "Gradient here / in layer L", domain=(10.0**low, 10.0**high), log=True, ticks=range(-(-low // step) * step, high + 1, step))

    tip = tips(("activation", "Activation"), ("layer", "Layer", "d"), ("value", "Measured", ".3~g"), ("theory", "Theory", ".3~g"))
    size = alt.condition("datum.activation == 'ReLU'", alt.value(90), alt.value(34))  # Leaky ReLU's cross lies on its circle
    return alt.layer(
        base.mark_area(opacity=0.2, clip=True).encode(y=y("least"), y2=alt.Y2("most")),
        base.transform_filter("isValid(datum.theory)").mark_line(strokeWidth=1.2, clip=True).encode(y=y("theory")),
        base.mark_point(filled=True, opacity=1, clip=True).encode(y=y("value"), size=size, shape=shape(shown, names), tooltip=tip),
        *encodings.arrows(gone, encodings.layers(depth), y("value")), height=TALL)


def decades(x: float) -> float:
    return abs(math.log10(x)) if 0 < x < math.inf else math.inf


def read(members: Members, chosen: Mapping[str, GradientReach], whose: str, gain: float, at: Callable[[float], Mapping[str, GradientReach]]) -> tuple:
    """The key of the activation that changes the gradient most, and what is said; `at` another gain a cure is tried.

    Kinds: "vanishes", "explodes", "kept".
    """
    key, options = max(members, key=lambda m: decades(chosen[title(m[0])].first))
    name, worst = title(key), chosen[title(key)]
    depth = worst.measured.shape[1]
    digits = {one: 5 if abs(r.a_layer - 1) < 0.05 else 4 if 1 < r.a_layer < 1.25 else 3 for one, r in chosen.items()}  # close to 1, layers multiply what is rounded away
    said = [f"**{one}** {number(r.first)} (×\u00a0{number(r.a_layer, digits[one])} a layer)" for one, r in chosen.items()]
    text = f"With {whose}, this much of the last layer's gradient reaches layer 1 of {depth}: {'; '.join(said)}. "
    if math.isfinite(worst.lost_after):
        text += f"At that rate {name} makes the gradient a thousand times {'smaller' if worst.first < 1 else 'larger'} in {number(worst.lost_after)} layer{'s' * (worst.lost_after > 1)}. "
    if "sigmoid" in dict(members) and chosen["Sigmoid"].weights > 0:
        text += f"The {depth - 1} slope{'s' * (depth > 2)} of the sigmoid on the way allow{'s' * (depth == 2)} at most {power(1 - depth, 4)} = {number(0.25 ** (depth - 1))}; "
        text += f"its weights multiply by about {number(chosen['Sigmoid'].weights)} a layer."
    if worst.kept:
        return key, Verdict("kept", text)
    kind = "vanishes" if worst.first < 1 else "explodes"
    critical = workers.measure(mean_field.critical_sigma_w, 0.0, as_activation(key, **dict(options)))
    wanted = GAIN.take(gain * critical / worst.sigma_w) if worst.sigma_w > 0 else gain
    if wanted == gain or not (cured := at(wanted))[name].kept:
        return key, Verdict(kind, text)
    spoilt = max(cured, key=lambda other: decades(cured[other].first))
    if cured[spoilt].kept:
        return key, Verdict(kind, text, {"gain": wanted})
    text += f" With a gain of {wanted:g} this share would be {number(cured[name].first)} for {name}, but {number(cured[spoilt].first)} for {spoilt}, in one network of at most {TRIED} units."
    return key, Verdict(kind, text)


def show(v: Values) -> Shown:
    members = members_of(v.set, SET.default, v)
    seeds = max(1, min(v.seeds, int(BUDGET / (2 * v.depth * len(members) * (1 + (v.width / 150) ** 2)))))
    if seeds < v.seeds:
        st.caption(f"So many layers are measured on {seeds} seed{'s' * (seeds > 1)}, to answer at once.")
    gain, table = 1.0 if gain_idle(v) else v.gain, built(members)

    def sent_back(*rules: tuple[str | None, float], width: int, seeds: int) -> partial:
        """For each rule (an initializer, or None for each activation's own, and a gain): all activations, in one question."""
        asked = tuple((phi, *rule) for rule in rules for phi in table.values())
        return partial(slopes.gradient_reaches, asked, depth=v.depth, width=width, seeds=seeds)

    def at(gain: float) -> dict[str, GradientReach]:
        (cured,) = workers.measure_all(sent_back((v.initializer, gain), width=min(v.width, TRIED), seeds=1))
        return dict(zip(table, cured, strict=True))

    both = (None, 1.0), (v.initializer, gain)
    if seeds > 1 and not workers.thin_out([sent_back(*both, width=v.width, seeds=seeds)]):
        workers.complete(1, seeds)
        seeds = 1
    (found,) = workers.measure_all(sent_back(*both, width=v.width, seeds=seeds))
    own, chosen = (dict(zip(table, each, strict=True)) for each in (found[: len(table)], found[len(table) :]))
    whose = title(v.initializer) + (f", gain {gain:g}" if gain != 1 else "")
    tables = []
    for column, reaches, head, name in zip(
        st.columns(2, vertical_alignment="bottom"), (own, chosen), ("Each with its usual initializer", f"All with {whose}"), ("its own initializer", whose), strict=True
    ):
        tables.append(frame(reaches))
        said = f"Gradient in layer 1 to {v.depth} over that in the last, with {name}: {listed(list(reaches))}"
        spec = encodings.readings(by_layer(*drawable(tables[-1]), v.depth, tuple(reaches)), tables[-1], "layer", "activation", "value")
        layout.show(column, encodings.titled(spec, head, WORDS), said)
    worst_key, verdict = read(members, chosen, whose, gain, at)
    worst = chosen[title(worst_key)]
    formulas = [
        r"\frac{\text{gradient in layer } l}{\text{gradient in layer } L} \approx \sqrt{\chi(q_l) \cdots \chi(q_{L-1})}",
        r"\chi(q) = \sigma_w^2\, E[\varphi'(z)^2], \quad z \sim \mathcal{N}(0, q), \quad q_l: \text{mean square of } z \text{ in layer } l",
    ]
    if worst.theory is not None and np.isfinite(worst.theory[0]):
        product, mean = tex(worst.theory[0]), tex(worst.theory[0] ** (1 / (v.depth - 1)))
        limit = rf", \quad \sqrt{{\chi(q)}} \to {tex(worst.factor)}" if math.isfinite(worst.factor) else ""
        formulas.append(
            rf"\text{{{title(worst_key)}: }} \sqrt{{\chi(q_1) \cdots \chi(q_{{{v.depth - 1}}})}} = {product} = ({mean})^{{{v.depth - 1}}}{limit}"
        )
    script = f"""import numpy as np

from engine import mean_field
from engine.activations import as_activation
from engine.studies.slopes import gradient_reach

{script_table(members)}print("activation,initializer,layer,value,theory")
for activation in table:
    for initializer, gain in (("its own", 1.0), ({v.initializer!r}, {gain!r})):
        rule = None if initializer == "its own" else initializer
        reach = gradient_reach(activation, rule, gain=gain, depth={v.depth}, width={v.width}, seeds={seeds})
        theory = np.full({v.depth}, np.nan) if reach.theory is None else reach.theory
        middle = np.median(reach.measured, axis=0)
        for i in range({v.depth}):
            print(activation.name, initializer, i + 1, float(middle[i]), float(theory[i]), sep=",")
"""
    numbers = pd.concat([table.assign(initializer=name) for table, name in zip(tables, ("its own", v.initializer), strict=True)], ignore_index=True)
    return Shown(verdict, formulas, script, numbers)


def _worst(v: Values, shown: Shown) -> pd.Series:
    """Over the layers, the values of the curve that starts lowest."""
    first = shown.numbers.query("layer == 1")["value"].idxmin()
    return shown.numbers["value"].loc[first : first + v.depth - 1]


PART = Part(
    "product", "The product of slopes", show,
    question="How much of the gradient reaches the first layer?",
    sees="The gradient in each layer, divided by that in the last. Left: each activation with its usual first weights. Right: all of them with the rule that you choose.",
    matters="On its way back the gradient is multiplied by a slope in every layer. A sigmoid's slope is at most ¼: ten of them alone leave less than a millionth.",
    first="Move the depth from 5 to 30. Which activation loses its gradient first?",
    predict=Question(
        "How much of the gradient does the worst of these activations bring to the first layer?",
        ("Less than a millionth", "A millionth to a hundredth", "More than a hundredth"), (1e-6, 1e-2),
        lambda v, shown: float(shown.numbers.query("layer == 1")["value"].min()),
        "The least that arrives is {} of what set out.", "Every layer multiplies by a slope and by its weights, and the smallest factor loses most.",
        sketch=Sketch("the gradient of the worst one in each layer, in units of the last layer's.", _worst, lambda v: reach(v.depth), "gradient")),
    controls=CONTROLS, folded=SLOPE_CONTROLS,
    presets=(
        Preset("act_sigmoid", "Sigmoid at 1/√n", "Less than a quarter of the gradient is left after each layer.", {"set": ["sigmoid"]}),
        Preset(
            "act_sigmoid_4", "Sigmoid at 4/√n", "About 0.6 a layer instead of 0.23: over five layers an eighth is left, over thirty about a millionth.",
            {"set": ["sigmoid"], "gain": 4.0}),
    ),
    try_next=(
        Try("The sigmoid at 1/√n, thirty layers deep.", preset="act_sigmoid"),
        Try("The sigmoid at 4/√n, thirty layers deep.", preset="act_sigmoid_4"),
        Try("On MNIST, five layers at 1/√n: do twelve epochs of plain SGD move it?", preset="sigmoid_stuck"),
        Try("On MNIST at 4/√n.", preset="sigmoid_scaled"), Try("On MNIST at σ = 1.", preset="sigmoid_wide"),
        Try("On MNIST with batch norm.", preset="sigmoid_bn"),
        Try("He normal for all: whose gradient explodes now?", {"initializer": "he_normal"}),
        Try("Width 10: how far may one network be from the theory?", {"width": 10, "seeds": 5})),
    sources=(slopes.gradient_reaches, mean_field.critical_sigma_w), cites=("notes", "poole", "schoenholz"),
)
