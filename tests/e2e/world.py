"""The tree that the tests share, as its clients, its operator and its nodes see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests

from edgedb.client import EdgeSession
from harness.running import RunningTree
from harness.waiting import until
from harness.writers import Send, careful_client, plain_client
from tests.support.signed import AsNode
from tests.support.tree import STACK

ALL = ("cloud", "city", "edge-a", "edge-b")
LEAVES = ("edge-a", "edge-b")
BELOW_ROOT = ("city", *LEAVES)
ABOVE_LEAVES = ("cloud", "city")

PLACES = {"all": ALL, "all-except-root": BELOW_ROOT, "all-except-leafs": ABOVE_LEAVES}
DEPLOYED = {
    name: PLACES[entry["labels"]["edge.levels"]] for name, entry in STACK["functions"].items()
}
"""The column 'Deployed on' of the protocol's tables."""

ADD = "/add?key=words&value="


def token(session: str, at: str, epoch: int, of: str = "edge-a") -> dict[str, Any]:
    """Give the token of a session that ``notebook`` made."""
    return {
        "session": session,
        "proprietaryLocation": of,
        "currentLocation": at,
        "function": "notebook",
        "epoch": epoch,
    }


class World(RunningTree):
    """A running tree with the functions of ``tests/e2e/functions``."""

    def add(self, session: str, value: str, at: str = "edge-a") -> dict[str, Any]:
        """Append a value to the list ``words`` of a session, wherever it is; give the answer."""
        return self._noted(f"{ADD}{quote(value)}", session, at)

    def words(self, session: str, at: str = "edge-a") -> list[str]:
        """Give the list ``words`` of a session, wherever it is."""
        return list(self._noted("/list?key=words", session, at)["given"])

    def _noted(self, rest: str, session: str, at: str) -> dict[str, Any]:
        answer = self.call(at, "notebook", rest, session=session, allow_redirects=True)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def client(self, session: str, at: str = "edge-a", **options: Any) -> EdgeSession:
        """Give a client whose home is a location."""
        return EdgeSession(self.gateway(at), session, **options)

    def plain_writer(self, session: str) -> Send:
        """Give a client that appends words and does no more than follow 307."""
        return plain_client(session, self.url("edge-a", "notebook", ADD))

    def careful_writer(self, session: str) -> Send:
        """Give an ``EdgeSession`` that appends words."""
        return careful_client(self.client(session), f"/function/notebook{ADD}")

    def where(self, session: str, at: str = "edge-a") -> str:
        """Give what ``test-function`` answers, or its status if that is not 200."""
        answer = self.call(at, "test-function", method="GET", params={"session": session})
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    def offload(self, session: str, at: str = "edge-a") -> str:
        """Offload a session; give the location where it is then."""
        answer = self.oracle(at, "force-offload", session=session)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["currentLocation"])

    def onload(self, session: str, to: str = "edge-a") -> None:
        """Bring a session home."""
        answer = self.oracle(to, "force-onload", session=session)
        assert answer.status_code == 200, answer.text
        assert [token["currentLocation"] for token in answer.json()] == [to]

    def await_recovery(self, location: str, function: str) -> None:
        """Wait until all replicas are back, and have failed the call that follows a crash."""
        until(lambda: all(self.is_ready(location, function) for _ in range(4)))

    def await_rest(self) -> None:
        """Wait until no session is on its way any more."""
        until(lambda: [self.load(at)["arrivals"] for at in ALL] == [0, 0, 0, 0])

    @contextmanager
    def rejecting(self, location: str) -> Iterator[None]:
        """Let a location reject while the block runs."""
        self._set_status(location, "reject")
        try:
            yield
        finally:
            self._set_status(location, "accept")

    def _set_status(self, location: str, status: str) -> None:
        assert self.oracle(location, "set-offload-status", status=status).status_code == 200

    def load(self, location: str) -> dict[str, Any]:
        """Give what a node's oracle reports of itself."""
        return dict(self.oracle(location, "oracle", method="GET").json())

    def as_node(self, caller: str, location: str, function: str, **call: Any) -> requests.Response:
        """Make a call with the credentials of a node."""
        return self.call(location, function, auth=AsNode(self.keyring(caller), location), **call)

    def pids(self, location: str, function: str) -> set[int]:
        """Give the numbers of the processes that serve a function at a node."""
        return {process.pid for process in self.processes(location, function)}
