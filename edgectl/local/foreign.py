"""Processes that another run of this program started."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from edgedb.waiting import Deadline

_PATIENCE_S = 30.0
"""More than a tree gives its gateways, and these their functions, to finish."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process; the time it was created tells it from a later one with the same number."""

    pid: int
    created: float

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ProcessId:
        """Read one that was kept; raise KeyError, TypeError or ValueError for anything else."""
        return cls(int(document["pid"]), float(document["created"]))

    @classmethod
    def of(cls, pid: int) -> ProcessId:
        """Describe a running process; raise :class:`psutil.NoSuchProcess` if there is none."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Give the process if it runs; one that has ended but was not reaped does not."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            if process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


def end(ids: Iterable[ProcessId]) -> int:
    """End those that still run; give how many did.

    They get SIGTERM and half a minute, then what is left is killed with all it started.
    """
    running = {id_: process for id_ in ids if (process := id_.find())}
    for process in running.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    if not _wait_for_end(running):
        for process in running.values():
            _kill_with_children(process)
        _wait_for_end(running)
    return len(running)


def _wait_for_end(ids: Iterable[ProcessId]) -> bool:
    """Wait for processes that are no children of this one; tell whether all of them ended."""
    attempts = Deadline(_PATIENCE_S).attempts()
    return any(not any(id_.find() for id_ in ids) for _ in attempts)


def _kill_with_children(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        for doomed in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.NoSuchProcess):
                doomed.kill()
