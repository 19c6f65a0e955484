"""Datasets: real handwriting, checked before it is believed.

Images stay uint8 and read-only, so that all visitors share one copy; scaling to
floats happens a batch at a time (`normalizer`). *Digits* is built in. *MNIST* is looked for
in the folder that MNIST_DIR names, then in the user's cache, and else downloaded.
"""

import contextlib
import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from engine.mnist import FILES, DatasetError, Report, cache_folder, cached_parts, find, read_verified

Array = np.ndarray
_one_reading = threading.Lock()


@dataclass(frozen=True)
class Dataset:
    """Images as uint8 (N, features), labels (N,), all read-only."""

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array
    image_shape: tuple[int, int]
    classes: int
    pixel_max: int

    def first(self, n: int) -> "Dataset":
        """The same dataset with only the first n training images (views, no copy)."""
        if not 1 <= n <= len(self.y_train):
            raise ValueError(f"n must be between 1 and {len(self.y_train)}, got {n}")
        return Dataset(self.name, self.x_train[:n], self.y_train[:n], self.x_test, self.y_test, self.image_shape, self.classes, self.pixel_max)


NORMALIZATIONS = ("scale", "standardize", "none")


def normalizer(kind: str, data: Dataset, dtype=np.float32) -> Callable[[Array], Array]:
    """A function from uint8 images (batch, features) to floats of the same shape.

    "scale" divides by the largest pixel value, "standardize" subtracts each pixel's mean over the
    training images and divides by its standard deviation (pixels that never change stay 0), "none"
    only converts. Test images get the training images' numbers.
    """
    if kind not in NORMALIZATIONS:
        raise ValueError(f"normalize must be one of {', '.join(NORMALIZATIONS)}, got {kind!r}")
    dtype = np.dtype(dtype)
    if kind == "none":
        return lambda x: x.astype(dtype)
    if kind == "scale":
        factor = dtype.type(1 / data.pixel_max)
        return lambda x: x * factor
    mean, second = np.zeros(data.x_train.shape[1]), np.zeros(data.x_train.shape[1])
    for chunk in np.array_split(data.x_train, max(1, len(data.x_train) // 1000)):   # a float copy of MNIST would be 376 MB
        chunk = chunk.astype(np.float64)
        mean += chunk.sum(axis=0)
        second += (chunk * chunk).sum(axis=0)
    mean /= len(data.x_train)
    std = np.sqrt(np.maximum(second / len(data.x_train) - mean * mean, 0))
    std[std < 1e-9 * data.pixel_max] = np.inf   # x / inf is 0
    shift, factor = mean.astype(dtype), (1 / std).astype(dtype)
    return lambda x: (x - shift) * factor


def shifted(images: Array, pixels: int, rng: np.random.Generator, image_shape: tuple[int, int] | None = None) -> Array:
    """Each of some images (batch, features) moved by -pixels to pixels along either axis, at random; what leaves is lost, what comes in is 0.

    Images are squares unless `image_shape` says otherwise. Shifts of (0, 0) are drawn too; all are equally frequent.
    """
    count = len(images)
    rows, columns = image_shape or (math.isqrt(images.shape[1]),) * 2
    padded = np.zeros((count, rows + 2 * pixels, columns + 2 * pixels), images.dtype)
    padded[:, pixels:pixels + rows, pixels:pixels + columns] = images.reshape(count, rows, columns)
    down, right = rng.integers(0, 2 * pixels + 1, (2, count))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (rows, columns), axis=(1, 2))   # (batch, down, right, rows, columns), no copy
    return windows[np.arange(count), down, right].reshape(count, -1)


def load_digits() -> Dataset:
    """1,797 real handwritten digits, 8 × 8 pixels of 0 … 16, built in; 1,437 to train on, 360 to test.

    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, CC BY 4.0. The set is
    ordered by writer; the split is shuffled once and keeps the shares of the ten classes. Always the same object.
    """
    with _one_reading:   # threads that ask at once would otherwise each get their own
        return _digits()


def _digits_file() -> Path:
    """Where the built-in digits are; a file that stands alone (engine/standalone.py) carries them instead."""
    return Path(__file__).parent / "data" / "digits.npz"


@cache
def _digits() -> Dataset:
    with np.load(_digits_file(), allow_pickle=False) as saved:
        parts = {name: saved[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    for array in parts.values():
        array.flags.writeable = False
    return Dataset("Digits", **parts, image_shape=(8, 8), classes=10, pixel_max=16)


def load_mnist(directory: str | os.PathLike | None = None, progress: Report | None = None) -> Dataset:
    """The 60,000 + 10,000 images of MNIST (LeCun, Cortes & Burges 1998), verified by SHA-256.

    Parameters
    ----------
    directory : path, optional
        Where the four IDX files are, plain or .gz. Without it: MNIST_DIR, then the cache, then a
        download from MNIST_URL or, without that, from two public mirrors.
    progress : callable, optional
        Called with (bytes done, bytes in all) while downloading, of one file after the other; all is 0 where the server does not say.
        It may raise InterruptedError to give up.

    Each call reads and verifies the files anew and returns its own 55 MB: whoever serves many visitors keeps the first result.

    Raises
    ------
    DatasetError
        One sentence: what is missing, truncated, altered, unreachable or unwritable, and what to do.
    """
    named = directory or os.environ.get("MNIST_DIR")
    if named:
        folder = Path(named)
        if not folder.is_dir():
            origin = "directory" if directory else "MNIST_DIR"
            raise DatasetError(f"{origin} names {folder}, but there is no such folder.")
        parts = {part: read_verified(find(folder, part), part) for part in FILES}
    else:
        parts = cached_parts(progress)
    for part, array in parts.items():
        array = array.reshape(len(array), -1) if array.ndim == 3 else array
        array.flags.writeable = False
        parts[part] = array
    return Dataset("MNIST", **parts, image_shape=(28, 28), classes=10, pixel_max=255)


def mnist_at_hand() -> bool:
    """Whether `load_mnist` would find its files, or a folder named for them, without a download."""
    if os.environ.get("MNIST_DIR"):
        return True
    with contextlib.suppress(DatasetError):
        return all(find(cache_folder(), part) for part in FILES)
    return False
