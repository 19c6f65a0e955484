"""Named experiments: a title, the page that runs it, what to look for, and the values of that page's controls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from pages.shared.controls import ACT, BATCH_NORM, GRAD, INIT, MNIST


@dataclass(frozen=True)
class Preset:
    title: str
    page: str
    look_for: str
    values: Mapping[str, Any]  # control names without the page's prefix; what is not named takes its default


_DEEP = {"data": "mnist", "depth": 4, "width": 100, "optimizer": "sgd", "rate": 0.01, "batch": 128, "epochs": 5}
_NOTES = {
    "data": "mnist",
    "images": 10000,
    "depth": 5,
    "width": 100,
    "activation": "sigmoid",
    "initializer": "lecun_normal",
    "optimizer": "sgd",
    "rate": 1.0,
    "batch": 100,
    "epochs": 12,
}
_FEW = {"data": "mnist", "images": 300, "depth": 6, "width": 100, "optimizer": "sgd", "rate": 0.01, "batch": 100, "epochs": 200}

PRESETS: dict[str, Preset] = {
    "start": Preset("Start here", "mnist_training", "A small ReLU network reads handwriting after a second of training.", {}),
    "small_weights": Preset(
        "Weights too small (σ = 0.01)",
        "mnist_training",
        "Loss stays at ln 10 = 2.30: four layers shrink the signal to nothing.",
        {**_DEEP, "initializer": "normal", "gain": 0.01},
    ),
    "xavier": Preset(
        "The same, Xavier 1/n", "mnist_training", "It learns, a little slower than He under ReLU.", {**_DEEP, "initializer": "lecun_normal"}
    ),
    "he": Preset("The same, He 2/n", "mnist_training", "The factor 2 makes up for the half that ReLU cuts off.", _DEEP),
    "sigmoid_stuck": Preset(
        "Sigmoid, five layers, 1/√n",
        "mnist_training",
        "It never learns, whatever the notes say: φ′(0) = ¼, five times. Every image gets the same answer, 11.35 % at best.",
        _NOTES,
    ),
    "sigmoid_scaled": Preset(
        "The same with 4/√n", "mnist_training", "A gain of 4 makes up for the quarter: 93 to 95 % of new images.", {**_NOTES, "gain": 4.0}
    ),
    "sigmoid_wide": Preset(
        "The same with σ = 1",
        "mnist_training",
        "The notes call it the vanishing one. It saturates, and learns: 85 to 88 %.",
        {**_NOTES, "initializer": "normal"},
    ),
    "sigmoid_bn": Preset(
        "The same with batch norm", "mnist_training", "Batch norm finds the scale by itself: 92 to 93 %.", {**_NOTES, "batch_norm": "before"}
    ),
    "overfit": Preset("Overfitting 300 images", "mnist_training", "Train reaches 100 %, test stays behind.", _FEW),
    "weight_decay": Preset("The same with L2 = 0.1", "mnist_training", "The gap narrows; both fall.", {**_FEW, "l2": 0.1}),
    "dropout": Preset(
        "The same with dropout 0.2",
        "mnist_training",
        "Six layers of dropout at this rate slow learning more than they help.",
        {**_FEW, "dropout": 0.2, "epochs": 300},
    ),
    "elu_bn": Preset(
        "ELU + He + batch norm + Adam",
        "mnist_training",
        "97.5 % of MNIST after five passes.",
        {"data": "mnist", "depth": 2, "width": 300, "activation": "elu", "batch_norm": "before", "batch": 128, "epochs": 5},
    ),
    "wide_dropout": Preset(
        "512-512 with dropout 0.2",
        "mnist_training",
        "Over 98 %, the classic baseline.",
        {"data": "mnist", "depth": 2, "width": 512, "dropout": 0.2, "batch": 128, "epochs": 15},
    ),
    "too_fast": Preset(
        "Learning rate 100",
        "mnist_training",
        "The run overflows; the sentence names the step and the layer.",
        {"activation": "leaky_relu", "optimizer": "sgd", "rate": 100.0},
    ),
}

TABLES = {"mnist_training": MNIST}


def values_of(preset: Preset) -> dict[str, Any]:
    """Every control of the preset's page and its value, by URL key."""
    table = TABLES[preset.page]
    unknown = set(preset.values) - set(table)
    if unknown:
        raise ValueError(f"values must name controls of {preset.page}, got {', '.join(sorted(unknown))}")
    return {control.key: preset.values.get(name, control.default) for name, control in table.items()}


_NOTES_FIGURE = {"depth": 5, "width": 100, "samples": 1000, "seeds": 10}


def _figure(title: str, look_for: str, activation: str, initializer: str, gain: float = 1.0, **more: Any) -> Preset:
    return Preset(title, "initialization", look_for, {**_NOTES_FIGURE, "activation": activation, "initializer": initializer, "gain": gain, **more})


PRESETS |= {
    "sigmoid_1": _figure(
        "Sigmoid, σ = 1", "Both ends of the sigmoid are full: it saturates. Yet the RMS of the gradient hardly falls.", "sigmoid", "normal"
    ),
    "sigmoid_001": _figure("Sigmoid, σ = 0.01", "All units say 0.5, and the gradient is gone after five layers.", "sigmoid", "normal", 0.01),
    "sigmoid_xavier": _figure(
        "Sigmoid, 1/√n", "The histogram looks healthy, but std over the data is not: inputs can no longer be told apart.", "sigmoid", "lecun_normal"
    ),
    "tanh_1": _figure("tanh, σ = 1", "Nearly everything is −1 or 1.", "tanh", "normal"),
    "tanh_xavier": _figure("tanh, 1/√n", "The spread shrinks slowly and evenly: this is what Xavier's rule is for.", "tanh", "lecun_normal"),
    "relu_001": _figure("ReLU, σ = 0.01", "Each layer keeps a fourteenth of the signal.", "relu", "normal", 0.01),
    "relu_xavier": _figure("ReLU, 1/√n", "Half of the variance is lost in every layer: 1/√2 of the spread.", "relu", "lecun_normal"),
    "relu_he": _figure("ReLU, √(2/n)", "The factor 2 gives back what ReLU cuts off.", "relu", "he_normal"),
    "cs231n": _figure(
        "Ten ReLU layers × 500, He",
        "0.8256 says the theory; a network of finite width scatters around it.",
        "relu",
        "he_normal",
        depth=10,
        width=500,
        seeds=3,
    ),
    "linear_chain": _figure("Linear chain", "1.5 to the power of 49 is 4 × 10⁸.", "identity", "lecun_normal", 1.5, part="chain", depth=50),
    "constant": _figure("Constant weights", "All units of a layer are one unit.", "tanh", "constant", 0.1, part="symmetry"),
    "tanh_critical": _figure(
        "tanh at criticality", "σ_w = 1 and no bias: the spread falls like 1/√l, and no faster.", "tanh", "lecun_normal", depth=50, width=300, seeds=3
    ),
    "tanh_chaos": _figure(
        "tanh beyond it, σ_w = 1.5", "The signal is steady, and the gradient explodes: chaos.", "tanh", "lecun_normal", 2.0, depth=50, seeds=3
    ),
}
TABLES["initialization"] = INIT


def _batch_norm(title: str, look_for: str, part: str, **values: Any) -> Preset:
    return Preset(title, "batch_norm", look_for, {"part": part, **values})


PRESETS |= {
    "bn_start": _batch_norm("One mini-batch", "Left to right: subtract the mean, divide by the spread, then γ and β.", "batch"),
    "bn_one": _batch_norm("A batch of one", "x − μ is 0: whatever goes in, β comes out.", "batch", size=1),
    "bn_two": _batch_norm("A batch of two", "Always −1 and +1.", "batch", size=2),
    "bn_epsilon": _batch_norm("ε larger than the variance", "x̂ has lost its spread.", "batch", spread=1e-3),
    "bn_outlier": _batch_norm("One value far out", "It squeezes all the others, and stays within √(m − 1).", "batch", pull=10.0, size=16),
    "bn_gradient": _batch_norm("The gradient, term by term", "The three terms add up to dx, which sums to zero.", "gradient"),
    "bn_early": _batch_norm("Evaluated too early", "The running statistics are not there yet.", "running", evaluate=5),
    "bn_shifted": _batch_norm("The inputs shift", "The running mean lags behind what training already knows.", "running", shift=2.0, evaluate=63),
    "bn_run_one": _batch_norm(
        "Trained with batches of one", "The running variance is 0, and the answers in use explode.", "running", run_size=1, evaluate=60
    ),
    "bn_small": _batch_norm("Weights too small", "Grey dies with depth; both batch norms do not.", "depth", scale=0.05),
    "bn_he": _batch_norm("He's scale, with and without", "Where the weights fit, batch norm has nothing to mend.", "depth", scale=1.4142),
    "bn_sixteen": _batch_norm("Sixteen scales on MNIST", "Batch norm learns nearly everywhere, and loses at 0.29 and 0.16.", "scales", data="mnist"),
    "bn_keras_after": _batch_norm("Keras listing: BN after ELU", "271,346 parameters, 2,368 of them not trained.", "cost"),
    "bn_keras_before": _batch_norm(
        "Keras listing: BN before ELU", "400 biases fewer: 270,946.", "cost", layers="784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, 10"
    ),
    "bn_keras_doubled": _batch_norm(
        "The listing as printed: ELU twice",
        "The same count; but elu(elu(x)) floors at −0.632.",
        "cost",
        layers="784, BN, 300 elu no bias, BN, elu, 100 elu no bias, BN, elu, 10",
    ),
    "bn_inputs": _batch_norm("Ranges 1 … 1000 and 0 … 1", "By σ² the valley is as long as before, only turned.", "input"),
    "bn_inputs_10": _batch_norm("Ranges 1 … 10 and 0 … 1", "A valley short enough to be seen.", "input", range=10, share=0.9),
}
TABLES["batch_norm"] = BATCH_NORM


def link_to(key: str) -> str:
    """The link that opens a preset on its page."""
    preset = PRESETS[key]
    table, pairs = TABLES[preset.page], []
    for name, value in preset.values.items():
        if value != table[name].default:
            pairs += [
                (table[name].key, table[name].write([v] if isinstance(value, list) else v)) for v in (value if isinstance(value, list) else [value])
            ]
    return f"{preset.page}?{urlencode(pairs)}"


PRESETS |= {
    "act_notes": Preset(
        "The notes' figure",
        "activations",
        "Five curves, and below them where each slope is gone.",
        {"part": "curves", "set": ["sigmoid", "tanh", "relu", "leaky_relu", "elu"]},
    ),
    "act_far": Preset(
        "A neuron at z = 51",
        "activations",
        "σ′(51) = 7 × 10⁻²³: this neuron has stopped learning.",
        {"part": "curves", "z": 51.0, "set": ["sigmoid", "tanh", "relu"]},
    ),
    "act_hand": Preset("Backprop by hand", "activations", "0.731, 0.5, 0.5575: the slide rounds the last to 0.55.", {"part": "hand"}),
    "act_sigmoid": Preset("Sigmoid at 1/√n", "activations", "Less than a quarter of the gradient is left after each layer.", {"set": ["sigmoid"]}),
    "act_sigmoid_4": Preset(
        "Sigmoid at 4/√n", "activations", "0.63 a layer instead of 0.24: five layers train now, thirty do not.", {"set": ["sigmoid"], "gain": 4.0}
    ),
    "act_dying": Preset(
        "Dying ReLU: biases too low",
        "activations",
        "ReLU's line stays where it began. The other three come down: their units come back.",
        {"part": "dying"},
    ),
    "act_dying_step": Preset(
        "Dying ReLU: steps too large",
        "activations",
        "The first step alone switches half of the units off.",
        {"part": "dying", "rate": 0.1, "bias": 0.0},
    ),
    "act_selu": Preset(
        "SELU, 100 layers", "activations", "Wherever it starts, it runs to mean 0 and variance 1 and stays there.", {"part": "selu", "layers": 100}
    ),
    "act_selu_dropout": Preset(
        "SELU with dropout",
        "activations",
        "Zeros in place of SELU's floor: the fixed point moves away from (0, 1).",
        {"part": "selu", "dropout_rate": 0.1},
    ),
    "act_selu_he": Preset(
        "SELU with He's weights",
        "activations",
        "Twice the variance in every layer: there is no fixed point left.",
        {"part": "selu", "fixed_initializer": "he_normal"},
    ),
    "act_ranking": Preset(
        "The ranking at 20 layers", "activations", "Press Start. Is the textbooks' order the one that comes out?", {"part": "ranking"}
    ),
    "act_ranking_50": Preset(
        "The ranking at 50 layers",
        "activations",
        "Press Start. With five seeds most pairs of the claim stay undecided: chance is larger than most differences.",
        {"part": "ranking", "rank_depth": 50, "rank_seeds": 5},
    ),
}
TABLES["activations"] = ACT


def _check(title: str, look_for: str, **values: Any) -> Preset:
    return Preset(title, "gradient_checking", look_for, values)


PRESETS |= {
    "grad_notes": _check("The notes' θ³", "3.0301 one-sided, 3.0001 two-sided: ε² against 3ε.", part="curve", function="cube", theta=1.0, step=0.01),
    "grad_v": _check("How small is too small?", "Every scheme has a best ε, except one.", part="v"),
    "grad_default": _check("Every weight of a network", "25,194 components, all compared, while you move a slider.", part="net"),
    "grad_trap": _check(
        "The 10⁻⁷ trap", "ε = 10⁻⁷ and a threshold of 10⁻⁷ for every parameter: correct code is rejected, for its rounding.", epsilon=1e-7, gain=0.1
    ),
    "grad_ch5": _check(
        "Deep Learning from Scratch, ch. 5",
        "784-50-10, three images, ε = 10⁻⁴: mean differences of 10⁻¹³ to 10⁻¹⁰ once nothing is added inside the logarithm.",
        data="mnist",
        layers="50",
        samples=3,
        epsilon=1e-4,
        initializer="normal",
        gain=0.01,
    ),
    "grad_dlfs_bn": _check(
        "Its batch-norm check: one image",
        "Nearly every gradient is exactly 0 on both sides, and the last β stands on ReLU's kink.",
        data="mnist",
        layers="100-100",
        samples=1,
        epsilon=1e-4,
        batch_norm="before",
    ),
    **{
        f"grad_bug_{i}": _check(f"Bug {i}", "Which parameters are wrong, which are right, and what is between them?", part="bug", bug=i)
        for i in range(1, GRAD["bug"].limits[1] + 1)
    },
}
TABLES["gradient_checking"] = GRAD
