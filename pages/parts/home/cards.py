"""A small picture for each page's card on Home: lines of 120 × 44, blue for the signal, orange for the gradient. They are decoration, and no reader hears them."""

from urllib.parse import quote

BLUE, ORANGE = "#2f6fb3", "#d9730d"
LINES = {
    "initialization": {BLUE: "M4 34 L32 26 60 19 88 11 116 4", ORANGE: "M4 10 L32 19 60 27 88 34 116 40"},  # what grows and what fades
    "activations": {BLUE: "M4 38 C52 38 62 6 116 6", ORANGE: "M4 40 C40 40 48 22 60 22 72 22 80 40 116 40"},  # a sigmoid and its slope
    "batch_norm": {BLUE: "M36 40 C52 40 52 4 60 4 68 4 68 40 84 40", ORANGE: "M4 40 C50 40 90 26 116 26"},  # a batch before and after
    "gradient_checking": {BLUE: "M4 6 L54 38 60 40 66 38 116 6", ORANGE: "M4 20 L48 34 116 34"},  # the V
    "mnist_training": {BLUE: "M4 4 C22 34 40 38 116 40", ORANGE: "M4 8 C22 28 46 30 116 26"}}  # a loss that falls, and one that comes back


def picture(stem: str) -> str:
    """The picture of a page, as an element."""
    paths = "".join(f'<path d="{line}" stroke="{colour}"/>' for colour, line in LINES[stem].items())
    drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 44" fill="none" stroke-width="3" stroke-linecap="round">{paths}</svg>'
    return f'<img src="data:image/svg+xml,{quote(drawn)}" width="120" height="44" alt="">'
