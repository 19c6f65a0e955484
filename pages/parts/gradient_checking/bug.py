"""Find the bug: seventeen backward passes with one wrong line each, to be told by what they spoil."""

from functools import partial

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check import check_gradients
from engine.gradient_check.explanation import explain
from engine.gradient_check.report import WORST_FIRST, GradientReport
from engine.gradient_check.zoo import BUGS, NUMBERED, Exercise, check_numbered, choices, fingerprint, numbered
from engine.verdict import Verdict
from pages.parts.gradient_checking import common
from pages.parts.gradient_checking.common import PARAMETER
from pages.shared import layout, link, workers
from pages.shared.control import Values, Whole
from pages.shared.encodings import drawn, titled
from pages.shared.part import Part, Preset, Shown, Try
from pages.shared.theme import DIVERGING

BUG = Whole("grad_bug", "Bug number", 1, "Each number hides one bug. A link with the number does not name it.", (1, len(NUMBERED)))
CELLS = 1900  # most cells of a map
BUILT = {"activation": "activation", "batch_norm": "batch norm", "dropout": "dropout rate", "sigma_b": "biases of spread", "l2": "an L2 penalty of"}


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


# The visitor's answers, by number of the bug; they stay for the visit


def answers() -> dict[int, list[str]]:
    return st.session_state.setdefault("grad_answers", {})


def shown() -> set[int]:
    """Numbers whose answer was asked for."""
    return st.session_state.setdefault("grad_shown", set())


def answer(number: int) -> None:
    if given := st.session_state[f"grad_answer_{number}"]:
        answers().setdefault(number, []).append(given)


def show_answer(number: int) -> None:
    answers().setdefault(number, []).append(NUMBERED[number - 1])
    shown().add(number)


def solved() -> list[int]:
    """The bugs that the visitor found without being shown."""
    return [n for n, given in sorted(answers().items()) if given[-1] == NUMBERED[n - 1] and n not in shown()]


def miss(e: Exercise, key: str, report: GradientReport) -> str:
    """What the bug that was named would have spoiled, beside what is wrong here."""
    would, wrong = fingerprint(e.correct, key), {row.name for row in report.by_parameter.values() if row.grade in WORST_FIRST}
    extra, missing = sorted(would - wrong), sorted(wrong - would)
    if extra:
        return f"Not that one: it would also spoil {', '.join(extra)}. Nothing is wrong there."
    if missing:
        return f"Not that one: it would leave {', '.join(missing)} right."
    return "Not that one, though it would spoil the same parameters. Look at the ratio, and at the pattern inside a parameter."


def ask(number: int, e: Exercise, keys: list[str], report: GradientReport) -> bool:
    """The question, and what there is to say to the answer so far; whether it is answered."""
    key, given = f"grad_answer_{number}", answers().get(number, [])
    done = bool(given) and given[-1] == e.bug.key
    if given:
        st.session_state[key] = given[-1]
    st.radio("Which bug is it?", keys, index=None, format_func=lambda key: BUGS[key].title, key=key, on_change=answer, args=(number,), disabled=done)
    if done:
        st.markdown(f"**{'Here it is' if number in shown() else 'Yes'}: {e.bug.title}.** It spoils {e.bug.fingerprint}.")
        st.code(f"{e.bug.wrong}\n{e.bug.right}   # as it should be", language="python")
        with st.expander("The bug's whole code"):
            st.code(layout.source(e.bug.kind), language="python")
    elif given:
        st.markdown(miss(e, given[-1], report))
    return done


def move_on(number: int, hint: str, done: bool) -> None:
    following = {BUG.key: number % len(NUMBERED) + 1}
    with st.container(horizontal=True):
        st.button("Next bug", on_click=link.put, args=(following,), type="primary" if done else "secondary", key="grad_next")
        if not done:
            with st.popover("Hint"):
                st.markdown(hint)
            st.button("Show me", on_click=show_answer, args=(number,), key="grad_show")
    found = solved()
    which = f" (numbers {', '.join(map(str, found))})" if found else ""
    st.progress(len(found) / len(NUMBERED), f"Found in this visit: {len(found)} of {len(NUMBERED)}{which}")


def show(v: Values) -> Shown:
    st.sidebar.caption(common.SMALL)
    number = link.draw(BUG)
    (report, keys), e = workers.measure_all(partial(check_numbered, number), partial(choices, number)), numbered(number)
    common.show_strip(report)
    told = {"activation": "relu", **e.bug.settings, **({"l2": e.penalty.l2} if e.penalty else {})}
    options = ", ".join(f"{BUILT[name]} {value}" for name, value in told.items())

    def details() -> None:
        maps, (left, right) = st.columns(2), st.columns(2)
        with right:
            name = common.choose_parameter(report)
            table = common.parameter_table(report)
            table["Relative error"] = table["Relative error"].where(table["Grade"] != "vacuous", "0 on both sides")
            st.dataframe(table[["Parameter", "Relative error", "a ÷ b"]], hide_index=True)
        for column, cells, side in zip(maps, gradient_cells(report, name), ("backpropagation", "differences"), strict=True):
            spec = titled(gradient_map(cells, *common.shape(report.by_parameter[name])), f"{name} by {side}", "Blue: above 0. Orange: below 0. Pale: 0.")
            layout.show(column, spec, f"Gradient of {name} by {side}, blue positive, orange negative")
        with left:
            done = ask(number, e, keys, report)
        move_on(number, e.bug.hint, done)

    script = f"""from engine import check_gradients, numbered

task = numbered({number})   # task.bug tells, once you have an answer
report = check_gradients(task.network, task.x, task.labels, penalty=task.penalty)
print(f"relative error {{report.relative_error:.6g}}: {{report.grade}}")
for row in report.by_parameter.values():
    print(f"{{row.name}}  {{row.relative_error:.6g}}  {{row.factor:.6g}}")
"""
    verdict = explain(report)
    return Shown(Verdict(verdict.kind, f"{verdict.text} The network has {options}."), common.metric(report), script, common.numbers(report), details)


LOOK_FOR = "Which parameters are wrong? Which are right, if any? What stands between them?"
PART = Part(
    "bug", "Find the bug", show,
    question="Which line of the backward pass is wrong?",
    sees="One line of this network's backward pass is wrong. The strip shows which weights get a wrong gradient, and the maps below show what it looks like.",
    matters="A check finds a bug without naming it. Which weights are wrong, and by what factor, leads to the faulty line.",
    first="Look for a parameter that is still right. Then choose a bug in the list below.",
    inside=(BUG, PARAMETER),
    presets=tuple(Preset(f"grad_bug_{i}", f"Bug {i}", LOOK_FOR, {"bug": i}) for i in range(1, len(NUMBERED) + 1)),
    try_next=(
        Try("Bug 13. Before you answer: which is the last parameter, counted from the output, that is still right?", {"bug": 13}),
        Try("Bug 15. The ratio a ÷ b is the same number everywhere: a factor is forgotten or doubled. Which one?", {"bug": 15}),
        Try("To give a class bug 6, share the link of this page: it names the number only.", {"bug": 6})),
    sources=(numbered, check_gradients), cites=("notes", "cs231n"),
)
