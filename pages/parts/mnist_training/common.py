"""The controls of the MNIST page. Its runs are made from them, and described in their words."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import streamlit as st

from engine.activations import ACTIVATIONS
from engine.datasets import NORMALIZATIONS, Dataset
from engine.initializers import INITIALIZERS
from engine.optimizers import OPTIMIZERS, SCHEDULES
from engine.studies.layer_list import DEEPEST, MOST_WEIGHTS, WIDEST, parse_widths
from pages.shared import layout, link
from pages.shared.control import Control, Ladder, Menu, Switch, Text, Typed, Values, Whole
from pages.shared.link import plain_text
from pages.shared.titles import rule, rule_note, title

ALL = 10**9  # more images than there are
NAMES = {"scale": "Scale to 0 … 1", "standardize": "Standardize each pixel", "warmup": "Warm-up", "linear": "Linear decay", "cosine": "Cosine decay", "step": "Step decay"}


def named(key: str) -> str:
    return NAMES.get(key, title(key))


def typed(text: str) -> tuple[int, ...] | None:
    """Widths of the hidden layers as they are typed; None where there is nothing, or nothing that can be read."""
    try:
        return parse_widths(text) if text.strip() else None
    except ValueError:
        return None


def as_read(text: str) -> str:
    """What becomes of a typed text: below its box."""
    if not text.strip():
        return ""
    try:
        return f"Hidden layers: {', '.join(map(str, parse_widths(text)))}."
    except ValueError as error:
        return f"This cannot be read: {plain_text(str(error), 200)}. The sliders' layers are used."


def hidden(v: Values) -> tuple[int, ...]:
    """Widths of the hidden layers, from the pixels to the classes: those that are typed, or else those of the sliders."""
    widths = typed(v.layers)
    return (v.width,) * v.depth if widths is None else widths


def no_hidden_layer(v: Values) -> str:
    return "" if hidden(v) else "Without a hidden layer this has no effect."


def overruled(v: Values) -> str:
    return "" if typed(v.layers) is None else "The typed widths hold instead. Empty their box to use this slider."


def take_usual_rate() -> None:
    """A newly chosen optimizer brings the learning rate that people start it with. What stood there can be had back: `say_usual_rate`."""
    optimizer, before = link.value(OPTIMIZER), link.value(RATE)
    if optimizer not in OPTIMIZERS:  # a browser can send anything
        return
    usual = RATE.take(OPTIMIZERS[optimizer].usual_rate)
    st.session_state[BROUGHT] = optimizer, before, usual
    link.put({RATE.key: usual})


def say_usual_rate() -> None:
    """That the learning rate came with the optimizer, as long as both stand there."""
    optimizer, before, usual = st.session_state.get(BROUGHT, ("", 0.0, 0.0))
    if before != usual and (link.value(OPTIMIZER), link.value(RATE)) == (optimizer, usual):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{title(optimizer)} came with its usual learning rate, η = {usual:g}. Before, η was {before:g}.", width="content")
            st.button(f"Take η = {before:g} back", on_click=link.put, args=({RATE.key: before},), type="tertiary", key="mnist_rate_back")


BROUGHT = "_mnist_brought"  # of the session: an optimizer, the learning rate before it was chosen, and its usual one
OPTIMIZER = Menu("mnist_optimizer", "Optimizer", "adam", "How a gradient becomes a step. Choosing one sets its usual learning rate.", tuple(OPTIMIZERS), chosen=take_usual_rate)
RATE = Ladder(
    "mnist_rate", "Learning rate η", 1e-3, "Size of a step. It can be changed while the network trains. "
    f"Adam likes {OPTIMIZERS['adam'].usual_rate:g}, SGD {OPTIMIZERS['sgd'].usual_rate:g}.",
    (*(float(f"{m}e{e}") for e in range(-5, 2) for m in (1, 3)), 100.0),
)
VARY_EPOCHS = Ladder("mnist_vary_epochs", "Epochs", 10, "Passes over the training images.", (1, 2, 5, 10, 20))  # of a comparison
SEED = Typed("mnist_seed", "Seed", 0, "The same seed gives the same weights and the same order of images.", (0, 9999))

MAIN: tuple[Control, ...] = (
    Menu("mnist_data", "Dataset", "digits", "Digits is built in: 1,797 images of 8 × 8. MNIST has 70,000 of 28 × 28.", ("digits", "mnist"), note=layout.stand_in),
    Whole("mnist_depth", "Hidden layers", 2, "The gradient passes each of them on its way back to the first weights.", (0, 20), idle=overruled),
    Ladder(
        "mnist_width", "Units per layer", 100, "Wider layers have more weights.", (5, 10, 20, 30, 50, 100, 200, 300, 500, 512),
        idle=lambda v: overruled(v) or no_hidden_layer(v)),
    Text(
        "mnist_layers", "Widths, typed", "", "Units of each hidden layer, from the pixels to the classes: “300, 100”, or “5 × 100” for five layers of 100. "
        f"At most {DEEPEST} layers of {WIDEST:,} units, and {MOST_WEIGHTS:,} weights.", placeholder="300, 100", note=as_read),
    Menu("mnist_activation", "Activation φ", "relu", "What bends the signal after each hidden layer.", tuple(ACTIVATIONS), idle=no_hidden_layer),
    Menu(
        "mnist_initializer", "Initializer", "he_normal", "The rule that draws the first weights. For the normal one, the gain is its standard deviation.",
        tuple(INITIALIZERS), show=rule, note=rule_note),
    Ladder(
        "mnist_gain", "Gain", 1.0, "Multiplies the first weights.", (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 10.0),
        idle=lambda v: {"zeros": "Zeros stay zeros at any gain.", "lsuv": "LSUV sets the size of the first weights itself."}.get(v.initializer, ""),
        note=lambda gain: "" if gain == 1 else f"A factor of {title(gain)} on the rule above."),
    OPTIMIZER, RATE,
    Menu(
        "mnist_batch_norm", "Batch norm", "none", "Normalise every hidden layer over the batch, before or after the activation.",
        ("none", "before", "after"), idle=no_hidden_layer),
)
REGULARISE: tuple[Control, ...] = (
    Ladder(
        "mnist_dropout", "Dropout rate", 0.0, "Share of hidden units silenced at random in each step.", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7),
        idle=no_hidden_layer),
    Ladder(
        "mnist_l1", "L1 penalty", 0.0, "The loss gets λ Σ|w|. Steps along its slope bring weights near 0, but not to exactly 0.",
        (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2)),
    Ladder("mnist_l2", "L2 penalty", 0.0, "The loss gets λ/2 Σw², which keeps the weights smaller.", (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)),
    Ladder(
        "mnist_decay", "Weight decay of AdamW", 0.01, "In each step every weight w loses η × decay × w, whatever its gradient is. A schedule that "
        "lowers η lowers this too.", (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0),
        idle=lambda v: "" if v.optimizer == "adamw" else "Only AdamW has it. The L2 penalty works with every optimizer."),
    Ladder(
        "mnist_shift", "Shifts, in pixels", 0, "Each training image moves at random, by at most so many pixels up or down and left or right, "
        "and anew each time it comes.", (0, 1, 2)),
    Ladder(
        "mnist_images", "Training images", ALL, "With few images, the curves of training and test images part.",
        (20, 100, 300, 1000, 3000, 10000, 30000, ALL), words={ALL: "all"}, show=lambda n: "all" if n == ALL else title(n)),
)
MORE: tuple[Control, ...] = (
    Switch("mnist_input_norm", "Batch norm on the input", False, "Normalise the pixels over the batch as well."),
    Menu("mnist_schedule", "Schedule", "constant", "How the learning rate changes over the run.", tuple(SCHEDULES), show=named),
    Ladder("mnist_batch", "Batch size", 32, "Images per step.", (1, 2, 5, 10, 16, 32, 50, 64, 100, 128, 256, 384, 500, 1000)),
    Ladder("mnist_epochs", "Epochs", 30, "Passes over the training images.", (1, 2, 3, 5, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 100, 200, 300)),
    Menu("mnist_normalize", "Input normalisation", "scale", "What happens to pixels before the first layer.", NORMALIZATIONS, show=named),
    SEED)
TABLE = {control.name: control for control in (*MAIN, *REGULARISE, *MORE)}


def shape(widths: Sequence[int]) -> str:
    """Hidden layers in a few letters: "5 × 100" where they are alike."""
    if len(set(widths)) == 1:
        return f"{len(widths)} × {widths[0]}"
    return "–".join(map(str, widths)) or "no hidden layer"


def describe(settings: Any, learning_rate: float) -> str:
    """A run in half a line: its shape, and every choice that is not the default."""
    always = ("activation", "initializer", "optimizer")
    said = [shape(settings.hidden), *(TABLE[name].show(getattr(settings, name)) for name in always), f"η = {learning_rate:g}"]
    for name, value in vars(settings).items():
        if name not in (*always, "data", "hidden") and value != TABLE[name].default:
            said.append(f"{TABLE[name].label} {'' if value is True else TABLE[name].show(value)}".strip())
    return " · ".join(said)


def sizes(s: Any, data: Dataset) -> tuple[int, int]:
    """Bytes, about, of a run that is ready or finished (weights, gradient, the first weights once more), and of one that works:
    two memories of an optimizer as well, the last finite state and the one before the step, and what each layer keeps of a batch. An evaluation
    reads 500 images at once, which only a run that is on a core holds in full: 150 stand for it."""
    widths = [data.x_train.shape[1], *s.hidden, data.classes]
    weights, first = sum(a * b for a, b in pairwise(widths)), widths[0] * widths[1]
    return 4 * (2 * weights + first), 4 * (6 * weights + first + 3 * sum(widths) * max(150, min(s.batch, len(data.y_train))))


def in_controls(change: Mapping[str, Any]) -> dict[str, Any]:
    """An engine's change in terms of the page's controls."""
    return {"rate" if name == "learning_rate" else name: ALL if value == "all" else value for name, value in change.items()}
