"""Whether processes run."""

from __future__ import annotations

from collections.abc import Sequence

import psutil


def all_gone(processes: Sequence[psutil.Process]) -> bool:
    """Tell whether none of them runs; one that nobody has reaped yet does not run."""
    return not any(_runs(process) for process in processes)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
