"""Gradient checking: the page's table of contents."""

from pages.parts.gradient_checking import bug, cautions, curve, network, step_size
from pages.shared.part import Page

PAGE = Page(
    "gradient_checking", "grad", "Gradient checking",
    "Is backpropagation right? Every weight of a network compared at once, and seventeen bugs to find by what they spoil.",
    "Is backpropagation right?", (curve.PART, step_size.PART, network.PART, bug.PART, cautions.PART), opens="net")
