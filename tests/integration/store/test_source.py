"""The source of a move on a real server: freeze, thaw, hand over; what pages carry is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgedb.errors import Conflict, GrantRefused, NotFound, NotResident, SessionBusy, SessionLost
from edgedb.session import Changes
from edgedb.store.requests import Redirect, Wait
from edgedb.store.scripts import Scripts
from edgedb.wire.packet import Cursor
from tests.integration.store.steps import FREEZE_TIMEOUT_S, LOCK_TTL_S, Place, changes

STEPS: dict[str, Callable[[Place], Any]] = {
    "page": lambda place: place.page(),
    "freeze": lambda place: place.store.source.freeze("s", "t", 1),
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


def test_a_frozen_session_makes_every_request_wait(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.frozen()
    assert edge.begin() == edge.begin(lock="") == Wait("frozen")


def test_a_repeated_freeze_answers_the_same_grant(edge: Place) -> None:
    edge.write({"x": "1"})
    assert edge.frozen() == edge.frozen()


def test_a_session_is_frozen_for_one_transfer_at_a_time(edge: Place) -> None:
    edge.write({"x": "1"})
    edge.frozen("t")
    with pytest.raises(SessionBusy):
        edge.freeze("other")


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_freeze_is_for_the_epoch_of_its_token(edge: Place, epoch: int) -> None:
    edge.write({"x": "1"})
    before = edge.dump()
    with pytest.raises(Conflict, match="is over"):
        edge.store.source.freeze("s", "t", epoch)
    assert edge.dump() == before


def test_a_freeze_lets_the_running_request_end_and_no_other_begin(edge: Place) -> None:
    edge.write({"x": "1"})
    run = edge.run()
    assert edge.freeze() is None
    assert edge.begin() == Wait("frozen")
    edge.store.requests.commit(run, changes({"x": "2"}))
    edge.frozen()
    assert {item.to_json()["data"] for item in edge.page().items} == {"2"}


def test_a_request_whose_lock_is_over_when_its_session_is_frozen_is_too_late(edge: Place) -> None:
    edge.write({"x": "1"})
    late = edge.run()
    edge.clock.advance(LOCK_TTL_S)
    edge.frozen()
    with pytest.raises(SessionLost):
        edge.store.requests.commit(late, changes({"x": "2"}))
    assert not edge.store.requests.renew(late)


@pytest.mark.parametrize("how", ["thaw", "time"])
def test_a_thawed_session_serves_and_its_grant_is_dead_for_ever(edge: Place, how: str) -> None:
    edge.write({"x": "1"})
    token, grant = edge.token(), edge.frozen()
    if how == "thaw":
        edge.store.source.thaw("s", "t")
    else:
        edge.clock.advance(FREEZE_TIMEOUT_S)
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(token, grant, "city")
    edge.write({"x": "2"})
    with pytest.raises(Conflict, match="is over"):
        edge.freeze()
    assert edge.frozen("next") != grant
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(token, grant, "city")
    assert edge.residents_of("edge-a") == ["s"]


def test_a_freeze_that_is_over_its_time_is_over_even_if_nobody_has_noticed(edge: Place) -> None:
    edge.write({"x": "1"})
    grant = edge.frozen()
    edge.clock.advance(FREEZE_TIMEOUT_S)
    assert edge.content() == ({"x": "1"}, {})  # a reader leaves it as it is
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(edge.token(), grant, "city")


def test_a_freeze_without_a_grant_yet_ends_in_time_too(edge: Place) -> None:
    edge.write({"x": "1"})
    run = edge.run()
    assert edge.freeze() is None
    edge.clock.advance(FREEZE_TIMEOUT_S)
    with pytest.raises(Conflict, match="is over"):
        edge.freeze()
    edge.store.requests.release(run)
    edge.run()


def test_a_thaw_for_another_transfer_ends_nothing(edge: Place) -> None:
    edge.write({"x": "1"})
    grant = edge.frozen("t")
    edge.store.source.thaw("s", "other")
    edge.store.source.thaw("unknown", "t")
    assert edge.frozen("t") == grant


def test_a_handed_over_session_is_a_pointer_and_nothing_else(edge: Place) -> None:
    edge.write({"x": "1"}, {"a": ["a"], "b": ["b"]}, key="key", reply=b"reply")
    edge.write({"x": None}, replaced={"b": []})
    token, grant = edge.token(), edge.frozen()
    edge.store.source.hand_over(token, grant, "city")
    assert edge.token() == token.moved_to("city")
    assert edge.begin() == Redirect("city")
    assert edge.keys() == ["edge:node", "edge:{s}:meta"]
    load = edge.store.residents.load()
    assert (load.sessions, load.size) == (0, 0)


@pytest.mark.parametrize("reply", ["", "key"])
def test_a_session_without_data_can_be_handed_over(edge: Place, reply: str) -> None:
    edge.write({"x": "1"})
    edge.write({"x": None}, key=reply)
    edge.give_away("city")
    assert edge.begin() == Redirect("city")


def test_a_repeated_hand_over_says_so_again_and_changes_nothing(edge: Place) -> None:
    edge.write({"x": "1"})
    token, grant = edge.token(), edge.frozen()
    edge.store.source.hand_over(token, grant, "city")
    before = edge.dump()
    edge.store.source.hand_over(token, grant, "city")
    edge.store.source.thaw("s", "t")
    assert edge.dump() == before


@pytest.mark.parametrize("state", ["never-frozen", "frozen", "waiting-for-a-request", "gone"])
@pytest.mark.parametrize("grant", ["", "guessed"])
def test_a_grant_that_was_not_given_moves_nothing(edge: Place, state: str, grant: str) -> None:
    edge.write({"x": "1"})
    token = edge.token()
    if state == "frozen":
        edge.frozen()
    if state == "waiting-for-a-request":
        edge.run()
        assert edge.freeze() is None
    if state == "gone":
        edge.give_away("cloud")
    before = edge.dump()
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(token, grant, "city")
    assert edge.dump() == before


def test_an_unknown_session_cannot_be_handed_over(edge: Place) -> None:
    edge.write({"x": "1"}, session="other")
    before = edge.dump()
    with pytest.raises(GrantRefused):
        edge.store.source.hand_over(replace(edge.token("other"), session="s"), "", "city")
    assert edge.dump() == before


def test_a_hand_over_names_every_list_before_it_drops_any(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write(appended={"a": ["a"], "b": ["b"]})
    token, grant = edge.token(), edge.frozen()
    named = [f"edge:{{s}}:list:{number}" for number in range(2)]
    answers = iter([named[:1], named])
    monkeypatch.setattr(Scripts, "list_keys", lambda *_: next(answers))
    edge.store.source.hand_over(token, grant, "city")
    assert list(answers) == []
    assert edge.keys() == ["edge:node", "edge:{s}:meta"]


def test_a_hand_over_that_never_names_every_list_is_given_up_and_drops_none(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge.write(appended={"a": ["a"]})
    token, grant, before = edge.token(), edge.frozen(), edge.keys()
    monkeypatch.setattr(Scripts, "list_keys", lambda *_: [])
    with pytest.raises(SessionBusy):
        edge.store.source.hand_over(token, grant, "city")
    assert edge.keys() == before


def test_a_freeze_without_changes_since_the_copy_has_nothing_more_to_send(edge: Place) -> None:
    edge.write({"x": "1"}, {"words": ["one"]})
    version = edge.page().version
    edge.frozen()
    packet = edge.store.source.page("s", Cursor(version, version, version))
    assert (packet.items, packet.replies, packet.next) == ((), (), None)


def test_a_commit_without_changes_is_no_change(edge: Place) -> None:
    edge.write({"x": "1"})
    version = edge.page().version
    edge.store.requests.commit(edge.run(), Changes({}, {}))
    assert edge.page().version == version
