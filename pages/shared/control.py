"""Kinds of control. A part declares its own; each has a key in the link, and tells what it may be set to.

A link carries the text that `write` makes: a table's key or a plain number, never a label, so
that labels can be changed. `read` also takes what older links carry: the label of an option.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import streamlit as st

from pages.shared.titles import as_number, listed, plain, title

Values = SimpleNamespace  # a part's settings by the names of its controls: v.size


@dataclass(frozen=True, eq=False)
class Control:
    """What all kinds share; each has a `widget`, see `link.draw`, told what `stands` before it is moved. `idle` gives the reason why it has no effect at the present settings, or nothing."""

    key: str  # in the link: the page's prefix, an underscore, the name
    label: str
    default: Any
    help: str
    idle: Callable[[Values], str] | None = field(default=None, kw_only=True)
    note: Callable[[Any], str] | None = field(default=None, kw_only=True)  # a caption below it
    show: Callable[[Any], str] = field(default=listed, kw_only=True)  # a value as people read it
    chosen: Callable[[], None] | None = field(default=None, kw_only=True)  # called when a visitor, rather than a link, has moved it
    possible = "one of the menu's entries"  # what may be asked for, in words

    @property
    def name(self) -> str:
        return self.key.partition("_")[2]

    def write(self, value: Any) -> str:
        """The text that stands for a value in a link."""
        return str(value)

    def read(self, texts: Sequence[str]) -> Any:
        """The value that a link means by these texts (it may repeat a key), or None where there is no such value."""
        return self.parse(texts[-1])

    def parse(self, text: str) -> Any:
        return text

    def take(self, value: Any) -> Any:
        """The control's own value for an engine's setting: None is the option "none"."""
        return "none" if value is None else value

    def ends(self) -> tuple:  # its outermost values
        return ()


@dataclass(frozen=True, eq=False)
class Menu(Control):
    """One of a few keys, from a list that opens, or side by side as pills."""

    options: tuple = ()
    pills: bool = field(default=False, kw_only=True)
    hidden_label: bool = field(default=False, kw_only=True)

    def widget(self, stands: Any, **common: Any) -> Any:
        if self.pills:
            visibility = "collapsed" if self.hidden_label else "visible"
            return st.segmented_control(options=self.options, default=stands, format_func=self.show, required=True, label_visibility=visibility, **common)
        return st.selectbox(options=self.options, index=self.options.index(stands), format_func=self.show, **common)

    def parse(self, text: str) -> Any:
        return {write(option): option for write in (title, self.show, self.write) for option in self.options}.get(text)

    def ends(self) -> tuple:
        return self.options[0], self.options[-1]


@dataclass(frozen=True, eq=False)
class Ladder(Menu):
    """One of a few numbers, on a slider of rungs. `words` names rungs that are no plain number: "all", "best"."""

    words: dict = field(default_factory=dict, kw_only=True)

    @property
    def possible(self) -> str:
        return f"{self.show(self.options[0])} … {self.show(self.options[-1])}, in steps"

    def widget(self, stands: Any, **common: Any) -> Any:
        return st.select_slider(options=self.options, value=stands, format_func=self.show, **common)

    def write(self, value: float) -> str:
        return self.words.get(value, plain(value))

    def parse(self, text: str) -> Any:
        found, number = super().parse(text), as_number(text)
        return next((option for option in self.options if option == number), None) if found is None else found

    def take(self, value: float) -> float:
        """The nearest rung."""
        return value if value in self.options else min(self.options, key=lambda rung: abs(rung - value))


class Several(Menu):
    """Any few of `options`. Links name them in one text with commas; older ones repeat the key."""

    possible = "some of the menu's entries"

    def widget(self, stands: list, **common: Any) -> list:
        return st.multiselect(options=self.options, default=stands, format_func=title, **common)

    def write(self, value: Iterable) -> str:
        return ",".join(value)

    def read(self, texts: Sequence[str]) -> list | None:
        names = {title(option): option for option in self.options} | {option: option for option in self.options}
        words = [word.strip() for text in texts for word in text.split(",") if word.strip()]
        return list(dict.fromkeys(names[word] for word in words)) if all(word in names for word in words) else None

    def ends(self) -> tuple:
        return [], list(self.options[:1]), list(self.options)


@dataclass(frozen=True, eq=False)
class Number(Control):
    """Any number in `limits`, typed or stepped."""

    limits: tuple[float, float] = (0.0, 1.0)
    step: float = 0.1

    @property
    def possible(self) -> str:
        return f"{self.limits[0]:,g} … {self.limits[1]:,g}"

    def widget(self, stands: float, **common: Any) -> float:
        return st.number_input(value=float(stands), min_value=float(self.limits[0]), max_value=float(self.limits[1]), step=self.step, format="%g", **common)

    def write(self, value: float) -> str:
        return plain(value)

    def parse(self, text: str) -> float | None:
        value = as_number(text)
        return value if value is not None and self.limits[0] <= value <= self.limits[1] else None

    def ends(self) -> tuple:
        return float(self.limits[0]), float(self.limits[1])


class Whole(Number):
    """A whole number on a slider."""

    def widget(self, stands: int, **common: Any) -> int:
        return st.slider(value=stands, min_value=self.limits[0], max_value=self.limits[1], step=1, **common)

    def parse(self, text: str) -> int | None:
        value = super().parse(text.replace(",", ""))
        return int(value) if value is not None and value == int(value) else None

    def ends(self) -> tuple:
        return self.limits


class Typed(Whole):
    """A whole number to type: a seed, a choice among thousands."""

    def widget(self, stands: int, **common: Any) -> int:
        return st.number_input(value=stands, min_value=self.limits[0], max_value=self.limits[1], step=1, **common)


@dataclass(frozen=True, eq=False)
class Switch(Menu):
    """On or off."""

    options: tuple = (False, True)
    possible = "true or false"
    show: Callable[[Any], str] = field(default=lambda on: "on" if on else "off", kw_only=True)

    def widget(self, stands: bool, **common: Any) -> bool:
        return st.toggle(value=stands, **common)

    def write(self, value: bool) -> str:
        return str(value).lower()


@dataclass(frozen=True, eq=False)
class Text(Control):
    """A line of text that the engine reads, and answers for if it cannot."""

    placeholder: str = ""
    show: Callable[[Any], str] = field(default=str, kw_only=True)
    LONGEST = 400
    possible = f"at most {LONGEST} characters"

    def widget(self, stands: str, **common: Any) -> str:
        return st.text_input(value=stands, max_chars=self.LONGEST, placeholder=self.placeholder, **common)

    def parse(self, text: str) -> str | None:
        return text if len(text) <= self.LONGEST else None


def in_words(controls: Iterable[Control], v: Values) -> str:
    """What controls are set to, as people read it: "Depth: 30, Gain: 1"."""
    return ", ".join(f"{control.label}: {control.show(getattr(v, control.name))}" for control in controls)
