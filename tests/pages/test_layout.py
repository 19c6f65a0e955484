"""What every page shows, wherever it stands."""

import inspect

import pytest

from engine.studies.input_scaling import Valley
from engine.studies.layer_list import LayerList
from engine.studies.sixteen_scales import SideBySide
from engine.training import train
from pages.shared import layout


@pytest.mark.parametrize("thing", [Valley, LayerList, SideBySide, train], ids=lambda thing: thing.__name__)
def test_sources_are_shown_whole_without_a_parser_that_threads_must_not_share(thing, monkeypatch):
    expected = inspect.getsource(thing)
    monkeypatch.setattr("ast.parse", None)
    assert layout.source.__wrapped__(thing) == expected
