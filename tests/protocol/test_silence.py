"""A server that falls silent: who asked is told that nothing has happened only where that is so."""

from __future__ import annotations

import json

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import (
    Conflict,
    EdgeError,
    InsufficientStorage,
    OutcomeUnknown,
    StoreUnavailable,
)
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.store import keys
from edgedb.wire.hand_over import answers_to_msgpack
from edgedb.wire.headers import PACKET
from tests.protocol.test_requests import problem
from tests.support.hooks import Deliver, answer, as_usual, parameters
from tests.support.silence import silent
from tests.support.tree import ORACLE_TOKEN, Tree

CREDENTIALS = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
NOTHING = (503, "StoreUnavailable")
UNKNOWN = (504, "OutcomeUnknown")


def told(response: Response) -> tuple[int, str]:
    """Give status and type of a problem; one whose outcome is unknown asks for no repetition."""
    assert ("Retry-After" in dict(response.headers)) == (response.status != 504)
    return response.status, problem(response)


def offload(tree: Tree) -> Response:
    return tree.oracle("edge-a", "force-offload", "session=s")


def write(tree: Tree) -> Response:
    return tree.call("edge-a", query="word=two")


def settle(tree: Tree) -> None:
    """Let all timeouts go by, and every node tick."""
    tree.clock.advance(60)
    tree.tick_all()


@pytest.mark.parametrize("step", ["begin", "read"])
def test_a_request_whose_handler_has_not_run_has_done_nothing(tree: Tree, step: str) -> None:
    tree.write("edge-a", "one", body=b"x" * 20_000)  # too large to be brought along by begin
    with silent(tree.clients["edge-a"], step):
        assert told(write(tree)) == NOTHING
    settle(tree)
    assert tree.words("edge-a") == ["one"]


def obeying(tree: Tree, headers: dict[str, str]) -> Response:
    """Make a call, and once more if its answer, the documentation and the key allow it."""
    with silent(tree.clients["edge-a"], "commit"):
        first = tree.call("edge-a", query="word=two", headers=headers)
    assert told(first) == UNKNOWN
    return tree.call("edge-a", query="word=two", headers=headers) if headers else first


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}], ids=["plain", "keyed"])
def test_a_client_that_obeys_writes_once_where_the_answer_to_the_commit_is_lost(
    tree: Tree, headers: dict[str, str]
) -> None:
    tree.write("edge-a", "one")
    assert obeying(tree, headers).status == (200 if headers else 504)
    assert tree.words("edge-a") == ["one", "two"]


MOVES: dict[str, tuple[str, str, tuple[int, str]]] = {
    "the session is offered": ("edge-a", "page", NOTHING),
    "the arrival is prepared": ("city", "stage", UNKNOWN),
    "the source hands over": ("edge-a", "hand_over", UNKNOWN),
    "the destination takes over": ("city", "activate", UNKNOWN),
}


@pytest.mark.parametrize(("location", "step", "expected"), MOVES.values(), ids=MOVES.keys())
def test_a_move_says_that_nothing_has_happened_only_where_the_session_stays(
    tree: Tree, location: str, step: str, expected: tuple[int, str]
) -> None:
    tree.write("edge-a", "one")
    with silent(tree.clients[location], step):
        assert told(offload(tree)) == expected
    settle(tree)
    assert len(tree.residents()) == 1
    assert expected == UNKNOWN or tree.residents() == ["edge-a"]
    assert (tree.words("edge-a"), tree.leftovers()) == (["one"], {})


def test_a_status_may_be_set_though_the_answer_is_lost(tree: Tree) -> None:
    with silent(tree.clients["city"], "status"):
        assert told(tree.oracle("city", "set-offload-status", "status=reject")) == UNKNOWN
    assert tree.node("city").store.residents.status() == "reject"


def test_to_choose_a_session_is_to_do_nothing(tree: Tree) -> None:
    tree.write("edge-a", "one")
    with silent(tree.clients["edge-a"], "measure"):
        assert told(tree.oracle("edge-a", "force-offload")) == NOTHING
    assert tree.residents() == ["edge-a"]


@pytest.mark.parametrize("error", [StoreUnavailable("silent"), InsufficientStorage("full")])
def test_what_a_source_refuses_for_now_a_tick_asks_for_again(tree: Tree, error: EdgeError) -> None:
    tree.write("edge-a", "one")

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        is_last = parameters(call).get("phase") == ["hand-over"]
        return (answer(error) if is_last else as_usual)(call, deliver)

    tree.hook = hook
    assert told(offload(tree)) == UNKNOWN
    tree.hook = as_usual
    tree.tick_all()
    assert (tree.residents(), tree.words("edge-a")) == (["city"], ["one"])


def test_of_several_moves_the_one_that_may_have_happened_is_told(tree: Tree) -> None:
    for session in ("refused", "unknown"):  # the last is asked for first
        tree.write("edge-a", "one", session)
        tree.offload("edge-a", session)
        tree.clock.advance(1)
    fates = {"unknown": OutcomeUnknown("no answer"), "refused": Conflict("it is moving")}

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        if parameters(call).get("phase") != ["hand-over"]:
            return deliver()
        return PeerResponse(200, answers_to_msgpack(fates), PACKET)

    tree.hook = hook
    assert told(tree.oracle("edge-a", "force-onload", "count=2")) == UNKNOWN


def test_an_update_whose_answer_is_lost_is_sent_again(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    with silent(tree.clients["edge-a"], "update"):
        tree.offload("city")
        tree.tick_all()
        assert tree.node("cloud").store.residents.load().outbox == 1
    settle(tree)
    assert tree.node("cloud").store.residents.load().outbox == 0
    assert tree.node("edge-a").store.residents.known("s").current_location == "cloud"


def test_a_propagated_value_whose_answer_is_lost_counts_once(tree: Tree) -> None:
    tree.call("edge-a", query="word=milk&tell=city")
    with silent(tree.clients["city"], "commit"):
        settle(tree)
    settle(tree)
    answered = tree.call("city", "tally", query="word=milk")
    assert json.loads(answered.body) == {"count": 1}
    assert tree.node("edge-a").store.residents.load().outbox == 0


def tick(tree: Tree, location: str) -> Response:
    return tree.respond(location, "oracle", edgedb.Request("POST"))


def test_a_tick_that_is_broken_off_does_not_say_that_nothing_has_happened(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.strand("edge-a")
    with silent(tree.clients["city"], "XREADGROUP"):
        assert told(tick(tree, "city")) == UNKNOWN
    assert tree.residents() == ["city"]  # that was settled
    with silent(tree.clients["city"], "ZRANGE"):
        assert told(tick(tree, "city")) == NOTHING


def test_a_repair_whose_answer_is_lost_says_so(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.clients["edge-a"].zrem(keys.BY_SIZE, "s")
    asked = edgedb.Request("POST", "/repairs", headers=CREDENTIALS)
    with silent(tree.clients["edge-a"], "reindex"):
        answered = tree.respond("edge-a", "oracle", asked)
    [found] = json.loads(answered.body)["findings"]
    assert not found["repaired"]
    assert "whether this was carried out is not known" in found["reason"]
