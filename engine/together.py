"""Together: many small networks of one shape, each as `propagate(..., measure=())` would measure it, at a fraction of the price.

`passes` is the plain pass, and the one to read first. Here networks go through their layers side by side, in arrays
(networks, samples, units): small arrays cost more in calls than in arithmetic. And what several networks draw alike is
drawn once: with one seed, he_normal's matrices are lecun_normal's times sqrt(2).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, pairwise

import numpy as np

from engine import measures
from engine.activations import as_activation
from engine.initializers import Initializer, as_initializer, sigma_w
from engine.layers import BatchNorm
from engine.propagation import Propagation, of_inputs, source, whole

Array = np.ndarray

EPSILON = BatchNorm(1).epsilon
FORWARD = ("mean", "std", "std_over_data", "q", "saturated", "dead")   # what is measured of a layer, beside its gradient and the scale of its weights
FEW = 8   # samples after which few units are still silent
ABREAST = 1 << 17   # elements of a layer that go side by side: as many as the cache holds a few times


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
        key, sides = (_fingerprint(rule), seed), (self.width, self.width)
        if key not in self.kept:
            rng = source(seed, depth=self.depth, width=self.width, initializer=rule, samples=self.samples)
            x = rng.standard_normal((self.samples, self.width))
            weights = [rule.draw(rng, sides).astype(self.dtype, copy=False) for _ in range(self.depth)]
            gradient = rng.standard_normal(x.shape).astype(self.dtype)
            self.kept[key] = Drawn(rule, x.astype(self.dtype), weights, gradient, of_inputs(x))
        drawn = self.kept[key]
        return drawn, rule.std(*sides) / drawn.rule.std(*sides) if rule.std(*sides) else 1.0


@lru_cache(maxsize=64)
def _fingerprint(rule: Initializer) -> bytes:
    """The same for rules whose matrices are multiples of each other."""
    return (rule.draw(np.random.default_rng(0), (3, 3)) / (rule.std(3, 3) or 1.0)).round(9).tobytes()


def propagate_together(networks: Sequence[Mapping[str, object]], draws: Draws, gradient_only: bool = False) -> list[Propagation]:
    """`propagate(..., measure=(), rng=np.random.default_rng(seed))` for each network, all of the shape of `draws`.

    A network is a mapping: "activation", "initializer", "seed", and if they are not 1 and None, "gain" and "batch_norm".
    Numbers agree to rounding, whose order is another. With `gradient_only`, all but its RMS is NaN.
    """
    shape = {"depth": draws.depth, "width": draws.width, "sigma_b": 0.0, "samples": draws.samples, "dtype": draws.dtype.name}
    every = [{"gain": 1.0, "batch_norm": None} | dict(own) for own in networks]
    alike: dict[tuple, list[int]] = {}   # of networks that are the same but for the name of their rule, one is run
    for i, own in enumerate(every):
        drawn, factor = draws.of(rule := as_initializer(own["initializer"]), own["seed"])
        alike.setdefault((as_activation(own["activation"]), own["batch_norm"], id(drawn), factor * own["gain"], rule.needs_data), []).append(i)
    most, found = max(1, ABREAST // (draws.samples * draws.width)), {}
    with np.errstate(all="ignore"):
        for batch_norm, group in groupby(sorted(alike, key=lambda key: (str(key[1]), id(key[0]), *key[2:])), key=lambda key: key[1]):
            keys = list(group)
            for start in range(0, len(keys), most):
                part = keys[start:start + most]
                measured = _Pass(batch_norm, [every[alike[key][0]] for key in part], draws, gradient_only).measured()
                found |= {i: rows for key, rows in zip(part, measured, strict=True) for i in alike[key]}
    return [Propagation({**shape, **{name: value for name, value in own.items() if name != "seed"}}, **found[i]) for i, own in enumerate(every)]


def _runs(values: Sequence) -> list[slice]:
    """Slices of neighbours that are one and the same object."""
    ends = [k for k in range(1, len(values)) if values[k] is not values[k - 1]]
    return [slice(start, end) for start, end in pairwise((0, *ends, len(values)))]


class _Pass:
    """Networks forward and backward, those with one activation next to each other. Arrays are (networks, samples, units).

    A matrix is drawn once for all networks that differ by a factor only: their rows go through it in one product, and the factor comes after.
    """

    def __init__(self, batch_norm: str | None, networks: Sequence[Mapping], draws: Draws, gradient_only: bool):
        self.batch_norm, self.gradient_only = batch_norm, gradient_only
        self.dtype, self.tiny = draws.dtype, np.finfo(draws.dtype).tiny
        self.rules, many, depth = [as_initializer(own["initializer"]) for own in networks], len(networks), draws.depth
        bends = [as_activation(own["activation"]) for own in networks]
        self.bends = [(bends[own.start], own) for own in _runs(bends)]   # an activation, and which networks have it
        self.to_fit = [k for k, rule in enumerate(self.rules) if rule.needs_data]
        found = [draws.of(rule, own["seed"]) for rule, own in zip(self.rules, networks, strict=True)]
        gains, self.drawn = np.array([own.get("gain", 1.0) for own in networks]), [drawn for drawn, _ in found]
        self.alike = _runs(self.drawn)   # which networks have the same matrices
        self.factors = np.repeat((gains * [factor for _, factor in found])[:, None], depth, axis=1)   # (networks, depth), on the matrices
        unknown = ("gradient_median", "rank", "distinct") + FORWARD * gradient_only
        self.rows = {name: np.full((many, depth), math.nan if name in unknown else 0.0) for name in (*FORWARD, "gradient_rms", "sigma_w", *unknown)}
        self.rows["sigma_w"] += np.array([sigma_w(drawn.weights[0] * gain, rule, gain) if not rule.needs_data else 0.0
                                          for drawn, rule, gain in zip(self.drawn, self.rules, gains, strict=True)])[:, None]
        self.first = [dict.fromkeys(("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow")) for _ in networks]
        self.z, self.spare = (np.empty((count, many, draws.samples, draws.width), self.dtype) for count in (depth, 3))
        self.normalized: list[tuple[Array, Array]] = []   # by batch norm, of each layer: 1 / std, and x̂
        self.forward(np.stack([drawn.inputs for drawn in self.drawn]))
        self.backward(np.stack([drawn.gradient for drawn in self.drawn]))

    def forward(self, x: Array) -> None:
        for layer, z in enumerate(self.z):
            self._products(layer, x, z)
            self._fit(layer, z)
            z *= self.factors[:, layer, None, None].astype(self.dtype)
            if not self.gradient_only:
                if layer == 0:
                    self.rows["distinct"][:, 0] = [measures.distinct(own[:4]) for own in z]
                self._underflow(layer, x, z)
            if self.batch_norm == "before":
                self.normalized.append((self._normalize(z), z))
            x = y = self._bent(z, "f", self.spare[layer % 2])
            if self.batch_norm == "after":
                self.normalized.append((self._normalize(y), y.copy()))
            if not self.gradient_only:
                self._plateaus(layer, z)
                self._spread(layer, y)

    def _bent(self, z: Array, way: str, out: Array) -> Array:
        """Each network's phi ("f") or slope ("df") of z: in `out`, or where all networks have one, in an array of its own."""
        if len(self.bends) == 1 and (bent := getattr(self.bends[0][0], way)(z)) is not z:
            return bent
        for phi, own in self.bends:
            out[own] = getattr(phi, way)(z[own])
        return out

    def _products(self, layer: int, x: Array, out: Array, back: bool = False) -> None:
        """Each network's x by the matrix that was drawn, or on the way back by its transpose."""
        for own in self.alike:
            matrix = self.drawn[own.start].weights[layer]
            np.matmul(x[own].reshape(-1, x.shape[2]), matrix.T if back else matrix, out=out[own].reshape(-1, x.shape[2]))

    def _fit(self, layer: int, z: Array) -> None:
        """LSUV: a factor of one's own, by which the variance of z is 1, as `unit_variance` finds it."""
        for k in self.to_fit:
            std = math.sqrt(float(np.var(z[k]))) * self.factors[k, layer]
            if std and math.isfinite(std) and abs(std * std - 1) >= 0.01:
                self.factors[k, layer] /= std
            self.rows["sigma_w"][k, layer] = sigma_w(self.factors[k, layer] * self.drawn[k].weights[layer], self.rules[k], 1.0)

    def _normalize(self, values: Array) -> Array:
        """`BatchNorm.forward` in training, in place; each unit of each network is one feature. Returns 1 / std (networks, 1, units)."""
        values -= measures.over_samples(values)
        inverse_std = 1 / np.sqrt(measures.over_samples(values, values) + EPSILON)
        values *= inverse_std
        return inverse_std

    def _normalize_back(self, layer: int, dy: Array) -> None:
        """`BatchNorm.backward`, in place."""
        inverse_std, normalized = self.normalized[layer]
        dy -= measures.over_samples(dy)
        dy -= np.multiply(normalized, measures.over_samples(dy, normalized), out=self.spare[2])   # the mean of x̂ is 0
        dy *= inverse_std

    def _underflow(self, layer: int, x: Array, z: Array) -> None:
        for k in np.flatnonzero(np.abs(z[:, 0]).max(axis=1) < self.tiny):
            if np.abs(z[k]).max() < self.tiny and x[k].any() and self.rows["sigma_w"][k, layer]:
                self._note(k, "first_underflow", layer)

    def _plateaus(self, layer: int, z: Array) -> None:
        for phi, own in self.bends:
            for edge, beyond in zip(measures.plateaus(phi.df, phi.kinks), (np.less, np.greater), strict=True):
                if math.isfinite(edge):
                    self.rows["saturated"][own, layer] += [np.count_nonzero(flat) / flat.size for flat in beyond(z[own], z.dtype.type(edge))]

    def _spread(self, layer: int, y: Array) -> None:
        moved, ones = np.subtract(y, y[:, :1], out=self.spare[2]), np.ones(y.shape[1], self.dtype)
        shift = (ones @ moved).astype(np.float64) / y.shape[1]   # from one of its own values, so that a small spread around a large mean survives
        squares = np.multiply(moved, moved, out=moved)
        variances = np.maximum((ones @ squares).astype(np.float64) / y.shape[1] - shift * shift, 0)
        means = y[:, 0] + shift
        for k in np.flatnonzero(~measures.trusted(variances.sum(axis=1), self.dtype)):
            if (y[k] != y[k, 0]).any():
                wide = y[k].astype(np.float64)
                means[k], variances[k] = wide.mean(axis=0), wide.var(axis=0)
        q, std = self._second_moments(self.z[layer]), np.sqrt(variances.mean(axis=1) + means.var(axis=1))
        for name, values in {"std": std, "std_over_data": np.sqrt(variances).mean(axis=1), "q": q}.items():
            self.rows[name][:, layer] = np.where(np.isfinite(values), values, math.inf)
        self.rows["mean"][:, layer] = means.mean(axis=1)
        for k in np.flatnonzero(~np.isfinite(std + q)):
            self._note(k, "first_overflow", layer)

    def _second_moments(self, values: Array) -> Array:
        totals = np.array([np.vdot(own, own) for own in values])
        moments = totals.astype(np.float64) / values[0].size
        if len(lost := np.flatnonzero(~measures.trusted(totals, self.dtype))):
            moments[lost] = np.square(values[lost], dtype=np.float64).mean(axis=(1, 2))
        return moments

    def backward(self, dy: Array) -> None:
        for layer in reversed(range(len(self.z))):
            if self.batch_norm == "after":
                self._normalize_back(layer, dy)
            slope = self._bent(self.z[layer], "df", self.spare[2])
            silent, arrived = (None, None) if self.gradient_only else self._silent(dy, slope)
            dy *= slope
            rms = np.sqrt(self._second_moments(dy))
            self.rows["gradient_rms"][:, layer] = np.where(np.isfinite(rms), rms, math.inf)
            if not self.gradient_only:
                self.rows["dead"][:, layer] = silent / dy.shape[2]
                for k in np.flatnonzero(~np.isfinite(rms)):
                    self._note(k, "gradient_overflow", layer)
                for k in np.flatnonzero((rms < self.tiny) & arrived & (silent < dy.shape[2])):
                    if np.abs(dy[k]).max() < self.tiny:
                        self._note(k, "gradient_underflow", layer)
            if self.batch_norm == "before":
                self._normalize_back(layer, dy)
            if layer:
                out = self.spare[layer % 2]
                self._products(layer, dy, out, back=True)   # dJ/dx = dJ/dz Wᵀ
                dy = np.multiply(out, self.factors[:, layer, None, None].astype(self.dtype), out=out)

    def _silent(self, dy: Array, slope: Array) -> tuple[Array, Array]:
        """Of each network how many units no sample has woken, and whether any gradient arrived."""
        network, unit = np.nonzero(~slope[:, :FEW].any(axis=1))
        arrived = dy[:, 0].any(axis=1)
        for k in np.flatnonzero(~arrived):
            arrived[k] = dy[k].any()
        return np.bincount(network[~slope[network, FEW:, unit].any(axis=1)], minlength=len(dy)), arrived

    def _note(self, k: int, event: str, layer: int) -> None:
        self.first[k][event] = self.first[k][event] or layer + 1

    def measured(self) -> list[dict]:
        """What a `Propagation` of each network is made of, but for its settings."""
        empty = dict.fromkeys(("activations", "pre_activations", "gradients"))
        return [own.of_inputs | {row: values[k] for row, values in self.rows.items()} | self.first[k] | empty for k, own in enumerate(self.drawn)]
