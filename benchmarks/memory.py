"""What an idle session and a pointer take in the server beyond the user's data."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import redis

from benchmarks.context import Context
from benchmarks.medians import median
from benchmarks.outcome import Claim, Outcome, Row
from benchmarks.seeding import Original, used
from benchmarks.sessions import create
from benchmarks.trees import Tree

NAME = "memory"

_BATCHES = 5
_OF = "a name of 36 B included"

_METHOD = """\
Sessions named by a UUID (36 bytes) are created at edge-b by real requests that write nothing; some
of them are then offloaded, which leaves a pointer behind. What the server's `used_memory` grows by,
without buffers of clients and of the append-only file and without scripts, is divided by their
number, batch by batch: index entries and the server's own tables are in it. Tables double now and
then, so the same is measured in the large: one of these sessions, and one of these pointers, is
copied by the server under new names of the same length, keys and index entries, as they were
written. Beside it, as many plain keys under the same names with a one-byte value."""


def run(context: Context) -> Outcome:
    """Create sessions, offload some, multiply one of each."""
    tree, scale = context.tree, context.scale
    names = [str(uuid.uuid4()) for _ in range(scale.idle_sessions)]
    context.progress(0.0, "creating")
    _create(tree, "warm-up")
    tree.operator.offload("edge-b", "warm-up")
    server = tree.redis("edge-b")
    created = _growth(server, names, lambda name: _create(tree, name))
    context.progress(0.3, "offloading")
    moved = names[: scale.pointers]
    shrunk = _growth(server, moved, lambda name: tree.operator.offload("edge-b", name))
    pointers = [median(created) + growth for growth in shrunk]
    context.progress(0.6, "copying")
    plain = _growth_of_plain_keys(server, scale.copies)
    sessions_in_bulk = _growth_of_copies(server, names[-1], scale.copies)
    pointers_in_bulk = _growth_of_copies(server, names[0], scale.copies)
    return Outcome(
        name=NAME,
        title="Memory at rest",
        method=_METHOD,
        rows=[
            Row.of(f"idle empty session, {len(names)} real ones", "B", created),
            Row.of(f"pointer, {len(moved)} real ones", "B", pointers),
            Row.against(f"idle empty session, {scale.copies} copies", "B", sessions_in_bulk, plain),
            Row.against(f"pointer, {scale.copies} copies", "B", pointers_in_bulk, plain),
        ],
        claims=[
            Claim("memory.session", max(median(created), median(sessions_in_bulk)), _OF),
            Claim("memory.pointer", max(median(pointers), median(pointers_in_bulk)), _OF),
        ],
    )


def _create(tree: Tree, session: str) -> None:
    create(tree, "edge-b", session, "fill", "?shape=values&first=0&count=0&bytes=0")


def _growth(server: redis.Redis, names: list[str], step: Callable[[str], object]) -> list[float]:
    """Give the bytes by which the server grows for each name, batch by batch."""
    return [_growth_of_batch(server, batch, step) for batch in _split(names)]


def _split(names: list[str]) -> Iterator[list[str]]:
    size = len(names) // _BATCHES
    yield from (names[first : first + size] for first in range(0, size * _BATCHES, size))


def _growth_of_batch(server: redis.Redis, batch: list[str], step: Callable[[str], object]) -> float:
    before = used(server)
    for name in batch:
        step(name)
    return (used(server) - before) / len(batch)


def _growth_of_copies(server: redis.Redis, session: str, count: int) -> list[float]:
    """Give the bytes of each of ``count`` copies of what a server has of a session."""
    original, before = Original(server, session), used(server)
    for _ in original.copy(0, count):
        pass
    return [(used(server) - before) / count]


def _growth_of_plain_keys(server: redis.Redis, count: int) -> list[float]:
    before = used(server)
    with server.pipeline(transaction=False) as pipe:
        for _ in range(count):
            pipe.set(f"plain:{uuid.uuid4()}", "1")
        pipe.execute()
    return [(used(server) - before) / count]
