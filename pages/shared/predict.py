"""Predict, then reveal: the question of a part, answered by its visitor before the result is seen, and by the numbers after.

Who goes on from part to part sees the next result blurred, until they answer or ask to be shown. A page never opens so,
and neither does a link, an experiment or a step of a lesson: there the question stands folded above the picture.
With predict=on in the link it waits everywhere, with predict=off nothing is asked.
"""

import math
from bisect import bisect_right
from typing import Any

import numpy as np
import streamlit as st

from engine.studies.guesses import compared
from engine.verdict import number
from pages.shared import classroom, link
from pages.shared.control import Values
from pages.shared.part import Page, Part, Question, Shown, Sketch
from pages.shared.sketch import LEVELS, canvas, taken


def state() -> dict[str, Any]:
    """Of this visit: what was guessed and sketched, by part, and which results have been seen."""
    return st.session_state.setdefault("_predict", {"off": False, "guessed": {}, "drawing": set(), "sketched": {}, "seen": set()})


def right(question: Question, v: Values, shown: Shown) -> tuple[int, str] | None:
    """The place of the right choice and what was measured; None while nothing has been."""
    try:
        with np.errstate(all="ignore"):  # 0 / 0 is NaN, and NaN is no answer
            found = question.measured(v, shown)
    except (KeyError, IndexError):  # a run that has not started has no rows
        return None
    if found is None or math.isnan(found):
        return None
    return bisect_right(question.bounds, found), question.said.format(number(found))


def hidden(page: Page, part: Part, led: bool) -> bool:
    """Whether the result waits for an answer. Whoever was `led` here, or has moved a control, has asked for it."""
    room = classroom.mine()
    if room and part.predict and room.asked == (page.stem, part.key):
        return part.predict.hides and not room.revealed
    mine, name, wanted = state(), f"{page.prefix}_{part.key}", st.query_params.get("predict")
    if wanted in ("on", "off"):
        mine["off"] = wanted == "off"
    now = link.state_of(part.all_controls)
    moved = any(now[control.key] != control.default for control in part.all_controls)
    if ((led or moved) and wanted != "on") or name in mine["guessed"] or name in mine["sketched"] or not (part.predict and part.predict.hides):
        mine["seen"].add(name)
    return not mine["off"] and name not in mine["seen"]


def asks(page: Page, part: Part, v: Values, waits: bool) -> Any:
    """Draw the question; gives the place of the answer, or None where nothing is asked."""
    mine, name, room = state(), f"{page.prefix}_{part.key}", classroom.mine()
    if not part.predict or (mine["off"] and not room):
        return None
    chosen = mine["guessed"].get(name)
    with st.expander(f"**Guess first.** {part.predict.ask}", expanded=waits or chosen is not None or name in mine["drawing"] or room is not None, key=f"_{name}_ask"):
        def guess() -> None:
            if st.session_state.get(f"_{name}_guess") is not None:
                mine["guessed"][name] = st.session_state[f"_{name}_guess"]

        st.pills(
            part.predict.ask, range(len(part.predict.choices)), default=chosen, format_func=lambda i: part.predict.choices[i],
            key=f"_{name}_guess", on_change=guess, label_visibility="collapsed")
        with st.container(horizontal=True):
            if waits and not room:
                st.button("Show me", on_click=mine["seen"].add, args=(name,), key=f"_{name}_show")
            if part.predict.sketch and v.depth > 2 and not room and name not in mine["drawing"]:
                st.button("Draw it instead", on_click=mine["drawing"].add, args=(name,), key=f"_{name}_draw", help=f"A curve over the layers: {part.predict.sketch.ask}")
            if not room:
                st.button("Ask no more", on_click=mine.update, kwargs={"off": True}, type="tertiary", key="_predict_off", help="For this visit. A link with predict=off does the same.")
        return st.container()


def sketches(name: str, asked: Sketch, v: Values, shown: Shown) -> str:
    """The canvas of a part with three layers or more, and how far its sketch is off. A sketch belongs to the axes on which it was drawn."""
    mine, reach, key = state()["sketched"], asked.reach(v), f"_{name}_sketch_{v.depth}"

    def keep(sent: Any) -> None:
        if heights := taken(sent, v.depth):
            mine[name] = (v.depth, reach, heights)
        else:
            mine.pop(name, None)

    *axes, heights = mine.get(name, (None,))
    curve, heights = asked.measured(v, shown), heights if axes == [v.depth, reach] else None
    canvas(key, asked, reach, v.depth, heights, curve, keep)
    return f"{compared(np.interp(heights, (0, LEVELS), reach), curve, reach)} " if heights else ""


def reveals(place: Any, page: Page, part: Part, v: Values, shown: Shown) -> None:
    """The answer by these numbers, where one was given."""
    if place is None:
        return
    name, answer = f"{page.prefix}_{part.key}", right(part.predict, v, shown)
    chosen = state()["guessed"].get(name)
    with place:
        sketched = sketches(name, part.predict.sketch, v, shown) if name in state()["drawing"] and v.depth > 2 and not classroom.mine() else ""
        if chosen is not None and answer:
            st.markdown(f"**{'Right' if answer[0] == chosen else 'No'}: {part.predict.choices[answer[0]]}.** {sketched}{answer[1]} {part.predict.why}")
        elif chosen is not None:
            st.markdown(f"You said: {part.predict.choices[chosen]}. Nothing has been measured yet.")
        elif sketched and answer:
            st.markdown(f"{sketched}{answer[1]} {part.predict.why}")
        classroom.teach(page.stem, part, v, answer)
