"""Whose a store is, and who may take steps on it.

A store is claimed for one location of one tree, by whoever deploys the node. A process is admitted
to it, as it is, in one run of its server; each of its steps shows that (:file:`guard.lua`). So no
step is taken on a store that is nobody's, somebody else's, or another one than it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from edgedb.errors import Conflict, ForeignStore, NotClaimed
from edgedb.store import keys
from edgedb.store.codec import text
from edgedb.wire.identity import NodeIdentity

Ask = Callable[..., Any]
"""Runs a script, over a connection of its own, with these keys and arguments."""

REFUSAL = "NOTADMITTED"
"""So begins what :file:`guard.lua` says, and what is said of a connection to another run."""


@dataclass
class Met:
    """Which run of the server this process was admitted to, and its connections have met last.

    Shared by a client's connections: one to another run is not used before that is right again.
    """

    admitted: str = ""
    last: str = ""


@dataclass(frozen=True)
class Admitted:
    """What a process was admitted to; ``shown`` is what its steps show of it."""

    shown: str
    incarnation: str
    run: str


class Admission:
    """One process's admission to its node's store; ``tree`` gives the name of the node's tree."""

    def __init__(self, ask: Ask, met: Met | None, location: str, tree: Callable[[], str]) -> None:
        self._ask = ask
        self._met = met or Met()
        self._location = location
        self._tree = tree
        self._admitted: Admitted | None = None
        self._counter = 0

    def identity(self) -> NodeIdentity:
        """Say who this node is, as far as this process knows; raises as :attr:`now`."""
        admitted = self.now
        return NodeIdentity(self._location, admitted.incarnation, admitted.run, self._counter)

    @property
    def now(self) -> Admitted:
        """What this process was admitted to; it asks to be, where it is not (any more).

        Raises:
            NotClaimed: the store is nobody's.
            ForeignStore: it is another location's, or another tree's.
            StoreUnavailable: its server does not answer.

        """
        if self._admitted and self._met.last == self._met.admitted:
            return self._admitted
        return self._enter()

    def leave(self, admitted: Admitted) -> None:
        """Be admitted to this no more: a step that showed it was refused."""
        if self._admitted is admitted:
            self._admitted = None

    def claim(self) -> None:
        """Claim the store for this node; raises Conflict if it is somebody else's."""
        tree, location = self._tree(), self._location
        arguments = (tree, location, secrets.token_hex(8))
        owner = tuple(map(text, self._ask("claim", [keys.STATUS], *arguments)))
        if owner != (tree, location):
            raise Conflict(self._foreign(*owner))

    def _enter(self) -> Admitted:
        kind, *rest = self._ask("admit", [keys.STATUS], self._tree(), self._location)
        found = list(map(text, rest))
        if kind == b"unclaimed":
            raise NotClaimed(
                f"the node's store is nobody's; if it is to be that of {self._location}: "
                f"edgectl claim {self._location}"
            )
        if kind == b"foreign":
            raise ForeignStore(self._foreign(*found))
        *of_store, counter = found
        self._admitted, self._counter = (admitted := Admitted(*of_store)), int(counter)
        self._met.admitted = self._met.last = admitted.run
        return admitted

    def _foreign(self, tree: str, location: str) -> str:
        return (
            f"the node's store is that of {location} in the tree {tree!r}, and this is "
            f"{self._location} in the tree {self._tree()!r}: see REDIS_HOST and LOCATION_ID"
        )


def is_refused(answer: object) -> bool:
    """Tell whether an answer says that this process is not admitted."""
    return isinstance(answer, ResponseError) and str(answer).startswith(REFUSAL)
