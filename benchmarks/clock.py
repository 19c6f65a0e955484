"""How many of MNIST's test images does a network read after 10, 30 and 60 seconds of work?

    MNIST_DIR=… python -m benchmarks.clock

The page's presets "Against the clock", with their shifts of one pixel and without, from three seeds; the median counts.
Float32, one BLAS thread. Seconds are those of the process's own work from the first step to the last, so that a busy
machine counts little; the test images are read afterwards. Where PyTorch is installed, the same network with the same
batch size, rates and shifts is trained beside it, with fused AdamW.
"""

import argparse
import importlib.util
import statistics
import time

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.training import torch_network
from engine import Dataset, load_mnist, train
from engine.datasets import normalizer, shifted
from engine.optimizers import SCHEDULES, AdamW
from engine.training import before_training
from pages.parts.mnist_training.clock import RACES, Race
from pages.parts.mnist_training.common import TABLE, typed


def settings_of(race: Race, **changed) -> dict:
    """All controls of the page, by name."""
    return {name: control.default for name, control in TABLE.items()} | race.settings | changed


def engine_run(s: dict, data: Dataset) -> tuple[float, float]:
    """Share of test images read correctly, and seconds of work."""
    network = before_training(data, typed(s["layers"]), activation=s["activation"], initializer=s["initializer"], dropout=s["dropout"],
                              batch_norm=s["batch_norm"], normalize=s["normalize"], seed=s["seed"])
    steps = train(network, data, AdamW(network, s["rate"], s["decay"]), epochs=s["epochs"], batch_size=s["batch"], schedule=s["schedule"],
                  rng=np.random.default_rng([s["seed"], 1]), shift=s["shift"], normalize=s["normalize"], evaluate_every=10**9)
    began, count = time.process_time(), s["epochs"] * -(-len(data.y_train) // s["batch"])
    for _ in range(count - 1):   # the last step reads the test images too
        next(steps)
    seconds = (time.process_time() - began) * count / (count - 1)
    *_, end = steps
    return end.evaluation.test_accuracy, seconds


def torch_run(s: dict, data: Dataset) -> tuple[float, float]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(s["seed"])
    rng, scaled = np.random.default_rng([s["seed"], 1]), normalizer(s["normalize"], data)
    model = torch_network((data.x_train.shape[1], *typed(s["layers"]), data.classes), s["activation"], s["batch_norm"], dropout=s["dropout"])
    for layer in model:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.kaiming_normal_(layer.weight)   # He's rule, as the engine's
            torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.AdamW(model.parameters(), s["rate"], weight_decay=s["decay"], fused=True)
    labels, loss_function = torch.from_numpy(data.y_train.astype(np.int64)), torch.nn.CrossEntropyLoss()
    began, count, size, step = time.process_time(), len(data.y_train), s["batch"], 0
    steps = s["epochs"] * -(-count // size)
    for _ in range(s["epochs"]):
        order = rng.permutation(count)
        for start in range(0, count, size):
            batch = order[start:start + size]
            images = data.x_train[batch]
            x = torch.from_numpy(scaled(shifted(images, s["shift"], rng) if s["shift"] else images))
            for group in optimizer.param_groups:
                group["lr"] = s["rate"] * SCHEDULES[s["schedule"]](step, steps)
            optimizer.zero_grad()
            loss_function(model(x), labels[batch]).backward()
            optimizer.step()
            step += 1
    seconds = time.process_time() - began
    model.eval()
    with torch.no_grad():
        answers = model(torch.from_numpy(scaled(data.x_test))).argmax(dim=1).numpy()
    return float((answers == data.y_test).mean()), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", type=int, choices=[race.seconds for race in RACES], help="one of the races, by its seconds")
    asked, data = parser.parse_args(), load_mnist()
    runs = {"here": engine_run} | ({"PyTorch": torch_run} if importlib.util.find_spec("torch") else {})
    with threadpool_limits(1):
        for race in RACES:
            for shift, target in ((1, race.shifted), (0, race.plain)):
                if asked.only not in (None, race.seconds):
                    continue
                print(f"{race.settings['layers']}, {race.settings['epochs']} epochs, {f'shifts of {shift} pixel' if shift else 'no shifts'}: "
                      f"asked for {100 * target:.2f} % within {race.seconds} s")
                for name, run in runs.items():
                    found = [run(settings_of(race, shift=shift, seed=seed), data) for seed in range(asked.seeds)]
                    shares, seconds = zip(*found, strict=True)
                    print(f"  {name:8} median {100 * statistics.median(shares):.2f} % ({', '.join(f'{100 * share:.2f}' for share in sorted(shares))})"
                          f" after {statistics.median(seconds):.1f} s of work", flush=True)


if __name__ == "__main__":
    main()
