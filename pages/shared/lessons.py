"""Lessons: a path over the real parts, one TOML file each; the link keeps lesson and step.

A teacher's own lesson travels in the link too, compressed: nothing is kept on the server.
"""

import base64
import binascii
import re
import tomllib
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from pages.shared import link
from pages.shared.part import PAGES, Page, find_preset

# The visitor's own browser reads the file: the server takes none.
OPENED = st.components.v2.component(
    "lesson_file", html='<label>Open a file: <input type="file" accept=".toml,text/plain"></label>',
    js="""export default function ({ parentElement, setStateValue }) {
  const input = parentElement.querySelector("input")
  input.onchange = async () => { const file = input.files[0]; if (file) setStateValue("text", await file.slice(0, 30000).text()) }
}""")
FOLDER = Path(__file__).parent.parent / "lessons"
LONGEST, PACKED = 6000, 3000  # characters of a teacher's own lesson, and of its link
TITLE, SAY, STEPS = 60, 300, 20  # characters of what it says, and how many steps it has at most
OWN = "own."  # begins the name of a lesson that is in the link itself
ORDER = ("vanishing", "weights", "activations", "batch_norm", "gradient", "digits")


@dataclass(frozen=True)
class Step:
    page: Page
    settings: dict[str, Any]  # by key, the part among them
    say: str

    def query(self, lesson: str, number: int) -> dict[str, str]:
        return {**self.page.query(self.settings), "lesson": lesson, "step": str(number)}


@dataclass(frozen=True)
class Lesson:
    title: str
    steps: tuple[Step, ...]


def parse(text: str) -> Lesson:
    """Raises ValueError: "step 2, line 7: no preset is called relu_hee"."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"no TOML: {error}") from None
    lines = [i for i, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]
    if not isinstance(table.get("title"), str) or len(lines) < 2 or not isinstance(steps := table.get("step"), list) or len(steps) != len(lines):
        raise ValueError("line 1: a lesson has a title and two or more [[step]]")
    if len(table["title"]) > TITLE or len(lines) > STEPS:
        raise ValueError(f"line 1: a title has at most {TITLE} characters, and a lesson at most {STEPS} steps")
    steps = []
    for i, (line, step) in enumerate(zip(lines, table["step"], strict=True), start=1):
        try:
            steps.append(_step(**step))
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"step {i}, line {line}: {error}") from None
    return Lesson(table["title"], tuple(steps))


def _step(say: str, preset: str = "", page: str = "", part: str = "", settings: dict[str, Any] | None = None) -> Step:
    if not all(isinstance(text, str) for text in (say, preset, page, part)) or len(say) > SAY:
        raise ValueError(f"say, preset, page and part are texts, and say has at most {SAY} characters")
    if settings is not None and not isinstance(settings, dict):
        raise ValueError("settings look like {gain = 1.1}")
    if preset:
        try:
            to, found = find_preset(preset)
        except StopIteration:
            raise ValueError(f"no preset is called {preset}") from None
        return Step(to, to.settings_of(found), say)
    if page not in PAGES or part not in {one.key for one in PAGES[page].parts}:
        raise ValueError(f"no page {page} has a part {part}")
    to = PAGES[page]
    controls = {control.name: control for control in to.part(part).all_controls}
    for name, value in (settings or {}).items():
        if name not in controls or controls[name].read([controls[name].write(value)]) != value:
            raise ValueError(f"{part} cannot be set to {name} = {value}")
    return Step(to, to.settings_at(to.part(part), settings or {}), say)


@cache
def lessons() -> dict[str, Lesson]:
    return {key: parse((FOLDER / f"{key}.toml").read_text(encoding="utf-8")) for key in ORDER}


def pack(text: str) -> str:
    """The name of a teacher's own lesson, which is the whole of it. Raises ValueError where it is none, or too long for a link."""
    parse(own(text))
    name = OWN + base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")
    if len(name) > PACKED:
        raise ValueError(f"line 1: this lesson is too long for a link: {len(name)} characters, at most {PACKED}")
    return name


def own(text: str) -> str:
    """Text from outside, if it is short. Raises ValueError."""
    if len(text) > LONGEST:
        raise ValueError(f"line 1: a lesson has at most {LONGEST} characters, this one has {len(text)}")
    return text


@lru_cache(maxsize=64)
def named(key: str) -> Lesson | None:
    """A lesson of ours by its key, or the one that a link brings with it; None where it brings no lesson."""
    if not key.startswith(OWN):
        return lessons().get(key)
    try:
        squeezed = base64.b64decode(key[len(OWN):] + "=" * (-(len(key) - len(OWN)) % 4), altchars=b"-_", validate=True) if len(key) <= PACKED else b""
        text = zlib.decompressobj().decompress(squeezed, 4 * LONGEST).decode()   # never more, however it was packed
        return parse(own(text))
    except (binascii.Error, zlib.error, ValueError):
        return None


def here(page: Page) -> tuple[str, int] | None:
    """The lesson and its step that the link names, if the step is one of this page's."""
    key, asked = st.query_params.get("lesson", ""), st.query_params.get("step", "1")
    lesson = named(key)
    if not lesson or not re.fullmatch(r"[0-9]{1,2}", asked) or not 1 <= int(asked) <= len(lesson.steps):
        return None
    return (key, int(asked)) if lesson.steps[int(asked) - 1].page is page else None


def says(key: str, number: int) -> tuple[str, str]:
    """Head and text of a step."""
    lesson = named(key)
    return f"{lesson.title}, {number} of {len(lesson.steps)}", lesson.steps[number - 1].say


def go(key: str, number: int) -> None:
    """To another step of the same page: the whole address at once, so that the browser's back undoes it at once."""
    step = named(key).steps[number - 1]
    ours = {control.key for control in step.page.controls}
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in ours}
    link.put(step.settings)
    st.query_params.from_dict({**others, **link.query(step.page.controls, step.settings), "step": str(number)})


def workshop() -> None:
    """A teacher's own lesson: written, pasted or opened here, and led through by its link."""
    sent = getattr(OPENED(key="_own_file", data={}, on_text_change=lambda: None), "text", None)
    if isinstance(sent, str) and sent != st.session_state.get("_own_sent"):
        st.session_state["_own_sent"] = st.session_state["_own_lesson"] = sent[:LONGEST + 1]
    st.session_state.setdefault("_own_lesson", (FOLDER / "vanishing.toml").read_text(encoding="utf-8"))
    typed = st.text_area("The lesson, as TOML", key="_own_lesson", height=240)
    try:
        name = pack(typed)
    except ValueError as error:
        st.text(f"This is no lesson yet. {str(error)[:200]}")
        return
    first = parse(typed).steps[0]
    st.page_link(f"pages/{first.page.stem}.py", label="Begin this lesson", query_params=first.query(name, 1))
    st.caption("Its link, to be shared:")
    st.code(f"{link.site()}/{first.page.stem}?{urlencode(first.query(name, 1))}", language=None)


def leave() -> None:
    for name in ("lesson", "step"):
        st.query_params.pop(name, None)


def ways(key: str, number: int) -> None:
    """Back, next, and out of the lesson."""
    steps = named(key).steps
    with st.container(horizontal=True, key="lesson"):
        for to, label in ((number - 1, "Back"), (number + 1, "Next")):
            there = steps[to - 1] if 1 <= to <= len(steps) else None
            same = there and there.page is steps[number - 1].page
            pressed = st.button(label, on_click=go if same else None, args=(key, to), key=f"_lesson_{label}_{number}", disabled=not there)  # by number: a press is of one step
            if pressed and there and not same:
                st.switch_page(f"pages/{there.page.stem}.py", query_params=there.query(key, to))
        st.button("Leave the lesson", on_click=leave, type="tertiary", key="_lesson_leave")
