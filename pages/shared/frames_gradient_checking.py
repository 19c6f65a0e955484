"""Tables of the Gradient checking page: reports and curves to what a chart can draw. Knows no Streamlit."""

from itertools import pairwise

import numpy as np
import pandas as pd

from engine.diagnosis import number as short
from engine.gradient_check.finite_differences import FUNCTIONS, VCurve
from engine.gradient_check.report import GradientReport, ParameterReport

LOW, HIGH = 1e-12, 1.0  # of every relative error drawn: fixed, so that the eye compares
BINS, LEAST = 480, 8  # places of the strip in all; places of even the smallest parameter
CELLS, COARSE = 1900, 1000  # most marks of a heat map of values, of errors


def _log(error: np.ndarray) -> np.ndarray:
    return np.log10(np.clip(np.nan_to_num(error, nan=HIGH, posinf=HIGH), LOW, HIGH)).astype(np.float32)


def _cuts(n: int, pieces: int) -> np.ndarray:
    return np.linspace(0, n, min(n, pieces) + 1).round().astype(int)


def strip(report: GradientReport) -> pd.DataFrame:
    """θ from left to right: cells (x, x2, parameter, first, last, log_error, said, state, kinks), then a row a parameter with its name.

    A cell stands for the components first … last of its parameter and shows the largest error among them. Its state is
    "compared", or "nothing to compare" where all are 0 (or below rounding) on both sides. A parameter's width goes with
    its size, but the smallest are drawn wider than that, to be seen. The rows of state "name" stand where a parameter begins.
    """
    error, both = report.local_error, (report.analytical == 0) & (report.numerical == 0)
    rows, names, place = [], [], 0
    for row in report.by_parameter.values():
        n = int(np.prod(row.shape))
        pieces = max(LEAST, round(BINS * n / report.analytical.size))
        cuts = _cuts(n, pieces)
        width = pieces / (len(cuts) - 1)
        for k, (first, last) in enumerate(pairwise(cuts)):
            here = slice(row.start + first, row.start + last)
            seen = ~report.crosses_kink[here]
            largest = float(error[here][seen if seen.any() else ...].max())
            state = "nothing to compare" if row.grade == "vacuous" or both[here].all() else "compared"
            rows.append((place + k * width, place + (k + 1) * width, row.name, first, last - 1, largest, state, int((~seen).sum())))
        names.append((place, place + pieces, row.name, 0, 0, 0.0, "name", 0))
        place += pieces
    frame = pd.DataFrame([*rows, *names], columns=["x", "x2", "parameter", "first", "last", "error", "state", "kinks"])
    frame["log_error"] = _log(frame["error"].to_numpy())
    frame["said"] = frame["error"].map(short)
    frame["x"], frame["x2"] = frame["x"] / place, frame["x2"] / place
    narrow = (frame["state"] == "name") & (frame["x2"] - frame["x"] < 0.09)
    frame.loc[narrow, "parameter"] = ""  # no room for its name
    frame["x2"] = np.minimum(frame["x2"] + 7e-4, 1)  # neighbours overlap by a hair, or the background shines through
    return frame.drop(columns="error").astype({"x": np.float32, "x2": np.float32, "first": np.int32, "last": np.int32, "kinks": np.int32})


def _binned(matrix: np.ndarray, reduce, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A matrix cut to at most `most` blocks: (values, row edges, column edges)."""
    rows, columns = matrix.shape
    wide = columns if rows * columns <= most else min(columns, max(32, most // rows))
    across = _cuts(columns, min(wide, most))
    down = _cuts(rows, most // (len(across) - 1))
    values = np.array([[reduce(matrix[r:s, c:d]) for c, d in pairwise(across)] for r, s in pairwise(down)])
    return values, down, across


def _cells(values: np.ndarray, down: np.ndarray, across: np.ndarray, name: str) -> pd.DataFrame:
    r, c = np.indices(values.shape)
    return pd.DataFrame(
        {
            "row": down[:-1][r.ravel()],
            "row2": down[1:][r.ravel()],
            "column": across[:-1][c.ravel()],
            "column2": across[1:][c.ravel()],
            name: values.ravel().astype(np.float32),
        }
    ).astype(dict.fromkeys(("row", "row2", "column", "column2"), np.int32))


def _matrix(vector: np.ndarray, row: ParameterReport) -> np.ndarray:
    part = vector[row.start : row.start + int(np.prod(row.shape))]
    return part.reshape(row.shape if len(row.shape) == 2 else (1, -1))


def error_map(report: GradientReport, name: str) -> pd.DataFrame:
    """Cells of one parameter's errors (row, row2, column, column2, log_error): the largest of each block; vectors are one row."""
    error = np.nan_to_num(_matrix(report.local_error, report.by_parameter[name]), nan=np.inf)
    values, down, across = _binned(error, np.max, COARSE)
    return _cells(_log(values), down, across, "log_error")


def gradient_maps(report: GradientReport, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One parameter's gradient by backpropagation and by differences: cells with `value`, in units of the numerical side's largest."""
    row = report.by_parameter[name]
    largest = np.abs(_matrix(report.numerical, row)).max()
    largest = largest if np.isfinite(largest) and largest > 0 else 1.0
    maps = []
    for side in (report.analytical, report.numerical):
        values, down, across = _binned(_matrix(side, row), lambda block: block.flat[np.abs(block).argmax()], CELLS)
        maps.append(_cells(np.clip(np.nan_to_num(values / largest), -9, 9), down, across, "value"))
    return maps[0], maps[1]


def parameter_table(report: GradientReport) -> pd.DataFrame:
    """One row a parameter, numbers as people write them."""
    return pd.DataFrame(
        {
            "Parameter": [row.name for row in report.by_parameter.values()],
            "Grade": [row.grade for row in report.by_parameter.values()],
            "Relative error": [short(row.relative_error) for row in report.by_parameter.values()],
            "a ÷ b": ["–" if np.isnan(row.factor) else f"{row.factor:.4g}" for row in report.by_parameter.values()],
            "Mean |Δ|": [short(row.mean_difference) for row in report.by_parameter.values()],
            "‖gradient‖": [short(row.gradient_norm) for row in report.by_parameter.values()],
            "0 on both sides": [f"{100 * row.vacuous:.0f} %" for row in report.by_parameter.values()],
            "At a kink": [f"{row.kinks:,}" for row in report.by_parameter.values()],
            "Shape": [" × ".join(map(str, row.shape)) for row in report.by_parameter.values()],
            "Worst at": [", ".join(map(str, row.worst)) for row in report.by_parameter.values()],
        }
    )


def numbers(report: GradientReport) -> pd.DataFrame:
    """The same at full precision, for the download."""
    names = ("name", "shape", "grade", "relative_error", "factor", "mean_difference", "gradient_norm", "numerical_norm", "vacuous", "kinks", "worst")
    return pd.DataFrame([{name: getattr(row, name) for name in names} for row in report.by_parameter.values()])


SPAN = (-3.0, 3.0)  # of θ in the drawing of one curve


def curve(function: str, theta: float, step: float) -> tuple[pd.DataFrame, pd.DataFrame, tuple[float, float]]:
    """The curve (t, y), its three straight lines (t, y, line), and the range of y that the axis keeps for this function.

    Lines: tangent, two-sided, one-sided; each through the point or points that define it.
    """
    chosen = FUNCTIONS[function]
    t = np.linspace(*SPAN, 241)
    f = np.asarray(chosen.f(t), float)
    at = float(chosen.f(theta))
    slopes = {
        "tangent": (theta, at, float(chosen.df(np.float64(theta)))),
        "two-sided": (theta - step, float(chosen.f(theta - step)), float((chosen.f(theta + step) - chosen.f(theta - step)) / (2 * step))),
        "one-sided": (theta, at, float((chosen.f(theta + step) - at) / step)),
    }
    ends = np.array(SPAN)
    lines = [(x, y0 + slope * (x - x0), name) for name, (x0, y0, slope) in slopes.items() for x in ends]
    low, high = {"cube": (-8, 8), "square": (-2, 8), "exp": (-2, 8)}.get(function, (-2, 3 if function == "relu" else 2))
    return pd.DataFrame({"t": t, "y": f}), pd.DataFrame(lines, columns=["t", "y", "line"]), (low, high)


def v_curves(curves: list[VCurve], floor: float, top: float) -> pd.DataFrame:
    """Columns scheme, dtype, epsilon, error; errors of exactly 0 or beyond a number are left out, the rest clipped to the axis."""
    parts = [pd.DataFrame({"scheme": c.scheme, "dtype": c.dtype, "epsilon": c.epsilons, "error": c.errors}) for c in curves]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[np.isfinite(frame["error"]) & (frame["error"] > 0)]
    frame["error"] = frame["error"].clip(floor, top)
    return frame


def v_table(curves: list[VCurve]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scheme": [c.scheme for c in curves],
            "dtype": [c.dtype for c in curves],
            "best": [c.best for c in curves],
            "best_error": [c.best_error for c in curves],
            "order": [c.order for c in curves],
        }
    )
