"""Activations: the page's table of contents."""

from pages.parts.activations import by_hand, curves, dying, product, ranking, selu
from pages.shared.part import Page

PAGE = Page(
    "activations", "act", "Activations",
    "Curves, slopes, and what their product does: why a sigmoid's gradient shrinks with depth, how units fall silent, and the textbooks' ranking measured.",
    "What do the slopes of the activations multiply to?", (product.PART, curves.PART, by_hand.PART, dying.PART, selu.PART, ranking.PART))
