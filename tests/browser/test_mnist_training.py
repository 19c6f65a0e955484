"""MNIST training as a visitor meets it: a network that trains before the eyes, and everything that is pressed meanwhile."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import complaints, run_button

pytestmark = pytest.mark.browser


def test_start_pause_step_and_reset_do_what_they_say(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=300&mnist_width=500&mnist_depth=4")
    line = page.locator("[data-testid='stProgress']")
    step = lambda: int(re.search(r"Step ([\d,]+) of", line.inner_text()).group(1).replace(",", ""))  # noqa: E731
    verdict = page.locator(".st-key-verdict")

    run_button(page, "Start").click()
    expect(verdict).to_contain_text("test 9", timeout=60_000)    # over 90 %, from guessing at 10 %
    run_button(page, "Pause").click()
    expect(run_button(page, "Start")).to_be_visible()
    visitor.settle()
    paused_at = step()
    page.get_by_role("button", name="Step", exact=True).click()
    expect(line).to_contain_text(f"Step {paused_at + 1:,} of")   # one step, and no other since the pause
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(line).to_contain_text("steps to go")
    expect(page.get_by_role("heading", name="Kept runs")).to_be_visible()
    assert complaints(visitor) == []


def test_the_key_s_starts_and_pauses_a_run_and_is_a_letter_in_a_text_box(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=300&mnist_width=500&mnist_depth=4")
    expect(run_button(page, "Start")).to_be_enabled()
    page.locator(".st-key-mnist_activation input").press("s")
    page.keyboard.press("Escape")
    visitor.settle()
    expect(run_button(page, "Start")).to_be_visible()
    page.locator("h1").click()   # out of the box
    page.keyboard.press("s")
    expect(run_button(page, "Pause")).to_be_visible()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("Step")
    faint = """() => [...document.querySelectorAll('[data-stale=true]')].filter(shown => getComputedStyle(shown).opacity < 1).length"""
    assert [page.evaluate(faint) for _ in range(40) if page.wait_for_timeout(100) is None] == [0] * 40   # no picture fades between two ticks
    page.keyboard.press("s")
    expect(run_button(page, "Start")).to_be_visible()
    assert complaints(visitor) == []


def test_a_running_network_pauses_while_another_page_is_open(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=300&mnist_width=500&mnist_depth=4")
    run_button(page, "Start").click()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("Step", timeout=30_000)
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Why")
    page.get_by_role("link", name="MNIST training").first.click()
    expect(run_button(page, "Start")).to_be_visible()
    expect(page.locator("[data-testid='stProgress']")).to_contain_text("Step")
    assert complaints(visitor) == []


def test_a_finished_run_shows_its_mistakes_and_weights(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=2")
    run_button(page, "Start").click()
    expect(page.get_by_text("Surest mistakes")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("img", name=re.compile("Incoming weights"))).to_be_visible()
    expect(run_button(page, "Start")).to_be_disabled()
    assert complaints(visitor) == []


def test_a_click_on_a_cell_of_the_matrix_opens_its_images_and_the_keyboard_does_too(server, tab):
    visitor = tab()
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=2")
    run_button(page, "Start").click()
    expect(page.get_by_text("Click a cell, or choose it below")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("combobox", name=re.compile("Network's answer"))).to_be_visible(timeout=60_000)
    cells = page.locator(".st-key-mnist_matrix .mark-rect path")
    cells.nth(10 * 3 + 3).click(force=True)
    expect(page.get_by_text("True digit 3, read as 3:")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name=re.compile("Test digit 3, read as 3 with"))).to_have_count(12)
    answer = page.get_by_role("combobox", name=re.compile("Network's answer"))
    answer.focus()
    page.keyboard.type("8")
    page.keyboard.press("Enter")
    expect(page.get_by_text("True digit 3, read as 8:")).to_be_visible(timeout=60_000)
    cells.nth(10 * 5 + 5).click(force=True)
    expect(page.get_by_text("True digit 5, read as 5:")).to_be_visible(timeout=60_000)
    assert complaints(visitor) == []


def test_a_missing_mnist_folder_is_a_sentence_and_the_digits_stay(new_server, tab):
    page = tab().open(f"{new_server(MNIST_DIR='/nowhere').url}/mnist_training?mnist_data=mnist")
    expect(page.get_by_text("MNIST could not be read; the server's log says why.")).to_be_visible()
    expect(run_button(page, "Start")).to_be_enabled()


def test_the_fix_moves_the_controls_and_a_new_run_learns(server, tab):
    visitor = tab()
    small = "mnist_epochs=5&mnist_initializer=normal&mnist_gain=0.01&mnist_depth=5&mnist_optimizer=sgd&mnist_rate=0.1"
    page = visitor.open(f"{server.url}/mnist_training?{small}")
    start = run_button(page, "Start")
    start.click()
    page.get_by_role("button", name="Apply the fix: Initializer = He normal").click(timeout=30_000)
    expect(page).not_to_have_url(re.compile("mnist_initializer"))   # the default needs no word in the link
    expect(start).to_be_enabled()
    start.click()
    expect(page.locator(".st-key-verdict")).to_contain_text(re.compile("test [5-9]"), timeout=30_000)
    assert complaints(visitor) == []
