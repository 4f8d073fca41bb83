"""The secret ``edge-topology`` (docs/operations.md#2-make-the-secrets)."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

from edgedb.errors import ConfigurationError
from edgedb.secret_file import SecretFile
from edgedb.topology.tree import Topology


def topology_file(path: Path, location: str) -> SecretFile[Topology]:
    """Give the tree as the node is given it; ``location`` must be part of it."""
    return SecretFile(path, partial(_parsed, location))


def _parsed(location: str, text: str) -> Topology:
    topology = Topology.from_json(json.loads(text))
    if location not in topology:
        raise ConfigurationError(f"edge-topology has no location {location!r}")
    return topology
