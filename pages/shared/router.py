"""The pages, and what lets a link to any of them open on a cold server, also to many at once.

Every script imports `engine` before anything of it. Sessions import in threads: one that held a module
of the engine and waited for the package, which waits for that module, would end in a traceback.
"""

import gc
from functools import cache

import streamlit as st
from threadpoolctl import threadpool_limits

from pages.shared import memory, workers
from pages.shared.part import PAGES


def build_pages() -> list:
    """Home, then the pages in the order in which `pages/parts/__init__.py` lists them; a file's stem is its path in the address."""
    home = st.Page("pages/home.py", title="Home", url_path="home", default=True)
    pages = [st.Page(f"pages/{page.stem}.py", title=page.title, url_path=page.stem) for page in PAGES.values()]
    return [home, *pages, st.Page("pages/room.py", title="Class", url_path="room", visibility="hidden"), st.Page("pages/references.py", title="References", url_path="references")]


def ensure_routed() -> None:
    """First line of every page: until some session has run `st.navigation`, Streamlit runs page files on their own."""
    if not st.session_state.get("_routed"):
        st.navigation(build_pages())
        st.session_state["_routed"] = True
        st.rerun()


@cache
def prepare_process() -> None:
    """Once per process, after the heavy imports.

    One BLAS thread per visitor's computation: more of them only wait for each other. Freezing what is
    loaded keeps the garbage collector from walking through pandas and Altair after every script run.
    """
    workers.desk()
    threadpool_limits(limits=1)
    gc.collect()
    gc.freeze()
    memory.start()
