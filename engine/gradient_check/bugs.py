"""Bugs: layers and networks whose forward pass is right and whose backward pass is not.

Read each beside its right twin in engine/layers.py or engine/network.py; the difference is one
line. zoo.py tells what each one looks like to a gradient check.
"""

import numpy as np

from engine.layers import Activate, BatchNorm, Dense, Dropout
from engine.losses import Penalty
from engine.network import Network

Array = np.ndarray


class ForgottenMean(Network):
    def backward(self, dlogits: Array, input_gradient: bool = False) -> Array | None:
        dlogits = dlogits * len(dlogits)   # p - onehot, never divided by the batch size
        return super().backward(dlogits, input_gradient)


class DividedBySize(Network):
    def backward(self, dlogits: Array, input_gradient: bool = False) -> Array | None:
        dlogits = dlogits / dlogits.shape[1]   # divided by batch × classes
        return super().backward(dlogits, input_gradient)


class WrongSign(Network):
    def backward(self, dlogits: Array, input_gradient: bool = False) -> Array | None:
        dlogits = -dlogits   # onehot - p
        return super().backward(dlogits, input_gradient)


class SkippedLayer(Network):
    def backward(self, dlogits: Array, input_gradient: bool = False) -> Array | None:
        dy = dlogits
        for layer in reversed(self.layers[2:]):   # layer 1 is never visited
            dy = layer.backward(dy)
        return self.layers[0].backward(dy)


class ForgottenPenalty(Network):
    def loss_and_gradient(self, x: Array, labels: Array, penalty: Penalty | None = None, training: bool = True) -> tuple[float, Array]:
        loss, gradient = super().loss_and_gradient(x, labels, None, training)
        return (loss + penalty.value(self.parameters) if penalty else loss), gradient


class PenalisedBiases(Network):
    def loss_and_gradient(self, x: Array, labels: Array, penalty: Penalty | None = None, training: bool = True) -> tuple[float, Array]:
        loss, gradient = super().loss_and_gradient(x, labels, penalty, training)
        for p in self.parameters:
            if penalty and p.name.endswith(".b"):
                p.gradient += penalty.l2 * p.value   # J penalises weights only
        return loss, gradient


class MissingSlope(Activate):
    def backward(self, dy: Array) -> Array:
        super().backward(dy)   # PReLU's learned slope is right
        return dy.copy()


class SlopeAtOutput(Activate):
    def backward(self, dy: Array) -> Array:
        super().backward(dy)   # PReLU's learned slope is right
        return dy * self.activation.df(self.activation.f(self.x))


class TransposedWeight(Dense):
    def backward(self, dy: Array, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient)
        self.weight.gradient[...] = (dy.T @ self.x).reshape(self.weight.value.shape)
        return dx


class TransposedInput(Dense):
    def backward(self, dy: Array, input_gradient: bool = True) -> Array | None:
        super().backward(dy, False)
        return dy @ self.weight.value.reshape(dy.shape[1], -1)


class BiasOfOneSample(Dense):
    def backward(self, dy: Array, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient)
        if self.bias is not None:
            self.bias.gradient[...] = dy[0]
        return dx


class MeanTwice(Dense):
    def backward(self, dy: Array, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient)
        self.weight.gradient[...] = self.x.T @ dy / len(self.x)
        return dx


class ConstantStatistics(BatchNorm):
    def backward(self, dy: Array) -> Array:
        super().backward(dy)
        return dy * self.gamma.value * self.inverse_std


class MissingMeanTerm(BatchNorm):
    def backward(self, dy: Array) -> Array:
        super().backward(dy)
        dgamma = self.gamma.gradient
        return (dy - self.normalized * (dgamma / len(dy))) * (self.gamma.value * self.inverse_std)


class GammaLikeBeta(BatchNorm):
    def backward(self, dy: Array) -> Array:
        dx = super().backward(dy)
        self.gamma.gradient[...] = dy.sum(axis=0)
        return dx


class RedrawnMask(Dropout):
    def backward(self, dy: Array) -> Array:
        if self.mask is None:
            return dy.copy()
        mask = (self.rng.random(dy.shape) >= self.rate) / (1 - self.rate)
        return (dy * mask).astype(dy.dtype)


class UnscaledMask(Dropout):
    def backward(self, dy: Array) -> Array:
        return dy.copy() if self.mask is None else dy * (self.mask != 0)
