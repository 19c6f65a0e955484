"""Batch Norm: what happens inside the layer, and what does it buy?"""

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.parts.batch_norm import PAGE
from pages.shared.page import show_page
from pages.shared.router import ensure_routed

ensure_routed()
show_page(PAGE)
