"""Tables and charts: what a chart is given and what it promises to the eye."""

import base64
import io
import re
import tomllib

import numpy as np
import pytest
from PIL import Image

from engine import Evaluation
from engine.training import Inspection
from pages.shared import charts, frames, theme
from tests.conftest import ROOT

EVALUATIONS = [(1.0, Evaluation(0.5, 0.9, 0.6, 0.8)), (2.0, Evaluation(np.inf, 0.1, np.nan, 0.1))]


def inspection() -> Inspection:
    return Inspection(np.diag([5] * 9 + [0]), np.array([0]), np.array([3]), np.array([0.9]))


def test_an_empty_history_is_an_empty_table_with_the_same_columns():
    assert list(frames.training_curves([], [], 1e-3).columns) == list(frames.training_curves([(1.0, 2.0, 0.5)], EVALUATIONS, 1e-3).columns)


def test_a_loss_of_zero_stays_on_the_log_axis_and_an_infinite_one_is_a_gap():
    frame = frames.training_curves([(1.0, 0.0, 1.0)], EVALUATIONS, 1e-3)
    assert frame["loss"][0] == pytest.approx(1e-3)
    assert frame["loss"].isna().sum() == 2


def test_a_full_history_stays_under_2000_marks_and_60_kilobytes():
    frame = frames.training_curves([(0.1 * i, 1.0, 0.5) for i in range(400)], EVALUATIONS * 150, 1e-3)
    assert len(frame) <= 2000
    assert frame.drop(columns="series").memory_usage(index=False, deep=True).sum() < 60_000


@pytest.mark.parametrize("measure", ["loss", "accuracy"])
def test_axes_do_not_move_with_the_data(measure):
    spec = charts.training_curve(measure, 30, 10)
    first = spec["layer"][0]["encoding"]
    assert first["x"]["scale"]["domain"] == [0, 30]
    assert len(first["y"]["scale"]["domain"]) == 2
    assert {(layer.get("data") or spec["data"])["name"] for layer in spec["layer"][:3]} == {charts.SENT.name}   # they draw what is sent along


def test_confusion_shares_are_of_the_true_class_and_an_absent_class_is_no_error():
    frame = frames.confusion(inspection())
    assert frame["images"].sum() == 45
    assert set(frame.loc[frame.truth == frame.answer, "share"]) == {1.0, 0.0}
    assert set(frame.columns) >= {"truth", "answer", "images", "share"}


def opened(picture: str) -> np.ndarray:
    """Pixels of a data URI."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.removeprefix("data:image/png;base64,")))))


def test_weights_are_drawn_blue_for_positive_orange_for_negative_and_grey_for_zero():
    weights = np.zeros((4, 3))
    weights[0, 0], weights[1, 0], weights[:, 2] = 2.0, -2.0, np.nan
    picture = opened(frames.weight_picture(weights, (2, 2), columns=3))
    step = picture.shape[1] // 8   # three tiles of two pixels, two gaps
    positive, negative, zero = picture[0, 0], picture[0, step], picture[step, 0]
    assert positive[2] > positive[0]
    assert negative[0] > negative[2]
    assert np.ptp(zero.astype(int)) < 5


def test_ink_is_dark_on_white():
    picture = opened(frames.digit_picture(np.array([0, 16, 0, 16]), (2, 2), 16))
    assert picture[0, 0] == 255
    assert picture[0, -1] == 0


def test_each_meaning_has_one_colour_in_light_and_in_dark():
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for mode in ("light", "dark"):
        listed = colours[mode]["chartCategoricalColors"]
        assert len(listed) >= len(theme.MEANINGS)
        assert len(set(listed)) == len(listed)
        for colour in (*listed[:len(theme.MEANINGS)], theme.QUIET):
            assert contrast(colour, colours[mode]["backgroundColor"]) > 3, (mode, colour)


def contrast(a: str, b: str) -> float:
    """WCAG 2.1 contrast ratio."""
    def luminance(colour: str) -> float:
        channels = [int(c, 16) / 255 for c in re.findall("..", colour[1:])]
        r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_colours_go_by_meaning_whatever_the_order_of_the_series():
    one = theme.colour("s", {"train": "signal", "test": "yardstick"}).to_dict()
    other = theme.colour("s", {"test": "yardstick", "train": "signal"}).to_dict()
    assert one["scale"]["domain"] == other["scale"]["domain"]
    assert one["scale"]["domain"].index("test") == theme.MEANINGS.index("yardstick")
