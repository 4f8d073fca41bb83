"""What nodes say to each other: session tokens, values, messages; packets are in ``packet.py``.

Wire forms are those of docs/api.md#between-nodes: of the classes here, as msgspec writes and reads
them.
"""

from __future__ import annotations

import base64
import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from edgedb.errors import BadRequest, InvalidSession

Value = str | bytes
"""What the session API keeps: text or bytes."""

SESSION_ID_LIMIT = 256  # characters
COUNT_LIMIT = 1000  # sessions one call may ask for
VERSION_LIMIT = 2**53  # exclusive; Redis scores and Lua numbers are exact below it

T = TypeVar("T")
Decoder = msgspec.json.Decoder[T] | msgspec.msgpack.Decoder[T]
Number = Annotated[int, Meta(ge=0, lt=VERSION_LIMIT)]
"""A version, an epoch, an index."""

_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and surrogates (Unicode categories Cc and Cs)."""


def checked_session_id(text: str) -> str:
    """Give ``text`` back if it may name a session (docs/api.md#sessions).

    Raises:
        InvalidSession: it is empty, over 256 characters, not encodable, has control
            characters, begins or ends with white space (which HTTP would strip), or has a comma
            and a space: so servers and gateways join what was sent as two headers.

    """
    if not text:
        raise InvalidSession("the session id is empty; send it in the X-session header")
    if len(text) > SESSION_ID_LIMIT:
        raise InvalidSession(f"the session id is longer than {SESSION_ID_LIMIT} characters")
    if _UNFIT.search(text):
        raise InvalidSession("the session id has control characters or unpaired surrogates")
    if ", " in text:
        raise InvalidSession("the session id has a comma and a space: was X-session sent twice?")
    if text != text.strip():
        raise InvalidSession("the session id begins or ends with white space")
    return text


def read(decoder: Decoder[T], body: bytes) -> T:
    """Read what somebody has sent, with one of the decoders of this package.

    Raises:
        BadRequest: it is something else; the message says what and where.

    """
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"that is not what it should be: {error}") from error


class OfSession(Struct, frozen=True):
    """What is said of a session; raises InvalidSession if nothing can have that name."""

    session: str

    def __post_init__(self) -> None:
        checked_session_id(self.session)


class SessionToken(OfSession, frozen=True, rename="camel"):
    """Where a session is and whose it is (docs/api.md#between-nodes)."""

    proprietary_location: str
    current_location: str
    function: str
    epoch: Number

    def moved_to(self, location: str) -> SessionToken:
        """Give the token after one change of ownership."""
        return replace(self, current_location=location, epoch=self.epoch + 1)


class Known(Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a node knows of a session: its token, and of a resident version and last access.

    ``last_access`` is an RFC 3339 timestamp; None of a pointer, whose version is 0.
    """

    token: SessionToken
    version: Number = 0
    last_access: str | None = None


def value_to_json(value: Value) -> dict[str, str]:
    """Give the wire form of one value: text as it is, bytes as base64."""
    if isinstance(value, str):
        return {"data": value}
    return {"data": base64.b64encode(value).decode("ascii"), "encoding": "base64"}


class Update(Struct, frozen=True, tag_field="kind", tag="update"):
    """A message for the outbox: tell location ``to`` the new token of its session."""

    to: str
    token: SessionToken


class Propagation(Struct, frozen=True, tag_field="kind", tag="propagation", omit_defaults=True):
    """A message for the outbox: a value for ``function``'s ``receive_propagate`` at ``to``.

    ``id`` is the same at every attempt to deliver it, so that a duplicate is recognised.
    """

    id: str
    to: str
    function: str
    origin: str
    data: str
    encoding: Literal["base64"] | None = None

    def __post_init__(self) -> None:
        _ = self.value  # which is there, then

    @classmethod
    def of(cls, id: str, to: str, function: str, value: Value, origin: str) -> Propagation:  # noqa: A002
        """Give the message that carries a value."""
        data = value if isinstance(value, str) else base64.b64encode(value).decode()
        return cls(id, to, function, origin, data, None if data is value else "base64")

    @property
    def value(self) -> Value:
        """What is propagated."""
        if self.encoding is None:
            return self.data
        return base64.b64decode(self.data, validate=True)


Message = Update | Propagation

TOKEN = msgspec.json.Decoder(SessionToken)
PROPAGATION = msgspec.json.Decoder(Propagation)
MESSAGE: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
SESSIONS = msgspec.json.Decoder(Annotated[list[str], Meta(max_length=COUNT_LIMIT)])
KNOWN = msgspec.json.Decoder(list[Known])
"""What bodies, answers, and entries of the outbox, are read with."""
