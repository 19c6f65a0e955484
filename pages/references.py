"""References and symbols: what the claims stand on, and what each letter means, here and in the lecture notes."""

import pandas as pd
import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (fills PAGES)
from pages.shared import layout
from pages.shared.part import PAGES
from pages.shared.references import REFERENCES, SYMBOLS
from pages.shared.router import ensure_routed

ensure_routed()
layout.question("What do the symbols mean, and who says so?")
st.header("Symbols", anchor=False)
st.dataframe(pd.DataFrame(SYMBOLS, columns=["Here", "In the notes", "Meaning"]), hide_index=True, height="content")
st.header("References", anchor=False)
for key, (short, full) in REFERENCES.items():
    cited = [f"{page.title}: {part.title}" for page in PAGES.values() for part in page.parts if key in part.cites]
    st.markdown(f"**{short}.** {full}" + (f" *{'; '.join(cited)}.*" if cited else ""))
