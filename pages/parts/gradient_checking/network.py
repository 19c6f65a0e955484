"""A network: every component of its gradient, by backpropagation and by differences."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS
from engine.datasets import Dataset, load_digits, mnist_at_hand, normalizer
from engine.gradient_check import check_gradients, structured
from engine.gradient_check.check import check_built
from engine.gradient_check.explanation import explain
from engine.gradient_check.finite_differences import best_epsilon
from engine.gradient_check.report import GradientReport, judge
from engine.initializers import INITIALIZERS
from engine.verdict import Verdict
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PARAMETER, PRINT
from pages.shared import layout, workers
from pages.shared.control import Control, Ladder, Menu, Typed, Values
from pages.shared.encodings import drawn, titled
from pages.shared.part import Part, Preset, Question, Shown, Try
from pages.shared.titles import powers, rule

BEST = 0.0  # the best epsilon of the scheme
WORK = 2.4e9  # multiplications that one answer may cost: about half a second
COARSE = 1000  # most cells of the map
SCHEMES = {"forward": "One-sided", "central": "Two-sided", "complex": "Complex step"}


def room(pixels: int, layers: str, classes: int = 10) -> int:
    """Images that a network leaves time for, at least 1."""
    return max(1, int(WORK / structured.work((pixels, *map(int, layers.split("-")), classes))))


def one_image(v: Values) -> str:
    full = v.data == "mnist" and mnist_at_hand() and room(784, v.layers) == 1
    return "With MNIST, a network of this size is always checked on one image. A smaller one leaves time for more." if full else ""


def fixed_scale(v: Values) -> str:
    said = {"zeros": "All weights are 0, whatever multiplies them.", "lsuv": "LSUV scales the weights itself, whatever multiplies them first."}
    return said.get(v.initializer, "")


def nothing_drawn(v: Values) -> str:
    drawn = v.initializer not in ("zeros", "constant") or v.sigma_b or v.dropout or v.activation == "rrelu"
    return "" if drawn else "Nothing is drawn: the weights are all alike, and the biases are 0."


CONTROLS: tuple[Control, ...] = (
    Menu(
        "grad_layers", "Hidden layers", "256-32", "The number of units in each hidden layer, from the first to the last.",
        ("10", "50", "100", "350", "24-16", "50-30", "100-100", "128-128", "256-32", "30-30-30", "50-50-50-50"),
        show=lambda text: text.replace("-", " – ")),
    Menu("grad_activation", "Activation φ", "relu", "At a kink, such as ReLU's at 0, both sides may differ and both be right.", tuple(ACTIVATIONS)),
    Menu("grad_batch_norm", "Batch norm", "none", "With batch norm, each change of a weight moves its unit's mean over the batch as well.", ("none", "before", "after")),
    Ladder("grad_dropout", "Dropout rate", 0.0, "One mask is held for the whole check, so that both losses have the same.", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)),
    Ladder("grad_samples", "Images m", 16, "Images in the batch whose loss is taken. With batch norm, try 1.", (1, 2, 3, 5, 10, 16, 32, 64), idle=one_image),
    Menu(
        "grad_scheme", "Difference", "central",
        "One-sided: J(θ + ε) − J(θ). Two-sided: J(θ + ε) − J(θ − ε). Complex step: the imaginary part of J(θ + iε).",
        tuple(SCHEMES), show=lambda key: SCHEMES[key]),
    Ladder(
        "grad_epsilon", "Step ε", BEST, "With a large step the secant is not the tangent. With a small one rounding takes over, except for the complex step.",
        (BEST, 1e-30, 1e-20, *(10.0**-k for k in range(12, 0, -1))), show=lambda e: powers(e) if e else "best for the scheme", words={BEST: "best"},
    ),
)
MORE: tuple[Control, ...] = (
    Menu("grad_precision", "Precision", "float64", "float32 carries about 7 digits, float64 about 16.", ("float32", "float64"), pills=True, show=str),
    Ladder("grad_l2", "L2 penalty λ", 0.0, "The penalty is in J and in its gradient. Cautions shows what happens when it is forgotten.", (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    Menu("grad_data", "Dataset", "digits", "The built-in digits have 64 pixels an image, those of MNIST 784.", ("digits", "mnist")),
    Menu("grad_initializer", "Initializer", "he_normal", "The rule that draws the weights.", tuple(INITIALIZERS), show=rule),
    Ladder("grad_gain", "Gain", 1.0, "Multiplies the weights.", (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0), idle=fixed_scale),
    Ladder("grad_sigma_b", "Biases σ_b", 0.0, "Standard deviation of the biases.", (0.0, 0.1, 0.3, 0.5, 1.0)),
    Typed("grad_seed", "Seed", 0, "The same seed draws the same weights.", (0, 9999), idle=nothing_drawn))
BOOK = (
    "The book reports mean differences of 1.4 × 10⁻⁷ for the last bias and 6 × 10⁻⁹ for its weights. They are not rounding: its loss is "
    "ln(p + 10⁻⁷), and backpropagation differentiates ln p. A unit that steps across ReLU's kink gives first-layer differences such as the "
    "book's, 2.4 × 10⁻⁵ and 1.8 × 10⁻⁶. With ln p itself and no kink, what remains is below 10⁻⁹."
)


def check(data: Dataset, samples: int, **settings: Any) -> GradientReport:
    x, labels = normalizer("scale", data, np.float64)(data.x_train[:samples]), data.y_train[:samples]
    return workers.measure(check_built, x, labels, **settings)


def settings_of(v: Values, data: Dataset) -> dict[str, Any]:
    """The arguments of `check`."""
    kept = {name: getattr(v, name) for name in ("activation", "dropout", "l2", "scheme", "precision", "initializer", "sigma_b", "seed")}
    return {
        **kept, "gain": 1.0 if fixed_scale(v) else v.gain, "sizes": (data.x_train.shape[1], *map(int, v.layers.split("-")), data.classes),
        "samples": min(v.samples, room(data.x_train.shape[1], v.layers, data.classes)),
        "batch_norm": None if v.batch_norm == "none" else v.batch_norm,
        "epsilon": v.epsilon if v.epsilon != BEST else best_epsilon(v.scheme, np.dtype(v.precision))}


def read(report: GradientReport, samples: int, most: int = 16) -> Verdict:
    """Kinds are the grades. The engine's cure in terms of the controls, on a smaller network where this one leaves time for fewer images."""
    verdict = explain(report, samples)
    fix = {"samples": verdict.fix["samples"]} if "samples" in verdict.fix else {}
    if "samples" in fix and fix["samples"] > most:
        fix["layers"] = "50-30"
    if "dtype" in verdict.fix:
        fix["precision"] = verdict.fix["dtype"]
    if "epsilon" in verdict.fix or "dtype" in verdict.fix:
        fix["epsilon"] = BEST
    return Verdict(verdict.kind, verdict.text, fix)


def error_cells(report: GradientReport, name: str) -> pd.DataFrame:
    """One parameter's errors (row, row2, column, column2, log_error), the largest of each block."""
    error = np.nan_to_num(common.matrix(report.local_error, report.by_parameter[name]), nan=np.inf)
    return common.blocks(error, COARSE, "log_error", common.log_error)


@drawn
def error_map(cells: pd.DataFrame, rows: int, columns: int) -> alt.LayerChart:
    """One parameter (`error_cells`), coloured by error as the strip is."""
    by_error = alt.Color("log_error", type="quantitative", scale=common.ERROR_SCALE, legend=None)
    return alt.layer(common.grid(cells, rows, columns, ("log_error", "log₁₀ error", ".1f"), by_error))


def script_of(s: dict[str, Any], data: str) -> str:
    built = ", ".join(f"{name}={s[name]!r}" for name in ("activation", "initializer", "gain", "sigma_b", "batch_norm", "dropout"))
    return f"""import numpy as np
from engine import Penalty, check_gradients, load_{data.lower()}, mlp
from engine.datasets import normalizer

data = load_{data.lower()}()
x, labels = normalizer("scale", data, np.float64)(data.x_train[:{s["samples"]}]), data.y_train[:{s["samples"]}]
network = mlp({s["sizes"]}, {built},
              rng=np.random.default_rng({s["seed"]}), dtype=np.float64)
report = check_gradients(network, x, labels, penalty={f"Penalty(l2={s['l2']!r})" if s["l2"] else None}, epsilon={s["epsilon"]!r},
                         scheme={s["scheme"]!r}, dtype=np.{s["precision"]})
{PRINT}"""


def show(v: Values) -> Shown:
    data = layout.dataset(v.data) if v.data == "mnist" else load_digits()
    s = settings_of(v, data)
    if s["samples"] < v.samples:
        st.caption(f"A network of this size is checked on {s['samples']} image{'s' * (s['samples'] > 1)} only, to answer soon.")
    report = check(data, **s)
    common.show_strip(report)

    def details() -> None:
        common.show_warnings(report)
        common.show_table(report)
        name = common.choose_parameter(report)
        spec = titled(error_map(error_cells(report, name), *common.shape(report.by_parameter[name])), f"{name}, by error")
        layout.show(st, spec, f"Heat map of {name}: error of each component or block of components")
        with st.container(width=layout.TEXT_WIDTH):
            common.show_bands(report)
            if s["sizes"] == (784, 50, 10) and s["epsilon"] == 1e-4 and s["samples"] == 3:
                st.caption(BOOK)

    verdict = read(report, s["samples"], room(data.x_train.shape[1], v.layers, data.classes))
    formulas = [common.DIFFERENCE] * (s["scheme"] == "central") + common.metric(report)
    return Shown(verdict, formulas, script_of(s, data.name), common.numbers(report), details)


PLAIN = {control.name: control.default for control in (*CONTROLS, *MORE)}
DLFS = {"data": "mnist", "epsilon": 1e-4}  # the book's images and step
PART = Part(
    "net", "A network", show,
    question="Is backpropagation right for every weight?",
    sees="All weights and biases of a network in one strip, θ, the first layer on the left. The colour tells how far backpropagation is from a measured slope.",
    matters="A wrong gradient brings no error message, only worse training. Compared weight by weight, it can be seen.",
    first="Change the activation, then add batch norm. Do both sides still agree?",
    predict=Question(
        "How many of the gradient's arrays will not be graded right?",
        ("None", "Some of them", "All of them"), (0.01, 99.99),
        lambda v, shown: 100 * float((shown.numbers["grade"] != "right").mean()),
        "Not graded right: {} % of the arrays.", "A check compares each array with differences, and those have errors of their own."),
    controls=CONTROLS, folded={"More": MORE}, inside=(PARAMETER,),
    presets=(
        Preset("grad_default", "Every weight of a network", "25,194 components, taken by backpropagation and by differences while you move a slider."),
        Preset("grad_trap", "The 10⁻⁷ trap", "With ε = 10⁻⁷, a threshold of 10⁻⁷ for every parameter rejects correct code, because of rounding.",
               {"epsilon": 1e-7, "gain": 0.1}),
        Preset("grad_ch5", "Deep Learning from Scratch, ch. 5",
               "784-50-10, three images, ε = 10⁻⁴. Without a number added inside the logarithm, all mean differences stay below 10⁻⁹.",
               DLFS | {"layers": "50", "samples": 3, "initializer": "normal", "gain": 0.01}),
        Preset("grad_dlfs_bn", "Its batch-norm check: one image",
               "Over 99 % of the gradients are exactly 0 on both sides, and the last β steps across ReLU's kink.",
               DLFS | {"layers": "100-100", "samples": 1, "batch_norm": "before"}),
    ),
    try_next=(
        Try("One image and batch norm: over 99 % of the gradients are 0 on both sides, and hardly anything is tested.",
            PLAIN | {"samples": 1, "batch_norm": "before"}),
        Try("float32 with ε = 10⁻⁵: the same code, the same network, and no verdict.", PLAIN | {"precision": "float32", "epsilon": 1e-5}),
        Try("The complex step: both sides agree in 15 digits.", PLAIN | {"scheme": "complex"}),
        Try("GELU, dropout, batch norm after the activation: backpropagation is right there too.",
            PLAIN | {"activation": "gelu", "dropout": 0.5, "batch_norm": "after"}),
    ),
    sources=(check_gradients, structured.loss_changes, judge), cites=("dlfs", "cs231n", "squire"),
)
