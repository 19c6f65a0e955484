"""Training: the loop that every lesson comes back to.

`train` is a generator: it does one step, says what happened, and waits to be asked
for the next. Whoever draws a chart draws it between two steps, and stops by not asking.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from engine.datasets import Dataset, normalizer
from engine.layers import Activate, BatchNorm, Dropout
from engine.losses import Penalty
from engine.measures import distinct
from engine.network import Network
from engine.optimizers import SCHEDULES, Optimizer, Schedule
from engine.verdict import Verdict, number

Array = np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy in use mode: no dropout, running statistics, no penalty."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass(frozen=True)
class Progress:
    """What one step did. `loss` includes the penalty; loss and accuracy are those of the step's batch, before it.

    `learning_rate` is the one that the step used; `seconds_per_image` covers the step without its evaluation.
    `diverged` is None, or a sentence; no step follows it, and the network is back in the last state whose loss was finite.
    Whenever a Progress arrives, weights and running statistics are finite.
    """

    step: int
    epoch: float
    loss: float
    accuracy: float
    learning_rate: float
    evaluation: Evaluation | None = None
    diverged: str | None = None
    seconds_per_image: float = field(default=0.0, compare=False)


def evaluate(network: Network, x: Array, labels: Array, normalize, batch_size: int = 500) -> tuple[float, float]:
    """Mean loss and accuracy over uint8 images (N, features), in use mode, a batch at a time."""
    loss = hits = 0.0
    with np.errstate(all="ignore"):
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            logits = network.forward(normalize(x[batch]))
            loss += network.loss_function(logits, labels[batch])[0] * len(logits)
            hits += int(np.count_nonzero(logits.argmax(axis=1) == labels[batch]))
    return loss / len(labels), hits / len(labels)


def train(network: Network, data: Dataset, optimizer: Optimizer, *, epochs: int, batch_size: int, rng: np.random.Generator,
          penalty: Penalty | None = None, schedule: str | Schedule | None = None, normalize: str = "scale",
          evaluate_every: int | None = None, evaluation_images: int = 10_000) -> Iterator[Progress]:
    """Train in place, yielding a `Progress` after every step. Same seed, same bytes, however the caller slices it.

    Parameters
    ----------
    epochs : int
        Passes over the training images, each in a new order; the last batch of a pass may be smaller.
    batch_size : int
        At most the number of training images.
    rng : numpy.random.Generator
        Orders the images.
    penalty : Penalty, optional
        Added to the loss and its gradient.
    schedule : str or callable, optional
        Key of `SCHEDULES`, or (step, of all steps) -> factor on `optimizer.learning_rate`, which the
        caller may change while the run goes on.
    normalize : str
        One of `NORMALIZATIONS`.
    evaluate_every : int, optional
        Steps between evaluations; by default one follows each epoch.
    evaluation_images : int
        At most so many of the training images, the first ones, are evaluated; test images all are.

    Raises
    ------
    ValueError
        "batch_size must be at most the number of training images, 20, got 128", and the like, at once.
    """
    count = len(data.y_train)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    if batch_size > count:
        raise ValueError(f"batch_size must be at most the number of training images, {count}, got {batch_size}")
    if evaluate_every is not None and evaluate_every < 1:
        raise ValueError(f"evaluate_every must be at least 1, got {evaluate_every}")
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    factor = SCHEDULES[schedule or "constant"] if not callable(schedule) else schedule
    scaled = normalizer(normalize, data, network.theta.dtype)
    seen = min(count, evaluation_images)

    def evaluation() -> Evaluation:
        return Evaluation(*evaluate(network, data.x_train[:seen], data.y_train[:seen], scaled), *evaluate(network, data.x_test, data.y_test, scaled))

    def run() -> Iterator[Progress]:
        per_epoch = -(-count // batch_size)
        steps = epochs * per_epoch
        good = network.theta.copy(), network.running.copy()   # the last state whose loss was finite
        for step in range(steps):
            started = time.perf_counter()
            position = step % per_epoch
            if position == 0:
                order = rng.permutation(count)
            batch = order[position * batch_size:(position + 1) * batch_size]
            x, labels = scaled(data.x_train.take(batch, axis=0)), data.y_train[batch]
            scale = factor(step, steps)
            with np.errstate(all="ignore"):   # an overflow is a result here, reported below
                logits = network.forward(x, training=True)
                loss, dlogits = network.loss_function(logits, labels)
                network.backward(dlogits)
                if penalty:
                    loss += penalty.value(network.parameters)
                    penalty.add_gradient(network.parameters)
                finite = math.isfinite(loss) and np.isfinite(network.running).all()
                if finite:
                    np.copyto(good[0], network.theta)
                    np.copyto(good[1], network.running)
                    optimizer.step(scale)
                    finite = np.isfinite(network.theta).all()
            diverged = None if finite else restored(step + 1, good, x)
            accuracy = int(np.count_nonzero(logits.argmax(axis=1) == labels)) / len(labels)
            seconds = (time.perf_counter() - started) / len(labels)
            due = (step + 1) % evaluate_every == 0 if evaluate_every else position + 1 == per_epoch
            yield Progress(step + 1, (step + 1) / per_epoch, loss, accuracy, optimizer.learning_rate * scale,
                           evaluation() if due or diverged or step + 1 == steps else None, diverged, seconds)
            if diverged:
                return

    def restored(step: int, good: tuple[Array, Array], x: Array) -> str:
        """Say where the numbers ended, and put the network back."""
        where = network.first_overflow(x, training=True)
        network.theta[...], network.running[...] = good
        place = f"the first layer to overflow was {where}" if where else "every layer's output was finite, the loss or the update was not"
        return f"Diverged at step {step}: {place}. The weights are back in their last finite state; try a smaller learning rate."

    return run()


@dataclass(frozen=True)
class Inspection:
    """What the network does with the test images.

    confusion : (classes, classes) counts, true label by answer
    worst : (k,) indices of the wrongly classified test images that the network was surest of, surest first
    answers, certainty : (k,) what it said of them, and with which probability
    """

    confusion: Array
    worst: Array
    answers: Array
    certainty: Array


def inspect_test(network: Network, data: Dataset, normalize: str = "scale", count: int = 12, batch_size: int = 500) -> Inspection:
    """Classify all test images in use mode, and tell the mistakes apart."""
    scaled = normalizer(normalize, data, network.theta.dtype)
    with np.errstate(all="ignore"):
        p = np.concatenate([network.predict(scaled(data.x_test[i:i + batch_size])) for i in range(0, len(data.y_test), batch_size)])
    answers, certainty = p.argmax(axis=1), p.max(axis=1)
    confusion = np.bincount(data.y_test.astype(np.intp) * data.classes + answers, minlength=data.classes**2).reshape(data.classes, data.classes)
    wrong = np.flatnonzero(answers != data.y_test)
    worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:count]
    return Inspection(confusion, worst, answers[worst], certainty[worst])


def judge(progress: Progress, evaluation: Evaluation, network: Network, optimizer: Optimizer) -> Verdict:
    """Read a run's latest numbers as a teacher would, and look into the network for the reason.

    Kinds: "diverged", "symmetric", "stuck", "overfitting", "good" or "learning".
    "stuck": fewer than 2.5 times as many training images are read correctly as by guessing, at a loss no
    lower than 98 % of ln(classes), the loss of equal odds. "symmetric": all units of layer 1 are copies.
    "overfitting": training images are known at least five points better than new ones.
    """
    e, epochs = evaluation, number(progress.epoch)
    rate, usual = optimizer.learning_rate, optimizer.usual_rate
    classes = network.weights[-1].shape[1]
    chance = math.log(classes)
    scores = f"train {100 * e.train_accuracy:.1f} %, test {100 * e.test_accuracy:.1f} %"
    slower = {"learning_rate": usual if rate > usual else rate / 10}
    if progress.diverged:
        return Verdict("diverged", progress.diverged, slower)
    activation = next((layer.activation for layer in network.layers if isinstance(layer, Activate)), None)
    if activation and network.weights[0].shape[1] > 1 and distinct(network.weights[0]) == 1:
        return Verdict("symmetric", f"All units of layer 1 are still copies of each other: identical gradients keep them so ({scores}). "
                       "Only different first weights break the tie.", {"initializer": activation.recommended, "gain": 1.0})
    if e.train_accuracy < 2.5 / classes and not e.train_loss < 0.98 * chance:
        text = f"After {epochs} epochs the training loss is {number(e.train_loss, 4)}; "
        text += f"guessing has ln {classes} = {number(chance, 4)} ({scores}). "
        if rate > 3 * usual:
            return Verdict("stuck", text + f"A learning rate of {number(rate)} has thrown the weights to where no useful gradient "
                           "comes back.", slower)
        if rate < usual / 30:
            return Verdict("stuck", text + f"At a learning rate of {number(rate)} the weights have hardly moved.", {"learning_rate": usual})
        if any(isinstance(layer, Dropout) and layer.rate >= 0.5 for layer in network.layers):
            return Verdict("stuck", text + "Dropout silences so many units in every layer that hardly any signal is left.", {"dropout": 0.0})
        normalised = any(isinstance(layer, BatchNorm) and layer.name != "input_batch_norm" for layer in network.layers)
        return Verdict("stuck", text + "Too little of the signal or of the gradient passes the layers, and every image gets nearly the same answer.",
                       {} if normalised else {"batch_norm": "before"})
    gap = e.train_accuracy - e.test_accuracy
    if gap >= 0.05:
        return Verdict("overfitting", f"The network knows its training images {100 * gap:.1f} points better than new ones ({scores}): "
                       "it has learned them by heart. More images help most; dropout and L2 help some.", {"images": "all"})
    if e.test_accuracy >= 0.95:
        return Verdict("good", f"After {epochs} epochs {100 * (1 - e.test_accuracy):.1f} % of the test images are misread ({scores}).")
    return Verdict("learning", f"The network is learning: {scores} after {epochs} epochs.")
