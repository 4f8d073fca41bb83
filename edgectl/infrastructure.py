"""Read ``infrastructure.yml``, and put a tree on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from edgectl.errors import EdgectlError
from edgedb.errors import InvalidTopology
from edgedb.topology.tree import Topology

DEFAULT_PORT_BASE = 31112
_LOOPBACK_HOSTS = {"127.0.0.1", "localhost"}


def load(file: Path) -> Topology:
    """Read a topology; raise EdgectlError naming the file, the key and the value that is wrong."""
    try:
        return parsed(file, file.read_text(encoding="utf-8"))
    except OSError as error:
        raise EdgectlError(f"{file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise EdgectlError(f"{file}: {error}") from error


def parsed(file: Path, text: str) -> Topology:
    """Read what is, or may become, a file's content; raises EdgectlError as :func:`load`."""
    try:
        return Topology.from_json(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError, RecursionError, InvalidTopology) as error:
        raise EdgectlError(f"{file}: {error}") from error


def default_tree() -> Topology:
    """Give the tree that is started where no file is named."""
    parents = {"cloud": None, "city": "cloud", "edge-a": "city", "edge-b": "city"}
    return Topology.from_json(
        {
            "levels": ["cloud", "city", "edge"],
            "locations": {
                location: {"parent": parent, "gateway": _local(DEFAULT_PORT_BASE + number)}
                for number, (location, parent) in enumerate(parents.items())
            },
        }
    )


def with_ports(topology: Topology, ports: Mapping[str, int]) -> Topology:
    """Give the same tree with its gateways at these ports of this machine."""
    document = topology.to_json()
    for location, port in ports.items():
        document["locations"][topology[location].name]["gateway"] = _local(port)
    return Topology.from_json(document)


def port_here(topology: Topology, location: str) -> int:
    """Give the port of a gateway of this machine; raise EdgectlError if it is not one."""
    gateway = topology[location].gateway
    url = urlsplit(gateway)
    if url.scheme != "http" or url.hostname not in _LOOPBACK_HOSTS or url.path:
        raise EdgectlError(
            f"{location}.gateway: {gateway} is not on this machine; --port-base gives every"
            " gateway a port here"
        )
    return url.port or 80


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
