"""The link: a link is an experiment.

The address carries the part and every control of it that is not at its default, by the control's
key. It is read when a visitor arrives, or goes back in the browser, and written after the controls
are drawn. Between the two the session holds the values: also those of controls that are not shown.

Streamlit's own `bind="query-params"` carries labels instead of keys, and loses the values that a
preset sets for controls which are drawn for the first time afterwards.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.shared.control import Control, Values

SHOWN = 60  # characters of a link that a page repeats
AGAIN = object()  # in place of what a control was before: the browser was told again where it had moved it


def plain_text(text: str, most: int = SHOWN) -> str:
    """Text from outside, to be put between Markdown: no link, no picture, no formula, and not long."""
    text = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]()<>#!|~$:&@.])", r"\\\1", text if len(text) <= most else text[: most - 1] + "…")


def _kept() -> dict[str, Any]:
    return st.session_state.setdefault("_kept", {})


def value(control: Control) -> Any:
    """What a control is set to, shown or not."""
    return state_of((control,))[control.key]


def state_of(controls: Iterable[Control]) -> dict[str, Any]:
    """What controls are set to, by key. A browser that sends nothing for one has not moved it."""
    kept = _kept()
    return {c.key: kept.get(c.key, c.default) if (now := st.session_state.get(c.key)) is None else now for c in controls}


def values(controls: Iterable[Control]) -> Values:
    found = state_of(controls)
    return Values(**{control.name: found[control.key] for control in controls})


def put(settings: Mapping[str, Any]) -> None:
    """Set controls by their keys. For callbacks, and before the controls are drawn."""
    state = st.session_state
    state.setdefault("_unseen", {}).update({key: state[key] for key, new in settings.items() if state.get(key, new) != new})
    state["_written"] = None
    _kept().update(settings)
    state.update(settings)


def _has_seen(unseen: Mapping[str, Any]) -> bool:
    """Whether the browser shows what `put` set: its address is the latest, and its controls, which may be later, have one of those values; of what was told again, each."""
    state, kept, written = st.session_state, _kept(), st.session_state.get("_written")
    as_told = {key for key in unseen if state[key] == kept[key]}
    latest = written is not None and all(st.query_params.get_all(key) == texts for key, texts in written.items())
    return latest and (len(unseen) < 2 or bool(as_told)) and {key for key in unseen if unseen[key] is AGAIN} <= as_told


def _catch_up() -> None:
    """Tell what a visitor has moved from what a browser only has not yet heard of. Before controls are drawn, and in callbacks."""
    state, kept, unseen = st.session_state, _kept(), st.session_state.get("_unseen", {})
    here = {key: before for key, before in unseen.items() if key in state}
    as_before = [key for key in here if state[key] == here[key]]
    if _has_seen(here):
        unseen.clear()
        again = {key: state[key] for key in as_before}  # moved back
    else:
        again = {key: state[key] for key in here} | {key: kept[key] for key in as_before}  # not moved
    state.update(again)  # so that the browser is told what holds
    unseen.update({key: AGAIN for key, holds in again.items() if holds != kept[key]})


def moved(key: str) -> bool:
    """Whether a visitor has moved a control: for its callback, which is also called when a browser that is behind sends what stood before."""
    _catch_up()
    return st.session_state.get(key) != _kept().get(key)


def focus(controls: Iterable[Control]) -> None:
    """Only these are shown now. Call before drawing them: Streamlit would find an older value of the others when they come back."""
    shown = {control.key for control in controls}
    for key in {key for key in _kept() if key[0] != "_"} - shown:
        st.session_state.pop(key, None)


def draw(control: Control, why_not: str = "") -> Any:
    """Show a control, or show it disabled with the reason; its value comes from the session, and stays there."""
    if st.session_state.get(control.key) is None:
        st.session_state[control.key] = value(control)
    called = {"on_change": lambda: moved(control.key) and control.chosen()} if control.chosen else {}
    # a browser that loads this kind of control late shows, and then sends, what it was told last: so each drawing tells it what stands
    chosen = control.widget(_kept().get(control.key, control.default), label=control.label, key=control.key, help=why_not or control.help, disabled=bool(why_not), **called)
    _kept()[control.key] = chosen = value(control) if chosen is None else chosen
    if control.note and (said := control.note(chosen)):
        st.caption(said)
    return chosen


def site() -> str:
    """The address of the app, to which a page's name is added."""
    return (st.context.url or "").partition("?")[0].rpartition("/")[0]


def came_back() -> bool:
    """The visitor went back or forward in the browser: what the address says counts, not what the session holds."""
    return getattr(get_script_run_ctx(), "is_history_navigation", False)


def read(page: str, controls: Sequence[Control]) -> bool:
    """Take the settings of a page from its link, when the visitor has just come to it. What is not named takes its default.

    What is asked for and cannot be had is noted, see `refused`. Gives whether the visitor has just come, or gone back in the browser.
    """
    state = st.session_state
    _catch_up()
    asked = {control.key: texts for control in controls if (texts := st.query_params.get_all(control.key))}
    arrived = state.get("_page") != page
    state["_page"] = page
    state["_told"] = None if came_back() or arrived else state.get("_told")
    if not (came_back() or (arrived and asked)):
        return arrived
    noted = state["_refused"] = {}
    for control in controls:
        found = control.read(asked[control.key]) if control.key in asked else control.default
        put({control.key: control.default if found is None else found})
        if found is None:
            noted[control.key] = asked[control.key][-1], control.default
    return True


def write(controls: Sequence[Control], page_controls: Sequence[Control]) -> None:
    """Put the settings of the controls that are shown into the address; what is not a control's stays in it."""
    ours = {control.key for control in page_controls}
    others = {key: st.query_params.get_all(key) for key in st.query_params if key not in ours}
    wanted = {key: [text] for key, text in query(controls, state_of(controls)).items()}
    written, told = {key: wanted.get(key, []) for key in ours}, st.session_state.get("_told")
    if {key: st.query_params.get_all(key) for key in st.query_params} != others | wanted or told not in (None, written):  # one that is behind goes on to what it was told
        st.query_params.from_dict(others | wanted)
    st.session_state["_told"] = st.session_state["_written"] = written


def query(controls: Iterable[Control], settings: Mapping[str, Any]) -> dict[str, str]:
    """The part of a link that sets these controls, by their keys, where they are not at their defaults."""
    return {c.key: c.write(settings[c.key]) for c in controls if c.key in settings and settings[c.key] != c.default}


def refused(controls: Iterable[Control]) -> list[str]:
    """One sentence for each wish of the link that could not be met, until the visitor moves that control."""
    noted = st.session_state.get("_refused", {})
    return [
        f"The link asks for {control.label} = “{plain_text(noted[control.key][0])}”, which is not possible here "
        f"({control.possible}); {control.show(value(control))} is used."
        for control in controls
        if control.key in noted and noted[control.key][1] == value(control)
    ]
