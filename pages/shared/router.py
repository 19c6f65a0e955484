"""The pages, and what lets a link to any of them open on a cold server, also to many at once.

Every script imports `engine` before anything of it. Sessions import in threads: one that held a module
of the engine and waited for the package, which waits for that module, would end in a traceback.
"""

import gc
from functools import cache

import streamlit as st
from threadpoolctl import threadpool_limits

from pages.shared import theme

# file stem = path in the URL: (title, what its card on the home page says). A page that is not built is not listed.
PAGES = {
    "home": ("Home", ""),
    "initialization": (
        "Initialization",
        "A signal sent through a hundred random layers: which first weights keep it alive, and what does theory say?",
    ),
    "activations": (
        "Activations",
        "Curves, slopes, and what their product does: why a sigmoid dies with depth, what each cure does, and the textbooks' ranking measured.",
    ),
    "batch_norm": (
        "Batch Norm",
        "Inside the layer: four equations and their gradient, running statistics, sixteen weight scales, and where it loses.",
    ),
    "gradient_checking": (
        "Gradient checking",
        "Is backpropagation right? Every weight of a network compared at once, and seventeen bugs to find by what they spoil.",
    ),
    "mnist_training": (
        "MNIST training",
        "Real handwriting, trained live. Which start, which optimizer and which regulariser gets there, and which never does?",
    ),
}


def build_pages() -> list:
    return [st.Page(f"pages/{stem}.py", title=title, url_path=stem, default=stem == "home") for stem, (title, _) in PAGES.items()]


def ensure_routed() -> None:
    """First line of every page: until some session has run `st.navigation`, Streamlit runs page files on their own."""
    if not st.session_state.get("_routed"):
        st.navigation(build_pages())
        st.session_state["_routed"] = True
        st.rerun()


@cache
def prepare_process() -> None:
    """Once per process, after the heavy imports.

    One BLAS thread per visitor's computation: more of them only wait for each other. Freezing what is
    loaded keeps the garbage collector from walking through pandas and Altair after every script run.
    """
    theme.enable()
    threadpool_limits(limits=1)
    gc.collect()
    gc.freeze()
