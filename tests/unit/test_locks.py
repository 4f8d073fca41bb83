"""The queue of a process's requests for one session, and the renewal of their locks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from queue import Queue

import pytest

from edgedb.errors import EdgeError, OutcomeUnknown, SessionBusy, StoreUnavailable
from edgedb.locks import LockKeeper, Turns
from edgedb.room import Place
from edgedb.session import Snapshot
from edgedb.store.keys import SessionKeys
from edgedb.store.requests import Run
from edgedb.waiting import Deadline
from edgedb.wire.model import SessionToken
from harness.waiting import until

WAIT_S = 5.0
TTL_S = 0.03


def place() -> Place:
    """Give a place that can be had."""
    return Place(threading.Semaphore())


class Visitor:
    """Takes a turn in a thread of its own, and gives it back when told to."""

    def __init__(self, turns: Turns, session: str, log: list[str], name: str) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self._take = lambda: turns.turn(session, WAIT_S, place())
        self._log, self._name = log, name
        self._thread = threading.Thread(target=self._visit)
        self._thread.start()

    def _visit(self) -> None:
        with self._take():
            self._log.append(self._name)
            self.entered.set()
            assert self.leave.wait(WAIT_S)

    def end(self) -> None:
        """Leave, and be gone."""
        self.leave.set()
        self._thread.join(WAIT_S)


def queued(turns: Turns, session: str, count: int) -> None:
    """Wait until so many requests are in a session's queue."""
    while len(turns.queues.get(session, ())) < count:
        threading.Event().wait(0.001)


def test_requests_for_one_session_run_one_by_one_in_the_order_they_came() -> None:
    turns, log, visitors = Turns(), list[str](), list[Visitor]()
    for i in range(5):
        visitors.append(Visitor(turns, "s", log, str(i)))
        queued(turns, "s", i + 1)
    for i, visitor in enumerate(visitors):
        assert visitor.entered.wait(WAIT_S)
        assert log == [str(n) for n in range(i + 1)]
        visitor.end()


def test_requests_for_different_sessions_do_not_wait_for_each_other() -> None:
    turns = Turns()
    with turns.turn("s", WAIT_S, place()), turns.turn("t", 0.0, place()):
        pass


def test_who_has_waited_long_enough_is_told_that_the_session_is_busy() -> None:
    turns = Turns()
    with (
        turns.turn("s", WAIT_S, place()),
        pytest.raises(SessionBusy, match="is busy"),
        turns.turn("s", 0.001, place()),
    ):
        pytest.fail("there were two at once")


def test_who_gives_up_does_not_hold_up_who_is_behind() -> None:
    turns, log = Turns(), list[str]()
    first = Visitor(turns, "s", log, "first")
    assert first.entered.wait(WAIT_S)
    with pytest.raises(SessionBusy), turns.turn("s", 0.001, place()):
        pass
    last = Visitor(turns, "s", log, "last")
    queued(turns, "s", 2)
    first.end()
    assert last.entered.wait(WAIT_S)
    last.end()


def test_a_turn_ends_with_an_error_too_and_leaves_nothing_behind() -> None:
    turns = Turns()
    with pytest.raises(RuntimeError), turns.turn("s", WAIT_S, place()):
        raise RuntimeError
    assert turns.queues == {}


def test_a_turn_that_is_passed_on_is_the_next_ones_and_ends_nobody_elses() -> None:
    turns, log = Turns(), list[str]()
    with turns.turn("s", WAIT_S, place()) as pass_on:
        second = Visitor(turns, "s", log, "second")
        queued(turns, "s", 2)
        pass_on()
        assert second.entered.wait(WAIT_S)
        pass_on()
        third = Visitor(turns, "s", log, "third")
        queued(turns, "s", 2)
    assert log == ["second"]
    second.end()
    assert third.entered.wait(WAIT_S)
    third.end()
    assert turns.queues == {}


def test_a_turn_passed_on_to_nobody_leaves_nothing_behind() -> None:
    turns = Turns()
    with suppress(StoreUnavailable), turns.turn("s", WAIT_S, place()) as pass_on:
        pass_on()
        assert turns.queues == {}
        raise StoreUnavailable("no answer")
    assert turns.queues == {}


@pytest.mark.parametrize("error", [StoreUnavailable("x"), OutcomeUnknown("x")], ids=type)
def test_whom_the_store_fails_fails_those_who_wait_and_have_done_nothing(error: EdgeError) -> None:
    turns, told = Turns(), Queue[EdgeError]()

    def wait() -> None:
        try:
            with turns.turn("s", WAIT_S, place()):
                told.put(EdgeError("it has run"))
        except EdgeError as failure:
            told.put(failure)

    behind = threading.Thread(target=wait)

    def fail() -> None:
        with turns.turn("s", WAIT_S, place()):
            behind.start()
            queued(turns, "s", 2)
            raise error

    with pytest.raises(type(error)):
        fail()
    behind.join(WAIT_S)
    failure = told.get(timeout=WAIT_S)
    assert (type(failure), "nothing of this has happened" in str(failure)) == (
        StoreUnavailable,
        True,
    )


def running(lock: str) -> Run:
    """Give a request that holds a lock."""
    token = SessionToken("s", "edge-a", "edge-a", "cart", 1)
    return Run(SessionKeys("s"), token, "", lock, Snapshot(), 0, None)


def kept(
    keeper: LockKeeper, lock: str, seconds: float = 60.0, pass_on: Callable[[], None] = lambda: None
) -> AbstractContextManager[None]:
    """Keep the lock of a request that may take so long."""
    return keeper.keeping(running(lock), Deadline(seconds), pass_on)


class Renewals:
    """Stands for the store: tells which locks are renewed, and answers as it is told to."""

    def __init__(self) -> None:
        self.answer: Callable[[], bool] = lambda: True
        self.seen: Queue[str] = Queue()

    def __call__(self, run: Run) -> bool:
        self.seen.put(run.lock)
        return self.answer()

    def next(self) -> str:
        """Wait for the next renewal; gives its lock."""
        return self.seen.get(timeout=WAIT_S)


@pytest.fixture
def renewals() -> Renewals:
    """Give a store that renews."""
    return Renewals()


def test_the_lock_of_a_long_request_is_renewed_again_and_again(renewals: Renewals) -> None:
    keeper = LockKeeper(renewals, TTL_S, "cart")
    with kept(keeper, "a"):
        assert [renewals.next() for _ in range(3)] == ["a", "a", "a"]


def test_the_locks_of_all_running_requests_are_renewed(renewals: Renewals) -> None:
    keeper = LockKeeper(renewals, TTL_S, "cart")
    with kept(keeper, "a"), kept(keeper, "b"):
        seen = {renewals.next() for _ in range(6)}
    assert seen == {"a", "b"}


def test_a_lock_is_not_renewed_when_its_request_has_ended(renewals: Renewals) -> None:
    keeper = LockKeeper(renewals, TTL_S, "cart")
    with kept(keeper, "a"):
        pass
    with kept(keeper, "b"):
        assert [renewals.next() for _ in range(3)] == ["b", "b", "b"]


def test_a_request_whose_time_is_over_is_given_up_once_and_others_are_kept(
    renewals: Renewals,
) -> None:
    keeper, given_up = LockKeeper(renewals, TTL_S, "cart"), Queue[str]()
    with kept(keeper, "late", 0, lambda: given_up.put("late")), kept(keeper, "b"):
        assert given_up.get(timeout=WAIT_S) == "late"
        assert [renewals.next() for _ in range(3)] == ["b", "b", "b"]
    assert given_up.empty()


def test_the_log_says_which_handler_was_given_up_and_where_it_stands(
    renewals: Renewals, caplog: pytest.LogCaptureFixture
) -> None:
    def hanging() -> None:
        until(lambda: caplog.records)

    with kept(LockKeeper(renewals, TTL_S, "cart"), "a", 0):
        hanging()
    [record] = caplog.records
    assert record.levelname == "ERROR"
    assert "the handler of cart is given up: it has had session 's' for 0 s" in record.message
    assert "in hanging" in record.message


def _lost() -> bool:
    return False


def _unreachable() -> bool:
    raise StoreUnavailable("no answer")


def _surprised() -> bool:
    raise ValueError("nobody has thought of this")


@pytest.mark.parametrize("answer", [_lost, _unreachable, _surprised])
def test_a_renewal_that_fails_does_not_end_the_others(
    renewals: Renewals, answer: Callable[[], bool]
) -> None:
    keeper = LockKeeper(renewals, TTL_S, "cart")
    renewals.answer = answer
    with kept(keeper, "a"):
        renewals.next()
        renewals.answer = lambda: True
        assert [renewals.next(), renewals.next()] == ["a", "a"]


def test_nobody_keeps_locks_where_no_request_runs() -> None:
    known = set(threading.enumerate())
    keepers = [LockKeeper(lambda _: True, 0.03, "cart") for _ in range(20)]
    for keeper in keepers:
        with kept(keeper, "a"):
            pass
    until(lambda: not set(threading.enumerate()) - known)
    with kept(keepers[0], "b"):
        assert set(threading.enumerate()) - known
