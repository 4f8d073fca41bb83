"""The steps of a move at its destination, and *update* at the home (docs/protocol.md)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from edgedb.errors import Conflict, EdgeError, NotFound, SessionBusy, StaleToken
from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.admission import still
from edgedb.store.arrival import Arrival, NotOpen, Staging, is_home_an_end
from edgedb.store.codec import Argument, counted, text, token_of
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts, Step
from edgedb.times import milliseconds
from edgedb.wire.items import Deleted, Scalar
from edgedb.wire.model import SessionToken, Update
from edgedb.wire.packet import Offer
from edgedb.wire.pieces import field


class DestinationStore:
    """One method per step."""

    def __init__(self, scripts: Scripts, settings: Settings, disk: Disk) -> None:
        self._scripts = scripts
        self._disk = disk
        self._location = settings.location
        self._patience_ms = milliseconds(settings.freeze_timeout)

    def stage(self, stagings: Sequence[Staging]) -> list[Arrival | EdgeError]:
        """Put packets into sessions' keys that are not live yet; the first opens the arrival.

        For each what is here then, on disk where that is asked for and it is complete; or an error:

        * Conflict: it is resident here, or known here as somebody else's,
        * StaleToken: a higher epoch is known here,
        * NotOpen: it was discarded meanwhile, or an earlier one must be finished first,
        * SessionBusy: an earlier arrival is under way,
        * InsufficientStorage: the server is full.

        Raises:
            ConfigurationError: it is to be on disk, which cannot be known here.
            StoreUnavailable, OutcomeUnknown: the server is silent.

        """
        steps = [self._step(staging) for staging in stagings]
        if any(staging.complete for staging in stagings):
            self._disk.require()
            answers = self._disk.run_each("stage", steps)
        else:
            answers = self._scripts.run_each("stage", steps)
        return [self._staged(each, a) for each, a in zip(stagings, answers, strict=True)]

    def _step(self, staging: Staging) -> Step:
        token, packet, lists = staging.token, staging.packet, staging.lists
        where = SessionKeys(token.session)
        scalars = [i for i in packet.items if isinstance(i, Scalar)]
        deleted = [i.key for i in packet.items if isinstance(i, Deleted) and i.kind == "scalar"]
        arguments: list[Argument] = [
            self._scripts.now(),
            self._location,
            token.session,
            staging.transfer,
            staging.number,
            token.current_location,
            token.proprietary_location,
            token.function,
            token.epoch,
            *staging.offer,
            staging.complete,
            self._patience_ms,
            *counted([p for s in scalars for p in (field(s.key, s.piece), s.value)]),
            *counted(deleted),
            *lists.arguments,
            *counted([part for reply in packet.replies for part in (reply.key, reply.blob)]),
        ]
        names = [*where.parts, where.arrival, keys.ARRIVALS, *map(where.list, lists.numbers)]
        return names, arguments

    def _staged(self, staging: Staging, answer: Any) -> Arrival | EdgeError:  # noqa: ANN401
        if isinstance(answer, EdgeError):
            return answer
        kind, *rest = answer
        name = f"session {staging.token.session!r}"
        match kind:
            case b"ok":
                run = text(rest[0])
                self._scripts.admission.counted(rest[1])
                return Arrival(
                    staging.token, staging.transfer, staging.offer, staging.complete, run
                )
            case b"resident":
                return Conflict(f"{name} is resident at {self._location} already")
            case b"stranger":
                return Conflict(f"{name} is known at {self._location} as one of {text(rest[0])}")
            case b"stale":
                return StaleToken(f"{self._location} knows of a later move of {name}")
            case b"busy":
                return SessionBusy(f"{name} is arriving at {self._location} already")
            case b"still":
                return still(staging.token.session, self._location)
            case b"gone":
                return NotOpen(f"the arrival of {name} was discarded meanwhile")
        return NotOpen(f"{name} has an unfinished arrival")

    def activate(self, arrivals: Sequence[Arrival]) -> list[SessionToken | None]:
        """Make arrivals resident whose sources have given them at their version; gives the tokens.

        None: somebody else has dealt with it, or the server has started anew since it was asked.
        The proprietary location, unless it took part in the move, hears of it through the outbox.
        """
        return self._activate(arrivals, is_last_copy=False)

    def adopt(self, arrival: Arrival) -> SessionToken | None:
        """Make an arrival resident that is the last copy, which its source has lost.

        None: somebody else has dealt with it, or a later owner is known here.
        """
        return self._activate([arrival], is_last_copy=True)[0]

    def _activate(
        self, arrivals: Sequence[Arrival], *, is_last_copy: bool
    ) -> list[SessionToken | None]:
        tokens = [arrival.token.moved_to(self._location) for arrival in arrivals]
        steps = [
            self._activation(arrival, token, is_last_copy=is_last_copy)
            for arrival, token in zip(arrivals, tokens, strict=True)
        ]
        answers = self._scripts.run_each("activate", steps)
        return [t if answer == b"ok" else None for t, answer in zip(tokens, answers, strict=True)]

    def _activation(self, arrival: Arrival, token: SessionToken, *, is_last_copy: bool) -> Step:
        where, home = SessionKeys(arrival.session), token.proprietary_location
        is_told = is_home_an_end(token, arrival.source)
        names = [where.meta, where.arrival, keys.ARRIVALS, *keys.books(home), keys.OUTBOX]
        return names, [
            self._scripts.now(),
            self._location,
            arrival.session,
            arrival.transfer,
            arrival.version,
            arrival.run,
            secrets.token_hex(8),
            int(is_last_copy),
            "" if is_told else msgspec.json.encode(Update(home, token)),
        ]

    def discard(self, arrival: Arrival, *, is_idle: bool = False) -> bool:
        """Throw staged data away; False if it is not this arrival at this version any more.

        ``is_idle``: only if its mover has stopped.
        """
        return self._discard(arrival, self._patience_ms if is_idle else 0)

    def set_aside(self, arrival: Arrival, why: str) -> bool:
        """Set staged data aside, with the transfer as the id; False as :meth:`discard`."""
        return self._discard(arrival, 0, arrival.transfer, why)

    def _discard(self, arrival: Arrival, idle_ms: int, id_: str = "", why: str = "") -> bool:
        where = SessionKeys(arrival.session)
        names = [*where.parts, where.arrival, keys.ARRIVALS, keys.ASIDES]
        asked = (arrival.session, arrival.transfer, arrival.version, idle_ms)

        def step(lists: list[str]) -> bytes:
            aside = where.aside(id_, [where.arrival, *where.parts[1:], *lists]) if id_ else []
            arguments = (self._scripts.now(), *asked, len(lists), id_, why)
            return bytes(self._scripts.run("discard", [*names, *lists, *aside], *arguments))

        return self._scripts.naming_lists(where, step) == b"ok"

    def arrival(self, session: str) -> Arrival | None:
        """Give the open arrival of a session."""
        state, run = self._scripts.run("arrival", [SessionKeys(session).arrival])
        found = dict(zip(state[::2], state[1::2], strict=True))
        if b"transfer" not in found:
            return None
        home, source = found.get(b"proprietary", b""), text(found[b"source"])
        return Arrival(
            token_of(session, home, source, found.get(b"function", b""), found.get(b"epoch", 0)),
            text(found[b"transfer"]),
            Offer(text(found.get(b"stay")), text(found.get(b"run"))),
            int(found.get(b"prepared", 0)),
            text(run),
            int(found[b"touched"]),
        )

    def sync(self) -> None:
        """Wait until what is prepared is on disk, where that is awaited; raises OutcomeUnknown."""
        self._disk.run_each("sync", ())

    def arrivals(self) -> list[str]:
        """Give the sessions with an open arrival, oldest first."""
        return [text(s) for s in self._scripts.ask("ZRANGE", keys.ARRIVALS, 0, -1)]

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
