"""Published: the book's comparisons and the notes' claims, trained again on real MNIST, beside what was printed."""

from collections.abc import Mapping, Sequence
from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import DatasetError
from engine.studies import published
from engine.studies.published import AROUND, EXPERIMENTS, POINTS, Experiment, Trained, on_mnist, reproduced
from engine.verdict import Verdict, number
from pages.parts.mnist_training import looks
from pages.parts.mnist_training.looks import dash, hue
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import HALF

BOOK = Menu("mnist_book", "Comparison", "overfit", "Each trains its variants from the same seeds on the same batches.", tuple(EXPERIMENTS), show=lambda key: EXPERIMENTS[key].title)
SEEDS = Ladder("mnist_book_seeds", "Seeds", 3, "Each variant is trained once for each seed. The band is their range.", (1, 3))
NOTHING = pd.DataFrame({"variant": pd.Series(dtype=str), **{name: pd.Series(dtype=float) for name in ("step", "mean", "low", "high")}})
LOSSES = (1e-3, 100.0)  # of batches, with their penalty
MEASURES = {"loss": "loss at step {}", "train": "training images read", "test": "test images read"}
SAID = {
    "overfit": "The book's dropout does not enlarge the units that are left in training. Today's dropout does.",
    "sigmoid_sgd": "The notes call 1/√n stable and σ = 1 the start whose gradients vanish.",
    "sigmoid_adam": "The notes' claim says nothing of Adam.",
    "inputs": "The notes say that scaled inputs train faster, and print no number.",
}
Found = Mapping[str, Sequence[Trained]]


def courses(found: Found) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables, columns variant, step, and mean, low, high over the seeds: of the batches' loss, and of the share of test images read."""
    def over_seeds(name: str, steps: np.ndarray, values: np.ndarray) -> pd.DataFrame:
        return pd.DataFrame({"variant": name, "step": steps, "mean": values.mean(axis=0), "low": values.min(axis=0), "high": values.max(axis=0)})

    losses = [over_seeds(name, group[0].steps, np.clip(np.nan_to_num([one.loss for one in group], nan=np.inf), *LOSSES)) for name, group in found.items()]
    shares = [over_seeds(name, group[0].read_at, np.array([one.test for one in group])) for name, group in found.items()]
    return pd.concat(losses, ignore_index=True), pd.concat(shares, ignore_index=True)


def held(experiment: Experiment, found: Found) -> pd.DataFrame:
    """A row for each published number whose variant is there: what was measured, and whether it is near."""
    rows = []
    for target in experiment.targets:
        if target.variant in found:
            values, lows, highs = zip(*(one.value(target) for one in found[target.variant]), strict=True)
            says = "reproduced" if reproduced(target, found[target.variant]) else "differs"
            rows.append((target.variant, says, MEASURES[target.measure].format(f"{target.step:,}"), target.value, np.mean(values), min(lows), max(highs)))
    return pd.DataFrame(rows, columns=["Variant", "Says", "Measure", "Published", "Measured", "From", "To"])


def printed(experiment: Experiment, measure: str) -> pd.DataFrame:
    """Columns variant, at, step: the published numbers of a picture; step 0 is the end."""
    rows = [(target.variant, target.value, target.step) for target in experiment.targets if target.measure == measure]
    return pd.DataFrame(rows, columns=["variant", "at", "step"])


@drawn
def picture(frame: pd.DataFrame, words: pd.DataFrame, targets: pd.DataFrame, which: str, names: tuple[str, ...], steps: int) -> alt.LayerChart:
    """Loss or accuracy by step: a line and a band for each variant, its name at its end, and dashed lines at what was published."""
    x = looks.until(alt.X, "step", "Step", steps, names)

    def y(field: str) -> alt.Y:
        if which == "test":
            return encodings.share(field, "Test images read correctly")
        return encodings.number(alt.Y, field, "Loss J of the batches (log)", domain=LOSSES, log=True, clamp=True, ticks=(-3, -2, -1, 0, 1, 2))

    base = alt.Chart(frame).encode(x=x, color=hue("variant", names, names, legend=False))
    goal = alt.Chart(targets).encode(y=y("at"), color=hue("variant", names, names, legend=False), tooltip=tips(("variant", "Published for"), ("at", "Value", ".3~g")))
    drawn_ones = [
        base.mark_area(opacity=0.18, clip=True).encode(y=y("low"), y2=alt.Y2("high")),
        goal.mark_rule(strokeDash=[2, 4], strokeWidth=1.5),
        base.mark_line(clip=True).encode(
            y=y("mean"), strokeDash=dash("variant", names, names, legend=False), tooltip=tips(("variant", "Variant"), ("step", "Step", ",d"), ("mean", "Mean", ".3~g"))),
    ]
    if which == "loss":
        drawn_ones.append(goal.mark_point(shape="diamond", filled=True, size=90, opacity=1).encode(x=x))
    head = "On test images" if which == "test" else "While training"
    subtitle = "Line: mean of the seeds. Dotted: published" + ("." if which == "test" else ", at the diamond's step.")
    return alt.layer(*drawn_ones, *looks.at_the_end(words, y("at"), names), height=HALF, title=alt.Title(head, subtitle=subtitle))


def read(key: str, rows: pd.DataFrame, found: Found, seeds: int) -> Verdict:
    """Kinds: "unread" (nothing was trained), "reproduced" (all published numbers), "differs", "measured" (none was published)."""
    if not found:
        return Verdict("unread", "These numbers were published for MNIST, which is not on this server: nothing was trained. The part Training offers to download it.")
    said, several = SAID.get(key, ""), f"the mean of {seeds} seeds" if seeds > 1 else "one seed"
    if rows.empty:
        over = {name for name, group in found.items() if np.isnan([one.loss[-1] for one in group]).any()}
        ends = ", ".join(f"**{name}** {100 * np.mean([one.test[-1] for one in group]):.1f} %{', as its numbers overflow' * (name in over)}" for name, group in found.items())
        return Verdict("measured", f"{said} Test images read in the end: {ends} ({several}).".strip())
    off = rows[rows["Says"] == "differs"]
    text = f"{len(rows) - len(off)} of {len(rows)} published numbers are **reproduced** by {several}. "
    if off.empty:
        return Verdict("reproduced", (text + said).strip())
    which = "; ".join(f"{row.Variant}, {row.Measure}: {number(row.Published, 3)} published, {number(row.Measured, 3)} here" for row in off.itertuples())
    return Verdict("differs", f"{text}These **differ**: {which}. {said}".strip())


def show(v: Values) -> Shown:
    experiment, names, steps = EXPERIMENTS[v.book], tuple(EXPERIMENTS[v.book].variants), max(one.steps for one in EXPERIMENTS[v.book].variants.values())
    there, seeds = not layout.missing("mnist"), range(v.book_seeds)
    left, right = (column.empty() for column in st.columns(2, vertical_alignment="bottom"))
    asked = [(name, seed) for seed in seeds for name in names]

    def fill(answers: Sequence[Trained | None]) -> tuple[Found, pd.DataFrame]:
        groups: dict[str, list[Trained]] = {}
        for (name, _), one in zip(asked, answers, strict=True):
            if one:
                groups.setdefault(name, []).append(one)
        for column, which, frame in zip((left, right), ("loss", "test"), courses(groups) if groups else (NOTHING, NOTHING), strict=True):
            targets, log = printed(experiment, which), which == "loss"
            ends = frame.groupby("variant", sort=False).tail(1) if groups else targets.assign(mean=targets["at"])
            words = pd.DataFrame({"name": ends["variant"], "at": looks.apart(ends["mean"].to_numpy(float), *(LOSSES if log else (0, 1)), log=log)})
            heard = f"{'Loss' if log else 'Share of test images read'} by step for {', '.join(names)}, and what was published"
            if len(words):
                layout.show(column, picture(frame, words, targets, which, names, steps), heard)
        return groups, held(experiment, groups)

    try:
        answers = workers.measure_all(*(partial(on_mnist, v.book, name, seed) for name, seed in asked), seen=fill) if there else [None] * len(asked)
    except DatasetError:  # files that are not MNIST's
        answers = [None] * len(asked)
    found, rows = fill(answers)

    def details() -> None:
        if not rows.empty:
            st.dataframe(rows, hide_index=True, column_config=dict.fromkeys(rows.columns[3:], st.column_config.NumberColumn(format="%.4f")), key="mnist_book_table")
            st.caption(
                f"Reproduced: published between “From” and “To”. For an accuracy that is the seeds' range and {100 * POINTS:.0f} points on either side. "
                f"The printed losses are those of one batch: for them it is the range of the {2 * AROUND} batches around that step.")

    script = f"""import numpy as np

from engine.studies.published import EXPERIMENTS, on_mnist

for variant in EXPERIMENTS[{v.book!r}].variants:
    ends = [on_mnist({v.book!r}, variant, seed) for seed in range({v.book_seeds})]
    print(f"train {{np.mean([one.train[-1] for one in ends]):.4f}}  test {{np.mean([one.test[-1] for one in ends]):.4f}}", variant)
"""
    formulas = [rf"\text{{variants: }} {len(names)} \qquad \text{{steps: }} {steps:,} \qquad \text{{seeds: }} {v.book_seeds}".replace(",", r"\,")]
    numbers = pd.DataFrame([(name, seed, one.train[-1], one.test[-1]) for name, group in found.items() for seed, one in enumerate(group)],
                           columns=["variant", "seed", "train_accuracy", "test_accuracy"])
    if not found:
        numbers = pd.DataFrame([(target.variant, target.measure, target.value) for target in experiment.targets], columns=["variant", "measure", "published"])
        script = f"""from engine.studies.published import EXPERIMENTS

for target in EXPERIMENTS[{v.book!r}].targets:
    print(target.value, target.measure, target.variant)
"""
    return Shown(read(v.book, rows, found, v.book_seeds), formulas, script, numbers, details)


LOOK_FOR = {
    "weights": "The dotted lines are the book's losses at step 1,000. σ = 0.01 stays at guessing's loss.",
    "optimizers": "The dotted lines are the book's losses at step 1,000. SGD's is the highest.",
    "chapter5": "The book prints 97.8 % and 96.9 % for ReLU. Sigmoid reads fewer.",
    "overfit": "With the book's dropout the network learns slower: it does not enlarge the units that are left, so the signal shrinks.",
    "sigmoid_sgd": "Under SGD, 1/√n gives every image the same answer and reads 9 to 11 % of them; the other three learn.",
    "sigmoid_adam": "Under Adam, 1/√n learns as well.",
    "inputs": "Raw pixels overflow at this rate. Standardised ones, and batch norm in front, reach the lowest losses.",
}
PART = Part(
    "published", "Published", show,
    question="Do the results in books come out again?",
    sees="Trainings that were published, repeated on MNIST with the same settings. Dotted lines are the printed numbers.",
    matters="A printed curve comes from one seed, and another seed draws another one. Only what comes out again can be relied on.",
    first="Choose a comparison. Which variant will end at the lowest loss J?",
    controls=(BOOK, SEEDS),
    presets=tuple(Preset(f"book_{key}", f"Published: {title}", LOOK_FOR[key], {"book": key})
                  for key, title in {
                      "weights": "first weights", "optimizers": "optimizers", "chapter5": "chapter 5", "overfit": "overfitting and its cures",
                      "sigmoid_sgd": "sigmoids under SGD", "sigmoid_adam": "sigmoids under Adam", "inputs": "input scaling"}.items()),
    try_next=(
        Try("One seed alone: do the same published numbers come out?", {"book_seeds": 1}),
        Try("Sigmoids under SGD: is the start that the notes call stable the one that learns?", preset="book_sigmoid_sgd"),
        Try("The same sigmoids under Adam.", preset="book_sigmoid_adam"),
        Try("Pixels raw, scaled and standardised.", preset="book_inputs")),
    sources=(published.trained, published.reproduced), cites=("notes", "dlfs"),
)
