"""Faults happen in their time, end in their time, and none outlasts the injector."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psutil
import pytest

from harness.waiting import until
from tests.faults.conftest import Echo
from tests.faults.injector import Injector
from tests.faults.links import Links
from tests.faults.place import End, Link
from tests.faults.proxy import Address, Way
from tests.faults.schedule import Breakage, Fault
from tests.support.processes import all_gone

GATEWAY, SERVER = Link("city", End.GATEWAY), Link("city", End.SERVER)


@dataclass
class Scene:
    """What an injector finds: links, and processes to be killed."""

    links: Links
    processes: dict[End, psutil.Process]

    def process(self, location: str, end: End) -> psutil.Process | None:
        assert location == "city"
        return self.processes.get(end)

    def function_processes(self, location: str, function: str) -> list[psutil.Process]:
        assert location == "city"
        return [self.processes[End.GATEWAY]] if function == "ledger" else []


@pytest.fixture
def scene(links: Links) -> Iterator[Scene]:
    command = [sys.executable, "-c", "input()"]
    children = {end: subprocess.Popen(command, stdin=subprocess.PIPE) for end in End}
    yield Scene(links, {end: psutil.Process(each.pid) for end, each in children.items()})
    for child in children.values():
        with child:
            child.kill()


@pytest.fixture
def address(links: Links, echo: Echo) -> Address:
    return links.open(GATEWAY, echo.listener.getsockname())


def greeting(address: Address) -> bytes:
    """Give what comes back; nothing if the connection is reset or stalled."""
    try:
        with closing(socket.create_connection(address, timeout=0.5)) as caller:
            caller.sendall(b"hello")
            return caller.recv(5)
    except (ConnectionError, TimeoutError):
        return b""


def injector(scene: Scene, *faults: Fault) -> Injector:
    started = Injector(scene, faults)  # type: ignore[arg-type]
    started.start()
    return started


@pytest.mark.parametrize(
    ("kind", "link", "killed"),
    [
        (Breakage.SERVER_KILLED, SERVER, {End.SERVER}),
        (Breakage.GATEWAY_KILLED, GATEWAY, {End.GATEWAY}),
        (Breakage.FUNCTION_KILLED, GATEWAY, {End.GATEWAY}),
        (Breakage.NODE_KILLED, GATEWAY, set(End)),
    ],
)
def test_a_process_is_killed_and_no_other(
    scene: Scene, kind: Breakage, link: Link, killed: set[End]
) -> None:
    running = injector(scene, Fault(0.0, kind, link, "ledger"))
    until(lambda: all_gone([scene.processes[end] for end in killed]))
    running.stop()
    assert {end for end, process in scene.processes.items() if all_gone([process])} == killed
    assert running.counts[kind.value] == sum(running.counts.values()) == 1


def test_a_process_that_does_not_run_is_not_counted(scene: Scene) -> None:
    kinds = [Breakage.FUNCTION_KILLED, Breakage.FUNCTION_PAUSED]
    del scene.processes[End.SERVER]
    last = Fault(0.01, Breakage.GATEWAY_KILLED, GATEWAY)
    running = injector(
        scene,
        *(Fault(0.0, kind, GATEWAY, "another") for kind in kinds),
        Fault(0.0, Breakage.SERVER_KILLED, SERVER),
        last,
    )
    until(lambda: bool(running.done))
    running.stop()
    assert running.done == [last]


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_paused_process_goes_on_in_the_end(scene: Scene, is_stopped: bool) -> None:
    seconds = 3600 if is_stopped else 0.1
    running = injector(scene, Fault(0.0, Breakage.FUNCTION_PAUSED, GATEWAY, "ledger", seconds))
    process = scene.processes[End.GATEWAY]
    until(lambda: bool(running.done))
    if is_stopped:
        until(lambda: process.status() == psutil.STATUS_STOPPED)
        running.stop()
    until(lambda: process.status() != psutil.STATUS_STOPPED)
    running.stop()


@pytest.mark.parametrize("kind", [Breakage.CUT, Breakage.STALLED])
def test_a_link_is_broken_and_mended(scene: Scene, address: Address, kind: Breakage) -> None:
    assert greeting(address) == b"hello"
    running = injector(scene, Fault(0.0, kind, GATEWAY, seconds=3600, ways=(Way.ANSWERS,)))
    until(lambda: greeting(address) == b"")
    running.stop()
    assert greeting(address) == b"hello"


def test_a_link_mends_by_itself(scene: Scene, address: Address) -> None:
    running = injector(scene, Fault(0.0, Breakage.CUT, GATEWAY, seconds=0.1))
    until(lambda: bool(running.done))
    until(lambda: greeting(address) == b"hello")
    running.stop()


def test_a_connection_is_reset(scene: Scene, address: Address) -> None:
    running = injector(scene, Fault(0.0, Breakage.RESET, GATEWAY, ways=(Way.ANSWERS,), after=2))
    until(lambda: greeting(address) == b"he")
    assert greeting(address) == b"hello"
    running.stop()


def test_what_is_due_after_the_end_does_not_happen(scene: Scene) -> None:
    running = injector(scene, Fault(3600.0, Breakage.SERVER_KILLED, SERVER))
    running.stop()
    assert running.done == []
    assert not all_gone([scene.processes[End.SERVER]])
