"""Redis stops and comes back: refusals at once, service again by itself, nothing missing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
import requests

from harness.waiting import until
from harness.writers import writing
from tests.e2e.world import DEPLOYED, World, token


def valkey(world: World, location: str) -> psutil.Process:
    process = world.process(location, "valkey")
    assert process is not None
    return process


@contextmanager
def stopped(world: World, location: str) -> Iterator[None]:
    """Let a node's server keep its connections but answer nothing."""
    server = valkey(world, location)
    server.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.send_signal(signal.SIGCONT)


def kill_and_await(world: World, location: str) -> None:
    """Kill a node's server; return when another one is there."""
    server = valkey(world, location)
    server.kill()
    until(lambda: world.process(location, "valkey") not in {None, server})


def assert_says_try_again(answer: requests.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["status"] == 503


def assert_says_unknown(answer: requests.Response) -> None:
    assert answer.status_code == 504, answer.text
    assert answer.json()["type"] == "urn:edgedb:problem:OutcomeUnknown"
    assert "Retry-After" not in answer.headers


AT_ONCE = {"set-offload-status", "update-session"}
"""Functions that write before they have read; a stopped server does it when it goes on."""


def test_while_redis_is_stopped_every_function_says_so(world: World, session: str) -> None:
    world.add(session, "1")
    functions = ["notebook", "cdn-download", "tally"]
    functions += [name for name, where in DEPLOYED.items() if "edge-a" in where]
    functions.remove("force-onload")  # it asks the parent first, which has no such session
    for function in functions:
        until(lambda: world.is_ready("edge-a", function))  # noqa: B023
    before = {function: world.pids("edge-a", function) for function in functions}
    with stopped(world, "edge-a"), ThreadPoolExecutor(len(functions)) as pool:
        calls = pool.map(lambda name: called(world, name, session), functions)
        for function, answer in zip(functions, calls, strict=True):
            (assert_says_unknown if function in AT_ONCE else assert_says_try_again)(answer)
    assert world.add(session, "3")["location"] == "edge-a"
    assert world.words(session) in (["1", "3"], ["1", "2", "3"])
    assert {function: world.pids("edge-a", function) for function in functions} == before


def called(world: World, function: str, session: str) -> requests.Response:
    """Make a call to ``edge-a`` that is right."""
    if function in {"update-session", "migrate-session"}:
        return called_by_city(world, function, session)
    if function in {"notebook", "cdn-download", "tally"}:
        return world.call("edge-a", function, "/add?key=words&value=2", session=session)
    return world.oracle("edge-a", function, session=session, status="accept")


def called_by_city(world: World, function: str, session: str) -> requests.Response:
    asked = {"session": session, "transfer": "t", "epoch": 1, "stay": "", "run": "", "version": 1}
    sent = [asked] if function == "migrate-session" else token(session, at="city", epoch=2)
    query = {"phase": "hand-over", "to": "city"}
    return world.as_node("city", "edge-a", function, params=query, json=sent)


def test_requests_that_queue_for_one_session_are_told_so_too(world: World, session: str) -> None:
    world.add(session, "1")
    with stopped(world, "edge-a"), ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(called, world, "notebook", session) for _ in range(4)]
        for call in calls:
            assert_says_try_again(call.result())


def test_a_function_is_ready_only_while_redis_answers(world: World) -> None:
    until(lambda: world.is_ready("edge-a", "notebook"))
    with stopped(world, "edge-a"):
        assert not world.is_ready("edge-a", "notebook")
    until(lambda: world.is_ready("edge-a", "notebook"))


def test_an_edge_session_waits_until_redis_is_back(world: World, session: str) -> None:
    world.add(session, "first")
    with writing(world.careful_writer(session), world.careful_writer(session)) as writers:
        with stopped(world, "edge-a"):
            answer = world.call("edge-a", "notebook", "/list?key=words", session=session)
            assert_says_try_again(answer)
        writers.await_more(10)
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []


@pytest.mark.parametrize("location", ["edge-a", "city"])
def test_a_move_to_or_from_a_stopped_redis_fails_and_the_session_stays(
    world: World, session: str, location: str
) -> None:
    world.add(session, "1")
    with stopped(world, location):
        failed = world.oracle("edge-a", "force-offload", session=session)
    assert failed.status_code in {502, 503}
    until(lambda: world.oracle("edge-a", "force-offload", session=session).status_code == 200)
    assert world.where(session) == "offloaded: yes (city)"
    world.add(session, "2")
    assert world.words(session) == ["1", "2"]


def test_after_kill_9_of_redis_nothing_acknowledged_is_missing(world: World, session: str) -> None:
    world.add(session, "first")
    with writing(world.plain_writer(session), world.careful_writer(session)) as writers:
        for _ in range(3):
            kill_and_await(world, "edge-a")
            writers.await_more(20)
    plain, careful = writers
    assert writers.damage(world.words(session)) == []
    assert careful.errors == []
    refused_or_unknown = (": 503 ", ": 504 ")  # who has no key repeats neither here
    assert all(any(s in error for s in refused_or_unknown) for error in plain.errors), plain.errors


def test_kill_9_of_every_redis_in_turn_while_the_session_moves(world: World, session: str) -> None:
    world.add(session, "first")
    with writing(world.careful_writer(session)) as writers:
        for location in ("edge-a", "city", "cloud"):
            world.kill(location, "valkey")
            until(lambda: world.oracle("edge-a", "force-offload", session=session).ok)
            until(lambda: world.oracle("city", "force-offload", session=session).ok)
            until(lambda: world.oracle("edge-a", "force-onload", session=session).ok)
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []
    world.await_rest()
