"""Ends a fork as the operator decides: one place keeps the session, the others set theirs aside."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from edgectl.operating import CallFailed, Operator

Known = Mapping[str, Any]


@dataclass(frozen=True)
class Resolved:
    """What has become of a session; ``aside``: by location the id of what was set aside there."""

    session: str
    location: str
    epoch: int
    aside: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Give it as ``edgectl resolve --json`` prints it."""
        return {name: getattr(self, name) for name in ("session", "location", "epoch", "aside")}


def resolve(
    operator: Operator, session: str, location: str, without: Collection[str] = ()
) -> Resolved:
    """Keep a session at one location of its path, in an epoch above all that are known.

    First the others get pointers to it, then its own epoch is raised. So whatever breaks off, it
    can be done again. All nodes on the path, but for those in ``without``, are asked before
    anything is changed.

    Raises:
        CallFailed: it is not at that location, or a node does not answer.

    """
    kept = operator.known(location, session)
    if kept is None or kept["token"]["currentLocation"] != location:
        raise CallFailed(f"{location}: session {session!r} is not there; ask edgectl where")
    token = kept["token"]
    home = token["proprietaryLocation"]
    others = _others(operator, session, home, {location, *without})
    epochs = [token["epoch"], *(known["token"]["epoch"] for known in others.values() if known)]
    query = {
        "session": session,
        "proprietary": home,
        "location": location,
        "function": token["function"],
        "epoch": max(epochs) + 1,
    }
    aside = {place: operator.keep(place, query) for place in others}
    operator.keep(location, query)
    return Resolved(session, location, query["epoch"], {p: id_ for p, id_ in aside.items() if id_})


def _others(
    operator: Operator, session: str, home: str, but: Collection[str]
) -> dict[str, Known | None]:
    """Ask the other nodes on the path; gives those that know the session, and its home."""
    path = [place.id for place in operator.topology.way_up(home) if place.id not in but]
    known = {place: operator.known(place, session) for place in path}
    return {
        place: found
        for place, found in known.items()
        if place == home or (found and found["token"]["proprietaryLocation"] == home)
    }
