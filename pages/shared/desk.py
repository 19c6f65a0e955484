"""A desk: takes questions of many visitors, hands them to executors a few at a time, and keeps the answers. Knows no Streamlit.

A question is a function and its arguments. It is computed once, however many ask it; nobody's questions come before
anybody else's for long; and what a visitor no longer waits for is not begun.
"""

import itertools
import logging
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from pages.shared import worker

KEPT = 32_000_000  # bytes of answers that are kept
PATIENCE = 0.5  # seconds before a visitor is told of a queue; Streamlit's spinner waits as long again
TOGETHER = 4  # questions of one script run that are one visitor's turn
LIVES = 2  # executors that may break over a question before it is computed in this process
LOG = logging.getLogger(__name__)


@dataclass(eq=False)
class Lane:
    """An executor, and how many questions it is given at once: from its own queue none can be taken back."""

    executor: Executor
    size: int
    begun: set["Question"] = field(default_factory=set)  # and not ended


@dataclass(eq=False)
class Wait:
    """One run of a visitor's script, waiting for some questions."""

    visitor: str
    since: int  # when the visitor was served before it
    news: threading.Event = field(default_factory=threading.Event)
    dropped: bool = False  # the visitor has moved on


@dataclass(eq=False)
class Question:
    key: Hashable
    call: partial
    long: bool
    tier: int  # 0 for the first few of its script run, 1 for the next
    number: int
    waits: set[Wait] = field(default_factory=set)
    lost: int = 0
    answer: bytes | None = None


def known_as(call: partial) -> Hashable:
    """Equal for equal questions. Arrays are known by their numbers."""

    def hashable(value: Any) -> Hashable:
        return (value.shape, value.dtype.str, sha256(value.tobytes()).digest()) if isinstance(value, np.ndarray) else value

    return call.func, *map(hashable, call.args), *((name, hashable(value)) for name, value in sorted(call.keywords.items()))


def opened(answer: bytes | None) -> Any:
    """What an answer says, None for one that is not there. Raises what the function raised."""
    result, error = pickle.loads(answer) if answer else (None, None)
    if error:
        raise error
    return result


class Desk:
    """`make` gives the executor of the pool, and a new one when that broke. What is long goes to the cluster, while there is one."""

    def __init__(self, make: Callable[[], Executor], size: int, cluster: Lane | None = None):
        self.make, self.pool, self.cluster = make, Lane(make(), size), cluster
        self.open: dict[Hashable, Question] = {}  # asked and not answered
        self.queue: list[Question] = []  # of these, what is not begun
        self.waits: dict[str, set[Wait]] = {}  # of each visitor
        self.served: dict[str, int] = {}  # when each visitor was, last
        self.kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self.bytes = 0
        self._numbers, self._lock = itertools.count(1), threading.RLock()

    def crowded(self) -> bool:
        """More questions wait than there are workers."""
        return len(self.queue) > self.pool.size

    def thin_out(self, calls: Sequence[partial], few: int) -> Sequence[partial]:
        """While it is crowded, the first few of these questions, and those that cost nothing."""
        with self._lock:
            return [call for i, call in enumerate(calls) if i < few or known_as(call) in self.kept] if self.crowded() else calls

    def begin(self, visitor: str) -> None:
        """A visitor's script starts anew: what its last run waits for is dropped, and that run ends."""
        with self._lock:
            for wait in self.waits.pop(visitor, ()):
                wait.dropped = True
                wait.news.set()

    def ask(self, visitor: str, calls: Collection[partial], long: bool, told: Callable[[int], AbstractContextManager[Callable]],
            seen: Callable[[list[Any]], None] | None = None) -> list[Any] | None:
        """The answers in order, or None when the visitor moved on. `told` how many questions are ahead, while it waits; it looks whether he has. Raises what a function raised.

        With `seen`, it gets the answers whenever there are more of them, and None for each that is still open.
        """
        keys, mine, answers = [known_as(call) for call in calls], {}, {}
        with self._lock:
            wait = Wait(visitor, self.served.get(visitor, 0))
            for key, call in zip(keys, calls, strict=True):
                if key in self.kept:
                    answers[key] = self.kept[key]
                    self.kept.move_to_end(key)
                    continue
                if key not in self.open:
                    self.open[key] = Question(key, call, long, len(mine) // TOGETHER, next(self._numbers))
                    self.queue.append(self.open[key])
                mine[key] = self.open[key]
                mine[key].waits.add(wait)
            if mine:
                self.waits.setdefault(visitor, set()).add(wait)
                self._hand_out()

        def results() -> list[Any]:
            return [opened(answers[key] if key in answers else mine[key].answer) for key in keys]

        try:
            self._wait_for(wait, mine.values(), told, seen and (lambda: seen(results())))
        finally:
            self._leave(wait, mine.values())
        return None if wait.dropped else results()

    def _wait_for(self, wait: Wait, questions: Collection[Question], told: Callable[[int], AbstractContextManager[Callable]], more: Callable[[], None] | None) -> None:
        answered = 0

        def pause(seconds: float) -> bool:
            """Whether all is over, after news or so many seconds."""
            nonlocal answered
            if not (wait.dropped or all(question.answer for question in questions)):
                wait.news.wait(seconds)
                wait.news.clear()
            before, answered = answered, sum(question.answer is not None for question in questions)
            if more and not wait.dropped and before < answered < len(questions):
                more()
            return wait.dropped or answered == len(questions)

        def ahead() -> int:
            with self._lock:
                turns = [self._turn(question) for question in self.queue if wait in question.waits]
                return sum(self._turn(question) < min(turns) for question in self.queue) if turns else 0

        over = pause(PATIENCE)
        while not over:
            with told(said := ahead()) as look:  # what is taken down and put up again blinks
                while not (over := pause(2 * PATIENCE)) and ahead() == said:
                    look()

    def _leave(self, wait: Wait, questions: Collection[Question]) -> None:
        with self._lock:
            self.waits.get(wait.visitor, set()).discard(wait)
            if not self.waits.get(wait.visitor):
                self.waits.pop(wait.visitor, None)
            for question in questions:
                question.waits.discard(wait)
                if not question.waits and question in self.queue:
                    self.queue.remove(question)
                    del self.open[question.key]

    def _turn(self, question: Question) -> tuple[int, int, int]:
        """Who was served longest ago comes first, with what his page needs, but not with all that a page can ask."""
        return question.tier, min((wait.since for wait in question.waits), default=0), question.number

    def _lane(self, question: Question) -> Lane:
        return self.cluster if question.long and self.cluster else self.pool

    def _fits(self, question: Question) -> bool:
        """Long questions leave one worker of the pool to short ones, if there are two."""
        lane = self._lane(question)
        long = sum(one.long for one in lane.begun)
        return len(lane.begun) < lane.size and (not question.long or lane is self.cluster or long < max(1, lane.size - 1))

    def _hand_out(self) -> None:
        """Begin as many questions as there is room for."""
        while fitting := [question for question in self.queue if self._fits(question)]:
            question = min(fitting, key=self._turn)
            self.queue.remove(question)
            turn, lane = next(self._numbers), self._lane(question)
            self.served.update({wait.visitor: turn for wait in question.waits})
            lane.begun.add(question)
            executor = lane.executor
            try:
                future = executor.submit(worker.answer, question.call)
            except Exception as error:  # it broke a moment ago
                self._failed(question, lane, executor, error)
            else:
                future.add_done_callback(partial(self._answered, question, lane, executor))
        if not self.queue:
            self.served.clear()

    def _answered(self, question: Question, lane: Lane, executor: Executor, future: Future) -> None:
        with self._lock:
            error = InterruptedError("cancelled") if future.cancelled() else future.exception()
            if error:
                self._failed(question, lane, executor, error)
            else:
                self._close(question, lane, future.result())
            self._hand_out()

    def _close(self, question: Question, lane: Lane, answer: bytes) -> None:
        lane.begun.remove(question)
        question.answer = self.kept[question.key] = answer
        del self.open[question.key]
        self.bytes += len(answer)
        while self.bytes > KEPT:
            self.bytes -= len(self.kept.popitem(last=False)[1])
        for wait in question.waits:
            wait.news.set()

    def _failed(self, question: Question, lane: Lane, executor: Executor, error: BaseException) -> None:
        """A worker died: a new pool. The cluster was lost: the pool instead. What was under way is begun again, in the end in this process."""
        question.lost += 1
        LOG.warning("%s (%s); %s is begun again", "A worker died" if lane is self.pool else "The cluster was lost", type(error).__name__, question.call.func.__name__)
        if executor is self.pool.executor:
            executor.shutdown(wait=False)
            self.pool.executor = self.make()
        elif lane is self.cluster:
            self.cluster = None
        if question.lost <= LIVES:
            lane.begun.remove(question)
            self.queue.append(question)
        else:
            threading.Thread(target=lambda: self._close_in_place(question, lane), daemon=True).start()

    def _close_in_place(self, question: Question, lane: Lane) -> None:
        answer = worker.answer(question.call)
        with self._lock:
            self._close(question, lane, answer)
            self._hand_out()
