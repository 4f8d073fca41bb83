"""Mends what no step of the protocol leaves behind, in steps of a moment each.

Each step finds out again whether there is something to mend, and leaves alone what is in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgedb.errors import Conflict, OutcomeUnknown, SessionBusy
from edgedb.store import keys
from edgedb.store.inspection import weigh
from edgedb.store.keys import SessionKeys
from edgedb.store.scripts import Scripts
from edgedb.wire.model import SessionToken

ASIDE_MS = 30 * 24 * 3600 * 1000
"""How long data that nobody owns are kept; whoever misses a session notices before."""


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

    def set_aside(self, session: str, part: str) -> None:
        """Rename a part of a session that has no owner; it is kept for ``ASIDE_MS``."""
        where, aside = SessionKeys(session), SessionKeys(session, keys.ASIDE)
        self._scripts.run(
            "set_aside",
            [where.meta, where.arrival, where.lists, where.part(part), aside.part(part)],
            self._location,
            part.removeprefix("list:") if part.startswith("list:") else "",
            ASIDE_MS,
        )

    def repoint(self, found: SessionToken, true: SessionToken | None) -> None:
        """Correct a pointer, or forget it.

        Raises:
            Conflict: it is not the one that was found any more, or a session is arriving.

        """
        where = SessionKeys(found.session)
        location, epoch = (true.current_location, true.epoch) if true else ("", 0)
        answer = self._scripts.run(
            "repoint",
            [where.meta, where.arrival, keys.STATUS],
            self._location,
            found.current_location,
            found.epoch,
            location,
            epoch,
        )
        if answer != b"ok":
            raise Conflict(f"session {found.session!r} is moving; look again")
