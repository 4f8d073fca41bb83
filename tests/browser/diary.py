"""The tree from beside the page: its operator, and a client that is no browser."""

from __future__ import annotations

from typing import Any

from edgedb.client import EdgeSession
from harness.running import RunningTree

HOME = "edge-a"  # where all pages call


class Diary(RunningTree):
    """A tree with a diary under several settings; sessions begin at edge-a."""

    def offload(self, session: str) -> None:
        """Move a session from edge-a to the city."""
        answer = self.oracle(HOME, "force-offload", session=session)
        assert answer.status_code == 200, answer.text

    def read(self, function: str, session: str) -> Any:
        """Give what is in a diary, and where it is."""
        with EdgeSession(self.gateway(HOME), session) as client:
            return client.get(f"/function/{function}/lines").json()
