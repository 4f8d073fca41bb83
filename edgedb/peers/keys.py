"""One key for each node, derived down the tree, and what follows from it (docs/security.md#keys).

::

    the tree's key ──cloud, 1──▶ cloud's ──city, 1──▶ city's ──edge-a, 2──▶ edge-a's
                                                                               │ city, edge-a
                                                       the key of city's calls to edge-a

So a node knows the keys of all below it and of nobody else. A call's key is derived from that of
the lower of the two by *both* names: what one has signed is no call of the other's.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence

from edgedb.errors import Forbidden
from edgedb.topology.tree import Location, Topology

KEY_BYTES = 32

Keys = tuple[bytes, ...]
"""The current one first; during a rotation the one before it last."""


def hkdf(key: bytes, info: bytes, salt: bytes = b"", length: int = KEY_BYTES) -> bytes:
    """Derive a key (RFC 5869, with SHA-256)."""
    extracted = hmac.digest(salt or bytes(32), key, "sha256")
    block, derived = b"", b""
    while len(derived) < length:
        block = hmac.digest(extracted, block + info + bytes([len(derived) // 32 + 1]), "sha256")
        derived += block
    return derived[:length]


def _derived(key: bytes, *names: str) -> bytes:
    """Derive a key for a purpose, as text: a secret's file has what is derived from."""
    encoded = (name.encode() for name in names)
    info = b"".join(len(name).to_bytes(2, "big") + name for name in encoded)
    return hkdf(key, info).hex().encode()


def descended(keys: Sequence[bytes], way: Iterable[Location]) -> Keys:
    """Give the keys of the last location of a way down from those of who is above its first."""
    current, previous = keys[0], keys[-1]
    for place in way:
        current = _derived(current, "node", place.id, str(place.generations[0]))
        previous = _derived(previous, "node", place.id, str(place.generations[-1]))
    return (current,) if current == previous else (current, previous)


def of_node(tree_key: bytes, topology: Topology, location: str) -> Keys:
    """Give the keys of a location's node, which its secret ``edge-node-key`` has."""
    return descended([tree_key], reversed(topology.way_up(location)))


def oracle_token(node_key: bytes) -> str:
    """Give the bearer token of a node's oracle that goes with a key of the node."""
    return _derived(node_key, "oracle").decode()


class Keyring:
    """The keys of a node, as its secrets are now; ``own`` gives none where nothing is checked."""

    def __init__(
        self,
        location: str,
        own: Callable[[], Sequence[str]],
        topology: Callable[[], Topology],
    ) -> None:
        self.location = location
        self._own = own
        self._topology = topology
        self._memo: tuple[Sequence[str], Topology, dict[tuple[str, str], Keys]] | None = None

    def __bool__(self) -> bool:
        """Say whether calls are signed, and checked."""
        return bool(self._own())

    def to(self, called: str) -> Keys:
        """Give the keys of this location's calls to another; raises Forbidden."""
        return self.between(self.location, called)

    def between(self, caller: str, called: str) -> Keys:
        """Give the keys of one location's calls to another, of which one is this.

        Raises:
            Forbidden: the other is neither above nor below, nor the same.

        """
        known = self._derived_before()
        if (caller, called) not in known:
            lower = self._of(called if caller == self.location else caller)
            known[caller, called] = tuple(_derived(key, "call", caller, called) for key in lower)
        return known[caller, called]

    def _derived_before(self) -> dict[tuple[str, str], Keys]:
        """Give what was derived from the secrets as they are."""
        own, topology, memo = self._own(), self._topology(), self._memo
        if memo is None or memo[0] is not own or memo[1] is not topology:
            self._memo = memo = (own, topology, {})
        return memo[2]

    def _of(self, other: str) -> Keys:
        """Give the keys of the lower of this location and another."""
        topology = self._topology()
        own = tuple(key.encode() for key in self._own())
        if other == self.location or topology.is_below(self.location, other):
            return own
        if not topology.is_below(other, self.location):
            raise Forbidden(f"{other!r:.80} is neither above nor below {self.location}")
        way = topology.way_up(other)
        below = way[: way.index(topology[self.location])]
        return descended(own, reversed(below)) if own else ()
