"""What became of each session of a call that moves several: its new token, or a problem."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgedb.errors import BadRequest, EdgeError
from edgedb.wire.model import SessionToken, checked_session_id, member
from edgedb.wire.problem import document_of, error_of

Fate = SessionToken | EdgeError


def to_json(fates: Mapping[str, Fate]) -> list[dict[str, Any]]:
    """Give a list of tokens, and of ``{"session", "problem"}`` for those that stay."""
    return [
        {"session": session, "problem": document_of(fate)}
        if isinstance(fate, EdgeError)
        else fate.to_json()
        for session, fate in fates.items()
    ]


def from_json(document: object, location: str) -> dict[str, Fate]:
    """Read :func:`to_json` as ``location`` has answered it; raises BadRequest."""
    if not isinstance(document, list):
        raise BadRequest("that is no list")
    return {
        checked_session_id(member(each, "session", str)): _fate(each, location) for each in document
    }


def _fate(document: object, location: str) -> Fate:
    if isinstance(document, dict) and "problem" in document:
        return error_of(document["problem"], location)
    return SessionToken.from_json(document)
