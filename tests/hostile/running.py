"""A small tree that runs as it does for its users: cloud > edge-a, processes and sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import requests

from harness.running import RunningTree
from tests.support.signed import AsNode
from tests.support.stacks import write_infrastructure

CALLERS = {"cloud": "edge-a", "edge-a": "cloud"}
"""Who calls the endpoints of each location."""


class Running(RunningTree):
    """The tree, and what its sessions hold."""

    def keep(self, session: str, location: str = "edge-a", key: str = "") -> requests.Response:
        """Have the keeper keep something."""
        headers = {"Idempotency-Key": key} if key else {}
        return self.call(location, "keeper", session=session, headers=headers, data=b"x")

    def as_node(self, caller: str, location: str) -> AsNode:
        """Give the credentials of a node for calls to another."""
        return AsNode(self.keyring(caller), location)

    def current(self, session: str) -> list[str]:
        """Give every location that would serve a session now."""
        name = f"edge:{{{session}}}:meta"
        return [at for at in self.locations if self.redis(at).hget(name, "current") == at.encode()]

    def connect(self, location: str) -> socket.socket:
        """Open a connection to a gateway for bytes of the test's own."""
        url = urlsplit(self.gateway(location))
        return socket.create_connection((str(url.hostname), url.port or 80), timeout=20)

    def memory(self) -> int:
        """Give the bytes that the largest process of the tree takes."""
        return max(process.memory_info().rss for process in self.all_processes())


def places_of(function: str) -> str:
    """Give where an endpoint is called: it is deployed there."""
    return "cloud" if function in {"offload-session", "onload-session"} else "edge-a"


@contextmanager
def small_tree(folder: Path) -> Iterator[Running]:
    """Start the tree and wait until each endpoint is ready."""
    file = write_infrastructure(folder / "infrastructure.yml", "cloud", "edge-a")
    stacks = ["--stack=stack.yml", "--stack=tests/hostile/stack.yml"]
    with Running.up(folder / "state", *stacks, "-f", file, "--tick", "0.5") as started:
        started.await_ready()
        yield started
