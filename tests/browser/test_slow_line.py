"""The app on a slow and lossy line: code that loads late, a connection that is gone and comes back, clicks that overtake their answers."""

import re

import pytest
from playwright.sync_api import expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser.conftest import Line, complaints, run_button

pytestmark = pytest.mark.browser
COMPONENTS = re.compile(r"/js/BidiComponent\.[^/]*js$")   # the code of all components of our own


def held_back(page, what: re.Pattern) -> list:
    """Files that the browser asks for and does not get, until `let_go`."""
    held = []
    page.route(what, lambda one: held.append(one))
    return held


def let_go(page, held: list) -> None:
    for one in list(held):
        one.continue_()
    page.unroute_all()


@pytest.mark.parametrize(("link", "click", "then"), [
    ("initialization?init_part=neuron", "Go on to the linear chain", "init_part=chain"),
    ("gradient_checking?grad_part=bug&grad_bug=7&grad_level=2", "Next bug", "grad_bug=8")])
def test_what_begins_anew_begins_at_the_top_also_where_the_code_of_components_loads_later(link, click, then, server, tab):
    visitor = tab(size=(1100, 700))
    page, held = visitor.page, held_back(visitor.page, COMPONENTS)
    page.goto(f"{server.url}/{link}")
    main = page.get_by_test_id("stMain")
    page.get_by_role("heading", name="Run it yourself").wait_for()
    main.evaluate("main => main.scrollTo(0, 900)")
    page.get_by_role("button", name=click).first.click()
    expect(page).to_have_url(re.compile(then))
    assert main.evaluate("main => main.scrollTop") > 0
    assert held
    let_go(page, held)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
    assert complaints(visitor) == []


def test_a_second_press_before_the_first_is_seen_is_not_its_opposite_and_the_focus_stays(server, tab):
    visitor = tab()
    line = Line(visitor.page)
    page = visitor.open(f"{server.url}/mnist_training?mnist_epochs=300&mnist_width=500&mnist_depth=4")
    run_button(page, "Start").press("Enter")
    expect(run_button(page, "Pause")).to_be_focused()
    expect(page.get_by_test_id("stProgress")).to_contain_text("Step")
    line.slow = True
    page.keyboard.press("Enter")
    line.listen(lambda: any(b"mnist_run_start" in said for _, said in line.held))   # the server shows Start, the browser still Pause
    before = line.asked
    page.keyboard.press("Enter")
    line.listen(lambda: line.asked > before)
    line.catch_up()
    expect(run_button(page, "Start")).to_be_focused()
    visitor.settle()
    expect(run_button(page, "Start")).to_be_visible()
    assert complaints(visitor) == []


def test_quick_clicks_there_and_back_neither_break_the_page_nor_leave_another_link(server, tab):
    visitor = tab()
    line = Line(visitor.page)
    page = visitor.open(f"{server.url}/initialization?init_part=chain")
    visitor.settle()

    def click(title: str) -> None:
        page.get_by_role("radio", name=title, exact=True).dispatch_event("click")

    def answered() -> int:
        return sum(ForwardMsg.FromString(said).WhichOneof("type") == "script_finished" for _, said in line.held)

    click("One neuron")
    expect(page).to_have_url(re.compile("init_part=neuron$"))
    visitor.settle()
    line.slow = True
    for times, title in enumerate(("Deep network", "One neuron", "Deep network", "Linear chain"), start=1):
        click(title)
        line.listen(lambda times=times: answered() == times)
    line.catch_up()   # of four answers; the last one spares the charts of the chain, which the browser said it had
    expect(page).to_have_url(re.compile("init_part=chain$"))
    visitor.settle()
    expect(page.get_by_role("radio", name="Linear chain", exact=True)).to_be_checked()
    assert complaints(visitor) == []
