"""Requests that wait: how many, in which order, for how long; whom they do not stop."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import edgedb
from edgedb.node import in_threads
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from edgedb.store.requests import Attempt, Run, Wait
from harness.waiting import until
from tests.support.dumps import dump
from tests.support.hooks import as_usual, at_hand_over
from tests.support.scripted import Scripted
from tests.support.tree import Tree

THREADS = 6  # so three may wait
PATIENCE = 30.0


def kind(response: Response) -> str:
    """Give the type of a problem."""
    return str(json.loads(response.body)["type"]).rpartition(":")[2]


class Gate:
    """A handler that notes who runs, and runs until it is let through."""

    def __init__(self) -> None:
        self.order = list[str]()
        self._through = threading.Semaphore(0)

    def __call__(self, request: edgedb.Request) -> None:
        self.order.append(request.query["n"])
        assert self._through.acquire(timeout=PATIENCE)

    def open(self, times: int = 1) -> None:
        """Let so many through."""
        self._through.release(times)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Give a gate that is open in the end."""
    made = Gate()
    yield made
    made.open(100)


@pytest.fixture
def pool(gate: Gate) -> Iterator[ThreadPoolExecutor]:
    """Give threads for clients."""
    with ThreadPoolExecutor(20) as threads:
        yield threads
        gate.open(100)


@pytest.fixture
def busy(make_tree: Callable[..., Tree], gate: Gate) -> Tree:
    """Give a tree with a function that keeps its session busy."""
    tree = make_tree(settings={"lock_wait": PATIENCE, "threads": THREADS})
    tree.functions |= {"busy": Scripted(gate), "other": Scripted(gate)}
    return tree


def waiting(tree: Tree, count: int) -> None:
    """Wait until so many requests are in queues of the process."""
    queues = tree.node("edge-a", "busy").turns.queues
    until(lambda: sum(map(len, list(queues.values()))) >= count)


def test_who_finds_no_place_to_wait_is_refused_at_once_and_nothing_has_happened(
    busy: Tree, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    calls = [pool.submit(busy.call, "edge-a", "busy", query=f"n={n}") for n in range(4)]
    waiting(busy, 4)
    until(lambda: gate.order)
    before = dump(busy)
    refused = busy.call("edge-a", "busy", query="n=late")
    assert (refused.status, kind(refused)) == (503, "Unavailable")
    assert int(dict(refused.headers)["Retry-After"]) >= 1
    assert dump(busy) == before
    gate.open(4)
    assert [call.result().status for call in calls] == [200] * 4
    assert "late" not in gate.order


def test_what_need_not_wait_is_served_though_nobody_else_could_wait(
    busy: Tree, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    calls = [pool.submit(busy.call, "edge-a", "busy", query=f"n={n}") for n in range(4)]
    waiting(busy, 4)
    calls.append(pool.submit(busy.call, "edge-a", "busy", "another session", query="n=other"))
    until(lambda: "other" in gate.order)
    gate.open(5)
    assert [call.result().status for call in calls] == [200] * 5


def tickets(tree: Tree) -> int:
    """Give how many requests are in the queue for the session's lock."""
    return len((tree.clients["edge-a"].hget("edge:{s}:meta", "queue") or b"").split()) // 2


def test_who_has_a_place_keeps_it_from_its_turn_to_the_lock(
    busy: Tree, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    calls = [pool.submit(busy.call, "edge-a", "busy", query=f"n={n}") for n in range(4)]
    waiting(busy, 4)
    until(lambda: gate.order)
    store = busy.node("edge-a").store.requests
    another = Attempt("s", "another function", "another-process")
    assert store.begin(another) == Wait("locked")
    gate.open()
    until(lambda: tickets(busy) == 2)  # the first of the three that wait has its turn
    run = store.begin(another)
    assert isinstance(run, Run)
    assert busy.call("edge-a", "busy", query="n=late").status == 503
    store.release(run)
    gate.open(3)
    assert [call.result().status for call in calls] == [200] * 4


def test_processes_get_a_session_in_the_order_in_which_they_came(
    busy: Tree, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    """The process of a busy function does not keep another one waiting behind all it has."""
    calls = [pool.submit(busy.call, "edge-a", "busy", query="n=busy-1")]
    until(lambda: gate.order == ["busy-1"])
    calls.append(pool.submit(busy.call, "edge-a", "other", query="n=other"))
    until(lambda: tickets(busy) == 1)
    for number in (2, 3):
        calls.append(pool.submit(busy.call, "edge-a", "busy", query=f"n=busy-{number}"))
        waiting(busy, number)
    gate.open(4)
    assert [call.result().status for call in calls] == [200] * 4
    assert gate.order == ["busy-1", "other", "busy-2", "busy-3"]


def test_who_gave_up_is_waited_for_by_nobody(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree()
    tree.write("edge-a", "one")
    requests = tree.node("edge-a").store.requests
    held = requests.begin(Attempt("s", "other", "another process"))
    assert isinstance(held, Run)
    before = dump(tree)
    refused = tree.call("edge-a", query="word=two")
    assert (refused.status, kind(refused)) == (503, "SessionBusy")
    assert dump(tree) == before
    requests.release(held)
    assert tree.write("edge-a", "three").status == 200


class Silent:
    """A source that does not answer to the hand-over until it is told to."""

    def __init__(self) -> None:
        self.asked = list[str]()
        self.speak = threading.Event()

    def __call__(self, call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        self.asked.append(call.location)
        assert self.speak.wait(PATIENCE)
        return deliver()


@pytest.fixture
def silent() -> Iterator[Silent]:
    """Give a source that answers in the end."""
    made = Silent()
    yield made
    made.speak.set()
    until(lambda: not [t for t in threading.enumerate() if t.name.startswith("edgedb-settling")])


@pytest.fixture
def stranded(make_tree: Callable[..., Tree], silent: Silent) -> Tree:
    """Give a session that is to arrive at the city, whose source is silent."""
    tree = make_tree(settings={"lock_wait": 0.6}, once=in_threads())
    tree.write("edge-a", "one")
    tree.strand()
    tree.hook = at_hand_over(silent)
    return tree


def test_a_silent_source_is_asked_once_and_holds_nobody_longer_than_they_may_wait(
    stranded: Tree, silent: Silent
) -> None:
    with ThreadPoolExecutor(5) as clients:
        calls: list[Future[Response]] = [
            clients.submit(stranded.call, "city", "reader") for _ in range(5)
        ]
        answers = [call.result(timeout=PATIENCE / 2) for call in calls]
    assert {(answer.status, kind(answer)) for answer in answers} == {(503, "SessionBusy")}
    assert silent.asked == ["edge-a"]


def test_who_waits_for_an_arrival_is_served_once_its_source_has_answered(
    stranded: Tree, silent: Silent
) -> None:
    silent.speak.set()
    assert json.loads(stranded.call("city", "reader").body)["words"] == ["one"]
    assert stranded.residents() == ["city"]


def test_one_session_that_cannot_arrive_does_not_keep_another_from_it(
    stranded: Tree, silent: Silent
) -> None:
    stranded.hook = as_usual
    stranded.write("edge-a", "one", "t")
    stranded.strand(session="t")
    stranded.hook = at_hand_over(silent)
    assert stranded.call("city", "reader").status == 503
    stranded.hook = as_usual
    assert stranded.call("city", "reader", "t").status == 200
    assert silent.asked == ["edge-a"]
