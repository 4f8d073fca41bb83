"""Which port of this machine each gateway and each server gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edgectl import infrastructure
from edgectl.errors import EdgectlError
from edgectl.local import ports
from edgectl.local.options import UpOptions
from edgectl.local.state import TreeState
from edgedb.topology.tree import Topology


@dataclass(frozen=True, slots=True)
class Gateways:
    """The topology with the addresses that its gateways have here, and their sockets."""

    topology: Topology
    listeners: Mapping[str, socket.socket]


def take_gateway_ports(options: UpOptions, previous: TreeState | None) -> Gateways:
    """Listen at every gateway's address; raise EdgectlError if one that was asked for is taken.

    Without a file and ``--port-base`` a gateway keeps its last port, or takes its usual one, or
    any that is free.
    """
    file = options.infrastructure
    topology = infrastructure.load(file) if file else infrastructure.default_tree()
    listeners = dict(_listeners(options, topology, previous))
    if file and options.port_base is None:
        return Gateways(topology, listeners)
    taken = {location: ports.port_of(listener) for location, listener in listeners.items()}
    return Gateways(infrastructure.with_ports(topology, taken), listeners)


def _listeners(
    options: UpOptions, topology: Topology, previous: TreeState | None
) -> Iterator[tuple[str, socket.socket]]:
    last = {node.location: _port_in(node.gateway) for node in previous.nodes} if previous else {}
    for number, location in enumerate(topology):
        if options.port_base is not None:
            yield location.id, _listen(location.id, options.port_base + number)
            continue
        usual = infrastructure.port_here(topology, location.id)
        if options.infrastructure:
            yield location.id, _listen(location.id, usual)
        else:
            yield location.id, ports.listen_on_first_free([last.get(location.id, usual), usual])


def _listen(location: str, port: int) -> socket.socket:
    try:
        return ports.listen(port)
    except (OSError, OverflowError) as error:
        raise EdgectlError(f"{location}: port {port} cannot be taken: {error}") from error


def last_redis_port(previous: TreeState | None, location: str) -> int:
    """Give the port that a node's server had in the last tree, 0 if there was none."""
    nodes = previous.nodes if previous else ()
    return next((_port_in(node.redis) for node in nodes if node.location == location), 0)


def _port_in(address: str) -> int:
    return int(address.rpartition(":")[2])
