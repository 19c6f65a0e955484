"""Activations: curves, slopes, and what their product does."""

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.parts.activations import PAGE
from pages.shared.page import show_page
from pages.shared.router import ensure_routed

ensure_routed()
show_page(PAGE)
