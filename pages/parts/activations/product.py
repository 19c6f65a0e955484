"""The product of slopes: how much of the gradient reaches layer l, measured and predicted, for several activations at once."""

import math
from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS, as_activation
from engine.initializers import INITIALIZERS
from engine.studies import slopes
from engine.studies.slopes import GradientReach
from engine.verdict import Verdict, number
from pages.parts.activations.common import GAINS, NAMES, SET, SLOPE_CONTROLS, Members, hue, listed, members_of, script_table, shape
from pages.shared import encodings, layout
from pages.shared.control import Ladder, Menu, Values, Whole
from pages.shared.encodings import SENT, specification, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.runs import place
from pages.shared.titles import title

LOW, HIGH = 1e-20, 1e8  # ends of the picture
BUDGET = 2000  # layers that one answer may draw: about a second
GAIN = Ladder("act_gain", "Gain", 1.0, "Multiplies every weight of the right picture.", GAINS)
CONTROLS = (
    SET,
    Menu("act_initializer", "Initializer for all", "lecun_normal", "The right picture gives it to every activation.", tuple(INITIALIZERS)),
    GAIN,
    Whole("act_depth", "Depth L", 30, "Each layer multiplies the gradient by its slopes once more.", (2, 100)),
    Ladder("act_width", "Width n", 100, "Narrow layers scatter; wide ones follow the theory.", (10, 20, 50, 100, 200, 300)),
    Whole("act_seeds", "Seeds", 3, "Networks drawn; the band spans them.", (1, 5)),
)


@st.cache_data(max_entries=400, show_spinner=False)
@place()
def reach(key: str, options: tuple, initializer: str | None, gain: float, depth: int, width: int, seeds: int) -> GradientReach:
    return slopes.gradient_reach(as_activation(key, **dict(options)), initializer, gain=gain, depth=depth, width=width, seeds=seeds)


def frame(reaches: Mapping[str, GradientReach]) -> pd.DataFrame:
    """Columns activation, layer, value (median of the seeds), least, most, theory."""
    parts = []
    for name, r in reaches.items():
        depth = r.measured.shape[1]
        measured = {"value": np.median(r.measured, axis=0), "least": r.measured.min(axis=0), "most": r.measured.max(axis=0)}
        theory = np.full(depth, np.nan) if r.theory is None else r.theory
        parts.append(pd.DataFrame({"activation": name, "layer": np.arange(1, depth + 1), **measured, "theory": theory}))
    return pd.concat(parts, ignore_index=True)


def to_picture(frame: pd.DataFrame) -> pd.DataFrame:
    values = frame.columns[2:]
    return frame.assign(**frame[values].clip(LOW, HIGH).astype(np.float32)).astype({"layer": np.int32})


@lru_cache(maxsize=256)
def by_layer(shown: tuple[str, ...], depth: int, head: str, names: tuple[str, ...] = NAMES) -> dict:
    """The gradient in each layer over that in the last. A specification, to be sent with rows of `frame`."""
    base = alt.Chart(SENT).encode(x=encodings.layers(depth), color=hue(shown, names))

    def y(field: str) -> alt.Y:
        return encodings.number(alt.Y, field, "Gradient here / in layer L", domain=(LOW, HIGH), log=True, clamp=True, ticks=range(-20, 9, 4))

    tip = tips(("activation", "Activation"), ("layer", "Layer", "d"), ("value", "Measured", ".3~g"), ("theory", "Theory", ".3~g"))
    return specification(
        alt.layer(
            base.mark_area(opacity=0.2).encode(y=y("least"), y2="most"),
            base.transform_filter("isValid(datum.theory)").mark_line(strokeWidth=1.2).encode(y=y("theory")),
            base.mark_point(filled=True, size=34, opacity=1).encode(y=y("value"), shape=shape(shown, names), tooltip=tip),
        ).properties(height=400, title=alt.Title(head, subtitle="points: median of the seeds; band: their range; line: theory"))
    )


def decades(x: float) -> float:
    return abs(math.log10(x)) if 0 < x < math.inf else math.inf


def read(members: Members, chosen: Mapping[str, GradientReach], whose: str, depth: int, gain: float) -> tuple[str, Verdict]:
    """The key of the activation that changes the gradient most, and what is said. Kinds: "vanishes", "explodes", "kept"."""
    key, options = max(members, key=lambda m: decades(chosen[title(m[0])].first))
    worst = chosen[title(key)]
    by = {name: f" (×\u00a0{number(r.factor)} a layer)" if not math.isnan(r.factor) else "" for name, r in chosen.items()}
    said = [f"**{name}** {number(r.first)}{by[name]}" for name, r in chosen.items()]
    text = f"With {whose}, this much of the gradient reaches layer 1 of {depth}: {', '.join(said)}. "
    if key == "sigmoid":
        text += f"A sigmoid's slopes alone allow no more than 4⁻ᴸ = {number(0.25**depth)}."
    if decades(worst.first) <= 3:
        return key, Verdict("kept", text)
    kind = "vanishes" if worst.first < 1 else "explodes"
    wanted = math.nan if math.isnan(worst.sigma_w) else slopes.critical_gain(worst, as_activation(key, **dict(options)), gain)
    curable = math.isfinite(wanted) and wanted > 0 and GAIN.take(wanted) != gain
    return key, Verdict(kind, text, {"set": [key], "gain": wanted} if curable else {})


def show(v: Values) -> Shown:
    members = members_of(v.set, SET.default, v)
    seeds = max(1, min(v.seeds, int(BUDGET / (2 * v.depth * len(members) * (1 + (v.width / 150) ** 2)))))
    if seeds < v.seeds:
        st.caption(f"So many layers are measured on {seeds} seed{'s' * (seeds > 1)}, to answer at once.")
    own = {title(key): reach(key, options, ACTIVATIONS[key].recommended, 1.0, v.depth, v.width, seeds) for key, options in members}
    chosen = {title(key): reach(key, options, v.initializer, v.gain, v.depth, v.width, seeds) for key, options in members}
    whose = title(v.initializer) + (f", gain {v.gain:g}" if v.gain != 1 else "")
    tables = []
    for column, reaches, head, name in zip(
        st.columns(2), (own, chosen), ("Each with the initializer made for it", f"All with {whose}"), ("its own initializer", whose), strict=True
    ):
        tables.append(frame(reaches))
        said = f"Gradient in layer 1 to {v.depth} over that in the last, with {name}: {listed(list(reaches))}"
        layout.show(column, by_layer(tuple(reaches), v.depth, head), said, to_picture(tables[-1]))
    worst_key, verdict = read(members, chosen, whose, v.depth, v.gain)
    worst = chosen[title(worst_key)]
    formulas = [
        r"\frac{\text{gradient in layer } l}{\text{gradient in layer } L} \approx \sqrt{\chi_1}^{\,L-l}",
        r"\chi_1 = \sigma_w^2\, E[\varphi'(z)^2]",
    ]
    if not math.isnan(worst.factor):
        factor, product = tex(worst.factor), tex(worst.factor ** (v.depth - 1))
        formulas.append(rf"\text{{{title(worst_key)}: }} \sqrt{{\chi_1}} = {factor}, \quad {factor}^{{{v.depth - 1}}} = {product}")
    script = f"""import numpy as np

from engine.activations import as_activation
from engine.studies.slopes import gradient_reach

{script_table(members)}print("activation,initializer,layer,value,theory")
for activation in table:
    for initializer, gain in (("its own", 1.0), ({v.initializer!r}, {v.gain!r})):
        rule = None if initializer == "its own" else initializer
        reach = gradient_reach(activation, rule, gain=gain, depth={v.depth}, width={v.width}, seeds={seeds})
        theory = np.full({v.depth}, np.nan) if reach.theory is None else reach.theory
        middle = np.median(reach.measured, axis=0)
        for i in range({v.depth}):
            print(activation.name, initializer, i + 1, float(middle[i]), float(theory[i]), sep=",")
"""
    numbers = pd.concat([table.assign(initializer=name) for table, name in zip(tables, ("its own", v.initializer), strict=True)], ignore_index=True)
    return Shown(verdict, formulas, script, numbers)


PART = Part(
    "product",
    "The product of slopes",
    show,
    controls=CONTROLS,
    **SLOPE_CONTROLS,
    presets=(
        Preset("act_sigmoid", "Sigmoid at 1/√n", "Less than a quarter of the gradient is left after each layer.", {"set": ["sigmoid"]}),
        Preset(
            "act_sigmoid_4", "Sigmoid at 4/√n", "0.63 a layer instead of 0.24: five layers train now, thirty do not.",
            {"set": ["sigmoid"], "gain": 4.0},
        ),
    ),
    try_next=(
        Try("The sigmoid at 1/√n, thirty layers deep.", preset="act_sigmoid"),
        Try("The sigmoid at 4/√n, thirty layers deep.", preset="act_sigmoid_4"),
        Try("The same on real handwriting, five layers, at 1/√n: it never learns.", preset="sigmoid_stuck"),
        Try("On real handwriting at 4/√n.", preset="sigmoid_scaled"),
        Try("On real handwriting at σ = 1.", preset="sigmoid_wide"),
        Try("On real handwriting with batch norm.", preset="sigmoid_bn"),
        Try("He normal for all: whose gradient explodes now?", {"initializer": "he_normal"}),
        Try("Width 10: how far may one network be from the theory?", {"width": 10, "seeds": 5}),
    ),
    sources=(slopes.gradient_reach, slopes.critical_gain),
)  # fmt: skip
