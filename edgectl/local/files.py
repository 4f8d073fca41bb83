"""Where the files of the state folder are, and how they are written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """Where the files of one node are: in the state folder, beside ``_…`` that all nodes share."""

    path: Path

    @property
    def data(self) -> Path:
        """The append-only file of the server."""
        return self.path / "valkey"

    def secrets_of(self, function: str) -> Path:
        """Give the folder of those secrets that a function names."""
        return self.path / "functions" / function / "secrets"

    def log(self, name: str) -> Path:
        """Give the log of a function, of the gateway or of the server."""
        return self.path / "logs" / f"{name}.log"

    @property
    def configuration(self) -> Path:
        """What the gateway process reads when it starts."""
        return self.path / "gateway.json"


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, readable by its owner only (mode 0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
