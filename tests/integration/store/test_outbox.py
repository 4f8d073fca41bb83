"""The outbox: every message is delivered by one process at a time, and forgotten only then."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, strategies as st

from edgedb.session import Changes
from edgedb.store.outbox import Entry
from edgedb.wire.model import Message, Propagation
from tests.integration.store.steps import Place
from tests.support import strategies
from tests.support.threads import at_once


def message(n: int) -> Propagation:
    return Propagation.of(str(n), "cloud", "tally", "milk", "edge-a")


def post(place: Place, *numbers: int) -> None:
    """Commit a request that sends some messages."""
    changes = Changes({}, {}, tuple(message(n) for n in numbers))
    place.store.requests.commit(place.run(), changes)


def numbers(entries: Iterable[Entry]) -> list[int]:
    """Give the numbers of messages."""
    return [int(e.message.id) for e in entries if isinstance(e.message, Propagation)]


def test_messages_are_taken_in_the_order_they_were_committed(edge: Place) -> None:
    post(edge, 1, 2)
    post(edge, 3)
    assert numbers(edge.store.outbox.claim_new()) == [1, 2, 3]


def test_an_empty_outbox_has_nothing_to_take(edge: Place) -> None:
    assert numbers(edge.store.outbox.claim_new()) == []
    assert numbers(edge.store.outbox.claim_old(0)) == []


def test_what_was_sent_before_anybody_looked_is_found(edge: Place) -> None:
    post(edge, 1)
    assert numbers(edge.store.outbox.claim_old(0)) == []
    assert numbers(edge.store.outbox.claim_new()) == [1]


def test_what_one_process_has_taken_no_other_takes_before_its_time(edge: Place) -> None:
    post(edge, 1)
    assert numbers(edge.store.outbox.claim_new()) == [1]
    assert numbers(edge.store.outbox.claim_new()) == []
    assert numbers(edge.store.outbox.claim_old(60_000)) == []
    assert numbers(edge.store.outbox.claim_old(0)) == [1]


def test_a_delivered_message_is_forgotten_and_the_others_are_not(edge: Place) -> None:
    post(edge, 1, 2, 3)
    for entry in list(edge.store.outbox.claim_new()):
        if numbers([entry]) == [2]:
            edge.store.outbox.remove(entry)
            edge.store.outbox.remove(entry)
    assert numbers(edge.store.outbox.claim_old(0)) == [1, 3]
    assert edge.store.residents.load().outbox == 2


def test_an_entry_knows_when_it_was_posted(edge: Place) -> None:
    before = server_ms(edge)
    post(edge, 1)
    (entry,) = edge.store.outbox.claim_new()
    assert before <= entry.created_ms <= server_ms(edge)


def server_ms(place: Place) -> int:
    """Give the time of a place's server."""
    seconds, microseconds = place.client.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def test_racing_processes_share_the_messages_out(edge: Place) -> None:
    post(edge, *range(500))
    taken = list[int]()

    def drain(_: int) -> None:
        while found := numbers(edge.store.outbox.claim_new()):
            taken.extend(found)

    at_once(8, drain)
    assert sorted(taken) == list(range(500))


def test_any_process_may_be_the_first_to_look(edge: Place) -> None:
    for n in range(20):
        edge.empty()
        post(edge, n)
        at_once(8, lambda _: numbers(edge.store.outbox.claim_old(0)))
        assert numbers(edge.store.outbox.claim_new()) == [n]


@strategies.quick
@given(st.lists(strategies.propagations, max_size=3))
def test_any_message_is_kept_as_it_is(edge: Place, messages: list[Message]) -> None:
    edge.empty()
    edge.store.requests.commit(edge.run(), Changes({}, {}, tuple(messages)))  # type: ignore[arg-type]
    assert [entry.message for entry in edge.store.outbox.claim_new()] == messages
