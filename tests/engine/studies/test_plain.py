"""The script of plain NumPy gives the losses of the library, and needs nothing of it."""

import gzip
import shutil
import subprocess
import sys

import numpy as np
import pytest

from engine import ACTIVATIONS, OPTIMIZERS, Dataset, Penalty, load_digits, train
from engine.datasets import NORMALIZATIONS
from engine.initializers import INITIALIZERS
from engine.optimizers import SCHEDULES
from engine.studies.plain import plain_script
from engine.training import before_training
from tests.conftest import ROOT

SMALL = {"images": 300, "hidden": (30, 20), "rates": {0: 0.01}, "epochs": 3, "seed": 4}
CASES = (
    [{"optimizer": name} for name in OPTIMIZERS] + [{"activation": name} for name in ACTIVATIONS] + [{"schedule": name} for name in SCHEDULES]
    + [{"initializer": name} for name in INITIALIZERS if name != "constant"] + [{"normalize": name, "rates": {0: 1e-3}} for name in NORMALIZATIONS]
    + [{"shift": 1}, {"shift": 2, "normalize": "standardize"}, {"input_batch_norm": True}, {"input_batch_norm": True, "hidden": ()},
       {"batch_norm": "before", "dropout": 0.3, "activation": "elu"}, {"batch_norm": "after", "l1": 1e-3, "l2": 1e-2, "optimizer": "momentum"},
       {"hidden": (), "normalize": "none", "rates": {0: 1e-4}}, {"rates": {0: 0.01, 7: 0.001}, "batch_size": 100, "gain": 0.5},
       {"batch_norm": "before", "activation": "rrelu", "dropout": 0.2, "input_batch_norm": True},
       {"batch_norm": "after", "activation": "rrelu", "rates": {0: 1e-3}},
       {"hidden": (), "initializer": "constant"},
       {"activation": "prelu", "batch_norm": "after", "optimizer": "adamw", "decay": 0.3, "shift": 1},
       {"activation": "tanh", "initializer": "lsuv", "batch_norm": "after", "input_batch_norm": True, "normalize": "standardize"},
       {"batch_norm": "before", "dropout": 0.2, "l1": 1e-4, "l2": 1e-3, "schedule": "step", "optimizer": "adamw", "decay": 1.0,
        "initializer": "he_uniform"}])
LONGER = {"batch_norm": 13, "input_batch_norm": 15, "initializer": 9, "shift": 4}   # lines beyond 60 that a choice may take


def by_the_library(data: Dataset, given: dict) -> list[tuple[float, float]]:
    g = {"activation": "relu", "initializer": "he_normal", "gain": 1.0, "batch_norm": None, "dropout": 0.0, "optimizer": "adam", "l1": 0.0, "l2": 0.0,
         "schedule": "constant", "normalize": "scale", "batch_size": 32, "input_batch_norm": False, "shift": 0} | given
    data = data.first(g["images"])
    network = before_training(data, g["hidden"], activation=g["activation"], initializer=g["initializer"], gain=g["gain"], dropout=g["dropout"],
                              batch_norm=g["batch_norm"], input_batch_norm=g["input_batch_norm"], normalize=g["normalize"], seed=g["seed"])
    decay = {"weight_decay": g["decay"]} if "decay" in g else {}
    optimizer, found = OPTIMIZERS[g["optimizer"]](network, g["rates"][0], **decay), []
    for result in train(network, data, optimizer, epochs=g["epochs"], batch_size=g["batch_size"], rng=np.random.default_rng([g["seed"], 1]),
                        penalty=Penalty(g["l1"], g["l2"]), schedule=g["schedule"], normalize=g["normalize"], shift=g["shift"]):
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
    assert len(script.splitlines()) <= 60 + sum(more for name, more in LONGER.items() if name in changed)
    assert "engine" not in script.replace("engine/data", "")
    shutil.copy(ROOT / "engine" / "data" / "digits.npz", tmp_path)
    found, expected = printed(script, tmp_path), by_the_library(load_digits(), given)
    assert [loss for loss, _ in found] == pytest.approx([loss for loss, _ in expected], rel=2e-3, abs=2e-6)
    # a bias before batch norm has a gradient of rounding alone, and Adam makes steps of it
    apart = 0.03 if changed.keys() & {"batch_norm", "input_batch_norm"} else 0.006
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


def test_constant_weights_have_no_script_for_their_first_gradient_is_rounding_alone():
    with pytest.raises(ValueError, match="there is no plain script for constant"):
        plain_script(data="Digits", **SMALL | {"initializer": "constant"})
    data, size = load_digits().first(32), {}
    for rule, dtype in (("constant", np.float32), ("constant", np.float64), ("he_normal", np.float32)):
        network = before_training(data, (30, 20), initializer=rule, gain=0.1 if rule == "constant" else 1.0, normalize="scale", seed=0, dtype=dtype)
        network.loss_and_gradient(data.x_train.astype(dtype) / 16, data.y_train)
        hidden, output = np.abs(network.parameters[0].gradient).max(), np.abs(network.parameters[-2].gradient).max()
        size[rule, dtype] = hidden / output
    assert size["constant", np.float64] < 1e-13
    assert size["constant", np.float64] < 1e-6 * size["constant", np.float32] < 1e-6 * 1e-4 < 1e-6 * size["he_normal", np.float32]
