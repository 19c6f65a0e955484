"""Datasets: real handwriting, checked before it is believed.

Images stay uint8 and read-only, so that all visitors share one copy; scaling to
floats happens a batch at a time (`normalizer`). *Digits* is built in. *MNIST* is looked for
in the folder that MNIST_DIR names, then in the user's cache, and else downloaded.
"""

import contextlib
import gzip
import hashlib
import os
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

try:
    import fcntl
except ImportError:   # Windows: sessions of one server still share the thread lock
    fcntl = None

Array = np.ndarray
Report = Callable[[int, int], None]   # bytes done, bytes in all

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
FILES = {   # part: (file, shape, SHA-256 of the decompressed bytes)
    "x_train": ("train-images-idx3-ubyte", (60_000, 28, 28), "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    "y_train": ("train-labels-idx1-ubyte", (60_000,), "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    "x_test": ("t10k-images-idx3-ubyte", (10_000, 28, 28), "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    "y_test": ("t10k-labels-idx1-ubyte", (10_000,), "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
}
_one_download = threading.Lock()
_one_reading = threading.Lock()


class DatasetError(Exception):
    """A dataset could not be had; the message is a sentence for the person who asked for it."""


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

        def scale(x: Array) -> Array:
            x = x.astype(dtype)
            x *= factor   # faster than one mixed multiplication, which converts in small blocks
            return x

        return scale
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


def load_digits() -> Dataset:
    """1,797 real handwritten digits, 8 × 8 pixels of 0 … 16, built in; 1,437 to train on, 360 to test.

    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI, CC BY 4.0. The set is
    ordered by writer; the split is shuffled once and keeps the shares of the ten classes. Always the same object.
    """
    with _one_reading:   # threads that ask at once would otherwise each get their own
        return _digits()


@cache
def _digits() -> Dataset:
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as saved:
        parts = {name: saved[name] for name in FILES}
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
        parts = {part: _read_verified(_find(folder, part), part) for part in FILES}
    else:
        parts = _cached_parts(progress)
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
        return all(_find(_cache_folder(), part) for part in FILES)
    return False


def read_idx(stream: BinaryIO, name: str = "file") -> tuple[Array, str]:
    """A uint8 array from the IDX format, and the SHA-256 of all its bytes.

    IDX: two zero bytes, type 8 (unsigned byte), the number of dimensions, each dimension as a
    big-endian uint32, then the values. Read in pieces, so that memory peaks at the array itself.
    """
    try:
        magic = stream.read(4)
        if len(magic) < 4 or magic[:3] != b"\x00\x00\x08" or magic[3] not in (1, 3):
            raise DatasetError(f"{name} is not an IDX file of bytes: it starts with {magic.hex(' ') or 'nothing'}, not 00 00 08 01 or 00 00 08 03.")
        header = stream.read(4 * magic[3])
        if len(header) < 4 * magic[3]:
            raise DatasetError(f"{name} is truncated: it ends before its shape is told.")
        shape = tuple(np.frombuffer(header, ">u4").tolist())
        if np.prod(shape, dtype=np.float64) > 1e9:
            raise DatasetError(f"{name} announces an impossible shape {shape}.")
        digest, array, done = hashlib.sha256(magic + header), np.empty(shape, np.uint8), 0
        flat = memoryview(array.reshape(-1))
        while done < len(flat):
            n = stream.readinto(flat[done:done + (1 << 20)])
            if not n:
                raise DatasetError(f"{name} is truncated: {done:,} of {len(flat):,} values.")
            digest.update(flat[done:done + n])
            done += n
        if stream.read(1):
            raise DatasetError(f"{name} is longer than its shape {shape} says.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DatasetError(f"{name} is truncated or damaged: {error}.") from error
    return array, digest.hexdigest()


def _find(folder: Path, part: str) -> Path:
    stem = FILES[part][0]
    for name in (stem + ".gz", stem):   # .gz first: it is what a download repairs
        if os.path.isfile(folder / name):   # unlike Path.is_file, False for a folder that may not be entered
            return folder / name
    raise DatasetError(f"{folder} has no {stem}, plain or .gz.")


def _read_verified(path: Path, part: str) -> Array:
    stem, shape, expected = FILES[part]
    try:
        with open(path, "rb") as file:   # look at the bytes, not at the name: some servers and browsers unpack .gz on the way
            packed = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(file) if packed else contextlib.nullcontext(file) as stream:
                array, found = read_idx(stream, path.name)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from error
    if array.shape != shape:
        raise DatasetError(f"{path.name} holds an array of shape {array.shape}, MNIST's is {shape}.")
    if found != expected:
        raise DatasetError(f"{path.name} is not MNIST's {stem}: its SHA-256 is {found[:12]}…, not {expected[:12]}….")
    return array


def _cache_folder() -> Path:
    import pooch  # slow to import, and rarely needed

    return Path(pooch.os_cache("deep-network-explorer"))


def _cached_parts(progress: Report | None) -> dict[str, Array]:
    folder = _cache_folder()
    with contextlib.suppress(DatasetError):
        return {part: _read_verified(_find(folder, part), part) for part in FILES}
    parts = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_download, _file_lock(folder / "lock"):
            for part in FILES:
                try:   # another session may have finished it while this one waited
                    parts[part] = _read_verified(_find(folder, part), part)
                except DatasetError:
                    parts[part] = _download(part, folder, progress)
    except OSError as error:
        raise DatasetError(f"The cache folder {folder} cannot be written ({error.strerror or error}). "
                           "Set MNIST_DIR to a folder with the four MNIST files.") from error
    return parts


@contextlib.contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    """One process at a time; the system drops the lock if its holder dies."""
    with open(path, "w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _ProgressBar:
    """What pooch calls while it downloads."""

    def __init__(self, report: Report):
        self.report, self.total, self.done = report, 0, 0

    def update(self, n: int) -> None:
        self.done += n   # pooch counts whole chunks, so that the last one may pass the end
        self.report(min(self.done, self.total) if self.total else self.done, self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)   # of requests.HTTPError
    return f"HTTP status {status}" if status else getattr(error, "strerror", None) or type(error).__name__


def _download(part: str, folder: Path, progress: Report | None) -> Array:
    """Fetch one file, verify it, and only then move it to its name in the cache.

    `pooch.retrieve` does as much, but hashes the packed file, which differs from mirror to mirror, and would read it once
    more; here the unpacked bytes are hashed while they are read. It also knows no second mirror and no sentence.
    """
    import pooch

    name = FILES[part][0] + ".gz"
    mirrors = (os.environ["MNIST_URL"].rstrip("/") + "/",) if os.environ.get("MNIST_URL") else MIRRORS
    failures = []
    for mirror in mirrors * 2:   # every mirror gets a second chance
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            fetched = Path(scratch) / name
            try:
                pooch.HTTPDownloader(progressbar=_ProgressBar(progress) if progress else False, timeout=8)(mirror + name, str(fetched), None)
                array = _read_verified(fetched, part)
            except (OSError, ValueError) as error:   # every failure of requests is an OSError
                failures.append(f"{mirror}: {_reason(error)}")
            except DatasetError as error:
                failures.append(f"{mirror}: {error}")
            else:
                os.replace(fetched, folder / name)   # atomic: a file under its final name is whole
                return array
    raise DatasetError(f"MNIST could not be downloaded ({'; '.join(dict.fromkeys(failures))}). "
                       "Check the network, or set MNIST_DIR to a folder with the four files.")
