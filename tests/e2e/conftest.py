"""One tree for all tests of this folder, its functions warm."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.world import ALL, DEPLOYED, USER_FUNCTIONS, World
from tests.support.edgectl import tree, until

STACKS = ("stack.yml", "examples/stack.yml", "tests/e2e/stack.yml")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the tree; paths in a stack file are relative to the repository, as with faas-cli."""
    folder = tmp_path_factory.mktemp("world") / "state"
    with tree(folder, *(f"--stack={stack}" for stack in STACKS)) as running:
        started = World(running)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda place: _wait_until_warm(started, *place), _deployments()))
        yield started


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """Give a session id that no other test uses."""
    return f"{request.node.originalname} {secrets.token_hex(4)}"


def _deployments() -> Iterator[tuple[str, str]]:
    yield from ((at, function) for function, where in DEPLOYED.items() for at in where)
    yield from ((at, function) for function in USER_FUNCTIONS for at in ALL)


def _wait_until_warm(world: World, location: str, function: str) -> None:
    until(lambda: world.is_ready(location, function), seconds=60)
