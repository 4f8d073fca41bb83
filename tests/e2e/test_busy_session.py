"""A session that is written without pause while it moves."""

from __future__ import annotations

from harness.writers import writing
from tests.e2e.world import World

CYCLES = 200


def test_writers_see_no_error_and_lose_and_double_nothing_in_200_moves_up_and_home(
    world: World, session: str
) -> None:
    world.add(session, "first")
    with writing(world.plain_writer(session), world.careful_writer(session)) as writers:
        for _ in range(CYCLES):
            assert world.offload(session) == "city"
            world.onload(session)
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []
    assert all(len(writer.acknowledged) > CYCLES / 4 for writer in writers)


def test_writers_lose_nothing_while_it_moves_over_all_levels(world: World, session: str) -> None:
    world.add(session, "first")
    with writing(*(world.careful_writer(session) for _ in range(3))) as writers:
        for _ in range(10):
            assert world.offload(session) == "city"
            assert world.offload(session, at="city") == "cloud"
            world.onload(session, to="city")
            world.onload(session)
            with world.rejecting("city"):
                assert world.offload(session) == "cloud"
            world.onload(session)
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []


def test_each_of_many_moving_sessions_keeps_its_own_words(world: World, session: str) -> None:
    names = [f"{session} {number}" for number in range(6)]
    for name in names:
        world.add(name, "first")
    with writing(*map(world.plain_writer, names)) as writers:
        for _ in range(5):
            for name in names:
                world.offload(name)
            for name in names:
                world.onload(name)
    assert writers.errors == []
    for name, writer in zip(names, writers, strict=True):
        assert world.words(name) == ["first", *writer.acknowledged]


def test_two_replicas_of_a_function_share_a_session(world: World, session: str) -> None:
    assert len(world.pids("edge-a", "notebook")) == 2
    with writing(*(world.plain_writer(session) for _ in range(3))) as writers:
        served = {world.add(session, f"by-{number}")["process"] for number in range(20)}
    assert served == world.pids("edge-a", "notebook")
    assert writers.errors == []
    assert writers.damage(world.words(session)) == []
