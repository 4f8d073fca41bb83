"""The judge accepts what one copy of a session can show, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edgedb.wire.model import SessionToken
from tests.faults.judgement import Endings, judge
from tests.faults.record import Record, Seen
from tests.faults.script import Call, Subject
from tests.linearizability.history import Kind

CALL = Call(Subject("s", "edge-a", is_heavy=False), Kind.APPEND, key="l", name="a")


def appended(name: str, length: int, called: float, *, is_told: bool = False) -> Seen:
    call = replace(CALL, name=name, is_told=is_told)
    return Seen(call, called, called + 1, {"length": length})


def lost(name: str, called: float) -> Seen:
    return Seen(replace(CALL, name=name), called)


def listed(names: str, called: float) -> Seen:
    call = replace(CALL, kind=Kind.LIST, name=f"at {called}")
    return Seen(call, called, called + 1, {"elements": list(names)})


def written(name: str, called: float) -> Seen:
    return Seen(replace(CALL, kind=Kind.WRITE, key="r", name=name), called, called + 1)


def read(value: str | None, called: float) -> Seen:
    call = replace(CALL, kind=Kind.READ, key="r", name=f"at {called}")
    return Seen(call, called, called + 1, {"value": value})


def judged(*seen: Seen, in_the_end: str = "", told: str = "", **record: Any) -> list[str]:
    endings = Endings({("s", "l"): list(in_the_end)}, list(told), {"s": 3})
    return judge(Record(list(seen), **record), endings)


def token(location: str, epoch: int) -> SessionToken:
    return SessionToken("s", "edge-a", location, "ledger", epoch)


def test_a_history_of_one_copy_is_accepted() -> None:
    assert not judged(
        *(appended("a", 1, 0), appended("b", 2, 2, is_told=True), lost("c", 4), lost("d", 4)),
        *(listed("ab", 6), written("x", 0), read("x", 2), read("x", 4)),
        in_the_end="abd",
        told="b",
        tokens=[token("city", 2), token("cloud", 3)],
    )


def test_a_told_append_of_unknown_outcome_may_have_been_told_or_not() -> None:
    unknown = replace(lost("a", 0), call=replace(CALL, name="a", is_told=True))
    assert not judged(unknown, in_the_end="a", told="a")
    assert not judged(unknown)


@pytest.mark.parametrize(
    ("seen", "in_the_end", "what"),
    [
        ([appended("a", 1, 0)], "", "a was acknowledged as number 1"),
        ([appended("a", 1, 0), appended("b", 2, 2)], "ba", "b was acknowledged as number 2"),
        ([appended("a", 1, 0)], "aa", "I3: a is 2 times"),
        ([lost("a", 0)], "aa", "I3: a is 2 times"),
        ([appended("a", 1, 0)], "ax", "nobody has appended it"),
        ([appended("a", 1, 0), appended("b", 1, 2)], "ab", "b was acknowledged as number 1"),
        ([appended("a", 1, 0), listed("", 2)], "a", "no order of the operations"),
        ([written("x", 0), read(None, 2)], "", "no order of the operations"),
        ([written("x", 0), written("y", 2), read("y", 4), read("x", 6)], "", "no order of"),
    ],
)
def test_a_lost_doubled_or_forked_write_is_found(
    seen: list[Seen], in_the_end: str, what: str
) -> None:
    assert any(what in problem for problem in judged(*seen, in_the_end=in_the_end))


@pytest.mark.parametrize("told", ["", "aa", "ab"])
def test_what_the_root_was_told_must_be_what_was_appended(told: str) -> None:
    assert judged(appended("a", 1, 0, is_told=True), in_the_end="a", told=told)


def test_two_places_in_one_epoch_are_a_fork() -> None:
    [problem] = judged(tokens=[token("city", 2), token("cloud", 2)])
    assert "was at city and cloud in one epoch" in problem


def test_a_move_that_two_were_told_to_have_made_is_found() -> None:
    [problem] = judged(tokens=[token("city", 2), token("city", 2)])
    assert "to have moved to city twice" in problem


def test_a_move_that_was_told_and_is_gone_is_found() -> None:
    [problem] = judged(tokens=[token("city", 4)])
    assert "is at epoch 3, not 4" in problem


def test_what_no_fault_explains_is_a_violation() -> None:
    assert judged(oddities=["an answer of 418"]) == ["an answer of 418"]
