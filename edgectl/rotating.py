"""Puts new keys in the place of a location's, and of all below it (docs/security.md#rotating-keys).

There are two steps, and between them both keys are valid: first every node is given the new ones
beside the old, then the old ones are taken away. Nodes may do each step in any order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from edgectl import infrastructure
from edgectl.errors import EdgectlError
from edgectl.secrets_folder import SecretsFolder
from edgedb.topology.tree import Topology

GRACE_S = 1.0
"""For calls that are on their way with a key that has just been replaced."""

Generations = tuple[int, ...]


def next_step(topology: Topology, location: str) -> Generations:
    """Give the generations of a location's key after the next step of its rotation."""
    current, *before = topology[location].generations
    return (current,) if before else (current + 1, current)


def with_generations(topology: Topology, changed: Mapping[str, Generations]) -> Topology:
    """Give the same tree with other generations of the keys of some locations."""
    ids = {topology[name].id: generations for name, generations in changed.items()}
    entries = {
        place.id: replace(place, generations=ids.get(place.id, place.generations))
        for place in topology
    }
    return replace(topology, locations=entries)


def kept(topology: Topology, before: Topology | None) -> Topology:
    """Give a tree with the generations that its keys had before, where those are higher."""
    higher = {
        place.id: place.generations
        for place in before or ()
        if place.id in topology and place.generations > topology[place.id].generations
    }
    return with_generations(topology, higher)


def rotate_live(folder: SecretsFolder, location: str) -> Generations:
    """Do both steps in a tree whose functions read the folder; gives the generation."""
    topology = folder.topology()
    if topology is None:
        raise EdgectlError(f"there are no secrets in {folder.path}")
    while True:
        generations = next_step(topology, location)
        topology = with_generations(topology, {location: generations})
        folder.write(topology)
        if len(generations) == 1:
            return generations
        time.sleep(GRACE_S)


def write_generations(file: Path, location: str, generations: Generations) -> Topology:
    """Put the generations of a location's key into an infrastructure file; gives its tree.

    All else in it stays as it is written, comments too. Raises EdgectlError, and changes nothing,
    if that cannot be done.
    """
    before = infrastructure.load(file)
    wanted = with_generations(before, {location: generations})
    text = file.read_text(encoding="utf-8")
    changed = _with_generation(text, before[location].name, generations)
    if infrastructure.parsed(file, changed) != wanted:
        raise EdgectlError(f"{file}: write generation: {written(generations)} to {location}")
    file.write_text(changed, encoding="utf-8")
    return wanted


def _with_generation(text: str, location: str, generations: Generations) -> str:
    entry = _value(_value(yaml.compose(text, yaml.SafeLoader), "locations"), location)
    if not isinstance(entry, yaml.MappingNode):
        return text
    said, first = _value(entry, "generation"), entry.value[0][0].start_mark
    if said is not None:
        start, end, new = said.start_mark.index, said.end_mark.index, written(generations)
    else:
        apart = ", " if entry.flow_style else "\n" + " " * first.column
        start = end = first.index
        new = f"generation: {written(generations)}{apart}"
    return text[:start] + new + text[end:]


def _value(node: yaml.Node | None, name: str) -> yaml.Node | None:
    """Give what a mapping has under a name."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for key, value in pairs if key.value == name), None)


def written(generations: Generations) -> str:
    """Give generations as the infrastructure file has them."""
    return str(generations[0]) if len(generations) == 1 else str([*generations])
