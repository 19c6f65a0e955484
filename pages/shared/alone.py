"""A script with all that it uses of the engine, as one file that needs NumPy alone: made in a worker, when somebody asks for it."""

import streamlit as st

from engine.standalone import notebook, standalone
from pages.shared import workers


def offer(script: str, name: str) -> None:
    """As a file, as a notebook, and to copy. Nothing is made before a click."""
    st.caption("Without this project: one file that holds what the script uses of the engine. It runs with NumPy alone.")
    with st.container(horizontal=True):
        for label, make, ending, kind in (
            ("Download as one file", standalone, "py", "text/x-python"), ("Download as a notebook", notebook, "ipynb", "application/x-ipynb+json"),
        ):
            st.download_button(label, lambda make=make: workers.measure(make, script), f"{name}.{ending}", kind, on_click="ignore", key=f"_alone_{ending}")
    with st.expander("The whole file, to copy", key="_alone", on_change="rerun") as whole:
        if whole.open:
            st.code(workers.measure(standalone, script), language="python", height=500)
