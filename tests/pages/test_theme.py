"""The look of all charts: a colour has one meaning, and can be seen in light and in dark."""

import re
import tomllib

from pages.shared import theme
from tests.conftest import ROOT


def test_each_meaning_has_one_colour_in_light_and_in_dark():
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for mode in ("light", "dark"):
        listed = colours[mode]["chartCategoricalColors"]
        assert len(listed) >= len(theme.MEANINGS)
        assert len(set(listed)) == len(listed)
        for colour in (*listed[:len(theme.MEANINGS)], theme.QUIET):
            assert contrast(colour, colours[mode]["backgroundColor"]) > 3, (mode, colour)


def test_words_of_charts_can_be_read_on_either_background():
    colours = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"]
    for meant in (theme.WORDS, theme.FORWARD, theme.BACK):
        for mode, colour in meant.items():
            assert contrast(colour, colours[mode]["backgroundColor"]) >= 4.5, (mode, colour)
            assert f"'{colour}'" in theme.ink(meant)["expr"]
    config = theme._config()["config"]
    for place, channels in {"axis": ("labelColor", "titleColor"), "legend": ("labelColor",), "title": ("subtitleColor",), "text": ("color",)}.items():
        assert [config[place][channel] for channel in channels] == [theme.ink()] * len(channels)
    looks = [look for look in config.values() if isinstance(look, dict)]
    assert min(size for look in looks for name, size in look.items() if name.endswith(("fontSize", "FontSize"))) >= theme.NOTE


def contrast(a: str, b: str) -> float:
    """WCAG 2.1 contrast ratio."""
    def luminance(colour: str) -> float:
        channels = [int(c, 16) / 255 for c in re.findall("..", colour[1:])]
        r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    bright, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_colours_go_by_meaning_whatever_the_order_of_the_series():
    one = theme.colour("s", {"train": "signal", "test": "yardstick"}).to_dict()
    other = theme.colour("s", {"test": "yardstick", "train": "signal"}).to_dict()
    assert one["scale"]["domain"] == other["scale"]["domain"]
    assert one["scale"]["domain"].index("test") == theme.MEANINGS.index("yardstick")
