"""Activations as a visitor meets it: parts and sets travel in the link, and the ranking runs to its end."""

import re

import pytest
from playwright.sync_api import expect

from benchmarks.client import link_to
from pages.parts.activations import PAGE
from tests.browser.conftest import complaints, run_button

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_parts_and_sets_travel_in_the_link(server, tab):
    first, second = tab(), tab()
    page = first.open(f"{server.url}/activations")
    page.get_by_role("radio", name="Backprop by hand").or_(page.get_by_role("button", name="Backprop by hand")).first.click()
    expect(page).to_have_url(re.compile("act_part=hand"))
    expect(page.locator(".st-key-verdict")).to_contain_text("0.5575")
    page.locator(".st-key-act_w1 input").fill("20")
    page.locator(".st-key-act_w1 input").press("Enter")
    expect(page).to_have_url(re.compile("act_w1=20"))
    copy = second.open(page.url)
    expect(copy.locator(".st-key-verdict")).to_contain_text(re.compile("×\\s10⁻"))
    copy.goto(f"{server.url}/{link_to('act_sigmoid')}")
    expect(copy.locator(".st-key-verdict")).to_contain_text("Sigmoid")
    expect(copy.locator(".st-key-verdict")).not_to_contain_text("SELU")


def test_the_ranking_runs_to_its_end_and_draws_every_activation(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/{link_to('act_ranking')}&act_rank_depth=5&act_rank_epochs=2&act_rank_seeds=2")
    run_button(page, "Start").click()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("12 of 12 trainings", timeout=60_000)
    expect(page.locator(".st-key-verdict")).to_contain_text("Of the claim's 15 pairs")
    chart = page.locator("[data-testid='stVegaLiteChart']").first
    expect(chart).to_be_visible()
    expect(chart.locator("path[aria-roledescription='point'], .mark-symbol path").first).to_be_attached()
    assert chart.locator(".mark-symbol path").count() >= 12
    assert complaints(visitor) == []


def test_a_sweep_that_runs_says_its_edge_below_a_verdict_that_stays(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/activations?act_part=dying&act_rivals=relu&act_dying_depth=2")
    run_button(page, "Start").click()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("15 of 15 trainings", timeout=60_000)
    expect(page.locator(".st-key-verdict_sweep")).to_contain_text("More than half of the units end switched off")
    expect(page.locator(".st-key-verdict")).to_contain_text("end with slope 0 on every image")
    expect(page.locator("[data-testid='stVegaLiteChart']")).to_have_count(4)
    assert complaints(visitor) == []


@pytest.mark.slow
def test_every_part_is_reached_from_the_first(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/activations")
    for part in reversed(PAGE.parts):
        page.get_by_role("radio", name=part.title).or_(page.get_by_role("button", name=part.title, exact=True)).first.click()
        visitor.settle()
        expect(page.locator(".st-key-verdict")).not_to_be_empty()
        assert page.locator("[data-testid='stException']").count() == 0
    assert complaints(visitor) == []
