"""Runs the clients of :mod:`benchmarks.clients` in their process, and reads what they saw."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.plan import Plan, Reply

_REPOSITORY = Path(__file__).resolve().parents[1]
_COMMAND = [sys.executable, "-S", "-m", "benchmarks.clients"]  # it needs no packages


class LoadError(Exception):
    """The clients' process ended without a report."""


@dataclass(frozen=True)
class Window:
    """What some clients saw; ``began`` and the replies are monotonic seconds."""

    began: float
    seconds: float
    cpu_seconds: float
    replies: tuple[Reply, ...]
    errors: tuple[str, ...]

    @property
    def rate(self) -> float:
        """Acknowledged requests per second."""
        return len(self.latencies_ms) / self.seconds

    @property
    def latencies_ms(self) -> list[float]:
        """Milliseconds from each first request to its final answer."""
        return [reply.seconds * 1000 for reply in self.replies if not reply.is_refused]

    @property
    def refused_ms(self) -> list[float]:
        """The same, to each refusal."""
        return [reply.seconds * 1000 for reply in self.replies if reply.is_refused]

    @property
    def client_share(self) -> float:
        """How much of one processor the clients took."""
        return self.cpu_seconds / self.seconds


class Running:
    """Clients that send now; :attr:`window` is there once they have stopped."""

    def __init__(self) -> None:
        self._window: Window | None = None

    @property
    def window(self) -> Window:
        """What they saw."""
        if self._window is None:
            raise LoadError("the clients are still running")
        return self._window

    def finish(self, line: str) -> None:
        """Read their report."""
        if not line:
            raise LoadError("the clients' process ended without a report")
        document = json.loads(line)
        replies = tuple(Reply(*reply) for reply in document.pop("replies"))
        errors = tuple(document.pop("errors"))
        self._window = Window(**document, replies=replies, errors=errors)


@contextmanager
def sending(plans: Sequence[Plan], seconds: float = 0) -> Iterator[Running]:
    """Let clients send while the block runs; with ``seconds``, stop by themselves after those."""
    child = subprocess.Popen(
        _COMMAND, cwd=_REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    running = Running()
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            _tell(child.stdin, plans, seconds)
            if child.stdout.readline() != "running\n":
                raise LoadError("the clients could not begin; what they met is above")
            yield running
            if seconds:
                running.finish(child.stdout.readline())
            else:
                child.stdin.close()
                running.finish(child.stdout.readline())
        finally:
            child.kill()


def measure(plans: Sequence[Plan], seconds: float) -> Window:
    """Let clients send for some seconds."""
    with sending(plans, seconds) as running:
        pass
    return running.window


def _tell(to: IO[str], plans: Sequence[Plan], seconds: float) -> None:
    document = {"clients": [asdict(plan) for plan in plans], "seconds": seconds}
    to.write(json.dumps(document) + "\n")
    to.flush()
