"""A guess over depth: a curve that a visitor draws, and over it the one that was measured. What a browser sends is not to be trusted.

Heights are whole numbers, from 0 at the lower end of the log axis to LEVELS at its upper one, for a few of the layers.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from engine.studies.guesses import exponents, places
from pages.shared.part import Sketch
from pages.shared.theme import MEANINGS

LEVELS = 1000
HTML = """<svg role="group" width="100%" height="240" style="display: block; touch-action: none; cursor: ns-resize; user-select: none"></svg>
<button style="font: inherit; padding: 0.3em 1em; cursor: pointer">Compare</button>
<button style="font: inherit; padding: 0.3em 1em; cursor: pointer" hidden>Draw again</button>"""
CANVAS = st.components.v2.component("depth_sketch", html=HTML, js=Path(__file__).with_name("sketch.js").read_text(encoding="utf-8"))


def taken(sent: Any, depth: int) -> list[int] | None:
    """The heights that a browser sent; None for what is no sketch of so many layers."""
    fits = isinstance(sent, list) and len(sent) == len(places(depth)) and all(type(height) is int and 0 <= height <= LEVELS for height in sent)
    return sent if fits else None


def canvas(key: str, asked: Sketch, reach: tuple[int, int], depth: int, heights: Sequence[int] | None, curve: Sequence[float], keep: Callable[[Any], None]) -> None:
    """Draw the sketch, and over it the measured curve, once there is one; what the browser sends goes to `keep`."""
    measured = [None if np.isnan(e) else round(float(np.clip(e, *reach)), 3) for e in exponents(curve)] if heights else None
    st.caption(f"**Draw it:** {asked.ask} Drag the points, or move one with the arrow keys.")
    CANVAS(
        key=key, on_heights_change=lambda: keep(getattr(st.session_state.get(key), "heights", None)),
        data={"at": places(depth).tolist(), "low": reach[0], "high": reach[1], "heights": heights or [], "curve": measured,
              "colour": MEANINGS.index(asked.meaning), "said": asked.ask})
    if heights:
        st.caption("Dashed: your sketch. Dots: measured; what lies beyond the picture stands at its edge.")
