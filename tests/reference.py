"""Slow and obvious versions that tests compare the engine with."""

import os
import subprocess
import sys
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


def bare(text: str, folder: Path) -> str:
    """What a file prints in an interpreter that can import the standard library and NumPy, and nothing else; with an error, CalledProcessError."""
    room, file = folder / "numpy_alone", folder / "alone.py"
    if not room.exists():
        room.mkdir()
        for found in Path(np.__file__).parent.parent.glob("numpy*"):   # and its libraries, where they lie beside it
            (room / found.name).symlink_to(found)
    file.write_text(text, encoding="utf-8")
    run = f"import runpy, sys; sys.path.append({str(room)!r}); runpy.run_path({str(file)!r}, run_name='__main__')"
    env = {name: os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "MNIST_DIR") if name in os.environ}
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", run]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8", check=True).stdout
