"""The look of all charts, and what each colour means.

The colours themselves stand in `.streamlit/config.toml`, once for light and once for
dark; a chart names only the meaning, and the browser resolves it in the reader's theme.
"""

import json
from collections.abc import Mapping

import altair as alt

from engine.verdict import SUPERSCRIPT

# Position in the theme's categorical colours. A yardstick is what a measurement is held against: theory, or unseen data.
MEANINGS = ("signal", "gradient", "yardstick", "trouble")
QUIET = "#737a84"  # notes and guides: the one grey that can be read on white and on near-black
DIVERGING = ["#b3560a", "#e3a673", "#f0ece6", "#adcae6", "#23629f"]  # orange, grey, blue under words, in either theme
INK_BLUE = "#2f6fb3"  # under white numbers, in either theme


def enable() -> None:
    """Make this theme the one that every chart is built with."""
    alt.theme.register("explorer", enable=True)(_config)


def _config() -> alt.theme.ThemeConfig:
    return {
        "config": {
            "axis": {
                "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "gridOpacity": 0.5, "tickCount": 5,
                "labelOverlap": "greedy"},
            "title": {"anchor": "start", "subtitleColor": QUIET, "subtitleFontSize": 12, "fontSize": 14, "fontWeight": 600, "offset": 8},
            "legend": {
                "orient": "top", "title": None, "labelFontSize": 12, "symbolType": "stroke", "symbolStrokeWidth": 2.5, "symbolSize": 150,
                "offset": 4},
            "view": {"strokeOpacity": 0}, "rule": {"color": QUIET}, "text": {"color": QUIET}, "line": {"strokeWidth": 2},
            "point": {"size": 30, "filled": True}}
    }


def colour(field: str, meaning: Mapping[str, str], legend: bool = True) -> alt.Color:
    """Colour the values of a field by meaning, such as {"train": "signal", "test": "yardstick"}."""
    slots = [" " * (i + 1) for i in range(len(MEANINGS))]  # a scale's colours go by position: fill the unused places
    for value, name in meaning.items():
        slots[MEANINGS.index(name)] = value
    return alt.Color(field, type="nominal", scale=alt.Scale(domain=slots), legend=alt.Legend(values=list(meaning)) if legend else None)


def chart(data: object) -> alt.Chart:
    """A chart whose layers can be coloured by `tint`: every row knows all meanings."""
    return alt.Chart(data).transform_calculate(**{f"tint_{meaning}": f"'{meaning}'" for meaning in MEANINGS})


def tint(meaning: str) -> alt.Color:
    """One meaning's colour for a whole layer of a `chart`. Layers may share a scale: they all name the same four places."""
    return alt.Color(f"tint_{meaning}", type="nominal", scale=alt.Scale(domain=list(MEANINGS)), legend=None)


def powers(*exponents: int, **options) -> alt.Axis:
    """An axis of powers of ten, written as people write them: 10⁻⁴."""
    names = {f"{10.0**e:.0e}".replace("e-0", "e-").replace("e+0", "e+"): "1" if e == 0 else "10" + str(e).translate(SUPERSCRIPT) for e in exponents}
    return alt.Axis(values=[10.0**e for e in exponents], labelExpr=f"({json.dumps(names)})[format(datum.value, '.0e')]", **options)
