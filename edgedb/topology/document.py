"""The document that describes the tree, and everything that can be wrong with it.

One shape serves as ``infrastructure.yml`` (for people) and as the JSON of the secret
``edge-topology`` (for a node)::

    tree: shop                           # its name; without it, that of the root
    levels: [cloud, city, edge]          # root first; the level of a location is its depth
    locations:
      cloud:  {gateway: "http://10.0.0.1:8080"}
      city:   {parent: cloud, gateway: "http://10.0.1.1:8080"}
      edge-a: {parent: city, gateway: "http://10.0.2.1:8080", generation: 2}
      south:  {parent: city, gateway: "http://10.0.3.1:8080", aliases: [edge-b], former: [town]}
      town:   {parent: cloud, gateway: "http://10.0.4.1:8080"}

``generation`` is that of the location's key, 1 where it is not said; ``[2, 1]`` while the key of
the first is being put in the place of that of the second.

``aliases`` are the names that a location had, oldest first. The oldest is its id for ever, which
tokens and stores name it by. ``former`` are parents that it had, where sessions may still be.

Every complaint is an :class:`~edgedb.errors.InvalidTopology` that names the key and the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from edgedb.errors import InvalidTopology

LOCATION_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_ID_RULE = "1 to 64 of a-z, 0-9 and -, a letter or digit at both ends"
GENERATION_LIMIT = 2**31
_FIELDS = {"parent", "gateway", "generation", "aliases", "former"}
_NOT_IN_A_BASE_URL = re.compile(r"[^!-~]|[?#@]")


@dataclass(frozen=True, slots=True)
class Location:
    """A named place in the tree; ``gateway`` is its base URL, without a slash at its end.

    ``names`` are all that it had, oldest first: the first is its id, the last is what it is called
    now. ``former`` are the ids of parents that it had.
    """

    id: str
    level: str
    parent: str | None
    gateway: str
    generations: tuple[int, ...] = (1,)
    """Of its key: the current one, and during a rotation the one before."""
    names: tuple[str, ...] = ()
    former: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called now."""
        return self.names[-1] if self.names else self.id

    def to_json(self) -> dict[str, Any]:
        """Give this location's entry in the document; its id and level are said elsewhere there."""
        parent = {} if self.parent is None else {"parent": self.parent}
        changes = {"aliases": [*self.names[:-1]], "former": [*self.former]}
        told = {name: ids for name, ids in changes.items() if ids}
        return {**parent, "gateway": self.gateway, **self._generation(), **told}

    def _generation(self) -> dict[str, int | list[int]]:
        if self.generations == (1,):
            return {}
        current, *previous = self.generations
        return {"generation": [current, *previous] if previous else current}


Parsed = tuple[tuple[str, ...], dict[str, Location], str]


def parse(document: Mapping[str, Any]) -> Parsed:
    """Give the level names, root first, the locations by id, in the document's order, and a name.

    Without a name in the document, the tree has that of its root.
    """
    top = _mapping(document, "the topology", allowed={"tree", "levels", "locations"})
    levels = _levels(top.get("levels"))
    entries = _by_id(
        [_entry(*item) for item in _mapping(top.get("locations"), "locations").items()]
    )
    _require_own_gateways(entries)
    _require_parents(entries)
    placed = {location.id: location for location in _from_the_root(levels, entries)}
    if len(placed) < len(entries):
        lost = next(entry for entry in entries if entry.id not in placed)
        raise InvalidTopology(f"{lost.id}.parent: {lost.parent!r} does not lead to the root")
    root = next(iter(placed))
    return levels, {entry.id: placed[entry.id] for entry in entries}, _name(top.get("tree", root))


def _mapping(value: object, name: str, allowed: set[str] | None = None) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise InvalidTopology(f"{name} must be a mapping, not {value!r}")
    for key in value:
        if allowed is not None and key not in allowed:
            raise InvalidTopology(f"{name}: unknown key {key!r}, it may have {sorted(allowed)}")
    return value


def _levels(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise InvalidTopology(f"levels must be a list of names, root first, not {value!r}")
    for name in value:
        if not isinstance(name, str) or not name.strip():
            raise InvalidTopology(f"levels: a name must be a text, not {name!r}")
    if len(set(value)) < len(value):
        raise InvalidTopology(f"levels: a name occurs twice in {value!r}")
    return tuple(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not LOCATION_ID.fullmatch(value):
        raise InvalidTopology(f"tree: {value!r} is no name ({_ID_RULE})")
    return value


def _entry(id_: object, value: object) -> Location:
    """Read one location; its level is filled in once its depth is known."""
    if not isinstance(id_, str) or not LOCATION_ID.fullmatch(id_):
        raise InvalidTopology(f"locations: {id_!r} is no location id ({_ID_RULE})")
    fields = _mapping(value, f"location {id_}", allowed=_FIELDS)
    parent = fields.get("parent")
    if parent is not None and not isinstance(parent, str):
        raise InvalidTopology(f"{id_}.parent must be a location id, not {parent!r}")
    gateway = _gateway(id_, fields.get("gateway"))
    aliases, former = (_ids(id_, name, fields.get(name, [])) for name in ("aliases", "former"))
    generations = _generations(id_, fields.get("generation", 1))
    names = (*aliases, id_) if aliases else ()
    return Location(aliases[0] if aliases else id_, "", parent, gateway, generations, names, former)


def _ids(id_: str, name: str, value: object) -> tuple[str, ...]:
    found: list[object] = value if isinstance(value, list) else [value]
    ids = [each for each in found if isinstance(each, str) and LOCATION_ID.fullmatch(each)]
    if not isinstance(value, list) or len({*ids}) < len(value):
        raise InvalidTopology(f"{id_}.{name} must be a list of location ids, not {value!r}")
    return tuple(ids)


def _by_id(entries: Sequence[Location]) -> list[Location]:
    """Let parents be named by ids, whatever name of theirs the document uses."""
    ids = dict[str, str]()
    for entry in entries:
        for name in entry.names or (entry.id,):
            if name in ids:
                raise InvalidTopology(f"{entry.name}: {name!r} is a name of another location too")
            ids[name] = entry.id
    for entry in entries:
        if unknown := next((each for each in entry.former if each not in ids), None):
            raise InvalidTopology(f"{entry.name}.former: there is no location {unknown!r}")
    return [
        replace(
            entry,
            parent=None if entry.parent is None else ids.get(entry.parent, entry.parent),
            former=tuple(ids[each] for each in entry.former),
        )
        for entry in entries
    ]


def _generations(id_: str, value: object) -> tuple[int, ...]:
    """Read the generation of a location's key, or those that are valid during a rotation."""
    found = value if isinstance(value, list) else [value]
    if (
        not 1 <= len(found) <= 2
        or not all(map(_is_generation, found))
        or len({*found}) < len(found)
    ):
        rule = f"a number from 1 to {GENERATION_LIMIT}, or two: the current one and the one before"
        raise InvalidTopology(f"{id_}.generation must be {rule}, not {value!r}")
    return tuple(found)


def _is_generation(value: object) -> TypeGuard[int]:
    return type(value) is int and 1 <= value <= GENERATION_LIMIT


def _gateway(id_: str, value: object) -> str:
    if not isinstance(value, str) or not _is_base_url(value):
        rule = "an http or https URL without credentials, query and fragment"
        raise InvalidTopology(f"{id_}.gateway must be {rule}, not {value!r}")
    return value.rstrip("/")


def _is_base_url(value: str) -> bool:
    try:
        url = urlsplit(value)
        is_reachable = bool(url.hostname) and url.port != 0
    except ValueError:
        return False
    return is_reachable and url.scheme in {"http", "https"} and not _NOT_IN_A_BASE_URL.search(value)


def _require_own_gateways(entries: Iterable[Location]) -> None:
    owner: dict[str, str] = {}
    for entry in entries:
        twin = owner.setdefault(entry.gateway, entry.id)
        if twin != entry.id:
            raise InvalidTopology(f"{entry.id}.gateway: {entry.gateway!r} is that of {twin!r} too")


def _require_parents(entries: Iterable[Location]) -> None:
    ids = {entry.id for entry in entries}
    for entry in entries:
        if entry.parent is not None and entry.parent not in ids:
            raise InvalidTopology(f"{entry.id}.parent: there is no location {entry.parent!r}")


def _from_the_root(levels: tuple[str, ...], entries: Iterable[Location]) -> Iterator[Location]:
    """Walk down, a generation a level; a ring of parents is never met on the way."""
    children = by_parent(entries)
    generation = _only_root(children.get(None, []))
    for level in levels:
        yield from (replace(entry, level=level) for entry in generation)
        generation = [child for entry in generation for child in children.get(entry.id, [])]
    if generation:
        raise InvalidTopology(f"{generation[0].id}: deeper in the tree than levels has names")


def by_parent(entries: Iterable[Location]) -> dict[str | None, list[Location]]:
    """Give the children of each location, in the document's order; the root is None's."""
    children: dict[str | None, list[Location]] = {}
    for entry in entries:
        children.setdefault(entry.parent, []).append(entry)
    return children


def _only_root(roots: list[Location]) -> list[Location]:
    if len(roots) != 1:
        found = ", ".join(root.id for root in roots) or "none"
        raise InvalidTopology(f"locations: exactly one has no parent (the root), found: {found}")
    return roots
