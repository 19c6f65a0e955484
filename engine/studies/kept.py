"""Kept: a trained network as a file, and back again from a file that anybody may have made.

The file is an .npz without pickle: one array for each parameter, by its name, and a few words about the network. What is read
is believed only after its size, its names, its shapes, its types and its numbers were checked, the sizes before anything is unpacked.
"""

import io
import json
import math
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from engine.activations import ACTIVATIONS
from engine.datasets import NORMALIZATIONS
from engine.network import Network, mlp

Array = np.ndarray
MOST_BYTES, MOST_UNPACKED = 4_000_000, 8_000_000   # of a file, and of all that is in it
MOST_MEMBERS, MOST_WORDS, DEEPEST, WIDEST = 200, 10_000, 20, 1000
FORMAT = "explorer network 1"
INPUTS = {"Digits": 64, "MNIST": 784}   # features of an image, by its dataset


@dataclass(frozen=True)
class About:
    """What a network is built from, and what it was trained on: of `data`, the first `images`, prepared by `normalize`."""

    data: str
    images: int
    normalize: str
    hidden: tuple[int, ...]
    activation: str
    batch_norm: str | None = None
    input_batch_norm: bool = False
    dropout: float = 0.0


def pack(network: Network, about: About) -> bytes:
    """The file: `about`, and every parameter and running statistic by its name."""
    words = np.frombuffer(json.dumps({"format": FORMAT, **asdict(about)}).encode(), np.uint8)
    stream = io.BytesIO()
    np.savez_compressed(stream, about=words, **{p.name: p.value for p in (*network.parameters, *network.buffers)})
    return stream.getvalue()


def unpack(file: bytes) -> tuple[Network, About]:
    """The network of a file of `pack`, rebuilt.

    Raises
    ------
    ValueError
        One sentence that says why it is none: "the file has more than 4 MB", "the file is no kept network", and the like.
    """
    if len(file) > MOST_BYTES:
        raise ValueError(f"the file has more than {MOST_BYTES / 1e6:.0f} MB")
    try:
        arrays = _arrays(file)
        about = _about(arrays.pop("about"))
    except _Refused as error:
        raise ValueError(str(error)) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, TypeError, ValueError, OverflowError, NotImplementedError, RuntimeError,
            RecursionError, SyntaxError) as error:   # a foreign file can fail in any of zipfile, zlib, json and NumPy
        raise ValueError("the file is no kept network, or it is damaged") from error
    network = mlp((INPUTS[about.data], *about.hidden, 10), activation=about.activation, initializer="zeros", batch_norm=about.batch_norm,
                  input_batch_norm=about.input_batch_norm, dropout=about.dropout, rng=np.random.default_rng(0))
    wanted = {p.name: p.value for p in (*network.parameters, *network.buffers)}
    if set(arrays) != set(wanted):
        raise ValueError("the file's arrays are not those of its network")
    for name, value in wanted.items():
        found = arrays[name]
        if found.shape != value.shape or found.dtype != value.dtype:
            raise ValueError(f"the array {name} must be {value.dtype} {value.shape}")
        if not np.isfinite(found).all() or (name.endswith("running_var") and (found < 0).any()):
            raise ValueError(f"the array {name} holds numbers that no training leaves")
        value[...] = found
    return network, about


class _Refused(Exception):
    """With the sentence that says why."""


def _arrays(file: bytes) -> dict[str, Array]:
    """Every member by its name; no more is unpacked than the directory of the file says, and that is bounded."""
    with zipfile.ZipFile(io.BytesIO(file)) as box:
        members = box.infolist()
        names = [member.filename for member in members]
        if len(members) > MOST_MEMBERS or len(set(names)) < len(names) or not all(name.endswith(".npy") for name in names):
            raise _Refused("the file is no kept network")
        if sum(member.file_size for member in members) > MOST_UNPACKED:
            raise _Refused(f"the file unpacks to more than {MOST_UNPACKED / 1e6:.0f} MB")
        found = {}
        for member in members:
            with box.open(member) as stream:
                found[member.filename.removesuffix(".npy")] = _array(stream.read(member.file_size + 1), member.file_size)
    return found


def _array(content: bytes, size: int) -> Array:
    """One .npy: its header is read first, and must promise as many bytes as there are."""
    stream = io.BytesIO(content)
    if len(content) != size or np.lib.format.read_magic(stream) != (1, 0):
        raise _Refused("the file is damaged")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype not in (np.float32, np.uint8) or fortran or len(shape) > 2 or min(shape, default=1) < 0:
        raise _Refused("the file holds arrays that no kept network has")
    rest = content[stream.tell():]
    if math.prod(shape) * dtype.itemsize != len(rest):
        raise _Refused("the file is damaged")
    return np.frombuffer(rest, dtype).reshape(shape)


def _about(words: Array) -> About:
    """What the file says of its network, each word of it checked."""
    if words.dtype != np.uint8 or words.ndim != 1 or len(words) > MOST_WORDS:
        raise _Refused("the file is no kept network")
    told = json.loads(words.tobytes().decode())
    if not isinstance(told, dict) or told.pop("format", None) != FORMAT or set(told) != set(About.__dataclass_fields__):
        raise _Refused("the file is no kept network")
    hidden, images, dropout = told["hidden"], told["images"], told["dropout"]
    fine = (
        _one_of(told["data"], tuple(INPUTS)) and _one_of(told["normalize"], NORMALIZATIONS) and _one_of(told["activation"], tuple(ACTIVATIONS))
        and _one_of(told["batch_norm"], (None, "before", "after")) and isinstance(told["input_batch_norm"], bool)
        and isinstance(hidden, list) and len(hidden) <= DEEPEST and all(type(n) is int and 1 <= n <= WIDEST for n in hidden)
        and type(images) is int and 1 <= images <= 60_000 and type(dropout) in (int, float) and 0 <= dropout < 1)
    if not fine:
        raise _Refused("the file describes a network that cannot be built here")
    if 4 * sum(a * b for a, b in pairwise((INPUTS[told["data"]], *hidden, 10))) > MOST_UNPACKED:
        raise _Refused("the file describes a network that is too large")
    return About(**told | {"hidden": tuple(hidden)})


def _one_of(value: object, known: Sequence[object]) -> bool:
    return (value is None or isinstance(value, str)) and value in known
