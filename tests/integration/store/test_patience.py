"""A large step is given the time that it needs; a silent server is noticed soon by all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from msgspec.structs import replace as changed

from edgedb.errors import OutcomeUnknown, StoreUnavailable
from edgedb.store import SessionStore
from edgedb.wire.items import Scalar
from tests.integration.store.steps import Place, attempt, changes, packet, settings, staging
from tests.support.servers import Server

MANY = 8192
PAUSE_MS = 500  # over twice the timeout, so that no repetition helps


@pytest.fixture
def impatient(server: Server, edge: Place) -> Iterator[SessionStore]:
    """Give the store of ``edge-a`` as a node has it that waits for little more than nothing."""
    of_server = {"redis_host": "127.0.0.1", "redis_port": server.port, "redis_timeout": 0.1}
    store = SessionStore.connect(replace(settings(edge.location), **of_server))
    yield store
    store.client.close()


def commit(store: SessionStore, count: int) -> None:
    """Make a request that writes so many values, on a server that is busy at its end."""
    run = store.requests.begin(attempt())
    store.client.execute_command("CLIENT PAUSE", PAUSE_MS)
    store.requests.commit(run, changes({f"k{n}": "v" for n in range(count)}))  # type: ignore[arg-type]


def stage(store: SessionStore, count: int) -> None:
    """Stage so many values of two sessions in one go."""
    each = [
        staging(packet(*(Scalar(f"k{n}", b"sv") for n in range(count // 2))), transfer)
        for transfer in ("t", "u")
    ]
    for names in (["s"], ["s", "other"]):  # so that there are connections
        store.residents.tokens(names)
    two = [each[0], replace(each[1], token=changed(each[1].token, session="other"))]
    store.client.execute_command("CLIENT PAUSE", PAUSE_MS)
    store.destination.stage(two)


@pytest.mark.parametrize("step", [commit, stage])
def test_a_step_with_much_to_do_is_waited_for(
    impatient: SessionStore, step: Callable[[SessionStore, int], None]
) -> None:
    step(impatient, MANY)


@pytest.mark.parametrize("step", [commit, stage])
def test_a_server_that_does_not_answer_a_small_one_is_silent(
    impatient: SessionStore, step: Callable[[SessionStore, int], None]
) -> None:
    with pytest.raises((OutcomeUnknown, StoreUnavailable)):
        step(impatient, 2)
