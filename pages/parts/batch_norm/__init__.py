"""Batch Norm: the page's table of contents."""

from pages.parts.batch_norm import batch, cost, depth, gradient, inputs, running, scales
from pages.shared.part import Page

PAGE = Page(
    "batch_norm", "bn", "Batch Norm",
    "Inside the layer: four equations and their gradient, running statistics, sixteen weight scales, and where it loses.",
    "What happens inside batch norm?", (batch.PART, gradient.PART, running.PART, depth.PART, scales.PART, cost.PART, inputs.PART))
