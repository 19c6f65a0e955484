"""A sketched curve under the proxy's policy: by pointer, by finger and by keys; the result is hidden until it is compared."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints, under_policy

pytestmark = pytest.mark.browser
CHAIN = "initialization?init_part=chain&init_gain=0.5&predict=on"


def heights_of(points) -> list[int]:
    return points.evaluate_all("all => all.map(one => Number(one.getAttribute('aria-valuenow')))")


def test_a_curve_is_drawn_by_pointer_and_keys_and_then_compared_with_the_measured_one(server, tab):
    visitor = tab()
    refused = under_policy(visitor, f"{server.url}/{CHAIN}")
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
    heights = heights_of(points)
    assert len(set(heights)) == 1   # every point went with the pointer
    points.nth(8).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    assert heights_of(points)[7:] == [0, heights[8] - 20]
    page.get_by_role("button", name="Compare").press("Enter")
    expect(page.get_by_text("You were furthest off in layer ")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-veiled")).to_have_count(0)
    expect(measured).to_have_count(30)
    expect(page.get_by_role("button", name="Draw again")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Compare")).to_be_focused()
    expect(measured).to_have_count(0, timeout=20_000)
    expect(page.get_by_text("You were furthest off in layer ")).to_have_count(0)
    assert refused <= {"script-src wasm-eval"}   # Streamlit tries it and does without
    assert complaints(visitor) == []


def test_a_finger_draws_on_a_phone_and_the_page_stays_where_it_is(server, tab):
    visitor = tab(size=(390, 844), has_touch=True, is_mobile=True)
    page = visitor.open(f"{server.url}/{CHAIN}")
    page.get_by_role("button", name="Draw it instead").tap()
    picture, points, main = page.locator("svg[role=group]"), page.get_by_role("slider", name="Layer"), page.get_by_test_id("stMain")
    expect(points).to_have_count(9)
    visitor.settle()
    picture.scroll_into_view_if_needed()
    box, scrolled = picture.bounding_box(), main.evaluate("main => main.scrollTop")
    finger = page.context.new_cdp_session(page)

    def touch(kind: str, *places: tuple[float, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": box["x"] + x, "y": box["y"] + y} for x, y in places]})

    for i in range(41):   # one stroke, down to the right
        touch("touchMove" if i else "touchStart", (52 + (box["width"] - 66) * i / 40, 40 + 3 * i))
    touch("touchEnd")
    drawn = heights_of(points)
    assert drawn == sorted(drawn, reverse=True)
    assert len(set(drawn)) == 9
    assert main.evaluate("main => main.scrollTop") == scrolled
    page.get_by_role("button", name="Compare").click()   # to a tap at once after a quick stroke, Chromium gives no click
    expect(page.get_by_text("You were furthest off in layer ")).to_be_visible(timeout=60_000)
    assert complaints(visitor) == []
