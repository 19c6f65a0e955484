"""Where a visitor's own digit comes from: a canvas, to draw on or to open a picture with. What arrives is not to be trusted.

A picture is read by the visitor's own browser, and only the canvas travels: the server takes no files.
"""

import base64
import binascii
from pathlib import Path

import numpy as np
import streamlit as st

from engine.studies.own_digit import ink_of

SIDE = 84  # pixels of the canvas each way, as they travel
HTML = """<div>Draw a digit here:</div><canvas width="84" height="84" role="img" aria-label="Draw a digit here with the mouse or a finger"></canvas>
<div><button>Clear</button> <label>Or open a picture: <input type="file" style="font-size: 0.875rem" accept="image/png,image/jpeg"></label></div><p role="status"></p>"""
CANVAS = st.components.v2.component("digit_canvas", html=HTML, js=Path(__file__).with_name("canvas.js").read_text(encoding="utf-8"))


def canvas(key: str) -> str:
    """Draw the canvas; gives what its browser last sent, which may be any text that is not too long. It is kept while the visitor is elsewhere."""
    kept = f"{key}_kept"
    sent = getattr(CANVAS(key=key, data={"ink": st.session_state.get(kept, "")}, on_ink_change=lambda: None), "ink", None)
    if isinstance(sent, str) and len(sent) <= 2 * SIDE * SIDE:
        st.session_state[kept] = sent
    return st.session_state.get(kept, "")


def drawn_ink(sent: str) -> np.ndarray | None:
    """Ink (SIDE, SIDE), 0 to 1, of what a canvas sent; None where nothing is drawn, or it is no drawing."""
    try:
        dark = np.frombuffer(base64.b64decode(sent, validate=True), np.uint8)
        return ink_of(255 - dark.reshape(SIDE, SIDE))
    except (binascii.Error, ValueError):
        return None
