"""The run of this visit, as every part shows it that watches a training: made where there is none, with its buttons."""

import streamlit as st

from pages.parts.mnist_training import kept
from pages.parts.mnist_training.common import SEED, describe, say_usual_rate
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings, sizes
from pages.shared import layout, runs
from pages.shared.control import Values

RUN = "mnist_run"


def here(v: Values) -> TrainingRun:
    """The run with these settings, the one that is under way, or a finished one until another starts; its buttons are drawn."""
    data = layout.dataset(v.data)
    settings = TrainingSettings.of(v, data)
    run = runs.current(RUN, settings, lambda: TrainingRun(settings, data, v.rate), sizes(settings, data)[0], keep=True)
    earlier = runs.earlier(RUN)
    run.number = earlier[-1].number + 1 if earlier else 1
    other = run.status == "finished" and (run.settings, run.learning_rate) != (settings, v.rate)
    if run.status != "finished" and run.settings.optimizer == v.optimizer:
        run.set_rate(v.rate)
    say_usual_rate()

    def more() -> None:
        kept.offer_further(run, settings)
        if run.status == "finished" and (mine := kept.kept(run)) and kept.settings_again(mine):
            kept.offer_again(mine, "mnist_again")

    runs.buttons(RUN, run, step=True, seed=SEED, other=other, more=more)
    if other:
        st.info(
            f"These charts are of the run with {describe(run.settings, run.learning_rate)}, on {run.data.name}. **Start** trains the new settings, "
            "and this run goes to the kept ones.")
    if run.batch_size < run.settings.batch:
        st.caption(f"Batch size {run.settings.batch:,} is more than the {run.batch_size:,} training images: every step uses all of them.")
    return run
