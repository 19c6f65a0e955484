"""Passes: one random network, forward and backward, and what is measured in every layer on the way.

`propagation` asks the question and keeps the answers. Here a layer's numbers are counted
while they are in the cache, which is why product and measure stand side by side.
"""

import math
from collections.abc import Collection, Iterator
from concurrent.futures import Executor

import numpy as np

from engine import measures
from engine.activations import Activation
from engine.initializers import Initializer, sigma_w, unit_variance
from engine.layers import BatchNorm
from engine.measures import Counter, MagnitudeCounter

Array = np.ndarray

PRE_ACTIVATIONS = (-5.0, 5.0)   # range of the histogram of z
DECADES = (-10, 4)              # range of the histogram of log10 |dJ/dz|
SMALL = 1 << 14                 # weights of a layer up to which handing its drawing to another thread costs more than it saves
STATISTICS = ("mean", "std", "std_over_data", "q", "gradient_rms", "gradient_median", "saturated", "dead", "rank", "sigma_w")


class Run:
    """One network, one pass forward, one backward. Weights and z are kept for the way back, nothing else is."""

    def __init__(self, settings: dict, phi: Activation, rule: Initializer, dtype: np.dtype, rng: np.random.Generator, drawer: Executor,
                 measure: Collection[str]):
        self.settings, self.phi, self.rule, self.dtype, self.rng, self.drawer, self.measure = settings, phi, rule, dtype, rng, drawer, measure
        self.depth, self.width, self.batch_norm = settings["depth"], settings["width"], settings["batch_norm"]
        self.plateaus = measures.plateaus(phi.df, phi.kinks)
        self.rows = {name: np.zeros(self.depth) for name in STATISTICS} | {"distinct": np.zeros(self.depth, int)}
        self.first = dict.fromkeys(("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow"))
        for name in {"rank", "gradient_median", "distinct"} - set(measure):
            self.rows[name] = np.full(self.depth, np.nan)
        spans = {"activations": PRE_ACTIVATIONS if self.batch_norm == "after" else measures.value_range(phi.f), "pre_activations": PRE_ACTIVATIONS}
        self.counters = {name: Counter(self.depth, *span) for name, span in spans.items() if name in measure}
        if {"gradients", "gradient_median"} & set(measure):
            self.counters["gradients"] = MagnitudeCounter(self.depth, *DECADES, dtype)

    def forward(self, x: Array) -> None:
        self.z = np.empty((self.depth, len(x), self.width), self.dtype)
        self.spare = np.empty((2, len(x), self.width), self.dtype)   # y, and the gradients in turn: fresh memory costs more than it should
        kept = np.empty((self.depth, self.width, self.width), self.dtype)   # one block: a hundred small ones cost a page fault each 4 KB
        self.weights = [kept[0] if x.shape[1] == self.width else np.empty((x.shape[1], self.width), self.dtype), *kept[1:]]
        self.means, self.variances = np.empty((2, self.depth, self.width))   # of y, for each unit
        self.norms, self.arriving = [], None
        for layer, bias in enumerate(self._drawn_ahead()):
            weights = self.weights[layer]
            if self.rule.needs_data:
                unit_variance(weights, bias, x)
            z = np.matmul(x, weights, out=self.z[layer])   # (samples, fan_in) @ (fan_in, width)
            if bias is not None:
                z += bias
            self.norms.append(BatchNorm(self.width, dtype=self.dtype) if self.batch_norm else None)
            self.rows["sigma_w"][layer] = sigma_w(weights, self.rule, self.settings["gain"])
            if layer == 0 or "distinct" in self.measure:
                self.rows["distinct"][layer] = measures.distinct(z[:4])
            if self._too_small(z[0]) and self._too_small(z) and x.any() and weights.any():
                self._note("first_underflow", layer)
            if self.batch_norm == "before":
                z[...] = self.norms[layer].forward(z, training=True)
            x = self._activate(layer, z)   # overwrites the last y, which no one needs any more
        self._spread()

    def _drawn_ahead(self) -> Iterator[Array | None]:
        """All layers in turn, each drawn while the one before is at work: 100 layers of 500 units take 1.2 times as long without. Yields biases."""
        if self.width * self.width <= SMALL:
            yield from map(self._draw, self.weights)
            return
        coming = self.drawer.submit(self._draw, self.weights[0])
        for weights in self.weights[1:]:
            bias, coming = coming.result(), self.drawer.submit(self._draw, weights)
            yield bias
        bias, self.arriving = coming.result(), self.drawer.submit(self._draw_gradient)
        yield bias

    def _draw_gradient(self) -> Array:
        """dJ/dy of the last layer, which starts the way back."""
        return self.rng.standard_normal(self.z.shape[1:]).astype(self.dtype)

    def _draw(self, weights: Array) -> Array | None:
        """Fill in a layer's weights (fan_in, width), and return its biases, if it has any. Both are drawn in float64."""
        with np.errstate(all="ignore"):   # a thread has its own
            np.multiply(self.settings["gain"], self.rule.draw(self.rng, weights.shape), out=weights, casting="same_kind")
            return (self.settings["sigma_b"] * self.rng.standard_normal(self.width)).astype(self.dtype) if self.settings["sigma_b"] else None

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
        self.means[layer], self.variances[layer] = units.result(y)
        self.rows["q"][layer], self.rows["saturated"][layer] = measures.second_moment(z, squares), flat / z.size
        if "rank" in self.measure:
            self.rows["rank"][layer] = measures.effective_rank(y, self.means[layer])
        for name, values in (("activations", y), ("pre_activations", z)):
            if name in self.counters:
                self.counters[name].count(layer, values)
        return y

    def _spread(self) -> None:
        """What the means and variances of the units (depth, width) say of the layers, all at once."""
        rows, means, variances = self.rows, self.means, self.variances
        rows["mean"], rows["std"] = means.mean(axis=1), np.sqrt(variances.mean(axis=1) + means.var(axis=1))
        rows["std_over_data"] = np.sqrt(variances).mean(axis=1)
        for layer in np.flatnonzero(~np.isfinite(rows["q"] + rows["std"])).tolist():
            self._note("first_overflow", layer)
        for name in ("std", "std_over_data", "q"):
            rows[name] = np.where(np.isfinite(rows[name]), rows[name], math.inf)

    def backward(self) -> None:
        dy = self.arriving.result() if self.arriving else self._draw_gradient()
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
        if "gradients" in self.counters:
            self.rows["gradient_median"][layer] = self.counters["gradients"].count(layer, dy)
        if not math.isfinite(rms):
            self._note("gradient_overflow", layer)
        elif rms < np.finfo(self.dtype).tiny and arrived and len(silent) < self.width and self._too_small(dy):
            self._note("gradient_underflow", layer)
        return dy

    def _too_small(self, values: Array) -> bool:
        return np.abs(values).max() < np.finfo(self.dtype).tiny

    def _note(self, event: str, layer: int) -> None:
        if self.first[event] is None:
            self.first[event] = layer + 1

    def measured(self) -> dict:
        """What a `Propagation` is made of, but for the inputs."""
        counted = {name: self.counters[name].histogram if name in self.counters else None for name in ("activations", "pre_activations", "gradients")}
        return {**self.rows, **self.first, **counted}
