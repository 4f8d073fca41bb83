"""The most memory that processes take while something happens, as the kernel counted it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

_RESET_PEAK = "5"  # proc(5), clear_refs


class PeakMemory:
    """Some processes; what they take now is called idle."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._idle = {process.pid: process.memory_info().rss for process in processes}

    @property
    def idle(self) -> int:
        """The bytes that the largest of them took when idle."""
        return max(self._idle.values())

    def begin(self) -> None:
        """Forget earlier peaks."""
        for pid in self._idle:
            Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")

    def above_idle(self) -> int:
        """Give the bytes by which one process has exceeded its idle size; that of the worst."""
        return max(_peak(pid) - idle for pid, idle in self._idle.items())


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
