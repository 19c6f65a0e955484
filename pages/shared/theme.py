"""The look of all charts, and what each colour means.

The colours themselves stand in `.streamlit/config.toml`, once for light and once for
dark; a chart names only the meaning, and the browser resolves it in the reader's theme.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import altair as alt

from engine.verdict import SUPERSCRIPT

THEME = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]

# Position in the theme's categorical colours. A yardstick is what a measurement is held against: theory, or unseen data.
MEANINGS = ("signal", "gradient", "yardstick", "trouble")
QUIET = "#737a84"  # lines and marks of guides: the one grey that can be seen on white and on near-black
WORDS = {"light": "#565d67", "dark": "#a9b1bc"}  # of charts; no one grey can be read well on both
FORWARD, BACK = {"light": "#2a64a1", "dark": "#6aa9e9"}, {"light": "#a65508", "dark": "#f0994a"}  # words about signal and gradient
TEXT, NOTE, LONG = 14, 13, 900  # px; a stroke in a legend that shows its dash is 30 px long: its size is an area
TALL, HALF = 540, 430  # px of a chart with its words: the one that carries a page, and those beside or below it


def ink(colours: Mapping[str, str] = WORDS) -> dict[str, str]:
    """A colour for words, chosen in the browser by the background that the reader's theme has."""
    return {"expr": f"luminance(background) > 0.5 ? '{colours['light']}' : '{colours['dark']}'"}
DIVERGING = ["#b3560a", "#e3a673", "#f0ece6", "#adcae6", "#23629f"]  # orange, grey, blue under words, in either theme
INK_BLUE = "#2f6fb3"  # under white numbers, in either theme


def enable() -> None:
    """Make this theme the one that every chart is built with."""
    alt.theme.register("explorer", enable=True)(_config)


def _config() -> alt.theme.ThemeConfig:
    return {
        "config": {
            "aria": False,  # a reader hears the sentence on the numbers (heard.py), not four hundred marks
            "axis": {
                "labelFontSize": TEXT, "titleFontSize": TEXT, "titleFontWeight": "normal", "labelColor": ink(), "titleColor": ink(),
                "labelPadding": 6, "titlePadding": 8, "gridOpacity": 0.5, "tickCount": 5, "labelOverlap": "greedy", "labelLimit": 200},
            "title": {
                "anchor": "start", "subtitleColor": ink(), "subtitleFontSize": NOTE, "subtitleLineHeight": 18, "fontSize": 16, "fontWeight": 600,
                "offset": 8},
            "legend": {
                "orient": "top", "title": None, "labelFontSize": TEXT, "labelColor": ink(), "symbolType": "stroke", "symbolStrokeWidth": 2.5,
                "symbolSize": 150, "labelLimit": 300, "offset": 4, "columns": {"expr": "width < 360 ? 2 : 0"}},
            "mark": {"tooltip": None, "aria": False},  # a picture tells what `tips` says, not what it is made of
            "axisX": {"labelFlush": 9}, "axisYDiscrete": {"labelFlush": False}, "view": {"strokeOpacity": 0}, "rule": {"color": QUIET}, "text": {"color": ink(), "fontSize": TEXT}, "line": {"strokeWidth": 2},
            "point": {"size": 30, "filled": True, "opacity": 1}}
    }


def colour(field: str, meaning: Mapping[str, str]) -> alt.Color:
    """Colour the values of a field by meaning, such as {"train": "signal", "test": "yardstick"}."""
    slots = [" " * (i + 1) for i in range(len(MEANINGS))]  # a scale's colours go by position: fill the unused places
    for value, name in meaning.items():
        slots[MEANINGS.index(name)] = value
    return alt.Color(field, type="nominal", scale=alt.Scale(domain=slots), legend=alt.Legend(values=list(meaning), symbolOpacity=1))


def tint(meaning: str) -> alt.ColorValue:
    """One meaning's colour for a whole layer, apart from any scale."""
    return alt.ColorValue(ink({mode: THEME[mode]["chartCategoricalColors"][MEANINGS.index(meaning)] for mode in ("light", "dark")}))


def powers(*exponents: int, **options) -> alt.Axis:
    """An axis of powers of ten, written as people write them: 10⁻⁴. Without their number Vega would draw every second or fourth."""
    names = {f"{10.0**e:.0e}".replace("e-0", "e-").replace("e+0", "e+"): "1" if e == 0 else "10" if e == 1 else "10" + str(e).translate(SUPERSCRIPT) for e in exponents}
    return alt.Axis(values=[10.0**e for e in exponents], tickCount=len(exponents), labelExpr=f"({json.dumps(names)})[format(datum.value, '.0e')]", **{"labelOverlap": "parity"} | options)


enable()  # before any chart is built: specifications are kept
