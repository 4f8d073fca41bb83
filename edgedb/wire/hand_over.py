"""What a destination asks of a source, and what it is answered (docs/protocol.md#the-hand-over).

Both are lists: each session has its own transfer, and its own fate. A session that an answer does
not name has got none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack  # type: ignore[import-untyped]

from edgedb.errors import BadRequest, EdgeError
from edgedb.wire.model import checked_session_id, member, number, text
from edgedb.wire.packet import Offer, SessionPacket
from edgedb.wire.problem import document_of, error_of


@dataclass(frozen=True, slots=True)
class Ask:
    """Let a session be handed over to ``transfer``, which holds ``version`` of what was offered."""

    session: str
    transfer: str
    epoch: int
    offer: Offer
    version: int

    def to_json(self) -> dict[str, Any]:
        """Give the wire form."""
        return {
            "session": self.session,
            "transfer": self.transfer,
            "epoch": self.epoch,
            **self.offer._asdict(),
            "version": self.version,
        }

    @classmethod
    def from_json(cls, document: object) -> Ask:
        """Read the wire form; raises BadRequest."""
        return cls(
            session=checked_session_id(member(document, "session", str)),
            transfer=text(document, "transfer"),
            epoch=number(document, "epoch"),
            offer=Offer(text(document, "stay"), text(document, "run")),
            version=number(document, "version"),
        )


@dataclass(frozen=True, slots=True)
class Handed:
    """The session is the transfer's, at this version."""

    version: int


@dataclass(frozen=True, slots=True)
class Changed:
    """It is at this version; with what is newer than what was asked for, where that is little.

    The version asked for will never be given any more, if this one is higher; else a request is
    running. ``is_running`` is for the source itself.
    """

    version: int
    difference: SessionPacket | None = None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What was offered is over, at a source whose server is in this run."""

    run: str
    version: int


Answer = Handed | Changed | Ended | EdgeError


def answers_to_msgpack(answers: Mapping[str, Answer]) -> bytes:
    """Give the wire form of the answers for some sessions."""
    packed: bytes = msgpack.packb({session: _packed(each) for session, each in answers.items()})
    return packed


def _packed(answer: Answer) -> dict[str, Any]:
    match answer:
        case Handed(version):
            return {"handed": version}
        case Changed(version, difference):
            news = {} if difference is None else {"difference": difference.to_binary()}
            return {"changed": version, **news}
        case Ended(run, version):
            return {"ended": version, "run": run}
        case EdgeError():
            return {"problem": document_of(answer)}


def answers_from_msgpack(body: bytes) -> dict[str, Answer]:
    """Read :func:`answers_to_msgpack`; raises BadRequest, or ValueError if it is none at all."""
    document = msgpack.unpackb(body)
    if not isinstance(document, dict):
        raise BadRequest("answers must be an object")
    return {checked_session_id(name): _answer(each) for name, each in document.items()}


def _answer(document: object) -> Answer:
    found = document if isinstance(document, Mapping) else {}
    if "handed" in found:
        return Handed(number(document, "handed"))
    if "changed" in found:
        news = found.get("difference")
        difference = None if news is None else SessionPacket.from_binary(news)
        return Changed(number(document, "changed"), difference)
    if "ended" in found:
        return Ended(text(document, "run"), number(document, "ended"))
    return error_of(member(document, "problem", dict))


def asks_from_json(document: object) -> list[Ask]:
    """Read a list of asks, one for a session; raises BadRequest."""
    if not isinstance(document, Sequence) or isinstance(document, str):
        raise BadRequest("what is asked must be a list")
    asks = [Ask.from_json(each) for each in document]
    _refuse_twice(ask.session for ask in asks)
    return asks


def _refuse_twice(sessions: Iterable[str]) -> None:
    found = list(sessions)
    if len(set(found)) != len(found):
        raise BadRequest("a session is named twice")
