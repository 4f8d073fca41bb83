"""Missing or wrong credentials: 401 or 403, and nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest
import requests

from tests.e2e.world import ALL, DEPLOYED, World

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


def attempt(
    world: World, endpoint: str, location: str, session: str, authorization: str | None
) -> requests.Response:
    """Make a call that would be right, but for its credentials."""
    token = {
        "session": session,
        "proprietaryLocation": "edge-a",
        "currentLocation": "city",
        "function": "notebook",
        "epoch": 2,
    }
    query = {
        "session": session,
        "status": "reject",
        "phase": "freeze",
        "transfer": "t",
        "to": "cloud",
    }
    headers: dict[str, str | bytes] = {"X-onload-location": "edge-a"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return world.call(location, endpoint, params=query, headers=headers, json=token)


@pytest.mark.parametrize(("endpoint", "location"), ENDPOINTS)
def test_without_or_with_wrong_credentials_every_endpoint_refuses(
    world: World, offloaded: str, endpoint: str, location: str
) -> None:
    good = str(world.bearer["Authorization"])
    wrong = [None, "", "Bearer", "Bearer ", "Bearer wrong", good[:-1], good + "x"]
    wrong += [good.replace("Bearer", "Basic"), "Bearer ünicode", "Basic YTpi"]
    if endpoint not in ORACLE:
        wrong.append(good)
    for authorization in wrong:
        answer = attempt(world, endpoint, location, offloaded, authorization)
        assert answer.status_code == 401, (authorization, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_report_of_the_oracle_needs_its_token(world: World, offloaded: str) -> None:
    for path in ("", "/sessions"):
        assert world.call("city", "oracle", path, method="GET").status_code == 401
        answer = world.call("city", "oracle", path, headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
    assert offloaded


@pytest.mark.parametrize("endpoint", ORACLE)
def test_a_node_is_not_the_oracle(world: World, offloaded: str, endpoint: str) -> None:
    query = f"session={offloaded.replace(' ', '%20')}&status=reject"
    for caller in ALL:
        assert world.as_node(caller, "edge-a", endpoint, query=query).status_code == 401


@pytest.mark.parametrize("endpoint", BETWEEN_NODES)
@pytest.mark.parametrize("forgery", ["other key", "no signature", "expired", "other call"])
def test_a_forged_node_credential_is_refused(
    world: World, offloaded: str, endpoint: str, forgery: str
) -> None:
    claims = {"iss": "cloud", "aud": "city", "iat": 0, "exp": 2**32, "call": ""}
    credential = {
        "other key": lambda: jwt.encode(claims, "x" * 64, "HS256"),
        "no signature": lambda: jwt.encode(claims, None, "none"),
        "expired": lambda: jwt.encode({**claims, "exp": 1}, world.node_key, "HS256"),
        "other call": lambda: jwt.encode(claims, world.node_key, "HS256"),
    }[forgery]()
    answer = attempt(world, endpoint, "city", offloaded, f"Bearer {credential}")
    assert answer.status_code == 401, answer.text


@pytest.mark.parametrize(
    ("caller", "location", "endpoint"),
    [
        ("cloud", "city", "offload-session"),
        ("cloud", "city", "onload-session"),
        ("city", "city", "offload-session"),
        ("edge-a", "edge-b", "migrate-session"),
        ("edge-a", "edge-b", "update-session"),
        ("nowhere", "city", "offload-session"),
        ("nowhere", "city", "migrate-session"),
    ],
)
def test_a_node_that_has_no_business_there_is_forbidden(
    world: World, offloaded: str, caller: str, location: str, endpoint: str
) -> None:
    query = f"session={offloaded.replace(' ', '%20')}&phase=freeze&transfer=t&to=cloud"
    token = {
        "session": offloaded,
        "proprietaryLocation": "edge-a",
        "currentLocation": "city",
        "function": "notebook",
        "epoch": 2,
    }
    headers: dict[str, str | bytes] = {"X-onload-location": "edge-a"}
    answer = world.as_node(caller, location, endpoint, query=query, document=token, headers=headers)
    assert answer.status_code == 403, answer.text


def test_a_node_takes_a_session_for_itself_only(world: World, offloaded: str) -> None:
    query = f"session={offloaded.replace(' ', '%20')}&phase=freeze&transfer=t&to=cloud"
    assert world.as_node("edge-a", "city", "migrate-session", query=query).status_code == 403


def test_propagated_values_are_taken_from_nodes_below_only(world: World, session: str) -> None:
    headers: dict[str, str | bytes] = {"X-edge-propagate": "id"}
    message = {
        "kind": "propagation",
        "id": session,
        "to": "city",
        "function": "tally",
        "origin": "edge-a",
        "data": session,
    }
    assert world.call("city", "tally", headers=headers, json=message).status_code == 401
    for caller in ("cloud", "nowhere"):
        answer = world.as_node(caller, "city", "tally", document=message, headers=headers)
        assert answer.status_code == 403
    assert session not in world.call("city", "tally").json()["values"]


def test_debug_and_client_calls_need_no_credentials(world: World, offloaded: str) -> None:
    assert world.where(offloaded) == "offloaded: yes (city)"
