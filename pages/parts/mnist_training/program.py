"""A run of this page as a program of its own."""

from pages.parts.mnist_training.common import TABLE
from pages.parts.mnist_training.run import TrainingRun


def script(run: TrainingRun) -> str:
    """It repeats a run with the engine alone, changes of the learning rate included, and prints its evaluations."""
    s, (first, *later) = run.settings, run.rates.items()
    load = f"load_{run.data.name.lower()}()"
    load += "" if s.images >= 60_000 else f".first(min({s.images}, len({load}.y_train)))"
    lsuv, imported, rates, changes, seen, only = "", "", "", "", "", ""
    if set(range(run.steps // s.epochs, run.latest.step + 1 if run.latest else 0, run.steps // s.epochs)).difference(run.evaluated_at):
        seen = f"seen = {run.evaluated_at!r}  # after these steps the page read all test images\n"
        only = ", evaluate_at=seen.__contains__"
    if s.initializer == "lsuv":
        imported = "from engine.datasets import normalizer\n"
        lsuv = f"network.lsuv(normalizer({s.normalize!r}, data)(data.x_train[:256]))  # on real images rather than on noise\n"
    if later:
        rates = f"rates = {dict(later)!r}  # after these steps the learning rate was changed\n"
        changes = "    optimizer.learning_rate = rates.get(progress.step, optimizer.learning_rate)\n"
    decay = f", weight_decay={s.decay!r}" if s.optimizer == "adamw" and s.decay != TABLE["decay"].default else ""
    alike = len(set(s.hidden)) == 1 < len(s.hidden)
    widths = f"*[{s.hidden[0]}] * {len(s.hidden)}, " if alike else "".join(f"{width}, " for width in s.hidden)
    return f"""import numpy as np

from engine import OPTIMIZERS, Penalty, {load.split("(")[0]}, mlp, train
{imported}
data = {load}
sizes = (data.x_train.shape[1], {widths}data.classes)
network = mlp(sizes, activation={s.activation!r}, initializer={s.initializer!r}, gain={s.gain!r}, dropout={s.dropout!r},
              batch_norm={s.placement!r}, input_batch_norm={s.input_norm!r}, rng=np.random.default_rng([{s.seed}, 0]))
{lsuv}optimizer = OPTIMIZERS[{s.optimizer!r}](network, {first[1]!r}{decay})
{rates}{seen}for progress in train(network, data, optimizer, epochs={s.epochs}, batch_size={run.batch_size}, rng=np.random.default_rng([{s.seed}, 1]),
                      penalty=Penalty({s.l1!r}, {s.l2!r}), schedule={s.schedule!r}, normalize={s.normalize!r}{", shift=" + str(s.shift) if s.shift else ""}{only}):
{changes}    if progress.evaluation:
        e = progress.evaluation
        print(f"epoch {{progress.epoch:g}}  train {{e.train_accuracy:.4f}}  test {{e.test_accuracy:.4f}}  test loss {{e.test_loss:.4f}}")
"""
