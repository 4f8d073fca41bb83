"""Each described answer of each operation is one that a call gets, and no call gets another.

A call that succeeds is made again with one thing wrong at a time: without credentials or with a
stranger's, with Redis stopped, silent or full, with the other nodes out of reach, without settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from edgedb.store.client import LeanRedis
from edgedb.wire.headers import PROPAGATE, SIGNED
from tests.hostile.calls import EXAMPLES, GUESSING, NOBODY, ORACLE, Attempt, Call, Examples
from tests.hostile.document import USERS, Operation, operations
from tests.hostile.watched import Watched
from tests.support.dumps import Held
from tests.support.hooks import lose_request
from tests.support.servers import free_port
from tests.support.silence import silent
from tests.support.tree import Tree

OPERATIONS = list(operations())
CHANGING = (
    *("commit", "status", "stage", "hand_over", "activate", "update", "XREADGROUP"),
    *("cede", "restore"),
)


def out_of_reach(tree: Tree, call: Call) -> int:
    tree.hook = lose_request
    return call(tree)


def without_oracle_token(tree: Tree, call: Call) -> int:
    return call(like(tree, tree.clients, settings={"oracle_tokens": tuple}))


def with_stopped_servers(tree: Tree, call: Call) -> int:
    stopped = LeanRedis(port=free_port(), retry=Retry(NoBackoff(), 0))
    return call(like(tree, dict.fromkeys(tree.clients, stopped)))


def with_silent_servers(tree: Tree, call: Call) -> int:
    """Let the servers take what changes something, and not say so."""
    with ExitStack() as stack:
        for client in tree.clients.values():
            stack.enter_context(silent(client, *CHANGING))
        return call(tree)


def with_full_servers(tree: Tree, call: Call) -> int:
    for client in tree.clients.values():
        client.config_set("maxmemory", 1)
    try:
        return call(tree)
    finally:
        for client in tree.clients.values():
            client.config_set("maxmemory", 0)


def unconfigured(tree: Tree, call: Call) -> int:
    """Let the function look for the settings of its process, which has none."""
    return tree.functions[call.function].respond_to(call.request).status


FAULTS: list[Callable[[Tree, Call], int]] = [
    out_of_reach,
    without_oracle_token,
    with_stopped_servers,
    with_silent_servers,
    with_full_servers,
    unconfigured,
]


def like(tree: Tree, clients: dict[str, redis.Redis], **options: object) -> Tree:
    """Give the same tree with other servers or settings."""
    other = Tree(tree.topology, clients, is_claimed=False, **options)  # type: ignore[arg-type]
    other.functions |= tree.functions
    return other


def examples_of(operation: Operation) -> Examples:
    """Give an operation's examples, or those of the one whose description it shares."""
    same = next(o for o in OPERATIONS if o.document is operation.document)
    return EXAMPLES[str(same)]


def attempts(operation: Operation) -> Iterator[Attempt]:
    """Give all calls of an operation, with what is to be wrong at the time."""
    method, found = operation.method.upper(), examples_of(operation)
    for other in found.others:
        yield replace(other, method=method) if isinstance(other, Call) else other
    for call in found.succeeding:
        good = replace(call, method=method)
        yield good
        yield replace(good, caller=GUESSING if good.caller == ORACLE else "stranger")
        yield replace(good, caller=NOBODY)
        yield from (during(fault, good) for fault in FAULTS)


def during(fault: Callable[[Tree, Call], int], call: Call) -> Attempt:
    return lambda tree: fault(tree, call)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_the_answers_are_the_described_ones(operation: Operation, state: Tree, held: Held) -> None:
    seen, as_usual = set(), state.hook
    Watched.read.clear()
    for attempt in attempts(operation):
        seen.add(attempt(state))
        state.hook = as_usual
        held.put_back()
    assert seen == operation.statuses
    signed = {("header", name) for name in SIGNED}  # a credential reads them all
    assert Watched.read - signed == described_parameters(operation) - signed


def described_parameters(operation: Operation) -> set[tuple[str, str]]:
    """Give the kinds and names of parameters; a user's function reads a query of its own."""
    found = {(place, name) for place in ("query", "header") for name in operation.parameters(place)}
    return found | ({("header", PROPAGATE)} if operation.function == USERS else set())
