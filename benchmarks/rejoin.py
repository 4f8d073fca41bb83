"""A node whose store comes back empty takes over what others know of its sessions."""

from __future__ import annotations

import time
import uuid

import requests

from benchmarks import trees
from benchmarks.context import Context
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.seeding import Original
from benchmarks.sessions import KIB, SHAPES, Contents, fill
from benchmarks.trees import Tree

NAME = "rejoin"

_LEVELS = ("cloud", "edge")
_POLL_S = 0.1
_LONGEST_S = 300.0

_METHOD = """\
A session of the edge is offloaded to the cloud and copied there by the server under new names, keys
and index entries. The store of the edge is emptied; it is declared lost and claimed anew, as
`edgectl lost` and `edgectl claim` do. The time runs from then until the node serves: it has a
pointer to each of these sessions then, which are counted."""


def run(context: Context) -> Outcome:
    """Empty the store of a location whose sessions are all away, and wait until it serves."""
    count = context.scale.copies
    with trees.tree(context.folder / NAME, levels=_LEVELS) as tree:
        session = _away(tree, count - 1, context)
        tree.redis("edge").flushall()
        _ask(tree, "cloud", "lost").raise_for_status()
        _ask(tree, "edge", "claim").raise_for_status()
        took = _until_it_serves(tree)
        there = sum(1 for _ in tree.redis("edge").scan_iter("edge:{*}:meta", count=1000))
        led = tree.call("edge", "pair", session=session).status_code
    return Outcome(
        name=NAME,
        title="Rejoining with an empty store",
        method=_METHOD,
        rows=[
            Row.of(f"from the claim to serving, {count:,} sessions away", "s", [took]),
            Row.of("pointers", "pointers/s", [count / took]),
        ],
        claims=[Claim("rejoin.time", took, f"{count:,} pointers")],
        failures=_failures(count, there, led),
    )


def _away(tree: Tree, copies: int, context: Context) -> str:
    """Make sessions of the edge that are in the cloud; gives one of them."""
    session = str(uuid.uuid4())
    fill(tree, "edge", session, Contents.of(SHAPES[0], KIB))
    tree.operator.offload("edge", session)
    for done in Original(tree.redis("cloud"), session).copy(0, copies):
        context.progress(done / copies / 2, f"{done:,} sessions")
    return session


def _ask(tree: Tree, at: str, what: str) -> requests.Response:
    """Ask a node's oracle for something about the edge."""
    return tree.oracle(at, f"oracle/{what}?location=edge")


def _until_it_serves(tree: Tree) -> float:
    began = time.monotonic()
    while _ask(tree, "edge", "rejoin").status_code != 200:
        if time.monotonic() > began + _LONGEST_S:
            raise TimeoutError("the node does not serve again")
        time.sleep(_POLL_S)
    return time.monotonic() - began


def _failures(count: int, there: int, led: int) -> list[str]:
    found = []
    if there != count:
        found.append(f"{there:,} pointers of {count:,}")
    if led != 307:
        found.append(f"a session that is away is answered with {led}")
    return found
