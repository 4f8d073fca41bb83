"""What a call may weigh, what a session may come to: beyond a limit 413, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import edgedb
from edgedb.session import (
    CHANGES_LIMIT,
    KEY_LIMIT,
    MESSAGE_VALUE_LIMIT,
    MESSAGES_LIMIT,
    VALUE_LIMIT,
    WRITTEN_LIMIT,
)
from edgedb.store import limits
from edgedb.store.keys import SessionKeys
from edgedb.wire import model
from edgedb.wire.headers import IDEMPOTENCY_KEY
from edgedb.wire.model import COUNT_LIMIT
from tests.hostile.calls import FORCE_OFFLOAD, FORCE_ONLOAD, KEEP, ONLOAD, READ, SESSIONS, Call
from tests.support.dumps import Held
from tests.support.tree import Tree

Deploy = Callable[[Callable[..., Any]], None]
Act = Callable[[int], Any]

SCRIPTED = replace(KEEP, function="scripted").without(IDEMPOTENCY_KEY)
KEY, VALUE = "k" * KEY_LIMIT, "v" * VALUE_LIMIT

NUMBERS: dict[str, tuple[Call, int]] = {
    "sessions-to-list": (replace(SESSIONS, query="limit={}"), COUNT_LIMIT),
    "sessions-to-name": (replace(ONLOAD, query="count={}"), COUNT_LIMIT),
    "sessions-to-bring": (replace(FORCE_ONLOAD, query="count={}"), COUNT_LIMIT),
    "sessions-to-move": (replace(FORCE_OFFLOAD, query="count={}"), COUNT_LIMIT),
    "version": (replace(READ, query="session=s&since={}"), model.VERSION_LIMIT),
    "page": (replace(READ, query="session=s&page={}"), model.VERSION_LIMIT),
    "element": (replace(READ, query="session=s&list=kept&start={}"), model.VERSION_LIMIT),
}


@pytest.mark.parametrize(("call", "limit"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_is_taken_up_to_its_limit(state: Tree, held: Held, call: Call, limit: int) -> None:
    assert replace(call, query=call.query.format(limit))(state) == 200
    held.put_back()
    for more in (limit + 1, "9" * 17, "9" * 5000):
        assert replace(call, query=call.query.format(more))(state) == 413
    assert held.is_unchanged()


WRITES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "key": (lambda: edgedb.set(KEY, ""), lambda: edgedb.set(KEY + "k", "")),
    "key-read": (lambda: edgedb.get(KEY), lambda: edgedb.get(KEY + "k")),
    "key-deleted": (lambda: edgedb.delete(KEY), lambda: edgedb.delete(KEY + "k")),
    "list": (lambda: edgedb.add_to_list(KEY, ""), lambda: edgedb.add_to_list(KEY + "k", "")),
    "value": (lambda: edgedb.set("k", VALUE), lambda: edgedb.set("k", VALUE + "v")),
    "element": (
        lambda: edgedb.add_to_list("k", VALUE),
        lambda: edgedb.add_to_list("k", VALUE + "v"),
    ),
    "characters": (lambda: edgedb.set("é" * 512, ""), lambda: edgedb.set("é" * 513, "")),
}


@pytest.mark.parametrize(("most", "more"), WRITES.values(), ids=WRITES.keys())
def test_what_is_written_is_taken_up_to_its_limit(
    state: Tree,
    held: Held,
    scripted: Deploy,
    most: Callable[[], Any],
    more: Callable[[], Any],
) -> None:
    scripted(lambda _: more())
    assert SCRIPTED(state) == 413
    assert held.is_unchanged()
    scripted(lambda _: most() and None)
    assert SCRIPTED(state) == 200


def test_a_value_at_its_limit_can_be_moved(state: Tree, scripted: Deploy) -> None:
    scripted(lambda _: edgedb.set("k", b"v" * VALUE_LIMIT))
    assert SCRIPTED(state) == 200
    for client in state.clients.values():
        client.slowlog_reset()
    assert state.offload("edge-a").current_location == "city"
    slowest_us = max(
        [entry["duration"] for client in state.clients.values() for entry in client.slowlog_get()],
        default=0,
    )
    assert slowest_us < 400_000  # half of EDGE_REDIS_TIMEOUT, on a machine with nothing else to do


OF_A_REQUEST: dict[str, tuple[Act, int]] = {
    "values": (lambda n: edgedb.set(f"k{n}", ""), CHANGES_LIMIT),
    "one-value": (lambda _: edgedb.set("k", ""), CHANGES_LIMIT),
    "elements": (lambda _: edgedb.add_to_list("l", ""), CHANGES_LIMIT),
    "deletions": (lambda n: edgedb.delete(f"k{n}"), CHANGES_LIMIT),
    "bytes": (
        lambda n: edgedb.add_to_list(f"{n}", bytes(VALUE_LIMIT - 1)),
        WRITTEN_LIMIT // VALUE_LIMIT,
    ),
    "messages": (lambda _: edgedb.propagate("", ["city"], "receiver"), MESSAGES_LIMIT),
    "message": (
        lambda n: edgedb.propagate("v" * (MESSAGE_VALUE_LIMIT + n), ["city"], "receiver"),
        1,
    ),
}


@pytest.mark.parametrize(("act", "most"), OF_A_REQUEST.values(), ids=OF_A_REQUEST.keys())
def test_a_request_writes_up_to_its_limit(
    state: Tree, held: Held, scripted: Deploy, act: Act, most: int
) -> None:
    scripted(lambda request: [act(n) for n in range(int(request.query["n"]))] and None)
    assert replace(SCRIPTED, query=f"n={most + 1}")(state) == 413
    assert held.is_unchanged()
    assert replace(SCRIPTED, query=f"n={most}")(state) == 200


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """Lower the limits of a session."""
    for name in ("VALUES_LIMIT", "LISTS_LIMIT", "REPLIES_LIMIT"):
        monkeypatch.setattr(limits, name, 5)
    return 5


def one_by_one(request: edgedb.Request) -> None:
    edgedb.set(request.query["key"], request.query.get("value", ""))


def one_list_by_one(request: edgedb.Request) -> None:
    edgedb.add_to_list(request.query["key"], "")


@pytest.mark.parametrize("script", [one_by_one, one_list_by_one])
def test_a_session_has_up_to_so_many_keys(
    state: Tree, scripted: Deploy, small: int, script: Callable[[edgedb.Request], None]
) -> None:
    scripted(script)
    new = replace(SCRIPTED, headers=(("X-session", "new"),))
    for number in range(small):
        assert replace(new, query=f"key={number}")(state) == 200
    held = Held(state)
    assert replace(new, query="key=one-more")(state) == 413
    assert held.is_unchanged()
    assert replace(new, query="key=0&value=again")(state) == 200


@pytest.mark.usefixtures("small")
def test_a_full_session_takes_a_key_for_another(state: Tree, scripted: Deploy) -> None:
    def exchange(request: edgedb.Request) -> None:
        for number in range(5):
            edgedb.delete(f"old {number}")
        one_by_one(request)

    new = replace(SCRIPTED, headers=(("X-session", "new"),))
    scripted(one_by_one)
    for number in range(5):
        assert replace(new, query=f"key=old {number}")(state) == 200
    scripted(exchange)
    assert replace(new, query="key=new")(state) == 200


def test_a_session_keeps_so_many_replies(state: Tree, scripted: Deploy, small: int) -> None:
    scripted(lambda _: None)
    calls = [
        replace(SCRIPTED, headers=(("X-session", "new"), (IDEMPOTENCY_KEY, f"{number}")))
        for number in range(small + 1)
    ]
    assert [call(state) for call in calls] == [200] * (small + 1)
    keys = SessionKeys("new")
    server = state.clients["edge-a"]
    assert sorted(server.hkeys(keys.part("replies"))) == [b"1", b"2", b"3", b"4", b"5"]
    assert server.zcard(keys.part("reply-index")) == small


@pytest.mark.parametrize("is_large", [False, True])
def test_a_request_may_change_lists_up_to_the_limit(
    state: Tree, scripted: Deploy, is_large: bool
) -> None:
    scripted(lambda _: edgedb.set("large", "x" * 20_000) if is_large else None)
    assert SCRIPTED(state) == 200
    scripted(lambda _: [edgedb.add_to_list(f"{n}", "") for n in range(9_900)] and None)
    for _ in range(2):
        assert SCRIPTED(state) == 200


def test_a_session_of_the_most_lists_can_be_moved(state: Tree, scripted: Deploy) -> None:
    scripted(lambda _: [edgedb.add_to_list(f"{n}", "") for n in range(9_900)] and None)
    assert SCRIPTED(state) == 200
    assert state.offload("edge-a").current_location == "city"
    assert state.onload("edge-a").current_location == "edge-a"
