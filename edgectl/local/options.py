"""What ``edgectl up`` was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options of ``edgectl up``, checked."""

    state_folder: Path
    infrastructure: Path | None = None
    stacks: tuple[Path, ...] = (Path("stack.yml"),)
    port_base: int | None = None
    redis_server: Path | None = None
    tick_s: float = 2.0
    """Seconds between two calls of a node's oracle; 0 is never."""
    secrets: Mapping[str, Path] = field(default_factory=dict)

    def to_arguments(self) -> list[str]:
        """Give the command line that means the same."""
        return list(self._arguments())

    def _arguments(self) -> Iterator[str]:
        yield f"--state-dir={self.state_folder}"
        yield f"--tick={self.tick_s}"
        yield from (f"--stack={stack}" for stack in self.stacks)
        yield from (f"--secret={name}={path}" for name, path in self.secrets.items())
        if self.infrastructure is not None:
            yield f"--infrastructure={self.infrastructure}"
        if self.port_base is not None:
            yield f"--port-base={self.port_base}"
        if self.redis_server is not None:
            yield f"--redis-server={self.redis_server}"
