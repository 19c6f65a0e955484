"""Together: networks that differ in their activation only go through the same random matrices, side by side.

`passes` is the plain pass, and the one to read first. This one measures what a diagnosis reads and no more, for
many small networks at once, and gives what `propagate(..., measure=())` gives for each: one survey draws hundreds.
"""

import math
from collections.abc import Sequence

import numpy as np

from engine import measures
from engine.activations import as_activation
from engine.initializers import as_initializer, sigma_w, unit_variance
from engine.layers import Dense
from engine.propagation import Propagation, of_inputs, whole

Array = np.ndarray


def propagate_together(activations: Sequence[str], *, depth: int, width: int, initializer: str, gain: float = 1.0, samples: int = 100,
                       rng: np.random.Generator, dtype=np.float32) -> list[Propagation]:
    """`propagate(..., measure=())` for each activation, from one state of `rng`."""
    depth, width, samples = whole("depth", depth, 100), whole("width", width, 500), whole("samples", samples, 10_000)
    with np.errstate(all="ignore"):
        return _Pass(activations, depth, width, initializer, gain, samples, rng, np.dtype(dtype)).measured()


class _Pass:
    def __init__(self, activations, depth, width, initializer, gain, samples, rng, dtype):
        self.activations, self.phis = activations, [as_activation(name) for name in activations]
        self.rule, self.dtype = as_initializer(initializer), dtype
        self.settings = {"depth": depth, "width": width, "initializer": initializer, "gain": gain, "sigma_b": 0.0, "batch_norm": None,
                         "samples": samples, "dtype": dtype.name}
        many = len(activations)
        self.rows = {name: np.zeros((many, depth)) for name in ("mean", "std", "std_over_data", "q", "gradient_rms", "saturated", "dead", "sigma_w")}
        self.first = [dict.fromkeys(("first_overflow", "first_underflow", "gradient_overflow", "gradient_underflow")) for _ in activations]
        self.z = np.empty((depth, many, samples, width), dtype)
        self.tiny = np.finfo(dtype).tiny
        x = rng.standard_normal((samples, width))
        self.inputs = of_inputs(x)
        self.forward(np.broadcast_to(x.astype(dtype), self.z.shape[1:]), rng)
        self.backward(rng.standard_normal((samples, width)).astype(dtype))

    def forward(self, x: Array, rng: np.random.Generator) -> None:
        self.weights, alive = [], x.any(axis=(1, 2))
        y = np.empty_like(self.z[0])
        for layer, z in enumerate(self.z):
            dense = Dense(x.shape[2], z.shape[2], initializer=self.rule, gain=self.settings["gain"], bias=False, rng=rng, dtype=self.dtype)
            weights = self._fitted(dense, x) if self.rule.needs_data else dense.weight.value
            self.weights.append(weights)
            np.matmul(x, weights, out=z)   # (activations, samples, fan_in) @ (fan_in, width), or with matrices for each
            if layer == 0:
                self.distinct = [measures.distinct(each[:4]) for each in z]
            matrices = weights if weights.ndim == 3 else weights[None]   # one for all, or one for each
            self.rows["sigma_w"][:, layer] = [sigma_w(each, self.rule, self.settings["gain"]) for each in matrices]
            drawn = np.broadcast_to(matrices.any(axis=(1, 2)), len(z))
            for k, phi in enumerate(self.phis):
                y[k] = phi.f(z[k])
                low, high = measures.plateaus(phi.df, phi.kinks)
                flat = (np.count_nonzero(z[k] < low) if low > -math.inf else 0) + (np.count_nonzero(z[k] > high) if high < math.inf else 0)
                self.rows["saturated"][k, layer] = flat / z[k].size
                if alive[k] and np.abs(z[k, 0]).max() < self.tiny and np.abs(z[k]).max() < self.tiny and drawn[k]:
                    self._note(k, "first_underflow", layer)
            self._spread(layer, y)
            alive, x = y.any(axis=(1, 2)), y

    def _fitted(self, dense: Dense, x: Array) -> Array:
        drawn, fitted = dense.weight.value.copy(), []
        for each in x:
            dense.weight.value[...] = drawn
            unit_variance(dense, each)
            fitted.append(dense.weight.value.copy())
        return np.stack(fitted)

    def _spread(self, layer: int, y: Array) -> None:
        moved = y - y[:, :1]   # from one of its own values, so that a small spread around a large mean survives
        shift = (np.ones(y.shape[1], y.dtype) @ moved).astype(np.float64) / y.shape[1]
        variances = np.maximum(np.einsum("ksu,ksu->ku", moved, moved).astype(np.float64) / y.shape[1] - shift * shift, 0)
        means = y[:, 0] + shift
        for k, (own, total) in enumerate(zip(y, variances.sum(axis=1), strict=True)):
            if not measures.trusted(total, self.dtype) and moved[k].any():
                wide = own.astype(np.float64)
                means[k], variances[k] = wide.mean(axis=0), wide.var(axis=0)
        q = [measures.second_moment(z, float(np.vdot(z, z))) for z in self.z[layer]]
        std = np.sqrt(variances.mean(axis=1) + means.var(axis=1))
        for name, values in {"std": std, "std_over_data": np.sqrt(variances).mean(axis=1), "q": np.array(q)}.items():
            self.rows[name][:, layer] = np.where(np.isfinite(values), values, math.inf)
        self.rows["mean"][:, layer] = means.mean(axis=1)
        for k in np.flatnonzero(~np.isfinite(std + q)):
            self._note(k, "first_overflow", layer)

    def backward(self, dy: Array) -> None:
        dy = np.repeat(dy[None], len(self.phis), axis=0)
        for layer in reversed(range(len(self.z))):
            for k, phi in enumerate(self.phis):
                slope, arrived = phi.df(self.z[layer, k]), dy[k, 0].any() or dy[k].any()
                dy[k] *= slope
                silent = np.count_nonzero(~slope.any(axis=0))
                rms = math.sqrt(measures.second_moment(dy[k], float(np.vdot(dy[k], dy[k]))))
                self.rows["dead"][k, layer] = silent / len(slope[0])
                self.rows["gradient_rms"][k, layer] = rms if math.isfinite(rms) else math.inf
                if not math.isfinite(rms):
                    self._note(k, "gradient_overflow", layer)
                elif rms < self.tiny and arrived and silent < len(slope[0]) and np.abs(dy[k]).max() < self.tiny:
                    self._note(k, "gradient_underflow", layer)
            if layer:
                dy = np.matmul(dy, self.weights[layer].swapaxes(-1, -2))   # dJ/dx = dJ/dz Wᵀ

    def _note(self, k: int, event: str, layer: int) -> None:
        if self.first[k][event] is None:
            self.first[k][event] = layer + 1

    def measured(self) -> list[Propagation]:
        depth = len(self.z)
        unknown = np.full(depth, np.nan)
        without = {"gradient_median": unknown, "rank": unknown, "activations": None, "pre_activations": None, "gradients": None}
        return [Propagation({**self.settings, "activation": name}, **self.inputs, **{row: values[k] for row, values in self.rows.items()},
                            distinct=np.append(float(self.distinct[k]), unknown[1:]), **self.first[k], **without)
                for k, name in enumerate(self.activations)]
