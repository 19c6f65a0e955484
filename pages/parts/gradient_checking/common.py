"""What the parts of the Gradient checking page share: the curve whose slope is taken, and a report as a strip, a table and a formula."""

from collections.abc import Callable
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from engine.gradient_check.report import BANDS, GradientReport, ParameterReport, band
from engine.verdict import number, power
from pages.shared import encodings, layout, link
from pages.shared.control import Ladder, Menu
from pages.shared.encodings import drawn, tips
from pages.shared.layout import tex
from pages.shared.theme import HALF, NOTE, QUIET, tint

WORDS = {"forward": "one-sided", "central": "two-sided", "complex": "complex"}
NAMES = {"cube": "θ³", "square": "θ²", "exp": "exp θ", "sin": "sin θ", "tanh": "tanh θ", "sigmoid": "sigmoid θ", "relu": "max(0, θ)"}
FUNCTION = Menu("grad_function", "Function f", "cube", "The curve whose slope is taken.", tuple(NAMES), show=lambda key: NAMES[key])
THETA = Ladder("grad_theta", "Place θ", 1.0, "The place where the slope is taken.", tuple(round(0.1 * i, 1) for i in range(-20, 21)))
WORST = "worst"
KINDS = ("dense_{}.W", "dense_{}.b", "activate_{}.slope", "batch_norm_{}.gamma", "batch_norm_{}.beta")
PARAMETERS = (WORST, *(kind.format(i) for i in range(1, 5) for kind in KINDS), "output.W", "output.b")
PARAMETER = Menu("grad_parameter", "Parameter", WORST, "The picture shows its components.", PARAMETERS, show=lambda name: "the worst" if name == WORST else name)
SMALL = "The network is small, 64-24-16-10, and sees 16 of the built-in digits."
LOW, HIGH = 1e-12, 1.0  # of every relative error drawn: fixed, so that the eye compares
BINS, LEAST = 480, 8  # places of the strip in all; places of even the smallest parameter
# Green where both sides agree, red-brown at an error of 1; in either theme, and neither is a colour of a gradient's sign.
ERROR_SCALE = alt.Scale(domain=[-12, -6, 0], range=["#8fbfb9", "#e3d3b4", "#9b4a3a"], clamp=True)
ERROR_LEGEND = alt.Legend(  # symbols, because a gradient is drawn by its address, and a link's brackets break that
    type="symbol", symbolType="square", symbolStrokeWidth=0, values=[0, -4, -8, -12],
    labelExpr="datum.value == 0 ? 'error 1' : '10' + ['⁻⁴', '⁻⁸', '⁻¹²'][-datum.value / 4 - 1]",
)
ERROR = alt.Color("log_error", type="quantitative", scale=ERROR_SCALE, legend=ERROR_LEGEND)


def choose_parameter(report: GradientReport) -> str:
    """Draw the menu of this network's parameters, and give the chosen one. One that it has not falls back to the worst."""
    present = (WORST, *report.by_parameter)
    if link.value(PARAMETER) not in present:
        link.put({PARAMETER.key: WORST})
        st.query_params.pop(PARAMETER.key, None)
    chosen = link.draw(replace(PARAMETER, options=present))
    if chosen != WORST:
        return chosen
    compared = [row for row in report.by_parameter.values() if row.grade != "vacuous"] or list(report.by_parameter.values())
    return max(compared, key=lambda row: np.inf if np.isnan(row.relative_error) else row.relative_error).name


def log_error(error: np.ndarray) -> np.ndarray:
    return np.log10(np.clip(np.nan_to_num(error, nan=HIGH, posinf=HIGH), LOW, HIGH)).astype(np.float32)


def cuts(n: int, pieces: int) -> np.ndarray:
    return np.linspace(0, n, min(n, pieces) + 1).round().astype(int)


def strip_cells(report: GradientReport) -> pd.DataFrame:
    """θ from left to right: cells (x, x2, parameter, first, last, log_error, said, state, kinks), then a row a parameter with its name.

    A cell stands for the components first … last of its parameter and shows the largest error among them. Its state is
    "compared", or "nothing to compare" where all are 0 (or below rounding) on both sides. A parameter's width goes with
    its size, but the smallest are drawn wider than that, to be seen. The rows of state "name" stand where a parameter begins.
    """
    rows, total = list(report.by_parameter.values()), report.analytical.size
    sizes = [int(np.prod(row.shape)) for row in rows]
    pieces = np.array([max(LEAST, round(BINS * n / total)) for n in sizes])
    edges = [cuts(n, places) for n, places in zip(sizes, pieces, strict=True)]
    of, k = np.concatenate([(np.full(len(at) - 1, i), np.arange(len(at) - 1)) for i, at in enumerate(edges)], axis=1)  # its parameter, its place there
    first, last = (np.concatenate([at[cut] for at in edges]) for cut in (slice(None, -1), slice(1, None)))
    starts = first + np.array([row.start for row in rows])[of]
    kinks = np.add.reduceat(report.crosses_kink.astype(np.int32), starts)
    largest, seen = (np.maximum.reduceat(e, starts) for e in (report.local_error, np.where(report.crosses_kink, -np.inf, report.local_error)))
    error = np.where(np.isneginf(seen), largest, seen)  # that of a kink only where there is no other
    nothing = np.logical_and.reduceat((report.analytical == 0) & (report.numerical == 0), starts) | np.array([row.grade == "vacuous" for row in rows])[of]
    place, width = np.cumsum([0, *pieces]), (pieces / [len(at) - 1 for at in edges])[of]
    left, count, names = place[of] + k * width, len(rows), np.array([row.name for row in rows])
    narrow, none = pieces / place[-1] < 0.09, np.zeros(len(rows), np.int32)  # no room for its name
    overlap = np.append((left + width) / place[-1], place[1:] / place[-1]) + 7e-4  # neighbours by a hair, or the background shines through
    table = {
        "x": np.append(left, place[:-1]) / place[-1], "x2": np.minimum(overlap, 1), "parameter": np.append(names[of], np.where(narrow, "", names)),
        "first": np.append(first, none), "last": np.append(last - 1, none),
        "state": [*np.where(nothing, "nothing to compare", "compared"), *["name"] * count], "kinks": np.append(kinks, none),
        "log_error": log_error(np.append(error, none)), "said": [*map(number, error), *["0"] * count]}
    return pd.DataFrame(table).astype({"x": np.float32, "x2": np.float32, "first": np.int32, "last": np.int32, "kinks": np.int32})


def level(value: float) -> alt.YDatum:
    return alt.YDatum(value, type="quantitative", scale=alt.Scale(domain=[0, 1], nice=False), axis=None, title=None)


@drawn
def strip(cells: pd.DataFrame) -> alt.LayerChart:
    """The giant vector θ (`strip_cells`) from the first layer's first weight to the last bias, coloured by error; empty where nothing is compared."""
    x = alt.X("x", type="quantitative", title=None, scale=alt.Scale(domain=[0, 1], nice=False), axis=None)
    tip = tips(
        ("parameter", "Parameter"), ("first", "From component", ","), ("last", "to", ","), ("said", "Largest error"),
        ("kinks", "Across a kink", ","), ("state", "State"),
    )
    base = alt.Chart(cells).encode(x=x, x2=alt.X2("x2"), y=level(0.12), y2=alt.Y2Datum(0.72), tooltip=tip)
    compared = base.transform_filter("datum.state == 'compared'").mark_rect().encode(color=ERROR)
    idle = base.transform_filter("datum.state == 'nothing to compare'").mark_rect(color=QUIET, opacity=0.12)
    kinks = base.transform_filter("datum.kinks > 0").mark_rect().encode(y=level(0), y2=alt.Y2Datum(0.07), color=tint("yardstick"))
    said = alt.Chart(cells).transform_filter("datum.state == 'name'").encode(x=x)
    ends = (("!=", 0.95), ("==", 0.76))  # a name reaches over its narrow neighbours, whose borders end below it
    borders = [said.transform_filter(f"datum.parameter {is_} ''").mark_rule(color=QUIET, strokeWidth=1).encode(y=level(0.12), y2=alt.Y2Datum(top)) for is_, top in ends]
    words = said.mark_text(align="left", baseline="top", dx=4, fontSize=NOTE).encode(y=level(0.97), text=alt.Text("parameter", type="nominal"))
    return alt.layer(compared, idle, kinks, *borders, words, resolve=encodings.OWN_COLOURS, height=198)


def show_strip(report: GradientReport) -> None:
    said = f"The vector of all {report.analytical.size:,} parameters as a strip, coloured by the error of backpropagation against differences"
    words = ["Green: both sides agree. Red-brown: they do not.", "Empty: 0 or rounding on both sides. Marks below: steps across a kink."]
    layout.show(st, encodings.titled(strip(strip_cells(report)), f"θ, one vector of {report.analytical.size:,} components", words), said)


def shape(row: ParameterReport) -> tuple[int, int]:
    """Rows and columns of a parameter; a vector is one row."""
    return row.shape if len(row.shape) == 2 else (1, *row.shape)


def matrix(vector: np.ndarray, row: ParameterReport) -> np.ndarray:
    return vector[row.start : row.start + int(np.prod(row.shape))].reshape(shape(row))


def blocks(matrix: np.ndarray, most: int, name: str, finish: Callable) -> pd.DataFrame:
    """A matrix cut to at most `most` blocks, of each the number that is furthest from 0: columns row, row2, column, column2 and `name`."""
    rows, columns = matrix.shape
    wide = columns if rows * columns <= most else min(columns, max(32, most // rows))
    across = cuts(columns, min(wide, most))
    down = cuts(rows, most // (len(across) - 1))
    low, high = (end.reduceat(end.reduceat(matrix, down[:-1], axis=0), across[:-1], axis=1) for end in (np.minimum, np.maximum))
    values = finish(np.where(high >= -low, high, low))
    r, c = np.indices(values.shape)
    edges = {"row": down[:-1][r], "row2": down[1:][r], "column": across[:-1][c], "column2": across[1:][c]}
    return pd.DataFrame({side: at.ravel().astype(np.int32) for side, at in edges.items()} | {name: values.ravel().astype(np.float32)})


def grid(cells: object, rows: int, columns: int, tip: tuple[str, str, str], colour_by: alt.Color) -> alt.Chart:
    """A matrix as cells, rows of `blocks`; a vector is one low row."""
    ticks = alt.Axis(grid=False, format="d", tickMinStep=1)
    title, axis, height = ("from unit i", ticks, HALF) if rows > 1 else (None, None, 130)
    y = alt.Y("row", type="quantitative", title=title, scale=alt.Scale(domain=[rows, 0], nice=False), axis=axis)
    x = encodings.number(alt.X, "column", "to unit j", domain=(0, columns), axis=ticks)
    tip = tips(("row", "From unit", ","), ("column", "To unit", ","), tip)
    return alt.Chart(cells).mark_rect().encode(x=x, x2=alt.X2("column2"), y=y, y2=alt.Y2("row2"), color=colour_by, tooltip=tip).properties(height=height)


def parameter_table(report: GradientReport) -> pd.DataFrame:
    """One row a parameter, numbers as people write them."""
    rows = report.by_parameter.values()
    columns = {
        "Parameter": lambda row: row.name, "Grade": lambda row: row.grade, "Relative error": lambda row: number(row.relative_error),
        "a ÷ b": lambda row: "–" if np.isnan(row.factor) else number(row.factor, 4), "Mean |Δ|": lambda row: number(row.mean_difference),
        "‖gradient‖": lambda row: number(row.gradient_norm), "0 on both sides": lambda row: f"{100 * row.vacuous:.0f} %",
        "At a kink": lambda row: number(row.kinks), "Shape": lambda row: " × ".join(map(str, row.shape)),
        "Worst at": lambda row: ", ".join(map(str, row.worst)),
    }
    return pd.DataFrame({title: [write(row) for row in rows] for title, write in columns.items()})


def show_table(report: GradientReport) -> None:
    """Some columns are as wide as their words: a browser measures only some rows, and only of the first table of a place, and would cut those of others."""
    table, size = parameter_table(report), {"Parameter": 9, "Grade": 9, "a ÷ b": 9, "Mean |Δ|": 7.5, "‖gradient‖": 7.5}  # px of a letter
    wide = {name: st.column_config.TextColumn(width=round(18 + px * max(map(len, (name, *table[name]))))) for name, px in size.items()}
    st.dataframe(table, hide_index=True, column_config=wide)


def numbers(report: GradientReport) -> pd.DataFrame:
    """The same at full precision, and the whole vector in the last row."""
    names = ("name", "shape", "grade", "relative_error", "factor", "mean_difference", "gradient_norm", "numerical_norm", "vacuous", "kinks", "worst")
    rows = [{name: getattr(row, name) for name in names} for row in report.by_parameter.values()]
    whole = {name: getattr(report, name) for name in ("grade", "relative_error", "gradient_norm", "vacuous")}
    whole |= {"name": "all", "shape": report.analytical.shape, "kinks": int(report.crosses_kink.sum())}
    whole |= {"mean_difference": float(np.abs(report.analytical - report.numerical).mean())}
    return pd.DataFrame([*rows, whole | {"numerical_norm": float(np.linalg.norm(report.numerical)), "worst": None}])


# J at θ ± ε, one component moved at a time
DIFFERENCE = r"b_i = \frac{J(\theta_i + \varepsilon) - J(\theta_i - \varepsilon)}{2\,\varepsilon} \qquad \text{(the notes call it } \mathrm{d}\theta_{\text{approx}}\text{)}"


def metric(report: GradientReport) -> list[str]:
    """The one number, with what it is made of."""
    a, b = float(np.linalg.norm(report.analytical)), float(np.linalg.norm(report.numerical))
    formula = r"\frac{\lVert a - b \rVert}{\lVert a \rVert + \lVert b \rVert}"
    if not np.isfinite([a, b]).all():
        return [formula]
    return [rf"{formula} = \frac{{{tex(float(np.linalg.norm(report.analytical - report.numerical)))}}}{{{tex(a)} + {tex(b)}}} = {tex(report.relative_error)}"]


def show_bands(report: GradientReport) -> None:
    """The bands that grade the one number, and how it and the grade come out."""
    grades = ", ".join(f"{grade} up to {power(round(np.log10(limit)))}" for limit, grade in BANDS[:-1])
    st.caption(
        f"a is backpropagation's gradient, b that of differences. The number counts as {grades}, and wrong above. "
        f"By this number alone, the check would be graded {band(report.relative_error)}. The grade leaves out kinks and rounding: it is {report.grade}."
    )


def show_warnings(report: GradientReport) -> None:
    for warning in report.warnings:
        st.caption(warning[0].upper() + warning[1:])


PRINT = """print(f"relative error {report.relative_error:.6g}: {report.grade}")
for row in report.by_parameter.values():
    print(f"{row.name}  {row.relative_error:.6g}  {row.grade}")
"""
