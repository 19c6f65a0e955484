"""The script of plain NumPy gives the losses of the library, and needs nothing of it."""

import gzip
import shutil
import subprocess
import sys

import numpy as np
import pytest

from engine import OPTIMIZERS, Dataset, Penalty, load_digits, train
from engine.initializers import INITIALIZERS
from engine.studies.plain import FACTORS, PHI, UPDATES, plain_script
from engine.training import before_training
from tests.conftest import ROOT

SMALL = {"images": 300, "hidden": (30, 20), "rates": {0: 0.01}, "epochs": 3, "seed": 4}
CASES = (
    [{"optimizer": name} for name in (*UPDATES, "adamw")] + [{"activation": name} for name in PHI] + [{"schedule": name} for name in FACTORS]
    + [{"initializer": name} for name in INITIALIZERS if name not in ("constant", "orthogonal", "lsuv")]
    + [{"batch_norm": "before", "dropout": 0.3, "activation": "elu"}, {"batch_norm": "after", "l1": 1e-3, "l2": 1e-2, "optimizer": "momentum"},
       {"hidden": (), "normalize": "none", "rates": {0: 1e-4}}, {"rates": {0: 0.01, 7: 0.001}, "batch_size": 100, "gain": 0.5},
       {"batch_norm": "before", "dropout": 0.2, "l1": 1e-4, "l2": 1e-3, "schedule": "step", "optimizer": "adamw", "decay": 1.0,
        "initializer": "he_uniform"}])


def by_the_library(data: Dataset, given: dict) -> list[tuple[float, float]]:
    g = {"activation": "relu", "initializer": "he_normal", "gain": 1.0, "batch_norm": None, "dropout": 0.0, "optimizer": "adam", "l1": 0.0, "l2": 0.0,
         "schedule": "constant", "normalize": "scale", "batch_size": 32} | given
    data = data.first(g["images"])
    network = before_training(data, g["hidden"], activation=g["activation"], initializer=g["initializer"], gain=g["gain"], dropout=g["dropout"],
                              batch_norm=g["batch_norm"], normalize=g["normalize"], seed=g["seed"])
    decay = {"weight_decay": g["decay"]} if "decay" in g else {}
    optimizer, found = OPTIMIZERS[g["optimizer"]](network, g["rates"][0], **decay), []
    for result in train(network, data, optimizer, epochs=g["epochs"], batch_size=g["batch_size"], rng=np.random.default_rng([g["seed"], 1]),
                        penalty=Penalty(g["l1"], g["l2"]), schedule=g["schedule"], normalize=g["normalize"]):
        optimizer.learning_rate = g["rates"].get(result.step, optimizer.learning_rate)
        if result.evaluation:
            found.append((result.loss, result.evaluation.test_accuracy))
    return found


def printed(script: str, folder) -> list[list[float]]:
    """What it prints in a process that cannot find the library: alone in its folder, isolated from ours."""
    (folder / "run.py").write_text(script, encoding="utf-8")
    out = subprocess.run([sys.executable, "-I", "run.py"], cwd=folder, capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out.stderr[-2000:]
    return [[float(x) for x in line.split()[1:]] for line in out.stdout.splitlines()]


@pytest.mark.parametrize("changed", CASES, ids=lambda changed: "-".join(f"{k}={v}" for k, v in changed.items())[:60])
def test_the_plain_script_prints_the_losses_of_the_library_to_float32s_rounding(changed, tmp_path):
    given = SMALL | changed
    script = plain_script(data="Digits", **given)
    assert len(script.splitlines()) <= (73 if "batch_norm" in changed else 60)
    assert "engine" not in script.replace("engine/data", "")
    shutil.copy(ROOT / "engine" / "data" / "digits.npz", tmp_path)
    found, expected = printed(script, tmp_path), by_the_library(load_digits(), given)
    assert [loss for loss, _ in found] == pytest.approx([loss for loss, _ in expected], rel=2e-3, abs=2e-6)
    apart = 0.03 if "batch_norm" in changed else 0.006   # a bias before batch norm has a gradient of rounding alone, and Adam makes steps of it
    assert [right for _, right in found] == pytest.approx([right for _, right in expected], abs=apart)


def test_a_wrong_line_is_noticed(tmp_path):
    script = plain_script(data="Digits", **SMALL)
    shutil.copy(ROOT / "engine" / "data" / "digits.npz", tmp_path)
    wrong = printed(script.replace("p[rows] -= 1", "p[rows] -= 1.01"), tmp_path)
    assert [loss for loss, _ in wrong] != pytest.approx([loss for loss, _ in by_the_library(load_digits(), SMALL)], rel=2e-3)


def test_mnist_is_read_from_its_four_files_packed_or_plain(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (80, 784), np.uint8), rng.integers(0, 10, 80, np.uint8)
    files = (("train-images-idx3", 16, x), ("train-labels-idx1", 8, y), ("t10k-images-idx3", 16, x[:20]), ("t10k-labels-idx1", 8, y[:20]))
    for name, head, values in files:
        packed = name.startswith("train")
        path = tmp_path / f"{name}-ubyte{'.gz' if packed else ''}"
        content = bytes(head) + values.tobytes()
        path.write_bytes(gzip.compress(content) if packed else content)
    given = SMALL | {"images": 80}
    found = printed(plain_script(data="MNIST", **given), tmp_path)
    made = Dataset("", x, y, x[:20], y[:20], (28, 28), 10, 255)
    assert [loss for loss, _ in found] == pytest.approx([loss for loss, _ in by_the_library(made, given)], rel=2e-3)


@pytest.mark.parametrize("changed", [{"activation": "gelu"}, {"initializer": "orthogonal"}, {"initializer": "lsuv"}, {"normalize": "standardize"}])
def test_what_would_take_too_many_lines_is_refused_by_name(changed):
    with pytest.raises(ValueError, match=f"there is no plain script for {next(iter(changed.values()))}"):
        plain_script(data="Digits", **SMALL | changed)
