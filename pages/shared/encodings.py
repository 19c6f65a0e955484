"""What charts are made of, each once: axes, tooltips, and the specification that is sent. Knows no Streamlit.

Channels are built as objects: Altair's shorthand costs a parse each.
"""

import inspect
import math
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps

import altair as alt
import numpy as np
import pandas as pd

from engine import verdict
from pages.shared import theme
from pages.shared.theme import powers

SENT = alt.NamedData("sent")  # stands for the table that is sent with a specification
OWN_COLOURS = alt.Resolve(scale=alt.ScaleResolveMap(color="independent"))  # `resolve` of layers that share no scale of colours
POWER = "toNumber(split(format({}, '.1e'), 'e')[1])"  # an expression for a number's exponent of ten
FAR_LOW, FAR_HIGH = 1e-300, 1e300  # 0 and infinity on a log axis, see `drawable`
TOLD = 31  # places of x whose numbers a pointer is told, see `readings`


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
    made, axes = chart.to_dict(validate=False), {}
    for name, channel in ((name, layer.get("encoding", {}).get(name, {})) for layer in made.get("layer", ()) for name in ("x", "y")):
        if (axis := channel.get("axis")) and axes.setdefault(name, axis) is not axis and axes[name] == axis:
            del channel["axis"]  # layers share their axes: the first one's are enough
    return {**made, "datasets": tables}


def drawn(make: Callable[..., alt.TopLevelMixin]) -> Callable[..., dict]:
    """A function of tables and hashable arguments that gives a chart: its specification is built once for each shape.

    While it is built, a table is only a name; each call sends the tables of that call with it. So the function must
    not look into its tables: what it wants to know of them are arguments of their own, or further tables.
    """
    parameters, one_at_a_time = tuple(inspect.signature(make).parameters), threading.Lock()

    @lru_cache(maxsize=128)
    def built(tables: tuple[str, ...], **plain) -> dict:
        return specification(make(**{name: alt.NamedData(name) for name in tables}, **plain))

    @wraps(make)
    def sent(*given, **named) -> dict:
        given = dict(zip(parameters, given, strict=False)) | named
        tables = {name: value for name, value in given.items() if isinstance(value, pd.DataFrame)}
        with one_at_a_time:  # a class that opens one link builds it once
            spec = built(tuple(tables), **{name: value for name, value in given.items() if name not in tables})
        return {**spec, "datasets": {**spec["datasets"], **tables}}

    return sent


def titled(spec: dict, text: str, subtitle: Sequence[str] | str = ()) -> dict:
    """Words that change with the numbers, on a specification that does not."""
    return {**spec, "title": {"text": text, **({"subtitle": subtitle} if subtitle else {})}}


def number(
    channel: type, field: str, title: str | None = alt.Undefined, *, domain: Sequence[float] | None = None, log: bool = False, clamp: bool = False, **more
):
    """A quantity on an axis whose ends stay where they are: `number(alt.Y, "loss", "Loss J", domain=(1e-3, 10), log=True)`.

    `ticks` gives exponents of ten for a log axis, or values; `format` their d3 format.
    """
    ticks, text, axis = more.pop("ticks", None), more.pop("format", None), more.pop("axis", None)
    if axis is None and ticks is not None:
        every = {"labelOverlap": False} if channel is alt.Y else {}  # Vega judges before it knows how high the picture will be
        axis = powers(*ticks, **every) if log and text is None else alt.Axis(values=list(ticks), tickCount=len(ticks), **every, **({"format": text} if text else {}))
    elif axis is None and text:
        axis = alt.Axis(format=text)
    options = {} if domain is None else {"domain": list(domain), "nice": False}
    options |= ({"type": "log"} if log else {}) | ({"clamp": True} if clamp else {})
    given = ({"scale": alt.Scale(**options)} if options else {}) | ({} if axis is None else {"axis": axis})
    return channel(field, type="quantitative", title=title, **given, **more)


def layers(depth: int, field: str = "layer", title: str = "Layer l") -> alt.X:
    """Depth, left to right, as data flows."""
    return number(alt.X, field, title, domain=(0.5, depth + 0.5), axis=alt.Axis(format="d", tickMinStep=1, grid=False))


FLOORS = {  # where an axis of shares may begin, and its ticks
    0.0: [0, 0.25, 0.5, 0.75, 1], 0.5: [0.5, 0.6, 0.7, 0.8, 0.9, 1], 0.8: [0.8, 0.85, 0.9, 0.95, 1],
    0.9: [0.9, 0.92, 0.94, 0.96, 0.98, 1], 0.95: [0.95, 0.96, 0.97, 0.98, 0.99, 1]}


def floor_of(lowest: float) -> float:
    """The greatest of a few round shares below the lowest of those that matter: 97.5 % and 98.4 % shall not look the same."""
    return max(floor for floor in FLOORS if floor == 0 or floor <= lowest)


def share(field: str, title: str, low: float = 0.0) -> alt.Y:
    """A share of everything, from one of `FLOORS` to 100 %."""
    return number(alt.Y, field, title, domain=(low, 1), clamp=low == 0, axis=alt.Axis(format="%", values=FLOORS[low], tickCount=len(FLOORS[low])))


def tips(*fields: tuple[str, ...]) -> list[alt.Tooltip]:
    """Tooltips: (field, title) for words, (field, title, format) for numbers."""
    return [
        alt.Tooltip(field, type="quantitative" if form else "nominal", title=title, **({"format": form[0]} if form else {}))
        for field, title, *form in fields
    ]


def written(**fields: str) -> dict[str, str]:
    """For `transform_calculate`: numbers as people write them, see `written_of`. `written(said="loss")`."""
    return {f"{name}_e": POWER.format(f"datum.{field}") for name, field in fields.items()} | {name: written_of(f"datum.{field}", f"datum.{name}_e") for name, field in fields.items()}


def written_of(x: str, power: str = "") -> str:
    """An expression for the number that the expression `x` gives, as `verdict.number` writes it; a dash where there is none."""
    power = power or POWER.format(x)
    digit = "'⁰¹²³⁴⁵⁶⁷⁸⁹'[{}]".format
    high = "".join(f"(abs({power}) >= {n} ? {digit(f'floor(abs({power}) / {n}) % 10')} : '') + " for n in (100, 10))
    short = f"split(format({x}, '.1e'), 'e')[0] + ' × 10' + ({power} < 0 ? '⁻' : '') + {high}{digit(f'abs({power}) % 10')}"
    plain = f"abs({x}) >= 99.5 ? format({x}, ',.0f') : format({x}, '.3~r')"
    return f"!isValid({x}) ? '–' : {x} == 0 ? '0' : abs({x}) >= 0.01 && abs({x}) < 1e7 ? ({plain}) : {short}"


def over_lines(base: alt.Chart, text: alt.Text, colours: dict = theme.WORDS, rim: float = 10, **look) -> list[alt.Chart]:
    """Layers of a chart: words that lines do not strike through, for behind them is a rim of the background."""
    behind = base.mark_text(stroke=alt.ExprRef("background"), strokeWidth=rim, strokeJoin="round", **look)
    return [behind.encode(text=text), base.mark_text(color=alt.ExprRef(**theme.ink(colours)), **look).encode(text=text)]


def rule(x: float | None = None, y: float | Sequence[float] | None = None, dash: Sequence[int] = (2, 3)) -> alt.Chart:
    """Guides across the picture, at one x, or at one or a few y, which stand in the specification itself."""
    field, at, channel = ("x", x, alt.X) if y is None else ("y", y, alt.Y)
    table = alt.InlineData([{field: value} for value in (at if isinstance(at, Sequence) else [at])], name=f"{field} = {at}")
    return alt.Chart(table).mark_rule(strokeDash=list(dash)).encode(**{field: channel(field, type="quantitative")})


def gone(frame: pd.DataFrame, x: str, y: str, domain: tuple[float, float], log: bool = False, by: str = "", write: Callable = verdict.number, apart: float = 0.06) -> pd.DataFrame:
    """Where lines leave the axis, and their furthest value: columns x, y (near its end; on each other if at about one place), text, right (beyond their middle)."""
    (low, high), rows, stood = domain, [], []
    values, at, names = frame[y].to_numpy(float), frame[x].to_numpy(), frame[by].to_numpy() if by else np.zeros(len(frame))
    if ((values > high) | (values < low)).any():
        for line in (names == name for name in dict.fromkeys(names)):
            v, place = values[line], at[line]
            for out, up, arrow, furthest in ((v > high, True, "▲", np.max), (v < low, False, "▼", np.min)):
                if out.any():
                    worst, here, rank = furthest(v[out]), place[out][0], np.searchsorted(places := np.unique(at), place[out][0])
                    part = abs(up - 0.04 - apart * sum(up == its and abs(rank - other) < 0.4 * len(places) for its, other in stood))
                    said = "0" if worst == FAR_LOW else "∞" if worst >= FAR_HIGH else write(worst, 2)
                    rows.append((here, low * (high / low) ** part if log else low + part * (high - low), f"{arrow} {said}", bool(here > np.median(place))))
                    stood.append((up, rank))
    return pd.DataFrame(rows, columns=[x, y, "text", "right"])


def arrows(found: object, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Layers of a chart: a table of `gone`, on the channels of its lines."""
    return over_lines(alt.Chart(found).encode(x=x, y=y), alt.Text("text", type="nominal"), align=alt.ExprRef("datum.right ? 'right' : 'left'"), fontWeight=600)


def drawable(values: np.ndarray) -> np.ndarray:
    """For a log axis: 0 and infinity as numbers far beyond it, so that a line leaves it."""
    return np.clip(np.asarray(values), FAR_LOW, FAR_HIGH)


def readings(spec: dict, rows: pd.DataFrame, x: str, by: str, y: str) -> dict:
    """A specification that also tells all lines at the x nearest to the pointer, in one box: behind what tells something by itself.

    `rows` hold a number y for each x and name (column `by`). Of many x, at most `TOLD` are told.
    """
    across = rows[x].to_numpy()
    places = np.unique(across)
    places = places[:: -(-len(places) // TOLD)]
    few = np.isin(across, places)
    named = rows[by].to_numpy(object)[few].tolist()
    names = {name: i for i, name in enumerate(dict.fromkeys(named))}
    told = {at: [math.nan] * len(names) for at in places.tolist()}
    for at, name, value in zip(across[few].tolist(), named, rows[y].to_numpy(float)[few].tolist(), strict=True):
        told[at][names[name]] = value
    columns = [f"told {i}" for i in range(len(names))]
    whole = bool((places == np.round(places)).all())
    table = pd.DataFrame(
        {"at": places.astype(np.float32)} | ({} if whole else {"here": np.array([in_words(at) for at in told], object)})
        | {column: np.array([in_words(values[i]) for values in told.values()], object) for i, column in enumerate(columns)})
    axis = next(channel for layer in spec["layer"] if (channel := layer.get("encoding", {}).get("x", {})).get("title"))
    tip = [{"title": axis["title"], **({"field": "at", "type": "quantitative", "format": ",d"} if whole else {"field": "here", "type": "nominal"})}]
    tip += [{"field": column, "type": "nominal", "title": str(name)} for column, name in zip(columns, names, strict=True)]
    layer = {
        "data": {"name": "readings"}, "mark": {"type": "rule", "opacity": 0, "strokeWidth": {"expr": f"width / {max(1, len(places))}"}},
        "encoding": {"x": {**{key: said for key, said in axis.items() if key != "axis"}, "field": "at"}, "tooltip": tip}}
    first = next((i for i, one in enumerate(spec["layer"]) if "tooltip" in one.get("encoding", {})), len(spec["layer"]))
    return {**spec, "layer": [*spec["layer"][:first], layer, *spec["layer"][first:]], "datasets": {**spec["datasets"], "readings": table}}


def in_words(x: float) -> str:
    """A number of a table as people write it, with those that `drawable` put for 0 and infinity."""
    return "–" if x != x else "0" if x == FAR_LOW else "∞" if x == FAR_HIGH else verdict.number(x)
