"""MNIST against the clock: networks that read nearly all test images after so many seconds of work. `python -m benchmarks.clock` times them."""

from dataclasses import dataclass, field

from pages.shared.part import Preset


@dataclass(frozen=True)
class Race:
    """A preset, the seconds of work that one core may take for it, and the share of test images asked for: with shifts, and without."""

    seconds: int
    shifted: float
    plain: float
    settings: dict = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"clock_{self.seconds}"


BASE = {"data": "mnist", "batch_norm": "before", "optimizer": "adamw", "rate": 0.01, "decay": 0.3, "schedule": "linear", "batch": 384, "shift": 1}
RACES = (
    Race(10, 0.989, 0.984, {**BASE, "layers": "256, 128", "epochs": 8}),
    Race(30, 0.991, 0.987, {**BASE, "layers": "384, 192", "epochs": 20}),
    Race(60, 0.992, 0.9875, {**BASE, "layers": "512, 192", "epochs": 40}),
)
PRESETS = tuple(
    Preset(
        race.key, f"Against the clock: {race.seconds} seconds",
        f"{race.settings['layers']} units in {race.settings['epochs']} epochs, images shifted by a pixel. "
        f"Target: {100 * race.shifted:.1f} % of MNIST's test images in {race.seconds} s of one core's work.", race.settings)
    for race in RACES
)
