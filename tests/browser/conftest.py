"""What the browser's console may say: Streamlit looks for its base path under deep links."""

import re

HARMLESS = re.compile(r"_stcore/(health|host-config)|Failed to load resource")


def complaints(tab) -> list[str]:
    return [text for text in tab.complaints if not HARMLESS.search(text)]
