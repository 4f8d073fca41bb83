"""A secret in its file, read again when the file changes (docs/security.md#rotating-keys)."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from edgedb.errors import ConfigurationError, EdgeError

T = TypeVar("T")
Stamp = tuple[int, ...]
Lines = tuple[str, ...]
"""What is valid now: the current one, and during a rotation the one before."""

log = logging.getLogger(__name__)


class SecretFile(Generic[T]):
    """What ``parse`` makes of a secret.

    A file that becomes unreadable later is reported, and what was read last stays in force.
    """

    def __init__(self, path: Path, parse: Callable[[str], T]) -> None:
        self._path = path
        self._name = str(path)  # `Path.stat` takes three times as long, and each call looks
        self._parse = parse
        self._lock = threading.Lock()
        self._last: tuple[Stamp, T] | None = None

    def current(self) -> T:
        """Give what it says now; raises ConfigurationError if it never was readable."""
        stamp, last = self._seen(), self._last
        if last is None or stamp not in {(), last[0]}:
            with self._lock:
                self._last = last = (stamp, self._loaded())
        return last[1]

    def _seen(self) -> Stamp:
        """Give what a change would change; nothing if there is no such file now."""
        try:
            stamp = os.stat(self._name)
        except OSError:
            return ()
        return stamp.st_mtime_ns, stamp.st_ino, stamp.st_size

    def _loaded(self) -> T:
        name = self._path.name
        try:
            return self._parse(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError, EdgeError) as error:
            reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
            if self._last is None:
                raise ConfigurationError(f"the secret {name} cannot be read: {reason}") from error
            log.error("the secret %s cannot be read, the last one holds: %s", name, reason)  # noqa: TRY400
            return self._last[1]


def optional(directory: Path, name: str, least: int = 1) -> Callable[[], Lines]:
    """Read a secret of one line or two, each of at least so many bytes; none if there is no file.

    Raises:
        ConfigurationError: there is one that is something else.

    """
    file = directory / name
    if not file.exists() or not file.read_bytes().strip():
        return tuple
    secret = SecretFile(file, partial(_lines, least))
    secret.current()
    return secret.current


def required(directory: Path, name: str, least: int = 1) -> Callable[[], Lines]:
    """Read a secret as :func:`optional` does; raises ConfigurationError also if there is none."""
    lines = optional(directory, name, least)
    if not lines():
        raise ConfigurationError(
            f"the secret {name} is missing in {directory}; create it with faas-cli secret create "
            "and list it under the function's secrets, or set EDGE_INSECURE=1"
        )
    return lines


def _lines(least: int, text: str) -> Lines:
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not 1 <= len(lines) <= 2:
        raise ConfigurationError(f"it has {len(lines)} lines, not one or two")
    if any(len(line.encode()) < least for line in lines):
        raise ConfigurationError(f"it is under {least} bytes")
    return lines
