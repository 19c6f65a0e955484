"""Random networks: one kind of network, drawn several times or with batch norm in several places."""

import math
from collections.abc import Collection, Sequence
from itertools import cycle

import numpy as np

from engine import diagnosis
from engine.activations import as_activation
from engine.datasets import load_digits, normalizer
from engine.propagation import EVERYTHING, Propagation, propagate, source
from engine.together import Draws, propagate_together
from engine.verdict import Verdict

Array = np.ndarray
PLACES = {"none": None, "before": "before", "after": "after"}   # of batch norm, as `propagate` names them


def network(seed: int, *, inputs: str = "gaussian", samples: int, measure: Collection[str] = EVERYTHING, **settings) -> Propagation:
    """One of a kind, on Gaussian noise or on the first `samples` digits, standardised. Raises ValueError as `propagate` does."""
    data = load_digits() if inputs == "digits" else None
    images = normalizer("standardize", data)(data.x_train[:samples]) if data else None
    return propagate(inputs=images, samples=samples, measure=measure, **settings,
                     rng=np.random.default_rng(seed) if data else source(seed, samples=samples, **settings))


def diagnosed(seed: int, **settings) -> tuple[Propagation, Verdict]:
    """A network, measured as `network` does, and its diagnosis, with the change that helps."""
    run = network(seed, **settings)
    return run, diagnosis.diagnose(run, with_fix=True)


def placed(depth: int, width: int, activation: str, scale: float, *, seed: int, samples: int,
           measure: Collection[str] = EVERYTHING) -> dict[str, Propagation]:
    """One network for each place of batch norm, with the same draws; weights have the standard deviation scale / √fan_in."""
    settings = {"depth": depth, "width": width, "activation": activation, "initializer": "lecun_normal", "gain": scale, "samples": samples,
                "measure": measure}
    return {name: propagate(**settings, batch_norm=place, rng=source(seed, **settings)) for name, place in PLACES.items()}


def arriving(run: Propagation) -> float:
    """The gradient of the first layer over that of the last: infinite if it overflows, NaN if none starts out."""
    first, last = float(run.gradient_rms[0]), float(run.gradient_rms[-1])
    return (first / last if math.isfinite(first) else math.inf) if last else math.nan


def arriving_by_scale(scales: Sequence[float], depth: int, width: int, activation: str, *, seed: int, samples: int) -> list[tuple[float, str, float]]:
    """For every scale of the weights and every place of batch norm (scale, place, what arrives of the gradient)."""
    networks = [{"activation": activation, "initializer": "lecun_normal", "gain": scale, "batch_norm": batch_norm, "seed": seed}
                for scale in scales for batch_norm in PLACES.values()]
    runs = propagate_together(networks, Draws(depth, width, samples), gradient_only=True)
    return [(own["gain"], place, arriving(run)) for own, place, run in zip(networks, cycle(PLACES), runs, strict=False)]


def passed_by_scale(kinds: Sequence[tuple[str, str | None]], scales: Sequence[float], depth: int, width: int, *, seed: int, samples: int) -> Array:
    """What gets through, layer by layer, (kinds, scales, 2, depth): the spread of the signal, and the gradient's size over that in the last layer.

    A kind is an activation and the place of batch norm, or None; weights are the activation's own rule times a scale.
    """
    networks = [{"activation": phi, "initializer": as_activation(phi).recommended, "gain": scale, "batch_norm": place, "seed": seed}
                for phi, place in kinds for scale in scales]
    runs = propagate_together(networks, Draws(depth, width, samples))
    found = np.array([(run.std, run.gradient_rms / run.gradient_rms[-1]) for run in runs])
    return found.reshape(len(kinds), len(scales), 2, depth)
