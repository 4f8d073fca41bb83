"""What one location's server keeps of the session, and the calls that work on it."""

from __future__ import annotations

from typing import NamedTuple

NOWHERE = -1
NO_TRANSFER = -1
GARBAGE = -1
"""The version of data put together from differences that do not fit."""


class Call(NamedTuple):
    """One step at one location, and the arguments it is called with; 0 where there is none."""

    step: str
    at: int
    transfer: int = NO_TRANSFER
    grant: int = 0
    since: int = 0
    version: int = 0
    epoch: int = 0
    owner: int = 0
    lock: int = 0
    last: int = 0


class Arrival(NamedTuple):
    """What the destination knows of a transfer; *prepared* once it has a grant."""

    transfer: int
    staged: int = 0
    grant: int = 0
    epoch: int = 0


class Freeze(NamedTuple):
    """Requests wait for this transfer; without a grant it still waits for a running request."""

    transfer: int
    grant: int = 0


class Node(NamedTuple):
    """What one location's server keeps of the session; all but ``lock`` survives every crash."""

    owner: int = NOWHERE
    """The token: whom it names, under which epoch. The session is resident if that is here."""
    epoch: int = 0
    honoured: int = 0
    """The grant under which the session was given away, kept with the pointer."""
    version: int = 0
    lock: int = 0
    last: int = 0
    """The lock of the last commit; within an epoch it says which data these are."""
    disk: tuple[int, int] | None = None
    """Version and last commit that are on the disk, where that is not all."""
    freeze: Freeze | None = None
    arrival: Arrival | None = None
    outbox: frozenset[Call] = frozenset()
    stranger: bool = False
    """A client created another session of the same name here."""


Outcome = tuple[Node, tuple[Call, ...]]
"""The location afterwards, and the calls that whoever gets the answer makes next."""
