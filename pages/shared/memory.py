"""Memory: what visitors leave behind is given back while nobody asks for anything.

Streamlit's session objects refer to each other in circles, so that what hangs on them waits for the garbage collector, which hardly runs in a
quiet server. A thread of its own closes the runs of visitors who did not come back, lets go of their sessions, collects, and gives free pages back.
"""

import ctypes
import gc
import logging
import threading
import time
from contextlib import suppress
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.web.server.starlette import starlette_websocket

from pages.shared import capacity

LOOK = 1.0  # seconds between two looks for visitors who have left
COLLECT = 30.0  # seconds between two collections, as long as pages are being drawn
CLOSED = "after sending 'websocket.close'"  # a picture was on its way to a tab when it closed: no news for the log, and for Streamlit an error
_first = threading.Lock()  # never given back
_latest = [0.0]  # when a page was drawn


def drawn() -> None:
    """A page is drawn: there will be something to collect."""
    _latest[0] = time.monotonic()


def ask_allocator(name: str, *numbers: int) -> None:
    """Of glibc, where it is the C library."""
    with suppress(OSError, AttributeError):
        getattr(ctypes.CDLL("libc.so.6"), name)(*numbers)


def mend_streamlit() -> None:
    """What a full class meets. Two script threads of one session, made by a quick second click, take turns at its state: with a lock each, as Streamlit
    has it, one now and then changes what the other goes through. And who comes back at once gets the answer: it went to the connection that was lost.
    """
    made, send = SafeSessionState.__init__, runtime.Runtime._send_message

    def init(self: SafeSessionState, state: SessionState, yield_callback: object) -> None:
        made(self, state, yield_callback)
        with suppress(AttributeError, TypeError):
            object.__setattr__(self, "_lock", vars(state.query_params).setdefault("_lock_of_all", self._lock))

    def send_to_newest(self: runtime.Runtime, info: Any, message: Any) -> None:
        send(self, self._session_mgr.get_active_session_info(info.session.id) or info, message)

    SafeSessionState.__init__, runtime.Runtime._send_message = init, send_to_newest


def keep() -> None:
    """Look after memory until the process ends."""
    last = time.monotonic()
    while True:
        time.sleep(LOOK)
        if not runtime.exists():
            continue
        patience = float(st.get_option("server.disconnectedSessionTTL") or 0)
        closed, now = capacity.close_abandoned(runtime.get_instance().is_active_session, patience), time.monotonic()
        if closed or (now - last >= COLLECT and now - _latest[0] <= patience + 2 * COLLECT):
            last, server = now, runtime.get_instance()
            with suppress(AttributeError):  # it drops a session whose time to live is over only when another one comes or goes; nothing public asks it to
                server._get_async_objs().eventloop.call_soon_threadsafe(server._session_mgr._session_storage._cache.expire)
            time.sleep(0.1)
            gc.collect()  # tens of milliseconds, after `gc.freeze`
            ask_allocator("malloc_trim", 0)


def start() -> None:
    """Once per process, however many sessions open it at once. What is large gets pages of its own, which go back when it is freed: a heap in pieces keeps them."""
    if not _first.acquire(blocking=False):
        return
    mend_streamlit()
    logging.getLogger(starlette_websocket.__name__).addFilter(lambda record: CLOSED not in str(record.exc_info))
    ask_allocator("mallopt", -3, 4 * 2**20)  # M_MMAP_THRESHOLD, in bytes
    threading.Thread(target=keep, name="memory", daemon=True).start()
