"""Which sessions live at a node, in what order they are chosen, and what the node weighs."""

from __future__ import annotations

import pytest

from edgedb.store import keys
from edgedb.store.residents import Load, Resident
from edgedb.wire.choices import OffloadStatus, Policy
from tests.integration.store.steps import Place


@pytest.fixture
def three(edge: Place) -> Place:
    """Give a node with three sessions: ``a`` is the oldest and ``b`` the largest."""
    for name, size in (("a", 100), ("b", 5000), ("c", 10)):
        edge.write({"x": "x" * size}, session=name)
        edge.clock.advance(1)
    return edge


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        (Policy.LARGEST, ["b", "a", "c"]),
        (Policy.LEAST_RECENT, ["a", "b", "c"]),
        (Policy.MOST_RECENT, ["c", "b", "a"]),
    ],
)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
def test_a_policy_is_an_order(three: Place, policy: Policy, order: list[str], count: int) -> None:
    assert three.store.residents.choose(policy, count, ["edge-a"]) == order[:count]


@pytest.mark.parametrize("count", [0, 1, 3, 10])
def test_chance_chooses_different_residents(three: Place, count: int) -> None:
    chosen = three.store.residents.choose(Policy.RANDOM, count, ["edge-a"])
    assert len(chosen) == len(set(chosen)) == min(count, 3)
    assert set(chosen) <= set("abc")


@pytest.mark.parametrize("policy", Policy)
def test_from_an_empty_node_nothing_is_chosen(edge: Place, policy: Policy) -> None:
    assert edge.store.residents.choose(policy, 3, ["edge-a", "edge-b"]) == []


def test_a_request_makes_its_session_the_most_recently_used(three: Place) -> None:
    three.write({"y": "1"}, session="a")
    assert three.residents_of("edge-a") == ["b", "c", "a"]


def test_reading_and_failing_do_not_make_a_session_more_recent(three: Place) -> None:
    three.run("a", lock="")
    three.store.requests.release(three.run("a"))
    assert three.residents_of("edge-a") == ["a", "b", "c"]


def test_only_the_sessions_of_the_named_proprietaries_are_chosen_by_time(
    edge: Place, city: Place
) -> None:
    edge.write({"x": "1"}, session="guest")
    city.move_from(edge, session="guest")
    city.write({"x": "1"}, session="own")
    assert city.residents_of("edge-a") == ["guest"]
    assert city.residents_of("edge-b") == []
    assert sorted(city.residents_of("edge-a", "edge-b", "city")) == ["guest", "own"]


def test_what_has_left_is_chosen_no_more(three: Place) -> None:
    three.give_away("city", "b")
    for policy in Policy:
        assert set(three.store.residents.choose(policy, 3, ["edge-a"])) == {"a", "c"}


def test_what_has_left_leaves_a_pointer_that_is_counted(three: Place) -> None:
    for name in "abc":
        three.give_away("city", name)
    pointers = sum(three.client.memory_usage(f"edge:{{{name}}}:meta") or 0 for name in "abc")
    assert three.store.residents.load() == Load(OffloadStatus.ACCEPT, 0, pointers, 0, 0)


def test_a_pointer_is_counted_no_more_once_its_session_is_back_or_forgotten(
    edge: Place, city: Place
) -> None:
    edge.write({"x": "1"}, session="back")
    edge.write({"x": "1"}, session="forgotten")
    city.move_from(edge, session="back")
    edge.move_from(city, session="back")
    edge.give_away("city", "forgotten")
    edge.store.mending.repoint(edge.token("forgotten"), None)
    assert edge.client.hget(keys.STATUS, "pointers") == b"0"


def test_the_load_counts_sessions_bytes_arrivals_and_messages(edge: Place, city: Place) -> None:
    edge.write({"key": "value"}, session="a")
    edge.write({"key": b"value"}, session="b")
    load = edge.store.residents.load()
    names = {*edge.keys()} - {keys.STATUS}
    spent = sum(edge.client.memory_usage(name, samples=0) or 0 for name in names)
    assert load == Load(OffloadStatus.ACCEPT, 2, load.size, 0, 0)
    assert load.size == pytest.approx(spent, rel=0.1)
    city.take(edge, session="a")
    assert city.store.residents.load() == Load(OffloadStatus.ACCEPT, 0, 0, 1, 0)


def test_the_load_says_what_the_server_uses_and_may_use(edge: Place) -> None:
    edge.client.config_set("maxmemory", 10**9)
    load = edge.store.residents.load()
    edge.client.config_set("maxmemory", 0)
    assert load.limit == 10**9
    assert load.used > 100_000


def test_residents_are_described_by_token_bytes_and_last_access(three: Place) -> None:
    (small, _), (large, accessed) = (
        (each.size, each.accessed_ms)
        for each in three.store.residents.residents(["c", "unknown", "b"])
    )
    assert small < 1000 < 5000 < large
    assert accessed == three.clock() - 2000
    (described,) = three.store.residents.residents(["c"])
    assert described == Resident(three.token("c"), small, three.clock() - 1000)


def test_a_token_is_known_wherever_its_session_is_but_not_before_its_first_commit(
    three: Place,
) -> None:
    three.give_away("city", "b")
    three.run("new")
    tokens = three.store.residents.tokens(["a", "b", "new", "unknown"])
    found = [token and (token.session, token.current_location, token.epoch) for token in tokens]
    assert found == [("a", "edge-a", 1), ("b", "city", 2), None, None]


def test_a_node_accepts_until_it_is_told_otherwise(edge: Place) -> None:
    assert edge.store.residents.status() is OffloadStatus.ACCEPT
    for status in (OffloadStatus.REJECT, OffloadStatus.ACCEPT):
        edge.store.residents.set_status(status)
        assert edge.store.residents.status() is edge.store.residents.load().status is status
