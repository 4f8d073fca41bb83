"""A client in a network of gateways that exist only in the test; pauses are noted, not made."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edgedb.client import EdgeSession
from tests.unit.client.gateways import EDGE, Gateways, fixed


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", slept.append)
    return slept


@pytest.fixture
def net() -> Gateways:
    return Gateways({EDGE: fixed(200, b"home")})


@pytest.fixture
def session(net: Gateways, pauses: list[float]) -> Iterator[EdgeSession]:  # noqa: ARG001
    with EdgeSession(EDGE, "alice", attempts=4) as client:
        client.trust_env = False
        client.mount("http://", net)
        yield client
