"""Faults planted into verdicts, one at a time, each of which a test must catch. `python -m tests.claims.faults` plants them all."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
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

_W, _B = "engine/words.py", "pages/parts/batch_norm/"


def _caught_by(page: str, file: str, old: str, new: str, check: str) -> Fault:
    return Fault(file, old, new, (f"tests/claims/test_{page}.py", "-k", check))


_bn, _act, _grad = (partial(_caught_by, page) for page in ("batch_norm", "activations", "gradient_checking"))

FAULTS += [
    _bn(_W, "EPSILON_RULES = 0.5 ", "EPSILON_RULES = 0.9 ", "check_batch"),
    _bn(_W, "FAR_OUT = 0.9 ", "FAR_OUT = 0.5 ", "check_batch"),
    _bn(_W, "ONLY_ORDER = 0.99 ", "ONLY_ORDER = 0.5 ", "check_batch"),
    _bn(_W, "UNDONE = 0.01 ", "UNDONE = 3.0 ", "check_batch"),
    _bn(_W, "NOTHING_PASSES = 0.01 ", "NOTHING_PASSES = 0.5 ", "check_gradient"),
    _bn(_W, "STRETCH_GONE = 0.01 ", "STRETCH_GONE = 0.3 ", "check_gradient"),
    _bn(_W, "SETTLED = 0.95 ", "SETTLED = 0.6 ", "check_running"),
    _bn(_W, "LAGS = 0.2 ", "LAGS = 2.0 ", "check_running"),
    _bn(_W, "AGREE = 0.1 ", "AGREE = 0.2 ", "check_running"),
    _bn(_W, "AGREE_ROUGHLY = 0.3 ", "AGREE_ROUGHLY = 3.0 ", "check_running"),
    _bn(_W, "SMALL_BATCH = 8 ", "SMALL_BATCH = 2 ", "check_running"),
    _bn(_W, "BY_ITSELF = 100.0 ", "BY_ITSELF = 1e6 ", "check_depth"),
    _bn(_W, "KEEPS_SPREAD = 10.0 ", "KEEPS_SPREAD = 1.5 ", "check_depth"),
    _bn(_W, "GROWS = 1.1 ", "GROWS = 1.3 ", "check_depth"),
    _bn(_W, "AHEAD = 0.02 ", "AHEAD = 0.2 ", "check_scales"),
    _bn(_W, "LEARNS = 0.5 ", "LEARNS = 0.05 ", "check_scales"),
    _bn(_B + "batch.py", "if steps.gamma == 0:", "if False:", "check_batch"),
    _bn(_B + "batch.py", "if steps.gamma > 0 else", "if True else", "check_batch"),
    _bn(_B + "batch.py", '{"size": 8} if drawn else {}', '{"size": 8}', "check_batch"),
    _bn(_B + "gradient.py", "if direct == 0:", "if direct < 0:", "check_gradient"),
    _bn(_B + "gradient.py", "if terms.dgamma else", "if True else", "check_gradient"),
    _bn(_B + "gradient.py", '{"size": 8} if drawn else {}', '{"size": 8}', "check_gradient"),
    _bn(_B + "running.py", "if m == 1 and k:", "if m <= 2 and k:", "check_running"),
    _bn(_B + "running.py", "off = max(abs(mean), abs(std - 1))", "off = abs(mean)", "check_running"),
    _bn(_B + "running.py", '{"evaluate": 50, "momentum": min(p, 0.9)}', '{"evaluate": 50}', "check_running"),
    _bn("engine/studies/normalization.py", "self.momentum**np.count_nonzero(moved)", "1.0", "check_running"),
    _bn(_B + "depth.py", "if rate > words.GROWS]", "if rate > 1e3]", "check_depth"),
    _bn(_B + "depth.py", "< kept < words.BY_ITSELF and", "< kept and", "check_depth"),
    _bn(_B + "depth.py", "for run in (before, after)):", "for run in (plain, after)):", "check_depth"),
    _bn(_B + "scales.py", "all(accuracy[0, losses]", "any(accuracy[0, losses]", "check_scales"),
    _bn("engine/studies/sixteen_scales.py", "accuracy[0] - accuracy[1] > margin", "accuracy[1] - accuracy[0] > margin", "check_scales"),
    _bn("engine/studies/layer_list.py", "and item.bias and", "and", "check_cost"),
    _bn("engine/studies/layer_list.py", 'bent = False if item.kind == "dense" else bent', "bent = False", "check_cost"),
    _bn(_B + "inputs.py", "if share >= 1:", "if share >= 0.99:", "check_inputs"),
    _bn(_B + "inputs.py", "(raw1 - raw2) * (by1 - by2) < -1e-9", "True", "check_inputs"),
    _bn(_B + "cost.py", '"784, BN, 300 no bias, BN, elu, 100 no bias, BN, elu, elu, 10"',
        '"784, BN, 300 elu no bias, BN, elu, 100 elu no bias, BN, elu, 10"', "check_listings"),
    _bn(_B + "common.py", 'return TYPED if typed(v) else ""', 'return TYPED if v.values else ""', "check_idle"),
]

_A, _S = "pages/parts/activations/", "engine/studies/"


FAULTS += [
    _act(_W, "HARDLY_PASSES = 0.01 ", "HARDLY_PASSES = 0.1 ", "check_cursor"),
    _act(_W, "ALMOST_FLAT = 0.05 ", "ALMOST_FLAT = 0.5 ", "check_flat_zones"),
    _act(_W, "SILENT = 0.2 ", "SILENT = 0.4 ", "check_dying"),
    _act(_W, "MORE_THAN_HALF = 0.5 ", "MORE_THAN_HALF = 0.3 ", "check_sweep"),
    _act(_W, "AT_HOME = 0.01 ", "AT_HOME = 2.0 ", "check_selu"),
    _act(_W, "WITHOUT_END = 1e30 ", "WITHOUT_END = 1e2 ", "check_selu"),
    _act(_W, "DIED_OUT = 1e-12 ", "DIED_OUT = 1e-2 ", "check_selu"),
    _act(_W, "ZERO_CENTRED = 1e-6 ", "ZERO_CENTRED = 0.5 ", "check_zero_centred"),
    _act(_W, "LOST = 1e3 ", "LOST = 1e6 ", "check_product or check_made_up_reaches"),
    _act(_S + "slopes.py", "self.first ** (1 / max(1, self.measured.shape[1] - 1))", "self.factor", "check_product"),
    _act(_S + "slopes.py", "np.log(passed[1:]).mean()", "np.log(passed[1:] / passed[1:]).mean()", "check_product"),
    _act(_S + "slopes.py", "return 1 / LOST <= self.first <= LOST", "return self.first <= LOST", "check_product"),
    _act(_S + "moment_map.py", "    m, v = start\n", "    m, v = 0.0, 1.0\n", "check_start_of_theory"),
    _act(_S + "moment_map.py", "if moved < 1e-6 * v else", "if True else", "check_selu"),
    _act(_S + "dying.py", "(ever & ~watches[-1].silent)", "(ever & watches[-1].silent)", "check_dying"),
    _act(_S + "ranking.py", "0 if a.low > b.high else", "0 if a.middle > b.middle else", "check_ranking"),
    _act(_A + "product.py", "number(0.25 ** (depth - 1))", "number(0.25 ** depth)", "check_product"),
    _act(_A + "product.py", "if cured[spoilt].kept:", "if True:", "check_product"),
    _act(_A + "product.py", "or not (cured := at(wanted))[name].kept:", "or not (cured := at(wanted)):", "check_made_up_reaches"),
    _act(_A + "product.py", "'smaller' if worst.first < 1 else 'larger'", "'smaller'", "check_made_up_reaches"),
    _act(_A + "curves.py", "size == size.max()", "size == size.min()", "check_cursor"),
    _act(_A + "by_hand.py", "**{number(first * last)}**", "**{number(first + last)}**", "check_hand"),
    _act(_A + "dying.py", "if max(left.values()) <= SILENT:", "if True:", "check_dying"),
    _act(_A + "dying.py", "for i in (0, 1, -1))", "for i in (1, 1, -1))", "check_dying"),
    _act(_A + "dying.py", '"So far: " * (run.done < run.steps)', '"So far: " * (run.done > run.steps)', "check_sweep"),
    _act(_A + "dying.py", 'half.min() if by == "rate" else half.max()', "half.min()", "check_sweep"),
    _act(_A + "selu.py", "{} if network[0].any() else", "{} if True else", "check_selu"),
    _act(_A + "selu.py", '{"dropout": "alpha"} if rate else {}', "{}", "check_selu"),
    _act(_A + "selu.py", "np.isfinite(network).all(axis=1).sum())", "np.isfinite(network).all(axis=1).sum()) - 1", "check_selu_network"),
    _act(_A + "ranking.py", 'if run.status != "finished":', "if False:", "check_ranking"),
    _act(_A + "ranking.py", "run.settings.seeds > 1", "True", "check_ranking"),
]

INITIALIZATION = "tests/claims/test_initialization.py::test_what_is_said_is_so"
FAULTS += [
    *(Fault("engine/words.py", old, new, (f"{INITIALIZATION}[verdicts_of_networks]",)) for old, new in (
        ("LOST = 1e3 ", "LOST = 2e3 "), ("HARMLESS = 12.0 ", "HARMLESS = 60.0 "), ("STEADY = 1.05 ", "STEADY = 1.2 "), ("FLAT = 0.5 ", "FLAT = 0.8 "),
        ("DEAD = 0.75 ", "DEAD = 0.95 "), ("APART = 0.02 ", "APART = 0.002 "))),
    *(Fault("engine/words.py", old, new, (f"{INITIALIZATION}[phases]",)) for old, new in (("CRITICAL = 1030.0 ", "CRITICAL = 100.0 "),)),
    *(Fault("engine/diagnosis.py", old, new, (f"{INITIALIZATION}[{test}]",)) for old, new, test in (
        ("and not run.sigma_w[0] > 0:", "and True:", "verdicts_of_networks"),
        ("if run.std[0] == 0 and run.dead", "if False and run.dead", "real_networks"),
        ("* factor >= run.std[0]:", ">= 0:", "verdicts_of_networks"),
        ("change ** (1 / (depth - 1))", "change ** (1 / depth)", "verdicts_of_networks"),
        ("if change > 1 else", "if change < 1 else", "verdicts_of_networks"), ("values >= 1 / LOST", "values >= 1 / LOST**2", "depth_of_loss"),
        ('kinds[name].count("healthy"), len(drawn))', 'len(drawn), len(drawn))', "counted"))),
    Fault("pages/parts/initialization/phase.py", "math.ceil(2 * math.log(LOST) * scale)", "math.ceil(6 * scale)", (f"{INITIALIZATION}[phases]",)),
    Fault("pages/parts/initialization/phase.py", "min(sigma_w, WEIGHTS[-1])", "sigma_w", (f"{INITIALIZATION}[markers]",)),
    Fault("pages/parts/initialization/chain.py", '"grows" if a > 1', '"grows" if a > 2', (f"{INITIALIZATION}[chains]",)),
    Fault("pages/parts/initialization/matrix.py", 'sure = pairs[pairs["healthy"] == pairs["drawn"]]', 'sure = pairs[pairs["healthy"] > 0]',
          (f"{INITIALIZATION}[matrices]",)),
    Fault("pages/parts/initialization/symmetry.py", 'one = units["constant"] == 1', 'one = units["constant"] < 20', (f"{INITIALIZATION}[twins]",)),
    Fault("pages/parts/initialization/symmetry.py", 'if moved["zeros"]', "if True", (f"{INITIALIZATION}[twins]",)),
    Fault("pages/parts/initialization/deep.py", "    if distinct == 1:", "    if distinct < units:", (f"{INITIALIZATION}[as_good_as_one]",)),
    Fault("pages/parts/initialization/deep.py", "    if distinct == 1:", "    if distinct < 0:", (f"{INITIALIZATION}[as_good_as_one]",)),
    Fault("pages/parts/initialization/widths.py", "if forth < 1 and back < 1:", "if forth < 1:", (f"{INITIALIZATION}[unequal_widths]",)),
    Fault("pages/parts/initialization/gains.py", "same = between <= within", "same = True", (f"{INITIALIZATION}[swept_gains]",)),
    Fault("engine/studies/scales.py", "2 / (fan_in + fan_out)", "1 / (fan_in + fan_out)", (f"{INITIALIZATION}[unequal_widths]",)),
    Fault("pages/parts/initialization/common.py", "frame[::-1] if back else frame", "frame", (f"{INITIALIZATION}[pictures]",)),
]


_C, _G = "engine/gradient_check/", "pages/parts/gradient_checking/"
FAULTS += [
    _grad(_W, "TESTED = 0.05 ", "TESTED = 0.5 ", "check_net_verdicts"),
    _grad(_W, "NO_STEP_HELPS = 1e-3 ", "NO_STEP_HELPS = 0.5 ", "check_v"),
    _grad(_W, "AT_ROUNDING = 10.0 ", "AT_ROUNDING = 1e9 ", "check_v_table"),
    _grad(_C + "explanation.py", "2 * idle > size", "2 * idle > 3 * size", "check_net_tries"),
    _grad(_C + "explanation.py", "    if steady:", "    if True:", "check_net_verdicts"),
    _grad(_C + "explanation.py", 'if naive != "right":', "if False:", "check_net_verdicts"),
    _grad(_C + "explanation.py", '"agrees only roughly" if report.grade == "fair" else', '"agrees only roughly" if False else', "check_net_verdicts"),
    _grad(_C + "explanation.py", "and samples == 1:", "and samples == 0:", "check_net_tries"),
    _grad(_C + "conditions.py", "(best / 30, 30 * best)", "(best / 3, 3 * best)", "check_net_warnings"),
    _grad(_C + "finite_differences.py", "math.nan if theta == chosen.kink else", "math.nan if False else", "check_curve"),
    _grad(_C + "finite_differences.py", "if chosen.kink is None and right_arm.any()", "if right_arm.any()", "check_v"),
    _grad(_C + "check.py", "return min(found)", "return max(found)", "least_of_several"),
    _grad(_G + "curve.py", "if one == two == 0:", "if one == 0:", "check_curve"),
    _grad(_G + "step_size.py", "if np.isfinite(two.jumps_at):", "if True:", "check_v"),
    _grad(_G + "bug.py", "np.abs(m) > report.rounding", "np.abs(m) > 0", "check_bug_map"),
    _grad(_G + "network.py", 'fix["samples"] > most', 'fix["samples"] > 99', "check_room"),
]


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


# MNIST training
FAULTS += [Fault(file, old, new, ("tests/claims/test_mnist_training.py", "-k", "check_words")) for file, old, new in (
    ("engine/words.py", "GUESSING = 2.5 ", "GUESSING = 2.0 "),
    ("engine/words.py", "GUESS_LOSS = 0.98 ", "GUESS_LOSS = 0.999 "),
    ("engine/words.py", "FELL = 0.1 ", "FELL = 0.25 "),
    ("engine/words.py", "OVERFITS = 0.05 ", "OVERFITS = 0.5 "),
    ("engine/words.py", "BY_HEART = 0.995 ", "BY_HEART = 0.93 "),
    ("engine/words.py", "READS_WELL = 0.95 ", "READS_WELL = 0.9 "),
    ("engine/words.py", "READS_FAIRLY = 0.9 ", "READS_FAIRLY = 0.95 "),
    ("engine/words.py", "STILL_FALLS = 0.001 ", "STILL_FALLS = 0.01 "),
    ("engine/words.py", "ALIKE = 0.02 ", "ALIKE = 0.2 "),
    ("engine/words.py", "ALIKE = 0.02 ", "ALIKE = 0.002 "),
    ("engine/words.py", "HARDLY_ARRIVES = 0.01 ", "HARDLY_ARRIVES = 0.5 "),
    ("engine/words.py", "HARDLY_MOVED = 0.03 ", "HARDLY_MOVED = 0.3 "),
    ("engine/words.py", "BETTER = 0.05 ", "BETTER = -1.0 "),
    ("engine/words.py", "ENOUGH = 0.7 ", "ENOUGH = 0.9 "),
    ("engine/judgement.py", "if progress.step == 1 and not math.isfinite(progress.loss)", "if not math.isfinite(progress.loss)"),
    ("engine/judgement.py", "if batch_size == 1 and any", "if batch_size <= 32 and any"),
    ("engine/judgement.py", "epoch = history[-1][0] if history else", "epoch = progress.epoch if history else"),
)]
FAULTS.append(Fault("engine/words.py", "SURE = 0.5 ", "SURE = 0.2 ", ("tests/claims/test_mnist_training.py", "-k", "check_sure")))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        copy_of_the_project(Path(name))
        missed = [fault for fault in FAULTS if not caught(fault, Path(name))]
    print(f"{len(FAULTS) - len(missed)} passed, {len(missed)} failed")
    for fault in missed:
        print(f"unseen: {fault.file}: {fault.old} -> {fault.new}")
    sys.exit(bool(missed))
