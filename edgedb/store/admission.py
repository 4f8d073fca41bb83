"""Whose a store is, and who may take steps on it.

A store is claimed for one location of one tree, by whoever deploys the node. A process is admitted
to it, as it is, in one run of its server; each of its steps shows that (:file:`guard.lua`). So no
step is taken on a store that is nobody's, somebody else's, or another one than it was; nor on one
that may have lost what it must not forget, before that is found out (:mod:`edgedb.rejoining`).
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from edgedb.errors import Conflict, ForeignStore, NotClaimed, Rejoining
from edgedb.store import keys
from edgedb.store.codec import Argument, text
from edgedb.waiting import now
from edgedb.wire.identity import NodeIdentity

Ask = Callable[..., Any]
"""Runs a script, over a connection of its own, with these keys and arguments."""

REFUSAL = "NOTADMITTED"
"""So begins what :file:`guard.lua` says, and what is said of a connection to another run."""

LEASE_MS = 10_000
"""For how long one process goes on with what a store rejoins by, unless it says that it does."""


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
    incarnation: str = ""
    run: str = ""


@dataclass(frozen=True)
class Waiting:
    """A store that is not known to be whole in this run of its server.

    ``counter``: from before it was served while anybody was silent. ``is_behind``: it is known not
    to be. ``heard``: who has told all that it knows.
    """

    incarnation: str
    run: str
    counter: int
    heard: frozenset[str]
    is_behind: bool


class Admission:
    """One process's admission to its node's store; ``tree`` gives the name of the node's tree.

    ``heed`` finds out whether a store that waits is whole; without it, it is taken for that.
    """

    def __init__(self, ask: Ask, met: Met | None, location: str, tree: Callable[[], str]) -> None:
        self._ask = ask
        self._met = met or Met()
        self._location = location
        self._tree = tree
        self._admitted: Admitted | None = None
        self._identity: NodeIdentity | None = None
        self._turn = threading.Lock()
        self._resting_until, self._reason = 0.0, ""
        self.heed: Callable[[Waiting], None] = lambda waiting: self.serve(waiting)

    def identity(self) -> NodeIdentity:
        """Say who this node is, whether it serves or waits.

        Raises:
            NotClaimed: the store is nobody's.
            ForeignStore: it is another location's, or another tree's.
            StoreUnavailable: its server does not answer.

        """
        if self._identity is None or not self._is_met:
            self._look()
        assert self._identity is not None  # noqa: S101
        return self._identity

    def counted(self, counter: int) -> None:
        """Know how far the store's counter is."""
        known = self._identity
        if known is not None and counter > known.counter:
            self._identity = NodeIdentity(known.location, known.incarnation, known.run, counter)

    @property
    def now(self) -> Admitted:
        """What this process was admitted to; it asks to be, where it is not (any more).

        Raises:
            Rejoining: it is not known whether the store is whole.
            EdgeError: as :meth:`identity`.

        """
        if self._admitted and self._is_met:
            return self._admitted
        return self._enter()

    @property
    def _is_met(self) -> bool:
        return self._met.last == self._met.admitted

    def leave(self, admitted: Admitted) -> None:
        """Be admitted to this no more: a step that showed it was refused."""
        if self._admitted is admitted:
            self._admitted = self._identity = None

    def claim(self) -> None:
        """Claim the store for this node; raises Conflict if it is somebody else's."""
        tree, location = self._tree(), self._location
        arguments = (tree, location, secrets.token_hex(8))
        owner = tuple(map(text, self._ask("claim", [keys.STATUS], *arguments)))
        if owner != (tree, location):
            raise Conflict(self._foreign(*owner))

    def waiting(self) -> Waiting | None:
        """Say what the store waits for; None: it does not. Raises as :meth:`identity`."""
        found = self._look()
        return found if isinstance(found, Waiting) else None

    def serve(
        self,
        waiting: Waiting,
        unheard: Collection[str] = (),
        *,
        has_rejoined: bool = False,
        still: Collection[str] = (),
    ) -> None:
        """Let the store be served in this run; those who have not answered are asked again.

        ``still``: the homes whose sessions stay where they are until then.
        """
        silent, homes = " ".join(unheard), " ".join(still)
        known = (waiting.incarnation, waiting.run, silent, int(has_rejoined), homes)
        self._ask("whole", [keys.STATUS], *known)

    def rejoin(self, time: Argument) -> None:
        """Let nobody be admitted before the store has rejoined."""
        self._ask("rejoin", [keys.STATUS], time, "", 0, "", 0)
        self._admitted = None

    def lease(
        self,
        time: Argument,
        rejoiner: str,
        heard: str = "",
        seen: int = 0,
        lease_ms: int = LEASE_MS,
    ) -> Admitted:
        """Let one process take the steps of rejoining for so long; ``heard`` has told all.

        Raises:
            Rejoining: another process does.

        """
        known = (time, rejoiner, lease_ms, heard, seen)
        shown = text(self._ask("rejoin", [keys.STATUS], *known))
        self._admitted = None
        if not shown:
            raise Rejoining(f"another process has {self._location} rejoin")
        self._met.admitted = self._met.last = self.identity().run
        return Admitted(shown)

    def _enter(self) -> Admitted:
        with self._turn:
            found = self._look()
            if isinstance(found, Waiting):
                self._heed(found)
                found = self._look()
            if isinstance(found, Waiting):
                raise Rejoining(f"{self._location} asks the other nodes what they know of it")
            self._met.admitted = self._met.last = found.run
            self._admitted = found
            return found

    def _heed(self, waiting: Waiting) -> None:
        """Find out about the store; what has taken long is not tried again for as long."""
        began = now()
        if began < self._resting_until:
            raise Rejoining(self._reason)
        try:
            self.heed(waiting)
        except Rejoining as error:
            self._resting_until, self._reason = 2 * now() - began, str(error)
            raise

    def _look(self) -> Admitted | Waiting:
        """Ask what there is; raises as :meth:`identity`."""
        kind, *rest = self._ask("admit", [keys.STATUS], self._tree(), self._location)
        found = list(map(text, rest))
        if kind == b"unclaimed":
            raise NotClaimed(
                f"the node's store is nobody's; if it is to be that of {self._location}: "
                f"edgectl claim {self._location}"
            )
        if kind == b"foreign":
            raise ForeignStore(self._foreign(*found))
        shown, incarnation, run, counter, heard, behind, began = found
        self._identity = NodeIdentity(self._location, incarnation, run, int(counter))
        if kind == b"ok":
            return Admitted(shown, incarnation, run)
        told = frozenset(heard.split(" ")[1:])
        return Waiting(incarnation, run, int(began), told, bool(behind))

    def _foreign(self, tree: str, location: str) -> str:
        return (
            f"the node's store is that of {location} in the tree {tree!r}, and this is "
            f"{self._location} in the tree {self._tree()!r}: see REDIS_HOST and LOCATION_ID"
        )


class Pass(Admission):
    """What one process's steps show that has a store rejoin."""

    def __init__(self, admitted: Admitted) -> None:
        self._admitted = admitted

    @property
    def now(self) -> Admitted:
        """What its steps show."""
        if self._admitted is None:
            raise Rejoining("another process goes on with that")
        return self._admitted

    def leave(self, admitted: Admitted) -> None:
        """Another process goes on: it was slow."""
        if self._admitted is admitted:
            self._admitted = None


def still(session: str, location: str) -> Rejoining:
    """Say why a session stays as it is at a location: its store may be older than others know."""
    return Rejoining(
        f"session {session!r} waits: not all nodes on its path have said what they know of the "
        f"store of {location}"
    )


def is_refused(answer: object) -> bool:
    """Tell whether an answer says that this process is not admitted."""
    return isinstance(answer, ResponseError) and str(answer).startswith(REFUSAL)
