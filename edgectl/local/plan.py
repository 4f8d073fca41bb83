"""Everything about a tree that is settled before its first process starts."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from edgectl import rotating
from edgectl.local import bytecode, secret_files as edge_secrets
from edgectl.local.files import NodeFolder, write_private
from edgectl.local.options import UpOptions
from edgectl.local.state import StateFolder
from edgectl.stack import build, reading
from edgectl.stack.deployment import Deployment, deploy
from edgectl.stack.reading import Function
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
        self._given = edge_secrets.given(options.secrets)
        self._secrets = StateFolder(options.state_folder).secrets
        self.topology = rotating.kept(topology, self._secrets.topology())
        self._secrets.write(self.topology)
        self._functions = {
            location: self._functions_of(location, address)
            for location, address in redis_addresses.items()
        }
        self._builds = self._build_all()

    def names_at(self, location: str) -> list[str]:
        """Give the names of the functions that are deployed at a location."""
        return list(self._functions[location])

    def deployments_of(self, location: str) -> list[Deployment]:
        """Write the secrets given to a node and say how each of its functions is run."""
        folder = NodeFolder(self._options.state_folder / location)
        for name, text in self._given.items():
            write_private(self._secrets.of(location) / name, text)
        own = self._secrets.of(location)
        return [self._deployment(folder, own, each) for each in self._functions[location].values()]

    def _deployment(self, folder: NodeFolder, own: Path, function: Function) -> Deployment:
        secrets_folder = folder.secrets_of(function.name)
        edge_secrets.link_for_function(secrets_folder, own, function.name, function.secrets)
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
