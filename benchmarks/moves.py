"""Moves sessions through the gateways, over connections that stay open, and times it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

_TIMEOUT_S = 60.0


class CallFailed(Exception):
    """A node did not answer, or not with 200."""


@dataclass(frozen=True)
class Move:
    """One move: monotonic seconds when it was asked for and when it was done, and to where."""

    began: float
    ended: float
    to: str

    @property
    def ms(self) -> float:
        """Milliseconds from the call to its answer."""
        return (self.ended - self.began) * 1000


class Operator:
    """One tree's oracle endpoints; any number of threads may use it."""

    def __init__(
        self, gateways: Mapping[str, tuple[str, int]], token_of: Callable[[str], str]
    ) -> None:
        self._gateways = gateways
        self._authorization = {
            location: {"Authorization": f"Bearer {token_of(location)}"} for location in gateways
        }
        self._connections = threading.local()

    def offload(self, location: str, session: str) -> Move:
        """Move a session to the parent of the location it is at."""
        began = time.monotonic()
        token = self.call(location, "force-offload", {"session": session})
        return Move(began, time.monotonic(), token["currentLocation"])

    def onload(self, location: str, session: str) -> Move:
        """Bring a session down to a location."""
        began = time.monotonic()
        (token,) = self.call(location, "force-onload", {"session": session})
        return Move(began, time.monotonic(), token["currentLocation"])

    def call(self, location: str, function: str, query: Mapping[str, object]) -> Any:  # noqa: ANN401
        """Post to a function and read its JSON; raise CallFailed for anything else."""
        path = f"/function/{function}?{urlencode(query)}"
        connection = self._connection(location)
        try:
            connection.request("POST", path, headers=self._authorization[location])
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # the next call opens it again
            raise CallFailed(f"{location} {path}: {type(error).__name__} {error}") from error
        if answer.status != http.client.OK:
            raise CallFailed(f"{location} {path}: {answer.status} {body[:300]!r}")
        return json.loads(body)

    def _connection(self, location: str) -> http.client.HTTPConnection:
        kept = self._connections.__dict__.setdefault("kept", {})
        if location not in kept:
            host, port = self._gateways[location]
            kept[location] = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            kept[location].connect()
        connection: http.client.HTTPConnection = kept[location]
        return connection
