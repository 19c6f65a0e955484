"""What every page shows, wherever it stands."""

import base64
import hashlib
import inspect
import re
import threading

import pytest

from engine.studies.input_scaling import Valley
from engine.studies.layer_list import LayerList
from engine.studies.sixteen_scales import SideBySide
from engine.training import train
from pages.shared import layout, lecture
from tests.conftest import ROOT


@pytest.mark.parametrize("thing", [Valley, LayerList, SideBySide, train], ids=lambda thing: thing.__name__)
def test_sources_are_shown_whole_without_a_parser_that_threads_must_not_share(thing, monkeypatch):
    expected = inspect.getsource(thing)
    monkeypatch.setattr("ast.parse", None)
    assert layout.source.__wrapped__(thing) == expected


@pytest.mark.parametrize("written", [layout.STYLE, lecture.STYLE], ids=["openings", "lecture"])
def test_the_policy_of_the_proxy_allows_the_styles_of_the_pages(written):
    style = re.search(r"<style>(.*)</style>", written, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in (ROOT / ".streamlit" / "nginx.conf").read_text().partition("style-src ")[2].partition(";")[0]


class Interrupted(Exception):
    """What Streamlit raises where a script draws while its visitor clicks."""


class Bar:
    def progress(self, *_):
        raise Interrupted


def test_a_click_ends_the_waiting_for_a_mirror_that_hangs_and_its_thread_gives_up_at_the_next_byte(monkeypatch):
    byte, gave_up = threading.Event(), threading.Event()

    def load(progress):
        assert byte.wait(20)
        try:
            progress(1, 2)
        except InterruptedError:
            gave_up.set()

    monkeypatch.setattr(layout, "load_mnist", load)
    with pytest.raises(Interrupted):
        layout.fetch(Bar())
    assert not gave_up.is_set()
    byte.set()
    assert gave_up.wait(20)


def test_a_formula_has_no_zero_below_zero():
    assert (layout.term(-0.0), layout.term(-2.0), layout.term(1e-5)) == ("0", "(-2)", r"1 \times 10^{-5}")
