"""A full node gets rid of what is too much, many sessions at a time, whatever else is due."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.datastructures import Headers

import edgedb
from edgedb import delivery
from edgedb.oracle import commands, relief
from edgedb.oracle.commands import PASSED_OVER_S
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.store import limits
from edgedb.store.requests import Attempt
from tests.support.functions import Notebook
from tests.support.hooks import Deliver, as_usual, to
from tests.support.tree import ORACLE_TOKEN, Tree

FULL = {"offload_above": 0, "offload_below": 0}


def filled(tree: Tree, count: int) -> list[str]:
    """Put sessions into edge-a."""
    names = [f"s{number}" for number in range(count)]
    for name in names:
        tree.write("edge-a", "one", name)
    return names


def offloaded(tree: Tree) -> int:
    """Let edge-a tick; gives how many sessions have left."""
    return int(json.loads(tree.oracle("edge-a", "oracle").body)["offloaded"])


def told(tree: Tree, path: str = "/", query: str = "") -> Any:
    """Ask the oracle of edge-a."""
    headers = Headers({"Authorization": f"Bearer {ORACLE_TOKEN}"})
    request = edgedb.Request("GET", path, query.encode(), headers)
    return json.loads(tree.respond("edge-a", "oracle", request).body)


def findings(tree: Tree) -> list[dict[str, Any]]:
    """Examine what is kept for all sessions of edge-a."""
    return list(told(tree, "/findings", "position=node")["findings"])


def test_many_sessions_leave_in_two_calls_of_each_node(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    names = filled(tree, 40)
    tree.calls.clear()
    assert offloaded(tree) == 40
    assert tree.calls == ["POST city/offload-session", "POST edge-a/migrate-session"]
    assert all(tree.residents(name) == ["city"] for name in names)


def test_what_is_too_much_for_one_call_is_moved_in_several(
    make_tree: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (commands, relief):
        monkeypatch.setattr(module, "BATCH", 10)
    tree = make_tree(settings=FULL)
    filled(tree, 25)
    assert offloaded(tree) == 25


LARGEST = [f"x{number}" for number in range(8)]
"""Sessions that are chosen before all others, and cannot move."""


def of_strangers(tree: Tree) -> list[str]:
    """Let a client that nobody knows use the same ids at two nodes."""
    for name in LARGEST:
        tree.write("edge-b", "another", name)
        tree.offload("edge-b", name)
        tree.write("edge-a", "one", name, body=b"x" * 1000)
    return LARGEST


def of_a_location_that_is_gone(tree: Tree) -> list[str]:
    """Have one session of a location that is not in the topology any more."""
    tree.write("edge-a", "one", "x0", body=b"x" * 1000)
    tree.clients["edge-a"].hset("edge:{x0}:meta", "proprietary", "gone")
    return ["x0"]


def of_requests_that_do_not_end(tree: Tree) -> list[str]:
    """Let requests run for as long as they like."""
    for name in LARGEST:
        tree.write("edge-a", "one", name, body=b"x" * 1000)
        tree.node("edge-a").store.requests.begin(Attempt(name, "notebook", "a-lock"))
    return LARGEST


STUCK = [of_strangers, of_a_location_that_is_gone, of_requests_that_do_not_end]


@pytest.mark.parametrize("make_stuck", STUCK)
def test_what_cannot_move_holds_up_no_other_and_is_reported(
    make_tree: Callable[..., Tree], make_stuck: Callable[[Tree], list[str]]
) -> None:
    tree = make_tree(settings=FULL)
    stuck, others = make_stuck(tree), filled(tree, 10)
    assert offloaded(tree) == 10
    assert all("edge-a" in tree.residents(name) for name in stuck)
    assert all(tree.residents(name) == ["city"] for name in others)
    assert told(tree)["stuck"] == len(stuck)
    found = findings(tree)
    assert sorted((one["kind"], one["subject"]) for one in found) == [("stuck", n) for n in stuck]
    assert all("could not be offloaded" in one["found"] for one in found)


@pytest.mark.parametrize("make_stuck", STUCK)
def test_what_could_not_move_is_passed_over_for_a_while_and_then_tried_again(
    make_tree: Callable[..., Tree], make_stuck: Callable[[Tree], list[str]]
) -> None:
    tree = make_tree(settings=FULL)
    stuck = make_stuck(tree)
    assert offloaded(tree) == 0
    tree.calls.clear()
    assert offloaded(tree) == 0
    assert tree.calls == []
    tree.clock.advance(PASSED_OVER_S)
    assert offloaded(tree) == (len(stuck) if make_stuck is of_requests_that_do_not_end else 0)
    assert "POST city/offload-session" in tree.calls


@pytest.mark.parametrize("make_stuck", STUCK)
@pytest.mark.parametrize("is_known", [False, True])
def test_an_oracle_that_asks_for_any_session_gets_one_that_can_move(
    make_tree: Callable[..., Tree], make_stuck: Callable[[Tree], list[str]], is_known: bool
) -> None:
    tree = make_tree(settings=FULL)
    stuck = make_stuck(tree)
    if is_known:
        assert offloaded(tree) == 0
    filled(tree, 2)
    for _ in range(2):
        tree.calls.clear()
        answer = tree.oracle("edge-a", "force-offload")
        assert (answer.status, json.loads(answer.body)["currentLocation"]) == (200, "city")
        is_known_now = tree.calls.count("POST city/offload-session") == 1
    assert is_known_now
    refused = tree.oracle("edge-a", "force-offload").status
    assert refused in {400, 409, 503}, stuck


def test_no_more_is_remembered_than_a_limit(
    make_tree: Callable[..., Tree], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STUCK_LIMIT", 3)
    tree = make_tree(settings=FULL)
    of_strangers(tree)
    for _ in range(2):
        assert offloaded(tree) == 0
        assert told(tree)["stuck"] == 3


def test_a_session_that_has_left_is_not_reported_any_more(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    of_requests_that_do_not_end(tree)
    assert offloaded(tree) == 0
    tree.clock.advance(5)  # the locks run out
    for name in LARGEST[1:]:
        tree.offload("edge-a", name)
    assert told(tree)["stuck"] == 1


def test_that_nobody_answers_is_no_fault_of_the_sessions(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    filled(tree, 10)
    tree.hook = to("city")
    assert offloaded(tree) == 0
    assert tree.calls.count("POST city/offload-session") == 1
    assert told(tree)["stuck"] == 0
    tree.hook = as_usual
    assert offloaded(tree) == 10


def test_a_full_server_relieves_its_node_and_remembers_what_is_stuck(
    make_tree: Callable[..., Tree],
) -> None:
    tree = make_tree(settings=FULL)
    stuck, client = of_strangers(tree), tree.clients["edge-a"]
    filled(tree, 3)
    client.config_set("maxmemory", 1)
    try:
        assert offloaded(tree) == 3
        assert told(tree)["stuck"] == len(stuck)
    finally:
        client.config_set("maxmemory", 0)


MARKS = {"offload_above": 14_000, "offload_below": 8_000}
ASKED = "POST edge-a/oracle"


@pytest.fixture
def marked(make_tree: Callable[..., Tree]) -> Tree:
    """Give a tree whose edge-a knows its marks; what is for later is done at once."""
    tree = make_tree(settings=MARKS, background=lambda task: task())
    assert offloaded(tree) == 0
    return tree


def grow(tree: Tree, *names: str, function: str = "notebook") -> None:
    """Let sessions of edge-a grow by more than 3 kB each."""
    for name in names:
        body = b"x" * (3000 + 100 * len(tree.calls))
        assert tree.call("edge-a", function, name, query="word=one", body=body).status == 200


def test_a_request_that_passes_the_mark_asks_for_a_tick_that_ends_below_the_low_one(
    marked: Tree,
) -> None:
    grow(marked, "a", "b", "c")
    assert marked.calls == []
    grow(marked, "d")
    assert marked.calls[0] == ASKED
    assert marked.calls.count(ASKED) == 1
    assert told(marked)["bytes"] <= 8_000
    marked.clock.advance(2)
    grow(marked, "e")
    assert marked.calls.count(ASKED) == 1


def test_of_all_requests_of_a_node_one_a_second_asks_for_a_tick(marked: Tree) -> None:
    marked.hook = to("city")  # nobody takes anything
    marked.functions["diary"] = Notebook()
    grow(marked, "a", "b", "c", "d")
    for function in ("notebook", "diary"):
        grow(marked, "e", "f", function=function)
    assert marked.calls.count(ASKED) == 1
    marked.clock.advance(1)
    for function in ("diary", "notebook"):
        grow(marked, "g", "h", function=function)
    assert marked.calls.count(ASKED) == 2


def test_no_request_does_what_it_asks_for(make_tree: Callable[..., Tree]) -> None:
    later = list[Callable[[], None]]()
    tree = make_tree(settings=MARKS, background=later.append)
    assert offloaded(tree) == 0
    grow(tree, "a", "b", "c", "d", "e")
    assert (tree.calls, len(later)) == ([], 1)


def test_a_node_without_an_oracle_serves_on(marked: Tree) -> None:
    marked.hook = to("edge-a")
    grow(marked, "a", "b", "c", "d", "e")


def test_while_a_tick_relieves_a_node_no_other_does_and_nobody_asks_for_one(marked: Tree) -> None:
    grow(marked, "a", "b", "c")
    node = marked.node("edge-a")
    assert node.store.relief.claim(0, 60.0).claimer
    marked.clock.advance(59)
    assert (node.store.relief.claim(0, 60.0).claimer, offloaded(marked)) == ("", 0)
    grow(marked, "d", "e")
    assert marked.calls == []
    marked.clock.advance(1)  # it has died
    assert offloaded(marked) > 0


def test_marks_that_are_taken_away_are_forgotten_at_the_next_tick(marked: Tree) -> None:
    marked.node("edge-a").store.relief.claim(None, 60.0)
    grow(marked, "a", "b", "c", "d", "e")
    assert marked.calls == []


def test_what_has_left_does_not_come_home_at_once(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=MARKS | {"onload_below": 4_000})
    tree.write("edge-a", "one", "large", body=b"x" * 20_000)
    moves = [json.loads(tree.oracle("edge-a", "oracle").body)]
    for _ in range(9):
        tree.clock.advance(60)
        moves.append(json.loads(tree.oracle("edge-a", "oracle").body))
    assert [each["offloaded"] + each["onloaded"] for each in moves] == [1] + 9 * [0]
    tree.clock.advance(60)
    assert json.loads(tree.oracle("edge-a", "oracle").body)["onloaded"] == 1


def test_relief_comes_before_messages_are_delivered(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings=FULL)
    tree.call("edge-a", "notebook", "s", query="word=milk&tell=cloud")
    tree.calls.clear()
    assert offloaded(tree) == 1
    assert tree.calls.index("POST city/offload-session") < tree.calls.index("POST cloud/tally")


def test_who_takes_no_messages_is_asked_once_and_the_others_are_too(tree: Tree) -> None:
    for word in ("milk", "eggs"):
        tree.call("edge-a", "notebook", "s", query=f"word={word}&tell=cloud")
        tree.call("edge-a", "notebook", "s", query=f"word={word}&tell=city")
    tree.hook = to("cloud")
    tree.calls.clear()
    assert json.loads(tree.oracle("edge-a", "oracle").body)["delivered"] == 8
    assert tree.calls.count("POST cloud/tally") == 1
    assert tree.calls.count("POST city/tally") == 4


def test_values_for_one_receiver_are_sent_beside_each_other(tree: Tree) -> None:
    for word in ("milk", "eggs", "salt"):
        tree.call("edge-a", "notebook", word, query=f"word={word}&tell=city")
    both = threading.Barrier(2)

    def together(call: PeerRequest, deliver: Deliver) -> PeerResponse:
        if is_second_or_third(call):
            both.wait(10)
        return deliver()

    def is_second_or_third(call: PeerRequest) -> bool:
        return call.location == "city" and tree.calls.count("POST city/tally") > 1

    tree.hook = together
    with ThreadPoolExecutor() as pool:
        tree.node("edge-a").ahead = lambda read: pool.submit(read).result
        assert json.loads(tree.oracle("edge-a", "oracle").body)["delivered"] == 6


def test_who_takes_values_too_slowly_is_left_for_the_next_tick(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TIME_SHARE", 0.0)
    for word in ("milk", "eggs", "salt"):
        tree.call("edge-a", "notebook", word, query=f"word={word}&tell=cloud")
    for left in (6, 3, 0):
        tree.oracle("edge-a", "oracle")
        assert told(tree)["outbox"] == left
