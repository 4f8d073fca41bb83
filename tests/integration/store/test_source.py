"""The source of a move on a real server: offer, hold, hand over; what pages carry is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from edgedb.errors import EdgeError, NotFound, NotResident, OfferEnded, SessionBusy, SessionLost
from edgedb.session import Changes
from edgedb.store.requests import Redirect, Run, Wait
from edgedb.store.scripts import Scripts
from edgedb.wire.hand_over import Ask, Changed, Ended, Handed
from edgedb.wire.packet import Offer, SessionPacket, Since
from tests.integration.store.steps import FREEZE_TIMEOUT_S, LOCK_TTL_S, Place, changes


def offered(place: Place) -> SessionPacket:
    """Offer a session."""
    (packet,) = place.store.source.offers(["s"])
    if isinstance(packet, EdgeError):
        raise packet
    return packet


STEPS: dict[str, Callable[[Place], Any]] = {
    "page": lambda place: place.page(),
    "offer": lambda place: offered(place),
    "whole": lambda place: place.store.source.whole("s", 0),
}
steps = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS.keys())


@steps
def test_a_session_that_is_not_known_cannot_be_moved(
    edge: Place, step: Callable[[Place], Any]
) -> None:
    with pytest.raises(NotFound):
        step(edge)
    assert edge.keys() == []


@steps
def test_a_session_whose_first_request_still_runs_is_not_known_yet(
    edge: Place, step: Callable[[Place], Any]
) -> None:
    edge.run()
    before = edge.dump()
    with pytest.raises(NotFound):
        step(edge)
    assert edge.dump() == before


@steps
def test_a_session_that_is_elsewhere_says_where(edge: Place, step: Callable[[Place], Any]) -> None:
    edge.write({"x": "1"})
    edge.give_away("city")
    with pytest.raises(NotResident, match="at city"):
        step(edge)


@steps
def test_to_offer_a_session_writes_nothing(edge: Place, step: Callable[[Place], Any]) -> None:
    edge.write({"x": "1"})
    before = edge.dump()
    step(edge)
    assert edge.dump() == before


def test_a_small_session_is_offered_with_all_of_it_a_large_one_without(edge: Place) -> None:
    edge.write({"x": "1"}, {"a": ["e"]})
    assert offered(edge) == edge.page()
    edge.write({"y": "y" * 70_000})
    large = offered(edge)
    assert (large.items, large.next) == ((), 0)
    assert large.version == edge.page().version


def test_each_of_many_is_offered_with_its_own_content(edge: Place) -> None:
    edge.write({"x": "1"}, {"a": ["e"]}, session="one")
    edge.write({"x": "2"}, {"a": ["f"], "b": ["g"]}, session="two")
    one, unknown, two = edge.store.source.offers(["one", "unknown", "two"])
    assert (one, two) == (edge.page(session="one"), edge.page(session="two"))
    assert isinstance(unknown, NotFound)


def test_a_handed_over_session_is_a_pointer_and_nothing_else(edge: Place) -> None:
    edge.write({"x": "1"}, {"a": ["a"], "b": ["b"]}, key="key", reply=b"reply")
    edge.write({"x": None}, replaced={"b": []})
    token, ask = edge.token(), edge.offer()
    assert edge.hand_over(ask) == Handed(ask.version)
    assert edge.token() == token.moved_to("city")
    assert edge.begin() == Redirect("city")
    assert edge.keys() == ["edge:node", "edge:{s}:meta"]
    pointer = edge.client.memory_usage("edge:{s}:meta")
    load = edge.store.residents.load()
    assert (load.sessions, load.size) == (0, pointer)


@pytest.mark.parametrize("reply", ["", "key"])
def test_a_session_without_data_can_be_handed_over(edge: Place, reply: str) -> None:
    edge.write({"x": "1"})
    edge.write({"x": None}, key=reply)
    edge.give_away("city")
    assert edge.begin() == Redirect("city")


def test_a_repeated_hand_over_says_so_again_and_changes_nothing(edge: Place) -> None:
    edge.write({"x": "1"})
    ask = edge.give_away("city")
    before = edge.dump()
    for version in (ask.version, ask.version + 1, 0):
        assert edge.hand_over(replace(ask, version=version)) == Handed(ask.version)
    assert edge.dump() == before


OTHERS: dict[str, Callable[[Ask], Ask]] = {
    "epoch": lambda ask: replace(ask, epoch=ask.epoch + 1),
    "stay": lambda ask: replace(ask, stay="other"),
    "run": lambda ask: replace(ask, run="other"),
    "later-version": lambda ask: replace(ask, version=ask.version + 1),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_what_was_never_offered_has_ended(edge: Place, other: Callable[[Ask], Ask]) -> None:
    edge.write({"x": "1"})
    ask, before = edge.offer(), edge.dump()
    assert edge.hand_over(other(ask)) == Ended(ask.run, ask.version)
    assert edge.dump() == before


@pytest.mark.parametrize("other", ["transfer", "destination"])
def test_what_another_got_has_ended(edge: Place, other: str) -> None:
    edge.write({"x": "1"})
    ask = edge.give_away("city")
    before = edge.dump()
    asked = replace(ask, transfer="other") if other == "transfer" else ask
    found = edge.hand_over(asked, "cloud" if other == "destination" else "city")
    assert found == Ended(ask.run, 0)
    assert edge.dump() == before


def test_an_older_version_is_not_given_and_never_will_be(edge: Place) -> None:
    edge.write({"x": "1"})
    ask = edge.offer()
    edge.write({"x": "2"})
    version, before = edge.page().version, edge.dump()
    assert edge.hand_over(ask) == Changed(version)
    assert edge.dump() == before
    assert edge.hand_over(replace(ask, version=version)) == Handed(version)


def test_nobody_gets_a_session_while_a_request_runs(edge: Place) -> None:
    edge.write({"x": "1"})
    ask, run = edge.offer(), edge.run()
    assert edge.hand_over(ask) == Changed(ask.version, is_running=True)
    edge.store.requests.release(run)
    assert edge.hand_over(ask) == Handed(ask.version)


def test_a_request_whose_lock_is_over_when_its_session_is_given_away_is_too_late(
    edge: Place,
) -> None:
    edge.write({"x": "1"})
    late = edge.run()
    edge.clock.advance(LOCK_TTL_S)
    edge.give_away("city")
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, changes({"x": "2"}))
    assert not edge.store.requests.renew(late)


def test_where_a_request_does_not_end_what_was_offered_does(edge: Place) -> None:
    edge.write({"x": "1"})
    ask, run = edge.offer(), edge.run()
    ended = Ended(ask.run, ask.version)
    assert edge.hand_over(ask, is_last_try=True) == ended
    edge.store.requests.release(run)
    assert edge.hand_over(ask) == ended  # for ever: what comes late moves nothing
    edge.give_away("city")


def test_an_unknown_session_has_not_ended(edge: Place) -> None:
    edge.write({"x": "1"}, session="other")
    asked, before = replace(edge.offer(session="other"), session="s"), edge.dump()
    token = replace(edge.token("other"), session="s")
    answer = edge.store.source.hand_over([asked], {"s": token}, "city")["s"]
    assert isinstance(answer, NotFound)
    assert edge.dump() == before


def test_a_session_that_was_removed_is_not_given_and_the_next_is_another(edge: Place) -> None:
    edge.write({"x": "1"})
    ask, token = edge.give_away("city"), edge.token()
    edge.store.mending.repoint(token, None)
    answer = edge.store.source.hand_over([ask], {"s": token}, "city")["s"]
    assert isinstance(answer, Ended)
    edge.write({"x": "anew"})
    assert edge.token().epoch == ask.epoch + 2
    assert isinstance(edge.hand_over(ask), Ended)


def test_nor_is_the_next_before_its_first_commit(edge: Place) -> None:
    edge.write({"x": "1"})
    ask, token = edge.give_away("city"), edge.token()
    edge.store.mending.repoint(token, None)
    edge.run()
    answer = edge.store.source.hand_over([ask], {"s": token}, "city")["s"]
    assert isinstance(answer, Ended)


def test_a_request_that_writes_nothing_leaves_what_was_removed_as_it_is(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.give_away("city")
    edge.store.mending.repoint(edge.token(), None)
    edge.store.requests.release(edge.run())
    edge.write({"x": "anew"})
    assert edge.token().epoch == 3


def test_of_many_each_has_its_own_fate(edge: Place) -> None:
    asks = {}
    for session in ("quiet", "changed", "running"):
        edge.write({"x": "1"}, session=session)
        asks[session] = edge.offer(session=session)
    edge.write({"x": "2"}, session="changed")
    edge.run("running")
    tokens = {session: edge.token(session) for session in asks}
    found = edge.store.source.hand_over([*asks.values()], tokens, "city")
    assert found["quiet"] == Handed(asks["quiet"].version)
    assert found["changed"] == Changed(edge.page(session="changed").version)
    assert found["running"] == Changed(asks["running"].version, is_running=True)


def test_a_page_is_given_of_the_stay_and_the_run_that_were_offered(edge: Place) -> None:
    edge.write({"x": "1"})
    offer = edge.page().offer
    assert edge.page(offer=offer) == edge.page()
    for other in (Offer("other", offer.run), Offer(offer.stay, "other")):
        with pytest.raises(OfferEnded):
            edge.page(offer=other)


def hold(edge: Place, ask: Ask) -> Any:
    """Let requests wait for a destination; gives what the next one is told."""
    edge.store.source.hold(ask)
    return edge.begin()


def test_writers_wait_while_a_session_is_held_and_readers_do_not(edge: Place) -> None:
    edge.write({"x": "1"})
    assert hold(edge, edge.offer()) == Wait("held")
    assert edge.content() == ({"x": "1"}, {})


def test_a_running_request_ends_in_a_session_that_is_held(edge: Place) -> None:
    edge.write({"x": "1"})
    run = edge.run(lock="mine")
    assert hold(edge, edge.offer()) == Wait("held")
    assert isinstance(edge.begin(lock="mine"), Run)  # again, since its answer was lost
    edge.store.requests.commit(run, changes({"x": "2"}))
    assert edge.content() == ({"x": "2"}, {})


def test_a_hold_ends_by_itself_and_nothing_that_comes_late_renews_it(edge: Place) -> None:
    edge.write({"x": "1"})
    ask = edge.offer()
    edge.store.source.hold(ask)
    edge.clock.advance(FREEZE_TIMEOUT_S / 2)
    edge.store.source.hold(replace(ask, transfer="other"))
    edge.clock.advance(FREEZE_TIMEOUT_S / 2)
    assert isinstance(edge.begin(lock="x"), Run)
    for version in (ask.version, ask.version - 1):
        edge.store.source.hold(replace(ask, version=version))
        assert edge.begin() == Wait("locked")


def test_who_has_come_further_may_hold_a_session_again(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.store.source.hold(edge.offer())
    edge.clock.advance(FREEZE_TIMEOUT_S)
    edge.write({"x": "2"})
    assert hold(edge, edge.offer()) == Wait("held")


def test_nothing_is_held_for_another_stay(edge: Place) -> None:
    edge.write({"x": "1"})
    ask, before = edge.offer(), edge.dump()
    edge.store.source.hold(replace(ask, stay="other"))
    assert edge.dump() == before


def test_a_hold_does_not_outlive_the_stay(edge: Place, city: Place) -> None:
    edge.write({"x": "1"})
    arrival = city.take(edge)
    edge.store.source.hold(arrival.ask)
    edge.hand_over(arrival.ask)
    city.store.destination.activate([arrival])
    edge.move_from(city, "back")
    edge.run()


def test_a_hand_over_names_every_list_before_it_drops_any(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write(appended={"a": ["a"], "b": ["b"]})
    ask = edge.offer()
    named = [f"edge:{{s}}:list:{number}" for number in range(2)]
    answers = iter([[named[:1]], [named]])
    monkeypatch.setattr(Scripts, "lists_of", lambda *_: next(answers))
    assert edge.hand_over(ask) == Handed(ask.version)
    assert list(answers) == []
    assert edge.keys() == ["edge:node", "edge:{s}:meta"]


def test_a_hand_over_that_never_names_every_list_is_given_up_and_drops_none(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write(appended={"a": ["a"]})
    ask, before = edge.offer(), edge.keys()
    monkeypatch.setattr(Scripts, "lists_of", lambda *_: [[]])
    assert isinstance(edge.hand_over(ask), SessionBusy)
    assert edge.keys() == before


def test_without_changes_since_the_copy_there_is_nothing_more_to_send(edge: Place) -> None:
    edge.write({"x": "1"}, {"words": ["one"]})
    packet = edge.store.source.page("s", Since(edge.page().version))
    assert (packet.items, packet.replies, packet.next) == ((), (), None)


def test_a_commit_without_changes_is_no_change(edge: Place) -> None:
    edge.write({"x": "1"})
    version = edge.page().version
    edge.store.requests.commit(edge.run(), Changes({}, {}))
    assert edge.page().version == version
