"""What the hand-over by version promises: few calls, nobody waits in vain, lateness is harmless."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.session import Changes
from edgedb.store.requests import Attempt, Run
from edgedb.store.source import SourceStore
from edgedb.wire.hand_over import Ask, answers_from_msgpack, answers_to_msgpack
from tests.support.contents import appended, at_call
from tests.support.dumps import dump
from tests.support.hooks import Deliver, Hook, as_usual, at_hand_over
from tests.support.moves import offered, prepared
from tests.support.tree import Tree

HAND_OVER = "POST {}/migrate-session"
WAYS = {
    "up": ("edge-a", "edge-a", "force-offload", "POST city/offload-session"),
    "down": ("city", "edge-a", "force-onload", "GET city/onload-session"),
}


@pytest.fixture(params=WAYS.values(), ids=WAYS.keys())
def way(request: pytest.FixtureRequest, tree: Tree) -> tuple[str, Callable[[], Response], str]:
    """Give where a session is, its move in either direction, and the call that it begins with."""
    source, at, action, first = request.param
    tree.write("edge-a", "one")
    if source == "city":
        tree.offload("edge-a")
    tree.calls.clear()
    return source, lambda: tree.oracle(at, action, "session=s"), first


# calls


def test_a_quiet_small_session_moves_with_three_calls(
    tree: Tree, way: tuple[str, Callable[[], Response], str]
) -> None:
    source, move, first = way
    assert move().status == 200
    assert tree.calls == [first, HAND_OVER.format(source)]  # and that of the oracle


def test_a_session_that_is_written_to_meanwhile_moves_with_four(
    tree: Tree, way: tuple[str, Callable[[], Response], str]
) -> None:
    source, move, first = way
    at_call(tree, 1, lambda: tree.call(source, query="word=two"))
    assert move().status == 200
    assert tree.calls == [first, *[HAND_OVER.format(source)] * 2]
    assert tree.words("edge-a") == ["one", "two"]


# who waits


def test_readers_are_served_while_a_move_waits_for_a_writer(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.write("edge-a", "one")
    requests = tree.node("edge-a").store.requests
    writing = requests.begin(Attempt("s", "notebook", "a lock"))
    assert isinstance(writing, Run)
    statuses, hold = list[tuple[int, int]](), SourceStore.hold

    def meanwhile(store: SourceStore, asked: Ask) -> None:
        hold(store, asked)
        calls = [
            tree.call("edge-a", function, query="word=x") for function in ("reader", "notebook")
        ]
        statuses.append((calls[0].status, calls[1].status))

    monkeypatch.setattr(SourceStore, "hold", meanwhile)
    assert tree.oracle("edge-a", "force-offload", "session=s").status == 503
    assert statuses == [(200, 503)]
    requests.commit(writing, Changes({}, {"words": appended("two")}))
    assert tree.offload("edge-a").current_location == "city"
    assert tree.words("edge-a") == ["one", "two"]


@pytest.mark.parametrize("number", [1, 2])
def test_of_two_movers_at_a_time_one_is_told_that_it_has_moved_the_session(
    tree: Tree, number: int
) -> None:
    tree.write("edge-a", "one")
    statuses, calls = list[int](), list[PeerRequest]()

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        calls.append(call)
        if len(calls) == number:
            statuses.append(tree.oracle("edge-a", "force-offload", "session=s").status)
        return deliver()

    tree.hook = hook
    statuses.append(tree.oracle("edge-a", "force-offload", "session=s").status)
    assert sorted(statuses) == [200, 409]
    assert (tree.residents(), tree.leftovers()) == (["city"], {})


# what comes late


def recording(tape: list[PeerRequest]) -> Hook:
    """Keep every call between nodes."""

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        tape.append(call)
        return deliver()

    return hook


def to_city_and_back(tree: Tree) -> None:
    tree.offload("edge-a")
    tree.onload("edge-a")


LATER: dict[str, Callable[[Tree], object]] = {
    "while it is where it was moved to": lambda tree: tree.offload("edge-a"),
    "when it has come home": to_city_and_back,
    "when it has gone on": lambda tree: (tree.offload("edge-a"), tree.offload("city")),
    "when it has left again": lambda tree: (to_city_and_back(tree), tree.offload("edge-a")),
}


@pytest.mark.parametrize("later", LATER.values(), ids=LATER.keys())
def test_a_call_that_comes_again_later_changes_nothing_and_delays_nobody(
    tree: Tree, later: Callable[[Tree], object]
) -> None:
    tree.write("edge-a", "one")
    tape = list[PeerRequest]()
    at_call(tree, 1, lambda: tree.write("edge-a", "two"))
    with_a_write = tree.hook
    tree.hook = lambda call, deliver: recording(tape)(call, lambda: with_a_write(call, deliver))
    later(tree)
    tree.hook = as_usual
    tree.tick_all()
    before, residents = dump(tree), tree.residents()
    assert len(tape) >= 3
    for call in tape:
        tree.send(call, 1.0)
        assert dump(tree) == before, call
    assert tree.residents() == residents
    assert tree.follow("edge-a", "reader")[1].status == 200
    assert tree.write("edge-a", "three").status == 200
    assert tree.words("edge-a") == ["one", "two", "three"]


def test_every_call_may_come_again_at_every_later_moment(tree: Tree) -> None:
    tree.write("edge-a", "one")
    tape = list[PeerRequest]()

    def hook(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        response = recording(tape)(call, deliver)
        tree.hook = as_usual
        for earlier in [*tape]:
            tree.send(earlier, 1.0)
        tree.hook = hook
        return response

    tree.hook = hook
    for word in ("two", "three"):
        to_city_and_back(tree)
        assert tree.write("edge-a", word).status == 200
    assert (tree.residents(), tree.leftovers()) == (["edge-a"], {})
    assert tree.words("edge-a") == ["one", "two", "three"]


# many


def fates(response: Response) -> dict[str, Any]:
    """Give the status of each session's problem; where it is if it has moved."""
    assert response.status == 200, response.body
    return {
        each["session"]: each["problem"]["status"] if "problem" in each else each["currentLocation"]
        for each in json.loads(response.body)
    }


def offload_three(tree: Tree) -> dict[str, Any]:
    return fates(tree.oracle("edge-a", "force-offload", "count=3&policy=least-recent"))


@pytest.fixture
def three(tree: Tree) -> Sequence[str]:
    """Give sessions of edge-a."""
    for session in ("a", "b", "c"):
        tree.write("edge-a", "one", session)
        tree.clock.advance(1)
    return ("a", "b", "c")


def run_in(tree: Tree, session: str) -> None:
    """Let a request run that does not end."""
    begun = tree.node("edge-a").store.requests.begin(Attempt(session, "notebook", "a lock"))
    assert isinstance(begun, Run)


@pytest.mark.usefixtures("three")
def test_one_that_is_busy_does_not_hold_up_the_others(tree: Tree) -> None:
    run_in(tree, "b")
    assert offload_three(tree) == {"a": "city", "b": 503, "c": "city"}
    assert [tree.residents(s) for s in "abc"] == [["city"], ["edge-a"], ["city"]]
    assert tree.leftovers() == {}


@pytest.mark.usefixtures("three")
def test_one_that_changes_moves_with_what_was_written(tree: Tree) -> None:
    at_call(tree, 1, lambda: tree.write("edge-a", "two", "b"))
    assert offload_three(tree) == dict.fromkeys("abc", "city")
    assert tree.words("edge-a", "b") == ["one", "two"]


@pytest.mark.usefixtures("three")
def test_one_that_its_source_has_lost_is_not_lost_here(tree: Tree) -> None:
    at_call(tree, 1, lambda: tree.clients["edge-a"].delete("edge:{b}:meta"))
    assert offload_three(tree) == {"a": "city", "b": 504, "c": "city"}
    arrival = tree.node("city").store.destination.arrival("b")
    assert arrival is not None
    assert arrival.version


@pytest.mark.usefixtures("three")
def test_an_answer_that_does_not_name_a_session_is_none_for_it(tree: Tree) -> None:
    def silent_of_b(_: PeerRequest, deliver: Deliver) -> PeerResponse:
        answers = answers_from_msgpack(deliver().body)
        answers.pop("b")
        return PeerResponse(200, answers_to_msgpack(answers))

    tree.hook = at_hand_over(silent_of_b)
    assert offload_three(tree) == {"a": "city", "b": 502, "c": "city"}
    tree.hook = as_usual
    tree.tick_all()
    assert tree.residents("b") == ["city"]
    assert tree.words("edge-a", "b") == ["one"]


def test_one_that_is_busy_does_not_keep_the_others_from_coming_home(tree: Tree) -> None:
    for session in ("a", "b", "c"):
        tree.write("edge-a", "one", session)
        tree.offload("edge-a", session)
    begun = tree.node("city").store.requests.begin(Attempt("b", "notebook", "a lock"))
    assert isinstance(begun, Run)
    found = fates(tree.oracle("edge-a", "force-onload", "count=3"))
    assert found == {"a": "edge-a", "b": 503, "c": "edge-a"}
    assert tree.residents("b") == ["city"]
    assert tree.leftovers() == {}


# another run of a server


def test_a_copy_of_what_a_restarted_source_had_offered_is_set_aside(tree: Tree) -> None:
    tree.write("edge-a", "one")
    prepared(tree, "city", offered(tree))
    # what a restart does, but for the time that it takes
    tree.clients["edge-a"].replicaof("127.0.0.1", 1)
    tree.clients["edge-a"].replicaof("NO", "ONE")
    tree.tick_all()
    assert tree.residents() == ["edge-a"]
    assert tree.node("city").store.destination.arrival("s") is None
    kept = {key.decode() for key in tree.clients["city"].scan_iter("edge-aside*")}
    assert any(key.endswith("}:scalars") for key in kept), kept
    assert any("}:list:" in key for key in kept), kept
    assert tree.offload("edge-a").current_location == "city"
    assert tree.words("edge-a") == ["one"]
