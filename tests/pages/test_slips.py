"""The cards of the notes' claims: each in its part and on the page of references, measured when it is opened."""

from urllib.parse import urlencode

import pytest

import pages.parts  # noqa: F401  (fills PAGES)
from engine.slips import SLIPS
from pages.shared import slips
from pages.shared.part import PAGES
from tests.pages import golden


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """What is measured is tested with the engine."""
    monkeypatch.setenv("MNIST_DIR", "/nowhere")
    monkeypatch.setattr(slips, "measured", lambda key: f"measured: {key}")


def said(app) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.caption))


def test_every_slip_has_one_place():
    assert set(slips.PLACES) == set(SLIPS)


def test_the_references_list_all_of_them_and_measure_only_what_is_opened():
    app = golden.open_link("references")
    assert [box.label for box in app.expander] == [f"The notes: {SLIPS[key].claim}" for key in slips.PLACES]
    assert "measured:" not in said(app)
    app.session_state["_slip_two"] = True
    app.run()
    assert not app.exception
    assert SLIPS["two"].experiment in said(app)
    assert said(app).count("measured:") == 1
    assert [link.proto.query_string for link in app.get("page_link")] == [urlencode(slips.query("two"))]


@pytest.mark.parametrize("key", SLIPS)
def test_a_slip_opens_on_its_part_with_its_card(key):
    stem, part, _ = slips.PLACES[key]
    app = golden.open_link(f"{stem}?{urlencode(slips.query(key))}")
    assert not app.exception
    assert [title.value for title in app.title] == [PAGES[stem].part(part).question]
    assert f"The notes: {SLIPS[key].claim}" in [box.label for box in app.expander]
    assert not app.warning
    app.session_state[f"_slip_{key}"] = True
    app.run()
    assert f"measured: {key}" in said(app)
