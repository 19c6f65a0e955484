"""Runs: long work, advanced a slice of time at a tick, under one gate for the whole machine.

A run lives in one visitor's session and only moves while that visitor's page asks it
to. So a closed tab ends it, another page pauses it, and a full class shares the cores:
at most as many slices as cores run at once, whoever they belong to.
"""

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from engine.datasets import Dataset, normalizer
from engine.losses import Penalty
from engine.network import Network, mlp
from engine.optimizers import OPTIMIZERS
from engine.studies.sixteen_scales import ScalesProgress, train_scales
from engine.training import Evaluation, Inspection, Progress, inspect_test, train
from engine.verdict import Verdict
from pages.shared import layout, link
from pages.shared.control import Typed
from pages.shared.controls import MNIST

PLACES = os.cpu_count() or 1
TICK = 0.25  # seconds between two ticks of a running page, while few run
RECENT = 5.0  # seconds: who ticked within them, runs
SLICE = 0.2  # seconds of work a tick, at most
_gate = threading.BoundedSemaphore(PLACES)
_ticking: "weakref.WeakSet[Run]" = weakref.WeakSet()


@contextlib.contextmanager
def place() -> Iterator[None]:
    """A place on the machine for one computation that is asked for and takes seconds."""
    with _gate:
        yield


def pace() -> tuple[float, float]:
    """Seconds between two ticks, and of work in each, for every run on this machine.

    A tick draws, which costs about 10 ms of one core whatever the slice. Without longer pauses
    thirty runs would draw all the time, and nobody's page would answer.
    """
    now = time.monotonic()
    busy = sum(run.status == "running" and now - run.last_tick < RECENT for run in list(_ticking))
    tick = TICK * 2 ** max(0, math.ceil(math.log2(max(busy, 1) / (2 * PLACES))))
    return tick, min(SLICE, 0.8 * tick * PLACES / max(busy, 1))


class Run:
    """Any iterator of results, drawn on in slices. `record` keeps what a page shows, bounded."""

    settings: Any = None  # what it was made from, to be compared
    key = ""  # in the session

    def __init__(self, page: str, results: Iterator[Any]):
        self.page, self.results = page, results
        self.status: Literal["ready", "running", "paused", "finished"] = "ready"
        self.waiting = False  # the gate had no place at the last tick
        self.seconds = 0.0  # of work so far
        self.last_tick = 0.0
        self.every: float | None = None  # seconds between the ticks of its fragment
        self._lock = threading.Lock()  # a quick second click may start a second script of the same session

    def record(self, result: Any) -> None:
        raise TypeError(f"{type(self).__name__} has no record")

    def summary(self) -> dict | None:
        """A row of the table of earlier runs, for a run that has something to show."""
        return None

    def pause(self) -> None:
        """Stop after the step that is under way, and wait for it."""
        if self.status == "running":
            self.status = "paused"
        with self._lock:
            pass

    def press(self, pause: bool) -> None:
        """The Start / Pause button; a second press of the same button changes nothing."""
        if pause:
            self.pause()
        elif self.status != "finished":
            self.status = "running"

    def step(self) -> None:
        """The Step button: one step, and stand."""
        self.pause()
        if self.status == "ready":
            self.status = "paused"
        self.advance(0)

    def advance(self, seconds: float | None = None) -> None:
        """Work for one slice, or a single step when seconds is 0. Does nothing when another thread is at it, or no core is free."""
        self.last_tick = time.monotonic()
        _ticking.add(self)
        if self.status == "finished":
            return
        one_step, (tick, slice_) = seconds == 0, pace()
        self.waiting = not _gate.acquire(timeout=1 if one_step else tick)  # in a tick's time everybody's turn comes
        if self.waiting:
            return
        try:
            paused = self.status == "paused" and not one_step  # while it waited
            if not paused and self._lock.acquire(blocking=one_step):
                try:
                    self._work(slice_ if seconds is None else seconds)
                finally:
                    self._lock.release()
        finally:
            _gate.release()

    def _work(self, seconds: float) -> None:
        started = time.perf_counter()
        try:
            while True:
                result = next(self.results, None)
                if result is None:
                    self.status = "finished"
                    break
                self.record(result)
                if self.status == "finished" or time.perf_counter() - started >= seconds or (seconds and self.status == "paused"):
                    break
        finally:
            self.seconds += time.perf_counter() - started


def pause_unless_on(page: str) -> None:
    """Pause this session's runs of every other page."""
    for run in st.session_state.values():
        if isinstance(run, Run) and run.page != page:
            run.pause()


def current(key: str, settings: Any, make: Callable[[], "Run"]) -> "Run":
    """This visit's run under a key, made where there is none.

    A run that is ready or finished gives way to new settings; one that is under way keeps its own until Reset.
    """
    run = st.session_state.get(key)
    outdated = run is not None and run.settings != settings
    if outdated and run.status in ("ready", "finished"):
        forget(key)
        run = None
    if run is None:
        run = st.session_state[key] = make()
        run.key, run.settings = key, settings
    elif outdated:
        st.info("The settings have changed. This run keeps its own; **Reset** starts with the new ones.")
    return run


def forget(key: str) -> None:
    """Start over with the settings of the sidebar; what the old run reached stays in the list of earlier ones."""
    run = st.session_state.pop(key, None)
    if run is not None and (row := run.summary()):
        st.session_state[f"{key}_earlier"] = [*earlier(key), row][-8:]


def earlier(key: str) -> list[dict]:
    return st.session_state.get(f"{key}_earlier", [])


def buttons(key: str, run: "Run", about: str = "", *, step: bool = False, seed: Typed | None = None) -> None:
    """Start or pause, one step, start over, and start over with another seed."""

    def reseed() -> None:
        forget(key)
        link.put({seed.key: (link.value(seed) + 1) % (seed.limits[1] + 1)})

    going, done = run.status == "running", run.status == "finished"
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_buttons"):
        st.button("Pause" if going else "Start", on_click=run.press, args=(going,), type="primary", disabled=done, key=f"{key}_start")
        if step:
            st.button("Step", on_click=run.step, disabled=done, help="Train on one batch.", key=f"{key}_step")
        st.button("Reset", on_click=forget, args=(key,), help="The same first weights again, with the settings of the sidebar.", key=f"{key}_reset")
        if seed:
            st.button("New seed", on_click=reseed, help="Other first weights and another order of images.", key=f"{key}_reseed")
        if about:
            st.caption(about)


def live(run: "Run", draw: Callable[[Any], Verdict], key: str = "verdict") -> Verdict:
    """Draw a run and say what it shows; while it runs, work a slice and draw again at every tick. The verdict of this rerun."""
    run.every = pace()[0] if run.status == "running" else None
    said: list[Verdict] = []
    st.fragment(_tick, run_every=run.every)(run, draw, said, key)
    return said[-1]


def _tick(run: "Run", draw: Callable[[Any], Verdict], said: list[Verdict], key: str) -> None:
    if run.status == "running":
        run.advance()
        if run.status == "finished" or run.every != pace()[0]:
            st.rerun()  # stops the clock and frees the buttons, or sets another pace
    said[:] = [draw(run)]
    if said[0].text:
        layout.verdict(said[0].text, key)


def progress_line(run: "Run", done: int, steps: int, text: str) -> None:
    """How far a run is, and what it waits for."""
    waiting = "  Waiting for a free core: others train on this machine too." if run.waiting else ""
    st.progress(min(1.0, done / max(steps, 1)), f"{text}{waiting}")


@dataclass(frozen=True)
class TrainingSettings:
    """What a training run is made from; the fields are the names of the page's controls."""

    data: str
    images: int
    depth: int
    width: int
    activation: str
    initializer: str
    gain: float
    batch_norm: str
    input_norm: bool
    dropout: float
    l1: float
    l2: float
    optimizer: str
    schedule: str
    batch: int
    epochs: int
    normalize: str
    seed: int


class TrainingRun(Run):
    """One network in training, with a history of bounded length."""

    LONGEST = 400  # points of the batch curve; beyond, neighbours are averaged

    def __init__(self, settings: TrainingSettings, data: Dataset, learning_rate: float):
        self.settings, self.learning_rate, self.full_data = settings, learning_rate, data
        self.rates = {0: learning_rate}  # after which step the learning rate became what
        self.data = data.first(min(settings.images, len(data.y_train)))
        self.batch_size = min(settings.batch, len(self.data.y_train))
        with place() if settings.depth * settings.width**2 > 1e6 else contextlib.nullcontext():  # a large network takes a second
            self.network, self.optimizer, results = self._build()
        self.batches: list[tuple[float, float, float]] = []  # epoch, loss, accuracy
        self.evaluations: list[tuple[float, Evaluation]] = []
        self.latest: Progress | None = None
        self.images, self.image_seconds = 0, 0.0  # trained on, and how long, without evaluations
        self.inspection: Inspection | None = None
        self.pictures_of, self.pictures = 0, None  # what a page drew of the latest evaluation
        self._stride, self._group = 1, []
        super().__init__("mnist_training", results)

    def _build(self) -> tuple[Network, Any, Iterator[Progress]]:
        s = self.settings
        sizes = (self.data.x_train.shape[1], *[s.width] * s.depth, self.data.classes)
        network = mlp(
            sizes,
            activation=s.activation,
            initializer=s.initializer,
            gain=s.gain,
            dropout=s.dropout,
            input_batch_norm=s.input_norm,
            batch_norm=None if s.batch_norm == "none" else s.batch_norm,
            rng=np.random.default_rng([s.seed, 0]),
        )
        if s.initializer == "lsuv":  # on real images rather than on noise
            network.lsuv(normalizer(s.normalize, self.data)(self.data.x_train[:256]))
        optimizer = OPTIMIZERS[s.optimizer](network, self.learning_rate)
        results = train(
            network,
            self.data,
            optimizer,
            epochs=s.epochs,
            batch_size=self.batch_size,
            rng=np.random.default_rng([s.seed, 1]),
            penalty=Penalty(s.l1, s.l2) if s.l1 or s.l2 else None,
            schedule=s.schedule,
            normalize=s.normalize,
        )
        return network, optimizer, results

    def set_rate(self, rate: float) -> None:
        """Change the learning rate, also while the run goes on."""
        if rate != self.learning_rate:
            self.rates[self.latest.step if self.latest else 0] = self.learning_rate = self.optimizer.learning_rate = rate

    @property
    def steps(self) -> int:
        return self.settings.epochs * -(-len(self.data.y_train) // self.batch_size)

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
            self.inspection = inspect_test(self.network, self.data, self.settings.normalize)
        if result.diverged or result.step == self.steps:
            self.status = "finished"


def _mean(points: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(sum(column) / len(column) for column in zip(*points, strict=True))


def run_record(run: TrainingRun) -> dict:
    """What is kept of a run when another one takes its place."""
    epoch, e = run.evaluations[-1]
    accuracy = [round(e.test_accuracy, 4) for _, e in run.evaluations]
    return {
        "Settings": f"{run.data.name}: {describe(run.settings, run.learning_rate)}",
        "Epochs": round(epoch, 2),
        "Train accuracy": e.train_accuracy,
        "Test accuracy": e.test_accuracy,
        "Test loss": e.test_loss,
        "Test accuracy by epoch": accuracy[:: -(-len(accuracy) // 50)],
    }


def describe(settings: TrainingSettings, learning_rate: float) -> str:
    """A run in half a line: its shape, and every choice that is not the default."""
    named = {name: getattr(settings, name) for name in ("activation", "initializer", "optimizer")}
    others = {
        name: value for name, value in vars(settings).items() if name not in (*named, "data", "depth", "width") and value != MNIST[name].default
    }
    shown = [MNIST[name].show(value) for name, value in named.items()] + [f"η = {learning_rate:g}"]
    return " · ".join(
        [
            f"{settings.depth} × {settings.width}",
            *shown,
            *(f"{MNIST[name].label} {'' if value is True else MNIST[name].show(value)}".strip() for name, value in others.items()),
        ]
    )


def training_script(run: TrainingRun) -> str:
    """A script that repeats a run with the engine alone, changes of the learning rate included, and prints its evaluations."""
    s, (first, *later) = run.settings, run.rates.items()
    load = "load_digits()" if run.data.name == "Digits" else "load_mnist()"
    load += "" if s.images >= 60_000 else f".first(min({s.images}, len({load}.y_train)))"
    batch_norm = None if s.batch_norm == "none" else s.batch_norm
    lsuv = (
        f"network.lsuv(normalizer({s.normalize!r}, data)(data.x_train[:256]))  # on real images rather than on noise\n"
        if s.initializer == "lsuv"
        else ""
    )
    return f"""import numpy as np

from engine import OPTIMIZERS, Penalty, {load.split("(")[0]}, mlp, train
{"from engine.datasets import normalizer" + chr(10) if lsuv else ""}
data = {load}
sizes = (data.x_train.shape[1], *[{s.width}] * {s.depth}, data.classes)
network = mlp(sizes, activation={s.activation!r}, initializer={s.initializer!r}, gain={s.gain!r}, dropout={s.dropout!r},
              batch_norm={batch_norm!r}, input_batch_norm={s.input_norm!r}, rng=np.random.default_rng([{s.seed}, 0]))
{lsuv}optimizer = OPTIMIZERS[{s.optimizer!r}](network, {first[1]!r})
{f"rates = {dict(later)!r}  # after these steps the learning rate was changed" + chr(10) if later else ""}for progress in train(network, data, optimizer, epochs={s.epochs}, batch_size={run.batch_size}, rng=np.random.default_rng([{s.seed}, 1]),
                      penalty=Penalty({s.l1!r}, {s.l2!r}), schedule={s.schedule!r}, normalize={s.normalize!r}):
{"    optimizer.learning_rate = rates.get(progress.step, optimizer.learning_rate)" + chr(10) if later else ""}    if progress.evaluation:
        e = progress.evaluation
        print(f"epoch {{progress.epoch:g}}  train {{e.train_accuracy:.4f}}  test {{e.test_accuracy:.4f}}  test loss {{e.test_loss:.4f}}")
"""


class ScalesRun(Run):
    """The sixteen scales, with and without batch norm: 32 networks that train together."""

    def __init__(self, data: Dataset, seed: int):
        self.data, self.seed = data, seed
        self.latest: ScalesProgress | None = None
        self.history: list[np.ndarray] = []  # (2, scales) after each epoch
        super().__init__("batch_norm", train_scales(data, seed))

    def record(self, result: ScalesProgress) -> None:
        self.latest = result
        if result.accuracy is not None:
            self.history.append(result.accuracy)
        if result.step == result.steps:
            self.status = "finished"
