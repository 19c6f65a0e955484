"""Home: a drawing that lives in the browser, and the way to every page."""

import json

import numpy as np
import pytest

from engine import mean_field
from pages.parts.home import catalogue, live
from pages.shared import lessons
from pages.shared.router import PAGES
from tests.pages import golden
from tests.pages.helpers import PARTS, asked, assert_charts_are_vega_lite, assert_charts_get_their_tables, charts_of


def opened(query=""):
    return golden.open_link(f"home?{query}")


def drawing(app) -> dict:
    return json.loads(charts_of(app)[0].spec)


def starts_at(app) -> float:
    return next(param["value"] for param in drawing(app)["params"] if param["name"] == "scale")


def test_home_asks_and_draws_without_a_control_of_the_servers_own():
    app = opened()
    assert not app.exception
    assert [title.value for title in app.title] == ["Why are deep neural networks hard to train, and what fixes it?"]
    assert [chart.alt[:17] for chart in charts_of(app)] == ["What gets through"]
    assert_charts_get_their_tables(app)
    assert_charts_are_vega_lite(app)
    assert not app.select_slider
    assert starts_at(app) == 0.8


def test_every_page_has_its_card():
    assert {link.proto.page for link in opened().get("page_link")} == {*PAGES, "room"}


def test_a_link_says_where_the_slider_starts():
    app = opened("home_gain=1.25")
    assert starts_at(app) == 1.25
    assert asked(app, "home_gain") == "1.25"


def test_a_scale_that_home_has_not_is_said_and_the_default_is_used():
    app = opened("home_gain=7")
    assert [warning.value[:24] for warning in app.warning] == ["The link asks for Scale "]
    assert starts_at(app) == 0.8


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0, 1.25, 2.0])
def test_what_the_slider_shows_follows_theory(scale):
    """Thirty ReLU layers of width 64 scatter around theory by a factor, and not by a power of ten; batch norm keeps the signal at every scale."""
    table = golden.tables(opened())[0]
    expected = mean_field.predict("relu", np.full(live.DEPTH, scale * mean_field.moments("relu").gain)).std
    assert np.abs(np.log10(table[live.column("signal", "ReLU", scale)] / expected)).max() < 0.5
    assert np.abs(np.log10(table[live.column("gradient", "ReLU", scale)] / scale ** np.arange(live.DEPTH - 1, -1, -1))).max() < 0.6
    assert table[live.column("signal", "ReLU with batch norm", scale)].between(0.5, 0.7).all()


def test_every_place_of_the_slider_is_computed():
    columns = set(golden.tables(opened())[0])
    assert columns == {"layer"} | {live.column(field, kind, scale) for field in live.HALVES for kind in live.KINDS for scale in live.SCALE.options}


def links_of(app) -> set[tuple[str, str]]:
    return {(link.proto.page, link.proto.label.strip("*")) for link in app.get("page_link")}


def test_every_experiment_of_every_page_is_listed_with_what_to_look_for_and_its_sources():
    app = opened()
    said = [caption.value for caption in app.caption]
    for page, part in PARTS:
        for preset in part.presets:
            begins, ends = f"{page.title}, {part.title}. ", f"Look for: {preset.look_for} Sources: "
            assert (page.stem, preset.title) in links_of(app)
            assert any(caption.startswith(begins) and ends in caption for caption in said)


def test_experiments_are_found_by_their_words_and_the_search_travels_in_the_link():
    app = opened("home_find=batch+NORM+ioffe+outlier")
    assert any("**0** of" in text.value for text in app.markdown)
    app.text_input(key="home_find").set_value("dying relu maas").run()
    assert {title for _, title in links_of(app)} >= {"Dying ReLU: biases too low", "Dying ReLU: steps too large"}
    assert len(links_of(app)) == 2 + len(PAGES) + len(lessons.lessons()) + 2   # and the visitor's own, and the class
    assert asked(app, "home_find") == "dying relu maas"


def test_a_link_of_the_catalogue_sets_all_controls_of_its_page():
    for one in catalogue.find():
        assert one.query
        wanted = one.page.settings_of(one.preset)
        read = {control.key: control.read([one.query[control.key]]) for control in one.page.controls if control.key in one.query}
        assert {key: read.get(key, next(c.default for c in one.page.controls if c.key == key)) for key in wanted} == wanted
