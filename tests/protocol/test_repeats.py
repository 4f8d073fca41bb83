"""A request with an ``Idempotency-Key`` takes effect once; its repeats get the first answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import SessionLost
from edgedb.replies import ANONYMOUS_KEY_LEAST, REPLY_LIMIT
from edgedb.response import Response
from edgedb.store.limits import REPLY_TTL_MS
from edgedb.wire.model import Propagation
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.scripted import Scripted, ScriptedLocal, ScriptedReader
from tests.support.tree import Tree

KEY = {"Idempotency-Key": "schlüssel \U0001f511".encode().decode("latin-1")}


def scripted(tree: Tree, answer: Any) -> Scripted:
    """Deploy a function that counts in the session how often it ran, and answers."""

    def run(_: edgedb.Request) -> Any:
        edgedb.add_to_list("runs", "x")
        return answer

    function = Scripted(run)
    tree.functions |= {"f": function, "runs": ScriptedReader(lambda _: edgedb.get_list("runs"))}
    return function


def runs(tree: Tree) -> int:
    """Tell how often the scripted function took effect, wherever the session is."""
    return len(json.loads(tree.follow("edge-a", "runs")[1].body))


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "text\nwith lines\n",
        b"\x00\n\xff",
        {"statusCode": 404, "body": {"no": "such"}},
        ("", 303, [("Location", "/x"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]),
        b"x" * REPLY_LIMIT,
    ],
    ids=["none", "text", "bytes", "json", "headers", "largest"],
)
def test_a_repeat_gets_the_first_answer_and_has_no_effect(tree: Tree, answer: Any) -> None:
    function = scripted(tree, answer)
    first = tree.call("edge-a", "f", headers=KEY)
    before = dump(tree)
    assert tree.call("edge-a", "f", headers=KEY) == first
    assert (function.runs, dump(tree)) == (1, before)


def test_the_repeat_of_a_reply_over_256_kib_gets_208_without_a_body(tree: Tree) -> None:
    scripted(tree, b"x" * (REPLY_LIMIT + 1))
    first, repeat = (tree.call("edge-a", "f", headers=KEY) for _ in range(2))
    assert (first.status, len(first.body)) == (200, REPLY_LIMIT + 1)
    assert repeat == Response(status=208, headers=(("X-session-home", "edge-a"),))
    assert runs(tree) == 1


def test_without_a_key_every_request_takes_effect(tree: Tree) -> None:
    scripted(tree, "done")
    for headers in ({}, {}, {"Idempotency-Key": ""}, {"Idempotency-Key": ""}):
        assert tree.call("edge-a", "f", headers=headers).status == 200
    assert runs(tree) == 4


@pytest.mark.parametrize(
    "moves",
    [["offload"], ["offload", "onload"], ["offload", "offload-again"]],
    ids="-and-".join,
)
def test_a_repeat_gets_the_first_answer_wherever_the_session_has_moved(
    tree: Tree, moves: list[str]
) -> None:
    scripted(tree, {"body": {"done": True}})
    first = tree.call("edge-a", "f", headers=KEY)
    steps: dict[str, Callable[[], Any]] = {
        "offload": lambda: tree.offload("edge-a"),
        "offload-again": lambda: tree.offload("city"),
        "onload": lambda: tree.onload("edge-a"),
    }
    for move in moves:
        steps[move]()
    tree.tick_all()
    assert tree.follow("edge-a", "f", headers=KEY)[1] == first
    assert runs(tree) == 1


@pytest.mark.parametrize(
    "other",
    [{"body": b"other"}, {"query": "a=2"}, {"path": "/other"}, {"method": "PUT"}],
    ids=lambda other: next(iter(other)),
)
def test_the_same_key_with_another_request_is_422_and_has_no_effect(
    tree: Tree, other: dict[str, Any]
) -> None:
    scripted(tree, "done")
    request: dict[str, Any] = {"method": "POST", "query": "a=1", "body": b"body", "headers": KEY}
    tree.call("edge-a", "f", **request)
    before = dump(tree)
    response = tree.call("edge-a", "f", **(request | other))
    assert (response.status, problem(response)) == (422, "IdempotencyMismatch")
    assert dump(tree) == before


def test_the_same_key_for_another_function_is_422(tree: Tree) -> None:
    scripted(tree, "done")
    tree.functions["g"] = tree.functions["f"]
    tree.call("edge-a", "f", headers=KEY)
    assert tree.call("edge-a", "g", headers=KEY).status == 422
    assert runs(tree) == 1


def test_the_same_key_in_another_session_is_another_request(tree: Tree) -> None:
    function = scripted(tree, "done")
    for session in ("s", "t"):
        tree.call("edge-a", "f", session, headers=KEY)
    assert function.runs == 2


def counting(tree: Tree) -> ScriptedLocal:
    """Deploy a function that counts in its node-local state how often it ran."""

    def run(_: edgedb.Request) -> str:
        edgedb.set("runs", str(int(edgedb.get("runs") or 0) + 1))
        return str(edgedb.get("runs"))

    function = tree.functions["local"] = ScriptedLocal(run)
    return function


def local(tree: Tree, key: str, session: str | None = None, **more: Any) -> Response:
    """Call the counting function as the client with that session, or with none."""
    headers = Headers({"Idempotency-Key": key} | ({"X-session": session} if session else {}))
    return tree.respond("edge-a", "local", edgedb.Request("POST", headers=headers, **more))


def test_two_clients_of_node_local_state_may_choose_the_same_key(tree: Tree) -> None:
    counting(tree)
    answers = [local(tree, "1", client).body for client in ("a", "b", "a", "b")]
    assert answers == [b"1", b"2", b"1", b"2"]


def test_a_clients_key_for_node_local_state_stands_for_one_request(tree: Tree) -> None:
    counting(tree)
    local(tree, "1", "a")
    response = local(tree, "1", "a", body=b"other")
    assert (response.status, problem(response)) == (422, "IdempotencyMismatch")
    assert local(tree, "1", "b", body=b"other").status == 200


def test_without_a_session_a_key_for_node_local_state_must_be_one_of_a_kind(tree: Tree) -> None:
    function, before = counting(tree), dump(tree)
    response = local(tree, "k" * (ANONYMOUS_KEY_LEAST - 1))
    assert (response.status, problem(response)) == (400, "BadRequest")
    assert (function.runs, dump(tree)) == (0, before)
    key = str(uuid.uuid4())
    assert [local(tree, key).body for _ in range(2)] == [b"1", b"1"]
    assert local(tree, key, body=b"other").status == 422


def test_no_key_of_a_client_is_that_of_a_propagated_value(tree: Tree) -> None:
    message = Propagation.of(str(uuid.uuid4()), "edge-a", "tally", "milk", "edge-a")
    headers = Headers({"Idempotency-Key": message.id})
    request = edgedb.Request(query_string=b"word=milk", headers=headers)
    tree.respond("edge-a", "tally", request)
    tree.node("edge-a").peers.propagate(message)
    assert json.loads(tree.call("edge-a", "tally", query="word=milk").body) == {"count": 1}


def test_a_session_that_is_none_is_refused_with_a_key_for_node_local_state(tree: Tree) -> None:
    counting(tree)
    assert problem(local(tree, "1", "x" * 257)) == "InvalidSession"


def test_a_key_is_forgotten_after_a_day(tree: Tree) -> None:
    scripted(tree, "done")
    tree.call("edge-a", "f", headers=KEY)
    tree.clock.now_ms += REPLY_TTL_MS
    tree.call("edge-a", "f", headers=KEY)
    assert runs(tree) == 2


def test_what_failed_is_not_kept_and_its_repeat_may_succeed(tree: Tree) -> None:
    function = scripted(tree, "done")
    script, function.script = function.script, lambda _: 1 / 0
    assert tree.call("edge-a", "f", headers=KEY).status == 500
    function.script = script
    assert tree.call("edge-a", "f", headers=KEY).status == 200
    assert runs(tree) == 1


def test_a_key_over_256_characters_is_refused(tree: Tree) -> None:
    scripted(tree, "done")
    assert tree.call("edge-a", "f", headers={"Idempotency-Key": "k" * 256}).status == 200
    response = tree.call("edge-a", "f", headers={"Idempotency-Key": "k" * 257})
    assert (response.status, problem(response)) == (413, "TooLarge")


def answer_lost_and_overtaken(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit's first answer be lost, and another request commit before it is repeated."""
    requests = tree.node("edge-a", "f").store.requests
    commit = requests.commit

    def interrupted(*arguments: Any) -> None:
        commit(*arguments)
        monkeypatch.undo()
        tree.call("edge-a", "notebook")
        commit(*arguments)

    monkeypatch.setattr(requests, "commit", interrupted)


def test_who_repeats_with_a_key_learns_what_became_of_a_lost_answer(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(tree, "done")
    answer_lost_and_overtaken(tree, monkeypatch)
    response = tree.call("edge-a", "f", headers=KEY)
    assert (response.status, response.body) == (200, b"done")
    assert runs(tree) == 1


def test_without_a_key_a_lost_answer_is_409_and_the_effect_is_not_doubled(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(tree, "done")
    answer_lost_and_overtaken(tree, monkeypatch)
    response = tree.call("edge-a", "f")
    assert (response.status, problem(response)) == (409, SessionLost.__name__)
    assert runs(tree) == 1
