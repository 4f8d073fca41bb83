"""What a session has, written and read in whole requests; and a moment to do so in a move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import edgedb
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.session import Changes, ListChange
from edgedb.store.requests import Attempt, Redirect, Run
from edgedb.wire.model import Value
from tests.support.scripted import ScriptedReader
from tests.support.tree import Tree

Content = tuple[dict[str, Value], dict[str, list[Value]]]


def write(tree: Tree, scalars: dict[str, Value | None], lists: dict[str, ListChange]) -> None:
    """Make one whole request in the session, wherever it is."""
    place = "edge-a"
    while True:
        requests = tree.node(place).store.requests
        outcome = requests.begin(Attempt("s", "f", "a lock"))
        if isinstance(outcome, Run):
            return requests.commit(outcome, Changes(scalars, lists))
        assert isinstance(outcome, Redirect), outcome
        place = outcome.location


def read(tree: Tree, place: str, scalars: list[str], lists: list[str]) -> Content:
    """Read some of a session where it is."""
    found: list[Content] = []

    def collect(_: edgedb.Request) -> None:
        values = {k: v for k in scalars if (v := edgedb.get(k)) is not None}
        found.append((values, {k: v for k in lists if (v := edgedb.get_list(k))}))

    tree.functions["collect"] = ScriptedReader(collect)
    assert tree.call(place, "collect").status == 200
    return found[-1]


def appended(*values: Value) -> ListChange:
    """Append to a list."""
    return ListChange(appended=[*values])


def replaced(*values: Value) -> ListChange:
    """Begin a list anew; without values: delete it."""
    return ListChange(replaced=True, appended=[*values])


def at_call(tree: Tree, number: int, act: Callable[[], Any]) -> None:
    """Do something just before the n-th call to the source of a move."""
    seen = [0]

    def hook(call: PeerRequest, deliver: Callable[[], PeerResponse]) -> PeerResponse:
        seen[0] += call.function == "migrate-session"
        if seen[0] == number:
            seen[0] += 1
            act()
        return deliver()

    tree.hook = hook
