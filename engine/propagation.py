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
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np

from engine.activations import Activation, as_activation
from engine.initializers import INITIALIZERS, Initializer, as_initializer
from engine.measures import Histogram
from engine.passes import Run

Array = np.ndarray

REMEMBERED = 510_000   # normal numbers of a seed at most, 4 MB: a network of 30 layers of 100 units with 1,000 inputs draws as many
EVERYTHING = ("activations", "pre_activations", "gradients", "gradient_median", "rank", "distinct")   # what costs as much again as the products


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
    activations: Histogram | None
    pre_activations: Histogram | None
    gradients: Histogram | None
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
              rng: np.random.Generator, dtype=np.float32, measure: Collection[str] = EVERYTHING) -> Propagation:
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
    measure : some of `EVERYTHING`
        What to measure beside the rest; what is left out is NaN in all layers (`distinct`: in all but the first), and
        a histogram is None.

    Raises
    ------
    ValueError
        "depth must be between 1 and 100, got 0", and the like.
    """
    phi, rule, dtype = as_activation(activation), as_initializer(initializer), np.dtype(dtype)
    depth, width, samples = whole("depth", depth, 100), whole("width", width, 500), whole("samples", samples, 10_000)
    if not math.isfinite(gain):
        raise ValueError(f"gain must be finite, got {gain}")
    if not 0 <= sigma_b < math.inf:
        raise ValueError(f"sigma_b must be finite and at least 0, got {sigma_b}")
    if batch_norm not in (None, "before", "after"):
        raise ValueError(f"batch_norm must be None, 'before' or 'after', got {batch_norm!r}")
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype}")
    if unknown := set(measure) - set(EVERYTHING):
        raise ValueError(f"measure must name some of {', '.join(EVERYTHING)}, got {sorted(unknown)}")
    x = rng.standard_normal((samples, width)) if inputs is None else np.asarray(inputs)
    if x.ndim != 2 or not all(1 <= side <= 10_000 for side in x.shape):
        raise ValueError(f"inputs must be (samples, features), each 1 to 10000, got shape {x.shape}")
    settings = {"depth": depth, "width": width, "activation": activation, "initializer": initializer, "gain": gain,
                "sigma_b": sigma_b, "batch_norm": batch_norm, "samples": len(x), "dtype": dtype.name}
    with np.errstate(all="ignore"), ThreadPoolExecutor(1) as drawer:
        run = Run(settings, phi, rule, dtype, rng, drawer, measure)
        run.forward(np.ascontiguousarray(x, dtype))
        run.backward()
        return Propagation(settings, **of_inputs(x), **run.measured())


def over_seeds(seeds: Sequence[int], **settings) -> list[Propagation]:
    """One network for each seed, all else equal: what differs is chance, at this width."""
    return [propagate(rng=np.random.default_rng(seed), **settings) for seed in seeds]


def stack(runs: Sequence[Propagation], name: str) -> Array:
    """One statistic of several runs as (runs, depth): minimum and maximum over axis 0 make the band."""
    return np.stack([getattr(run, name) for run in runs])


def of_inputs(x: Array) -> dict[str, float]:
    x = x.astype(np.float64, copy=False)
    total, squares, pairs = x.sum(axis=0), float((x * x).sum()), len(x) * max(1, len(x) - 1)
    return {"input_std": float(x.std()), "input_moment": squares / x.size, "input_overlap": float(total @ total - squares) / pairs / x.shape[1]}


def whole(name: str, value: int, most: int) -> int:
    try:
        whole = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number, got {value!r}") from None
    if not 1 <= whole <= most:
        raise ValueError(f"{name} must be between 1 and {most}, got {whole}")
    return whole


class Remembered:
    """A generator of normal numbers only, those of `default_rng(seed)`, which were drawn before and can be read, not changed."""

    def __init__(self, numbers: Array):
        self.numbers, self.taken = numbers.view(), 0
        self.numbers.flags.writeable = False

    def standard_normal(self, size: int | tuple[int, ...]) -> Array:
        start, self.taken = self.taken, self.taken + int(np.prod(size))
        return self.numbers[start:self.taken].reshape(size)


def source(seed: int, *, depth: int, width: int, initializer: str | Initializer, samples: int, **_) -> np.random.Generator | Remembered:
    """What draws a network with Gaussian inputs from a seed: remembered numbers, where all are normal and so few. They are the same."""
    count = 2 * samples * width + depth * (width + 1) * width   # inputs and gradient, weights and biases
    rule = as_initializer(initializer)
    if count > REMEMBERED or INITIALIZERS.get(rule.name) is not rule or rule.name.endswith("uniform"):
        return np.random.default_rng(seed)
    with _drawing:
        drawn = _drawn(seed)
        if len(drawn["numbers"]) < count:
            drawn["numbers"] = np.concatenate([drawn["numbers"], drawn["rng"].standard_normal(count - len(drawn["numbers"]))])
        return Remembered(drawn["numbers"])


@lru_cache(maxsize=12)   # the most seeds of a band, and two
def _drawn(seed: int) -> dict:
    return {"rng": np.random.default_rng(seed), "numbers": np.empty(0)}


_drawing = Lock()
