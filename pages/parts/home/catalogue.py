"""The catalogue: every experiment of every page, to be found by its words."""

from dataclasses import dataclass

import streamlit as st

from pages.shared.part import PAGES, Page, Part, Preset
from pages.shared.references import REFERENCES


@dataclass(frozen=True)
class Listed:
    page: Page
    part: Part
    preset: Preset

    @property
    def sources(self) -> str:
        return "; ".join(REFERENCES[key][0] for key in self.part.cites)

    @property
    def query(self) -> dict[str, str]:
        return self.page.query(self.page.settings_of(self.preset))

    def says(self, words: list[str]) -> bool:
        """Whether all of these words stand somewhere in it."""
        preset, part = self.preset, self.part
        text = " ".join((preset.title, preset.look_for, self.page.title, part.title, part.question, self.sources)).casefold()
        return all(word in text for word in words)


def find(text: str = "") -> list[Listed]:
    """The experiments with all words of a text, in the order of the pages; all of them, if there is no word."""
    words = text.casefold().split()
    listed = (Listed(page, part, preset) for page in PAGES.values() for part in page.parts for preset in part.presets)
    return [one for one in listed if one.says(words)]


def show(found: list[Listed]) -> None:
    """Each with its link, what to look for, and its sources; those that ask for the same share a line."""
    said: dict[tuple[str, str, str], list[Listed]] = {}
    for one in found:
        said.setdefault((one.page.stem, one.part.key, one.preset.look_for), []).append(one)
    for (*_, look_for), group in said.items():
        with st.container(gap="xxsmall"):
            with st.container(horizontal=True, gap="small"):
                for one in group:
                    st.page_link(f"pages/{one.page.stem}.py", label=f"**{one.preset.title}**", query_params=one.query, width="content")
            first = group[0]
            st.caption(f"{first.page.title}, {first.part.title}. Look for: {look_for} Sources: {first.sources}.")
