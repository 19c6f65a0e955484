"""One network in training: what it is made from, what is kept of it, and a script that repeats it."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, make_dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from engine.datasets import Dataset, normalizer
from engine.judgement import Inside, Trial, look_inside
from engine.losses import Penalty
from engine.network import Network
from engine.optimizers import OPTIMIZERS
from engine.progress import Evaluation, Inspection, Progress
from engine.studies.by_layer import IMAGES, Look, Watch
from engine.training import before_training, evaluate, train
from engine.verdict import Verdict
from pages.parts.mnist_training.common import ALL, TABLE, describe, hidden
from pages.shared import room, runs
from pages.shared.control import Values


class _Settings:
    """What a training run is made from: the page's controls but the learning rate, which may change on the way.

    `hidden` are the widths of the hidden layers, however they were chosen; `data` names the dataset that is there.
    """

    @classmethod
    def of(cls, v: Values, data: Dataset) -> "TrainingSettings":
        given = vars(v) | {"hidden": hidden(v), "data": data.name}
        return cls(**{field.name: given[field.name] for field in fields(cls)})

    @property
    def placement(self) -> str | None:
        """Where batch norm stands, as the engine calls it."""
        return None if self.batch_norm == "none" else self.batch_norm


TrainingSettings = make_dataclass("TrainingSettings", ["hidden", *(name for name in TABLE if name not in ("rate", "depth", "width", "layers"))], bases=(_Settings,), frozen=True)


class TrainingRun(runs.Run):
    """One network in training, with a history of bounded length."""

    LONGEST = 400  # points of the batch curve; beyond, neighbours are averaged
    TRIAL = 300, 1.2e10  # steps of a trial at most, and multiplications, but not less than 20 steps
    NEW = 2000  # test images that a trial reads, at most
    PAUSE = 0.25  # seconds between evaluations, at least, where they cost half of the training or more

    def __init__(self, settings: TrainingSettings, data: Dataset, learning_rate: float, evaluate_every: int | None = None):
        self.settings, self.learning_rate, self.asked_rate = settings, learning_rate, learning_rate
        self.rates = {0: learning_rate}  # after which step the learning rate became what
        self.all_data, self.data = data, data.first(min(settings.images, len(data.y_train)))
        self.batch_size = min(settings.batch, len(self.data.y_train))
        with runs.place() if sizes(settings, self.data)[0] > 1e7 else contextlib.nullcontext():  # a large network takes a second
            self.network, self.optimizer, results = self._build(evaluate_every)
        self.first, self.spread = self.network.weights[0].copy(), float(self.network.weights[0].std())  # before the first step
        self.verdicts: dict[tuple, Verdict] = {}  # those that were sought, with what they hold for
        self.batches: list[tuple[float, float, float]] = []  # epoch, loss, accuracy
        self.evaluations: list[tuple[float, Evaluation]] = []
        self.evaluated_at: list[int] = []  # steps
        self.latest: Progress | None = None
        self.images, self.image_seconds = 0, 0.0  # trained on, and how long, without evaluations
        self._asked, self._read_seconds = 0.0, 0.0  # when the latest evaluation began, and how long all of them took
        self.inspection: Inspection | None = None
        self.pictures = None  # what a page drew of the latest inspection
        self._stride, self._group = 1, []
        super().__init__("mnist_training", results)
        self.watch = Watch(self.steps, self.batch_size)
        self.parameters = self.network.theta.size
        self.held, self.full = sizes(settings, self.data)

    def release(self) -> None:
        """A run that is finished keeps its weights, which are looked at; one that is closed keeps its numbers."""
        super().release()
        self.watch.release()
        if self.status == "closed":
            self.network = self.optimizer = self.first = self.inspection = self.pictures = None
        else:
            self.optimizer.forget()
            self.network.forward(np.zeros((1, self.data.x_train.shape[1]), np.float32))  # each layer keeps its latest batch: now of one image
            self.held = sizes(self.settings, self.data)[0]

    def _build(self, evaluate_every: int | None) -> tuple[Network, Any, Iterator[Progress]]:
        s = self.settings
        network = before_training(
            self.data, s.hidden, activation=s.activation, initializer=s.initializer, gain=s.gain, dropout=s.dropout,
            input_batch_norm=s.input_norm, batch_norm=s.placement, normalize=s.normalize, seed=s.seed,
        )
        optimizer = OPTIMIZERS[s.optimizer](network, self.learning_rate, **({"weight_decay": s.decay} if s.optimizer == "adamw" else {}))
        results = train(
            network, self.data, optimizer, epochs=s.epochs, batch_size=self.batch_size, rng=np.random.default_rng([s.seed, 1]),
            penalty=Penalty(s.l1, s.l2) if s.l1 or s.l2 else None, schedule=s.schedule, normalize=s.normalize, shift=s.shift,
            evaluate_every=evaluate_every, evaluate_at=None if evaluate_every else self._affordable,
        )
        return network, optimizer, results

    def _affordable(self, step: int) -> bool:
        """Whether an evaluation may be done now: all of them together, the last included, shall take no longer than the training."""
        now, each = time.perf_counter(), self._read_seconds / max(1, len(self.evaluations))
        spent = self._read_seconds + 2 * each
        seldom = now - self._asked >= self.PAUSE or spent < self.image_seconds / 2
        affordable = seldom and (not self.evaluations or spent <= 0.9 * self.image_seconds)
        if affordable:
            self._asked = now
        return affordable

    def set_rate(self, rate: float) -> None:
        """Change the learning rate: at once, or between two steps where another thread of this session is in the middle of one."""
        self.asked_rate = rate
        if self._lock.acquire(blocking=False):
            try:
                self._take_rate()
            finally:
                self._lock.release()

    def _take_rate(self) -> None:
        """Under the lock and between two steps, so that `rates` names the step after which the new rate holds."""
        if self.asked_rate != self.learning_rate:
            self.rates[self.latest.step if self.latest else 0] = self.learning_rate = self.optimizer.learning_rate = self.asked_rate

    def looks(self) -> list[Look]:
        """What is inside, before the first step and at some later ones."""
        if not (self.watch.looks or self.latest):
            self.watch.begin(self.network, normalizer(self.settings.normalize, self.data)(self.data.x_train[:IMAGES]), self.data.y_train[:IMAGES])
        return self.watch.looks

    def _work(self, seconds: float) -> None:
        self._take_rate()
        self.looks()
        super()._work(seconds)

    @property
    def steps(self) -> int:
        return self.settings.epochs * -(-len(self.data.y_train) // self.batch_size)

    def inside(self) -> Inside:
        x = normalizer(self.settings.normalize, self.data)(self.data.x_train[:200])
        return look_inside(self.network, x, self.data.y_train[:200], self.first)

    def attempt(self, change: Mapping[str, Any]) -> Trial | None:
        """The same run with some settings changed, for a few hundred steps; None where they are these settings."""
        wanted = {name: TABLE[name].take(value) for name, value in in_controls(change).items()}
        rate, settings = wanted.pop("rate", self.learning_rate), replace(self.settings, **wanted)
        same = replace(settings, images=self.settings.images) == self.settings and rate == self.learning_rate
        if same and min(settings.images, len(self.all_data.y_train)) == len(self.data.y_train):
            return None
        run = TrainingRun(settings, self.all_data, rate, evaluate_every=10**9)
        room.known.add(run)
        if not room.make_room(run.full, run):
            return None
        longest, work = self.TRIAL
        steps = min(longest, run.steps, max(20, int(work / (3 * run.network.theta.size * run.batch_size))))
        with runs.place():
            end = next(result for result in run.results if result.step == steps or result.diverged)
            images = run.data.x_test[: self.NEW]
            read = evaluate(run.network, images, run.data.y_test[: self.NEW], normalizer(settings.normalize, run.data))[1]
        return Trial(0.0 if end.diverged else read, steps, len(images))

    def record(self, result: Progress) -> None:
        self.latest = result
        self.images += self.batch_size
        self.image_seconds += result.seconds_per_image * self.batch_size
        self._group.append((result.epoch, result.loss, result.accuracy))
        if len(self._group) >= self._stride:
            self.batches.append(_mean(self._group))
            self._group = []
        if len(self.batches) > self.LONGEST:
            self.batches = [_mean(self.batches[i : i + 2]) for i in range(0, len(self.batches), 2)]
            self._stride *= 2
        if result.evaluation:
            self.evaluations.append((result.epoch, result.evaluation))
            self.evaluated_at.append(result.step)
            self._read_seconds += time.perf_counter() - self._asked
            self.inspection, self.pictures = result.inspection, None
        if not result.diverged:
            self.watch.after(self.network, result.step)
        if result.diverged or result.step == self.steps:
            self.status = "finished"
        else:
            self._take_rate()

    def summary(self) -> dict | None:
        if not self.evaluations:
            return None
        epoch, e = self.evaluations[-1]
        accuracy = [round(e.test_accuracy, 4) for _, e in self.evaluations]
        return {
            "Settings": f"{self.data.name}: {describe(self.settings, self.learning_rate)}", "Epochs": round(epoch, 2),
            "Train accuracy": e.train_accuracy, "Test accuracy": e.test_accuracy, "Test loss": e.test_loss,
            "Test accuracy, time after time": accuracy[:: -(-len(accuracy) // 50)]}


def sizes(s: TrainingSettings, data: Dataset) -> tuple[int, int]:
    """Bytes, about, of a run that is ready or finished (weights, gradient, the first weights once more), and of one that works:
    three memories of an optimizer as well, a copy of the last finite state, and what each layer keeps of a batch."""
    widths = [data.x_train.shape[1], *s.hidden, data.classes]
    weights, first = sum(a * b for a, b in pairwise(widths)), widths[0] * widths[1]
    return 4 * (2 * weights + first), 4 * (6 * weights + first + 3 * sum(widths) * max(500, min(s.batch, len(data.y_train))))


def in_controls(change: Mapping[str, Any]) -> dict[str, Any]:
    """An engine's change in terms of the page's controls."""
    return {"rate" if name == "learning_rate" else name: ALL if value == "all" else value for name, value in change.items()}


def _mean(points: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(column) for column in zip(*points, strict=True))


def script(run: TrainingRun) -> str:
    """It repeats a run with the engine alone, changes of the learning rate included, and prints its evaluations."""
    s, (first, *later) = run.settings, run.rates.items()
    load = f"load_{run.data.name.lower()}()"
    load += "" if s.images >= 60_000 else f".first(min({s.images}, len({load}.y_train)))"
    lsuv, imported, rates, changes, seen, only = "", "", "", "", "", ""
    if set(range(run.steps // s.epochs, run.latest.step + 1 if run.latest else 0, run.steps // s.epochs)).difference(run.evaluated_at):
        seen = f"seen = {run.evaluated_at!r}  # after these steps the page read all test images\n"
        only = ", evaluate_at=seen.__contains__"
    if s.initializer == "lsuv":
        imported = "from engine.datasets import normalizer\n"
        lsuv = f"network.lsuv(normalizer({s.normalize!r}, data)(data.x_train[:256]))  # on real images rather than on noise\n"
    if later:
        rates = f"rates = {dict(later)!r}  # after these steps the learning rate was changed\n"
        changes = "    optimizer.learning_rate = rates.get(progress.step, optimizer.learning_rate)\n"
    decay = f", weight_decay={s.decay!r}" if s.optimizer == "adamw" and s.decay != TABLE["decay"].default else ""
    alike = len(set(s.hidden)) == 1 < len(s.hidden)
    widths = f"*[{s.hidden[0]}] * {len(s.hidden)}, " if alike else "".join(f"{width}, " for width in s.hidden)
    return f"""import numpy as np

from engine import OPTIMIZERS, Penalty, {load.split("(")[0]}, mlp, train
{imported}
data = {load}
sizes = (data.x_train.shape[1], {widths}data.classes)
network = mlp(sizes, activation={s.activation!r}, initializer={s.initializer!r}, gain={s.gain!r}, dropout={s.dropout!r},
              batch_norm={s.placement!r}, input_batch_norm={s.input_norm!r}, rng=np.random.default_rng([{s.seed}, 0]))
{lsuv}optimizer = OPTIMIZERS[{s.optimizer!r}](network, {first[1]!r}{decay})
{rates}{seen}for progress in train(network, data, optimizer, epochs={s.epochs}, batch_size={run.batch_size}, rng=np.random.default_rng([{s.seed}, 1]),
                      penalty=Penalty({s.l1!r}, {s.l2!r}), schedule={s.schedule!r}, normalize={s.normalize!r}{", shift=" + str(s.shift) if s.shift else ""}{only}):
{changes}    if progress.evaluation:
        e = progress.evaluation
        print(f"epoch {{progress.epoch:g}}  train {{e.train_accuracy:.4f}}  test {{e.test_accuracy:.4f}}  test loss {{e.test_loss:.4f}}")
"""
