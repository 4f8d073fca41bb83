"""What one location's server keeps of the session, and the calls that work on it."""

from __future__ import annotations

from typing import NamedTuple

NOWHERE = -1
NO_TRANSFER = -1
GARBAGE = -1

Data = tuple[int, ...]
"""The writes that a session consists of, in order; as many as its version says."""


class Offer(NamedTuple):
    """What a transfer is of: an ownership, the stay in which it was seen, the server's run then."""

    epoch: int = 0
    stay: int = 0
    run: int = 0


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
    """What was kept of it elsewhere while an arrival was prepared here."""

    @property
    def offer(self) -> Offer:
        """What a transfer of the session that is resident here would be of."""
        return Offer(self.epoch, self.stay, self.run)


Outcome = tuple[Node, tuple[Call, ...]]
"""The location afterwards, and the calls that whoever gets the answer may make next."""
