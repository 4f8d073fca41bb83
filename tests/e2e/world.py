"""The tree that the tests share, as its clients, its operator and its nodes see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psutil
import requests

from edgedb.client import EdgeSession
from edgedb.peers import credentials
from tests.support.edgectl import RunningTree, until

ALL = ("cloud", "city", "edge-a", "edge-b")
LEAVES = ("edge-a", "edge-b")
BELOW_ROOT = ("city", *LEAVES)
ABOVE_LEAVES = ("cloud", "city")

DEPLOYED = {
    "set-offload-status": BELOW_ROOT,
    "force-offload": BELOW_ROOT,
    "force-onload": BELOW_ROOT,
    "offload-session": ABOVE_LEAVES,
    "onload-session": ABOVE_LEAVES,
    "update-session": BELOW_ROOT,
    "migrate-session": ALL,
    "test-function": ALL,
    "oracle": ALL,
}
"""The column 'Deployed on' of the protocol's tables."""

USER_FUNCTIONS = (
    *("shopping-cart", "products-counter", "cdn-upload", "cdn-download"),
    *("sensor-log", "sensor-means", "notebook", "mirror", "tally"),
)

TIMEOUT_S = 30


@dataclass(frozen=True)
class World:
    """A running tree; calls do not follow redirects unless they say so."""

    tree: RunningTree

    def url(self, location: str, function: str, rest: str = "") -> str:
        """Give a function's address; ``rest`` is path and query as they are to be sent."""
        return f"{self.tree.gateway(location)}/function/{function}{rest}"

    def call(
        self,
        location: str,
        function: str,
        rest: str = "",
        *,
        method: str = "POST",
        session: str | None = None,
        headers: dict[str, str | bytes] | None = None,
        **options: Any,
    ) -> requests.Response:
        """Make one call, in a session if one is named."""
        named = {} if session is None else {"X-session": session.encode()}
        options = {"timeout": TIMEOUT_S, "allow_redirects": False, **options}
        address = self.url(location, function, rest)
        return requests.request(method, address, headers=named | (headers or {}), **options)

    def add(self, session: str, value: str, at: str = "edge-a") -> dict[str, Any]:
        """Append a value to the list ``words`` of a session, wherever it is; give the answer."""
        rest = f"/add?key=words&value={quote(value)}"
        answer = self.call(at, "notebook", rest, session=session, allow_redirects=True)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def words(self, session: str, at: str = "edge-a") -> list[str]:
        """Give the list ``words`` of a session, wherever it is."""
        rest = "/list?key=words"
        answer = self.call(at, "notebook", rest, session=session, allow_redirects=True)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["given"])

    def client(self, session: str, at: str = "edge-a", **options: Any) -> EdgeSession:
        """Give a client whose home is a location."""
        return EdgeSession(self.tree.gateway(at), session, **options)

    def where(self, session: str, at: str = "edge-a") -> str:
        """Give what ``test-function`` answers, or its status if that is not 200."""
        answer = self.call(at, "test-function", method="GET", params={"session": session})
        return answer.text if answer.status_code == 200 else str(answer.status_code)

    def oracle(
        self, location: str, action: str, *, method: str = "POST", **query: Any
    ) -> requests.Response:
        """Call one of the oracle's endpoints with its token."""
        return self.call(location, action, method=method, params=query, headers=self.bearer)

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

    def is_ready(self, location: str, function: str) -> bool:
        """Tell whether the next call would be served; asking starts a function that is not."""
        return self.call(location, function, "/_/ready", method="GET").ok

    def await_recovery(self, location: str, function: str) -> None:
        """Wait until all replicas are back, and have failed the call that follows a crash."""
        until(lambda: all(self.is_ready(location, function) for _ in range(4)))

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

    def tick(self) -> None:
        """Let every node do what is due."""
        for location in ALL:
            self.call(location, "oracle")

    @property
    def bearer(self) -> dict[str, str | bytes]:
        """The oracle's credentials."""
        return {"Authorization": f"Bearer {self.tree.summary['oracle_token']}"}

    @property
    def node_key(self) -> bytes:
        """The key that node credentials are signed with."""
        return (self.tree.folder / "_secrets" / "edge-node-key").read_bytes().strip()

    def as_node(
        self,
        caller: str,
        location: str,
        function: str,
        *,
        method: str = "POST",
        query: str = "",
        document: object = None,
        headers: dict[str, str | bytes] | None = None,
        key: bytes | None = None,
    ) -> requests.Response:
        """Make a call with the credentials of a node."""
        body = b"" if document is None else json.dumps(document).encode()
        call = credentials.Call(method, f"/function/{function}", query.encode(), body)
        credential = credentials.issue(key or self.node_key, caller, location, call)
        return self.call(
            location,
            function,
            f"?{query}" if query else "",
            method=method,
            headers={"Authorization": credential, **(headers or {})},
            data=body,
        )

    def processes(self, location: str, function: str) -> list[psutil.Process]:
        """Give the processes that serve a function at a node."""
        gateway = self.tree.process(location, "gateway")
        found = gateway.children() if gateway else []
        return [process for process in found if _serves(process, function)]

    def pids(self, location: str, function: str) -> set[int]:
        """Give their numbers."""
        return {process.pid for process in self.processes(location, function)}


def _serves(process: psutil.Process, function: str) -> bool:
    try:
        return process.environ().get("FUNCTION_NAME") == function
    except psutil.Error:
        return False
