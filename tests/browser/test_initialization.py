"""Initialization as a visitor meets it: a click into the phase diagram, a network that is pinned."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints

pytestmark = pytest.mark.browser


def test_a_click_into_the_phase_diagram_moves_the_controls_and_the_keyboard_does_too(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/initialization?init_part=phase&init_activation=tanh&init_depth=10")
    diagram = page.locator("[data-testid='stVegaLiteChart']").first
    expect(diagram.locator("canvas, svg").first).to_be_visible()
    box = diagram.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5)
    expect(page).to_have_url(re.compile(r"init_gain=(2\.[3-9]|3)"), timeout=15_000)
    expect(page).to_have_url(re.compile(r"init_sigma_b=0"))
    page.get_by_role("button", name=re.compile("Go to σ_w = ")).click()
    expect(page.locator(".st-key-verdict")).to_contain_text("χ =")
    page.locator(".st-key-init_gain [role='slider'], .st-key-init_gain input[type='range']").first.focus()
    before = page.url
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(before)
    assert complaints(visitor) == []


def test_a_pin_travels_in_the_link_and_back_takes_it_off(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/initialization?init_depth=7")
    page.get_by_role("button", name="Pin this network").click()
    expect(page.locator(".st-key-verdict_pinned")).to_contain_text("Pinned:")
    expect(page).to_have_url(re.compile("init_pin=depth%3D7"))
    copy = tab().open(page.url)
    expect(copy.locator(".st-key-verdict_pinned")).to_contain_text("Pinned:")
    page.go_back()
    expect(page.locator(".st-key-verdict_pinned")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("init_pin"))
    assert complaints(visitor) == []
