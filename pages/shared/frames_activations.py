"""Engine records of the Activations page to tidy tables. Knows no Streamlit."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engine.activations import Activation
from engine.diagnosis import number as short
from engine.studies import by_hand, curves, ranking
from engine.studies.dying import SweepPoint, Watch
from engine.studies.slopes import GradientReach
from pages.shared.charts_activations import REACH_HIGH, REACH_LOW, SPAN


def curve(members: Mapping[str, Activation]) -> pd.DataFrame:
    """Columns activation (its label), z, phi, slope over the span of the picture; a jump of the slope is drawn as a jump."""
    z = np.linspace(-SPAN, SPAN, 121)
    z = np.sort(np.append(z, 1e-9))
    parts = [pd.DataFrame({"activation": label, "z": z, "phi": a.f(z), "slope": a.df(z)}) for label, a in members.items()]
    return pd.concat(parts, ignore_index=True).astype({"z": np.float32, "phi": np.float32, "slope": np.float32})


def zones(members: Mapping[str, Activation]) -> pd.DataFrame:
    """Columns activation, kind (saturated, dead), low, high: where the slope is gone, cut to the picture."""
    rows = [
        (label, zone.kind, max(zone.low, -SPAN), min(zone.high, SPAN))
        for label, activation in members.items()
        for zone in curves.facts(activation).zones
        if zone.low < SPAN and zone.high > -SPAN
    ]
    return pd.DataFrame(rows, columns=["activation", "kind", "low", "high"])


def cursor(members: Mapping[str, Activation], z: float) -> pd.DataFrame:
    """Columns activation, phi, slope at one z."""
    return pd.DataFrame(
        [(label, phi, slope) for label, (_, phi, slope) in zip(members, curves.values_at(list(members.values()), z), strict=True)],
        columns=["activation", "phi", "slope"],
    )


def facts(members: Mapping[str, Activation], initializers: Mapping[str, str]) -> pd.DataFrame:
    """What the engine measured of each activation, in words and short numbers."""
    rows = []
    for label, activation in members.items():
        f = curves.facts(activation)
        rows.append(
            {
                "Activation": label,
                "Range": f"{_end(f.low)} … {_end(f.high)}",
                "Far left": _line(f.left),
                "Far right": _line(f.right),
                "Kinks at": ", ".join(f"{kink:g}" for kink in activation.kinks) or "none",
                "Mean of φ": f"{f.mean + 0.0:.3f}".replace("-0.000", "0.000"),
                "Zero-centred": "yes" if f.zero_centred else "no",
                "Steepest φ′": f"{f.steepest:.4g}",
                "Made for it": initializers[activation.recommended],
            }
        )
    return pd.DataFrame(rows)


def _end(x: float) -> str:
    return ("−∞" if x < 0 else "∞") if np.isinf(x) else f"{x:.4g}".replace("-", "−")


def _line(line: curves.Line | None) -> str:
    if line is None:
        return "no line"
    if not line.slope:
        return f"{line.intercept:.4g}".replace("-", "−")
    tilt = "z" if line.slope == 1 else f"{line.slope:.4g} z"
    return tilt if not line.intercept else f"{tilt} {'+' if line.intercept > 0 else '−'} {abs(line.intercept):.4g}"


def by_hand_picture(
    forward: Sequence[by_hand.Step], backward: Sequence[by_hand.Step], given: Mapping[str, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Edges (x, y, x2, y2, mx, my, weight, back) and nodes (x, y, text) of the 2-2-1 network."""
    value = {step.key: step.value for step in (*forward, *backward)}
    at = {"x1": (0.0, 1.0), "x2": (0.0, 0.0), "a1": (1.0, 1.0), "a2": (1.0, 0.0), "y": (2.0, 0.5)}
    wires = (("w1", "x1", "a1"), ("w2", "x2", "a1"), ("w3", "x1", "a2"), ("w4", "x2", "a2"), ("w5", "a1", "y"), ("w6", "a2", "y"))
    edges = []
    for weight, start, end in wires:
        (x, y), (x2, y2) = at[start], at[end]
        part = 0.3 if y != y2 and x2 == 1 else 0.5  # the two that cross are written near their start
        edges.append(
            (x, y, x2, y2, x + part * (x2 - x), y + part * (y2 - y), f"{_name(weight)} = {_signed(given[weight])}", _signed(value[f"d{weight}"]))
        )
    nodes = [(*at[name], f"{_name(name)} = {_signed(value.get(name, given.get(name, 0.0)))}") for name in at]
    return (pd.DataFrame(edges, columns=["x", "y", "x2", "y2", "mx", "my", "weight", "back"]), pd.DataFrame(nodes, columns=["x", "y", "text"]))


def _name(name: str) -> str:
    return name[0] + name[1:].translate(str.maketrans("123456", "₁₂₃₄₅₆"))


def _signed(x: float) -> str:
    return short(x).replace("-", "−")


def reach(reaches: Mapping[str, GradientReach]) -> pd.DataFrame:
    """Columns activation, layer, value (median of the seeds), least, most, theory; clipped to what the picture shows."""
    frame = reach_numbers(reaches)
    numbers = ["value", "least", "most", "theory"]
    frame[numbers] = frame[numbers].clip(REACH_LOW, REACH_HIGH).astype(np.float32)
    return frame.astype({"layer": np.int32})


def reach_numbers(reaches: Mapping[str, GradientReach]) -> pd.DataFrame:
    parts = []
    for label, r in reaches.items():
        depth = r.measured.shape[1]
        parts.append(
            pd.DataFrame(
                {
                    "activation": label,
                    "layer": np.arange(1, depth + 1),
                    "value": np.median(r.measured, axis=0),
                    "least": r.measured.min(axis=0),
                    "most": r.measured.max(axis=0),
                    "theory": np.full(depth, np.nan) if r.theory is None else r.theory,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def dying(looks: Mapping[str, Sequence[Watch]], per_epoch: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Over training (activation, epoch, off, dead, accuracy; shares of all units) and by layer at the end (activation, layer, off, dead)."""
    over, layers = [], []
    for label, watches in looks.items():
        over += [(label, w.step / per_epoch, w.off.mean(), w.dead.mean(), w.accuracy) for w in watches]
        layers += [(label, i + 1, off, dead) for i, (off, dead) in enumerate(zip(watches[-1].off, watches[-1].dead, strict=True))]
    return (
        pd.DataFrame(over, columns=["activation", "epoch", "off", "dead", "accuracy"]),
        pd.DataFrame(layers, columns=["activation", "layer", "off", "dead"]),
    )


def swept(points: Sequence[tuple[str, SweepPoint]]) -> pd.DataFrame:
    """Columns activation (its label), rate, bias, off, dead, accuracy."""
    rows = [(label, p.learning_rate, p.bias, p.off, p.dead, p.accuracy) for label, p in points]
    return pd.DataFrame(rows, columns=["activation", "rate", "bias", "off", "dead", "accuracy"])


def paths(trajectories: Sequence[np.ndarray]) -> pd.DataFrame:
    """Columns path, layer, mean, variance of several (depth + 1, 2) trajectories; what is infinite or NaN is left out."""
    parts = [pd.DataFrame({"path": i, "layer": np.arange(len(t)), "mean": t[:, 0], "variance": t[:, 1]}) for i, t in enumerate(trajectories)]
    frame = pd.concat(parts, ignore_index=True)
    return frame[np.isfinite(frame["mean"]) & np.isfinite(frame["variance"])]


def standings(finals: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Columns activation, middle, low, high, best first."""
    rows = [(r.activation, r.middle, r.low, r.high) for r in ranking.ranks(finals)]
    return pd.DataFrame(rows, columns=["activation", "middle", "low", "high"])


def finals(reached: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Columns activation, seed, accuracy, and middle, low, high of the activation: one row a finished training."""
    of = {r.activation: (r.middle, r.low, r.high) for r in ranking.ranks(reached)}
    rows = [(name, seed, value, *of[name]) for name, values in reached.items() for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["activation", "seed", "accuracy", "middle", "low", "high"])


def learning(history: Sequence[tuple[str, int, float, float]]) -> pd.DataFrame:
    """Rows (activation, seed, epoch, accuracy) to columns activation, epoch, middle, low, high over the seeds so far."""
    frame = pd.DataFrame(history, columns=["activation", "seed", "epoch", "accuracy"])
    grouped = frame.groupby(["activation", "epoch"], sort=False)["accuracy"].agg(["median", "min", "max"]).reset_index()
    return grouped.rename(columns={"median": "middle", "min": "low", "max": "high"})
