"""What ``edgectl up`` was asked for."""

from __future__ import annotations

from collections.abc import Mapping
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
