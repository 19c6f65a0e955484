"""The network as dropout thins it: which units one image meets in one step, and what stays connected."""

from collections.abc import Sequence
from itertools import pairwise

import altair as alt
import numpy as np
import pandas as pd

from pages.shared import encodings
from pages.shared.encodings import drawn, tips
from pages.shared.theme import QUIET, tint

UNITS = 12  # of a layer that are drawn
LAYERS = 6  # hidden layers that are drawn


def tables(kept: Sequence[np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units (layer, at, unit, kept) and the lines between those that are kept (line, layer, at): of up to UNITS units of the first LAYERS layers."""
    shown = [np.asarray(one[:UNITS]) for one in kept[:LAYERS]]
    units = pd.concat([pd.DataFrame({"layer": i, "at": _places(len(one)), "unit": np.arange(1, len(one) + 1), "kept": one}) for i, one in enumerate(shown, start=1)],
                      ignore_index=True)
    lines, number = [], 0
    for i, (a, b) in enumerate(pairwise(shown), start=1):
        for start in _places(len(a))[a]:
            for end in _places(len(b))[b]:
                lines += [(number, i, start), (number, i + 1, end)]
                number += 1
    return units, pd.DataFrame(lines, columns=["line", "layer", "at"]).astype({"line": int, "layer": int, "at": float})


def _places(count: int) -> np.ndarray:
    return np.arange(count) - (count - 1) / 2


@drawn
def network(units: pd.DataFrame, lines: pd.DataFrame, layers: int) -> alt.LayerChart:
    """Layers from left to right; filled blue units are kept, hollow ones are silent, and lines join what is left."""
    x, y = encodings.layers(min(layers, LAYERS), title="Hidden layer"), alt.Y("at", type="quantitative", axis=None, scale=alt.Scale(domain=[-UNITS / 2, UNITS / 2]))
    base = alt.Chart(units).encode(x=x, y=y, tooltip=tips(("layer", "Layer", "d"), ("unit", "Unit", "d")))
    return alt.layer(
        alt.Chart(lines).mark_line(strokeWidth=0.7, opacity=0.5, color=QUIET).encode(x=x, y=y, detail=alt.Detail("line", type="nominal")),
        base.transform_filter("datum.kept").mark_point(size=170, filled=True, opacity=1).encode(color=tint("signal")),
        base.transform_filter("!datum.kept").mark_point(size=150, filled=False, strokeWidth=1.4, opacity=0.8).encode(color=tint("trouble")),
        height=300, title=alt.Title("The thinned network", subtitle=f"Filled: kept. Hollow: silent for this image. The first {UNITS} units of each layer."))
