"""A connection that waits longer for a step that is long by nature, and knows whom it meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import ReadOnlyError, ResponseError

from edgedb.store.admission import REFUSAL, Met

ARGUMENT_S = 50e-6  # some ten times of what an argument takes a server that has a processor
BYTE_S = 100e-9  # as a disk writes that keeps 10 MB a second
SOON_S = 0.01  # of what takes less, the time that every answer may take has enough


class PatientConnection(redis.Connection):
    """A connection that waits the longer, the more it has sent.

    A step is atomic, so what one request may write keeps the server for up to half a second, on a
    slow machine or disk for seconds.

    ``met``: to another run than the one that this process was admitted to, nothing is sent. A
    server that has restarted may have lost what its steps rest on, and so may one that was promoted
    in its place; before it is, it takes no steps.
    """

    _is_patient = False

    def __init__(self, *, met: Met | None = None, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._met = met

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Introduce itself, and ask for the run."""
        super().on_connect_check_health(check_health)
        if self._met is None:
            return
        connection: Any = self
        connection.send_command("INFO", "replication", check_health=False)
        told = dict(line.split(":", 1) for line in _lines(connection.read_response()))
        if told["role"] != "master":
            raise ReadOnlyError("You can't write against a read only replica.")
        self._met.last = told["master_replid"]
        if self._met.admitted not in {"", self._met.last}:
            raise ResponseError(f"{REFUSAL} to this run of the server")

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:  # noqa: ANN401
        """Send commands, and say until when they may be sent and answered."""
        connection: Any = self  # redis-py's connections are not typed
        if not connection._sock:
            connection.connect_check_health(check_health=False)
        needed_s = _needed_s([command] if isinstance(command, bytes) else command)
        if (needed_s > SOON_S) or self._is_patient:
            self._is_patient = needed_s > SOON_S
            connection._sock.settimeout(connection.socket_timeout + needed_s)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


def _needed_s(parts: Sequence[bytes]) -> float:
    """Estimate what a slow server needs for commands as they are sent."""
    return sum(BYTE_S * len(part) + ARGUMENT_S * part.count(b"\r\n$") for part in parts)


def _lines(info: bytes) -> list[str]:
    return [line for line in info.decode().splitlines() if ":" in line]
