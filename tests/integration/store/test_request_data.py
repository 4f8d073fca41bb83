"""What a session keeps is what was written: any names, any values, small or large, in any order."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from edgedb.session import Changes, ListChange, Session
from edgedb.store.codec import VERSION_BYTES
from edgedb.store.limits import (
    DELETIONS_KEPT,
    READ_BYTES,
    READ_TOGETHER,
    SMALL_BYTES,
    SMALL_LIST_BYTES,
    SMALL_LISTS,
    SMALL_SCALARS,
)
from edgedb.store.requests import Run
from edgedb.wire.model import Value
from edgedb.wire.pieces import PIECE_BYTES
from tests.integration.store.steps import Place, attempt, changes
from tests.support import snapshot, strategies
from tests.support.threads import at_once

HOSTILE = "'\"]] {}:\n%s KEYS[1] redis.call('FLUSHALL')"


def opened(edge: Place, run: Run) -> Session:
    """Give a request's session, as a handler has it."""

    class Reader:
        def scalar(self, key: str) -> Value | None:
            return edge.store.requests.scalar(run, key)

        def elements(self, key: str) -> tuple[Value, ...]:
            return edge.store.requests.elements(run, key)

    return Session(run.snapshot, Reader())


@strategies.quick
@given(strategies.session_ids, strategies.texts, strategies.values)
@example(HOSTILE.replace("\n", ""), HOSTILE, HOSTILE)
@example("}{a}:meta", "", b"")
def test_any_session_keeps_any_value_under_any_name(
    edge: Place, session: str, name: str, value: Value
) -> None:
    edge.empty()
    edge.write({name: value}, replaced={name: [value, value]}, session=session)
    scalars, lists = edge.content(session)
    assert (scalars[name], lists[name]) == (value, (value, value))
    assert type(scalars[name]) is type(value)
    assert [edge.token(session).session] == [session]


names = st.sampled_from(["a", "b", "c", "d"])
requests = st.builds(
    changes,
    scalars=st.dictionaries(names, st.none() | strategies.values, max_size=2),
    appended=st.dictionaries(names, st.lists(strategies.values, max_size=3), max_size=2),
    replaced=st.dictionaries(names, st.lists(strategies.values, max_size=2), max_size=1),
)


def applied(model: dict[str, Any], lists: dict[str, list[Value]], written: Changes) -> None:
    """Do to two dictionaries what a commit does to a session."""
    for name, value in written.scalars.items():
        model.pop(name, None)
        if value is not None:
            model[name] = value
    for name, change in written.lists.items():
        kept = [] if change.replaced else lists.get(name, [])
        lists[name] = [*kept, *change.appended]


@strategies.quick
@given(st.lists(requests, min_size=1, max_size=6))
def test_a_session_is_the_sum_of_its_commits(edge: Place, written: list[Changes]) -> None:
    edge.empty()
    scalars, lists = dict[str, Value](), dict[str, list[Value]]()
    for one in written:
        edge.store.requests.commit(edge.run(), one)
        applied(scalars, lists, one)
    kept = {name: tuple(values) for name, values in lists.items() if values}
    assert edge.content() == (scalars, kept)
    state = snapshot.read(edge.client).sessions["s"]
    assert state.books.items() <= state.meta.items()


def written_scalars(count: int) -> Changes:
    return changes({f"k{n}": str(n) for n in range(count)})


def written_lists(count: int) -> Changes:
    return changes(appended={f"k{n}": [str(n)] for n in range(count)})


LARGE_LIST = ["x" * (SMALL_LIST_BYTES - 1), ""]


@pytest.mark.parametrize(
    ("written", "has_scalars", "has_lists"),
    [
        (written_scalars(SMALL_SCALARS), True, True),
        (written_scalars(SMALL_SCALARS + 1), False, True),
        (written_lists(SMALL_LISTS), True, True),
        (written_lists(SMALL_LISTS + 1), True, False),
        (changes({"k": "x" * (SMALL_BYTES - 2)}), True, True),
        (changes({"k": "x" * (SMALL_BYTES - 1)}), False, True),
        (changes({"k": "x"}, {"l": LARGE_LIST[:1], "m": [""]}), True, True),
        (changes({"k": "x"}, {"l": LARGE_LIST, "m": [""]}), True, True),
    ],
    ids=["scalars", "+1", "lists", "+1", "bytes", "+1", "list-bytes", "+1"],
)
def test_begin_brings_along_what_is_small_and_the_rest_is_read_key_by_key(
    edge: Place, written: Changes, has_scalars: bool, has_lists: bool
) -> None:
    edge.store.requests.commit(edge.run(), written)
    run = edge.run()
    assert (run.snapshot.scalars is not None) == has_scalars
    assert (run.snapshot.lists is not None) == has_lists
    for name, elements in (run.snapshot.lists or {}).items():
        assert (elements is None) == (written.lists[name].appended == LARGE_LIST)
    session = opened(edge, run)
    assert {name: session.get(name) for name in written.scalars} == written.scalars
    for name, change in written.lists.items():
        assert session.get_list(name) == change.appended
    assert (session.get("none"), session.get_list("none")) == (None, [])


def test_more_lists_than_begin_knows_by_number_stay_apart(edge: Place) -> None:
    many = {f"k{n}": [str(n)] for n in range(3 * SMALL_LISTS)}
    edge.write(appended=many)
    edge.write(replaced={name: [] for name in list(many)[:20]})
    edge.write(appended={"new": ["x"], "k1": ["again"], "k23": ["more"]})
    session = opened(edge, edge.run())
    left = {name: found for name in (*many, "new") if (found := session.get_list(name))}
    assert left == {
        "k1": ["again"],
        **{f"k{n}": [str(n)] for n in (20, 21, 22)},
        "k23": ["23", "more"],
        "new": ["x"],
    }


def test_a_large_session_can_be_given_new_lists_and_lose_old_ones(edge: Place) -> None:
    edge.write({"ballast": "x" * SMALL_BYTES}, {"a": ["a0"], "b": ["b0"]})
    edge.write(appended={"c": ["c0"], "a": ["a1"], "d": ["d0"]}, replaced={"b": []})
    session = opened(edge, edge.run())
    found = {name: session.get_list(name) for name in "abcd"}
    assert found == {"a": ["a0", "a1"], "b": [], "c": ["c0"], "d": ["d0"]}


def test_a_deletion_is_remembered_until_there_are_too_many(edge: Place) -> None:
    doomed = [str(n) for n in range(DELETIONS_KEPT)]
    edge.write({"last": "x", **dict.fromkeys(doomed, "x")})
    edge.write(dict.fromkeys(doomed))
    assert edge.client.zcard("edge:{s}:gone") == DELETIONS_KEPT
    edge.write({"last": None})
    assert edge.client.zcard("edge:{s}:gone") == 0


def test_every_change_is_given_a_version_that_was_never_given_before(edge: Place) -> None:
    seen = set[float]()
    for one in ({"x": "1"}, {"x": None}, {"x": "2", "y": "1"}, {"y": None}):
        edge.write(one)
        stamps = {
            score
            for part in ("versions", "gone")
            for _, score in edge.client.zrange(f"edge:{{s}}:{part}", 0, -1, withscores=True)
        }
        assert len(stamps - seen) == len(one)
        seen |= stamps


def test_racing_requests_neither_lose_nor_double_an_increment(edge: Place) -> None:
    def increment(_: int) -> None:
        for _ in range(5):
            mine = attempt()
            while not isinstance(run := edge.store.requests.begin(mine), Run):
                threading.Event().wait(0.001)
            assert run.snapshot.scalars is not None
            count = int(run.snapshot.scalars.get("count", "0")) + 1
            edge.store.requests.commit(run, changes({"count": str(count)}, {"log": [str(count)]}))

    at_once(20, increment)
    everything = [str(n + 1) for n in range(100)]
    assert edge.content() == ({"count": "100"}, {"log": tuple(everything)})


def test_of_racing_beginners_exactly_one_has_the_lock(edge: Place) -> None:
    outcomes = list[object]()
    at_once(20, lambda _: outcomes.append(edge.begin()))
    assert sum(isinstance(outcome, Run) for outcome in outcomes) == 1


def test_of_one_name_a_request_may_write_both_kinds(edge: Place) -> None:
    both = Changes({"x": "1"}, {"x": ListChange(replaced=True, appended=["2"])})
    edge.store.requests.commit(edge.run(), both)
    assert edge.content() == ({"x": "1"}, {"x": ("2",)})


@pytest.mark.parametrize(
    "written",
    [
        [f"{n}" for n in range(3 * READ_TOGETHER)],
        ["x" * 1000] * (3 * READ_BYTES // 1000),
        [b"x" * READ_BYTES, "", b"y" * READ_BYTES],
        ["x" * (READ_BYTES // READ_TOGETHER - VERSION_BYTES - 1)] * READ_TOGETHER,
    ],
    ids=["small", "many", "large", "exactly-a-slice"],
)
def test_no_step_reads_much_more_of_a_list_than_a_slice(
    edge: Place, monkeypatch: pytest.MonkeyPatch, written: list[Value]
) -> None:
    edge.write(appended={"l": written})
    send, answered = edge.client.execute_command, list[int]()

    def counting(*words: Any, **options: Any) -> Any:
        answer = send(*words, **options)
        answered.append(sum(map(len, answer)))
        return answer

    run = edge.run(lock="")
    monkeypatch.setattr(edge.client, "execute_command", counting)
    assert edge.store.requests.elements(run, "l") == tuple(written)
    assert max(answered) < READ_BYTES + READ_TOGETHER * PIECE_BYTES
    assert all(size >= READ_BYTES for size in answered[:-1])
