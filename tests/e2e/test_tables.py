"""The tables of the protocol's seed, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from harness.waiting import until
from tests.e2e.world import ALL, DEPLOYED, World, token

TOKEN_FIELDS = {"session", "proprietaryLocation", "currentLocation", "function", "epoch"}


def note(world: World, session: str, operation: str, **arguments: str) -> Any:
    answer = world.call("edge-a", "notebook", f"/{operation}", session=session, params=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()["given"]


@pytest.mark.parametrize("location", ALL)
@pytest.mark.parametrize("function", DEPLOYED)
def test_an_endpoint_is_served_where_it_is_deployed_and_unknown_elsewhere(
    world: World, function: str, location: str
) -> None:
    status = world.call(location, function).status_code
    assert (status != 404) is (location in DEPLOYED[function])


def test_set_and_get_keep_a_value(world: World, session: str) -> None:
    assert note(world, session, "get", key="k") is None
    note(world, session, "set", key="k", value="één")
    assert note(world, session, "get", key="k") == "één"


def test_delete_removes_a_value(world: World, session: str) -> None:
    note(world, session, "set", key="k", value="v")
    note(world, session, "delete", key="k")
    assert note(world, session, "get", key="k") is None


def test_add_to_list_and_get_list_keep_values_in_their_order(world: World, session: str) -> None:
    assert note(world, session, "list", key="k") == []
    for value in "bab":
        note(world, session, "add", key="k", value=value)
    assert note(world, session, "list", key="k") == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("operation", "levels", "reached"),
    [
        ("propagate-up-to", "cloud", {"edge-a", "city", "cloud"}),
        ("propagate-up-to", "city", {"edge-a", "city"}),
        ("propagate", "cloud,edge", {"edge-a", "cloud"}),
    ],
)
def test_propagate_reaches_the_named_levels_on_the_way_to_the_root_once(
    world: World, session: str, operation: str, levels: str, reached: set[str]
) -> None:
    def received() -> dict[str, int]:
        answers = {at: world.call(at, "tally", method="GET").json()["values"] for at in ALL}
        return {at: values.count(session) for at, values in answers.items()}

    note(world, session, operation, levels=levels, to="tally", value=session)
    until(lambda: received() == {at: int(at in reached) for at in ALL})


def test_force_offload_gives_the_token_after_the_move(world: World, session: str) -> None:
    world.add(session, "w")
    answer = world.oracle("edge-a", "force-offload", session=session)
    assert answer.json() == token(session, at="city", epoch=2)
    assert answer.json().keys() == TOKEN_FIELDS


def test_without_a_session_force_offload_takes_the_largest(world: World, session: str) -> None:
    world.add(session, "w")
    large = {"session": f"{session} large", "data": bytes(5_000_000)}
    assert world.call("edge-a", "cdn-upload", "/large", method="PUT", **large).ok
    answer = world.oracle("edge-a", "force-offload")
    assert (answer.status_code, answer.json()["session"]) == (200, large["session"])


def test_force_onload_gives_the_tokens_of_the_sessions_brought_home(
    world: World, session: str
) -> None:
    world.add(session, "w")
    world.offload(session)
    answer = world.oracle("edge-a", "force-onload", session=session)
    assert answer.json() == [token(session, at="edge-a", epoch=3)]
    assert world.oracle("edge-a", "force-onload", session=session).status_code == 404


@pytest.mark.parametrize("status", ["reject", "accept"])
def test_set_offload_status_takes_accept_and_reject(world: World, status: str) -> None:
    answer = world.oracle("city", "set-offload-status", status=status)
    assert (answer.status_code, answer.json()) == (200, {"location": "city", "status": status})
    assert world.load("city")["status"] == status


def test_offload_session_takes_a_token_and_moves_the_session_here(
    world: World, session: str
) -> None:
    world.add(session, "w")
    sent = token(session, at="edge-a", epoch=1)
    answer = world.as_node("edge-a", "city", "offload-session", json=sent)
    assert (answer.status_code, answer.json()) == (200, token(session, at="city", epoch=2))
    assert world.where(session) == "offloaded: yes (city)"


def test_onload_session_names_sessions_of_the_asking_subtree(world: World, session: str) -> None:
    world.add(session, "w")
    world.offload(session)
    call: dict[str, Any] = {
        "params": {"count": 1000},
        "headers": {"X-onload-location": "edge-a"},
    }
    for location in ("city", "cloud"):
        answer = world.as_node("edge-a", location, "onload-session", **call)
        found = token(session, at="city", epoch=2) in answer.json()
        assert (answer.status_code, found) == (200, location == "city")


def test_update_session_tells_the_proprietary_location_of_a_move_further_up(
    world: World, session: str
) -> None:
    def named_by_edge_a() -> str:
        redirect = world.call("edge-a", "notebook", "/list?key=words", session=session)
        return str(redirect.headers["X-session-location"])

    world.add(session, "w")
    world.offload(session)
    assert named_by_edge_a() == "city"
    world.offload(session, at="city")
    until(lambda: named_by_edge_a() == "cloud")


def test_update_session_takes_a_token_again_and_refuses_an_older_one(
    world: World, session: str
) -> None:
    world.add(session, "w")
    world.offload(session)
    for sent, status in (("city", 2), 200), (("cloud", 3), 403), (("city", 1), 409):
        document = token(session, *sent)
        answer = world.as_node("city", "edge-a", "update-session", json=document)
        assert answer.status_code == status, answer.text
    assert world.where(session) == "offloaded: yes (city)"


def test_migrate_session_gives_a_packet_of_token_and_data(world: World, session: str) -> None:
    note(world, session, "set", key="key1", value="data1")
    call: dict[str, Any] = {"method": "GET", "params": {"session": session}}
    answer = world.as_node("city", "edge-a", "migrate-session", **call)
    assert answer.status_code == 200
    assert answer.json()["token"] == token(session, at="edge-a", epoch=1)
    assert answer.json()["session_data"] == [{"key": "key1", "data": "data1"}]


def test_test_function_says_whether_and_where_to_a_session_is_offloaded(
    world: World, session: str
) -> None:
    assert world.where(session) == "404"
    world.add(session, "w")
    assert world.where(session) == "offloaded: no"
    world.offload(session)
    assert world.where(session) == "offloaded: yes (city)"
    assert world.where(session, at="city") == "offloaded: no"
    assert world.where(session, at="edge-b") == "404"


def test_oracle_reports_the_load_and_the_sessions_of_its_node(world: World, session: str) -> None:
    world.add(session, "w")
    load = world.load("edge-a")
    assert load.keys() == {
        *("location", "level", "parent", "status", "sessions", "bytes", "arrivals", "outbox"),
        *("stuck", "used", "maxmemory", "protocol", "refused"),
    }
    listed = world.oracle("edge-a", "oracle/sessions", method="GET", limit=1).json()["sessions"]
    assert listed[0].keys() == {*TOKEN_FIELDS, "bytes", "lastAccess"}
    assert (listed[0]["session"], listed[0]["bytes"] > 0) == (session, True)


def test_a_tick_says_what_it_did(world: World) -> None:
    assert world.call("edge-a", "oracle").json().keys() == {
        *("settled", "delivered", "offloaded", "onloaded")
    }
