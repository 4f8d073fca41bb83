"""Calls of the operator to the functions of a tree, over its gateways only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from edgectl.errors import EdgectlError
from edgedb import problems
from edgedb.client import no_proxy
from edgedb.topology.tree import Location, Topology
from edgedb.wire.choices import OffloadStatus
from edgedb.wire.whereabouts import offloaded

_TIMEOUT_S = 60.0
_CALLS_AT_A_TIME = 16

Query = Mapping[str, str | int | None]
"""Parameters of a call; None is one that was not given."""

Authorization = Callable[[requests.PreparedRequest], requests.PreparedRequest]
Answer = TypeVar("Answer")


class CallFailed(EdgectlError):
    """A node did not answer, or answered with a problem; the message is one line."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What the nodes know of one session id.

    ``answers`` are those of ``test-function``, by location. An id may be in use by sessions of
    several locations, so more than one node may have a session of that id.
    """

    session: str
    answers: Mapping[str, str]

    @property
    def current_locations(self) -> list[str]:
        """The locations where it is resident."""
        return [location for location, text in self.answers.items() if text == offloaded(None)]

    def to_json(self) -> dict[str, Any]:
        """Give it as ``edgectl where --json`` prints it."""
        return {
            "session": self.session,
            "currentLocations": self.current_locations,
            "answers": dict(self.answers),
        }


class Operator:
    """One tree and the bearer token that opens its oracle's endpoints.

    Every method raises :class:`CallFailed` if a node does not answer as it should.
    """

    def __init__(self, topology: Topology, oracle_token: str) -> None:
        self.topology = topology
        self._token = oracle_token

    def status(self) -> list[dict[str, Any]]:
        """Ask every node's oracle; one that does not answer is described with ``error``."""
        return self._of_all(self._status_of)

    def sessions(self, location: str, query: Query) -> list[dict[str, Any]]:
        """List sessions resident at a location."""
        return list(self._call("GET", location, "oracle/sessions", query)["sessions"])

    def examine(self, location: str, *, mend: bool) -> list[dict[str, Any]]:
        """Examine a location's node, slice by slice; ``mend`` has it repair what it finds."""
        method, function = ("POST", "oracle/repairs") if mend else ("GET", "oracle/findings")
        findings: dict[tuple[str, str, bool | None], dict[str, Any]] = {}
        position: str | None = None
        while True:
            part = self._call(method, location, function, {"position": position})
            # a slice may come upon something again
            for one in part["findings"]:
                findings[one["kind"], one["subject"], one["repaired"]] = one
            position = part["next"]
            if position is None:
                return list(findings.values())

    def where(self, session: str) -> Whereabouts:
        """Ask every node for a session; nodes that do not answer count only if no other knows."""
        answers: dict[str, str] = {}
        failures: list[str] = []
        for location, text, failure in self._of_all(lambda at: self._knows(at, session)):
            if text is not None:
                answers[location] = text
            if failure is not None:
                failures.append(failure)
        if not answers:
            raise CallFailed("; ".join([f"no node knows a session {session!r}", *failures]))
        return Whereabouts(session, answers)

    def offload(self, location: str, query: Query) -> dict[str, Any]:
        """Move one session up; give its token after the move."""
        return dict(self._call("POST", location, "force-offload", query))

    def onload(self, location: str, query: Query) -> list[dict[str, Any]]:
        """Bring sessions home; give their tokens after the move."""
        return list(self._call("POST", location, "force-onload", query))

    def set_status(self, location: str, status: OffloadStatus) -> dict[str, Any]:
        """Say what a location does with what is offloaded to it."""
        return dict(self._call("POST", location, "set-offload-status", {"status": status}))

    def _status_of(self, location: Location) -> dict[str, Any]:
        place = {
            "location": location.id,
            "level": location.level,
            "parent": location.parent,
            "gateway": location.gateway,
        }
        try:
            return {**place, **self._call("GET", location.id, "oracle", {})}
        except CallFailed as error:
            return {**place, "error": error.message}

    def _knows(self, location: Location, session: str) -> tuple[str, str | None, str | None]:
        """Give what ``test-function`` says there, or why that is not known."""
        try:
            query = {"session": session}
            response = self._send("GET", location.id, "test-function", query, _anonymous)
            if response.status_code == requests.codes.not_found:
                return location.id, None, None
            return location.id, _require_success(location.id, response).text.strip(), None
        except CallFailed as error:
            return location.id, None, error.message

    def _of_all(self, ask: Callable[[Location], Answer]) -> list[Answer]:
        with ThreadPoolExecutor(_CALLS_AT_A_TIME) as pool:
            return list(pool.map(ask, self.topology))

    def _call(self, method: str, location: str, function: str, query: Query) -> Any:  # noqa: ANN401
        """Give the JSON that a function of the oracle answers."""
        response = self._send(method, location, function, query, self._authorize)
        try:
            return _require_success(location, response).json()
        except ValueError as error:
            raise CallFailed(f"{location}: {function} does not answer JSON") from error

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _send(
        self, method: str, location: str, function: str, query: Query, auth: Authorization
    ) -> requests.Response:
        """Send one call; ``auth`` also keeps requests from taking credentials out of a netrc."""
        try:
            return requests.request(
                method,
                f"{self.topology[location].gateway}/function/{function}",
                params=query,
                auth=auth,
                proxies={"no_proxy": no_proxy()},
                timeout=_TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise CallFailed(f"{location}: no answer from {function} ({_cause(error)})") from error


def _anonymous(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _require_success(location: str, response: requests.Response) -> requests.Response:
    if response.status_code == requests.codes.ok:
        return response
    raise CallFailed(f"{location}: {_problem(response)} ({response.status_code})")


def _problem(response: requests.Response) -> str:
    """Give title and detail of an RFC 9457 document, or what there is instead of one."""
    try:
        _, title, detail = problems.read(response.content)
    except ValueError:
        return " ".join(response.text.split())[:200] or response.reason
    return f"{title}: {detail}"


def _cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return str(error) or type(error).__name__
