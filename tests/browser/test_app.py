"""The app as a visitor meets it: a cold server, links, and what a link may say."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import expect

import pages.parts  # noqa: F401  (fills PAGES)
from benchmarks.client import link_to
from tests.browser.conftest import Line, complaints
from tests.conftest import ROOT

pytestmark = pytest.mark.browser
CHART = "[data-testid='stVegaLiteChart'] svg, [data-testid='stVegaLiteChart'] canvas"
STEMS = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "room")   # that one is no page of the menu


@pytest.mark.parametrize("path", ["", pytest.param("activations", marks=pytest.mark.slow)])
def test_a_link_opens_on_a_cold_server(path, new_server, tab):
    opens(path, new_server(), tab())


def test_the_references_open(server, tab):
    opens("references", server, tab())


def test_the_menu_hides_no_page_on_a_laptop(server, tab):
    page = tab(size=(1100, 800)).open(f"{server.url}/activations?act_part=hand")
    last = page.locator("[data-testid='stTopNavLink']").filter(has_text="References")
    expect(last).to_be_in_viewport()
    assert last.bounding_box()["x"] > page.locator("[data-testid='stTopNavLink']").filter(has_text="MNIST").bounding_box()["x"]
    expect(page.locator("[data-testid='stTopNavSection']:visible")).to_have_count(0)   # "2 more"


def opens(path, server, visitor):
    page = visitor.open(f"{server.url}/{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("[data-testid='stTopNavLink']")).to_have_count(len(STEMS))   # the app's own navigation, not the folder's
    picture = "[data-testid='stMarkdown'] table" if path == "references" else CHART
    expect(page.locator(picture).first).to_be_visible()
    assert page.locator("[data-testid='stException']").count() == 0
    assert complaints(visitor) == []


def test_a_dotted_word_tells_its_meaning_by_keyboard_and_pointer_and_to_a_reader(server, tab):
    page = tab().open(f"{server.url}/initialization")
    word = page.locator(".opening dfn", has_text="gradient").first
    meaning = word.locator("[role=tooltip]")
    expect(meaning).to_be_hidden()
    word.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(word).to_be_focused()
    expect(meaning).to_be_visible()
    expect(meaning).to_have_text(re.compile("By how much the loss grows"))
    page.keyboard.press("Tab")
    expect(meaning).to_be_hidden()
    word.hover()
    expect(meaning).to_be_visible()
    expect(word).to_have_accessible_description(re.compile("By how much the loss grows"))


def test_a_preset_opened_by_a_link_is_named_and_the_picture_is_on_a_laptops_first_screen(server, tab):
    page = tab().page
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{server.url}/{link_to('sigmoid_xavier')}")
    expect(page.locator(".opening .aim")).to_have_text(re.compile(r"Sigmoid, 1/√n\. Look for: The histograms keep"))
    chart = page.get_by_test_id("stVegaLiteChart").first   # a later one may be drawn before it
    expect(chart.locator("svg, canvas").first).to_be_visible()
    assert chart.bounding_box()["y"] < 600


def test_the_keys_lead_a_class_over_large_pictures_and_the_browsers_back_undoes_each_step(server, tab):
    page = tab().open(f"{server.url}/initialization?init_part=chain")
    expect(page.get_by_role("button", name="Lecture mode")).to_be_visible()
    page.keyboard.press("l")
    bar = page.locator(".st-key-lecture")
    expect(bar).to_contain_text("Picture 1 of 2")
    picture = page.locator("[data-testid='stVegaLiteChart']")
    expect(picture).to_have_count(1)
    expect(page.locator("[data-testid='stExpandSidebarButton']")).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stVegaLiteChart]').getBoundingClientRect().width > 1200")   # it grows into its place
    size = page.locator("[data-testid='stVegaLiteChart'] text").first.evaluate("word => parseFloat(getComputedStyle(word).fontSize)")
    assert (picture.bounding_box()["height"] > 560, size > 22) == (True, True)   # with the screen, which is 1,000 px high
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("init_gain=1.5"))
    expect(bar).to_contain_text("Linear chain, Linear chain")
    page.keyboard.press("q")
    expect(page.get_by_alt_text("The link of this page as a code")).to_be_visible()
    assert page.get_by_alt_text("The link of this page as a code").bounding_box()["height"] > 600
    page.go_back()
    expect(bar).not_to_contain_text("Linear chain, Linear chain")
    expect(page).to_have_url(re.compile("lecture=true"))
    page.keyboard.press("l")
    expect(bar).to_have_count(0)


def test_a_picture_is_taken_away_with_its_title_its_settings_and_its_link(server, tab):
    page = tab().open(f"{server.url}/initialization?init_part=neuron&init_seed=7")
    expect(page.locator("[data-testid='stVegaLiteChart'] svg.marks")).to_be_visible()
    page.get_by_text("All numbers, and pictures to take away").click()
    page.get_by_text("The pictures as files").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="Pictures as SVG").click()
    assert taken.value.suggested_filename == "initialization_neuron_1.svg"
    words = " ".join(element.text or "" for element in ElementTree.parse(taken.value.path()).iter())
    for said in ("One neuron adds up its inputs", "First seed: 7", "initialization?init_part=neuron&init_seed=7", "Var(w) = 2/n"):
        assert said in words
    with page.expect_download() as taken:
        page.get_by_role("button", name="Pictures as PNG").click()
    assert Path(taken.value.path()).read_bytes().startswith(b"\x89PNG")


def test_every_setting_travels_in_the_link(server, tab):
    first, second = tab(), tab()
    page = first.open(f"{server.url}/mnist_training")
    page.locator(".st-key-mnist_depth [role='slider'], .st-key-mnist_depth input[type='range']").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("mnist_depth=3"))
    page.wait_for_selector("[data-test-script-state=notRunning]")   # its end closes a menu that is open
    page.locator(".st-key-mnist_activation input").click()
    page.get_by_role("option", name="SELU").click()
    expect(page).to_have_url(re.compile("mnist_activation=selu"))
    copy = second.open(page.url)
    expect(copy.locator(".st-key-mnist_depth")).to_contain_text("3")
    expect(copy.locator("code").filter(has_text="activation='selu'").first).to_be_attached()


def test_a_page_drawn_again_before_the_browser_has_its_controls_keeps_what_the_link_asked_for(server, tab):
    visitor, waiting = tab(), []
    page, link = visitor.page, f"{server.url}/initialization?init_part=chain&init_gain=0.5&init_depth=40&init_seed=7"
    page.route(re.compile(r"/js/(ButtonGroup|Slider|Selectbox|NumberInput)\.[^/]*js$"), lambda late: waiting.append(late))
    page.goto(link)
    for name in ("Lecture mode", "Leave"):   # two further drawings
        page.get_by_role("button", name=re.compile(name)).click()
    expect(page.get_by_role("button", name=re.compile("Lecture mode"))).to_be_visible()
    for late in list(waiting):
        late.continue_()
    page.unroute_all()
    expect(page.get_by_role("radio", name="Linear chain")).to_be_checked()
    expect(page.get_by_role("slider", name="Gain")).to_have_attribute("aria-valuetext", "0.5")
    expect(page.locator(".st-key-init_seed input")).to_have_value("7")
    visitor.settle()
    page.get_by_role("slider", name="Depth").press("ArrowRight")   # the next click sends what they show
    expect(page).to_have_url(re.compile(r"init_gain=0.5&.*init_seed=7"))
    expect(page).not_to_have_url(re.compile("init_depth=40"))
    assert len(waiting) == 4


def test_a_second_click_before_the_browser_has_heard_of_the_first_undoes_nothing(server, tab):
    visitor = tab()
    line = Line(visitor.page)
    page = visitor.open(f"{server.url}/initialization?init_part=chain&init_gain=0.5&init_depth=40")
    seed = page.locator(".st-key-init_seed")
    expect(seed.locator("input")).to_have_value("0")
    line.slow, before = True, line.asked
    page.get_by_role("button", name="A gain of 1.1").click()
    seed.get_by_test_id("stNumberInputStepUp").click()
    expect(seed.locator("input")).to_have_value("1")
    line.listen(lambda: line.asked >= before + 2)
    line.catch_up()
    expect(page).to_have_url(re.compile("init_gain=1.1&init_depth=50&init_seed=1"))
    expect(page.get_by_role("slider", name="Gain")).to_have_attribute("aria-valuetext", "1.1")
    expect(page.get_by_role("slider", name="Depth")).to_have_attribute("aria-valuetext", "50")


def test_a_link_that_asks_for_too_much_says_so_and_gets_no_more_than_the_sliders_give(server, tab):
    page = tab().open(f"{server.url}/mnist_training?mnist_depth=100000&mnist_activation=nonsense&mnist_rate=-1&mnist_seed=abc")
    for words in ("Hidden layers = “100000”", "Activation φ = “nonsense”", "Learning rate η = “-1”", "Seed = “abc”"):
        expect(page.get_by_text(words)).to_be_visible()
    assert page.locator("[data-testid='stException']").count() == 0
