"""A run: long work, advanced a slice of time at a tick, under one gate for the whole machine.

It moves only while its visitor's page asks it to. So a closed tab ends it, another page pauses it, and a full
class shares the cores: at most as many slices as cores at once.
"""

import threading
import time
from collections.abc import Iterator
from typing import Any, Literal

from pages.shared import capacity


class Run:
    """Any iterator of results, drawn on in slices. `record` keeps what a page shows, bounded."""

    settings: Any = None  # what it was made from, to be compared
    key = ""  # in the session
    session = ""  # of Streamlit
    gone = 0.0  # since when that session has no browser; 0 while it has one
    remembered = 8  # runs of its kind that are kept in a list, at most
    held = full = 0  # bytes, about: now, and once it works

    def __init__(self, page: str, results: Iterator[Any]):
        self.page, self.results = page, results
        self.status: Literal["ready", "running", "paused", "finished", "closed"] = "ready"
        self.waiting = False  # the gate had no place at the last tick
        self.seconds = 0.0  # of work so far
        self.last_tick = time.monotonic()
        self.lost = False  # it stands where another one was, which is gone
        self.refused = False  # there was no room for it
        self._lock = threading.Lock()  # a quick second click may start a second script of the same session
        capacity.known[id(self)] = self

    def record(self, result: Any) -> None:
        raise TypeError(f"{type(self).__name__} has no record")

    def summary(self) -> Any:
        """An entry of the list of earlier runs, for a run that has something to show; otherwise None."""
        return None

    def release(self) -> None:
        """Let go of what only further steps need, or anything that is large if the run is closed. Under the lock."""
        self.results = iter(())

    def close(self) -> None:
        """Give the memory back at once: whoever still refers to this run (Streamlit's own objects do, in cycles) keeps a shell."""
        self.pause()
        with self._lock:
            self.status, self.held = "closed", 0
            self.release()

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
        elif self.status in ("ready", "paused") and self._fits():
            self.status = "running"

    def step(self) -> None:
        """The Step button: one step, and stand."""
        self.pause()
        if self.status == "ready" and self._fits():
            self.status = "paused"
        if self.status == "paused":
            self.advance(0)

    def _fits(self) -> bool:
        self.refused = not capacity.make_room(self.full, self)
        return not self.refused

    def advance(self, seconds: float | None = None) -> None:
        """Work for one slice, or a single step when seconds is 0. Does nothing when another thread is at it, or no core is free."""
        self.last_tick = time.monotonic()
        one_step, (tick, slice_) = seconds == 0, capacity.pace()
        with capacity.place(1 if one_step else tick) as there:  # in a tick's time everybody's turn comes
            self.waiting = not there
            if there and (one_step or self.status != "paused") and self._lock.acquire(blocking=one_step):  # paused: while it waited
                try:
                    self._work(slice_ if seconds is None else seconds)
                finally:
                    self._lock.release()

    def _work(self, seconds: float) -> None:
        if self.status in ("finished", "closed"):
            return
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
            if self.status == "finished":
                self.release()
