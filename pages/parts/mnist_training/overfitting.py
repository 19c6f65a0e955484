"""Overfitting: a network learns a few images by heart; what each cure is worth, in points of new images read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.datasets import Dataset
from engine.studies import overfitting
from engine.studies.overfitting import HELD, Learned
from engine.studies.variants import Recipe
from engine.verdict import Verdict
from pages.parts.mnist_training import thinned
from pages.parts.mnist_training.common import RATE, TABLE, hidden
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import HALF, colour, tint

NEW, MORE, WORK = 2000, 3, 6e10  # test images read at most; times as many images; multiplications of all passes forward together
PLAIN = "none"
CURES = {
    PLAIN: "No cure", "l2": "L2 penalty", "l1": "L1 penalty", "dropout": "Dropout", "batch_norm": "Batch norm", "stop": "Early stopping",
    "shift1": "Shifts of 1 pixel", "shift2": "Shifts of 2 pixels", "more": f"{MORE} times the images"}
IMAGES = Ladder("mnist_few", "Training images", 100, "The fewer they are, the sooner the network knows them by heart.", (20, 50, 100, 200, 300, 500, 1000))
EPOCHS = Ladder("mnist_few_epochs", "Epochs", 50, "Passes over these few images.", (10, 20, 50, 100, 200))
SEEDS = Ladder("mnist_few_seeds", "Seeds", 3, "Each training is repeated so often, with other first weights and another order of the images.", (1, 3, 5))
CURE = Menu("mnist_cure", "Cure drawn on the left", "more", "Beside the network without a cure.", tuple(CURES)[1:], show=CURES.get)
L2 = Ladder("mnist_cure_l2", "Strength of L2, λ", 1e-2, "The loss gets λ/2 Σw².", (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1))
L1 = Ladder("mnist_cure_l1", "Strength of L1, λ", 1e-3, "The loss gets λ Σ|w|.", (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2))
DROPOUT = Ladder("mnist_cure_dropout", "Dropout rate", 0.3, "Share of hidden units silenced at random in each step.", (0.1, 0.2, 0.3, 0.5, 0.7))
EXAMPLE = Whole("mnist_masked", "Image of the batch", 1, "Dropout silences other units for each image: the picture below shows them.", (1, 16))


def recipe_of(v: Values, inputs: int) -> Recipe:
    """The network without a cure; epochs are cut where all trainings would take too long."""
    widths = hidden(v)
    each = sum(a * b for a, b in pairwise((inputs, *widths, 10))) * v.few * v.few_seeds * (len(CURES) + MORE - 1)
    return Recipe(widths, v.activation, optimizer=v.optimizer, learning_rate=v.rate, epochs=max(1, min(v.few_epochs, int(WORK / each))))


def changes(v: Values) -> dict[str, tuple[dict, dict]]:
    """By cure: what it changes of the recipe, and the arguments of `overfitting.learned`."""
    return {
        PLAIN: ({}, {}), "l2": ({"l2": v.cure_l2}, {}), "l1": ({"l1": v.cure_l1}, {}), "dropout": ({"dropout": v.cure_dropout}, {}),
        "batch_norm": ({"batch_norm": "before"}, {}), "stop": ({}, {"stop": True}), "shift1": ({}, {"shift": 1}), "shift2": ({}, {"shift": 2}), "more": ({}, {})}


def courses(found: Mapping[str, Sequence[Learned]], shown: Sequence[str]) -> pd.DataFrame:
    """Columns cure, series ("train" or "test"), epoch, mean, low, high over the seeds."""
    parts = []
    for cure in shown:
        for series in ("train", "test"):
            values = np.array([getattr(one, series) for one in found[cure]])
            parts.append(pd.DataFrame({"cure": CURES[cure], "series": series, "epoch": found[cure][0].epochs, "mean": values.mean(axis=0),
                                       "low": values.min(axis=0), "high": values.max(axis=0)}))
    return pd.concat(parts, ignore_index=True)


def table(found: Mapping[str, Sequence[Learned]]) -> pd.DataFrame:
    """A row a cure: cure, train and test (mean accuracy in the end), points (worth, mean over the seeds), spread, low, high, least and most (of the seeds)."""
    rows = []
    for cure, group in found.items():
        mean, spread, gains = overfitting.worth(group, found[PLAIN])
        rows.append((CURES[cure], np.mean([one.train[-1] for one in group]), np.mean([one.test[-1] for one in group]), mean, spread,
                     mean - spread, mean + spread, gains.min(), gains.max()))
    return pd.DataFrame(rows, columns=["cure", "train", "test", "points", "spread", "low", "high", "least", "most"])


@drawn
def parted(frame: pd.DataFrame, cure: str, epochs: int) -> alt.LayerChart:
    """Accuracy by epoch on the training images (blue) and on new ones (dark): without a cure dashed, with one in full."""
    meaning = {"train": "signal", "test": "yardstick"}
    x = encodings.number(alt.X, "epoch", "Epoch", domain=(1, max(2, epochs)), axis=alt.Axis(tickMinStep=1, format="d"))
    dashes = alt.StrokeDash("cure", type="nominal", scale=alt.Scale(domain=[CURES[PLAIN], cure], range=[[5, 3], [1, 0]]), legend=None)
    base = alt.Chart(frame).encode(x=x, color=colour("series", meaning))
    return alt.layer(
        base.mark_area(opacity=0.12, clip=True).encode(y=alt.Y("low", type="quantitative"), y2=alt.Y2("high"), detail=alt.Detail("cure", type="nominal")),
        base.mark_line(clip=True).encode(
            y=encodings.share("mean", "Images read correctly"), strokeDash=dashes,
            tooltip=tips(("cure", "Cure"), ("series", "Images"), ("epoch", "Epoch", "d"), ("mean", "Read correctly", ".1%"))),
        height=HALF, title=alt.Title("Training images and new ones", subtitle=[
            f"Dashed: no cure. Full: {cure}.", "The gap between the two colours is overfitting. Band: the range of the seeds."]))


@drawn
def worths(frame: pd.DataFrame, order: tuple[str, ...], span: int) -> alt.LayerChart:
    """What each cure is worth: a dot with its spread over the seeds, blue on the right of 0, orange on the left."""
    base = alt.Chart(frame).encode(y=alt.Y("cure", type="nominal", sort=list(order), title=None, axis=alt.Axis(labelLimit=170, minExtent=140, labelFlush=False)))
    ticks = sorted({sign * size for sign in (-1, 1) for size in ((0, 10, 100) if span > 10 else (0, 1, 5)) if size <= span})
    x = alt.X("points", type="quantitative", title="Points gained", scale=alt.Scale(type="symlog", domain=[-span, span], nice=False), axis=alt.Axis(values=ticks, tickCount=len(ticks), labelFlush=False))
    tip = tips(("cure", "Cure"), ("points", "Points", "+.1f"), ("spread", "Spread", ".1f"), ("train", "Training images", ".1%"), ("test", "New images", ".1%"))
    sides = (("datum.points >= 0", "signal"), ("datum.points < 0", "gradient"))
    marks = [layer for test, meaning in sides for side in [base.transform_filter(test)] for layer in (
        side.mark_rule(strokeWidth=3, opacity=0.6, clip=True).encode(x=alt.X("low", type="quantitative"), x2=alt.X2("high"), color=tint(meaning)),
        side.mark_point(size=110, opacity=1, clip=True).encode(x=x, color=tint(meaning), tooltip=tip))]
    return alt.layer(encodings.rule(x=0.0), *marks, height=HALF, title=alt.Title("What each cure is worth", subtitle="Dot: mean of the seeds. Bar: their spread. Blue: it reads more. Orange: it reads fewer."))


def overflowed(found: Mapping[str, Sequence[Learned]]) -> str:
    """Which trainings read nothing in the end, not even one image: their numbers overflowed, see `Learned`, with some seeds or with each; empty where none did."""
    ends = {CURES[cure]: [one.train[-1] == one.test[-1] == 0 for one in group] for cure, group in found.items()}
    names = ", ".join(f"**{name}**{'' if all(over) else ' (some seeds)'}" for name, over in ends.items() if any(over))
    return f"Numbers overflow in the training of {names}: they become too large for the computer, and from then on no image counts as read. " if names else ""


def read(rows: pd.DataFrame, seeds: int, over: str = "") -> Verdict:
    """Kinds: "overflow" (without a cure, with every seed), "little" (there is hardly a gap), "cured" (some cure gains with every seed), "hardly" (none does)."""
    plain, cures = rows.iloc[0], rows.iloc[1:].sort_values("points", ascending=False, kind="stable")
    gap = 100 * (plain["train"] - plain["test"])

    def said(row: pd.Series) -> str:
        sign = f"{round(row['points'], 1) + 0.0:+.1f}".replace("-", "−")
        return f"**{row['cure']}** {sign}" + (f"\u00a0±\u00a0{row['spread']:.1f}" if seeds > 1 else "")

    text = f"Without a cure the network reads {100 * plain['train']:.1f} % of its training images and {100 * plain['test']:.1f} % of new ones. {over}"
    text += f"Worth most, in points of new images: {said(cures.iloc[0])}, then {said(cures.iloc[1])}; least: {said(cures.iloc[-1])}. "
    better = [row["cure"] for _, row in cures.iterrows() if row["least"] > 0]
    if seeds > 1:
        text += f"Better with every seed: {', '.join(better)}. " if better else "No cure is better with every seed. "
    else:
        text += "One seed alone does not tell what is luck. "
    if plain["train"] == plain["test"] == 0:
        return Verdict("overflow", text.strip())
    if gap < 100 * words.OVERFITS:
        return Verdict("little", text + "There is hardly a gap to close.")
    return Verdict("cured" if better else "hardly", text.strip())


def show(v: Values) -> Shown:
    data: Dataset = layout.dataset(v.data)
    base, seeds = recipe_of(v, data.x_train.shape[1]), tuple(range(v.few_seeds))
    counts = {cure: min(v.few * (MORE if cure == "more" else 1), len(data.y_train)) for cure in CURES}
    made = {cure: (replace(base, **change), given) for cure, (change, given) in changes(v).items()}
    left, right = (column.empty() for column in st.columns(2, vertical_alignment="bottom"))

    def fill(answers: Sequence) -> tuple[pd.DataFrame, str]:
        found = {cure: one for cure, one in zip(made, answers, strict=True) if one}
        if PLAIN not in found:
            return pd.DataFrame(), ""
        shown = [cure for cure in (PLAIN, v.cure) if cure in found]
        layout.show(left, parted(courses(found, shown), CURES[v.cure], base.epochs), f"Accuracy on training and new images without a cure and with: {CURES[v.cure]}")
        rows = table(found)
        span = next(s for s in (5, 10, 20, 50, 100) if s >= max(rows["high"].abs().max(), rows["low"].abs().max()) or s == 100)
        layout.show(right, worths(rows.iloc[1:], tuple(CURES.values())[1:], span), "What each cure is worth in points of new images read, with its spread over the seeds")
        return rows, overflowed(found)

    asked = [partial(overfitting.learned, data.x_train[:counts[cure]], data.y_train[:counts[cure]], data.x_test[:NEW], data.y_test[:NEW],
                     recipe=recipe, seeds=seeds, pixel_max=data.pixel_max, **given) for cure, (recipe, given) in made.items()]
    rows, over = fill(workers.measure_all(*asked, long=True, seen=fill))
    if base.epochs < v.few_epochs:
        st.caption(f"Such networks are trained for {base.epochs} epoch{'s' * (base.epochs > 1)} here: {v.few_epochs} would keep you waiting.")
    st.caption(f"The network learns {counts[PLAIN]:,} images, and is tested on {min(NEW, len(data.y_test)):,} new ones. Early stopping keeps back {100 * HELD:.0f} % of its training images to decide when to stop.")

    if counts["more"] < MORE * v.few:
        st.caption(f"There are not {MORE} times as many training images: “{CURES['more']}” means all {counts['more']:,} of them here.")

    def details() -> None:
        if base.hidden:
            masks = overfitting.thinned(replace(base, dropout=v.cure_dropout, hidden=base.hidden), data.first(counts[PLAIN]), 0)
            example = min(v.masked, len(masks[0]))
            kept = [mask[example - 1] for mask in masks]
            layout.show(st, thinned.network(*thinned.tables(kept), len(kept)), f"The network as dropout thins it for image {example} of the first batch")
            told = [f"{np.count_nonzero(one)} of {len(one)}" for one in kept]
            told = told if len(told) < 9 else [*told[:6], "…", told[-1]]
            st.caption(f"In the first step dropout keeps for this image, layer by layer: {', '.join(told)} units.")

    lines = "".join(f"    {cure!r}: ({counts[cure]}, {recipe!r}, {given!r}),\n" for cure, (recipe, given) in made.items())
    script = f"""import numpy as np

from engine import load_{data.name.lower()}
from engine.studies.overfitting import learned, worth
from engine.studies.variants import Recipe

data = load_{data.name.lower()}()
cures = {{
{lines}}}
found = {{}}
for name, (count, recipe, given) in cures.items():
    arrays = data.x_train[:count], data.y_train[:count], data.x_test[:{NEW}], data.y_test[:{NEW}]
    found[name] = learned(*arrays, recipe=recipe, seeds={seeds!r}, pixel_max=data.pixel_max, **given)
    train, test = (np.mean([getattr(one, which)[-1] for one in found[name]]) for which in ("train", "test"))
    points, spread, _ = worth(found[name], found[{PLAIN!r}])
    print(f"{{train:.4f}} {{test:.4f}} {{points:.4g}} {{spread:.4g}}", name)
"""
    formulas = [rf"J = -\frac{{1}}{{m}} \sum \ln p + {layout.tex(v.cure_l1)} \sum |w| \qquad J = -\frac{{1}}{{m}} \sum \ln p + \frac{{{layout.tex(v.cure_l2)}}}{{2}} \sum w^2",
                rf"\text{{dropout in training: }} \frac{{y}}{{1 - {v.cure_dropout:g}}} \text{{ or }} 0"]
    return Shown(read(rows, v.few_seeds, over), formulas, script, rows, details)


PART = Part(
    "overfitting", "Overfitting", show,
    question="What helps a network that learns its few images by heart?",
    sees="Left: the share of its training images, and of new ones, that a network reads, without a cure and with one. Right: how many points each cure is worth.",
    matters="Cures are often named in one breath. On the same few images they are worth very different amounts, and some do harm.",
    first="Say which cure is worth most. Then choose MNIST, or ten times the images, and say it again.",
    predict=Question(
        "Without a cure, how many points lie between the training images and new ones?",
        ("Fewer than 5", "5 to 20", "More than 20"), (5, 20),
        lambda v, shown: 100 * float(shown.numbers["train"].iloc[0] - shown.numbers["test"].iloc[0]),
        "There are {} points between them.", "The network is fitted to its training images only; new ones show what it has learned beyond them."),
    controls=(IMAGES, EPOCHS, SEEDS, CURE, TABLE["data"], *(TABLE[name] for name in ("depth", "width", "layers", "activation", "optimizer")), RATE),
    folded={"Strength of the cures": (L2, L1, DROPOUT, EXAMPLE)},
    presets=(
        Preset("few_start", "Few images: which cure helps?", "Three times the images is worth most. Shifts do harm: these digits fill their 8 rows, and lose a stroke."),
        Preset("few_twenty", "Twenty images", "The network knows all twenty by heart, and reads fewer than half of the new ones.", {"few": 20}),
        Preset("few_thousand", "A thousand images", "The gap closes: more than 95 % of new images are read without any cure.", {"few": 1000, "few_epochs": 20}),
        Preset("few_mnist", "Few images of MNIST", "On MNIST a shift by one pixel is worth points: its digits have room to move.", {"data": "mnist", "few": 300, "cure": "shift1"}),
    ),
    try_next=(
        Try("Twenty images: what is left of each cure?", preset="few_twenty"),
        Try("300 images of MNIST: are shifts still harmful?", preset="few_mnist"),
        Try("Dropout at 0.7, for a hundred epochs.", {"cure": "dropout", "cure_dropout": 0.7, "few_epochs": 100}),
        Try("An L2 penalty with λ = 0.1: too strong?", {"cure": "l2", "cure_l2": 0.1}),
        Try("Watch one of them while it learns: press Start.", {"part": "training", "images": 100})),
    sources=(overfitting.learn, overfitting.worth), cites=("notes", "srivastava", "dlfs"),
)
