"""Slow and obvious versions that tests compare the engine with."""

import os
from pathlib import Path

import numpy as np
import pytest

MNIST = Path(os.environ["MNIST_DIR"]) if os.environ.get("MNIST_DIR") and Path(os.environ["MNIST_DIR"]).is_dir() else None
needs_mnist = pytest.mark.mnist   # skipped without it: tests/conftest.py


def central_differences(f, x, step=1e-6):
    """d f() / d x, one element at a time; x is moved in place and put back."""
    slopes = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        kept = x[i]
        x[i] = kept + step
        above = f()
        x[i] = kept - step
        below = f()
        x[i] = kept
        slopes[i] = (above - below) / (2 * step)
    return slopes


def disagreement(a, b):
    """|a - b| / (|a| + |b|), which is 0 for equal vectors and 1 for opposite ones. Two vectors of rounding noise agree."""
    size = np.linalg.norm(a) + np.linalg.norm(b)
    return np.linalg.norm(a - b) / size if size > 1e-8 else 0.0
