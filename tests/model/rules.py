"""What a search is told: the rules of the protocol, each of which can be broken, and the bounds."""

from __future__ import annotations

from dataclasses import dataclass

P, S, D, E = range(4)
"""Locations. P is the session's proprietary location; what the others do is up to the transfers."""


@dataclass(frozen=True)
class Rules:
    """The rules of the protocol that are there for one reason each; a test breaks them singly."""

    fresh_grants: bool = True
    """A freeze issues a grant never used before, not just the name of the transfer."""
    thaw_ends_grant: bool = True
    """Once thawed, for whatever reason, a grant is never honoured."""
    freeze_waits_for_lock: bool = True
    """No grant is issued while a request holds the lock."""
    commit_checks_lock: bool = True
    """A request whose lock has ended commits nothing."""
    forgotten_lock_needs_last_commit: bool = True
    """Where a server forgot the lock, a request commits only onto the commit it began after.

    The same version is not enough: a server that has lost writes counts from there anew.
    """
    forgotten_lock_needs_no_freeze: bool = True
    """… and not once the session is frozen: the last difference may have been sent."""
    difference_within_epoch: bool = True
    """A difference "since v" is given only under the epoch that v was read under."""
    arrive_checks_epoch: bool = True
    """No arrival is opened by a token older than the one kept here."""
    arrive_is_repeatable: bool = True
    """An arrive that is executed again leaves the arrival as it is."""
    staging_checks_version: bool = True
    """A difference goes onto the version it was made for, and just what froze is prepared."""
    hand_over_after_prepare: bool = True
    """The session is asked for only after the arrival is durable."""
    activate_after_hand_over: bool = True
    """Data go live only after the source has given the session away."""
    activate_checks_arrival: bool = True
    """Only the arrival that is there, under its own grant, goes live."""
    keep_prepared: bool = True
    """A prepared arrival is discarded for no reason but the refusal of its own grant."""
    resolve_before_next: bool = True
    """No arrival takes the place of a prepared one."""
    remember_honoured: bool = True
    """A repeated hand-over of the grant that was honoured is granted again."""
    update_checks_epoch: bool = True
    """``update`` is accepted only with a higher epoch."""
    outbox_with_activation: bool = True
    """The new token for P is recorded in the step that activates, and kept until delivered."""
    wait_for_arrival: bool = True
    """No session of the same name is created where one is arriving."""


@dataclass(frozen=True)
class World:
    """What is explored: who moves what where, and how much of everything there is."""

    locations: int
    resident: int
    """Where the session is at the start; P knows."""
    transfers: tuple[tuple[int, int], ...]
    """Source and destination of each transfer; each may start at any moment, or never."""
    writes: int
    """Requests that get a lock."""
    grants: int
    """Grants that are issued, by all locations together."""
    restarts: int = 0
    """How often a server dies and comes back, without its locks."""
    losses: int = 0
    """How often it comes back without the writes that were not on its disk, too."""
    duplicates: bool = True
    """Calls may be executed again; without it exploring longer stories becomes possible."""
    rules: Rules = Rules()
