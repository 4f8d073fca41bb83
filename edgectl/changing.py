"""What a change of the tree means for sessions: who has some elsewhere, and what comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgectl.operating import CallFailed
from edgedb.topology.tree import Location, Topology

Ask = Callable[[str], Mapping[str, int]]
"""Gives how many sessions of each home are resident at a location; raises CallFailed."""


@dataclass(frozen=True)
class Change:
    """What becomes of one location.

    ``away``: by location, how many sessions of it and of those below it are there. ``silent``: who
    could not be asked, and why. ``first``: what is to be done before.
    """

    kind: str
    location: str
    what: str
    away: Mapping[str, int] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    first: str = ""

    def to_json(self) -> dict[str, Any]:
        """Give it as ``edgectl topology diff --json`` prints it."""
        return asdict(self)


def changes(old: Topology, new: Topology, ask: Ask) -> Iterator[Change]:
    """Compare two trees; those that lose or move a location are asked for its sessions."""
    for place in new:
        if place.id not in old:
            yield Change("added", place.name, f"below {place.parent}", first=_twin(old, new, place))
    for place in old:
        if place.id not in new:
            yield _removed(old, place, ask)
            continue
        now = new[place.id]
        if now.parent != place.parent:
            yield _moved(old, now, ask)
        if now.name != place.name:
            yield Change("renamed", place.name, f"to {now.name}")


def _twin(old: Topology, new: Topology, place: Location) -> str:
    """Tell of a location that is gone and had this one's gateway: it may have been renamed."""
    for gone in old:
        if gone.id not in new and gone.gateway == place.gateway:
            return f"if that is {gone.id}, say so: aliases: [{gone.id}]"
    return ""


def _removed(old: Topology, place: Location, ask: Ask) -> Change:
    away, silent = _counts(old, place, ask)
    here = away.get(place.id, 0)
    first = [f"edgectl drain {place.name}"] if here else []
    others = sum(away.values()) - here
    if others or here:
        first.append("then clients go to where their sessions are, which stay there")
    if silent:
        first.append(f"bring back {', '.join(silent)}, or say: edgectl lost LOCATION")
    return Change(
        "removed", place.name, f"was below {place.parent}", away, silent, "; ".join(first)
    )


def _moved(old: Topology, now: Location, ask: Ask) -> Change:
    before = old[now.id]
    away, silent = _counts(old, before, ask)
    away = {at: count for at, count in away.items() if at not in old.subtree(now.id)}
    is_said = before.parent in now.former
    first = "" if is_said else f"say so in the new tree: former: [{before.parent}]"
    return Change("moved", now.name, f"from {before.parent} to {now.parent}", away, silent, first)


def _counts(old: Topology, place: Location, ask: Ask) -> tuple[dict[str, int], dict[str, str]]:
    """Ask those at and above a location how many sessions they have of it and of its subtree."""
    away, silent, homes = dict[str, int](), dict[str, str](), old.subtree(place.id)
    for at in old.way_up(place.id):
        try:
            count = sum(count for home, count in ask(at.id).items() if home in homes)
        except CallFailed as error:
            silent[at.id] = error.message
        else:
            away |= {at.id: count} if count else {}
    return away, silent
