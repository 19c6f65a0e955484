"""Together: many small networks of one shape, each as `propagate(..., measure=())` would measure it, at a fraction of the price.

`passes` is the plain pass, and the one to read first. Here networks with the same activation go through their layers side
by side, in arrays (samples, networks, units): small arrays cost more in calls than in arithmetic. And what several
networks draw alike is drawn once: with one seed, he_normal's matrices are lecun_normal's times sqrt(2).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from engine import measures
from engine.activations import Activation, as_activation
from engine.initializers import Initializer, as_initializer, sigma_w, unit_variance
from engine.layers import BatchNorm, Dense
from engine.propagation import Propagation, of_inputs, whole

Array = np.ndarray

FEW = 8   # samples after which few units are still silent
ABREAST = 1 << 18   # elements of a layer that go side by side: as many as the cache holds a few times


@dataclass(frozen=True)
class Drawn:
    """Everything random in a network: inputs (samples, width), `depth` matrices (width, width), and the gradient that arrives (samples, width)."""

    rule: Initializer
    inputs: Array
    weights: list[Array]
    gradient: Array
    of_inputs: dict[str, float]


class Draws:
    """What `propagate` draws from a seed, kept for all networks of one shape."""

    def __init__(self, depth: int, width: int, samples: int = 100, dtype=np.float32):
        self.depth, self.width, self.samples = whole("depth", depth, 100), whole("width", width, 500), whole("samples", samples, 10_000)
        self.dtype, self.kept = np.dtype(dtype), {}

    def of(self, rule: Initializer, seed: int) -> tuple[Drawn, float]:
        """What this rule draws, up to a factor on the matrices; and the factor."""
        key = (_fingerprint(rule), seed)
        if key not in self.kept:
            rng, shape = np.random.default_rng(seed), (self.width, self.width)
            x = rng.standard_normal((self.samples, self.width))
            weights = [rule.draw(rng, shape) for _ in range(self.depth)]
            gradient = rng.standard_normal(x.shape).astype(self.dtype)
            self.kept[key] = Drawn(rule, x.astype(self.dtype), weights, gradient, of_inputs(x))
        drawn, sides = self.kept[key], (self.width, self.width)
        return drawn, rule.std(*sides) / drawn.rule.std(*sides) if rule.std(*sides) else 1.0


def _fingerprint(rule: Initializer) -> bytes:
    """The same for rules whose matrices are multiples of each other."""
    return (rule.draw(np.random.default_rng(0), (3, 3)) / (rule.std(3, 3) or 1.0)).round(9).tobytes()


def propagate_together(networks: Sequence[Mapping[str, object]], draws: Draws) -> list[Propagation]:
    """`propagate(..., measure=(), rng=np.random.default_rng(seed))` for each network, all of the shape of `draws`.

    A network is a mapping: "activation", "initializer", "seed", and if they are not 1 and None, "gain" and "batch_norm".
    Numbers agree to rounding, whose order is another.
    """
    shape = {"depth": draws.depth, "width": draws.width, "sigma_b": 0.0, "samples": draws.samples, "dtype": draws.dtype.name}
    every = [{"gain": 1.0, "batch_norm": None} | dict(own) for own in networks]
    alike: dict[tuple, list[int]] = {}   # of networks that are the same but for the name of their rule, one is run
    for i, own in enumerate(every):
        drawn, factor = draws.of(rule := as_initializer(own["initializer"]), own["seed"])
        alike.setdefault((as_activation(own["activation"]), own["batch_norm"], id(drawn), factor * own["gain"], rule.needs_data), []).append(i)
    most, found = max(1, ABREAST // (draws.samples * draws.width)), {}
    with np.errstate(all="ignore"):
        for (phi, batch_norm), group in groupby(sorted(alike, key=lambda key: (id(key[0]), str(key[1]), *key[2:])), key=lambda key: key[:2]):
            keys = list(group)
            for start in range(0, len(keys), most):
                part = keys[start:start + most]
                measured = _Pass(phi, batch_norm, [every[alike[key][0]] for key in part], draws).measured()
                found |= {i: rows for key, rows in zip(part, measured, strict=True) for i in alike[key]}
    return [Propagation({**shape, **{name: value for name, value in own.items() if name != "seed"}}, **found[i]) for i, own in enumerate(every)]


def _products(x: Array, matrices: Sequence[Array], out: Array, back: bool = False) -> Array:
    """Each network's x (samples, units) by its own matrix, or on the way back by its transpose; one call for neighbours with the same."""
    start = 0
    for end in range(1, len(matrices) + 1):
        if end == len(matrices) or matrices[end] is not matrices[start]:
            matrix = matrices[start].T if back else matrices[start]
            np.matmul(x[:, start:end].swapaxes(0, 1), matrix, out=out[:, start:end].swapaxes(0, 1))
            start = end
    return out


def _totals(values: Array) -> Array:
    """Sums over the samples, (networks, units), in the array's dtype."""
    return (np.ones(len(values), values.dtype) @ values.reshape(len(values), -1)).reshape(values.shape[1:])


class _Pass:
    """Networks with one activation, forward and backward."""

    def __init__(self, phi: Activation, batch_norm: str | None, networks: Sequence[Mapping], draws: Draws):
        self.phi, self.batch_norm, self.dtype, self.tiny = phi, batch_norm, draws.dtype, np.finfo(draws.dtype).tiny
        self.rules, many, depth = [as_initializer(own["initializer"]) for own in networks], len(networks), draws.depth
        found = [draws.of(rule, own["seed"]) for rule, own in zip(self.rules, networks, strict=True)]
        self.gains = np.array([own.get("gain", 1.0) for own in networks])
        self.drawn, self.factors = [drawn for drawn, _ in found], self.gains * [factor for _, factor in found]
        self.fitted: list[dict[int, Array]] = [{} for _ in range(depth)]   # LSUV's matrices, by network
        self.rows = {name: np.zeros((many, depth)) for name in ("mean", "std", "std_over_data", "q", "gradient_rms", "saturated", "dead", "sigma_w")}
        self.rows["sigma_w"] += np.array([sigma_w(drawn.weights[0] * gain, rule, gain) if not rule.needs_data else 0.0
                                          for drawn, rule, gain in zip(self.drawn, self.rules, self.gains, strict=True)])[:, None]
        self.first = [dict.fromkeys(("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow")) for _ in networks]
        shape = (draws.samples, many, draws.width)
        self.z, self.spare = np.empty((depth, *shape), self.dtype), np.empty((3, *shape), self.dtype)
        self.norms = [BatchNorm(many * draws.width, dtype=self.dtype) if batch_norm else None for _ in range(depth)]
        self.forward(np.stack([drawn.inputs for drawn in self.drawn], axis=1))
        self.backward(np.stack([drawn.gradient for drawn in self.drawn], axis=1))

    def forward(self, x: Array) -> None:
        low, high = measures.plateaus(self.phi.df, self.phi.kinks)
        for layer, z in enumerate(self.z):
            self._fit(layer, x)
            _products(x, self._matrices(layer), z)
            if layer == 0:
                self.distinct = [measures.distinct(z[:4, k]) for k in range(z.shape[1])]
            for k in np.flatnonzero(np.abs(z[0]).max(axis=1) < self.tiny):
                if np.abs(z[:, k]).max() < self.tiny and x[:, k].any() and self.rows["sigma_w"][k, layer]:
                    self._note(k, "first_underflow", layer)
            if self.batch_norm == "before":
                self._normalize(layer, z, BatchNorm.forward, True)
            y = self.spare[layer % 2]
            y[...] = self.phi.f(z)
            for edge, beyond in ((low, np.less), (high, np.greater)):
                if math.isfinite(edge):
                    self.rows["saturated"][:, layer] += [np.count_nonzero(own) / own.size for own in beyond(z, z.dtype.type(edge)).swapaxes(0, 1)]
            if self.batch_norm == "after":
                self._normalize(layer, y, BatchNorm.forward, True)
            self._spread(layer, y)
            x = y

    def _fit(self, layer: int, x: Array) -> None:
        """LSUV: matrices of one's own, fitted to what arrives."""
        for k, rule in enumerate(self.rules):
            if rule.needs_data:
                dense = Dense(*self.drawn[k].weights[layer].shape, initializer="zeros", bias=False, rng=None, dtype=self.dtype)
                dense.weight.value[...] = self.factors[k] * self.drawn[k].weights[layer]
                unit_variance(dense, x[:, k])
                self.fitted[layer][k] = dense.weight.value
                self.rows["sigma_w"][k, layer] = sigma_w(dense.weight.value, rule, 1.0)

    def _matrices(self, layer: int) -> list[Array]:
        """Each network's (fan_in, units); one object for neighbours that have the same."""
        made: list[Array] = []
        for k, (drawn, factor) in enumerate(zip(self.drawn, self.factors, strict=True)):
            if k in self.fitted[layer]:
                made.append(self.fitted[layer][k])
            elif k and drawn is self.drawn[k - 1] and factor == self.factors[k - 1] and k - 1 not in self.fitted[layer]:
                made.append(made[-1])
            else:
                made.append((factor * drawn.weights[layer]).astype(self.dtype))
        return made

    def _normalize(self, layer: int, values: Array, way: Callable, *training: bool) -> None:
        """Each unit of each network is one feature."""
        values[...] = way(self.norms[layer], values.reshape(len(values), -1), *training).reshape(values.shape)

    def _spread(self, layer: int, y: Array) -> None:
        moved = np.subtract(y, y[0], out=self.spare[2])   # from one of its own values, so that a small spread around a large mean survives
        shift = _totals(moved).astype(np.float64) / len(y)
        variances = np.maximum(_totals(np.multiply(moved, moved, out=self.spare[2])).astype(np.float64) / len(y) - shift * shift, 0)
        means = y[0] + shift
        for k in np.flatnonzero(~measures.trusted(variances.sum(axis=1), self.dtype)):
            if (y[:, k] != y[0, k]).any():
                wide = y[:, k].astype(np.float64)
                means[k], variances[k] = wide.mean(axis=0), wide.var(axis=0)
        q, std = self._second_moments(self.z[layer]), np.sqrt(variances.mean(axis=1) + means.var(axis=1))
        for name, values in {"std": std, "std_over_data": np.sqrt(variances).mean(axis=1), "q": q}.items():
            self.rows[name][:, layer] = np.where(np.isfinite(values), values, math.inf)
        self.rows["mean"][:, layer] = means.mean(axis=1)
        for k in np.flatnonzero(~np.isfinite(std + q)):
            self._note(k, "first_overflow", layer)

    def _second_moments(self, values: Array) -> Array:
        totals = _totals(np.multiply(values, values, out=self.spare[2])).sum(axis=1)
        moments = totals.astype(np.float64) / values[:, 0].size
        for k in np.flatnonzero(~measures.trusted(totals, self.dtype)):
            moments[k] = np.mean(np.square(values[:, k], dtype=np.float64))
        return moments

    def backward(self, dy: Array) -> None:
        units = dy.shape[2]
        for layer in reversed(range(len(self.z))):
            if self.batch_norm == "after":
                self._normalize(layer, dy, BatchNorm.backward)
            arrived, slope = dy[0].any(axis=1), self.phi.df(self.z[layer])
            for k in np.flatnonzero(~arrived):
                arrived[k] = dy[:, k].any()
            dy *= slope
            network, unit = np.nonzero(~slope[:FEW].any(axis=0))
            silent = np.bincount(network[~slope[FEW:, network, unit].any(axis=0)], minlength=len(arrived))
            rms = np.sqrt(self._second_moments(dy))
            self.rows["dead"][:, layer] = silent / units
            self.rows["gradient_rms"][:, layer] = np.where(np.isfinite(rms), rms, math.inf)
            for k in np.flatnonzero(~np.isfinite(rms)):
                self._note(k, "gradient_overflow", layer)
            for k in np.flatnonzero((rms < self.tiny) & arrived & (silent < units)):
                if np.abs(dy[:, k]).max() < self.tiny:
                    self._note(k, "gradient_underflow", layer)
            if self.batch_norm == "before":
                self._normalize(layer, dy, BatchNorm.backward)
            if layer:
                dy = _products(dy, self._matrices(layer), self.spare[layer % 2], back=True)   # dJ/dx = dJ/dz Wᵀ

    def _note(self, k: int, event: str, layer: int) -> None:
        if self.first[k][event] is None:
            self.first[k][event] = layer + 1

    def measured(self) -> list[dict]:
        """What a `Propagation` of each network is made of, but for its settings."""
        unknown = np.full(len(self.z), np.nan)
        without = {"gradient_median": unknown, "rank": unknown, "activations": None, "pre_activations": None, "gradients": None}
        return [{**self.drawn[k].of_inputs, **{row: values[k] for row, values in self.rows.items()}, **self.first[k], **without,
                 "distinct": np.append(float(self.distinct[k]), unknown[1:])} for k in range(len(self.drawn))]
