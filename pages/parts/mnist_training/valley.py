"""Paths: where each optimizer walks in a valley that is twenty times steeper across than along."""

import math
from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import optimizers
from engine.studies import valley
from engine.studies.valley import Path
from engine.verdict import Verdict, number
from pages.parts.mnist_training.looks import dash, hue
from pages.shared import encodings, layout
from pages.shared.control import Ladder, Several, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import QUIET, TALL
from pages.shared.titles import title

KEYS = tuple(valley.RATES)
NAMES = tuple(map(title, KEYS))
RUNGS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0, 1.05, 1.2, 1.5, 1.9, 2.0, 3.0)
BOOK = ["sgd", "momentum", "adagrad", "adam"]
WITH_MOMENTUM = {"momentum", "nesterov"}
WALKERS = Several("mnist_walkers", "Optimizers", BOOK, "All start at (−7, 2).", KEYS)


def _walking(v: Values) -> list[str]:
    return v.walkers or BOOK


def _rate(key: str) -> Ladder:
    return Ladder(
        f"mnist_eta_{key}", f"{title(key)}: η", valley.RATES[key], f"Learning rate of {title(key)} in this valley.", RUNGS,
        idle=lambda v: "" if key in _walking(v) else f"{title(key)} is not among the optimizers shown.")


STEPS = Whole("mnist_walk_steps", "Steps", 30, "How many steps each optimizer takes.", (1, 100))
MOMENTUM = Ladder(
    "mnist_momentum", "Momentum m", 0.9, "For Momentum and Nesterov: the share of the last step that is walked again.", (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99),
    idle=lambda v: "" if WITH_MOMENTUM & set(_walking(v)) else "Neither Momentum nor Nesterov is shown.")
CONTROLS = (WALKERS, STEPS, MOMENTUM)
ETAS = {key: _rate(key) for key in KEYS}

ACROSS, ALONG, HEIGHTS = (-3.5, 3.5), (-8.0, 6.0), (1e-6, 1e2)
LEVELS = (0.02, 0.1, 0.3, 0.75, 1.5, 2.5, 4.0, 6.0, 8.5, 11.5)


def paths_of(v: Values) -> list[Path]:
    return [valley.descend(key, getattr(v, f"eta_{key}"), steps=v.walk_steps, momentum=v.momentum) for key in _walking(v)]


def table(paths: Sequence[Path]) -> pd.DataFrame:
    """One row a point: optimizer, step, x, y, f, and the step that led here over the learning rate (move_x, move_y; none at the start)."""
    parts = []
    for path in paths:
        moves = np.vstack([[np.nan, np.nan], path.moves])
        parts.append(pd.DataFrame({
            "optimizer": title(path.optimizer), "step": np.arange(len(path.points)), "x": path.points[:, 0], "y": path.points[:, 1],
            "f": path.heights, "move_x": moves[:, 0], "move_y": moves[:, 1]}))
    return pd.concat(parts, ignore_index=True)


def contours() -> pd.DataFrame:
    """Ellipses of equal height: columns level, at (the order of the points), x, y."""
    angle = np.linspace(0, 2 * math.pi, 73)
    rings = [
        pd.DataFrame({"level": c, "at": np.arange(73), "x": math.sqrt(20 * c) * np.cos(angle), "y": math.sqrt(c) * np.sin(angle)}) for c in LEVELS
    ]
    return pd.concat(rings, ignore_index=True).astype({"x": np.float32, "y": np.float32})


@drawn
def walked(frame: pd.DataFrame, rings: pd.DataFrame, left: pd.DataFrame, shown: tuple[str, ...]) -> alt.LayerChart:
    """The paths from above, over lines of equal height; a cross is the lowest point, an arrow tells how far a path leaves the picture."""
    x, y = encodings.number(alt.X, "x", "x: along the valley", domain=ALONG), encodings.number(alt.Y, "y", "y: across", domain=ACROSS)
    base = alt.Chart(frame).encode(
        x=x, y=y, color=hue("optimizer", shown, NAMES), order=alt.Order("step", type="quantitative"),
        tooltip=tips(("optimizer", "Optimizer"), ("step", "Step", "d"), ("x", "x", ".3g"), ("y", "y", ".3g"), ("f", "f", ".3g")))
    ring = alt.Chart(rings).mark_line(strokeWidth=0.8, color=QUIET, opacity=0.6, clip=True)
    bottom = alt.Chart(rings).transform_filter(f"datum.level == {LEVELS[0]} && datum.at == 0").mark_point(shape="cross", size=90, color=QUIET)
    return alt.layer(
        ring.encode(x=x, y=y, detail=alt.Detail("level", type="nominal"), order=alt.Order("at", type="quantitative")),
        bottom.encode(x=alt.XDatum(0), y=alt.YDatum(0)),
        base.mark_line(clip=True, strokeWidth=1.6).encode(strokeDash=dash("optimizer", shown, NAMES)), base.mark_point(clip=True, opacity=1, size=24),
        *encodings.arrows(left, x, y), height=TALL, title=alt.Title("Seen from above", subtitle="Thin: lines of equal height. Cross: the lowest point."))


@drawn
def lowered(frame: pd.DataFrame, left: pd.DataFrame, shown: tuple[str, ...], steps: int) -> alt.LayerChart:
    """f step by step, on a log axis."""
    x = encodings.number(alt.X, "step", "Step", domain=(0, steps), axis=alt.Axis(tickMinStep=1, format="d"))
    y = encodings.number(alt.Y, "f", "Height f (log)", domain=HEIGHTS, log=True, ticks=range(-6, 3, 2))
    lines = alt.Chart(frame).mark_line(clip=True).encode(
        x=x, y=y, color=hue("optimizer", shown, NAMES), strokeDash=dash("optimizer", shown, NAMES),
        tooltip=tips(("optimizer", "Optimizer"), ("step", "Step", "d"), ("f", "f", ".3g")))
    return alt.layer(lines, *encodings.arrows(left, x, y), height=TALL, title=alt.Title("How low, step by step", subtitle="The axes stay where they are. Arrows tell what lies outside."))


PULLS = {"move_x": ("Along the valley", (-1.0, 4.0)), "move_y": ("Across the valley", (-9.0, 6.0))}


@drawn
def stepped(frame: pd.DataFrame, left: pd.DataFrame, which: str, shown: tuple[str, ...], steps: int) -> alt.LayerChart:
    """Each step in one coordinate, over the learning rate."""
    head, domain = PULLS[which]
    x = encodings.number(alt.X, "step", "Step", domain=(1, max(2, steps)), axis=alt.Axis(tickMinStep=1, format="d"))
    y = encodings.number(alt.Y, which, f"Δ{which[-1]} / η", domain=domain)
    lines = alt.Chart(frame).transform_filter("datum.step > 0").mark_line(clip=True).encode(
        x=x, y=y, color=hue("optimizer", shown, NAMES), strokeDash=dash("optimizer", shown, NAMES),
        tooltip=tips(("optimizer", "Optimizer"), ("step", "Step", "d"), (which, "Step over η", ".3g")))
    return alt.layer(lines, encodings.rule(y=0), *encodings.arrows(left, x, y), height=260, title=alt.Title(head, subtitle="How far each step went, divided by its learning rate."))


def read(paths: Sequence[Path], momentum: float) -> Verdict:
    """Kinds: "settling", or "climbing": some end higher than they began. The cure was walked."""
    lowest, widest = min(paths, key=lambda path: path.heights[-1]), max(paths, key=lambda path: path.detour)
    steps = len(paths[0].points) - 1
    text = f"After {steps} step{'s' * (steps > 1)} **{title(lowest.optimizer)}** stands lowest, at f = {number(lowest.heights[-1], 2)}. "
    if widest.crossings[1] > 1 and widest.detour > 1.05:
        text += f"**{title(widest.optimizer)}** crosses the floor of the valley {widest.crossings[1]} times and walks {number(widest.detour, 2)} times the straight way. "
    climbing, fix = [path for path in paths if path.heights[-1] > path.heights[0]], {}
    for path in climbing:
        most = valley.limit(path.optimizer, momentum)
        text += f"**{title(path.optimizer)}** ends higher than it began" + (
            f": its η = {path.learning_rate:g} is above {number(most)}, where each step across begins to overshoot by more than it corrects. "
            if most and path.learning_rate > most else ". "
        )
        best = min((valley.descend(path.optimizer, rate, steps=steps, momentum=momentum) for rate in RUNGS), key=lambda tried: tried.heights[-1])
        fix |= {f"eta_{path.optimizer}": best.learning_rate} if best.heights[-1] < path.heights[0] else {}
    return Verdict("climbing" if climbing else "settling", text.strip(), fix)


def formulas_of(paths: Sequence[Path], momentum: float) -> list[str]:
    (a, b), lines = valley.CURVATURES, [r"f(x, y) = \tfrac{1}{20} x^2 + y^2 \qquad \nabla f = (\tfrac{1}{10} x,\ 2 y) \qquad \nabla f(-7, 2) = (-0.7,\ 4)"]
    for path in paths:
        eta, most = path.learning_rate, valley.limit(path.optimizer, momentum)
        if path.optimizer == "sgd":
            lines.append(rf"\text{{SGD: each step }} x \times {1 - a * eta:.4g},\quad y \times ({1 - b * eta:.4g}) \qquad \text{{calm for }} \eta < {most:.4g}")
        elif path.optimizer in WITH_MOMENTUM:
            lines.append(
                rf"\text{{{title(path.optimizer)}: under a steady pull }} \tfrac{{1}}{{1 - m}} = {1 / (1 - momentum):.4g} \text{{ times as far}} \qquad \text{{calm for }} \eta < {most:.4g}")
        elif path.optimizer in ("adagrad", "adam"):
            lines.append(rf"\text{{{title(path.optimizer)}: first step }} \eta\, \frac{{g}}{{\sqrt{{g^2}}}} = \pm {tex(eta)} \text{{ in each coordinate}}")
    return lines


def show(v: Values) -> Shown:
    if not v.walkers:
        st.caption("No optimizer is chosen: the book's four are shown.")
    paths = paths_of(v)
    frame, shown, steps = table(paths), tuple(map(title, _walking(v))), v.walk_steps
    names = ", ".join(shown)
    left, right = st.columns(2, vertical_alignment="bottom")
    out = {field: encodings.gone(frame.dropna(), at, field, domain, log, "optimizer") for field, at, domain, log in (
        ("y", "x", ACROSS, False), ("f", "step", HEIGHTS, True), *((which, "step", domain, False) for which, (_, domain) in PULLS.items()))}
    layout.show(left, walked(frame, contours(), out["y"], shown), f"Paths of {names} over the lines of equal height of x²/20 + y²")
    layout.show(right, lowered(frame, out["f"], shown, steps), f"Height of {names} step by step, on a log axis")

    def details() -> None:
        for column, (which, (head, _)) in zip(st.columns(2, vertical_alignment="bottom"), PULLS.items(), strict=True):
            layout.show(column, stepped(frame, out[which], which, shown, steps), f"{head}: each step of {names} over its learning rate")
        st.caption(
            "SGD steps by the gradient: large across, small along. Momentum adds up what points the same way and cancels what alternates. "
            "AdaGrad and Adam divide by the size of past gradients, so that both coordinates begin with steps of the same length.")

    rates = {path.optimizer: path.learning_rate for path in paths}
    script = f"""from engine.studies.valley import descend

for optimizer, rate in {rates!r}.items():
    path = descend(optimizer, rate, steps={steps}, momentum={v.momentum!r})
    print(optimizer)
    for (x, y), f in zip(path.points, path.heights):
        print(f"{{x:.5g}} {{y:.5g}} {{f:.5g}}")
"""
    return Shown(read(paths, v.momentum), formulas_of(paths, v.momentum), script, frame, details)


ALL_SIX = {"walkers": list(KEYS)}
SAME = {"walkers": ["sgd", "momentum"], "eta_sgd": 0.1, "eta_momentum": 0.1, "walk_steps": 60}
PART = Part(
    "paths", "Optimizer paths", show,
    question="How do optimizers find their way through a narrow valley?",
    sees="Left: the path of each optimizer from above. Right: how low it is after each step. Below: its steps along and across the valley.",
    matters="Where a valley is steeper across than along, the rate that is safe across is slow along. Momentum and Adam are ways out.",
    first="Follow SGD, then momentum, then Adam. Then give SGD a rate above 1.",
    predict=Question(
        "How low does the best of these optimizers get, if the start is at 6.45?",
        ("Below 0.001", "0.001 to 0.1", "Above 0.1"), (1e-3, 0.1),
        lambda v, shown: float(shown.numbers[shown.numbers["step"] == shown.numbers["step"].max()]["f"].min()),
        "The lowest stands at {}.", "The valley is steep across and flat along, and one rate must serve both."),
    controls=CONTROLS, folded={"Learning rates": tuple(ETAS.values())}, unfolded=True,
    presets=(
        Preset("paths_book", "Four optimizers in a valley", "SGD bounces from wall to wall, momentum swings around the floor, AdaGrad and Adam set off at 45°."),
        Preset("paths_momentum", "Momentum against SGD, same η", "Both take η = 0.1. SGD hardly gets along the valley; momentum runs past the lowest point and comes back.", SAME),
        Preset("paths_unstable", "SGD above its limit", "At η = 1.05 each step across the valley is longer than the last: SGD climbs out of the picture.", {"walkers": ["sgd", "adam"], "eta_sgd": 1.05}),
    ),
    try_next=(
        Try("SGD and momentum at the same η: which gets further along the floor?", preset="paths_momentum"),
        Try("η = 1.05 for SGD: the walls throw it higher at each step.", preset="paths_unstable"),
        Try("Momentum of 0.99: how long does it swing?", {**SAME, "momentum": 0.99, "walk_steps": 100}),
        Try("All six, 100 steps: which one comes to rest, which one still swings?", {**ALL_SIX, "walk_steps": 100}),
        Try("The same question on real digits, with SGD: press Start.", {"part": "training", "optimizer": "sgd", "rate": 0.1})),
    sources=(valley.descend, valley.limit, *(optimizers.OPTIMIZERS[key] for key in ("momentum", "adagrad", "adam"))), cites=("dlfs", "adam"),
)
