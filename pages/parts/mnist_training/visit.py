"""The run of this visit, as every part shows it that watches a training: made where there is none, with its buttons."""

import streamlit as st

from pages.parts.mnist_training.common import SEED
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings, sizes
from pages.shared import layout, runs
from pages.shared.control import Values

RUN = "mnist_run"


def here(v: Values) -> TrainingRun:
    """The run with these settings, or the one that is under way; its buttons are drawn."""
    data = layout.dataset(v.data)
    settings = TrainingSettings.of(v, data)
    last = st.session_state.get(RUN)
    if last and last.status == "finished" and last.learning_rate != v.rate:  # it cannot learn at another rate any more
        runs.forget(RUN)
    run = runs.current(RUN, settings, lambda: TrainingRun(settings, data, v.rate), sizes(settings, data)[0])
    run.set_rate(v.rate)
    runs.buttons(RUN, run, step=True, seed=SEED)
    if run.batch_size < run.settings.batch:
        st.caption(f"Batch size {run.settings.batch:,} is more than the {run.batch_size:,} training images: every step uses all of them.")
    return run
