"""Initialization: the page's table of contents."""

from pages.parts.initialization import chain, deep, gains, matrix, neuron, phase, symmetry, widths
from pages.shared.part import Page

PAGE = Page(
    "initialization", "init", "Initialization",
    "A signal sent through a hundred random layers: which first weights keep it alive, and what does theory say?",
    "What does depth do to a signal?",
    (neuron.PART, chain.PART, deep.PART, gains.PART, widths.PART, phase.PART, matrix.PART, symmetry.PART), opens="deep")
