"""What a line under *Try next* promises holds also where a visitor comes to it from settings that spoil it."""

import pytest

from pages.shared.part import PAGES
from tests.pages.helpers import open_part, verdict_of

FUNNEL = {"shape": "narrowing", "wide": 400, "narrow": 10}
TYPED = {"values": "2, 4, 4, 4, 5, 5, 7, 9", "gamma": 2.0}
LINES = [   # page, part, where the visitor stands, the line, and what its verdict says
    ("initialization", "deep", {"gain": 4.0, "sigma_b": 2.0, "batch_norm": "after"}, "ReLU with He's rule", "This network is healthy."),
    ("initialization", "deep", {"activation": "sigmoid", "depth": 2, "sigma_b": 2.0}, "σ = 0.01 with batch norm", "The gradient grows"),
    ("initialization", "phase", {"gain": 4.0, "sigma_b": 1.0}, "ReLU with He's rule", "this is the critical line"),
    ("initialization", "phase", {"sigma_b": 1.5}, "tanh beyond the line", "it grows more than 1,000-fold"),
    ("initialization", "widths", FUNNEL, "Wide and narrow in turn", "Glorot's rule leaves 1.9 × 10⁻³ of the signal's"),
    ("batch_norm", "batch", TYPED, "Batch size 2", "Only their order is left."),
    ("batch_norm", "batch", TYPED, "Drag x₁ to 10", "One value is far out"),
    ("batch_norm", "batch", TYPED | {"pull": -10.0}, "Spread 10⁻³", "Of what stands under the root, σ² + ε, 92.7 % is ε."),
    ("batch_norm", "gradient", TYPED | {"epsilon": 1.0}, "Batch size 2", "learn next to nothing"),
    ("batch_norm", "gradient", {"size": 1}, "ε = 1", "ε lets some of the part pass that would stretch it"),
    ("batch_norm", "depth", {"activation": "sigmoid", "width": 10}, "Thirty layers of ReLU", "this factor a layer: 1.2 before φ"),
    ("batch_norm", "running", {"momentum": 0.99}, "Batches of two", "On average, batches of 2 see only 1/2 of the variance"),
]


def click(stem: str, part: str, start: dict, words: str):
    page = PAGES[stem]
    at = next(i for i, line in enumerate(page.part(part).try_next) if line.text.startswith(words))
    return open_part(page, page.part(part), **start).button(key=f"_{page.prefix}_{part}_try_{at}").click().run()


@pytest.mark.parametrize(("stem", "part", "start", "words", "says"), LINES, ids=[f"{part}: {words}" for _, part, _, words, _ in LINES])
def test_a_line_keeps_its_promise_from_settings_that_would_spoil_it(stem, part, start, words, says):
    assert says in verdict_of(click(stem, part, start, words)).replace("\u00a0", " ")


@pytest.mark.parametrize(("words", "start"), [("Gain 2", {"depth": 5}), ("Depth 5", {"gain": 4.0})])
def test_lines_of_the_matrix_keep_their_promise_at_any_depth_and_gain(words, start):
    pairs = click("initialization", "matrix", start, words).dataframe[0].value
    if words == "Depth 5":
        assert (pairs["healthy"] == pairs["drawn"]).sum() > 1.5 * 40   # so many are healthy at depth 30
        return
    relu = pairs[(pairs["activation"] == "ReLU") & ~pairs["initializer"].isin(["Zeros", "Constant"])].set_index("initializer")["kind"]
    assert relu.pop("LSUV") == "healthy"
    assert set(relu) == {"exploding"}
