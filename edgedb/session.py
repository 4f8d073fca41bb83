"""The handler's view of its session: reads see its own writes, nothing leaves before the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edgedb.errors import BadRequest, InvalidValue, ReadOnlySession, TooLarge
from edgedb.wire.model import Propagation, Value

KEY_LIMIT = 1024  # bytes of UTF-8
VALUE_LIMIT = 16 * 2**20  # bytes; written in one step, in which the server serves nobody else
CHANGES_LIMIT = 10_000  # values written, elements added and keys deleted by one request
WRITTEN_LIMIT = 64 * 2**20  # bytes one request may write: keys, values and elements
MESSAGES_LIMIT = 1000  # messages one request may propagate, a location each
MESSAGE_VALUE_LIMIT = 2**20  # bytes of a propagated value


class Reader(Protocol):
    """Reads what :class:`Snapshot` does not hold, as of the beginning of the request."""

    def scalar(self, key: str) -> Value | None:
        """Give a scalar, None if there is none."""
        ...

    def elements(self, key: str) -> tuple[Value, ...]:
        """Give a list's elements, none if there is no such list."""
        ...


@dataclass(frozen=True)
class Snapshot:
    """What *begin* brought along; None: there is much of it, ask the :class:`Reader`.

    ``lists`` None: there are many; one list of None: it is large.
    """

    scalars: Mapping[str, Value] | None = None
    lists: Mapping[str, tuple[Value, ...] | None] | None = None


@dataclass
class ListChange:
    """What a request did to one list: emptied it first or not, then appended."""

    replaced: bool = False
    appended: list[Value] = field(default_factory=list)


@dataclass(frozen=True)
class Changes:
    """What a commit applies; a scalar of None is deleted."""

    scalars: Mapping[str, Value | None]
    lists: Mapping[str, ListChange]
    propagations: tuple[Propagation, ...] = ()


class Session:
    """The state under one session id during one request; a write buffer over a snapshot.

    Scalars and lists are named apart: ``get("x")`` and ``get_list("x")`` do not meet, and
    ``delete("x")`` removes both.
    """

    def __init__(self, snapshot: Snapshot, reader: Reader, *, read_only: bool = False) -> None:
        self._snapshot = snapshot
        self._reader = reader
        self._read_only = read_only
        self._scalars: dict[str, Value | None] = {}
        self._lists: dict[str, ListChange] = {}
        self._propagations: list[Propagation] = []
        self._changes_left, self._bytes_left = CHANGES_LIMIT, WRITTEN_LIMIT
        self._read: dict[str, Value | None] = {}
        self._read_lists: dict[str, tuple[Value, ...]] = {}

    def get(self, key: str) -> Value | None:
        """Give the value under ``key``, None if there is none."""
        checked_key(key)
        if key in self._scalars:
            return self._scalars[key]
        if self._snapshot.scalars is not None:
            return self._snapshot.scalars.get(key)
        if key not in self._read:
            self._read[key] = self._reader.scalar(key)
        return self._read[key]

    def get_list(self, key: str) -> list[Value]:
        """Give the elements added under ``key``, in order."""
        checked_key(key)
        change = self._lists.get(key, ListChange())
        stored = () if change.replaced else self._stored_list(key)
        return [*stored, *change.appended]

    def _stored_list(self, key: str) -> Iterable[Value]:
        if self._snapshot.lists is not None:
            brought = self._snapshot.lists.get(key, ())
            if brought is not None:
                return brought
        if key not in self._read_lists:
            self._read_lists[key] = self._reader.elements(key)
        return self._read_lists[key]

    def set(self, key: str, value: Value) -> None:
        """Put ``value`` under ``key``."""
        self._writable()
        self._count(checked_key(key), checked_value(value))
        self._scalars[key] = value

    def delete(self, key: str) -> None:
        """Remove the value and the list under ``key``; nothing happens if there is none."""
        self._writable()
        self._count(checked_key(key))
        self._scalars[key] = None
        self._lists[key] = ListChange(replaced=True)

    def add_to_list(self, key: str, value: Value) -> None:
        """Append ``value`` to the list under ``key``."""
        self._writable()
        self._count(checked_key(key), checked_value(value))
        self._lists.setdefault(key, ListChange()).appended.append(value)

    def propagate(self, messages: Iterable[Propagation]) -> None:
        """Note messages to be sent after the commit."""
        self._writable()
        self._propagations += messages
        if len(self._propagations) > MESSAGES_LIMIT:
            raise TooLarge(f"a request propagates at most {MESSAGES_LIMIT} messages")

    def changes(self) -> Changes:
        """Give everything written so far."""
        return Changes(self._scalars, self._lists, tuple(self._propagations))

    def _count(self, key: str, value: Value = "") -> None:
        """Note one more change; the commit of all is one step, during which Redis does no other."""
        self._changes_left -= 1
        self._bytes_left -= len(key) + len(value)  # of text the characters: near enough
        if self._changes_left < 0:
            raise TooLarge(f"a request makes at most {CHANGES_LIMIT} changes")
        if self._bytes_left < 0:
            raise TooLarge(f"a request writes at most {WRITTEN_LIMIT} bytes")

    def _writable(self) -> None:
        if self._read_only:
            raise ReadOnlySession("this handler has read_only = True and must not write")


def checked_key(key: object) -> str:
    """Give ``key`` back if it may name a value.

    Raises:
        InvalidValue: its type is wrong, which is the handler's fault.
        BadRequest, TooLarge: UTF-8 cannot carry it, or it is too long: it may be the client's.

    """
    if not isinstance(key, str):
        raise InvalidValue(f"a key must be str, got {type(key).__name__}")
    if len(_utf8(key)) > KEY_LIMIT:
        raise TooLarge(f"a key takes at most {KEY_LIMIT} bytes")
    return key


def checked_value(value: object) -> Value:
    """Give ``value`` back if it can be kept; raises the same."""
    if not isinstance(value, str | bytes):
        raise InvalidValue(f"a value must be str or bytes, got {type(value).__name__}")
    if len(_utf8(value) if isinstance(value, str) else value) > VALUE_LIMIT:
        raise TooLarge(f"a value takes at most {VALUE_LIMIT} bytes; split it")
    return value


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("text has unpaired surrogates; UTF-8 cannot carry it") from error
