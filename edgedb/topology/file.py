"""The secret ``edge-topology`` (docs/operations.md#2-make-the-secrets), read when it changes."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

from edgedb.errors import ConfigurationError, EdgeError
from edgedb.topology.tree import Topology

log = logging.getLogger(__name__)


class TopologyFile:
    """The tree as the node is given it; ``location`` must be part of it.

    A file that becomes unreadable later is reported and the last good tree stays in force.
    """

    def __init__(self, path: Path, location: str) -> None:
        self._path = path
        self._location = location
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._topology: Topology | None = None

    def current(self) -> Topology:
        """Give the tree; raises ConfigurationError if it never was readable."""
        with self._lock:
            try:
                stamp = self._path.stat()
                seen = (stamp.st_mtime_ns, stamp.st_ino, stamp.st_size)
            except OSError as error:
                if self._topology is None:
                    raise ConfigurationError(
                        f"the secret edge-topology cannot be read: {error}"
                    ) from error
                return self._topology
            if self._topology is None or seen != self._stamp:
                self._topology, self._stamp = self._loaded(), seen
            return self._topology

    def _loaded(self) -> Topology:
        try:
            topology = Topology.from_json(json.loads(self._path.read_text()))
            if self._location not in topology:
                raise ConfigurationError(f"edge-topology has no location {self._location!r}")
        except (OSError, ValueError, RecursionError, EdgeError) as error:
            if self._topology is None:
                raise ConfigurationError(f"{self._path}: {error}") from error
            log.exception("edge-topology cannot be read; the last good one stays in force")
            return self._topology
        return topology
