"""Gradient check: does backpropagation compute the slope of the loss?

Differentiate J numerically, one component of the giant vector theta at a time, and
compare. A good check says more than "mismatch": which parameter and which component,
whether anything was tested at all, and whether the numerical side can be trusted.
The plain way is `method="loop"`, two forward passes a component; the fast way gives
the same numbers (structured.py).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.gradient_check.conditions import Conditions
from engine.gradient_check.finite_differences import check_step, derivative
from engine.gradient_check.report import GradientReport, judge
from engine.gradient_check.structured import loss_changes, supports
from engine.losses import Penalty
from engine.network import Network, mlp
from engine.parameters import Parameter

Array = np.ndarray


def numerical_gradient(network: Network, x: Array, labels: Array, *, penalty: Penalty | None = None, epsilon: float = 1e-5,
                       scheme: str = "central", method: str = "structured", training: bool = True, frozen: bool = True,
                       dtype=np.float64) -> Array:
    """Gradient (P,) of the loss from loss values alone. The network itself is not touched: a copy is computed with.

    Parameters
    ----------
    x : (batch, features)
    labels : (batch,)
    penalty : Penalty, optional
        Part of the loss.
    epsilon : float
        The step, above 0. `best_epsilon` knows a good one for each scheme and dtype.
    scheme : "forward", "central" or "complex"
    method : "structured" or "loop"
        The same numbers; the loop is the readable reference. Layers with a forward of their own always take the
        loop, which does not look for kinks.
    training : bool
        Batch norm uses the batch's statistics, dropout drops; otherwise as in use.
    frozen : bool
        Every evaluation draws the same dropout masks and slopes. Without it, they are different
        losses that are subtracted (structured: one draw for each side of the difference).
    dtype : float64 or float32
        Precision of the check.
    """
    if method not in ("structured", "loop"):
        raise ValueError(f"method must be structured or loop, got {method!r}")
    return _numerical(network, x, labels, penalty, epsilon, scheme, method, training, frozen, dtype)[0]


def _numerical(network, x, labels, penalty, epsilon, scheme, method, training, frozen, dtype) -> tuple[Array, Array]:
    """The numerical gradient (P,), and which of its components stepped across a kink (P,)."""
    check_step(epsilon, scheme)
    kind = np.result_type(dtype, np.complex64) if scheme == "complex" else dtype
    twin, x = network.astype(kind), np.asarray(x, kind)
    rewind = _rewinder(twin) if frozen else lambda: None
    crossed = np.zeros(twin.theta.size, bool)
    with np.errstate(all="ignore"):
        if method == "loop" or not supports(network):
            return _by_loop(twin, x, labels, penalty, epsilon, scheme, training, rewind), crossed

        def moved(step: complex) -> Array:
            """J(theta + step e_k) for all k, up to the same constant for every step."""
            rewind()
            loss, changes = loss_changes(twin, x, labels, step, training=training, crossed=crossed)
            if penalty:
                changes += _penalty_changes(twin, penalty, step, crossed)
            start.append(loss)
            return changes + (loss - start[0])   # exactly 0 unless masks were drawn anew

        start: list[complex] = []
        if scheme == "complex":
            return moved(1j * epsilon).imag / epsilon, crossed
        if scheme == "forward":
            return moved(epsilon) / epsilon, crossed
        return (moved(epsilon) - moved(-epsilon)) / (2 * epsilon), crossed


def _by_loop(network: Network, x, labels, penalty, epsilon, scheme, training, rewind) -> Array:
    theta = network.theta
    numerical = np.empty(theta.size, theta.real.dtype)
    for k, start in enumerate(theta.real.copy()):

        def loss(value, k=k):
            theta[k] = value
            rewind()
            return network.loss(x, labels, penalty, training)

        numerical[k] = derivative(loss, start, epsilon, scheme)
        theta[k] = start
    return numerical


def _rewinder(network: Network) -> Callable[[], None]:
    """A function that puts the layers' sources of randomness back to where they are now."""
    sources = [layer.rng.bit_generator for layer in network.layers if hasattr(layer, "rng")]
    states = [source.state for source in sources]

    def rewind() -> None:
        for source, state in zip(sources, states, strict=True):
            source.state = state

    return rewind


def _penalty_changes(network: Network, penalty: Penalty, step: complex, crossed: Array) -> Array:
    """What the step in each component (P,) does to the penalty; |w| has a kink at 0."""
    is_weight = np.concatenate([np.full(p.value.size, p.is_weight) for p in network.parameters])
    w, moved = network.theta, network.theta + step
    if penalty.l1:
        crossed |= is_weight & ((w == 0) | (np.sign(moved.real) != np.sign(w.real)))
    l1 = penalty.l1 * (np.sign(moved.real) * moved - np.sign(w.real) * w)
    return np.where(is_weight, l1 + penalty.l2 / 2 * (moved * moved - w * w), 0)


def check_gradients(network: Network, x: Array, labels: Array, *, penalty: Penalty | None = None, epsilon: float = 1e-5,
                    scheme: str = "central", training: bool = True, frozen: bool = True, dtype=np.float64) -> GradientReport:
    """Compare backpropagation with the numerical gradient in every component. Arguments as in `numerical_gradient`.

    The grade is fair to correct code. Components whose step crosses a kink are left out, and so is what the numerical
    gradient's own error explains: its rounding, and how much it changes with half the step (asked only when in doubt).
    """
    def measure(step: float) -> tuple[Array, Array]:
        return _numerical(network, x, labels, penalty, step, scheme, "structured", training, frozen, dtype)

    numerical, crossed = measure(epsilon)
    analytical, scale, deterministic = _analytical(network, x, labels, penalty, training, frozen, dtype)
    conditions = Conditions(epsilon, scheme, np.dtype(dtype), scale, deterministic, frozen)
    return judge(network.parameters, analytical, numerical, crossed, lambda: measure(epsilon / 2)[0], conditions)


def check_built(x: Array, labels: Array, *, sizes: tuple[int, ...], l2: float, precision: str, seed: int, epsilon: float, scheme: str,
                **built) -> GradientReport:
    """Build a network by `mlp(sizes, **built)`, and check it."""
    network = mlp(sizes, rng=np.random.default_rng(seed), dtype=np.float64, **built)
    return check_gradients(network, x, labels, penalty=Penalty(l2=l2) if l2 else None, epsilon=epsilon, scheme=scheme, dtype=np.dtype(precision))


def check_directions(network: Network, x: Array, labels: Array, *, directions: int = 4, rng: np.random.Generator,
                     penalty: Penalty | None = None, epsilon: float = 1e-5, scheme: str = "central", training: bool = True,
                     frozen: bool = True, dtype=np.float64) -> GradientReport:
    """For very large networks: compare g·v with the slope of the loss along a few random unit vectors v in each parameter.

    Two forward passes a direction, whatever the size. A wrong gradient escapes only when its error is orthogonal to every v.
    The report is that of `check_gradients`, with P = directions × number of parameters.
    """
    if directions < 1:
        raise ValueError(f"directions must be at least 1, got {directions}")
    check_step(epsilon, scheme)
    gradient, scale, deterministic = _analytical(network, x, labels, penalty, training, frozen, dtype)
    kind = np.result_type(dtype, np.complex64) if scheme == "complex" else dtype
    twin, x = network.astype(kind), np.asarray(x, kind)
    rewind = _rewinder(twin) if frozen else lambda: None
    origin, ends = twin.theta.copy(), np.cumsum([p.value.size for p in network.parameters])
    probes = [(slice(end - p.value.size, end), int(rng.integers(2**63))) for p, end in zip(network.parameters, ends, strict=True)
              for _ in range(directions)]

    def direction(here: slice, seed: int) -> Array:
        v = np.random.default_rng(seed).standard_normal(here.stop - here.start)   # drawn again when needed: all at once could fill the memory
        return v / np.linalg.norm(v)

    def slope(here: slice, v: Array, step: float) -> float:
        def loss(t):
            twin.theta[...] = origin
            twin.theta[here] += (t * v).astype(kind)
            rewind()
            return twin.loss(x, labels, penalty, training)
        return derivative(loss, 0.0, step, scheme)

    def measure(step: float) -> Array:
        with np.errstate(all="ignore"):
            return np.array([slope(here, direction(here, seed), step) for here, seed in probes])

    analytical = np.array([gradient[here] @ direction(here, seed) for here, seed in probes])
    rows = [Parameter(p.name, np.zeros(directions)) for p in network.parameters]
    conditions = Conditions(epsilon, scheme, np.dtype(dtype), scale, deterministic, frozen)
    return judge(rows, analytical, measure(epsilon), np.zeros(len(probes), bool), lambda: measure(epsilon / 2), conditions)


def _analytical(network, x, labels, penalty, training, frozen, dtype) -> tuple[Array, float, bool]:
    """Backpropagation's gradient (P,), the largest number that its loss was made of, and whether two forward passes agree."""
    twin, x = network.astype(dtype), np.asarray(x, dtype)
    rewind = _rewinder(twin)
    with np.errstate(all="ignore"):
        logits = twin.forward(x, training)
        deterministic = np.array_equal(logits, twin.forward(x, training), equal_nan=True)
        if frozen:
            rewind()
        loss, gradient = twin.loss_and_gradient(x, labels, penalty, training)
    return gradient, max(1.0, abs(loss), float(np.abs(logits).max())), deterministic


@dataclass(frozen=True)
class Cost:
    """What a check costs beside backpropagation, in seconds: three are measured, the loop's is the time of its 2 P forward passes."""

    parameters: int
    backprop_seconds: float
    forward_seconds: float
    structured_seconds: float

    @property
    def loop_seconds(self) -> float:
        return 2 * self.parameters * self.forward_seconds

    @property
    def structured_ratio(self) -> float:
        return self.structured_seconds / self.backprop_seconds

    @property
    def loop_ratio(self) -> float:
        return self.loop_seconds / self.backprop_seconds


def check_cost(network: Network, x: Array, labels: Array, *, penalty: Penalty | None = None, sample: int = 20) -> Cost:
    """Time one backpropagation, one forward pass and one structured check, on this machine, now. Each time is the least of several.

    The least, because whatever else the machine does can only add to it. `sample` calls are timed together, two for a check.
    """
    twin, x = network.astype(np.float64), np.asarray(x, np.float64)

    def seconds(action: Callable[[], object], times: int) -> float:
        action()   # the first call pays for memory and caches
        found = []
        for _ in range(max(2, times // 4)):
            began = time.perf_counter()
            for _ in range(times):
                action()
            found.append((time.perf_counter() - began) / times)
        return min(found)

    backprop = seconds(lambda: twin.loss_and_gradient(x, labels, penalty), sample)
    forward = seconds(lambda: twin.loss(x, labels, penalty, training=True), sample)
    structured = seconds(lambda: numerical_gradient(network, x, labels, penalty=penalty), 1)
    return Cost(network.theta.size, backprop, forward, structured)
