"""Servers and trees for all tests; a server that cannot be started is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgedb.topology.tree import Topology
from tests.support.servers import Server
from tests.support.tree import THREE_LEVELS, Tree

LOCATIONS = 5


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """One server for each location of a test's tree."""
    running = [Server(tmp_path_factory.mktemp("server")) for _ in range(LOCATIONS)]
    for server in running:
        server.start()
    yield running
    for server in running:
        server.kill()


@pytest.fixture
def make_tree(servers: list[Server]) -> Iterator[Callable[..., Tree]]:
    """Build trees on empty servers."""
    clients = [server.client() for server in servers]

    def make(document: dict[str, Any] | None = None, **options: Any) -> Tree:
        topology = Topology.from_json(document or THREE_LEVELS)
        for client in clients:
            client.flushall()
        chosen = {place.id: client for place, client in zip(topology, clients, strict=False)}
        return Tree(topology, chosen, **options)

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """Give cloud > city > edge-a, edge-b."""
    return make_tree()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder."""
    return tmp_path
