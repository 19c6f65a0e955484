"""Layer lists: what does a network cost in parameters? A line of text becomes Keras-style rows.

"784, BN, 300 elu, BN, 100 elu, BN, 10" reads: 784 inputs, batch norm, a dense layer of 300 units
with ELU, … Dense layers cost fan_in × units weights and, unless "no bias" is said, a bias a unit.
Batch norm costs two trainable numbers a feature (gamma, beta) and two that are only kept (moving mean and variance).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.activations import ACTIVATIONS
from engine.network import LayerSummary

MOST_LAYERS, MOST_UNITS = 60, 100_000
DEEPEST, WIDEST, MOST_WEIGHTS = 20, 1000, 5_000_000   # of a network that is trained here
_BATCH_NORM = {"bn", "batchnorm", "batch norm", "batch_norm", "batchnormalization"}
_NAMES = {name.replace("_", ""): name for name in ACTIVATIONS}   # "leaky relu", "LeakyReLU" and "leaky_relu" are one
_NO_BIAS = re.compile(r"\b(no|without)[ _-]?bias\b")


@dataclass(frozen=True)
class Item:
    """One entry of a layer list: kind is "dense", "batch_norm", "activation" or "dropout"."""

    kind: str
    units: int = 0
    activation: str | None = None
    bias: bool = True
    rate: float = 0.0


@dataclass(frozen=True)
class LayerList:
    """Inputs and layers, as `parse_layers` read them."""

    inputs: int
    items: tuple[Item, ...]

    def summary(self) -> list[LayerSummary]:
        """One row a layer, as Keras prints them and `Network.summary` counts them, without drawing a weight."""
        rows, features, seen = [LayerSummary("flatten", (None, self.inputs), 0, 0)], self.inputs, {}
        for item in self.items:
            trainable, kept, base = 0, 0, item.activation if item.kind == "activation" else item.kind
            if item.kind == "dense":
                trainable, features = (features + item.bias) * item.units + _slopes(item.activation), item.units
            elif item.kind == "batch_norm":
                trainable, kept = 2 * features, 2 * features
            elif item.kind == "activation":
                trainable = _slopes(item.activation)
            seen[base] = seen.get(base, 0) + 1
            rows.append(LayerSummary(base if seen[base] == 1 else f"{base}_{seen[base] - 1}", (None, features), trainable, kept))
        return rows

    def needless_biases(self) -> list[int]:
        """Numbers of the layers (the first after the inputs is 1) whose bias the batch norm right after them subtracts again."""
        follows = [*self.items[1:], Item("dense")]
        return [i for i, (item, after) in enumerate(zip(self.items, follows, strict=True), start=1)
                if item.kind == "dense" and item.bias and item.activation in (None, "identity") and after.kind == "batch_norm"]

    def doubled_activations(self) -> list[int]:
        """Numbers of the layers that apply an activation to what already went through one, with at most batch norm or dropout between."""
        found, bent = [], False
        for i, item in enumerate(self.items, start=1):
            bent = False if item.kind == "dense" else bent
            if item.activation not in (None, "identity"):
                if bent:
                    found.append(i)
                bent = True
        return found


def totals(rows: Sequence[LayerSummary]) -> tuple[int, int, int]:
    """All parameters, the trainable and the non-trainable ones."""
    trainable, kept = sum(row.trainable for row in rows), sum(row.non_trainable for row in rows)
    return trainable + kept, trainable, kept


def parse_layers(text: str) -> LayerList:
    """Read a layer list: "inputs, layer, layer, …", where a layer is one of

    "300", "300 elu", "300 no bias" (dense), "BN" (batch norm), "elu" (an activation by itself), "dropout 0.2".

    Raises
    ------
    ValueError
        "layer 2 must be …, got 'conv'", naming the entry; inputs are entry 0.
    """
    entries = [entry.strip() for entry in text.split(",")]
    if entries and not entries[-1]:
        entries.pop()   # a trailing comma
    if not entries:
        raise ValueError('the list must start with the number of inputs, as in "784, 300 relu, 10", got nothing')
    if len(entries) - 1 > MOST_LAYERS:
        raise ValueError(f"the list must have at most {MOST_LAYERS} layers, got {len(entries) - 1}")
    if not entries[0].isdecimal():
        raise ValueError(f"the list must start with the number of inputs, got {entries[0][:30]!r}")
    if len(entries) == 1:
        raise ValueError("the list must have at least one layer after the inputs, got none")
    return LayerList(_units(entries[0], "inputs"), tuple(_item(entry, i) for i, entry in enumerate(entries[1:], start=1)))


def parse_widths(text: str, inputs: int = 784, classes: int = 10) -> tuple[int, ...]:
    """Widths of the hidden layers: "300, 100", "5 × 100" (or "5 x 100"), or both, as in "2 x 300, 100".

    Raises
    ------
    ValueError
        "entry 2 must be units, as in 300, or layers × units, as in 5 × 100; got 'wide'", and what there is too much of.
    """
    widths: list[int] = []
    for number, entry in enumerate(text.removesuffix(",").split(","), start=1):
        found = re.fullmatch(r"(?:([0-9]{1,9}) ?[×x*] ?)?([0-9]{1,9})", " ".join(entry.lower().split()))
        if not found:
            raise ValueError(f"entry {number} must be units, as in 300, or layers × units, as in 5 × 100; got {entry.strip()[:30]!r}")
        layers, units = int(found[1] or 1), int(found[2])
        if not 1 <= units <= WIDEST:
            raise ValueError(f"a layer must have between 1 and {WIDEST:,} units, got {units:,}")
        if not 1 <= layers <= DEEPEST - len(widths):
            raise ValueError(f"there must be between 1 and {DEEPEST} hidden layers, got {len(widths) + layers:,}")
        widths += [units] * layers
    weights = sum(a * b for a, b in pairwise((inputs, *widths, classes)))
    if weights > MOST_WEIGHTS:
        raise ValueError(f"there must be at most {MOST_WEIGHTS:,} weights behind {inputs} pixels, got {weights:,}")
    return tuple(widths)


def _item(entry: str, number: int) -> Item:
    words = re.sub(r"\s+", " ", entry.lower())
    bias = not _NO_BIAS.search(words)
    words = _NO_BIAS.sub("", words).strip()
    head, _, rest = words.partition(" ")
    if words in _BATCH_NORM and bias:
        return Item("batch_norm")
    if head.isdecimal():
        activation = _NAMES.get(re.sub("[ _-]", "", rest)) if rest else None
        if rest and not activation:
            raise ValueError(f"layer {number} must name one of {', '.join(ACTIVATIONS)} after its units, got {rest[:30]!r}")
        return Item("dense", _units(head, f"layer {number}"), activation, bias)
    if head == "dropout" and bias:
        try:
            rate = float(rest)
        except ValueError:
            raise ValueError(f'layer {number} must say its rate, as in "dropout 0.2", got {entry[:30]!r}') from None
        if not 0 <= rate < 1:
            raise ValueError(f"layer {number}: the dropout rate must be at least 0 and below 1, got {rate:g}")
        return Item("dropout", rate=rate)
    if bias and (activation := _NAMES.get(re.sub("[ _-]", "", words))):
        return Item("activation", activation=activation)
    raise ValueError(f'layer {number} must be units ("300", "300 elu", "300 no bias"), "BN", an activation or "dropout 0.2", got {entry[:30]!r}')


def _units(word: str, what: str) -> int:
    units = int(word) if len(word) < 10 else MOST_UNITS + 1
    if not 1 <= units <= MOST_UNITS:
        raise ValueError(f"{what} must be between 1 and {MOST_UNITS:,}, got {word[:30]}")
    return units


def _slopes(activation: str | None) -> int:
    """PReLU learns its slope: one number a layer here."""
    return int(activation is not None and ACTIVATIONS[activation].learned_slope is not None)
