"""A valley: f(x, y) = x² / 20 + y², in which the paths of optimizers can be seen.

It is twenty times steeper across than along. Plain steps bounce off its walls and hardly
move along its floor; momentum adds up what points the same way step after step; AdaGrad
and Adam divide each coordinate by the size of its own gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.optimizers import OPTIMIZERS, Momentum

Array = np.ndarray
CURVATURES = 0.1, 2.0   # second derivatives along x and y
START = -7.0, 2.0
# The book's rates; AdamW is Adam where nothing is penalised.
RATES = {"sgd": 0.95, "momentum": 0.1, "nesterov": 0.1, "adagrad": 1.5, "rmsprop": 0.3, "adam": 0.3}


class Point:
    """Two numbers that any optimizer of the library can move: theta and gradient, (2,)."""

    def __init__(self, start: Sequence[float] = START):
        self.theta, self.gradient = np.array(start, float), np.zeros(2)

    def look(self) -> None:
        """Take the gradient where the point stands."""
        np.multiply(CURVATURES, self.theta, out=self.gradient)


@dataclass(frozen=True)
class Path:
    """Where an optimizer went, from its start on.

    points : (steps + 1, 2)
    gradients : (steps + 1, 2) of f at each of them
    """

    optimizer: str
    learning_rate: float
    points: Array
    gradients: Array

    @property
    def heights(self) -> Array:
        """(steps + 1,) f at each point."""
        return height(self.points)

    @property
    def moves(self) -> Array:
        """(steps, 2) each step over the learning rate: minus the gradient for SGD, of size about 1 for Adam."""
        return np.diff(self.points, axis=0) / self.learning_rate

    @property
    def crossings(self) -> tuple[int, int]:
        """How often x and y changed their sign."""
        along, across = (np.count_nonzero(np.diff(np.sign(line[line != 0]))) for line in self.points.T)
        return int(along), int(across)

    @property
    def detour(self) -> float:
        """The way that was walked, over the straight way from the start to the end."""
        walked = np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum()
        return float(walked / np.linalg.norm(self.points[-1] - self.points[0]))


def height(points: Array) -> Array:
    """f of points (..., 2)."""
    return points**2 @ (np.array(CURVATURES) / 2)


def descend(optimizer: str, learning_rate: float | None = None, *, steps: int = 30, momentum: float = 0.9, start: Sequence[float] = START) -> Path:
    """Walk so many steps with one of RATES, by default at its rate there (*Deep Learning from Scratch*, chapter 6).

    `momentum` is for those that have one.
    """
    rate, kind, point = RATES[optimizer] if learning_rate is None else learning_rate, OPTIMIZERS[optimizer], Point(start)
    walker = kind(point, rate, **({"momentum": momentum} if issubclass(kind, Momentum) else {}))
    points, gradients = np.empty((steps + 1, 2)), np.empty((steps + 1, 2))
    for step in range(steps + 1):
        if step:
            walker.step()
        point.look()
        points[step], gradients[step] = point.theta, point.gradient
    return Path(optimizer, rate, points, gradients)


def limit(optimizer: str, momentum: float = 0.9) -> float | None:
    """The learning rate from which on y grows step by step; None where no such rate exists.

    For a curvature c, SGD multiplies y by 1 - rate c. With momentum m two steps are coupled, by a matrix whose eigenvalues
    stay inside the unit circle below 2 (1 + m) / c; Nesterov's stay there below 2 (1 + m) / ((1 + 2 m) c).
    """
    most = {"sgd": 2.0, "momentum": 2 * (1 + momentum), "nesterov": 2 * (1 + momentum) / (1 + 2 * momentum)}
    return most[optimizer] / CURVATURES[1] if optimizer in most else None
