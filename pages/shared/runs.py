"""Runs on a page: the one of this visit, its buttons, its clock, and what is said of it."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from engine.verdict import Verdict
from pages.shared import capacity, layout, link, workers
from pages.shared.control import Typed
from pages.shared.run import Run

LOST = "A training with these settings had been started and is gone: the page was loaded anew or elsewhere, the server was started again, or it needed the memory. **Start** repeats it from its first step."


def pause_unless_on(page: str) -> None:
    """Pause this session's runs of every other page."""
    for run in st.session_state.values():
        if isinstance(run, Run) and run.page != page:
            run.pause()


def current(key: str, settings: Any, make: Callable[[], Run], size: float = 0, keep: bool = False) -> Run:
    """This visit's run under a key, made where there is none and so many bytes are free.

    A run that is ready or finished gives way to new settings; one that is under way keeps its own until Reset, and so does one
    that is finished if it shall be kept: see `buttons`.
    """
    state = st.session_state
    run = state.get(key)
    lost = run.status == "closed" if run is not None else key in st.query_params and f"{key}_known" not in state
    if run is not None and (run.status == "closed" or run.settings != settings):
        if run.status in ("running", "paused"):
            st.info("The settings have changed. This run keeps its own; **Reset** starts with the new ones.")
        elif run.status != "finished" or not keep:
            forget(key)
    if key not in state:
        if not capacity.make_room(size):
            st.warning(capacity.FULL)
            st.stop()
        run = state[key] = make()
        run.key, run.settings, run.session = key, settings, workers.visitor()
        run.lost, state[f"{key}_known"] = lost, True
        if state.pop(f"{key}_go", False):
            run.press(pause=False)
    if run.status == "ready" and run.lost:
        st.warning(LOST)
    mark(key, run.status != "ready" or run.lost)
    return run


def mark(key: str, started: bool) -> None:
    """Note in the address that a run had been started: the browser keeps it when the server is killed. Not at each tick: each note is a step back."""
    if started != (key in st.query_params) and not link.came_back():
        if started:
            st.query_params[key] = "started"
        else:
            del st.query_params[key]


def forget(key: str) -> None:
    """Start over with the settings of the sidebar; what the old run reached stays in the list of earlier ones."""
    run = st.session_state.pop(key, None)
    if run is not None:
        run.close()
        if row := run.summary():
            st.session_state[f"{key}_earlier"] = [*earlier(key), row][-run.remembered:]


def earlier(key: str) -> list:
    return st.session_state.get(f"{key}_earlier", [])


def buttons(
    key: str, run: Run, about: str = "", *, step: bool = False, seed: Typed | None = None, other: bool = False, more: Callable[[], None] | None = None,
) -> None:
    """Start or pause, one step, start over, and start over with another seed; what `more` draws stands beside them.

    `other`: the run is finished, and was made from other settings than those of the sidebar, which Start trains.
    """

    def reseed() -> None:
        forget(key)
        link.put({seed.key: (link.value(seed) + 1) % (seed.limits[1] + 1)})

    def anew() -> None:
        forget(key)
        st.session_state[f"{key}_go"] = True

    going, done = run.status == "running", run.status in ("finished", "closed")
    with st.container(horizontal=True, vertical_alignment="center", key=f"{key}_buttons"):
        # two buttons, not one that changes: a second press, before the first is seen, would be taken for its opposite
        press = {"on_click": anew} if other else {"on_click": run.press, "args": (going,)}
        st.button("Pause" if going else "Start", type="primary", disabled=done and not other, shortcut="S", key=f"{key}_{'pause' if going else 'start'}", **press)
        if step:
            st.button("Step", on_click=run.step, disabled=done, help="Train on one batch.", key=f"{key}_step")
        st.button("Reset", on_click=forget, args=(key,), help="The same first weights again, with the settings of the sidebar.", key=f"{key}_reset")
        if seed:
            st.button("New seed", on_click=reseed, help="Other first weights and another order of images.", key=f"{key}_reseed")
        if more:
            more()
        if about:
            st.caption(about)
    if run.refused:
        st.warning(capacity.FULL)


def live(run: Run, draw: Callable[[Any], Verdict], below: Callable[[Any], None] | None = None, key: str = "verdict") -> Verdict:
    """Draw a run and its verdict, while it runs again at every slice of work, with what is `below` (otherwise the page draws that, after a cure)."""
    every = capacity.pace(run)[0] if run.status == "running" else None
    said: list[Verdict] = []

    @st.fragment(run_every=every)
    def tick() -> None:
        if run.status == "running":
            run.advance()
            if run.status == "finished" or (said and not (now := capacity.pace()[0]) <= every <= 2 * now):
                st.rerun()  # stops the clock and frees the buttons, or sets another pace: not before the page has been drawn once, or it might never be
        said[:] = [draw(run)]
        if said[0].text:
            layout.verdict(said[0].text, key)
        if below and run.status == "running":
            below(run)

    tick()
    return said[0]


def progress_line(run: Run, done: int, steps: int, text: str) -> None:
    """How far a run is, and what it waits for."""
    st.progress(min(1.0, done / max(steps, 1)), text + "  Waiting for a free core: others train on this machine too." * run.waiting)
