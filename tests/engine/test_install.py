"""`pip install .`: the engine outside of this folder, with its digits."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from tests.conftest import ROOT

NEW_ENOUGH = int(version("setuptools").partition(".")[0]) >= 71   # to build without a network: tests/requirements.txt
pytestmark = pytest.mark.skipif(not NEW_ENOUGH, reason="an older setuptools needs a network to build")


def test_the_engine_can_be_installed_from_the_repository_and_used_anywhere(tmp_path):
    copy = tmp_path / "copy"   # setuptools writes beside what it builds
    shutil.copytree(ROOT / "engine", copy / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation", "--target", str(target), str(copy)]
    subprocess.run(install, check=True, capture_output=True, text=True, timeout=300)
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "engine").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert modules == {path.relative_to(target).as_posix() for path in (target / "engine").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    script = "from engine import load_digits, mlp\nimport engine, numpy as np\nprint(engine.__file__)\nprint(load_digits().x_train.shape)"
    env = {**os.environ, "PYTHONPATH": str(target)}
    said = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, check=True, capture_output=True, text=True).stdout.splitlines()
    assert said == [str(target / "engine" / "__init__.py"), "(1437, 64)"]
