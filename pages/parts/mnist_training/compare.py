"""Compare: change one thing, and train the variants from the same seeds on the same batches."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import Dataset
from engine.optimizers import OPTIMIZERS
from engine.studies import variants
from engine.studies.variants import Course, Recipe
from engine.verdict import Verdict, number
from pages.parts.mnist_training import looks
from pages.parts.mnist_training.common import RATE, TABLE, VARY_EPOCHS, hidden, say_usual_rate
from pages.parts.mnist_training.looks import dash, hue
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import HALF
from pages.shared.titles import title

IMAGES, NEW = 5000, 2000  # of MNIST: to train on at most, and to be read
WORK = 1e11  # multiplications of all passes forward together: epochs are cut so that they take no more, but not below one
STEP = 5e5  # multiplications that would take as long as what each step costs beside its own: batches of one image are slow
NORMALIZED = {"none": "pixels as they are", "scale": "scaled to 0 … 1", "standardize": "each pixel standardised"}
CHOICES: dict[str, dict[str, dict]] = {  # what is changed -> variants: their names, and what they change
    "initializer": {"Normal, σ = 0.01": {"initializer": "normal", "gain": 0.01}, "1/√n": {"initializer": "lecun_normal", "gain": 1.0},
                    "He": {"initializer": "he_normal", "gain": 1.0}, "Normal, σ = 1": {"initializer": "normal", "gain": 1.0}},
    "activation": {title(key): {"activation": key} for key in ("sigmoid", "tanh", "relu", "elu")},
    "batch_norm": {"without": {"batch_norm": None}, "before φ": {"batch_norm": "before"}, "after φ": {"batch_norm": "after"}},
    "optimizer": {f"{title(key)}, η = {kind.usual_rate:g}": {"optimizer": key, "learning_rate": None} for key, kind in OPTIMIZERS.items() if key in ("sgd", "momentum", "adagrad", "adam")},
    "learning_rate": {f"η × {factor:g}": {"factor": factor} for factor in (0.1, 1, 10, 100)},
    "l1": {f"λ = {rate:g}": {"l1": rate} for rate in (0.0, 1e-4, 1e-3, 1e-2)},
    "l2": {f"λ = {rate:g}": {"l2": rate} for rate in (0.0, 1e-3, 1e-2, 1e-1)},
    "dropout": {f"rate {rate:g}": {"dropout": rate} for rate in (0.0, 0.2, 0.5, 0.7)},
    "normalize": {name: {"normalize": key} for key, name in NORMALIZED.items()},
    "seed": {"these settings": {}},
}
NAMES = {"l1": "L1 penalty", "l2": "L2 penalty", "normalize": "Input scaling", "dropout": "Dropout", "seed": "The seed alone"}
VARY = Menu("mnist_vary", "Change one thing", "initializer", "All variants start together: the same seeds, the same batches.", tuple(CHOICES), show=lambda key: NAMES.get(key, title(key)))
SEEDS = Ladder("mnist_vary_seeds", "Seeds", 3, "Each variant is trained once for each seed. The band is their range.", (1, 3, 5, 10))
SHARED = ("depth", "width", "layers", "activation", "initializer", "gain", "optimizer")


def recipe_of(v: Values) -> Recipe:
    return Recipe(
        hidden(v), v.activation, v.initializer, v.gain, None if v.batch_norm == "none" else v.batch_norm, v.dropout, v.optimizer, v.rate,
        v.l1, v.l2, v.normalize, v.batch, v.vary_epochs, v.input_norm, v.schedule, v.shift, v.decay)


def recipes(v: Values, images: int, inputs: int) -> dict[str, Recipe]:
    """The variants by their names, with as many epochs as there is time for."""
    base, made = recipe_of(v), {}
    widths = (inputs, *base.hidden, 10)
    weights, steps = sum(a * b for a, b in pairwise(widths)), -(-images // min(base.batch_size, images))
    each = (weights * images + STEP * steps) * v.vary_seeds * len(CHOICES[v.vary])
    base = replace(base, epochs=max(1, min(base.epochs, int(WORK / each))))
    for name, change in CHOICES[v.vary].items():
        factor = change.get("factor")
        made[name] = replace(base, learning_rate=base.learning_rate * factor) if factor else replace(base, **change)
    return made


def table(found: Sequence[Sequence[Course] | None], names: Sequence[str]) -> pd.DataFrame:
    """Columns variant, epoch, and of test accuracy (mean, low, high) and training loss (loss, loss_low, loss_high) over the seeds: what is there."""
    parts = []
    for name, group in zip(names, found, strict=True):
        if group:
            share, loss = np.array([one.test_accuracy for one in group]), np.array([one.train_loss for one in group])
            loss = np.where(np.isnan(loss), np.inf, loss)
            parts.append(pd.DataFrame({
                "variant": name, "epoch": np.arange(1, share.shape[1] + 1), "mean": share.mean(axis=0), "low": share.min(axis=0), "high": share.max(axis=0),
                "loss": loss.mean(axis=0), "loss_low": loss.min(axis=0), "loss_high": loss.max(axis=0)}))
    return pd.concat(parts, ignore_index=True)


LOSSES = (1e-3, 30.0)


@drawn
def courses_of(frame: pd.DataFrame, words: pd.DataFrame, off: pd.DataFrame, which: str, names: tuple[str, ...], epochs: int, floor: float) -> alt.LayerChart:
    """Test accuracy ("mean", from a floor on) or training loss ("loss") by epoch: a line, a band and a name at the end for each variant; an arrow for what is off the axis."""
    x = looks.until(alt.X, "epoch", "Epoch", epochs, names, first=1)
    low, high, head = ("low", "high", "On test images") if which == "mean" else ("loss_low", "loss_high", "On training images")

    def y(field: str) -> alt.Y:
        """The whole axis for each layer: a band that names no domain of its own would stretch it down to 0."""
        if which == "mean":
            return encodings.share(field, "Test images read correctly", floor)
        return encodings.number(alt.Y, field, "Loss J (log)", domain=LOSSES, log=True, clamp=True, ticks=(-3, -2, -1, 0, 1))

    base = alt.Chart(frame).encode(x=x, color=hue("variant", names, names, legend=False))
    return alt.layer(
        base.mark_area(opacity=0.18, clip=True).encode(y=y(low), y2=alt.Y2(high)),
        base.mark_line(clip=True).encode(
            y=y(which), strokeDash=dash("variant", names, names, legend=False),
            tooltip=tips(("variant", "Variant"), ("epoch", "Epoch", "d"), ("mean", "Accuracy", ".1%"), ("loss", "Loss", ".3~g"))),
        *encodings.arrows(off, x, y(which)),
        *looks.at_the_end(words, y("at"), names),
        height=HALF, title=alt.Title(head, subtitle="Line: mean of the seeds. Band: their range."))


def read(frame: pd.DataFrame, seeds: int) -> Verdict:
    """Kinds: "apart" (the best variant's worst seed beats every seed of the second), "close", "luck" (a single variant)."""
    last = frame[frame["epoch"] == frame["epoch"].max()].sort_values("mean", ascending=False, kind="stable")
    if len(last) == 1:
        return read_luck(last, seeds)
    best, second, worst = last.iloc[0], last.iloc[1], last.iloc[-1]

    def said(row: pd.Series) -> str:
        over = f" ({100 * row['low']:.1f} to {100 * row['high']:.1f} over {seeds} seeds)" if seeds > 1 else ""
        return f"**{row['variant']}** {100 * row['mean']:.1f} %{over}"

    epochs = int(best["epoch"])
    text = f"Test images read correctly after {epochs} epoch{'s' * (epochs > 1)}: most with {said(best)}; then {said(second)}; fewest with {said(worst)}. {overflowed(last)}"
    if seeds == 1:
        return Verdict("close", text + "One seed alone does not tell whether the order is luck.")
    if best["low"] > second["high"]:
        return Verdict("apart", text + "The first is ahead of the second with every seed.")
    return Verdict("close", text + "The ranges of the first two overlap: with other seeds their order may turn.")


def overflowed(last: pd.DataFrame) -> str:
    """Which variants' loss is no finite number in the end, with some seeds or with every one; empty where there are none."""
    rows = last[np.isinf(last["loss_high"])].itertuples()
    names = ", ".join(f"**{row.variant}**{'' if np.isinf(row.loss_low) else ' (some seeds)'}" for row in rows)
    return f"Numbers overflow with {names}: they become too large for the computer, and from then on no test image counts as read. " if names else ""


def read_luck(last: pd.DataFrame, seeds: int) -> Verdict:
    """Kind "luck": what the seed alone changes."""
    end, over = last.iloc[0], overflowed(last)
    epochs, shares = int(end["epoch"]), [f"{100 * end[name]:.1f} %" for name in ("mean", "low", "high")]
    text = f"Test images read correctly after {epochs} epoch{'s' * (epochs > 1)}: {shares[0]}"
    if seeds == 1:
        return Verdict("luck", f"{text}. {over}One seed alone does not tell what luck makes of it.")
    luck = 100 * (end["high"] - end["low"])
    return Verdict("luck", f"{text} on average, {shares[1]} to {shares[2]} over {seeds} seeds. {over}The seed alone makes {luck:.1f} points: a smaller difference between two single runs may be luck.")


def show(v: Values) -> Shown:
    data: Dataset = layout.dataset(v.data)
    say_usual_rate()
    count = min(v.images, IMAGES, len(data.y_train))
    arrays = data.x_train[:count], data.y_train[:count], data.x_test[:NEW], data.y_test[:NEW]
    made = recipes(v, count, data.x_train.shape[1])
    names, epochs = tuple(made), next(iter(made.values())).epochs
    left, right = (column.empty() for column in st.columns(2, vertical_alignment="bottom"))

    def fill(found: Sequence) -> pd.DataFrame:
        frame = table(found if len(names) > 1 else [[one for part in found if part for one in part]], names)
        floor = encodings.floor_of(frame.loc[frame["epoch"] == epochs, "low"].min())
        shown = frame.assign(**{name: np.clip(frame[name], *LOSSES) for name in ("loss", "loss_low", "loss_high")})
        for column, which, axis, said in ((left, "mean", (floor, 1.0), "Share of test images read correctly"), (right, "loss", LOSSES, "Loss on the training images")):
            write, ends = number if which == "loss" else lambda share, _: f"{100 * share:.0f} %", shown[shown["epoch"] == epochs]
            off = encodings.gone(frame, "epoch", which, axis, which == "loss", write=write)
            words = pd.DataFrame({"name": ends["variant"], "at": looks.apart(ends[which].to_numpy(), *axis, log=which == "loss")})
            spec = encodings.readings(courses_of(shown, words, off, which, names, epochs, floor), frame, "epoch", "variant", which)
            layout.show(column, spec, f"{said} by epoch for {', '.join(names)}")
        return frame

    seeds = tuple(range(v.vary_seeds))
    together = [seeds] if len(names) > 1 else [(seed,) for seed in seeds]  # what one worker trains
    asked = (partial(variants.courses, *arrays, recipe=recipe, seeds=some, pixel_max=data.pixel_max) for recipe in made.values() for some in together)
    frame = fill(workers.measure_all(*asked, long=True, seen=fill))
    if epochs < v.vary_epochs:
        st.caption(f"Such networks are trained for {epochs} epoch{'s' * (epochs > 1)} here: {v.vary_epochs} would keep you waiting.")
    if len(data.y_train) > IMAGES:
        st.caption(f"Trained on the first {count:,} images, and read on the first {len(arrays[2]):,} test images.")
    listed = "".join(f"    {name!r}: {recipe!r},\n" for name, recipe in made.items())
    script = f"""import numpy as np

from engine import load_{data.name.lower()}
from engine.studies.variants import Recipe, courses

data = load_{data.name.lower()}()
arrays = data.x_train[:{count}], data.y_train[:{count}], data.x_test[:{NEW}], data.y_test[:{NEW}]
recipes = {{
{listed}}}
for name, recipe in recipes.items():
    ends = [one.test_accuracy[-1] for one in courses(*arrays, recipe=recipe, seeds={seeds!r}, pixel_max=data.pixel_max)]
    print(f"{{np.mean(ends):.4f}} {{min(ends):.4f}} {{max(ends):.4f}}", name)
"""
    formulas = [rf"\text{{variants: }} {len(names)} \qquad \text{{seeds: }} {v.vary_seeds} \qquad \eta = {layout.tex(v.rate)}"]
    return Shown(read(frame, v.vary_seeds), formulas, script, frame)


NOTES = {"depth": 5, "activation": "sigmoid", "optimizer": "sgd", "rate": 1.0}
PART = Part(
    "compare", "Compare", show,
    question="Does it matter, and by more than luck?",
    sees="One network is trained in variants that differ in one thing. Left: how many test images each reads, epoch by epoch. Right: its loss J. Each is the mean over a few seeds.",
    matters="Another seed changes a result too. A difference counts only where it is larger than what the seed makes of it.",
    first="Say which first weights will read most. Then choose another thing to change.",
    predict=Question(
        "How many test images will the worst of these networks read at the end?",
        ("Fewer than 50 %", "50 to 90 %", "More than 90 %"), (50, 90),
        lambda v, shown: 100 * float(shown.numbers.groupby("variant")["mean"].last().min()),
        "The worst reads {} % of them, on average.", "Only one thing was changed between these trainings; their images are the same."),
    controls=(VARY, VARY_EPOCHS, SEEDS, TABLE["data"], *(TABLE[name] for name in SHARED), RATE, TABLE["batch_norm"]),
    folded={"More": tuple(TABLE[name] for name in ("dropout", "l1", "l2", "decay", "shift", "images", "input_norm", "schedule", "batch", "normalize"))},
    presets=(
        Preset("compare_weights", "Compare: first weights", "Five layers of ReLU under SGD: σ = 0.01 stays near guessing, 1/√n and He learn, and σ = 1 overflows.", {"depth": 5, "optimizer": "sgd", "rate": 0.03}),
        Preset("compare_optimizers", "Compare: optimizers", "Each at its usual rate: the ranges of the two that read most overlap.", {"vary": "optimizer"}),
        Preset("compare_sigmoid", "Compare: batch norm for sigmoids", "Five layers of sigmoids under SGD: without batch norm they stay near guessing.", {**NOTES, "initializer": "lecun_normal", "vary": "batch_norm"}),
    ),
    try_next=(
        Try("Optimizers, each at its usual rate: which one is ahead after one epoch, and after ten?", preset="compare_optimizers"),
        Try("Five layers of sigmoids with batch norm and without.", preset="compare_sigmoid"),
        Try("300 training images: is dropout worth anything, over five seeds?", {"vary": "dropout", "images": 300, "vary_seeds": 5}),
        Try("The same settings with ten seeds: how much is luck?", {"vary": "seed", "vary_seeds": 10}),
        Try("Raw pixels against scaled ones, under SGD.", {"vary": "normalize", "optimizer": "sgd", "rate": 0.1})),
    sources=(variants.course, Recipe), cites=("notes", "dlfs"),
)
