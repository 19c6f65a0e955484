"""Diagnosis: from a column of numbers to a sentence, and to the one change that would help.

The thresholds are those of practice, not of theory: a factor of a thousand between the
first and the last layer is more than any learning rate can serve at both ends.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine import mean_field
from engine.activations import ACTIVATIONS, as_activation
from engine.initializers import INITIALIZERS, as_initializer
from engine.propagation import Propagation, propagate
from engine.verdict import Verdict, number

FACTOR = 1e3         # between first and last layer: beyond it a signal or gradient counts as exploding or vanishing
FLAT = 0.5           # share of z on a plateau
DEAD = 0.75          # share of units; half of them are off for every input where inputs have become alike
APART = 0.02         # std over the data, as a share of the std over everything: below it, inputs look alike
KINDS = ("healthy", "vanishing", "exploding", "saturated", "dead", "symmetric", "indistinguishable")

Diagnosis = Verdict   # kind: one of KINDS; fix: arguments of `propagate`, empty too where none was found (see `cure`)


def diagnose(run: Propagation, with_fix: bool = False) -> Verdict:
    """The first of these that holds: symmetric, exploding, saturated, dead, vanishing, indistinguishable inputs, healthy.

    Inputs that are alike before they enter come first of all: no change of the network helps there.

    With `with_fix`, `cure` is asked for the change that helps, which runs a few networks of the same kind.
    """
    kind, layer, text = _read(run)
    fix = cure(run) if with_fix and layer else {}
    return Verdict(kind, text, fix, layer)


def _read(run: Propagation, factor: float = FACTOR, alike: float = APART) -> tuple[str, int | None, str]:
    depth, several = len(run.std), run.settings["samples"] > 1
    if several and run.input_moment - run.input_overlap <= APART**2 * run.input_moment:
        return "indistinguishable", None, (f"The inputs themselves are alike: over the data they vary by less than {100 * APART:.0f} % of their root "
                                           f"mean square, {number(math.sqrt(run.input_moment))}. No network can tell them apart.")
    if run.settings["width"] > 1 and run.distinct[0] == 1:
        return "symmetric", 1, (f"In layer 1 all {run.settings['width']} units compute the same number: they are one unit, and identical gradients "
                                "keep them so for ever. Only different first weights break the tie.")
    signal, gradient = _ratio(run.std[-1], run.std[0]), _ratio(run.gradient_rms[0], run.gradient_rms[-1])
    ends = (f"From layer 1 to layer {depth} the spread of the signal goes from {number(run.std[0])} to {number(run.std[-1])}; "
            f"on its way back the gradient goes from {number(run.gradient_rms[-1])} to {number(run.gradient_rms[0])}")
    overflow = run.first_overflow or run.gradient_overflow
    if overflow:
        what = "signal" if run.first_overflow else "gradient"
        return "exploding", overflow, f"The {what} overflows in layer {overflow}: {run.settings['dtype']} ends there, and so does all learning."
    if max(signal, gradient) > factor:
        which = "signal" if signal >= gradient else "gradient"
        return "exploding", depth if which == "signal" else 1, f"The {which} explodes. {ends}: a factor of {number(max(signal, gradient))}."
    flat, dead = int(np.argmax(run.saturated)), int(np.argmax(run.dead))
    if run.saturated[flat] >= FLAT:
        return "saturated", flat + 1, (f"Layer {flat + 1}: {100 * run.saturated[flat]:.0f} % of the pre-activations lie where "
                                       f"the activation is flat, and pass on next to no gradient. {ends}.")
    if run.dead[dead] >= DEAD:
        return "dead", dead + 1, (f"Layer {dead + 1}: {100 * run.dead[dead]:.0f} % of the units are switched off by every input; "
                                  f"they cannot learn. {ends}.")
    if min(signal, gradient) < 1 / factor or run.first_underflow or run.gradient_underflow:
        which = "signal" if signal <= gradient else "gradient"
        return "vanishing", depth if which == "signal" else 1, f"The {which} vanishes. {ends}: a factor of {number(min(signal, gradient))}."
    apart = _ratio(run.std_over_data[-1], run.std[-1])
    if apart < alike and several:
        first = int(np.argmax(run.std_over_data < alike * run.std))
        return "indistinguishable", first + 1, (
            f"The histogram of layer {depth} looks healthy with a std of {number(run.std[-1])}, but over the data each unit varies by only "
            f"{number(run.std_over_data[-1])}: the last layer can hardly tell one input from another.")
    return "healthy", None, f"Healthy. {ends}: within a factor of {number(max(signal, gradient, 1 / max(min(signal, gradient), 1e-300)))}."


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 and math.isfinite(b) else 1.0 if a == b != 0 else math.inf if a > 0 else 0.0   # nothing of nothing is nothing


def cure(run: Propagation, seed: int = 0) -> dict[str, object]:
    """The first of a few changes after which a network of the same kind is healthy, or {} if none helps.

    Tried in this order: the initializer made for the activation; LeCun's with the gain that theory asks for;
    batch norm; LSUV; batch norm with the activation's initializer. A change must help two networks of at most
    100 units and Gaussian inputs, with a margin.
    """
    settings = dict(run.settings) | {"samples": 100, "width": min(100, run.settings["width"])}
    phi = as_activation(settings["activation"])
    rule = {"initializer": phi.recommended, "gain": 1.0, "sigma_b": 0.0}
    gain = mean_field.moments(phi).gain
    fitted = next(name for name, initializer in INITIALIZERS.items() if initializer.needs_data)
    tries = [rule, {"initializer": "lecun_normal", "gain": round(gain, 4), "sigma_b": 0.0}, {"batch_norm": "before"},
             {"initializer": fitted, "gain": 1.0}, {**rule, "batch_norm": "before"}]
    if not math.isfinite(gain):   # phi is zero everywhere
        del tries[1]
    if phi.name == "sigmoid":
        tries.insert(2, {"initializer": "lecun_normal", "gain": 4.0, "sigma_b": 0.0})   # makes up for a slope of 1/4
    for change in tries:
        changed = {name: value for name, value in change.items() if settings[name] != value}
        fresh = (propagate(**settings | changed, rng=np.random.default_rng(seed + i)) for i in (0, 1))
        if changed and all(_read(each, FACTOR / 3, 2 * APART)[0] == "healthy" for each in fresh):
            return changed
    return {}


@dataclass(frozen=True)
class Pair:
    """One activation with one initializer: its diagnosis, and first layer against last, of the signal and of the gradient."""

    activation: str
    initializer: str
    kind: str
    signal: float     # std of the last layer over that of the first
    gradient: float   # RMS of dJ/dz of the first layer over that of the last


def survey(depth: int, *, width: int = 100, samples: int = 100, gain: float = 1.0, seed: int = 0, activations: Sequence[str] | None = None,
           initializers: Sequence[str] | None = None) -> list[Pair]:
    """Every activation with every initializer, measured at one depth: which rule suits which bend?"""
    pairs = []
    for activation in activations or ACTIVATIONS:
        for initializer in initializers or INITIALIZERS:
            as_initializer(initializer)
            run = propagate(depth=depth, width=width, samples=samples, gain=gain, activation=activation, initializer=initializer,
                            rng=np.random.default_rng(seed))
            pairs.append(Pair(activation, initializer, _read(run)[0], _ratio(run.std[-1], run.std[0]),
                              _ratio(run.gradient_rms[0], run.gradient_rms[-1])))
    return pairs
