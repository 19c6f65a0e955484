"""A look of its own for each of a few lines: a colour that has no other meaning here, a dash, and its name where it ends."""

import re
from collections.abc import Sequence

import altair as alt
import numpy as np

from pages.shared import encodings
from pages.shared.theme import LONG, NOTE, ink

HUES = (  # in light and in dark: names are written in them
    ("#157da7", "#1890c0"), ("#c13fa5", "#cc60b4"), ("#268626", "#30a830"), ("#9054b4", "#a270c0"), ("#807600", "#9c9000"),
    ("#18786c", "#1e9485"), ("#7e5edc", "#9c84e4"), ("#b43078", "#e8658f"), ("#786c3c", "#93844a"), ("#318077", "#3c9c90"))
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [16, 4], [4, 2])


def _own(channel: type, looks: Sequence, field: str, shown: Sequence[str], names: Sequence[str], legend: bool) -> alt.Color | alt.StrokeDash:
    given = [looks[i % len(looks)] for i in range(len(names))]
    return channel(
        field, type="nominal", scale=alt.Scale(domain=list(names), range=given),
        legend=alt.Legend(values=list(shown), columns=alt.ExprRef("width < 360 ? 2 : 3"), symbolOpacity=1, symbolSize=LONG) if legend else None)


def hue(field: str, shown: Sequence[str], names: Sequence[str], legend: bool = True) -> alt.Color:
    """`shown` of all `names`, each of which keeps its colour, whatever stands beside it."""
    return _own(alt.Color, [ink({"light": light, "dark": dark}) for light, dark in HUES], field, shown, names, legend)


def dash(field: str, shown: Sequence[str], names: Sequence[str], legend: bool = True) -> alt.StrokeDash:
    return _own(alt.StrokeDash, DASHES, field, shown, names, legend)


FEW = 15  # dots that leave a dashed line its dashes
GAP = 0.075  # of an axis's length: the height of a line of words
LETTER, PART, LEAST = 7.7, 0.024, 0.4  # of a name: px of a letter, and its part of an axis in a wide picture; what lines keep of any picture's width
TURN = "^(.*,|.{8}[^ ]*) "  # where a name goes on in a second line: behind its comma, or its eighth letter


def apart(values: np.ndarray, low: float, high: float, log: bool = False) -> np.ndarray:
    """The values (n,), moved as little as it takes for words at them not to overlap, and into the axis from low to high."""
    scale, back = (np.log10, lambda t: 10.0**t) if log else (np.asarray, np.asarray)
    bottom, top = float(scale(low)), float(scale(high))
    at = (scale(np.clip(values, low, high)) - bottom) / (top - bottom)
    order, steps = np.argsort(at, kind="stable"), GAP * np.arange(len(at))
    at = at[order] - steps  # now it is enough that they do not fall
    at = (np.maximum.accumulate(at) + np.minimum.accumulate(at[::-1])[::-1]) / 2
    at = np.maximum(np.minimum(at, 1 - GAP / 2 - steps[-1:]), GAP / 2) + steps
    moved = np.empty_like(at)
    moved[order] = at
    return back(bottom + moved * (top - bottom))


def _in_little(names: Sequence[str]) -> tuple[str, int, int]:
    """For a picture too narrow for these names: an expression that writes their numbers only, or else two lines; px for that; and for the names in full."""
    if all(": " in name for name in names):
        said, few = "split(datum.name, ': ')[0]", [name.split(": ")[0] for name in names]
    else:
        said, few = f"split(replace(datum.name, regexp('{TURN}'), '$1|'), '|')", [line for name in names for line in re.sub(TURN, r"\1|", name).split("|")]
    short, long = (round(14 + LETTER * max(map(len, lines))) for lines in (few, names))
    return f"(width - {long} < {LEAST} * width) ? {said} : datum.name", short, long


def until(channel: type, field: str, title: str, last: float, names: Sequence[str], first: float = 0.0) -> alt.X:
    """An axis from the first value to the last, with room behind it for these names of lines: as much as they need at the width that the picture has, and in the larger letters of a lecture."""
    _, short, long = _in_little(names)
    wide = 1 / (1 + min(0.5, 0.05 + PART * max(map(len, names))))
    lines = f"max({LEAST} * width, width - {long} < {LEAST} * width ? width - {short} : min(width - {long}, max({wide:.3f} * width, width - {1.6 * long:.0f})))"
    step = next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if last / step <= 6), last)
    ticks = [tick for tick in np.arange(0, last + step / 2, step).tolist() if first <= tick <= last]
    return encodings.number(channel, field, title, domain=(first, alt.ExprRef(f"{first} + {max(last - first, 1)} * width / {lines}")), axis=alt.Axis(values=ticks, tickCount=len(ticks), format=",d", labelOverlap="parity"))


def at_the_end(words: object, y: alt.Y, names: Sequence[str]) -> list[alt.Chart]:
    """Layers: names at the right end of a picture, where `apart` put them, in the colours of their lines, which do not strike them through."""
    base, colour = alt.Chart(words).encode(x=alt.XValue("width"), y=y), hue("name", names, names, legend=False)
    look = {"align": "right", "dx": -2, "fontSize": NOTE, "fontWeight": 600, "text": alt.ExprRef(_in_little(names)[0])}
    return [base.mark_text(stroke=alt.ExprRef("background"), strokeWidth=5, **look), base.mark_text(**look).encode(color=colour)]
