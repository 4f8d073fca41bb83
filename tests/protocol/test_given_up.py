"""A handler that outlives ``exec_timeout`` is given up: nobody waits for it, nothing is kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

import edgedb
from edgedb.locks import LockKeeper
from edgedb.node import Node
from edgedb.response import Response
from edgedb.settings import Settings
from edgedb.wire.model import Propagation
from harness.waiting import until
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.scripted import Scripted, ScriptedLocal
from tests.support.tree import Tree

WAIT_S = 10.0
HUNG = "hung"


class Hanging:
    """A handler that writes and then waits for a test to let it go, and the answer to its call."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()
        self.answers: list[Response] = []

    def __call__(self, _: edgedb.Request) -> str:
        edgedb.set("last", "late")
        edgedb.add_to_list("words", "late")
        self.began.set()
        assert self.go.wait(WAIT_S)
        return "late"

    @contextmanager
    def called(
        self, node: Node, call: Callable[[], Response], moment_s: float = 0.05
    ) -> Iterator[None]:
        """Make a call in a thread while the block runs, and let it go at its end.

        It is the only one that has but a moment, and is looked after every hundredth of a second.
        """
        usual = node.settings
        node.settings = replace(usual, exec_timeout=moment_s)
        node.lock_keeper = LockKeeper(node.store.requests.renew, 0.03, usual.function)
        thread = threading.Thread(target=lambda: self.answers.append(call()))
        thread.start()
        try:
            assert self.began.wait(WAIT_S)
            node.settings = usual
            yield
        finally:
            self.go.set()
            thread.join(WAIT_S)


@pytest.fixture
def hanging() -> Hanging:
    """Give a handler that hangs."""
    return Hanging()


@pytest.fixture
def tree(make_tree: Callable[..., Tree], hanging: Hanging) -> Tree:
    """Give a tree with a session and a function that hangs."""
    tree = make_tree(settings={"lock_wait": WAIT_S})
    assert tree.write("edge-a", "one").status == 200
    tree.functions[HUNG] = Scripted(hanging)
    return tree


def given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Wait until a handler is given up."""
    until(lambda: "is given up" in caplog.text, WAIT_S)


def test_a_handler_that_outlives_its_time_loses_its_session_and_writes_nothing(
    tree: Tree, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    with hanging.called(
        tree.node("edge-a", HUNG),
        lambda: tree.call("edge-a", HUNG, headers={"Idempotency-Key": "k"}),
    ):
        given_up(caplog)
        tree.clock.advance(Settings.lock_ttl)
        assert tree.write("edge-a", "two").status == 200
        tree.offload("edge-a")
    assert (hanging.answers[0].status, tree.words("edge-a")) == (307, ["one", "two"])
    assert "the handler of hung took" in caplog.text


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_a_late_answer_changes_nothing_though_nobody_has_taken_the_session(
    tree: Tree, hanging: Hanging, caplog: pytest.LogCaptureFixture, key: dict[str, str]
) -> None:
    before = dump(tree)
    with hanging.called(tree.node("edge-a", HUNG), lambda: tree.call("edge-a", HUNG, headers=key)):
        given_up(caplog)
    [answer] = hanging.answers
    assert (answer.status, problem(answer)) == (409, "SessionLost")
    assert dump(tree) == before  # the lock is released too
    assert tree.call("edge-a", HUNG, headers=key).body == b"late"


def test_who_waits_behind_a_handler_that_is_given_up_gets_its_turn(
    tree: Tree, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    def script(request: edgedb.Request) -> Any:
        return hanging(request) if "hang" in request.query else "served"

    tree.functions[HUNG] = Scripted(script)
    node, answers = tree.node("edge-a", HUNG), list[Response]()
    queues = node.turns.queues
    with hanging.called(node, lambda: tree.call("edge-a", HUNG, query="hang"), moment_s=1):
        waiter = threading.Thread(target=lambda: answers.append(tree.call("edge-a", HUNG)))
        waiter.start()
        until(lambda: len(queues["s", False]) == 2 or "is given up" in caplog.text)
        given_up(caplog)
        tree.clock.advance(Settings.lock_ttl)
        waiter.join(WAIT_S)
        assert [answer.body for answer in answers] == [b"served"]
        assert tree.call("edge-a", HUNG).body == b"served"
    assert hanging.answers[0].status == 409


def test_node_local_state_is_given_up_as_sessions_are(
    tree: Tree, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    def script(request: edgedb.Request) -> Any:
        return hanging(request) if "hang" in request.query else str(edgedb.get("last"))

    tree.functions["local"] = ScriptedLocal(script)
    with hanging.called(
        tree.node("edge-a", "local"), lambda: tree.call("edge-a", "local", query="hang")
    ):
        given_up(caplog)
        tree.clock.advance(Settings.lock_ttl)
        assert tree.call("edge-a", "local").body == b"None"
    assert hanging.answers[0].status == 409
    assert tree.call("edge-a", "local").body == b"None"


def test_a_propagated_value_whose_receiver_is_given_up_is_sent_again(
    tree: Tree, hanging: Hanging, caplog: pytest.LogCaptureFixture
) -> None:
    class Receiver(edgedb.Offloadable):
        node_local = True

        def handle_offload(self, _: edgedb.Request) -> list[Any]:
            return edgedb.get_list("words")

        def receive_propagate(self, value: str | bytes, origin: str) -> None:  # noqa: ARG002
            hanging(edgedb.Request())

    tree.functions["tally"] = Receiver()
    message = Propagation.of("m", "city", "tally", "milk", "edge-a")

    def deliver_one() -> Response:
        tree.node("edge-a").peers.propagate(message)
        return Response()

    def refused() -> Response:
        with pytest.raises(edgedb.EdgeError) as caught:
            deliver_one()
        return Response(status=int(caught.value.status))

    with hanging.called(tree.node("city", "tally"), refused):
        given_up(caplog)
    assert hanging.answers[0].status == 409
    deliver_one()
    assert json.loads(tree.call("city", "tally").body) == ["late"]
