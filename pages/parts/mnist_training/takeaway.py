"""What a run gives to take away: the same training as a script of plain NumPy."""

import streamlit as st

from engine.studies.plain import plain_script
from pages.parts.mnist_training.run import TrainingRun


def plain_of(run: TrainingRun) -> str:
    """The script of a run, changes of its learning rate included."""
    s = run.settings
    return plain_script(
        data=run.data.name, images=len(run.data.y_train), hidden=s.hidden, activation=s.activation, initializer=s.initializer, gain=s.gain,
        batch_norm=s.placement, input_batch_norm=s.input_norm, dropout=s.dropout, optimizer=s.optimizer, rates=run.rates, l1=s.l1, l2=s.l2,
        schedule=s.schedule, decay=s.decay, normalize=s.normalize, shift=s.shift, batch_size=run.batch_size, epochs=s.epochs, seed=s.seed)


def offer(run: TrainingRun) -> None:
    """The script, to be downloaded, and to be read where somebody opens it; it is written then."""
    with st.expander("Take it away: this training in plain NumPy", key="_plain", on_change="rerun") as box:
        if not box.open:
            return
        if run.settings.initializer == "constant" and run.settings.hidden:
            st.caption("Constant first weights have no such script. Their hidden layers begin with a gradient of rounding errors alone, and two programs round differently.")
            return
        needs = "digits.npz of the folder engine/data" if run.data.name == "Digits" else "the four files of MNIST"
        st.caption(f"It needs NumPy and {needs}, and nothing of this project. After each epoch it prints its last batch's loss and the share of test images read correctly.")
        script = plain_of(run)
        st.download_button("Download the script", lambda: script, "training.py", "text/x-python", on_click="ignore")
        st.code(script, language="python")
