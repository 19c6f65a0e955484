"""Every control of every page, declared once: key, label, range, default, help.

The key is also the name in the URL, so that a link is an experiment. Changing a
default changes what old links mean. Values from a link pass the same limits as the
control; what a link asked for and did not get is said on the page.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from engine.activations import ACTIVATIONS, FAMILIES
from engine.datasets import NORMALIZATIONS
from engine.initializers import INITIALIZERS
from engine.optimizers import OPTIMIZERS, SCHEDULES
from pages.shared.theme import SUPERSCRIPT

TITLES = {
    "relu": "ReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "prelu": "PReLU",
    "rrelu": "RReLU",
    "leaky_relu": "Leaky ReLU",
    "tanh": "tanh",
    "lecun_normal": "LeCun normal",
    "lecun_uniform": "LeCun uniform",
    "lsuv": "LSUV",
    "normal": "Normal N(0, 1)",
    "sgd": "SGD",
    "adagrad": "AdaGrad",
    "rmsprop": "RMSProp",
    "adamw": "AdamW",
    "mnist": "MNIST",
    "scale": "Scale to 0 … 1",
    "standardize": "Standardize each pixel",
    "warmup": "Warm-up",
    "neuron": "One neuron",
    "chain": "Linear chain",
    "deep": "Deep network",
    "phase": "Phases",
    "pre_activations": "Pre-activations z",
    "gradients": "Gradients dJ/dz",
    "activations": "Activations",
    "gaussian": "Gaussian noise",
}


def title(key: Any) -> str:
    """What people call a table's key: "he_normal" is He normal, 0.003 is 0.003, 60000 is 60,000."""
    if isinstance(key, int):
        return f"{key:,}"
    return f"{key:g}" if isinstance(key, float) else TITLES.get(key, key.replace("_", " ").capitalize())


@dataclass(frozen=True)
class Control:
    """A choice among `options` (a menu, or a ladder where `ladder` is set), a whole number in `limits`, or a switch."""

    key: str
    label: str
    default: Any
    help: str
    options: tuple = ()
    ladder: bool = False
    pills: bool = False
    limits: tuple[int, int] | None = None
    show: Callable[[Any], str] = title

    def draw(self, on_change: Callable[[], None] | None = None, disabled: bool = False) -> Any:
        common = {"key": self.key, "help": self.help, "bind": "query-params", "on_change": on_change or "rerun", "disabled": disabled}
        if self.ladder:
            return st.select_slider(self.label, self.options, value=self.default, format_func=self.show, **common)
        if self.pills:
            return st.segmented_control(
                self.label,
                self.options,
                default=self.default,
                format_func=self.show,
                required=True,
                label_visibility="collapsed" if self.key.endswith("_part") else "visible",
                **common,
            )
        if self.options:
            return st.selectbox(self.label, self.options, index=self.options.index(self.default), format_func=self.show, **common)
        if self.limits and self.limits[1] > 1000:
            return st.number_input(self.label, *self.limits, value=self.default, step=1, **common)
        if self.limits:
            return st.slider(self.label, *self.limits, value=self.default, step=1, **common)
        return st.toggle(self.label, value=self.default, **common)

    def parse(self, text: str) -> Any:
        """The value that a link means by this text, or None where the control has no such value."""
        if self.options:
            return {self.show(option): option for option in self.options}.get(text)
        if self.limits:
            return int(text) if re.fullmatch(r"-?\d{1,9}", text) and self.limits[0] <= int(text) <= self.limits[1] else None
        return {"true": True, "1": True, "false": False, "0": False}.get(text.lower())

    def write(self, value: Any) -> str:
        """The text that stands for a value in a link."""
        return self.show(value) if self.options else str(value).lower()

    def range_text(self) -> str:
        if self.options:
            return f"{self.show(self.options[0])} … {self.show(self.options[-1])}" if self.ladder else "one of the menu's entries"
        return f"{self.limits[0]:,} … {self.limits[1]:,}" if self.limits else "true or false"


def _ladder(key: str, label: str, default: Any, options: tuple, help: str, show: Callable[[Any], str] = title) -> Control:
    return Control(key, label, default, help, options, ladder=True, show=show)


HALF_DECADES = (*(float(f"{m}e{e}") for e in range(-5, 2) for m in (1, 3)), 100.0)
ALL = 10**9  # "all training images"

MNIST = {
    c.key.removeprefix("mnist_"): c
    for c in (
        Control("mnist_data", "Dataset", "digits", "Digits is built in: 1,797 images of 8 × 8. MNIST has 70,000 of 28 × 28.", ("digits", "mnist")),
        _ladder(
            "mnist_images",
            "Training images",
            ALL,
            (20, 100, 300, 1000, 3000, 10000, 30000, ALL),
            "With few images a network learns them by heart: train and test part.",
            lambda n: "all" if n == ALL else title(n),
        ),
        Control("mnist_depth", "Hidden layers", 2, "Each one multiplies the gradient once more on its way back.", limits=(0, 20)),
        _ladder(
            "mnist_width",
            "Units per layer",
            100,
            (5, 10, 20, 30, 50, 100, 200, 300, 500, 512),
            "Wider layers cost time, and keep the signal steadier.",
        ),
        Control("mnist_activation", "Activation φ", "relu", "Try sigmoid with five layers.", tuple(ACTIVATIONS)),
        Control(
            "mnist_initializer",
            "Initializer",
            "he_normal",
            "The rule that draws the first weights. Normal takes its σ from the gain.",
            tuple(INITIALIZERS),
        ),
        _ladder("mnist_gain", "Gain", 1.0, (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.0, 10.0), "Multiplies the first weights."),
        Control(
            "mnist_batch_norm",
            "Batch norm",
            "none",
            "Normalise every hidden layer over the batch, before or after the activation.",
            ("none", "before", "after"),
        ),
        Control("mnist_input_norm", "Batch norm on the input", False, "Normalise the pixels over the batch as well."),
        _ladder("mnist_dropout", "Dropout rate", 0.0, (0.0, 0.1, 0.2, 0.3, 0.5, 0.7), "Share of hidden units silenced at random in each step."),
        _ladder("mnist_l1", "L1 penalty", 0.0, (0.0, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2), "λ Σ|w|: drives weights to exactly 0."),
        _ladder("mnist_l2", "L2 penalty", 0.0, (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1), "λ/2 Σw²: keeps weights small."),
        Control("mnist_optimizer", "Optimizer", "adam", "How a gradient becomes a step.", tuple(OPTIMIZERS)),
        _ladder(
            "mnist_rate",
            "Learning rate η",
            1e-3,
            HALF_DECADES,
            "Size of a step. It can be changed while the network trains. Adam likes 0.001, SGD 0.1.",
        ),
        Control("mnist_schedule", "Schedule", "constant", "How the learning rate changes over the run.", tuple(SCHEDULES)),
        _ladder("mnist_batch", "Batch size", 32, (1, 2, 5, 10, 16, 32, 50, 64, 100, 128, 256, 500, 1000), "Images per step."),
        _ladder("mnist_epochs", "Epochs", 30, (1, 2, 3, 5, 10, 12, 15, 20, 30, 50, 100, 200, 300), "Passes over the training images."),
        Control("mnist_normalize", "Input normalisation", "scale", "What happens to pixels before the first layer.", NORMALIZATIONS),
        Control("mnist_seed", "Seed", 0, "The same seed gives the same weights and the same order of images.", limits=(0, 9999)),
    )
}


def read_link(table: Mapping[str, Control]) -> None:
    """Take out of the link what these controls do not have, and note it. Call before drawing them, `link_notes` after.

    The page runs again without it: some widgets fail on values that are far from theirs.
    """
    noted = st.session_state.setdefault("_link_notes", {})
    wrong = {}
    for control in table.values():
        asked = st.query_params.get(control.key)
        if asked is not None and control.key not in st.session_state and control.key not in noted and control.parse(asked) is None:
            wrong[control.key] = asked[:40]
    if wrong:
        noted.update(wrong)
        for key in wrong:
            del st.query_params[key]
        st.rerun()


def link_notes(table: Mapping[str, Control]) -> list[str]:
    """One sentence for each wish of the link that could not be met, until the visitor moves that control."""
    noted, sentences = st.session_state["_link_notes"], []
    for control in table.values():
        if control.key in noted and control.key in st.session_state:  # it may stand on another part of the page
            asked, used = noted[control.key], st.session_state[control.key]
            if isinstance(asked, str):
                asked = noted[control.key] = (asked, used)
            if asked[1] == used:
                shown = ("off", "on")[used] if isinstance(used, bool) else control.show(used)
                sentences.append(
                    f"The link asks for {control.label} = “{asked[0]}”, which is not possible here ({control.range_text()}); {shown} is used."
                )
    return sentences


def keep(table: Mapping[str, Control], drawn: Iterable[str]) -> dict[str, Any]:
    """The values of the controls that are not drawn now; Streamlit would forget them. (name -> value)

    A page of many parts draws a part's controls only, and each always in the same container: a bound
    widget that moves from one to another can lose its place in the link while the page still runs.
    """
    state, rest = st.session_state, {name: control for name, control in table.items() if name not in set(drawn)}
    for control in rest.values():
        if control.key in state:
            state[control.key] = state[control.key]
    return {name: state.get(control.key, control.default) for name, control in rest.items()}


GAINS = (0.01, 0.02, 0.05, *(round(0.1 * i, 1) for i in range(1, 41)), 1.4142, 1.5925, 1.6667, 5.0, 7.0, 10.0)
INIT_PARTS = ("neuron", "chain", "deep", "phase", "matrix", "symmetry")

INIT = {
    c.key.removeprefix("init_"): c
    for c in (
        Control("init_part", "Part", "deep", "The lesson, left to right.", INIT_PARTS, pills=True),
        Control("init_activation", "Activation φ", "relu", "Bends the signal; its slope multiplies the gradient.", tuple(ACTIVATIONS)),
        Control(
            "init_initializer",
            "Initializer",
            "lecun_normal",
            "The rule for the first weights. Normal takes its σ from the gain.",
            tuple(INITIALIZERS),
        ),
        _ladder("init_gain", "Gain", 1.0, tuple(sorted(GAINS)), "Multiplies every weight. Under Normal it is σ itself."),
        Control("init_depth", "Depth L", 30, "Each layer multiplies once more.", limits=(1, 100)),
        _ladder("init_width", "Width n", 100, (2, 5, 10, 20, 50, 100, 200, 300, 500), "Narrow layers scatter; wide ones follow the theory."),
        Control(
            "init_show", "Histograms of", "activations", "What the small pictures count.", ("activations", "pre_activations", "gradients"), pills=True
        ),
        _ladder("init_sigma_b", "Bias σ_b", 0.0, (*(round(0.05 * i, 2) for i in range(31)), 2.0), "Standard deviation of the first biases."),
        Control("init_batch_norm", "Batch norm", "none", "Normalise each layer before or after φ.", ("none", "before", "after")),
        Control("init_inputs", "Inputs", "gaussian", "Noise N(0, 1), or the built-in handwriting, standardized.", ("gaussian", "digits")),
        _ladder("init_samples", "Samples", 1000, (100, 300, 1000), "Inputs sent through the network."),
        Control("init_seeds", "Seeds", 5, "Networks drawn; the band spans them.", limits=(1, 10)),
        Control("init_seed", "First seed", 0, "The same seed draws the same weights.", limits=(0, 9999)),
    )
}

HOME = {
    "gain": _ladder(
        "home_gain",
        "Scale of the first weights, in units of He's rule",
        0.8,
        tuple(round(0.05 * i, 2) for i in range(10, 41)),
        "One factor on all weights of thirty layers.",
    )
}


@dataclass(frozen=True)
class Text(Control):
    """A line of text that the engine reads, and answers for if it cannot."""

    placeholder: str = ""

    def draw(self, on_change: Callable[[], None] | None = None, disabled: bool = False) -> str:
        return st.text_input(
            self.label,
            value=self.default,
            max_chars=400,
            placeholder=self.placeholder,
            key=self.key,
            help=self.help,
            bind="query-params",
            on_change=on_change or "rerun",
            disabled=disabled,
        )

    def parse(self, text: str) -> str | None:
        return text if len(text) <= 400 else None

    def write(self, value: str) -> str:
        return value

    def range_text(self) -> str:
        return "at most 400 characters"


def power(x: float) -> str:
    """10⁻⁵ for 0.00001, 0.1 as it is; for powers of ten."""
    exponent = round(math.log10(x))
    return f"10{str(exponent).translate(SUPERSCRIPT)}" if exponent < -2 else f"{x:g}"


BN_PARTS = {
    "batch": "The mini-batch",
    "gradient": "Its gradient",
    "running": "Training and use",
    "depth": "Through depth",
    "scales": "Sixteen scales",
    "cost": "Parameters",
    "input": "Inputs",
}

BATCH_NORM = {
    c.key.removeprefix("bn_"): c
    for c in (
        Control(
            "bn_part", "Part", "batch", "The lesson, left to right.", tuple(BN_PARTS), pills=True, show=lambda part: BN_PARTS.get(part, str(part))
        ),
        Text("bn_values", "Type a batch x", "", "Numbers with commas. Empty: the batch is drawn, with the settings below.", placeholder="1, 2, 4, 9"),
        _ladder("bn_size", "Batch size m", 8, (1, 2, 3, 4, 6, 8, 12, 16, 32, 64), "A batch of one says nothing, a batch of two only who is larger."),
        _ladder(
            "bn_pull", "Drag x₁", 2.5, tuple(round(0.5 * i, 1) for i in range(-20, 21)), "Moves one value: spreads from the centre of the batch."
        ),
        _ladder("bn_spread", "Spread of x", 2.0, (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 0.5, 1.0, 2.0, 3.0), "Below √ε, ε rules.", show=power),
        _ladder("bn_gamma", "Scale γ", 1.0, tuple(round(0.25 * i, 2) for i in range(-8, 13)), "Learned: the new standard deviation."),
        _ladder("bn_beta", "Shift β", 0.0, tuple(round(0.5 * i, 1) for i in range(-10, 11)), "Learned: the new mean."),
        _ladder(
            "bn_epsilon",
            "ε",
            1e-5,
            (1e-12, 1e-8, 1e-6, 1e-5, 1e-3, 1e-2, 0.1, 1.0),
            "Keeps the division finite. Keras has 10⁻³, PyTorch 10⁻⁵.",
            show=power,
        ),
        _ladder(
            "bn_run_size", "Batch size m", 32, (1, 2, 4, 8, 16, 32, 64, 256), "Small batches give restless statistics, and too small a variance."
        ),
        _ladder(
            "bn_momentum",
            "Momentum",
            0.9,
            (0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999),
            "Share of the old running value that a step keeps. Keras has 0.99.",
        ),
        Control("bn_evaluate", "Evaluate after step k", 10, "Where the network is switched from training to use.", limits=(0, 100)),
        _ladder(
            "bn_shift",
            "Shift of the inputs at step 60",
            0.0,
            (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0),
            "In standard deviations. Evaluate before and after.",
        ),
        Control("bn_activation", "Activation φ", "relu", "Batch norm stands before it or after it.", tuple(ACTIVATIONS)),
        _ladder(
            "bn_scale",
            "Weight scale σ√n",
            0.3,
            (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4142, 2.0, 3.0, 5.0, 10.0),
            "1 is 1/√n, 1.4142 is He. Batch norm hardly minds.",
        ),
        Control("bn_depth", "Depth L", 10, "Each layer multiplies once more.", limits=(1, 30)),
        _ladder("bn_width", "Width n", 100, (10, 20, 50, 100, 200), "Units per layer."),
        Control("bn_data", "Dataset", "digits", "The first 1,000 images of the built-in digits, or of MNIST as in the book.", ("digits", "mnist")),
        Text(
            "bn_layers",
            "Layers",
            "784, BN, 300 elu, BN, 100 elu, BN, 10",
            "Inputs first, then layers: “300”, “300 elu”, “300 no bias”, “BN”, “elu”, “dropout 0.2”.",
            placeholder="784, 300 relu, 10",
        ),
        _ladder("bn_range", "x₁ reaches from 1 to", 1000, (2, 5, 10, 30, 100, 1000), "x₂ always lies between 0 and 1."),
        _ladder(
            "bn_share",
            "Learning rate · λ_max / 2",
            0.2,
            (0.02, 0.05, 0.1, 0.2, 0.5, 0.7, 0.9, 0.95, 0.99, 1.05),
            "Beyond 1 gradient descent diverges; 0.5 goes straight to the bottom of the steepest direction.",
        ),
        _ladder("bn_drift", "Test data lie higher by", 2.0, (0.0, 0.5, 1.0, 2.0, 3.0), "x₁ of the test data, in standard deviations."),
        Control("bn_seed", "Seed", 0, "The same seed draws the same numbers.", limits=(0, 9999)),
    )
}
# Activations ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number(Control):
    """Any number in `limits`, typed or stepped."""

    step: float = 0.1

    def draw(self, on_change: Callable[[], None] | None = None, disabled: bool = False) -> float:
        common = {"key": self.key, "help": self.help, "bind": "query-params", "on_change": on_change or "rerun", "disabled": disabled}
        return st.number_input(self.label, *map(float, self.limits), value=self.default, step=self.step, format="%g", **common)

    def parse(self, text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return value if self.limits[0] <= value <= self.limits[1] else None

    def write(self, value: float) -> str:
        return f"{value:g}"


def _listed(value: Any) -> str:
    return ", ".join(map(title, value)) if isinstance(value, list) else title(value)


@dataclass(frozen=True)
class Several(Control):
    """Any few of `options`; a link repeats the key for each."""

    show: Callable[[Any], str] = _listed

    def draw(self, on_change: Callable[[], None] | None = None, disabled: bool = False) -> list:
        common = {"key": self.key, "help": self.help, "bind": "query-params", "on_change": on_change or "rerun", "disabled": disabled}
        return st.multiselect(self.label, self.options, default=self.default, format_func=title, **common)

    def parse(self, text: str) -> list | None:
        names = {title(option): option for option in self.options}
        return [names[word] for word in text.split(", ")] if all(word in names for word in text.split(", ")) else None

    def range_text(self) -> str:
        return "some of the menu's entries"


ACT_PARTS = {
    "product": "The product of slopes",
    "curves": "Curves",
    "hand": "Backprop by hand",
    "dying": "Dying ReLU",
    "selu": "SELU's fixed point",
    "ranking": "The ranking, measured",
}
SLOPES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0)
SYMBOLS = {"alpha": "α"}


def _possible(family: str, option: str, value: float) -> bool:
    try:
        FAMILIES[family](**{option: value})
    except ValueError:
        return False
    return True


def _family_controls() -> list[Control]:
    """A ladder for each option of each family, of the values that the family takes: a new family brings its own."""
    controls = []
    for family in FAMILIES:
        for option, parameter in inspect.signature(FAMILIES[family]).parameters.items():
            values = sorted({value for value in SLOPES if _possible(family, option, value)} | {parameter.default})
            label, text = f"{title(family)}: {SYMBOLS.get(option, option)}", f"{SYMBOLS.get(option, option)} in φ of {title(family)}."
            controls.append(_ladder(f"act_{family}_{option}", label, parameter.default, tuple(values), text, lambda x: f"{x:.3g}"))
    return controls


ACT_FAMILIES = tuple(c.key.removeprefix("act_") for c in _family_controls())


def options_of(family: str, values: Mapping[str, Any]) -> dict[str, float]:
    """What a family is built with, from the values of the page's controls by name; empty for what is no family."""
    return {option: values[f"{family}_{option}"] for option in inspect.signature(FAMILIES[family]).parameters} if family in FAMILIES else {}


ACT_HAND = {
    "x1": ("x₁", 1.0), "x2": ("x₂", -1.0), "w1": ("w₁", 2.0), "w2": ("w₂", 1.0), "w3": ("w₃", 1.0), "w4": ("w₄", 1.0),
    "w5": ("w₅", 1.0), "w6": ("w₆", -1.0), "t": ("Target t", 1.0),
}  # fmt: skip

ACT = {
    c.key.removeprefix("act_"): c
    for c in (
        Control("act_part", "Part", "product", "The lesson, left to right.", tuple(ACT_PARTS), pills=True, show=lambda part: ACT_PARTS[part]),
        Several(
            "act_set",
            "Activations",
            ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"],
            "Shown in the curves, the product of slopes and the ranking.",
            tuple(ACTIVATIONS),
        ),
        Number("act_z", "Cursor at z", 1.0, "φ and φ′ of all curves at this z. Try 51.", limits=(-10_000, 10_000), step=0.25),
        *_family_controls(),
        Control("act_initializer", "Initializer for all", "lecun_normal", "The right picture gives it to every activation.", tuple(INITIALIZERS)),
        _ladder("act_gain", "Gain", 1.0, tuple(sorted(GAINS)), "Multiplies every weight of the right picture."),
        Control("act_depth", "Depth L", 30, "Each layer multiplies the gradient by its slopes once more.", limits=(2, 100)),
        _ladder("act_width", "Width n", 100, (10, 20, 50, 100, 200, 300), "Narrow layers scatter; wide ones follow the theory."),
        Control("act_seeds", "Seeds", 3, "Networks drawn; the band spans them.", limits=(1, 5)),
        *(
            Number(f"act_{name}", label, default, "The lecture notes' value is the default.", limits=(-100, 100), step=0.5)
            for name, (label, default) in ACT_HAND.items()
        ),
        Several(
            "act_rivals",
            "Compared",
            ["relu", "leaky_relu", "prelu", "elu"],
            "All start from the same weights and see the same images.",
            tuple(ACTIVATIONS),
        ),
        _ladder(
            "act_rate",
            "Learning rate η",
            0.01,
            (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            "Adam's. A step that is too large throws units to where nothing switches them on.",
        ),
        _ladder(
            "act_bias",
            "First bias b",
            -1.0,
            (-3.0, -2.0, -1.5, -1.0, -0.7, -0.5, -0.3, -0.2, -0.1, 0.0, 0.1, 0.5),
            "Of every hidden unit. Far below 0 most units never get switched on.",
        ),
        Control("act_dying_depth", "Hidden layers", 3, "Of 50 units each.", limits=(1, 10)),
        Control("act_dying_seed", "Seed", 0, "Draws the weights and orders the images.", limits=(0, 9999)),
        Control("act_fixed", "Activation φ", "selu", "Only SELU is made to settle at (0, 1).", tuple(ACTIVATIONS)),
        Number("act_mean", "Input mean μ", 0.5, "Where the measured network starts.", limits=(-2, 2), step=0.25),
        Number("act_variance", "Input variance ν", 2.0, "Where the measured network starts.", limits=(0, 10), step=0.25),
        Control("act_layers", "Layers", 30, "How far the path is followed.", limits=(1, 1000)),
        Control("act_fixed_initializer", "Initializer", "lecun_normal", "SELU is made for LeCun's 1/n. Try He.", tuple(INITIALIZERS)),
        _ladder("act_fixed_gain", "Gain of the weights", 1.0, tuple(g for g in sorted(GAINS) if 0.4 < g < 3), "Multiplies every weight."),
        Control("act_dropout", "Kind of dropout", "dropout", "Alpha dropout sends units to SELU's floor instead of 0.", ("dropout", "alpha")),
        _ladder("act_dropout_rate", "Dropout rate", 0.0, (0.0, 0.05, 0.1, 0.2, 0.3, 0.5), "Share of units silenced after every layer."),
        Control("act_rank_depth", "Hidden layers", 20, "The deeper, the clearer.", (5, 20, 50), pills=True),
        _ladder("act_rank_width", "Units in a layer", 30, (10, 20, 30, 50, 100), "Narrow, so that mistakes of scale show."),
        _ladder("act_rank_epochs", "Epochs", 10, (2, 5, 10, 20, 40), "The budget: passes over the 1,437 training images."),
        _ladder("act_rank_rate", "Adam's learning rate", 0.001, (0.0001, 0.0003, 0.001, 0.003, 0.01), "The same for all."),
        _ladder("act_rank_seeds", "Number of seeds", 3, (1, 2, 3, 5), "With one seed you measure luck."),
    )
}
TITLES |= {"alpha": "Alpha dropout"}
GRAD_PARTS = {"curve": "One curve", "v": "The V", "net": "A network", "bug": "Find the bug", "cautions": "Cautions"}
GRAD_CAUTIONS = {"dropout": "Dropout", "penalty": "Penalty", "one_sample": "One sample", "kink": "Kink", "late": "Only at the start", "cost": "Cost"}
GRAD_FUNCTIONS = {"cube": "θ³", "square": "θ²", "exp": "exp θ", "sin": "sin θ", "tanh": "tanh θ", "sigmoid": "sigmoid θ", "relu": "max(0, θ)"}
GRAD_SCHEMES = {"forward": "One-sided", "central": "Two-sided", "complex": "Complex step"}
GRAD_LAYERS = ("10", "50", "100", "350", "24-16", "50-30", "100-100", "128-128", "256-32", "30-30-30", "50-50-50-50")
WORST, BEST = "worst", 0.0  # "the worst parameter", "the best epsilon of the scheme"
_GRAD_NAMES = (
    WORST,
    *(f"{name}_{i}.{part}" for i in range(1, 5) for name, part in (("dense", "W"), ("dense", "b"), ("activate", "slope"))),
    *(f"batch_norm_{i}.{part}" for i in range(1, 5) for part in ("gamma", "beta")),
    "output.W",
    "output.b",
)

GRAD = {
    c.key.removeprefix("grad_"): c
    for c in (
        Control("grad_part", "Part", "net", "The lesson, left to right.", tuple(GRAD_PARTS), pills=True, show=lambda key: GRAD_PARTS[key]),
        Control("grad_function", "Function f", "cube", "A curve to take the slope of.", tuple(GRAD_FUNCTIONS), show=lambda key: GRAD_FUNCTIONS[key]),
        _ladder("grad_theta", "Place θ", 1.0, tuple(round(0.1 * i, 1) for i in range(-20, 21)), "Where the slope is taken."),
        _ladder(
            "grad_step",
            "Step ε of the secants",
            0.5,
            (*(10.0**-k for k in range(12, 1, -1)), 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
            "Large: the secants are off, and can be seen. Small: only the numbers tell. Tiny: rounding.",
        ),
        Control("grad_data", "Dataset", "digits", "Digits is built in, 64 pixels an image. MNIST has 784.", ("digits", "mnist")),
        Control(
            "grad_layers",
            "Hidden layers",
            "256-32",
            "Units of each hidden layer, first layer first.",
            GRAD_LAYERS,
            show=lambda text: text.replace("-", " – "),
        ),
        Control("grad_activation", "Activation φ", "relu", "Those with a kink can put both sides in doubt.", tuple(ACTIVATIONS)),
        Control("grad_batch_norm", "Batch norm", "none", "Each change of a weight moves the batch's mean as well.", ("none", "before", "after")),
        _ladder("grad_l2", "L2 penalty λ", 0.0, (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0), "In J and in the gradient. To forget it, see Cautions."),
        _ladder("grad_dropout", "Dropout rate", 0.0, (0.0, 0.1, 0.2, 0.3, 0.5, 0.7), "One mask is held for the whole check."),
        _ladder("grad_samples", "Images m", 16, (1, 2, 3, 5, 10, 16, 32, 64), "In the batch whose loss is differentiated. With batch norm, try 1."),
        Control(
            "grad_scheme",
            "Difference",
            "central",
            "One-sided: J(θ + ε) − J(θ). Two-sided: J(θ + ε) − J(θ − ε). Complex step: the imaginary part of J(θ + iε).",
            tuple(GRAD_SCHEMES),
            show=lambda key: GRAD_SCHEMES[key],
        ),
        _ladder(
            "grad_epsilon",
            "Step ε",
            BEST,
            (BEST, 1e-30, 1e-20, *(10.0**-k for k in range(12, 0, -1))),
            "Too large and the secant is not the tangent; too small and rounding takes over.",
            lambda e: f"{e:g}" if e else "best for the scheme",
        ),
        Control("grad_precision", "Precision", "float64", "float32 carries 7 digits, float64 16.", ("float32", "float64"), pills=True, show=str),
        Control("grad_initializer", "Initializer", "he_normal", "The rule that draws the weights.", tuple(INITIALIZERS)),
        _ladder("grad_gain", "Gain", 1.0, (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), "Multiplies the weights."),
        _ladder("grad_sigma_b", "Biases σ_b", 0.0, (0.0, 0.1, 0.3, 0.5, 1.0), "Standard deviation of the biases."),
        Control("grad_seed", "Seed", 0, "The same seed draws the same weights.", limits=(0, 9999)),
        Control(
            "grad_parameter", "Parameter", WORST, "Whose components the picture shows.", _GRAD_NAMES, show=lambda n: "the worst" if n == WORST else n
        ),
        Control("grad_bug", "Bug number", 1, "Each number hides one bug. The link with the number gives nothing away.", limits=(1, 17)),
        Control("grad_caution", "Caution", "dropout", "Ways to be misled.", tuple(GRAD_CAUTIONS), pills=True, show=lambda key: GRAD_CAUTIONS[key]),
        Control("grad_mistake", "Make the mistake", False, "Switch it on and off, and watch the check."),
    )
}
