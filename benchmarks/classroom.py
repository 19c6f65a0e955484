"""What does a control cost its visitor in a full class? `python -m benchmarks.classroom` plays one over Streamlit's own wire.

Thirty visitors a page, spread over its parts; each moves a random control of the sidebar to a random value, looks for some
seconds, and moves the next: hardly anything they ask for was asked before. Printed for each page: how long until the first
picture is there, and until the page stands (median and 95th percentile each), CPU a rerun in the server and in its workers, memory, faults.
`--training 6`: so many of the visitors train MNIST (or digits) meanwhile. `--burst`: all open one link at once.
"""

import argparse
import os
import random
import re
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import psutil

import pages.parts  # noqa: F401  (fills PAGES)
from benchmarks.client import VALUES, Server, Visitor, state
from pages.shared.part import PAGES

SIDEBAR = 1   # first number of a delta path
CROWDED = ("initialization", "activations", "batch_norm", "gradient_checking")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def anything(kind: str, proto, rng: random.Random) -> tuple | None:
    """A random value of a control, as the browser would send it; None for what is no control of an experiment."""
    if kind == "slider" and proto.type == proto.SELECT_SLIDER:
        return "string_array_value", [rng.choice(list(proto.options))]
    if kind == "slider":
        return "double_array_value", [proto.min + proto.step * rng.randint(0, round((proto.max - proto.min) / proto.step))]
    if kind in ("selectbox", "radio"):
        return "string_value", rng.choice(list(proto.options))
    if kind == "checkbox":
        return "bool_value", rng.random() < 0.5
    if kind == "number_input":
        return "double_value", float(rng.randint(int(proto.min), int(min(proto.max, proto.min + 10_000))))
    if kind == "multiselect":
        return "string_array_value", rng.sample(list(proto.options), rng.randint(1, min(4, len(proto.options))))
    if kind == "button_group":
        return "string_array_value", [rng.choice([option.content for option in proto.options])]
    return None


class Student(Visitor):
    """Moves controls of the sidebar at random."""

    def __init__(self, url: str, link: str, seed: int):
        self.rng, self.times, self.pictures, self.pictured = random.Random(seed), [], [], None
        super().__init__(url, link)

    def controls(self) -> list[tuple]:
        """Of the sidebar; of the whole page where that has none but the menu of experiments."""
        found = {path: (kind, proto) for path, (kind, proto, *_) in self.elements.items()
                 if kind in VALUES and not proto.disabled and proto.label not in ("Experiment", "Part")}
        return [one for path, one in found.items() if path[0] == SIDEBAR] or list(found.values())

    def move(self) -> None:
        kind, proto = self.rng.choice(self.controls())
        if value := anything(kind, proto, self.rng):
            started, self.pictured = time.perf_counter(), None
            self.rerun(state(proto.id, *value))
            self.times.append(time.perf_counter() - started)
            self.pictures.append((self.pictured or time.perf_counter()) - started)

    def draw(self, path, delta) -> None:
        super().draw(path, delta)
        if self.pictured is None and delta.new_element.WhichOneof("type") == "vega_lite_chart":
            self.pictured = time.perf_counter()

    def explore(self, until: float, think: float) -> None:
        time.sleep(self.rng.uniform(0, think))
        while time.monotonic() < until:
            self.move()
            self.watch(self.rng.uniform(0.5, 1.5) * think)


class Trainer(Visitor):
    """Trains, and looks at the pictures."""

    def __init__(self, url: str, seed: int):
        super().__init__(url, f"mnist_training?mnist_epochs=300&mnist_seed={seed}")
        self.press("mnist_run_start")

    def steps(self) -> int:
        """As the progress line tells it."""
        told = [proto.text for kind, proto, *_ in self.elements.values() if kind == "progress"]
        found = re.search(r"Step ([\d,]+)", " ".join(told))
        return int(found[1].replace(",", "")) if found else 0

    def train(self, until: float) -> None:
        self.watch(2)
        self.first, started = self.steps(), time.monotonic()
        self.watch(until - time.monotonic())
        self.speed = (self.steps() - self.first) / (time.monotonic() - started)


def cpu(process: psutil.Process) -> tuple[float, float]:
    """Seconds so far: of the server, and of its workers."""
    def used(one):
        times = one.cpu_times()
        return times.user + times.system
    return used(process), sum(used(child) for child in process.children(recursive=True))


def links(stem: str) -> list[str]:
    page = PAGES[stem]
    return [f"{stem}?{page.prefix}_part={part.key}" for part in page.parts]


def at_once(jobs: list) -> list[float]:
    """Run every job in a thread of its own; seconds of each."""
    seconds = [0.0] * len(jobs)

    def timed(i):
        started = time.perf_counter()
        jobs[i]()
        seconds[i] = time.perf_counter() - started

    threads = [threading.Thread(target=timed, args=(i,), daemon=True) for i in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def lesson(server: Server, stem: str, visitors: int, trainers: list[Trainer], seconds: float, think: float, seed: int, by_part: bool) -> None:
    class_, faults = [Student(server.url, links(stem)[i % len(links(stem))], 1000 * seed + i) for i in range(visitors)], []
    server_before, workers_before = cpu(server.watched)
    until = time.monotonic() + seconds
    at_once([*(lambda one=one: one.explore(until, think) for one in class_), *(lambda one=one: one.train(until) for one in trainers)])
    server_after, workers_after = cpu(server.watched)
    if by_part:
        for link in links(stem):
            own = [t for i, one in enumerate(class_) for t in one.times if links(stem)[i % len(links(stem))] == link]
            seen = [t for i, one in enumerate(class_) for t in one.pictures if links(stem)[i % len(links(stem))] == link]
            print(f"  {link:<40}{len(own):>5}" + "".join(f"{1000 * percentile(each, share):>8.0f}" for each in (seen, own) for share in (0.5, 0.95)))
    times, memory = [t for one in class_ for t in one.times], server.megabytes()
    for one in class_:
        faults += one.faults
        one.vanish()
    each = 1000 / max(len(times), 1)
    pictures = [t for one in class_ for t in one.pictures]
    print(f"{stem:<20}{len(times):>7}{1000 * median(pictures):>8.0f}{1000 * percentile(pictures, 0.95):>8.0f}"
          f"{1000 * median(times):>8.0f}{1000 * percentile(times, 0.95):>8.0f}{each * (server_after - server_before):>10.0f}"
          f"{each * (workers_after - workers_before):>9.0f}{memory:>8.0f}  {'; '.join(sorted(set(faults))) or '-'}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60, help="on each page")
    parser.add_argument("--think", type=float, default=4, help="mean seconds between two moves")
    parser.add_argument("--training", type=int, default=0, help="so many others train meanwhile")
    parser.add_argument("--burst", action="store_true", help="all open one link at once, and nothing else")
    parser.add_argument("--drops", type=int, default=0, help="so many visitors come and lose their connection, and nothing else")
    parser.add_argument("--pages", nargs="*", default=CROWDED)
    parser.add_argument("--parts", action="store_true", help="also by part")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    server = Server(Path(tempfile.mkdtemp()) / "server.log")
    try:
        Visitor(server.url, "home").vanish()   # a warm server: what is imported is imported
        if asked.drops:
            def left() -> str:
                time.sleep(125 + 35)   # a session's time to live, and a look at memory
                return (f"{server.watched.num_threads()} threads, {len(server.watched.children(recursive=True))} processes, "
                        f"{server.watched.num_fds()} handles, {server.megabytes():.0f} MB")

            before = left()
            for _ in range(asked.drops):
                Visitor(server.url, "home").vanish()
            print(f"before: {before}; after {asked.drops} visitors: {left()}")
            return
        if asked.burst:
            for stem in asked.pages:
                taken = at_once([lambda stem=stem: Visitor(server.url, f"{stem}?{PAGES[stem].prefix}_seed=7") for _ in range(asked.visitors)])
                print(f"{stem:<20}{asked.visitors} at once: the last stood after {max(taken):.2f} s, the median {median(taken):.2f} s")
            return
        trainers = [Trainer(server.url, 0)] if asked.training else []
        if trainers:
            trainers[0].train(time.monotonic() + 12)
            alone = trainers[0].speed
            trainers += [Trainer(server.url, i) for i in range(1, asked.training)]
        print(f"{'':<20}{'moves':>7}{'picture':>8}{'p95 ms':>8}{'page':>8}{'p95 ms':>8}{'server ms':>10}{'workers':>9}{'MB':>8}  faults")
        for i, stem in enumerate(asked.pages):
            lesson(server, stem, asked.visitors, trainers, asked.seconds, asked.think, asked.seed + i, asked.parts)
            if trainers:
                together = sum(one.speed for one in trainers)
                print(f"  {len(trainers)} trainings: {together:.0f} steps a second, {100 * together / alone:.0f} % of one alone ({alone:.0f})")
        print("log:", server.complaints() or "no warning, no error")
    finally:
        server.stop()


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
