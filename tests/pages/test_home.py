"""Home: one picture, one control, and the way to every page."""

import numpy as np
import pytest

from pages.shared import catalogue, lessons
from pages.shared.router import PAGES
from tests.pages import golden
from tests.pages.helpers import PARTS, asked, assert_charts_get_their_tables, charts_of, verdict_of


def opened(query=""):
    return golden.open_link(f"home?{query}")


def test_home_asks_draws_and_answers():
    app = opened()
    assert not app.exception
    assert [title.value for title in app.title] == ["Why are deep neural networks hard to train, and what fixes it?"]
    assert "Weights of **0.8 ×** what He's rule says" in verdict_of(app)
    assert [chart.alt[:20] for chart in charts_of(app)] == ["Spread of the signal"]
    assert_charts_get_their_tables(app)


def test_every_page_has_its_card():
    assert {link.proto.page for link in opened().get("page_link")} == {stem for stem in PAGES if stem != "home"}


def test_the_scale_travels_in_the_link():
    app = opened("home_gain=1.25")
    assert "Weights of **1.25 ×**" in verdict_of(app)
    app.select_slider(key="home_gain").set_value(1.6).run()
    assert asked(app, "home_gain") == "1.6"
    assert "Weights of **1.6 ×**" in verdict_of(app)
    app.select_slider(key="home_gain").set_value(0.8).run()
    assert "home_gain" not in app.query_params


def test_a_scale_that_home_has_not_is_said_and_the_default_is_used():
    app = opened("home_gain=7")
    assert [warning.value[:24] for warning in app.warning] == ["The link asks for Scale "]
    assert "Weights of **0.8 ×**" in verdict_of(app)


@pytest.mark.parametrize("gain", [0.8, 1.25])
def test_the_dots_follow_the_line_of_their_scale(gain):
    """Thirty layers of width 300 scatter around the theory by a factor, and not by a power of ten."""
    tables = {frozenset(table): table for table in golden.tables(opened(f"home_gain={gain}"))}
    lines, points = tables[frozenset({"layer", "series", "expected"})], tables[frozenset({"layer", "measured"})]
    expected = lines[lines["series"] == f"× {gain:g}"]["expected"].to_numpy()
    assert np.abs(np.log10(points["measured"].to_numpy() / expected)).max() < 0.4


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
    assert len(links_of(app)) == 2 + len(PAGES) + len(lessons.lessons())
    assert asked(app, "home_find") == "dying relu maas"


def test_a_link_of_the_catalogue_sets_all_controls_of_its_page():
    for one in catalogue.find():
        assert one.query
        wanted = one.page.settings_of(one.preset)
        read = {control.key: control.read([one.query[control.key]]) for control in one.page.controls if control.key in one.query}
        assert {key: read.get(key, next(c.default for c in one.page.controls if c.key == key)) for key in wanted} == wanted
