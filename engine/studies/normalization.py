"""Normalization: what happens to one unit's batch of numbers, forward, backward, and over time?

`BatchNorm` in `layers` is the short form. Here the same four equations and their gradient
are taken apart, term by term, and the traps become numbers: a batch of one, an epsilon
larger than the variance, running statistics that are not there yet.
"""

import math
from dataclasses import dataclass

import numpy as np

from engine.layers import Activate, BatchNorm, Dense
from engine.network import Network
from engine.words import EPSILON_RULES

Array = np.ndarray

MOST_VALUES = 64


def parse_batch(text: str) -> Array:
    """ "1, 2.5, -3" -> float64 array: 1 to 64 numbers between -1e6 and 1e6, separated by commas, semicolons or spaces.

    Raises ValueError: "value 2 must be a number, got 'abc'", "the batch must hold 1 to 64 values, got 0".
    """
    words = text.replace(",", " ").replace(";", " ").split()
    if not 1 <= len(words) <= MOST_VALUES:
        raise ValueError(f"the batch must hold 1 to {MOST_VALUES} values, got {len(words)}")
    values = []
    for i, word in enumerate(words, start=1):
        try:
            value = float(word.replace("−", "-"))
        except ValueError:
            raise ValueError(f"value {i} must be a number, got {word[:20]!r}") from None
        if not abs(value) <= 1e6:
            raise ValueError(f"value {i} must lie between -1e6 and 1e6, got {word[:20]}")
        values.append(value)
    return np.array(values)


def draw_batch(size: int, spread: float, pull: float, seed: int, centre: float = 5.0) -> Array:
    """`size` values from N(centre, spread²), the first of them put at centre + pull * spread. The same seed gives the same values for any spread."""
    if not 1 <= size <= MOST_VALUES:
        raise ValueError(f"size must be between 1 and {MOST_VALUES}, got {size}")
    z = np.random.default_rng(seed).standard_normal(size)
    z[0] = pull
    return centre + spread * z


@dataclass(frozen=True)
class BatchSteps:
    """One unit's batch x (m,) on its way through the four equations.

    mean = Σx / m; variance = Σ(x - mean)² / m; normalized = (x - mean) / sqrt(variance + epsilon); y = gamma normalized + beta.
    """

    x: Array
    gamma: float
    beta: float
    epsilon: float
    mean: float
    variance: float
    normalized: Array
    y: Array

    @property
    def std(self) -> float:
        """What the batch is divided by: sqrt(variance + epsilon)."""
        return math.sqrt(self.variance + self.epsilon)

    @property
    def epsilon_share(self) -> float:
        """Epsilon's part of what stands under the root; 1 where the batch does not vary. The variance of x̂ is 1 minus this."""
        return self.epsilon / (self.variance + self.epsilon)

    def kind(self) -> str:
        """What the batch is a case of: "one", "constant", "epsilon" (most of what stands under the root), "two" or "usual"."""
        if len(self.x) == 1:
            return "one"
        if (self.x == self.x[0]).all():
            return "constant"
        if self.epsilon_share > EPSILON_RULES:
            return "epsilon"
        return "two" if len(self.x) == 2 else "usual"


def normalize_batch(x: Array, gamma: float = 1.0, beta: float = 0.0, epsilon: float = 1e-5) -> BatchSteps:
    """The four equations of batch norm for one unit, in training mode. Source: Ioffe & Szegedy 2015, algorithm 1.

    Raises
    ------
    ValueError
        "epsilon must be above 0, got 0", and for a batch that is not one row of at least one number.
    """
    if not epsilon > 0:
        raise ValueError(f"epsilon must be above 0, got {epsilon:g}")
    x = np.asarray(x, float)
    if x.ndim != 1 or not x.size:
        raise ValueError(f"x must be (m,) with m at least 1, got shape {x.shape}")
    m = len(x)
    mean = x.sum() / m
    variance = ((x - mean) ** 2).sum() / m
    normalized = (x - mean) / math.sqrt(variance + epsilon)
    return BatchSteps(x, gamma, beta, epsilon, float(mean), float(variance), normalized, gamma * normalized + beta)


@dataclass(frozen=True)
class GradientTerms:
    """dx of each value (m,), taken apart by the way that it reaches the loss; the three terms add up to dx.

    direct = gamma dy / std; through_mean = -mean(gamma dy) / std; through_variance = -x̂ mean(gamma dy x̂) / std.
    """

    dy: Array
    direct: Array
    through_mean: Array
    through_variance: Array
    dgamma: float
    dbeta: float

    @property
    def dx(self) -> Array:
        return self.direct + self.through_mean + self.through_variance


def gradient_terms(steps: BatchSteps, dy: Array) -> GradientTerms:
    """The gradient of batch norm in training mode, term by term, for dy = dL/dy (m,).

    Raising one x raises the batch's mean, which lowers every x̂; and it stretches the batch, which shrinks every x̂.
    So dx sums to zero: to add a constant to all of x changes nothing. And dx·x̂ = 0 but for epsilon: to stretch all of x changes nothing.
    """
    dy = np.asarray(dy, float)
    if dy.shape != steps.x.shape:
        raise ValueError(f"dy must have the shape of x, {steps.x.shape}, got {dy.shape}")
    scale = steps.gamma / steps.std
    return GradientTerms(dy, scale * dy, np.full(len(dy), -scale * dy.mean()), -scale * steps.normalized * (dy * steps.normalized).mean(),
                         float((dy * steps.normalized).sum()), float(dy.sum()))


@dataclass(frozen=True)
class ScaleInvariance:
    """What one factor s on the weights before a batch norm does. Arrays are (scales,).

    output_change : largest |BN(x·sW) - BN(x·W)|
    gradient_norm : ‖dL/dW‖ at sW; proportional to 1/s
    radial : largest |w·dL/dw| over the units: the gradient has no part along w
    bias_gradient : largest |dL/db| of a bias before the batch norm
    plain_bias_gradient : the same in the same network without batch norm
    """

    scales: Array
    output_change: Array
    gradient_norm: Array
    radial: Array
    bias_gradient: Array
    plain_bias_gradient: Array


def scale_invariance(scales: Array, *, batch: int = 64, epsilon: float = 1e-5, seed: int = 0, fan_in: int = 20, units: int = 10) -> ScaleInvariance:
    """Measure it in float64 on a small network, Dense - BatchNorm - ReLU - Dense, with random inputs and labels."""
    rng = np.random.default_rng(seed)
    x, labels = rng.standard_normal((batch, fan_in)), rng.integers(3, size=batch)
    common = {"initializer": "he_normal", "rng": rng, "dtype": np.float64}
    first, norm = Dense(fan_in, units, sigma_b=0.1, **common), BatchNorm(units, epsilon=epsilon, dtype=np.float64)
    rest = [Activate("relu"), Dense(units, 3, **common)]
    network, plain = Network([first, norm, *rest]), Network([first, *rest]).astype(np.float64)
    network = network.astype(np.float64)   # copies: the two share no parameters
    w, w_plain = network.layers[0].weight, plain.layers[0].weight
    start = w.value.copy()
    unscaled = network.layers[1].forward(network.layers[0].forward(x, True), True)
    rows = []
    for s in np.asarray(scales, float):
        w.value[...], w_plain.value[...] = s * start, s * start
        network.loss_and_gradient(x, labels)
        plain.loss_and_gradient(x, labels)
        y = network.layers[1].normalized
        rows.append((np.abs(y - unscaled).max(), np.linalg.norm(w.gradient), np.abs((w.value * w.gradient).sum(axis=0)).max(),
                     np.abs(network.layers[0].bias.gradient).max(), np.abs(plain.layers[0].bias.gradient).max()))
    return ScaleInvariance(np.asarray(scales, float), *np.array(rows).T)


@dataclass(frozen=True)
class RunningStatistics:
    """What a batch norm layer keeps while it sees one batch after another. Row k stands after k steps; row 0 is the start.

    running_mean, running_var, true_mean, true_var : (steps + 1,); the true ones are those of the batch just seen
    batch_mean, batch_var : (steps,)
    use_mean, use_std : (steps + 1,) mean and std of x̂ in use mode after k steps, over fresh inputs; training mode has 0 and 1
    """

    batch_size: int
    momentum: float
    running_mean: Array
    running_var: Array
    batch_mean: Array
    batch_var: Array
    true_mean: Array
    true_var: Array
    use_mean: Array
    use_std: Array

    def way_gone(self, steps: int) -> float:
        """Share of the way from start to truth that is expected after k steps without a shift: 1 - momentum^k."""
        return 1 - self.momentum**steps

    def lag(self, steps: int) -> float:
        """How far the running mean is expected to be behind a shift after k steps, in spreads of the inputs."""
        moved = self.true_mean[:steps + 1] - self.true_mean[0]
        return abs(moved[-1]) / math.sqrt(self.true_var[steps]) * self.momentum**np.count_nonzero(moved)


def running_statistics(*, steps: int, batch_size: int, momentum: float, mean: float = 3.0, std: float = 2.0, shift_at: int | None = None,
                       shift: float = 0.0, epsilon: float = 1e-5, seed: int = 0) -> RunningStatistics:
    """Feed batches from N(mean, std²) to a `BatchNorm` of one feature; from step `shift_at` on, the mean is `shift` higher.

    The batch's variance is divided by m, not m - 1, so that its expectation is (m - 1)/m of the true one: small batches
    make the running variance too small, and a batch of one makes it 0.
    """
    for name, value, least in (("steps", steps, 1), ("batch_size", batch_size, 1)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    rng, layer = np.random.default_rng(seed), BatchNorm(1, momentum=momentum, epsilon=epsilon, dtype=np.float64)
    running, batches, truth = [(0.0, 1.0)], [], []
    for step in range(steps):
        centre = mean + (shift if shift_at is not None and step >= shift_at else 0.0)
        x = centre + std * rng.standard_normal((batch_size, 1))
        layer.forward(x, training=True)
        running.append((layer.running_mean.value.item(), layer.running_var.value.item()))
        batches.append((x.mean(), x.var()))
        truth.append(centre)
    (means, variances), (batch_mean, batch_var) = np.array(running).T, np.array(batches).T
    true_mean, divisor = np.array([truth[0], *truth]), np.sqrt(variances + epsilon)
    return RunningStatistics(batch_size, momentum, means, variances, batch_mean, batch_var, true_mean, np.full(steps + 1, std * std),
                             (true_mean - means) / divisor, std / divisor)


def neighbours(sizes: Array, *, x: float = 1.0, repeats: int = 2000, epsilon: float = 1e-5, seed: int = 0) -> tuple[Array, Array]:
    """How much one example's x̂ depends on who else is in its batch: std of x̂ over random batches, and the rule sqrt((1 + x²/2) / m).

    The example lies x standard deviations above the mean; its m - 1 neighbours are drawn anew each time. Both arrays are (sizes,).
    """
    rng, spreads = np.random.default_rng(seed), []
    for m in sizes:
        batches = rng.standard_normal((repeats, int(m)))
        batches[:, 0] = x
        std = np.sqrt(batches.var(axis=1) + epsilon)
        spreads.append(((x - batches.mean(axis=1)) / std).std())
    return np.array(spreads), np.sqrt((1 + x * x / 2) / np.asarray(sizes, float))
