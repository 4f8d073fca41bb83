"""Calls of the operator to the functions of a tree, over its gateways only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from edgectl.asking import CallFailed as CallFailed, Gateways, Query as Query, require_success
from edgedb.topology.tree import Location, Topology
from edgedb.wire.choices import OffloadStatus
from edgedb.wire.whereabouts import offloaded

_CALLS_AT_A_TIME = 16

Answer = TypeVar("Answer")


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
    """One tree and the bearer tokens that open its oracles' endpoints.

    Every method raises :class:`CallFailed` if a node does not answer as it should.
    """

    def __init__(self, topology: Topology, tokens_of: Callable[[str], Sequence[str]]) -> None:
        self.topology = topology
        self._gateways = Gateways(topology, tokens_of)

    def status(self) -> list[dict[str, Any]]:
        """Ask every node's oracle; one that does not answer is described with ``error``."""
        return self._of_all(self._status_of)

    def load(self, location: str) -> dict[str, Any]:
        """Say how full a location is."""
        return dict(self._call("GET", location, "oracle", {}))

    def sessions(self, location: str, query: Query) -> list[dict[str, Any]]:
        """List sessions resident at a location."""
        return list(self._call("GET", location, "oracle/sessions", query)["sessions"])

    def examine(self, location: str, *, mend: bool) -> list[dict[str, Any]]:
        """Examine a location's node, slice by slice; ``mend`` has it repair what it finds."""
        method, function = ("POST", "oracle/repairs") if mend else ("GET", "oracle/findings")
        found = self._parts(method, location, function, "findings")
        # a slice may come upon something again
        return list({(one["kind"], one["subject"], one["repaired"]): one for one in found}.values())

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

    def offload_many(self, location: str, query: Query) -> list[dict[str, Any]]:
        """Move several sessions up; give the token of each, or ``{"session", "problem"}``."""
        return list(self._call("POST", location, "force-offload", query))

    def onload(self, location: str, query: Query) -> list[dict[str, Any]]:
        """Bring sessions home; give their tokens after the move."""
        return list(self._call("POST", location, "force-onload", query))

    def set_status(self, location: str, status: OffloadStatus) -> dict[str, Any]:
        """Say what a location does with what is offloaded to it."""
        return dict(self._call("POST", location, "set-offload-status", {"status": status}))

    def homes(self, location: str) -> dict[str, int]:
        """Count the sessions resident at a location by their homes."""
        return dict(self._call("GET", location, "oracle/homes", {}))

    def known(self, location: str, session: str) -> dict[str, Any] | None:
        """Say what a location knows of a session: token, version, last access; None: nothing."""
        query = {"session": session}
        response = self._gateways.ask_oracle("GET", location, "oracle/known", query)
        if response.status_code == requests.codes.not_found:
            return None
        require_success(location, "oracle/known", response)
        return dict(response.json())

    def keep(self, location: str, query: Query) -> str | None:
        """Have a location let a session be where it is kept; gives the id of what is set aside."""
        found: str | None = self._call("POST", location, "oracle/kept", query)["aside"]
        return found

    def asides(self, location: str) -> Iterator[dict[str, Any]]:
        """List what is set aside at a location."""
        return self._parts("GET", location, "oracle/aside", "aside")

    def aside(self, location: str, id_: str) -> dict[str, Any]:
        """Show what is set aside."""
        return dict(self._call("GET", location, "oracle/aside/content", {"id": id_}))

    def restore(self, location: str, id_: str, name: str | None) -> dict[str, Any]:
        """Make what is set aside a session again; gives its token."""
        query = {"id": id_, "as": name}
        return dict(self._call("POST", location, "oracle/aside/restored", query))

    def claim(self, location: str) -> dict[str, Any]:
        """Let the store of a location's node be that location's."""
        query = {"location": self.topology[location].id}
        return dict(self._call("POST", location, "oracle/claim", query))

    def rejoin(self, location: str, *, is_alone: bool) -> dict[str, Any]:
        """Have a location rejoin, or serve without those that do not answer."""
        query = {"location": self.topology[location].id, "alone": "1" if is_alone else None}
        return dict(self._call("POST", location, "oracle/rejoin", query))

    def lose(self, at: str, location: str) -> str:
        """Declare the store lost that a node knows of a location; gives its incarnation, or ''."""
        return str(self._call("POST", at, "oracle/lost", {"location": location})["lost"])

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
            response = self._gateways.ask("GET", location.id, "test-function", query)
            if response.status_code == requests.codes.not_found:
                return location.id, None, None
            require_success(location.id, "test-function", response)
            return location.id, response.text.strip(), None
        except CallFailed as error:
            return location.id, None, error.message

    def _of_all(self, ask: Callable[[Location], Answer]) -> list[Answer]:
        with ThreadPoolExecutor(_CALLS_AT_A_TIME) as pool:
            return list(pool.map(ask, self.topology))

    def _parts(
        self, method: str, location: str, function: str, name: str
    ) -> Iterator[dict[str, Any]]:
        """Give what a function answers a part at a time."""
        position: str | None = None
        while True:
            part = self._call(method, location, function, {"position": position})
            yield from part[name]
            position = part["next"]
            if position is None:
                return

    def _call(self, method: str, location: str, function: str, query: Query) -> Any:  # noqa: ANN401
        """Give the JSON that a function of the oracle answers."""
        response = self._gateways.ask_oracle(method, location, function, query)
        require_success(location, function, response)
        try:
            return response.json()
        except ValueError as error:
            raise CallFailed(f"{location}: {function} does not answer JSON") from error
