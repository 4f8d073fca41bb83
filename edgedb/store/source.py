"""The steps of a move at its source: hold, hand over (docs/protocol.md#the-hand-over)."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from edgedb.errors import EdgeError, NotFound, SessionBusy
from edgedb.settings import Settings
from edgedb.store import keys
from edgedb.store.admission import still
from edgedb.store.codec import text
from edgedb.store.durability import Disk
from edgedb.store.keys import SessionKeys
from edgedb.store.pages import PageStore
from edgedb.store.scripts import Scripts, Step
from edgedb.times import milliseconds
from edgedb.wire.hand_over import Answer, Ask, Changed, Ended, Handed
from edgedb.wire.model import SessionToken


class SourceStore(PageStore):
    """One method per step; what is offered and read is that of the base."""

    def __init__(self, scripts: Scripts, settings: Settings, disk: Disk) -> None:
        super().__init__(scripts, settings.location, disk)
        self._hold_ms = milliseconds(settings.freeze_timeout)

    def hold(self, ask: Ask) -> None:
        """Let new requests wait while the destination fetches what it lacks, for a limited time.

        Once for each version that a destination says it holds.
        """
        self._scripts.run(
            "hold",
            [SessionKeys(ask.session).meta],
            self._scripts.now(),
            self._location,
            ask.stay,
            ask.version,
            self._hold_ms,
        )

    def hand_over(
        self,
        asks: Sequence[Ask],
        tokens: Mapping[str, SessionToken],
        destination: str,
        *,
        is_last_try: bool = False,
    ) -> dict[str, Answer]:
        """Give sessions away, or say why not: the commit point of a move, for each by itself.

        ``is_last_try``: where a request is running, what was offered has ended.

        Raises:
            ConfigurationError: it is to be on disk, which cannot be known here.
            OutcomeUnknown: the server is silent, or it is not on disk where that is asked for.

        """
        self._disk.require()
        another_stay = secrets.token_hex(8) if is_last_try else ""
        places = [SessionKeys(ask.session) for ask in asks]

        def step(i: int, lists: list[str]) -> Step:
            token = tokens[asks[i].session]
            return self._hand_over(asks[i], places[i], lists, token, destination, another_stay)

        run = partial(self._disk.run_each, "hand_over")
        answers = self._scripts.naming_each(places, step, run)
        return {ask.session: self._answer(ask, a) for ask, a in zip(asks, answers, strict=True)}

    def report(self, tokens: Collection[SessionToken]) -> set[str]:
        """Give those of the sessions moved away that nobody has reported as moved before.

        Raises:
            OutcomeUnknown: the server is silent.

        """
        caller = secrets.token_hex(8)
        steps: list[Step] = [([SessionKeys(t.session).meta], [t.epoch, caller]) for t in tokens]
        answers = self._scripts.run_each("report", steps)
        return {
            token.session for token, is_first in zip(tokens, answers, strict=True) if is_first == 1
        }

    def _hand_over(
        self,
        ask: Ask,
        where: SessionKeys,
        lists: list[str],
        token: SessionToken,
        destination: str,
        another_stay: str,
    ) -> Step:
        names = where.parts + keys.books(token.proprietary_location) + lists
        asked = (ask.session, ask.transfer, destination, ask.epoch, ask.stay, ask.run, ask.version)
        return names, [self._scripts.now(), self._location, *asked, another_stay]

    def _answer(self, ask: Ask, answer: Any) -> Answer:  # noqa: ANN401
        if isinstance(answer, EdgeError):
            return answer
        kind, *rest = answer
        match kind:
            case b"handed":
                self._scripts.admission.counted(rest[1])
                return Handed(rest[0])
            case b"changed":
                return Changed(rest[0], is_running=bool(rest[1]))
            case b"ended":
                return Ended(text(rest[0]), rest[1])
            case b"still":
                return still(ask.session, self._location)
            case b"unknown":
                return NotFound(f"session {ask.session!r} is not known at {self._location}")
        return SessionBusy(f"session {ask.session!r} gets new lists all the time; try again")
