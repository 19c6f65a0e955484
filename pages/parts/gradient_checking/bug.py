"""Find the bug: a game. Seventeen backward passes with one wrong line each; evidence on the left, the lines to click on the right."""

import re
from functools import partial
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check import check_gradients
from engine.gradient_check.explanation import explain
from engine.gradient_check.listing import LINES, Clues, clues, hints, line_of
from engine.gradient_check.report import GradientReport
from engine.gradient_check.zoo import BUGS, NUMBERED, numbered
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PARAMETER
from pages.shared import layout, lecture, link, workers
from pages.shared.control import Menu, Values, Whole
from pages.shared.encodings import drawn, titled
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import DIVERGING

BUG = Whole("grad_bug", "Bug number", 1, "Each number hides one bug. A link with the number does not name it.", (1, len(NUMBERED)))
LEVELS = {"1": "1: the code as it runs", "2": "2: the code as meant", "3": "3: one try, no hints"}
LEVEL = Menu(
    "grad_level", "Level", "1", "The faulty line stands in the code at level 1. At levels 2 and 3 the code is right, and one line runs otherwise.", tuple(LEVELS),
    show=lambda key: LEVELS.get(key, key))
CELLS = 1900  # most cells of a map
MEMORY = st.components.v2.component("bug_zoo", html="", js=Path(__file__).with_name("zoo.js").read_text(encoding="utf-8"))
HOUSE = "All bugs live in one network, 64-24-16-10: tanh, batch norm, dropout 0.3, biases that are not 0, and an L2 penalty of 0.1. It sees 16 of the built-in digits."


def gradient_cells(report: GradientReport, name: str) -> list[pd.DataFrame]:
    """One parameter's gradient, both sides, as blocks with `value`, in units of the differences' largest (or of the other's); rounding is 0."""
    row, sides = report.by_parameter[name], (report.analytical, report.numerical)
    a, b = (np.where(np.abs(m) > report.rounding, np.nan_to_num(m), 0.0) for m in (common.matrix(side, row) for side in sides))
    largest = np.abs(b).max() or np.abs(a).max() or 1.0
    return [common.blocks(m, CELLS, "value", lambda values: values / largest) for m in (a, b)]


@drawn
def gradient_map(cells: pd.DataFrame, rows: int, columns: int) -> alt.LayerChart:
    """One side's gradient of one parameter (`gradient_cells`): blue positive, orange negative, pale 0, full colour at the largest of the differences."""
    by_value = alt.Color("value", type="quantitative", scale=alt.Scale(domain=[-1, -0.5, 0, 0.5, 1], range=DIVERGING, clamp=True, interpolate="rgb"), legend=None)
    return alt.layer(common.grid(cells, rows, columns, ("value", "Of the largest", ".3f"), by_value))


# The visitor's clicks, lines by (level, bug); they stay for the visit, and what was found stays in the browser


def answers() -> dict[tuple[str, int], list[int]]:
    return st.session_state.setdefault("grad_answers", {})


def found() -> set[str]:
    """What the visitor found without being shown, as "level:bug"."""
    return st.session_state.setdefault("grad_found", set())


def answer(level: str, number: int, key: str) -> None:
    line, given = st.session_state[key], answers().setdefault((level, number), [])
    if line is None:
        return
    given.append(line)
    if line == line_of(NUMBERED[number - 1]) and (level != "3" or len(given) == 1):
        found().add(f"{level}:{number}")


def show_answer(level: str, number: int) -> None:
    answers().setdefault((level, number), []).append(line_of(NUMBERED[number - 1]))


def remember(number: int) -> None:
    """Swap what was found with the browser, from which anything may come."""
    first = st.session_state.setdefault("grad_first_bug", number)
    state = MEMORY(key="grad_memory", data={"found": " ".join(sorted(found())), "bug": number, "first": first}, on_found_change=lambda: None)
    sent = getattr(state, "found", None)
    if isinstance(sent, str) and len(sent) <= 500:
        found().update(word for word in sent.split() if re.fullmatch(r"[123]:[1-9][0-9]?", word, re.ASCII) and int(word[2:]) <= len(NUMBERED))


def code(i: int, level: str, number: int) -> str:
    """Line i of the listing, counted from 1, as this level shows it."""
    line = LINES[i]
    text = line.faults.get(NUMBERED[number - 1], line.code) if level == "1" else line.code
    return f"{i + 1}\\. {line.where}: `{text}`"


def miss(seen: Clues, line: int) -> str:
    """What a fault in the clicked line would do, beside what is wrong here."""
    extra, missing = map(sorted, seen.rules_out(line))
    if extra:
        return f"Not that line: a fault there would also spoil {', '.join(extra)}. Nothing is wrong there."
    if missing:
        return f"Not that line: a fault there would leave {', '.join(missing)} right."
    return "Not that line, though a fault there can spoil the same parameters. Compare the ratios, and the maps below."


def ask(level: str, number: int, seen: Clues) -> bool:
    """The lines, and what there is to say to the click so far; whether it is answered."""
    true, key, given = line_of(NUMBERED[number - 1]), f"grad_answer_{level}_{number}", answers().get((level, number), [])
    done = bool(given) and given[-1] == true
    if given:
        st.session_state[key] = given[-1]
    st.radio(
        "Click the line that is wrong" if level == "1" else "Click the line that runs otherwise", range(len(LINES)), index=None,
        format_func=lambda i: code(i, level, number), key=key, on_change=answer, args=(level, number, key), disabled=done)
    bug = BUGS[NUMBERED[number - 1]]
    if done:
        st.markdown(f"**{'Yes' if f'{level}:{number}' in found() else 'Here it is'}: {bug.title}.** Instead of `{LINES[true].code}` runs `{LINES[true].faults[bug.key]}`.")
    elif given:
        st.markdown(miss(seen, given[-1]) + (" Only a first click counts at this level." if level == "3" else ""))
    return done


def move_on(level: str, number: int, seen: Clues, done: bool) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        st.button("Next bug", on_click=link.put, args=({BUG.key: number % len(NUMBERED) + 1},), type="primary" if done else "secondary", key="grad_next")
        if not done:
            for i, hint in enumerate(hints(seen) if level != "3" else (), start=1):
                with st.popover(f"Hint {i}"):
                    st.markdown(hint)
            st.button("Show me", on_click=show_answer, args=(level, number), key="grad_show")
    mine = sorted(int(word[2:]) for word in found() if word.startswith(f"{level}:"))
    which = f" (number{'s' * (len(mine) > 1)} {', '.join(map(str, mine))})" if mine else ""
    st.progress(len(mine) / len(NUMBERED), f"Found at this level: {len(mine)} of {len(NUMBERED)}{which}")


def evidence(report: GradientReport) -> None:
    """The ratios, and the strip below them."""
    table = common.parameter_table(report)
    high = 42 if lecture.on() else 23  # px of a row
    st.dataframe(table[["Parameter", "Grade", "a ÷ b"]], hide_index=True, row_height=high, height=high * len(table) + high + 15)
    common.show_strip(report)


def show(v: Values) -> Shown:
    st.sidebar.caption(HOUSE)
    level, number = v.level, v.bug
    (seen,) = workers.measure_all(partial(clues, number))
    report, e = seen.report, numbered(number)
    remember(number)
    left, right = st.columns(2)
    with left:
        evidence(report)
    with right:
        move_on(level, number, seen, ask(level, number, seen))

    def details() -> None:
        name = common.choose_parameter(report)
        for column, cells, side in zip(st.columns(2), gradient_cells(report, name), ("backpropagation", "differences"), strict=True):
            spec = titled(gradient_map(cells, *common.shape(report.by_parameter[name])), f"{name} by {side}", "Blue: above 0. Orange: below 0. Pale: 0.")
            layout.show(column, spec, f"Gradient of {name} by {side}, blue positive, orange negative")
        if line_of(NUMBERED[number - 1]) in answers().get((level, number), ()):
            with st.expander("The bug's whole code"):
                st.code(layout.source(e.bug.kind), language="python")

    script = f"""from engine import check_gradients, numbered

task = numbered({number})   # task.bug tells, once you have an answer
report = check_gradients(task.network, task.x, task.labels, penalty=task.penalty)
print(f"relative error {{report.relative_error:.6g}}: {{report.grade}}")
for row in report.by_parameter.values():
    print(f"{{row.name}}  {{row.relative_error:.6g}}  {{row.factor:.6g}}")
"""
    return Shown(explain(report), [common.DIFFERENCE, *common.metric(report)], script, common.numbers(report), details)


LOOK_FOR = "Which parameters are wrong? Which are right, if any? Which lines of the code lie between them?"
PART = Part(
    "bug", "Find the bug", show,
    question="Which line of the backward pass is wrong?",
    sees="The table says which parameters get a wrong gradient: a is backpropagation's, b the one by differences. Beside it stands the backward pass, of which one line runs wrong.",
    matters="A check finds a bug without naming it. Which weights are wrong, and by what factor, leads to the faulty line.",
    first="Look for a parameter that is still right. Then click a line.",
    controls=(LEVEL, BUG), inside=(PARAMETER,),
    presets=tuple(Preset(f"grad_bug_{i}", f"Bug {i}", LOOK_FOR, {"bug": i}) for i in range(1, len(NUMBERED) + 1)),
    try_next=(
        Try("Bug 13. Before you answer: which is the last parameter, counted from the output, that is still right?", {"bug": 13}),
        Try("Bug 15. In every gamma and beta the ratio a ÷ b is the same number: a factor is forgotten or doubled. Which one?", {"bug": 15}),
        Try("To give a class bug 6, share the link of this page: it names the number only.", {"bug": 6})),
    sources=(numbered, check_gradients), cites=("notes", "cs231n"),
)
