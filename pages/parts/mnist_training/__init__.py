"""MNIST training: the page's table of contents."""

from pages.parts.mnist_training import compare, inside, overfitting, own, published, rates, training, valley
from pages.shared.part import Page

PAGE = Page(
    "mnist_training", "mnist", "MNIST training",
    "Real handwriting, trained live. Which start, which optimizer and which regulariser gets there, and which never does?",
    "What makes a deep network learn real handwriting?",
    (training.PART, inside.PART, valley.PART, rates.PART, compare.PART, published.PART, overfitting.PART, own.PART))
