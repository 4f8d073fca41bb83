"""Missing or wrong credentials over HTTP: 401 or 403, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.world import ALL, DEPLOYED, World, token

ORACLE = ("set-offload-status", "force-offload", "force-onload")
BETWEEN_NODES = ("offload-session", "onload-session", "update-session", "migrate-session")

ENDPOINTS = [(name, at) for name in (*ORACLE, *BETWEEN_NODES) for at in DEPLOYED[name]]


@pytest.fixture
def offloaded(world: World, session: str) -> Iterator[str]:
    """Give a session of ``edge-a`` that is at ``city``; nothing of it may have changed then."""
    world.add(session, "kept")
    world.offload(session)
    before = state(world, session)
    yield session
    assert state(world, session) == before
    assert world.words(session) == ["kept"]


def state(world: World, session: str) -> list[Any]:
    """Give what a wrongly admitted call could change."""
    status = [world.load(location)["status"] for location in ALL]
    listed = world.oracle("city", "oracle/sessions", method="GET", limit=1000).json()["sessions"]
    epochs = [entry["epoch"] for entry in listed if entry["session"] == session]
    return [status, epochs, world.where(session)]


def right_call(world: World, endpoint: str, session: str) -> dict[str, Any]:
    """Give what an endpoint would act on, were it not for the credentials."""
    query = {"session": session, "status": "reject", "phase": "hand-over", "to": "cloud"}
    body = asked(world, session) if endpoint == "migrate-session" else None
    return {"params": query, "json": body or token(session, at="city", epoch=2)}


def asked(world: World, session: str) -> list[dict[str, Any]]:
    """Give what ``cloud`` would ask of ``city`` if it held all of the session."""
    call = {"method": "GET", "params": {"session": session}}
    offered = world.as_node("cloud", "city", "migrate-session", **call).json()
    offer = {name: offered[name] for name in ("stay", "run", "version")}
    return [{"session": session, "transfer": "t", "epoch": 2, **offer}]


@pytest.mark.parametrize(("endpoint", "location"), ENDPOINTS)
def test_without_or_with_wrong_credentials_every_endpoint_refuses(
    world: World, offloaded: str, endpoint: str, location: str
) -> None:
    good = str(world.bearer(location)["Authorization"])
    wrong = [None, "", "Bearer", "Bearer ", "Bearer wrong", good[:-1], good + "x"]
    wrong += [good.replace("Bearer", "Basic"), "Bearer ünicode", "Basic YTpi"]
    if endpoint not in ORACLE:
        wrong.append(good)
    call = right_call(world, endpoint, offloaded)
    for authorization in wrong:
        headers = {} if authorization is None else {"Authorization": authorization}
        headers |= {"X-onload-location": "edge-a"}
        answer = world.call(location, endpoint, headers=headers, **call)
        assert answer.status_code == 401, (authorization, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("endpoint", "caller", "status"),
    [("force-offload", "city", 401), ("migrate-session", "edge-b", 403)],
)
def test_a_node_is_not_the_oracle_and_has_no_business_elsewhere(
    world: World, offloaded: str, endpoint: str, caller: str, status: int
) -> None:
    call = right_call(world, endpoint, offloaded)
    answer = world.as_node(caller, "edge-a", endpoint, **call)
    assert answer.status_code == status, answer.text


def test_debug_and_client_calls_need_no_credentials(world: World, offloaded: str) -> None:
    assert world.where(offloaded) == "offloaded: yes (city)"
