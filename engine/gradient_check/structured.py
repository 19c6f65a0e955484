"""The numerical gradient by structure: every weight, without a forward pass for each.

Weight W[i, j] of a layer feeds unit j and no other. To see what a small change of it
does to the loss, nothing below has to be computed again, and the layer itself only in
its unit j. What does have to be computed again is everything above, once for each
weight; but there thousands of weights go through as one batched product.

Arrays here are (batch, units, perturbations): the perturbations come last, so that
each unit's row of them is contiguous and one matrix product serves them all.
"""

from collections.abc import Iterator
from copy import copy
from itertools import product

import numpy as np

from engine.activations import negative_part, positive_part
from engine.layers import Activate, BatchNorm, Dense, Dropout, Layer
from engine.losses import softmax_cross_entropy, squared_error
from engine.network import Network

Array = np.ndarray
APART = 1 << 12   # parameters from which on samples are followed one by one
CHUNK = 1 << 17   # numbers in one working array (1 MB in float64): small enough for the cache, large enough to hide the calls
ALL = slice(None)
KNOWN = (Network.forward, Network.loss, Dense.forward, Activate.forward, BatchNorm.forward, Dropout.forward)


def supports(network: Network) -> bool:
    """Whether every forward pass in the network is one whose structure is known here; its backward passes may be anything."""
    return all(f in KNOWN for f in (type(network).forward, type(network).loss, *(type(layer).forward for layer in network.layers)))


def work(sizes: tuple[int, ...]) -> int:
    """About how many multiplications the gradient of a plain network costs for each image: every weight's step is followed to the top."""
    above = [10 * n + sum(a * b for a, b in zip(sizes[i + 1:], sizes[i + 2:], strict=False)) for i, n in enumerate([*sizes[2:], 1])]
    return sum(a * b * each for a, b, each in zip(sizes, sizes[1:], above, strict=False))


def loss_changes(network: Network, x: Array, labels: Array, step: complex, *, training: bool = True,
                 crossed: Array | None = None) -> tuple[complex, Array]:
    """The loss, and loss(theta + step e_k) - loss(theta) for every component k at once; without penalties.

    Parameters
    ----------
    network : Network
        In the dtype to compute in, complex for a complex step. One ordinary forward pass is made;
        its dropout masks and drawn slopes are then held for all components.
    x : (batch, features), in the network's dtype
    labels : (batch,)
    step : float or complex
    crossed : bool (P,), optional
        Set to True for components whose step carries a pre-activation across a kink.

    Returns
    -------
    loss : float or complex
    changes : (P,)

    Memory is bounded: perturbations go through in chunks of about `CHUNK` numbers, or one at a time
    where a single forward pass is larger than that.
    """
    np.empty(1 << 21)   # once glibc has freed 16 MB, it keeps freed memory at hand: 784-50-10 on 3 images takes 16 ms instead of 38
    whole = _Trace(network, x, labels, training)
    changes = np.zeros_like(network.theta)
    place = {id(p): start for p, start in zip(network.parameters, _starts(network), strict=True)}
    for trace, (index, layer) in product(whole.apart(network.theta.size), enumerate(network.layers)):
        for parameters, sensitivity in _unit_parameters(layer, trace.inputs[index], trace.samples):
            # sensitivity (batch, 1 or units, rows): what one unit's output gains when that row of the parameters grows
            units = parameters[0].value.shape[-1]
            stacked, flags = np.zeros((units, sensitivity.shape[2]), changes.dtype), np.zeros((units, sensitivity.shape[2]), bool)
            rows = np.flatnonzero(sensitivity.any(axis=(0, 1)))   # a pixel that is black in every image changes nothing
            for block, some in _blocks(units, rows, trace.numbers_above(index)):
                base = trace.outputs[index][:, block, None]
                gain = sensitivity[:, ALL if sensitivity.shape[1] == 1 else block, some]
                stacked[block, some], flags[block, some] = trace.follow(index + 1, base + step * gain, block)
            row = 0
            for p in parameters:
                count = p.value.size // units
                here = slice(place[id(p)], place[id(p)] + p.value.size)
                changes[here] += stacked[:, row:row + count].T.ravel()
                if crossed is not None:
                    crossed[here] |= flags[:, row:row + count].T.ravel()
                row += count
        if isinstance(layer, Activate) and layer.slope is not None:   # PReLU: one number that bends every unit of the layer
            y = trace.outputs[index] + step * negative_part(trace.inputs[index])
            k = place[id(layer.slope)]
            change, flag = trace.finish(index + 1, y[:, :, None])
            changes[k] += change[0]
            if crossed is not None:
                crossed[k] |= flag[0]
    return whole.base.mean().item(), changes / len(x)


class _Trace:
    """One forward pass, remembered, and the way from any layer up to the loss."""

    def __init__(self, network: Network, x: Array, labels: Array, training: bool):
        self.layers, self.labels, self.training, self.loss_function = network.layers, labels, training, network.loss_function
        self.inputs, self.outputs = [], []
        for layer in self.layers:
            self.inputs.append(x)
            x = layer.forward(x, training)
            self.outputs.append(x)
        self.base = self.losses(x[:, :, None])   # (batch, 1)
        self.samples = ALL

    def apart(self, parameters: int) -> list["_Trace"]:
        """A trace of each sample, where samples meet in no layer and the network is large: in one sample, many a step changes nothing.

        A pixel is black, or a ReLU is off. In a small network the calls would cost more than is saved.
        """
        meet = self.training and any(isinstance(layer, BatchNorm) for layer in self.layers)
        if meet or parameters < APART or self.loss_function not in (softmax_cross_entropy, squared_error):
            return [self]

        def of(sample: int) -> "_Trace":
            one, samples = copy(self), slice(sample, sample + 1)
            one.samples, one.labels, one.base = samples, self.labels[samples], self.base[samples]
            one.inputs, one.outputs = [x[samples] for x in self.inputs], [y[samples] for y in self.outputs]
            return one

        return [of(sample) for sample in range(len(self.labels))]

    def numbers_above(self, index: int) -> int:
        """Numbers that one perturbation of layer `index` needs at the widest place above its own units."""
        upper = [k for k in range(index + 1, len(self.layers)) if isinstance(self.layers[k], Dense)]
        return max(self.outputs[k].size for k in [*upper, len(self.layers) - 1])

    def follow(self, index: int, y: Array, units: slice) -> tuple[Array, Array]:
        """Loss changes, summed over samples, and kink flags (units, rows) when each unit's output before layer `index` is y (batch, units, rows)."""
        crossed = np.zeros(y.shape[1:], bool)
        while index < len(self.layers) and not isinstance(self.layers[index], Dense):
            y = self.through(index, y, units, crossed)   # these layers keep units apart
            index += 1
        change = y - self.outputs[index - 1][:, units, None]
        felt = change.any(axis=(0, 2))   # units; what the others' steps do is 0
        change = change[:, felt]
        if index < len(self.layers):   # z + change w: only this unit's row of W carries something new
            z, weight = self.outputs[index], self.layers[index].weight.value[units][felt]
        else:
            z = self.outputs[-1]
            weight = np.eye(z.shape[1], dtype=z.dtype)[units][felt]
        y = np.multiply(weight.T[None, :, :, None], change[:, None], order="C")   # (batch, units above, units, rows); K would be copied below
        y += z[:, :, None, None]
        reach = 2 * np.abs(weight.T) * np.abs(change).max(axis=2)[:, None]   # (batch, units above, units): z moves by no more, rounding included
        changes = np.full(crossed.shape, (self.base - self.base).sum())   # 0, or NaN where the loss is not finite
        moved, later = self.finish(index + 1, y.reshape(*z.shape, -1), reach)
        changes[felt] = moved.reshape(-1, crossed.shape[1])
        crossed[felt] |= later.reshape(-1, crossed.shape[1])
        return changes, crossed

    def finish(self, index: int, y: Array, reach: Array | float = np.inf) -> tuple[Array, Array]:
        """As `follow`, both (perturbations,), when the outputs before layer `index` are y (batch, units, perturbations).

        `reach`, (batch, units, any), is how far they may have moved at most.
        """
        crossed = np.zeros(y.shape[2], bool)
        for k in range(index, len(self.layers)):
            layer = self.layers[k]
            if isinstance(layer, Dense):
                y = layer.weight.value.T @ y   # (units above, units) @ (batch, units, perturbations)
                if layer.bias is not None:
                    y += layer.bias.value[:, None]
            else:
                y = self.through(k, y, ALL, crossed, reach if k == index else np.inf)
        return (self.losses(y) - self.base).sum(axis=0), crossed

    def through(self, index: int, x: Array, units: slice, crossed: Array, reach: Array | float = np.inf) -> Array:
        """Layer `index`, which keeps units apart, on perturbed inputs x (batch, units, perturbations); its randomness as in the trace.

        `crossed`, (units, perturbations) or (perturbations,), is set where an input leaves its side of a kink.
        """
        layer = self.layers[index]
        if isinstance(layer, Activate):
            before, away = self.inputs[index][:, units, None], tuple(range(x.ndim - crossed.ndim))
            for kink in layer.activation.kinks:
                if not (np.abs(before - kink) > reach).all():   # mostly no kink is within reach, which is known without looking at every perturbation
                    crossed |= _crosses(before, x, kink).any(axis=away)
            if layer.slopes is None:
                return layer.activation.f(x)
            slopes = layer.slopes if layer.slope is not None else layer.slopes[self.samples, units, None]
            return positive_part(x) + slopes * negative_part(x)
        if isinstance(layer, Dropout):
            return x if layer.mask is None else x * layer.mask[self.samples, units, None]
        gamma, beta = layer.gamma.value[units, None], layer.beta.value[units, None]
        if self.training:   # each perturbation has its own batch statistics
            centred = x - x.sum(axis=0) / len(x)
            var = (centred * centred).sum(axis=0) / len(x)
            return centred * (gamma / np.sqrt(var + layer.epsilon)) + beta
        return (x - layer.running_mean.value[units, None]) * (gamma * layer.inverse_std[units, None]) + beta

    def losses(self, y: Array) -> Array:
        """Loss of each sample (batch, perturbations) for outputs y (batch, classes, perturbations), which it may overwrite."""
        rows = np.arange(len(y))
        if self.loss_function is softmax_cross_entropy:
            y = y - y.real.max(axis=1, keepdims=True)
            picked = y[rows, self.labels]
            return np.log(np.exp(y, out=y).sum(axis=1)) - picked
        if self.loss_function is squared_error and self.labels.ndim == 1:
            y = y - np.eye(y.shape[1], dtype=y.dtype)[self.labels][:, :, None]
            return (y * y).sum(axis=1) / 2
        each = [self.loss_function(y[:, :, k], self.labels)[0] for k in range(y.shape[2])]   # any other loss: one at a time
        return np.broadcast_to(np.array(each), (len(y), y.shape[2]))


def _crosses(before: Array, after: Array, kink: float) -> Array:
    """Whether a value left its side of a kink; a complex step cannot, but it can start on the kink itself."""
    if np.iscomplexobj(after):
        return (after.real == kink) & (after.imag != 0)
    return (before > kink) != (after > kink)


def _unit_parameters(layer: Layer, x: Array, samples: slice) -> Iterator[tuple[list, Array]]:
    """Parameters that each touch one unit, and by how much: sensitivity (batch, 1 or units, rows), rows in their order."""
    ones = np.ones((*x.shape, 1), x.dtype)
    if isinstance(layer, Dense):
        rows = x[:, None, :]   # dz[j] / dW[i, j] = x[i]
        if layer.bias is None:
            yield [layer.weight], rows
        else:
            yield [layer.weight, layer.bias], np.concatenate([rows, ones[:, :1]], axis=2)
    elif isinstance(layer, BatchNorm):
        yield [layer.gamma, layer.beta], np.concatenate([layer.normalized[samples, :, None], ones], axis=2)


def _blocks(units: int, rows: Array, numbers: int) -> Iterator[tuple[slice, Array]]:
    """Cut units × rows into blocks of about CHUNK numbers: all rows of a few units, or some rows of one."""
    if not len(rows):
        return
    long = max(1, min(len(rows), CHUNK // numbers))
    wide = max(1, CHUNK // (numbers * long))
    for first in range(0, units, wide):
        for row in range(0, len(rows), long):
            yield slice(first, first + wide), rows[row:row + long]


def _starts(network: Network) -> Array:
    return np.concatenate([[0], np.cumsum([p.value.size for p in network.parameters])])[:-1]
