# ruff: noqa: E501  (a row of the table is a sentence)
"""Every sentence of Home: when it is said, and a check of what it claims."""

import math

import numpy as np
import pytest

from engine.propagation import propagate
from engine.studies.random_networks import passed_by_scale
from pages.parts.home import live
from tests.claims.claim import Claim
from tests.claims.collect import sentences


def factors():
    assert f"{0.8**30:.1e}" == "1.2e-03"
    assert round(1.25**30) == 808
    for scale in (0.8, 1.0, 1.25):
        run = propagate(depth=30, width=200, samples=100, activation="relu", initializer="he_normal", gain=scale, rng=np.random.default_rng(3))
        assert abs(math.log10(run.std[-1] / run.std[0] / scale**29)) < 0.7
        assert abs(math.log10(run.gradient_rms[0] / run.gradient_rms[-1] / scale**29)) < 0.7


def fades_and_glows():
    """A scale at which layers fade, one at which they glow; and with other layers it is otherwise."""
    lost, kept, exploded = passed_by_scale([("relu", None)], (0.5, 1.0, 2.0), live.DEPTH, 64, seed=0, samples=64)[0, :, 0, -1]
    assert lost < 10**live.EMPTY < live.LOST < kept < live.TOO_MUCH < 10**live.WIDEST < exploded
    assert (passed_by_scale([("tanh", None), ("relu", "before")], (2.0,), live.DEPTH, 64, seed=0, samples=64)[:, :, 0] < 1).all()


def as_one_network_at_a_time():
    for kind, (activation, place) in live.KINDS.items():
        rule = "glorot_normal" if kind == "tanh" else "he_normal"
        for scale, (signal, gradient) in zip((0.5, 1.0, 2.0), passed_by_scale([(activation, place)], (0.5, 1.0, 2.0), 30, 64, seed=0, samples=64)[0], strict=True):
            run = propagate(depth=30, width=64, samples=64, activation=activation, initializer=rule, gain=scale, batch_norm=place, rng=np.random.default_rng(0))
            assert np.allclose(signal, run.std, rtol=1e-2)
            assert np.allclose(gradient, run.gradient_rms / run.gradient_rms[-1], rtol=1e-2)


CLAIMS = {
    "Every layer multiplies: the signal on its way forward, and the gradient on its way back. Thirty factors of 0.8 leave {}, and thirty of 1.25 make {}. **Drag the slider**, and see which layers fade or glow. Then choose other layers.": Claim("always", factors),
    "{} < {} ? 'almost nothing is left' : {} > {} ? 'it explodes' : 'it gets through'": Claim("at every place of the slider", fades_and_glows),
    "Forward → the signal in": Claim("before its number", as_one_network_at_a_time),
    "Back ← the gradient in": Claim("before its number", as_one_network_at_a_time),
    **{text: Claim("always", why_not="a question, a label, or what is counted") for text in (
        "Why are deep neural networks hard to train, and what fixes it?", "Scale of the first weights", "ReLU with batch norm", "A lesson of your own", "What does your class think?", "Code of the room", "Five letters and digits.", "All of the words must stand there.",
        "Words of its title, its outcome, its page or its source", "**{}** of {} experiments say{} that.",
        "What gets through a network of thirty layers, forward and back, for the scale of its first weights on the slider")},
}


def test_every_sentence_has_its_claim_and_every_claim_its_sentence():
    assert sentences("pages/home.py", "pages/room.py", "pages/parts/home") == set(CLAIMS)


@pytest.mark.parametrize("check", dict.fromkeys(claim.check for claim in CLAIMS.values() if claim.check), ids=lambda check: check.__name__)
def test_what_is_said_is_so(check):
    check()
