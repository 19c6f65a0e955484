"""Runs: long work, advanced a slice of time at a tick, under one gate for the whole machine.

A run lives in one visitor's session and moves only while that visitor's page asks it to. So a closed tab
ends it, another page pauses it, and a full class shares the cores: at most as many slices as cores at once.
"""

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Literal

import streamlit as st

from engine.verdict import Verdict
from pages.shared import layout, link
from pages.shared.control import Typed

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

    A tick draws, for about 10 ms of a core. Without longer pauses thirty runs would draw all the time.
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
            if (one_step or self.status != "paused") and self._lock.acquire(blocking=one_step):  # paused: while it waited
                try:
                    self._work(slice_ if seconds is None else seconds)
                finally:
                    self._lock.release()
        finally:
            _gate.release()

    def _work(self, seconds: float) -> None:
        started = time.perf_counter()
        try:
            for result in self.results:
                self.record(result)
                if self.status == "finished" or time.perf_counter() - started >= seconds or (seconds and self.status == "paused"):
                    break
            else:
                self.status = "finished"
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
    if run is not None and run.settings != settings:
        if run.status in ("running", "paused"):
            st.info("The settings have changed. This run keeps its own; **Reset** starts with the new ones.")
        else:
            forget(key)
    if key not in st.session_state:
        run = st.session_state[key] = make()
        run.key, run.settings = key, settings
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


def live(run: "Run", draw: Callable[[Any], Verdict], below: Callable[[Any], None] | None = None, key: str = "verdict") -> Verdict:
    """Draw a run and its verdict, while it runs again at every slice of work, with what is `below` (otherwise the page draws that, after a cure)."""
    every = pace()[0] if run.status == "running" else None
    said: list[Verdict] = []

    @st.fragment(run_every=every)
    def tick() -> None:
        if run.status == "running":
            run.advance()
            if run.status == "finished" or every != pace()[0]:
                st.rerun()  # stops the clock and frees the buttons, or sets another pace
        said[:] = [draw(run)]
        if said[0].text:
            layout.verdict(said[0].text, key)
        if below and run.status == "running":
            below(run)

    tick()
    return said[0]


def progress_line(run: "Run", done: int, steps: int, text: str) -> None:
    """How far a run is, and what it waits for."""
    st.progress(min(1.0, done / max(steps, 1)), text + "  Waiting for a free core: others train on this machine too." * run.waiting)
