"""A network: every component of its gradient, by backpropagation and by differences."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.activations import ACTIVATIONS
from engine.datasets import Dataset, load_digits, normalizer
from engine.gradient_check import check_gradients, structured
from engine.gradient_check.explanation import explain
from engine.gradient_check.finite_differences import best_epsilon
from engine.gradient_check.report import GradientReport, judge
from engine.initializers import INITIALIZERS
from engine.losses import Penalty
from engine.network import mlp
from engine.verdict import Verdict
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PARAMETER, PRINT
from pages.shared import layout
from pages.shared.control import Control, Ladder, Menu, Values, seed_control
from pages.shared.encodings import specification
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.runs import place

BEST = 0.0  # the best epsilon of the scheme
WORK = 3e9  # multiplications that one answer may cost: about a second
COARSE = 1000  # most cells of the map
SCHEMES = {"forward": "One-sided", "central": "Two-sided", "complex": "Complex step"}
CONTROLS: tuple[Control, ...] = (
    Menu(
        "grad_layers", "Hidden layers", "256-32", "Units of each hidden layer, first layer first.",
        ("10", "50", "100", "350", "24-16", "50-30", "100-100", "128-128", "256-32", "30-30-30", "50-50-50-50"),
        show=lambda text: text.replace("-", " – "),
    ),
    Menu("grad_activation", "Activation φ", "relu", "Those with a kink can put both sides in doubt.", tuple(ACTIVATIONS)),
    Menu("grad_batch_norm", "Batch norm", "none", "Each change of a weight moves the batch's mean as well.", ("none", "before", "after")),
    Ladder("grad_dropout", "Dropout rate", 0.0, "One mask is held for the whole check.", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)),
    Ladder("grad_samples", "Images m", 16, "In the batch whose loss is differentiated. With batch norm, try 1.", (1, 2, 3, 5, 10, 16, 32, 64)),
    Menu(
        "grad_scheme", "Difference", "central",
        "One-sided: J(θ + ε) − J(θ). Two-sided: J(θ + ε) − J(θ − ε). Complex step: the imaginary part of J(θ + iε).",
        tuple(SCHEMES), show=lambda key: SCHEMES[key],
    ),
    Ladder(
        "grad_epsilon", "Step ε", BEST, "Too large and the secant is not the tangent; too small and rounding takes over.",
        (BEST, 1e-30, 1e-20, *(10.0**-k for k in range(12, 0, -1))), show=lambda e: f"{e:g}" if e else "best for the scheme", words={BEST: "best"},
    ),
)  # fmt: skip
MORE: tuple[Control, ...] = (
    Menu("grad_precision", "Precision", "float64", "float32 carries 7 digits, float64 16.", ("float32", "float64"), pills=True, show=str),
    Ladder("grad_l2", "L2 penalty λ", 0.0, "In J and in the gradient. To forget it, see Cautions.", (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)),
    Menu("grad_data", "Dataset", "digits", "Digits is built in, 64 pixels an image. MNIST has 784.", ("digits", "mnist")),
    Menu("grad_initializer", "Initializer", "he_normal", "The rule that draws the weights.", tuple(INITIALIZERS)),
    Ladder("grad_gain", "Gain", 1.0, "Multiplies the weights.", (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)),
    Ladder("grad_sigma_b", "Biases σ_b", 0.0, "Standard deviation of the biases.", (0.0, 0.1, 0.3, 0.5, 1.0)),
    seed_control("grad", help="The same seed draws the same weights."),
)
BOOK = (
    "The book reports mean differences of 1.4 × 10⁻⁷ for the last bias and 6 × 10⁻⁹ for its weights. They are not rounding: its loss is "
    "ln(p + 10⁻⁷), and backpropagation differentiates ln p. Its 2.4 × 10⁻⁵ and 1.8 × 10⁻⁶ in the first layer are one unit that "
    "stepped across ReLU's kink. With ln p itself and no kink, what remains is 10⁻¹³ to 10⁻¹⁰."
)


@st.cache_resource(max_entries=8, show_spinner=False)
@place()
def check(
    data: str, _images: Dataset, samples: int, sizes: tuple, l2: float, epsilon: float, scheme: str, precision: str, seed: int, **built
) -> GradientReport:
    x = normalizer("scale", _images, np.float64)(_images.x_train[:samples])
    network = mlp(sizes, rng=np.random.default_rng(seed), dtype=np.float64, **built)
    penalty = Penalty(l2=l2) if l2 else None
    return check_gradients(network, x, _images.y_train[:samples], penalty=penalty, epsilon=epsilon, scheme=scheme, dtype=np.dtype(precision))


def affordable(sizes: tuple[int, ...], samples: int) -> int:
    """As many images as a large network leaves room for: every weight's step has to be followed to the top."""
    above = [10 * n + sum(a * b for a, b in zip(sizes[i + 1 :], sizes[i + 2 :], strict=False)) for i, n in enumerate([*sizes[2:], 1])]
    once = sum(a * b * work for a, b, work in zip(sizes, sizes[1:], above, strict=False))
    fits = max(1, min(samples, int(WORK / once)))
    if fits < samples:
        st.caption(f"A network of this size is checked on {fits} image{'s' * (fits > 1)}, to answer at once.")
    return fits


def settings_of(v: Values, data: Dataset) -> dict[str, Any]:
    """The arguments of `check`."""
    sizes = (data.x_train.shape[1], *map(int, v.layers.split("-")), data.classes)
    kept = {name: getattr(v, name) for name in ("activation", "dropout", "l2", "scheme", "precision", "initializer", "gain", "sigma_b", "seed")}
    return {
        **kept,
        "sizes": sizes,
        "samples": affordable(sizes, v.samples),
        "batch_norm": None if v.batch_norm == "none" else v.batch_norm,
        "epsilon": v.epsilon if v.epsilon != BEST else best_epsilon(v.scheme, np.dtype(v.precision)),
    }


def read(report: GradientReport, samples: int) -> Verdict:
    """Kinds are the grades. The engine's cure in terms of the controls: the best epsilon is a setting of its own."""
    verdict = explain(report, samples)
    fix = {"samples": verdict.fix["samples"]} if "samples" in verdict.fix else {}
    if "dtype" in verdict.fix:
        fix["precision"] = verdict.fix["dtype"]
    if "epsilon" in verdict.fix or "dtype" in verdict.fix:
        fix["epsilon"] = BEST
    return Verdict(verdict.kind, verdict.text, fix)


def error_cells(report: GradientReport, name: str) -> pd.DataFrame:
    """One parameter's errors (row, row2, column, column2, log_error), the largest of each block."""
    error = np.nan_to_num(common.matrix(report.local_error, report.by_parameter[name]), nan=np.inf)
    return common.blocks(error, np.max, COARSE, "log_error", common.log_error)


def error_map(name: str, rows: int, columns: int) -> dict:
    """One parameter, coloured by error as the strip is. A specification, to be sent with rows of `error_cells`."""
    by_error = alt.Color("log_error", type="quantitative", scale=common.ERROR_SCALE, legend=None)
    return specification(alt.layer(common.grid(rows, columns, ("log_error", "log₁₀ error", ".1f"), by_error), title=f"{name}, by error"))


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
    report = check(data.name, data, **s)
    common.show_strip(report)

    def details() -> None:
        common.show_warnings(report)
        left, right = st.columns([3, 2])
        with right:
            name = common.choose_parameter(report)
            spec = error_map(name, *common.shape(report.by_parameter[name]))
            layout.show(st, spec, f"Heat map of {name}: error of each component or block of components", error_cells(report, name))
        left.dataframe(common.parameter_table(report), hide_index=True)
        with st.container(width=layout.TEXT_WIDTH):
            common.show_bands(report)
            if v.data == "mnist" and s["epsilon"] == 1e-4 and s["samples"] == 3:
                st.markdown(BOOK)

    return Shown(read(report, s["samples"]), common.metric(report), script_of(s, data.name), common.numbers(report), details)


SOUND = {"precision": "float64", "epsilon": BEST, "samples": 16}  # what the check itself wants
PART = Part(
    "net",
    "A network",
    show,
    controls=CONTROLS,
    more=MORE,
    inside=(PARAMETER,),
    presets=(
        Preset("grad_default", "Every weight of a network", "25,194 components, all compared, while you move a slider."),
        Preset(
            "grad_trap",
            "The 10⁻⁷ trap",
            "ε = 10⁻⁷ and a threshold of 10⁻⁷ for every parameter: correct code is rejected, for its rounding.",
            {"epsilon": 1e-7, "gain": 0.1},
        ),
        Preset(
            "grad_ch5",
            "Deep Learning from Scratch, ch. 5",
            "784-50-10, three images, ε = 10⁻⁴: mean differences of 10⁻¹³ to 10⁻¹⁰ once nothing is added inside the logarithm.",
            {"data": "mnist", "layers": "50", "samples": 3, "epsilon": 1e-4, "initializer": "normal", "gain": 0.01},
        ),
        Preset(
            "grad_dlfs_bn",
            "Its batch-norm check: one image",
            "Nearly every gradient is exactly 0 on both sides, and the last β stands on ReLU's kink.",
            {"data": "mnist", "layers": "100-100", "samples": 1, "epsilon": 1e-4, "batch_norm": "before"},
        ),
    ),
    try_next=(
        Try("One image and batch norm: nothing is wrong, because nothing is tested.", SOUND | {"samples": 1, "batch_norm": "before", "dropout": 0.0}),
        Try("float32 with ε = 10⁻⁵: the same code, the same network, and no verdict.", {"precision": "float32", "epsilon": 1e-5}),
        Try("The complex step: agreement to the last digit.", SOUND | {"scheme": "complex"}),
        Try(
            "GELU, dropout, batch norm after the activation: the check needs no new code.",
            SOUND | {"activation": "gelu", "dropout": 0.5, "batch_norm": "after"},
        ),
    ),
    sources=(check_gradients, structured.loss_changes, judge),
)
