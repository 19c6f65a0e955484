"""The link: what it carries, and what it may not bring in."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared import link
from pages.shared.control import Control, Ladder, Menu, Number, Several, Switch, Typed, Whole
from pages.shared.titles import powers
from tests.pages import golden

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
