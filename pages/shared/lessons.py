"""Lessons: a path over the real parts, one TOML file each; the link keeps lesson and step."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import link
from pages.shared.part import PAGES, Page, find_preset

FOLDER = Path(__file__).parent.parent / "lessons"
ORDER = ("vanishing", "weights", "activations", "batch_norm", "gradient", "digits")


@dataclass(frozen=True)
class Step:
    page: Page
    settings: dict[str, Any]  # by key, the part among them
    say: str

    def query(self, lesson: str, number: int) -> dict[str, str]:
        """It always names the part: an address without settings would show those of the visitor's last look at the page."""
        part = self.page.part_control
        return {part.key: self.settings[part.key], **link.query(self.page.controls, self.settings), "lesson": lesson, "step": str(number)}


@dataclass(frozen=True)
class Lesson:
    title: str
    steps: tuple[Step, ...]


def parse(text: str) -> Lesson:
    """Raises ValueError: "step 2, line 7: no preset is called relu_hee"."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"no TOML: {error}") from None
    lines = [i for i, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*step\s*\]\]", line)]
    if not isinstance(table.get("title"), str) or len(lines) < 2 or len(table.get("step", ())) != len(lines):
        raise ValueError("line 1: a lesson has a title and two or more [[step]]")
    steps = []
    for i, (line, step) in enumerate(zip(lines, table["step"], strict=True), start=1):
        try:
            steps.append(_step(**step))
        except (TypeError, ValueError) as error:
            raise ValueError(f"step {i}, line {line}: {error}") from None
    return Lesson(table["title"], tuple(steps))


def _step(say: str, preset: str = "", page: str = "", part: str = "", settings: dict[str, Any] | None = None) -> Step:
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
    wanted = {control.key: control.default for control in controls.values()}
    for name, value in (settings or {}).items():
        if name not in controls or controls[name].read([controls[name].write(value)]) != value:
            raise ValueError(f"{part} cannot be set to {name} = {value}")
        wanted[controls[name].key] = value
    return Step(to, {to.part_control.key: part, **wanted}, say)


@cache
def lessons() -> dict[str, Lesson]:
    return {key: parse((FOLDER / f"{key}.toml").read_text(encoding="utf-8")) for key in ORDER}


def here(page: Page) -> tuple[str, int] | None:
    """The lesson and its step that the link names, if the step is one of this page's."""
    key, asked = st.query_params.get("lesson", ""), st.query_params.get("step", "1")
    if key not in lessons() or not re.fullmatch(r"[0-9]{1,2}", asked) or not 1 <= int(asked) <= len(lessons()[key].steps):
        return None
    return (key, int(asked)) if lessons()[key].steps[int(asked) - 1].page is page else None


def says(key: str, number: int) -> tuple[str, str]:
    """Head and text of a step."""
    lesson = lessons()[key]
    return f"{lesson.title}, {number} of {len(lesson.steps)}", lesson.steps[number - 1].say


def go(key: str, number: int) -> None:
    """To another step of the same page: the whole address at once, so that the browser's back undoes it at once."""
    step = lessons()[key].steps[number - 1]
    ours = {control.key for control in step.page.controls}
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in ours}
    link.put(step.settings)
    st.query_params.from_dict({**others, **link.query(step.page.controls, step.settings), "step": str(number)})


def leave() -> None:
    for name in ("lesson", "step"):
        st.query_params.pop(name, None)


def ways(key: str, number: int) -> None:
    """Back, next, and out of the lesson."""
    steps = lessons()[key].steps
    with st.container(horizontal=True, key="lesson"):
        for to, label in ((number - 1, "Back"), (number + 1, "Next")):
            there = steps[to - 1] if 1 <= to <= len(steps) else None
            same = there and there.page is steps[number - 1].page
            pressed = st.button(label, on_click=go if same else None, args=(key, to), key=f"_lesson_{label}_{number}", disabled=not there)  # by number: a press is of one step
            if pressed and there and not same:
                st.switch_page(f"pages/{there.page.stem}.py", query_params=there.query(key, to))
        st.button("Leave the lesson", on_click=leave, type="tertiary", key="_lesson_leave")
