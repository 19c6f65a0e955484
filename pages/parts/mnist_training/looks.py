"""A look of its own for each of a few lines: a colour that has no other meaning here, and a dash."""

from collections.abc import Sequence

import altair as alt

HUES = ("#1890c0", "#cc60b4", "#30a830", "#9054b4", "#9c9000", "#18786c", "#9c84e4", "#b43078", "#786c3c", "#3c9c90")
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3], [16, 4], [4, 2])


def _own(channel: type, looks: Sequence, field: str, shown: Sequence[str], names: Sequence[str], legend: bool) -> alt.Color | alt.StrokeDash:
    given = [looks[i % len(looks)] for i in range(len(names))]
    return channel(
        field, type="nominal", scale=alt.Scale(domain=list(names), range=given),
        legend=alt.Legend(values=list(shown), columns=3, symbolOpacity=1) if legend else None)


def hue(field: str, shown: Sequence[str], names: Sequence[str], legend: bool = True) -> alt.Color:
    """`shown` of all `names`, each of which keeps its colour, whatever stands beside it."""
    return _own(alt.Color, HUES, field, shown, names, legend)


def dash(field: str, shown: Sequence[str], names: Sequence[str], legend: bool = True) -> alt.StrokeDash:
    return _own(alt.StrokeDash, DASHES, field, shown, names, legend)
