"""Calls to other nodes: one method per remote endpoint.

Addresses, credentials and what an answer means; how a call gets there is the transport's part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlencode

from edgedb.errors import BadRequest, EdgeError, PeerUnavailable
from edgedb.peers import credentials
from edgedb.peers.transport import PeerRequest, PeerResponse, Transport
from edgedb.peers.waking import sent
from edgedb.problems import error_from
from edgedb.request import Request
from edgedb.settings import Settings
from edgedb.topology.tree import Topology
from edgedb.wire.choices import Phase
from edgedb.wire.headers import (
    JSON,
    ONLOAD_LOCATION,
    PACKET,
    PROPAGATE,
    SESSION_REDIRECT,
    is_end_to_end,
)
from edgedb.wire.model import Propagation, SessionToken
from edgedb.wire.openfaas import explained
from edgedb.wire.packet import PAGE_BYTES, Cursor, SessionPacket
from edgedb.wire.whereabouts import offloaded_to

PACKED = {"Accept": f"{PACKET}, {JSON}"}
ANSWER_LIMIT = 32 * PAGE_BYTES
"""Bytes of a peer's answer: a page, its last item and a list's part as long as a page, of
characters that JSON writes as six bytes each."""


class PeerClient:
    """Calls to the other nodes; methods raise what the other node's problem says.

    Raises:
        PeerUnavailable: no answer, or not one of a node: whether it acted is unknown.
        EdgeError: the problem the other node answered with.

    """

    def __init__(
        self, settings: Settings, topology: Callable[[], Topology], transport: Transport
    ) -> None:
        self._settings = settings
        self._topology = topology
        self._transport = transport

    def page(self, source: str, session: str, cursor: Cursor) -> SessionPacket:
        """Read a page of a session (migrate-session, step 1)."""
        query = {"session": session, "page": json.dumps(cursor.to_json())}
        return _packet(source, self._call("GET", source, "migrate-session", query, PACKED))

    def freeze(
        self, token: SessionToken, transfer: str, since: int, *, is_final: bool
    ) -> SessionPacket:
        """Freeze a session and read what is new since a version (migrate-session, step 2).

        A packet without a grant: there is too much to send while frozen, copy on; unless
        ``is_final``, then it is frozen however much there is.
        """
        query = self._phase(token.session, Phase.FREEZE, transfer)
        query |= {"since": str(since), "epoch": str(token.epoch)}
        query |= {"final": "1"} if is_final else {}
        source = token.current_location
        return _packet(source, self._repeated("POST", source, "migrate-session", query, PACKED))

    def hand_over(self, source: str, session: str, transfer: str, grant: str) -> None:
        """Take a session over (migrate-session, step 4)."""
        query = self._phase(session, Phase.HAND_OVER, transfer) | {"grant": grant}
        self._repeated("POST", source, "migrate-session", query)

    def thaw(self, source: str, session: str, transfer: str) -> None:
        """Let the source serve again (migrate-session, failure rules)."""
        self._call("POST", source, "migrate-session", self._phase(session, Phase.THAW, transfer))

    def offload_session(self, parent: str, token: SessionToken) -> SessionToken:
        """Ask the parent to take a session or to pass it on (offload-session)."""
        answer = self._call(
            "POST",
            parent,
            "offload-session",
            body=json.dumps(token.to_json()).encode(),
            timeout=self._settings.move_timeout,
            is_repeatable=False,
        )
        with _read_from(parent):
            return SessionToken.from_json(json.loads(answer.body))

    def onload_session(
        self, parent: str, for_location: str, session: str | None, count: int
    ) -> list[SessionToken]:
        """Ask the parent for sessions of a subtree (onload-session)."""
        query = {"count": str(count)} | ({"session": session} if session is not None else {})
        headers = {ONLOAD_LOCATION: for_location}
        answer = self._call("GET", parent, "onload-session", query, headers)
        with _read_from(parent):
            documents = json.loads(answer.body)
            if not isinstance(documents, list) or len(documents) > count:
                raise BadRequest(f"that is no list of up to {count} tokens")
            return [SessionToken.from_json(document) for document in documents]

    def update_session(self, proprietary: str, token: SessionToken) -> None:
        """Tell a proprietary location where its session is (update-session)."""
        self._call("POST", proprietary, "update-session", body=json.dumps(token.to_json()).encode())

    def test_function(self, location: str, session: str, waiting: Sequence[str]) -> str | None:
        """Ask where a session is (test-function); None: there.

        ``waiting``: the nodes that want to know.
        """
        query = {"session": session, "from": ",".join(waiting)}
        answer = self._call("GET", location, "test-function", query)
        with _read_from(location):
            return offloaded_to(answer.body.decode())

    def propagate(self, message: Propagation) -> None:
        """Deliver a propagated value to a function at another location."""
        body = json.dumps(message.to_json()).encode()
        self._call("POST", message.to, message.function, {}, {PROPAGATE: message.id}, body)

    def carry(
        self, location: str, request: Request, timeout: float, *, is_repeatable: bool
    ) -> PeerResponse:
        """Make a client's call at another node in its place, whatever is answered.

        With the client's credentials and none of this node's: the other node takes the call from
        anybody who makes it. Raises PeerUnavailable.
        """
        headers = {name: value for name, value in request.headers if is_end_to_end(name)}
        call = PeerRequest(
            method=request.method,
            location=location,
            gateway=self._gateway(location),
            function=self._settings.function + request.function_path,
            query_string=request.query_string.decode("latin-1"),
            headers={**headers, SESSION_REDIRECT: "redirect"},
            body=request.body,
            is_repeatable=is_repeatable,
            is_carried=True,
        )
        return self._transport.send(call, timeout)

    def _phase(self, session: str, phase: Phase, transfer: str) -> dict[str, str]:
        here = self._settings.location
        return {"session": session, "phase": phase, "transfer": transfer, "to": here}

    def _repeated(
        self,
        method: str,
        location: str,
        function: str,
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> PeerResponse:
        """Call a step whose repetition gives the same answer; once more if there is none."""
        try:
            return self._call(method, location, function, query, headers)
        except PeerUnavailable:
            return self._call(method, location, function, query, headers)

    def _call(
        self,
        method: str,
        location: str,
        function: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        *,
        is_repeatable: bool = True,
    ) -> PeerResponse:
        query_string = urlencode(query or {})
        call = credentials.Call(method, f"/function/{function}", query_string.encode(), body)
        signed = {**(headers or {}), "Authorization": self._credential(location, call)}
        request = PeerRequest(
            *(method, location, self._gateway(location), function, query_string, signed, body),
            is_repeatable=is_repeatable,
        )
        response = sent(self._transport, request, timeout or self._settings.peer_timeout)
        if response.status >= 300:
            raise _error(request, response)
        return response

    def _gateway(self, location: str) -> str:
        """Only gateways of this node's own topology are ever called."""
        parent = self._topology().parent(self._settings.location)
        if parent is not None and parent.id == location and self._settings.parent_host:
            return self._settings.parent_host
        return self._topology()[location].gateway

    def _credential(self, location: str, call: credentials.Call) -> str:
        key = self._settings.node_key or credentials.INSECURE_KEY
        return credentials.issue(key, self._settings.location, location, call)


def _packet(location: str, response: PeerResponse) -> SessionPacket:
    with _read_from(location):
        if response.content_type == PACKET:
            return SessionPacket.from_msgpack(response.body)
        return SessionPacket.from_json(json.loads(response.body))


@contextmanager
def _read_from(location: str) -> Iterator[None]:
    """Take an answer that makes no sense for none: what the other node has done is unknown."""
    try:
        yield
    except (ValueError, RecursionError, BadRequest) as error:
        raise PeerUnavailable(f"{location} answered with something else: {error}") from error


def _error(request: PeerRequest, response: PeerResponse) -> EdgeError:
    try:
        return error_from(request.location, response.status, response.body)
    except ValueError:
        what = explained(response.status, response.content_type, response.body)
        return PeerUnavailable(f"{request.location}: {request.function} {what}")
