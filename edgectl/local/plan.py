"""Everything about a tree that is settled before its first process starts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from edgectl.local import bytecode, secret_files as edge_secrets
from edgectl.local.files import NodeFolder
from edgectl.local.options import UpOptions
from edgectl.stack import build, reading
from edgectl.stack.deployment import Deployment, deploy
from edgectl.stack.reading import Function
from edgedb.settings import ORACLE_TOKEN
from edgedb.topology.tree import Topology


class Plan:
    """Functions, secrets and build folders of a tree.

    Makes the build folders and secrets of all nodes below the state folder. Raises EdgectlError
    for whatever of it cannot be.
    """

    def __init__(
        self, options: UpOptions, topology: Topology, redis_addresses: Mapping[str, str]
    ) -> None:
        self.password = secrets.token_urlsafe(16)
        self._options = options
        self.topology = topology
        self._shared = edge_secrets.of_tree(options.state_folder / "_secrets", options.secrets)
        self._functions = {
            location: self._functions_of(location, address)
            for location, address in redis_addresses.items()
        }
        self._builds = self._build_all()

    @property
    def oracle_token(self) -> str:
        """The bearer token of the operator."""
        return self._shared[ORACLE_TOKEN].strip()

    def names_at(self, location: str) -> list[str]:
        """Give the names of the functions that are deployed at a location."""
        return list(self._functions[location])

    def deployments_of(self, location: str) -> list[Deployment]:
        """Write a node's secrets and say how each of its functions is run."""
        folder = NodeFolder(self._options.state_folder / location)
        edge_secrets.write_for_node(folder.secrets, self._shared, self.topology, location)
        return [self._deployment(folder, each) for each in self._functions[location].values()]

    def _deployment(self, folder: NodeFolder, function: Function) -> Deployment:
        secrets_folder = folder.secrets_of(function.name)
        edge_secrets.link_for_function(
            secrets_folder, folder.secrets, function.name, function.secrets
        )
        build_folder = self._builds[function.name]
        return deploy(function, build_folder, secrets_folder, folder.log(function.name))

    def _functions_of(self, location: str, redis_address: str) -> dict[str, Function]:
        parent = self.topology.parent(location)
        variables = {
            **os.environ,
            "LOCATION_ID": location,
            "PARENT_HOST": parent.gateway if parent else "",
            "REDIS_HOST": redis_address,
        }
        functions = reading.load(list(self._options.stacks), variables)
        return {
            name: function
            for name, function in functions.items()
            if function.is_deployed_at(location, self.topology)
        }

    def _build_all(self) -> dict[str, Path]:
        """Build each function once: its folder is the same at every node, as its image is."""
        functions = {name: f for at in self._functions.values() for name, f in at.items()}
        root = self._options.state_folder / "_build"
        folders = {name: _build(function, root) for name, function in functions.items()}
        bytecode.compile_all(folders.values())
        return folders


def _build(function: Function, root: Path) -> Path:
    folder = build.lay_out(function, root)
    build.require_runnable(function, folder)
    return folder
