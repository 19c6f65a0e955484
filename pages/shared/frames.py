"""Engine records to tidy tables and pictures, ready to be drawn. Knows no Streamlit."""

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from engine.activations import as_activation
from engine.datasets import Dataset
from engine.diagnosis import Pair, number
from engine.mean_field import PhaseDiagram, Prediction
from engine.measures import Histogram
from engine.network import Network
from engine.propagation import Propagation, stack
from engine.studies.symmetry import SymmetryRun
from engine.training import Evaluation, Inspection

BLUE, GREY, ORANGE = np.array([47, 111, 179]), np.array([240, 240, 238]), np.array([217, 115, 13])


def training_curves(batches: Sequence[tuple[float, float, float]], evaluations: Sequence[tuple[float, Evaluation]], floor: float) -> pd.DataFrame:
    """Columns epoch, series (batch, train, test), loss, accuracy; losses at least `floor`, so that a log axis can show them."""
    rows = [(epoch, "batch", loss, accuracy) for epoch, loss, accuracy in batches]
    for epoch, e in evaluations:
        rows += [(epoch, "train", e.train_loss, e.train_accuracy), (epoch, "test", e.test_loss, e.test_accuracy)]
    frame = pd.DataFrame(rows, columns=["epoch", "series", "loss", "accuracy"])
    frame = frame.astype({"epoch": np.float32, "loss": np.float32, "accuracy": np.float32})
    frame["loss"] = frame["loss"].where(np.isfinite(frame["loss"])).clip(lower=floor)  # an infinite loss leaves a gap
    return frame


def confusion(inspection: Inspection) -> pd.DataFrame:
    """Columns truth, answer, images, share (of the true class): one row a cell."""
    counts = inspection.confusion
    truth, answer = np.indices(counts.shape)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame({"truth": truth.ravel(), "answer": answer.ravel(), "images": counts.ravel(), "share": share.ravel().astype(np.float32)})


def digit_picture(pixels: np.ndarray, shape: tuple[int, int], pixel_max: int, size: int = 96) -> str:
    """One image (features,) as a PNG of about size × size, dark ink on white, in crisp squares."""
    image = 255 - np.round(pixels.reshape(shape) * (255 / pixel_max)).astype(np.uint8)
    return _png(image, max(1, size // max(shape)))


def weight_picture(weights: np.ndarray, shape: tuple[int, int], most: int = 40, columns: int = 10) -> str:
    """Incoming weights of up to `most` units (features, units) as a PNG of tiles.

    Blue is positive, orange negative, grey zero, as everywhere; each tile is scaled to its own largest weight.
    """
    w = np.nan_to_num(weights[:, :most].astype(np.float64).T.reshape(-1, *shape))  # (units, rows, columns)
    largest = np.abs(w).max(axis=(1, 2), keepdims=True)
    w = (w / np.where(largest > 0, largest, 1))[..., None]
    colour = np.where(w >= 0, GREY + w * (BLUE - GREY), GREY - w * (ORANGE - GREY))
    rows = -(-len(w) // columns)
    sheet = np.full((rows * (shape[0] + 1) - 1, columns * (shape[1] + 1) - 1, 3), 255.0)
    for i, tile in enumerate(colour):
        top, left = (i // columns) * (shape[0] + 1), (i % columns) * (shape[1] + 1)
        sheet[top : top + shape[0], left : left + shape[1]] = tile
    return _png(np.round(sheet).astype(np.uint8), max(1, 600 // sheet.shape[1]))


def inside(network: Network, data: Dataset, inspection: Inspection) -> tuple[list[tuple[str, str]], str]:
    """Pictures of the surest mistakes, each with what was said of it, and the picture of the first layer's weights."""
    mistakes = [
        (digit_picture(data.x_test[i], data.image_shape, data.pixel_max), f"{data.y_test[i]} read as {answer} ({100 * p:.0f} %)")
        for i, answer, p in zip(inspection.worst, inspection.answers, inspection.certainty, strict=True)
    ]
    return mistakes, weight_picture(network.weights[0], data.image_shape)


def earlier_runs(records: Sequence[dict]) -> pd.DataFrame:
    """The latest run first."""
    return pd.DataFrame(list(reversed(records)))


def _png(image: np.ndarray, factor: int) -> str:
    """A data URI: encoded once, and with the page itself, because a live page replaces its pictures faster than a browser asks for files."""
    file = BytesIO()
    Image.fromarray(image.repeat(factor, axis=0).repeat(factor, axis=1)).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"


# Initialization ------------------------------------------------------------------------------------------------------


def by_depth(runs: Sequence[Propagation], theory: Prediction | None, low: float, high: float) -> pd.DataFrame:
    """One row a layer and series: median, least and greatest over the seeds, and the theory's value, clipped to [low, high].

    Columns layer, measure (signal, gradient), series, value, least, most, theory, beyond (the value lies outside). A value that is not a number is left out.
    """
    series = {
        "std": ("signal", "over all"),
        "std_over_data": ("signal", "per unit, over data"),
        "gradient_rms": ("gradient", "RMS"),
        "gradient_median": ("gradient", "median"),
    }
    parts = []
    for name, (measure, label) in series.items():
        values = np.nan_to_num(stack(runs, name), nan=np.nan, posinf=high)
        expected = getattr(theory, name, None)
        parts.append(
            pd.DataFrame(
                {
                    "layer": np.arange(1, values.shape[1] + 1),
                    "measure": measure,
                    "series": label,
                    "value": np.median(values, axis=0),
                    "least": values.min(axis=0),
                    "most": values.max(axis=0),
                    "theory": np.full(values.shape[1], np.nan) if expected is None else np.nan_to_num(expected, nan=np.nan, posinf=high),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    numbers = ["value", "least", "most", "theory"]
    frame["beyond"] = ~frame["value"].between(low, high)
    frame["theory"] = frame["theory"].where(frame["theory"].between(low, high))
    frame[numbers] = frame[numbers].clip(low, high).astype(np.float32)
    return frame.astype({"layer": np.int32})


def layer_table(run: Propagation) -> pd.DataFrame:
    """Every number of one network, a row a layer: for the download and the table below the charts."""
    names = ("mean", "std", "std_over_data", "q", "gradient_rms", "gradient_median", "saturated", "dead", "rank", "distinct")
    return pd.DataFrame({"layer": np.arange(1, len(run.std) + 1), **{name: getattr(run, name) for name in names}})


PANELS = 5  # small multiples side by side


def histogram_panels(run: Propagation, show: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of up to five layers' histograms side by side, and the words above each.

    Panels stand at x = 0, 1, 2 …, each 0.86 wide. Bars: x, x2, share, layer, outside (true for what falls beyond the bins).
    Words: x, layer, head, line1, line2.
    """
    histogram: Histogram = getattr(run, show)
    depth, bins = histogram.inside.shape
    layers = np.unique(np.linspace(0, depth - 1, min(PANELS, depth)).round().astype(int))
    edges = 0.03 + 0.80 * np.linspace(0, 1, bins + 1)
    bars, words = [], []
    for panel, layer in enumerate(layers):
        for share, left, right in zip(histogram.inside[layer], edges[:-1], edges[1:], strict=True):
            bars.append((panel + left, panel + right, share, layer + 1, False))
        for share, left in ((histogram.below[layer], 0.0), (histogram.above[layer], 0.83)):
            bars.append((panel + left, panel + left + 0.03, share, layer + 1, True))
        outside = histogram.below[layer] + histogram.above[layer]
        spread = number(run.gradient_rms[layer] if show == "gradients" else run.std[layer]).replace("\u00a0×\u00a0", "·")
        notes = [
            f"{100 * value:.0f} % {word}"
            for value, word in ((outside, "outside"), (run.saturated[layer], "flat"), (run.dead[layer], "dead"))
            if value >= 0.005
        ]
        words.append((panel + 0.43, layer + 1, f"layer {layer + 1}", spread, "".join(notes[:1])))
    frame = pd.DataFrame(bars, columns=["x", "x2", "share", "layer", "outside"])
    frame = frame[frame["share"] > 0].astype({"x": np.float32, "x2": np.float32, "share": np.float32, "layer": np.int32})
    return frame, pd.DataFrame(words, columns=["x", "layer", "head", "line1", "line2"])


def phase_diagram(diagram: PhaseDiagram) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells (sigma_w, sigma_b, chi, depth_scale, log_chi, edges of the cell) and lines (sigma_w, sigma_b, line, order, at: where its label stands).

    Lines: the critical one, and where the depth scale is 5 and 20 layers on either side of it.
    """
    w, b = np.meshgrid(diagram.sigma_w, diagram.sigma_b)
    dw, db = diagram.sigma_w[1] - diagram.sigma_w[0], diagram.sigma_b[1] - diagram.sigma_b[0]
    chi = np.maximum(diagram.chi, 1e-12)
    cells = pd.DataFrame(
        {
            "sigma_w": w.ravel().round(4),
            "sigma_b": b.ravel().round(4),
            "chi": chi.ravel(),
            "depth_scale": diagram.depth_scale.ravel(),
            "log_chi": np.log10(chi).ravel(),
            "w1": (w - dw / 2).ravel(),
            "w2": (w + 0.52 * dw).ravel(),
            "b1": np.maximum(b - db / 2, 0).ravel(),
            "b2": (b + 0.52 * db).ravel(),
        }
    )
    lines = [(s, t, "χ = 1", i, 28) for i, (s, t) in enumerate(zip(diagram.critical, diagram.sigma_b, strict=True))]
    for scale in (5, 20):
        for side in (-1, 1):
            for i, (row, sigma_b) in enumerate(zip(diagram.chi, diagram.sigma_b, strict=True)):
                past = np.flatnonzero(row > np.exp(side / scale))
                if len(past) and past[0]:
                    j = past[0]
                    part = (np.exp(side / scale) - row[j - 1]) / (row[j] - row[j - 1])
                    lines.append(
                        (diagram.sigma_w[j - 1] + part * dw, sigma_b, f"ξ = {scale}" if side < 0 else " " * scale, i, 22 if scale == 20 else 16)
                    )
    frame = pd.DataFrame(lines, columns=["sigma_w", "sigma_b", "line", "order", "at"])
    frame = frame[frame["sigma_w"].between(diagram.sigma_w[0], diagram.sigma_w[-1])]
    return cells.astype(np.float32), frame


def matrix(pairs: Sequence[Pair]) -> pd.DataFrame:
    """One row a pair: activation, initializer, kind, gradient (log10 of its factor, clipped to ±6), factor, made_for."""
    factors = np.array([pair.gradient for pair in pairs], float)
    with np.errstate(divide="ignore"):
        logs = np.nan_to_num(np.clip(np.log10(factors), -6, 6), nan=0.0)
    return pd.DataFrame(
        {
            "activation": [p.activation for p in pairs],
            "initializer": [p.initializer for p in pairs],
            "kind": [p.kind for p in pairs],
            "gradient": logs.astype(np.float32),
            "factor": [number(f) for f in factors],
            "made_for": [as_activation(p.activation).recommended == p.initializer for p in pairs],
        }
    )


def symmetry(run: SymmetryRun) -> pd.DataFrame:
    """One row a step: step, loss, units (different ones in hidden layer 1)."""
    return pd.DataFrame({"step": run.steps.astype(np.int32), "loss": run.losses.astype(np.float32), "units": run.units[:, 0].astype(np.int32)})
