"""Input scaling: why subtract the mean and divide by the standard deviation?

Least squares on two features, one between 1 and R, the other between 0 and 1. The loss is
a valley; how long it is compared with its width (the condition number of the Hessian)
says how many steps gradient descent needs. Everything follows from the Hessian's two
eigenvalues, so that a million steps cost no more than one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray

WAYS = ("raw", "variance", "std")   # as it comes; (x - mean) / variance, the slip of some lecture notes; (x - mean) / std
TOLERANCE = 1e-6   # of the loss at the start


@dataclass(frozen=True)
class Valley:
    """The loss J(w) = mean((w·x - t)²) / 2 for one way of scaling, with the bias at its best for every w.

    The target is the sum of both standardized features, so that every valley starts at w = 0 with J = 1 and has its floor, 0, at `optimum`.

    stds : (2,) of the features after scaling
    hessian : (2, 2), their covariance
    optimum : (2,)
    """

    way: str
    stds: Array
    hessian: Array
    optimum: Array

    @property
    def eigenvalues(self) -> Array:
        """(2,), the smaller one first."""
        return np.linalg.eigvalsh(self.hessian)

    @property
    def condition(self) -> float:
        """Largest over smallest eigenvalue; its root is length over width of the valley."""
        low, high = self.eigenvalues
        return float(high / low)

    def rate(self, share: float) -> float:
        """The learning rate at this share of 2/λ_max, beyond which gradient descent diverges."""
        return share * 2 / float(self.eigenvalues[1])

    def loss(self, steps: Sequence[float], share: float) -> Array:
        """J after so many steps of gradient descent from 0, in closed form: each eigendirection shrinks by |1 - rate λ| a step."""
        values, vectors = np.linalg.eigh(self.hessian)
        error = vectors.T @ self.optimum
        factors = np.abs(1 - self.rate(share) * values)
        with np.errstate(over="ignore"):
            return (0.5 * values * error**2) @ factors[:, None] ** (2 * np.asarray(steps, float))

    def steps_needed(self, share: float, tolerance: float = TOLERANCE) -> float:
        """Steps until J <= tolerance; infinity where gradient descent diverges or goes round for ever."""
        if not 0 < share < 1:
            return math.inf
        low, high = 0, 1
        while self.loss([high], share)[0] > tolerance:
            low, high = high, 2 * high
            if high > 1e15:
                return math.inf
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.loss([middle], share)[0] <= tolerance else (middle, high)
        return high

    def path(self, steps: int, share: float) -> Array:
        """Weights (steps + 1, 2) of gradient descent, step by step."""
        w, rate = [np.zeros(2)], self.rate(share)
        for _ in range(steps):
            w.append(w[-1] - rate * self.hessian @ (w[-1] - self.optimum))
        return np.array(w)

    def contour(self, level: float, points: int = 61) -> Array:
        """The ellipse J = level as (points, 2), closed."""
        values, vectors = np.linalg.eigh(self.hessian)
        angle = np.linspace(0, 2 * math.pi, points)
        circle = np.stack([np.cos(angle), np.sin(angle)])
        return self.optimum + (vectors @ (np.sqrt(2 * level / values)[:, None] * circle)).T


def features(largest: float, cells: int = 40) -> Array:
    """(cells², 2): x₁ evenly in [1, largest], x₂ in [0, 1], every combination once, so that the two are uncorrelated."""
    if not 1 < largest < math.inf:
        raise ValueError(f"largest must be above 1 and finite, got {largest:g}")
    middles = (np.arange(cells) + 0.5) / cells
    return np.stack([a.ravel() for a in np.meshgrid(1 + (largest - 1) * middles, middles, indexing="ij")], axis=1)


def valley(x: Array, way: str) -> Valley:
    """The loss that gradient descent meets when features x (n, 2) are scaled this way.

    Raises
    ------
    ValueError
        "way must be one of raw, variance, std, got 'max'".
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, got {way!r}")
    std = x.std(axis=0)
    divisor = {"raw": np.ones(2), "variance": std**2, "std": std}[way]
    scaled = (x - x.mean(axis=0)) / divisor   # the bias, always at its best, subtracts the mean of raw features too
    return Valley(way, scaled.std(axis=0), scaled.T @ scaled / len(x), divisor / std)


@dataclass(frozen=True)
class TestScaling:
    """Which mean and std the test data are scaled with, and what comes of it.

    test_mean, test_std : of x₁ of the test data, after scaling
    error : mean squared error of the fitted line on the test data, in units of the target's noise variance
    """

    __test__ = False   # not a test, whatever pytest makes of its name

    way: str
    test_mean: float
    test_std: float
    error: float


def scale_test_data(shift: float, *, train: int = 50, test: int = 200, noise: float = 0.1, seed: int = 0) -> list[TestScaling]:
    """Fit least squares on standardized training data, and use it on test data whose x₁ lies `shift` standard deviations higher.

    "train": the training data's mean and std for both, the right way. "own": test data by their own, which makes the shift invisible
    to the model. "leak": both by the mean and std of all data together; the model is fitted again on what that gives.
    """
    rng = np.random.default_rng(seed)
    x = rng.uniform((1, 0), (1000, 1), (train + test, 2))
    x[train:, 0] += shift * 999 / math.sqrt(12)
    target = x[:, 0] / 500 + 2 * x[:, 1] + noise * rng.standard_normal(len(x))
    first, second, everything = x[:train], x[train:], x
    rows = []
    for way, fit_on, use in (("train", first, first), ("own", first, second), ("leak", everything, everything)):
        a, b = (first - fit_on.mean(axis=0)) / fit_on.std(axis=0), (second - use.mean(axis=0)) / use.std(axis=0)
        weights, *_ = np.linalg.lstsq(np.column_stack([a, np.ones(train)]), target[:train], rcond=None)
        error = np.mean((np.column_stack([b, np.ones(test)]) @ weights - target[train:]) ** 2)
        rows.append(TestScaling(way, float(b[:, 0].mean()), float(b[:, 0].std()), float(error / noise**2)))
    return rows
