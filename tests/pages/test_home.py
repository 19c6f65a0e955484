"""Home: one picture, one control, and the way to every page."""

import numpy as np
import pytest

from pages.shared.router import PAGES
from tests.pages import golden
from tests.pages.helpers import asked, assert_charts_get_their_tables, charts_of, verdict_of


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
