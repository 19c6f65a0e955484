"""What a link shows: the values of its controls, the numbers of its tables and charts, and what its script prints.

Names do not count, numbers do: a column is known by how many numbers it has, the least, the greatest and their sum.
Rounding differs between processors, and some pages amplify it: what two kinds of them do not share is left out of
the record, or stands as ~ in what is printed. `python -m tests.pages.golden` finds it, after entries were renewed.
"""

import contextlib
import functools
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pandas as pd
import pyarrow as pa
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from tests.conftest import ROOT

# Every AppTest reads the metadata of all installed packages again, which takes longer than most pages.
manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)

NUMBER = re.compile(r"[-−]?\d+(?:,\d{3}(?!\d))*\.?\d*(?:e[-+]?\d+)?|nan|inf|~")
RECORD = Path(__file__).with_name("golden.json")
KERNELS = ("", "Haswell", "Sandybridge")   # OpenBLAS as this processor gets it, and two older ones, for which NumPy leaves out AVX-512


def open_link(link: str) -> AppTest:
    """The page of a link such as "batch_norm?bn_part=cost", as a fresh session gets it."""
    stem, _, query = link.partition("?")
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)
    for key, values in parse_qs(query, keep_blank_values=True).items():
        app.query_params[key] = values if len(values) > 1 else values[0]
    return app.switch_page(f"pages/{stem}.py").run()


def tables(app: AppTest) -> list[pd.DataFrame]:
    """Every table that the page shows or draws."""
    found = [frame.value for frame in app.dataframe]
    for chart in app.get("vega_lite_chart"):
        found += [pa.ipc.open_stream(one.data.data).read_pandas() for one in chart.proto.datasets]
    return found


def columns(app: AppTest) -> list[list[float]]:
    """[count, least, greatest, sum] of each column of three numbers or more."""
    found = set()
    for table in tables(app):
        for name in table.select_dtypes("number"):
            values = table[name].to_numpy(float)
            values = values[np.isfinite(values)]
            if len(values) >= 3:
                found.add((len(values), *(float(f"{x:.6g}") for x in (values.min(), values.max(), values.sum()))))
    return sorted(map(list, found))


def missing(old: list[list[float]], new: list[list[float]], tolerance: float = 1e-3) -> list[list[float]]:
    """Columns of the old page that the new one has not."""
    def same(a: list[float], b: list[float]) -> bool:
        scale = max(abs(b[1]), abs(b[2]), 1e-300)
        return a[0] == b[0] and all(math.isclose(x, y, rel_tol=tolerance, abs_tol=tolerance * scale * n) for x, y, n in
                                    zip(a[1:], b[1:], (1, 1, a[0]), strict=True))
    return [column for column in old if not any(same(column, other) for other in new)]


def script_of(app: AppTest) -> str:
    return next(code.value for code in app.code if re.search(r"^(import|from) ", code.value) and "print(" in code.value and "def " not in code.value)


def printed(script: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(script, {})
    return out.getvalue()


def differs(old: str, new: str, tolerance: float = 5e-3) -> str:
    """Where two outputs part: other words, or another number that is no ~ in the old one; empty where they don't."""
    for before, after in zip(old.splitlines(), new.splitlines(), strict=False):
        words = [NUMBER.sub("#", line) for line in (before, after)]
        if words[0] != words[1] or not all(alike(*pair, tolerance) for pair in zip(NUMBER.findall(before), NUMBER.findall(after), strict=True)):
            return f"{before}\n{after}"
    return "" if len(old.splitlines()) == len(new.splitlines()) else f"{len(old.splitlines())} lines, {len(new.splitlines())} lines"


def alike(old: str, new: str, tolerance: float = 5e-3) -> bool:
    """Two numbers of a text, of which the old one may be a ~."""
    return old == "~" or np.isclose(*(float(n.replace(",", "").replace("−", "-")) for n in (old, new)), rtol=tolerance, atol=1e-12, equal_nan=True)


def shortened(text: str, most: int = 12) -> str:
    """The first lines and the last ones, and how many there are."""
    lines = text.splitlines()
    return text if len(lines) <= most else "\n".join([*lines[: most - 3], f"… {len(lines)} lines …", *lines[-3:]])


def settings_of(script: str) -> list[str]:
    """Every number and every quoted word of a script, in order; where names are imported from is left out."""
    body = "\n".join(line for line in script.splitlines() if not line.startswith(("import", "from")))
    return re.findall(r"'[^']*'|\b\d[\d.e-]*", body)


# What several processors share ---------------------------------------------------------------------------------------


def found(entry: dict) -> tuple[list[list[float]], str]:
    """Columns of a link's page here and now, and what its script prints."""
    app = open_link(entry["link"])
    return columns(app), shortened(printed(script_of(app))) if entry["printed"] else ""


def shared(entry: dict, others: list[tuple[list[list[float]], str]]) -> dict:
    """An entry without what another processor rounds differently."""
    kept, text = entry["columns"], entry["printed"]
    for other, said in others:
        lost = missing(kept, other)
        kept = [column for column in kept if column not in lost]
        pieces = iter(NUMBER.findall(said))
        text = NUMBER.sub(lambda old, pieces=pieces: old[0] if alike(old[0], next(pieces)) else "~", text)
    return {**entry, "columns": kept, "printed": text}


def main() -> None:
    entries, options = json.loads(RECORD.read_text(encoding="utf-8")), {"encoding": "utf-8", "check": True, "stdout": subprocess.PIPE}
    if "--here" in sys.argv:
        print(json.dumps([found(entry) for entry in entries]))
        return
    older = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR"}
    envs = [{"OPENBLAS_CORETYPE": kernel, **older} if kernel else {} for kernel in KERNELS]
    command = [sys.executable, "-m", __spec__.name, "--here"]
    runs = [subprocess.run(command, env={**os.environ, "MNIST_DIR": "/nowhere", **env}, **options) for env in envs]
    each = zip(*(json.loads(run.stdout.splitlines()[-1]) for run in runs), strict=True)
    lines = [json.dumps(shared(entry, list(others)), ensure_ascii=False, separators=(",", ":")) for entry, others in zip(entries, each, strict=True)]
    RECORD.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
