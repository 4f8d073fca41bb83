"""What is tried again has a bound, and pauses that fit the wait."""

from __future__ import annotations

import pytest

from edgedb import waiting
from edgedb.waiting import Deadline, attempts


class Time:
    """A clock that goes on while somebody sleeps, and with what an attempt takes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Put a clock in the place of the real one."""
    clock = Time()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def test_attempts_fill_the_time_until_the_deadline_and_no_more(time: Time) -> None:
    count = sum(1 for _ in Deadline(5).attempts())
    assert count == len(time.slept) + 1
    assert 1005 - waiting.LONGEST_PAUSE_S <= time.now <= 1005


def test_pauses_are_in_proportion_to_the_time_waited(time: Time) -> None:
    for _ in Deadline(5).attempts():
        waited = time.now - 1000
    assert time.slept[0] <= waiting.FIRST_PAUSE_S
    began = 1000.0
    for pause in time.slept:
        longest = max(waiting.FIRST_PAUSE_S, waiting.PAUSE_SHARE * (began - 1000))
        assert 0 < pause <= min(longest, waiting.LONGEST_PAUSE_S)
        began += pause
    assert waited > 4.9


def test_a_pause_can_be_kept_shorter(time: Time) -> None:
    assert sum(1 for _ in Deadline(0.5).attempts(0.002)) > 250
    assert max(time.slept) <= 0.002


def test_there_is_one_attempt_even_if_there_is_no_time(time: Time) -> None:
    assert sum(1 for _ in Deadline(0).attempts()) == 1
    assert time.slept == []


def test_an_attempt_that_takes_all_the_time_is_the_last(time: Time) -> None:
    deadline = Deadline(5)
    for _ in deadline.attempts():
        assert not deadline.is_over
        time.now += 5
    assert time.slept == []
    time.now += 0.001
    assert deadline.is_over


@pytest.mark.parametrize("most", [1, 2, 8])
def test_so_many_attempts_have_a_pause_between_any_two(time: Time, most: int) -> None:
    assert sum(1 for _ in attempts(most)) == most
    assert len(time.slept) == most - 1
