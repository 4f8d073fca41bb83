"""A server's clock is set back or forward: no state lasts longer than its own time for it.

Nothing here is about safety. Who may commit and who may hand over is decided by lock, epoch and
grant, whatever the time is.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from edgedb.errors import Conflict, GrantRefused, SessionLost
from edgedb.store import keys
from edgedb.store.destination import UnfinishedArrival
from edgedb.store.limits import CLOCK_STEP_MS, REPLY_TTL_MS
from edgedb.store.requests import Replay, Wait
from edgedb.wire.items import Scalar
from edgedb.wire.model import Propagation
from tests.integration.store.steps import FREEZE_TIMEOUT_S, LOCK_TTL_S, TOKEN, Place, changes

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


def test_what_a_clock_is_put_right_by_ends_no_lock_and_no_freeze(edge: Place) -> None:
    run = edge.run()
    set_back(edge, CLOCK_STEP_MS / 1000)
    assert edge.begin() == Wait("locked")
    edge.store.requests.commit(run, changes({"x": "1"}))
    edge.frozen()
    set_back(edge, CLOCK_STEP_MS / 1000)
    assert edge.begin() == Wait("frozen")


@pytest.mark.parametrize("has_grant", [True, False])
def test_a_freeze_of_before_the_clock_was_set_back_is_over_for_ever(
    edge: Place, has_grant: bool
) -> None:
    edge.write({"x": "1"})
    run = None if has_grant else edge.run()
    token, grant = edge.token(), edge.freeze()
    set_back(edge)
    if run is not None:
        edge.store.requests.release(run)
    edge.write({"x": "2"})
    edge.clock.advance(HOUR_S)  # set right again
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(token, grant or "", "city")
    with pytest.raises(Conflict, match="is over"):
        edge.freeze()


def test_a_lock_of_before_the_clock_was_set_back_holds_up_no_move(edge: Place) -> None:
    edge.write({"x": "1"})
    late = edge.run()
    set_back(edge)
    edge.frozen()
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, changes({"x": "late"}))


def test_an_arrival_whose_mover_is_silent_since_the_clock_was_set_back_makes_room(
    city: Place,
) -> None:
    city.staged(Scalar("x", "1"))
    set_back(city)
    with pytest.raises(UnfinishedArrival):
        city.store.destination.arrive(TOKEN, "other")
    assert city.store.destination.discard_idle("s", "t")
    city.store.destination.arrive(TOKEN, "other")


def test_an_arrival_that_is_still_copied_goes_on_after_the_clock_was_set_back(city: Place) -> None:
    city.staged(Scalar("x", "1"))
    set_back(city)
    city.store.destination.prepare("t", 1, TOKEN, "grant", 9)
    city.clock.advance(FREEZE_TIMEOUT_S - 0.001)
    assert not city.store.destination.discard_idle("s", "t")
    assert city.begin() == Wait("arriving")


@pytest.mark.parametrize("grant", ["", "grant"])
def test_a_transfer_is_given_up_whatever_the_clock_says(city: Place, grant: str) -> None:
    if grant:
        city.prepared(Scalar("x", "1"))
    else:
        city.staged(Scalar("x", "1"))
    set_back(city)
    assert city.store.destination.discard("s", "t", grant)
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
    message = Propagation("m", "cloud", "tally", "milk", "edge-a")
    then = edge.store.inspection.now_ms() + 10 * 365 * 24 * HOUR_MS  # the server's own clock
    body = json.dumps(message.to_json())
    edge.client.xadd(keys.OUTBOX, {"message": body}, id=f"{then}-0")
    [taken] = edge.store.outbox.claim_new()  # by a process that dies
    assert list(look(edge)) == [taken]  # type: ignore[call-overload]
