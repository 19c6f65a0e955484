"""Training: the loop that every lesson comes back to.

`train` is a generator: it does one step, says what happened, and waits to be asked
for the next. Whoever draws a chart draws it between two steps, and stops by not asking.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from engine.datasets import Dataset, normalizer, shifted
from engine.judgement import judge as judge  # a run's numbers, read as a teacher would
from engine.losses import Penalty, log_softmax
from engine.network import Network, mlp
from engine.optimizers import SCHEDULES, Optimizer, Schedule
from engine.progress import Evaluation, Inspection, Progress

Array = np.ndarray


def before_training(data: Dataset, hidden: Sequence[int], *, initializer: str, normalize: str, seed: int, **settings) -> Network:
    """The network of a training before its first step: `mlp` from the pixels to the classes. LSUV is fitted to real images, rather than to noise."""
    network = mlp((data.x_train.shape[1], *hidden, data.classes), initializer=initializer, rng=np.random.default_rng([seed, 0]), **settings)
    if initializer == "lsuv":
        network.lsuv(normalizer(normalize, data)(data.x_train[:256]))
    return network


def outputs_of(network: Network, x: Array, labels: Array, normalize, batch_size: int = 500) -> tuple[float, Array, Array]:
    """Mean loss over uint8 images (N, features), in use mode, a batch at a time; each one's answer (N,) and its probability (N,)."""
    loss, answers, certainty = 0.0, np.empty(len(labels), np.intp), np.empty(len(labels), network.theta.dtype)
    with np.errstate(all="ignore"):
        for start in range(0, len(labels), batch_size):
            batch = slice(start, start + batch_size)
            logits = network.forward(normalize(x[batch]))
            loss += network.loss_function(logits, labels[batch])[0] * len(logits)
            answers[batch], certainty[batch] = logits.argmax(axis=1), np.exp(log_softmax(logits).max(axis=1))
    return loss / len(labels), answers, certainty


def evaluate(network: Network, x: Array, labels: Array, normalize, batch_size: int = 500) -> tuple[float, float]:
    """Mean loss and accuracy over uint8 images (N, features), in use mode, a batch at a time."""
    loss, answers, _ = outputs_of(network, x, labels, normalize, batch_size)
    return loss, int(np.count_nonzero(answers == labels)) / len(labels)


def all_finite(values: Array) -> bool:
    """Whether no number (N,) is infinite or NaN. Their squares' sum tells it in one pass; where that overflows, each is asked."""
    return math.isfinite(values @ values) or bool(np.isfinite(values).all())


def inspect(labels: Array, answers: Array, certainty: Array, classes: int, count: int = 12) -> Inspection:
    """Tell the mistakes among answers (N,) apart, and keep the `count` surest of them."""
    confusion = np.bincount(labels.astype(np.intp) * classes + answers, minlength=classes**2).reshape(classes, classes)
    wrong = np.flatnonzero(answers != labels)
    worst = wrong[np.argsort(-certainty[wrong], kind="stable")][:count]
    return Inspection(confusion, worst, answers[worst], certainty[worst])


def train(network: Network, data: Dataset, optimizer: Optimizer, *, epochs: int, batch_size: int, rng: np.random.Generator,
          penalty: Penalty | None = None, schedule: str | Schedule | None = None, normalize: str = "scale", shift: int = 0,
          evaluate_every: int | None = None, evaluation_images: int = 10_000,
          evaluate_at: Callable[[int], bool] | None = None, start: int = 0) -> Iterator[Progress]:
    """Train in place, yielding a `Progress` after every step. Same seed, same bytes, however the caller slices it.

    Parameters
    ----------
    epochs : int
        Passes over the training images, each in a new order; the last batch of a pass may be smaller.
    batch_size : int
        At most the number of training images.
    rng : numpy.random.Generator
        Orders the images, and draws the shifts.
    penalty : Penalty, optional
        Added to the loss and its gradient.
    schedule : str or callable, optional
        Key of `SCHEDULES`, or (step, of all steps) -> factor on `optimizer.learning_rate`, which the
        caller may change while the run goes on.
    normalize : str
        One of `NORMALIZATIONS`.
    shift : int
        Each training image is moved at random by up to so many whole pixels along either axis, anew every time that it comes.
    evaluate_every : int, optional
        Steps between evaluations; by default one follows each epoch.
    evaluation_images : int
        At most so many of the training images, the first ones, are evaluated; test images all are.
    evaluate_at : callable, optional
        Asked with the step whenever an evaluation is due, but for the last one: whether to do it. Neither way changes the training.
    start : int
        Steps, of whole epochs, that were done before with the same network, optimizer and rng: training goes on as if it had never stopped.
        A schedule other than a constant one knows the number of all steps, so that a run that was longer from the beginning had other rates.

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
    if shift < 0:
        raise ValueError(f"shift must be at least 0, got {shift}")
    if evaluate_every is not None and evaluate_every < 1:
        raise ValueError(f"evaluate_every must be at least 1, got {evaluate_every}")
    if isinstance(schedule, str) and schedule not in SCHEDULES:
        raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {schedule!r}")
    if start % -(-count // batch_size):
        raise ValueError(f"start must be at the end of an epoch of {-(-count // batch_size)} steps, got {start}")
    factor = SCHEDULES[schedule or "constant"] if not callable(schedule) else schedule
    scaled = normalizer(normalize, data, network.theta.dtype)
    seen = min(count, evaluation_images)

    def evaluation() -> tuple[Evaluation, Inspection]:
        """One pass over the test images serves both."""
        known = evaluate(network, data.x_train[:seen], data.y_train[:seen], scaled)
        loss, answers, certainty = outputs_of(network, data.x_test, data.y_test, scaled)
        found = inspect(data.y_test, answers, certainty, data.classes)
        return Evaluation(*known, loss, int(np.trace(found.confusion)) / len(answers)), found

    def run() -> Iterator[Progress]:
        per_epoch = -(-count // batch_size)
        steps = epochs * per_epoch
        good = network.theta.copy(), network.running.copy()   # the last state whose loss was finite
        for step in range(start, steps):
            started = time.perf_counter()
            position = step % per_epoch
            if position == 0:
                order = rng.permutation(count)
            batch = order[position * batch_size:(position + 1) * batch_size]
            images, labels = data.x_train.take(batch, axis=0), data.y_train[batch]
            x = scaled(shifted(images, shift, rng, data.image_shape) if shift else images)
            scale = factor(step, steps)
            with np.errstate(all="ignore"):   # an overflow is a result here, reported below
                logits = network.forward(x, training=True)
                loss, dlogits = network.loss_function(logits, labels)
                network.backward(dlogits)
                if penalty:
                    loss += penalty.value(network.parameters)
                    penalty.add_gradient(network.parameters)
                finite = math.isfinite(loss) and all_finite(network.running)
                if finite:
                    np.copyto(good[0], network.theta)
                    np.copyto(good[1], network.running)
                    optimizer.step(scale)
                    finite = all_finite(network.theta)
            diverged = None if finite else restored(step + 1, good, x)
            accuracy = int(np.count_nonzero(logits.argmax(axis=1) == labels)) / len(labels)
            seconds = (time.perf_counter() - started) / len(labels)
            due = (step + 1) % evaluate_every == 0 if evaluate_every else position + 1 == per_epoch
            due = diverged or step + 1 == steps or (due and (evaluate_at is None or evaluate_at(step + 1)))
            evaluated, inspected = evaluation() if due else (None, None)
            yield Progress(step + 1, (step + 1) / per_epoch, loss, accuracy, optimizer.learning_rate * scale,
                           evaluated, diverged, seconds, inspected)
            if diverged:
                return

    def restored(step: int, good: tuple[Array, Array], x: Array) -> str:
        """Say where the numbers ended, and put the network back."""
        where = network.first_overflow(x, training=True)
        network.theta[...], network.running[...] = good
        place = f"the first layer to overflow was {where}" if where else "every layer's output was finite, the loss or the update was not"
        return f"Diverged at step {step}: {place}. The weights are back in their last finite state."

    return run()
