"""What a run gives to take away: the same training as a script of plain NumPy."""

import streamlit as st

from engine.studies.plain import plain_script
from pages.parts.mnist_training.run import TrainingRun
from pages.shared.titles import title


def plain_of(run: TrainingRun) -> str:
    """The script of a run, changes of its learning rate included. Raises ValueError where there is none."""
    s = run.settings
    for name, chosen in (("batch norm on the input", s.input_norm), ("shifts", s.shift)):
        if chosen:
            raise ValueError(f"there is no plain script for {name}")
    return plain_script(
        data=run.data.name, images=len(run.data.y_train), hidden=s.hidden, activation=s.activation, initializer=s.initializer, gain=s.gain,
        batch_norm=s.placement, dropout=s.dropout, optimizer=s.optimizer, rates=run.rates, l1=s.l1, l2=s.l2, schedule=s.schedule,
        decay=s.decay, normalize=s.normalize, batch_size=run.batch_size, epochs=s.epochs, seed=s.seed)


def offer(run: TrainingRun) -> None:
    """The script, to be read and to be downloaded."""
    with st.expander("Take it away: this training in plain NumPy"):
        try:
            script = plain_of(run)
        except ValueError as error:
            name = str(error).rpartition(" for ")[2]
            st.caption(f"With {title(name)} the script would be too long to be read. Another choice there brings it back.")
            return
        needs = "digits.npz of the folder engine/data" if run.data.name == "Digits" else "the four files of MNIST"
        st.caption(f"It needs NumPy and {needs}, and nothing of this project. After each epoch it prints its last batch's loss and the share of test images read correctly.")
        st.download_button("Download the script", script, "training.py", "text/x-python", on_click="ignore")
        st.code(script, language="python")
