"""A sketched curve as an answer: what is drawn, how it is compared with what was measured, and what a hostile browser sends."""

import json
import math

import numpy as np
import pytest

from engine.studies.guesses import PLACES, exponents, places
from pages.shared import sketch
from pages.shared.part import PAGES
from tests.pages.helpers import PARTS, blocks, open_part

DRAWN = [(page, part) for page, part in PARTS if part.predict and part.predict.sketch]
each = pytest.mark.parametrize(("page", "part"), DRAWN, ids=[f"{page.prefix}-{part.key}" for page, part in DRAWN])
CHAIN = next(one for one in DRAWN if one[1].key == "chain")


def canvases(app) -> list:
    return [json.loads(one.proto.json) for one in app.get("bidi_component") if '"heights"' in one.proto.json]


def open_drawing(page, part):
    """A part whose visitor draws, by a click."""
    app = open_part(page, part)
    assert canvases(app) == []   # nothing of it travels before
    return app.button(key=f"_{page.prefix}_{part.key}_draw").click().run()


def keep(app, page, part, sent, depth, reach):
    """As the canvas's own callback keeps it."""
    if (heights := sketch.taken(sent, depth)) is not None:
        app.session_state["_predict"]["sketched"][f"{page.prefix}_{part.key}"] = (depth, reach, heights)
    return app.run()


def heights_of(curve, reach) -> list[int]:
    """The heights of someone who draws exactly what was measured."""
    low, high = reach
    return [round(sketch.LEVELS * (min(high, max(low, e)) - low) / (high - low)) for e in exponents(curve)[places(len(curve)) - 1]]


@each
def test_the_measured_curve_is_told_only_after_a_sketch_and_who_drew_it_exactly_was_right(page, part):
    app = open_drawing(page, part)
    (before,) = canvases(app)
    assert before["curve"] is None
    assert len(before["at"]) <= PLACES
    depth, reach = before["at"][-1], (before["low"], before["high"])
    worst = keep(app, page, part, [sketch.LEVELS] * len(before["at"]), depth, reach)
    (after,) = canvases(worst)
    assert len(after["curve"]) == depth
    assert len(json.dumps(after)) < 2000   # what travels is small
    assert all(reach[0] <= e <= reach[1] or e is not None for e in after["curve"])
    assert any("You were furthest off in layer " in one.value for one in app.markdown)
    exact = keep(app, page, part, heights_of(10.0 ** np.array(after["curve"]), reach), depth, reach)
    assert not exact.exception
    said = next(one.value for one in app.markdown if "You were within a factor of " in one.value)
    assert part.predict.why in said
    assert not any(getattr(node, "key", None) == "veiled" for node in blocks(app._tree))


@pytest.mark.parametrize("sent", [
    None, "", 5, {}, [], [500] * 8, [500] * 10, [500] * 10**5,
    *([500] * 8 + [last] for last in (1001, -1, 0.5, True, "500", None, 10**400)), [[500]] * 9, [math.nan] * 9], ids=lambda sent: repr(sent)[:30])
def test_what_is_no_sketch_is_refused(sent):
    assert sketch.taken(sent, 30) is None
    assert sketch.taken([0] * 8 + [1000], 30)


def test_a_sketch_belongs_to_the_axes_it_was_drawn_on_and_is_asked_of_three_layers_or_more():
    page, part = CHAIN
    app = open_drawing(page, part)
    keep(app, page, part, [0] * 9, 30, part.predict.sketch.reach(type("v", (), {"depth": 30})))
    assert canvases(app)[0]["heights"]
    app.slider(key="init_depth").set_value(20).run()
    assert canvases(app)[0]["heights"] == []
    app.slider(key="init_depth").set_value(30).run()
    assert canvases(app)[0]["heights"] == [0] * 9
    app.slider(key="init_depth").set_value(2).run()
    assert canvases(app) == []
    assert not app.exception


def test_nothing_is_drawn_where_nothing_is_asked():
    page = PAGES["batch_norm"]
    app = open_drawing(page, page.part("depth"))
    assert canvases(app)
    app.button(key="_predict_off").click().run()
    assert canvases(app) == []
