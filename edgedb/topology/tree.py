"""The tree of locations: who is whose parent, and what lies on the way to the root.

All moves of a session happen between its proprietary location and the root, so a node is given
only its ancestors and its own subtree: :meth:`Topology.view_of`. The document that describes a
tree, and what is refused in it, is in :mod:`edgedb.topology.document`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from edgedb.errors import UnknownLocation
from edgedb.topology.document import Location, by_parent, parse

__all__ = ["Location", "Topology"]


@dataclass(frozen=True)
class Topology:
    """A checked tree of locations, made by :meth:`from_json`.

    Every method that takes a location id raises :class:`~edgedb.errors.UnknownLocation` for one
    that is not part of the tree.
    """

    levels: tuple[str, ...]
    locations: Mapping[str, Location]
    name: str

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Topology:
        """Check and build a tree; raise :class:`~edgedb.errors.InvalidTopology` saying why not."""
        return cls(*parse(document))

    def to_json(self) -> dict[str, Any]:
        """Give the document from which :meth:`from_json` makes an equal topology."""
        said = {} if self.name == self.root.id else {"tree": self.name}
        locations = {location.name: location.to_json() for location in self}
        return {**said, "levels": list(self.levels), "locations": locations}

    def __getitem__(self, id_: str) -> Location:
        try:
            return self.locations[self._ids[id_]]
        except KeyError:
            raise UnknownLocation(f"location {id_!r} is not part of the topology") from None

    def __contains__(self, id_: object) -> bool:
        return id_ in self._ids

    def __iter__(self) -> Iterator[Location]:
        return iter(self.locations.values())

    def __len__(self) -> int:
        return len(self.locations)

    @cached_property
    def root(self) -> Location:
        """The one location without a parent."""
        return self._children[None][0]

    def parent(self, id_: str) -> Location | None:
        """Give the location one level up, None at the root."""
        parent = self[id_].parent
        return None if parent is None else self[parent]

    def children(self, id_: str) -> tuple[Location, ...]:
        """Give the locations one level down, in the order of the document."""
        return tuple(self._children.get(self[id_].id, ()))

    def ancestors(self, id_: str) -> list[Location]:
        """Give the locations above this one, nearest first; it is not among them."""
        return self.way_up(id_)[1:]

    def subtree(self, id_: str) -> frozenset[str]:
        """Give the ids of this location and everything below it."""
        found = [self[id_]]
        for location in found:  # it grows on the way
            found.extend(self._children.get(location.id, ()))
        return frozenset(location.id for location in found)

    def relatives(self, id_: str) -> list[str]:
        """Give the ids of the locations above this one, nearest first, and below it."""
        here = self[id_].id
        below = sorted(self.subtree(here) - {here})
        return [*(place.id for place in self.ancestors(here)), *below]

    def homes(self, place: str) -> frozenset[str]:
        """Give the ids of the locations whose sessions may be at a place."""
        return self.subtree(place) | self.strangers(place)

    def in_subtree(self, id_: str, of: str) -> bool:
        """Tell whether ``id_`` is ``of`` or lies below it; as many steps as the tree is deep."""
        top = self[of]
        return any(location is top for location in self.way_up(id_))

    def is_below(self, id_: str, top: str) -> bool:
        """Tell whether ``id_`` lies below ``top``; False where one is not part of the tree."""
        is_known = id_ in self and top in self
        return is_known and self[id_] is not self[top] and self.in_subtree(id_, top)

    def was_on_path(self, home: str, place: str) -> bool:
        """Tell whether a place was above a home, before that or one above it got another parent."""
        if home not in self or self.in_subtree(home, place):
            return False
        former = (each for above in self.way_up(home) for each in above.former)
        return any(self.in_subtree(each, place) for each in former)

    def strangers(self, place: str) -> frozenset[str]:
        """Give the homes that a place was above, and is not any more."""
        homes = self.locations if self._moved else ()
        return frozenset(home for home in homes if self.was_on_path(home, place))

    def view_of(self, id_: str) -> Topology:
        """Give the part that this location's node is given: its ancestors and its subtree.

        And where its sessions, or those that it had, may be after the tree has changed.
        """
        here = self[id_].id
        seen = {*self.subtree(here), *self.strangers(here)}
        for place in [*seen] if self._moved else ():
            seen |= {each for above in self.way_up(place) for each in above.former}
        seen |= {above.id for place in [*seen] for above in self.way_up(place)}
        own = {loc.id: loc for loc in self if loc.id in seen}
        return Topology(self.levels, own, self.name)

    @cached_property
    def _moved(self) -> bool:
        """Whether any location had another parent."""
        return any(place.former for place in self)

    @cached_property
    def _ids(self) -> Mapping[str, str]:
        """The id of each location by each of its names."""
        return {name: place.id for place in self for name in (place.id, *place.names)}

    @cached_property
    def _children(self) -> dict[str | None, list[Location]]:
        return by_parent(self)

    def way_up(self, id_: str) -> list[Location]:
        """Give the locations from this one up to the root, both included."""
        path = [self[id_]]
        while (parent := path[-1].parent) is not None:
            path.append(self[parent])
        return path
