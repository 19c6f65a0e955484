"""A guess over depth, drawn on a log axis: for which layers it is asked, and how far it is from what was measured."""

from collections.abc import Sequence

import numpy as np

from engine.verdict import number

Array = np.ndarray
PLACES = 9
NEAR = 3.0  # a guess is good if it is nowhere further off than by this factor


def places(depth: int) -> Array:
    """The layers for which a guess is asked, at most PLACES, from the first to the last."""
    return np.unique(np.linspace(1, depth, min(depth, PLACES)).round().astype(int))


def exponents(curve: Sequence[float]) -> Array:
    """log₁₀ of each layer's number: −∞ of 0, NaN of what is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.asarray(curve, float))


def compared(guess: Sequence[float], curve: Sequence[float], reach: tuple[int, int]) -> str:
    """How far a guess (exponents of ten at `places`) is from a curve (a number a layer), as a sentence.

    Both go no further than the axis, whose ends are 10 to the power of `reach`. Empty where nothing can be compared.
    """
    (low, high), at = reach, places(len(curve))
    measured = exponents(curve)[at - 1]
    off = np.asarray(guess) - np.clip(measured, low, high)
    if np.isnan(off).all():
        return ""
    worst = int(np.nanargmax(np.abs(off)))
    factor = 10 ** abs(off[worst])
    if factor <= NEAR:
        return f"You were within a factor of {number(factor, 2)} in every layer that you set."
    beyond = "" if low <= measured[worst] <= high else "at least "
    more = "smaller" if off[worst] > 0 else "larger"
    return f"You were furthest off in layer {at[worst]}: what was measured there is {beyond}{number(factor, 2)} times {more} than you drew."
