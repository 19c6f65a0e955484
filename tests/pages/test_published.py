"""The part that repeats published trainings: what it draws and says, without training."""

import numpy as np
import pytest

from engine.datasets import DatasetError
from engine.studies.published import EXPERIMENTS, Trained
from pages.parts.mnist_training import PAGE, published
from tests.claims.mnist_published import made_up
from tests.pages.helpers import assert_charts_are_vega_lite, assert_charts_get_their_tables, open_part, verdict_of

PART = next(part for part in PAGE.parts if part.key == "published")


@pytest.fixture
def with_mnist(monkeypatch):
    """Each training gives the published numbers, at once."""
    def answered(*calls, seen):
        found = [made_up(EXPERIMENTS[key], 0.0)[name][0] for key, name, _ in (call.args for call in calls)]
        seen([None, *found[1:]])
        return found

    monkeypatch.setattr(published.layout, "missing", lambda name: False)
    monkeypatch.setattr(published.workers, "measure_all", answered)


@pytest.mark.parametrize("key", EXPERIMENTS)
def test_a_comparison_draws_its_variants_beside_what_was_published(key, with_mnist):
    app = open_part(PAGE, PART, book=key, book_seeds=3)
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == 2
    assert_charts_are_vega_lite(app)
    assert_charts_get_their_tables(app)
    targets = EXPERIMENTS[key].targets
    assert (f"{len(targets)} of {len(targets)} published numbers are **reproduced** by the mean of 3 seeds" in verdict_of(app)) == bool(targets)
    if targets:
        assert app.dataframe[0].value["Says"].tolist() == ["reproduced"] * len(targets)


def test_without_mnist_nothing_is_trained_and_the_page_says_so(monkeypatch):
    monkeypatch.setenv("MNIST_DIR", "/nowhere")
    app = open_part(PAGE, PART)
    assert "nothing was trained" in verdict_of(app)
    assert len(app.get("vega_lite_chart")) == 1   # the printed accuracies
    assert_charts_get_their_tables(app)


def test_files_that_are_not_mnists_are_no_traceback(monkeypatch):
    def broken(*calls, seen):
        raise DatasetError("not MNIST's")

    monkeypatch.setattr(published.layout, "missing", lambda name: False)
    monkeypatch.setattr(published.workers, "measure_all", broken)
    app = open_part(PAGE, PART)
    assert not app.exception
    assert "nothing was trained" in verdict_of(app)


def test_a_training_that_overflowed_leaves_the_axis_and_reads_nothing():
    gone = Trained(np.arange(1, 51), np.full(50, np.nan), np.arange(1, 6), np.zeros(5), np.zeros(5), {1000: (np.nan,) * 3})
    losses, shares = published.courses({"a": [gone]})
    assert set(losses["mean"]) == {published.LOSSES[1]}
    assert set(shares["high"]) == {0.0}
