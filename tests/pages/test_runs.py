"""Runs: what any of them does, whatever it computes. A made-up one counts its steps."""

import itertools
import sys
import threading
import weakref
from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.state import SafeSessionState, SessionState
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette import starlette_websocket

from pages.shared import capacity, memory, runs


class Counting(runs.Run):
    """As many steps as it is told, each of them recorded."""

    def __init__(self, steps: int = 10**9):
        self.seen = []
        super().__init__("home", iter(range(1, steps + 1)))

    def record(self, result: int) -> None:
        self.seen.append(result)

    def summary(self) -> dict | None:
        return {"steps": len(self.seen)} if self.seen else None


def test_a_run_does_every_step_once_and_in_order_however_it_is_sliced():
    sliced, whole = Counting(1000), Counting(1000)
    for run, seconds in ((sliced, 0), (whole, None)):
        run.press(False)
        while run.status != "finished":
            run.advance(seconds)
    assert sliced.seen == whole.seen == list(range(1, 1001))
    assert whole.seconds > 0


def test_a_slice_ends_when_its_time_is_over_and_the_next_one_goes_on():
    run = Counting()
    run.press(False)
    run.advance(0.01)
    after_one = len(run.seen)
    assert run.status == "running"
    assert run.seconds >= 0.01
    run.advance(0.01)
    assert len(run.seen) > after_one
    assert run.seen == list(range(1, len(run.seen) + 1))


def test_stepping_past_the_end_and_pressing_twice_changes_nothing():
    run = Counting(3)
    for _ in range(6):
        run.step()
    run.press(False)
    run.press(False)
    run.advance()
    assert run.status == "finished"
    assert run.seen == [1, 2, 3]


def test_a_step_is_one_and_the_run_stands_after_it():
    run = Counting()
    run.press(False)
    run.step()
    assert run.status == "paused"
    assert run.seen == [1]
    run.advance()
    assert run.seen == [1]
    run.press(True)
    assert run.status == "paused"


def test_no_more_runs_work_at_once_than_the_machine_has_places(monkeypatch):
    monkeypatch.setattr(capacity, "gate", threading.BoundedSemaphore(1))
    first, second = Counting(), Counting()
    with capacity.place():
        second.advance(0)
    assert second.waiting
    assert second.seen == []
    second.advance(0)
    assert not second.waiting
    assert second.seen == [1]
    first.advance(0)
    assert first.seen == [1]


@pytest.mark.parametrize("visitors", [1, 2, 4, 5, 8, 30, 60])
def test_a_full_class_ticks_slower_and_leaves_the_cores_time_for_pages(visitors, monkeypatch):
    monkeypatch.setattr(capacity, "PLACES", 2)
    monkeypatch.setattr(capacity, "known", weakref.WeakValueDictionary())
    a_class = [Counting() for _ in range(visitors)]
    for run in a_class:
        run.advance(0)
        run.status = "running"
    tick, work = capacity.pace()
    assert tick == 0.25 or visitors > 4
    assert visitors / tick <= 16                    # pictures a second, each about 10 ms of one core
    assert visitors * work / tick <= 0.8 * 2 + 1e-9   # of two cores: everybody gets a slice within a tick
    assert 0.1 <= work <= 0.2
    for run in a_class:
        run.status = "paused"
    assert capacity.pace() == (0.25, 0.2)


def test_a_run_that_is_paused_while_it_waits_for_a_core_does_not_move(monkeypatch):
    monkeypatch.setattr(capacity, "gate", threading.BoundedSemaphore(1))
    run = Counting()
    run.press(False)
    with capacity.place():
        waiting = threading.Thread(target=run.advance)
        waiting.start()
        run.pause()             # answers although the other thread stands at the gate
    waiting.join(timeout=10)
    assert not waiting.is_alive()
    assert run.seen == []


def script():
    """A page with one run, whose settings are a number."""
    import streamlit as st

    from engine.verdict import Verdict
    from pages.shared import runs
    from tests.pages.test_runs import Counting

    st.session_state.setdefault("setting", 1)
    st.session_state.setdefault("steps", 10**9)
    run = runs.current("counting", st.session_state["setting"], lambda: Counting(st.session_state["steps"]))
    runs.buttons("counting", run, step=True)
    said = runs.live(run, lambda run: Verdict("read", f"{len(run.seen)} steps"), lambda run: st.caption("below"))
    st.text(said.text)


def page() -> AppTest:
    return AppTest.from_function(script, default_timeout=60).run()


@pytest.mark.parametrize("status", ["ready", "running", "paused", "finished"])
def test_a_run_under_way_keeps_its_settings_and_any_other_gives_way(status):
    app = page()
    run = app.session_state["counting"]
    run.advance(0)
    run.status = status
    app.session_state["setting"] = 2
    app.run()
    under_way = status in ("running", "paused")
    assert (app.session_state["counting"] is run) == under_way
    assert app.session_state["counting"].settings == (1 if under_way else 2)
    assert bool(app.info) == under_way
    assert runs_before(app) == ([] if under_way else [{"steps": 1}])


def runs_before(app: AppTest) -> list[dict]:
    key = "counting_earlier"
    return app.session_state[key] if key in app.session_state else []   # noqa: SIM401  (it has no get)


def test_reset_starts_over_and_keeps_a_row_of_each_of_the_last_eight_that_had_something_to_show():
    app = page()
    app.button(key="counting_reset").click().run()
    assert runs_before(app) == []
    for steps in range(1, 11):
        for _ in range(steps):
            app.button(key="counting_step").click().run()
        app.button(key="counting_reset").click().run()
    assert runs_before(app) == [{"steps": steps} for steps in range(3, 11)]
    assert app.session_state["counting"].seen == []


def test_the_verdict_of_a_run_is_said_and_given_to_the_page_and_what_is_below_comes_while_it_runs():
    app = page()
    assert [text.value for text in (*app.markdown, *app.text)] == ["0 steps", "0 steps"]
    assert not app.caption
    app.button(key="counting_start").click().run()
    assert app.button(key="counting_pause").label == "Pause"
    assert [caption.value for caption in app.caption] == ["below"]
    assert app.text[0].value == app.markdown[0].value == f"{len(app.session_state['counting'].seen)} steps"
    app.button(key="counting_pause").click().run()
    assert not app.caption


def test_a_run_that_ends_frees_the_page_from_its_clock_and_can_only_be_reset():
    app = page()
    app.session_state["steps"] = 5
    app.button(key="counting_reset").click().run()
    app.button(key="counting_start").click().run()
    assert app.session_state["counting"].status == "finished"
    assert app.text[0].value == "5 steps"
    assert app.button(key="counting_start").disabled
    assert app.button(key="counting_step").disabled
    assert not app.button(key="counting_reset").disabled


def test_a_run_of_another_page_is_paused():
    def leave():
        import streamlit as st

        from pages.shared import runs
        from tests.pages.test_runs import Counting

        for key, stem in (("here", "home"), ("elsewhere", "batch_norm")):
            run = st.session_state[key] = Counting()
            run.page, run.status = stem, "running"
        runs.pause_unless_on("home")

    app = AppTest.from_function(leave).run()
    assert app.session_state["here"].status == "running"
    assert app.session_state["elsewhere"].status == "paused"


# What is lost ---------------------------------------------------------------------------------------------------------


def notes(app: AppTest) -> list[str]:
    return [warning.value for warning in app.warning]


def test_the_address_notes_that_a_run_was_started_until_it_is_reset():
    app = page()
    assert "counting" not in app.query_params
    app.button(key="counting_step").click().run()
    assert "counting" in app.query_params
    app.button(key="counting_reset").click().run()
    assert "counting" not in app.query_params
    assert notes(app) == []


def test_who_comes_back_to_a_server_that_was_killed_is_told_that_the_run_is_gone_until_it_starts_again():
    app = page()
    app.button(key="counting_step").click().run()
    later = AppTest.from_function(script, default_timeout=60)   # another process knows nothing but the address
    for key, value in app.query_params.items():
        later.query_params[key] = value
    for _ in range(2):
        later.run()
        assert notes(later) == [runs.LOST]
    later.button(key="counting_step").click().run()
    assert notes(later) == []
    assert later.session_state["counting"].seen == [1]
    later.button(key="counting_reset").click().run()
    assert notes(later) == []
    assert "counting" not in later.query_params


def test_a_run_that_was_closed_for_its_memory_is_said_to_be_gone_and_stays_in_the_list():
    app = page()
    app.button(key="counting_step").click().run()
    app.session_state["counting"].close()
    app.run()
    assert notes(app) == [runs.LOST]
    assert app.session_state["counting"].status == "ready"
    assert runs_before(app) == [{"steps": 1}]


# Memory ---------------------------------------------------------------------------------------------------------------


class Heavy(Counting):
    """It holds something large, and knows how much."""

    def __init__(self, full: int = 100):
        super().__init__()
        self.large, self.full = type("Large", (), {})(), full

    def release(self) -> None:
        super().release()
        self.large = None


def test_runs_are_counted_while_other_visitors_begin_theirs(monkeypatch):
    monkeypatch.setattr(capacity, "known", weakref.WeakValueDictionary())
    begun, stop = [], threading.Event()

    def visitors():
        while not stop.is_set() and len(begun) < 5000:
            begun.append(Counting())
            capacity.known[id(begun[-1])] = begun[-1]

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)   # in the middle of a count
    others = threading.Thread(target=visitors)
    try:
        others.start()
        for _ in range(200):
            assert capacity.pace()[0] >= capacity.TICK
            assert capacity.close_abandoned(lambda session: True, 1) == 0
    finally:
        stop.set()
        others.join()
        sys.setswitchinterval(interval)


@pytest.fixture
def alone(monkeypatch):
    """No runs but those of the test, on a machine with room for 250 bytes."""
    monkeypatch.setattr(capacity, "known", weakref.WeakValueDictionary())
    monkeypatch.setattr(capacity, "MOST", 250)


def started(**options) -> Heavy:
    run = Heavy(**options)
    capacity.known[id(run)] = run
    run.press(False)
    return run


def test_a_page_that_takes_longer_than_a_run_counts_as_one_has_the_same_pace_before_its_tick_and_after(monkeypatch):
    """With another one after its tick, it would be drawn again for ever."""
    monkeypatch.setattr(capacity, "known", weakref.WeakValueDictionary())
    mine, *others = (started() for _ in range(2 * capacity.PLACES + 1))
    mine.last_tick -= 2 * capacity.RECENT   # of a page that is drawn on a busy machine
    assert capacity.pace(mine)[0] != capacity.pace()[0]
    before = capacity.pace(mine)[0]
    mine.advance()
    assert before == capacity.pace()[0]
    for run in (mine, *others):
        run.close()


def test_a_page_is_drawn_though_the_pace_changes_at_every_look(monkeypatch):
    app = page()
    paces = itertools.count(1)
    monkeypatch.setattr(capacity, "pace", lambda asking=None: (float(next(paces)), 0.01))
    app.button(key="counting_start").click().run(timeout=20)
    assert app.text[0].value.endswith(" steps")
    app.session_state["counting"].close()


def test_a_run_counts_as_long_as_its_visitor_is_there_and_it_waits_for_its_turn(monkeypatch):
    monkeypatch.setattr(capacity, "known", weakref.WeakValueDictionary())
    a_class = [started() for _ in range(8 * capacity.PLACES)]
    full = capacity.pace()[0]
    for run in a_class:
        run.last_tick -= 10   # four seconds of a tick, and as long for a core
    assert capacity.pace()[0] == full
    for run in a_class[1:]:
        run.gone = 1.0
    assert capacity.pace()[0] == capacity.TICK
    for run in a_class:
        run.close()


def test_a_run_that_is_closed_lets_go_of_what_is_large_though_others_still_refer_to_it_and_never_moves_again():
    run = Heavy()
    run.step()
    large = weakref.ref(run.large)
    run.close()
    assert large() is None
    assert run.held == 0
    for _ in range(2):
        run.press(False)
        run.step()
        run.advance()
    assert run.status == "closed"
    assert run.seen == [1]


def test_a_run_that_is_closed_in_the_middle_of_a_step_ends_that_step_first():
    inside, go_on, run = threading.Event(), threading.Event(), Heavy()
    record = run.record
    run.record = lambda result: (inside.set(), go_on.wait(10), record(result))
    run.press(False)
    worker = threading.Thread(target=run.advance, args=(0.05,))
    worker.start()
    assert inside.wait(10)
    closing = threading.Thread(target=run.close)
    closing.start()
    assert run.large is not None
    go_on.set()
    for thread in (worker, closing):
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert (run.status, run.large) == ("closed", None)


def test_reset_closes_the_run_that_it_replaces():
    app = page()
    run = app.session_state["counting"]
    app.button(key="counting_reset").click().run()
    assert run.status == "closed"
    assert app.session_state["counting"] is not run


def test_runs_that_do_not_fit_beside_others_are_refused_until_there_is_room(alone):
    first, second, third = (started() for _ in range(3))
    assert [run.status for run in (first, second, third)] == ["running", "running", "ready"]
    assert third.refused
    first.close()
    third.press(False)
    assert third.status == "running"
    assert not third.refused


def test_who_left_or_looked_away_for_long_gives_way_before_anybody_is_refused(alone):
    left, idle = started(), started()
    left.gone = 1.0
    second = started()
    assert second.status == "running"
    assert left.status == "closed"
    idle.pause()
    idle.last_tick -= 2 * capacity.IDLE
    third = started()
    assert third.status == "running"
    assert idle.status == "closed"


def test_nobody_gives_way_where_it_would_not_help(alone):
    """Who lost the connection for a moment and comes back finds the run again, though others want more than there is."""
    left, _ = started(), started()
    left.gone = 1.0
    assert not capacity.make_room(200)
    assert left.status == "running"
    left.gone = capacity.time.monotonic()   # a moment ago
    assert not capacity.make_room(150)
    left.gone -= capacity.GRACE + 1
    assert capacity.make_room(150)
    assert left.status == "closed"


def test_a_page_says_that_there_is_no_room_and_its_run_stays_ready(alone):
    app, other = page(), started()
    app.session_state["counting"].full = 200
    app.button(key="counting_start").click().run()
    assert notes(app) == [capacity.FULL]
    assert app.session_state["counting"].status == "ready"
    other.close()
    app.button(key="counting_start").click().run()
    assert notes(app) == []
    assert app.session_state["counting"].status != "ready"


def test_the_largest_network_that_the_controls_allow_can_be_trained_where_nobody_else_trains(alone):
    assert capacity.make_room(251)
    other = started()
    assert not capacity.make_room(251)
    other.gone = capacity.time.monotonic() - capacity.GRACE - 1
    assert capacity.make_room(251)
    assert other.status == "closed"


def test_a_run_is_closed_when_its_browser_has_been_gone_for_as_long_as_one_waits_for_it(alone, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(capacity.time, "monotonic", lambda: now[0])
    run = started()
    run.session, there = "a", {"a"}
    for seconds, is_there, status in ((0, True, "running"), (60, False, "running"), (119, False, "running"), (0, True, "running"),
                                      (300, True, "running"), (0, False, "running"), (120, False, "closed")):
        now[0] += seconds
        assert capacity.close_abandoned(lambda name, is_there=is_there: is_there and name in there, 120) == (status == "closed")
        assert run.status == status


@pytest.fixture
def mended(monkeypatch):
    """Streamlit's own functions come back at the end."""
    monkeypatch.setattr(SafeSessionState, "__init__", SafeSessionState.__init__)
    monkeypatch.setattr(Runtime, "_send_message", Runtime._send_message)


@pytest.fixture
def started_threads(mended, monkeypatch):
    """Those that a new process would have: they do not run."""
    started = []
    monkeypatch.setattr(memory, "_first", threading.Lock())
    monkeypatch.setattr(memory.threading, "Thread", lambda **options: SimpleNamespace(start=lambda: started.append(options)))
    return started


def test_one_thread_looks_after_memory_however_many_sessions_open_the_app_at_once(started_threads):
    for _ in range(3):
        memory.start()
    assert len(started_threads) == 1


def test_the_log_is_spared_a_tab_that_closed_in_the_middle_of_a_message_and_no_other_error(started_threads, monkeypatch, caplog):
    monkeypatch.setattr(starlette_websocket._LOGGER, "filters", [])
    monkeypatch.setattr(starlette_websocket._LOGGER, "propagate", True)
    memory.start()
    for said in ("Unexpected ASGI message 'websocket.send', after sending 'websocket.close' or response already completed.", "no such thing"):
        try:
            raise RuntimeError(said)
        except RuntimeError:
            starlette_websocket._LOGGER.exception("Error sending websocket payload")
    assert {str(record.exc_info[1]) for record in caplog.records} == {"no such thing"}


def test_two_script_threads_of_a_session_take_turns_at_its_state_and_sessions_do_not_wait_for_each_other(mended):
    memory.mend_streamlit()
    mine, another = SessionState(), SessionState()
    first, second, other = (SafeSessionState(state=state, yield_callback=lambda: None) for state in (mine, mine, another))  # by name, as Streamlit
    first["number"], done = 1, []
    reads = [threading.Thread(target=lambda one=one: done.append(one.filtered_state)) for one in (second, other)]
    with first._lock:   # as while one of them goes through the state
        for thread in reads:
            thread.start()
        reads[1].join(10)
        assert done == [{}]
    reads[0].join(10)
    assert done == [{}, {"number": 1}]


def test_who_comes_back_while_messages_are_being_sent_gets_what_was_meant_for_the_lost_connection(mended):
    memory.mend_streamlit()
    sent = {"lost": [], "new": [], "only": []}
    infos = {name: SimpleNamespace(client=SimpleNamespace(write_forward_msg=sent[name].append), session=SimpleNamespace(id=session))
             for name, session in (("lost", "a"), ("new", "a"), ("only", "b"))}
    runtime = SimpleNamespace(_session_mgr=SimpleNamespace(get_active_session_info={"a": infos["new"]}.get))   # nobody has "b" any more
    for name, count in (("lost", 1), ("only", 2)):
        Runtime._send_message(runtime, infos[name], ForwardMsg(hash=str(count)))
    assert {name: [message.hash for message in messages] for name, messages in sent.items()} == {"lost": [], "new": ["1"], "only": ["2"]}
