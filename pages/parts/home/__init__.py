"""Home's own pieces: it is no page of experiments."""

from pages.parts.home import cards, live

__all__ = ["cards", "live"]
