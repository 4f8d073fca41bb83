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
import requests

from edgectl import infrastructure
from edgectl.local.files import NodeFolder, write_private
from edgectl.local.state import StateFolder
from edgedb.topology.tree import Topology
from harness.running import REPOSITORY, RunningTree
from harness.waiting import until
from tests.faults.links import Links

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

    def functions(self) -> dict[str, list[str]]:
        """Give the names of the functions that are deployed at each location."""
        return {at: self.running.functions(at) for at in self.running.locations}

    def client_url(self, location: str) -> str:
        """Give a gateway's address for clients, on its link."""
        return self.topology[location].gateway

    def process(self, location: str, end: End) -> psutil.Process | None:
        """Give a node's gateway or server process; None while there is none."""
        return self.running.process(location, "valkey" if end is End.SERVER else "gateway")

    def function_processes(self, location: str, function: str) -> list[psutil.Process]:
        """Give the processes of a function at a node."""
        return self.running.processes(location, function)


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Run a tree of four nodes on links; its state is in ``folder``."""
    stacks = [f"--stack={file}" for file in _project(folder / "project")]
    options = (*stacks, "--tick", str(TICK_S))
    with Links() as links, RunningTree.up(folder / "tree", *options) as running:
        yield _on_links(running, links)


def _project(folder: Path) -> list[Path]:
    """Lay out a repository with both stack files at its top, for their paths start there."""
    folder.mkdir(parents=True)
    for name in ("stack.yml", "template", "functions", "tests"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / "ledger.yml").symlink_to(REPOSITORY / "tests" / "faults" / "stack.yml")
    return [folder / "stack.yml", folder / "ledger.yml"]


def _on_links(running: RunningTree, links: Links) -> Place:
    original = running.topology
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
    folder = NodeFolder(found.running.folder / location)
    configuration = json.loads(folder.configuration.read_text())
    for function in configuration["functions"]:
        function["environment"].update(told)
    write_private(folder.configuration, json.dumps(configuration))
    view = json.dumps(found.topology.view_of(location).to_json())
    secrets = StateFolder(found.running.folder).secrets
    write_private(secrets.of(location) / "edge-topology", view)
    before = found.process(location, End.GATEWAY)
    assert before is not None
    before.kill()
    until(lambda: found.process(location, End.GATEWAY) not in {None, before}, START_PATIENCE_S)
    until(lambda: is_well(f"{found.running.gateway(location)}/healthz"), START_PATIENCE_S)


def is_well(url: str) -> bool:
    """Tell whether a GET answers 200."""
    try:
        return requests.get(url, timeout=10).ok
    except requests.RequestException:
        return False
