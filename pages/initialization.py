"""Initialization: what does depth do to a signal, and which first weights keep it alive?"""

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.parts.initialization import PAGE
from pages.shared.page import show_page
from pages.shared.router import ensure_routed

ensure_routed()
show_page(PAGE)
