"""The names of everything in a node's Redis (docs/architecture.md#data-in-redis).

====================================  =======================================================
``edge:{<session>}:meta``             hash: the token, version, size, lock, hold (common.lua)
``edge:{<session>}:scalars``          hash: key, or number of a piece and key, to a tagged value
                                      or piece (edgedb/wire/pieces.py)
``edge:{<session>}:lists``            hash: list name to ``<number> <bytes>``
``edge:{<session>}:list:<number>``    list: 8 bytes of version and a tagged value or piece
``edge:{<session>}:versions``         sorted set: ``s<key>`` and ``l<name>`` by version
``edge:{<session>}:gone``             sorted set: the same for deleted ones
``edge:{<session>}:replies``          hash: idempotency key to expiry and stored reply
``edge:{<session>}:reply-index``      sorted set: idempotency keys by version
``edge:{<session>}:arrival``          hash: the arrival that is being staged here
``edge:node``                         hash: whose the store is (location, tree, incarnation,
                                      counter), who is admitted to it; offload status, bytes of
                                      all residents; above which size it is relieved, and which
                                      tick does so
``edge:relatives``                    hash: location to incarnation, run and counter of the store
                                      that is known there; which are lost, which were refused
``edge:stuck``                        hash: session ids of residents that could not be offloaded
                                      to until when they are passed over, and why
``edge:residents:by-size``            sorted set: session ids by bytes
``edge:residents:of:<location>``      sorted set: session ids of that proprietary by last access
``edge:arrivals``                     sorted set: session ids by the time the arrival opened
``edge:aside``                        hash: id of what is set aside to what it is (JSON)
``edge:outbox``                       stream: messages to other nodes, group ``delivery``
====================================  =======================================================

Node-local state has the prefix ``edge-local`` and the function's name for the session.
What is set aside has the prefix ``edge-aside:<id>`` and is kept for 30 days.
Lists are numbered, so that a script can be given the keys of a small session's lists before
anyone knows their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

STATUS = "edge:node"
BY_SIZE = "edge:residents:by-size"
ARRIVALS = "edge:arrivals"
STUCK = "edge:stuck"
OUTBOX = "edge:outbox"
OUTBOX_GROUP = "delivery"
ASIDE = "edge-aside"
ASIDES = "edge:aside"
RELATIVES = "edge:relatives"
PROBES = ("edge:probe:hash", "edge:probe:set", "edge:probe:list", "edge-local:probe:stream")
"""Names in which :file:`probe.lua` tries what the scripts do; it leaves nothing there."""
PARTS = ("meta", "scalars", "lists", "versions", "gone", "replies", "reply-index")


def residents_of(location: str) -> str:
    """Give the index of the residents whose proprietary location that is."""
    return f"edge:residents:of:{location}"


def proprietary_of(index: str) -> str:
    """Give the location whose residents an index names; '' if it names others."""
    prefix = residents_of("")
    return index.removeprefix(prefix) if index.startswith(prefix) else ""


def split(key: str) -> tuple[str, str] | None:
    """Give the session and the part that a key is of; None if it is no session's."""
    session, _, part = key.removeprefix("edge:{").rpartition("}:")
    return (session, part) if session and key.startswith("edge:{") else None


def books(proprietary: str) -> list[str]:
    """Give the keys of the node's books on its residents, here of one proprietary location."""
    return [BY_SIZE, residents_of(proprietary), STATUS]


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """The keys of one session; ``prefix`` is ``edge``, or ``edge-local`` for node-local state."""

    session: str
    prefix: str = "edge"

    def part(self, part: str) -> str:
        """Give the key of the part with that name."""
        return f"{self.prefix}:{{{self.session}}}:{part}"

    @property
    def parts(self) -> list[str]:
        """What every session may have, in the order in which common.lua names it."""
        prefix = self.part("")
        return [prefix + part for part in PARTS]

    @property
    def meta(self) -> str:
        """The token and the state of the session."""
        return self.part("meta")

    @property
    def scalars(self) -> str:
        """The values."""
        return self.part("scalars")

    @property
    def lists(self) -> str:
        """The names of the lists."""
        return self.part("lists")

    @property
    def arrival(self) -> str:
        """The open arrival."""
        return self.part("arrival")

    def aside(self, id_: str, names: Sequence[str]) -> Sequence[str]:
        """Give what these keys of the session are called once they are set aside under an id."""
        prefix, there = self.part(""), SessionKeys(self.session, f"{ASIDE}:{id_}").part("")
        return [there + name.removeprefix(prefix) for name in names]

    def list(self, number: int) -> str:
        """Give the key of one list."""
        return self.part(f"list:{number}")

    def first_lists(self, count: int) -> Iterator[str]:
        """Give the keys of the lists with the lowest numbers."""
        prefix = self.part("list:")
        return (f"{prefix}{number}" for number in range(count))
