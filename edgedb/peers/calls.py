"""Calls to other nodes: one method per remote endpoint.

Addresses, credentials and what an answer means; how a call gets there is the transport's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from edgedb.errors import (
    BadRequest,
    PeerUnavailable,
)
from edgedb.peers.answers import error_of, of_one_release, read_from
from edgedb.peers.calling import SEEN_PATH, Caller
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.peers.waking import sent
from edgedb.request import Request
from edgedb.wire import fates
from edgedb.wire.choices import Hold, Phase
from edgedb.wire.fates import Fate
from edgedb.wire.hand_over import Answer, Ask, answers_from_msgpack
from edgedb.wire.headers import (
    ONLOAD_LOCATION,
    PACKET,
    PROPAGATE,
    SESSION_REDIRECT,
    is_end_to_end,
)
from edgedb.wire.identity import SEEN, TOKENS, Seen, TokenPage
from edgedb.wire.model import COUNT_LIMIT, KNOWN, Known, Propagation, SessionToken, read
from edgedb.wire.packet import (
    NO_OFFER,
    PAGE_BYTES,
    Cursor,
    Offer,
    SessionPacket,
    Within,
    from_msgpack,
    to_msgpack,
)
from edgedb.wire.whereabouts import offloaded_to

PACKED = {"Accept": PACKET}
ANSWER_LIMIT = 32 * PAGE_BYTES
"""Bytes of a peer's answer: a page, its last item and a list's part as long as a page, of
characters that JSON writes as six bytes each."""


class PeerClient(Caller):
    """Calls to the other nodes; methods raise what the other node's problem says.

    Raises:
        PeerUnavailable: no answer, or not one of a node: whether it acted is unknown.
        EdgeError: the problem the other node answered with.

    """

    def page(
        self, source: str, session: str, cursor: Cursor, offer: Offer = NO_OFFER
    ) -> SessionPacket:
        """Read a page of a session, of an offer if there was one (migrate-session)."""
        query = {"session": session} | _parameters(cursor) | (offer._asdict() if offer.run else {})
        with of_one_release(source):
            answer = self._identified("GET", source, "migrate-session", query, PACKED)
        with read_from(source):
            (packet,) = from_msgpack(answer.body)
            return packet

    def hand_over(self, source: str, asks: Sequence[Ask], hold: Hold) -> dict[str, Answer]:
        """Ask for sessions of which a version is here; gives what is answered for each.

        Repeating it is safe: what was handed over is again, and nothing else.
        """
        query = {"phase": Phase.HAND_OVER, "to": self._settings.location, "hold": hold}
        body = msgspec.json.encode(asks)
        call = partial(self._identified, "POST", source, "migrate-session", query, PACKED, body)
        with of_one_release(source):
            try:
                answer = call()
            except PeerUnavailable:
                answer = call()
        with read_from(source):
            return answers_from_msgpack(answer.body)

    def known(self, location: str, sessions: Sequence[str]) -> dict[str, Known]:
        """Ask what a node above or below knows of sessions; unknown ones are not in the answer."""
        found = dict[str, Known]()
        for start in range(0, len(sessions), COUNT_LIMIT):
            some = msgspec.json.encode(sessions[start : start + COUNT_LIMIT])
            answer = self._call("POST", location, "migrate-session/known", body=some)
            with read_from(location):
                found |= {each.token.session: each for each in KNOWN.decode(answer.body)}
        return found

    def seen(self, location: str, timeout: float) -> Seen:
        """Ask a node above or below what it knows of this one's store (migrate-session/seen)."""
        answer = self._call("GET", location, SEEN_PATH, timeout=timeout)
        with read_from(location):
            return read(SEEN, answer.body)

    def tokens(self, location: str, position: str) -> TokenPage:
        """Ask a node for tokens of sessions on whose path both are (migrate-session/tokens).

        With the first it gives up what was to arrive there from this node.
        """
        query = {"position": position}
        answer = self._call("GET", location, "migrate-session/tokens", query)
        with read_from(location):
            return read(TOKENS, answer.body)

    def offload_session(self, parent: str, packets: Sequence[SessionPacket]) -> dict[str, Fate]:
        """Ask the parent to take sessions or to pass them on (offload-session)."""
        return self.pass_on(parent, to_msgpack(packets))

    def pass_on(self, parent: str, packed: bytes) -> dict[str, Fate]:
        """Ask the parent to take the sessions of packets in the form that nodes send."""
        with of_one_release(parent):
            answer = self._identified(
                "POST",
                parent,
                "offload-session",
                headers={"Content-Type": PACKET},
                body=packed,
                timeout=self._settings.move_timeout,
                is_repeatable=False,
            )
        with read_from(parent):
            return fates.from_json(answer.body, parent)

    def onload_session(
        self, parent: str, for_location: str, session: str | None, count: int
    ) -> list[SessionPacket]:
        """Ask the parent for sessions of a subtree (onload-session)."""
        query = {"count": str(count)} | ({"session": session} if session is not None else {})
        headers = {ONLOAD_LOCATION: for_location} | PACKED
        answer = self._identified("GET", parent, "onload-session", query, headers)
        with read_from(parent):
            packets = from_msgpack(answer.body)
            if len(packets) > count:
                raise BadRequest(f"those are more than {count} packets")
            return packets

    def update_session(self, proprietary: str, token: SessionToken) -> None:
        """Tell a proprietary location where its session is (update-session)."""
        self._call("POST", proprietary, "update-session", body=msgspec.json.encode(token))

    def test_function(self, location: str, session: str, waiting: Sequence[str]) -> str | None:
        """Ask where a session is (test-function); None: there.

        ``waiting``: the nodes that want to know.
        """
        query = {"session": session, "from": ",".join(waiting)}
        answer = self._call("GET", location, "test-function", query)
        with read_from(location):
            return offloaded_to(answer.body.decode())

    def propagate(self, message: Propagation) -> None:
        """Deliver a propagated value to a function at another location."""
        body = msgspec.json.encode(message)
        self._call("POST", message.to, message.function, {}, {PROPAGATE: message.id}, body)

    def tick(self) -> None:
        """Have this node do what is due (oracle); nobody needs credentials for that."""
        here = self._settings.location
        request = PeerRequest("POST", here, self._gateway(here), "oracle")
        response = sent(self._transport, request, self._settings.move_timeout)
        if response.status >= 300:
            raise error_of(request, response)

    def carry(
        self, location: str, request: Request, timeout: float, *, mode: str, is_repeatable: bool
    ) -> PeerResponse:
        """Make a client's call at another node in its place, whatever is answered.

        ``mode``: what that node is to do where the session is elsewhere.

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
            headers={**headers, SESSION_REDIRECT: mode},
            body=request.body,
            is_repeatable=is_repeatable,
            is_carried=True,
        )
        return self._transport.send(call, timeout)


def _parameters(cursor: Cursor) -> dict[str, object]:
    if isinstance(cursor, Within):
        return {"list": cursor.key, "start": cursor.start}
    return {"page": cursor.version}
