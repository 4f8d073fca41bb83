"""What a node knows of those above and below it: of each location one store, and how far it was."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from edgedb.errors import NodeReplaced, StoreUnavailable
from edgedb.store import keys
from edgedb.store.codec import known_token, text
from edgedb.store.scripts import Scripts
from edgedb.waiting import now
from edgedb.wire.identity import NodeIdentity, Seen, TokenPage
from edgedb.wire.model import SessionToken

MET_S = 10.0
"""For how long a node that was met is not looked up again; the steps of a move always do."""


TOKENS_SCANNED = 2000  # keys, between two answers


@dataclass(frozen=True)
class Refused:
    """Who calls itself a location, with another store; ``why``: what ``meet.lua`` answers."""

    location: str
    incarnation: str
    since_ms: int
    why: str


class RelativeStore:
    """One method per step; ``location`` is the node's."""

    def __init__(self, scripts: Scripts, location: str) -> None:
        self._scripts = scripts
        self._location = location
        self._met = dict[str, tuple[NodeIdentity, float]]()

    def identity(self) -> NodeIdentity:
        """Say who this node is; raises NotClaimed, ForeignStore, StoreUnavailable."""
        return self._scripts.admission.identity()

    def meet(
        self, other: NodeIdentity, *, or_behind: bool = False, is_handing_over: bool = False
    ) -> None:
        """Know a node by its store; and how far that is, with each hand-over.

        ``or_behind``: in the question with which each run of a server begins, and its answer.

        Raises:
            NodeReplaced: another one is known; or, unless ``or_behind``, it has lost what was seen,
                or is in another run than is known: what comes late is of one that is over.

        """
        known, until = self._met.get(other.location, (None, 0.0))
        if known and now() < until and _is_known(other, known, is_handing_over):
            return
        asked = (other.location, other.incarnation, other.run, other.counter, int(or_behind))
        where = [keys.STATUS, keys.RELATIVES]
        kind, *more = self._scripts.run_at_once("meet", where, *asked, self._scripts.now())
        if kind == b"behind" and or_behind:
            return
        if kind != b"ok":
            raise NodeReplaced(self._refusal(other, text(kind), text(more[0]) if more else ""))
        self._met[other.location] = other, now() + MET_S

    def seen(self, location: str) -> Seen:
        """Say what is known here of another node's store, whether or not this one serves."""
        counter, lost = self._scripts.run_apart("seen", [keys.RELATIVES], location)
        return Seen(counter, bool(lost))

    def tokens(self, position: str, homes: Collection[str]) -> TokenPage:
        """Give tokens of sessions of some homes that have moved, and the position after them.

        Whether or not this node serves: who waits answers others that do.
        """
        following, found = self._scripts.run_apart("tokens", [], position, TOKENS_SCANNED)
        tokens = list[SessionToken]()
        for key, *fields in zip(*[iter(found)] * 6, strict=True):
            session = (keys.split(text(key)) or ("",))[0]
            token = known_token(session, fields)
            if token is not None and token.proprietary_location in homes:
                tokens.append(token)
        return TokenPage(tokens, text(following) if following != b"0" else None)

    def syncs(self) -> bool:
        """Say whether the server has each step on disk before it answers, as far as it tells."""
        try:
            found = self._scripts.ask_apart("CONFIG", "GET", "append*")
        except StoreUnavailable:
            return False
        told = dict(zip(found[::2], found[1::2], strict=True))
        return (told.get(b"appendonly"), told.get(b"appendfsync")) == (b"yes", b"always")

    def is_another(self, identity: NodeIdentity) -> bool:
        """Find out whether this node has another store than it has said, or is in another run."""
        self._scripts.admission.waiting()
        now_is = self.identity()
        return (now_is.incarnation, now_is.run) != (identity.incarnation, identity.run)

    def unheard(self) -> tuple[list[str], int]:
        """Give who has not answered what it knows of this node, and the counter from before."""
        silent, began = self._scripts.ask("HMGET", keys.STATUS, "unheard", "began")
        return text(silent).split(), int(began or 0)

    def lose(self, location: str) -> str:
        """Declare the store known of a location lost; gives its incarnation, '' if none is."""
        self.identity()  # whoever waits may be told, but for a store that is not this node's
        self._met.pop(location, None)
        return text(self._scripts.run_at_once("lose", [keys.STATUS, keys.RELATIVES], location))

    def refused(self) -> list[Refused]:
        """Give those that were refused last."""
        found = self._scripts.ask("HGETALL", keys.RELATIVES)
        return [
            Refused(location, incarnation, int(since), why)
            for name, entry in found.items()
            for kind, _, location in [text(name).partition(":")]
            if kind == "refused"
            for incarnation, since, why in [text(entry).split(" ")]
        ]

    def _refusal(self, other: NodeIdentity, kind: str, known: str) -> str:
        name = f"{other.location} with the store {other.incarnation}"
        match kind:
            case "late":
                return f"{name} is in another run than {self._location} knows: it is to ask first"
            case "lost":
                return f"{name} was declared lost at {self._location}"
            case "behind":
                return (
                    f"{name} has lost what {self._location} has seen of it: it is to rejoin first"
                )
        return (
            f"{name} is not the one that {self._location} knows, which has {known}: there are two, "
            f"or its store was replaced; if the known one is lost: edgectl lost {other.location}"
        )


def _is_known(other: NodeIdentity, known: NodeIdentity, is_handing_over: bool) -> bool:
    is_same = (known.incarnation, known.run) == (other.incarnation, other.run)
    return is_same and (other.counter <= known.counter or not is_handing_over)
