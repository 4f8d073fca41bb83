"""What a destination asks of a source, and what it is answered (docs/protocol.md#the-hand-over).

Both are of several sessions: each has its own transfer, and its own fate. A session that an answer
does not name has got none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edgedb.errors import BadRequest, EdgeError
from edgedb.wire.model import COUNT_LIMIT, Number, OfSession, checked_session_id, read
from edgedb.wire.packet import SessionPacket, check
from edgedb.wire.problem import Problem


class Ask(OfSession, frozen=True):
    """Let a session be handed over to ``transfer``, which holds ``version`` of what was offered."""

    transfer: str
    epoch: Number
    stay: str
    run: str
    version: Number


class Handed(Struct, frozen=True, tag_field="answer", tag="handed"):
    """The session is the transfer's, at this version."""

    version: Number


class Changed(Struct, frozen=True, tag_field="answer", tag="changed", omit_defaults=True):
    """It is at this version; with what is newer than what was asked for, where that is little.

    The version asked for will never be given any more, if this one is higher; else a request is
    running. ``is_running`` is for the source itself.
    """

    version: Number
    difference: SessionPacket | None = None
    is_running: bool = False


class Ended(Struct, frozen=True, tag_field="answer", tag="ended"):
    """What was offered is over, at a source whose server is in this run."""

    run: str
    version: Number


class _Failed(Struct, frozen=True, tag_field="answer", tag="problem"):
    problem: Problem


Answer = Handed | Changed | Ended | EdgeError

_ASKS: msgspec.json.Decoder[list[Ask]] = msgspec.json.Decoder(
    Annotated[list[Ask], Meta(max_length=COUNT_LIMIT)]
)
_ANSWERS = msgspec.msgpack.Decoder(dict[str, Handed | Changed | Ended | _Failed])


def answers_to_msgpack(answers: Mapping[str, Answer]) -> bytes:
    """Give the wire form of the answers for some sessions."""
    told = {
        session: _Failed(Problem.of(each)) if isinstance(each, EdgeError) else each
        for session, each in answers.items()
    }
    return msgspec.msgpack.encode(told)


def answers_from_msgpack(body: bytes) -> dict[str, Answer]:
    """Read :func:`answers_to_msgpack`; raises BadRequest, or ValueError."""
    return {
        checked_session_id(session): _read(each) for session, each in read(_ANSWERS, body).items()
    }


def _read(answer: Handed | Changed | Ended | _Failed) -> Answer:
    if isinstance(answer, _Failed):
        return answer.problem.to_error()
    if isinstance(answer, Changed) and answer.difference is not None:
        check(answer.difference)
    return answer


def asks_from_json(body: bytes) -> list[Ask]:
    """Read a list of asks, one for a session; raises BadRequest."""
    asks = read(_ASKS, body)
    if len({ask.session for ask in asks}) != len(asks):
        raise BadRequest("a session is named twice")
    return asks
