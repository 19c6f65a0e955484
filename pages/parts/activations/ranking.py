"""The ranking, measured: the textbooks' order of activations, held against trainings with one budget."""

import math
from dataclasses import dataclass
from statistics import median

import altair as alt
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS
from engine.studies import ranking
from engine.studies.ranking import RankingStep
from engine.verdict import Verdict
from pages.parts.activations.common import NAMES, SET, SLOPE_CONTROLS, SYMBOLS, Members, built, dash, hue, members_of, script_table
from pages.shared import encodings, layout, runs
from pages.shared.control import Ladder, Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import TALL, tint
from pages.shared.titles import title

RUN = "act_ranking"
READ = "Test images read correctly"
CONTROLS = (
    Menu("act_rank_depth", "Hidden layers", 20, "The depth of every network that is trained.", (5, 20, 50), pills=True), SET,
    Ladder("act_rank_width", "Units in a layer", 30, "How many units each hidden layer has.", (10, 20, 30, 50, 100)),
    Ladder("act_rank_epochs", "Epochs", 10, "How often each network sees the 1,437 training images.", (2, 5, 10, 20, 40)),
    Ladder("act_rank_rate", "Adam's learning rate", 0.001, "All activations learn with it.", (0.0001, 0.0003, 0.001, 0.003, 0.01)),
    Ladder("act_rank_seeds", "Number of seeds", 3, "Networks trained for each activation. One alone cannot tell skill from luck.", (1, 2, 3, 5)),
)


@dataclass(frozen=True)
class RankingSettings:
    members: Members
    depth: int
    width: int
    epochs: int
    rate: float
    seeds: int

    def __str__(self) -> str:
        return f"64 – {self.width} × {self.depth} – 10, {self.epochs} epochs, η = {self.rate:g}, {self.seeds} seed{'s' * (self.seeds > 1)}"


class RankingRun(runs.Run):
    """Keeps test accuracies only: one number for each activation, seed and epoch."""

    def __init__(self, settings: RankingSettings):
        s = self.settings = settings
        self.history: list[tuple[str, int, float, float]] = []  # activation, seed, epoch, test accuracy
        self.finals: dict[str, list[float]] = {}
        table = list(built(s.members).values())
        self.trainings = len(table) * s.seeds
        self.done, self.steps = 0, ranking.steps_of(self.trainings, epochs=s.epochs)
        super().__init__("activations", ranking.ranking(table, depth=s.depth, width=s.width, epochs=s.epochs, seeds=s.seeds, learning_rate=s.rate))

    @property
    def trained(self) -> int:
        return sum(map(len, self.finals.values()))

    def record(self, result: RankingStep) -> None:
        self.done = result.done
        if result.test_accuracy is not None:
            self.history.append((result.activation, result.seed, result.epoch, result.test_accuracy))
        if result.last:
            self.finals.setdefault(result.activation, []).append(result.test_accuracy)
        if self.done == self.steps:
            self.status = "finished"

    def summary(self) -> dict | None:
        changed = [(key, options) for key, options in self.settings.members if options and dict(options) != ACTIVATIONS[key].options]
        slopes = [f"{title(key)}: {SYMBOLS.get(option, option)} = {value:.3g}" for key, options in changed for option, value in options]
        about = {"Settings": ", ".join([str(self.settings), *slopes]), "Trainings": f"{self.trained} of {self.trainings}"}
        return about | {title(key): median(values) for key, values in self.finals.items()} if self.finals else None


def finals_frame(finals: dict[str, list[float]]) -> pd.DataFrame:
    """Columns activation, seed, accuracy, and middle, low, high of the activation: one row a finished training, best activation first."""
    rows = [(title(r.activation), i, value, r.middle, r.low, r.high) for r in ranking.ranks(finals) for i, value in enumerate(finals[r.activation])]
    return pd.DataFrame(rows, columns=["activation", "seed", "accuracy", "middle", "low", "high"])


def learning_frame(history: list[tuple[str, int, float, float]]) -> pd.DataFrame:
    """Columns activation, epoch, middle, low, high over the seeds so far."""
    frame = pd.DataFrame(history, columns=["activation", "seed", "epoch", "accuracy"]).assign(activation=[title(key) for key, *_ in history])
    grouped = frame.groupby(["activation", "epoch"], sort=False)["accuracy"].agg(["median", "min", "max"]).reset_index()
    return grouped.rename(columns={"median": "middle", "min": "low", "max": "high"})


def height(rows: int) -> int:
    return max(TALL, 34 * rows + 110)


@drawn
def standings(reached: pd.DataFrame, order: tuple[str, ...]) -> alt.LayerChart:
    """Test accuracy after the same budget (`finals_frame`): a point for each seed, a bar from the worst to the best, the activations in this order."""

    def x(field: str) -> alt.X:
        return encodings.number(alt.X, field, READ, domain=(0, 1), ticks=(0, 0.5, 1), format="%")

    base = alt.Chart(reached).encode(y=alt.Y("activation", type="nominal", title=None, scale=alt.Scale(domain=list(order)), sort=None))
    once = base.transform_filter("datum.seed == 0")
    tip = tips(("activation", "Activation"), ("seed", "Seed", "d"), ("accuracy", "Read correctly", ".1%"))
    return alt.layer(
        once.mark_rule(strokeWidth=5, opacity=0.35).encode(x=x("low"), x2=alt.X2("high"), color=tint("signal")),
        base.mark_point(size=55, opacity=1).encode(x=x("accuracy"), color=tint("signal"), tooltip=tip),
        once.mark_tick(thickness=3, size=24, opacity=1).encode(x=x("middle"), color=tint("yardstick")),
        alt.Chart(reached).mark_rule(strokeDash=[2, 3]).encode(x=alt.XDatum(0.1)),
        height=height(len(order)), title=alt.Title("Who reads best?", subtitle="Dots: one training each. Stroke: the middle one. Dotted: what guessing reads."))


@drawn
def on_the_way(frame: pd.DataFrame, epochs: int, shown: tuple[str, ...], names: tuple[str, ...] = NAMES) -> alt.LayerChart:
    """Test accuracy by epoch (`learning_frame`): the middle of the seeds, and their range as a band."""
    base = alt.Chart(frame).encode(
        x=encodings.number(alt.X, "epoch", "Epoch", domain=(0, epochs), axis=alt.Axis(tickMinStep=1)), color=hue(shown, names)
    )
    tip = tips(("activation", "Activation"), ("epoch", "Epoch", "d"), ("middle", "Middle of the seeds", ".1%"))
    return alt.layer(
        base.mark_area(opacity=0.15).encode(y=encodings.share("low", READ), y2=alt.Y2("high")),
        base.mark_line().encode(y=encodings.share("middle", READ), strokeDash=dash(shown, names), tooltip=tip),
        height=height(len(shown)), title=alt.Title("On the way", subtitle="Line: the middle of the seeds. Band: their range."))


def read(run: RankingRun) -> Verdict:
    """Kinds: "ready", "partly", "finished"."""
    if not run.trained:
        return Verdict("ready", "Press **Start**: the same network and digits for each activation, one seed after the other.")
    words = [f"{title(r.activation)} {100 * r.middle:.0f} %" for r in ranking.ranks(run.finals)]
    text = f"The middle of the seeds reads so many of the test images at {run.settings.depth} layers: **{' · '.join(words)}**. "
    if run.status != "finished":
        return Verdict("partly", text + "Not all trainings are done.")
    held = ranking.agreement(run.finals)
    pairs = held.confirmed + held.contradicted + held.undecided
    if pairs and run.settings.seeds > 1:
        text += (
            f"Of the claim's {pairs} pair{'s' * (pairs > 1)}, {held.confirmed} came out as claimed and {held.contradicted} the other way round. "
            f"Undecided, because their seeds overlap: {held.undecided}."
        )
    return Verdict("finished", text)


def draw(run: RankingRun) -> Verdict:
    """What ticks while the networks train."""
    runs.progress_line(run, run.done, run.steps, f"{run.trained} of {run.trainings} trainings, {run.seconds:.0f} s of work")
    if run.trained:
        shown, reached = tuple(title(key) for key, _ in run.settings.members), finals_frame(run.finals)
        order = tuple(dict.fromkeys([*reached["activation"], *shown]))
        left, right = st.columns(2, vertical_alignment="bottom")
        layout.show(left, standings(reached, order), "Test accuracy of each activation after the same budget, one point a seed")
        layout.show(right, on_the_way(learning_frame(run.history), run.settings.epochs, shown), "Test accuracy by epoch for each activation")
    return read(run)


def show(v: Values) -> Shown:
    members = members_of(v.set, SET.default, v)
    settings = RankingSettings(members, v.rank_depth, v.rank_width, v.rank_epochs, v.rank_rate, v.rank_seeds)
    run = runs.current(RUN, settings, lambda: RankingRun(settings))
    s = run.settings
    about = f"Networks of 64 – {s.width} × {s.depth} – 10 units learn the digits with Adam, {s.epochs} epochs and {s.seeds} seed{'s' * (s.seeds > 1)}. "
    runs.buttons(RUN, run, about + "Each activation takes its own initializer.")
    verdict = runs.live(run, draw)

    def details() -> None:
        st.markdown(f"**The textbooks' claim:** {' > '.join(map(title, ranking.CLAIM))}")
        if rows := runs.earlier(RUN):
            st.markdown("**Earlier runs**: the middle of the seeds")
            st.dataframe(pd.DataFrame(rows[::-1]).style.format("{:.0%}", subset=[*{*NAMES} & {*pd.DataFrame(rows)}], na_rep=""), hide_index=True)

    pairs = math.comb(len({*ranking.CLAIM} & {key for key, _ in s.members}), 2)
    formulas = [
        r"\text{A pair } A > B \text{ holds if } \min_{\text{seeds}} A > \max_{\text{seeds}} B",
        rf"\text{{pairs of the claim shown: }} {pairs}"]
    numbers = finals_frame(run.finals)[["activation", "seed", "accuracy"]]
    return Shown(verdict, formulas, script(s), numbers, details, live=run)


def script(s: RankingSettings) -> str:
    return f"""from engine.activations import as_activation
from engine.studies.ranking import ranking

{script_table(s.members)}print("activation,seed,accuracy")
for step in ranking(table, depth={s.depth}, width={s.width}, epochs={s.epochs}, seeds={s.seeds},
                    learning_rate={s.rate!r}):
    if step.last:
        print(f"{{step.activation}},{{step.seed}},{{step.test_accuracy!r}}")
"""


PART = Part(
    "ranking", "The ranking, measured", show,
    question="Is there a best activation?",
    sees="After Start, each point is a trained network, and how many test images it reads correctly. Left: at the end. Right: after each epoch, once through all images.",
    matters="Textbooks rank the activations. But the same activation with other random weights can read more or less, so one training alone is no proof.",
    first="Choose five hidden layers and press Start. Do the points of different activations overlap?",
    controls=CONTROLS, folded=SLOPE_CONTROLS,
    presets=(
        Preset("act_ranking", "The ranking at 20 layers", "Press Start. Is the textbooks' order the one that comes out?"),
        Preset(
            "act_ranking_50", "The ranking at 50 layers",
            "Press Start. Even with five seeds most pairs of the claim stay undecided: their seeds overlap.",
            {"rank_depth": 50, "rank_seeds": 5}),
    ),
    try_next=(
        Try("Five layers: how far apart are the activations there?", {"rank_depth": 5}),
        Try(f"All {len(ACTIVATIONS)} activations, identity among them: what does a network without any bend reach?", {"set": list(ACTIVATIONS)}),
        Try("One seed and twenty epochs: would you publish that order?", {"rank_seeds": 1, "rank_epochs": 20})),
    sources=(ranking.ranking, ranking.agreement), cites=("geron",))
