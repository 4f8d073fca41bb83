"""A session lives at the edge, moves up, and comes back."""

from __future__ import annotations

import signal

import pytest

from harness.waiting import until
from tests.e2e.curl import curl
from tests.e2e.world import World
from tests.support.commands import command


def add_with_curl(world: World, session: str, word: str) -> tuple[str, int]:
    """Write at ``edge-a`` as a user would; give where it happened and the redirects before."""
    answer = curl(world.url("edge-a", "notebook", f"/add?key=words&value={word}"), session)
    assert answer.status == 200, answer.body
    return answer.json()["location"], answer.redirects


def test_a_session_is_written_where_it_is_and_loses_nothing(world: World, session: str) -> None:
    assert add_with_curl(world, session, "1") == ("edge-a", 0)
    assert world.offload(session) == "city"
    assert add_with_curl(world, session, "2") == ("city", 1)
    assert world.offload(session, at="city") == "cloud"
    server, home = world.redis("edge-a"), f"edge:{{{session}}}:meta"
    until(lambda: server.hget(home, "current") == b"cloud")  # it has been told
    assert add_with_curl(world, session, "3") == ("cloud", 1)
    world.onload(session)
    assert add_with_curl(world, session, "4") == ("edge-a", 0)
    assert world.words(session) == ["1", "2", "3", "4"]


def test_without_a_session_force_onload_too_looks_up_to_the_root(
    world: World, session: str
) -> None:
    until(lambda: world.oracle("edge-a", "force-onload", count=1000).json() == [])
    world.add(session, "1")
    with world.rejecting("city"):
        world.offload(session)
    brought = world.oracle("edge-a", "force-onload").json()
    assert [token["session"] for token in brought] == [session]
    assert world.oracle("edge-a", "force-onload").json() == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_a_redirect_names_the_place_for_every_method(
    world: World, session: str, method: str
) -> None:
    world.add(session, "1")
    world.offload(session)
    redirect = world.call("edge-a", "mirror", "/a?b=c", method=method, session=session)
    assert redirect.status_code == 307
    assert redirect.headers["Location"] == world.url("city", "mirror", "/a?b=c")
    assert redirect.headers["X-session-location"] == "city"


def test_all_functions_of_a_session_move_with_it(world: World, session: str) -> None:
    content = bytes(range(256)) * 4096
    world.add(session, "1")
    put = world.call("edge-a", "cdn-upload", "/f", method="PUT", session=session, data=content)
    assert put.status_code == 201
    world.offload(session)
    got = curl(world.url("edge-a", "cdn-download", "/f"), session)
    assert (got.status, got.redirects, got.body) == (200, 1, content)


def test_edge_session_goes_where_the_session_was_last(world: World, session: str) -> None:
    with world.client(session) as client:
        client.post("/function/notebook/add?key=words&value=1")
        world.offload(session)
        assert client.post("/function/notebook/add?key=words&value=2").json()["location"] == "city"
        assert client.gateway_of("notebook") == world.gateway("city")
        again = client.post("/function/notebook/add?key=words&value=3")
        assert (again.json()["location"], again.history) == ("city", [])
    assert world.words(session) == ["1", "2", "3"]


def test_edge_session_finds_its_session_from_another_edge_gateway(
    world: World, session: str
) -> None:
    with world.client(session) as first:
        first.post("/function/notebook/add?key=words&value=1")
    with world.client(session, at="edge-b", home_location=first.home_location) as second:
        assert (
            second.post("/function/notebook/add?key=words&value=2").json()["location"] == "edge-a"
        )
        world.offload(session)
        assert second.post("/function/notebook/add?key=words&value=3").json()["location"] == "city"
    with world.client(f"no {session}", at="edge-b", home_location="edge-a") as third:
        gone = third.post("/function/notebook/add?key=words&value=1")
    assert gone.status_code == 404
    assert gone.json()["type"] == "urn:edgedb:problem:SessionGone"
    assert world.words(session) == ["1", "2", "3"]
    assert world.where(session, "edge-b") == "404"


def test_edge_session_begins_no_other_at_a_node_that_has_lost_its_data(
    world: World, session: str
) -> None:
    add = "/function/notebook/add?key=words&value="
    with world.client(session) as client, world.redis("city") as city:
        client.post(f"{add}1")
        world.offload(session)
        assert client.post(f"{add}2").json()["location"] == "city"
        world.onload(session)
        city.delete(*city.keys(f"edge:{{{session}}}:*"))
        assert client.post(f"{add}3").json()["location"] == "edge-a"
        world.offload(session)
        assert client.post(f"{add}4").json()["location"] == "city"
        city.delete(*city.keys(f"edge:{{{session}}}:*"))
        assert client.post(f"{add}5").status_code == 404
    assert world.where(session, "city") == "404"
    # what was taken away here is to be no other test's finding
    with world.redis("edge-a") as edge:
        edge.delete(f"edge:{{{session}}}:meta")
    assert "not repaired" not in command(world, "doctor", "--fix", "city", "edge-a").output


def test_edge_session_returns_home_when_the_place_does_not_answer(
    world: World, session: str
) -> None:
    city = world.process("city", "gateway")
    assert city is not None
    with world.client(session, timeout=1) as client:
        client.post("/function/notebook/add?key=words&value=1")
        world.offload(session)
        client.post("/function/notebook/add?key=words&value=2")
        world.onload(session)
        city.send_signal(signal.SIGSTOP)
        try:
            answer = client.post("/function/notebook/add?key=words&value=3")
        finally:
            city.send_signal(signal.SIGCONT)
    assert answer.json()["location"] == "edge-a"
    assert world.words(session) == ["1", "2", "3"]


def test_edge_session_keeps_credentials_on_its_way(world: World, session: str) -> None:
    world.add(session, "1")
    world.offload(session)
    with world.client(session) as client:
        client.auth = ("user", "word")
        client.cookies.set("flavour", "chocolate", domain="127.0.0.1")
        seen = client.get("/function/mirror").json()
    assert seen["location"] == "city"
    assert seen["given"]["authorization"].startswith("Basic ")
    assert seen["given"]["cookie"] == "flavour=chocolate"
