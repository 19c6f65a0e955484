"""No control is a dummy: each changes what is shown, at some settings; one that is idle says why, and does nothing."""

import random

import pandas as pd
import pyarrow as pa
import pytest

from pages.shared.control import Control, Menu, Number, Several, Text, Values, Whole
from pages.shared.runs import Run
from tests.pages.helpers import CONTROLS, PARTS, charts_of, open_part

pytestmark = pytest.mark.usefixtures("without_mnist")
TRIES = 12   # random settings, of which one must do
SHORT = {"rank_depth": 5, "rank_width": 10, "rank_epochs": 2, "rank_seeds": 1}   # a ranking that is over after so few steps
STEPS = 600   # of a run that has begun
TEXTS = {"bn_values": ("1, 2, 4, 9", "5 3 -2 8 1"), "bn_layers": ("784, 100 relu, BN, 10", "64, 300 no bias, BN, elu, 10"),
         "mnist_layers": ("30, 20", "3 × 10")}
LIGHT = {"init_depth": (2, 12), "act_depth": (3, 12), "act_layers": (2, 40), "mnist_depth": (0, 3), "act_dying_depth": (1, 3)}


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


def drawn(part, rng: random.Random, share: float, control: Control | None = None) -> dict:
    """Random settings of a share of the part's controls, but for one."""
    others = [other for other in part.all_controls if other is not control and not isinstance(other, Text)]
    return (SHORT if part.key == "ranking" else {}) | {other.name: some_value(other, rng, "mnist") for other in others if rng.random() < share}


def values(part, settings: dict) -> Values:
    return Values(**{control.name: settings.get(control.name, control.default) for control in part.all_controls})


def shown(app) -> tuple[list[pd.DataFrame], list[str]]:
    """What stands on the page and is no control, no script and no link: tables and data of pictures; words, formulas, specifications."""
    for run in [value for value in app.session_state.to_dict().values() if isinstance(value, Run)]:   # pictures of a run that has begun
        for _ in range(STEPS if "ranking" in run.key else 40):
            run.advance(0)
        app.run()
    tables = [pa.ipc.open_stream(table.data.data).read_pandas() for chart in charts_of(app) for table in chart.datasets]
    words = [each.value for each in (*app.markdown, *app.latex, *app.main.caption, *app.info, *app.main.warning)]
    return tables + [frame.value for frame in app.dataframe], words + [chart.spec for chart in charts_of(app)]


def alike(one, other) -> bool:
    """Up to rounding: LSUV divides a gain away again."""
    def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
        try:
            pd.testing.assert_frame_equal(a, b, rtol=1e-3, atol=1e-12)
        except AssertionError:
            return False
        return True

    return one[1] == other[1] and len(one[0]) == len(other[0]) and all(map(same, one[0], other[0]))


@pytest.mark.slow
@pytest.mark.parametrize(("page", "part", "control"), CONTROLS, ids=[f"{part.key}-{control.key}" for _, part, control in CONTROLS])
def test_a_control_that_is_shown_has_an_effect_on_what_is_shown(page, part, control):
    tried = 0
    for k in range(400):
        rng = random.Random(f"{control.key}{k}")
        settings = drawn(part, rng, 0.1 * k if k < 9 else 0.8, control)   # at first the defaults
        if control.idle and control.idle(values(part, settings)):
            continue
        app, value = open_part(page, part, **settings), some_value(control, rng)
        if value != control.default and not alike(shown(open_part(page, part, **settings | {control.name: value})), shown(app)):
            return
        tried += 1
        if tried == TRIES:
            break
    pytest.fail(f"{control.key} changed nothing at {tried} settings")


@pytest.mark.slow
@pytest.mark.parametrize(("page", "part"), [(page, part) for page, part in PARTS if any(control.idle for control in part.all_controls)],
                         ids=lambda thing: getattr(thing, "key", None) or thing.stem)
def test_an_idle_control_is_disabled_says_why_and_does_nothing(page, part):
    """At random settings; some controls are idle on other parts only."""
    for control in part.all_controls:
        for k in range(200 if control.idle else 0):
            rng = random.Random(f"{control.key}{k}")
            settings = drawn(part, rng, 0.6)
            why = control.idle(values(part, settings))
            if not why:
                continue
            app = open_part(page, part, **settings)
            kinds = ("selectbox", "select_slider", "slider", "number_input", "toggle", "text_input", "multiselect")
            widget = next(widget for kind in kinds for widget in app.get(kind) if widget.key == control.key)
            assert widget.disabled
            assert why in widget.help
            value = next(x for x in (some_value(control, rng) for _ in range(50)) if x != settings.get(control.name, control.default))
            assert alike(shown(open_part(page, part, **settings | {control.name: value})), shown(app)), (control.key, settings, value)
            break
