"""The tree that is called, and how often it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgedb.store.arrival import Arrival, Staging
from edgedb.store.staging import ListStage
from edgedb.wire.items import Scalar
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import NO_OFFER, SessionPacket
from tests.hostile.application import Application, node_application
from tests.hostile.running import Running, small_tree
from tests.support.dumps import Held
from tests.support.scripted import Scripted
from tests.support.tree import Tree, load_handler

FUNCTIONS = Path(__file__).parent / "functions"
DEPLOYED = ("keeper", "reader", "receiver")

_COUNTED = Counter[str]()


@pytest.fixture(scope="session")
def counted() -> Counter[str]:
    """Count generated calls; the summary of the run says how many there were."""
    return _COUNTED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many calls were generated."""
    if _COUNTED:
        told = ", ".join(f"{number} {what}" for what, number in _COUNTED.items())
        terminalreporter.write_line(f"hostile calls: {told}")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start a small tree of processes."""
    with small_tree(tmp_path_factory.mktemp("hostile")) as started:
        yield started


@pytest.fixture
def state(make_tree: Callable[..., Tree]) -> Tree:
    """Give a tree with a session at ``edge-a``, and one of its sessions at ``city``."""
    tree = make_tree()
    tree.functions |= {name: load_handler(FUNCTIONS / name).handle for name in DEPLOYED}
    for session in ("s", "up"):
        assert tree.call("edge-a", "keeper", session, body=b"one").status == 200
    tree.offload("edge-a", "up")
    tree.tick_all()
    set_aside(tree)
    return tree


def set_aside(tree: Tree) -> None:
    """Let ``city`` have the copy of a session set aside, under the id ``aside``."""
    destination = tree.node("city").store.destination
    token = SessionToken("old", "edge-a", "edge-a", "keeper", 1)
    packet = SessionPacket(token, 1, (Scalar("kept", b"sone"),))
    staging = Staging(token, NO_OFFER, "aside", 1, packet, ListStage(), complete=1)
    (arrival,) = destination.stage([staging])
    assert isinstance(arrival, Arrival)
    assert destination.set_aside(arrival, "it was in the way")


@pytest.fixture
def gateways(state: Tree) -> dict[str, Application]:
    """Give what answers at each location's gateway."""
    return {place.id: node_application(state, place.id) for place in state.topology}


@pytest.fixture
def held(state: Tree) -> Held:
    """Remember what the tree holds."""
    return Held(state)


@pytest.fixture
def scripted(state: Tree) -> Callable[[Callable[..., Any]], None]:
    """Deploy a function ``scripted`` whose handler is the given one."""

    def deploy(script: Callable[..., Any]) -> None:
        state.functions["scripted"] = Scripted(script)

    return deploy
