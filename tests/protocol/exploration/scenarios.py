"""The moves that are explored, and who else is there meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.protocol.exploration.client import Client
from tests.support.tree import Tree

HOME, SESSION = "edge-a", "s"
BATCH = (SESSION, "t", "u")

CHAIN: dict[str, Any] = {
    "levels": ["cloud", "city", "edge"],
    "locations": {
        "cloud": {"gateway": "http://cloud"},
        "city": {"parent": "cloud", "gateway": "http://city"},
        "edge-a": {"parent": "city", "gateway": "http://edge-a"},
    },
}
"""Every move is on the path from a session's proprietary location to the root: this is one."""

Setup = Callable[[Tree], None]
Clients = Sequence[Client]
"""One for each session; most have just that of the first."""

Part = Callable[[Clients], object]


@dataclass(frozen=True)
class Scenario:
    """What is there before (a session with a few words at the leaf), and what then happens."""

    parts: Mapping[str, Part]
    """By name; if nobody gives way, one after the other."""
    setup: Setup = lambda _: None
    is_paged: bool = False
    """Pages are tiny, so that the session is a large one."""
    is_new: bool = False
    """The session is not there before."""
    sessions: Sequence[str] = (SESSION,)
    """All with the same home and the same words."""

    @property
    def words(self) -> list[str]:
        """What is written before."""
        if self.is_new:
            return []
        return ["zero", "naught", "nil", "null", "nought"][: 5 if self.is_paged else 2]


def offload(at: str = "edge-a") -> Part:
    """Force the session up."""
    return lambda clients: clients[0].move("force-offload", at)


def onload(at: str = "edge-a") -> Part:
    """Force the session down."""
    return lambda clients: clients[0].move("force-onload", at)


def batch_up(at: str = "edge-a") -> Part:
    """Force all sessions up in one call."""
    return lambda clients: clients[0].move_many("force-offload", at, clients)


def batch_down(at: str = "edge-a") -> Part:
    """Force all sessions down in one call."""
    return lambda clients: clients[0].move_many("force-onload", at, clients)


def then(*parts: Part) -> Part:
    """Do one after the other."""
    return lambda clients: [part(clients) for part in parts]


def write(*words: str) -> Part:
    """Append words, each under an Idempotency-Key of its own, until it is done."""
    return lambda clients: [clients[0].write(word) for word in words]


def write_once(word: str) -> Part:
    """Append a word without a key, in one attempt."""
    return lambda clients: clients[0].write(word, key="")


def read(times: int) -> Part:
    """Read, again and again."""
    return lambda clients: [clients[0].read() for _ in range(times)]


def at_city(tree: Tree) -> None:
    """Bring the session one level up."""
    tree.offload("edge-a")


def at_cloud(tree: Tree) -> None:
    """Bring the session to the root."""
    tree.offload("edge-a")
    tree.offload("city")
    tree.tick_all()


def city_rejects(tree: Tree) -> None:
    """Have the parent pass sessions on."""
    assert tree.oracle("city", "set-offload-status", "status=reject").status == 200


def been_away(tree: Tree) -> None:
    """Leave an old pointer at the parent and an old one at the root."""
    at_cloud(tree)
    tree.onload("edge-a")


def all_at_cloud(tree: Tree) -> None:
    """Bring all sessions to the root."""
    for at in ("edge-a", "city"):
        assert tree.oracle(at, "force-offload", f"count={len(BATCH)}").status == 200
    tree.tick_all()


def tick_at(at: str) -> Part:
    """Let a node's timer go off."""
    return lambda clients: clients[0].oracle("oracle", at)


MOVES: dict[str, Scenario] = {
    "leaf to parent": Scenario({"mover": offload()}),
    "leaf to parent again": Scenario({"mover": offload()}, been_away),
    "leaf to grandparent": Scenario({"mover": offload()}, city_rejects),
    "middle to root": Scenario({"mover": offload("city")}, at_city),
    "parent to leaf": Scenario({"mover": onload()}, at_city),
    "root to leaf": Scenario({"mover": onload()}, at_cloud),
    "root to middle": Scenario({"mover": onload("city")}, at_cloud),
    "in pages": Scenario({"mover": offload()}, is_paged=True),
    "a batch up": Scenario({"mover": batch_up()}, sessions=BATCH),
    "a batch to the grandparent": Scenario({"mover": batch_up()}, city_rejects, sessions=BATCH),
    "a batch down": Scenario({"mover": batch_down()}, all_at_cloud, sessions=BATCH),
}
"""One mover alone."""

MEETINGS: dict[str, Scenario] = {
    "up against down": Scenario({"up": offload("city"), "down": onload()}, at_city),
    "two up": Scenario({"one": offload(), "two": offload()}),
    "two down": Scenario({"one": onload(), "two": onload("city")}, at_cloud),
    "up against there and back": Scenario(
        {"up": offload("city"), "round": then(onload(), write("between"), offload())},
        at_city,
        is_paged=True,
    ),
    "a writer": Scenario({"mover": offload(), "writer": write("one", "two")}),
    "a first write": Scenario({"mover": offload(), "writer": write("one")}, is_new=True),
    "a writer while coming home": Scenario(
        {"mover": onload(), "writer": write("one", "two")}, at_cloud
    ),
    "two writers": Scenario({"one": write_once("one"), "two": write("two")}),
    "two writers and a mover": Scenario(
        {"one": write("one"), "mover": offload(), "two": write_once("two")}
    ),
    "a writer without a key": Scenario({"mover": offload(), "writer": write_once("one")}),
    "a writer of a large session": Scenario(
        {"mover": offload(), "writer": write("one", "two")}, is_paged=True
    ),
    "a busy writer": Scenario(
        {"mover": offload(), "writer": write(*(f"busy{n}" for n in range(6)))}
    ),
    "a batch up and a writer": Scenario(
        {"mover": batch_up(), "writer": write("one", "two")}, sessions=BATCH
    ),
    "a batch down and a writer": Scenario(
        {"mover": batch_down(), "writer": write("one", "two")}, all_at_cloud, sessions=BATCH
    ),
    "a batch in pages and a writer": Scenario(
        {"mover": batch_up(), "writer": write("one")}, is_paged=True, sessions=BATCH[:2]
    ),
    "a batch against one of it": Scenario(
        {"batch": batch_up(), "one": offload(), "tick": tick_at("city")}, sessions=BATCH
    ),
    "a reader": Scenario({"mover": offload(), "reader": read(2)}),
    "a reader of a large session": Scenario(
        {"mover": offload(), "reader": read(2), "writer": write("one")}, is_paged=True
    ),
    "a repeat": Scenario({"mover": offload(), "first": write("same"), "repeat": write("same")}),
    "a tick": Scenario({"mover": offload(), "tick": tick_at("city")}),
    "a tick and a round trip": Scenario(
        {"mover": offload(), "tick": tick_at("city"), "round": then(onload(), offload())}
    ),
    "a tick while passing on": Scenario(
        {"mover": offload("city"), "tick": tick_at("cloud"), "writer": write("one")}, at_city
    ),
}
"""A mover and somebody else."""

SCENARIOS = MOVES | MEETINGS
