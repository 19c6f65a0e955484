"""What the parts of the Initialization page share: the controls, the random network behind two of them, and its picture by depth."""

import math
from dataclasses import replace
from functools import partial
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine import diagnosis, mean_field, propagation
from engine.activations import ACTIVATIONS
from engine.initializers import INITIALIZERS
from engine.studies import random_networks
from engine.verdict import Verdict
from pages.shared import encodings, layout, workers
from pages.shared.control import Ladder, Menu, Typed, Values, Whole
from pages.shared.encodings import drawn, tips
from pages.shared.theme import HALF, QUIET, TALL, tint
from pages.shared.titles import rule, rule_note, title

GAINS = (0.01, 0.02, 0.05, *(round(0.1 * i, 1) for i in range(1, 41)), 1.4142, 1.5925, 1.6667, 5.0, 7.0, 10.0)
SOURCES = {"gaussian": "Gaussian noise", "digits": "Digits"}

ACTIVATION = Menu("init_activation", "Activation φ", "relu", "Bends the signal; its slope multiplies the gradient.", tuple(ACTIVATIONS))
INITIALIZER = Menu(
    "init_initializer", "Initializer", "lecun_normal", "The rule for the first weights. Normal takes its σ from the gain.", tuple(INITIALIZERS),
    show=rule, note=rule_note,
)
NO_GAIN = {"zeros": "Zeros stay zero, whatever multiplies them.", "lsuv": "LSUV rescales each layer until Var(z) is 1, whatever the gain was."}
GAIN = Ladder(
    "init_gain", "Gain", 1.0, "Multiplies every weight. Under Normal it is σ itself.", tuple(sorted(GAINS)),
    idle=lambda v: NO_GAIN.get(getattr(v, "initializer", ""), ""),
)
DEPTH = Whole("init_depth", "Depth L", 30, "Each layer multiplies once more.", (1, 100))
WIDTH = Ladder("init_width", "Width n", 100, "How many units each layer has. Narrow layers scatter more around the theory.", (2, 5, 10, 20, 50, 100, 200, 300, 500))
SIGMA_B = Ladder("init_sigma_b", "Bias σ_b", 0.0, "Standard deviation of the first biases.", (*(round(0.05 * i, 2) for i in range(31)), 2.0))
SEED = Typed("init_seed", "First seed", 0, "The same seed draws the same weights.", (0, 9999))
LAYERS = Whole("init_layers", "Depth L", 11, "How many layers the network has.", (2, 30))  # where a few layers tell enough
NETWORK = (ACTIVATION, INITIALIZER, GAIN, DEPTH, WIDTH)
MEASURED = (
    SIGMA_B, Menu("init_batch_norm", "Batch norm", "none", "Normalise each layer before or after φ.", ("none", "before", "after")),
    Menu("init_inputs", "Inputs", "gaussian", "Noise N(0, 1), or the built-in handwriting, standardized.", tuple(SOURCES), show=SOURCES.get),
    Ladder("init_samples", "Samples", 1000, "How many inputs go through the network.", (100, 300, 1000)),
    Whole("init_seeds", "Seeds", 5, "How many networks are drawn. The band spans them.", (1, 10)), SEED)

BUDGET = 1e10  # multiplications that one answer may cost: about half a second
DRAWN = 400  # inputs that cost as much to multiply as a matrix to draw
SMALL = 1e8  # so many that all networks of the band get all inputs: those of the notes' figure do
BAND = 100  # inputs for them else: the median over the seeds moves by less than the seeds differ
LOW, HIGH = -10, 4  # exponents of ten between which every magnitude is drawn over depth, at the most
SERIES = {  # statistic: what it measures, and its name in the legend
    "std": ("signal", "over all"), "std_over_data": ("signal", "per unit, over data"), "gradient_rms": ("gradient", "RMS"),
    "gradient_median": ("gradient", "median")}


def measure(seeds: tuple[int, ...], counted: tuple[str, ...] = (), **settings: Any) -> tuple[list[propagation.Propagation], Verdict]:
    """One network for each seed, and the diagnosis of the first, which alone has the histograms `counted`: how many share it is said."""
    few = inputs_of_band(settings["depth"], settings["width"], settings["samples"])
    band = [partial(random_networks.network, seed, measure=("gradient_median",), **settings | {"samples": few}) for seed in seeds[1:]]
    whole = partial(random_networks.diagnosed, seeds[0], measure=("gradient_median", "rank", "distinct", *counted), **settings)
    (first, found), *others = workers.measure_all(whole, *workers.thin_out(band))
    networks = [first, *others]
    same = sum(diagnosis.diagnose(one).kind == found.kind for one in networks)
    return networks, replace(found, text=f"{found.text} {same} of {len(networks)} networks drawn get{'s' * (same == 1)} this diagnosis." if len(networks) > 1 else found.text)


def inputs_of_band(depth: int, width: int, samples: int) -> int:
    return samples if depth * width**2 * samples <= SMALL else min(BAND, samples)


def affordable(v: Values) -> tuple[int, int]:
    """As many samples and seeds, of those asked for, as a network of this size leaves room for."""
    matrix = DRAWN + 10 * v.width * (v.initializer in ("orthogonal", "lsuv"))  # these decompose each
    room = BUDGET / (v.depth * v.width**2)  # inputs through one network, if its matrices were free
    seeds = max(1, min(v.seeds, int(room / (v.samples + matrix))))
    return v.samples if seeds > 1 else max(100, min(v.samples, int(room - matrix))), seeds


def networks(v: Values, *counted: str) -> tuple[list[propagation.Propagation], Verdict]:
    """As `measure` says; with fewer samples and seeds where the network is large."""
    samples, seeds = affordable(v)
    if (samples, seeds) != (v.samples, v.seeds):
        st.caption(f"A network of this size is measured on {samples:,} inputs and {seeds} seed{'s' * (seeds > 1)}, to answer soon.")
    settings = {name: getattr(v, name) for name in ("depth", "width", "activation", "initializer", "gain", "sigma_b")}
    batch_norm = None if v.batch_norm == "none" else v.batch_norm
    found = measure(tuple(range(v.seed, v.seed + seeds)), counted, inputs=v.inputs, samples=samples, batch_norm=batch_norm, **settings)
    if len(found[0]) < seeds:
        workers.complete(len(found[0]), seeds)
    return found


def describe(v: Values) -> str:
    said = [title(v.activation), title(v.initializer), f"gain {v.gain:g}", f"{v.depth} × {v.width}"]
    return ", ".join(said + [f"batch norm {v.batch_norm}"] * (v.batch_norm != "none") + [f"σ_b = {v.sigma_b:g}"] * (v.sigma_b > 0))


def layer_table(run: propagation.Propagation) -> pd.DataFrame:
    """Every number of one network, a row a layer."""
    names = ("mean", "std", "std_over_data", "q", "gradient_rms", "gradient_median", "saturated", "dead", "rank", "distinct")
    return pd.DataFrame({"layer": np.arange(1, len(run.std) + 1), **{name: getattr(run, name) for name in names}})


def inside(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """What of some numbers lies on an axis, NaN elsewhere."""
    with np.errstate(invalid="ignore"):
        return np.where((values >= low) & (values <= high), values, np.nan)


def reach(depth: int) -> tuple[int, int]:
    """Exponents of ten at the ends of the axis for so many layers: the same for every rule and gain, and wider for a deeper network."""
    return max(LOW, -math.ceil(0.8 * depth)), min(HIGH, math.ceil(depth / 5))


def depth_frame(nets: list[propagation.Propagation]) -> pd.DataFrame:
    """One row a layer and series: median, least and greatest over the seeds, and the theory's value.

    Columns layer, measure, series, value, least, most, theory, and whole: the value also where it is off the axis.
    Value and theory lie within `reach`, the range goes a little beyond. What is not a number is left out.
    """
    given = nets[0].theory()
    theory, parts, whole, depth = workers.measure(mean_field.predict, **given) if given else None, [], [], len(nets[0].std)
    low, high = (10.0**end for end in reach(depth))
    for name in SERIES:
        values = np.nan_to_num(propagation.stack(nets, name), nan=np.nan, posinf=1e300)
        expected = getattr(theory, name, np.full(depth, np.nan))
        whole.append(np.median(values, axis=0))
        range_ = np.clip([values.min(axis=0), values.max(axis=0)], low / 10, high * 10)
        parts.append((inside(whole[-1], low, high), *range_, inside(expected, low, high)))
    columns = dict(zip(("value", "least", "most", "theory"), np.concatenate(parts, axis=1).astype(np.float32), strict=True))
    measured, labels = (np.repeat(words, depth) for words in zip(*SERIES.values(), strict=True))
    return pd.DataFrame({"layer": np.tile(np.arange(1, depth + 1, dtype=np.int32), len(SERIES)), "measure": measured, "series": labels, **columns, "whole": np.concatenate(whole)})


@drawn
def depth_picture(frame: pd.DataFrame, gone: pd.DataFrame, overflow: pd.DataFrame, names: tuple[str, ...], measured: str, depth: int) -> alt.LayerChart:
    """One measure over depth: theory as thin dark lines, measurement as points, the seeds' range as a band.

    The frame is of `depth_frame`, rows of one measure and of these series: circles and full lines are the first series,
    diamonds and dashes the second. `gone` tells where they leave the axis. A rule marks the layer where numbers overflow (columns layer, text), if there is one.
    """
    title, y_title = {
        "signal": ("Signal: spread of the activations", "Standard deviation of y"), "gradient": ("Gradient: size of dJ/dz", "|dJ/dz|"),
    }[measured]

    low, high = reach(depth)
    axis = {"title": y_title, "domain": (10.0**low, 10.0**high), "log": True, "ticks": range(low, high + 1, 2 if high - low > 8 else 1)}

    def y(field: str) -> alt.Y:
        return encodings.number(alt.Y, field, **axis)

    base, mark = (alt.Chart(table).encode(x=encodings.layers(depth)) for table in (frame, overflow))
    band = base.mark_area(opacity=0.18, clip=True).encode(y=y("least"), y2=alt.Y2("most"), color=tint(measured), detail=alt.Detail("series", type="nominal"))
    lines = base.transform_filter("isValid(datum.theory)").mark_line(strokeWidth=1.2)
    said = encodings.written(**{f"{name}_said": name for name in ("value", "least", "most", "theory")})
    points = base.transform_filter("isValid(datum.value)").transform_calculate(**said).mark_point(size=45).encode(
        y=y("value"), color=tint(measured),
        shape=shapes(names, measured, "circle", "diamond"),
        tooltip=tips(
            ("layer", "Layer", "d"), ("series", "Measured"), ("value_said", "Median of the seeds"), ("least_said", "Least"),
            ("most_said", "Greatest"), ("theory_said", "Theory")),
    )
    words = ["Dots: the median of the networks drawn.", "Band: their range. Line: theory.", "Triangle: here the dots leave the picture."]
    return alt.layer(
        band, lines.encode(y=y("theory"), color=tint("yardstick"), **dashes(names)), points, *encodings.arrows(gone, encodings.layers(depth), y("value")),
        mark.mark_rule(strokeDash=[3, 3], strokeWidth=2).encode(color=tint("trouble")),
        *(mark.transform_filter(f"datum.layer {where} {depth / 2}").mark_text(align=side, baseline="top", dx=away, dy=6).encode(
            y=alt.YValue(0), text=alt.Text("text", type="nominal")) for side, where, away in (("right", ">", -6), ("left", "<=", 6))),
        height=HALF, title=alt.Title(title, subtitle=words))


def show_by_depth(places: Any, nets: list[propagation.Propagation], v: Values, which: str = "") -> None:
    """Signal and gradient, each in its place: two columns, or one place for both."""
    frame = depth_frame(nets)
    for place, measured, overflow in zip(places, ("signal", "gradient"), (nets[0].first_overflow, nets[0].gradient_overflow), strict=True):
        table = frame[frame["measure"] == measured]
        way = table if measured == "signal" else table[::-1]  # as the numbers go
        gone = encodings.gone(way.rename(columns={"value": "on", "whole": "value"}), "layer", "value", tuple(10.0**end for end in reach(v.depth)), log=True, by="series")
        there = pd.DataFrame([(overflow, f"overflow in layer {overflow}")] if overflow else [], columns=["layer", "text"])
        picture = depth_picture(table.drop(columns="whole"), gone, there, tuple(label for kind, label in SERIES.values() if kind == measured), measured, v.depth)
        layout.show(place, encodings.readings(picture, table, "layer", "series", "whole"), f"{which}{measured.capitalize()} by layer, measured and in theory: {describe(v)}")


def dashes(names: tuple[str, ...]) -> dict:
    """Channels of the line of each series: a dash by its place, without a scale, for that would put a dashed rim around the dots of the legend."""
    tests = [{"test": f"datum.series == '{name}'", "value": dash} for name, dash in zip(names[1:], ([5, 3], [2, 2]), strict=False)]
    return {"strokeDash": alt.StrokeDashValue([1, 0], condition=tests), "detail": alt.Detail("series", type="nominal")}


def shapes(names: tuple[str, ...], measured: str, *range_: str) -> alt.Shape:
    """A shape for the dots of each series, and a legend of dots in their colour."""
    filled = tint(measured).to_dict()["value"]
    return alt.Shape("series", type="nominal", scale=alt.Scale(domain=names, range=range_[: len(names)]), legend=alt.Legend(symbolFillColor=filled, symbolStrokeColor=filled))


def cut(frame: pd.DataFrame, domain: tuple[float, float], x: str = "layer", back: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What of each series (columns measured and expected) lies on an axis; and where its points leave it, on the way from the last if `back`."""
    on = {name: inside(frame[name].to_numpy(float), *domain) for name in ("measured", "expected")}
    return frame.assign(**on), encodings.gone(frame[::-1] if back else frame, x, "measured", domain, log=True, by="series")


def lines_and_points(frame: object, gone: object, names: tuple[str, ...], x: alt.X, y: dict, measured: str = "signal", **look: Any) -> alt.LayerChart:
    """Theory (column expected) as lines and measurement (column measured) as points for each of three series, by x, after `cut`; `y` makes their axis.

    What is `measured` gives its colour.
    """
    base = alt.Chart(frame).encode(x=x)
    lines = base.transform_filter("isValid(datum.expected)").mark_line(strokeWidth=1.2, color=QUIET)
    said = encodings.written(measured_said="measured", expected_said="expected")
    points = base.transform_filter("isValid(datum.measured)").transform_calculate(**said).mark_point(size=60)
    return alt.layer(
        lines.encode(y=encodings.number(alt.Y, "expected", **y), **dashes(names)),
        points.encode(
            y=encodings.number(alt.Y, "measured", **y), shape=shapes(names, measured, "circle", "square", "triangle-up"), color=tint(measured),
            tooltip=tips(("series", "Series"), ("measured_said", "Measured"), ("expected_said", "Theory"))),
        *encodings.arrows(gone, x, encodings.number(alt.Y, "measured", **y)), height=TALL, **look)
