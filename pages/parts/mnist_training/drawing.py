"""Where a visitor's own digit comes from: a canvas to draw on, or a picture to hand in. What arrives is not to be trusted."""

import base64
import binascii
import io
import warnings
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from engine.studies.own_digit import ink_of

SIDE = 84  # pixels of the canvas each way, as they travel
MOST_BYTES, MOST_PIXELS = 1_000_000, 4_000_000  # of a picture; the proxy lets no more than 1 MB pass
LARGEST = 400  # pixels on the longer side that are kept of one
HTML = """<canvas width="84" height="84" role="img" aria-label="Draw a digit here with the mouse or a finger"></canvas><br><button>Clear</button>"""
JS = Path(__file__).with_name("canvas.js").read_text(encoding="utf-8")
CANVAS = st.components.v2.component("digit_canvas", html=HTML, js=JS)
UNREADABLE = "This file is not a PNG or JPEG picture that can be read here."


def canvas(key: str) -> str:
    """Draw the canvas; gives what its browser last sent, which may be anything. It is kept while the visitor is elsewhere."""
    kept = f"{key}_kept"
    sent = getattr(CANVAS(key=key, data={"ink": st.session_state.get(kept, "")}, on_ink_change=lambda: None), "ink", None)
    if isinstance(sent, str) and len(sent) <= 2 * SIDE * SIDE:
        st.session_state[kept] = sent
    return st.session_state.get(kept, "")


def drawn_ink(sent: str) -> np.ndarray | None:
    """Ink (SIDE, SIDE), 0 to 1, of what a canvas sent; None where nothing is drawn, or it is no drawing."""
    try:
        ink = np.frombuffer(base64.b64decode(sent, validate=True), np.uint8)
    except (binascii.Error, ValueError):
        return None
    return ink.reshape(SIDE, SIDE) / 255 if ink.size == SIDE * SIDE and ink.any() else None


def picture_ink(file: bytes) -> np.ndarray:
    """Ink (rows, columns), 0 to 1, of a PNG or JPEG file; transparent is white.

    Raises ValueError with one plain sentence: too many bytes or pixels, no such picture, or no ink on it. The size is read before any pixel is.
    """
    if len(file) > MOST_BYTES:
        raise ValueError(f"This file has more than {MOST_BYTES // 1000:,} kB. A smaller picture will do.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(file), formats=("PNG", "JPEG"))
            large = image.width * image.height > MOST_PIXELS
            if not large:
                image.thumbnail((LARGEST, LARGEST), reducing_gap=2.0)
                image = image.convert("RGBA")
                grey = np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L"))
    except Exception as error:  # Pillow's decoders raise many kinds, OSError, SyntaxError and struct.error among them
        raise ValueError(UNREADABLE) from error
    if large:
        raise ValueError(f"This picture has more than {MOST_PIXELS:,} pixels. A smaller one will do.")
    try:
        return ink_of(grey)
    except ValueError:
        raise ValueError("Nothing on this picture stands out from its paper.") from None
