"""Workers: one place where pages ask the engine, answered in processes of their own.

One interpreter draws for everybody; what computes would hold it up. What a visitor no longer waits for, because a
control was moved again, is dropped.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import loky
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared import worker
from pages.shared.desk import Desk, Lane

LATER = 3.0  # seconds between two looks whether there is room
LOG = logging.getLogger(__name__)


def memory() -> float:
    """Bytes that this machine or container has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def usual_size() -> int:
    """A worker for each core, if 700 MB stand behind each; none on a small host, which computes in the server itself."""
    return min(loky.cpu_count(), int(memory() / 7e8)) if memory() >= 1.5e9 else 0


_starting = threading.Lock()
_desk: list[Desk] = []


def pool(size: int) -> Executor:
    """Worker processes, or threads of this process where there is no room for any."""
    if not size:
        return ThreadPoolExecutor(loky.cpu_count())
    one_thread = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        made = loky.ProcessPoolExecutor(size, initializer=worker.prepare, initargs=(os.getpid(),), env=one_thread)
        made.submit(worker.ready)  # starts them all
        return made
    except (OSError, NotImplementedError, ImportError) as error:
        LOG.warning("no worker processes here (%s): the server computes itself", error)
        return ThreadPoolExecutor(size)


def cluster() -> Lane | None:
    """A Dask cluster, where DASK_SCHEDULER_ADDRESS names one."""
    if not (address := os.environ.get("DASK_SCHEDULER_ADDRESS")):
        return None
    try:
        from distributed import Client

        client = Client(address, timeout=5, set_as_default=False)
        return Lane(client.get_executor(pure=False), max(1, sum(client.nthreads().values())))
    except (OSError, ImportError) as error:
        LOG.warning("no cluster at %s (%s): the pool answers", address, error)
        return None


def desk() -> Desk:
    """This process's one desk. WORKERS says how many processes; 0 is none."""
    with _starting:
        if not _desk:
            size = int(os.environ.get("WORKERS") or usual_size())
            _desk.append(Desk(partial(pool, size), size or loky.cpu_count(), cluster()))
    return _desk[0]


def visitor() -> str:
    """The session whose script this is; no name outside of one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def begin() -> None:
    """First thing in every run of a visitor's script."""
    desk().begin(visitor())


def thin_out(calls: Sequence[partial], few: int = 0) -> Sequence[partial]:
    """Of questions that are alike, such as one network for each seed, as many as there is room for. `complete` asks the rest later."""
    return desk().thin_out(calls, few)


@st.fragment(run_every=LATER)
def complete(had: int, wanted: int) -> None:
    """Say that the band spans fewer networks than asked for, and draw the page again as soon as there is room."""
    st.caption(f"Many explore at this moment: {had} of {wanted} networks {'are' if had > 1 else 'is'} shown, and the others follow.")
    if not desk().crowded():
        st.rerun()


@contextlib.contextmanager
def _told(ahead: int) -> Iterator[Callable]:
    """With what lets go of a script whose visitor has moved on: Streamlit looks for that whenever its state is read."""
    if not visitor():
        yield lambda: None
        return
    with st.spinner(f"Computing. {ahead} questions of other visitors come first." if ahead > 1 else "Computing …"):
        yield lambda: "_routed" in st.session_state


def measure_all(*calls: partial, long: bool = False, seen: Callable[[list[Any]], None] | None = None) -> list[Any]:
    """The answers of several questions, asked at once: `partial(function of the engine, …)` with arrays, and what can be hashed, as arguments.

    `long` ones go to a cluster, if there is one. `seen` draws what is there while others are open, which are None. Raises what the function raises.
    """
    answers = desk().ask(visitor(), list(calls), long, _told, seen)
    if answers is None:
        st.stop()
    return answers


def measure(function: Callable, *args: Any, long: bool = False, **named: Any) -> Any:
    """The answer of one question."""
    return measure_all(partial(function, *args, **named), long=long)[0]
