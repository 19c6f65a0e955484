"""Whatever a visitor does to a run, its script gives the numbers of its page: random sequences of everything that can be pressed."""

import random
import threading

import pytest

from engine import load_digits
from pages.parts.mnist_training import PAGE
from pages.parts.mnist_training.run import TrainingRun, TrainingSettings
from pages.shared.control import Values
from tests.pages.helpers import printed, told

DEFAULTS = {control.name: control.default for control in PAGE.parts[0].all_controls}
CHOICES = {
    "images": (20, 100, 300), "batch": (5, 16, 50), "epochs": (1, 2, 3), "depth": (0, 1, 3), "width": (5, 20), "seed": (0, 1, 2),
    "optimizer": ("sgd", "adam", "nesterov"), "batch_norm": ("none", "before"), "dropout": (0.0, 0.2), "initializer": ("he_normal", "lsuv"),
    "schedule": ("constant", "cosine", "warmup"), "activation": ("relu", "rrelu", "prelu"),
}
RATES = (1e-4, 1e-3, 1e-2, 0.1, 1.0, 100.0)


def a_run(rng: random.Random) -> TrainingRun:
    v = Values(**DEFAULTS | {name: rng.choice(options) for name, options in CHOICES.items()})
    return TrainingRun(TrainingSettings.of(v, load_digits()), load_digits(), rng.choice(RATES[:4]))


class Clock:
    """The page's fragment: another thread that asks for slices, as short as half a step or as long as ten."""

    def __init__(self, run: TrainingRun, rng: random.Random):
        self.run, self.rng, self.over = run, rng, threading.Event()
        self.thread = threading.Thread(target=self.tick)
        self.thread.start()

    def tick(self) -> None:
        while not self.over.is_set():
            if self.run.status == "running":
                self.run.advance(self.rng.choice((1e-6, 1e-3, 1e-2)))
            self.over.wait(1e-4)

    def stop(self) -> None:
        self.over.set()
        self.thread.join(timeout=60)
        assert not self.thread.is_alive()


def live_through(seed: int) -> TrainingRun:
    """A run after a random sequence of what a visitor can do, some of it while a slice goes on; the last one of it, if it was reset."""
    rng = random.Random(seed)
    run = a_run(rng)
    clock = Clock(run, random.Random(-seed))
    for _ in range(rng.randint(3, 25)):
        act = rng.choice(("start", "start", "pause", "step", "rate", "rate", "leave", "wait", "reset"))
        if act == "start":
            run.press(pause=False)
        elif act in ("pause", "leave"):   # another page pauses it; who comes back presses Start
            run.pause()
        elif act == "step":
            run.step()
        elif act == "rate" and run.status != "finished":
            run.set_rate(rng.choice(RATES))
        elif act == "wait":
            clock.over.wait(rng.uniform(0, 0.02))
        elif act == "reset" and rng.random() < 0.2:
            clock.stop()
            old, run = run, a_run(rng)
            old.close()
            clock = Clock(run, random.Random(-seed))
    clock.stop()
    run.press(pause=False)
    while run.status != "finished":
        run.advance()
        if run.status == "finished" and run.settings.epochs < 4 and rng.random() < 0.5:
            run.set_rate(rng.choice(RATES))
            run.further(run.settings.epochs + 1)
    return run


def assert_the_script_repeats(seed: int) -> None:
    run = live_through(seed)
    assert run.evaluations
    assert printed(run) == told(run), (seed, run.rates, run.evaluated_at)


@pytest.mark.parametrize("seed", range(20))
def test_the_script_prints_the_numbers_of_the_page_after_whatever_was_pressed(seed):
    assert_the_script_repeats(seed)


@pytest.mark.slow
def test_the_script_prints_the_numbers_of_the_page_after_five_hundred_sequences():
    for seed in range(1000, 1500):
        assert_the_script_repeats(seed)
