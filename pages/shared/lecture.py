"""Lecture mode, `lecture=true` in the link: one picture at a time, as wide as the screen, and the keys lead through the course.

While it is off, a page asks the address for one word and has one button more.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from pages.shared import link
from pages.shared.part import PAGES, Page, Part, Preset
from pages.shared.theme import HALF, TALL

SMALLEST, GROWS, HEIGHT = 18, 1.35, 0.94  # px of words in a picture; factors on its lengths, and on its height, so that 800 px of a projector hold it
TALLER = "{} * max(1, windowSize()[1] / 800)".format  # for words on a screen of more: seen from the back row they stay as large
LENGTHS = {"dx", "dy", "lineHeight", "labelLimit", "limit", "strokeWidth", "symbolStrokeWidth", "labelPadding", "titlePadding"}
AREAS = {"size", "symbolSize"}
# nginx.conf allows this style by its hash, see tests/pages/test_layout.py; the smallest words of a page are 0.875rem
STYLE = """<style>
html {font-size: max(21px, 2.6vh) !important}
[data-testid=stVerticalBlock]:has(> * .tall) > [data-testid=stElementContainer]:has([data-testid=stVegaLiteChart]) {height: max(440px, 100vh - 15.8rem)}
[data-testid=stMainBlockContainer] {padding: 4.1rem 2rem 4.5rem}
[data-testid=stMain] h1 {font-size: 1.4rem; padding: 0}
[data-testid=stMain] p, [data-testid=stMain] label {font-size: 1rem}
[data-testid=stHorizontalBlock]:has(> [data-testid=stColumn]) {flex-direction: column}
[data-testid=stColumn] {width: 100% !important; flex: none !important}
[data-testid=stColumn]:not(:has([data-testid=stElementContainer])) {display: none}
.st-key-verdict {width: 100% !important; max-width: 62rem}
[data-testid=stExpander] :is(h2, code) {font-size: 1.6rem}
.st-key-lecture {position: fixed; inset: auto 0 0 0; z-index: 99; padding: 0.4rem 2rem; width: 100%; background: Canvas}
</style>"""


def asked() -> bool:
    return st.query_params.get("lecture") == "true"


def on() -> bool:
    """Home and the references have no experiments to be led through."""
    return asked() and st.session_state.get("_page") in PAGES


def turn(to: bool) -> None:
    if to:
        st.query_params["lecture"] = "true"
    else:
        st.query_params.pop("lecture", None)
    for name in ("_pictures", "_picture", "_code"):
        st.session_state.pop(name, None)


def invite() -> None:
    """The way in. For the sidebar."""
    st.button("Lecture mode", on_click=turn, args=(True,), type="tertiary", shortcut="L", key="_lecture", help="One large picture at a time, for a class.")


class Stop(NamedTuple):
    page: Page
    part: Part
    preset: Preset | None

    @property
    def settings(self) -> dict[str, Any]:
        return self.page.settings_at(self.part, self.preset.settings if self.preset else {})


@cache
def stops() -> list[Stop]:
    """The course: each part with its defaults, unless they are a preset's, then with each of its presets."""
    found = [Stop(page, part, preset) for page in PAGES.values() for part in page.parts for preset in (None, *part.presets)]
    named = [stop.settings for stop in found if stop.preset]
    return [stop for stop in found if stop.preset or stop.settings not in named]


def place(part: Part, preset: Preset | None) -> int:
    """Where a part stands in the course; settings of a visitor's own stand at its beginning."""
    return next(i for wanted in (preset, None) for i, stop in enumerate(stops()) if stop.part is part and wanted in (None, stop.preset))


def begin() -> None:
    """The look, before anything is drawn; pictures are counted anew, and the one that is shown is one of those there were."""
    state = st.session_state
    before = state.get("_pictures", {})
    state["_picture"] = state.get("_picture", 0) % max(1, len(before))
    state["_pictures"] = {}
    st.html(STYLE)
    if state.get("_code"):
        code()


def takes(said: str) -> bool:
    """Whether this picture is the one to show. A picture is known by what it says; one that is drawn again is the same one."""
    pictures = st.session_state.setdefault("_pictures", {})
    return pictures.setdefault(said, len(pictures)) == st.session_state.get("_picture", 0)


def enlarged(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A specification for the last row: words, lines and points grow, what is computed from the picture's width does not shrink them; alone, a page's picture is as tall as the screen has room."""
    larger, height = {**grown(spec), "datasets": spec["datasets"]}, spec.get("height")
    return {**larger, "height": "container" if height in (TALL, HALF) else round(height * HEIGHT)} if isinstance(height, (int, float)) else larger


def grown(part: Any, name: str = "") -> Any:
    if isinstance(part, Mapping):
        if name.lower().endswith("fontsize"):  # an expression
            return {"expr": TALLER(SMALLEST)}
        return {key: value if key in ("datasets", "values") else grown(value, key) for key, value in part.items()}
    if isinstance(part, list):
        return [grown(inner) for inner in part]
    if isinstance(part, bool) or not isinstance(part, (int, float)):
        return part
    if name.lower().endswith("fontsize"):
        return {"expr": TALLER(max(SMALLEST, round(GROWS * part)))}
    return {"expr": TALLER(round(GROWS * part, 1))} if name in LENGTHS else round(GROWS**2 * part) if name in AREAS else part


def flip() -> None:
    """The next picture of this page."""
    st.session_state["_picture"] = st.session_state.get("_picture", 0) + 1


def go(to: int) -> None:
    """To another stop of the same page."""
    st.session_state.pop("_picture", None)
    link.put(stops()[to].settings)


def bar(page: Page, part: Part, preset: Preset | None) -> None:
    """Back and next, the pictures, the link's code and the way out: each with its key. After the pictures, which it counts."""
    here, found = place(part, preset), len(st.session_state["_pictures"])
    with st.container(horizontal=True, vertical_alignment="center", key="lecture"):
        for to, label, key in ((here - 1, "Back", "Left"), (here + 1, "Next", "Right")):
            there = stops()[to] if 0 <= to < len(stops()) else None
            same = there is not None and there.page is page
            pressed = st.button(label, on_click=go if same else None, args=(to,), shortcut=key, key=f"_lecture_{label}_{here}", disabled=there is None)
            if pressed and there and not same:
                st.session_state.pop("_picture", None)
                st.switch_page(f"pages/{there.page.stem}.py", query_params={**there.page.query(there.settings), "lecture": "true"})
        if found > 1:
            st.button(f"Picture {st.session_state['_picture'] + 1} of {found}", on_click=flip, shortcut="Down", key="_lecture_picture")
        st.button("Link", on_click=lambda: st.session_state.update(_code=not st.session_state.get("_code")), shortcut="Q", key="_lecture_code", help="As a code for the class's phones.")
        st.button("Leave", on_click=turn, args=(False,), type="tertiary", shortcut="L", key="_lecture_leave")
        st.caption(f"{here + 1} of {len(stops())}: {part.title}{f', {preset.title}' if preset else ''}")


def address() -> str:
    """This page's link for others: without the mode of this screen."""
    kept = {name: st.query_params.get_all(name) for name in st.query_params if name != "lecture"}
    return f"{st.context.url}?{urlencode(kept, doseq=True)}".rstrip("?")


def code() -> None:
    """The link as a code, as tall as the screen."""
    import segno  # here: nobody else needs it

    to = address()
    picture = segno.make(to, error="m").svg_data_uri(border=4, light="#ffffff", dark="#000000")
    st.html(f'<img src="{picture}" alt="The link of this page as a code" style="height: 70vh; width: 100%; object-fit: contain">')
    st.text(to, width="stretch")
