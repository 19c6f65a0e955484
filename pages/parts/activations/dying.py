"""Dying ReLU: units that no image switches on, and whether they come back."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import altair as alt
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS
from engine.studies import dying
from engine.studies.dying import SweepPoint, Watch
from engine.verdict import Verdict
from engine.words import MORE_THAN_HALF, SILENT
from pages.parts.activations.common import NAMES, SLOPE_CONTROLS, USUAL, Members, built, dash, hue, listed, members_of, script_table, shape, signed
from pages.shared import encodings, layout, runs, workers
from pages.shared.control import Ladder, Several, Typed, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import HALF, TALL
from pages.shared.titles import title

SWEEP = "act_sweep"
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
BIASES = (-2.0, -1.5, -1.0, -0.7, -0.5, -0.3, 0.0, 0.5)
RIVALS = Several("act_rivals", "Compared", USUAL["rivals"], "All start from the same weights and see the same images.", tuple(ACTIVATIONS))
CONTROLS = (
    RIVALS,
    Ladder(
        "act_rate", "Learning rate η", 0.01, "Adam's. Large steps throw units to where no image switches them on: try 0.1 with a bias of 0.",
        (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
    Ladder(
        "act_bias", "First bias b", -1.0, "Every hidden unit starts with it. Far below 0, no image switches most of the units on.",
        (-3.0, -2.0, -1.5, -1.0, -0.7, -0.5, -0.3, -0.2, -0.1, 0.0, 0.1, 0.5)),
    Whole("act_dying_depth", "Hidden layers", 3, "Of 50 units each.", (1, 10)),
    Typed("act_dying_seed", "Seed", 0, "It draws the weights and orders the images.", (0, 9999)),
)


def watch(members: Members, rate: float, bias: float, depth: int, seed: int, seen: Callable[[list], None] | None = None) -> list[list[Watch]]:
    """One training for each; `seen` draws those that are over while others go on, which are None."""
    each = (partial(dying.watch_units, phi, learning_rate=rate, bias=bias, depth=depth, seed=seed) for phi in built(members).values())
    return workers.measure_all(*each, long=True, seen=seen)


@dataclass(frozen=True)
class SweepSettings:
    members: Members
    rate: float
    bias: float
    depth: int
    seed: int


class SweepRun(runs.Run):
    """Every activation over the ladder of learning rates at one bias, then over the ladder of biases at one learning rate."""

    def __init__(self, settings: SweepSettings):
        self.settings = settings
        self.points: dict[str, list[SweepPoint]] = {"rate": [], "bias": []}
        self.done, self.steps = 0, len(settings.members) * (len(RATES) + len(BIASES))
        super().__init__("activations", self._both())

    def _both(self) -> Iterator[tuple[str, SweepPoint]]:
        s = self.settings
        for by, rates, biases in (("rate", RATES, (s.bias,)), ("bias", (s.rate,), BIASES)):
            for point in dying.sweep(list(built(s.members).values()), rates, biases, depth=s.depth, seed=s.seed):
                yield by, point

    def record(self, result: tuple[str, SweepPoint]) -> None:
        by, point = result
        self.points[by].append(point)
        self.done += 1
        if self.done == self.steps:
            self.status = "finished"


def frames(looks: Mapping[str, Sequence[Watch]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Over training (activation, step, epoch, off, dead, accuracy; shares of all units) and by layer at the end (activation, layer, off, dead)."""
    over, layers = [], []
    for name, watches in looks.items():
        over += [(name, w.step, w.epoch, w.off.mean(), w.dead.mean(), w.accuracy) for w in watches]
        layers += [(name, i, off, dead) for i, (off, dead) in enumerate(zip(watches[-1].off, watches[-1].dead, strict=True), start=1)]
    return (
        pd.DataFrame(over, columns=["activation", "step", "epoch", "off", "dead", "accuracy"]),
        pd.DataFrame(layers, columns=["activation", "layer", "off", "dead"]))


SHARES = (("off", "Switched off", ".1%"), ("dead", "Slope 0 on every image", ".1%"))


@drawn
def while_training(frame: pd.DataFrame, shown: tuple[str, ...]) -> alt.LayerChart:
    """Share of units that no training image switches on, while training."""
    base = alt.Chart(frame).encode(
        x=encodings.number(alt.X, "epoch", "Epoch", domain=(0, dying.EPOCHS), axis=alt.Axis(tickMinStep=1)),
        y=encodings.share("off", "Units no image switches on"), color=hue(shown),
        tooltip=tips(("activation", "Activation"), ("epoch", "Epoch", ".2~f"), *SHARES, ("accuracy", "Read correctly", ".1%")))
    return alt.layer(base.mark_line().encode(strokeDash=dash(shown)), base.mark_point(opacity=1), height=TALL, title=alt.Title("While training", subtitle="A unit is switched off if z ≤ 0 on every training image."))


@drawn
def by_layer(frame: pd.DataFrame, shown: tuple[str, ...]) -> alt.LayerChart:
    """The same by layer, at the end; each bar carries its activation's mark."""
    base = alt.Chart(frame).encode(
        x=alt.X("layer", type="ordinal", title="Layer l", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("activation", type="nominal", sort=None, scale=alt.Scale(domain=list(shown))),
        y=encodings.share("off", "Units no image switches on"), color=hue(shown),
        tooltip=tips(("activation", "Activation"), ("layer", "Layer", "d"), *SHARES))
    return alt.layer(base.mark_bar(opacity=0.8), base.mark_point(size=40, opacity=1).encode(shape=shape(shown)), height=TALL, title=alt.Title("By layer, at the end", subtitle="A unit is switched off if z ≤ 0 on every training image."))


@drawn
def swept(frame: pd.DataFrame, by: str, here: float, shown: tuple[str, ...], names: tuple[str, ...] = NAMES) -> alt.LayerChart:
    """The final share of switched-off units against the learning rate, or the first bias; a rule marks the sidebar's value."""
    x, head = {
        "rate": (encodings.number(alt.X, "rate", "Learning rate η", domain=(1e-4, 1), log=True, ticks=range(-4, 1)), "Against the learning rate"),
        "bias": (encodings.number(alt.X, "bias", "First bias b", domain=(-3, 0.5)), "Against the first bias"),
    }[by]
    base = alt.Chart(frame).encode(x=x, y=encodings.share("off", "Switched off at the end"), color=hue(shown, names))
    rule = alt.Chart(frame).mark_rule(strokeDash=[2, 3], clip=True).encode(x=alt.XDatum(here))
    return alt.layer(base.mark_line().encode(strokeDash=dash(shown, names)), base.mark_point(opacity=1), rule, height=HALF, title=alt.Title(head, subtitle="Dotted: where the sidebar stands."))


def draw_sweep(run: SweepRun) -> Verdict:
    """Kinds: "ready", "read"."""
    runs.progress_line(run, run.done, run.steps, f"{run.done} of {run.steps} trainings")
    if not run.done:
        return Verdict("ready", "Press **Start**: the same network is trained at each learning rate, then at each bias.")
    shown, said = tuple(title(key) for key, _ in run.settings.members), {}
    for column, (by, name) in zip(st.columns(2, vertical_alignment="bottom"), (("rate", "learning rate"), ("bias", "first bias")), strict=True):
        rows = [(title(p.activation), p.learning_rate, p.bias, p.off, p.dead, p.accuracy) for p in run.points[by]]
        frame = pd.DataFrame(rows, columns=["activation", "rate", "bias", "off", "dead", "accuracy"])
        alt_text = f"Units switched off at the end of training, against the {name}"
        layout.show(column, swept(frame, by, getattr(run.settings, by), shown), alt_text)
        half = frame[frame["off"] > MORE_THAN_HALF].groupby("activation", sort=False)[by]
        said[by] = (half.min() if by == "rate" else half.max()).to_dict()
    edges = [
        f"{word} {symbol} = " + ", ".join(f"{signed(x)} (**{name}**)" for name, x in said[by].items())
        for by, word, symbol in (("rate", "first at", "η"), ("bias", "last at", "b"))
        if said[by]
    ]
    so_far = "So far: " * (run.done < run.steps)
    if edges:
        return Verdict("read", f"{so_far}More than half of the units end switched off {'; '.join(edges)}.")
    return Verdict("read", f"{so_far}No activation ends with more than half of its units switched off.")


CURES = ({"bias": 0.0}, {"rate": 0.001}, {"bias": 0.0, "rate": 0.001})


def read(looks: Mapping[str, Sequence[Watch]], rate: float, bias: float, at: Callable[..., Sequence[Sequence[Watch]]]) -> Verdict:
    """`at` other settings some activations are trained again, to try a cure. Kinds: "alive", "cured" (a cure was found), "silent"."""
    ends = {name: watches[-1] for name, watches in looks.items()}
    words = [f"**{name}** {100 * w.off.mean():.0f} % ({100 * w.accuracy:.0f} %)" for name, w in ends.items()]
    text = f"This share of the units is switched on by no image at the end, and in brackets this share of the training images is read correctly: {'; '.join(words)}. "
    name = max(ends, key=lambda name: ends[name].dead.mean())
    before, after, end = (100 * looks[name][i].dead.mean() for i in (0, 1, -1))
    if end <= 100 * SILENT:
        return Verdict("alive", text)
    ever, back = (int(units.sum()) for units in dying.came_back(looks[name]))
    text += f"{end:.0f} % of {name}'s units end with slope 0 on every image; before the first step it was {before:.0f} %, after it {after:.0f} %. "
    text += f"Of {ever} units that ever had no slope, {back} came back. "
    for cure in [cure for cure in CURES if {"rate": rate, "bias": bias} | cure != {"rate": rate, "bias": bias}]:
        sick = [one for one, w in ends.items() if w.dead.mean() > SILENT]
        left = {one: watches[-1].dead.mean() for one, watches in zip(sick, at(sick, **{"rate": rate, "bias": bias} | cure), strict=True)}
        if max(left.values()) <= SILENT:
            change = " and ".join({"rate": f"η = {x:g}", "bias": f"a first bias of {signed(x)}"}[key] for key, x in cure.items())
            return Verdict("cured", f"{text}With {change} it would be {100 * left[name]:.0f} % at the end.", cure)
    return Verdict("silent", text)


def show(v: Values) -> Shown:
    members = members_of(v.rivals, RIVALS.default, v)
    left, right = (column.empty() for column in st.columns(2, vertical_alignment="bottom"))
    rivals = listed(list(built(members)))  # also while some are trained: a picture is known by what it says

    def fill(answers: Sequence[list[Watch] | None]) -> dict[str, list[Watch]]:
        looks = {name: watches for name, watches in zip(built(members), answers, strict=True) if watches}
        over, layers = frames(looks)
        layout.show(left, while_training(over.drop(columns="step"), tuple(looks)), f"Units that no image switches on, while {rivals} train")
        layout.show(right, by_layer(layers, tuple(looks)), f"Units of {rivals} that no image switches on, by layer at the end of training")
        return looks

    looks = fill(watch(members, v.rate, v.bias, v.dying_depth, v.dying_seed, fill))
    over, _ = frames(looks)

    def at(names: Sequence[str], rate: float, bias: float) -> list[list[Watch]]:
        return watch(tuple(one for one in members if title(one[0]) in names), rate, bias, v.dying_depth, v.dying_seed)

    def details() -> None:
        st.header("Against learning rate and bias", anchor=False)
        settings = SweepSettings(members, v.rate, v.bias, v.dying_depth, v.dying_seed)
        run = runs.current(SWEEP, settings, lambda: SweepRun(settings))
        runs.buttons(SWEEP, run, f"{run.steps} trainings: {len(RATES)} learning rates and {len(BIASES)} biases for each activation.")
        runs.live(run, draw_sweep, key="verdict_sweep")

    formulas = [
        r"z \le 0 \text{ on every image} \;\Rightarrow\; \mathrm{ReLU}'(z) = 0 \;\Rightarrow\; \frac{\partial J}{\partial w} = 0",
        r"\text{In layer 1 the inputs, the images, stay the same;} \qquad \text{deeper they move, and a unit may come back.}"]
    formulas += [rf"\text{{leaky ReLU: }} \varphi'(z) = {tex(v.leaky_relu_alpha)} \text{{ for }} z < 0" for key, _ in members if key == "leaky_relu"]
    script = f"""from engine.activations import as_activation
from engine.studies.dying import watch_units

{script_table(members)}print("activation,step,off,dead,accuracy")
for activation in table:
    for w in watch_units(activation, learning_rate={v.rate!r}, bias={v.bias!r}, depth={v.dying_depth}, seed={v.dying_seed}):
        print(activation.name, w.step, *map(float, (w.off.mean(), w.dead.mean(), w.accuracy)), sep=",")
"""
    return Shown(read(looks, v.rate, v.bias, at), formulas, script, over.drop(columns="epoch"), details)


PART = Part(
    "dying", "Dying ReLU", show,
    question="Can a ReLU unit die, and does it come back?",
    sees="Left: the share of hidden units that no training image switches on, while the network learns. Right: the same by layer, at the end.",
    matters="A ReLU unit that is off for every image has slope 0 on all of them. Then it says nothing, and no gradient reaches its weights.",
    first="Compare start and end: of which activation do units come back? Then set the first bias to 0.",
    predict=Question(
        "Which share of ReLU's units does no image switch on at the end?",
        ("Less than 10 %", "10 to 50 %", "More than 50 %"), (10, 50),
        lambda v, shown: 100 * float(shown.numbers.query("activation == 'ReLU'")["dead"].iloc[-1]),
        "It is {} % of them.", "A unit that is off for every image has slope 0, and no gradient moves it again."),
    controls=CONTROLS, folded=SLOPE_CONTROLS,
    presets=(
        Preset("act_dying", "Dying ReLU: biases too low", "ReLU's line stays where it began. The other three come down: many of their units come back."),
        Preset("act_dying_step", "Dying ReLU: steps too large", "The first step alone switches off half of ReLU's units, 45 % of leaky ReLU's and 41 % of ELU's.", {"rate": 0.1, "bias": 0.0}),
    ),
    try_next=(
        Try("Large steps (η = 0.1) instead of a low bias: does ReLU end with fewer units without slope?", preset="act_dying_step"),
        Try(
            "A bias of 0 and η = 0.03: a third of ReLU's units end without slope. Does it read worse than the others?",
            {"rate": 0.03, "bias": 0.0, "rivals": USUAL["rivals"], "dying_depth": 3, "dying_seed": 0}),
        Try("Ten layers: in which of them do units come back?", {"dying_depth": 10})),
    sources=(dying.watch_units, dying.sweep), cites=("notes", "maas", "elu"),
)
