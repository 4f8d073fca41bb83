"""Makes a call to another node: where to, by whom, and who has answered.

Each end says which store it has and how far that is (docs/protocol.md#behind).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from edgedb.errors import BadRequest, NodeReplaced, PeerUnavailable, StoreUnavailable, Unauthorized
from edgedb.peers.answers import error_of, of_one_release, read_from
from edgedb.peers.keys import Keyring
from edgedb.peers.signing import signed
from edgedb.peers.transport import PeerRequest, PeerResponse, Transport
from edgedb.peers.waking import sent
from edgedb.settings import Settings
from edgedb.store.relatives import RelativeStore
from edgedb.topology.tree import Topology
from edgedb.wire.headers import NODE
from edgedb.wire.identity import NodeIdentity

log = logging.getLogger(__name__)

SEEN_PATH = "migrate-session/seen"


class Caller:
    """What all calls of a node have in common."""

    def __init__(
        self,
        settings: Settings,
        topology: Callable[[], Topology],
        transport: Transport,
        relatives: RelativeStore,
    ) -> None:
        self._settings = settings
        self._relatives = relatives
        self._topology = topology
        self._transport = transport
        self.keys = Keyring(settings.location, settings.node_keys, topology)

    def _identified(self, *arguments: Any, **options: Any) -> PeerResponse:  # noqa: ANN401
        """Make a call that is of a move: both ends are to know each other."""
        response = self._call(*arguments, **options)
        with of_one_release(arguments[1]):
            if response.header(NODE) is None:
                raise BadRequest(f"it does not say who it is: {NODE} is missing")
        return response

    def _call(
        self,
        method: str,
        location: str,
        function: str,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
        *,
        is_repeatable: bool = True,
    ) -> PeerResponse:
        request = PeerRequest(
            *(method, location, self._gateway(location), function, urlencode(query or {})),
            headers=headers or {},
            body=body,
            is_repeatable=is_repeatable,
        )
        identity, within_s = self._relatives.identity(), timeout or self._settings.peer_timeout
        try:
            return self._sent(request, identity, within_s)
        except NodeReplaced:  # this process may not have noticed yet
            if not self._relatives.is_another(identity):
                raise
        return self._sent(request, self._relatives.identity(), within_s)

    def _sent(self, request: PeerRequest, identity: NodeIdentity, within_s: float) -> PeerResponse:
        """Send a call as a node with that store."""
        request = replace(request, headers={**request.headers, NODE: str(identity)})
        for each in signed(self.keys, request):
            response = sent(self._transport, each, within_s)
            if response.status != Unauthorized.status:
                break
        if response.status >= 300:
            raise error_of(request, response)
        if (answered_by := response.header(NODE)) is not None:
            self._meet(request, answered_by)
        return response

    def _meet(self, request: PeerRequest, header: str) -> None:
        """Know who has answered; raises PeerUnavailable: what it has done is unknown."""
        location = request.location
        with read_from(location):
            other = NodeIdentity.read(header)
            if other.location != location:
                raise BadRequest(f"it is {other.location}")
        try:
            self._relatives.meet(
                other,
                or_behind=request.function == SEEN_PATH,
                is_handing_over=request.function == "migrate-session",
            )
        except StoreUnavailable:
            log.warning("whether %s is the node that is known cannot be told now", location)
        except NodeReplaced as error:
            raise PeerUnavailable(str(error)) from error

    def _gateway(self, location: str) -> str:
        """Only gateways of this node's own topology are ever called."""
        parent = self._topology().parent(self._settings.location)
        if parent is not None and parent.id == location and self._settings.parent_host:
            return self._settings.parent_host
        return self._topology()[location].gateway
