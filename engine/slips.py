"""Slips: sentences of the lecture notes that a measurement does not bear out, each with the experiment that shows it.

The claims are the notes'; what is said of each is measured here, anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.activations import as_activation
from engine.datasets import load_digits
from engine.gradient_check.cautions import CAUTIONS
from engine.initializers import as_initializer
from engine.layers import BatchNorm
from engine.losses import softmax_cross_entropy
from engine.network import mlp
from engine.propagation import over_seeds, propagate
from engine.studies.input_scaling import features, valley
from engine.studies.layer_list import parse_layers
from engine.studies.variants import Recipe, course
from engine.verdict import number

Array = np.ndarray
DOUBLED = "784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, elu, 10"


@dataclass(frozen=True)
class Slip:
    """A claim as it is written, in which of the notes, the experiment, and what it measures, as a sentence."""

    claim: str
    notes: str
    experiment: str
    measured: Callable[[], str]


def gradient_left(initializer: str, seeds: int = 10) -> float:
    """Size of the gradient in the first of five sigmoid layers over that in the fifth; the median of some networks."""
    settings = {"depth": 5, "width": 100, "activation": "sigmoid", "initializer": initializer, "measure": ()}
    return float(np.median([run.gradient_rms[0] / run.gradient_rms[-1] for run in over_seeds(range(seeds), **settings)]))


def sigmoid() -> str:
    one, xavier = gradient_left("normal"), gradient_left("lecun_normal")
    return f"The first layer gets {number(one)} of the last one's gradient with σ = 1, and {number(xavier)} with 1/√n: the other way round."


def by_variance() -> str:
    variance, std = (valley(features(1000), way) for way in ("variance", "std"))
    a, b = (number(float(x)) for x in variance.stds)
    return (f"Divided by σ², the spreads are {a} and {b}, and the condition number is {number(variance.condition, 2)}. "
            f"Divided by σ, both are 1, and it is {number(std.condition, 2)}.")


def elu_twice() -> str:
    elu, z = as_activation("elu").f, np.linspace(-50, 10, 6001)
    doubled = parse_layers(DOUBLED).doubled_activations()
    return (f"One ELU goes down to {number(float(elu(z).min()))}, two go down to {number(float(elu(elu(z)).min()))}. "
            f"In the listing, {len(doubled)} activation follows another without weights between them.")


def near_zero() -> str:
    start, later = CAUTIONS["late"].check(True), CAUTIONS["late"].check(False)
    return (f"At the start, where biases are 0, the wrong code passes with {number(start.relative_error)}. "
            f"After 20 steps it is found, with {number(later.relative_error)}: near 0 the mistake hides.")


def one_or_two() -> str:
    settings = {"depth": 30, "width": 300, "samples": 100, "activation": "relu", "measure": ()}
    ends = [propagate(initializer=rule, rng=np.random.default_rng(0), **settings).gradient_rms[0] for rule in ("lecun_normal", "he_normal")]
    return (f"After thirty ReLU layers, the gradient has a size of {number(float(ends[0]))} with 1/n, and of {number(float(ends[1]))} with 2/n. "
            "The code itself stops with a TypeError: randn has no argument called shape.")


def elements() -> str:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(100)
    before = np.linalg.norm(x)
    for _ in range(10):
        x = x @ rng.choice([-0.5, 0.5], (100, 100))
    grown = float(np.linalg.norm(x) / before) ** 0.1
    return f"Every element has the size 0.5, and the signal grows × {number(grown)} a layer: the gain is √100 × 0.5 = 5."


def equal_weights() -> str:
    data, sizes = load_digits(), []
    network = mlp((64, 20, 20, 10), activation="tanh", initializer="constant", gain=0.1, rng=np.random.default_rng(0), dtype=np.float64)
    hidden = next(p for p in network.parameters if p.name == "dense_2.W")
    for _ in range(11):
        network.loss_and_gradient(data.x_train[:100] / data.pixel_max, data.y_train[:100])
        sizes.append(float(np.sqrt(np.mean(hidden.gradient**2))))
        network.theta -= 0.5 * network.gradient
    alike = "all 20 units get the same" if np.ptp(hidden.gradient, axis=1).max() < 1e-6 * sizes[-1] else "its units get different ones"
    return (f"After ten steps, the gradient of the second layer has a size of {number(sizes[-1])}, not 0, and {alike}. "
            f"Only at the very first step it is 0 up to rounding, {number(sizes[0])}: softmax's gradient sums to 0 over equal weights.")


def outside(activation: str, initializer: str) -> float:
    """Share of all activations in five layers that lie outside of 0 … 1."""
    rng, phi, y, missed = np.random.default_rng(0), as_activation(activation), None, []
    y = rng.standard_normal((1000, 100))
    for _ in range(5):
        y = phi.f(y @ as_initializer(initializer).draw(rng, (100, 100)))
        missed.append(np.mean((y < 0) | (y > 1)))
    return float(np.mean(missed))


def histogram() -> str:
    return (f"Outside of 0 … 1 lie {100 * outside('tanh', 'lecun_normal'):.0f} % of the activations of tanh, and "
            f"{100 * outside('relu', 'he_normal'):.0f} % of ReLU's with He's weights. The figure leaves them out without a word.")


def overfitting() -> str:
    data, said = load_digits().first(300), {}
    for batch_norm in (None, "before"):
        for dropout in (0.0, 0.3):
            ends = [course(Recipe(batch_norm=batch_norm, dropout=dropout, epochs=20), data, seed) for seed in range(3)]
            said[batch_norm, dropout] = [100 * float(np.mean([one[-1] for one in ones])) for ones in zip(
                *((end.train_accuracy, end.test_accuracy) for end in ends), strict=True)]
    without, with_it = said[None, 0.0], said["before", 0.0]
    gains = [said[batch_norm, 0.3][1] - said[batch_norm, 0.0][1] for batch_norm in (None, "before")]
    return (f"Without batch norm it reads {without[0]:.1f} % of its own images and {without[1]:.1f} % of new ones. "
            f"With it, {with_it[0]:.1f} and {with_it[1]:.1f} %. "
            f"Dropout of 0.3 then changes the new ones by {signed(gains[0])} and by {signed(gains[1])} points.")


def signed(x: float) -> str:
    return f"{x:+.1f}".replace("-", "−")


def moving() -> str:
    layer, rng = BatchNorm(1, dtype=np.float64), np.random.default_rng(0)
    for _ in range(1000):
        layer.forward(3 * rng.standard_normal((200, 1)), training=True)
    return f"Fed with a spread of 3, it stores {number(float(layer.running_var.value[0]), 2)}: the variance."


def tanh_output() -> str:
    loss, _ = softmax_cross_entropy(np.array([[1.0] + [-1.0] * 9]), np.array([0]))
    best = 100 * float(np.exp(-loss))
    return f"Ten outputs between −1 and 1 give the right class {best:.0f} % at best, and a loss of {number(float(loss))} that no training lowers."


SLIPS: dict[str, Slip] = {
    "sigmoid": Slip(
        "For sigmoid layers, Xavier's weights are stable, and weights of σ = 1 let the gradient vanish.", "weight initialization",
        "1,000 random inputs go through five sigmoid layers of 100 units, and a gradient comes back; ten networks of each kind.", sigmoid),
    "variance": Slip(
        "Inputs are normalised by x := (x − μ) / σ².", "normalising inputs",
        "Two features, one from 1 to 1,000 and one from 0 to 1, are divided by their variance and by their spread.", by_variance),
    "elu": Slip(
        f"The second Keras listing: {DOUBLED}.", "batch normalization",
        "ELU is applied once and twice to numbers from −50 to 10, and the listing is read.", elu_twice),
    "near_zero": Slip(
        "Gradient checking fails when the parameters start near 0.", "gradient checking",
        "A backward pass with a bug is checked at the start and after 20 steps of training.", near_zero),
    "two": Slip(
        "The variance of the weights is 1/n in the text, and 2/n in the code beside it, np.random.randn(shape=…) × √(2/n).", "weight initialization",
        "Thirty ReLU layers of 300 units, once with each variance; a gradient of size 1 comes back.", one_or_two),
    "elements": Slip(
        "Weights with elements above 1 explode, and those below 1 vanish.", "vanishing and exploding gradients",
        "A signal goes through ten matrices of 100 × 100 whose elements are all 0.5 or −0.5.", elements),
    "equal": Slip(
        "With equal weights, all gradients are zero.", "weight initialization",
        "100 of the digits go through two hidden layers of 20 tanh units, all weights 0.1, and the network learns for ten steps.", equal_weights),
    "histogram": Slip(
        "The activations are drawn by plt.hist(a, 30, range=(0, 1)).", "weight initialization",
        "1,000 random inputs go through five layers of 100 units, and what lies outside of 0 … 1 is counted.", histogram),
    "overfitting": Slip(
        "Batch norm suppresses overfitting, reduces covariate shift, and lessens the need for dropout.", "batch normalization",
        "A network of 100 and 100 units learns 300 digits for 20 epochs, with and without batch norm and dropout; mean of 3 seeds.", overfitting),
    "moving": Slip(
        "Keras's batch norm stores the moving standard deviation.", "batch normalization",
        "The batch norm of this engine, which stores what Keras calls moving_variance, gets 1,000 batches of 200.", moving),
    "output": Slip(
        "Hidden layers take ReLU, and the output takes tanh.", "activation functions",
        "The best that ten tanh outputs can say goes through softmax: 1 for the right class, −1 for the others.", tanh_output),
}


def measured(key: str) -> str:
    """What the experiment of a slip shows, as a sentence."""
    return SLIPS[key].measured()
