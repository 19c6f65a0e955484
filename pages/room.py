"""A class: who has the code of a room answers here, on a screen of their own."""

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (fills PAGES)
from pages.shared import classroom, layout, link
from pages.shared.control import Text
from pages.shared.router import ensure_routed

CODE = Text("room", "Code of the room", "", "Five letters and digits.", placeholder="K7QX2")

ensure_routed()
link.read("room", (CODE,))
st.html(layout.STYLE)
layout.question("What does your class think?")
code = link.draw(CODE)
link.write((CODE,), (CODE,))
classroom.answering(code)
