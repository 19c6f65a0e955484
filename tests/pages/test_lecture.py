"""Lecture mode: one large picture, and keys that lead through every experiment."""

import json
import sys

import pytest

from pages.parts.activations import dying
from pages.shared import lecture
from pages.shared.theme import HALF
from tests.pages import golden
from tests.pages.helpers import PARTS, PRESETS, asked, charts_of
from tests.pages.test_charts import inside


def open_stop(stop, **more):
    return golden.open_link(f"{stop.page.stem}?" + "&".join(f"{name}={value}" for name, value in {
        **stop.page.query(stop.settings), "lecture": "true", **more}.items()))


def words_of(app):
    return " ".join(one.proto.body for one in app.get("html"))


def button(app, label):
    return next(one for one in app.button if one.label.startswith(label))


def test_the_course_leads_through_every_part_and_every_preset_and_stops_nowhere_twice():
    assert [stop.preset for stop in lecture.stops() if stop.preset] == [preset for _, preset in PRESETS]
    assert list(dict.fromkeys(stop.part.key for stop in lecture.stops())) == [part.key for _, part in PARTS]
    settings = [(stop.page.stem, stop.settings) for stop in lecture.stops()]
    assert all(one not in settings[:i] for i, one in enumerate(settings))   # else Next would stand still
    assert all(lecture.place(stop.part, stop.preset) == i for i, stop in enumerate(lecture.stops()))


SOME = ("chain", "deep", "curves", "scales", "v")   # a picture or several, with columns, with an expression for its words


@pytest.mark.parametrize(("page", "part"), [pytest.param(*one, id=one[1].key) for one in PARTS if one[1].key in SOME])
def test_one_picture_stands_on_the_page_and_its_words_are_for_the_last_row(page, part):
    app = open_stop(lecture.stops()[lecture.place(part, None)])
    assert not app.exception
    (chart,) = charts_of(app)
    sizes = [size for look in inside(json.loads(chart.spec)) for name, size in look.items() if name.lower().endswith("fontsize")]
    assert min(float(size["expr"].split()[0]) for size in sizes) >= 18
    assert "font-size: max(21px" in words_of(app)
    assert not app.code


def test_the_keys_turn_the_picture_show_the_link_and_lead_on_and_back():
    app = golden.open_link("initialization?init_part=chain&lecture=true")
    first = charts_of(app)[0].spec
    button(app, "Picture 1 of 2").click().run()
    assert charts_of(app)[0].spec != first
    button(app, "Picture 2 of 2").click().run()
    assert charts_of(app)[0].spec == first
    assert "data:image/svg" not in words_of(app)
    button(app, "Link").click().run()
    assert "data:image/svg" in words_of(app)
    button(app, "Next").click().run()
    assert asked(app, "init_gain") == "1.5"
    assert "data:image/svg" in words_of(app)   # of the new link
    button(app, "Back").click().run()
    assert "init_gain" not in app.query_params
    button(app, "Leave").click().run()
    assert "lecture" not in app.query_params
    assert app.code


def test_the_code_is_of_the_link_that_a_visitor_shares(monkeypatch):
    import segno

    made, make = [], segno.make
    monkeypatch.setattr(segno, "make", lambda text, **more: (made.append(text), make(text, **more))[1])
    app = golden.open_link("initialization?init_part=chain&init_gain=1.5&lecture=true")
    button(app, "Link").click().run()
    (link_,) = made
    assert "init_part=chain" in link_
    assert "init_gain=1.5" in link_
    assert "lecture" not in link_


def test_a_picture_that_fills_while_networks_train_is_one_picture(monkeypatch):
    whole = dying.watch

    def in_turn(*asked):
        *settings, seen = asked if callable(asked[-1]) else (*asked, lambda answers: None)
        answers = whole(*settings)
        for i in range(len(answers)):
            seen([answer if j <= i else None for j, answer in enumerate(answers)])
        return answers

    monkeypatch.setattr(dying, "watch", in_turn)
    app = golden.open_link("activations?act_part=dying&act_rivals=relu,elu&act_dying_depth=1&lecture=true")
    assert not app.exception
    assert button(app, "Picture").label == "Picture 1 of 2"


def test_off_it_costs_one_button():
    sys.modules.pop("segno", None)
    app = golden.open_link("initialization?init_part=chain")
    assert "21px" not in words_of(app)
    assert len(charts_of(app)) == 2
    assert [one.label for one in app.sidebar.button] == ["Lecture mode"]
    assert "segno" not in sys.modules


def test_a_specification_grows_but_its_numbers_do_not():
    spec = {"height": 540, "config": {"axis": {"labelFontSize": 14, "tickCount": 5}}, "encoding": {"x": {"scale": {"domain": [0, 10]}}},
            "mark": {"fontSize": {"expr": "width < 600 ? 10 : 14"}, "dy": 20, "filled": True}, "datasets": {"t": {"size": 3}}}
    large = lecture.enlarged(spec)
    assert large["config"]["axis"] == {"labelFontSize": {"expr": lecture.TALLER(19)}, "tickCount": 5}
    assert large["mark"] == {"fontSize": {"expr": lecture.TALLER(18)}, "dy": {"expr": lecture.TALLER(27.0)}, "filled": True}
    assert large["height"] == lecture.enlarged(spec | {"height": HALF})["height"] == "container"   # as tall as the screen has room
    assert lecture.enlarged(spec | {"height": 260})["height"] == 244
    assert (large["encoding"], large["datasets"]) == (spec["encoding"], spec["datasets"])
