"""Why are deep networks hard to train, and what fixes it?  `streamlit run streamlit_app.py`"""

import streamlit as st

import engine  # noqa: F401  (first: see pages/shared/router.py)
import pages.parts  # noqa: F401  (every experiment, before the freeze)
from pages.shared import lecture, memory, router, runs, workers

sidebar = "collapsed" if lecture.asked() else "auto"
st.set_page_config(page_title="Why deep networks are hard to train", page_icon="📉", layout="wide", initial_sidebar_state=sidebar)
router.prepare_process()
memory.drawn()

page = st.navigation(router.build_pages(), position="top")
st.session_state["_routed"] = True
runs.pause_unless_on(page.url_path)
workers.begin()
page.run()
