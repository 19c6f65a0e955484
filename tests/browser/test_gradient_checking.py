"""Gradient checking as a visitor meets it: a teacher's link, a slider that moves, a mistake that is switched on."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints

pytestmark = pytest.mark.browser


def test_a_teachers_link_opens_a_bug_that_fits_a_laptop_and_what_is_found_stays_in_the_browser(server, tab):
    visitor = tab(size=(1366, 768))
    page = visitor.open(f"{server.url}/gradient_checking?grad_part=bug&grad_bug=7")
    expect(page.get_by_text("Found at this level: 0 of 17")).to_be_visible()
    last = page.get_by_text("dx = dy * mask")   # of the lines to click, and what moves on
    for place in (last, page.get_by_role("button", name="Next bug"), page.get_by_role("button", name="Hint 3")):
        assert place.bounding_box()["y"] + place.bounding_box()["height"] < 768
    page.get_by_text("dlogits = (onehot - p) / m").click()
    expect(page.get_by_text("Yes: The sign of the loss's gradient.")).to_be_visible()
    expect(page.get_by_text("Found at this level: 1 of 17")).to_be_visible()
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 600)")
    page.get_by_role("button", name="Next bug").click()
    expect(page).to_have_url(re.compile(r"grad_part=bug&grad_bug=8$"))
    expect(page.get_by_text("Found at this level: 1 of 17")).to_have_count(1)   # until what the bug before left is gone
    page.wait_for_function("document.querySelector(\"[data-testid='stMain']\").scrollTop === 0")
    page = visitor.open(f"{server.url}/gradient_checking?grad_part=bug&grad_bug=2")   # another visit with the same browser
    expect(page.get_by_text("Found at this level: 1 of 17 (number 7)")).to_be_visible()
    assert page.locator("[data-testid='stException']").count() == 0
    assert complaints(visitor) == []


def test_the_network_answers_while_a_slider_moves_and_its_link_tells_the_setting(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/gradient_checking")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("Backpropagation is right in all 14,900 components that could be compared")
    expect(page.get_by_role("img", name=re.compile("The vector of all 25,194 parameters")).or_(
        page.locator("[aria-label*='The vector of all 25,194 parameters']")).first).to_be_visible()
    page.locator(".st-key-grad_epsilon [role='slider'], .st-key-grad_epsilon input[type='range']").first.focus()
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("grad_epsilon=0.1"))
    expect(page.get_by_text("0.1 is too large for two-sided differences in float64").first).to_be_visible()
    page.get_by_role("button", name="Apply the fix").click()
    expect(verdict).to_contain_text("Backpropagation is right in all 14,900 components that could be compared")
    expect(page).to_have_url(re.compile("gradient_checking$"))
    assert page.locator("[data-testid='stException']").count() == 0
    assert complaints(visitor) == []


def test_a_caution_breaks_before_the_visitors_eyes(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/gradient_checking?grad_part=Cautions&grad_caution=One+sample")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("graded wrong")
    page.get_by_text("Check with one image").click()
    expect(verdict).to_contain_text("Hardly anything was tested")
    expect(page).to_have_url(re.compile("grad_mistake=true"))
    assert complaints(visitor) == []
