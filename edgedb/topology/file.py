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
        try:
            stamp = self._path.stat()
            seen = (stamp.st_mtime_ns, stamp.st_ino, stamp.st_size)
        except OSError as error:
            seen, missing = None, error
        with self._lock:
            if seen is None and self._topology is None:
                raise ConfigurationError(f"the secret edge-topology is missing: {missing}")
            if seen is not None and seen != self._stamp:
                self._load()
                self._stamp = seen
            if self._topology is None:  # pragma: no cover - _load has raised
                raise ConfigurationError("the secret edge-topology was never read")
            return self._topology

    def _load(self) -> None:
        try:
            topology = Topology.from_json(json.loads(self._path.read_text()))
            if self._location not in topology:
                raise ConfigurationError(f"edge-topology has no location {self._location!r}")
        except (OSError, ValueError, RecursionError, EdgeError) as error:
            if self._topology is None:
                raise ConfigurationError(f"{self._path}: {error}") from error
            log.exception("edge-topology cannot be read; the last good one stays in force")
        else:
            self._topology = topology
