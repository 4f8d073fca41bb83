"""Who a node says it is, in its calls of other nodes and in its answers (``X-edge-node``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from edgedb.errors import BadRequest
from edgedb.wire.model import SessionToken


class Seen(Struct, frozen=True):
    """What a node knows of another's store; ``lost``: one before it was declared lost."""

    counter: int
    lost: bool


class TokenPage(Struct, frozen=True):
    """Tokens of sessions that have moved; ``next``: where to go on, None at the end."""

    tokens: list[SessionToken]
    next: str | None


SEEN = msgspec.json.Decoder(Seen)
TOKENS = msgspec.json.Decoder(TokenPage)

_FORM = re.compile(r"([a-z0-9-]{1,64}) ([0-9a-f]{1,64}) ([0-9a-f]{1,64}) (\d{1,15})")


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """A location, the incarnation of its store, the run of its server, and its counter there."""

    location: str
    incarnation: str
    run: str
    counter: int

    def __str__(self) -> str:
        return f"{self.location} {self.incarnation} {self.run} {self.counter}"

    @classmethod
    def read(cls, header: str) -> NodeIdentity:
        """Read a header; raises BadRequest."""
        found = _FORM.fullmatch(header)
        if found is None:
            raise BadRequest(f"{header!r:.80} is no location, incarnation, run and counter")
        location, incarnation, run, counter = found.groups()
        return cls(location, incarnation, run, int(counter))
