"""One network in training: what it is made from, and what is kept of it."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import fields, make_dataclass, replace
from typing import Any

import numpy as np

from engine.datasets import Dataset, normalizer
from engine.judgement import Inside, Trial, look_inside
from engine.losses import Penalty
from engine.network import Network
from engine.optimizers import OPTIMIZERS
from engine.progress import Cells, Evaluation, Inspection, Progress, by_cell
from engine.studies.by_layer import IMAGES, Look, Watch
from engine.training import before_training, evaluate, outputs_of, train
from engine.verdict import Verdict
from pages.parts.mnist_training.common import TABLE, hidden, in_controls, sizes
from pages.parts.mnist_training.kept import Kept, kept
from pages.shared import capacity, runs
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
    NEW, PATIENCE = 2000, 5.0  # test images that a trial reads, at most; seconds that it waits for a core, which others need more
    LARGE = 1e7  # bytes of a network that is built again when it starts, rather than kept for who only looks at its page
    remembered, number = 30, 1  # kept runs at most; this one's number in its visit
    PAUSE = 0.25  # seconds between evaluations, at least, where they cost half of the training or more

    def __init__(self, settings: TrainingSettings, data: Dataset, learning_rate: float, evaluate_every: int | None = None):
        self.settings, self.learning_rate, self.asked_rate = settings, learning_rate, learning_rate
        self.rates = {0: learning_rate}  # after which step the learning rate became what
        self.all_data, self.data = data, data.first(min(settings.images, len(data.y_train)))
        self.batch_size = min(settings.batch, len(self.data.y_train))
        self.network = self.optimizer = None
        self._rng, self._every = np.random.default_rng([settings.seed, 1]), evaluate_every
        self.verdicts: dict[tuple, Verdict] = {}  # those that were sought, with what they hold for
        self.batches: list[tuple[float, float, float]] = []  # epoch, loss, accuracy
        self.evaluations: list[tuple[float, Evaluation]] = []
        self.evaluated_at: list[int] = []  # steps
        self.latest: Progress | None = None
        self.images, self.image_seconds = 0, 0.0  # trained on, and how long, without evaluations
        self._asked, self._read_seconds = 0.0, 0.0  # when the latest evaluation began, and how long all of them took
        self.inspection: Inspection | None = None
        self.pictures = None  # what a page drew of the latest inspection
        self._cells: Cells | None = None  # of the network as it stands
        self._stride, self._group = 1, []
        super().__init__("mnist_training", iter(()))
        self.watch = Watch(self.steps, self.batch_size)
        self.held, self.full = sizes(settings, self.data)
        with capacity.place() if self.held > self.LARGE else contextlib.nullcontext():  # it takes a second
            self.network = self._drawn()
            self.parameters, self.first = self.network.theta.size, self.network.weights[0].copy()  # before the first step
            self.spread = float(self.first.std())
            if self.held > self.LARGE and self.looks():
                self.network, self.held = None, 0

    def release(self) -> None:
        """A run that is finished keeps its weights, and what it needs to go on; one that is closed keeps its numbers."""
        super().release()
        self.watch.release()
        if self.status == "closed":
            self.network = self.optimizer = self.first = self.inspection = self.pictures = self._cells = None
        else:
            if not self.goes_on:
                self.optimizer.forget()
            self._let_go()
            self.held = sizes(self.settings, self.data)[0] + sum(kept.nbytes for kept in vars(self.optimizer).values() if isinstance(kept, np.ndarray))

    def _let_go(self) -> None:
        """Each layer keeps its latest batch: now of one image."""
        self.network.forward(np.zeros((1, self.data.x_train.shape[1]), np.float32))

    @property
    def goes_on(self) -> bool:
        """Whether more epochs would be those of a run that was longer from the beginning; a schedule is stretched over all of them."""
        return self.settings.schedule == "constant" and not (self.latest and self.latest.diverged)

    def further(self, epochs: int) -> None:
        """Go on from the end of a finished run, to so many epochs in all."""
        with self._lock:
            if self.status != "finished" or not self.goes_on or epochs <= self.settings.epochs:
                return
            done, self.settings = self.steps, replace(self.settings, epochs=epochs)
            self.results, self.status = self._train(done), "paused"
            self.watch.go_on(self.network, self._seen()[0], done, self.steps)
        self.press(pause=False)

    def _drawn(self) -> Network:
        """The network before its first step."""
        s = self.settings
        return before_training(
            self.data, s.hidden, activation=s.activation, initializer=s.initializer, gain=s.gain, dropout=s.dropout,
            input_batch_norm=s.input_norm, batch_norm=s.placement, normalize=s.normalize, seed=s.seed)

    def build(self) -> None:
        """What steps need, unless it is there."""
        if self.optimizer is not None:
            return
        s, self.network = self.settings, self.network or self._drawn()
        self.optimizer = OPTIMIZERS[s.optimizer](self.network, self.learning_rate, **({"weight_decay": s.decay} if s.optimizer == "adamw" else {}))
        self.results = self._train()

    def _train(self, done: int = 0) -> Iterator[Progress]:
        s, every = self.settings, self._every
        return train(
            self.network, self.data, self.optimizer, epochs=s.epochs, batch_size=self.batch_size, rng=self._rng,
            penalty=Penalty(s.l1, s.l2) if s.l1 or s.l2 else None, schedule=s.schedule, normalize=s.normalize, shift=s.shift,
            evaluate_every=every, evaluate_at=None if every else self._affordable, start=done,
        )

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
            self.rates[self.latest.step if self.latest else 0] = self.learning_rate = self.asked_rate
            if self.optimizer:
                self.optimizer.learning_rate = self.asked_rate

    def looks(self) -> list[Look]:
        """What is inside, before the first step and at some later ones."""
        network = self.network  # a run can be closed while it is drawn
        if network is not None and not (self.watch.looks or self.latest):
            self.watch.begin(network, *self._seen())
        return self.watch.looks

    def _seen(self, images: int = IMAGES) -> tuple[np.ndarray, np.ndarray]:
        """The first training images as the network gets them, and their labels."""
        return normalizer(self.settings.normalize, self.data)(self.data.x_train[:images]), self.data.y_train[:images]

    def _work(self, seconds: float) -> None:
        self._take_rate()
        if self.status not in ("finished", "closed"):
            self.build()
            self.looks()
            if not self.latest:
                self.watch.start(self.network)
        super()._work(seconds)

    @property
    def steps(self) -> int:
        return self.settings.epochs * -(-len(self.data.y_train) // self.batch_size)

    def inside(self) -> Inside:
        return look_inside(self.network, *self._seen(200), self.first)

    def cells(self) -> Cells | None:
        """The test images by what the network says of them as it stands: one pass, whose result is kept until the next step. None for a closed run."""
        if self._cells is None:
            with capacity.place(), self._lock:
                if self.network is not None:
                    _, answers, certainty = outputs_of(self.network, self.data.x_test, self.data.y_test, normalizer(self.settings.normalize, self.data))
                    self._cells = by_cell(self.data.y_test, answers, certainty, self.data.classes)
                    self._let_go()
        return self._cells

    def attempt(self, change: Mapping[str, Any]) -> Trial | None:
        """The same run with some settings changed, for a few hundred steps; None where they are these settings."""
        wanted = {name: TABLE[name].take(value) for name, value in in_controls(change).items()}
        rate, settings = wanted.pop("rate", self.learning_rate), replace(self.settings, **wanted)
        same = replace(settings, images=self.settings.images) == self.settings and rate == self.learning_rate
        if same and min(settings.images, len(self.all_data.y_train)) == len(self.data.y_train):
            return None
        run = TrainingRun(settings, self.all_data, rate, evaluate_every=10**9)
        if not capacity.make_room(run.full, run):
            return None
        run.build()
        steps = min(self.TRIAL[0], run.steps, max(20, int(self.TRIAL[1] / (3 * run.network.theta.size * run.batch_size))))
        with capacity.place(self.PATIENCE) as there:
            if not there:
                return None
            end = next(result for result in run.results if result.step == steps or result.diverged)
            images = run.data.x_test[: self.NEW]
            read = evaluate(run.network, images, run.data.y_test[: self.NEW], normalizer(settings.normalize, run.data))[1]
        return Trial(0.0 if end.diverged else read, steps, len(images))

    def record(self, result: Progress) -> None:
        self.latest, self._cells = result, None
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

    def summary(self) -> Kept | None:
        return kept(self)


def _mean(points: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(column) for column in zip(*points, strict=True))
