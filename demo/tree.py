"""A tree that the demo starts, and what can be done to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests
import yaml

from edgectl.operating import CallFailed, Operator
from edgedb.client import EdgeSession
from edgedb.topology.tree import Topology
from edgedb.wire.choices import OffloadStatus

REPOSITORY = Path(__file__).resolve().parents[1]
STACKS = ("stack.yml", "examples/stack.yml")

_STOP_S = 30.0
_CALL_S = 60.0


class DemoError(Exception):
    """The demo cannot go on; the message says why and what to do."""


class Tree:
    """Four nodes: ``cloud`` above ``city`` above ``edge-a`` and ``edge-b``."""

    def __init__(self, supervisor: int, summary: dict[str, Any]) -> None:
        self._supervisor = psutil.Process(supervisor)
        self._redis = {node["location"]: node["redis"] for node in summary["nodes"]}
        self.topology = _topology(summary["nodes"])
        self._operator = Operator(self.topology, summary["oracle_token"])

    def url(self, location: str, function: str, rest: str = "") -> str:
        """Give a function's address."""
        return f"{self.topology[location].gateway}/function/{function}{rest}"

    def client(self, session: str, home: str = "edge-a") -> EdgeSession:
        """Give a client in a session that begins at ``home``."""
        return EdgeSession(self.topology[home].gateway, session)

    def ask(self, location: str, function: str, rest: str = "") -> Any:  # noqa: ANN401
        """Read the JSON that a node-local function answers."""
        answer = requests.get(self.url(location, function, rest), timeout=_CALL_S)
        answer.raise_for_status()
        return answer.json()

    def offload(self, session: str, at: str = "edge-a") -> str:
        """Offload; give the location where the session is then."""
        return str(self._operator.offload(at, {"session": session})["currentLocation"])

    def onload(self, session: str, to: str = "edge-a") -> str:
        """Bring home; give the location where the session is then."""
        (token,) = self._operator.onload(to, {"session": session})
        return str(token["currentLocation"])

    def set_status(self, location: str, status: str) -> None:
        """Let a location ``accept`` or ``reject``."""
        self._operator.set_status(location, OffloadStatus(status))

    def residents(self, session: str) -> list[str]:
        """Give the locations where a session is resident; none while it is on its way."""
        with suppress(CallFailed):
            return self._operator.where(session).current_locations
        return []

    def unfinished(self) -> int:
        """Give how many arrivals are open, in the whole tree."""
        return sum(int(entry.get("arrivals", 1)) for entry in self._operator.status())

    def wait_until_warm(self, note: Callable[[], None]) -> int:
        """Wait for every function to be ready; give how many there are."""
        urls = [
            self.url(location.id, name, "/_/ready")
            for location in self.topology
            for name in function_names()
        ]
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda url: _becomes_warm(url, note), urls))

    def kill(self, location: str, what: str) -> None:
        """``kill -9`` the processes of a function, or a node's ``gateway`` or ``valkey``."""
        for process in self._supervisor.children(recursive=True):
            with suppress(psutil.Error):
                if self._is(process, location, what):
                    process.kill()

    def _is(self, process: psutil.Process, location: str, what: str) -> bool:
        if what == "valkey":
            port = self._redis[location].rpartition(":")[2]
            return any(word.endswith(port) for word in process.cmdline())
        environment = process.environ()
        return (environment.get("LOCATION_ID"), environment.get("FUNCTION_NAME")) == (
            location,
            what,
        )


def _becomes_warm(ready_url: str, note: Callable[[], None]) -> bool:
    """Wait for one function; False if it is not deployed there."""
    while (status := requests.get(ready_url, timeout=_CALL_S).status_code) not in {200, 404}:
        time.sleep(0.1)
    note()
    return bool(status == requests.codes.ok)


def function_names() -> list[str]:
    """Give the names of all functions of the stack files."""
    files = [yaml.safe_load((REPOSITORY / stack).read_text(encoding="utf-8")) for stack in STACKS]
    return [name for file in files for name in file["functions"]]


@contextmanager
def running(folder: Path) -> Iterator[Tree]:
    """Run ``edgectl up`` with its files in ``folder`` while the block runs."""
    log = folder / "edgectl.log"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "edgectl", "up", "--json", "--state-dir", str(folder / "tree")]
    command += [word for stack in STACKS for word in ("--stack", stack)]
    with log.open("wb") as errors:
        # a session of its own: Ctrl-C is for the demo, which then ends the tree
        child = subprocess.Popen(  # noqa: S603
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield Tree(child.pid, _summary(child, log))
    finally:
        _stop(child)


def _summary(child: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Read the line that says that the tree is up."""
    assert child.stdout is not None  # noqa: S101 - a pipe
    line = child.stdout.readline()
    if not line:
        child.wait()
        last = " ".join(log.read_text(errors="replace").splitlines()[-5:])
        raise DemoError(f"the tree did not start: {last or 'no reason given'}")
    return dict(json.loads(line))


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()  # what it started dies with it
        child.wait()
    if child.stdout is not None:
        child.stdout.close()


def _topology(nodes: list[dict[str, Any]]) -> Topology:
    return Topology.from_json(
        {
            "levels": list(dict.fromkeys(node["level"] for node in nodes)),
            "locations": {
                node["location"]: {"parent": node["parent"], "gateway": node["gateway"]}
                for node in nodes
            },
        }
    )
