"""Home's own pieces: it is no page of experiments."""

from pages.parts.home import live

__all__ = ["live"]
