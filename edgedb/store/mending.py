"""Mends what no step of the protocol leaves behind, in steps of a moment each.

Each step finds out again whether there is something to mend, and leaves alone what is in order.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from edgedb.errors import Conflict, OutcomeUnknown, SessionBusy
from edgedb.store import keys
from edgedb.store.inspection import weigh
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.wire.model import SessionToken


class MendingStore:
    """One method per thing that can be wrong; ``location`` is the node's."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._location = location

    def reindex(self, index: str, sessions: Sequence[str]) -> None:
        """Let an index say of sessions what they are; a step for each."""
        location = keys.proprietary_of(index)
        indexes = [keys.ARRIVALS, keys.BY_SIZE, keys.residents_of(location)]
        for session in sessions:
            where, now = SessionKeys(session), self._scripts.now()
            names = [where.meta, where.arrival, *indexes]
            self._scripts.run("reindex", names, now, self._location, session, location)

    def recount(self) -> None:
        """Let the byte total be the sum of all residents' sizes.

        Raises:
            SessionBusy: they change all the time.

        """

        def correct(pipe: Any, true: int) -> None:  # noqa: ANN401
            pipe.hset(keys.STATUS, "bytes", true)

        if weigh(self._scripts, correct, OutcomeUnknown) is None:
            raise SessionBusy("the residents change faster than they can be added up")

    def set_aside(self, session: str, parts: Sequence[str]) -> None:
        """Set parts of a session aside that have no owner."""
        where, id_ = SessionKeys(session), secrets.token_hex(8)
        names = [where.part(part) for part in parts]
        numbers = [part.removeprefix("list:") if part.startswith("list:") else "" for part in parts]
        self._scripts.run(
            "set_aside",
            [where.meta, where.arrival, where.lists, keys.ASIDES, *names, *where.aside(id_, names)],
            *(self._scripts.now(), self._location, session, id_),
            *("no session and no arrival owned it", *numbers),
        )

    def repoint(self, found: SessionToken, true: SessionToken | None) -> None:
        """Correct a pointer, or set it aside.

        Raises:
            Conflict: it is not the one that was found any more, or a session is arriving.

        """
        where, id_ = SessionKeys(found.session), secrets.token_hex(8)
        location, epoch = (true.current_location, true.epoch) if true else ("", 0)
        answer = self._scripts.run(
            "repoint",
            [
                *(where.meta, where.arrival, keys.STATUS, keys.ASIDES),
                *where.aside(id_, [where.meta]),
            ],
            *(self._scripts.now(), self._location, found.session),
            *(found.current_location, found.epoch, location, epoch),
            *(id_, "the pointer led nowhere"),
        )
        if answer != b"ok":
            raise Conflict(f"session {found.session!r} is moving; look again")
