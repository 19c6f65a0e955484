"""What every page shows: question, verdict, formulas, numbers, script and source; charts as wide as their place."""

import html
import inspect
import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from engine.datasets import Dataset, DatasetError, load_digits, load_mnist, mnist_at_hand
from pages.shared import alone, glossary, lecture
from pages.shared.encodings import SENT, specification
from pages.shared.heard import heard
from pages.shared.references import REFERENCES

LOG = logging.getLogger("streamlit.explorer")  # shown where Streamlit shows its own
TEXT_WIDTH = 760  # px: a line that the eye does not lose


def tex(x: float) -> str:
    """A number in a formula, as people write it: 0.003 as it is, 0.00001 as a power of ten."""
    mantissa, _, exponent = f"{x + 0:.3g}".partition("e")  # -0 is 0
    return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa


def term(x: float) -> str:
    """A number in the middle of a formula: negative ones in brackets."""
    return tex(x) if x >= 0 else f"({tex(x)})"


def question(text: str) -> None:
    st.title(text, anchor=False)


def packed(spec: dict) -> dict:
    """A specification with its tables as they are sent: Arrow's bytes, without an index. Streamlit would make them at three times the cost."""

    def column(values: pd.Series) -> pa.Array:  # whole numbers in four bytes, words that come again once
        made = pa.array(values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array, from_pandas=True)
        if pa.types.is_int64(made.type) and len(made) and values.abs().max() < 2**31:
            return made.cast(pa.int32())
        if not pa.types.is_large_string(made.type) and not pa.types.is_string(made.type):
            return made
        coded = (made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made).dictionary_encode()
        few = 4 * len(coded.dictionary) < len(made) > 30 and len(coded.dictionary) < 128
        return pa.DictionaryArray.from_arrays(coded.indices.cast(pa.int8()), coded.dictionary.cast(pa.string())) if few else made.cast(pa.string())

    def pack(table: pd.DataFrame) -> bytes:
        made, sink = pa.table({name: column(c) for name, c in table.items()}), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, made.schema) as stream:
            stream.write_table(made)
        return sink.getvalue().to_pybytes()

    return {**spec, "datasets": {name: pack(table) for name, table in spec["datasets"].items()}}


# nginx.conf allows this style by its hash, see tests/pages/test_layout.py; without it, meanings stay hidden. Below them, what Streamlit's
# own look lacks: white words on a dark enough blue, idle labels that can be read, formulas that wrap, pictures that a run does not fade, targets.
STYLE = """<style>
.opening {display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 0.4rem 1.75rem; font-size: 0.875rem; line-height: 1.45}
.opening > div {position: relative} .opening .aim {grid-column: 1 / -1}
.opening dfn {font-style: normal; text-decoration: underline dotted; text-underline-offset: 0.2em; cursor: help}
.opening dfn span {position: absolute; left: 0; right: 0; margin-top: 1.6em; z-index: 9; padding: 0.4rem 0.6rem; border-radius: 0.4rem;
  background: #2b2f36; color: #f2f3f5; cursor: default}
.opening dfn:hover span, .opening dfn:focus span {display: block !important}
.st-key-live .vega-bind input[type=range] {width: min(30rem, 70vw) !important} .st-key-veiled {filter: blur(9px); opacity: 0.5; pointer-events: none; user-select: none}
:is([data-testid=stMultiSelectTagsContainer] [data-tag], [data-testid=stBaseButton-primary]:not(:disabled)) {background: #2f6fb3; border-color: #2f6fb3}
:is(label[disabled], [data-testid=stCaptionContainer]) :is(p, li) {color: light-dark(#565d67, #a9b1bc); opacity: 1}
:is(.stMarkdown, [data-testid=stImageCaption]) [data-testid=stCaptionContainer] {opacity: 1} [data-testid=stBaseButton-primary] kbd {color: inherit; opacity: 1}
:is([data-testid=stButtonGroup] [data-selected=true], [data-testid=stMain] :is([data-testid=stPageLink-NavLink], [data-testid=stBaseButton-tertiary])) p {color: light-dark(#2a64a1, #6aa9e9)}
[data-testid=stMain] :is([data-testid=stPageLink-NavLink], [data-testid=stBaseButton-tertiary]) :is(span, div, p) {white-space: normal; text-align: left} [data-testid=stMain] [data-testid=stPageLink-NavLink] {padding-left: 0}
[data-testid=stButtonGroup] [data-variant]:not([data-selected=true]) {border-color: light-dark(#d2d2d3, #3e4044) !important} [data-selected=true] {position: relative; z-index: 1}
[data-testid=stMain]:has([class*=_buttons]) [data-stale=true] {opacity: 1 !important; transition: none !important}
.stMarkdown [data-testid=stMarkdownContainer] .katex-display {overflow: visible} .stMarkdown [data-testid=stMarkdownContainer] .katex-display > .katex {white-space: normal}
@media (max-width: 640px) {.stMarkdown [data-testid=stMarkdownContainer] .katex-display > .katex {font-size: 1em}}
[data-testid=stToolbar] > div > div:has(> [data-testid=stMainMenu], > * > [data-testid=stMainMenu]) {min-width: 0}
[data-testid=stSelectbox] input {text-overflow: ellipsis} @media (max-width: 1060px) {[data-testid=stMain] [data-testid=stColumn]:has([data-testid=stVegaLiteChart]) {min-width: calc(100% - 1.5rem)}}
[data-testid=stStatusWidget] {position: fixed; top: 3.6rem; right: 1rem} @media (max-width: 1270px) {[data-testid=stTopNavLink] {padding: 0 0.3rem} [data-testid=stTopNavLink] * {font-size: 0.82rem !important}}
@media (max-width: 640px) {[data-testid=stMain] :is([data-testid=stButtonGroup] button, summary) {min-height: 2.5rem}}
</style>"""


def opening(page: str, texts: Mapping[str, str], aim: tuple[str, str] | None = None) -> None:
    """A few sentences before the picture, each under its head: side by side, and below each other on a phone.

    Words of the glossary are dotted. An `aim` is the title of the experiment that stands on the page, and what to look for.
    """
    told: set[glossary.Entry] = set()
    said = "".join(f"<div><strong>{html.escape(head)}</strong><br>{glossary.dotted(text, page, told)}</div>" for head, text in texts.items() if text)
    if aim:
        said += f'<div class="aim"><strong>{html.escape(aim[0])}{"." * (aim[0][-1] not in "?!")}</strong> Look for: {html.escape(aim[1])}</div>'
    if said:
        st.html(f'{STYLE}<div class="opening">{said}</div>')


def words(entries: Iterable[glossary.Entry]) -> None:
    """What the words and symbols of a part mean."""
    with st.expander("Words and symbols"), st.container(width=TEXT_WIDTH):
        lines = (f"- **{entry.word}**{f', {entry.here}' if entry.here else ''}: {entry.meaning}" for entry in entries)
        st.markdown(re.sub(r"(\w)_(\w+)", r"$\1_\\text{\2}$", "\n".join(lines)))


def head(title: str | Mapping[str, Any], kind: str = "") -> str:
    """A picture's words as text of the page, which wraps at any width, can be selected, and is read aloud; its kind is for a style to see."""
    text, under = (title, "") if isinstance(title, str) else (title["text"], title.get("subtitle", ""))
    lines = " ".join([under] if isinstance(under, str) else under).replace(" %", "\u00a0%")
    below = f'<div style="font-size: 0.875rem; opacity: 0.8">{html.escape(lines)}</div>' if lines else ""
    return f'<div class="{kind}" style="line-height: 1.4"><strong>{html.escape(text)}</strong>{below}</div>'


def show(where: Any, chart: alt.TopLevelMixin | dict, said: str, table: pd.DataFrame | None = None, *, look: Mapping[str, Any] | None = None, **named: pd.DataFrame) -> None:
    """Draw a chart below its title, as wide as its place (a column, or `st` itself); `said` is what it shows, for those who hear it.

    A specification that names its tables gets them here: `SENT`, and others by their names. `look` is what else the element takes.
    """
    spec = dict(chart) if isinstance(chart, dict) else specification(chart)
    if lecture.on():
        if not lecture.takes(said):
            return
        spec = lecture.enlarged(spec)
    tables = {**spec["datasets"], **({} if table is None else {SENT.name: table}), **named}  # all by name: with one name, a table without would be taken for it
    title, numbers, tall = spec.pop("title", None), heard(spec, tables), spec.get("height") == "container"  # in a lecture, by its style
    with where.container(gap="xxsmall"):
        if title:
            st.html(head(title, "tall" * tall))
        spoken, high = f"{said[:1].upper()}{said[1:]}. {numbers}".rstrip(), "stretch" if tall else "content"
        st.vega_lite_chart(None, packed({**spec, "datasets": tables}), width="stretch", height=high, alt=spoken, **(look or {}))


def verdict(text: str, key: str = "verdict") -> None:
    """One sentence on these very numbers. No line ends between a number and its %."""
    with st.container(key=key, width=TEXT_WIDTH):
        st.markdown(text.replace(" %", "\u00a0%"))


def formulas(lines: Sequence[str]) -> None:
    """Formulas set apart by \\qquad stand side by side, and below each other on a phone."""
    st.header("The formula, with these numbers", anchor=False)
    with st.container(width=TEXT_WIDTH):
        for line in lines:
            with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", gap="medium"):
                for part in line.split(r"\qquad"):
                    st.latex(part.strip(), width="content")


def references(keys: Sequence[str]) -> None:
    """What a part's claims stand on, in short; the full list is a page of its own."""
    if keys:
        st.caption("Sources: " + "; ".join(REFERENCES[key][0] for key in keys) + ". In full: [References and symbols](references).")


@st.cache_resource(show_spinner="Reading MNIST …")
def mnist() -> Dataset:
    return load_mnist()


def missing(name: str) -> bool:
    """Whether the digits stand in for the chosen dataset."""
    return name == "mnist" and ("_mnist_failed" in st.session_state or not mnist_at_hand())


def stand_in(name: str) -> str:
    """What the sidebar says below the choice of a dataset."""
    return "MNIST is not on this server: the digits are used." if missing(name) else ""


def dataset(name: str) -> Dataset:
    """The chosen dataset, or the built-in one and a sentence why. A failure is not tried again until it is asked for."""
    if name == "digits":
        st.caption("Digits: 1,797 images of 8\u00a0×\u00a08, built in. Choose MNIST in the sidebar for 70,000 images of 28\u00a0×\u00a028.")
        return load_digits()
    state, fetching = st.session_state, missing(name)
    slot = st.empty()
    if fetching:
        label, note = ("Try again", "") if "_mnist_failed" in state else ("Download MNIST (11 MB)", "Once; it is kept in the server's cache folder. ")
        if not slot.button(label, help=f"{note}Or set MNIST_DIR to a folder that has it."):
            reason = state.get("_mnist_failed", "MNIST is not on this server yet.")
            st.warning(f"{reason} The built-in digits are used meanwhile; percentages that this page names for MNIST do not hold for them.")
            return load_digits()
    try:
        if fetching:
            with slot.container():
                fetch(st.empty())
            state.pop("_mnist_failed", None)
            mnist()
            st.rerun()  # the sidebar too has MNIST now
        return mnist()
    except DatasetError as error:
        LOG.warning("%s", error)  # folders and hashes are for whoever runs the server
        state["_mnist_failed"] = f"MNIST could not be {'downloaded' if fetching else 'read'}; the server's log says why."
        st.rerun()


def fetch(bar: Any) -> None:
    """Download MNIST in a thread of its own: any click ends the waiting, also for a mirror that hangs. A script can be interrupted only where it draws."""
    told, failed, given_up = [0, 0], [], threading.Event()

    def report(done: int, total: int) -> None:
        if given_up.is_set():
            raise InterruptedError
        told[:] = done, total

    def work() -> None:
        try:
            load_mnist(progress=report)
        except Exception as error:
            failed.append(error)

    st.button("Cancel", help="The digits are used instead.")  # its click alone starts the page again
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            bar.progress(min(1.0, told[0] / max(told[1], 1)), f"{told[0] / 1e6:.1f} MB of this file" if told[0] else "Looking for MNIST …")
            thread.join(0.2)
    finally:
        given_up.set()
    if failed:
        raise failed[0]


@lru_cache(maxsize=128)
def source(thing: Callable | type) -> str:
    """The source of a function or a class. `inspect` reads a class by way of `ast`, which fails when two threads do so at once."""
    if not inspect.isclass(thing):
        return inspect.getsource(thing)
    lines = inspect.getsource(inspect.getmodule(thing)).splitlines(keepends=True)
    start = next(i for i, line in enumerate(lines) if re.match(rf"class {thing.__name__}\b", line))
    while lines[start - 1].startswith("@"):
        start -= 1
    return "".join(inspect.getblock(lines[start:]))


def run_it_yourself(script: str, name: str, *functions: Callable) -> None:
    """A script that gives this page's numbers, the same as one file of this name, and the engine's own source behind them."""
    st.header("Run it yourself", anchor=False)
    st.caption("Save it beside the folder `engine` and run it: it prints the numbers of this page.")
    st.code(script, language="python", wrap_lines=True)
    alone.offer(script, name)
    for function in functions:
        with st.expander(f"Source of `{function.__module__}.{function.__name__}`"):
            st.code(source(function), language="python", wrap_lines=True)
