"""What holds for every part and every preset, also for those that are yet to be written."""

import os
import re
import shutil
import subprocess
import sys
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

from engine.standalone import standalone
from pages.shared import glossary
from pages.shared.control import Text
from pages.shared.part import PAGES, Page, Part, Preset, Shown, find_preset
from pages.shared.pictures import with_units
from pages.shared.references import REFERENCES
from tests.conftest import ROOT
from tests.pages import golden
from tests.pages.helpers import (
    CONTROLS,
    PARTS,
    PRESETS,
    aim_of,
    assert_charts_are_vega_lite,
    assert_charts_get_their_tables,
    assert_reads_easily,
    charts_of,
    link_of,
    open_part,
    opening_of,
    verdict_of,
)
from tests.reference import bare

pytestmark = pytest.mark.usefixtures("without_mnist")
each_part = pytest.mark.parametrize(("page", "part"), PARTS, ids=[f"{page.prefix}-{part.key}" for page, part in PARTS])
each_control = pytest.mark.parametrize(("page", "part", "control"), CONTROLS, ids=[f"{part.key}-{control.key}" for _, part, control in CONTROLS])
each_preset = pytest.mark.parametrize(("page", "preset"), PRESETS, ids=[preset.key for _, preset in PRESETS])
# Their scripts take a minute: each has a test of its own
TRAINS = {("bn", "scales"), ("act", "ranking"), ("mnist", "training")}
NONSENSE = "[Sign in](http://evil.example/a) ![x](http://evil.example/b) **b** $x$ :red[c] " + "9" * 200


@each_part
def test_a_link_opens_a_part_with_one_title_a_verdict_charts_that_speak_and_a_script(page, part):
    app = open_part(page, part)
    assert not app.exception
    assert not app.warning
    assert [title.value for title in app.title] == [part.question]
    assert all(text in opening_of(app) for text in (part.sees, part.matters, part.first))
    assert len(verdict_of(app)) > 20
    assert_words_and_symbols_are_explained(app, page, part)
    assert_reads_easily(app, f"{page.prefix}_{part.key}")
    assert charts_of(app) or (page.prefix, part.key) == ("act", "ranking")   # nothing has been run yet
    said = [chart.alt for chart in charts_of(app)]
    assert all(len(words) > 20 for words in said)
    assert len(set(said)) == len(said)
    assert_charts_get_their_tables(app)
    assert_charts_are_vega_lite(app)
    assert "print(" in golden.script_of(app)
    assert any(button.label == "Download as CSV" for button in app.get("download_button"))


def test_a_key_opens_the_numbers_in_a_window_and_files_name_their_units():
    app = open_part(*next(one for one in PARTS if one[1].key == "hand"))
    tables = [table.value for table in app.dataframe]
    app.button(key="_numbers").click().run()
    opened = [table.value for table in app.dataframe]
    assert len(opened) == len(tables) + 1
    assert sum(table.equals(tables[-1]) for table in opened) == 2
    rows = pd.DataFrame({"epoch": [1], "loss": [2.3], "saturated": [0.5], "rms": [1.0]})
    assert list(with_units(rows)) == ["epoch (passes)", "loss (nats)", "saturated (share)", "rms"]


@each_part
def test_every_part_asks_says_what_is_seen_why_it_matters_and_what_to_try_in_short_sentences(page, part):
    assert part.question.endswith("?")
    assert [other for _, other in PARTS if other.question == part.question] == [part]
    assert all((part.sees, part.matters, part.first))
    assert len(f"{part.sees} {part.matters} {part.first}") < 420   # the picture stays on a laptop's first screen
    said = [part.question, part.sees, part.matters, part.first, *(preset.look_for for preset in part.presets), *(line.text for line in part.try_next)]
    for sentence in (one for text in said for one in re.split(r"(?<=[.?!:;]) ", text)):
        assert len(sentence.split()) <= 30, sentence


def test_every_part_names_its_sources_and_no_source_is_listed_for_nothing():
    cited = {key for _, part in PARTS for key in part.cites}
    assert cited == set(REFERENCES)
    assert all(part.cites for _, part in PARTS)


def assert_words_and_symbols_are_explained(app, page, part):
    name, lines = f"{page.prefix}_{part.key}", [element.value for element in app.latex]
    for symbol in set().union(*map(glossary.symbols_in, lines)):
        entry = glossary.of_symbol(symbol, name)
        assert entry, f"the glossary says nothing of {symbol} in {name}"
        told = (re.sub(r"\$(\w)_\\text\{(\w+)\}\$", r"\1_\2", element.value) for element in app.markdown)   # as the glossary writes it
        assert any(f"**{entry.word}**" in text and entry.meaning in text for text in told), symbol


def numbers_in(text: str) -> list[float]:
    """Numbers of two digits or more, as a script prints them."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return [float(word) for word in re.findall(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?(?![\w.])", text) if len(re.sub(r"\D", "", word)) > 1]


@each_part
def test_the_script_of_a_part_prints_the_numbers_of_the_part(page, part):
    if (page.prefix, part.key) in TRAINS:
        pytest.skip("trains for a minute: see the page's own tests")
    app = open_part(page, part)
    printed = numbers_in(golden.printed(golden.script_of(app)))
    words = " ".join(element.value for element in (*app.markdown, *app.caption, *app.latex)).replace("\u00a0", "")
    words = re.sub(r" ?× ?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: "e" + m[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")), words)
    shown = [np.abs(numbers_in(words.replace("−", "-")))]
    for table in golden.tables(app):
        shown += [np.abs(table[name].to_numpy(float)) for name in table.select_dtypes("number")]
        shown += [np.abs(numbers_in(" ".join(map(str, table[name])))) for name in table.select_dtypes(["object", "string"])]
    shown = np.concatenate(shown)
    assert printed
    found = [np.isclose(shown, abs(x), rtol=6e-3, atol=1e-300).any() for x in printed]
    assert np.mean(found) > 0.95, [x for x, there in zip(printed, found, strict=True) if not there][:10]


@pytest.mark.parametrize(("page", "part"), [pytest.param(*pair, id=f"{pair[0].prefix}-{pair[1].key}",
                         marks=[pytest.mark.slow] * ((pair[0].prefix, pair[1].key) in TRAINS)) for pair in PARTS])
def test_the_file_of_a_part_runs_with_numpy_alone_and_prints_what_its_script_prints(page, part, tmp_path):
    script = golden.script_of(open_part(page, part))
    printed = bare(standalone(script), tmp_path)
    assert printed
    assert golden.differs(golden.printed(script), printed, tolerance=1e-6) == ""


@each_part
def test_the_file_of_a_part_is_made_when_it_is_asked_for(page, part, monkeypatch):
    made = []
    monkeypatch.setattr("pages.shared.alone.standalone", lambda script: made.append(script) or f"def one_file():\n    pass\n{script}")
    app = open_part(page, part)
    assert made == []
    app.session_state["_alone"] = True
    app.run()
    assert not app.exception
    assert [script.strip() for script in made] == [golden.script_of(app).strip()]
    assert f"def one_file():\n    pass\n{made[0]}".strip() in [code.value for code in app.code]
    assert {button.label for button in app.get("download_button")} >= {"Download as one file", "Download as a notebook"}


@pytest.mark.slow
@each_part
def test_every_control_goes_to_both_ends_and_its_value_travels_in_the_link(page, part):
    app = open_part(page, part)
    for control in part.all_controls:
        assert control.ends() or isinstance(control, Text)
        for end in control.ends():
            if control.key in app.session_state:
                app.session_state[control.key] = end
            else:   # it stands beside what another setting shows
                app.session_state["_kept"][control.key] = end
            app.run()
            assert not app.exception, (control.key, end)
            assert_charts_get_their_tables(app)
            assert len(verdict_of(app)) > 10
            assert_reads_easily(app, f"{page.prefix}_{part.key}")
            if control.key in app.session_state and app.session_state[control.key] == end and end != control.default:
                texts = app.query_params[control.key]
                assert control.read(texts if isinstance(texts, list) else [texts]) == end
        if control.key in app.session_state:
            app.session_state[control.key] = control.default


@each_control
def test_every_value_of_a_control_is_read_from_what_is_written_and_from_its_label(page, part, control):
    for value in (control.default, *control.ends(), *getattr(control, "options", ())):
        if isinstance(value, list) == isinstance(control.default, list):
            assert control.read([control.write(value)]) == value
            if not isinstance(value, bool | int | float) or hasattr(control, "options"):
                assert control.read([control.show(value)]) == value


@each_preset
def test_a_preset_chosen_as_the_first_act_of_a_visit_has_a_link_that_shows_the_same(page, preset):
    app = golden.open_link(page.stem)
    app.selectbox(key=f"_{page.prefix}_preset").set_value(preset.key).run()
    assert not app.exception
    wanted, kept = page.settings_of(preset), app.session_state["_kept"]
    assert {key: kept.get(key, page.part_control.default) for key in wanted} == wanted   # a page of one part shows no menu of parts
    copy = golden.open_link(link_of(app, page))
    for visit in (app, copy):
        assert any(f"Look for: {preset.look_for}" == caption.value for caption in visit.caption)
        assert aim_of(preset) in " ".join(opening_of(visit).split())
        part = next(part for part in page.parts if preset in part.presets)
        assert_words_and_symbols_are_explained(visit, page, part)
    assert_reads_easily(copy, f"{page.prefix}_{part.key}")
    assert golden.script_of(copy) == golden.script_of(app)
    assert "import engine" not in standalone(golden.script_of(app))   # of every experiment's script one file can be made
    assert verdict_of(copy) == verdict_of(app)
    assert golden.columns(copy) == golden.columns(app)


@each_part
def test_try_next_lines_set_what_they_say_by_a_click(page, part):
    assert part.try_next
    app = open_part(page, part)
    for i, line in enumerate(part.try_next):
        to, preset = find_preset(line.preset) if line.preset else (page, None)
        settings = to.settings_of(preset) if preset else {f"{page.prefix}_{name}": value for name, value in line.settings.items()}
        assert settings, line.text
        if to is not page:
            target = golden.open_link(f"{to.stem}?{urlencode(to.query(settings))}")
            assert not target.exception
            continue
        before = dict(app.query_params)
        app.button(key=f"_{page.prefix}_{part.key}_try_{i}").click().run()
        assert not app.exception, line.text
        kept = app.session_state["_kept"]
        assert {key: kept[key] for key in settings} == settings
        assert dict(app.query_params) != before, f"nothing is seen: {line.text}"
        app = open_part(page, part)


@pytest.mark.parametrize("page", PAGES.values(), ids=list(PAGES))
def test_nonsense_in_a_link_is_said_in_plain_text_and_the_defaults_are_used(page):
    for part in page.parts:
        asked = {control.key: NONSENSE for control in part.all_controls if control.key != f"{page.prefix}_parameter"}
        app = golden.open_link(f"{page.stem}?{urlencode({page.part_control.key: part.key} | asked)}")
        assert not app.exception
        taken = [control for control in part.all_controls if isinstance(control, Text)]
        assert len([w for w in app.warning if "The link asks for" in w.value]) == len(asked) - len(taken)
        for warning in app.warning:
            assert not re.search(r"(?<!\\)[\[\]*$]", warning.value.partition("“")[2].partition("”")[0])
        assert dict(app.query_params).keys() <= {page.part_control.key, *(control.key for control in taken)}


def test_a_page_refuses_settings_that_are_none_of_its_controls():
    part = Part("p", "P", lambda v: Shown, presets=(Preset("x", "x", "", {"colour": 1}),))
    try:
        with pytest.raises(ValueError, match="settings must name controls of nowhere, got colour"):
            Page("nowhere", "no", "", "", "", (part,))
    finally:
        PAGES.pop("nowhere", None)


MADE_UP = '''"""A made-up part: a number and its square."""

import altair as alt
import pandas as pd
import streamlit as st

from engine.verdict import Verdict
from pages.shared import layout
from pages.shared.control import Values, Whole
from pages.shared.encodings import number
from pages.shared.part import Part, Preset, Shown, Try

SIDE = Whole("bn_side", "Side of a square", 30, "Its area is shown.", (1, 90))


def show(v: Values) -> Shown:
    table = pd.DataFrame({"side": range(1, 100), "area": [i * i for i in range(1, 100)]})
    layout.show(st, alt.Chart(table).mark_line().encode(x=number(alt.X, "side"), y=number(alt.Y, "area")), "The area of a square by its side")
    script = f"print({v.side} ** 2 + 0)\\n"
    verdict = Verdict("usual", f"A square of side {v.side} has an area of {v.side ** 2}.")
    return Shown(verdict, [f"{v.side}^2 = {v.side ** 2}"], "import math\\n" + script, table)


PART = Part("square", "Squares", show, question="How large is a square?", sees="The area of a square.", matters="It grows faster than the side.",
            first="Double the side.", controls=(SIDE,), presets=(Preset("bn_square", "A square of ten", "Its area is 100.", {"side": 10}),),
            try_next=(Try("A side of 20.", {"side": 20}),))
'''


def test_a_part_in_one_file_and_one_line_appears_with_all_that_belongs_to_it(tmp_path):
    """A copy of the app gets a made-up part, and this file's tests hold for it."""
    for folder in ("engine", "pages", "tests", ".streamlit"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("streamlit_app.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    room = tmp_path / "pages" / "parts" / "batch_norm"
    (room / "square.py").write_text(MADE_UP)
    contents = (room / "__init__.py").read_text()
    changed = contents.replace("running, scales", "running, scales, square").replace("inputs.PART)", "inputs.PART, square.PART)")
    assert changed != contents
    (room / "__init__.py").write_text(changed)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "square and not appears", "tests/pages/test_every_part.py"]
    tests = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)
    assert tests.returncode == 0, tests.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", tests.stdout).group(1)) >= 6
