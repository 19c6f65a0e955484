"""Random architectures: what `mlp` can build, drawn by seed, with data and penalty, for tests that hold for all of them."""

import numpy as np

from engine import ACTIVATIONS, INITIALIZERS, Penalty, mlp

SYMMETRIC = ("zeros", "constant")   # identical units: nothing to check
PENALTIES = (None, Penalty(l2=0.1), Penalty(l1=0.05), Penalty(l1=0.01, l2=0.02))


def draw(seed: int, **fixed):
    """(network, x, labels, penalty, training); `fixed` overrides arguments of `mlp`."""
    rng = np.random.default_rng(seed)
    sizes = (int(rng.integers(2, 12)), *(int(n) for n in rng.integers(2, 14, rng.integers(0, 4))), int(rng.integers(2, 8)))
    options = {"activation": str(rng.choice(list(ACTIVATIONS))), "initializer": str(rng.choice([k for k in INITIALIZERS if k not in SYMMETRIC])),
               "batch_norm": (None, "before", "after")[rng.integers(3)], "input_batch_norm": bool(rng.integers(2)),
               "dropout": float(rng.choice([0, 0.3])), "bias": bool(rng.integers(2)), "sigma_b": float(rng.choice([0, 0.5]))}
    samples, penalty, training = int(rng.integers(3, 10)), PENALTIES[rng.integers(4)], bool(rng.random() < 0.8)
    network = mlp(sizes, **(options | fixed), rng=rng)
    return network, rng.standard_normal((samples, sizes[0])), rng.integers(0, sizes[-1], samples), penalty, training
