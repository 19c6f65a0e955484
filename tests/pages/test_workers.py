"""Workers: a question is computed once, in turn, and not at all when nobody waits for it; a dead worker costs nobody an answer."""

import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from functools import partial

import numpy as np
import psutil
import pytest

from engine.activations import ACTIVATIONS, as_activation
from engine.studies.slopes import gradient_reach
from pages.shared import desk as desks
from pages.shared import worker, workers
from pages.shared.desk import Desk, Lane, known_as
from tests.conftest import ROOT
from tests.pages import golden
from tests.pages.helpers import verdict_of


class ByHand(Executor):
    """Begins what it is given, and ends it when the test says so."""

    def __init__(self):
        self.begun: list[tuple[Future, partial]] = []

    def submit(self, function, question):
        self.begun.append((Future(), question))
        return self.begun[-1][0]

    def end(self, i: int = 0) -> None:
        future, question = self.begun.pop(i)
        future.set_result(worker.answer(question))


def questions(*numbers: float) -> list[partial]:
    return [partial(max, number, 0) for number in numbers]


def quiet(ahead):
    return nullcontext(lambda: None)


class Asking(threading.Thread):
    def __init__(self, desk: Desk, visitor: str, calls: list[partial]):
        super().__init__(daemon=True)
        self.result, self.told = "nothing yet", []
        self.desk, self.visitor, self.calls = desk, visitor, calls
        before = len(desk.open)
        self.start()
        settle(lambda: len(desk.open) > before or visitor in desk.waits or not self.is_alive())

    def run(self):
        def told(ahead):
            self.told.append(ahead)
            return nullcontext(lambda: None)

        self.result = self.desk.ask(self.visitor, self.calls, False, told)


def settle(done, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


@pytest.fixture
def by_hand():
    return ByHand()


def test_what_several_ask_is_computed_once_and_kept(by_hand):
    desk = Desk(lambda: by_hand, 2)
    asking = [Asking(desk, name, questions(7)) for name in "abc"]
    assert len(by_hand.begun) == 1
    by_hand.end()
    settle(lambda: all(one.result == [7] for one in asking))
    assert desk.ask("d", questions(7), False, quiet) == [7]
    assert (by_hand.begun, desk.open, desk.waits) == ([], {}, {})


def test_who_moves_on_is_not_computed_for(by_hand):
    desk = Desk(lambda: by_hand, 1)
    other, moved = Asking(desk, "other", questions(1)), Asking(desk, "moving", questions(2, 3))
    desk.begin("moving")
    settle(lambda: moved.result is None)
    assert desk.queue == []
    again = Asking(desk, "moving", questions(4))
    by_hand.end()
    settle(lambda: other.result == [1])
    by_hand.end()
    settle(lambda: again.result == [4])
    assert by_hand.begun == []


def test_a_question_that_another_still_waits_for_stays(by_hand):
    desk = Desk(lambda: by_hand, 1)
    Asking(desk, "first", questions(1))
    moved, staying = Asking(desk, "moving", questions(2)), Asking(desk, "staying", questions(2))
    desk.begin("moving")
    by_hand.end()
    by_hand.end()
    settle(lambda: staying.result == [2])
    settle(lambda: moved.result is None)


def test_visitors_take_turns(by_hand):
    desk = Desk(lambda: by_hand, 1)
    greedy = Asking(desk, "greedy", questions(*range(1, 7)))
    modest = Asking(desk, "modest", questions(10))
    order = []

    def end_one() -> None:
        order.append(by_hand.begun[0][1].args[0])
        by_hand.end()

    for _ in range(5):
        end_one()
    assert order == [1, 2, 3, 4, 10]
    settle(lambda: modest.result == [10])
    again = Asking(desk, "modest", questions(11))
    other = Asking(desk, "other", questions(12))   # who was not served yet comes before who was
    while by_hand.begun:
        end_one()
    assert order[5:] == [5, 12, 11, 6]
    settle(lambda: (greedy.result, again.result, other.result) == ([1, 2, 3, 4, 5, 6], [11], [12]))


def test_who_waits_hears_how_many_are_ahead(by_hand, monkeypatch):
    monkeypatch.setattr(desks, "PATIENCE", 0.01)
    desk = Desk(lambda: by_hand, 1)
    first, second, third = (Asking(desk, name, questions(i)) for i, name in enumerate("abc"))
    settle(lambda: 1 in third.told and 0 in second.told)
    assert desk.crowded()
    assert [call.args[0] for call in desk.thin_out(questions(5, 6, 7), 1)] == [5]
    for _ in range(3):
        by_hand.end()
    settle(lambda: [first.result, second.result, third.result] == [[0], [1], [2]])
    assert not desk.crowded()
    assert len(desk.thin_out(questions(5, 6, 7), 1)) == 3


def test_a_script_whose_visitor_has_moved_on_is_let_go_while_it_waits(by_hand, monkeypatch):
    monkeypatch.setattr(desks, "PATIENCE", 0.01)
    desk, looks, gone = Desk(lambda: by_hand, 1), [], []

    def look():
        looks.append(len(looks))
        if len(looks) == 3:
            raise InterruptedError   # as Streamlit does

    def ask():
        try:
            desk.ask("a", questions(1), False, lambda ahead: nullcontext(look))
        except InterruptedError:
            gone.append(True)

    threading.Thread(target=ask, daemon=True).start()
    settle(lambda: gone == [True])
    assert not desk.waits


def test_a_full_class_sees_fewer_networks_and_is_told_and_gets_the_others_when_there_is_room(monkeypatch):
    full = [True]
    monkeypatch.setattr(Desk, "crowded", lambda desk: full[0])
    app = golden.open_link("initialization?init_part=deep&init_seeds=4&init_seed=901&init_depth=3&init_width=20")
    assert "1 of 4 networks is shown" in " ".join(caption.value for caption in app.caption)
    assert "networks drawn get this diagnosis" not in verdict_of(app)
    full[0] = False
    app.run()
    assert "networks is shown" not in " ".join(caption.value for caption in app.caption)
    assert " of 4 networks drawn get this diagnosis" in verdict_of(app)
    full[0] = True
    app.run()
    assert " of 4 networks drawn get this diagnosis" in verdict_of(app), "what is there is shown, however full it is"


def test_a_full_class_sees_a_matrix_of_fewer_networks_and_gets_the_others_when_there_is_room(monkeypatch):
    full = [True]
    monkeypatch.setattr(Desk, "crowded", lambda desk: full[0])
    app = golden.open_link("initialization?init_part=matrix&init_depth=3&init_seed=903")
    said = " ".join(caption.value for caption in app.caption)
    assert "1 of 8 networks is shown" in said
    assert "One is drawn for each pair." in said
    full[0] = False
    app.run()
    said = " ".join(caption.value for caption in app.caption)
    assert "is shown" not in said
    assert "Up to 8 are drawn" in said


def test_answers_are_kept_within_bounds(by_hand, monkeypatch):
    monkeypatch.setattr(desks, "KEPT", 5_000)
    desk = Desk(lambda: by_hand, 1)
    for i in range(10):
        asking = Asking(desk, "a", [partial(np.full, 100, float(i))])
        by_hand.end()
        asking.join(10)
        assert (asking.result[0] == i).all()
    assert 0 < desk.bytes <= 5_000
    assert desk.bytes == sum(map(len, desk.kept.values()))
    assert len(desk.kept) == 5


def test_an_answer_belongs_to_who_asked():
    first = workers.measure(np.full, 3, 1.5)
    first[:] = 0
    assert (workers.measure(np.full, 3, 1.5) == 1.5).all()


def test_questions_are_told_apart_by_every_argument():
    x = np.arange(3.0)
    keys = [known_as(partial(max, *args, **named)) for args, named in (
        ((x,), {}), ((x + 1,), {}), ((x.astype(np.float32),), {}), ((x.reshape(1, 3),), {}), ((x,), {"key": 1}), ((x,), {"default": 1}), ((1,), {}))]
    assert len(set(keys)) == len(keys)
    assert known_as(partial(max, x.copy(), key=1)) == known_as(partial(max, x, key=1))


def test_what_is_there_is_seen_while_the_rest_is_open(by_hand):
    desk, seen = Desk(lambda: by_hand, 2), []
    asking = threading.Thread(target=lambda: seen.append(desk.ask("a", questions(1, 2, 3), False, quiet, seen.append)))
    asking.start()
    settle(lambda: len(by_hand.begun) == 2)
    by_hand.end(1)
    settle(lambda: seen == [[None, 2, None]])
    by_hand.end()
    settle(lambda: len(seen) == 2)
    by_hand.end()
    asking.join(10)
    assert seen == [[None, 2, None], [1, 2, None], [1, 2, 3]]


def test_long_questions_leave_a_worker_to_short_ones(by_hand):
    desk, told = Desk(lambda: by_hand, 2), quiet
    for visitor, number in (("a", 1), ("b", 2), ("c", 3)):
        threading.Thread(target=desk.ask, args=(visitor, questions(number), True, told), daemon=True).start()
        settle(lambda visitor=visitor: visitor in desk.waits)
    assert len(by_hand.begun) == 1
    short = Asking(desk, "d", questions(4))
    by_hand.end(1)
    settle(lambda: short.result == [4])
    for _ in range(3):
        assert len(by_hand.begun) == 1
        by_hand.end()
    assert desk.pool.begun == set()


def test_errors_of_the_engine_reach_the_page():
    with pytest.raises(ValueError, match="activation must be one of"):
        workers.measure(gradient_reach, "relu6", depth=3)


def test_the_cluster_gets_what_is_long_and_its_loss_nobody_notices(by_hand, caplog):
    class Lost(Executor):
        def submit(self, *call):
            future = Future()
            future.set_exception(OSError("scheduler is gone"))
            return future

    desk = Desk(lambda: by_hand, 1, Lane(Lost(), 4))
    asking = threading.Thread(target=lambda: asked.append(desk.ask("a", questions(3), True, quiet)))
    asked = []
    asking.start()
    settle(lambda: by_hand.begun)
    by_hand.end()
    settle(lambda: asked == [[3]])
    assert desk.cluster is None
    assert "The cluster was lost (OSError)" in caplog.text


@pytest.mark.parametrize("key", [*ACTIVATIONS, "with options"])
def test_activations_travel_by_name(key):
    import pickle

    phi = as_activation("leaky_relu", alpha=0.3) if key == "with options" else ACTIVATIONS[key]
    twin = pickle.loads(pickle.dumps(phi))
    z = np.linspace(-2, 2, 9)
    assert (twin.name, twin.options) == (phi.name, phi.options)
    assert np.array_equal(twin.f(z), phi.f(z))


SERVER = """
import os, signal, sys, time
from functools import partial
from pages.shared import workers
from engine.studies.slopes import gradient_reach
desk = workers.desk()
print(*workers.measure_all(*(partial(os.getpid) for _ in "a")), flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)   # a shell's background job ignores it
sys.stdin.readline()
time.sleep(600)
"""


@pytest.fixture
def real(monkeypatch):
    """A desk with two worker processes."""
    desk = Desk(partial(workers.pool, 2), 2)
    yield desk
    desk.pool.executor.shutdown(kill_workers=True)


def test_processes_answer_as_this_one_does_and_survive_a_kill(real, caplog):
    calls = [partial(gradient_reach, as_activation(key), depth=depth) for key in ("relu", "elu") for depth in (3, 10, 40, 80)]

    def ask():
        return real.ask("a", calls, False, quiet)

    pid = real.ask("a", [partial(worker.ready)], False, quiet)[0]
    assert psutil.Process(pid).nice() >= 5
    modules = real.ask("a", [partial(eval, "'streamlit' in __import__('sys').modules")], False, quiet)[0]
    assert not modules
    threading.Timer(0.1, os.kill, (pid, 9)).start()
    answers = ask()
    settle(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    for call, answer in zip(calls, answers, strict=True):
        assert np.array_equal(answer.measured, call().measured)
    real.kept.clear()
    assert all(np.array_equal(a.measured, b.measured) for a, b in zip(ask(), answers, strict=True))


@pytest.mark.parametrize("signal", [9, 15, 2])
def test_workers_end_with_their_server(signal):
    server = subprocess.Popen([sys.executable, "-c", SERVER], cwd=ROOT, env={**os.environ, "WORKERS": "1"}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    worker_pid = int(server.stdout.readline())
    children = psutil.Process(server.pid).children(recursive=True)
    assert worker_pid in {child.pid for child in children}
    server.send_signal(signal)
    server.wait(20)
    assert not psutil.wait_procs(children, timeout=20)[1]


def test_a_small_host_has_no_workers(monkeypatch):
    monkeypatch.setattr(workers, "memory", lambda: 1e9)
    assert workers.usual_size() == 0
    monkeypatch.setattr(workers, "memory", lambda: 64e9)
    assert workers.usual_size() == workers.loky.cpu_count()


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_pool_s_bytes(real, monkeypatch, tmp_path):
    """A real scheduler and two workers on loopback; one is killed in the middle of a sweep."""
    pytest.importorskip("distributed")
    from distributed import Client

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{s.getsockname()[1]}"
    started, silent = [], {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT, "env": {**os.environ, "PYTHONPATH": str(ROOT)}}

    def dask(*arguments: str) -> subprocess.Popen:
        started.append(subprocess.Popen([sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:], "--no-dashboard"], **silent))
        return started[-1]

    try:
        dask("dask_scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2])
        one = (f"tcp://{address}", "--nthreads", "1", "--no-nanny", "--local-directory")
        dying, _ = (dask("dask_worker", *one, str(tmp_path / str(i))) for i in range(2))
        with Client(f"tcp://{address}", timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://{address}")
        calls = [partial(gradient_reach, "relu", depth=depth, width=100) for depth in range(20, 60)]
        desk = Desk(partial(workers.pool, 0), 1, workers.cluster())
        assert desk.cluster.size == 2
        threading.Timer(0.5, dying.kill).start()
        assert len(desk.ask("a", calls, True, quiet)) == 40
        assert desk.cluster
        assert dying.wait(20) == -9
        real.ask("a", calls, True, quiet)
        assert dict(desk.kept) == dict(real.kept)   # in whatever order they came
        started[0].kill()
        more = [partial(gradient_reach, "tanh", depth=depth) for depth in (5, 6)]
        asked = []
        threading.Thread(target=lambda: asked.append(desk.ask("a", more, True, quiet)), daemon=True).start()
        settle(lambda: asked, 60)
        assert desk.cluster is None
        assert all(np.array_equal(one.measured, call().measured) for one, call in zip(asked[0], more, strict=True))
    finally:
        for process in started:
            process.kill()
