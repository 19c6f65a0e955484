"""Charts are drawn with the specifications that are there: new numbers send tables only."""

import json
import math
import re
from types import SimpleNamespace

import pandas as pd
import pytest

from engine.verdict import number
from pages.shared import encodings, layout, theme
from tests.pages.helpers import PARTS, charts_of, open_part

STRIPS = ("bug", "cautions", "depth", "input", "net", "cost", "ranking")  # their pictures are several low ones, or none yet
NEW = {  # settings that change numbers and no shape
    "neuron": {"seed": 1}, "chain": {"gain": 1.1, "seed": 1}, "deep": {"gain": 1.2, "seed": 1}, "phase": {"gain": 1.2, "sigma_b": 0.5},
    "symmetry": {"seed": 1}, "widths": {"seed": 1}, "gains": {"seed": 1},
    "product": {"gain": 1.5}, "curves": {"z": 2.5}, "hand": {"w1": 3.0}, "dying": {"bias": 0.0}, "selu": {"mean": 1.0},
    "batch": {"pull": 3.0}, "gradient": {"pull": 3.0}, "running": {"evaluate": 20, "seed": 1}, "depth": {"scale": 0.5, "seed": 1},
    "input": {"share": 0.5}, "curve": {"theta": 0.5, "step": 0.1}, "v": {"theta": 0.5}, "net": {"seed": 1}, "cautions": {"mistake": True},
}


@pytest.mark.parametrize(("page", "part"), [pytest.param(*one, id=one[1].key) for one in PARTS if one[1].key in NEW])
def test_new_numbers_build_no_specification(page, part, monkeypatch):
    before = charts_of(open_part(page, part))

    def build(chart):
        raise AssertionError(f"built again: {chart.title}")

    monkeypatch.setattr(encodings, "specification", build)
    after = charts_of(open_part(page, part, **NEW[part.key]))
    assert len(before) == len(after) > 0
    assert [chart.datasets for chart in before] != [chart.datasets for chart in after]


def inside(spec):
    """Every mapping of a specification, from the outermost on."""
    if isinstance(spec, dict):
        yield spec
    for inner in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        yield from inside(inner)


@pytest.mark.parametrize(("page", "part"), [pytest.param(*one, id=one[1].key) for one in PARTS])
def test_charts_are_made_for_the_back_row(page, part):
    """Words are large enough, and a tooltip tells what the page means, not what the picture is made of."""
    charts = [json.loads(chart.spec) for chart in charts_of(open_part(page, part))]
    for spec in charts:
        sizes = [size for look in inside(spec) for name, size in look.items() if name.lower().endswith("fontsize") and isinstance(size, (int, float))]
        assert min(sizes) >= theme.NOTE
        assert spec["config"]["mark"]["tooltip"] is None
        assert "title" not in spec   # it would be cut where the picture is narrow: it is text of the page
        for look in inside(spec):
            for tip in look.get("tooltip") or ():
                assert tip["title"]
                assert not re.match(r"tint_|line\d|x2|log_chi", tip["title"])
    if page.stem != "mnist_training" and part.key not in STRIPS and charts:
        assert max(spec["height"] for spec in charts) >= theme.TALL


def test_a_title_is_text_of_the_page_whole_and_plain():
    words = {"text": "σ < 1", "subtitle": ["Dots: measured.", "Line: theory."]}
    assert "<strong>σ &lt; 1</strong>" in layout.head(words)
    assert "Dots: measured. Line: theory." in layout.head(words)
    assert layout.head("One").count("<div") == 1


def test_a_pointer_between_points_is_told_all_lines_there():
    rows = pd.DataFrame({"layer": [1, 2, 1, 2], "series": ["a", "a", "b = 1.5", "b = 1.5"], "value": [1.0, 1e-5, 2.0, math.nan]})
    x = {"field": "layer", "title": "Layer l", "scale": {"domain": [0, 3]}}
    lines, points = {"encoding": {"x": x}}, {"encoding": {"x": x, "tooltip": []}}
    spec = encodings.readings({"layer": [lines, points], "datasets": {}}, rows, "layer", "series", "value")
    assert (spec["layer"][0], spec["layer"][2]) == (lines, points)   # a point still tells its own
    told = spec["layer"][1]["encoding"]
    assert told["x"] == x | {"field": "at"}
    assert [tip["title"] for tip in told["tooltip"]] == ["Layer l", "a", "b = 1.5"]
    table = spec["datasets"]["readings"]
    assert [list(row) for row in table[[tip["field"] for tip in told["tooltip"]]].to_numpy()] == [[1, "1", "2"], [2, number(1e-5), "–"]]
    many = pd.DataFrame({"layer": range(500), "series": "a", "value": 1.0})
    assert len(encodings.readings(spec, many, "layer", "series", "value")["datasets"]["readings"]) <= 31


@pytest.mark.parametrize(("lowest", "floor"), [(0.1, 0), (0.5, 0.5), (0.79, 0.5), (0.975, 0.95), (1.0, 0.95), (math.nan, 0)])
def test_an_axis_of_shares_begins_at_a_round_one_below_what_matters(lowest, floor):
    assert encodings.floor_of(lowest) == floor
    ticks = encodings.share("share", "Share", floor).to_dict()
    assert (ticks["scale"]["domain"], ticks["axis"]["values"][0], ticks["axis"]["values"][-1]) == ([floor, 1], floor, 1)


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (3.07e-5, "3.1 × 10⁻⁵"), (120.0, "120"), (1234567.0, "1,234,567"), (2e7, "2.0 × 10⁷"), (-0.0123, "−0.0123"),
    (1e-12, "1.0 × 10⁻¹²"), (3e120, "3.0 × 10¹²⁰"), (None, "–")])
def test_tooltips_write_numbers_as_the_pages_do(value, text):
    """The browser's expression, worked through in Python, against `verdict.number`."""
    if value is not None:
        assert number(value).replace("\u00a0", " ") == text
    names = {"datum": SimpleNamespace(x=value), "format": lambda x, form: format(x, form.replace("~r", "g")).replace("-", "−", 1 if x < 0 else 0),
             "split": str.split, "toNumber": int, "isValid": lambda x: x is not None, "floor": math.floor, "abs": abs}
    made = encodings.written(said="x")
    names["datum"].said_e = eval(made["said_e"], names) if value is not None else None
    assert eval(in_python(made["said"]), names).replace("\u00a0", " ") == text
    assert in_python(made["said"]).count("toNumber") == 0   # worked out once


def in_python(expression):
    """Vega's `test ? one : other` as Python's, from the innermost on; `&&` and `!` as words."""
    text = expression.replace("&&", " and ").replace("!isValid", "not isValid")
    while "?" in text:
        text = choice(text)
    return text


def choice(text):
    """One `a ? b : c` less: that which holds no other, between its brackets."""
    at = text.rindex("?")
    left, right, depth = at, at, 0
    while left > 0 and not (depth == 0 and text[left - 1] in "(:?"):
        left -= 1
        depth += {")": 1, "(": -1}.get(text[left], 0)
    depth, quoted, colon = 0, False, None
    while right < len(text) - 1:
        right += 1
        c = text[right]
        quoted ^= c == "'"
        if not quoted:
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(c, 0)
            if c == ":" and depth == 0:
                colon = right
            if depth < 0:
                right -= 1
                break
    return f"{text[:left]}(({text[at + 1:colon]}) if ({text[left:at]}) else ({text[colon + 1:right + 1]})){text[right + 1:]}"


def test_a_specification_is_built_once_and_each_call_sends_its_own_tables():
    built = []

    @encodings.drawn
    def picture(frame: pd.DataFrame, name: str, height: int = 10) -> encodings.alt.Chart:
        built.append(name)
        return encodings.alt.Chart(frame, title=name, height=height).mark_point().encode(x="x:Q")

    one, two = pd.DataFrame({"x": [1]}), pd.DataFrame({"x": [2]})
    first, second, third = picture(one, "a"), picture(two, "a"), picture(two, name="b", height=20)
    assert built == ["a", "b"]
    assert [spec["datasets"]["frame"]["x"][0] for spec in (first, second, third)] == [1, 2, 2]
    assert first["data"] == {"name": "frame"}
    assert (third["title"], third["height"]) == ("b", 20)
    assert encodings.titled(first, "c", "d")["title"] == {"text": "c", "subtitle": "d"}
    assert first["title"] == "a"
