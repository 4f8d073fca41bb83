"""A small tree that runs as it does for its users: cloud > edge-a, processes and sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
import requests
from requests.auth import AuthBase

from edgedb.peers import credentials
from tests.hostile.document import operations
from tests.support.edgectl import RunningTree, tree, until
from tests.support.servers import free_port

CALLERS = {"cloud": "edge-a", "edge-a": "cloud"}
"""Who calls the endpoints of each location."""


@dataclass(frozen=True)
class AsNode(AuthBase):
    """Signs each call as a location would."""

    key: bytes
    caller: str
    location: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a call that is ready to be sent."""
        url, body = urlsplit(str(request.url)), request.body or b""
        content = body if isinstance(body, bytes) else body.encode()
        call = credentials.Call(str(request.method), url.path, url.query.encode(), content)
        request.headers["Authorization"] = credentials.issue(
            self.key, self.caller, self.location, call
        )
        return request


@dataclass(frozen=True)
class Running:
    """The tree, and how to call it."""

    tree: RunningTree

    def call(
        self, location: str, function: str, method: str = "POST", **options: object
    ) -> requests.Response:
        """Make one call; redirects are not followed."""
        options = {"timeout": 30, "allow_redirects": False, **options}
        url = f"{self.tree.gateway(location)}/function/{function}"
        return requests.request(method, url, **options)  # type: ignore[arg-type]

    def keep(self, session: str, location: str = "edge-a", key: str = "") -> requests.Response:
        """Have the keeper keep something."""
        headers = {"X-session": session} | ({"Idempotency-Key": key} if key else {})
        return self.call(location, "keeper", headers=headers, data=b"x")

    def oracle(self, location: str, action: str, **query: str) -> requests.Response:
        """Call one of the oracle's endpoints with its token."""
        return self.call(location, action, params=query, headers=self.bearer)

    @property
    def bearer(self) -> dict[str, str]:
        """The oracle's credentials."""
        return {"Authorization": f"Bearer {self.tree.summary['oracle_token']}"}

    def node(self, caller: str, location: str) -> AsNode:
        """Give the credentials of a node for calls to another."""
        key = (self.tree.folder / "_secrets" / "edge-node-key").read_bytes().strip()
        return AsNode(key, caller, location)

    def server(self, location: str) -> redis.Redis:
        """Give a client of a node's Redis."""
        host, port = self.tree.node(location)["redis"].split(":")
        return redis.Redis(host, int(port))

    def current(self, session: str) -> list[str]:
        """Give every location that would serve a session now."""
        places = [node["location"] for node in self.tree.summary["nodes"]]
        name = f"edge:{{{session}}}:meta"
        return [at for at in places if self.server(at).hget(name, "current") == at.encode()]

    def connect(self, location: str) -> socket.socket:
        """Open a connection to a gateway for bytes of the test's own."""
        url = urlsplit(self.tree.gateway(location))
        return socket.create_connection((str(url.hostname), url.port or 80), timeout=20)

    def processes(self) -> dict[int, str]:
        """Give all processes of the tree by their numbers."""
        return {process.pid: process.name() for process in self.tree.all_processes()}

    def memory(self) -> int:
        """Give the bytes that the largest process of the tree takes."""
        return max(process.memory_info().rss for process in self.tree.all_processes())


def places_of(function: str) -> str:
    """Give where an endpoint is called: it is deployed there."""
    return "cloud" if function in {"offload-session", "onload-session"} else "edge-a"


@contextmanager
def small_tree(folder: Path) -> Iterator[Running]:
    """Start the tree and wait until each endpoint is ready."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "infrastructure.yml"
    places: dict[str, Any] = {"cloud": {}, "edge-a": {"parent": "cloud"}}
    for place in places.values():
        place["gateway"] = f"http://127.0.0.1:{free_port()}"
    file.write_text(json.dumps({"levels": ["cloud", "edge"], "locations": places}))
    stacks = ["--stack=stack.yml", "--stack=tests/hostile/stack.yml"]
    with tree(folder / "state", *stacks, "-f", file, "--tick", "0.5") as started:
        running = Running(started)
        functions = {o.function for o in operations()} - {"{function}"} | {"keeper"}
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(_until_ready(running), functions))
        yield running


def _until_ready(running: Running) -> Callable[[str], None]:
    def wait(function: str) -> None:
        place = places_of(function)
        until(lambda: running.call(place, f"{function}/_/ready", "GET").ok, seconds=60)

    return wait
