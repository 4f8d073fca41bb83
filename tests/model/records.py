"""What one location's server keeps of the session, and the calls that work on it."""

from __future__ import annotations

from typing import NamedTuple

NOWHERE = -1
NO_TRANSFER = -1
GARBAGE = -1

UNKNOWN = -1

Data = tuple[int, ...]
"""The writes that a session consists of, in order; as many as its version says."""


class Offer(NamedTuple):
    """What a transfer is of: an ownership, the stay in which it was seen, the server's run then."""

    epoch: int = 0
    stay: int = 0
    run: int = 0


class Known(NamedTuple):
    """What a store says of itself in a call or an answer, and what its relatives keep of that."""

    incarnation: int = 0
    run: int = 0
    counter: int = 0
    """Of the prepares and hand-overs with that relative which it has said it did."""
    told: int = 0
    """Of those that were done here; unknown to a store that has never heard from that relative."""


class Call(NamedTuple):
    """One step at one location, and the arguments it is called with; 0 where there is none."""

    step: str
    at: int
    transfer: int = NO_TRANSFER
    offer: Offer = Offer()
    since: int = 0
    version: int = 0
    data: Data = ()
    """The writes after ``since``."""
    asker: int = 0
    """The run of the destination's own server when it asked to have the session."""
    to: int = NOWHERE
    by: Known = Known()
    """What the store is that the call or answer is of, where a store may lose what it knew."""
    owner: int = 0
    epoch: int = 0
    lock: int = 0
    last: int = 0
    fresh: int = 0
    """A random id, where the step needs one."""


class Arrival(NamedTuple):
    """What the destination knows of a transfer; *prepared* once it holds a version completely."""

    transfer: int
    offer: Offer
    version: int = 0
    data: Data = ()


class Handed(NamedTuple):
    """To whom the session was given, by which transfer, at which version."""

    to: int
    transfer: int
    version: int


class Node(NamedTuple):
    """What one location's server keeps of the session."""

    owner: int = NOWHERE
    """The token: whom it names, under which epoch. The session is resident if that is here."""
    epoch: int = 0
    """Of a session that was removed here, too."""
    stay: int = 0
    data: Data = ()
    lock: int = 0
    last: int = 0
    """The lock of the last commit."""
    handed: Handed | None = None
    arrival: Arrival | None = None
    outbox: frozenset[Call] = frozenset()
    stranger: bool = False
    """A client created another session of the same name here."""
    run: int = 0
    """Of the server; never the same after it has died."""
    disk: Node | None = None
    """What comes back when the machine dies, where that is not all."""
    backup: Node | None = None
    """What was kept of it elsewhere, to come back one day."""
    incarnation: int = 0
    """Of the store; one that comes back empty has another."""
    relatives: tuple[Known, ...] = ()
    """What is known here of each location's store."""
    counted: frozenset[tuple[int, int]] = frozenset()
    """What was prepared here; what is staged again is not given again, and not counted."""
    unheard: frozenset[int] = frozenset()
    """The relatives that have not answered yet in this run."""
    alone: bool = False
    """It serves though some are silent."""
    aside: frozenset[int] = frozenset()
    """The writes that were in the way here: set aside and named."""
    twin: Node | None = None
    """A second store that serves as this location, at which calls may come out instead."""
    forgot: bool = False
    """This store has lost something (for the search; no store knows that of itself)."""

    @property
    def offer(self) -> Offer:
        """What a transfer of the session that is resident here would be of."""
        return Offer(self.epoch, self.stay, self.run)

    def without_session(self) -> Node:
        """Give what the server keeps where it knows nothing of the session."""
        gone = Node(outbox=self.outbox)
        kept = {name: getattr(self, name) for name in _OF_THE_SERVER}
        return gone._replace(**kept)

    def knows(self, location: int, **news: int) -> Node:
        """Note something of a relative's store."""
        known = list(self.relatives)
        known[location] = known[location]._replace(**news)
        return self._replace(relatives=tuple(known))


_OF_THE_SERVER = ("run", "disk", "backup", "incarnation", "relatives", "counted")
_OF_THE_SERVER += ("unheard", "alone", "aside", "twin", "forgot")


Outcome = tuple[Node, tuple[Call, ...]]
"""The location afterwards, and the calls that whoever gets the answer may make next."""
