"""What nodes say to each other: session tokens, values, messages; packets are in ``packet.py``.

Wire forms are those of docs/api.md#between-nodes.
Every class is immutable and knows its JSON: ``to_json`` gives plain dicts, ``from_json`` checks
everything it is given and raises :class:`~edgedb.errors.BadRequest`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from edgedb.errors import BadRequest, InvalidSession

Value = str | bytes
"""What the session API keeps: text or bytes."""

SESSION_ID_LIMIT = 256  # characters
VERSION_LIMIT = 2**53  # exclusive; Redis scores and Lua numbers are exact below it

T = TypeVar("T")

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


def member(document: object, key: str, kind: type[T]) -> T:
    """Give ``document[key]``, which must be there and of that type.

    Raises:
        BadRequest: it is not.

    """
    if not isinstance(document, Mapping):
        raise BadRequest(f"expected a JSON object with {key!r}, got {type(document).__name__}")
    value = document.get(key)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadRequest(f"{key!r} must be {kind.__name__}, got {value!r:.60}")
    return value


def text(document: object, key: str) -> str:
    """Give ``document[key]``, a text that can be kept and sent on; raises BadRequest."""
    return encodable(member(document, key, str))


def number(document: object, key: str) -> int:
    """Give ``document[key]``, a whole number from 0 up to 2^53.

    Raises:
        BadRequest: it is not.

    """
    value = member(document, key, int)
    if not 0 <= value < VERSION_LIMIT:
        raise BadRequest(f"{key!r} must be a whole number from 0 to 2^53, got {value}")
    return value


@dataclass(frozen=True, slots=True)
class SessionToken:
    """Where a session is and whose it is (docs/api.md#between-nodes)."""

    session: str
    proprietary_location: str
    current_location: str
    function: str
    epoch: int

    def moved_to(self, location: str) -> SessionToken:
        """Give the token after one change of ownership."""
        return replace(self, current_location=location, epoch=self.epoch + 1)

    def to_json(self) -> dict[str, Any]:
        """Give the wire form."""
        return {
            "session": self.session,
            "proprietaryLocation": self.proprietary_location,
            "currentLocation": self.current_location,
            "function": self.function,
            "epoch": self.epoch,
        }

    @classmethod
    def from_json(cls, document: object) -> SessionToken:
        """Read the wire form; raises BadRequest."""
        return cls(
            session=checked_session_id(member(document, "session", str)),
            proprietary_location=text(document, "proprietaryLocation"),
            current_location=text(document, "currentLocation"),
            function=text(document, "function"),
            epoch=number(document, "epoch"),
        )


def value_to_json(value: Value, *, is_binary: bool = False) -> dict[str, Value]:
    """Give the wire form of one value: text as it is, bytes as base64.

    ``is_binary``: for a format that has bytes, where they too go as they are.
    """
    if is_binary or isinstance(value, str):
        return {"data": value}
    return {"data": base64.b64encode(value).decode("ascii"), "encoding": "base64"}


def value_from_json(document: object) -> Value:
    """Read :func:`value_to_json`; raises BadRequest."""
    if isinstance(document, Mapping) and isinstance(document.get("data"), bytes):
        return bytes(document["data"])
    data = member(document, "data", str)
    encoding = document.get("encoding") if isinstance(document, Mapping) else None
    if encoding is None:
        return encodable(data)
    if encoding != "base64":
        raise BadRequest(f"unknown encoding {encoding!r:.40}; only base64 is known")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest(f"'data' is not base64: {error}") from error


def encodable(text: str) -> str:
    """Give ``text`` back if UTF-8 can carry it; raises BadRequest (unpaired surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("text has unpaired surrogates; UTF-8 cannot carry it") from error
    return text


def key_of(document: object) -> str:
    """Give the ``key`` of an item; raises BadRequest."""
    return text(document, "key")


@dataclass(frozen=True, slots=True)
class Update:
    """A message for the outbox: tell location ``to`` the new token of its session."""

    to: str
    token: SessionToken

    def to_json(self) -> dict[str, Any]:
        """Give the stored form."""
        return {"kind": "update", "to": self.to, "token": self.token.to_json()}


@dataclass(frozen=True, slots=True)
class Propagation:
    """A message for the outbox: a value for ``function``'s ``receive_propagate`` at ``to``.

    ``id`` is the same at every attempt to deliver it, so that a duplicate is recognised.
    """

    id: str
    to: str
    function: str
    value: Value
    origin: str

    def to_json(self) -> dict[str, Any]:
        """Give the stored form, which is also the body that is sent."""
        names = {name: getattr(self, name) for name in _PROPAGATION_NAMES}
        return {"kind": "propagation", **names, **value_to_json(self.value)}

    @classmethod
    def from_json(cls, document: object) -> Propagation:
        """Read the wire form; raises BadRequest."""
        names = {name: text(document, name) for name in _PROPAGATION_NAMES}
        return cls(value=value_from_json(document), **names)


_PROPAGATION_NAMES = ("id", "to", "function", "origin")

Message = Update | Propagation


def message_from_json(document: object) -> Message:
    """Read a message of the outbox; raises BadRequest."""
    if member(document, "kind", str) == "propagation":
        return Propagation.from_json(document)
    token = SessionToken.from_json(member(document, "token", dict))
    return Update(text(document, "to"), token)
