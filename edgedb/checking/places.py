"""Checks whether sessions are where this node says: others are asked about many in one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from edgedb.checking.findings import Finding, Kind
from edgedb.checking.tracing import Witnesses, flaw, path
from edgedb.node import Node
from edgedb.store.inspection import State
from edgedb.times import rfc3339
from edgedb.wire.model import Known, SessionToken

Told = Mapping[str, Mapping[str, Known]]
"""What other nodes say, by location and session."""


def check_places(
    node: Node, states: Sequence[State], witnesses: Witnesses
) -> Iterator[Finding[Any]]:
    """Check whether pointers lead to sessions, and whether residents live elsewhere too."""
    tokens = [(state.token, state) for state in states if state.token and "meta" in state.parts]
    residents = {token: state for token, state in tokens if state.is_here}
    pointers = [token for token, state in tokens if not state.is_here and not state.is_arriving]
    pointers = [token for token in pointers if not _is_beside(node, token)]
    told = _told(node, residents, pointers, witnesses)
    yield from _check_pointers(node, pointers, told, witnesses)
    yield from _check_residents(node, residents, told)


def _told(
    node: Node,
    residents: Mapping[SessionToken, State],
    pointers: Sequence[SessionToken],
    witnesses: Witnesses,
) -> Told:
    """Ask each node on residents' paths, or that pointers lead to, about all of them.

    Who was declared lost is not asked.
    """
    asked = defaultdict[str, list[str]](list)
    for token in residents:
        for place in _others(node, token):
            asked[place].append(token.session)
    for token in pointers:
        if node.is_relative(token.current_location):
            asked[token.current_location].append(token.session)
    gone = {place for place in asked if node.store.inspection.is_gone(place)}
    return {
        place: witnesses.ask(place, partial(node.peers.known, place, sessions)) or {}
        for place, sessions in asked.items()
        if place not in gone
    }


def _check_pointers(
    node: Node, pointers: Sequence[SessionToken], told: Told, witnesses: Witnesses
) -> Iterator[Finding[SessionToken]]:
    """Look closer at those that do not lead to a resident at once."""
    for pointer in pointers:
        place = pointer.current_location
        known = told.get(place, {}).get(pointer.session)
        if known and known.token.current_location == place and known.token.epoch >= pointer.epoch:
            continue
        if found := witnesses.ask(place, partial(flaw, node, pointer)):
            yield Finding(Kind.POINTER, pointer.session, found, pointer)


def _check_residents(
    node: Node, residents: Mapping[SessionToken, State], told: Told
) -> Iterator[Finding[Any]]:
    """Tell of those that live elsewhere too, or should.

    What others say was true after the residents had been looked at. So who is still here as it was
    then has not moved meanwhile.
    """
    for token in residents:
        home = token.proprietary_location
        if home not in node.topology or _is_beside(node, token):
            why = f"resident here, which is not on the way from {home} to the root (any more)"
            yield Finding(Kind.STRANDED, token.session, why, token)
    forked = {
        token: found
        for token, state in residents.items()
        if (found := [*_rivals(node, token, told), *_refused(token, state)])
    }
    now = node.store.residents.tokens(token.session for token in forked)
    for (token, found), known in zip(forked.items(), now, strict=True):
        if known == token:
            here, last = residents[token], rfc3339(residents[token].accessed_ms)
            at = f"resident here in epoch {token.epoch}, version {here.version}, last used {last}"
            yield Finding(Kind.FORKED, token.session, "; ".join([at, *found]), None)


def _rivals(node: Node, token: SessionToken, told: Told) -> Iterator[str]:
    """Say which nodes have the session too, or lead to a later owner."""
    for place in _others(node, token):
        known = told.get(place, {}).get(token.session)
        if known is None or known.token.proprietary_location != token.proprietary_location:
            continue
        other = known.token
        if other.current_location == place:
            last = f"version {known.version}, last used {known.last_access}"
            yield f"and at {place} in epoch {other.epoch}, {last}"
        elif other.epoch > token.epoch:
            yield f"{place} leads to {other.current_location} in epoch {other.epoch}"


def _refused(token: SessionToken, state: State) -> Iterator[str]:
    """Say who has told this node that it has the session."""
    epoch, location = state.told
    if epoch > token.epoch:
        yield f"{location} has told that it is there in epoch {epoch}"


def _others(node: Node, token: SessionToken) -> Iterator[str]:
    """Give the other nodes on a session's path, as far as this one knows and may ask them."""
    home = token.proprietary_location
    places = path(node, home) if home in node.topology else iter(())
    return filter(node.is_relative, places)


def _is_beside(node: Node, token: SessionToken) -> bool:
    """Say whether this node is not on a session's path any more: nobody asks it for pointers."""
    return node.topology.was_on_path(token.proprietary_location, node.location)
