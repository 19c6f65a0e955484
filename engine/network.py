"""Network: layers in a row over one flat vector theta and one flat gradient.

Every parameter is a view into theta, and every parameter's gradient a view into
`gradient`. That makes an optimizer one vector expression, and it makes theta the
"giant vector" of the gradient-checking lesson.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import IO, Literal

import numpy as np

from engine.activations import Activation, as_activation
from engine.initializers import Initializer, as_initializer, unit_variance
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer
from engine.losses import LOSSES, Penalty, log_softmax, softmax_cross_entropy
from engine.parameters import Parameter, flatten, views, zeros

Array = np.ndarray
LAYERS: dict[str, type[Layer]] = {kind.__name__: kind for kind in (Dense, Activate, BatchNorm, Dropout)}


@dataclass(frozen=True)
class LayerSummary:
    """One row of `Network.summary`: output_shape is (None, features), None standing for any batch."""

    name: str
    output_shape: tuple[None, int]
    trainable: int
    non_trainable: int


class Network:
    """Layers applied in order, and a loss on the last one's output.

    Attributes
    ----------
    theta, gradient : (P,) all parameters and their gradients, in the order of the layers
    running : (R,) state that is not learned: batch norm's running means and variances
    parameters : the named views into theta and gradient
    """

    def __init__(self, layers: Sequence[Layer], loss_function: Callable[[Array, Array], tuple[float, Array]] = softmax_cross_entropy):
        if not layers:
            raise ValueError("layers must hold at least one layer, got none")
        self.layers, self.loss_function = list(layers), loss_function
        self._bind()

    def _bind(self) -> None:
        self.parameters: list[Parameter] = [p for layer in self.layers for p in layer.parameters()]
        self.buffers: list[Parameter] = [b for layer in self.layers for b in layer.buffers()]
        self.theta, self.running = flatten(self.parameters), flatten(self.buffers)
        self.gradient = zeros(self.theta.size, self.theta.dtype)
        for p, values, gradients in zip(self.parameters, views(self.theta, self.parameters), views(self.gradient, self.parameters), strict=True):
            p.value, p.gradient = values, gradients
        for b, values in zip(self.buffers, views(self.running, self.buffers), strict=True):
            b.value = values

    @property
    def weights(self) -> list[Array]:
        """Views of the weight matrices: what penalties and weight decay act on."""
        return [p.value for p in self.parameters if p.is_weight]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Logits (batch, classes) for inputs (batch, features)."""
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dlogits: Array, input_gradient: bool = False) -> Array | None:
        """Fill `gradient` from d loss / d logits (batch, classes); d loss / d x only when asked for."""
        dy = dlogits
        for layer in reversed(self.layers[1:]):
            dy = layer.backward(dy)
        first = self.layers[0]
        if input_gradient or not isinstance(first, Dense):
            dy = first.backward(dy)
            return dy if input_gradient else None
        return first.backward(dy, input_gradient=False)

    def loss(self, x: Array, labels: Array, penalty: Penalty | None = None, training: bool = False) -> float:
        """Loss on a batch, with the penalty if there is one."""
        loss, _ = self.loss_function(self.forward(x, training), labels)
        return loss + penalty.value(self.parameters) if penalty else loss

    def loss_and_gradient(self, x: Array, labels: Array, penalty: Penalty | None = None, training: bool = True) -> tuple[float, Array]:
        """Loss on a batch and the gradient (P,): the network's own vector, overwritten by the next call."""
        loss, dlogits = self.loss_function(self.forward(x, training), labels)
        self.backward(dlogits)
        if penalty:
            loss += penalty.value(self.parameters)
            penalty.add_gradient(self.parameters)
        return loss, self.gradient

    def predict(self, x: Array) -> Array:
        """Class probabilities (batch, classes), in use mode."""
        return np.exp(log_softmax(self.forward(x)))

    def reseed(self, seed: int) -> None:
        """Start dropout masks and random slopes anew: after the same seed come the same masks."""
        for i, layer in enumerate(self.layers):
            layer.reseed(np.random.default_rng([seed, i]))

    def lsuv(self, x: Array) -> None:
        """Rescale each Dense layer on inputs x (batch, features) until its outputs have variance 1, first layer first."""
        for layer in self.layers:
            if isinstance(layer, Dense):
                unit_variance(layer.weight.value, layer.bias.value if layer.bias else None, x)
            x = layer.forward(x, training=False)

    def first_overflow(self, x: Array, training: bool = False) -> str | None:
        """Name of the first layer whose output on x is not finite, or None."""
        with np.errstate(all="ignore"):
            for layer in self.layers:
                x = layer.forward(x, training)
                if not np.isfinite(x).all():
                    return layer.name
        return None

    def astype(self, dtype) -> "Network":
        """A copy that shares nothing with this network, in another dtype (float64 to check, complex128 for complex steps)."""
        twin = deepcopy(self)
        for p in twin.parameters + twin.buffers:
            p.value = p.value.astype(dtype)
        twin._bind()
        return twin

    def summary(self) -> list[LayerSummary]:
        """One row a layer: name, output shape, trainable and non-trainable parameters."""
        rows, features = [], 0
        for layer in self.layers:
            if not features and isinstance(layer, Dense):
                features = layer.weight.value.shape[0]
            elif not features and isinstance(layer, BatchNorm):
                features = layer.gamma.value.size
            features = layer.output_features(features)
            rows.append(LayerSummary(layer.name, (None, features), sum(p.value.size for p in layer.parameters()),
                                     sum(b.value.size for b in layer.buffers())))
        return rows

    def save(self, file: str | PathLike | IO[bytes]) -> None:
        """Write layers, loss, theta and running state as .npz, without pickle, to exactly this path or open file.

        Raises ValueError for layers and losses that `load` could not find by name, before anything is written.
        """
        loss = self.loss_function.__name__
        if LOSSES.get(loss) is not self.loss_function:
            raise ValueError(f"loss_function must be one of {', '.join(LOSSES)} to be saved by name, got {loss}")
        described = []
        for layer in self.layers:
            row = {"kind": type(layer).__name__, "name": layer.name, **layer.options()}
            try:
                _build(row, self.theta.dtype)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"layer {layer.name!r} cannot be saved by name: {error}") from error
            described.append(row)
        with contextlib.nullcontext(file) if hasattr(file, "write") else open(file, "wb") as stream:   # savez would append .npz to a path
            np.savez_compressed(stream, layers=np.array(json.dumps(described)), loss=np.array(loss), theta=self.theta, running=self.running)

    @classmethod
    def load(cls, file: str | PathLike | IO[bytes]) -> "Network":
        """The network that `save` wrote. Raises ValueError for any other file, OSError for one that cannot be read."""
        try:
            with np.load(file, allow_pickle=False) as saved:
                theta, running = saved["theta"], saved["running"]
                if theta.dtype not in (np.float32, np.float64):
                    raise ValueError(f"theta must be float32 or float64, got {theta.dtype}")
                network = cls([_build(row, theta.dtype) for row in json.loads(saved["layers"].item())], LOSSES[saved["loss"].item()])
            for name, flat, values in (("theta", network.theta, theta), ("running", network.running, running)):
                if values.shape != flat.shape:
                    raise ValueError(f"{name} must have shape {flat.shape}, got {values.shape}")
                flat[...] = values
        except OSError:
            raise
        except Exception as error:   # a foreign file can fail in any of zipfile, zlib, json and NumPy
            raise ValueError("file must be one that Network.save wrote, got another one or a damaged one") from error
        return network


def _build(row: dict, dtype) -> Layer:
    options = dict(row)
    kind = options.pop("kind")
    if kind == "Dense":
        return Dense(initializer="zeros", rng=np.random.default_rng(0), dtype=dtype, **options)
    if kind == "Activate":
        name, activation = options.pop("name"), options.pop("activation")
        return Activate(as_activation(activation, **options), dtype=dtype, name=name)
    return LAYERS[kind](**options) if kind == "Dropout" else LAYERS[kind](dtype=dtype, **options)


def mlp(sizes: Sequence[int], *, activation: str | Activation = "relu", initializer: str | Initializer = "he_normal", gain: float = 1.0,
        sigma_b: float = 0.0, batch_norm: Literal["before", "after"] | None = None, input_batch_norm: bool = False,
        dropout: float = 0.0, bias: bool = True, rng: np.random.Generator, dtype=np.float32) -> Network:
    """A multilayer perceptron, (784, 100, 10) for one hidden layer of 100 units.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, units of each hidden layer, classes; at least two numbers.
    activation, initializer : str or object
        Table key, or an `Activation` or `Initializer`. All layers use the same rule, the last one too.
    gain, sigma_b : float
        Factor on the first weights (without effect under "lsuv", which rescales them); standard deviation of the first biases.
    batch_norm : None, "before" or "after"
        Where hidden layers normalise, seen from the activation.
    input_batch_norm : bool
        Normalise the inputs as well.
    dropout : float
        Rate after every hidden layer.
    bias : bool
        Whether hidden layers have one. The output layer always has.
    rng : numpy.random.Generator
        Draws the weights, layer by layer, then the seeds of dropout masks.

    Raises
    ------
    ValueError
        "sizes must be at least two numbers of at least 1, got (784,)", and for unknown keys.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes must be at least two numbers of at least 1, got {tuple(sizes)}")
    if batch_norm not in (None, "before", "after"):
        raise ValueError(f"batch_norm must be None, 'before' or 'after', got {batch_norm!r}")
    initializer = as_initializer(initializer)
    draw = {"initializer": initializer, "gain": gain, "sigma_b": sigma_b, "rng": rng, "dtype": dtype}
    *hidden, last = pairwise(sizes)
    layers: list[Layer] = [BatchNorm(sizes[0], dtype=dtype, name="input_batch_norm")] if input_batch_norm else []
    for i, (fan_in, fan_out) in enumerate(hidden, start=1):
        layers.append(Dense(fan_in, fan_out, bias=bias, name=f"dense_{i}", **draw))
        steps: list[Layer] = [Activate(activation, dtype=dtype, name=f"activate_{i}")]
        if batch_norm:
            steps.insert(0 if batch_norm == "before" else 1, BatchNorm(fan_out, dtype=dtype, name=f"batch_norm_{i}"))
        if dropout:
            steps.append(Dropout(dropout, name=f"dropout_{i}"))
        layers += steps
    layers.append(Dense(*last, name="output", **draw))
    network = Network(layers)
    network.reseed(int(rng.integers(2**63)))
    if initializer.needs_data:
        network.lsuv(rng.standard_normal((256, sizes[0])).astype(dtype))
    return network
