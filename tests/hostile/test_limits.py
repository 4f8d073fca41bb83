"""What a call may weigh, and that what is over a limit is refused with 413 and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import edgedb
from edgedb import serving, session
from edgedb.request import COUNT_LIMIT, IDEMPOTENCY_KEY_LIMIT
from edgedb.store import requests as request_store
from edgedb.store import source
from edgedb.wire import model
from edgedb.wire.headers import IDEMPOTENCY_KEY
from tests.hostile.calls import FORCE_ONLOAD, KEEP, ONLOAD, READ, SESSIONS, Call
from tests.support.dumps import Held
from tests.support.tree import Tree

Deploy = Callable[[Callable[..., Any]], None]

SCRIPTED = replace(KEEP, function="scripted").without(IDEMPOTENCY_KEY)
KEY, VALUE = "k" * session.KEY_LIMIT, "v" * session.VALUE_LIMIT

NUMBERS: dict[str, tuple[Call, int]] = {
    "sessions-to-list": (replace(SESSIONS, query="limit={}"), COUNT_LIMIT),
    "sessions-to-name": (replace(ONLOAD, query="count={}"), COUNT_LIMIT),
    "sessions-to-bring": (replace(FORCE_ONLOAD, query="count={}"), COUNT_LIMIT),
    "version": (replace(READ, query="session=s&since={}"), model.VERSION_LIMIT),
}


@pytest.mark.parametrize(("call", "limit"), NUMBERS.values(), ids=NUMBERS.keys())
def test_a_number_is_taken_up_to_its_limit(state: Tree, held: Held, call: Call, limit: int) -> None:
    assert replace(call, query=call.query.format(limit))(state) == 200
    held.put_back()
    for more in (limit + 1, "9" * 17, "9" * 5000):
        assert replace(call, query=call.query.format(more))(state) == 413
    assert held.is_unchanged()


def test_a_session_id_is_taken_up_to_its_limit(state: Tree, held: Held) -> None:
    name = "é" * model.SESSION_ID_LIMIT
    assert state.call("edge-a", "keeper", name).status == 200
    held.put_back()
    assert state.call("edge-a", "keeper", f"{name}x").status == 400
    assert held.is_unchanged()


def test_an_idempotency_key_is_taken_up_to_its_limit(state: Tree, held: Held) -> None:
    named = {IDEMPOTENCY_KEY: "k" * IDEMPOTENCY_KEY_LIMIT}
    assert state.call("edge-a", "keeper", headers=named).status == 200
    held.put_back()
    named[IDEMPOTENCY_KEY] += "k"
    assert state.call("edge-a", "keeper", headers=named).status == 413
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
    scripted(lambda _: edgedb.set("k", b"v" * session.VALUE_LIMIT))
    assert SCRIPTED(state) == 200
    for client in state.clients.values():
        client.slowlog_reset()
    assert state.offload("edge-a").current_location == "city"
    slowest_us = max(
        [entry["duration"] for client in state.clients.values() for entry in client.slowlog_get()],
        default=0,
    )
    assert slowest_us < 400_000  # half of EDGE_REDIS_TIMEOUT, on a machine with nothing else to do


def test_an_answer_is_kept_up_to_its_limit(state: Tree, scripted: Deploy) -> None:
    call = replace(KEEP, function="scripted")
    scripted(lambda request: b"x" * int(request.query["bytes"]))
    for size, repeated in ((serving.REPLY_LIMIT, 200), (serving.REPLY_LIMIT + 1, 208)):
        named = (("X-session", "s"), (IDEMPOTENCY_KEY, f"of {size}"))
        sized = replace(call, query=f"bytes={size}", headers=named)
        assert [sized(state), sized(state)] == [200, repeated]


def test_a_packet_is_read_up_to_its_limit(
    state: Tree, monkeypatch: pytest.MonkeyPatch, scripted: Deploy
) -> None:
    monkeypatch.setattr(source, "PACKET_BYTES", 3000)
    scripted(lambda request: edgedb.set(request.query["key"], b"x" * 1000))
    for key, status in (("a", 200), ("b", 200), ("c", 200), ("d", 413)):
        assert replace(SCRIPTED, query=f"key={key}")(state) == 200
        assert READ(state) == status


def test_deletions_are_remembered_up_to_their_limit(state: Tree, scripted: Deploy) -> None:
    def churn(request: edgedb.Request) -> None:
        for number in range(800):
            if request.query["then"] == "set":
                edgedb.set(f"k{number}", "")
            else:
                edgedb.delete(f"k{number}")

    scripted(churn)
    for _ in range(3):
        for then in ("set", "delete"):
            assert replace(SCRIPTED, query=f"then={then}")(state) == 200
        gone = state.clients["edge-a"].zcard("edge:{s}:gone")
        assert gone <= request_store.DELETIONS_KEPT
