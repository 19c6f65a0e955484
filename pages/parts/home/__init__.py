"""Home's own pieces: it is no page of experiments."""

from pages.parts.home import cards, catalogue, live

__all__ = ["cards", "catalogue", "live"]
