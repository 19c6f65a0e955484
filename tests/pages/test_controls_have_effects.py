"""No control is a dummy: each changes what is shown, at some settings; one that is idle says why, and does nothing."""

import hashlib
import random

import pytest

from pages.shared.control import Control, Menu, Number, Several, Text, Values, Whole
from pages.shared.runs import Run
from tests.pages.helpers import CONTROLS, PARTS, charts_of, open_part

TRIES = 8   # random settings, of which one must do
TEXTS = {"bn_values": ("1, 2, 4, 9", "5 3 -2 8 1"), "bn_layers": ("784, 100 relu, BN, 10", "64, 300 no bias, BN, elu, 10")}
LIGHT = {"init_depth": (2, 12), "act_depth": (3, 12), "act_layers": (2, 40), "mnist_depth": (0, 3), "act_dying_depth": (1, 3)}


@pytest.fixture(autouse=True)
def without_mnist(monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")


def some_value(control: Control, rng: random.Random, without: str = ""):
    if isinstance(control, Several):
        return rng.sample(list(control.options), 2)
    if isinstance(control, Menu):
        return rng.choice([option for option in control.options if option != without])
    if isinstance(control, Whole):
        return rng.randint(*LIGHT.get(control.key, control.limits))
    if isinstance(control, Number):
        return round(rng.uniform(max(control.limits[0], -5), min(control.limits[1], 5)), 2)
    assert isinstance(control, Text)
    return rng.choice(TEXTS[control.key])


def shown(app) -> str:
    """What stands on the page and is no control, no script and no link: pictures, tables, words, formulas."""
    for run in [value for value in app.session_state.to_dict().values() if isinstance(value, Run)]:   # pictures of a run that has begun
        for _ in range(40):
            run.advance(0)
        app.run()
    digest = hashlib.sha1()
    for chart in charts_of(app):
        digest.update(chart.spec.encode())
        for table in chart.datasets:
            digest.update(table.data.data)
    for frame in app.dataframe:
        digest.update(frame.value.to_csv().encode())
    for words in (*app.markdown, *app.latex, *app.main.caption, *app.info, *app.main.warning):
        digest.update(words.value.encode())
    for bar in app.get("progress"):
        digest.update(bar.proto.text.split(" · ")[0].encode())
    return digest.hexdigest()


def moved(page, part, control, settings, value) -> str:
    return shown(open_part(page, part, **{**settings, control.name: value}))


@pytest.mark.slow
@pytest.mark.parametrize(("page", "part", "control"), CONTROLS, ids=[f"{part.key}-{control.key}" for _, part, control in CONTROLS])
def test_a_control_that_is_shown_has_an_effect_on_what_is_shown(page, part, control):
    for k in range(TRIES):
        rng = random.Random(f"{control.key}{k}")
        others = [other for other in part.all_controls if other is not control and not isinstance(other, Text)]
        settings = {other.name: some_value(other, rng, "mnist") for other in rng.sample(others, min(k, len(others)))}   # at first the defaults
        app = open_part(page, part, **settings)
        now = app.session_state["_kept"].get(control.key, control.default)
        if control.idle and control.idle(_values(part, app)):
            continue
        value = next((v for v in (some_value(control, rng) for _ in range(20)) if v != now), None)
        if value is not None and moved(page, part, control, settings, value) != shown(app):
            return
    pytest.fail(f"{control.key} changed nothing at {TRIES} settings")


def _values(part, app) -> Values:
    kept = app.session_state["_kept"]
    return Values(**{c.name: kept.get(c.key, c.default) for c in part.all_controls})


@pytest.mark.slow
@pytest.mark.parametrize(("page", "part"), [(page, part) for page, part in PARTS if any(control.idle for control in part.all_controls)],
                         ids=lambda thing: getattr(thing, "key", None) or thing.stem)
def test_an_idle_control_is_disabled_says_why_and_does_nothing(page, part):
    """At random settings, until each control that can be idle has been so once."""
    waiting = {control for control in part.all_controls if control.idle}
    for k in range(60):
        rng = random.Random(k)
        settings = {control.name: some_value(control, rng, "mnist") for control in part.all_controls if rng.random() < 0.6}
        v = Values(**{c.name: settings.get(c.name, c.default) for c in part.all_controls})
        idle = [control for control in waiting if control.idle(v)]
        if not idle:
            continue
        app = open_part(page, part, **settings)
        widgets = {widget.key: widget for kind in ("selectbox", "select_slider", "slider", "number_input", "toggle", "text_input", "multiselect")
                   for widget in app.get(kind)}
        for control in idle:
            widget = widgets.get(control.key)
            if widget is None:
                continue
            assert widget.disabled, control.key
            assert control.idle(v) in (widget.help or "")
            value = next(x for x in (some_value(control, rng) for _ in range(50)) if x != getattr(v, control.name))
            assert moved(page, part, control, settings, value) == shown(app), control.key
            waiting.discard(control)
        if not waiting:
            return
    assert not waiting, sorted(control.key for control in waiting)
