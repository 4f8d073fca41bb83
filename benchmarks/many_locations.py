"""A large topology, and the time a propagated value takes to the root."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import requests

from benchmarks import trees
from benchmarks.context import Context
from benchmarks.medians import interleaved
from benchmarks.outcome import Outcome, Row
from benchmarks.trees import Tree
from edgedb.topology.tree import Topology

NAME = "tree"

LOCATIONS = 10_000
_CHILDREN = 10
_PAIRS = 10_000
_LEVELS = ("cloud", "region", "city", "edge")
_STACKS = ("benchmarks/levels.stack.yml",)
_WAIT_S = 10.0

_METHOD = f"""\
A topology of {LOCATIONS:,} locations, {_CHILDREN} below each, is read from the JSON document that a
node is given; beside it, what the JSON parser alone takes. The subtree test is made for {_PAIRS:,}
random pairs; beside it, one look into a dict for each. A function at the edge propagates a value to
the root of a tree of {len(_LEVELS)} levels; the time runs from `propagate` in the handler to
`receive_propagate` at each level. Beside it, one call of a stateless function at that node's
gateway."""


def run(context: Context) -> Outcome:
    """Measure the topology in this process, then propagation through a tree of processes."""
    rows = _topology_rows(5 * context.scale.repetitions)
    context.progress(0.2, "a tree of four levels starts")
    with trees.tree(context.folder / "levels", _STACKS, levels=_LEVELS) as tree:
        context.progress(0.6, "propagating")
        delays = _propagation(tree, context.scale.announcements)
    return Outcome(
        name=NAME,
        title="The tree",
        method=_METHOD,
        rows=[*rows, *delays],
    )


def _topology_rows(repetitions: int) -> list[Row]:
    document = large_document(LOCATIONS)
    text, topology = json.dumps(document), Topology.from_json(document)
    chance = random.Random(1)
    ids = list(topology.locations)
    pairs = [(chance.choice(ids), chance.choice(ids)) for _ in range(_PAIRS)]
    times = interleaved(
        {
            "load": lambda: _ms(lambda: Topology.from_json(json.loads(text))),
            "parse": lambda: _ms(lambda: json.loads(text)),
            "test": lambda: _ms(lambda: [topology.in_subtree(a, b) for a, b in pairs]),
            "look": lambda: _ms(lambda: [topology.locations[a] for a, _ in pairs]),
        },
        repetitions,
    )
    return [
        Row.against("loading, against parsing the JSON", "ms", times["load"], times["parse"]),
        Row.against(f"{_PAIRS:,} subtree tests", "ms", times["test"], times["look"]),
    ]


def large_document(count: int) -> dict[str, Any]:
    """Describe a tree of ``count`` locations."""
    locations: dict[str, Any] = {"place-0": {"gateway": "http://place-0:8080"}}
    for number in range(1, count):
        parent = f"place-{(number - 1) // _CHILDREN}"
        locations[f"place-{number}"] = {"parent": parent, "gateway": f"http://place-{number}:8080"}
    return {"levels": [f"level-{n}" for n in range(_depth(count))], "locations": locations}


def _depth(count: int) -> int:
    depth, number = 1, count - 1
    while number > 0:
        depth, number = depth + 1, (number - 1) // _CHILDREN
    return depth


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _propagation(tree: Tree, count: int) -> list[Row]:
    delays: dict[str, list[float]] = {level: [] for level in _LEVELS}
    calls: dict[str, list[float]] = {level: [] for level in _LEVELS}
    with requests.Session() as client:
        for number in range(count + 1):
            name = f"announcement-{number}"
            headers = {"X-session": name}
            client.post(tree.url("edge", "announce"), name, headers=headers).raise_for_status()
            for level in _LEVELS:
                delay = _arrival_ms(client, tree.url(level, "board"), name)
                call = _ms(partial(client.post, tree.url(level, "stateless")))
                if number:  # the first finds no connections
                    delays[level].append(delay)
                    calls[level].append(call)
    return [
        Row.against(f"propagation from edge to {level}", "ms", delays[level], calls[level])
        for level in _LEVELS
    ]


def _arrival_ms(client: requests.Session, board: str, name: str) -> float:
    """Ask a board until the announcement is there; give what it noted."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        last, _, seconds = client.get(board).text.partition(" ")
        if last == name:
            return float(seconds) * 1000
        time.sleep(0.005)
    raise TimeoutError(f"{name} never arrived at {board}")
