"""Sixteen scales: for which first weights does a deep network learn, without batch norm and with it?

The experiment of *Deep Learning from Scratch*, chapter 6: five hidden ReLU layers, one
standard deviation for all weights, sixteen of them from 1 to 10⁻⁴, each once without and
once with batch norm. All 32 networks see the same batches.

Networks of one shape stand side by side: a layer of sixteen networks holds (batch, 16 units)
numbers, network after network, and one `Network` trains them all. They cannot touch each
other, and one that overflows leaves the others alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.datasets import Dataset, normalizer
from engine.layers import Activate, BatchNorm, Dense, Layer
from engine.losses import softmax_cross_entropy
from engine.network import Network, mlp
from engine.optimizers import SGD
from engine.parameters import Parameter
from engine.words import AHEAD

Array = np.ndarray

SCALES = tuple(float(s) for s in np.logspace(0, -4, 16))
HIDDEN = (100,) * 5
IMAGES, BATCH, EPOCHS, RATE = 1000, 100, 20, 0.01
MOMENTUM, EPSILON = 0.9, 1e-6
# Training accuracy in the end, without and with batch norm, by the number of the scale (0 is 1.0). Source: O'Reilly Japan 2016, ch. 6.3.
PUBLISHED = {0: (0.097, 0.419), 1: (0.097, 0.498), 2: (0.979, 0.63), 3: (0.823, 0.763), 4: (0.235, 0.89), 7: (0.116, 1.0), 15: (0.116, 0.523)}


class SideBySide(Layer):
    """Dense layers of several networks at once: z_k = x_k W_k + b_k, network k on its own columns.

    Parameters
    ----------
    weights : (networks, fan_in, fan_out)
    bias : bool
        Zero at the start.
    """

    def __init__(self, weights: Array, *, bias: bool = True, name: str = "side_by_side"):
        self.name, (networks, _, fan_out) = name, weights.shape
        self.weight = Parameter(f"{name}.W", weights, is_weight=True)
        self.bias = Parameter(f"{name}.b", np.zeros(networks * fan_out, weights.dtype)) if bias else None

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        z = np.empty((len(x), self.output_features(0)), x.dtype)
        np.matmul(self._apart(x), self.weight.value, out=self._apart(z))   # (networks, batch, fan_in) @ (networks, fan_in, fan_out)
        if self.bias is not None:
            z += self.bias.value
        return z

    def backward(self, dy: Array) -> Array:
        dz, dx = self._apart(dy), np.empty_like(self.x)
        np.matmul(self._apart(self.x).transpose(0, 2, 1), dz, out=self.weight.gradient)
        if self.bias is not None:
            np.add.reduce(dy, axis=0, out=self.bias.gradient)
        np.matmul(dz, self.weight.value.transpose(0, 2, 1), out=self._apart(dx))
        return dx

    def _apart(self, x: Array) -> Array:
        """(batch, networks * features) seen as (networks, batch, features); no copy."""
        return x.reshape(len(x), len(self.weight.value), -1).transpose(1, 0, 2)

    def parameters(self) -> list[Parameter]:
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def output_features(self, features: int) -> int:
        networks, _, fan_out = self.weight.value.shape
        return networks * fan_out


def draw_weights(sizes: Sequence[int], scales: Sequence[float], rng: np.random.Generator) -> list[Array]:
    """For every layer (networks, fan_in, fan_out) float32: network k draws N(0, scales[k]²), all its layers, before the next one does."""
    shapes = list(pairwise(sizes))
    drawn = [[np.float32(scale) * rng.standard_normal(shape, dtype=np.float32) for shape in shapes] for scale in scales]
    return [np.stack(layer) for layer in zip(*drawn, strict=True)]


def side_by_side(weights: Sequence[Array], batch_norm: bool) -> Network:
    """One `Network` out of several ReLU networks with these first weights, each (networks, fan_in, fan_out).

    Its logits are (batch, networks * classes), its loss the sum of theirs. With batch norm, hidden layers have no bias.
    """
    networks, fan_in, units = weights[0].shape
    first = Dense(fan_in, networks * units, initializer="zeros", bias=not batch_norm, rng=np.random.default_rng(0), name="dense_1")
    first.weight.value[...] = weights[0].transpose(1, 0, 2).reshape(fan_in, -1)   # all see the same images: one large product
    layers: list[Layer] = [first]
    for i, w in enumerate(weights[1:], start=1):
        if batch_norm:
            layers.append(BatchNorm(networks * units, momentum=MOMENTUM, epsilon=EPSILON, name=f"batch_norm_{i}"))
        last, units = i == len(weights) - 1, w.shape[2]
        layers += [Activate("relu", name=f"activate_{i}"),
                   SideBySide(w, bias=last or not batch_norm, name="output" if last else f"dense_{i + 1}")]

    def loss(logits: Array, labels: Array) -> tuple[float, Array]:
        mean, dlogits = softmax_cross_entropy(logits.reshape(len(logits) * networks, -1), labels.repeat(networks))
        return mean * networks, dlogits.reshape(logits.shape) * np.float32(networks)

    return Network(layers, loss)


def alone(weights: Sequence[Array], k: int, batch_norm: bool) -> Network:
    """Network k of the same first weights by itself, as `mlp` builds it: what `side_by_side` must agree with."""
    sizes = [weights[0].shape[1], *(w.shape[2] for w in weights)]
    network = mlp(sizes, initializer="zeros", batch_norm="before" if batch_norm else None, bias=not batch_norm, rng=np.random.default_rng(0))
    for values, w in zip(network.weights, weights, strict=True):
        values[...] = w[k]
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            layer.momentum, layer.epsilon = MOMENTUM, EPSILON
    return network


@dataclass(frozen=True)
class ScalesProgress:
    """What a step did. After each epoch, `accuracy` (2, networks) is the share of training images read correctly,
    in use mode: row 0 without, row 1 with batch norm; else None."""

    step: int
    steps: int
    epoch: int
    accuracy: Array | None = None


def train_scales(data: Dataset, seed: int, *, scales: Sequence[float] = SCALES, epochs: int = EPOCHS) -> Iterator[ScalesProgress]:
    """Train 2 × len(scales) networks, yielding after every step. Same seed, same bytes, however the caller slices it.

    The first 1,000 images, pixels scaled to 0 … 1, five hidden layers of 100 ReLU units, SGD 0.01, batches of 100.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if not scales or not all(0 < scale < np.inf for scale in scales):
        raise ValueError(f"scales must be at least one number, all above 0 and finite, got {tuple(scales)}")
    data = data.first(min(IMAGES, len(data.y_train)))
    x, labels = normalizer("scale", data)(data.x_train), data.y_train
    networks = [side_by_side(draw_weights((x.shape[1], *HIDDEN, data.classes), scales, np.random.default_rng([seed, batch_norm])), bool(batch_norm))
                for batch_norm in (0, 1)]
    optimizers = [SGD(network, RATE) for network in networks]
    return _steps(networks, optimizers, x, labels, epochs, np.random.default_rng([seed, 2]))


def _steps(networks: list[Network], optimizers: list[SGD], x: Array, labels: Array, epochs: int,
           rng: np.random.Generator) -> Iterator[ScalesProgress]:
    per_epoch = -(-len(labels) // BATCH)
    steps = epochs * per_epoch
    for step in range(steps):
        position = step % per_epoch
        if position == 0:
            order = rng.permutation(len(labels))
        batch = order[position * BATCH:(position + 1) * BATCH]
        accuracy = None
        with np.errstate(all="ignore"):   # without batch norm the largest scales overflow: that is a result
            for network, optimizer in zip(networks, optimizers, strict=True):
                network.loss_and_gradient(x[batch], labels[batch])
                optimizer.step()
            if position + 1 == per_epoch:
                accuracy = np.stack([training_accuracy(network, x, labels) for network in networks])
        yield ScalesProgress(step + 1, steps, step // per_epoch + 1, accuracy)


def training_accuracy(network: Network, x: Array, labels: Array) -> Array:
    """Share of images (N, features) that each of the networks side by side reads correctly, in use mode: (networks,)."""
    networks = len(network.layers[-1].weight.value)
    hits = np.zeros(networks)
    for start in range(0, len(labels), BATCH):   # blocks that stay in the processor's cache
        rows = slice(start, start + BATCH)
        answers = network.forward(x[rows]).reshape(len(x[rows]), networks, -1).argmax(axis=2)   # a network of NaN always answers 0
        hits += (answers == labels[rows, None]).sum(axis=0)
    return hits / len(labels)


def where_it_loses(accuracy: Array, margin: float = AHEAD) -> list[int]:
    """Numbers of the networks that end lower with batch norm than without, by more than `margin`; accuracy is (2, networks)."""
    return [int(k) for k in np.flatnonzero(accuracy[0] - accuracy[1] > margin)]
