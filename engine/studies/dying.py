"""Dying units: which units does no input switch on, and do they come back?

A ReLU with z <= 0 on every image has slope 0 on every image: no gradient reaches its
weights. In layer 1, whose inputs are the images, it stays so once the optimizer has come
to rest; deeper, the inputs move and may switch it on again. A bias that starts too low
does it at once, a step that is too large on the way. A slope to the left is a way back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.activations import Activation, as_activation
from engine.datasets import Dataset, load_digits, normalizer
from engine.layers import Activate, Dense
from engine.network import Network, mlp
from engine.optimizers import Adam
from engine.training import train

Array = np.ndarray

EPOCHS = 12


@dataclass(frozen=True)
class Watch:
    """A look at all units over all training images, after `step` steps, which are `epoch` times through the images.

    off : (depth,) share of each layer's units with z <= 0 on every image
    silent : (depth, width) whether a unit's slope is 0 on every image, so that no gradient reaches its weights
    accuracy : share of the training images read correctly
    """

    step: int
    epoch: float
    off: Array
    silent: Array
    accuracy: float

    @property
    def dead(self) -> Array:
        """(depth,) share of units whose slope is 0 on every image at this look."""
        return self.silent.mean(axis=1)


@dataclass(frozen=True)
class SweepPoint:
    """The end of one training: shares over all hidden units, and the training accuracy."""

    activation: str
    learning_rate: float
    bias: float
    off: float
    dead: float
    accuracy: float


def watch_units(activation: str | Activation, *, learning_rate: float, bias: float = 0.0, seed: int = 0, depth: int = 3, width: int = 50,
                epochs: int = EPOCHS, batch_size: int = 64, data: Dataset | None = None) -> list[Watch]:
    """Train 64 - width × depth - 10 on the digits with Adam, looking at all units before the first step, after it, and after every epoch.

    The same seed gives every activation the same weights, He's, and the same order of images.

    Parameters
    ----------
    bias : float
        What the hidden biases start from, all of them.

    Raises
    ------
    ValueError
        "learning_rate must be above 0, got 0"; "depth must be at least 1, got 0".
    """
    if not 0 < learning_rate < np.inf:
        raise ValueError(f"learning_rate must be above 0, got {learning_rate:g}")
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    data = data or load_digits()
    x = normalizer("scale", data)(data.x_train)
    network = mlp((x.shape[1], *[width] * depth, data.classes), activation=activation, initializer="he_normal", rng=np.random.default_rng([seed, 0]))
    for layer in network.layers[:-1]:
        if isinstance(layer, Dense):
            layer.bias.value[...] = bias
    looks = [_look(network, 0, 0.0, x, data.y_train)]
    per_epoch = -(-len(x) // batch_size)
    for progress in train(network, data, Adam(network, learning_rate), epochs=epochs, batch_size=batch_size, rng=np.random.default_rng([seed, 1]),
                          evaluate_every=10**9, evaluation_images=1):
        if progress.step == 1 or progress.step % per_epoch == 0 or progress.diverged:
            looks.append(_look(network, progress.step, progress.epoch, x, data.y_train))
    return looks


def _look(network: Network, step: int, epoch: float, x: Array, labels: Array) -> Watch:
    with np.errstate(all="ignore"):
        answers = network.forward(x).argmax(axis=1)
        layers = [layer for layer in network.layers if isinstance(layer, Activate)]
        off = np.array([(layer.x <= 0).all(axis=0).mean() for layer in layers])
        silent = np.array([(_slope(layer) == 0).all(axis=0) for layer in layers])
    return Watch(step, epoch, off, silent, float((answers == labels).mean()))


def came_back(watches: Sequence[Watch]) -> tuple[Array, Array]:
    """(depth,) units of each layer that were silent at some look, and those among them that are not at the last."""
    ever = np.any([w.silent for w in watches], axis=0)
    return ever.sum(axis=1), (ever & ~watches[-1].silent).sum(axis=1)


def _slope(layer: Activate) -> Array:
    """phi'(z) at what the layer last saw, with the slope that a PReLU has learned by now."""
    if layer.slope is None:
        return layer.activation.df(layer.x)
    return np.where(layer.x > 0, 1, layer.slope.value)


def sweep(activations: Sequence[str | Activation], learning_rates: Sequence[float], biases: Sequence[float], **settings) -> Iterator[SweepPoint]:
    """One training for each activation, learning rate and bias, yielding each at its end; `settings` as in `watch_units`."""
    for bias in biases:
        for rate in learning_rates:
            for activation in activations:
                last = watch_units(activation, learning_rate=rate, bias=bias, **settings)[-1]
                yield SweepPoint(as_activation(activation).name, rate, bias, float(last.off.mean()), float(last.dead.mean()), last.accuracy)
