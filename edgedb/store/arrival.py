"""Sessions that arrive here, and the packets that are staged of them."""

from __future__ import annotations

from dataclasses import dataclass

from edgedb.errors import Conflict
from edgedb.store.staging import ListStage
from edgedb.wire.hand_over import Ask
from edgedb.wire.model import SessionToken
from edgedb.wire.packet import Offer, SessionPacket


@dataclass(frozen=True)
class Arrival:
    """A session that is being staged here by one transfer, from ``token.current_location``.

    ``version``: that is here completely, so that the session may be asked for; 0: none yet.
    ``run``: of this node's server.
    """

    token: SessionToken
    transfer: str
    offer: Offer
    version: int
    run: str
    touched_ms: int = 0

    @property
    def session(self) -> str:
        """The session's id."""
        return self.token.session

    @property
    def source(self) -> str:
        """Where it is resident, as far as is known here."""
        return self.token.current_location

    @property
    def ask(self) -> Ask:
        """What the source is asked."""
        return Ask(self.session, self.transfer, self.token.epoch, *self.offer, self.version)


@dataclass(frozen=True)
class Staging:
    """A packet to be staged, as packet ``number`` of its transfer, and what it does to the lists.

    ``complete``: the version that is here completely with it; 0: none.
    """

    token: SessionToken
    offer: Offer
    transfer: str
    number: int
    packet: SessionPacket
    lists: ListStage
    complete: int = 0


def is_home_an_end(token: SessionToken, source: str) -> bool:
    """Say whether the proprietary location is an end of the move, and need not be told of it."""
    return token.proprietary_location in {source, token.current_location}


class NotOpen(Conflict):
    """An arrival is not open here; another one may be, which has to be finished first."""
