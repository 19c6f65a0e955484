"""What is taken away from a page: its numbers with their units, and each chart as SVG or PNG, which the visitor's browser makes."""

from pathlib import Path

import pandas as pd
import streamlit as st

HTML = "<button>Pictures as SVG</button><button>Pictures as PNG</button>"
TAKE = st.components.v2.component("pictures", html=HTML, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))

UNITS = {  # of the columns that have one: other numbers are ratios, or have the unit of what was put in
    **dict.fromkeys(("accuracy", "saturated", "dead", "small", "train", "test", "probability"), "share"),
    **dict.fromkeys(("loss", "smoothed", "test_loss", "loss_low", "loss_high"), "nats"), "epoch": "passes", "points": "percentage points"}


def numbers(table: pd.DataFrame, name: str, title: str, settings: str) -> None:
    """The table in a window or as a file, and all charts of the page as files of this name, with title and settings in them."""
    if st.button("The numbers as a table", type="tertiary", shortcut="T", key="_numbers", help="What is behind these pictures, in a window of its own."):
        window(table)
    with st.expander("All numbers, and pictures to take away"):
        st.dataframe(table, hide_index=True, key="numbers")
        download(table, f"{name}.csv")
        if st.toggle("The pictures as files", key="_pictures_as_files"):
            TAKE(key="pictures", data={"name": name, "title": title, "said": settings})  # the browser adds the link


@st.dialog("All numbers", width="large")
def window(table: pd.DataFrame) -> None:
    st.dataframe(table, hide_index=True)


def download(table: pd.DataFrame, file: str) -> None:
    """The numbers as CSV, written when they are asked for: what a rerun replaces cannot be missed by the browser. Units stand in the header."""
    st.download_button("Download as CSV", lambda: with_units(table).to_csv(index=False), file, "text/csv", on_click="ignore")


def with_units(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename(columns={column: f"{column} ({UNITS[column]})" for column in table.columns if column in UNITS})
