"""Propagation: what does depth do to a signal, and to the gradient on its way back?

Draw a random network, send inputs through it and a random gradient back, and write
down a few numbers for every layer. Nothing is trained. If the numbers die or blow up
on the way, training never gets a chance.

Names: x is what a layer receives, z what its activation phi receives (the
pre-activation), y what the next layer receives. Layers count from 1. Infinity and
NaN are results here: they are counted and named, never raised.
"""

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from engine import measures
from engine.activations import Activation, as_activation
from engine.initializers import Initializer, as_initializer
from engine.layers import BatchNorm, Dense, unit_variance
from engine.measures import Counter, Histogram, MagnitudeCounter

Array = np.ndarray

PRE_ACTIVATIONS = (-5.0, 5.0)   # range of the histogram of z
DECADES = (-10, 4)              # range of the histogram of log10 |dJ/dz|
STATISTICS = ("mean", "std", "std_over_data", "q", "gradient_rms", "gradient_median", "saturated", "dead", "rank", "sigma_w")


@dataclass(frozen=True)
class Propagation:
    """What `propagate` measured. Arrays are (depth,); index 0 is layer 1. Layers named by number count from 1.

    Attributes
    ----------
    settings : the arguments that describe the network: ``propagate(**settings, rng=...)`` runs another of its kind
    input_std, input_moment, input_overlap : of the inputs: std over everything, E[x²], and E[x·x'] / features for two different ones
    mean, std : of y, over all units and samples; NaN and infinity in a layer that overflowed
    std_over_data : std of y over the samples, per unit, then averaged: what still tells inputs apart
    q : second moment of z
    gradient_rms : root mean square of dJ/dz
    gradient_median : median of |dJ/dz| over the elements that are not zero (a ReLU zeroes half of them)
    saturated : share of z on a plateau of phi, where the slope is below 5 % of its steepest (`measures.plateaus`)
    dead : share of units whose slope is zero on every sample, so that they cannot learn
    rank : effective rank of y over the samples (`measures.effective_rank`)
    distinct : int, units that differ from all others
    sigma_w : std of a weight times sqrt(fan_in), by the rule (as drawn for LSUV); NaN if all weights are one constant
    activations, pre_activations, gradients : `Histogram` of y, of z, and of log10 |dJ/dz|
    first_overflow, first_underflow : first layer with a z or y that is not finite; with all z too small for the dtype
    gradient_overflow, gradient_underflow : the same of dJ/dz, first met on the way back; all four are None where nothing happened
    """

    settings: Mapping[str, object]
    input_std: float
    input_moment: float
    input_overlap: float
    mean: Array
    std: Array
    std_over_data: Array
    q: Array
    gradient_rms: Array
    gradient_median: Array
    saturated: Array
    dead: Array
    rank: Array
    distinct: Array
    sigma_w: Array
    activations: Histogram
    pre_activations: Histogram
    gradients: Histogram
    first_overflow: int | None
    first_underflow: int | None
    gradient_overflow: int | None
    gradient_underflow: int | None

    def theory(self) -> dict | None:
        """Arguments of `mean_field.predict` for this network; None where that theory is silent (batch norm, constant weights)."""
        if self.settings["batch_norm"] or not np.isfinite(self.sigma_w).all():
            return None
        return {"activation": self.settings["activation"], "sigma_w": self.sigma_w, "sigma_b": self.settings["sigma_b"],
                "input_moment": self.input_moment, "input_overlap": self.input_overlap}


def propagate(*, depth: int, width: int, activation: str | Activation, initializer: str | Initializer, gain: float = 1.0,
              sigma_b: float = 0.0, batch_norm: str | None = None, inputs: Array | None = None, samples: int = 1000,
              rng: np.random.Generator, dtype=np.float32) -> Propagation:
    """Send inputs forward and a Gaussian gradient backward through one random network, layer by layer.

    Forward, z = x W + b and y = phi(z). Backward, dJ/dy of the last layer is N(0, 1); then dJ/dz = dJ/dy phi'(z)
    and dJ/dx = dJ/dz Wᵀ, which is dJ/dy of the layer before. RReLU uses its mean slope.

    Parameters
    ----------
    depth, width : int
        Layers, 1 to 100, and units in each, 1 to 500.
    activation, initializer : str or object
        Table key, or an `Activation` or `Initializer`. LSUV is fitted to these very inputs.
    gain, sigma_b : float
        Finite factor on the weights; finite std of the biases, where 0 means no biases.
    batch_norm : None, "before" or "after"
        Normalise in training mode: what enters phi, or what leaves it. z and y are then the normalised values.
    inputs : (samples, features), optional
        What enters; N(0, 1) with as many features as units by default. Layer 1 then has fan_in = features.
    samples : int
        Gaussian inputs, 1 to 10,000; not used when inputs are given.
    rng : numpy.random.Generator
        Draws the inputs, then the weights and biases of each layer, then the last layer's gradient.
    dtype : float32 or float64
        In which the signal travels, and overflows.

    Raises
    ------
    ValueError
        "depth must be between 1 and 100, got 0", and the like.
    """
    phi, rule, dtype = as_activation(activation), as_initializer(initializer), np.dtype(dtype)
    depth, width, samples = _whole("depth", depth, 100), _whole("width", width, 500), _whole("samples", samples, 10_000)
    if not math.isfinite(gain):
        raise ValueError(f"gain must be finite, got {gain}")
    if not 0 <= sigma_b < math.inf:
        raise ValueError(f"sigma_b must be finite and at least 0, got {sigma_b}")
    if batch_norm not in (None, "before", "after"):
        raise ValueError(f"batch_norm must be None, 'before' or 'after', got {batch_norm!r}")
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype}")
    x = rng.standard_normal((samples, width)) if inputs is None else np.asarray(inputs)
    if x.ndim != 2 or not all(1 <= side <= 10_000 for side in x.shape):
        raise ValueError(f"inputs must be (samples, features), each 1 to 10000, got shape {x.shape}")
    settings = {"depth": depth, "width": width, "activation": activation, "initializer": initializer, "gain": gain,
                "sigma_b": sigma_b, "batch_norm": batch_norm, "samples": len(x), "dtype": dtype.name}
    with np.errstate(all="ignore"), ThreadPoolExecutor(1) as drawer:
        run = _Run(settings, phi, rule, dtype, rng, drawer)
        run.forward(np.ascontiguousarray(x, dtype))
        run.backward()
        return run.result(x)


def over_seeds(seeds: Sequence[int], **settings) -> list[Propagation]:
    """One network for each seed, all else equal. What differs between them is chance, at this width."""
    return [propagate(rng=np.random.default_rng(seed), **settings) for seed in seeds]


def stack(runs: Sequence[Propagation], name: str) -> Array:
    """One statistic of several runs as (runs, depth): minimum and maximum over axis 0 make the band."""
    return np.stack([getattr(run, name) for run in runs])


def _whole(name: str, value: int, most: int) -> int:
    try:
        whole = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {value!r}") from None
    if not 1 <= whole <= most:
        raise ValueError(f"{name} must be between 1 and {most}, got {whole}")
    return whole


class _Run:
    """One network, one pass forward, one backward. Weights and z are kept for the way back, nothing else is."""

    def __init__(self, settings: dict, phi: Activation, rule: Initializer, dtype: np.dtype, rng: np.random.Generator, drawer: Executor):
        self.settings, self.phi, self.rule, self.dtype, self.rng, self.drawer = settings, phi, rule, dtype, rng, drawer
        self.depth, self.width, self.batch_norm = settings["depth"], settings["width"], settings["batch_norm"]
        self.plateaus = measures.plateaus(phi.df, phi.kinks)
        self.rows = {name: np.zeros(self.depth) for name in STATISTICS} | {"distinct": np.zeros(self.depth, int)}
        self.first = dict.fromkeys(("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow"))
        self.activations = Counter(self.depth, *(PRE_ACTIVATIONS if self.batch_norm == "after" else measures.value_range(phi.f)))
        self.pre_activations = Counter(self.depth, *PRE_ACTIVATIONS)
        self.gradients = MagnitudeCounter(self.depth, *DECADES, dtype)

    def forward(self, x: Array) -> None:
        self.z = np.empty((self.depth, len(x), self.width), self.dtype)
        self.spare = np.empty((2, len(x), self.width), self.dtype)   # y, and the gradients in turn: fresh memory costs more than it should
        kept = np.empty((self.depth, self.width, self.width), self.dtype)   # one block: a hundred small ones cost a page fault each 4 KB
        self.weights, self.norms = [], []
        for layer, dense in enumerate(self._drawn_ahead(x.shape[1])):
            if self.rule.needs_data:
                unit_variance(dense, x)
            weights = dense.weight.value
            if weights.shape == kept[layer].shape:
                kept[layer] = weights
                weights = kept[layer]
            z = np.matmul(x, weights, out=self.z[layer])   # (samples, fan_in) @ (fan_in, width)
            if dense.bias is not None:
                z += dense.bias.value
            self.weights.append(weights)
            self.norms.append(BatchNorm(self.width, dtype=self.dtype) if self.batch_norm else None)
            self.rows["sigma_w"][layer] = self._sigma_w(weights)
            self.rows["distinct"][layer] = measures.distinct(z[:4])
            if self._too_small(z[0]) and self._too_small(z) and x.any() and weights.any():
                self._note("first_underflow", layer)
            if self.batch_norm == "before":
                z[...] = self.norms[layer].forward(z, training=True)
            x = self._activate(layer, z)   # overwrites the last y, which no one needs any more

    def _drawn_ahead(self, features: int) -> Iterator[Dense]:
        """All layers in turn, each drawn while the one before is at work: 100 layers of 500 units take 1.2 times as long without."""
        coming = self.drawer.submit(self._draw, features)
        for _ in range(self.depth - 1):
            dense, coming = coming.result(), self.drawer.submit(self._draw, self.width)
            yield dense
        dense, self.arriving = coming.result(), self.drawer.submit(self._draw_gradient)
        yield dense

    def _draw_gradient(self) -> Array:
        """dJ/dy of the last layer, which starts the way back."""
        return self.rng.standard_normal(self.z.shape[1:]).astype(self.dtype)

    def _draw(self, fan_in: int) -> Dense:
        with np.errstate(all="ignore"):   # a thread has its own
            return Dense(fan_in, self.width, initializer=self.rule, gain=self.settings["gain"], sigma_b=self.settings["sigma_b"],
                         bias=self.settings["sigma_b"] > 0, rng=self.rng, dtype=self.dtype)

    def _activate(self, layer: int, z: Array) -> Array:
        """y = phi(z), and all that is measured on the way forward."""
        y, (low, high), flat, squares = self.spare[0], self.plateaus, 0, 0.0
        units = measures.UnitStatistics(self.width)
        for block in measures.blocks(z):
            part = z[block]
            y[block] = out = self.phi.f(part)
            if self.batch_norm != "after":
                units.add(out)   # while it is in the cache
            squares += float(np.vdot(part, part))
            flat += np.count_nonzero(part < low) if low > -math.inf else 0
            flat += np.count_nonzero(part > high) if high < math.inf else 0
        if self.batch_norm == "after":
            y = self.norms[layer].forward(y, training=True)
            for block in measures.blocks(y):
                units.add(y[block])
        means, variances = units.result(y)
        q, std = measures.second_moment(z, squares), math.sqrt(variances.mean() + means.var())
        if not math.isfinite(q + std):
            self._note("first_overflow", layer)
        row = {"mean": means.mean(), "std": std, "std_over_data": np.sqrt(variances).mean(), "q": q}
        for name, value in row.items():
            self.rows[name][layer] = value if math.isfinite(value) or name == "mean" else math.inf
        self.rows["saturated"][layer] = flat / z.size
        self.rows["rank"][layer] = measures.effective_rank(y, means)
        self.activations.count(layer, y)
        self.pre_activations.count(layer, z)
        return y

    def backward(self) -> None:
        dy = self.arriving.result()
        for layer in reversed(range(self.depth)):
            if self.batch_norm == "after":
                dy = self.norms[layer].backward(dy)
            dz = self._slope(layer, dy)
            if self.batch_norm == "before":
                dz = self.norms[layer].backward(dz)
            if layer:
                dy = np.matmul(dz, self.weights[layer].T, out=self.spare[layer % 2])   # (samples, width) @ (width, fan_in); dW is not needed

    def _slope(self, layer: int, dy: Array) -> Array:
        """dz = dy phi'(z), written over dy, and all that is measured on the way back."""
        z, silent, squares = self.z[layer], np.arange(self.width), 0.0   # silent: units that no sample has woken so far
        arrived = dy[0].any() or dy.any()
        for block in measures.blocks(z):
            slope, part = self.phi.df(z[block]), dy[block]
            if len(silent):
                silent = silent[~(slope if len(silent) == self.width else slope[:, silent]).any(axis=0)]
            part *= slope
            squares += float(np.vdot(part, part))
        rms = math.sqrt(measures.second_moment(dy, squares))
        self.rows["dead"][layer] = len(silent) / self.width
        self.rows["gradient_rms"][layer] = rms if math.isfinite(rms) else math.inf
        self.rows["gradient_median"][layer] = self.gradients.count(layer, dy)
        if not math.isfinite(rms):
            self._note("gradient_overflow", layer)
        elif rms < np.finfo(self.dtype).tiny and arrived and len(silent) < self.width and self._too_small(dy):
            self._note("gradient_underflow", layer)
        return dy

    def _sigma_w(self, weights: Array) -> float:
        fan_in, fan_out = weights.shape
        if self.rule.needs_data:
            return math.sqrt(fan_in * np.mean(np.square(weights, dtype=np.float64)))
        std = abs(self.settings["gain"]) * self.rule.std(fan_in, fan_out)
        return math.sqrt(fan_in) * std if std or not weights.any() else math.nan

    def _too_small(self, values: Array) -> bool:
        return np.abs(values).max() < np.finfo(self.dtype).tiny

    def _note(self, event: str, layer: int) -> None:
        if self.first[event] is None:
            self.first[event] = layer + 1

    def result(self, x: Array) -> Propagation:
        x = x.astype(np.float64)
        total, squares, pairs = x.sum(axis=0), float((x * x).sum()), len(x) * max(1, len(x) - 1)
        return Propagation(self.settings, float(x.std()), squares / x.size, float(total @ total - squares) / pairs / x.shape[1],
                           **self.rows, **self.first, activations=self.activations.histogram,
                           pre_activations=self.pre_activations.histogram, gradients=self.gradients.histogram)
