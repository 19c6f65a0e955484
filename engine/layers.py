"""Layers: each has a forward equation and a backward equation, and nothing else.

`forward` remembers what `backward` will need. `backward` takes dy, the gradient
of the loss with respect to the layer's output, fills the gradients of its own
parameters, and returns dx, the gradient with respect to its input.
Both return fresh arrays and never write into the ones that they are given.
"""

import math

import numpy as np

from engine.activations import Activation, as_activation, negative_part, positive_part
from engine.initializers import Initializer, as_initializer
from engine.parameters import Parameter

Array = np.ndarray
Generator = np.random.Generator


class Layer:
    """Base of all layers. Shapes are (batch, features) throughout."""

    name = "layer"

    def forward(self, x: Array, training: bool) -> Array:
        raise TypeError(f"{type(self).__name__} has no forward")

    def backward(self, dy: Array) -> Array:
        raise TypeError(f"{type(self).__name__} has no backward")

    def parameters(self) -> list[Parameter]:
        return []

    def buffers(self) -> list[Parameter]:
        """Arrays that belong to the layer's state but are not learned by gradient."""
        return []

    def reseed(self, rng: Generator) -> None:
        """Replace the layer's source of randomness, if it has one."""

    def output_features(self, features: int) -> int:
        return features

    def options(self) -> dict:
        """The arguments that build this layer again (`Network.save` writes them down)."""
        return {}


class Dense(Layer):
    """z = x W + b.

    Parameters
    ----------
    fan_in, fan_out : int
        Inputs and units.
    initializer : str or Initializer
        Draws W (fan_in, fan_out).
    gain : float
        Multiplies the drawn weights.
    sigma_b : float
        Standard deviation of the first biases; 0 starts them at zero.
    bias : bool
        Without it z = x W, as before a batch norm, which subtracts any bias again.
    """

    def __init__(self, fan_in: int, fan_out: int, *, initializer: str | Initializer = "he_normal", gain: float = 1.0,
                 sigma_b: float = 0.0, bias: bool = True, rng: Generator, dtype=np.float32, name: str = "dense"):
        for fan_name, fan in (("fan_in", fan_in), ("fan_out", fan_out)):
            if fan < 1:
                raise ValueError(f"{fan_name} must be at least 1, got {fan}")
        self.name = name
        weights = as_initializer(initializer).draw(rng, (fan_in, fan_out))
        with np.errstate(over="ignore"):   # an absurd gain is allowed to overflow, and to show it
            self.weight = Parameter(f"{name}.W", (gain * weights).astype(dtype), is_weight=True)
        self.bias = Parameter(f"{name}.b", (sigma_b * rng.standard_normal(fan_out)).astype(dtype)) if bias else None

    def forward(self, x: Array, training: bool) -> Array:
        self.x = x
        z = x @ self.weight.value   # (batch, fan_in) @ (fan_in, fan_out)
        if self.bias is not None:
            z += self.bias.value
        return z

    def backward(self, dy: Array, input_gradient: bool = True) -> Array | None:
        """dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ; a network's first layer can leave dx out."""
        np.matmul(self.x.T, dy, out=self.weight.gradient)   # (fan_in, batch) @ (batch, fan_out)
        if self.bias is not None:
            np.matmul(np.ones(len(dy), dy.dtype), dy, out=self.bias.gradient)   # Σ dy over the batch: a product is faster than sum(axis=0)
        return dy @ self.weight.value.T if input_gradient else None

    def parameters(self) -> list[Parameter]:
        return [self.weight] if self.bias is None else [self.weight, self.bias]

    def output_features(self, features: int) -> int:
        return self.weight.value.shape[1]

    def options(self) -> dict:
        fan_in, fan_out = self.weight.value.shape
        return {"fan_in": fan_in, "fan_out": fan_out, "bias": self.bias is not None}


class Activate(Layer):
    """y = phi(z), elementwise; so dz = dy phi'(z).

    Two families change with the mode: PReLU learns its negative slope, and RReLU
    draws one slope per element in training and uses their mean otherwise.
    """

    def __init__(self, activation: str | Activation = "relu", *, rng: Generator | None = None, dtype=np.float32, name: str = "activate"):
        self.name, self.activation = name, as_activation(activation)
        learned = self.activation.learned_slope
        self.slope = None if learned is None else Parameter(f"{name}.slope", np.full(1, learned, dtype))
        self.rng = rng or np.random.default_rng(0)

    def forward(self, x: Array, training: bool) -> Array:
        self.x, self.slopes = x, None
        if self.slope is not None:
            self.slopes = self.slope.value
        elif self.activation.drawn_slopes and training:
            low, high = self.activation.drawn_slopes
            self.slopes = self.rng.uniform(low, high, x.shape).astype(x.dtype)
        if self.slopes is None:
            return self.activation.f(x)
        return positive_part(x) + self.slopes * negative_part(x)

    def backward(self, dy: Array) -> Array:
        if self.slopes is None:
            slope = self.activation.df(self.x)
            return np.multiply(dy, slope, out=slope)   # in memory that the cache still holds
        if self.slope is not None:
            self.slope.gradient[0] = (dy * negative_part(self.x)).sum()
        return np.where(self.x.real > 0, dy, self.slopes * dy)

    def parameters(self) -> list[Parameter]:
        return [] if self.slope is None else [self.slope]

    def reseed(self, rng: Generator) -> None:
        self.rng = rng

    def options(self) -> dict:
        return {"activation": self.activation.name, **self.activation.options}


class BatchNorm(Layer):
    """y = gamma x̂ + beta with x̂ = (x - mean) / sqrt(variance + epsilon), per feature.

    In training, mean and variance are those of the batch, and running estimates follow them:
    running = momentum * running + (1 - momentum) * batch. In use, the running estimates stand in,
    so that one image's answer does not depend on its neighbours. Source: Ioffe & Szegedy 2015,
    arXiv:1502.03167. The variance is the batch's own (divided by the batch size), as in the paper's
    training equations.
    """

    def __init__(self, features: int, *, momentum: float = 0.9, epsilon: float = 1e-5, dtype=np.float32, name: str = "batch_norm"):
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be between 0 and 1, got {momentum:g}")
        if not epsilon >= 0:
            raise ValueError(f"epsilon must be at least 0, got {epsilon:g}")
        self.name, self.momentum, self.epsilon = name, float(momentum), float(epsilon)   # an np.float64 scalar promotes float32
        self.gamma = Parameter(f"{name}.gamma", np.ones(features, dtype))
        self.beta = Parameter(f"{name}.beta", np.zeros(features, dtype))
        self.running_mean = Parameter(f"{name}.running_mean", np.zeros(features, dtype))
        self.running_var = Parameter(f"{name}.running_var", np.ones(features, dtype))

    def forward(self, x: Array, training: bool) -> Array:
        self.training = training
        if training:
            m = x.shape[0]
            mean = x.sum(axis=0) / m
            normalized = x - mean
            var = (normalized * normalized).sum(axis=0) / m
            for running, batch in ((self.running_mean.value, mean), (self.running_var.value, var)):
                running *= self.momentum
                running += (1 - self.momentum) * batch
        else:
            normalized, var = x - self.running_mean.value, self.running_var.value
        self.inverse_std = 1 / np.sqrt(var + self.epsilon)
        normalized *= self.inverse_std
        self.normalized = normalized   # x̂ (batch, features)
        y = normalized * self.gamma.value
        y += self.beta.value
        return y

    def backward(self, dy: Array) -> Array:
        """dgamma = Σ dy x̂, dbeta = Σ dy, and with dx̂ = gamma dy, in training

        dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)) / std: the two means are what flows back through
        the batch's mean and variance. In use these are constants, and dx = dx̂ / std.
        """
        products = dy * self.normalized
        dgamma, dbeta = products.sum(axis=0), dy.sum(axis=0)
        self.gamma.gradient[...], self.beta.gradient[...] = dgamma, dbeta
        scale = self.gamma.value * self.inverse_std
        if not self.training:
            return dy * scale
        m = dy.shape[0]
        dx = dy - dbeta / m
        dx -= np.multiply(self.normalized, dgamma / m, out=products)   # in memory that the cache still holds
        dx *= scale
        return dx

    def parameters(self) -> list[Parameter]:
        return [self.gamma, self.beta]

    def buffers(self) -> list[Parameter]:
        return [self.running_mean, self.running_var]

    def options(self) -> dict:
        return {"features": self.gamma.value.size, "momentum": self.momentum, "epsilon": self.epsilon}


class Dropout(Layer):
    """Inverted dropout: in training each element is zeroed with probability `rate`, the rest divided by 1 - rate.

    In use it does nothing, because the division already keeps the mean. Source: Srivastava et al. 2014, JMLR 15.
    """

    def __init__(self, rate: float, *, rng: Generator | None = None, name: str = "dropout"):
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be at least 0 and below 1, got {rate:g}")
        self.name, self.rate, self.rng = name, rate, rng or np.random.default_rng(0)

    def forward(self, x: Array, training: bool) -> Array:
        self.kept, self.scale = None, np.asarray(1 / (1 - self.rate), x.dtype)
        if training and self.rate:
            drawn = self.rng.integers(2**32, size=x.shape, dtype=np.uint32)       # the bits of random(dtype=float32), in half the time:
            self.kept = drawn >= math.ceil(np.float32(self.rate) * 2**24) * 2**8   # it makes a number below 1 of the first 24
        return self._masked(x)

    def backward(self, dy: Array) -> Array:
        return self._masked(dy)

    @property
    def mask(self) -> Array | None:
        """Each element's factor, 0 or 1 / (1 - rate); None in use."""
        return None if self.kept is None else self.kept * self.scale

    def _masked(self, values: Array) -> Array:
        """values * mask. A byte an element stays in the cache from forward to backward, where four would not."""
        if self.kept is None:
            return values.copy()
        masked = values * self.kept
        return np.multiply(masked, self.scale, out=masked)

    def reseed(self, rng: Generator) -> None:
        self.rng = rng

    def options(self) -> dict:
        return {"rate": self.rate}
