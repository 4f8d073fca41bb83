"""Whatever a fault may leave behind on the servers is noticed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edgedb.topology.tree import Topology
from tests.faults.tidiness import epochs, untidy
from tests.support.snapshot import NodeState, SessionState
from tests.support.tree import THREE_LEVELS

TOPOLOGY = Topology.from_json(THREE_LEVELS)
BY_SIZE, OF_EDGE_A = "edge:residents:by-size", "edge:residents:of:edge-a"


def pointer(to: str, epoch: int) -> SessionState:
    meta = {"proprietary": "edge-a", "current": to, "epoch": str(epoch)}
    return SessionState(meta=meta, parts={"meta"})


def tidy() -> dict[str, NodeState]:
    """Give servers with one session of edge-a, at city since its third move."""
    resident = pointer("city", 4)
    resident.meta |= {"version": "5", "size": "100"}
    resident.parts = {"meta", "scalars"}
    return {
        "cloud": NodeState({"s": pointer("city", 4)}),
        "city": NodeState({"s": resident}, {BY_SIZE: {"s": 100}, OF_EDGE_A: {"s": 1}}),
        "edge-a": NodeState({"s": pointer("city", 4)}),
        "edge-b": NodeState(),
    }


def problems(damage: Callable[[dict[str, NodeState]], object] = lambda _: None) -> list[str]:
    servers = tidy()
    servers["city"].node["bytes"] = "100"
    damage(servers)
    return list(untidy(TOPOLOGY, servers, ["s"]))


def test_a_tree_at_rest_is_tidy() -> None:
    assert problems() == []
    assert epochs(tidy()) == {"s": 4}


def _two_residents(servers: dict[str, NodeState]) -> None:
    servers["cloud"].sessions["s"].meta |= {"current": "cloud", "version": "5", "size": "100"}


def _lost(servers: dict[str, NodeState]) -> None:
    servers["city"].sessions["s"].meta["current"] = "cloud"


def _circle(servers: dict[str, NodeState]) -> None:
    servers["edge-a"].sessions["s"].meta["current"] = "edge-a"
    servers["edge-a"].sessions["s"].meta["version"] = "0"


def _untold(servers: dict[str, NodeState]) -> None:
    servers["edge-a"].sessions["s"].meta["current"] = "cloud"


def _arriving(servers: dict[str, NodeState]) -> None:
    servers["cloud"].indexes["edge:arrivals"] = {"s": 1}


def _staged(servers: dict[str, NodeState]) -> None:
    servers["edge-a"].sessions["s"].parts.add("list:0")


def _undelivered(servers: dict[str, NodeState]) -> None:
    servers["city"].outbox = 1


def _unindexed(servers: dict[str, NodeState]) -> None:
    del servers["city"].indexes[OF_EDGE_A]


def _miscounted(servers: dict[str, NodeState]) -> None:
    servers["city"].node["bytes"] = "99"


def _unsized(servers: dict[str, NodeState]) -> None:
    servers["city"].indexes[BY_SIZE] = {}


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (_two_residents, "I1: s lives at ['cloud', 'city']"),
        (_lost, "I1: s lives at no place"),
        (_circle, "I4: from edge-a s is not found at city"),
        (_untold, "I5: edge-a was not told that s is at city"),
        (_arriving, "arrivals are open: ['s']"),
        (_staged, "left over of s: ['list:0', 'meta']"),
        (_undelivered, "1 messages are not delivered"),
        (_unindexed, "by proprietary location there are set()"),
        (_miscounted, "99 bytes are counted, not 100"),
        (_unsized, "by size there are {}"),
    ],
)
def test_damage_is_found(damage: Callable[[dict[str, NodeState]], object], what: str) -> None:
    assert any(what in problem for problem in problems(damage))


def test_a_session_that_is_nowhere_is_missed() -> None:
    assert list(untidy(TOPOLOGY, {"cloud": NodeState()}, ["s"])) == ["I1: s lives at no place"]
