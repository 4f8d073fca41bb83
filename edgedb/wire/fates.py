"""What became of each session of a call that moves several: its new token, or a problem."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from edgedb.errors import EdgeError
from edgedb.wire.model import TOKEN, OfSession, SessionToken, read
from edgedb.wire.problem import Problem

Fate = SessionToken | EdgeError


class Stays(OfSession, frozen=True):
    """A session that stays, and why; what has moved has no problem."""

    problem: Problem | None = None


_EACH = msgspec.json.Decoder(list[Raw])
_STAYS = msgspec.json.Decoder(Stays)


def as_told(fates: Mapping[str, Fate]) -> list[SessionToken | Stays]:
    """Give a list of tokens, and of ``{"session", "problem"}`` for those that stay."""
    return [
        Stays(session, Problem.of(fate)) if isinstance(fate, EdgeError) else fate
        for session, fate in fates.items()
    ]


def from_json(body: bytes, location: str) -> dict[str, Fate]:
    """Read :func:`as_told` as ``location`` has answered it; raises BadRequest or ValueError."""
    return dict(_fate(each, location) for each in read(_EACH, body))


def _fate(document: Raw, location: str) -> tuple[str, Fate]:
    told = read(_STAYS, document)
    if told.problem is None:
        return told.session, read(TOKEN, document)
    return told.session, told.problem.to_error(location)
