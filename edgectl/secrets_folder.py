"""The secrets of a tree: its key, and for each node a folder of those that it is given.

::

    secrets/_tree-key                  the operator's: all keys follow from it; deployed nowhere
    secrets/_topology                  the tree for which the others were written
    secrets/edge-a/edge-topology       what the node at edge-a sees of it
    secrets/edge-a/edge-node-key       its key; during a rotation also the one before
    secrets/edge-a/edge-oracle-token   its oracle's bearer token, likewise
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgectl.errors import EdgectlError
from edgectl.local.files import write_private
from edgedb.errors import EdgeError
from edgedb.peers import keys
from edgedb.settings import NODE_KEY, NODE_KEY_BYTES, ORACLE_TOKEN, TOPOLOGY
from edgedb.topology.tree import Topology

MADE = (TOPOLOGY, NODE_KEY, ORACLE_TOKEN)
"""The secrets that are made here; a tree may have others."""


@dataclass(frozen=True)
class Written:
    """A secret that was not there before, or was another."""

    location: str
    name: str
    file: Path
    is_new: bool


@dataclass(frozen=True)
class SecretsFolder:
    """A folder with the secrets of one tree, each readable by its owner only."""

    path: Path

    def of(self, location: str) -> Path:
        """Give the folder of one node's secrets."""
        return self.path / location

    def write(self, topology: Topology) -> list[Written]:
        """Write every node's secrets; gives those that have changed, the root's first."""
        tree_key = self._tree_key()
        write_private(self.path / "_topology", json.dumps(topology.to_json()))
        return [
            Written(place.id, name, self.of(place.id) / name, is_new)
            for place in topology
            for name, text in _secrets_of(tree_key, topology, place.id)
            if (is_new := _put(self.of(place.id) / name, text)) is not None
        ]

    def topology(self) -> Topology | None:
        """Give the tree for which the secrets were written; None if there are none yet."""
        try:
            return Topology.from_json(json.loads((self.path / "_topology").read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError, EdgeError) as error:
            raise EdgectlError(f"{self.path / '_topology'}: {error}") from error

    def oracle_tokens(self, location: str) -> list[str]:
        """Give the tokens of a location's oracle, the current one first; raises EdgectlError."""
        file = self.of(location) / ORACLE_TOKEN
        tokens = _text(file).split()
        if not tokens:
            raise EdgectlError(f"{file} is empty")
        return tokens

    def _tree_key(self) -> bytes:
        file = self.path / "_tree-key"
        if not file.exists():
            write_private(file, secrets.token_hex(32) + "\n")
        key = _text(file).strip().encode()
        if len(key) < NODE_KEY_BYTES:
            raise EdgectlError(f"{file} is under {NODE_KEY_BYTES} bytes")
        return key


def _secrets_of(tree_key: bytes, topology: Topology, location: str) -> Iterator[tuple[str, str]]:
    own = keys.of_node(tree_key, topology, location)
    yield TOPOLOGY, json.dumps(topology.view_of(location).to_json())
    yield NODE_KEY, "".join(f"{key.decode()}\n" for key in own)
    yield ORACLE_TOKEN, "".join(f"{keys.oracle_token(key)}\n" for key in own)


def _put(file: Path, text: str) -> bool | None:
    """Write a file; gives whether it is a new one, None if it says so already."""
    is_new = not file.exists()
    if not is_new and _text(file) == text:
        return None
    write_private(file, text)
    return is_new


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise EdgectlError(f"{file}: {reason}") from error
