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
from pages.shared import glossary, link
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
    return " ".join(one.value for block in found for one in blocks(block)).replace("\u00a0%", " %")


def fix_of(app: AppTest):
    """The button of the verdict's cure; None where there is none."""
    return next((button for button in app.button if button.key and button.key.startswith("apply_fix ")), None)


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


def said(app: AppTest) -> list[str]:
    """What stands on a page for its reader: its opening, all text, labels and helps; neither code nor the glossary's own list."""
    bodies = [re.sub(r"<style>.*?</style>|<span.*?</span>", "", one.proto.body, flags=re.DOTALL) for one in app.get("html")]
    pieces = [html.unescape(re.sub(r"<[^>]+>", " ", body)) for body in bodies]
    pieces += [one.value for one in (*app.title, *app.caption, *app.warning, *app.markdown) if not one.value.startswith("- **")]
    kinds = "button slider select_slider selectbox toggle checkbox radio number_input text_input button_group expander"
    for one in (one for kind in kinds.split() for one in app.get(kind)):
        pieces += [getattr(one, "label", "") or "", getattr(one.proto, "help", "")]
    return [piece for piece in pieces if piece and not piece.startswith(("Source of ", "$"))]   # the formula of a rule, and who says it


def assert_reads_easily(app: AppTest, part: str) -> None:
    """Of a part such as "bn_batch": sentences of at most 30 words, and each word of the glossary told in the part's list."""
    told = {entry.word for entry in glossary.GLOSSARY if any(f"- **{entry.word}**" in one.value for one in app.markdown)} | glossary.BASIC
    for text in said(app):
        long = [one for one in re.split(r"(?<=[.?!:;])\W* +|\n+", text) if len(one.split()) > 30]
        untold = {entry.word for _, entry in glossary.matches(text, part.partition("_")[0])} - told
        assert (long, untold) == ([], set()), text


def told(run: TrainingRun) -> list[str]:
    """What a run saw, in the words of its script."""
    return [f"epoch {epoch:g}  train {e.train_accuracy:.4f}  test {e.test_accuracy:.4f}  test loss {e.test_loss:.4f}" for epoch, e in run.evaluations]


def printed(run: TrainingRun) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(script(run), {})
    return out.getvalue().splitlines()


def aim_of(preset) -> str:
    """What stands above the picture of an experiment."""
    return f"{preset.title}{'.' * (preset.title[-1] not in '?!')} Look for: {preset.look_for}"
