"""Keep the network of a run as a file, and open one again. What arrives is not to be trusted: `engine.studies.kept` checks it."""

import base64
import binascii
from itertools import pairwise
from pathlib import Path

import streamlit as st

from engine.datasets import Dataset, load_digits, mnist_at_hand
from engine.mnist import DatasetError
from engine.network import Network
from engine.studies import kept
from engine.studies.kept import About
from pages.parts.mnist_training.run import TrainingRun
from pages.shared import layout

OPENED = "mnist_opened"  # in the session: the network and what the file says of it
KEY, REFUSED = "mnist_opener", "mnist_opener_refused"
HTML = '<label>Open a kept network: <input type="file" style="font-size: 0.875rem" accept=".npz"></label><p role="status"></p>'
OPENER = st.components.v2.component("network_opener", html=HTML, js=Path(__file__).with_name("keeping.js").read_text(encoding="utf-8"))


def opened() -> tuple[Network, About] | None:
    return st.session_state.get(OPENED)


def data_of(about: About) -> Dataset:
    data = load_digits() if about.data == "Digits" else layout.mnist()
    return data.first(min(about.images, len(data.y_train)))


def take(sent: object) -> str:
    """Open what a browser sent; gives the reason where it is refused, and keeps what was open."""
    try:
        if not isinstance(sent, str) or len(sent) > 2 * kept.MOST_BYTES:
            raise ValueError("the file has more than 4 MB")
        network, about = kept.unpack(base64.b64decode(sent.encode("ascii", "replace"), validate=True))
        if about.data == "MNIST" and not mnist_at_hand():
            raise DatasetError
        data_of(about)
    except binascii.Error:
        return "the file is damaged"
    except DatasetError:
        return "it was trained on MNIST, which is not on this server"
    except ValueError as error:
        return str(error)
    st.session_state[OPENED] = network, about
    return ""


def came() -> None:
    """A file has come: before the page is drawn again."""
    if sent := getattr(st.session_state[KEY], "file", None):
        st.session_state[REFUSED] = take(sent)


def opener() -> None:
    """The place to open a file, and to close what is open."""
    OPENER(key=KEY, on_file_change=came)
    if why := st.session_state.pop(REFUSED, ""):
        st.warning(f"This file was not opened: {why}.")
    if opened():
        st.button("Close the opened network", on_click=st.session_state.pop, args=(OPENED, None), key="mnist_close")


def about_of(run: TrainingRun) -> About:
    s = run.settings
    return About(run.data.name, len(run.data.y_train), s.normalize, tuple(s.hidden), s.activation, s.placement, s.input_norm, s.dropout)


def offer(run: TrainingRun) -> None:
    """The network of a run as a file, if it is not too large to be opened again."""
    weights = sum(a * b for a, b in pairwise((run.data.x_train.shape[1], *run.settings.hidden, run.data.classes)))
    if 4 * weights > 0.9 * kept.MOST_BYTES:
        st.caption("Networks of more than 900,000 weights are not kept as files.")
    elif run.network is not None:
        st.download_button("Keep this network as a file", lambda: kept.pack(run.network, about_of(run)), "network.npz", "application/octet-stream", on_click="ignore")
