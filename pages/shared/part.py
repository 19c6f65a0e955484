"""The contract of an experiment: what a part, a page and a preset are.

A page asks one question. A part is one experiment of it: its controls, its picture, its sentences,
its script and its presets, all in one file under `pages/parts/`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from engine.verdict import Verdict
from pages.shared import link
from pages.shared.control import Control, Menu, Values

PAGES: dict[str, "Page"] = {}  # every page by its stem, in the order of the menu: `pages/parts/__init__.py` fills it


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
class Sketch:
    """The same question over depth: a curve from layer 1 to the last, on a log axis, that a visitor may draw instead."""

    ask: str
    measured: Callable[[Values, Shown], Sequence[float]]  # a number a layer, at the present settings
    reach: Callable[[Values], tuple[int, int]]  # powers of ten at the ends of its axis
    meaning: str  # of its colour


@dataclass(frozen=True)
class Question:
    """What a visitor may guess before the result of a part is shown. Its choices go from low to high; a number that the part measured decides."""

    ask: str
    choices: tuple[str, ...]
    bounds: tuple[float, ...]  # between neighbouring choices; a number on a bound belongs to the higher one
    measured: Callable[[Values, Shown], float | None]  # at the present settings; None, NaN or a missing row: nothing yet
    said: str  # what was measured, with {} for the number
    why: str
    hides: bool = True  # the result may be hidden until it is answered; not where something must be pressed first
    sketch: Sketch | None = None  # of a part with a depth

    def __post_init__(self):
        if not 2 <= len(self.choices) <= 4 or len(self.bounds) != len(self.choices) - 1 or sorted(set(self.bounds)) != list(self.bounds):
            raise ValueError(f"a question has 2 to 4 choices and a rising bound between each two, got {self.choices} and {self.bounds}")


@dataclass(frozen=True)
class Part:
    """One experiment. `show` is straight-line code: engine call, frame, chart."""

    key: str  # in the link
    title: str  # on the pill
    show: Callable[[Values], Shown]
    question: str = ""  # its headline; the rest of its opening in a sentence or three each:
    sees: str = ""  # what is drawn
    matters: str = ""  # why one should know it
    first: str = ""  # what to do first
    predict: Question | None = None  # what to guess before its result is shown
    controls: tuple[Control, ...] = ()  # in the sidebar, in order
    folded: Mapping[str, tuple[Control, ...]] = field(default_factory=dict)  # there too, by the title of the fold that holds them
    unfolded: bool = False  # all of them open at first
    inside: tuple[Control, ...] = ()  # those that `show` draws beside its picture
    presets: tuple[Preset, ...] = ()
    try_next: tuple[Try, ...] = ()
    sources: tuple[Callable, ...] = ()  # of the engine, shown below the script
    cites: tuple[str, ...] = ()  # what its claims stand on: keys of REFERENCES

    @property
    def all_controls(self) -> tuple[Control, ...]:
        return (*self.controls, *(control for group in self.folded.values() for control in group), *self.inside)


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
        )

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

    def by_key(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings by the controls' names, by their keys. Raises KeyError for a name that no control has."""
        keys = {control.name: control.key for control in self.controls}
        return {keys[name]: value for name, value in settings.items()}

    def settings_of(self, preset: Preset) -> dict[str, Any]:
        """The part and every control of it, by key, as a preset sets them."""
        return self.settings_at(next(part for part in self.parts if preset in part.presets), preset.settings)

    def settings_at(self, part: Part, settings: Mapping[str, Any]) -> dict[str, Any]:
        """A part and every control of it, by key: at these settings, by name, and otherwise at their defaults."""
        return {self.part_control.key: part.key} | {c.key: settings.get(c.name, c.default) for c in part.all_controls}

    def query(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """The address that opens this page with settings, by key. Never empty: without settings it would show those of the visitor's last look."""
        return link.query(self.controls, settings) or {self.part_control.key: self.part_control.default}


def find_preset(key: str) -> tuple[Page, Preset]:
    return next((page, preset) for page in PAGES.values() for part in page.parts for preset in part.presets if preset.key == key)
