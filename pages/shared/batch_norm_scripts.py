"""What the Batch Norm page says after each lesson: what to try next, and the script that prints its numbers."""

from engine.studies import layer_list, normalization
from pages.shared.batch_norm_parts import SHIFT_AT, STEPS
from pages.shared.controls import BATCH_NORM

NEXT = {
    "batch": (
        "Drag x₁ to 10: what happens to all the others?",
        "Batch size 2, then 1: what is left of the values?",
        "Spread 10⁻³: compare σ² with ε. Keras's ε is 10⁻³, a thousand times this variance.",
        "Let γ = 2 and β = 5 undo the normalisation: the layer can learn to be the identity.",
    ),
    "gradient": (
        "Batch size 2: why is nothing left?",
        "Drag x₁ to 10: the gradient of a far value is small. Why?",
        "ε = 1: the sum of dx stays 0, but dx · x̂ does not.",
        "Move ε and watch where the points leave the line 1/s.",
    ),
    "running": (
        "Evaluate after step 3, then 30. With momentum 0.99, how long is long enough?",
        "Shift the inputs, and evaluate at 59, 61 and 100.",
        "Batches of two: why is the running variance half of the true one?",
        "Batches of one: what is divided by what?",
    ),
    "depth": (
        "Move the weight scale from 0.01 to 10: which of the three pictures changes?",
        "He's scale, 1.4142, with ReLU: what is there left for batch norm to do?",
        "Sigmoid: before and after the activation are no longer the same.",
        "Look at the gradient by layer with thirty layers and batch norm: it grows towards the first one. Batch norm has a price in depth.",
    ),
    "scales": (
        "MNIST in the sidebar: hold the curves against the published ticks.",
        "Another seed: which scales scatter most?",
        "Where does batch norm lose, and why there?",
    ),
    "cost": (
        "Put BN before the activation and drop the biases: 400 parameters fewer.",
        "“784, 300, BN, elu, 10”: which parameters are wasted?",
        "How many of a million-parameter network's numbers are batch norm's? Try “784, 1000, BN, relu, 200, BN, relu, 10”.",
    ),
    "input": (
        "x₁ up to 10 only: now the valley can be seen. Count the zigzags at a rate of 0.95.",
        "Rate 1.05: which of the three still comes down?",
        "Test data that lie three σ higher: what does scaling by their own numbers cost?",
    ),
}


def script(part: str, v: dict) -> str:
    """A script that prints the numbers of this part with the engine alone."""
    if part in ("batch", "gradient"):
        typed = _typed(v)
        made = f"parse_batch({typed!r})" if typed else f"draw_batch({v['size']}, {v['spread']!r}, {v['pull']!r}, {v['seed']})"
        head = f"""from engine.studies.normalization import {"gradient_terms, " if part == "gradient" else ""}normalize_batch, {made.split("(")[0]}

steps = normalize_batch({made}, gamma={v["gamma"]!r}, beta={v["beta"]!r}, epsilon={v["epsilon"]!r})
"""
        if part == "batch":
            return f"""{head}print(f"mean {{steps.mean:.6g}}  variance {{steps.variance:.6g}}")
for x, normalized, y in zip(steps.x, steps.normalized, steps.y):
    print(f"{{x:.6g}}  {{normalized:.6g}}  {{y:.6g}}")
"""
        return f"""import numpy as np

{head}dy = np.random.default_rng([{v["seed"]}, 1]).standard_normal(len(steps.x))
terms = gradient_terms(steps, dy)
for row in zip(terms.direct, terms.through_mean, terms.through_variance, terms.dx):
    print("  ".join(f"{{value:.6g}}" for value in row))
print(f"dgamma {{terms.dgamma:.6g}}  dbeta {{terms.dbeta:.6g}}")
"""
    if part == "running":
        return f"""from engine.studies.normalization import running_statistics

run = running_statistics(steps={STEPS}, batch_size={v["run_size"]}, momentum={v["momentum"]!r},
                         shift_at={SHIFT_AT}, shift={2 * v["shift"]!r}, seed={v["seed"]})
k = {v["evaluate"]}
print(f"running mean {{run.running_mean[k]:.6g}}  running variance {{run.running_var[k]:.6g}}")
print(f"in use: mean {{run.use_mean[k]:.6g}}  spread {{run.use_std[k]:.6g}}")
"""
    if part == "depth":
        return f"""import numpy as np

from engine.propagation import propagate

for batch_norm in (None, "before", "after"):
    run = propagate(depth={v["depth"]}, width={v["width"]}, activation={v["activation"]!r}, initializer="lecun_normal", gain={v["scale"]!r},
                    samples=1000, batch_norm=batch_norm, rng=np.random.default_rng({v["seed"]}))
    for layer, (std, gradient) in enumerate(zip(run.std, run.gradient_rms), start=1):
        print(f"{{batch_norm}}  layer {{layer}}  std {{std:.4g}}  gradient {{gradient:.4g}}")
"""
    if part == "scales":
        load = "load_digits" if v["data"] == "digits" else "load_mnist"
        return f"""from engine import {load}
from engine.studies.sixteen_scales import SCALES, train_scales

for progress in train_scales({load}(), seed={v["seed"]}):
    if progress.accuracy is not None:
        accuracy = progress.accuracy
for scale, without, with_it in zip(SCALES, *accuracy):
    print(f"{{scale:.3g}}  without {{without:.3f}}  with {{with_it:.3f}}")
"""
    if part == "cost":
        try:
            layer_list.parse_layers(v["layers"])
            text = v["layers"]
        except ValueError:
            text = BATCH_NORM["layers"].default
        return f"""from engine.studies.layer_list import parse_layers, totals

rows = parse_layers({text!r}).summary()
for row in rows:
    print(f"{{row.name:20s}} {{row.output_shape!s:14s}} {{row.trainable:>10,}} {{row.non_trainable:>8,}}")
print("total {{:,}}, trainable {{:,}}, non-trainable {{:,}}".format(*totals(rows)))
"""
    return f"""from engine.studies.input_scaling import WAYS, features, scale_test_data, valley

for way in WAYS:
    v = valley(features({v["range"]}), way)
    print(f"{{way}}  condition number {{v.condition:.6g}}  steps {{v.steps_needed({v["share"]!r}):.0f}}")
for row in scale_test_data({v["drift"]!r}, seed={v["seed"]}):
    print(f"{{row.way}}  mean {{row.test_mean:.4g}}  spread {{row.test_std:.4g}}  error {{row.error:.4g}}")
"""


def _typed(v: dict) -> str:
    """The typed batch, if it can be read."""
    try:
        normalization.parse_batch(v["values"])
    except ValueError:
        return ""
    return v["values"]
