"""What a search is told: the rules of the protocol, each of which can be broken, and the bounds."""

from __future__ import annotations

from dataclasses import dataclass

P, S, D, E = range(4)
"""Locations. P is the session's proprietary location; what the others do is up to the transfers."""


@dataclass(frozen=True)
class Rules:
    """The rules of the protocol that are there for one reason each; a test breaks them singly."""

    commit_checks_lock: bool = True
    """A request whose lock has ended commits nothing."""
    commit_checks_epoch: bool = True
    """Nor does one that began when the session was resident another time."""
    forgotten_lock_needs_last_commit: bool = True
    """Where a server forgot the lock, a request commits only onto the commit it began after."""
    hand_over_checks_version: bool = True
    """A session is given only to who holds the version that it has."""
    hand_over_checks_run: bool = True
    """… and was offered it since the server started: versions count anew after a loss."""
    hand_over_checks_stay: bool = True
    """… in this stay, whose id is never given out again, and so in this ownership."""
    answers_name_transfer: bool = True
    """A repeated hand-over is granted again to the transfer that got the session, to no other."""
    hand_over_names_version: bool = True
    """The answer names the version that was given, and no other goes live."""
    activate_checks_own_run: bool = True
    """An answer to what was asked before the destination's server died is not used."""
    removed_keeps_epoch: bool = True
    """A session that is created where one was removed is of a later epoch."""
    page_checks_offer: bool = True
    """A difference is given only of the stay and the run in which the copy began."""
    staging_checks_version: bool = True
    """A difference goes onto the version it was made for."""
    arrive_checks_epoch: bool = True
    """No arrival is opened by an offer older than the token kept here, so none where it is."""
    activate_after_hand_over: bool = True
    """Data go live only after the source has given the session away."""
    keep_prepared: bool = True
    """A prepared arrival is dropped for its own version's end only."""
    resolve_before_next: bool = True
    """No arrival takes the place of a prepared one."""
    prepare_is_on_disk: bool = True
    """A session is asked for when what it goes onto is on the disk."""
    hand_over_is_on_disk: bool = True
    """A hand-over is answered when it is on the disk."""
    update_checks_epoch: bool = True
    """``update`` is accepted only with a higher epoch."""
    outbox_with_activation: bool = True
    """The new token for P is recorded in the step that activates, and kept until delivered."""
    wait_for_arrival: bool = True
    """No session of the same name is created where one is arriving."""
    claim: bool = True
    """A store serves the location that it was claimed for, no other."""
    incarnation_compared: bool = True
    """Relatives keep one incarnation of a location, and refuse another."""
    prepare_raises_counter: bool = True
    """Relatives see whether a store is behind what it said it had prepared."""
    hand_over_raises_counter: bool = True
    """… or given away."""
    counter_is_of_the_pair: bool = True
    """… to or from them: moves with others do not make up for those."""
    waits_for_all: bool = True
    """It serves again when all of them have answered."""
    alone_moves_nothing: bool = True
    """A node that serves while relatives are silent takes and gives nothing."""
    alone_begins_nothing_anew: bool = True
    """… and begins no session of which it has an epoch only: that may live elsewhere."""
    hand_over_checks_asker: bool = True
    """What the destination asked before it came back is not granted once that is known."""
    activate_checks_source: bool = True
    """What the source answered before it came back is not used once that is known."""
    lost_leaves_epoch: bool = True
    """A session that was here and is lost leaves its epoch."""
    yield_sets_aside: bool = True
    """What a store that was behind has of a session that lives elsewhere is set aside."""
    ended_sets_aside: bool = True
    """A copy whose source has come back without the offer is set aside."""
    other_sets_aside: bool = True
    """Where another version was given than is here now, the destination has lost the session."""


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
    restarts: int = 0
    """How often a server dies and comes back, without its locks."""
    losses: int = 0
    """How often it comes back without what was not on its disk, too."""
    rollbacks: int = 0
    """How often a store comes back as it was at any earlier moment."""
    empties: int = 0
    """How often a store comes back empty, its old one being declared lost."""
    twins: int = 0
    """How often a second, empty store begins to serve as a location."""
    alone: bool = False
    """Nodes may serve while relatives are silent."""
    others: int = 0
    """How many other sessions are moved."""
    shared: tuple[int, int] | None = None
    """A location whose functions were given another one's store."""
    ends: int = 0
    """How often the session is removed."""
    stays: int = 0
    """How often its source ends what it offers, and keeps it."""
    rules: Rules = Rules()

    @property
    def forgets(self) -> bool:
        """Whether stores lose what moves rest on, so that nodes ask who they are."""
        return bool(self.rollbacks or self.empties or self.twins)
