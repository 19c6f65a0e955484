"""Charts are drawn with the specifications that are there: new numbers send tables only."""

import pandas as pd
import pytest

from pages.shared import encodings
from tests.pages.helpers import PARTS, charts_of, open_part

NEW = {  # settings that change numbers and no shape
    "neuron": {"seed": 1}, "chain": {"gain": 1.1, "seed": 1}, "deep": {"gain": 1.2, "seed": 1}, "phase": {"gain": 1.2, "sigma_b": 0.5},
    "symmetry": {"seed": 1}, "product": {"gain": 1.5}, "curves": {"z": 2.5}, "hand": {"w1": 3.0}, "dying": {"bias": 0.0}, "selu": {"mean": 1.0},
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
