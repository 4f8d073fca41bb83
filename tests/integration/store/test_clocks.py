"""A server's clock is set back or forward: no state lasts longer than its own time for it.

Nothing here is about safety. Who may commit and who may hand over is decided by lock, epoch and
version, whatever the time is.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from edgedb.errors import SessionLost
from edgedb.store import keys
from edgedb.store.arrival import NotOpen
from edgedb.store.limits import CLOCK_STEP_MS, REPLY_TTL_MS
from edgedb.store.requests import Redirect, Replay, Wait
from edgedb.wire.hand_over import Changed
from edgedb.wire.items import Scalar
from edgedb.wire.model import Propagation
from tests.integration.store.steps import FREEZE_TIMEOUT_S, LOCK_TTL_S, Place, changes, packet

HOUR_S = 3600.0
HOUR_MS = 3_600_000


def set_back(place: Place, seconds: float = HOUR_S) -> None:
    place.clock.advance(-seconds)


def test_a_lock_that_was_taken_before_the_clock_was_set_back_is_over(edge: Place) -> None:
    edge.write({"x": "1"})
    late = edge.run()
    set_back(edge)
    edge.store.requests.commit(edge.run(), changes({"x": "2"}))
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, changes({"x": "late"}))
    assert edge.content() == ({"x": "2"}, {})


def test_a_lock_that_was_kept_for_long_holds_up_nobody_after_the_clock_was_set_back(
    edge: Place,
) -> None:
    run = edge.run()
    for _ in range(20):
        edge.clock.advance(LOCK_TTL_S / 2)
        assert edge.store.requests.renew(run)
    set_back(edge, 20)  # to a moment at which it was held
    edge.run()


def test_a_request_that_runs_on_keeps_its_lock_by_renewing_it(edge: Place) -> None:
    run = edge.run()
    set_back(edge)
    assert edge.store.requests.renew(run)
    assert edge.begin() == Wait("locked")
    edge.clock.advance(LOCK_TTL_S)
    edge.run()


def test_what_a_clock_is_put_right_by_ends_no_lock_and_no_hold(edge: Place) -> None:
    run = edge.run()
    set_back(edge, CLOCK_STEP_MS / 1000)
    assert edge.begin() == Wait("locked")
    edge.store.requests.commit(run, changes({"x": "1"}))
    edge.store.source.hold(edge.offer())
    set_back(edge, CLOCK_STEP_MS / 1000)
    assert edge.begin() == Wait("held")


def test_a_hold_of_before_the_clock_was_set_back_is_over_and_is_not_renewed(edge: Place) -> None:
    edge.write({"x": "1"})
    ask = edge.offer()
    edge.store.source.hold(ask)
    set_back(edge)
    edge.write({"x": "2"})
    edge.store.source.hold(ask)  # the same one, late
    edge.write({"x": "3"})
    edge.clock.advance(HOUR_S + FREEZE_TIMEOUT_S)  # set right again
    edge.write({"x": "4"})
    assert isinstance(edge.hand_over(ask), Changed)


def test_a_lock_of_before_the_clock_was_set_back_holds_up_no_move(edge: Place) -> None:
    edge.write({"x": "1"})
    late = edge.run()
    set_back(edge)
    edge.give_away("city")
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, changes({"x": "late"}))


def test_an_arrival_whose_mover_is_silent_since_the_clock_was_set_back_makes_room(
    city: Place,
) -> None:
    arrival = city.staged(Scalar("x", b"s1"))
    set_back(city)
    with pytest.raises(NotOpen):
        city.stage(packet(), "other")
    assert city.store.destination.discard(arrival, is_idle=True)
    city.stage(packet(), "other")


def test_an_arrival_that_is_still_copied_goes_on_after_the_clock_was_set_back(city: Place) -> None:
    arrival = city.staged(Scalar("x", b"s1"))
    set_back(city)
    city.stage(packet(), number=2)
    city.clock.advance(FREEZE_TIMEOUT_S - 0.001)
    assert not city.store.destination.discard(arrival, is_idle=True)
    assert city.begin() == Redirect("edge-a")
    city.stage(packet(), number=3, complete=9)
    assert city.begin() == Wait("arriving")


@pytest.mark.parametrize("complete", [0, 9])
def test_a_transfer_is_given_up_whatever_the_clock_says(city: Place, complete: int) -> None:
    arrival = city.stage(packet(Scalar("x", b"s1")), complete=complete)
    set_back(city)
    assert city.store.destination.discard(arrival)
    assert city.keys() == []


@pytest.mark.parametrize("seconds", [HOUR_S, 365 * 24 * HOUR_S])
def test_a_stored_reply_is_the_answer_to_its_repeat_though_the_clock_was_set_back(
    edge: Place, seconds: float
) -> None:
    edge.write(key="key", reply=b"first")
    set_back(edge, seconds)
    assert edge.begin(idempotency_key="key") == Replay(b"first")


def test_a_clock_that_is_set_forward_a_day_forgets_stored_replies(edge: Place) -> None:
    """The limit that docs/operations.md#clocks states."""
    edge.write(key="key", reply=b"first")
    edge.clock.now_ms += REPLY_TTL_MS
    edge.run(idempotency_key="key")


@pytest.mark.parametrize(
    "look",
    [
        lambda edge: edge.store.outbox.claim_old(60_000),
        lambda edge: edge.store.outbox.waiting(60_000),
    ],
    ids=["a-tick", "the-doctor"],
)
def test_a_message_of_before_the_clock_was_set_back_is_found(
    edge: Place, look: Callable[[Place], object]
) -> None:
    message = Propagation.of("m", "cloud", "tally", "milk", "edge-a")
    then = edge.store.inspection.now_ms() + 10 * 365 * 24 * HOUR_MS  # the server's own clock
    body = msgspec.json.encode(message)
    edge.client.xadd(keys.OUTBOX, {"message": body}, id=f"{then}-0")
    [taken] = edge.store.outbox.claim_new()  # by a process that dies
    assert list(look(edge)) == [taken]  # type: ignore[call-overload]
