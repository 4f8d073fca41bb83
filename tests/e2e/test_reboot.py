"""After a reboot functions have no process until they are called, and the first calls fail."""

from __future__ import annotations

import json

import pytest

from edgedb.client import EdgeSession
from harness.running import edgectl
from tests.e2e.world import World

UP = [("edge-a", "force-offload"), ("city", "offload-session"), ("edge-a", "migrate-session")]
DOWN = [("edge-a", "force-onload"), ("city", "onload-session"), ("city", "migrate-session")]
LOOK = [(at, function) for at in ("city", "edge-a") for function in ("oracle", "test-function")]
NOTEBOOKS = [("city", "notebook"), ("edge-a", "notebook"), ("edge-a", "test-function")]


def patient(world: World, session: str) -> EdgeSession:
    """Give a client that waits for a start on a machine that has a lot else to do."""
    return world.client(session, attempts=40)


@pytest.mark.parametrize(
    ("method", "status", "location"), [("GET", 307, "/ui/"), ("POST", 500, None)]
)
def test_the_first_call_of_a_plain_client_fails(
    world: World, session: str, method: str, status: int, location: str | None
) -> None:
    with world.asleep(("edge-a", "notebook")):
        answer = world.call("edge-a", "notebook", method=method, session=session)
        assert (answer.status_code, answer.headers.get("Location")) == (status, location)


def test_an_edge_session_waits_for_the_function(world: World, session: str) -> None:
    with patient(world, session) as client:
        with world.asleep(("edge-a", "notebook")):
            assert client.post("/function/notebook/add?key=words&value=1").ok
        with world.asleep(("edge-a", "notebook")):
            answer = client.get("/function/notebook/list?key=words")
        assert (answer.json()["given"], answer.history) == (["1"], [])


def test_a_session_follows_to_a_node_that_slept(world: World, session: str) -> None:
    world.add(session, "1")
    assert world.offload(session) == "city"
    with world.asleep(*NOTEBOOKS), patient(world, session) as client:
        assert client.post("/function/notebook/add?key=words&value=2").ok
        assert client.gateway_of("notebook") == world.gateway("city")
    assert world.words(session) == ["1", "2"]


def test_sessions_move_between_nodes_that_sleep(world: World, session: str) -> None:
    world.add(session, "1")
    with world.asleep(*UP):
        edgectl("offload", "edge-a", "--session", session, "--state-dir", world.folder)
    assert world.where(session) == "offloaded: yes (city)"
    with world.asleep(*DOWN):
        edgectl("onload", "edge-a", "--session", session, "--state-dir", world.folder)
    assert world.words(session) == ["1"]


def test_who_looks_into_nodes_that_sleep_sees_them(world: World, session: str) -> None:
    world.add(session, "1")
    world.offload(session)
    options = ("--state-dir", world.folder, "--json")
    with world.asleep(*LOOK):
        found = json.loads(edgectl("where", session, *options).stdout)
        assert found["currentLocations"] == ["city"]
    with world.asleep(*LOOK):
        assert not [
            node for node in json.loads(edgectl("status", *options).stdout) if "error" in node
        ]
    with world.asleep(*LOOK):
        looked = edgectl("doctor", "city", "edge-a", *options, check=False)
        assert json.loads(looked.stdout) == []
