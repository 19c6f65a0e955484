"""Diagnosis: from a column of numbers to a sentence, and to the one change that would help.

The thresholds are those of practice, not of theory (`words`): a factor of a thousand between the
first and the last layer is more than any learning rate can serve at both ends.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from engine import mean_field
from engine.activations import ACTIVATIONS, as_activation
from engine.initializers import INITIALIZERS, as_initializer
from engine.propagation import Propagation, propagate, source
from engine.together import Draws, propagate_together
from engine.verdict import Verdict, number
from engine.words import APART, DEAD, FLAT, HARMLESS, LOST, STEADY

DEEPEST = 100   # layers of the networks that are tried to see where signal or gradient is lost
ALIVE = ("healthy", "fading", "growing")   # within a factor of a thousand, at this depth
KINDS = (*ALIVE, "vanishing", "exploding", "saturated", "dead", "symmetric", "indistinguishable")

Diagnosis = Verdict   # kind: one of KINDS; fix: arguments of `propagate`, empty too where none was found (see `cure`)


def diagnose(run: Propagation, with_fix: bool = False) -> Verdict:
    """The first of these that holds: symmetric, exploding, saturated, dead, vanishing, indistinguishable inputs, growing, fading, healthy.

    Inputs that are alike before they enter come first of all: no change of the network helps there.

    With `with_fix`, `cure` is asked for the change that helps, and `lost_at` for the depth at which a network that
    is alive will be lost; both run a few networks of the same kind.
    """
    kind, layer, text = _read(run)
    if with_fix and kind in ALIVE and len(run.std) < DEEPEST:
        text += _outlook(run)
    fix = cure(run) if with_fix and layer else {}
    return Verdict(kind, text, fix, layer)


def _read(run: Propagation, factor: float = LOST, alike: float = APART, harmless: float = HARMLESS) -> tuple[str, int | None, str]:
    depth, width, several = len(run.std), run.settings["width"], run.settings["samples"] > 1
    if several and run.input_moment - run.input_overlap <= APART**2 * run.input_moment:
        return "indistinguishable", None, (f"The inputs themselves are alike: over the data they vary by less than {100 * APART:.0f} % of their root "
                                           f"mean square, {number(math.sqrt(run.input_moment))}. Look at the inputs before you change the network.")
    if width > 1 and run.distinct[0] == 1 and not run.sigma_w[0] > 0:   # of random weights, layer 1 may only be silent
        return "symmetric", 1, (f"In layer 1 all {width} units have the same weights and compute the same number: "
                                f"{width} neurons are as good as one. Equal units get equal gradients, so training moves them together. "
                                "Random first weights make them differ.")
    if run.std[0] == 0 and run.dead[0] >= DEAD:
        return "dead", 1, (f"Layer 1: {100 * run.dead[0]:.0f} % of the units are switched off by every input. No signal leaves the layer, "
                           "and no gradient reaches its weights.")
    signal, gradient = _ratio(run.std[-1], run.std[0]), _ratio(run.gradient_rms[0], run.gradient_rms[-1])
    ends = (f"From layer 1 to layer {depth} the spread of the signal goes from {number(run.std[0])} to {number(run.std[-1])}. "
            f"On its way back the gradient goes from {number(run.gradient_rms[-1])} to {number(run.gradient_rms[0])}")
    overflow = run.first_overflow or run.gradient_overflow
    if overflow:
        what = "signal" if run.first_overflow else "gradient"
        most = number(float(np.finfo(run.settings["dtype"]).max))
        return "exploding", overflow, (f"The {what} overflows in layer {overflow}: it is larger than the largest number of "
                                       f"{run.settings['dtype']}, {most}. Nothing can be learned from infinities.")
    if max(signal, gradient) > factor:
        which = "signal" if signal >= gradient else "gradient"
        most = number(max(signal, gradient))
        return "exploding", depth if which == "signal" else 1, f"The {which} explodes. {ends}. In all, the {which} is multiplied by {most}."
    flat, dead = int(np.argmax(run.saturated)), int(np.argmax(run.dead >= DEAD))
    if run.saturated[flat] >= FLAT:
        return "saturated", flat + 1, (f"Layer {flat + 1}: {100 * run.saturated[flat]:.0f} % of the pre-activations lie where "
                                       f"the activation is flat: its slope there is less than a twentieth of its steepest. {ends}.")
    if run.dead[dead] >= DEAD and run.std[max(dead - 1, 0)] * factor >= run.std[0]:   # not because the signal had gone before
        return "dead", dead + 1, (f"Layer {dead + 1}: {100 * run.dead[dead]:.0f} % of the units are switched off by every input. "
                                  f"No gradient reaches their weights. {ends}.")
    underflow = run.first_underflow or run.gradient_underflow
    if min(signal, gradient) < 1 / factor or underflow:
        which = "signal" if signal <= gradient or run.first_underflow else "gradient"
        small = f" In layer {underflow} it is smaller than the smallest normal number of {run.settings['dtype']}." if underflow else ""
        value = number(signal if which == "signal" else gradient)
        return "vanishing", depth if which == "signal" else 1, f"The {which} vanishes. {ends}. In all, the {which} is multiplied by {value}.{small}"
    apart = _ratio(run.std_over_data[-1], run.std[-1])
    if apart < alike and several:
        first = int(np.argmax(run.std_over_data < alike * run.std))
        return "indistinguishable", first + 1, (
            f"In layer {depth} all activations together have a spread of {number(run.std[-1])}, but over the data each unit varies by only "
            f"{number(run.std_over_data[-1])}. The last layer can hardly tell one input from another.")
    if depth == 1:
        return "healthy", None, (f"This network is healthy: one layer multiplies nothing yet. Its signal has a spread of {number(run.std[0])}, "
                                 f"its gradient a size of {number(run.gradient_rms[0])}.")
    which, change = max((("signal", signal), ("gradient", gradient)), key=lambda pair: abs(math.log(pair[1])))
    each = change ** (1 / (depth - 1))
    if max(change, 1 / change) <= harmless or max(each, 1 / each) <= STEADY:
        return "healthy", None, f"This network is healthy. {ends}. The {which} changes most, by a factor of {number(each, 4)} a layer."
    kind, verb = ("growing", "grows") if change > 1 else ("fading", "shrinks")
    text = f"The {which} {verb}: each layer multiplies it by {number(each)}, on average. {ends}. In all, it is multiplied by {number(change)}."
    return kind, depth if which == "signal" else 1, text


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 and math.isfinite(b) else 1.0 if a == b != 0 else math.inf if a > 0 else 0.0   # nothing of nothing is nothing


def lost_at(run: Propagation, seed: int = 0) -> tuple[int, str]:
    """In a network of the same kind with `DEEPEST` layers: the first that signal or gradient reaches changed a thousandfold, and which of them.

    "inputs" where they can hardly be told apart any more; (DEEPEST + 1, "") if all last. The median of three networks of
    at most 100 units with Gaussian inputs, in float64.
    """
    kind = dict(run.settings) | {"depth": DEEPEST, "samples": 32, "width": min(100, run.settings["width"]), "dtype": np.float64}
    return _lost_at(tuple(kind.items()), seed)


@lru_cache(maxsize=512)
def _lost_at(settings: tuple[tuple[str, object], ...], seed: int) -> tuple[int, str]:
    found = []
    for i in range(3):
        deep = propagate(**dict(settings), rng=source(seed + i, **dict(settings)), measure=())
        with np.errstate(all="ignore"):
            kept = {"signal": deep.std / deep.std[0], "gradient": deep.gradient_rms[0] / deep.gradient_rms,
                    "inputs": np.where(deep.std_over_data < APART * deep.std, 0.0, 1.0)}
        lost = [(int(np.argmax(gone)) + 1, name) for name, values in kept.items() if (gone := ~((values >= 1 / LOST) & (values <= LOST))).any()]
        found.append(min(lost, default=(DEEPEST + 1, "")))
        if found.count(found[-1]) == 2:   # the median, whatever the third says
            return found[-1]
    return sorted(found)[1]


def _outlook(run: Propagation) -> str:
    (layer, which), depth = lost_at(run), len(run.std)
    if not which:
        return f" A network of {DEEPEST} such layers was tried out: it keeps both within a factor of {LOST:,.0f}."
    ends = "the inputs can hardly be told apart" if which == "inputs" else f"the {which} has changed more than {LOST:,.0f}-fold"
    if layer <= depth:   # this one is among the lucky ones
        return f" Others of this kind were tried out, and are lost sooner: {ends} at layer {layer}."
    return f" Deeper networks of this kind were tried out: {ends} at layer {layer}."


def cure(run: Propagation, seed: int = 0) -> dict[str, object]:
    """The first of a few changes after which a network of the same kind is healthy, or else alive; {} if none helps.

    Tried in this order: the initializer usual for the activation; LeCun's with the gain that theory asks for;
    batch norm; LSUV; batch norm with the activation's initializer. A change must help two networks of at most
    100 units and Gaussian inputs, with a margin.
    """
    kind = dict(run.settings) | {"samples": 100, "width": min(100, run.settings["width"])}
    return dict(_cure(tuple(kind.items()), _read(run)[0] not in ALIVE, seed))


@lru_cache(maxsize=512)
def _cure(kind: tuple[tuple[str, object], ...], sick: bool, seed: int) -> dict[str, object]:
    settings = dict(kind)
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
    alive = {}
    for change in tries:
        if not (changed := {name: value for name, value in change.items() if settings[name] != value}):
            continue
        kinds = set()
        for i in (0, 1):
            fresh = propagate(**settings | changed, rng=source(seed + i, **settings | changed), measure=())
            kinds.add(_read(fresh, LOST / 3, 2 * APART, HARMLESS / 1.2)[0])
            if not kinds <= ({"healthy"} if alive or not sick else set(ALIVE)):   # the second network can't make up for that
                break
        if kinds == {"healthy"}:
            return changed
        if sick and not alive and kinds <= set(ALIVE):
            alive = changed
    return alive


@dataclass(frozen=True)
class Pair:
    """One activation with one initializer: its diagnosis, and first layer against last, of the signal and of the gradient."""

    activation: str
    initializer: str
    kind: str         # the most frequent among the networks drawn
    signal: float     # std of the last layer over that of the first, in the first network
    gradient: float   # RMS of dJ/dz of the first layer over that of the last, there too
    healthy: int      # networks that are
    drawn: int        # networks


def survey(depth: int, **settings) -> list[Pair]:
    """Every activation with every initializer, measured at one depth: which rule suits which bend? `settings` as in `survey_each`."""
    return [pair for row in survey_each(depth, **settings) for pair in row]


@lru_cache(maxsize=1)
def _draws(depth: int, width: int, samples: int, seed: int) -> Draws:
    """All activations share them, asked together or one after the other; other seeds' are let go."""
    return Draws(depth, width, samples)


def survey_each(depth: int, *, width: int = 100, samples: int = 100, gain: float = 1.0, seed: int = 0, networks: int = 1,
                activations: Sequence[str] | None = None, initializers: Sequence[str] | None = None) -> Iterator[list[Pair]]:
    """One activation after the other with every initializer.

    Of each pair up to `networks` are drawn, with seeds from `seed` on. Two are enough where both are lost in the same way,
    four where all are healthy or none is, and one where all weights are equal, so that there is nothing to draw.
    """
    initializers, draws = list(initializers or INITIALIZERS), _draws(depth, width, samples, seed)
    random = {name: as_initializer(name).std(width, width) > 0 for name in initializers}
    for activation in activations or ACTIVATIONS:
        found: dict[str, list[tuple[str, float, float]]] = {name: [] for name in initializers}

        def draw(wanted: Sequence[tuple[str, int]], activation=activation, found=found) -> None:
            each = [{"activation": activation, "initializer": name, "gain": gain, "seed": seed + i} for name, i in wanted]
            for (name, _), run in zip(wanted, propagate_together(each, draws), strict=True):
                found[name].append((_read(run)[0], _ratio(run.std[-1], run.std[0]), _ratio(run.gradient_rms[0], run.gradient_rms[-1])))

        draw([(name, i) for name in initializers for i in range(min(2, networks) if random[name] else 1)])
        seen = {name: {kind for kind, *_ in drawn} for name, drawn in found.items()}
        unsure = [name for name in initializers if random[name] and (len(seen[name]) > 1 or seen[name] <= set(ALIVE))]
        draw([(name, i) for name in unsure for i in range(2, min(4, networks))])
        mixed = [name for name, drawn in found.items() if len({kind == "healthy" for kind, *_ in drawn}) > 1]
        draw([(name, i) for name in mixed for i in range(4, networks)])
        kinds = {name: [kind for kind, *_ in drawn] for name, drawn in found.items()}
        yield [Pair(activation, name, max(kinds[name], key=kinds[name].count), *drawn[0][1:], kinds[name].count("healthy"), len(drawn))
               for name, drawn in found.items()]
