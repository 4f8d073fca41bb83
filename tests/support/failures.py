"""What can go wrong with a server, and a tree whose stores notice as a deployed node's would."""

from __future__ import annotations

from typing import Any

import redis

from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.topology.tree import Topology
from tests.support.servers import Server
from tests.support.tree import Tree

TWO_LEVELS = {
    "levels": ["city", "edge"],
    "locations": {
        "city": {"gateway": "http://city"},
        "edge": {"gateway": "http://edge", "parent": "city"},
    },
}


def connected(servers: dict[str, Server], timeout_s: float, **settings: Any) -> Tree:
    """Give a tree whose stores are connected as a deployed node's are."""

    def client(server: Server) -> Any:
        settings = Settings("", "", None, "127.0.0.1", server.port, redis_timeout=timeout_s)
        return SessionStore.connect(settings).client

    clients = {location: client(server) for location, server in servers.items()}
    return Tree(Topology.from_json(TWO_LEVELS), clients, settings=settings)


def is_well(server: Server) -> bool:
    """Tell whether a test has left its server running."""
    with server.client(socket_timeout=0.1) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def mend(server: Server) -> None:
    """Let a server write again."""
    with server.client() as client:
        client.config_set("maxmemory", 0)
        client.config_set("min-replicas-to-write", 0)
        client.execute_command("ACL SETUSER", "default", "+@all")
        client.replicaof("NO", "ONE")


def refuse_writes(server: Server) -> None:
    """Let a server wait for a replica that it does not have."""
    with server.client() as client:
        client.config_set("min-replicas-to-write", 1)


def refuse_to_wait_for_the_disk(server: Server) -> None:
    """Let a server be as one that is older than ``WAITAOF``."""
    with server.client() as client:
        client.execute_command("ACL SETUSER", "default", "-waitaof")


def become_replica(server: Server) -> None:
    """Let a server follow another and take no writes of its own."""
    with server.client() as client:
        client.replicaof("127.0.0.1", str(server.port))


def fill(server: Server) -> None:
    """Let a server be at its memory limit."""
    with server.client() as client:
        client.config_set("maxmemory", 1)
