"""The session API: what handlers call (docs/writing-functions.md#the-session-api)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from edgedb.errors import InvalidValue, OutsideRequest, TooLarge
from edgedb.node import Node
from edgedb.response import Response
from edgedb.session import MESSAGE_VALUE_LIMIT, Session, checked_value
from edgedb.wire.model import Propagation, Value

_FUNCTION_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class _Open:
    """The session of the request that is being handled."""

    node: Node
    session: Session
    session_id: str


_open: ContextVar[_Open] = ContextVar("edgedb_open_session")


def _current() -> _Open:
    try:
        return _open.get()
    except LookupError:
        raise OutsideRequest("the session API works inside handle_offload only") from None


def get(key: str) -> Value | None:
    """Give the value under ``key`` in the current session, None if there is none."""
    return _current().session.get(key)


def set(key: str, value: Value) -> None:
    """Put ``value`` (str or bytes, up to 16 MiB) under ``key`` (up to 1 KiB)."""
    _current().session.set(key, value)


def delete(key: str) -> None:
    """Remove the value and the list under ``key``."""
    _current().session.delete(key)


def add_to_list(key: str, value: Value) -> None:
    """Append ``value`` to the list under ``key``, which begins empty."""
    _current().session.add_to_list(key, value)


def get_list(key: str) -> list[Value]:
    """Give the elements of the list under ``key``, in the order they were added."""
    return _current().session.get_list(key)


def propagate(value: Value, levels: str | Sequence[str], function: str) -> None:
    """Have ``function.receive_propagate(value, origin)`` called on this node and above.

    ``levels``: the name of a level, for every location from here up to it; or several names,
    for just those levels. Delivered after the commit, at least once, duplicates dropped.

    Raises:
        InvalidValue: a level is not on the way from here to the root, the value is neither
            str nor bytes, or no function can have that name.
        TooLarge: the value is over 1 MiB.

    """
    here = _current()
    if len(checked_value(value)) > MESSAGE_VALUE_LIMIT:
        raise TooLarge(f"a propagated value takes at most {MESSAGE_VALUE_LIMIT} bytes")
    if not isinstance(function, str) or not _FUNCTION_NAME.fullmatch(function):
        raise InvalidValue(f"{function!r:.80} is no function's name")
    targets = _locations(here.node, levels)
    origin = here.node.location
    here.session.propagate(
        Propagation.of(str(uuid.uuid4()), target, function, value, origin) for target in targets
    )


def location() -> str:
    """Give the id of the location where the function runs now."""
    return _current().node.location


def levels() -> list[str]:
    """Give the names of the levels from the current location up to the root."""
    node = _current().node
    return [place.level for place in node.topology.way_up(node.location)]


def session_id() -> str:
    """Give the ``X-session`` of the current request."""
    return _current().session_id


def _locations(node: Node, levels: str | Sequence[str]) -> list[str]:
    way_up = node.topology.way_up(node.location)
    known = [place.level for place in way_up]
    wanted = [levels] if isinstance(levels, str) else list(levels)
    for level in wanted:
        if level not in known:
            raise InvalidValue(f"no level {level!r} from {node.location} up; there are {known}")
    if isinstance(levels, str):
        return [place.id for place in way_up[: known.index(levels) + 1]]
    return [place.id for place in way_up if place.level in wanted]


def within(
    node: Node, session_id: str, answer: Callable[[], Response]
) -> Callable[[Session], Response]:
    """Give what answers with a session open for this API."""

    def handle(session: Session) -> Response:
        token = _open.set(_Open(node, session, session_id))
        try:
            return answer()
        finally:
            _open.reset(token)

    return handle
