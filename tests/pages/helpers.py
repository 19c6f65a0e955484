"""What tests of pages share: opening a part, and what stands on a page."""

import contextlib
import html
import io
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import altair.vegalite.schema
from jsonschema import Draft7Validator
from streamlit.testing.v1 import AppTest

import pages.parts  # noqa: F401  (fills PAGES)
from pages.parts.mnist_training.program import script
from pages.parts.mnist_training.run import TrainingRun
from pages.shared import link
from pages.shared.part import PAGES, Page, Part
from tests.pages import golden

PARTS = [(page, part) for page in PAGES.values() for part in page.parts]
CONTROLS = [(page, part, control) for page, part in PARTS for control in part.all_controls]
PRESETS = [(page, preset) for page, part in PARTS for preset in part.presets]


def open_part(page: Page, part: Part, **settings) -> AppTest:
    """A part as a link opens it, with settings by the controls' names."""
    table = {control.name: control for control in page.controls}
    asked = {table[name].key: value for name, value in {"part": part.key, **settings}.items()}
    return golden.open_link(f"{page.stem}?{urlencode(link.query(page.controls, asked))}")


def link_of(app: AppTest, page: Page) -> str:
    """The address that a visitor of this page would share."""
    return f"{page.stem}?{urlencode(dict(app.query_params), doseq=True)}"


def asked(app: AppTest, key: str) -> str:
    """What the address says of a key."""
    texts = app.query_params[key]
    return texts if isinstance(texts, str) else texts[-1]


def blocks(block):
    for node in block.children.values():
        yield node
        if hasattr(node, "children"):
            yield from blocks(node)


def verdict_of(app: AppTest) -> str:
    found = [node for node in blocks(app._tree) if getattr(node, "key", None) == "verdict"]
    return " ".join(one.value for block in found for one in blocks(block))


def charts_of(app: AppTest) -> list:
    return [chart.proto for chart in app.get("vega_lite_chart")]


@cache
def grammar() -> Draft7Validator:
    return Draft7Validator(json.loads((Path(altair.vegalite.schema.__file__).parent / "v6" / "schema" / "vega-lite-schema.json").read_text()))


def assert_charts_are_vega_lite(app: AppTest) -> None:
    for chart in charts_of(app):
        spec = {**json.loads(chart.spec), "datasets": {}}
        assert grammar().is_valid(spec), next(grammar().iter_errors(spec)).message[:500]


def tables_named(spec: dict):
    if spec.get("data") and "values" not in spec["data"]:
        yield spec["data"]["name"]
    for part in (*spec.get("layer", ()), *spec.get("vconcat", ())):
        yield from tables_named(part)


def assert_charts_get_their_tables(app: AppTest) -> None:
    """Each by its name: a table without one would be drawn by whatever layer has the only name."""
    for chart in charts_of(app):
        if chart.datasets:
            assert set(tables_named(json.loads(chart.spec))) == {table.name for table in chart.datasets}
            assert not chart.data.data


def opening_of(app: AppTest) -> str:
    """Its words as they are read, without the meanings behind them."""
    body = app.get("html")[0].proto.body.partition("</style>")[2]
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"<span.*?</span>|</?dfn[^>]*>", "", body)))


def told(run: TrainingRun) -> list[str]:
    """What a run saw, in the words of its script."""
    return [f"epoch {epoch:g}  train {e.train_accuracy:.4f}  test {e.test_accuracy:.4f}  test loss {e.test_loss:.4f}" for epoch, e in run.evaluations]


def printed(run: TrainingRun) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(script(run), {})
    return out.getvalue().splitlines()
