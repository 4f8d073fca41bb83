"""The tree as ``edgectl up`` runs it, everything its functions say led through the links.

``edgectl up`` tells each gateway process in a file what its functions are to know. The addresses
of the parent, of the server and of the other gateways are replaced there and in the node's view
of the topology, then the gateways are started again. Redirects name the links too, so clients
stay on them; what the operator and the judge ask goes straight to the nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import redis
import requests

from edgectl import infrastructure
from edgectl.local.files import NodeFolder, write_private
from edgectl.local.state import StateFolder
from edgedb.topology.tree import Topology
from tests.faults.links import Links
from tests.support.edgectl import RunningTree, tree, until

PROJECT = Path(__file__).parents[2]
TICK_S = 1.0
START_PATIENCE_S = 60

SETTINGS = {
    "EDGE_LOCK_WAIT": "2s",
    "EDGE_LOCK_TTL": "1500ms",
    "EDGE_FREEZE_TIMEOUT": "4s",
    "EDGE_PEER_TIMEOUT": "3s",
    "EDGE_MOVE_TIMEOUT": "15s",
}
"""Shorter than usual: in the same time more of them run out, and late messages are later."""


class End(StrEnum):
    """What a link leads to."""

    GATEWAY = "gateway"
    SERVER = "server"


@dataclass(frozen=True, order=True)
class Link:
    """The way to a node's gateway or to its server."""

    location: str
    end: End


@dataclass(frozen=True)
class Place:
    """A running tree and its links; ``topology`` has the gateways' addresses on the links."""

    running: RunningTree
    links: Links
    topology: Topology

    @property
    def locations(self) -> list[str]:
        """All locations, the root first."""
        return [location.id for location in self.topology]

    def functions(self) -> dict[str, list[str]]:
        """Give the names of the functions that are deployed at each location."""
        return {
            at: [each["name"] for each in self._configuration(at)["functions"]]
            for at in self.locations
        }

    def client_url(self, location: str) -> str:
        """Give a gateway's address for clients, on its link."""
        return self.topology[location].gateway

    def direct_url(self, location: str) -> str:
        """Give a gateway's own address."""
        return self.running.gateway(location)

    @property
    def bearer(self) -> dict[str, str]:
        """The oracle's credentials."""
        return {"Authorization": f"Bearer {self.running.summary['oracle_token']}"}

    def server(self, location: str) -> redis.Redis:
        """Give a client of a node's server, not on its link."""
        host, _, port = self.running.node(location)["redis"].partition(":")
        return redis.Redis(host, int(port), protocol=2)

    def process(self, location: str, end: End) -> psutil.Process | None:
        """Give a node's gateway or server process; None while there is none."""
        return self.running.process(location, "valkey" if end is End.SERVER else "gateway")

    def function_processes(self, location: str, function: str) -> list[psutil.Process]:
        """Give the processes of a function at a node."""
        gateway = self.process(location, End.GATEWAY)
        try:
            return [p for p in gateway.children() if _serves(p, function)] if gateway else []
        except psutil.NoSuchProcess:
            return []

    def _configuration(self, location: str) -> dict[str, list[dict[str, str]]]:
        file = NodeFolder.of(self.running.folder, location).configuration
        return dict(json.loads(file.read_text()))


def _serves(process: psutil.Process, function: str) -> bool:
    try:
        return process.environ().get("FUNCTION_NAME") == function
    except psutil.Error:
        return False


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Run a tree of four nodes on links; its state is in ``folder``."""
    stacks = [f"--stack={file}" for file in _project(folder / "project")]
    with Links() as links, tree(folder / "tree", *stacks, "--tick", str(TICK_S)) as running:
        yield _on_links(running, links)


def _project(folder: Path) -> list[Path]:
    """Lay out a repository with both stack files at its top, for their paths start there."""
    folder.mkdir(parents=True)
    for name in ("stack.yml", "template", "functions", "tests"):
        (folder / name).symlink_to(PROJECT / name)
    (folder / "ledger.yml").symlink_to(PROJECT / "tests" / "faults" / "stack.yml")
    return [folder / "stack.yml", folder / "ledger.yml"]


def _on_links(running: RunningTree, links: Links) -> Place:
    original = StateFolder(running.folder).read_running().topology
    ports, servers = dict[str, int](), dict[str, str]()
    for location in original:
        gateway, server = urlsplit(location.gateway), running.node(location.id)["redis"]
        ports[location.id] = links.open(
            Link(location.id, End.GATEWAY), (str(gateway.hostname), gateway.port or 80)
        )[1]
        host, _, port = server.partition(":")
        via = links.open(Link(location.id, End.SERVER), (host, int(port)))
        servers[location.id] = f"{via[0]}:{via[1]}"
    found = Place(running, links, infrastructure.with_ports(original, ports))
    for location in original:
        _redirect(found, location.id, {**SETTINGS, "REDIS_HOST": servers[location.id]})
    return found


def _redirect(found: Place, location: str, environment: Mapping[str, str]) -> None:
    """Tell a node's functions the addresses of the links, and start its gateway again."""
    parent = found.topology.parent(location)
    told = {**environment, "PARENT_HOST": parent.gateway if parent else ""}
    folder = NodeFolder.of(found.running.folder, location)
    configuration = json.loads(folder.configuration.read_text())
    for function in configuration["functions"]:
        function["environment"].update(told)
    write_private(folder.configuration, json.dumps(configuration))
    view = json.dumps(found.topology.view_of(location).to_json())
    write_private(folder.secrets / "edge-topology", view)
    before = found.process(location, End.GATEWAY)
    assert before is not None
    before.kill()
    until(lambda: found.process(location, End.GATEWAY) not in {None, before}, START_PATIENCE_S)
    until(lambda: is_well(f"{found.direct_url(location)}/healthz"), START_PATIENCE_S)


def is_well(url: str) -> bool:
    """Tell whether a GET answers 200."""
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False
