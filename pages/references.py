"""References and symbols: what the claims stand on, and what each word and letter means, here and in the lecture notes."""

import re

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (fills PAGES)
from pages.shared import layout, slips
from pages.shared.glossary import GLOSSARY
from pages.shared.part import PAGES
from pages.shared.references import REFERENCES
from pages.shared.router import ensure_routed

ensure_routed()
layout.question("What do the words and symbols mean, and who says so?")
st.header("Words and symbols", anchor=False)
rows = [  # two columns: a phone has room for no more
    (f"**{entry.word}**{f', {entry.here}' if entry.here else ''}{f' (in the notes: {entry.notes})' if entry.notes not in ('', entry.here) else ''}", entry.meaning)
    for entry in sorted(GLOSSARY, key=lambda entry: entry.word.lower())]
table = "\n".join(f"| {' | '.join(row)} |" for row in (("Word, and its symbol", "Meaning"), ("---",) * 2, *rows))
st.markdown(re.sub(r"(\w)_(\w+)", r"$\1_\\text{\2}$", table))
slips.overview()
st.header("References", anchor=False)
for key, (short, full) in REFERENCES.items():
    cited = [f"{page.title}: {part.title}" for page in PAGES.values() for part in page.parts if key in part.cites]
    st.markdown(f"**{short}.** {full}" + (f" *{'; '.join(cited)}.*" if cited else ""))
