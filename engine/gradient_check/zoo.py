"""Bug zoo: backpropagation as it goes wrong in practice, one bug at a time.

Each bug is a layer or a network whose forward pass is right and whose backward pass is
not, so the loss still falls and nothing crashes. What gives it away is where the
gradient check fails: in a layer's own parameters, in everything below it, in the
weights only. That pattern is the bug's fingerprint.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from engine.datasets import load_digits, normalizer
from engine.gradient_check import bugs
from engine.gradient_check.check import check_gradients
from engine.gradient_check.report import GradientReport
from engine.layers import BatchNorm, Dense
from engine.losses import Penalty
from engine.network import Network, mlp

Array = np.ndarray
Spoils = Callable[[Network, list[int]], set[str]]   # (network, indices of the layers with the bug) -> names of wrong parameters


@dataclass(frozen=True)
class Bug:
    """One bug, its code, and how it shows.

    Parameters
    ----------
    key, title : str
    kind : type
        What takes the place of the right layer (every one of its kind) or of the network.
    wrong, right : str
        The line as it stands in the bug, and as it should.
    fingerprint : str
        Which parameters come out wrong, in words.
    spoils : callable
        (network, indices of the layers with the bug) -> their names; `fingerprint` asks it.
    settings : mapping
        Arguments of `mlp` for a network that shows it.
    penalty : Penalty or None
        The penalty that it needs to show.
    late : bool
        Invisible at the start, because biases are 0 or pre-activations small; it shows after some training.
    """

    key: str
    title: str
    kind: type
    wrong: str
    right: str
    fingerprint: str
    spoils: "Spoils"
    settings: dict = field(default_factory=dict)
    penalty: Penalty | None = None
    late: bool = False

    @property
    def source(self) -> str:
        """The bug's whole code."""
        return inspect.getsource(self.kind)


def _every(network: Network, where: list[int]) -> set[str]:
    return {p.name for p in network.parameters}


def _ending(suffix: str) -> Spoils:
    """All parameters of the network with this ending."""
    return lambda network, where: {p.name for p in network.parameters if p.name.endswith(suffix)}


def _own(suffix: str) -> Spoils:
    """Parameters with this ending in the layers that have the bug."""
    return lambda network, where: {p.name for i in where for p in network.layers[i].parameters() if p.name.endswith(suffix)}


def _below(network: Network, where: list[int]) -> set[str]:
    """Every parameter that the highest layer with the bug passes its gradient down to."""
    return {p.name for layer in network.layers[:where[-1]] for p in layer.parameters()}


def _skipped(network: Network, where: list[int]) -> set[str]:
    return {p.name for layer in network.layers[:2] for p in layer.parameters()}


BUGS: dict[str, Bug] = {b.key: b for b in (
    Bug("forgotten_mean", "The mean's 1/m is forgotten", bugs.ForgottenMean, "dlogits = p - onehot", "dlogits = (p - onehot) / m",
        "every parameter, all by the factor m", _every),
    Bug("divided_by_size", "Softmax divided by batch × classes", bugs.DividedBySize, "dlogits = (p - onehot) / p.size",
        "dlogits = (p - onehot) / len(p)", "every parameter, all by 1 / classes", _every),
    Bug("wrong_sign", "The sign of the loss's gradient", bugs.WrongSign, "dlogits = (onehot - p) / m", "dlogits = (p - onehot) / m",
        "every parameter, relative error exactly 1", _every),
    Bug("skipped_layer", "Off by one: the loop leaves out a layer", bugs.SkippedLayer, "for layer in reversed(self.layers[2:]):",
        "for layer in reversed(self.layers[1:]):", "only the first layer (and what is skipped)", _skipped, {"activation": "tanh"}),
    Bug("forgotten_penalty", "The penalty is in J but not in its gradient", bugs.ForgottenPenalty, "loss += penalty.value(parameters)",
        "loss += penalty.value(parameters); penalty.add_gradient(parameters)", "weights, no biases", _ending(".W"), penalty=Penalty(l2=0.1)),
    Bug("penalised_biases", "The penalty's gradient also on biases", bugs.PenalisedBiases, "for p in parameters: p.gradient += l2 * p.value",
        "for p in parameters: if p.is_weight: p.gradient += l2 * p.value", "biases, no weights; nothing while they are 0", _ending(".b"),
        {"sigma_b": 0.5}, Penalty(l2=0.1), late=True),
    Bug("missing_slope", "The activation's slope is missing", bugs.MissingSlope, "return dy", "return dy * df(self.x)",
        "everything below the activation", _below),
    Bug("slope_at_output", "The slope is taken at a instead of z", bugs.SlopeAtOutput, "return dy * df(f(self.x))", "return dy * df(self.x)",
        "everything below the activation; nothing with ReLU, and little while z is near 0", _below,
        {"activation": "tanh"}, late=True),
    Bug("transposed_weight", "dW is the transposed product", bugs.TransposedWeight, "dW = (dy.T @ x).reshape(W.shape)", "dW = x.T @ dy",
        "weights, no biases", _own(".W")),
    Bug("transposed_input", "dx uses W with its axes confused", bugs.TransposedInput, "dx = dy @ W.reshape(fan_out, fan_in)", "dx = dy @ W.T",
        "everything below the last Dense layer", _below),
    Bug("bias_of_one_sample", "The bias's gradient of one sample", bugs.BiasOfOneSample, "db = dy[0]", "db = dy.sum(axis=0)", "biases, no weights",
        _own(".b")),
    Bug("mean_twice", "Weights divided by m once more", bugs.MeanTwice, "dW = x.T @ dy / m", "dW = x.T @ dy", "weights, by the factor 1/m; no biases",
        _own(".W")),
    Bug("constant_statistics", "Batch norm: mean and variance treated as constants", bugs.ConstantStatistics, "dx = gamma * dy / std",
        "dx = gamma * (dy - mean(dy) - xhat * mean(dy * xhat)) / std", "everything below the batch norm", _below,
        {"batch_norm": "before"}),
    Bug("missing_mean_term", "Batch norm: the mean's own path is missing", bugs.MissingMeanTerm, "dx = gamma * (dy - xhat * mean(dy * xhat)) / std",
        "dx = gamma * (dy - mean(dy) - xhat * mean(dy * xhat)) / std", "everything below the batch norm", _below, {"batch_norm": "before"}),
    Bug("gamma_like_beta", "Batch norm: gamma's gradient copied from beta's", bugs.GammaLikeBeta, "dgamma = dy.sum(axis=0)",
        "dgamma = (dy * xhat).sum(axis=0)", "gamma only", _own(".gamma"),
        {"batch_norm": "before"}),
    Bug("redrawn_mask", "Dropout: a new mask in the backward pass", bugs.RedrawnMask, "mask = rng.random(dy.shape) >= rate", "mask = self.mask",
        "everything below the dropout", _below, {"dropout": 0.5}),
    Bug("unscaled_mask", "Dropout: the scale is missing in the backward pass", bugs.UnscaledMask, "return dy * (self.mask != 0)",
        "return dy * self.mask", "everything below the dropout, a factor for each dropout above", _below, {"dropout": 0.5}),
)}


def _bug(key: str) -> Bug:
    if key not in BUGS:
        raise ValueError(f"bug must be one of {', '.join(BUGS)}, got {key!r}")
    return BUGS[key]


def _places(network: Network, bug: Bug, layer: str | None) -> list[int]:
    """Indices of the layers that get the bug; none for a bug of the network itself."""
    if issubclass(bug.kind, Network):
        return []
    base = bug.kind.__mro__[1]
    places = [i for i, each in enumerate(network.layers) if isinstance(each, base) and layer in (None, each.name)]
    if not places:
        raise ValueError(f"bug {bug.key!r} needs a {base.__name__} layer" + (f" named {layer!r}" if layer else "") + ", the network has none")
    return places


def plant(network: Network, key: str, layer: str | None = None) -> Network:
    """A copy of the network whose backward pass has this bug, in every layer of its kind or in the one that is named.

    Raises
    ------
    ValueError
        "bug must be one of forgotten_mean, …, got 'typo'", or where no layer can have it.
    """
    bug = _bug(key)
    twin = network.astype(network.theta.dtype)
    for i in _places(network, bug, layer):
        twin.layers[i].__class__ = bug.kind   # same state, same forward, another backward; a deep copy keeps it
    if issubclass(bug.kind, Network):
        twin.__class__ = bug.kind
        if bug.kind is bugs.SkippedLayer and (len(network.layers) < 3 or not isinstance(network.layers[0], Dense)):
            raise ValueError("bug 'skipped_layer' needs a Dense layer first and a hidden one, the network has other layers")
    return twin


def fingerprint(network: Network, key: str, layer: str | None = None, training: bool = True) -> set[str]:
    """Names of the parameters that a gradient check finds wrong when the bug is planted in this network.

    A bias right before batch norm has gradient 0 whatever arrives from above, so only that batch norm itself
    or its own layer can spoil it.
    """
    bug = _bug(key)
    places = _places(network, bug, layer)
    names = bug.spoils(network, places)
    if training and bug.spoils in (_every, _below):
        for i, each in enumerate(network.layers[:-1]):
            if isinstance(each, Dense) and each.bias is not None and isinstance(network.layers[i + 1], BatchNorm) and i + 1 not in places:
                names.discard(each.bias.name)
    return names


@dataclass(frozen=True)
class Exercise:
    """A small network with a bug in it, data and penalty: what `check_gradients` is to be called with."""

    bug: Bug
    network: Network
    correct: Network
    x: Array
    labels: Array
    penalty: Penalty | None


def exercise(key: str, *, sizes: tuple[int, ...] = (64, 24, 16, 10), samples: int = 16, seed: int = 0, **settings) -> Exercise:
    """The bug in a small network on the first of the built-in digits, with the settings of `mlp` that show it, or with others."""
    bug = _bug(key)
    digits = load_digits()
    correct = mlp(sizes, rng=np.random.default_rng(seed), dtype=np.float64, **(bug.settings | settings))
    x = normalizer("scale", digits, np.float64)(digits.x_train[:samples])
    return Exercise(bug, plant(correct, key), correct, x, digits.y_train[:samples], bug.penalty)


# A number that does not give the bug away: exercise 1 is NUMBERED[0]. New bugs go to the end, so that links keep their meaning.
NUMBERED = ("missing_slope", "forgotten_mean", "bias_of_one_sample", "gamma_like_beta", "transposed_weight", "forgotten_penalty", "wrong_sign",
            "unscaled_mask", "mean_twice", "constant_statistics", "skipped_layer", "redrawn_mask", "transposed_input", "penalised_biases",
            "divided_by_size", "slope_at_output", "missing_mean_term")

# All in one network, in which each of them shows: what it is made of tells nothing. Biases that are not 0 show what is done to them.
HOUSE = {"activation": "tanh", "batch_norm": "before", "dropout": 0.3, "sigma_b": 0.5}


def numbered(number: int) -> Exercise:
    """Exercise 1, 2, …: the same network and penalty, without the name of its bug."""
    if not 1 <= number <= len(NUMBERED):
        raise ValueError(f"number must be between 1 and {len(NUMBERED)}, got {number}")
    return replace(exercise(NUMBERED[number - 1], **HOUSE), penalty=Penalty(l2=0.1))


def check_numbered(number: int) -> GradientReport:
    e = numbered(number)
    return check_gradients(e.network, e.x, e.labels, penalty=e.penalty)
