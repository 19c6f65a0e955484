"""What a picture says to those who cannot see it: where each of its lines begins and ends, and how far it goes between. Knows no Streamlit."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pages.shared.encodings import in_words

MOST = 6  # lines that are told one by one
SERIES = ("shape", "strokeDash", "color", "detail")  # channels that tell lines apart


def heard(spec: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> str:
    """Sentences on the layer that tells its numbers to a pointer, or else the first that draws some; nothing for a picture of another kind."""
    layers = list(_layers(spec, None))
    titles = [next((t for layer, _ in layers if (t := layer.get("encoding", {}).get(name, {}).get("title"))), None) for name in ("x", "y")]
    if None in titles:
        return ""
    for layer, data in sorted(layers, key=lambda one: "tooltip" not in one[0].get("encoding", {})):
        encoding, table = layer.get("encoding", {}), tables.get(data)
        x, y = (encoding.get(name, {}) for name in ("x", "y"))
        if table is None or len(table) < 2 or not _plain(layer) or not all(_number(table, at) for at in (x, y)):
            continue
        names = list(dict.fromkeys(found for name in SERIES if _word(table, found := encoding.get(name, {}).get("field"))))
        across, up = (table[at["field"]].to_numpy(float) for at in (x, y))
        keys = [table[name].tolist() for name in names] or [[""] * len(table)]
        each = {key: i for i, key in enumerate(dict.fromkeys(zip(*keys, strict=True)))}
        line = np.fromiter((each[key] for key in zip(*keys, strict=True)), int, len(table))
        said = [_line(", ".join(str(name).strip() for name in key), across[line == i], up[line == i]) for key, i in each.items()]
        if all(said):
            told = next((f", {tip['title']}" for tip in encoding.get("tooltip", ()) if tip["field"] in (y["field"], f"{y['field']}_said")), "")
            more = f" And {len(said) - MOST} more." if len(said) > MOST else ""
            return f"{titles[1]} over {titles[0]}{told}. {' '.join(said[:MOST])}{more}"
    return ""


def _layers(spec: Mapping[str, Any], data: str | None) -> Iterator[tuple[Mapping[str, Any], str | None]]:
    """Every layer with the name of its table."""
    data = (spec.get("data") or {}).get("name", data)
    if "layer" not in spec:
        yield spec, data
    for inner in spec.get("layer", ()):
        yield from _layers(inner, data)


def _plain(layer: Mapping[str, Any]) -> bool:
    """Points or lines of all rows that have a number."""
    mark, chosen = layer.get("mark"), [step["filter"] for step in layer.get("transform", ()) if "filter" in step]
    return (mark["type"] if isinstance(mark, dict) else mark) in ("line", "point", "circle") and all(str(one).startswith("isValid(") for one in chosen)


def _number(table: pd.DataFrame, at: Mapping[str, Any]) -> bool:
    return at.get("field") in table and table[at["field"]].dtype.kind in "fiu"


def _word(table: pd.DataFrame, field: str | None) -> bool:
    return field in table and table[field].dtype.kind not in "fiub"


def _line(name: str, x: np.ndarray, y: np.ndarray) -> str:
    """From its first point to its last, and what lies beyond both; nothing for what is no function of x."""
    there = ~(np.isnan(x) | np.isnan(y))
    x, y = x[there], y[there]
    if len(np.unique(x)) < max(2, len(x)):
        return ""
    order = np.argsort(x)
    x, y = x[order], y[order]
    ends, said = sorted((y[0], y[-1])), f"{name}{': f' if name else 'F'}rom {in_words(y[0])} at {in_words(x[0])} to {in_words(y[-1])} at {in_words(x[-1])}"
    for words, at, end in (("at least", y.argmin(), ends[0]), ("at most", y.argmax(), ends[1])):
        if in_words(y[at]) != in_words(end):
            said += f", {words} {in_words(y[at])} at {in_words(x[at])}"
    return said + "."
