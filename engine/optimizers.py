"""Optimizers: from a gradient to a step, and how the step's size changes over a run.

Each one reads `network.gradient` and moves `network.theta` in place. Both are flat
vectors, so the update rule of the textbook is the code. `learning_rate` may be
changed at any time; a schedule multiplies it.
"""

import math
from collections.abc import Callable

import numpy as np

from engine.parameters import zeros

BLOCK = 1 << 15   # numbers of each array that Adam takes at a time: through all ten operations they stay in the cache


def _check(upper: float, **options: float) -> None:
    for name, value in options.items():
        if not 0 <= value < upper:
            raise ValueError(f"{name} must be at least 0 and {'finite' if upper == math.inf else f'below {upper:g}'}, got {value:g}")


class Optimizer:
    """Base: any object with flat arrays `theta` and `gradient` of one shape can be optimized.

    `usual_rate` is the learning rate that people start with, and the default.
    """

    usual_rate: float

    def __init__(self, network, learning_rate: float):
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate must be above 0 and finite, got {learning_rate:g}")
        self.network, self.learning_rate = network, learning_rate

    def _memory(self) -> np.ndarray:
        return zeros(self.network.theta.size, self.network.theta.dtype)

    def step(self, factor: float = 1.0) -> None:
        """Move theta once, with learning rate learning_rate * factor."""
        self.update(self.network.theta, self.network.gradient, float(self.learning_rate * factor))   # a NumPy scalar would promote float32

    def forget(self) -> None:
        """Let go of what it remembers of past gradients: no step follows."""
        for name in [name for name, kept in vars(self).items() if isinstance(kept, np.ndarray)]:
            delattr(self, name)

    def update(self, theta: np.ndarray, g: np.ndarray, rate: float) -> None:
        raise TypeError(f"{type(self).__name__} has no update")


class SGD(Optimizer):
    """theta -= rate * g."""

    usual_rate = 0.1

    def __init__(self, network, learning_rate: float = usual_rate):
        super().__init__(network, learning_rate)

    def update(self, theta, g, rate):
        theta -= rate * g


class Momentum(Optimizer):
    """v = momentum v - rate g; theta += v (Polyak 1964)."""

    usual_rate = 0.01

    def __init__(self, network, learning_rate: float = usual_rate, momentum: float = 0.9):
        super().__init__(network, learning_rate)
        _check(1, momentum=momentum)
        self.momentum, self.v = momentum, self._memory()

    def update(self, theta, g, rate):
        self.v *= self.momentum
        self.v -= rate * g
        theta += self.v


class Nesterov(Momentum):
    """v = momentum v - rate g; theta += momentum v - rate g: momentum, seen one step ahead (Bengio et al. 2012, arXiv:1212.0901)."""

    def update(self, theta, g, rate):
        move = rate * g
        self.v *= self.momentum
        self.v -= move
        theta += self.momentum * self.v
        theta -= move


class AdaGrad(Optimizer):
    """h += g²; theta -= rate g / (sqrt(h) + epsilon): steps only ever get smaller (Duchi et al. 2011)."""

    usual_rate = 0.01

    def __init__(self, network, learning_rate: float = usual_rate, epsilon: float = 1e-7):
        super().__init__(network, learning_rate)
        _check(math.inf, epsilon=epsilon)
        self.epsilon, self.h = epsilon, self._memory()

    def update(self, theta, g, rate):
        self.h += g * g
        theta -= rate * g / (np.sqrt(self.h) + self.epsilon)


class RMSProp(AdaGrad):
    """h = decay h + (1 - decay) g²; theta -= rate g / (sqrt(h) + epsilon): AdaGrad that forgets (Hinton 2012, lecture 6)."""

    usual_rate = 0.001

    def __init__(self, network, learning_rate: float = usual_rate, decay: float = 0.9, epsilon: float = 1e-7):
        super().__init__(network, learning_rate, epsilon)
        _check(1, decay=decay)
        self.decay = decay

    def update(self, theta, g, rate):
        self.h *= self.decay
        self.h += (1 - self.decay) * g * g
        theta -= rate * g / (np.sqrt(self.h) + self.epsilon)


class Adam(Optimizer):
    """m and v follow the mean of g and of g²; theta -= rate m̂ / (sqrt(v̂) + epsilon), both corrected for their start at 0.

    m = beta1 m + (1 - beta1) g,   m̂ = m / (1 - beta1^t)
    v = beta2 v + (1 - beta2) g²,  v̂ = v / (1 - beta2^t)

    Kept here are m / (1 - beta1) and v / (1 - beta2): the constants wait until the step, where they are two numbers
    instead of two more passes over all of theta. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1.
    """

    usual_rate = 0.001

    def __init__(self, network, learning_rate: float = usual_rate, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        super().__init__(network, learning_rate)
        _check(1, beta1=beta1, beta2=beta2)
        _check(math.inf, epsilon=epsilon)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.m, self.v, self.t = self._memory(), self._memory(), 0
        self.scratch = zeros(min(BLOCK, self.m.size), self.m.dtype)

    def update(self, theta, g, rate):
        self.t += 1
        of_m = (1 - self.beta1) / (1 - self.beta1**self.t)              # m̂ = of_m m
        of_v = math.sqrt((1 - self.beta2) / (1 - self.beta2**self.t))   # sqrt(v̂) = of_v sqrt(v)
        for start in range(0, len(theta), BLOCK):
            part = slice(start, start + BLOCK)
            grad, m, v = g[part], self.m[part], self.v[part]
            s = self.scratch[:len(m)]
            m *= self.beta1
            m += grad
            np.multiply(grad, grad, out=s)
            v *= self.beta2
            v += s
            np.sqrt(v, out=s)
            s += self.epsilon / of_v
            np.divide(m, s, out=s)
            s *= rate * of_m / of_v
            theta[part] -= s


class AdamW(Adam):
    """Adam whose weight decay bypasses the adaptive scale: w -= rate * decay * w (Loshchilov & Hutter 2019, arXiv:1711.05101).

    Weights only; all of theta where the network does not tell its weights apart.
    """

    def __init__(self, network, learning_rate: float = Adam.usual_rate, weight_decay: float = 0.01, **options: float):
        super().__init__(network, learning_rate, **options)
        _check(math.inf, weight_decay=weight_decay)
        self.weight_decay = weight_decay

    def update(self, theta, g, rate):
        for w in getattr(self.network, "weights", (theta,)):
            w *= 1 - rate * self.weight_decay
        super().update(theta, g, rate)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "momentum": Momentum, "nesterov": Nesterov, "adagrad": AdaGrad,
                                          "rmsprop": RMSProp, "adam": Adam, "adamw": AdamW}
# What people call them, and schedules, where that is not the key with a capital letter.
TITLES = {"sgd": "SGD", "adagrad": "AdaGrad", "rmsprop": "RMSProp", "adamw": "AdamW", "warmup": "Warm-up"}


# Schedules: (step, of all steps) -> factor on the learning rate. Steps count from 0.
Schedule = Callable[[int, int], float]


def _constant(step: int, steps: int) -> float:
    return 1.0


def _linear(step: int, steps: int) -> float:
    """Straight down from 1 to 0."""
    return 1 - step / steps


def _step(step: int, steps: int) -> float:
    """A tenth after half of the run, a hundredth after three quarters."""
    return 1.0 if 2 * step < steps else 0.1 if 4 * step < 3 * steps else 0.01


def _cosine(step: int, steps: int) -> float:
    """Half a cosine from 1 to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    return (1 + math.cos(math.pi * step / steps)) / 2


def _warmup(step: int, steps: int) -> float:
    """Linear from 0 over the first tenth, then constant (Goyal et al. 2017, arXiv:1706.02677)."""
    return min(1.0, (step + 1) / max(1, steps // 10))


SCHEDULES: dict[str, Schedule] = {"constant": _constant, "linear": _linear, "cosine": _cosine, "step": _step, "warmup": _warmup}
