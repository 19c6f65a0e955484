"""A digit of one's own, under the proxy's policy: drawn with the mouse, kept, opened from a file, and files that are none."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import complaints, under_policy

pytestmark = pytest.mark.browser


def seven(kind: str, dark: int = 20, light: int = 230) -> bytes:
    grey = np.full((300, 500), light, np.uint8)
    grey[40:90, 150:330] = dark
    grey[40:270, 280:330] = dark
    out = io.BytesIO()
    Image.fromarray(grey).save(out, kind)
    return out.getvalue()


def test_a_digit_is_drawn_kept_opened_and_cleared_and_what_is_no_picture_is_refused(server, tab):
    visitor = tab()
    page, refused = visitor.page, under_policy(visitor, f"{server.url}/mnist_training?mnist_part=own")
    verdict, canvas = page.locator(".st-key-verdict"), page.locator("canvas[aria-label^=Draw]")
    expect(verdict).to_contain_text("Test image 0")

    box = canvas.bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])   # noqa: E731
    page.mouse.move(*at(0.35, 0.2))
    page.mouse.down()
    for to in ((0.65, 0.2), (0.62, 0.5), (0.5, 0.8)):
        page.mouse.move(*at(*to), steps=8)
    page.mouse.up()
    expect(verdict).to_contain_text("Your digit: read as a 7", timeout=20_000)
    page.get_by_text("Optimizer paths").click()
    expect(verdict).to_contain_text("stands lowest", timeout=20_000)
    page.locator("button", has_text="Your own digit").click()
    expect(verdict).to_contain_text("Your digit: read as a 7", timeout=20_000)
    visitor.settle()
    ink = canvas.evaluate("c => c.getContext('2d').getImageData(0, 0, 84, 84).data.filter((v, i) => i % 4 == 0 && v < 100).length")
    assert 400 < ink < 2000   # it is on the canvas again

    page.get_by_role("button", name="Clear", exact=True).click()
    expect(verdict).to_contain_text("Test image 0")
    status, chosen = page.locator("p[role=status]").first, page.locator("input[type=file]").first
    for name, kind, body in (("a.png", "image/png", b"no picture"), ("b.png", "image/png", seven("PNG")[:90]), ("c.jpg", "image/jpeg", b"")):
        chosen.set_input_files({"name": name, "mimeType": kind, "buffer": body})
        expect(status).to_contain_text("cannot read this file")
    chosen.set_input_files({"name": "d.png", "mimeType": "image/png", "buffer": bytes(10_000_001)})
    expect(status).to_contain_text("more than 10 MB")
    expect(verdict).to_contain_text("Test image 0")
    chosen.set_input_files({"name": "e.png", "mimeType": "image/png", "buffer": seven("PNG")})
    expect(verdict).to_contain_text("Your digit: read as a 7", timeout=20_000)
    chosen.set_input_files({"name": "f.jpg", "mimeType": "image/jpeg", "buffer": seven("JPEG", dark=240, light=15)})   # chalk on a blackboard
    visitor.settle()
    expect(verdict).to_contain_text("Your digit: read as a 7")
    assert refused <= {"script-src wasm-eval"}   # Streamlit tries it and does without
    assert complaints(visitor) == []
