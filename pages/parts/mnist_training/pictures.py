"""What a trained network does with the test images: which digits get mixed up, the surest mistakes, the first weights."""

from base64 import b64encode
from functools import lru_cache
from io import BytesIO

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from engine import words
from engine.datasets import Dataset
from engine.training import Inspection
from pages.shared.encodings import SENT, specification, tips
from pages.shared.theme import INK_BLUE, TEXT, ink, tint

BLUE, GREY, ORANGE = np.array([47, 111, 179]), np.array([240, 240, 238]), np.array([217, 115, 13])
TILES = 40  # units of the first layer that are drawn


def counts(inspection: Inspection, opened: tuple[int, int] | None = None) -> pd.DataFrame:
    """Columns truth, answer, images, share (of the true class), opened: one row a cell."""
    table = inspection.confusion
    truth, answer = np.indices(table.shape)
    share = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    found = pd.DataFrame({"truth": truth.ravel(), "answer": answer.ravel(), "images": table.ravel(), "share": share.ravel().astype(np.float32)})
    return found.assign(opened=(found["truth"] == opened[0]) & (found["answer"] == opened[1]) if opened else False)


@lru_cache(maxsize=2)
def confusion(opens: bool = False) -> dict:
    """Counts of test images by true digit (rows) and answer (columns); the darker, the larger the share of its row. `opens`: a cell can be clicked.

    A specification, to be sent with the rows of `counts`.
    """
    base = alt.Chart(SENT).encode(
        x=alt.X("answer", type="ordinal", title="Network's answer", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("truth", type="ordinal", title="True digit", axis=alt.Axis(labelOverlap=False, labelFlush=False)),
        tooltip=tips(("truth", "True digit"), ("answer", "Answer"), ("images", "Images", ",")))
    share = alt.Opacity("share", type="quantitative", scale=alt.Scale(domain=[0, 1], type="sqrt", range=[0.07, 1]), legend=None)
    shown = base.transform_filter("datum.images > 0").mark_text(fontSize=alt.ExprRef(f"width < 280 ? 12 : {TEXT}")).encode(text=alt.Text("images", type="quantitative"))
    squares, title = base.mark_rect(color=INK_BLUE).encode(opacity=share), alt.Title("Confusion matrix: which digits get mixed up")
    if opens:
        title.subtitle = "Click a cell, or choose it below, to see its images."
        squares = squares.add_params(alt.selection_point(name="pick", fields=["truth", "answer"], on="click", empty=False))
    rim = base.transform_filter("datum.opened").mark_rect(filled=False, strokeWidth=3, stroke=alt.ExprRef(**ink()))
    cells = alt.layer(
        squares, shown.transform_filter("datum.share > 0.3").encode(color=alt.ColorValue("white")),
        shown.transform_filter("datum.share <= 0.3").encode(color=tint("yardstick")), rim)
    return specification(cells.properties(height=400, title=title))


def mistakes(data: Dataset, inspection: Inspection) -> list[tuple[str, str]]:
    """Pictures of the surest ones, given at least `words.SURE`, each with what was said of it."""
    return [
        (digit_picture(data.x_test[i], data.image_shape, data.pixel_max), f"{data.y_test[i]} read as {answer} ({100 * p:.0f} %)")
        for i, answer, p in zip(inspection.worst, inspection.answers, inspection.certainty, strict=True)
        if p >= words.SURE
    ]


def digit_picture(pixels: np.ndarray, shape: tuple[int, int], pixel_max: int, size: int = 96) -> str:
    """One image (features,) as a PNG of about size × size, dark ink on white, in crisp squares."""
    image = 255 - np.round(pixels.reshape(shape) * (255 / pixel_max)).astype(np.uint8)
    return _png(image, max(1, size // max(shape)))


def weight_picture(weights: np.ndarray, shape: tuple[int, int], most: int = TILES, columns: int = 10) -> str:
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


def _png(image: np.ndarray, factor: int) -> str:
    """A data URI: encoded once, and with the page itself, because a live page replaces its pictures faster than a browser asks for files."""
    file = BytesIO()
    Image.fromarray(image.repeat(factor, axis=0).repeat(factor, axis=1)).save(file, "PNG")
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
