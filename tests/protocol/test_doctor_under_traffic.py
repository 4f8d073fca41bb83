"""Repairs are made while clients write and sessions move; they break nothing."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from edgedb.checking.findings import Kind
from edgedb.checking.slices import LAST, START, examine, mend
from edgedb.oracle.tick import tick
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.response import Response
from tests.support.hooks import Hook, as_usual, lose_answer, lose_request
from tests.support.threads import at_once
from tests.support.tree import Tree

SESSIONS = ("one", "two", "three")
WRITES = 100
FREEZE_S = 0.02  # so short that the doctor comes upon moves that are still under way


def milliseconds() -> int:
    return time.time_ns() // 1_000_000


def written(tree: Tree, session: str, word: str) -> None:
    """Write until it is acknowledged, as a client that repeats with the same key."""
    at, deadline = "edge-a", time.monotonic() + 30
    while time.monotonic() < deadline:
        key = {"Idempotency-Key": word}
        response = tree.call(at, "notebook", session, query=f"word={word}", headers=key)
        if response.status == 200:
            return
        at = elsewhere(response)
    raise AssertionError(f"{word} was never acknowledged: {response}")


def elsewhere(response: Response) -> str:
    assert response.status in {307, 409, 503}, response
    return dict(response.headers).get("X-session-location", "edge-a")


def move(tree: Tree, chance: random.Random, session: str) -> None:
    """Move a session up or home; that it cannot be moved now is no matter."""
    location, action = chance.choice(
        [("edge-a", "force-offload"), ("city", "force-offload"), ("edge-a", "force-onload")]
    )
    tree.oracle(location, action, f"session={session}")


def losing(chance: random.Random) -> Hook:
    """Lose every tenth call of a move, and every tenth answer."""

    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        fault = chance.choice([lose_request, lose_answer, *[None] * 8])
        return fault(call, deliver) if fault and call.method == "POST" else deliver()

    return hook


def mended(tree: Tree, location: str) -> set[Kind]:
    """Repair a node, slice by slice; gives what was found."""
    kinds, position = set[Kind](), START
    while True:
        part = mend(tree.node(location), position)
        kinds |= {finding.kind for finding in part.findings}
        if part.next is None:
            return kinds
        position = part.next


def test_repairs_under_traffic_lose_fork_and_double_nothing(make_tree: Callable[..., Tree]) -> None:
    settings = {"lock_wait": 1.0, "freeze_timeout": FREEZE_S}
    tree = make_tree(clock=milliseconds, settings=settings)
    chance, is_over, found = random.Random(7), list[int](), set[Kind]()
    tree.hook = losing(chance)
    places = [place.id for place in tree.topology]

    def work(n: int) -> None:
        if n < len(SESSIONS):
            for i in range(WRITES):
                written(tree, SESSIONS[n], f"{SESSIONS[n]}-{i}")
            is_over.append(n)
            return
        while len(is_over) < len(SESSIONS):
            if n % 2:
                move(tree, chance, chance.choice(SESSIONS))
            else:
                found.update(mended(tree, chance.choice(places)))

    at_once(7, work)
    tree.hook = as_usual
    for _ in range(2):
        time.sleep(FREEZE_S)
        for location in places:
            tick(tree.node(location))
    for session in SESSIONS:
        assert len(tree.residents(session)) == 1
        expected = Counter(f"{session}-{i}" for i in range(WRITES))
        assert Counter(tree.words("edge-a", session)) == expected
    for location in places:
        mended(tree, location)
        assert all(not examine(tree.node(location), at).findings for at in (START, LAST))
    assert tree.leftovers() == {}
    # what is read at one moment contradicts itself at none
    assert not found & {Kind.INDEXES, Kind.ORPHANED, Kind.LAST_COPY}
    assert not any(
        key.startswith(b"edge-aside") for at in places for key in tree.clients[at].scan_iter()
    )
