"""The waiting room: who has a place keeps it, and there are half as many as threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgedb.errors import Unavailable
from edgedb.room import WaitingRoom


@pytest.mark.parametrize(("threads", "places"), [(16, 8), (3, 1), (1, 1), (0, 1)])
def test_half_of_the_threads_may_wait_and_one_always(threads: int, places: int) -> None:
    room = WaitingRoom(threads)
    waiting = [room.place() for _ in range(places + 1)]
    entered = [place.__enter__() for place in waiting]
    for place in entered[:places]:
        place.take()
    with pytest.raises(Unavailable, match="too many requests are waiting"):
        entered[-1].take()
    waiting[0].__exit__(None, None, None)
    entered[-1].take()


def test_who_need_not_wait_needs_no_place() -> None:
    room = WaitingRoom(2)
    with room.place() as waiting, room.place():
        waiting.take()


def test_a_place_is_kept_from_one_wait_to_the_next() -> None:
    room = WaitingRoom(2)
    with room.place() as mine, room.place() as other:
        mine.take()
        mine.take()
        with pytest.raises(Unavailable):
            other.take()
        mine.leave()
        mine.leave()
        other.take()
        with pytest.raises(Unavailable):
            mine.take()


@contextmanager
def failing(room: WaitingRoom) -> Iterator[None]:
    """Take a place and fail."""
    with room.place() as place:
        place.take()
        yield
        raise RuntimeError


def test_a_request_that_fails_gives_its_place_back() -> None:
    room = WaitingRoom(1)
    with pytest.raises(RuntimeError), failing(room):
        pass
    with room.place() as place:
        place.take()
