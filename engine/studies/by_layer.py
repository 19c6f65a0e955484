"""By layer: what goes on inside a network while it trains, written down after a few early steps and then at a fixed interval.

The forward numbers are those of a few training images in use mode. The gradient and the step are those of the batch that was
just trained on: a look takes them as they lie there, and changes nothing of the training.
"""

import math
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np

from engine import words
from engine.layers import Activate, BatchNorm, Dense, Layer
from engine.measures import Counter, MagnitudeCounter, plateaus, value_range
from engine.network import Network
from engine.parameters import views
from engine.verdict import Verdict, number

Array = np.ndarray
IMAGES = 100          # that a look sends through
EARLY = (1, 3, 10, 30)   # steps after which it looks anyway: most happens at first
TINY = 1e-3           # a weight below this counts as small
BINS = 41             # of the activations
DECADES = -6, 1       # exponents of ten between which the sizes of weights are counted


@dataclass(frozen=True)
class Look:
    """One state of a network. Arrays are (layers,), the output layer last; NaN where a layer has no such thing.

    step : steps that were made
    signal : spread of what the layer hands on, over units and images; of the output layer, of its logits
    saturated, dead : share of pre-activations on a plateau; share of units whose slope is 0 on every image
    gradient : root mean square of dJ/dW, of the latest batch, with the penalty
    norm : Euclidean length of W
    update : length of the latest change of W over the length of W
    small : share of the weights below `TINY` in size
    running_mean, running_std : root mean square of batch norm's running means; root of the mean of its running variances
    activations : (hidden layers, BINS + 2) shares of what the activation gives, on `span`'s bins, below and above in the first and last column
    weights : (layers, bins + 2) shares of log10 |w| on quarters of a decade, zeros below
    """

    step: int
    signal: Array
    saturated: Array
    dead: Array
    gradient: Array
    norm: Array
    update: Array
    small: Array
    running_mean: Array
    running_std: Array
    activations: Array
    weights: Array


MEASURES = tuple(field.name for field in fields(Look))[1:-2]


def blocks(network: Network) -> list[list[Layer]]:
    """The layers of a network, cut before each Dense; what comes before the first one, such as batch norm on the input, belongs to it."""
    starts = [i for i, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    return [network.layers[a:b] for a, b in pairwise([0, *starts[1:], len(network.layers)])]


def look(network: Network, x: Array, step: int = 0, before: Array | None = None) -> Look:
    """Send images (batch, features) through and read off everything; `before` is theta (P,) before the latest step.

    `network.gradient` is taken for the latest batch's. The layers' memory of their latest input is overwritten.
    """
    parts = blocks(network)
    rows = {name: np.full(len(parts), math.nan) for name in MEASURES}
    weights = MagnitudeCounter(len(parts), *DECADES, network.theta.dtype)
    counter = _counter(network, len(parts) - 1)
    earlier = {id(p): values for p, values in zip(network.parameters, views(before, network.parameters), strict=True)} if before is not None else {}
    with np.errstate(all="ignore"):
        for i, layers in enumerate(parts):
            for layer in layers:
                z, x = x, layer.forward(x, training=False)
                if isinstance(layer, Activate):
                    rows["saturated"][i], rows["dead"][i] = _flat(layer, z)
                    counter.count(i, x)
                elif isinstance(layer, BatchNorm) and i < len(parts) - 1 and layer.name != "input_batch_norm":
                    rows["running_mean"][i] = _rms(layer.running_mean.value)
                    rows["running_std"][i] = math.sqrt(float(layer.running_var.value.mean()))
            weight = next(layer for layer in layers if isinstance(layer, Dense)).weight
            w = weight.value
            rows["signal"][i], rows["gradient"][i], rows["norm"][i] = float(x.std()), _rms(weight.gradient), _length(w)
            rows["small"][i] = np.count_nonzero(np.abs(w) < TINY) / w.size
            if earlier:
                rows["update"][i] = np.divide(_length(w - earlier[id(weight)]), rows["norm"][i])
            weights.count(i, w)
    return Look(step, **rows, activations=_shares(counter), weights=_shares(weights))


def first_look(network: Network, x: Array, labels: Array) -> Look:
    """The state before the first step; its gradient is that of these images in training mode, taken on a copy."""
    twin = network.astype(network.theta.dtype)
    with np.errstate(all="ignore"):
        twin.loss_and_gradient(x, labels)
    copied = twin.gradient.copy()
    twin = network.astype(network.theta.dtype)   # running statistics as they were
    twin.gradient[...] = copied
    return look(twin, x)


def span(network: Network) -> tuple[float, float]:
    """Between which values the activations of a network are counted."""
    bend = next((layer.activation for layer in network.layers if isinstance(layer, Activate)), None)
    return value_range(bend.f) if bend else (-1.0, 1.0)


class Watch:
    """Keeps the looks of a training: the early ones, every so many steps, and the last. Beyond LONGEST of them, every second goes."""

    LONGEST = 60

    def __init__(self, steps: int, batch_size: int):
        """`steps` in all."""
        self.steps, self.every = steps, interval(batch_size)
        self.looks: list[Look] = []
        self.x = self._before = None

    def begin(self, network: Network, x: Array, labels: Array) -> None:
        """Before the first step. x: (IMAGES, features) as the network gets them."""
        self.x, self.looks = x, [first_look(network, x, labels)]

    def start(self, network: Network) -> None:
        """The first step follows."""
        self._keep(network, 0)

    def go_on(self, network: Network, x: Array, step: int, steps: int) -> None:
        """After that step, which was the last so far: there will be so many in all."""
        self.x, self.steps = x, steps
        self._keep(network, step)

    def after(self, network: Network, step: int) -> None:
        """After each step; without a beginning, nothing is kept."""
        if self.x is None:
            return
        if self._due(step):
            self.looks.append(look(network, self.x, step, self._before))
            self._before = None
            if len(self.looks) > self.LONGEST:
                self.every *= 2
                self.looks = [one for one in self.looks if one.step == 0 or self._due(one.step)]
        self._keep(network, step)

    def release(self) -> None:
        """No step follows."""
        self.x = self._before = None

    def _due(self, step: int) -> bool:
        return step % self.every == 0 or step in EARLY or step == self.steps

    def _keep(self, network: Network, step: int) -> None:
        if self._due(step + 1):
            self._before = network.theta.copy()


def interval(batch_size: int) -> int:
    """Steps between two looks, so that all of them take less than a tenth of the training (`benchmarks.inside` measures it)."""
    return max(50, -(-3200 // batch_size))


def _flat(layer: Activate, z: Array) -> tuple[float, float]:
    phi = layer.activation
    low, high = plateaus(phi.df, phi.kinks)
    outside = (np.count_nonzero(z < low) if math.isfinite(low) else 0) + (np.count_nonzero(z > high) if math.isfinite(high) else 0)
    return outside / z.size, float(np.mean(~phi.df(z).any(axis=0)))


def _counter(network: Network, hidden: int) -> Counter:
    return Counter(max(1, hidden), *span(network), BINS)


def _shares(counter: Counter | MagnitudeCounter) -> Array:
    found = counter.histogram
    return np.column_stack([found.below, found.inside, found.above]).astype(np.float32)


def _length(values: Array) -> float:
    flat = values.ravel()
    return math.sqrt(float(flat @ flat))


def _rms(values: Array) -> float:
    return _length(values) / math.sqrt(values.size)


def before_training(first: Look) -> Verdict:
    """Read the look before the first step. Kinds: "single" (one layer), "none", "lost", "uneven", "even": the gradient's change on its way back."""
    signal, gradient, last = first.signal, first.gradient, len(first.signal)
    if last == 1:
        return Verdict("single", "This network has one layer: no signal can fade on the way, and no gradient.")
    ratio = _ratio(gradient[0], gradient[-1])
    text = (f"Before the first step the signal's spread goes from {number(signal[0], 2)} in layer 1 to {number(signal[-1], 2)} in layer {last}. "
            f"On its way back the size of the weights' gradient goes from {number(gradient[-1], 2)} to {number(gradient[0], 2)}: ")
    if not gradient.any():
        return Verdict("none", text + "no gradient reaches the weights of any layer, so none of them can learn.")
    if not np.isfinite(gradient).all():
        return Verdict("lost", text + "these numbers overflow, and nothing can be learned from them.", layer=1)
    if not 1 / words.LOST <= ratio <= words.LOST:
        return Verdict("lost", text + "one learning rate cannot serve both ends.", layer=1)
    if not 1 / words.HARMLESS <= ratio <= words.HARMLESS:
        return Verdict("uneven", text + "the ends will learn at different speeds.", layer=1)
    return Verdict("even", text + "one learning rate serves both ends.")


def while_training(now: Look) -> Verdict:
    """Read the latest look. Kinds, the first that holds: "dead", "saturated", "still" (a layer hardly moves), "restless", "steady"."""
    update = np.where(np.isnan(now.update), 0, now.update)
    slow, fast = int(update.argmin()), int(update.argmax())
    if not update[fast]:
        text = "The latest step left all weights as they were. "
    else:
        text = f"The latest step changed the weights by {number(100 * update[slow], 2)} % of their length in layer {slow + 1}"
        text += f", and by {number(100 * update[fast], 2)} % in layer {fast + 1}. " if fast != slow else ". "
    for kind, shares, most, said in (
            ("dead", now.dead, words.DEAD, "of the units are off for every image: they cannot learn."),
            ("saturated", now.saturated, words.FLAT, "of the pre-activations lie where the activation is flat: little gradient passes.")):
        worst = int(np.nan_to_num(shares, nan=-1.0).argmax())
        if shares[worst] >= most:
            return Verdict(kind, f"{text}In layer {worst + 1}, {100 * shares[worst]:.0f} % {said}", layer=worst + 1)
    if update[slow] < words.HARDLY_STEPS:
        return Verdict("still", f"{text}A rule of thumb wants about 1 in 1,000: layer {slow + 1} hardly moves.", layer=slow + 1)
    if update[fast] > words.LARGE_STEPS:
        return Verdict("restless", f"{text}A rule of thumb wants about 1 in 1,000: layer {fast + 1} moves in large steps.", layer=fast + 1)
    return Verdict("steady", f"{text}A rule of thumb wants about 1 in 1,000.")


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 and math.isfinite(a) and math.isfinite(b) else 1.0 if a == b else math.inf
