"""What do thirty kept runs cost? `python -m benchmarks.kept` reruns the MNIST page without and with them, in turn: CPU milliseconds, one BLAS thread.

Ten of them are in the picture, as many as it takes, each with 300 evaluations. Megabytes are what the session holds of all thirty.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ["WORKERS"] = "0"   # the engine works in this process, where its time is counted

import time
import tracemalloc
from dataclasses import replace
from statistics import median

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.pages import APP
from engine import load_digits
from pages.parts.mnist_training import PAGE, kept
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values

COUNT, EVALUATIONS, ROUNDS = TrainingRun.remembered, 300, 15
ASKED = 150, 5   # milliseconds of a rerun, megabytes


def run_of(seed: int) -> kept.Kept:
    """A short run of its own settings, told as if it had been read 300 times."""
    defaults = {control.name: control.default for control in PAGE.parts[0].all_controls}
    v = Values(**defaults | {"images": 100, "epochs": 1, "seed": seed, "width": 10 + seed})
    run = TrainingRun(TrainingSettings.of(v, load_digits()), load_digits(), v.rate)
    run.number, run.status = seed, "running"
    while run.status == "running":
        run.advance()
    falls = np.exp(-np.linspace(0, 3, EVALUATIONS, dtype=np.float32)[:, None] * (1 + seed / COUNT))
    return replace(kept.kept(run), course=np.hstack([np.arange(1, EVALUATIONS + 1, dtype=np.float32)[:, None], falls, 1 - falls, falls, 1 - falls]))


def opened(runs: list[kept.Kept]) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=300)
    app.session_state["mnist_run_earlier"], app.session_state[kept.SHOWN] = runs, [run.number for run in runs[-kept.MOST:]]
    app.query_params["mnist_images"] = "100"
    app.switch_page(f"pages/{PAGE.stem}.py").run()
    if runs:
        assert (len(app.dataframe[0].value), len(app.multiselect[0].value)) == (len(runs), kept.MOST)
    return app


def rerun(app: AppTest) -> float:
    began = time.process_time()
    app.run()
    assert not app.exception
    return 1000 * (time.process_time() - began)


def main() -> None:
    run_of(0)   # what only the first of all runs makes
    tracemalloc.start()
    runs = [run_of(seed) for seed in range(1, COUNT + 1)]
    megabytes = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    pages = [opened([]), opened(runs)]
    without, with_them = (median(times) for times in zip(*([rerun(page) for page in pages] for _ in range(ROUNDS)), strict=True))
    print(f"{COUNT} kept runs: a rerun takes {with_them:.0f} ms (asked: at most {ASKED[0]}), without them {without:.0f} ms; "
          f"the session holds {megabytes:.1f} MB of them (asked: at most {ASKED[1]})")


if __name__ == "__main__":
    main()
