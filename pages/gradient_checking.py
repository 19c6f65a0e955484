"""Gradient checking: is backpropagation right, and if not, in which line?"""

import engine  # noqa: F401  (first: see pages/shared/router.py)
from pages.parts.gradient_checking import PAGE
from pages.shared.page import show_page
from pages.shared.router import ensure_routed

ensure_routed()
show_page(PAGE)
