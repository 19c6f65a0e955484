"""What a picture says to those who hear it: its own numbers, in words."""

import pandas as pd
import pytest

from pages.shared.heard import heard
from tests.pages.helpers import PARTS, charts_of, open_part

AXES = {"x": {"field": "layer", "title": "Layer l"}, "y": {"field": "size", "title": "Size"}}


def spec(mark="point", **more):
    return {"layer": [{"data": {"name": "t"}, "mark": {"type": mark}, "encoding": AXES | more}]}


def test_a_line_is_told_by_its_ends_and_by_what_lies_beyond_them():
    table = pd.DataFrame({"layer": [3, 1, 2, 4], "size": [0.5, 1.0, 7.0, 2.0]})
    assert heard(spec(), {"t": table}) == "Size over Layer l. From 1 at 1 to 2 at 4, at least 0.5 at 3, at most 7 at 2."


def test_each_series_has_its_line_and_many_are_counted():
    rows = [(f"net {i}", layer, float(i * layer)) for i in range(8) for layer in (1, 2)]
    said = heard(spec(shape={"field": "name"}), {"t": pd.DataFrame(rows, columns=["name", "layer", "size"])})
    assert "net 2: from 2 at 1 to 4 at 2." in said
    assert said.endswith("And 2 more.")


@pytest.mark.parametrize(("mark", "layer"), [("bar", [1, 2]), ("line", [1, 1]), ("point", [1, float("nan")])])
def test_what_is_no_line_over_an_axis_is_left_to_its_sentence(mark, layer):
    assert heard(spec(mark), {"t": pd.DataFrame({"layer": layer, "size": [1.0, 2.0]})}) == ""


def test_infinity_and_zero_are_said_as_such():
    table = pd.DataFrame({"layer": [1, 2, 3], "size": [1.0, 1e-300, 1e300]})
    assert heard(spec(), {"t": table}) == "Size over Layer l. From 1 at 1 to ∞ at 3, at least 0 at 2."


def test_the_chain_is_told_with_the_numbers_of_its_settings():
    page, part = next(one for one in PARTS if one[1].key == "chain")
    said = charts_of(open_part(page, part, gain=1.1, depth=50))[0].alt
    assert f"the gain: from 1 at 1 to {1.1**49:.3g} at 50" in said
