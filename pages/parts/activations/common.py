"""What the parts of the Activations page share: the activations chosen, with their slopes and α, and each one's own look.

The theme's colours have meanings of their own, so activations take others, which can be read on
white and on near-black. There are 12, and 7 dashes and 7 marks: together they tell 84 activations apart.
"""

import inspect
from collections.abc import Mapping, Sequence
from functools import partial

import altair as alt
import streamlit as st

from engine.activations import ACTIVATIONS, FAMILIES, Activation, as_activation
from pages.shared.control import Control, Ladder, Several, Values
from pages.shared.theme import LONG
from pages.shared.titles import title

NAMES = tuple(title(key) for key in ACTIVATIONS)
HUES = (
    "#9c909c", "#9054b4", "#9c9000", "#3c9c90", "#cc60b4", "#307818", "#786c3c", "#30a830", "#b43078", "#1890c0", "#18786c", "#9c84e4",
)
# Eight: of the usual six no two look alike without their colours, and a rival is like none of them.
DASHES = ([9, 3, 2, 3, 2, 3], [9, 3, 2, 3], [2, 2], [1, 0], [7, 3], [5, 5], [4, 2], [16, 4])
SHAPES = ("triangle-down", "square", "triangle-up", "circle", "cross", "triangle-left", "triangle-right", "diamond")

USUAL = {"set": ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu"], "rivals": ["relu", "leaky_relu", "prelu", "elu"]}
SET = Several("act_set", "Activations", USUAL["set"], "Shown in the curves, the product of slopes and the ranking.", tuple(ACTIVATIONS))
GAINS = (0.01, 0.02, 0.05, *sorted((*(round(0.1 * i, 1) for i in range(1, 41)), 1.4142, 1.5925, 1.6667)), 5.0, 7.0, 10.0)

SLOPES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 5.0)
SYMBOLS = {"alpha": "α"}
Members = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]  # (key, its options), hashable


def options_of(family: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(FAMILIES[family]).parameters if family in FAMILIES else {}


def _family_controls() -> tuple[Control, ...]:
    """A ladder for each option of each family, of the values that the family takes: a new family brings its own."""

    def possible(family: str, option: str, value: float) -> bool:
        try:
            FAMILIES[family](**{option: value})
        except ValueError:
            return False
        return True

    def why_idle(family: str, v: Values) -> str:
        chosen = next(getattr(v, name) or USUAL[name] for name in ("set", "rivals", "fixed") if hasattr(v, name))
        return "" if family in ([chosen] if isinstance(chosen, str) else chosen) else f"{title(family)} is not among the activations shown."

    controls = []
    for family in FAMILIES:
        for option, parameter in options_of(family).items():
            symbol = SYMBOLS.get(option, option)
            rungs = sorted({value for value in SLOPES if possible(family, option, value)} | {parameter.default})
            help_text, shown = f"{symbol} in φ of {title(family)}.", {"show": lambda x: f"{x:.3g}", "idle": partial(why_idle, family)}
            controls.append(Ladder(f"act_{family}_{option}", f"{title(family)}: {symbol}", parameter.default, help_text, tuple(rungs), **shown))
    return tuple(controls)


SLOPE_CONTROLS = {"Slopes and α": _family_controls()}  # folded away


def members_of(keys: Sequence[str], otherwise: Sequence[str], v: Values) -> Members:
    """(key, its options) of each, or of the usual ones where none is chosen; options that do not go together fall back to the table's."""
    if not keys:
        st.caption("No activation is chosen: the usual ones are shown.")
    chosen = []
    for key in keys or otherwise:
        options = {option: getattr(v, f"{key}_{option}") for option in options_of(key)}
        try:
            as_activation(key, **options)
        except ValueError as error:
            st.warning(f"{title(key)}: {error}. The usual values are used.")
            options = {}
        chosen.append((key, tuple(options.items())))
    return tuple(chosen)


def built(members: Members) -> dict[str, Activation]:
    """The activations themselves, by their titles."""
    return {title(key): as_activation(key, **dict(options)) for key, options in members}


def member(key: str, options: Sequence[tuple[str, float]]) -> str:
    """How a script makes one."""
    return f"as_activation({', '.join([repr(key), *(f'{name}={value!r}' for name, value in options)])})"


def script_table(members: Members) -> str:
    rows = "".join(f"    {member(key, options)},\n" for key, options in members)
    return f"table = [\n{rows}]\n"


def gain_idle(v: Values) -> str:
    rule = v.initializer if hasattr(v, "initializer") else v.fixed_initializer
    return {"zeros": "All weights are 0: no gain changes that.", "lsuv": "LSUV sets the size of the weights itself."}.get(rule, "")


def listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def signed(x: float) -> str:
    """A setting, just as it is set."""
    return f"{x + 0.0:g}".replace("-", "−")


def _own(channel: type, looks: Sequence, shown: Sequence[str], names: Sequence[str], **legend) -> alt.Color | alt.StrokeDash | alt.Shape:
    """What is each activation's own, the same in every picture. Equal legends merge into one."""
    given = [looks[i % len(looks)] for i in range(len(names))]
    legend = alt.Legend(values=list(shown), columns=alt.ExprRef("width < 360 ? 2 : 3"), symbolOpacity=1, **legend)
    return channel("activation", type="nominal", scale=alt.Scale(domain=list(names), range=given), legend=legend)


def hue(shown: Sequence[str], names: Sequence[str] = NAMES, **legend) -> alt.Color:
    return _own(alt.Color, HUES, shown, names, **legend)


def dash(shown: Sequence[str], names: Sequence[str] = NAMES) -> alt.StrokeDash:
    return _own(alt.StrokeDash, DASHES, shown, names, symbolSize=LONG)


def shape(shown: Sequence[str], names: Sequence[str] = NAMES) -> alt.Shape:
    return _own(alt.Shape, SHAPES, shown, names)
