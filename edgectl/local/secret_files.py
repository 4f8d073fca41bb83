"""The secrets of a tree and the files in which its functions find them."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from edgectl.errors import InvalidStack
from edgectl.local.files import write_private
from edgedb.settings import NODE_KEY, ORACLE_TOKEN, TOPOLOGY
from edgedb.topology.tree import Topology


def of_tree(folder: Path, given: Mapping[str, Path]) -> dict[str, str]:
    """Give the secrets that all nodes share: ``given`` files, and the two that are made here.

    Made once and kept in ``folder``, so that a tree that is started again knows its credentials.
    """
    made = {name: _kept(folder / name) for name in (NODE_KEY, ORACLE_TOKEN) if name not in given}
    try:
        return made | {name: path.read_text(encoding="utf-8") for name, path in given.items()}
    except OSError as error:
        raise InvalidStack(f"secret file {error.filename}: {error.strerror}") from error


def write_for_node(
    folder: Path, shared: Mapping[str, str], topology: Topology, location: str
) -> None:
    """Write a node's secrets, among them its view of the topology, a file each."""
    view = json.dumps(topology.view_of(location).to_json())
    for name, value in {**shared, TOPOLOGY: view}.items():
        write_private(folder / name, value)


def link_for_function(folder: Path, node_folder: Path, function: str, names: Iterable[str]) -> None:
    """Make the folder of one function: it sees the secrets that its stack file names, no others."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    for name in names:
        if not (node_folder / name).is_file():
            raise InvalidStack(
                f"functions.{function}.secrets: there is no secret {name!r}"
                f" (give it with --secret {name}=FILE)"
            )
        (folder / name).symlink_to((node_folder / name).resolve())


def basic_credentials(password: str) -> str:
    """Give the Authorization header of a gateway's user ``admin``."""
    return "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()


def _kept(path: Path) -> str:
    if not path.is_file():
        write_private(path, secrets.token_hex(32))
    return path.read_text(encoding="utf-8")
