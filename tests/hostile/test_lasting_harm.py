"""What one call leaves behind does not keep a node from serving the others."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import edgedb
from edgedb.errors import PeerUnavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.wire.headers import IDEMPOTENCY_KEY
from tests.hostile.calls import FORCE_OFFLOAD, KEEP, SESSIONS, TEST, TICK, Call
from tests.support.dumps import Held
from tests.support.tree import Tree

Deploy = Callable[[Callable[..., Any]], None]

SCRIPTED = replace(KEEP, function="scripted").without(IDEMPOTENCY_KEY)
LONE = json.loads('"\\ud800"')  # as a client may send it, in JSON

NOT_TO_BE_SENT: dict[str, tuple[Any, Any]] = {
    "no-utf8": (LONE, "receiver"),
    "no-value": (5, "receiver"),
    "none": (None, "receiver"),
    "list": (["x"], "receiver"),
    "function-of-no-text": ("x", LONE),
    "function-of-a-path": ("x", "../../system/functions"),
    "function-with-a-query": ("x", "receiver?x=y"),
    "function-with-a-line": ("x", "receiver\r\nX: y"),
    "no-function": ("x", ""),
    "function-that-is-no-name": ("x", 7),
}


@pytest.mark.parametrize(("value", "function"), NOT_TO_BE_SENT.values(), ids=NOT_TO_BE_SENT.keys())
def test_what_cannot_be_propagated_is_refused_before_anything_is_written(
    state: Tree, held: Held, scripted: Deploy, value: Any, function: Any
) -> None:
    scripted(lambda _: edgedb.propagate(value, "cloud", function))
    assert SCRIPTED(state) == (400 if value == LONE else 500)  # a client's text, or a mistake
    assert held.is_unchanged()
    scripted(lambda _: None)
    assert SCRIPTED(state) == 200


UNREADABLE = [b"", b"{", b"null", b'{"kind": "x"}', b'{"kind": "update", "to": "\\ud800"}']


@pytest.mark.parametrize("message", UNREADABLE)
def test_an_entry_of_the_outbox_that_cannot_be_read_keeps_nothing_waiting(
    state: Tree, scripted: Deploy, message: bytes
) -> None:
    state.clients["edge-a"].xadd("edge:outbox", {"message": message})
    scripted(lambda _: edgedb.propagate("x", ["cloud"], "receiver"))
    assert SCRIPTED(state) == 200
    assert replace(TICK, location="edge-a")(state) == 200
    assert told(state) == 1
    assert state.clients["edge-a"].xlen("edge:outbox") == 0


def told(tree: Tree) -> int:
    """Give how many values have arrived at cloud from session ``s`` of this test."""
    return int(tree.clients["cloud"].llen("edge-local:{receiver}:list:0")) - 2


@pytest.mark.parametrize("answer", [404, 500, None])
def test_a_function_that_is_missing_keeps_no_other_message_waiting(
    state: Tree, scripted: Deploy, answer: int | None
) -> None:
    first = state.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if request.function != "missing":
            return first(request, deliver)
        if answer is None:
            raise PeerUnavailable("it was too slow")
        return PeerResponse(answer, b"")

    state.hook = hook
    scripted(lambda _: edgedb.propagate("x", ["cloud"], "missing"))
    assert SCRIPTED(state) == 200
    scripted(lambda _: edgedb.propagate("x", ["cloud"], "receiver"))
    assert SCRIPTED(state) == 200
    state.tick_all()
    assert told(state) == 1


def test_an_update_does_not_wait_for_values(state: Tree, scripted: Deploy) -> None:
    """A session cannot be found where its proprietary does not hear of it."""
    sent: list[str] = []
    first = state.hook

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        sent.append(request.function)
        return first(request, deliver)

    scripted(lambda _: [edgedb.propagate("x", ["city"], "receiver") for _ in range(3)] and None)
    up = replace(SCRIPTED, location="city", headers=(("X-session", "up"),))
    assert up(state) == 200
    state.offload("city", "up")
    state.onload("city", "up")  # from here on edge-a is to be told
    state.hook = hook
    assert TICK(state) == 200
    assert "update-session" in sent[:1]


def replaced_reply(tree: Tree, blob: bytes) -> Call:
    """Make a keyed call, then let its stored reply be what another node has sent."""
    assert KEEP(tree) == 200
    tree.clients["edge-a"].hset("edge:{s}:replies", "k", blob)
    return KEEP


LATER = struct.pack(">Q", 2**62)
REPLIES = {
    "no-line": LATER,
    "no-json": LATER + b"x\nbody",
    "no-object": LATER + b"[]\n",
    "no-status": LATER + b'{"fingerprint": "x", "headers": []}\n',
    "no-number": LATER + b'{"fingerprint": "x", "status": "x", "headers": []}\n',
    "no-headers": LATER + b'{"fingerprint": "x", "status": 200, "headers": [1]}\n',
    "too-deep": LATER + b"[" * 100_000,
}


@pytest.mark.parametrize("blob", REPLIES.values(), ids=REPLIES.keys())
def test_a_stored_reply_that_cannot_be_read_is_a_conflict(state: Tree, blob: bytes) -> None:
    call = replaced_reply(state, blob)
    assert call(state) == 409
    assert replace(KEEP, headers=(("X-session", "s"), (IDEMPOTENCY_KEY, "other")))(state) == 200


@pytest.mark.parametrize("query", ["", "session=s"])
def test_a_full_node_can_give_sessions_away(state: Tree, query: str) -> None:
    call = replace(FORCE_OFFLOAD, query=query)
    assert with_full_server(state, call) == 200


def test_a_full_node_can_say_what_is_largest(state: Tree) -> None:
    assert with_full_server(state, replace(SESSIONS, query="policy=largest")) == 200


def with_full_server(tree: Tree, call: Call) -> int:
    client = tree.clients[call.location]
    client.config_set("maxmemory", 1)
    try:
        return call(tree)
    finally:
        client.config_set("maxmemory", 0)


def test_two_nodes_that_point_at_each_other_do_not_ask_each_other_for_ever(state: Tree) -> None:
    """So it is while a session comes home, between hand-over and activation."""
    state.clients["city"].hset("edge:{up}:meta", "current", "edge-a")
    state.calls.clear()
    assert TEST(state) == 503
    assert len(state.calls) <= 2


@pytest.mark.parametrize("member", ["epoch", "version"])
@pytest.mark.parametrize("number", [2**53 - 1, 2**53 - 2, 2**52])
def test_a_number_that_nobody_could_read_soon_is_not_taken_from_a_node_below(
    state: Tree, member: str, number: int
) -> None:
    state.call("edge-b", "keeper", "other", body=b"one")
    state.clients["edge-a"].hset("edge:{s}:meta", member, number)
    assert state.oracle("edge-a", "force-offload", "session=s").status == 400
    assert state.residents() == ["edge-a"]
    for location in ("edge-b", "city"):
        assert state.oracle(location, "force-offload", "session=other").status == 200
    answer = state.oracle("city", "force-onload", "count=10")
    assert (answer.status, b"problem" in answer.body) == (200, False)


def test_a_source_that_is_silent_is_asked_once_a_tick(state: Tree) -> None:
    """Each of its arrivals would wait out the time limit, and other ticks come meanwhile."""
    for number in range(4):
        assert state.call("edge-a", "keeper", f"late {number}").status == 200
    first, asked = state.hook, []

    def hook(request: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        if "phase=hand-over" in request.query_string:
            asked.extend(ask["session"] for ask in json.loads(request.body))
            raise PeerUnavailable("silence")
        return first(request, deliver)

    state.hook = hook
    for number in range(4):
        call = replace(FORCE_OFFLOAD, query=f"session=late {number}")
        assert call(state) == 502
    asked.clear()
    assert TICK(state) == 200
    assert len(set(asked)) == 1


BRACKETS = 'items[]=1&note={"a"|`b`}&x=<y>^\\'


def test_a_repeat_is_recognised_though_its_redirect_was_quoted_anew(state: Tree) -> None:
    """Werkzeug quotes what a Location may not have, so the query comes back as another."""
    quoted = "items%5B%5D=1&note=%7B%22a%22%7C%60b%60%7D&x=%3Cy%3E%5E%5C"
    assert replace(KEEP, query=BRACKETS)(state) == 200
    state.offload("edge-a")
    assert replace(KEEP, query=quoted, location="city")(state) == 200
    kept = state.clients["city"].llen("edge:{s}:list:0")
    assert kept == 2  # the fixture's and this one's, once
