"""A handler that calls functions: a call that would wait for its own caller is refused at once.

Each call is made in the handler's place, so what is refused here would otherwise be waited for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

import edgedb
from edgedb.callers import CALLERS_LIMIT
from edgedb.response import Response
from edgedb.wire.headers import SESSION_CALLERS
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.scripted import Scripted, ScriptedLocal, ScriptedReader
from tests.support.tree import Tree

Call = Callable[[], Response]


def kind(response: Response) -> str:
    """Give the type of the problem that was answered, or the status."""
    return problem(response) if response.status >= 400 else str(response.status)


def calling(call: Call) -> Scripted:
    """Give a function that writes, makes a call and tells what that was answered."""

    def script(_: edgedb.Request) -> Any:
        edgedb.set("written", "by the caller")
        return kind(call())

    return Scripted(script)


def within(tree: Tree, *where: Any, headers: Mapping[str, str] | None = None, **more: Any) -> Call:
    """Give a call as a handler makes it; it follows redirects."""
    return lambda: tree.follow(
        *where, headers={**edgedb.call_headers(), **(headers or {})}, **more
    )[1]


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_a_function_that_calls_itself_in_its_own_session_is_told_and_goes_on(
    tree: Tree, key: dict[str, str], is_new: bool
) -> None:
    if not is_new:
        tree.write("edge-a", "one")
    tree.functions["f"] = calling(within(tree, "edge-a", "f", headers=key))
    assert tree.call("edge-a", "f").body == b"LoopDetected"
    tree.functions["look"] = ScriptedReader(lambda _: edgedb.get("written"))
    assert tree.call("edge-a", "look").body == b"by the caller"


def test_a_refused_call_changes_nothing_and_is_not_to_be_repeated(tree: Tree) -> None:
    states, answers = list[Any](), list[Response]()

    def script(_: edgedb.Request) -> None:
        states.append(dump(tree))
        answers.append(within(tree, "edge-a", "notebook", query="word=inner")())
        states.append(dump(tree))

    tree.functions["f"] = Scripted(script)
    tree.call("edge-a", "f")
    [answer] = answers
    assert states[0] == states[1]
    assert answer.status == 508
    assert "Retry-After" not in dict(answer.headers)
    assert "'s' is held by a request that waits for this call" in json.loads(answer.body)["detail"]


def test_another_function_of_the_session_in_a_process_of_its_own_is_refused_too(tree: Tree) -> None:
    tree.functions["f"] = calling(within(tree, "edge-a", "notebook"))
    assert tree.call("edge-a", "f").body == b"LoopDetected"


def test_a_chain_that_comes_back_over_another_session_is_refused_where_it_does(tree: Tree) -> None:
    tree.functions["a"] = calling(within(tree, "edge-a", "b", "other"))
    inner = list[str]()
    tree.functions["b"] = Scripted(
        lambda _: inner.append(kind(within(tree, "edge-a", "notebook", "s")()))
    )
    assert tree.call("edge-a", "a", "s").body == b"200"
    assert inner == ["LoopDetected"]


def test_a_chain_over_other_nodes_is_refused_where_it_comes_back(tree: Tree) -> None:
    tree.write("edge-a", "one", "s")
    tree.write("edge-a", "one", "away")
    tree.offload("edge-a", "away")
    inner = list[tuple[str, str]]()

    def script(_: edgedb.Request) -> None:
        answer = within(tree, "edge-a", "notebook", "s")()
        inner.append((edgedb.location(), kind(answer)))

    tree.functions["a"] = calling(within(tree, "edge-a", "b", "away"))
    tree.functions["b"] = Scripted(script)
    assert tree.call("edge-a", "a", "s").body == b"200"
    assert inner == [("city", "LoopDetected")]


@pytest.mark.parametrize("mode", ["redirect", "forward"])
def test_a_caller_whose_session_is_at_another_node_is_told_by_that_node(
    tree: Tree, mode: str
) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    sent = {"X-session-redirect": mode}
    tree.functions["f"] = calling(within(tree, "edge-a", "notebook", headers=sent))
    assert tree.call("city", "f").body == b"LoopDetected"


def test_calls_of_other_sessions_and_of_who_only_reads_are_served(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.functions["other"] = calling(within(tree, "edge-a", "notebook", "other"))
    tree.functions["reads"] = calling(within(tree, "edge-a", "reader"))
    for function in ("other", "reads"):
        assert tree.call("edge-a", function).body == b"200"


def test_node_local_state_is_waited_for_by_nobody_who_has_it(tree: Tree) -> None:
    tree.functions["f"] = ScriptedLocal(
        lambda _: kind(tree.call("edge-a", "f", headers=edgedb.call_headers()))
    )
    tree.functions["g"] = calling(lambda: tree.call("edge-a", "f"))
    assert tree.call("edge-a", "f").body == b"LoopDetected"
    assert tree.call("edge-a", "g").body == b"200"


def test_a_call_that_comes_after_its_caller_is_served(tree: Tree) -> None:
    late = list[dict[str, str]]()
    tree.functions["f"] = Scripted(lambda _: late.append(edgedb.call_headers()))
    tree.call("edge-a", "f")
    assert set(late[0]) == {SESSION_CALLERS}
    assert tree.call("edge-a", headers=late[0]).status == 200


def test_a_call_tells_of_the_last_requests_it_is_made_within(tree: Tree) -> None:
    seen = list[list[str]]()
    tree.functions["f"] = Scripted(
        lambda _: seen.append(edgedb.call_headers()[SESSION_CALLERS].split(", "))
    )
    given = [f"{number:016x}" for number in range(2 * CALLERS_LIMIT)]
    tree.call("edge-a", "f", headers={SESSION_CALLERS: ",".join(given)})
    assert seen[0][:-1] == given[-CALLERS_LIMIT + 1 :]
    assert seen[0][-1] not in given


def test_only_a_call_that_is_made_within_another_costs_a_question(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("edge-a", "one")
    client, asked = tree.clients["edge-a"], list[str]()
    send = client.execute_command

    def noting(*words: Any, **options: Any) -> Any:
        asked.append(words[0])
        return send(*words, **options)

    monkeypatch.setattr(client, "execute_command", noting)
    for headers, words in (({}, []), ({SESSION_CALLERS: "0" * 16}, ["HGET"])):
        asked.clear()
        assert tree.call("edge-a", headers=headers).status == 200
        assert asked == [*words, "EVALSHA", "EVALSHA"]


@pytest.mark.parametrize("header", ["", ",", "s", "\xff\x00", "0" * 65_536, "0" * 16 + ",;'{}"])
def test_whatever_a_client_says_that_it_is_made_within_its_call_is_served(
    tree: Tree, header: str
) -> None:
    assert tree.call("edge-a", headers={SESSION_CALLERS: header}).status == 200


def test_outside_of_a_handler_a_call_is_made_within_nothing() -> None:
    assert edgedb.call_headers() == {}
