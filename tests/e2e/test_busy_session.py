"""A session that is written without pause while it moves."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.clients import careful_client, plain_client
from tests.e2e.world import World
from tests.e2e.writers import Send, doubled, errors, in_order, missing, writing

CYCLES = 200


def test_writers_see_no_error_and_lose_and_double_nothing_in_200_moves_up_and_home(
    world: World, session: str
) -> None:
    world.add(session, "first")
    clients: list[Callable[[World, str], Send]] = [plain_client, careful_client]
    with writing(*(client(world, session) for client in clients)) as writers:
        for _ in range(CYCLES):
            assert world.offload(session) == "city"
            world.onload(session)
    words = world.words(session)
    assert errors(writers) == []
    assert missing(writers, words) == []
    assert doubled(words) == []
    assert in_order(writers, words)
    assert all(len(writer.acknowledged) > CYCLES / 4 for writer in writers)


def test_writers_lose_nothing_while_it_moves_over_all_levels(world: World, session: str) -> None:
    world.add(session, "first")
    with writing(*(careful_client(world, session) for _ in range(3))) as writers:
        for _ in range(10):
            assert world.offload(session) == "city"
            assert world.offload(session, at="city") == "cloud"
            world.onload(session, to="city")
            world.onload(session)
            with world.rejecting("city"):
                assert world.offload(session) == "cloud"
            world.onload(session)
    words = world.words(session)
    assert (errors(writers), missing(writers, words), doubled(words)) == ([], [], [])


def test_each_of_many_moving_sessions_keeps_its_own_words(world: World, session: str) -> None:
    names = [f"{session}, {number}" for number in range(6)]
    for name in names:
        world.add(name, "first")
    with writing(*(plain_client(world, name) for name in names)) as writers:
        for _ in range(5):
            for name in names:
                world.offload(name)
            for name in names:
                world.onload(name)
    assert errors(writers) == []
    for name, writer in zip(names, writers, strict=True):
        assert world.words(name) == ["first", *writer.acknowledged]


def test_two_replicas_of_a_function_share_a_session(world: World, session: str) -> None:
    assert len(world.pids("edge-a", "notebook")) == 2
    with writing(*(plain_client(world, session) for _ in range(3))) as writers:
        served = {world.add(session, f"by-{number}")["process"] for number in range(20)}
    assert served == world.pids("edge-a", "notebook")
    words = world.words(session)
    assert (errors(writers), missing(writers, words), doubled(words)) == ([], [], [])
    assert in_order(writers, words)
