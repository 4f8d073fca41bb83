"""Finds out whether a node's store is whole, and makes it so that it forks nothing where it is not.

In each run of its server a node asks those above and below which steps they have seen of its store
(docs/protocol.md#behind). One that has lost some, or that was put in the place of another,
*rejoins* before it serves: what they know to live elsewhere is set aside here, and becomes a
pointer.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Protocol, TypeVar

from edgedb.errors import EdgeError, NodeReplaced, Rejoining
from edgedb.peers.calls import PeerClient
from edgedb.settings import Settings
from edgedb.store import SessionStore
from edgedb.store.admission import Waiting
from edgedb.topology.tree import Topology
from edgedb.wire.identity import Seen
from edgedb.wire.model import SessionToken

log = logging.getLogger(__name__)

ASK_S = 2.0
"""How long another node may take to say what it has seen: requests wait meanwhile."""
WHY = "the store had lost what other nodes know"

T = TypeVar("T")


class Ahead(Protocol):
    """Begins to read something that will be needed; tests replace it."""

    def __call__(self, read: Callable[[], T]) -> Callable[[], T]:
        """Give a function that gives what ``read`` gives, or raises what it raises."""
        ...


class Rejoiner:
    """What one process of a node does for its store; ``once`` does something beside."""

    def __init__(
        self,
        settings: Settings,
        store: SessionStore,
        peers: PeerClient,
        topology: Callable[[], Topology],
        ahead: Ahead,
        once: Callable[[str, Callable[[], object]], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._peers = peers
        self._topology = topology
        self._ahead = ahead
        self._once = once

    @property
    def relatives(self) -> list[str]:
        """All above and below."""
        return self._topology().relatives(self._settings.location)

    def heed(self, waiting: Waiting) -> None:
        """Serve a store that is whole, or while nobody answers, if its server forgets nothing.

        Raises:
            Rejoining: why it is not served yet.

        """
        if not waiting.is_behind:
            seen, silent = self._ask(self.relatives)
            if not _is_behind(waiting, seen.values()):
                self._serve(waiting, silent)
                return
            self._store.admission.rejoin(self._store.now())
        self._once("rejoin", self.rejoin)
        again = self._store.admission.waiting()
        if again is not None:
            told, count = len(again.heard), len(self.relatives)
            raise Rejoining(f"{self._settings.location} is rejoining, {told} of {count} nodes")

    def recheck(self) -> None:
        """Ask those again who had not answered: the tick of a node that serves."""
        relatives = self.relatives
        silent_then, counter = self._store.relatives.unheard()
        unheard = [each for each in silent_then if each in relatives]
        if not silent_then:
            return
        identity = self._store.relatives.identity()
        waiting = Waiting(identity.incarnation, identity.run, counter, frozenset(), False)
        seen, silent = self._ask(unheard)
        if _is_behind(waiting, seen.values()):
            log.error("the store has lost what %s know of it; it rejoins", ", ".join(seen))
            self._store.admission.rejoin(self._store.now())
        elif len(silent) < len(silent_then):
            self._serve_without(silent, waiting)

    def is_there(self, location: str) -> bool:
        """Say whether a node answers, with the store that is known of it: then that is not lost."""
        try:
            self._peers.seen(location, ASK_S)
        except EdgeError:
            return False
        return True

    def alone(self) -> None:
        """Serve without those who have not told all that they know; they are asked at ticks."""
        waiting = self._store.admission.waiting()
        if waiting is not None:
            unheard = [each for each in self.relatives if each not in waiting.heard]
            log.warning("%s is served without %s", self._settings.location, ", ".join(unheard))
            self._serve_without(unheard, waiting, has_rejoined=True)

    def rejoin(self) -> None:
        """Ask all others for what they know; then the store may be served."""
        try:
            self._rejoin()
        except EdgeError as error:
            log.warning("the store has not rejoined yet: %s", error)

    def _rejoin(self) -> None:
        waiting = self._store.admission.waiting()
        if waiting is None or not waiting.is_behind:
            return
        name, silent = secrets.token_hex(8), list[str]()
        for location in self.relatives:
            if location in waiting.heard:
                continue
            try:
                self._hear(location, name)
            except Rejoining:  # another process does, or that one waits for a claim
                raise
            except EdgeError as error:
                log.warning("%s has not told what it knows: %s", location, error)
                silent.append(location)
        if silent:
            self._store.admission.lease(self._store.now(), name, lease_ms=0)
        else:
            self._store.admission.serve(waiting, has_rejoined=True)
            log.warning("%s has rejoined", self._settings.location)

    def _hear(self, location: str, name: str) -> None:
        """Take what one node knows, a page at a time."""
        seen = self._peers.seen(location, self._settings.peer_timeout or ASK_S)
        position: str | None = ""
        while position is not None:
            admitted = self._store.admission.lease(self._store.now(), name, seen=seen.counter)
            page = self._peers.tokens(location, position)
            aside = self._store.rejoiner(admitted)
            here = [t for t in page.tokens if t.current_location == self._settings.location]
            away = [t for t in page.tokens if t.current_location != self._settings.location]
            away = aside.follow(away)
            _tell(away, aside.cede(away, WHY) if away else [])
            _mourn(here, aside.mourn(here, WHY) if here else [])
            position = page.next
        self._store.admission.lease(self._store.now(), name, location, seen.counter)

    def _ask(self, locations: Iterable[str]) -> tuple[dict[str, Seen], list[str]]:
        """Ask what others have seen of this store; gives that, and who has not answered.

        Raises:
            Rejoining: one of them knows another store.

        """
        asked = {each: self._ahead(partial(self._peers.seen, each, ASK_S)) for each in locations}
        seen, silent = dict[str, Seen](), list[str]()
        for location, answer in asked.items():
            try:
                seen[location] = answer()
            except NodeReplaced as error:
                raise Rejoining(str(error)) from error
            except EdgeError as error:
                log.warning("%s has not said what it has seen: %s", location, error)
                silent.append(location)
        return seen, silent

    def _serve(self, waiting: Waiting, silent: Collection[str]) -> None:
        if silent and not (self._settings.fsync_moves or self._store.relatives.syncs()):
            here, count = self._settings.location, len(self.relatives)
            raise Rejoining(
                f"{here} may have lost its last steps: it asks {count} nodes, of which "
                f"{', '.join(silent)} do not answer; edgectl rejoin {here} --alone goes on without"
            )
        self._serve_without(silent, waiting)

    def _serve_without(
        self, silent: Collection[str], waiting: Waiting, *, has_rejoined: bool = False
    ) -> None:
        """Serve, and leave the sessions where they are on whose path somebody is silent."""
        topology, serve = self._topology(), self._store.admission.serve
        paths = {
            home: {place.id for place in topology.way_up(home)}
            for home in (topology.homes(self._settings.location) if silent else ())
        }
        still = sorted(home for home, path in paths.items() if not path.isdisjoint(silent))
        serve(waiting, silent, has_rejoined=has_rejoined, still=still)


def _is_behind(waiting: Waiting, seen: Iterable[Seen]) -> bool:
    return any(each.counter > waiting.counter or each.lost for each in seen)


def _tell(tokens: list[SessionToken], answers: list[str | EdgeError]) -> None:
    """Say what is set aside here, since it lives elsewhere."""
    for token, answer in zip(tokens, answers, strict=True):
        if isinstance(answer, str) and answer:
            what = (token.session, token.current_location, token.epoch, answer)
            log.error("session %r is at %s in epoch %d; what was here is set aside as %s", *what)


def _mourn(tokens: list[SessionToken], answers: list[str | EdgeError]) -> None:
    """Name what should be here and is not."""
    for token, answer in zip(tokens, answers, strict=True):
        if isinstance(answer, str):
            log.error("session %r was here in epoch %d, and is lost", token.session, token.epoch)
