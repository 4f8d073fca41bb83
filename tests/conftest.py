"""Servers and trees for all tests; a server that cannot be started is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import redis

from edgedb.topology.tree import Topology
from tests.support.servers import Server
from tests.support.tree import THREE_LEVELS, Tree

LOCATIONS = 5

# a busy machine is no error
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """One server for each location of a test's tree."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Server(tmp_path_factory.mktemp("server"))) for _ in range(LOCATIONS)
        ]


@pytest.fixture(scope="session")
def clients(servers: list[Server]) -> Iterator[list[redis.Redis]]:
    """One client of each server; to make one takes longer than most tests."""
    with ExitStack() as stack:
        yield [stack.enter_context(server.client()) for server in servers]


@pytest.fixture
def make_tree(clients: list[redis.Redis]) -> Callable[..., Tree]:
    """Build trees on empty servers."""

    def make(document: dict[str, Any] | None = None, **options: Any) -> Tree:
        topology = Topology.from_json(document or THREE_LEVELS)
        for client in clients:
            client.flushall()
        chosen = {place.id: client for place, client in zip(topology, clients, strict=False)}
        return Tree(topology, chosen, **options)

    return make


@pytest.fixture
def tree(make_tree: Callable[..., Tree]) -> Tree:
    """Give cloud > city > edge-a, edge-b."""
    return make_tree()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder."""
    return tmp_path
