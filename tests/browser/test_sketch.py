"""A sketched curve under the proxy's policy: by pointer and by keys; the result is hidden until it is compared."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints, under_policy

pytestmark = pytest.mark.browser


def test_a_curve_is_drawn_by_pointer_and_keys_and_then_compared_with_the_measured_one(server, tab):
    visitor = tab()
    refused = under_policy(visitor, f"{server.url}/initialization?init_part=chain&init_gain=0.5&predict=on")
    page = visitor.page
    picture, points = page.locator("svg[role=group]"), page.get_by_role("slider", name="Layer")
    measured = picture.locator("circle[r='4']")
    page.get_by_role("button", name="Draw it instead").click()
    expect(points).to_have_count(9)
    expect(page.locator(".st-key-veiled")).to_be_visible()
    assert measured.count() == 0
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 55, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 16, box["y"] + 80, steps=40)
    page.mouse.up()
    heights = points.evaluate_all("all => all.map(one => Number(one.getAttribute('aria-valuenow')))")
    assert len(set(heights)) == 1   # every point went with the pointer
    points.nth(8).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert points.evaluate_all("all => all.map(one => Number(one.getAttribute('aria-valuenow')))")[7:] == [0, heights[8] - 20]
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("You were furthest off in layer ")).to_be_visible(timeout=20_000)
    expect(page.locator(".st-key-veiled")).to_have_count(0)
    expect(measured).to_have_count(30)
    page.get_by_role("button", name="Draw again").click()
    expect(measured).to_have_count(0, timeout=20_000)
    expect(page.get_by_text("You were furthest off in layer ")).to_have_count(0)
    assert refused <= {"script-src wasm-eval"}   # Streamlit tries it and does without
    assert complaints(visitor) == []
