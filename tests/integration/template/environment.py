"""The environment and secrets that a deployed function finds."""

from __future__ import annotations

import json
from pathlib import Path

from edgedb.errors import Conflict
from edgedb.peers import keys
from edgedb.settings import Settings
from edgedb.store import SessionStore
from tests.support.servers import Server
from tests.support.signed import TOPOLOGY
from tests.support.tree import THREE_LEVELS, TREE_KEY


def deployed(function: str, location: str, server: Server, secrets: Path) -> dict[str, str]:
    """Write a location's secrets into ``secrets``; give the variables that go with them.

    The server's store is claimed for it, and emptied if it was another location's in another test.
    """
    store = SessionStore.connect(Settings(location, "", None, "127.0.0.1", server.port), _tree)
    try:
        store.admission.claim()
    except Conflict:
        store.client.flushall()
        store.admission.claim()
    _ = store.admission.now  # nobody is asked whether it is whole: there are no other nodes
    store.client.close()
    secrets.mkdir(exist_ok=True)
    (secrets / "edge-topology").write_text(json.dumps(THREE_LEVELS) + "\n")
    (secrets / "edge-node-key").write_bytes(keys.of_node(TREE_KEY, TOPOLOGY, location)[0] + b"\n")
    return {
        "FUNCTION_NAME": function,
        "LOCATION_ID": location,
        "PARENT_HOST": "http://127.0.0.1:1",
        "REDIS_HOST": f"127.0.0.1:{server.port}",
        "EDGE_SECRETS_DIR": str(secrets),
    }


def _tree() -> str:
    return "cloud"
