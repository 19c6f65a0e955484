"""What runs in a worker process: the engine, and no Streamlit."""

import os
import pickle
import threading
import time
from functools import partial

import numpy as np

import engine.diagnosis
import engine.gradient_check
import engine.studies  # noqa: F401  (what is asked for is here before it is asked)

PROTOCOL = pickle.HIGHEST_PROTOCOL


def prepare(parent: int) -> None:
    """Once per worker. Drawing pages comes first, so workers are nice; and they end with their server, however that ends."""
    os.nice(5)
    np.empty(1 << 21)  # once glibc has freed 16 MB, it keeps freed memory at hand: batch norm through depth takes 75 ms instead of 86

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    threading.Thread(target=end_with_parent, daemon=True).start()


def answer(question: partial) -> bytes:
    """What it returns, or the error that it raises, pickled: (answer, None) or (None, error). What fails otherwise is the worker's fault."""
    try:
        return pickle.dumps((question(), None), PROTOCOL)
    except Exception as error:
        return pickle.dumps((None, error), PROTOCOL)


def ready() -> int:
    return os.getpid()
