"""One tree for all tests of this folder, its functions warm."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.e2e.world import World

STACKS = ("stack.yml", "examples/stack.yml", "tests/e2e/stack.yml")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the tree."""
    folder = tmp_path_factory.mktemp("world") / "state"
    with World.up(folder, *(f"--stack={stack}" for stack in STACKS)) as started:
        started.await_ready()
        yield started


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """Give a session id that no other test uses."""
    return f"{request.node.originalname} {secrets.token_hex(4)}"
