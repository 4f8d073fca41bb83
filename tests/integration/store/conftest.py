"""Each test of the scripts runs on every server there is: the embedded Valkey, redis-server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.integration.store.steps import Place
from tests.support.servers import Server, server_binaries
from tests.support.tree import Clock


@pytest.fixture(scope="session", params=server_binaries(), ids=lambda path: Path(path).name)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Give a running server."""
    with Server(tmp_path_factory.mktemp("server"), request.param) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    """Give a client of an empty server."""
    with server.client() as client:
        client.flushall()
        yield client


@pytest.fixture
def clock() -> Clock:
    """Give the clock of all places of a test."""
    return Clock()


@pytest.fixture
def edge(client: redis.Redis, clock: Clock) -> Place:
    """Give the store of ``edge-a``."""
    return Place("edge-a", client, clock)


@pytest.fixture
def city(server: Server, client: redis.Redis, clock: Clock) -> Iterator[Place]:  # noqa: ARG001
    """Give the store of ``city``, beside that of ``edge-a``."""
    with server.client(db=1) as other:
        yield Place("city", other, clock)
