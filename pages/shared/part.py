"""The contract of an experiment, and the order in which every page reads.

A page asks one question. A part is one experiment of it: its controls, its picture, its sentences,
its script and its presets, all in one file under `pages/parts/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
import streamlit as st

from engine.verdict import Verdict
from pages.shared import layout, link, runs
from pages.shared.control import Control, Menu, Values

PAGES: dict[str, "Page"] = {}  # every page by its stem, in the order of the menu


@dataclass(frozen=True)
class Preset:
    """A named setting of a part: by control names, without the page's prefix. What is not named takes its default."""

    key: str
    title: str
    look_for: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Try:
    """A sentence that sets something by a click: controls by their names ("part" among them), or a preset of any page by its key."""

    text: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""


@dataclass(frozen=True)
class Shown:
    """What follows the picture, the same on every page."""

    verdict: Verdict
    formulas: Sequence[str]
    script: str
    numbers: pd.DataFrame
    details: Callable[[], None] | None = None  # further pictures, below the verdict
    live: Any = None  # the run that draws its own verdict as it goes


@dataclass(frozen=True)
class Part:
    """One experiment. `show` is straight-line code: engine call, frame, chart."""

    key: str  # in the link
    title: str  # on the pill
    show: Callable[[Values], Shown]
    controls: tuple[Control, ...] = ()  # in the sidebar, in order
    more: tuple[Control, ...] = ()  # there too, folded away
    inside: tuple[Control, ...] = ()  # those that `show` draws beside its picture
    more_title: str = "More"
    more_open: bool = False  # not folded away at first
    folded: Mapping[str, tuple[Control, ...]] = field(default_factory=dict)  # further groups, each folded away under its title
    presets: tuple[Preset, ...] = ()
    try_next: tuple[Try, ...] = ()
    sources: tuple[Callable, ...] = ()

    @property
    def groups(self) -> dict[str, tuple[Control, ...]]:
        """The controls that are folded away, by the title of their group."""
        return dict(self.folded) | ({self.more_title: self.more} if self.more else {})

    @property
    def all_controls(self) -> tuple[Control, ...]:
        return (*self.controls, *(control for group in self.groups.values() for control in group), *self.inside)


@dataclass(frozen=True)
class Page:
    """One question and its experiments. The first part is what a link without settings opens, unless `opens` names another."""

    stem: str  # of its file and in its address
    prefix: str  # of its controls in the link
    title: str  # in the menu
    card: str  # what Home says of it
    question: str
    parts: tuple[Part, ...]
    opens: str = ""

    def __post_init__(self):
        PAGES[self.stem] = self
        for part in self.parts:
            names = {control.name for control in part.all_controls} | {"part"}
            for one in (*part.presets, *part.try_next):
                if unknown := set(one.settings) - ({c.name for c in self.controls} if "part" in one.settings else names):
                    raise ValueError(f"settings must name controls of {self.stem}, got {', '.join(sorted(unknown))}")

    @cached_property
    def part_control(self) -> Menu:
        titles = {part.key: part.title for part in self.parts}
        return Menu(
            f"{self.prefix}_part", "Part", self.opens or self.parts[0].key, "The lesson, left to right.", tuple(titles), pills=True,
            hidden_label=True, show=lambda key: titles.get(key, str(key)),
        )  # fmt: skip

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """The part, and every control of every part once."""
        found = {self.part_control.key: self.part_control}
        for part in self.parts:
            for control in part.all_controls:
                if found.setdefault(control.key, control) is not control:
                    raise ValueError(f"a key belongs to one control, got {control.key} twice")
        return tuple(found.values())

    def part(self, key: str) -> Part:
        return next(part for part in self.parts if part.key == key)

    def settings_of(self, preset: Preset) -> dict[str, Any]:
        """The part and every control of it, by key, as a preset sets them."""
        part = next(part for part in self.parts if preset in part.presets)
        return {self.part_control.key: part.key} | {c.key: preset.settings.get(c.name, c.default) for c in part.all_controls}


def find_preset(key: str) -> tuple[Page, Preset]:
    return next((page, preset) for page in PAGES.values() for part in page.parts for preset in part.presets if preset.key == key)


def link_to(key: str) -> str:
    """The link that opens a preset on its page."""
    from urllib.parse import urlencode

    page, preset = find_preset(key)
    return f"{page.stem}?{urlencode(link.query(page.controls, page.settings_of(preset)))}".rstrip("?")


def preset_menu(page: Page) -> None:
    """The experiments of a page. The menu names the one whose settings stand on the page, however the visitor got there."""
    presets = {preset.key: preset for part in page.parts for preset in part.presets}
    key = f"_{page.prefix}_preset"
    now = {control.key: link.value(control) for control in page.controls}
    chosen = next((k for k, preset in presets.items() if page.settings_of(preset).items() <= now.items()), None)
    st.session_state[key] = chosen

    def apply() -> None:
        if picked := st.session_state[key]:
            link.put(page.settings_of(presets[picked]))

    st.selectbox(
        "Experiment", presets, index=None, format_func=lambda k: presets[k].title, key=key, on_change=apply,
        placeholder="Choose an experiment", help="Sets all controls below. Every setting is part of the page's link.",
    )  # fmt: skip
    if chosen:
        st.caption(f"Look for: {presets[chosen].look_for}")


def draw_controls(part: Part) -> Values:
    now = link.values(part.all_controls)
    with st.sidebar:
        for control in part.controls:
            link.draw(control, control.idle(now) if control.idle else "")
        for title, group in part.groups.items():
            with st.expander(title, expanded=part.more_open):
                for control in group:
                    link.draw(control, control.idle(now) if control.idle else "")
    return link.values(part.all_controls)


def fix_button(page: Page, fix: Mapping[str, Any], on_fix: Callable[[], None] | None = None) -> None:
    """The cure of a verdict (control name -> an engine's value), a click away."""
    table = {control.name: control for control in page.controls}
    wanted = {table[name]: table[name].take(value) for name, value in fix.items()}
    wanted = {control: value for control, value in wanted.items() if link.value(control) != value}

    def apply() -> None:
        link.put({control.key: value for control, value in wanted.items()})
        if on_fix:
            on_fix()

    if wanted:
        named = ", ".join(f"{control.label} = {control.show(value)}" for control, value in wanted.items())
        st.button(f"Apply the fix: {named}", on_click=apply, key="apply_fix")


def try_next(page: Page, lines: Sequence[Try]) -> None:
    """Each line is a click: on this page it sets the controls, to another it is a link."""
    st.header("Try next", anchor=False)
    table = {control.name: control.key for control in page.controls}
    for i, line in enumerate(lines):
        to, preset = find_preset(line.preset) if line.preset else (page, None)
        settings = to.settings_of(preset) if preset else {table[name]: value for name, value in line.settings.items()}
        if to is page:
            st.button(line.text, on_click=link.put, args=(settings,), type="tertiary", key=f"_{page.prefix}_try_{i}")
        else:
            st.page_link(f"pages/{to.stem}.py", label=line.text, query_params=link.query(to.controls, settings))


def show_page(page: Page) -> None:
    """Read the link, draw the controls and the picture; then verdict, fix, formulas, numbers, what next, script, source."""
    layout.question(page.question)
    link.read(page.stem, page.controls)
    with st.sidebar:
        preset_menu(page)
    part = page.part(link.draw(page.part_control))
    drawn = (page.part_control, *part.all_controls)
    link.focus(drawn)
    v = draw_controls(part)
    link.write(drawn, page.controls)
    for sentence in link.refused(drawn):
        st.warning(sentence)

    shown = part.show(v)
    if shown.live is None:
        layout.verdict(shown.verdict.text)
        fix_button(page, shown.verdict.fix)
    elif shown.live.status != "running":  # a run says its verdict itself, and its cure wants a new run
        fix_button(page, shown.verdict.fix, lambda: runs.forget(shown.live.key))
    if shown.details:
        shown.details()
    layout.formulas(shown.formulas)
    layout.numbers(shown.numbers, f"{page.stem}_{part.key}.csv")
    try_next(page, part.try_next)
    layout.run_it_yourself(shown.script, *part.sources)
