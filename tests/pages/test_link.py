"""The link: what it carries, and what it may not bring in."""

import re
from urllib.parse import urlencode

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import link
from pages.shared.control import Control, Ladder, Menu, Number, Several, Switch, Typed, Whole
from pages.shared.titles import powers
from tests.pages import golden
from tests.pages.helpers import asked

RATE = Ladder("x_rate", "Rate", 0.001, "", (1e-5, 0.001, 1000.0), show=powers)
COUNT = Ladder("x_count", "Count", 10, "", (10, 1000, 60_000, 10**9), words={10**9: "all"}, show=lambda n: "all" if n == 10**9 else f"{n:,}")


@pytest.mark.parametrize(("control", "text", "value"), [
    (RATE, "0.00001", 1e-5), (RATE, "1e-05", 1e-5), (RATE, "10⁻⁵", 1e-5), (RATE, "1000", 1000.0), (RATE, "nan", None), (RATE, "0.002", None),
    (COUNT, "1000", 1000), (COUNT, "1,000", 1000), (COUNT, "60000", 60_000), (COUNT, "all", 10**9), (COUNT, "9" * 5000, None),
    (Menu("x_m", "", "relu", "", ("relu", "he_normal")), "he_normal", "he_normal"),
    (Menu("x_m", "", "relu", "", ("relu", "he_normal")), "He normal", "he_normal"), (Menu("x_m", "", "relu", "", ("relu",)), "", None),
    (Whole("x_w", "", 1, "", (0, 5000)), "1,000", 1000), (Whole("x_w", "", 1, ""), "--5", None), (Whole("x_w", "", 1, ""), "101", None),
    (Typed("x_t", "", 1, "", (0, 9999)), "12", 12),
    (Number("x_n", "", 0.5, "", (-2, 2)), "1e-1", 0.1), (Number("x_n", "", 0.5, "", (-2, 2)), "inf", None),
    (Switch("x_s", "", False, ""), "true", True), (Switch("x_s", "", False, ""), "maybe", None),
], ids=lambda value: value.key if isinstance(value, Control) else str(value)[:20])
def test_a_plain_number_a_key_and_an_old_label_are_read_and_nonsense_is_not(control, text, value):
    assert control.read([text]) == value


@pytest.mark.parametrize("texts", [["relu,he_normal"], ["relu", "he_normal"], ["ReLU, He normal"], ["ReLU", "He normal"]])
def test_several_are_read_in_one_text_or_in_many(texts):
    assert Several("x_v", "", [], "", ("relu", "he_normal")).read(texts) == ["relu", "he_normal"]
    assert Several("x_v", "", [], "", ("relu", "he_normal")).read(["", "nonsense"]) is None
    assert Several("x_v", "", [], "", ("relu",)).read([""]) == []


@pytest.mark.parametrize("text", [
    "[Sign in](http://evil.example/a)", "![x](http://evil.example)", "**b** _i_ `c` $x$ ~~s~~", ":red[x] :smile: <b>", "a\nb\n# c",
])
def test_text_from_outside_holds_no_markdown(text):
    said = link.plain_text(text)
    assert not re.search(r"(?<!\\)[\[\]()*_`$~:<>#!]", said.replace("_", ""))
    assert "\n" not in said


def test_text_from_outside_is_cut():
    assert len(link.plain_text("x" * 1000)) == link.SHOWN


def test_what_is_no_controls_stays_in_the_address_and_a_default_leaves_it():
    app = golden.open_link("batch_norm?lecture=true&bn_size=16&bn_gamma=1")
    assert dict(app.query_params) == {"lecture": ["true"], "bn_size": ["16"]} or dict(app.query_params) == {"lecture": "true", "bn_size": "16"}


def test_a_page_that_is_left_by_the_menu_keeps_its_settings_and_a_link_does_not_mix_with_them():
    app = golden.open_link("batch_norm?bn_size=16")
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.switch_page("pages/batch_norm.py").run()
    assert app.session_state["bn_size"] == 16
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.query_params["bn_gamma"] = "2"
    app.switch_page("pages/batch_norm.py").run()
    assert (app.session_state["bn_size"], app.session_state["bn_gamma"]) == (8, 2.0)
    assert isinstance(app, AppTest)


def behind(app: AppTest, query: dict[str, str]) -> None:
    """What a browser sends next that has not yet heard from the last run: the address before it, beside the controls as a test sets them."""
    app.query_params.clear()
    for key, text in query.items():
        app.query_params[key] = text


CHAIN = {"init_part": "chain", "init_gain": "0.5", "init_depth": "40"}


def chain() -> AppTest:
    """A page on which a click has just set gain 1.1 and depth 50."""
    app = golden.open_link(f"initialization?{urlencode(CHAIN)}")
    return app.button(key="_init_chain_try_0").click().run()


def shown(app: AppTest) -> tuple:
    """Gain, depth and seed: of the controls, and of the address."""
    stand = app.select_slider(key="init_gain").value, app.slider(key="init_depth").value, app.number_input(key="init_seed").value
    for value, key, default in zip(stand, ("init_gain", "init_depth", "init_seed"), (1.0, 30, 0), strict=True):
        assert (asked(app, key) if key in app.query_params else str(default)) == str(value)
    return stand


@pytest.mark.parametrize("address", ["the one before", "the latest"])   # it may be ahead of the controls
def test_a_second_click_before_the_first_is_seen_undoes_nothing(address):
    app = chain()
    assert shown(app) == (1.1, 50, 0)
    app.select_slider(key="init_gain").set_value(0.5)
    app.slider(key="init_depth").set_value(40)
    app.number_input(key="init_seed").set_value(3)
    if address == "the one before":
        behind(app, CHAIN)
    assert shown(app.run()) == (1.1, 50, 3)
    app.slider(key="init_depth").set_value(41)   # moved at once, also by hand, it holds, and the browser is told so again
    app.select_slider(key="init_gain").set_value(0.5)
    behind(app, CHAIN)
    assert shown(app.run()) == (1.1, 41, 3)
    assert app.slider(key="init_depth").proto.set_value
    app.slider(key="init_depth").set_value(50)   # the first click has been seen, and that not yet: it is told what holds until it shows it
    assert shown(app.run()) == (1.1, 50, 3)
    assert app.slider(key="init_depth").proto.set_value


def test_what_a_click_set_can_be_moved_back_as_soon_as_it_is_seen():
    app = chain()
    app.slider(key="init_depth").set_value(40)
    assert shown(app.run()) == (1.1, 40, 0)
    assert app.slider(key="init_depth").proto.set_value
    app.select_slider(key="init_gain").set_value(0.5)   # before it has heard of that
    behind(app, {**CHAIN, "init_gain": "1.1", "init_depth": "50"})
    assert shown(app.run()) == (0.5, 40, 0)
    app.button(key="_init_chain_try_1").click().run()   # sets one control alone
    assert app.select_slider(key="init_width").value == 200
    assert app.select_slider(key="init_width").set_value(100).run().select_slider(key="init_width").value == 100


def test_an_experiment_is_not_chosen_again_by_a_browser_that_still_shows_it():
    first = {"init_part": "chain", "init_gain": "1.5", "init_depth": "50"}
    app = golden.open_link(f"initialization?{urlencode(first)}")
    named = app.selectbox(key="_init_preset").value
    assert named == "linear_chain"
    app.number_input(key="init_seed").set_value(1).run()
    assert app.selectbox(key="_init_preset").value is None
    app.selectbox(key="_init_preset").set_value(named)   # as it still stands there
    app.number_input(key="init_seed").set_value(2)
    behind(app, first)
    assert app.run().number_input(key="init_seed").value == 2
    app.selectbox(key="_init_preset").set_value(named).run()   # now it is chosen
    assert app.number_input(key="init_seed").value == 0


def test_an_optimizer_that_a_browser_still_shows_does_not_bring_its_usual_rate():
    app = golden.open_link("mnist_training")
    fast = app.selectbox(key="_mnist_preset").set_value("too_fast").run()
    assert (fast.selectbox(key="mnist_optimizer").value, fast.select_slider(key="mnist_rate").value) == ("sgd", 100.0)
    for key, before in (("mnist_optimizer", "adam"), ("mnist_activation", "relu")):
        app.selectbox(key=key).set_value(before)
    app.select_slider(key="mnist_rate").set_value(0.001)
    app.number_input(key="mnist_seed").set_value(5)
    behind(app, {})
    app.run()
    assert (app.selectbox(key="mnist_optimizer").value, app.select_slider(key="mnist_rate").value) == ("sgd", 100.0)
    assert app.number_input(key="mnist_seed").value == 5


def test_an_experiment_begins_once_and_not_again_when_a_slider_comes_back_to_its_settings():
    app = golden.open_link("initialization?init_part=chain")
    begun = lambda: app.session_state["_begun"][1]   # noqa: E731
    assert begun() == 0
    for depth in (31, 30):   # an experiment's settings are left, and stand again
        app.slider(key="init_depth").set_value(depth).run()
    assert begun() == 0
    app.button(key="_init_chain_try_0").click().run()   # a setting of its own: the same place
    assert begun() == 0
    app.selectbox(key="_init_preset").set_value("sigmoid_1").run()
    assert begun() == 1
