"""Pictures to take away: each chart of a page as SVG or PNG, with its title, the settings and the link in it. The visitor's browser makes them."""

from pathlib import Path

import streamlit as st

HTML = "<button>Pictures as SVG</button><button>Pictures as PNG</button>"
TAKE = st.components.v2.component("pictures", html=HTML, js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"))


def take(name: str, title: str, said: str) -> None:
    """Buttons for all charts of the page; files are called by the name, and `said` are the settings."""
    TAKE(key="pictures", data={"name": name, "title": title, "said": said})
