"""MNIST's four files: found in a folder or in the cache, or downloaded, and read only if they are what they should be."""

import contextlib
import gzip
import hashlib
import os
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
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
SCRATCH = "download-"
PATIENCE = 4   # seconds without a byte, then a mirror hangs
_one_download = threading.Lock()


class DatasetError(Exception):
    """A dataset could not be had; the message is a sentence for the person who asked for it."""


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


def find(folder: Path, part: str) -> Path:
    stem = FILES[part][0]
    for name in (stem + ".gz", stem):   # .gz first: it is what a download repairs
        if os.path.isfile(folder / name):   # unlike Path.is_file, False for a folder that may not be entered
            return folder / name
    raise DatasetError(f"{folder} has no {stem}, plain or .gz.")


def read_verified(path: Path, part: str) -> Array:
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


def cache_folder() -> Path:
    import pooch  # slow to import, and rarely needed

    return Path(pooch.os_cache("deep-network-explorer"))


def cached_parts(progress: Report | None) -> dict[str, Array]:
    folder = cache_folder()
    with contextlib.suppress(DatasetError):
        return {part: read_verified(find(folder, part), part) for part in FILES}
    parts = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _one_download, _file_lock(folder / "lock"):
            for left in folder.glob(f"{SCRATCH}*"):   # of a process that was killed: no other one downloads now
                shutil.rmtree(left, ignore_errors=True)
            for part in FILES:
                try:   # another session may have finished it while this one waited
                    parts[part] = read_verified(find(folder, part), part)
                except DatasetError:
                    parts[part] = _download(part, folder, progress)
    except InterruptedError:
        raise
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
    failures, hung = [], set()
    for mirror in mirrors * 2:   # every mirror gets a second chance, but one that hung
        if mirror in hung:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
            fetched = Path(scratch) / name
            try:
                pooch.HTTPDownloader(progressbar=_ProgressBar(progress) if progress else False, timeout=PATIENCE)(mirror + name, str(fetched), None)
                array = read_verified(fetched, part)
            except InterruptedError:   # by `progress`: whoever waited gave up
                raise
            except (OSError, ValueError) as error:   # every failure of requests is an OSError
                if time.monotonic() - began >= PATIENCE:
                    hung.add(mirror)
                failures.append(f"{mirror}: {_reason(error)}")
            except DatasetError as error:
                failures.append(f"{mirror}: {error}")
            else:
                os.replace(fetched, folder / name)   # atomic: a file under its final name is whole
                return array
    raise DatasetError(f"MNIST could not be downloaded ({'; '.join(dict.fromkeys(failures))}). "
                       "Check the network, or set MNIST_DIR to a folder with the four files.")
