"""Parameters: learned arrays, and how all of a network's make one vector."""

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass
class Parameter:
    """A learned array and its gradient; in a `Network` both are views into its flat vectors.

    `is_weight` tells penalties what to penalise: weights, but no bias, gamma, beta or slope.
    """

    name: str
    value: Array
    is_weight: bool = False
    gradient: Array | None = None

    def __post_init__(self):
        if self.gradient is None:
            self.gradient = np.zeros_like(self.value)


def zeros(size: int, dtype) -> Array:
    """A vector (size,) that begins where a line of the cache does: else every load of 64 bytes touches two lines, as NumPy's own may."""
    room = np.zeros(size + 64 // np.dtype(dtype).itemsize, dtype)
    start = -room.ctypes.data % 64 // room.itemsize
    return room[start:start + size]


def flatten(parameters: list[Parameter]) -> Array:
    """All values in one vector (P,)."""
    flat = zeros(sum(p.value.size for p in parameters), np.result_type(*(p.value for p in parameters)) if parameters else np.float32)
    return np.concatenate([p.value.ravel() for p in parameters], out=flat) if parameters else flat


def views(flat: Array, parameters: list[Parameter]) -> list[Array]:
    """Views into a vector (P,), in the shapes of the parameters."""
    ends = np.cumsum([p.value.size for p in parameters])
    return [flat[end - p.value.size:end].reshape(p.value.shape) for p, end in zip(parameters, ends, strict=True)]
