"""Every sentence of shifts, weight decay and the presets against the clock."""

import numpy as np

from engine import AdamW, load_digits, mlp
from engine.datasets import shifted
from engine.optimizers import SCHEDULES
from pages.parts.mnist_training.clock import RACES
from pages.parts.mnist_training.common import TABLE
from tests.claims.claim import Claim


def check_shifts():
    """Each choice of the control moves ink by that many pixels and no more; two draws differ."""
    digits = load_digits()
    for pixels in TABLE["shift"].options:
        point = np.zeros((2000, 8, 8), np.uint8)
        point[:, 3, 4] = 9
        rng = np.random.default_rng(0)
        _, rows, columns = np.nonzero(shifted(point.reshape(2000, 64), pixels, rng, digits.image_shape).reshape(-1, 8, 8))
        assert set(rows - 3) == set(columns - 4) == set(range(-pixels, pixels + 1))
        again = [shifted(digits.x_train[:50], pixels, rng, digits.image_shape).tobytes() for _ in range(2)]
        assert (again[0] == again[1]) == (pixels == 0)


def check_decay():
    """Without a gradient, a step takes η × decay × w off each weight, whatever the schedule made of η, and leaves biases alone."""
    for decay in TABLE["decay"].options:
        for factor in (SCHEDULES["linear"](3, 4), SCHEDULES["constant"](3, 4)):
            network = mlp((4, 3, 2), sigma_b=1.0, rng=np.random.default_rng(0), dtype=np.float64)
            before = [p.value.copy() for p in network.parameters]
            AdamW(network, 0.1, decay).step(factor)
            for p, old in zip(network.parameters, before, strict=True):
                np.testing.assert_allclose(p.value, old * (1 - 0.1 * factor * decay) if p.is_weight else old, rtol=1e-12)


def check_races():
    """Each race's controls are there, with shifts and a schedule, so that its link opens it."""
    for race in RACES:
        assert all(value in getattr(TABLE[name], "options", [value]) for name, value in race.settings.items())
        assert race.settings["shift"] == 1
        assert 0.98 < race.plain < race.shifted < 1


CLAIMS: dict[str, Claim] = {
    "Each training image moves at random, by at most so many pixels up or down and left or right, and anew each time it comes.":
        Claim("always", check_shifts),
    "In each step every weight w loses η × decay × w, whatever its gradient is. A schedule that lowers η lowers this too.":
        Claim("always", check_decay),
    "Only AdamW has it. The L2 penalty works with every optimizer.": Claim("another optimizer is chosen", check_decay),
    "{} units in {} epochs, images shifted by a pixel. Target: {} % of MNIST's test images in {} s of one core's work.":
        Claim("always", check_races),
    **{text: Claim("always", why_not="a name") for text in ("Weight decay of AdamW", "Against the clock: {} seconds")},
}
