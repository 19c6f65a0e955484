"""Judgement: why does a run learn, or why does it not? A sentence, from its numbers and from inside the network.

A cure is offered only after it was tried: whoever asks for a judgement brings `attempt`, which runs the
changed settings for a few hundred steps and says how many test images they then read.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine import words
from engine.layers import Activate, BatchNorm, Dense
from engine.measures import distinct
from engine.network import Network
from engine.optimizers import SGD, Adam, Momentum, Optimizer
from engine.progress import Evaluation, Progress
from engine.verdict import Verdict, number

Array = np.ndarray
Change = Mapping[str, object]   # settings by name: learning_rate, initializer, gain, batch_norm, optimizer, images, batch …
MOST_TRIED = 6
KINDS = ("diverged", "symmetric", "alone", "fell", "stuck", "overfitting", "good", "learning")


@dataclass(frozen=True)
class Inside:
    """What a few training images show inside a network.

    apart : root mean square of the spread over images of what enters the last layer, as a share of its size
    arriving : size of the gradient of the first weights over that of the last
    moved : by how much of its first size the first weight matrix has changed; None without first weights
    """

    apart: float
    arriving: float
    moved: float | None


@dataclass(frozen=True)
class Trial:
    """What changed settings reach: the share of so many test images that is read correctly after so many steps."""

    accuracy: float
    steps: int
    images: int


def look_inside(network: Network, x: Array, labels: Array, first: Array | None = None) -> Inside:
    """Send images (batch, features) through a copy of the network; `first` are the weights of its first layer before the first step."""
    twin = network.astype(network.theta.dtype)
    with np.errstate(all="ignore"):
        y = x
        for layer in twin.layers[:-1]:
            y = layer.forward(y, training=False)
        apart = _share(float(np.sqrt(y.astype(np.float64).var(axis=0).mean())), _size(y))
        twin.loss_and_gradient(x, labels)
        gradients = [p.gradient for p in twin.parameters if p.is_weight]
        moved = None
        if first is not None:
            moved = _share(_size(twin.weights[0] - first), _size(first))
    return Inside(apart, _share(_size(gradients[0]), _size(gradients[-1])), moved)


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _share(a: float, b: float) -> float:
    return a / b if b > 0 else 0.0 if a == 0 else math.inf


def judge(progress: Progress, evaluation: Evaluation, network: Network, optimizer: Optimizer, *, batch_size: int = 0,
          history: Sequence[tuple[float, Evaluation]] = (), rates: Mapping[int, float] | None = None,
          inside: Callable[[], Inside] | None = None, attempt: Callable[[Change], Trial | None] | None = None) -> Verdict:
    """Read a run's latest numbers as a teacher would, look into the network for the reason, and try the cure.

    Kinds, the first that holds: "diverged"; "symmetric", all units of layer 1 are copies; "alone", batch norm over a single
    image; "fell", the test accuracy was ten points higher; "stuck", at the loss and the accuracy of guessing; "overfitting",
    training images are known at least five points better than new ones; "good"; "learning". `engine.words` has the thresholds.

    Parameters
    ----------
    history : sequence of (epoch, Evaluation)
        All of them, the latest included.
    rates : mapping
        After which step the learning rate became what.
    inside : callable, optional
        `look_inside` at this network; asked only where a reason is sought.
    attempt : callable, optional
        Tries a change of settings; None where it changes nothing. Without it no cure is offered.
    """
    e, rate, usual = evaluation, optimizer.learning_rate, optimizer.usual_rate
    epoch = history[-1][0] if history else progress.epoch
    epochs = f"{number(epoch)} epoch" + "s" * (epoch != 1)
    classes = network.weights[-1].shape[1]
    chance = math.log(classes)
    scores = f"train {100 * e.train_accuracy:.1f} %, test {100 * e.test_accuracy:.1f} %"
    activation = next((layer.activation for layer in network.layers if isinstance(layer, Activate)), None)
    rule = {"initializer": activation.recommended if activation else "glorot_normal", "gain": 1.0}
    slower = [{"learning_rate": usual}] * (rate > usual) + [{"learning_rate": rate / factor} for factor in (10, 100)]
    faster = [{"learning_rate": usual}] * (rate < usual)
    steeper = [{"initializer": "lecun_normal", "gain": 4.0}] if activation and activation.name == "sigmoid" else []   # its slope is at most 1/4
    starts = [rule, *steeper, {"batch_norm": "before"}]
    free = [{"dropout": 0.0}, {"l1": 0.0, "l2": 0.0}, {"normalize": "scale"}]
    adam = {"optimizer": "adam", "learning_rate": Adam.usual_rate}
    last = [{**rule, **adam, "batch_norm": "before", "dropout": 0.0, "l1": 0.0, "l2": 0.0, "normalize": "scale", "batch": 32}]

    def verdict(kind: str, text: str, changes: Iterable[Change] = ()) -> Verdict:
        fix, said = cure(changes, e.test_accuracy, attempt) if attempt else ({}, "")
        return Verdict(kind, f"{text} {said}".strip(), fix)

    if progress.diverged:
        if progress.step == 1 and not math.isfinite(progress.loss):
            return verdict("diverged", progress.diverged + " No weight had moved yet: it is not the learning rate.", [*starts, *free, *last])
        return verdict("diverged", progress.diverged, [*slower, *starts, *free, *last])
    if activation and network.weights[0].shape[1] > 1 and distinct(network.weights[0]) == 1:
        return verdict("symmetric", f"All units of layer 1 are still copies of each other: identical gradients keep them so ({scores}). "
                       "Only different first weights break the tie.", [rule, {**rule, "batch_norm": "before"}, *last])
    if batch_size == 1 and any(isinstance(layer, BatchNorm) for layer in network.layers):
        largest = max(float(layer.running_var.value.max()) for layer in network.layers if isinstance(layer, BatchNorm))
        return verdict("alone", "A batch of one image has no variance: batch norm gives every image the same numbers in training. "
                       f"Its running variance, which new images meet, is at most {number(largest)} ({scores}).", [{"batch": 32}, *last])
    best_epoch, best = max(((at, past.test_accuracy) for at, past in history), key=lambda pair: pair[1], default=(0.0, 0.0))
    if best >= words.GUESSING / classes and best - e.test_accuracy >= words.FELL:
        text = f"The share of test images that is read correctly fell from {100 * best:.1f} % to {100 * e.test_accuracy:.1f} % after {epochs}."
        then = _rate_at(best_epoch * progress.step / progress.epoch, rates or {0: rate})
        if then != rate:
            text += f" In between, the learning rate was changed from {then:g} to {rate:g}."
        return verdict("fell", text, [*([{"learning_rate": then}] if then != rate else []), *slower, *free, *last])
    if e.train_accuracy < words.GUESSING / classes and not e.train_loss < words.GUESS_LOSS * chance:
        text = f"After {epochs} the training loss is {number(e.train_loss, 4)}; guessing has ln {classes} = {number(chance, 4)} ({scores})."
        found = inside() if inside else None
        text += _reason(found, optimizer, len([layer for layer in network.layers if isinstance(layer, Dense)])) if found else ""
        thrown = rate > usual and not (found and found.moved is not None and found.moved < words.HARDLY_MOVED)
        return verdict("stuck", text, [*(slower if thrown else []), *(faster if rate < usual / 30 else []), *starts, *free, *faster, adam, *last])
    gap = e.train_accuracy - e.test_accuracy
    if gap >= words.OVERFITS:
        text = f"The network reads {100 * gap:.1f} points more of its training images than of new ones ({scores})."
        text += " It knows its training images by heart." * (e.train_accuracy >= words.BY_HEART)
        return verdict("overfitting", text, [{"images": "all"}])
    if e.test_accuracy >= words.READS_WELL:
        return Verdict("good", f"After {epochs}, {100 * (1 - e.test_accuracy):.1f} % of the test images are misread ({scores}).")
    changes = [*faster, *slower[:2], *free, adam] if e.test_accuracy < words.READS_FAIRLY else []
    if len(history) < 2:
        return verdict("learning", f"After {epochs}: {scores}.", changes)
    before = history[-2][1].train_loss
    losses = f"the training loss went from {number(before, 4)} to {number(e.train_loss, 4)} since the evaluation before"
    if e.train_loss < (1 - words.STILL_FALLS) * before:
        return verdict("learning", f"The network is learning: {scores} after {epochs}; {losses}.", changes)
    return verdict("learning", f"At present the network learns no more: {scores} after {epochs}; {losses}.", changes)


def _reason(inside: Inside, optimizer: Optimizer, dense: int) -> str:
    """What was seen inside, and what it means for this optimizer."""
    text = ""
    if inside.apart < words.ALIKE:
        text += (f" What reaches the last layer differs between images by {_percent(inside.apart)} of its size: "
                 "the network can hardly tell them apart.")
    if dense > 1 and inside.arriving < words.HARDLY_ARRIVES:
        text += (f" The first weights' gradient is {_percent(inside.arriving)} of the size of the last weights' gradient."
                 if inside.arriving else " No gradient reaches the first weights.")
        if inside.arriving and isinstance(optimizer, SGD | Momentum):
            text += f" {type(optimizer).__name__} steps by the gradient as it is; Adam divides by its size."
    if inside.moved is not None and math.isfinite(inside.moved):
        by = f"{_percent(inside.moved)} of" if inside.moved < 1 else f"{number(inside.moved)} times"
        text += f" So far the first weights have moved by {'only ' * (inside.moved < words.HARDLY_MOVED)}{by} their first size."
    return text


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


def _rate_at(step: float, rates: Mapping[int, float]) -> float:
    """The learning rate of the step that led to a state."""
    return [rate for after, rate in sorted(rates.items()) if after < step or after == 0][-1]


def cure(changes: Iterable[Change], reached: float, attempt: Callable[[Change], Trial | None]) -> tuple[dict[str, object], str]:
    """The first change whose trial reads enough test images, else the best one, if it reads more than the run; and what to say of it."""
    tried: list[tuple[Trial, Change]] = []
    for change in {repr(one): one for one in changes}.values():   # each once
        trial = attempt(change)
        if trial:
            tried.append((trial, change))
            if trial.accuracy >= max(words.ENOUGH, reached + words.BETTER) or len(tried) == MOST_TRIED:
                break
    if not tried:
        return {}, ""
    trial, change = max(tried, key=lambda pair: pair[0].accuracy)
    if trial.accuracy < reached + words.BETTER:
        return {}, f"A trial of {trial.steps} steps found no change that reads {100 * words.BETTER:.0f} points more: {len(tried)} tried."
    return dict(change), f"With the change below, a trial of {trial.steps} steps reads {100 * trial.accuracy:.1f} % of {trial.images:,} test images."
