"""What is known of a tree between commands: the state folder and its ``tree.json``."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgectl.errors import EdgectlError
from edgectl.local.files import write_private
from edgectl.local.foreign import ProcessId
from edgectl.secrets_folder import SecretsFolder
from edgedb.errors import EdgeError
from edgedb.topology.tree import Topology

_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, EdgeError)


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node: addresses and processes."""

    location: str
    level: str
    parent: str | None
    gateway: str
    redis: str
    processes: Mapping[str, ProcessId]
    """Those that run, ``valkey`` and ``gateway``."""

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> NodeState:
        """Read one entry of ``tree.json``."""
        processes = {name: ProcessId.from_json(id_) for name, id_ in document["processes"].items()}
        return cls(**{**document, "processes": processes})


@dataclass(frozen=True, slots=True)
class TreeState:
    """A whole tree, as ``tree.json`` keeps it."""

    supervisor: ProcessId
    nodes: tuple[NodeState, ...]
    levels: tuple[str, ...]
    tree: str
    renamed: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    """By location what its entry says of its names: ``name``, ``aliases``."""

    @property
    def topology(self) -> Topology:
        """The tree with the gateways' addresses here."""
        locations = {}
        for node in self.nodes:
            said = dict(self.renamed.get(node.location, {}))
            name = said.pop("name", node.location)
            locations[name] = {"parent": node.parent, "gateway": node.gateway} | said
        return Topology.from_json(
            {"tree": self.tree, "levels": list(self.levels), "locations": locations}
        )

    @property
    def processes(self) -> list[ProcessId]:
        """All that were running: the supervisor first, then servers and gateways."""
        return [self.supervisor, *(each for node in self.nodes for each in node.processes.values())]

    def summary(self, secrets: SecretsFolder) -> str:
        """Give the line that ``edgectl up --json`` prints; with the tokens that are in a folder."""
        fields = ("location", "level", "parent", "gateway", "redis")
        nodes = [
            {field: getattr(node, field) for field in fields}
            | {"oracle_token": secrets.oracle_tokens(node.location)[0]}
            for node in self.nodes
        ]
        return json.dumps({"nodes": nodes})

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> TreeState:
        """Read its fields as :func:`dataclasses.asdict` gives them.

        Raises:
            KeyError, TypeError, AttributeError, ValueError, InvalidTopology: it is something else.

        """
        nodes = tuple(NodeState.from_json(node) for node in document["nodes"])
        supervisor = ProcessId.from_json(document["supervisor"])
        levels, tree = tuple(document["levels"]), document["tree"]
        state = cls(supervisor, nodes, levels, tree, document.get("renamed", {}))
        if not state.topology:
            raise TypeError("no tree")
        return state


class StateFolder:
    """The folder given by ``--state-dir``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.secrets = SecretsFolder(path / "_secrets")

    @contextlib.contextmanager
    def owned(self) -> Iterator[None]:
        """Hold the folder for one tree; raise EdgectlError if another tree runs in it."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise EdgectlError(
                    f"a tree is running in {self.path}; 'edgectl down --state-dir {self.path}'"
                    " stops it"
                ) from None
            yield

    def read(self) -> TreeState | None:
        """Give the last state written; None if there never was a tree."""
        file = self.path / "tree.json"
        try:
            return TreeState.from_json(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except _DAMAGE as error:
            raise EdgectlError(
                f"{file} is damaged, or of another version ({error!r}); remove it"
            ) from error

    def read_running(self) -> TreeState:
        """Give the state of the tree that runs; raise EdgectlError if none does."""
        state = self.read()
        if state is None or state.supervisor.find() is None:
            raise EdgectlError(f"no tree is running in {self.path}; 'edgectl up' starts one")
        return state

    def write(self, state: TreeState) -> None:
        """Keep a state."""
        write_private(self.path / "tree.json", json.dumps(dataclasses.asdict(state), indent=1))
