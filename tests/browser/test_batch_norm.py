"""Batch Norm as a visitor meets it: a run to its end, and a walk through the parts."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints, run_button

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_all_scales_train_live_and_the_sentence_says_where_batch_norm_is_behind(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/batch_norm?bn_part=Sixteen+scales")
    run_button(page, "Start").click()
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("After 20 epochs batch norm is ahead at", timeout=120_000)
    expect(verdict).to_contain_text("behind")
    expect(run_button(page, "Start")).to_be_disabled()
    expect(page.locator("[data-testid='stVegaLiteChart']")).to_have_count(4)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(verdict).to_contain_text("Press Start")
    assert complaints(visitor) == []


def test_a_walk_through_the_parts_keeps_settings_and_the_link(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/batch_norm?bn_size=1")
    verdict = page.locator(".st-key-verdict")
    expect(verdict).to_contain_text("A batch of one")
    for part, words in (("Its gradient", "In a batch of 1"), ("Training and use", "of the way"), ("Through depth", "Without batch norm"),
                        ("Parameters", "271,346"), ("Inputs", "998,001"), ("The mini-batch", "A batch of one")):
        page.get_by_role("radio", name=part).or_(page.get_by_role("button", name=part, exact=True)).first.click()
        expect(verdict).to_contain_text(words)
        visitor.settle()
        assert page.locator("[data-testid='stException']").count() == 0
    expect(page).to_have_url(re.compile("bn_size=1"))
    page.get_by_role("button", name="Apply the fix: Batch size m = 8").click()
    expect(verdict).to_contain_text("8 values")
    assert complaints(visitor) == []


def test_the_first_preset_of_a_visit_is_in_the_link_begins_at_the_top_and_back_returns_to_the_settings_before(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/batch_norm")
    page.get_by_role("heading", name="Run it yourself").wait_for()
    page.wait_for_function("(e => (e.scrollTop = 400, e.scrollTop === 400))(document.querySelector('[data-testid=stMain]'))", polling=100)
    page.locator(".st-key-_bn_preset input").click()
    page.get_by_role("option", name="The inputs shift").click()
    expect(page).to_have_url(re.compile(r"bn_part=running&bn_evaluate=63&bn_shift=2$"))
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")   # another part begins at its top
    expect(page.locator(".st-key-verdict")).to_contain_text("The inputs have moved")
    said = page.locator(".st-key-verdict").inner_text()
    copy = tab().open(page.url)
    expect(copy.locator(".st-key-verdict")).to_have_text(said)
    page.get_by_role("button", name="Batches of one: what is divided by what?").click()
    expect(page).to_have_url(re.compile("bn_run_size=1"))
    page.go_back()
    expect(page.locator(".st-key-verdict")).to_have_text(said)
    page.go_back()
    expect(page.locator(".st-key-verdict")).to_contain_text("8 values")
    page.go_forward()
    expect(page.locator(".st-key-verdict")).to_have_text(said)
    assert complaints(visitor) == []
