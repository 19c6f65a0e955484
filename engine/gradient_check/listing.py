"""The listing: the whole backward pass of the bug zoo's network in eleven lines, one of which runs otherwise than it was meant.

What a check shows of a fault, and what it rules out, is found by planting every bug of the zoo in the same network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.gradient_check.report import GradientReport
from engine.gradient_check.zoo import BUGS, NUMBERED, check_numbered, numbered, plant
from engine.verdict import number as written


@dataclass(frozen=True)
class Line:
    """A line as it was meant, and as it runs with each bug that the zoo has of it."""

    where: str
    code: str
    faults: Mapping[str, str] = field(default_factory=dict)
    alone: str = ""   # ending of the parameters that a fault here would spoil, where the zoo has none


PENALTY = "J, dJ = J + l2 / 2 * (W**2).sum(), "
LINES = (
    Line("loss", "dlogits = (p - onehot) / m", {
        "forgotten_mean": "dlogits = p - onehot", "divided_by_size": "dlogits = (p - onehot) / p.size", "wrong_sign": "dlogits = (onehot - p) / m"}),
    Line("loss", PENALTY + "dJ + l2 * W", {"forgotten_penalty": PENALTY + "dJ", "penalised_biases": PENALTY + "dJ + l2 * (W, b)"}),
    Line("network", "for layer in reversed(layers[1:]): dy = layer.backward(dy)", {
        "skipped_layer": "for layer in reversed(layers[2:]): dy = layer.backward(dy)"}),
    Line("dense", "dW = x.T @ dy", {"transposed_weight": "dW = (dy.T @ x).reshape(W.shape)", "mean_twice": "dW = x.T @ dy / m"}),
    Line("dense", "db = dy.sum(axis=0)", {"bias_of_one_sample": "db = dy[0]"}),
    Line("dense", "dx = dy @ W.T", {"transposed_input": "dx = dy @ W.reshape(W.T.shape)"}),
    Line("tanh", "dx = dy * slope(z)", {"missing_slope": "dx = dy", "slope_at_output": "dx = dy * slope(tanh(z))"}),
    Line("batch norm", "dgamma = (dy * xhat).sum(axis=0)", {"gamma_like_beta": "dgamma = dy.sum(axis=0)"}),
    Line("batch norm", "dbeta = dy.sum(axis=0)", alone=".beta"),
    Line("batch norm", "dx = gamma * (dy - mean(dy) - xhat * mean(dy*xhat)) / std", {
        "constant_statistics": "dx = gamma * dy / std", "missing_mean_term": "dx = gamma * (dy - xhat * mean(dy*xhat)) / std"}),
    Line("dropout", "dx = dy * mask", {"redrawn_mask": "dx = dy * new_mask()", "unscaled_mask": "dx = dy * (mask != 0)"}),
)


def line_of(key: str) -> int:
    """The line, from 0, in which a bug stands."""
    return next(i for i, line in enumerate(LINES) if key in line.faults)


@dataclass(frozen=True)
class Clues:
    """What a check of one exercise shows.

    wrong : names of the parameters with a wrong gradient
    spoils : of each line, what each of its faults would spoil in this network
    """

    report: GradientReport
    wrong: frozenset[str]
    spoils: tuple[tuple[frozenset[str], ...], ...]

    @property
    def suspects(self) -> list[int]:
        """Lines of which some fault spoils just what is wrong here."""
        return [i for i, faults in enumerate(self.spoils) if self.wrong in faults]

    def rules_out(self, line: int) -> tuple[frozenset[str], frozenset[str]]:
        """What every fault of a line would spoil and is not wrong here; and what is wrong here and none of them would spoil."""
        faults = self.spoils[line]
        return frozenset.intersection(*(fault - self.wrong for fault in faults)), frozenset.intersection(*(self.wrong - fault for fault in faults))


def clues(number: int) -> Clues:
    """Of exercise 1, 2, …; raises ValueError as `numbered` does."""
    e, report = numbered(number), check_numbered(number)
    right = plain(e.correct.astype(np.float64).loss_and_gradient(e.x, e.labels, e.penalty)[1], e.correct)   # a copy, so that all draw the same masks
    spoiled = {}
    for key in BUGS:
        gradient = plain(plant(e.correct, key).loss_and_gradient(e.x, e.labels, e.penalty)[1], e.correct)
        spoiled[key] = frozenset(name for name, a in gradient.items() if differ(a, right[name]))
    spoils = tuple(tuple(spoiled[key] for key in line.faults) or (frozenset(name for name in right if name.endswith(line.alone)),) for line in LINES)
    return Clues(report, spoiled[NUMBERED[number - 1]], spoils)


def plain(gradient: np.ndarray, network) -> dict[str, np.ndarray]:
    """The gradient of each parameter, flat, by its name."""
    ends = np.cumsum([p.value.size for p in network.parameters])
    return dict(zip((p.name for p in network.parameters), np.split(gradient, ends[:-1]), strict=True))


def differ(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.linalg.norm(a - b) > 1e-6 * (np.linalg.norm(a) + np.linalg.norm(b)) + 1e-12)


def hints(found: Clues) -> tuple[str, str, str]:
    """Three, each of which says more: what is wrong, by what ratio, and in which lines a fault does that."""
    rows = found.report.by_parameter
    right = [name for name in rows if name not in found.wrong and rows[name].grade == "right"]
    first = f"Wrong: {', '.join(name for name in rows if name in found.wrong)}. Right: {', '.join(right) or 'nothing that could be compared'}."
    groups: dict[str, list[str]] = {}   # parameters by their ratio, as it is written; "" where there is none
    for name in (name for name in rows if name in found.wrong):
        groups.setdefault(written(rows[name].factor, 4) if multiple(found.report, name) else "", []).append(name)
    odd = groups.pop("", [])
    said = [f"a is {ratio} × b in {', '.join(names)}." for ratio, names in groups.items()]
    second = " ".join([*said, f"No one number turns b into a in {', '.join(odd)}."] if odd else said)
    lines = ", ".join(str(i + 1) for i in found.suspects)
    where = f"lines {lines}" if len(found.suspects) > 1 else f"line {lines}"
    last = f"Each of the zoo's {len(BUGS)} faults was tried in this network. Only faults in {where} spoil just these parameters."
    return first, second, last


def multiple(report: GradientReport, name: str) -> bool:
    """Whether backpropagation's gradient of a parameter is the other one times a number, up to the error of differences."""
    row = report.by_parameter[name]
    a, b = (side[row.start:row.start + int(np.prod(row.shape))] for side in (report.analytical, report.numerical))
    return bool(np.isfinite(row.factor) and np.linalg.norm(a - row.factor * b) <= 1e-5 * np.linalg.norm(a))

