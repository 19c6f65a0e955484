"""What does a rerun cost? `python -m benchmarks.pages` opens every part as a link does, with empty caches and again with full ones.

CPU milliseconds: of the engine, in the one worker process that computes here, and of the whole script when all is cached. Once
with the part's defaults, once with all sizes at their limits. What the engine itself remembers, theory and the first numbers of
a seed, is there, as it is for all but the first visitor. Kilobytes are what the server sends. Nothing of what trains is started.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ["WORKERS"] = "1"

import argparse
import functools
import logging
import time
from pathlib import Path
from statistics import median

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner

import pages.parts  # noqa: F401  (fills PAGES)
from pages.shared import link, workers
from pages.shared.part import PAGES, Page, Part

APP = Path(__file__).parent.parent / "streamlit_app.py"
SIZES = ("depth", "width", "samples", "seeds", "layers", "dying_depth", "evaluate", "size", "run_size", "images")
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)   # an AppTest's own cost, not the page's
logging.disable(logging.WARNING)   # a script without a browser
sent = []
parse = local_script_runner.parse_tree_from_messages
local_script_runner.parse_tree_from_messages = lambda messages: (sent.append(sum(len(m.SerializeToString()) for m in messages)), parse(messages))[1]


def rerun(query: dict[str, str], stem: str) -> float:
    """CPU milliseconds of one script run in a fresh session."""
    app = AppTest.from_file(str(APP), default_timeout=300)
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{stem}.py")
    started = time.process_time()
    app.run()
    assert not app.exception, query
    return 1000 * (time.process_time() - started)


def engine() -> float:
    """CPU milliseconds that the worker has worked."""
    return 1000 * workers.desk().pool.executor.submit(time.process_time).result()


def measure(page: Page, part: Part, limits: bool, rounds: int) -> tuple[float, float, float]:
    at = {c.key: c.ends()[-1] for c in part.all_controls if c.name in SIZES and c.ends()} if limits else {}
    query = link.query(page.controls, {f"{page.prefix}_part": part.key, **at})
    rerun(query, page.stem)   # imports, and the specifications of the charts
    computing, cached = [], []
    for _ in range(rounds):
        workers.desk().kept.clear()
        before = engine()
        rerun(query, page.stem)
        computing.append(engine() - before)
        cached.append(rerun(query, page.stem))
    return median(computing), median(cached), sent[-1] / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="a part's key")
    given = parser.parse_args()
    print(f"{'':<28}{'engine':>10}{'cached':>8}{'kB':>7}{'   at the limits:':<17}{'engine':>10}{'cached':>8}{'kB':>7}")
    for page in PAGES.values():
        for part in page.parts:
            if given.only in ("", part.key):
                line = f"{page.prefix + ' ' + part.key:<28}"
                for limits in (False, True):
                    computing, cached, size = measure(page, part, limits, given.rounds)
                    line += f"{computing:10.0f}{cached:8.0f}{size:7.1f}" + " " * 17 * (not limits)
                print(line, flush=True)


if __name__ == "__main__":
    main()
