"""The question, a network that lives in the browser, the way to every page, and every experiment to be found by its words."""

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (fills PAGES)
from engine.verdict import number
from pages.parts import home
from pages.shared import layout, lessons, link
from pages.shared.control import Text
from pages.shared.part import PAGES
from pages.shared.router import ensure_routed

FIND = Text(
    "home_find", "Words of its title, its outcome, its page or its source", "", "All of the words must stand there.", placeholder="ReLU, dying, Ioffe …")
CONTROLS = (home.live.SCALE, FIND)

ensure_routed()
link.read("home", CONTROLS)
st.html(layout.STYLE)
layout.question("Why are deep neural networks hard to train, and what fixes it?")
for sentence in link.refused(CONTROLS):
    st.warning(sentence)
layout.verdict(
    "Every layer multiplies: the signal on its way forward, and the gradient on its way back. "
    f"Thirty factors of 0.8 leave {number(0.8**30)}, and thirty of 1.25 make {number(1.25**30)}. "
    "**Drag the slider**, and see which layers fade or glow. Then choose other layers.")
with st.container(key="live"):
    layout.show(st, home.live.network(home.live.passed(), link.value(home.live.SCALE)), "What gets through a network of thirty layers, forward and back, for the scale of its first weights on the slider")
link.write(CONTROLS, CONTROLS)

for column, page in zip(st.columns(len(PAGES)), PAGES.values(), strict=True):
    with column:
        st.html(home.cards.picture(page.stem))
        st.page_link(f"pages/{page.stem}.py", label=f"**{page.title}**")
        st.caption(page.card)

st.header("Lessons", anchor=False)
with st.container(horizontal=True):
    for key, lesson in lessons.lessons().items():
        first = lesson.steps[0]
        st.page_link(f"pages/{first.page.stem}.py", label=lesson.title, query_params=first.query(key, 1))
    st.page_link("pages/room.py", label="Join a class")

with st.expander("A lesson of your own"):
    lessons.workshop()

st.header("Find an experiment", anchor=False)
found = home.catalogue.find(text := link.draw(FIND))
if text.strip():
    st.markdown(f"**{len(found)}** of {len(home.catalogue.find())} experiments say{'s' * (len(found) == 1)} that.")
    home.catalogue.show(found)
else:
    for page in PAGES.values():
        with st.expander(f"{page.title}: {page.question}"):
            home.catalogue.show([one for one in found if one.page is page])
