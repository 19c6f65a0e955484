"""Faults planted into verdicts, one at a time, each of which a test must catch. `python -m tests.claims.faults` plants them all."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT


@dataclass(frozen=True)
class Fault:
    """`old` stands exactly once in `file` and becomes `new`; then `tests` (arguments of pytest) must fail."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


FAULTS: list[Fault] = []


def copy_of_the_project(folder: Path) -> None:
    for name in ("engine", "pages", "tests", ".streamlit"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("streamlit_app.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)


def caught(fault: Fault, folder: Path) -> bool:
    """Plant it in a copy of the project, run its tests, and take it out again."""
    file = folder / fault.file
    text = file.read_text(encoding="utf-8")
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.old!r} must stand once in {fault.file}, found {text.count(fault.old)} times")
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    file.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *fault.tests]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600).returncode == 1
    finally:
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        copy_of_the_project(Path(name))
        missed = [fault for fault in FAULTS if not caught(fault, Path(name))]
    print(f"{len(FAULTS) - len(missed)} passed, {len(missed)} failed")
    for fault in missed:
        print(f"unseen: {fault.file}: {fault.old} -> {fault.new}")
    sys.exit(bool(missed))
