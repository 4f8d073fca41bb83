"""``edgectl`` as a user runs it: a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

COMMAND = [sys.executable, "-m", "edgectl"]


def edgectl(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; ``check`` asks for exit status 0."""
    words = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done


@dataclass
class RunningTree:
    """A tree that ``edgectl up`` started, and what it printed."""

    folder: Path
    summary: dict[str, Any]
    supervisor: int

    def node(self, location: str) -> dict[str, Any]:
        """Give what was printed of one node."""
        return next(node for node in self.summary["nodes"] if node["location"] == location)

    def gateway(self, location: str) -> str:
        """Give the URL of a node's gateway."""
        return str(self.node(location)["gateway"])

    def process(self, location: str, name: str) -> psutil.Process | None:
        """Give a node's ``valkey`` or ``gateway`` as it is now; None while there is none."""
        state = json.loads((self.folder / "tree.json").read_text())
        node = next(node for node in state["nodes"] if node["location"] == location)
        try:
            return psutil.Process(node["processes"][name]["pid"])
        except (KeyError, psutil.NoSuchProcess):
            return None

    def all_processes(self) -> list[psutil.Process]:
        """Give the supervisor and everything below it."""
        top = psutil.Process(self.supervisor)
        return [top, *top.children(recursive=True)]


@contextmanager
def tree(folder: Path, *options: str | Path) -> Iterator[RunningTree]:
    """Start a tree, and stop it in the end if the test has not."""
    done = edgectl("up", "--detach", "--json", "--state-dir", folder, *options)
    state = json.loads((folder / "tree.json").read_text())
    try:
        yield RunningTree(folder, json.loads(done.stdout), state["supervisor"]["pid"])
    finally:
        edgectl("down", "--state-dir", folder, check=False)


@contextmanager
def foreground(folder: Path, *options: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Start a tree as a child of the test; it is ready when the first line has come."""
    words = [*COMMAND, "up", "--json", "--state-dir", str(folder), *map(str, options)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout as lines:
        assert lines.readline()
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                child.wait(30)


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Ask again and again until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.02)


def all_gone(processes: Sequence[psutil.Process]) -> bool:
    """Tell whether none of them runs; one that nobody has reaped yet does not run."""
    return not any(_runs(process) for process in processes)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def environment(**changes: str) -> dict[str, str]:
    """Give this process's environment with changes."""
    return {**os.environ, **changes}
