"""Start and stop processes that must not outlive the one that started them."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Command:
    """What to run; ``environment`` None is that of this process, output goes to ``log``."""

    arguments: Sequence[str]
    log: Path
    folder: Path | None = None
    environment: Mapping[str, str] | None = None
    file_descriptors: tuple[int, ...] = ()
    signal_on_parent_death: signal.Signals = signal.SIGKILL


async def start(command: Command) -> Process:
    """Start a process in a session of its own, so that Ctrl-C reaches only its supervisor.

    However its parent dies, the kernel then sends ``signal_on_parent_death``: nothing stays
    behind, not even after ``kill -9``. Raises OSError where it cannot be started.
    """
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *command.arguments,
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            cwd=command.folder,
            env=command.environment,
            pass_fds=command.file_descriptors,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid(), command.signal_on_parent_death),
        )


async def stop(process: Process, grace_s: float) -> bool:
    """Ask it to end (SIGTERM); after ``grace_s`` seconds kill it and what it started.

    Tells whether it ended by itself.
    """
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), grace_s)
    except TimeoutError:
        kill_group(process)
        await process.wait()
        return False
    return True


def kill_group(process: Process) -> None:
    """Kill it and the processes it started, as the end of a container does."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def last_lines(log: Path, count: int = 5) -> str:
    """Give the end of a log, for an error message; empty where there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-count:])


def _die_with_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    """Give what the child runs before it becomes the program; Linux only."""
    if _LIBC is None:
        return None
    libc = _LIBC

    def between_fork_and_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before the request was made
            os._exit(1)

    return between_fork_and_exec
