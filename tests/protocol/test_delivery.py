"""What leaves through the outbox: token updates and propagated values, once each, in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

import edgedb
from edgedb.delivery import PROPAGATION_LIFE_S, deliver
from edgedb.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidTopology,
    NotFound,
    PeerUnavailable,
    TooLarge,
    UnknownLocation,
)
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.store import keys
from edgedb.store.outbox import BATCH
from edgedb.wire.model import Propagation, SessionToken
from tests.support.hooks import Hook, as_usual, lose_answer, lose_request, to, where
from tests.support.scripted import Scripted
from tests.support.tree import Tree

ALL = ["edge-a", "city", "cloud"]


def counts(tree: Tree, word: str = "milk") -> dict[str, int]:
    """Tell how often each location was told a word."""
    answers = {
        place.id: tree.call(place.id, "tally", query=f"word={word}") for place in tree.topology
    }
    found = {place: json.loads(answer.body)["count"] for place, answer in answers.items()}
    return {place: count for place, count in found.items() if count}


def undelivered(tree: Tree, location: str = "edge-a") -> int:
    return tree.node(location).store.residents.load().outbox


def propagating(tree: Tree, levels: str | list[str], *functions: str) -> edgedb.Response:
    """Have a request at ``edge-a`` propagate to some functions."""

    def script(_: edgedb.Request) -> None:
        for function in functions or ["tally"]:
            edgedb.propagate("milk", levels, function)

    tree.functions["teller"] = Scripted(script)
    return tree.call("edge-a", "teller")


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ("edge", ["edge-a"]),
        ("city", ["edge-a", "city"]),
        ("cloud", ["edge-a", "city", "cloud"]),
        (["cloud"], ["cloud"]),
        (["cloud", "edge"], ["edge-a", "cloud"]),
        ([], []),
    ],
    ids=str,
)
def test_a_value_reaches_every_level_up_to_the_one_named_or_just_those_named(
    tree: Tree, levels: str | list[str], told: list[str]
) -> None:
    assert propagating(tree, levels).status == 200
    assert counts(tree) == {}
    for _ in range(2):
        tree.tick_all()
    assert counts(tree) == dict.fromkeys(told, 1)
    assert undelivered(tree) == 0


def test_a_value_says_where_it_comes_from_and_keeps_its_type(tree: Tree) -> None:
    heard = list[object]()

    class Listener(edgedb.Offloadable):
        node_local = True

        def receive_propagate(self, value: str | bytes, origin: str) -> None:
            heard.append((value, origin, edgedb.location()))

    tree.functions["listener"] = Listener()
    values: list[str | bytes] = ["é", b"\xff", ""]
    tree.functions["teller"] = Scripted(
        lambda _: [edgedb.propagate(value, ["city"], "listener") for value in values] and None
    )
    tree.call("edge-a", "teller")
    tree.tick_all()
    assert heard == [(value, "edge-a", "city") for value in values]


def test_a_value_is_sent_from_where_the_session_is(tree: Tree) -> None:
    tree.write("edge-a", "milk")
    tree.offload("edge-a")
    assert tree.write("edge-a", "milk", session="s").status == 200
    tree.follow("edge-a", "notebook", query="word=milk&tell=cloud")
    tree.tick_all()
    assert counts(tree) == {"city": 1, "cloud": 1}


@pytest.mark.parametrize("fault", [lose_request, lose_answer])
def test_a_message_is_sent_until_it_is_taken_and_counts_once(tree: Tree, fault: Hook) -> None:
    propagating(tree, "cloud")
    tree.hook = fault
    for _ in range(3):
        tree.tick_all()
    assert undelivered(tree) == 3
    tree.hook = as_usual
    tree.tick_all()
    assert (counts(tree), undelivered(tree)) == (dict.fromkeys(ALL, 1), 0)


def test_a_message_delivered_twice_counts_once(tree: Tree) -> None:
    message = Propagation.of("m", "city", "tally", "milk", "edge-a")
    for _ in range(3):
        tree.node("edge-a").peers.propagate(message)
    assert counts(tree) == {"city": 1}


def test_a_location_that_does_not_answer_does_not_hold_up_the_others(tree: Tree) -> None:
    tree.hook = to("city")
    propagating(tree, "cloud")
    tree.tick_all()
    assert (counts(tree), undelivered(tree)) == ({"edge-a": 1, "cloud": 1}, 1)


def test_however_much_waits_for_a_dead_location_the_others_are_served(tree: Tree) -> None:
    propagating(tree, ["city"], *["tally"] * (BATCH + 1))
    propagating(tree, ["cloud"])
    tree.hook = lose_request
    for _ in range(3):
        tree.tick_all()
    tree.hook = to("city")
    tree.tick_all()
    assert (counts(tree), undelivered(tree)) == ({"cloud": 1}, BATCH + 1)


def test_one_tick_delivers_everything_that_waits(tree: Tree) -> None:
    propagating(tree, ["cloud"], *["tally"] * (3 * BATCH))
    tree.tick_all()
    assert (counts(tree), undelivered(tree)) == ({"cloud": 3 * BATCH}, 0)


def test_a_function_that_is_not_there_does_not_hold_up_the_others(tree: Tree) -> None:
    propagating(tree, ["city"], "not-deployed", "tally")
    for _ in range(2):
        tree.tick_all()
    assert (counts(tree), undelivered(tree)) == ({"city": 1}, 1)


def test_what_a_function_does_not_take_is_not_sent_again(tree: Tree) -> None:
    propagating(tree, ["city"], "notebook")
    tree.tick_all()
    assert undelivered(tree) == 0


class NotForMe(BadRequest):
    """What an author calls a value that a function does not take."""


def listening(tree: Tree, receive: Callable[[], object]) -> None:
    """Have a request at ``edge-a`` propagate to a function at ``city`` that receives it so."""

    class Listener(edgedb.Offloadable):
        def receive_propagate(self, value: str | bytes, origin: str) -> None:  # noqa: ARG002
            receive()

    tree.functions["listener"] = Listener()
    propagating(tree, ["city"], "listener")
    tree.tick_all()


def raising(error: Exception) -> Callable[[], object]:
    def receive() -> object:
        raise error

    return receive


@pytest.mark.parametrize("error", [BadRequest("not that"), NotForMe("not that")])
def test_a_value_is_dropped_where_its_receiver_says_so(tree: Tree, error: Exception) -> None:
    listening(tree, raising(error))
    assert undelivered(tree) == 0


@pytest.mark.parametrize(
    "receive",
    [
        raising(NotFound("no such product yet")),
        raising(Conflict("not now")),
        raising(TooLarge("full")),
        raising(UnknownLocation("the tree is being changed")),
        raising(InvalidTopology("the tree is being changed")),
        raising(ValueError("a bug")),
        lambda: edgedb.set("count", 5),  # type: ignore[arg-type]
        lambda: edgedb.propagate("milk", "fog", "tally"),
    ],
)
def test_a_value_is_kept_whatever_else_a_receiver_says(
    tree: Tree, receive: Callable[[], object]
) -> None:
    listening(tree, receive)
    assert undelivered(tree) == 1


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "about:blank"),
        (400, "urn:edgedb:problem:InvalidTopology"),
        (400, "urn:edgedb:problem:OfAnotherVersion"),
        (401, "urn:edgedb:problem:Unauthorized"),
        (403, "urn:edgedb:problem:Forbidden"),
        (404, "about:blank"),
        (404, "urn:edgedb:problem:NotFound"),
        (409, "urn:edgedb:problem:OfAnotherVersion"),
        (413, "about:blank"),
        (422, "urn:edgedb:problem:OfAnotherVersion"),
        (429, "about:blank"),
        (400, ""),
        (404, ""),
        (307, ""),
    ],
)
def test_a_value_is_kept_whatever_stands_between_says(tree: Tree, status: int, type_: str) -> None:
    document = json.dumps({"type": type_, "title": "t", "detail": "d"}).encode() if type_ else b"no"
    tree.hook = lambda _, __: PeerResponse(status, document)
    propagating(tree, ["city"])
    tree.tick_all()
    assert undelivered(tree) == 1


@pytest.mark.parametrize(("age_s", "left"), [(-60, 1), (60, 0)])
def test_a_value_that_nobody_took_for_a_day_is_given_up(tree: Tree, age_s: int, left: int) -> None:
    propagating(tree, ["city"])
    server = tree.clients["edge-a"]
    [(_, entry)] = server.xrange(keys.OUTBOX)
    server.delete(keys.OUTBOX)
    posted_ms = round((time.time() - PROPAGATION_LIFE_S - age_s) * 1000)
    server.xadd(keys.OUTBOX, entry, id=f"{posted_ms}-0")
    tree.hook = to("city")
    tree.tick_all()
    assert undelivered(tree) == left


def test_nothing_is_sent_for_a_request_that_was_not_committed(tree: Tree) -> None:
    tree.call("edge-a", query="word=milk&tell=cloud&fail=1")
    tree.tick_all()
    assert (counts(tree), undelivered(tree)) == ({}, 0)


def test_after_the_commit_nobody_has_to_wait_for_a_tick(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(background=lambda task: task())
    propagating(tree, "cloud")
    assert counts(tree) == dict.fromkeys(ALL, 1)


def test_only_who_is_below_may_tell_a_function_something(tree: Tree) -> None:
    message = Propagation.of("m", "edge-a", "tally", "milk", "city")
    with pytest.raises(Forbidden):
        tree.node("city").peers.propagate(message)
    assert counts(tree) == {}


def test_the_proprietary_is_told_of_a_move_it_took_no_part_in(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.hook = to("edge-a")
    token = tree.offload("city")
    tree.tick_all()
    assert (known(tree).current_location, undelivered(tree, "cloud")) == ("city", 1)
    tree.hook = as_usual
    tree.tick_all()
    assert (known(tree), undelivered(tree, "cloud")) == (token, 0)


def known(tree: Tree) -> SessionToken:
    """Give the token the proprietary location knows."""
    token = tree.node("edge-a").store.residents.token("s")
    assert token is not None
    return token


def test_an_update_that_comes_late_is_dropped(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")
    home = tree.onload("edge-a")
    assert undelivered(tree, "cloud") == 1
    tree.tick_all()
    assert (known(tree), undelivered(tree, "cloud")) == (home, 0)
    assert tree.residents() == ["edge-a"]


def test_an_update_is_kept_until_the_proprietary_answers_to_the_point(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tree.offload("edge-a")
    tree.offload("city")

    tree.hook = where(is_update, lambda _, __: PeerResponse(500, b"oops"))
    tree.tick_all()
    assert undelivered(tree, "cloud") == 1


def test_a_peer_that_does_not_answer_is_named(tree: Tree) -> None:
    tree.hook = lose_request
    with pytest.raises(PeerUnavailable):
        tree.node("edge-a").peers.propagate(Propagation.of("m", "city", "tally", "milk", "edge-a"))
    assert deliver(tree.node("edge-a")) == 0


def is_update(call: PeerRequest) -> bool:
    return call.function == "update-session"
