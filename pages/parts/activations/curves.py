"""Curves: each activation beside its slope, and where the slope is gone."""

import math
from collections.abc import Mapping
from functools import lru_cache

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import Activation
from engine.studies import curves
from engine.verdict import Verdict, number
from engine.words import ALMOST_FLAT, HARDLY_PASSES
from pages.parts.activations.common import SET, SLOPE_CONTROLS, Members, built, dash, hue, listed, members_of, script_table, signed
from pages.shared import encodings, layout
from pages.shared.control import Number, Values
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import QUIET, TALL
from pages.shared.titles import title

SPAN = 6.0  # curves are drawn for |z| up to here
CONTROLS = (
    SET,
    Number("act_z", "Cursor at z", 1.0, "Shows φ and its slope φ′ for all curves at this z. Try 51.", limits=(-10_000, 10_000), step=0.25),
)
PICTURES = {"phi": ("φ(z)", "The curve φ", (-2.5, 4.5)), "slope": ("φ′(z)", "Its slope φ′", (-0.3, 2.1))}


def sampled(table: Mapping[str, Activation]) -> pd.DataFrame:
    """Columns activation, z, phi, slope over the span of the picture; a jump of the slope is drawn as a jump."""
    z = np.sort(np.append(np.linspace(-SPAN, SPAN, 121), 1e-9))
    parts = [pd.DataFrame({"activation": name, "z": z, "phi": a.f(z), "slope": a.df(z)}) for name, a in table.items()]
    return pd.concat(parts, ignore_index=True).astype({"z": np.float32, "phi": np.float32, "slope": np.float32})


def flat_zones(facts: Mapping[str, curves.Facts]) -> pd.DataFrame:
    """Columns activation, kind (saturated, dead), low, high: where the slope is gone, cut to the picture."""
    rows = [
        (name, zone.kind, max(zone.low, -SPAN), min(zone.high, SPAN))
        for name, found in facts.items()
        for zone in found.zones
        if zone.low < SPAN and zone.high > -SPAN
    ]
    return pd.DataFrame(rows, columns=["activation", "kind", "low", "high"])


def facts_table(facts: Mapping[str, curves.Facts]) -> pd.DataFrame:
    """What the engine measured of each activation, in words and short numbers."""

    def end(x: float) -> str:
        return ("−∞" if x < 0 else "∞") if np.isinf(x) else f"{x:.4g}".replace("-", "−")

    def line(found: curves.Line | None) -> str:
        if found is None:
            return "no line"
        if not found.slope:
            return end(found.intercept)
        tilt = "z" if found.slope == 1 else f"{found.slope:.4g} z"
        return tilt if not found.intercept else f"{tilt} {'+' if found.intercept > 0 else '−'} {abs(found.intercept):.4g}"

    rows = [
        {
            "Activation": name, "Range": f"{end(f.low)} … {end(f.high)}", "Far left": line(f.left), "Far right": line(f.right),
            "Kinks at": ", ".join(f"{kink:g}" for kink in f.activation.kinks) or "none",
            "Mean of φ": f"{f.mean + 0.0:.3f}".replace("-0.000", "0.000"), "Zero-centred": "yes" if f.zero_centred else "no",
            "Steepest φ′": f"{f.steepest:.4g}", "Usual initializer": title(f.activation.recommended)}
        for name, f in facts.items()
    ]
    return pd.DataFrame(rows)


@lru_cache(maxsize=64)
def measured(members: Members) -> tuple[dict[str, curves.Facts], pd.DataFrame, pd.DataFrame]:
    """What does not move with the cursor: facts, `sampled` and `flat_zones` of these activations. To be read only."""
    table = built(members)
    facts = {name: curves.facts(a) for name, a in table.items()}
    return facts, sampled(table), flat_zones(facts)


def z_axis(field: str = "z") -> alt.X:
    return encodings.number(alt.X, field, "z", domain=(-SPAN, SPAN))


@drawn
def lines(frame: pd.DataFrame, zones: pd.DataFrame, cursor: pd.DataFrame, measure: str, shown: tuple[str, ...], flat: int) -> alt.LayerChart:
    """φ or φ′ of several activations, the zones of those that go flat shaded, and the cursor (see `cursor`). Zones over each other add up."""
    name, head, domain = PICTURES[measure]
    shade = alt.Chart(zones).mark_rect(opacity=0.3 / max(1, flat), color=QUIET)
    here = alt.Chart(cursor)
    curve = alt.Chart(frame).encode(
        x=z_axis(), y=encodings.number(alt.Y, measure, name, domain=domain), color=hue(shown), strokeDash=dash(shown),
        tooltip=tips(("activation", "Activation"), ("z", "z", ".2f"), ("phi", "φ", ".4g"), ("slope", "φ′", ".4g")))
    ends = {"left": domain[1], "right": domain[measure == "slope"]}  # where there is no curve
    return alt.layer(
        shade.encode(x=z_axis("low"), x2=alt.X2("high")), curve.mark_line(clip=True),
        here.transform_filter("datum.side == 'inside'").mark_rule(strokeDash=[2, 3]).encode(x=z_axis()),
        *(here.transform_filter(f"datum.side == '{side}'").mark_text(
            align=side, baseline="top" if edge > 0 else "bottom", dy=4 if edge > 0 else -4, fontWeight=600,
        ).encode(x=z_axis(), y=alt.YDatum(edge), text=alt.Text("text", type="nominal")) for side, edge in ends.items()),
        height=TALL, title=alt.Title(head, subtitle=["Grey: almost no slope here;", "the greyer, the more of them are flat."]))


def cursor_at(z: float) -> pd.DataFrame:
    """A row z, side (inside the axis, left or right of it), text: an arrow with the value of a cursor that lies beyond the axis."""
    if abs(z) <= SPAN:
        return pd.DataFrame({"z": [z], "side": ["inside"], "text": [""]})
    side, text = ("right", f"z = {signed(z)} ▶") if z > 0 else ("left", f"◀ z = {signed(z)}")
    return pd.DataFrame({"z": [math.copysign(SPAN, z)], "side": [side], "text": [text]})


@drawn
def zone_strips(zones: pd.DataFrame, shown: tuple[str, ...]) -> alt.Chart:
    """A row for each activation: where its slope is below 5 % of the steepest and fading, and where it is exactly 0."""
    legend = alt.Legend(values=["saturated", "dead"], symbolType="square", symbolStrokeWidth=0)
    bars = alt.Chart(zones).encode(
        x=z_axis("low"), x2=alt.X2("high"), y=alt.Y("activation", type="nominal", title=None, scale=alt.Scale(domain=list(shown)), sort=None),
        color=alt.Color("kind", type="nominal", scale=alt.Scale(domain=[" ", "  ", "saturated", "dead"]), legend=legend),
        tooltip=tips(("activation", "Activation"), ("kind", "Slope"), ("low", "From z", ".2f"), ("high", "To z", ".2f")))
    words = [f"Saturated: the slope is below {100 * ALMOST_FLAT:.0f} % of its steepest.", "Dead: the slope is exactly 0."]
    return bars.mark_bar(height=12).properties(height=28 * len(shown) + 110, title=alt.Title("Where the slope is almost gone", subtitle=words))


def read(cursor: pd.DataFrame, z: float) -> Verdict:
    """Columns activation, phi, slope at one z. Kinds: "flat", "passes"."""
    size = cursor["slope"].abs()
    steep, flat = cursor[size == size.max()], list(cursor.loc[size < HARDLY_PASSES, "activation"])
    text = f"At z = {signed(z)} the steepest slope is φ′ = {number(steep['slope'].iloc[0])}, that of **{listed(list(steep['activation']))}**. "
    if not flat:
        return Verdict("passes", text + "Each of them lets at least a hundredth of the gradient through here.")
    return Verdict("flat", f"{text}{listed(flat)} {'lets' if len(flat) == 1 else 'let'} less than a hundredth of the gradient through here.")


def show(v: Values) -> Shown:
    members = members_of(v.set, SET.default, v)
    table, (facts, frame, zones) = built(members), measured(members)
    cursor = pd.DataFrame(curves.values_at(list(table.values()), v.z), columns=["activation", "phi", "slope"]).assign(activation=list(table))
    here, flat = cursor_at(v.z), zones["activation"].nunique()
    for column, measure, name in zip(st.columns(2, vertical_alignment="bottom"), PICTURES, ("φ", "φ′"), strict=True):
        spec = encodings.readings(lines(frame, zones, here, measure, tuple(table), flat), frame, "z", "activation", measure)
        layout.show(column, spec, f"{name} of {listed(list(table))} for z from −6 to 6, cursor at {v.z:g}")

    def details() -> None:
        left, right = st.columns(2)
        if len(zones):
            layout.show(left, zone_strips(zones, tuple(table)), "For each activation, where its slope is saturated or dead")
        else:
            left.markdown("None of these activations goes flat at either end.")
        right.markdown(f"**At the cursor, z = {signed(v.z)}**")
        right.dataframe(
            pd.DataFrame({"Activation": list(table), "φ(z)": cursor["phi"].map(number), "φ′(z)": cursor["slope"].map(number)}), hide_index=True
        )
        st.dataframe(facts_table(facts), hide_index=True, column_config={"Activation": st.column_config.Column(pinned=True)})

    at = [(title(key), a, tex(float(a.f(np.float64(v.z))))) for (key, _), a in zip(members, table.values(), strict=True)]
    script = f"""from engine.activations import as_activation
from engine.studies.curves import facts, values_at

{script_table(members)}print("activation,phi,slope")
for name, phi, slope in values_at(table, {v.z!r}):
    print(f"{{name}},{{phi!r}},{{slope!r}}")
for activation in table:
    f = facts(activation)
    print(f"# {{f.activation.name}}: {{f.low:.4g}} … {{f.high:.4g}}, mean {{f.mean:.3f}}, steepest {{f.steepest:.4g}}")
"""
    formulas = [rf"\text{{{name}: }} \varphi({v.z:g}) = {a.formula} = {value}" for name, a, value in at[:6]]
    return Shown(read(cursor, v.z), formulas, script, cursor, details)


PART = Part(
    "curves", "Curves", show,
    question="Where does an activation let the gradient through?",
    sees="Left: the activation φ, what a unit makes of its sum z. Right: its slope φ′, the factor on the gradient that comes back through the unit.",
    matters="Where the slope is 0, nothing comes back to the unit's weights. Where it is 1, the gradient passes unchanged.",
    first="Move the cursor to z = 4 and read the slopes. Then try 51.",
    predict=Question(
        "How steep is the steepest of these curves at the chosen z?",
        ("Below 0.5", "Between 0.5 and 1", "1 or more"), (0.5, 1),
        lambda v, shown: float(shown.numbers["slope"].abs().max()),
        "Its slope is {}.", "Its slope is the factor by which the activation multiplies the gradient."),
    controls=CONTROLS, folded=SLOPE_CONTROLS, unfolded=True,
    presets=(
        Preset(
            "act_notes", "The notes' figure", "Five curves, and below them where each slope is almost gone.",
            {"set": ["sigmoid", "tanh", "relu", "leaky_relu", "elu"]}),
        Preset(
            "act_far", "A neuron at z = 51", "σ′(51) = 7 × 10⁻²³, far outside the picture, where the arrow points. Of a gradient that arrives there, nothing is left.",
            {"z": 51.0, "set": ["sigmoid", "tanh", "relu"]}),
    ),
    try_next=(
        Try("Move the cursor to 51: what is left of the sigmoid's slope?", preset="act_far"),
        Try("Leaky ReLU with α = 0, beside ReLU: can you tell them apart?", {"set": ["relu", "leaky_relu"], "leaky_relu_alpha": 0.0}),
        Try("ELU with α = 2: a kink appears at 0, and the floor moves to −2.", {"set": ["elu"], "elu_alpha": 2.0}),
        Try("What the slopes multiply to: the sigmoid at 1/√n.", preset="act_sigmoid")),
    sources=(curves.facts, curves.values_at), cites=("notes", "elu", "selu"),
)
