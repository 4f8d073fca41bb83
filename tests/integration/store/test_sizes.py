"""What a session is said to take is what the server spends on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from edgedb.store import keys, limits
from edgedb.store.arrival import Arrival, Staging
from edgedb.store.keys import SessionKeys
from edgedb.store.requests import Replay
from edgedb.store.staging import ListLedger
from edgedb.wire.choices import Policy
from edgedb.wire.hand_over import Handed
from edgedb.wire.packet import Cursor, Since
from tests.integration.store.steps import Place
from tests.support.strategies import quick

lengths = st.sampled_from([1, 8, 30, 63, 65, 120, 300, 1100, 5000, 40_000])
counts = st.sampled_from([1, 3, 40, 127, 130, 500, 520, 1000, 2000])


@st.composite
def writes(draw: st.DrawFn) -> dict[str, Any]:
    """Give what one request writes: some values alike, some deletions, a list, a reply."""
    first, count, length = draw(st.integers(0, 3)) * 1000, draw(counts), draw(lengths)
    count = max(1, min(count, 4_000_000 // length))
    name = "x" * draw(st.sampled_from([1, 10, 50, 200]))
    kind = draw(st.sampled_from(["values", "values", "deletions", "list", "new list", "reply"]))
    return {"kind": kind, "first": first, "count": count, "length": length, "name": name}


def apply(place: Place, kind: str, first: int, count: int, length: int, name: str) -> None:
    """Make one request, or so many where each has a reply."""
    names = [f"{name}{n}" for n in range(first, first + count)]
    match kind:
        case "values":
            place.write(dict.fromkeys(names, "v" * length))
        case "deletions":
            place.write(dict.fromkeys(names))
        case "list":
            place.write(appended={name: ["v" * length] * count})
        case "new list":
            place.write(replaced={name: ["v" * length] * count})
        case "reply":
            for each in names[:300]:
                place.write({"v": each}, key=each[:250], reply=b"v" * length)


def spent(place: Place, session: str = "s") -> int:
    """Ask the server what it spends on each key of a session, of all their entries."""
    found = place.client.scan_iter(SessionKeys(session).part("*"), count=1000)
    return sum(place.client.memory_usage(key, samples=0) or 0 for key in found)


def said(place: Place, session: str = "s") -> int:
    """Give the size by which a session is chosen."""
    return int(place.client.zscore(keys.BY_SIZE, session) or 0)


def move(source: Place, to: Place) -> None:
    """Move a session of any size."""
    ledger, number, cursors = ListLedger(), 0, list[Cursor]([Since(0)])
    while cursors:
        cursor, number = cursors.pop(), number + 1
        page = source.store.source.page("s", cursor)
        lists, gaps = ledger.stage(page.items)
        if isinstance(cursor, Since) and page.next is not None:
            cursors.append(Since(page.next))
        cursors += gaps
        complete = 0 if cursors else page.version
        staging = Staging(page.token, page.offer, "t", number, page, lists, complete)
        assert isinstance(to.store.destination.stage([staging])[0], Arrival)
    assert source.hand_over(to.arrival().ask, to.location) == Handed(to.arrival().version)
    assert to.store.destination.activate([to.arrival()]) != [None]


@quick
@given(story=st.lists(writes(), min_size=1, max_size=5))
def test_a_session_is_as_large_as_the_server_says_after_any_story(
    edge: Place, city: Place, story: list[dict[str, Any]]
) -> None:
    edge.empty()
    city.empty()
    for each in story:
        apply(edge, **each)
        assert said(edge) == pytest.approx(spent(edge), rel=0.1)
    move(edge, city)
    assert said(city) == pytest.approx(spent(city), rel=0.1)
    assert int(edge.client.hget(keys.STATUS, "pointers") or 0) == pytest.approx(
        spent(edge), rel=0.1
    )


def measurements(place: Place) -> int:
    """Count how often the server was asked what it spends on a key."""
    counted = place.client.info("commandstats")
    return sum(stat["calls"] for name, stat in counted.items() if name.startswith("cmdstat_memory"))


def test_what_takes_as_much_room_as_before_is_seldom_measured(edge: Place) -> None:
    edge.write({f"k{n}": "0" for n in range(60)})
    before = measurements(edge)
    edge.write({"k1": "1"})
    assert measurements(edge) == before
    for turn in range(1, 40):  # versions get longer
        edge.write({f"k{n}": str(turn % 10) for n in range(60)})
    assert said(edge) == pytest.approx(spent(edge), rel=0.1)


def alike(n: int) -> tuple[str, int]:
    return f"k{n}", 20


def some_large(n: int) -> tuple[str, int]:
    return f"k{n}", 10_000 if n % 200 == 7 else 10


def long_names_last(n: int) -> tuple[str, int]:
    return "k" * (1 + n // 100) + str(n), 100


@pytest.mark.parametrize("mix", [alike, some_large, long_names_last])
def test_of_a_session_with_many_values_some_speak_for_the_rest(
    edge: Place, mix: Callable[[int], tuple[str, int]]
) -> None:
    for first in range(0, 24_000, 8000):
        edge.write({name: "v" * size for name, size in map(mix, range(first, first + 8000))})
    for n in range(0, 2000, 20):
        edge.write({mix(n)[0]: "v" * 2000})
    assert said(edge) == pytest.approx(spent(edge), rel=0.1)


def test_a_session_with_many_stored_replies_is_the_largest(edge: Place) -> None:
    edge.write({"x": "x" * 100_000}, session="values")
    for n in range(100):
        edge.write(session="replies", key=str(n), reply=b"r" * 200_000)
    assert edge.store.residents.choose(Policy.LARGEST, 1, ["edge-a"]) == ["replies"]
    assert said(edge, "replies") == pytest.approx(spent(edge, "replies"), rel=0.1)


def test_stored_replies_have_a_bound_in_bytes_and_the_oldest_go_first(edge: Place) -> None:
    many = limits.REPLY_BYTES_LIMIT // 200_000 + 3
    for n in range(many):
        edge.write(key=str(n), reply=b"r" * 200_000)
    assert spent(edge) < 1.05 * limits.REPLY_BYTES_LIMIT
    kept = [isinstance(edge.begin(idempotency_key=str(n)), Replay) for n in range(many)]
    edge.empty()
    assert kept == sorted(kept)
    assert kept.count(False) <= 4


def test_a_session_whose_replies_are_over_their_time_is_not_chosen_for_them(edge: Place) -> None:
    edge.write({"x": "x" * 100_000}, session="values")
    edge.write(session="replies", key="k", reply=b"r" * 200_000)
    for part in ("replies", "reply-index"):
        edge.client.delete(SessionKeys("replies").part(part))
    assert edge.store.residents.choose(Policy.LARGEST, 2, ["edge-a"]) == ["values", "replies"]
    assert said(edge, "replies") == pytest.approx(spent(edge, "replies"), rel=0.1)
    assert edge.store.inspection.total() == (said(edge, "values") + said(edge, "replies"),) * 2
    edge.write(session="replies", key="l", reply=b"r" * 50_000)
    assert said(edge, "replies") == pytest.approx(spent(edge, "replies"), rel=0.1)


def test_an_empty_session_does_not_grow_by_being_looked_at(edge: Place) -> None:
    edge.write()
    size = said(edge)
    edge.store.residents.choose(Policy.LARGEST, 1, ["edge-a"])
    assert said(edge) == size == pytest.approx(spent(edge), rel=0.1)


def test_a_session_that_a_release_before_has_left_is_measured(edge: Place) -> None:
    edge.write({f"k{n}": "v" * 50 for n in range(3000)}, {"l": ["x" * 50] * 100})
    meta = SessionKeys("s").meta
    edge.client.hdel(meta, "valued", "replied", "listed", "loose")
    edge.client.hset(meta, "size", 5)
    edge.client.zadd(keys.BY_SIZE, {"s": 5})
    edge.client.hset(SessionKeys("s").lists, "l", "0 5100")
    edge.client.hset(keys.STATUS, "bytes", 5)
    edge.store.residents.choose(Policy.LARGEST, 1, ["edge-a"])
    assert said(edge) == pytest.approx(spent(edge), rel=0.1)
    edge.write({"k": "v" * 100}, {"l": ["x"]})
    assert said(edge) == pytest.approx(spent(edge), rel=0.1)
    assert edge.store.inspection.total() == (said(edge), said(edge))
