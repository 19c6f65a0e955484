"""The way through the app: every experiment of the catalogue by its link, and every lesson from Home to its end."""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

import pages.parts  # noqa: F401  (fills PAGES)
from pages.parts.home import catalogue
from pages.shared import lessons
from tests.browser.conftest import complaints
from tests.conftest import Server
from tests.pages.helpers import aim_of

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LISTED = catalogue.find()
SENTENCE = re.compile(r"\w+ \w+ .+[.?]")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Without MNIST, on which some experiments train for minutes before they have a verdict."""
    own = Server(tmp_path_factory.mktemp("server") / "server.log", {"MNIST_DIR": "/nowhere"})
    yield own
    own.stop()


@pytest.mark.parametrize("listed", LISTED, ids=[one.preset.key for one in LISTED])
def test_an_experiment_opens_in_a_new_browser_with_its_title_what_to_look_for_and_a_verdict(listed, server, tab):
    visitor = tab()
    page = visitor.page
    page.goto(f"{server.url}/{listed.page.stem}?{urlencode(listed.query)}")
    expect(page.locator(".opening .aim")).to_have_text(aim_of(listed.preset))
    expect(page.locator(".st-key-verdict")).to_have_text(SENTENCE, timeout=120_000)   # of those that train first
    visitor.settle()
    assert page.locator(".st-key-veiled, [data-testid='stException']").count() == 0
    assert page.get_by_text("The link asks for").count() == 0
    assert complaints(visitor) == []


@pytest.mark.parametrize("key", lessons.ORDER)
def test_a_lesson_leads_from_home_to_its_end_and_back(key, server, tab):
    visitor, lesson = tab(), lessons.lessons()[key]
    page, steps = visitor.open(server.url), lesson.steps
    page.get_by_role("link", name=lesson.title, exact=True).click()
    bar, opening = page.locator(".st-key-lesson"), page.locator(".opening")
    for number, step in enumerate(steps, start=1):
        expect(opening).to_contain_text(f"{lesson.title}, {number} of {len(steps)}")
        expect(opening).to_contain_text(step.say, use_inner_text=True)
        expect(bar.get_by_role("button", name="Next")).to_have_count(1)   # what the step before left is gone
        expect(page).to_have_url(re.compile(rf"/{step.page.stem}\?(?=.*lesson={key}).*step={number}\b"))
        visitor.settle()
        expect(page.locator(".st-key-verdict")).to_have_text(SENTENCE)
        assert page.locator("[data-testid='stException']").count() == 0
        if number < len(steps):
            bar.get_by_role("button", name="Next").click()
    expect(bar.get_by_role("button", name="Next")).to_be_disabled()
    bar.get_by_role("button", name="Back").click()
    expect(opening).to_contain_text(f"{lesson.title}, {len(steps) - 1} of {len(steps)}")
    page.go_back()
    expect(opening).to_contain_text(f"{lesson.title}, {len(steps)} of {len(steps)}")
    assert complaints(visitor) == []
