"""The order in which every page reads: parts, question, opening, picture, verdict, fix, formulas, numbers, what next, script, source."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shared import glossary, layout, lecture, lessons, link, pictures, predict, runs, slips
from pages.shared.control import Values, in_words
from pages.shared.part import Page, Part, Preset, Shown, find_preset

TOP = st.components.v2.component("top", html="", js=Path(__file__).with_name("top.js").read_text(encoding="utf-8"))


def preset_menu(page: Page) -> Preset | None:
    """The experiments of a page. The menu names the one whose settings stand on the page, however the visitor got there; it is returned."""
    presets = {preset.key: preset for part in page.parts for preset in part.presets}
    key = f"_{page.prefix}_preset"
    now = link.state_of(page.controls)
    chosen = next((k for k, preset in presets.items() if page.settings_of(preset).items() <= now.items()), None)
    link.put({key: chosen})

    def apply() -> None:
        if link.moved(key) and (picked := presets.get(st.session_state[key])):  # a browser can send anything
            link.put(page.settings_of(picked))

    st.selectbox(
        "Experiment", presets, index=None, format_func=lambda k: presets[k].title, key=key, on_change=apply,
        placeholder="Choose an experiment", help="Sets all controls below. Every setting is part of the page's link.",
    )
    if chosen:
        st.caption(f"Look for: {presets[chosen].look_for}")
    return presets.get(chosen)


def draw_controls(part: Part) -> Values:
    now = link.values(part.all_controls)
    with st.sidebar:
        for title, group in {"": part.controls, **part.folded}.items():
            with st.expander(title, expanded=part.unfolded) if title else nullcontext():
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
        st.button(f"Apply the fix: {named}", on_click=apply, key=f"apply_fix {named}")  # a key of what it does: a second click is no click on its follower


def try_next(page: Page, part: Part) -> None:
    """Each line is a click: on this page it sets the controls, to another it is a link."""
    st.header("Try next", anchor=False)
    for i, line in enumerate(part.try_next):
        to, preset = find_preset(line.preset) if line.preset else (page, None)
        settings = to.settings_of(preset) if preset else page.by_key(line.settings)
        if to is page:
            st.button(line.text, on_click=link.put, args=(settings,), type="tertiary", key=f"_{page.prefix}_{part.key}_try_{i}")
        else:
            st.page_link(f"pages/{to.stem}.py", label=line.text, query_params=to.query(settings))


def said_by(page: Page, part: Part, shown: Shown, preset: Preset | None) -> list[glossary.Entry]:
    """The words and symbols of the glossary that a part says now."""
    texts = (part.question, part.sees, part.matters, part.first, shown.verdict.text, *((preset.title, preset.look_for) if preset else ()), *(line.text for line in part.try_next))
    labels = [*part.folded, *(f"{control.label} {control.help}" for control in part.all_controls)]
    asked = [part.predict.ask, *part.predict.choices, part.predict.said, part.predict.why] if part.predict else []
    return glossary.entries_of(f"{page.prefix}_{part.key}", (*texts, *labels, *asked), shown.formulas)


def begun(*stands: str) -> int:
    """How often a visit has come to something else, another page, part or named experiment. To leave an experiment's settings and return to them is not that."""
    before, count = st.session_state.get("_begun", (stands, 0))
    count += any(now and now != then for now, then in zip(stands, before, strict=True))
    st.session_state["_begun"] = [now or then for now, then in zip(stands, before, strict=True)], count
    return count


def show_page(page: Page) -> None:
    """Read the link, draw the part's opening, its controls and its picture; then what follows it, down to the source."""
    came = link.read(page.stem, page.controls)
    with st.sidebar:
        preset = preset_menu(page)
    large = lecture.on()
    if large:
        lecture.begin()
        st.html(layout.STYLE)
    with st.sidebar if large else nullcontext():
        part = page.part(link.draw(page.part_control)) if len(page.parts) > 1 else page.parts[0]
    layout.question(part.question or page.question)
    lesson = lessons.here(page)
    head, task = lessons.says(*lesson) if lesson else ("Try first", part.first)
    if not large:
        layout.opening(
            page.prefix, {"What you see": part.sees, "Why it matters": part.matters, head: task},
            (preset.title, preset.look_for) if preset else None)
    if lesson:
        lessons.ways(*lesson)
    drawn = (page.part_control, *part.all_controls)
    link.focus(drawn)
    v = draw_controls(part)
    if not large:
        with st.sidebar:
            lecture.invite()
            TOP(key="_top", data=begun(page.stem, part.key, preset.title if preset else ""))
    link.write(drawn, page.controls)
    for sentence in link.refused(drawn):
        st.warning(sentence)

    waits = predict.hidden(page, part, came or large or bool(lesson or (preset and preset.settings)))
    place = predict.asks(page, part, v, waits)
    with st.container(key="veiled" if waits else "result"):
        shown = show_result(page, part, v, preset, large)
    predict.reveals(place, page, part, v, shown)
    if large:
        lecture.bar(page, part, preset)


def show_result(page: Page, part: Part, v: Values, preset: Preset | None, alone: bool) -> Shown:
    """The picture, alone or with what follows it, down to the source."""
    shown = part.show(v)
    if shown.live is None:
        layout.verdict(shown.verdict.text)
        fix_button(page, shown.verdict.fix)
    elif shown.live.status != "running":  # a run says its verdict itself, and its cure wants a new run
        fix_button(page, shown.verdict.fix, lambda: runs.forget(shown.live.key))
    if shown.details:
        shown.details()
    if alone:
        return shown
    layout.formulas(shown.formulas)
    layout.words(said_by(page, part, shown, preset))
    layout.references(part.cites)
    pictures.numbers(shown.numbers, f"{page.stem}_{part.key}", part.question, in_words(part.all_controls, v))
    slips.beside(page.stem, part.key)
    try_next(page, part)
    layout.run_it_yourself(shown.script, f"{page.stem}_{part.key}", *part.sources)
    return shown
