"""The glossary: every word and symbol of the pages has one meaning, and nothing stands in it that no page says."""

import re

from pages.shared import glossary
from pages.shared.glossary import GLOSSARY
from tests.claims.collect import sentences
from tests.pages import golden


def test_each_entry_is_said_somewhere_and_explained_in_one_short_sentence():
    said = "\n".join(sentences("pages/parts", "engine"))
    for entry in GLOSSARY:
        pattern = rf"(?<![\w-])(?:{glossary.entry_pattern(entry)})(?![\w-])"
        assert entry.symbols or re.search(pattern, said, re.IGNORECASE), f"nothing says {entry.word}"
        assert entry.meaning.endswith(".")
        assert len(entry.meaning.split()) <= 30
    assert len({entry.word for entry in GLOSSARY}) == len(GLOSSARY)


def test_symbols_are_read_out_of_formulas():
    assert glossary.symbols_in(r"\chi = \sigma_w^2\,\mathrm{E}[\varphi'({q^*}^{1/2} u)^2] = 0.5") == {"χ", "σ_w", "E", "φ", "q", "u"}
    line = r"\hat x_1 = \frac{x_1 - \mu_B}{\sqrt{\sigma_B^2 + \varepsilon}} \text{ where } \sigma_{\max}"
    assert glossary.symbols_in(line) == {"x̂", "x", "μ", "σ", "ε"}
    assert glossary.symbols_in(r"\begin{aligned} z_1 \\[4pt] e^{-i} \end{aligned}") == {"z"}


def test_a_symbol_means_what_its_part_says():
    assert glossary.of_symbol("σ", "act_hand").word == "sigmoid"
    assert glossary.of_symbol("σ", "bn_batch").word == "spread"
    assert glossary.of_symbol("ε", "grad_v").word == "step of a difference"
    assert glossary.of_symbol("Ω", "bn_batch") is None


def test_a_word_is_dotted_once_with_its_meaning_and_text_stays_text():
    told = set()
    marked = glossary.dotted("Batches of batch norm: a mini-batch <b>, and each batch.", "bn", told)
    assert marked.count("<dfn ") == 2
    assert "of <dfn" in marked
    assert "&lt;b&gt;" in marked
    assert {entry.word for entry in told} == {"mini-batch", "batch norm"}
    assert glossary.dotted("Another batch.", "bn", told) == "Another batch."
    assert "step of a difference" not in {entry.word for _, entry in glossary.matches("One step.", "mnist")}


def test_the_page_of_references_lists_all_of_them():
    app = golden.open_link("references")
    assert not app.exception
    table = next(element.value for element in app.markdown if "| Word, and its symbol |" in element.value)
    assert r", $σ_\text{w}$ " in table
    plain = re.sub(r"\$(\w)_\\text\{(\w+)\}\$", r"\1_\2", table)
    for entry in GLOSSARY:
        here, other = f", {entry.here}" if entry.here else "", entry.notes not in ("", entry.here)
        assert f"| **{entry.word}**{here}{f' (in the notes: {entry.notes})' if other else ''} | {entry.meaning} |" in plain


def test_no_page_and_no_verdict_says_a_sentence_of_more_than_thirty_words():
    """As they stand in the source, also those that no setting of the other tests brings about."""
    for text in sentences("pages", "engine"):
        assert [one for one in re.split(r"(?<=[.?!])\W* +|\n+", text) if len(one.split()) > 30] == []
