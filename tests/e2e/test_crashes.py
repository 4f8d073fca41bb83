"""Processes are killed at the worst moment; everything heals and nothing acknowledged is lost."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from harness.waiting import until
from harness.writers import writing
from tests.e2e.world import DEPLOYED, World


@contextmanager
def held(world: World, session: str, mark: Path) -> Iterator[Future[requests.Response]]:
    """Let a request that has written run on in its handler while the block runs."""
    rest = f"/add?key=words&value=held&hold={mark}"
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(world.call, "edge-a", "notebook", rest, session=session)
        until(mark.exists)
        yield answer
        mark.unlink(missing_ok=True)


def test_a_function_killed_in_the_middle_of_a_request_has_changed_nothing(
    world: World, session: str, tmp_path: Path
) -> None:
    world.add(session, "1")
    mark = tmp_path / "mark"
    with held(world, session, mark) as answer:
        psutil.Process(int(mark.read_text())).kill()
        assert answer.result().status_code == 500
    world.await_recovery("edge-a", "notebook")
    assert world.words(session) == ["1"]


def test_an_edge_session_repeats_what_was_killed_and_it_happens_once(
    world: World, session: str, tmp_path: Path
) -> None:
    world.add(session, "1")
    mark = tmp_path / "mark"
    rest = f"/function/notebook/add?key=words&value=2&hold={mark}"
    with world.client(session) as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, rest)
        until(mark.exists)
        first = int(mark.read_text())
        mark.unlink()
        psutil.Process(first).kill()
        until(lambda: mark.exists() or answer.done())
        mark.unlink(missing_ok=True)
        assert answer.result().status_code == 200
    world.await_recovery("edge-a", "notebook")
    assert world.words(session) == ["1", "2"]


def test_a_move_waits_for_the_running_request(world: World, session: str, tmp_path: Path) -> None:
    world.add(session, "1")
    mark = tmp_path / "mark"
    with ThreadPoolExecutor(1) as pool, held(world, session, mark) as answer:
        move = pool.submit(world.offload, session)
        assert not answer.done()
        mark.unlink()
        assert answer.result().json()["location"] == "edge-a"
        assert move.result() == "city"
    assert world.words(session) == ["1", "held"]


def test_a_killed_gateway_comes_back_and_nothing_acknowledged_is_lost(
    world: World, session: str
) -> None:
    world.add(session, "first")
    with writing(world.plain_writer(session), world.careful_writer(session)) as writers:
        gateway = world.process("edge-a", "gateway")
        world.kill("edge-a", "gateway")
        until(lambda: world.process("edge-a", "gateway") not in {None, gateway})
        writers.await_more(10)
    assert writers.damage(world.words(session)) == []
    assert writers[1].errors == []


VICTIMS = [
    ("edge-a", "migrate-session"),
    ("city", "offload-session"),
    ("city", "migrate-session"),
    ("edge-a", "force-onload"),
    ("edge-a", "force-offload"),
    ("city", "gateway"),
    ("edge-a", "valkey"),
    ("city", "valkey"),
]


@pytest.mark.parametrize(("location", "victim"), VICTIMS)
def test_a_move_that_is_interrupted_by_kill_9_heals(
    world: World, session: str, location: str, victim: str
) -> None:
    world.add(session, "first")
    moves = itertools.cycle([("edge-a", "force-offload"), ("edge-a", "force-onload")])
    chance = random.Random(f"{location} {victim}")
    with writing(world.careful_writer(session), world.careful_writer(session)) as writers:
        for _ in range(4):
            with ThreadPoolExecutor(1) as pool:
                move = pool.submit(try_to_move, world, session, *next(moves))
                with_delay(move, chance.uniform(0, 0.06))
                world.kill(location, victim)
        heal(world, session)
    if victim in DEPLOYED:
        world.await_recovery(location, victim)
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []
    world.await_rest()


def try_to_move(world: World, session: str, location: str, action: str) -> None:
    """Ask for a move; it may fail."""
    try:
        world.oracle(location, action, session=session)
    except requests.ConnectionError:
        return


def with_delay(move: Future[None], seconds: float) -> None:
    """Let a move get on for so long, unless it is done before."""
    try:
        move.exception(timeout=seconds)
    except TimeoutError:
        return


def heal(world: World, session: str) -> None:
    """Wait until the session can be brought home, moved up and brought home again."""

    def has_moved(action: str, to: str) -> bool:
        try_to_move(world, session, "edge-a", action)
        return world.where(session) == to

    for action, to in (
        ("force-onload", "offloaded: no"),
        ("force-offload", "offloaded: yes (city)"),
        ("force-onload", "offloaded: no"),
    ):
        until(lambda: has_moved(action, to))  # noqa: B023
