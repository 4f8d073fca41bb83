"""Everything a server holds, read at one moment: put back, or looked through for leftovers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import redis

from edgedb.wire.pieces import read_field

READ_ALL = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind, value = redis.call('TYPE', key).ok, {}
  if kind == 'hash' then value = redis.call('HGETALL', key) end
  if kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'list' then value = redis.call('LRANGE', key, 0, -1) end
  if kind == 'stream' then value = redis.call('XRANGE', key, '-', '+') end
  found[#found + 1] = {key, kind, value}
end
return found
"""

IDENTITY = {
    *(b"tree", b"location", b"incarnation", b"counter", b"whole", b"admitted"),
    *(b"behind", b"heard", b"unheard", b"rejoined"),
}
"""The fields of ``edge:node`` that say whose a store is."""

DUMP_ALL = """
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  found[#found + 1] = {key, redis.call('PTTL', key), redis.call('DUMP', key)}
end
return found
"""


@dataclass
class SessionState:
    """What a server holds of one session."""

    meta: dict[str, str] = field(default_factory=dict)
    scalars: dict[str, bytes] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    elements: dict[int, list[bytes]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    arrival: dict[str, str] = field(default_factory=dict)
    replies: dict[str, bytes] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)

    def is_resident(self, location: str) -> bool:
        """Say whether the session lives here; one not yet committed does not."""
        return self.meta.get("current") == location and self.meta.get("version") != "0"

    @property
    def books(self) -> dict[str, str]:
        """Give what is kept of the bytes of scalars and replies, and of what is spent on lists."""
        listed = sum(int(entry.split()[2]) for entry in self.lists.values())
        counted = {"valued": _bytes(self.scalars), "replied": _bytes(self.replies)}
        return {name: str(number) for name, number in {**counted, "listed": listed}.items()}

    @property
    def pieces(self) -> dict[str, list[tuple[int, bytes]]]:
        """Give the pieces of each scalar, by their numbers."""
        found: dict[str, list[tuple[int, bytes]]] = {}
        for name, stored in self.scalars.items():
            key, number = read_field(name.encode(errors="surrogateescape"))
            found.setdefault(key, []).append((number, stored))
        return {key: sorted(pieces) for key, pieces in found.items()}

    def list_size(self, name: str) -> int:
        """Count the bytes of a list's encoded values."""
        number = int(self.lists[name].split()[0])
        return sum(len(element) - 8 for element in self.elements.get(number, []))


@dataclass
class NodeState:
    """What a server holds."""

    sessions: dict[str, SessionState] = field(default_factory=dict)
    indexes: dict[str, dict[str, int]] = field(default_factory=dict)
    node: dict[str, str] = field(default_factory=dict)
    outbox: int = 0
    aside: list[str] = field(default_factory=list)
    """What is kept of copies whose source has started anew."""


def read(client: redis.Redis) -> NodeState:
    """Read a server."""
    state = NodeState()
    for name, _, value in client.eval(READ_ALL, 0):
        key = name.decode()
        if key.startswith("edge:{"):
            session, _, part = key.removeprefix("edge:{").rpartition("}:")
            _add(state.sessions.setdefault(session, SessionState()), part, value)
        elif key == "edge:node":
            state.node = _texts(value)
        elif key in {"edge:stuck", "edge:relatives"}:
            pass  # of no session's state: who is passed over for a while, who is known
        elif key == "edge:outbox":
            state.outbox = len(value)
        elif key == "edge:aside":
            pass  # of no session's state: what is set aside
        elif key.startswith("edge-aside"):
            state.aside.append(key)
        elif not key.startswith("edge-local"):
            state.indexes[key] = _scores(value)
    return state


def _add(session: SessionState, part: str, value: list[Any]) -> None:
    session.parts.add(part)
    if part.startswith("list:"):
        session.elements[int(part.removeprefix("list:"))] = value
    elif part in {"meta", "arrival", "lists"}:
        setattr(session, part, _texts(value))
    elif part in {"scalars", "replies"}:
        setattr(session, part, {_name(k): v for k, v in _pairs(value)})
    elif part == "versions":
        session.versions = _scores(value)


def _bytes(entries: Mapping[str, bytes]) -> int:
    return sum(len(n.encode(errors="surrogateescape")) + len(v) for n, v in entries.items())


def _pairs(flat: list[Any]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _name(raw: bytes) -> str:
    """Read a name; the fields of a value's further pieces are no UTF-8."""
    return raw.decode(errors="surrogateescape")


def _texts(flat: list[Any]) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in _pairs(flat)}


def _scores(flat: list[Any]) -> dict[str, int]:
    return {_name(k): int(v) for k, v in _pairs(flat)}


Dump = list[tuple[bytes, int, bytes]]


def about_nodes(client: redis.Redis) -> set[bytes]:
    """Give the keys that say no more than whose a store is, and which others it knows."""
    is_more = {*client.hkeys("edge:node")} - IDENTITY
    return {b"edge:relatives"} | (set() if is_more else {b"edge:node"})


def dump(client: redis.Redis) -> Dump:
    """Give what :func:`restore` takes."""
    return [tuple(entry) for entry in client.eval(DUMP_ALL, 0)]


def restore(client: redis.Redis, content: Dump) -> None:
    """Make a server hold just this."""
    with client.pipeline() as pipe:
        pipe.flushall()
        for key, ttl_ms, payload in content:
            pipe.restore(key, max(ttl_ms, 0), payload)
        pipe.execute()


def left_over(location: str, state: NodeState) -> Iterator[str]:
    """Name what must not be on a server when nothing is under way."""
    if state.outbox:
        yield f"{state.outbox} messages are not delivered"
    if state.indexes.get("edge:arrivals"):
        yield f"arrivals are open: {sorted(state.indexes['edge:arrivals'])}"
    residents = {name: s for name, s in state.sessions.items() if s.is_resident(location)}
    for name, session in state.sessions.items():
        if name not in residents and session.parts != {"meta"}:
            yield f"left over of {name}: {sorted(session.parts)}"
        if "arrival" in session.parts:
            yield f"{name} is still arriving"
    yield from _misindexed(state, residents)


def _misindexed(state: NodeState, residents: Mapping[str, SessionState]) -> Iterator[str]:
    """Indexes and sums agree with what is there."""
    sizes = {name: int(session.meta["size"]) for name, session in residents.items()}
    if state.indexes.get("edge:residents:by-size", {}) != sizes:
        yield f"by size there are {state.indexes.get('edge:residents:by-size')}, not {sizes}"
    pointers = [each.meta for name, each in state.sessions.items() if name not in residents]
    pointed = sum(int(meta.get("size", 0)) for meta in pointers)
    if int(state.node.get("pointers", 0)) != pointed:
        yield f"{state.node.get('pointers')} bytes of pointers are counted, not {pointed}"
    if int(state.node.get("bytes", 0)) != sum(sizes.values()):
        yield f"{state.node.get('bytes')} bytes are counted, not {sum(sizes.values())}"
    listed = {
        (index.removeprefix("edge:residents:of:"), name)
        for index, names in state.indexes.items()
        if index.startswith("edge:residents:of:")
        for name in names
    }
    owned = {(session.meta["proprietary"], name) for name, session in residents.items()}
    if listed != owned:
        yield f"by proprietary location there are {listed}, not {owned}"
