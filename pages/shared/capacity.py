"""Capacity: the cores and the memory that all runs of this server share.

At most as many slices of work as cores go on at once, and runs that nobody has come back to give their memory
to those that need it.
"""

import contextlib
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

PLACES = max(1, (os.cpu_count() or 1) - 1)  # one core is left to draw pages and to answer what is asked
TICK = 0.25  # seconds between two ticks of a running page, while few run
RECENT = 15.0  # seconds: who ticked within them, runs; longer than the longest tick with its waiting, or a full class would be counted as half a one
SLICE = 0.2  # seconds of work a tick, at most
MOST = float(os.environ.get("RUNS_MB", 180)) * 2**20  # bytes that all runs of this server may hold together
GRACE = 15.0  # seconds in which a lost connection comes back, and finds its run as it was
IDLE = 600.0  # seconds without a look: then a run that stands gives way to one that needs its memory
gate = threading.BoundedSemaphore(PLACES)
_counting = threading.Lock()  # memory is counted and taken by one thread at a time
FULL = "Other trainings fill the memory that this server has for them. A smaller network may fit, or try again later."
known: weakref.WeakValueDictionary[int, Any] = weakref.WeakValueDictionary()  # runs, by id; `valuerefs` is a copy, for other threads add to it at any time


@contextlib.contextmanager
def place(patience: float | None = None) -> Iterator[bool]:
    """A place on the machine for one computation that is asked for and takes seconds; False if none was free for as long as that."""
    there = gate.acquire(timeout=patience)
    try:
        yield there
    finally:
        if there:
            gate.release()


def pace(asking: Any = None) -> tuple[float, float]:
    """Seconds between two ticks, and of work in each, for every run on this machine; `asking` is one that is about to tick.

    A tick draws, for about 10 ms of a core. Without longer pauses thirty runs would draw all the time.
    """
    now = time.monotonic()
    busy = sum(run.status == "running" and not run.gone and (run is asking or now - run.last_tick < RECENT) for ref in known.valuerefs() if (run := ref()))
    tick = TICK * 2 ** max(0, math.ceil(math.log2(max(busy, 1) / (2 * PLACES))))
    return tick, min(SLICE, 0.8 * tick * PLACES / max(busy, 1))


def make_room(wanted: float, asking: Any = None) -> bool:
    """Whether so many bytes fit beside what all other runs hold; if so, `asking` holds them from now on.

    Where they do not, runs that have had no browser for a while are closed, and those that stand and that nobody has looked at for long.
    """
    with _counting:
        now, others = time.monotonic(), [run for ref in known.valuerefs() if (run := ref()) and run is not asking and run.held]
        stale = [run for run in others if (run.gone and now - run.gone > GRACE) or (run.status != "running" and now - run.last_tick > IDLE)]
        held, most = sum(run.held for run in others), max(0, MOST - wanted)  # alone, whatever the controls allow has room
        if held - sum(run.held for run in stale) <= most:  # or nobody loses anything: it would not help
            for run in sorted(stale, key=lambda run: -run.held):  # one large one, rather than many small ones
                if held > most:
                    held -= run.held
                    run.close()
        if held <= most and asking:
            asking.held = wanted
        return held <= most


def close_abandoned(is_active: Callable[[str], bool], after: float) -> int:
    """Close the runs of sessions that have had no browser for so many seconds: as long as Streamlit waits for it to come back."""
    closed, now = 0, time.monotonic()
    for run in [run for ref in known.valuerefs() if (run := ref()) and run.session and run.status != "closed"]:
        run.gone = 0.0 if is_active(run.session) else run.gone or now
        if run.gone and now - run.gone >= after:
            run.close()
            closed += 1
    return closed
