"""Does a server that stays up stay small? `python -m benchmarks.soak --minutes 60`: an hour of a class, compressed, over Streamlit's own wire.

Visitors open links and presets, move controls, train networks of every size, ask for new seeds, lose their connection and
come back, or vanish. Printed every half minute: memory, threads, handles, CPU; at the end what is left of it at rest.
`--vanish` and `--seeds` measure two more: what twenty trainings that vanished leave behind after their sessions' time to
live, and what twelve new seeds in one tab do.
"""

import argparse
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import pages.parts  # noqa: F401  (fills PAGES)
from benchmarks.client import Server, Visitor, link_to, state
from pages.shared import capacity, link
from pages.shared.part import PAGES

LARGE = "mnist_width=512&mnist_epochs=300"   # with mnist_depth=…
SIZES = ((0, 5), (1, 30), (2, 100), (3, 300), (5, 512), (10, 200), (20, 100), (20, 512))   # hidden layers, units
PRESETS = [preset.key for page in PAGES.values() for part in page.parts for preset in part.presets]
EVERY, REST = 30, 150   # seconds between two lines; seconds of rest at the end


# What a visitor does ------------------------------------------------------------------------------------------------


def look_around(url: str, rng: random.Random) -> Visitor:
    """A part as its link opens it, and some of its numbers moved."""
    page = rng.choice(list(PAGES.values()))
    part = rng.choice(page.parts)
    one = Visitor(url, f"{page.stem}?{urlencode(link.query(page.controls, {page.part_control.key: part.key}))}")
    for _ in range(rng.randint(0, 3)):
        sliders = [proto for kind, proto in one.widgets().values() if kind == "slider" and proto.type == proto.SELECT_SLIDER]
        if sliders:
            moved = rng.choice(sliders)
            one.rerun(state(moved.id, "string_array_value", [rng.choice(moved.options)]))
        time.sleep(rng.uniform(0, 2))
    return one


def open_preset(url: str, rng: random.Random) -> Visitor:
    return Visitor(url, link_to(rng.choice(PRESETS)))


def train(url: str, rng: random.Random) -> Visitor:
    depth, width = rng.choice(SIZES)
    one = Visitor(url, f"mnist_training?mnist_depth={depth}&mnist_width={width}&mnist_epochs={rng.choice((1, 5, 30, 300))}")
    for _ in range(rng.randint(1, 3)):
        press(one, "mnist_run_pause" if "mnist_run_pause" in one.widgets() else "mnist_run_start")
        one.watch(rng.uniform(1, 8))
        if rng.random() < 0.5:
            press(one, "mnist_run_reseed")
    return one


def lose_connection(url: str, rng: random.Random) -> Visitor:
    """A training whose visitor comes back within a few seconds finds it as it was."""
    one = Visitor(url, "mnist_training?mnist_epochs=300")
    press(one, "mnist_run_start")
    one.watch(2)
    one.vanish()
    time.sleep(rng.uniform(0, 5))
    one.connect()
    if "is gone" in one.text():
        one.faults.append("the run was gone for a visitor who came back at once")
    return one


def press(one: Visitor, key: str) -> None:
    if key in one.widgets():
        one.press(key)


ACTS = (look_around, look_around, open_preset, train, train, lose_connection)


# The class ----------------------------------------------------------------------------------------------------------


class Class:
    """So many visitors at a time, each of them followed by another one, until the bell rings."""

    def __init__(self, server: Server, visitors: int, seed: int):
        self.server, self.bell, self.visits, self.faults = server, threading.Event(), 0, []
        self.threads = [threading.Thread(target=self.attend, args=(random.Random(f"{seed}/{i}"),), daemon=True) for i in range(visitors)]

    def attend(self, rng: random.Random) -> None:
        while not self.bell.is_set():
            try:
                one = rng.choice(ACTS)(self.server.url, rng)
                self.note(*(f"{fault}   at {one.path}?{one.query}" for fault in one.faults))
                self.visits += 1
                one.vanish()
            except Exception as error:   # a visit that ends in any way but its own is what is looked for
                self.note(f"{type(error).__name__}: {error}"[:300])
            self.bell.wait(rng.uniform(0, 4))

    def note(self, *faults: str) -> None:
        self.faults += faults
        for fault in faults:
            print("fault:", fault, flush=True)

    def hold(self, minutes: float) -> list[float]:
        """Megabytes of the server itself, every half minute."""
        sizes, end, began = [], time.monotonic() + 60 * minutes, time.monotonic()
        for thread in self.threads:
            thread.start()
        print("minute  server MB  workers MB  threads  handles  CPU %  visits")
        while time.monotonic() < end:
            self.bell.wait(min(EVERY, max(0.0, end - time.monotonic())))
            sizes.append(self.server.own_megabytes())
            print(f"{(time.monotonic() - began) / 60:6.1f}  {self.line()}  {self.visits:6}", flush=True)
        self.bell.set()
        for thread in self.threads:
            thread.join()
        return sizes

    def line(self) -> str:
        server, own = self.server, self.server.own_megabytes()
        return (f"{own:9.0f}  {server.megabytes() - own:10.0f}  {server.watched.num_threads():7}  {server.watched.num_fds():7}"
                f"  {server.watched.cpu_percent(1):5.0f}")


def soak(server: Server, minutes: float, visitors: int, seed: int) -> bool:
    """Whether nothing grew after the first quarter, nothing failed or stood still without a word, and the log is clean."""
    first = Visitor(server.url, "mnist_training")
    first.vanish()
    group = Class(server, visitors, seed)
    sizes = group.hold(minutes)
    quarter = max(1, len(sizes) // 4)
    second, last = median(sizes[quarter:2 * quarter] or sizes), median(sizes[-quarter:])
    print(f"second quarter {second:.0f} MB, last {last:.0f} ({100 * (last / second - 1):+.0f} %), at the most {max(sizes):.0f} (asked: 700)")
    time.sleep(REST)
    print(f"at rest {group.line()}   ({REST} s after the last visitor)")
    faults = [fault.partition("   at ") for fault in group.faults]
    for what, times in Counter(what for what, _, _ in faults).most_common():
        print(f"fault, {times} x: {what}", *sorted({place for one, _, place in faults if one == what and place})[:5], sep="\n    ")
    for trace in server.tracebacks():
        print(trace)
    told = [fault for fault in group.faults if fault.startswith("TimeoutError") and "said ''" not in fault]
    print(f"{len(told)} of {group.visits} visits waited for more than {Visitor.patience:g} s for what trains, and read so")
    return last <= 1.1 * second and max(sizes) <= 700 and len(told) == len(group.faults) and not server.complaints()


# Two single numbers -------------------------------------------------------------------------------------------------


def started(url: str, link: str) -> Visitor:
    """Who trains, as soon as those who vanished before have made room."""
    while True:
        one = Visitor(url, link)
        press(one, "mnist_run_start")
        if capacity.FULL not in one.text():
            return one
        one.vanish()
        time.sleep(2)


def vanishing(server: Server, visitors: int, work: float, after: float) -> tuple[float, float, float]:
    """Megabytes before, at the most, and when all have vanished and their sessions' time to live is over."""
    once = Visitor(server.url, "mnist_training?mnist_depth=1")   # what a first visit imports and caches stays, and is none of theirs
    once.press("mnist_run_step")
    once.vanish()
    time.sleep(3)
    before = most = server.megabytes()
    for i in range(visitors):
        one = started(server.url, f"mnist_training?{LARGE}&mnist_depth=5&mnist_seed={i}")
        one.watch(work)
        most = max(most, server.megabytes())
        one.vanish()
    end = time.monotonic() + after
    while time.monotonic() < end:
        time.sleep(min(15, max(0.0, end - time.monotonic())))
        print(f"  {after - (end - time.monotonic()):4.0f} s after the last: {server.megabytes():5.0f} MB", flush=True)
    return before, most, server.megabytes()


def new_seeds(server: Server, times: int, work: float) -> tuple[float, float]:
    """Megabytes with one training of 20 × 512, and the most of the following ones in the same tab."""
    one, sizes = Visitor(server.url, f"mnist_training?{LARGE}&mnist_depth=20"), []
    for _ in range(1 + times):
        one.press("mnist_run_start")
        one.watch(work)
        sizes.append(server.megabytes())
        one.press("mnist_run_reseed")
    print("  " + " ".join(f"{size:.0f}" for size in sizes), flush=True)
    one.vanish()
    return sizes[0], max(sizes[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=0, help="how long the class lasts")
    parser.add_argument("--visitors", type=int, default=30, help="how many are there at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vanish", type=int, default=0, help="so many trainings of 5 × 512 vanish")
    parser.add_argument("--seeds", type=int, default=0, help="so many new seeds on 20 × 512")
    parser.add_argument("--work", type=float, default=3, help="seconds that each of those trains")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))   # and the server with it
    log = Path(tempfile.mkdtemp()) / "server.log"
    print("the log is", log, flush=True)
    server, fine = Server(log), True
    try:
        if asked.vanish:
            before, most, after = vanishing(server, asked.vanish, asked.work, 125)
            print(f"{asked.vanish} trainings of 5 × 512 vanished: {before:.0f} MB before, {most:.0f} at the most, {after:.0f} 125 s later: "
                  f"{100 * (after / before - 1):+.0f} % (asked: +15 %)")
        if asked.seeds:
            one, most = new_seeds(server, asked.seeds, asked.work)
            print(f"{asked.seeds} new seeds on 20 × 512 in one tab: {one:.0f} MB, then {most:.0f} at the most: {most - one:+.0f} (asked: +150)")
        if asked.minutes or not (asked.vanish or asked.seeds):
            fine = soak(server, asked.minutes or 10, asked.visitors, asked.seed)
        print("log:", server.complaints() or "no warning, no error")
    finally:
        server.stop()
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()
