"""The steps of a move at its destination, and *update* at the home (docs/protocol.md#a-move)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from edgedb.errors import Conflict, NotFound, SessionBusy, StaleToken
from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.codec import counted, text, token_of
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.store.staging import ListStage
from edgedb.times import milliseconds
from edgedb.wire.items import Deleted, Scalar
from edgedb.wire.model import SessionToken, Update
from edgedb.wire.packet import SessionPacket
from edgedb.wire.pieces import encode, field


@dataclass(frozen=True)
class Arrival:
    """A session that is being staged here by one transfer; ``grant`` is set once prepared."""

    session: str
    transfer: str
    source: str
    touched_ms: int
    grant: str | None = None
    token: SessionToken | None = None


def is_home_an_end(arrival: Arrival, token: SessionToken) -> bool:
    """Say whether the proprietary location is an end of the move, and need not be told of it."""
    return token.proprietary_location in {arrival.source, token.current_location}


class UnfinishedArrival(Conflict):
    """Another arrival of this session is open here; finish or discard it first."""

    def __init__(self, message: str, arrival: Arrival) -> None:
        super().__init__(message)
        self.arrival = arrival


class AlreadyResident(Conflict):
    """The session lives here."""


class DestinationStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, settings: Settings, disk: Disk) -> None:
        self._scripts = scripts
        self._disk = disk
        self._location = settings.location
        self._patience_ms = milliseconds(settings.freeze_timeout)

    def arrive(self, token: SessionToken, transfer: str) -> None:
        """Open an arrival of the session in ``token`` from its current location.

        Raises:
            Conflict: it is resident here already, or known here as somebody else's.
            StaleToken: a higher epoch is known here.
            UnfinishedArrival: an earlier arrival must be finished or discarded first.
            SessionBusy: an earlier arrival is under way.
            ConfigurationError: it is to be on disk once prepared, which cannot be known here.

        """
        self._disk.require()
        where = SessionKeys(token.session)
        kind, *rest = self._scripts.run(
            "arrive",
            [where.meta, where.arrival, keys.ARRIVALS],
            self._scripts.now(),
            self._location,
            token.session,
            transfer,
            token.current_location,
            token.proprietary_location,
            token.epoch,
            self._patience_ms,
        )
        name = f"session {token.session!r}"
        if kind == b"resident":
            raise AlreadyResident(f"{name} is resident at {self._location} already")
        if kind == b"stranger":
            raise Conflict(f"{name} is known at {self._location} as one of {text(rest[0])}")
        if kind == b"stale":
            raise StaleToken(f"{self._location} knows of a later move of {name}")
        if kind == b"busy":
            raise SessionBusy(f"{name} is arriving at {self._location} already")
        if kind in {b"prepared", b"abandoned"}:
            self._refuse_unfinished(token.session)

    def _refuse_unfinished(self, session: str) -> None:
        arrival = self.arrival(session)
        if arrival is None:
            raise SessionBusy(f"session {session!r} was just arriving; try again")
        raise UnfinishedArrival(f"session {session!r} has an unfinished arrival", arrival)

    def stage(
        self, session: str, transfer: str, number: int, packet: SessionPacket, lists: ListStage
    ) -> None:
        """Put the content of packet ``number`` into the session's keys, which are not live yet.

        Raises:
            Conflict: the arrival is not open any more.
            InsufficientStorage: the server is full.

        """
        where = SessionKeys(session)
        scalars = [i for i in packet.items if isinstance(i, Scalar)]
        deleted = [i.key for i in packet.items if isinstance(i, Deleted) and i.kind == "scalar"]
        answer = self._scripts.run(
            "stage",
            [*where.parts, where.arrival, *map(where.list, lists.numbers)],
            self._scripts.now(),
            transfer,
            number,
            *counted([p for s in scalars for p in (field(s.key, s.piece), encode(s.value))]),
            *counted(deleted),
            *lists.arguments,
            *counted([part for reply in packet.replies for part in (reply.key, reply.blob)]),
        )
        if answer != b"ok":
            raise Conflict(f"the arrival of session {session!r} was discarded meanwhile")

    def prepare(
        self, transfer: str, packets: int, token: SessionToken, grant: str, version: int
    ) -> None:
        """Record durably that all packets are staged, and the grant.

        Raises:
            Conflict: the arrival was discarded meanwhile.
            OutcomeUnknown: the server is silent, or it is not on disk where that is asked for.

        """
        answer = self._disk.run(
            "prepare",
            [SessionKeys(token.session).arrival],
            self._scripts.now(),
            transfer,
            packets,
            grant,
            token.proprietary_location,
            token.function,
            token.epoch,
            version,
        )
        if answer != b"ok":
            raise Conflict(f"the arrival of session {token.session!r} was discarded meanwhile")

    def activate(
        self, arrival: Arrival, token: SessionToken, *, is_last_copy: bool = False
    ) -> bool:
        """Make a prepared arrival resident; False if somebody else has dealt with it.

        ``token`` is the new one. The proprietary location, unless it took part in the move,
        hears of it through the outbox. The last copy of a session that its source has lost
        stays as it is if a later owner is known here.
        """
        where, home = SessionKeys(arrival.session), token.proprietary_location
        is_told = is_home_an_end(arrival, token)
        answer = self._scripts.run(
            "activate",
            [where.meta, where.arrival, keys.ARRIVALS, *keys.books(home), keys.OUTBOX],
            self._scripts.now(),
            self._location,
            arrival.session,
            arrival.transfer,
            arrival.grant or "",
            int(is_last_copy),
            "" if is_told else json.dumps(Update(home, token).to_json()),
        )
        return bool(answer == b"ok")

    def discard(self, session: str, transfer: str, refused_grant: str = "") -> bool:
        """Throw staged data away; False if it is not this arrival, or it is prepared.

        A prepared arrival is discarded only with the grant that its source has refused.
        """
        return self._discard(SessionKeys(session), transfer, refused_grant, 0)

    def discard_idle(self, session: str, transfer: str) -> bool:
        """Throw away what an arrival has staged whose mover has stopped; False as above."""
        return self._discard(SessionKeys(session), transfer, "", self._patience_ms)

    def _discard(self, where: SessionKeys, transfer: str, grant: str, idle_ms: int) -> bool:
        names = [*where.parts, where.arrival, keys.ARRIVALS]
        arguments = (self._scripts.now(), where.session, transfer, grant, idle_ms)
        answer = self._scripts.naming_lists(
            where, lambda lists: bytes(self._scripts.run("discard", names + lists, *arguments))
        )
        return answer == b"ok"

    def arrival(self, session: str) -> Arrival | None:
        """Give the open arrival of a session."""
        with self._scripts.asking():
            state = self._scripts.client.hgetall(SessionKeys(session).arrival)
        if b"transfer" not in state:
            return None
        transfer, source = text(state[b"transfer"]), text(state[b"source"])
        opened = Arrival(session, transfer, source, int(state[b"touched"]))
        if state[b"phase"] != b"prepared":
            return opened
        home, function, epoch = (state[each] for each in (b"proprietary", b"function", b"epoch"))
        token = token_of(session, home, source, function, epoch)
        return replace(opened, grant=text(state[b"grant"]), token=token)

    def arrivals(self) -> list[str]:
        """Give the sessions with an open arrival, oldest first."""
        with self._scripts.asking():
            return [text(s) for s in self._scripts.client.zrange(keys.ARRIVALS, 0, -1)]

    def update(self, token: SessionToken) -> None:
        """Learn, as the proprietary location, where a session is now.

        Raises:
            NotFound: the session is not known here.
            StaleToken: a token with the same or a higher epoch says otherwise.
            Conflict: it is resident here; only this node's own hand-over ends that.

        """
        answer, *rest = self._scripts.run(
            "update",
            [SessionKeys(token.session).meta],
            self._location,
            token.current_location,
            token.epoch,
        )
        name = f"session {token.session!r}"
        if answer == b"unknown":
            raise NotFound(f"{name} is not known at {self._location}")
        if answer == b"stale":
            raise StaleToken(f"epoch {text(rest[0])} of {name} is known at {self._location}")
        if answer == b"resident":
            raise Conflict(f"{name} is resident at {self._location}")
