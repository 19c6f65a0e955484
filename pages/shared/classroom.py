"""Classroom: a teacher asks, everybody answers on a screen of their own, and all see what the class thinks.

A room is known by a short code. It holds one question of a part, and one answer a visitor: no names, nothing on a
disk, and no more than the bounds below. It is gone after a day, with a restart, and where a new one needs its place.
"""

import hashlib
import re
import secrets
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle

import streamlit as st

from pages.shared import link, workers
from pages.shared.control import Values, in_words
from pages.shared.part import PAGES, Part, Question

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that could be read as another
CODE, SECRET = 5, 16  # letters of a code, and of the word that tells the teacher's link from the others
ROOMS, VISITORS = 100, 400  # at once, and answers to one question
DAY, QUIET = 24 * 3600.0, 3600.0  # seconds: a room's life, and without a look its teacher may lose it to another
_one_at_a_time = threading.Lock()
_rooms: dict[str, "Room"] = {}


@dataclass
class Room:
    code: str
    host: str
    born: float
    looked: float = 0.0  # when its teacher last did
    asked: tuple[str, str] | None = None  # page and part
    at: str = ""  # its settings, in words
    answers: dict[str, int] = field(default_factory=dict)  # visitor -> choice
    revealed: tuple[int, str] | None = None  # the right choice, and what was measured

    def tally(self, choices: int) -> list[int]:
        count = Counter(self.answers.values())
        return [count[i] for i in range(choices)]


def open_room() -> Room | None:
    """A new room, or None where there is no place for it."""
    with _one_at_a_time:
        now = time.monotonic()
        for code in [code for code, room in _rooms.items() if now - room.born > DAY]:
            del _rooms[code]
        if len(_rooms) >= ROOMS:
            oldest = min(_rooms.values(), key=lambda room: room.looked)
            if now - oldest.looked < QUIET:
                return None
            del _rooms[oldest.code]
        code = next(code for code in iter(lambda: "".join(secrets.choice(LETTERS) for _ in range(CODE)), "") if code not in _rooms)
        _rooms[code] = Room(code, secrets.token_urlsafe(SECRET)[:SECRET], now, now)
        return _rooms[code]


def find(code: str) -> Room | None:
    """The room of a code, as people type it; None for a code of any other kind, and after a day."""
    code = code.strip().upper()
    room = _rooms.get(code) if re.fullmatch(f"[{LETTERS}]{{{CODE}}}", code) else None
    return room if room and time.monotonic() - room.born <= DAY else None


def hosted(code: str, host: str) -> Room | None:
    """The room, for its teacher."""
    room = find(code)
    if not room or not secrets.compare_digest(host.encode(errors="replace"), room.host.encode()):
        return None
    room.looked = time.monotonic()
    return room


def ask(room: Room, page: str, part: str, at: str = "") -> None:
    """Ask the question of a part, anew."""
    with _one_at_a_time:
        room.asked, room.at, room.answers, room.revealed = (page, part), at[:300], {}, None


def answer(room: Room, question: tuple[str, str], visitor: str, choice: int, choices: int) -> bool:
    """Whether it counts: the first answer of a visitor to the question that is being asked, while it is not revealed, and a choice that there is."""
    with _one_at_a_time:
        fits = type(choice) is int and 0 <= choice < choices and room.asked == question and room.revealed is None
        if not fits or visitor in room.answers or len(room.answers) >= VISITORS:
            return False
        room.answers[visitor] = choice
        return True


def visitor(room: Room) -> str:
    """Who answers: a browser by its cookie, mixed with the room's own secret, so that nobody is known by it elsewhere; a session where there is none."""
    cookie = st.context.cookies.get("_streamlit_xsrf", "").strip('"')
    known = unmasked(cookie) if cookie else workers.visitor().encode()
    return hashlib.blake2b(known, key=room.host.encode(), digest_size=12).hexdigest()


def unmasked(cookie: str) -> bytes:
    """Streamlit writes one token under another mask with every answer: 2|mask|token|time."""
    try:
        _, mask, token, _ = cookie.split("|")
        return bytes(a ^ b for a, b in zip(bytes.fromhex(token), cycle(bytes.fromhex(mask)), strict=False))
    except ValueError:
        return cookie.encode(errors="replace")


def mine() -> Room | None:
    """The room whose teacher this visitor is: the link says so, and the visit remembers it."""
    query = st.query_params
    for code, host in ((query.get("room", ""), query.get("host", "")), st.session_state.get("_room", ("", ""))):
        if room := hosted(code, host):
            st.session_state["_room"] = room.code, room.host
            if query.get("host") != room.host:
                query.update(room=room.code, host=room.host)
            return room
    return None


def start() -> None:
    if room := open_room():
        st.session_state["_room"] = room.code, room.host
    else:
        st.session_state["_no_room"] = True


def leave() -> None:
    st.session_state.pop("_room", None)
    for name in ("room", "host"):
        st.query_params.pop(name, None)


def bars(room: Room, question: Question) -> None:
    """How many chose what; the right one is marked once it is revealed."""
    count, best = room.tally(len(question.choices)), room.revealed[0] if room.revealed else None
    for i, choice in enumerate(question.choices):
        st.progress(count[i] / max(1, sum(count)), f"{'**' if i == best else ''}{choice}{': right**' if i == best else ''} ({count[i]})")


@st.fragment(run_every=1.0)
def counted(code: str, host: str, stem: str, key: str) -> None:
    """The teacher's screen: the tally as it grows."""
    room, part = hosted(code, host), PAGES[stem].part(key)
    if room and room.asked == (stem, key):
        st.markdown(f"**{len(room.answers)}** answer{'s' * (len(room.answers) != 1)}.")
        bars(room, part.predict)


def teach(stem: str, part: Part, v: Values, found: tuple[int, str] | None) -> None:
    """What a teacher has below the question: a room, the class's answers, and the right one when it is time."""
    room = mine()
    if not room:
        st.button("Ask a class", on_click=start, type="tertiary", key="_class_start", help="Opens a room: the class answers on phones, and you see the tally.")
        if st.session_state.pop("_no_room", False):
            st.warning("All rooms of this server are in use. Try again in an hour.")
        return
    st.markdown(f"## Room {room.code}\nYour class opens this link, or types the code there:")
    st.code(f"{link.site()}/room?room={room.code}", language=None, wrap_lines=True)
    here = room.asked == (stem, part.key)
    if here and room.revealed:
        room.revealed = found or room.revealed  # the teacher may have moved a control
    if here:
        counted(room.code, room.host, stem, part.key)
    with st.container(horizontal=True):
        st.button("Ask again" if here else "Ask this question", on_click=ask, args=(room, stem, part.key, in_words(part.controls, v)), key="_class_ask")
        if here and not room.revealed:
            st.button("Reveal", on_click=setattr, args=(room, "revealed", found), disabled=not found, type="primary", key="_class_reveal")
        st.button("Leave the room", on_click=leave, type="tertiary", key="_class_leave")


@st.fragment(run_every=2.0)
def answering(code: str) -> None:
    """A student's screen."""
    if not (room := find(code)):
        st.markdown("There is no room with this code. A room is gone after a day." if code.strip() else "Type the code that your teacher shows.")
        return
    if not room.asked:
        st.markdown("Wait for the first question.")
        return
    stem, key = question = room.asked
    page, part, me = PAGES[stem], PAGES[stem].part(key), visitor(room)
    asked, said = part.predict, room.answers.get(me)
    st.subheader(asked.ask, anchor=False)
    st.text(room.at)
    if said is None and not room.revealed:
        for i, choice in enumerate(asked.choices):
            st.button(choice, on_click=answer, args=(room, question, me, i, len(asked.choices)), width="stretch", key=f"_answer_{stem}_{key}_{i}")
        return
    st.markdown(f"You said: {asked.choices[said]}." if said is not None else "You gave no answer.")
    if room.revealed:
        st.markdown(f"{room.revealed[1]} {asked.why}")
        bars(room, asked)
        st.page_link(f"pages/{stem}.py", label="Look at it yourself", query_params={page.part_control.key: key})
    else:
        st.markdown("Wait until your teacher reveals what was measured.")
