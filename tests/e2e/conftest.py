"""One tree for all tests of this folder, its functions warm."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.e2e.world import World
from tests.support.stacks import write_examples

STACKS = ("stack.yml", "tests/e2e/stack.yml")
EXAMPLES = ("cdn-upload", "cdn-download")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the tree."""
    folder = tmp_path_factory.mktemp("world")
    stacks = [*STACKS, write_examples(folder / "examples.yml", *EXAMPLES)]
    with World.up(folder / "state", *(f"--stack={stack}" for stack in stacks)) as started:
        started.await_ready()
        yield started


@pytest.fixture
def session(request: pytest.FixtureRequest) -> str:
    """Give a session id that no other test uses."""
    return f"{request.node.originalname} {secrets.token_hex(4)}"
