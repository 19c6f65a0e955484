"""What charts are made of, each once: axes, tooltips, and the specification that is sent. Knows no Streamlit.

Channels are built as objects: Altair's shorthand costs a parse each.
"""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from engine import verdict
from pages.shared.theme import QUIET, chart, powers, tint

SENT = alt.NamedData("sent")  # stands for the table that is sent with a specification
OWN_COLOURS = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))  # `resolve` of layers that share no scale of colours
FAR_LOW, FAR_HIGH = 1e-300, 1e300  # 0 and infinity on a log axis, see `drawable`


def specification(chart: alt.TopLevelMixin) -> dict:
    """A chart as it is sent, its tables beside it under "datasets"; `SENT` and others that are only named follow later.

    Streamlit's `altair_chart` would also prove it against the whole grammar, under a lock for all
    visitors, which costs more than to build it: tests do that.
    """
    tables: dict[str, pd.DataFrame] = {}

    def take_tables(part: alt.TopLevelMixin) -> None:
        if isinstance(part.data, pd.DataFrame):
            name = next((name for name, table in tables.items() if table is part.data), f"table {len(tables) + 1}")
            tables[name], part.data = part.data, alt.NamedData(name)
        for inner in part.layer if isinstance(part, alt.LayerChart) else part.vconcat if isinstance(part, alt.VConcatChart) else ():
            take_tables(inner)

    take_tables(chart)
    return {**chart.to_dict(validate=False), "datasets": tables}


def number(
    channel: type, field: str, title: str | None = alt.Undefined, *, domain: Sequence[float] | None = None, log: bool = False, clamp: bool = False, **more
):
    """A quantity on an axis whose ends stay where they are: `number(alt.Y, "loss", "Loss J", domain=(1e-3, 10), log=True)`.

    `ticks` gives exponents of ten for a log axis, or values; `format` their d3 format.
    """
    ticks, text, axis = more.pop("ticks", None), more.pop("format", None), more.pop("axis", None)
    if axis is None and ticks is not None:
        axis = powers(*ticks) if log and text is None else alt.Axis(values=list(ticks), **({"format": text} if text else {}))
    elif axis is None and text:
        axis = alt.Axis(format=text)
    options = {} if domain is None else {"domain": list(domain), "nice": False}
    options |= ({"type": "log"} if log else {}) | ({"clamp": True} if clamp else {})
    given = ({"scale": alt.Scale(**options)} if options else {}) | ({} if axis is None else {"axis": axis})
    return channel(field, type="quantitative", title=title, **given, **more)


def layers(depth: int, field: str = "layer", title: str = "Layer l") -> alt.X:
    """Depth, left to right, as data flows."""
    return number(alt.X, field, title, domain=(0.5, depth + 0.5), axis=alt.Axis(format="d", tickMinStep=1, grid=False))


def share(field: str, title: str) -> alt.Y:
    """A share of everything, 0 to 100 %."""
    return number(alt.Y, field, title, domain=(0, 1), clamp=True, axis=alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1]))


def tips(*fields: tuple[str, ...]) -> list[alt.Tooltip]:
    """Tooltips: (field, title) for words, (field, title, format) for numbers."""
    return [
        alt.Tooltip(field, type="quantitative" if form else "nominal", title=title, **({"format": form[0]} if form else {}))
        for field, title, *form in fields
    ]


def rule(x: float | None = None, y: float | Sequence[float] | None = None, dash: Sequence[int] = (2, 3)) -> alt.Chart:
    """Guides across the picture, at one x, or at one or a few y."""
    field, at, channel = ("x", x, alt.X) if y is None else ("y", y, alt.Y)
    table = pd.DataFrame({field: at if isinstance(at, Sequence) else [at]})
    return alt.Chart(table).mark_rule(strokeDash=list(dash)).encode(**{field: channel(field, type="quantitative")})


def leaving(frame: pd.DataFrame, x: alt.X, y: alt.Y, by: str = "") -> list[alt.Chart]:
    """Layers of a chart: arrows where lines leave the axis, with the furthest value that they have out there. Wants the channels of those lines, domains named."""
    (low, high), log, rows = y["scale"]["domain"], "log" in str(y["scale"].to_dict().get("type")), []
    near_low, near_high = (low * (high / low) ** part if log else low + part * (high - low) for part in (0.04, 0.96))
    for _, group in frame.groupby(by, sort=False) if by else [("", frame)]:
        values, middle = group[y.shorthand], group[x.shorthand].median()
        for gone, edge, arrow, worst in ((values > high, near_high, "▲", values.max()), (values < low, near_low, "▼", values.min())):
            if gone.any():
                at = group.loc[gone, x.shorthand].iloc[0]
                rows.append((at, edge, f"{arrow} {'0' if worst == FAR_LOW else '∞' if worst == FAR_HIGH else verdict.number(worst, 2)}", bool(at > middle)))
    found = pd.DataFrame(rows, columns=[x.shorthand, y.shorthand, "text", "right"])
    base = chart(found).encode(x=x, y=y, text=alt.Text("text", type="nominal"))
    sides = {"left": "!datum.right", "right": "datum.right"}
    return [base.transform_filter(test).mark_text(align=side, color=QUIET, fontSize=12, fontWeight=600) for side, test in sides.items()]


def drawable(values: np.ndarray) -> np.ndarray:
    """For a log axis: 0 and infinity as numbers far beyond it, so that a line leaves it."""
    return np.clip(values, FAR_LOW, FAR_HIGH)


def outside(below: np.ndarray, above: np.ndarray, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Layers of a chart: arrows at the edge of strips of histograms: in which layers over half a per cent lies beyond it. Wants the shares by layer."""
    (low, high), layer = y["scale"]["domain"], x.shorthand
    sides = {"above": (high, above, "triangle-up", 5), "below": (low, below, "triangle-down", -5)}
    rows = [(i + 1, edge, shares[i], side) for side, (edge, shares, *_) in sides.items() for i in np.flatnonzero(shares > 0.005)]
    tip = tips((layer, "Layer"), ("side", "Outside"), ("share", "Share", ".1%"))
    base = chart(pd.DataFrame(rows, columns=[layer, y.shorthand, "share", "side"])).encode(x=x, y=y, color=tint("yardstick"), tooltip=tip)
    return [
        base.transform_filter(f"datum.side == '{side}'").mark_point(shape=shape, filled=True, opacity=1, size=45, yOffset=offset)
        for side, (*_, shape, offset) in sides.items()
    ]
