"""The tree of the demo, and what can be done to it."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any

from edgectl.operating import CallFailed, Operator
from edgedb.client import EdgeSession
from edgedb.wire.choices import OffloadStatus
from harness.running import RunningTree

STACKS = ("stack.yml", "examples/stack.yml")


class Tree(RunningTree):
    """Four nodes: ``cloud`` above ``city`` above ``edge-a`` and ``edge-b``."""

    @cached_property
    def _operator(self) -> Operator:
        return Operator(self.topology, lambda at: [self.oracle_token(at)])

    def client(self, session: str, home: str = "edge-a") -> EdgeSession:
        """Give a client in a session that begins at ``home``."""
        return EdgeSession(self.gateway(home), session)

    def ask(self, location: str, function: str, rest: str = "") -> Any:  # noqa: ANN401
        """Read the JSON that a node-local function answers."""
        answer = self.call(location, function, rest, method="GET")
        answer.raise_for_status()
        return answer.json()

    def offload(self, session: str, at: str = "edge-a") -> str:
        """Offload; give the location where the session is then."""
        return str(self._operator.offload(at, {"session": session})["currentLocation"])

    def onload(self, session: str, to: str = "edge-a") -> str:
        """Bring home; give the location where the session is then."""
        (token,) = self._operator.onload(to, {"session": session})
        return str(token["currentLocation"])

    def set_status(self, location: str, status: str) -> None:
        """Let a location ``accept`` or ``reject``."""
        self._operator.set_status(location, OffloadStatus(status))

    def residents(self, session: str) -> list[str]:
        """Give the locations where a session is resident; none while it is on its way."""
        with suppress(CallFailed):
            return self._operator.where(session).current_locations
        return []

    def unfinished(self) -> int:
        """Give how many arrivals are open, in the whole tree."""
        return sum(int(entry.get("arrivals", 1)) for entry in self._operator.status())
