"""Lessons: each runs from its first step to its last over the real parts, and a bad file is told where it is bad."""

import base64
import re
import zlib
from urllib.parse import urlencode

import pytest

from pages.shared import lessons
from pages.shared.lessons import ORDER, parse
from tests.pages import golden
from tests.pages.helpers import opening_of

pytestmark = pytest.mark.usefixtures("without_mnist")
each = pytest.mark.parametrize("key", ORDER)


def open_step(key, number):
    step = lessons.lessons()[key].steps[number - 1]
    return golden.open_link(f"{step.page.stem}?{urlencode(step.query(key, number))}")


@each
def test_a_lesson_runs_from_start_to_end_and_back_with_its_settings_in_the_link(key):
    lesson, app = lessons.lessons()[key], None
    for number, step in enumerate(lesson.steps, start=1):
        if app and step.page is lesson.steps[number - 2].page:
            app.button(key=f"_lesson_Next_{number - 1}").click().run()
        else:
            app = open_step(key, number)   # AppTest follows no link to another page
        assert not app.exception
        assert f"{lesson.title}, {number} of {len(lesson.steps)}" in opening_of(app)
        assert step.say in opening_of(app)
        kept = app.session_state["_kept"]
        assert {name: kept.get(name, step.settings[name]) for name in step.settings} == step.settings
        assert dict(app.query_params)["step"] in (str(number), [str(number)])
    if lesson.steps[-2].page is lesson.steps[-1].page:
        app.button(key=f"_lesson_Back_{len(lesson.steps)}").click().run()
        assert f"{len(lesson.steps) - 1} of " in opening_of(app)
    app.button(key="_lesson_leave").click().run()
    assert "lesson" not in app.query_params


@each
def test_a_step_says_it_in_short_sentences_and_a_lesson_has_five_to_ten(key):
    lesson = lessons.lessons()[key]
    assert 5 <= len(lesson.steps) <= 10
    for step in lesson.steps:
        assert all(len(sentence.split()) <= 30 for sentence in re.split(r"(?<=[.?!:]) ", step.say))


def test_no_lesson_and_no_step_that_is_not_there_leaves_the_page_as_it_is():
    for query in ("lesson=nothing&step=1", "lesson=vanishing&step=99", "lesson=vanishing&step=x", "lesson=batch_norm&step=1"):
        app = golden.open_link(f"initialization?{query}")
        assert not app.exception
        assert not any(button.key == "_lesson_leave" for button in app.button)


GOOD = """title = "A"
[[step]]
preset = "relu_he"
say = "Look."

[[step]]
page = "initialization"
part = "chain"
settings = {gain = 1.1}
say = "Look."
"""


@pytest.mark.parametrize(("old", "new", "message"), [
    ("relu_he", "relu_hee", "step 1, line 2: no preset is called relu_hee"),
    ("chain", "chains", "step 2, line 6: no page initialization has a part chains"),
    ("1.1", "1000.0", "step 2, line 6: chain cannot be set to gain = 1000.0"),
    ("gain", "colour", "step 2, line 6: chain cannot be set to colour"),
    ("say", "sing", "step 1, line 2: .*sing"),
    ('"A"', '"A', "no TOML: .*line 1"),
    ("title", "name", "line 1: a lesson has a title"),
])
def test_a_bad_lesson_is_told_where(old, new, message):
    assert len(parse(GOOD).steps) == 2
    with pytest.raises(ValueError, match=message):
        parse(GOOD.replace(old, new))


def link_of(text, number=1):
    name = lessons.pack(text)
    step = parse(text).steps[number - 1]
    return f"{step.page.stem}?{urlencode(step.query(name, number))}"


def test_a_teachers_own_lesson_travels_in_the_link_and_leads_on():
    app = golden.open_link(link_of(GOOD))
    assert "A, 1 of 2" in opening_of(app)
    app.button(key="_lesson_Next_1").click().run()
    assert "A, 2 of 2" in opening_of(app)
    assert app.session_state["_kept"]["init_gain"] == 1.1
    copy = golden.open_link(f"initialization?{urlencode(dict(app.query_params), doseq=True)}")
    assert "A, 2 of 2" in opening_of(copy)
    assert not copy.exception


def test_what_a_lesson_says_is_shown_as_plain_text():
    evil = '<script src=//evil.example/d></script> [Sign in](http://evil.example) $x$'
    app = golden.open_link(link_of(GOOD.replace('"A"', f'"{evil[:60]}"').replace('"Look."', f'"{evil}"')))
    assert not app.exception
    body = app.get("html")[0].proto.body
    assert "<script" not in body
    assert "&lt;script src=//evil.example/d&gt;&lt;/script&gt; [Sign in](http://evil.example) $x$" in body
    assert not any("evil.example" in element.value for element in app.markdown)


def squeezed(text: bytes) -> str:
    return "own." + base64.urlsafe_b64encode(zlib.compress(text)).decode()


@pytest.mark.parametrize("key", [
    "own.", "own.x", "own.AAAA", "own." + "A" * 5000, "own.é", "own.../..",
    squeezed(b"x" * 10**7), squeezed(b"\xff\xfe"), squeezed(b"a = " + b"[" * 5000)],
    ids=lambda key: key[:12])
def test_a_link_that_brings_no_lesson_leaves_the_page_as_it_is(key):
    assert lessons.named(key) is None
    app = golden.open_link(f"initialization?{urlencode({'lesson': key, 'step': 1})}")
    assert not app.exception
    assert not any(button.key == "_lesson_leave" for button in app.button)


@pytest.mark.parametrize(("text", "message"), [
    ("", "line 1: a lesson has a title"), ("x" * 7000, "line 1: a lesson has at most 6000 characters"), ("a = " + "[" * 3000, "no TOML"),
    (GOOD.replace('"A"', f'"{"A" * 61}"'), "line 1: a title has at most 60"),
    (GOOD.replace('"Look."', f'"{"x" * 301}"'), "step 1, line 2: say, preset"),
    (GOOD.replace("{gain = 1.1}", "3"), "step 2, line 6: settings look like"), (GOOD.replace("1.1", "[1]"), "step 2, line 6: "),
    (GOOD.replace("1.1", "nan"), "step 2, line 6: chain cannot be set to gain = nan"), (GOOD.replace('"chain"', "7"), "step 2, line 6: say, preset"),
    ('title = "A"\nstep = 3\nx = """\n[[step]]\n[[step]]\n"""', "line 1: a lesson has a title"),
    (GOOD + "[[step]]\npreset = 'relu_he'\nsay = 'x'\n" * 19, "at most 20 steps"),
])
def test_a_teacher_is_told_where_a_lesson_is_bad(text, message):
    app = golden.open_link("home")
    app.text_area(key="_own_lesson").set_value(text).run()
    assert not app.exception
    said = [element.value for element in app.text if element.value.startswith("This is no lesson yet.")]
    assert len(said) == 1
    assert message in said[0]
    app.text_area(key="_own_lesson").set_value(GOOD).run()
    assert any("lesson=own." in element.value for element in app.code)
