"""Your own digit: drawn or handed in, read by the network of this visit."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import words
from engine.datasets import Dataset, load_digits
from engine.network import Network
from engine.studies import own_digit
from engine.studies.own_digit import Reading
from engine.verdict import Verdict
from pages.parts.mnist_training import drawing, keeping
from pages.parts.mnist_training.pictures import digit_picture
from pages.parts.mnist_training.program import script
from pages.parts.mnist_training.run import TrainingRun
from pages.shared import encodings, layout, workers
from pages.shared.control import Typed, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.theme import tint

RUN, CANVAS, UNITS = "mnist_run", "mnist_canvas", 100
EXAMPLE = Typed("mnist_example", "Test image", 0, "Read as long as nothing is drawn. Beyond the last one, the count starts again.", (0, 9999))
RIGHT = Whole("mnist_shift_right", "Shift right, pixels", 0, "After the digit was centred; what leaves the image is lost.", (-8, 8))
DOWN = Whole("mnist_shift_down", "Shift down, pixels", 0, "After the digit was centred; what leaves the image is lost.", (-8, 8))
NEAREST = Whole("mnist_nearest", "Nearest training images", 8, "Those that differ least, pixel by pixel, among the first 10,000.", (1, 16))


@dataclass(frozen=True)
class Reader:
    """A trained network, and what it was trained on. `run` is None for the small one."""

    network: Network
    data: Dataset
    normalize: str
    run: TrainingRun | None = None
    opened: bool = False

    @property
    def unshifted(self) -> bool:
        """Whether its training images are known to have stood where they were."""
        return not (self.opened or (self.run and self.run.settings.shift))


def reader() -> Reader:
    """A kept network that was opened; else the run of this visit, once it has made a step; else a small network, trained once for everybody."""
    if found := keeping.opened():
        return Reader(found[0], keeping.data_of(found[1]), found[1].normalize, opened=True)
    run = st.session_state.get(RUN)
    if isinstance(run, TrainingRun) and run.latest and run.network is not None:
        return Reader(run.network, run.data, run.settings.normalize, run)
    return Reader(own_digit.small_network(workers.measure(own_digit.trained_small)), load_digits(), "scale")


def named(digit: int, bold: str = "") -> str:
    return f"{'an' if digit == 8 else 'a'} {bold}{digit}{bold}"


def taken(data: Dataset, v: Values) -> tuple[np.ndarray, np.ndarray, str]:
    """The image that is read, as a dataset's (features,), the same before it was shifted, and where it comes from: the canvas, or the test images."""
    left, right = st.columns(2)
    with left:
        ink = drawing.drawn_ink(drawing.canvas(CANVAS))
    index = v.example % len(data.y_test)
    image = data.x_test[index] if ink is None else own_digit.as_in(data, ink)
    where = f"Test image {index}, {named(data.y_test[index])}" if ink is None else "Your digit"
    moved = own_digit.shifted(image, data, v.shift_right, v.shift_down)
    said = f"{where}, as the network gets it"
    right.image(digit_picture(moved, data.image_shape, data.pixel_max, 240), caption=said, width=240, alt=said)
    return moved, image, where


@drawn
def certainty(frame: pd.DataFrame) -> alt.LayerChart:
    """Probability of each digit as bars."""
    base = alt.Chart(frame).encode(
        x=alt.X("digit", type="ordinal", title="Digit", axis=alt.Axis(labelAngle=0)), y=encodings.share("probability", "Probability p"),
        tooltip=tips(("digit", "Digit"), ("probability", "Probability", ".2%")))
    said = base.transform_filter("datum.probability >= 0.005").mark_text(dy=-7).encode(text=alt.Text("probability", type="quantitative", format=".0%"))
    return alt.layer(base.mark_bar().encode(color=tint("signal")), said, height=330, title="What the network says")


def units(found: Reading) -> pd.DataFrame:
    """Columns layer, unit, low, high (where it is drawn), y, share (of the layer's largest |y|), fired: up to UNITS units of each hidden layer."""
    parts = []
    for i, (z, y) in enumerate(zip(found.z, found.y, strict=True), start=1):
        z, y = z[:UNITS], y[:UNITS]
        share = np.abs(y) / max(np.abs(y).max(), 1e-30)
        parts.append(pd.DataFrame({"layer": i, "unit": np.arange(1, len(y) + 1), "low": np.arange(len(y)) + 0.5, "high": np.arange(len(y)) + 1.5, "y": y, "share": share, "fired": z > 0}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["layer", "unit", "low", "high", "y", "share", "fired"])


@drawn
def fired(frame: pd.DataFrame, depth: int) -> alt.LayerChart:
    """A row for each hidden layer, a square for each unit: blue where z > 0, orange where it is not; the stronger, the larger its output in its layer."""
    base = alt.Chart(frame).encode(
        x=encodings.number(alt.X, "low", "Unit", domain=(0.5, UNITS + 0.5), axis=alt.Axis(grid=False)), x2=alt.X2("high"), y=alt.Y("layer", type="ordinal", title="Layer l"),
        opacity=alt.Opacity("share", type="quantitative", scale=alt.Scale(domain=[0, 1], range=[0.08, 1]), legend=None),
        tooltip=tips(("layer", "Layer"), ("unit", "Unit"), ("y", "Output y", ".3g")))
    sides = (("datum.fired", "signal"), ("!datum.fired", "gradient"))
    squares = [base.transform_filter(test).mark_rect().encode(color=tint(meaning)) for test, meaning in sides]
    return alt.layer(*squares, height=130 + 18 * depth, title=alt.Title("Units that fired, layer by layer", subtitle=f"Blue: the unit fired, z > 0. Orange: it did not. Stronger colour: a larger output in its layer. The first {UNITS} units are shown."))


def read(found: Reading, unmoved: Reading, near: Sequence[int], where: str, shift: tuple[int, int], unshifted: bool = True) -> Verdict:
    """Kinds: "sure", "unsure" (no digit gets `words.SURE`), "moved" (the shift alone changes the answer)."""
    order = np.argsort(-found.probabilities)
    first, second = (f"{100 * found.probabilities[i]:.1f} %" for i in order[:2])
    sure = found.probabilities[order[0]] >= words.SURE
    text = f"{where}: read as {named(order[0], '**')} with {first}, then as {named(order[1])} with {second}. " + ("" if sure else "No digit gets half of the probability. ")
    text += f"Nearest training images that show {named(found.answer)}: {near.count(found.answer)} of {len(near)}. "
    if found.fired:
        text += "Units that fired: " + ", ".join(f"{count} of {len(z)}" for count, z in zip(found.fired, found.z, strict=True)) + ". "
    if any(shift) and unmoved.answer != found.answer:
        return Verdict("moved", text + f"Without the shift it would be {named(unmoved.answer, '**')}{': this network was trained on images that were not shifted' * unshifted}.", {"shift_right": 0, "shift_down": 0})
    return Verdict("sure" if sure else "unsure", text.strip())


def script_of(by: Reader, image: np.ndarray) -> str:
    """It trains the same network again, and reads the same pixels."""
    pixels = f"""image = np.frombuffer(bytes.fromhex("{image.tobytes().hex()}"), np.uint8)
found = read(network, data, image, {by.normalize!r})
for digit, p in enumerate(found.probabilities):
    print(digit, f"{{p:.4g}}")
print(found.fired)
"""
    if by.opened:
        return f"""from pathlib import Path

import numpy as np

from engine import load_{by.data.name.lower()}
from engine.studies.kept import unpack
from engine.studies.own_digit import read

network, about = unpack(Path("network.npz").read_bytes())  # the file that was opened
data = load_{by.data.name.lower()}().first(about.images)
{pixels}"""
    if by.run is None:
        return f"""import numpy as np

from engine import load_digits
from engine.studies.own_digit import read, small_network, trained_small

data, network = load_digits(), small_network(trained_small())
{pixels}"""
    stop = f"    if progress.step == {by.run.latest.step}:\n        break\n"  # ends the loop that the run's script ends with
    return f"from engine.studies.own_digit import read\n{script(by.run)}{stop}{pixels}"


def show(v: Values) -> Shown:
    by = reader()
    shift = v.shift_right, v.shift_down
    image, centred, where = taken(by.data, v)
    found, unmoved = (own_digit.read(by.network, by.data, one, by.normalize) for one in (image, centred))
    near = own_digit.nearest(by.data, image, v.nearest)
    if by.opened:
        st.caption("Read by the network that you opened. Close it to go back.")
    elif by.run is None:
        st.caption("Read by a small network, trained on the built-in digits. Train your own in the part **Training**: then it reads here.")
    else:
        step, accuracy = by.run.latest.step, by.run.evaluations[-1][1].test_accuracy if by.run.evaluations else None
        st.caption(f"Read by your run after {step:,} step{'s' * (step > 1)}" + (f"; at its last look it read {100 * accuracy:.1f} % of the test images." if accuracy is not None else "."))
    table = pd.DataFrame({"digit": np.arange(len(found.probabilities)), "probability": found.probabilities.astype(float)})
    layout.show(st, certainty(table), "Probability of each of the ten digits for the image that is read")

    def details() -> None:
        if by.run:
            keeping.offer(by.run)
        keeping.opener()
        if found.z:
            layout.show(st, fired(units(found), len(found.z)), "Units of each hidden layer that this image switches on, and how strongly")
        st.markdown("**Nearest training images**, pixel by pixel")
        with st.container(horizontal=True):
            for i in near:
                st.image(digit_picture(by.data.x_train[i], by.data.image_shape, by.data.pixel_max, 64), caption=f"{by.data.y_train[i]}", width=64, alt=f"Training image: {by.data.y_train[i]}")

    logits = np.log(np.maximum(found.probabilities, 1e-30))
    formulas = [
        rf"p_k = \frac{{e^{{z_k}}}}{{\sum_j e^{{z_j}}}} \qquad p_{{{found.answer}}} = {found.probabilities[found.answer]:.4f} \qquad -\ln p_{{{found.answer}}} = {abs(logits[found.answer]):.4f}",
        r"\text{distance to a training image: } \sum_i (x_i - x'_i)^2"]
    labels = [int(by.data.y_train[i]) for i in near]
    return Shown(read(found, unmoved, labels, where, shift, by.unshifted), formulas, script_of(by, image), table, details)


PART = Part(
    "own", "Your own digit", show,
    question="Can the network read your own handwriting?",
    sees="The digit as the network gets it: cut out, scaled and placed like its training images. Below it, how probable the network finds each digit, and which units fire.",
    matters="A network knows digits only as its training images show them. The same digit two pixels further right may be none that it knows.",
    first="Draw a digit with the mouse or a finger, or open a picture of one. Then shift it.",
    predict=Question(
        "How sure will the network be of its answer?",
        ("Below 50 %", "50 to 90 %", "Above 90 %"), (50, 90),
        lambda v, shown: 100 * float(shown.numbers["probability"].max()),
        "Its first answer gets {} %.", "Softmax shares out all of its probability among ten digits, whatever the picture is."),
    controls=(EXAMPLE, RIGHT, DOWN, NEAREST),
    presets=(
        Preset("own_start", "Draw a digit", "Until you draw, a test image stands there. Watch the probabilities change with each stroke."),
        Preset("own_shifted", "A digit off the middle", "The small network reads 98 % of the test digits as they are, and under 10 % of them two pixels further right.", {"shift_right": 2}),
    ),
    try_next=(
        Try("Shift the digit two pixels: does the network still know it?", preset="own_shifted"),
        Try("Another test image: number 7.", {"example": 7}),
        Try("Train a network of your own first: here it is the small one that reads, until yours has made a step.", {"part": "training"})),
    sources=(own_digit.as_in, own_digit.read, own_digit.nearest), cites=("lecun98", "notes"),
)
