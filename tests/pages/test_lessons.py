"""Lessons: each runs from its first step to its last over the real parts, and a bad file is told where it is bad."""

import re
from urllib.parse import urlencode

import pytest

from pages.shared import lessons
from pages.shared.lessons import ORDER, parse
from tests.pages import golden
from tests.pages.helpers import opening_of

each = pytest.mark.parametrize("key", ORDER)


@pytest.fixture(autouse=True)
def without_mnist(monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


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
