"""Pictures of what is inside a network while it trains: by layer, layer by layer over time, and of one layer's values."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from engine.studies.by_layer import DECADES, MEASURES, TINY, Look
from pages.shared import encodings
from pages.shared.encodings import drawn, tips
from pages.shared.theme import HALF, NOTE, tint

PICTURES: dict[str, tuple[str, str, str, tuple[float, float], Sequence[int]]] = {  # measure: title, subtitle, axis, its ends, exponents of its ticks
    "update": ("How far one step moves the weights", "Dotted: 1 in 1,000, a rule of thumb.", "‖ΔW‖ / ‖W‖ (log)", (1e-6, 1.0), range(-6, 1)),
    "gradient": ("Gradient of the weights", "Of the latest batch.", "Size of dJ/dW (log)", (1e-8, 10.0), range(-8, 2, 2)),
    "signal": ("Signal", "What each layer hands on; of the output layer, its logits.", "Spread (log)", (1e-4, 100.0), range(-4, 3)),
    "grown": ("Length of the weights", "Compared with the first weights.", "‖W‖ / first ‖W‖ (log)", (0.1, 10.0), range(-1, 2)),
    "running_mean": ("Batch norm: running means", "Root mean square over the units.", "Running mean μ̂ (log)", (1e-2, 100.0), range(-2, 3)),
    "running_std": ("Batch norm: running spread", "Root of the mean running variance.", "Running spread σ̂ (log)", (1e-2, 100.0), range(-2, 3)),
    "saturated": ("Saturated pre-activations", "Where the activation is almost flat.", "Share", (0.0, 1.0), ()),
    "dead": ("Dead units", "Off for each of 100 training images.", "Share", (0.0, 1.0), ()),
}
COLUMNS = (*MEASURES, "grown")
WORD = 66  # px for the name of a layer behind its line


def table(looks: Sequence[Look], per_epoch: float) -> pd.DataFrame:
    """One row a look and layer: step, epoch, layer (from 1, the output layer last), and every measure; `grown` is the norm over its first."""
    layers, parts = len(looks[0].norm), []
    with np.errstate(all="ignore"):
        for one in looks:
            parts.append(np.column_stack([np.full(layers, one.step), np.full(layers, one.step / per_epoch), np.arange(1, layers + 1),
                                          *(getattr(one, name) for name in MEASURES), one.norm / looks[0].norm]))
    frame = pd.DataFrame(np.concatenate(parts), columns=["step", "epoch", "layer", *COLUMNS]).astype(np.float32)
    return frame.astype({"step": np.int32, "layer": np.int32})


def lines_of(frame: pd.DataFrame, measure: str, apart: float = 0.06) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What `over_time` draws: the rows of one measure, the words at the ends of the first and last layer, and where lines leave the axis."""
    _, _, _, ends, log = PICTURES[measure]
    rows = frame[["epoch", "layer", measure]].dropna()
    if log:
        rows = rows.assign(**{measure: encodings.drawable(rows[measure].to_numpy(float))})
    first, last = (rows["layer"].min(), rows["layer"].max()) if len(rows) else (0, 0)
    latest = rows[(rows["epoch"] == rows["epoch"].max()) & rows["layer"].isin((first, last)) & rows[measure].between(*ends)]
    said = latest.assign(text=[f"layer {layer}" for layer in latest["layer"]]).drop_duplicates(measure, keep="last")  # equal ones: the last layer's name
    return rows, said.assign(above=said[measure] == said[measure].max()), encodings.gone(rows, "epoch", measure, ends, bool(log), "layer", apart=apart)


@drawn
def over_time(rows: pd.DataFrame, ends: pd.DataFrame, left: pd.DataFrame, measure: str, layers: int, until: float, height: int = 240) -> alt.LayerChart:
    """One measure, epoch by epoch, a line a layer: the fainter, the nearer to the images. Words behind their ends name the first and the last layer."""
    head, note, title, domain, ticks = PICTURES[measure]
    axis = alt.Axis(labelExpr=f"datum.value > {until} ? '' : datum.label")
    x = encodings.number(alt.X, "epoch", "Epoch", domain=(0, alt.ExprRef(f"{until} * width / (width - {WORD})")), clamp=True, axis=axis)
    y = encodings.number(alt.Y, measure, title, domain=domain, log=True, ticks=ticks) if ticks else encodings.share(measure, title)
    ramp = alt.Color("layer", type="quantitative", scale=alt.Scale(domain=[1 - 0.7 * layers, layers], range="ramp"), legend=None)
    base = alt.Chart(rows).encode(x=x, y=y, color=ramp, detail=alt.Detail("layer", type="nominal"))
    points = base.transform_calculate(**encodings.written(said=measure)).mark_point(size=22, clip=True, opacity=1)
    guide = [encodings.rule(y=1e-3)] if measure == "update" else [encodings.rule(y=1.0)] if measure == "grown" else []
    words, look = alt.Chart(ends).encode(x=x, y=y), {"align": "left", "dx": 6, "dy": alt.ExprRef("datum.above ? -7 : 9"), "fontSize": NOTE}
    return alt.layer(
        *guide, base.mark_line(clip=True, strokeWidth=1.6), points.encode(tooltip=tips(("layer", "Layer", "d"), ("epoch", "Epoch", ".3~g"), ("said", head))),
        *encodings.over_lines(words, alt.Text("text", type="nominal"), **look), *encodings.arrows(left, x, y), height=height, resolve=encodings.OWN_COLOURS, title=alt.Title(head, subtitle=note))


STRIP = {"signal": "Signal", "gradient": "Gradient"}


def strip_table(now: Look) -> pd.DataFrame:
    """Columns layer, series (a key of STRIP), value, said: of one look; beyond the axis, at its end."""
    layers = np.arange(1, len(now.norm) + 1)
    parts = [pd.DataFrame({"layer": layers, "series": name, "value": getattr(now, key)}) for key, name in STRIP.items()]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(value=np.clip(frame["value"], *SPAN), real=frame["value"].replace(np.inf, np.nan))


SPAN = 1e-8, 1e2


def at_a_look(now: Look) -> dict:
    """What `strip` draws of one look, on the shorter axis where that holds it all."""
    frame = strip_table(now)
    return strip(frame, len(now.norm), -4 if frame["value"].min() >= 1e-4 else -8)


@drawn
def strip(frame: pd.DataFrame, layers: int, low: int) -> alt.LayerChart:
    """Spread of the signal (blue) and size of the weights' gradient (orange) by layer, on one log axis from this power of ten on."""
    base = alt.Chart(frame).transform_calculate(**encodings.written(said="real")).encode(
        x=encodings.layers(layers, title="Layer"), y=encodings.number(alt.Y, "value", None, domain=(10.0**low, SPAN[1]), log=True, ticks=range(low, 3, 1 if low > -8 else 2)),
        tooltip=tips(("series", "What"), ("layer", "Layer", "d"), ("said", "Value")))
    drawn_ = [kind.encode(color=tint(key)) for key, name in STRIP.items() for one in [base.transform_filter(f"datum.series == '{name}'")]
              for kind in (one.mark_line(clip=True, strokeWidth=1.6, strokeDash=[1, 0] if key == "signal" else [4, 2]), one.mark_point(size=34, opacity=1))]
    return alt.layer(*drawn_, height=HALF, title=alt.Title("By layer", subtitle=["Blue: spread of the signal.", "Orange: size of dJ/dW."]))


def heat(looks: Sequence[Look], layer: int, edges: np.ndarray, per_epoch: float, until: float) -> pd.DataFrame:
    """Columns start, end (epochs), low, high (values), share: what one layer's activation gives, look by look; beyond the bins, at the outer ones."""
    if len(looks) > 30:
        looks = [*looks[:-1:2], looks[-1]]
    at = np.array([one.step for one in looks]) / per_epoch
    middles = (at[1:] + at[:-1]) / 2
    starts, ends = np.insert(middles, 0, 0.0), np.append(middles, min(until, at[-1] + until / 60))
    shares = np.stack([one.activations[layer - 1] for one in looks])
    shares = np.column_stack([shares[:, 0] + shares[:, 1], shares[:, 2:-2], shares[:, -2] + shares[:, -1]])
    look, bin_ = np.nonzero(shares > 0)
    columns = {"start": starts[look], "end": ends[look], "low": edges[bin_], "high": edges[bin_ + 1], "share": shares[look, bin_]}
    return pd.DataFrame({name: values.astype(np.float32) for name, values in columns.items()})


@drawn
def activations(frame: pd.DataFrame, layer: int, until: float, domain: tuple[float, float]) -> alt.Chart:
    """A histogram at each look, stood on its side: the stronger, the larger the share of the values that lie there."""
    return alt.Chart(frame).mark_rect(clip=True).encode(
        x=encodings.number(alt.X, "start", "Epoch", domain=(0, until), axis=alt.Axis(grid=False)), x2=alt.X2("end"),
        y=encodings.number(alt.Y, "low", "Activation y", domain=domain, axis=alt.Axis(grid=False)), y2=alt.Y2("high"),
        color=alt.Color("share", type="quantitative", scale=alt.Scale(type="sqrt", domain=[0, 1], range="ramp"), legend=None),
        tooltip=tips(("start", "Epoch", ".3~g"), ("low", "From", ".3~g"), ("high", "To", ".3~g"), ("share", "Share", ".1%"))
    ).properties(height=280, title=alt.Title(f"What layer {layer} hands on", subtitle="Each column is a histogram: stronger where more values lie."))


WHEN = ("before", "now")


def sizes(first: Look, now: Look, layer: int) -> pd.DataFrame:
    """Columns when, low, high (of |w|), share: zeros and what is smaller than the axis at its left end."""
    edges = 10.0 ** np.linspace(*DECADES, 4 * (DECADES[1] - DECADES[0]) + 1)
    parts = []
    for when, one in zip(WHEN, (first, now), strict=True):
        counted = one.weights[layer - 1].astype(float)
        inside = counted[1:-1].copy()
        inside[0] += counted[0]
        inside[-1] += counted[-1]
        parts.append(pd.DataFrame({"when": when, "low": edges[:-1], "high": edges[1:], "middle": np.sqrt(edges[:-1] * edges[1:]), "share": inside}))
    return pd.concat(parts, ignore_index=True)


@drawn
def weights(frame: pd.DataFrame, layer: int) -> alt.LayerChart:
    """Histogram of |w| on a log axis: before the first step as a dark outline, now as blue bars."""
    ends = 10.0 ** DECADES[0], 10.0 ** DECADES[1]
    base = alt.Chart(frame).encode(
        y=encodings.number(alt.Y, "share", "Share of the weights", domain=(0, 0.5), clamp=True, format="%"),
        tooltip=tips(("when", "When"), ("low", "From", ".2~g"), ("high", "To", ".2~g"), ("share", "Share", ".1%")))
    x = encodings.number(alt.X, "low", "Size of a weight, |w| (log)", domain=ends, log=True, ticks=range(DECADES[0], DECADES[1] + 1))
    bars = base.transform_filter("datum.when == 'now'").mark_bar(opacity=0.55, clip=True).encode(x=x, x2=alt.X2("high"), y2=alt.Y2Datum(0), color=tint("signal"))
    line = base.transform_filter("datum.when == 'before'").mark_line(interpolate="step", strokeWidth=1.5).encode(
        x=encodings.number(alt.X, "middle", domain=ends, log=True), color=tint("yardstick"))
    note = f"Bars: now. Line: before the first step. Dotted: {TINY:g}."
    return alt.layer(bars, line, encodings.rule(x=TINY), height=280, title=alt.Title(f"Weights of layer {layer}", subtitle=note))
