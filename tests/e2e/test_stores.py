"""A node's store that comes back old or empty, as its clients and its operator see it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from harness.waiting import until
from tests.e2e.world import World
from tests.support import snapshot
from tests.support.commands import command


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start a tree whose stores may be lost: no other test has sessions there."""
    stacks = ("--stack=stack.yml", "--stack=tests/e2e/stack.yml")
    with World.up(tmp_path_factory.mktemp("stores") / "state", *stacks) as started:
        started.await_ready()
        yield started


def kind(world: World, session: str) -> str:
    """Give the problem that a call of the session at its home is answered with; '' if none."""
    answer = world.call("edge-a", "notebook", "/list?key=words", session=session)
    is_problem = answer.headers["Content-Type"].startswith("application/problem")
    return str(answer.json()["type"]).rpartition(":")[2] if is_problem else ""


def test_a_leaf_that_comes_back_from_a_backup_serves_nothing_that_lives_above(
    world: World, session: str
) -> None:
    world.add(session, "1")
    server = world.redis("edge-a")
    then = snapshot.dump(server)
    world.add(session, "2")
    world.offload(session)
    snapshot.restore(server, then)
    world.kill("edge-a", "valkey")
    until(lambda: kind(world, session) == "")
    assert world.where(session) == "offloaded: yes (city)"
    assert world.words(session) == ["1", "2"]
    world.onload(session)
    assert world.words(session) == ["1", "2"]
    assert command(world, "doctor", "edge-a", "city").output == "healthy: edge-a, city\n"


def test_an_empty_store_is_named_claimed_and_takes_over_what_others_know(
    world: World, session: str
) -> None:
    world.add(session, "1")
    world.offload(session)
    world.redis("edge-a").flushall()
    until(lambda: kind(world, session) == "NotClaimed")
    assert "edgectl claim edge-a" in command(world, "status").output
    command(world, "claim", "edge-a")
    until(lambda: kind(world, session) == "Rejoining")
    (found,) = json.loads(command(world, "doctor", "city", "--json", status=1).output)
    assert (found["kind"], found["subject"]) == ("refused", "edge-a")
    said = command(world, "lost", "edge-a").output
    assert "city: the store " in said
    until(lambda: kind(world, session) == "")
    assert world.words(session) == ["1"]
    world.onload(session)
    assert world.words(session) == ["1"]
    assert "not repaired" not in command(world, "doctor", "--fix").output


def test_a_store_of_another_location_is_refused_with_both_names(world: World, session: str) -> None:
    server = world.redis("edge-b")
    server.hset("edge:node", "location", "edge-z")
    server.hdel("edge:node", "admitted")
    answer = world.call("edge-b", "notebook", session=session)
    assert (answer.status_code, kind_of(answer.json())) == (503, "ForeignStore")
    assert "that of edge-z" in answer.json()["detail"]
    assert "this is edge-b" in answer.json()["detail"]
    refused = command(world, "claim", "edge-b", status=1).output
    assert "edge-z" in refused
    server.hset("edge:node", "location", "edge-b")
    assert world.call("edge-b", "notebook", "/list?key=words", session=session).ok


def kind_of(document: dict[str, str]) -> str:
    return document["type"].rpartition(":")[2]
