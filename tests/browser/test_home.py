"""Home's drawing: it follows the drag in the browser alone."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints

pytestmark = pytest.mark.browser
SLIDER = ".st-key-live input[type=range]"
SWEEP = """async slider => {   // the slider is moved on each of 60 frames: how many of them show another drawing?
  const drawing = document.querySelector('.st-key-live svg.marks')
  let changed = false, frames = 0
  const watch = new MutationObserver(() => { changed = true })
  watch.observe(drawing, {subtree: true, attributes: true})
  for (let i = 0; i < 60; i++) {
    slider.value = 0.5 + 0.05 * (i % 31)
    slider.dispatchEvent(new Event('input', {bubbles: true}))
    await new Promise(requestAnimationFrame)
    await new Promise(done => setTimeout(done))
    frames += changed; changed = false
  }
  watch.disconnect()
  return frames
}"""


def frames_a_second(page) -> float:
    """Of the time that the page's thread has to itself: other work on this machine must not decide."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy() -> float:
        return next(one["value"] for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == "TaskDuration")

    before = busy()
    frames = page.locator(SLIDER).evaluate(SWEEP)
    return frames / (busy() - before)


def test_the_network_follows_the_drag_at_thirty_frames_a_second_and_asks_the_server_nothing(server, tab):
    visitor, sent = tab(), []
    visitor.page.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append(socket)))
    page = visitor.open(server.url)
    drawing, slider = page.locator(".st-key-live svg.marks"), page.locator(SLIDER)
    expect(drawing).to_contain_text("the signal in layer 30: 7.2 × 10⁻⁴, almost nothing is left")
    assert sent   # what a page asks for is seen
    page.wait_for_timeout(1000)
    sent.clear()
    box = slider.bounding_box()
    across = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], across)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] + 9, across, steps=30)
    expect(drawing).to_contain_text(re.compile("the signal in layer 30: 6.* × 10⁸, it explodes"))   # while it is held
    page.mouse.up()
    page.get_by_text("ReLU with batch norm").click()
    expect(drawing).to_contain_text(re.compile(r"the signal in layer 30: 0\.61\d, it gets through"))
    page.get_by_text("ReLU", exact=True).click()
    assert max(frames_a_second(page) for _ in range(3)) >= 30
    assert sent == []
    assert complaints(visitor) == []
