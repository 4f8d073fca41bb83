"""Keys are replaced in a running tree, under clients and moves: nobody notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edgectl.local.state import StateFolder
from harness.running import edgectl
from tests.e2e.world import ALL, World


@contextmanager
def worked_on(world: World, session: str) -> Iterator[list[str]]:
    """Write and move a session over and over while the block runs; gives the words written."""
    ended, words, failures = threading.Event(), list[str](), list[BaseException]()

    def work() -> None:
        try:
            while not ended.is_set():
                words.append(str(len(words)))
                world.add(session, words[-1])
                world.offload(session)
                world.offload(session, "city")
                words.append(str(len(words)))
                world.add(session, words[-1])
                world.onload(session)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield words
    finally:
        ended.set()
        thread.join()
    assert not failures, failures


def test_keys_are_replaced_under_clients_and_moves_without_an_error(
    world: World, session: str
) -> None:
    secrets = StateFolder(world.folder).secrets
    before = {at: (secrets.of(at) / "edge-node-key").read_text() for at in ALL}
    tokens = {at: secrets.oracle_tokens(at)[0] for at in ALL}
    with worked_on(world, session) as words:
        for location in ("edge-a", "city", "cloud"):
            done = edgectl("rotate", location, "--state-dir", world.folder)
            assert done.stdout == f"{location} has keys of generation 2\n"
    assert world.words(session) == words
    for location in ALL:
        assert (secrets.of(location) / "edge-node-key").read_text() not in before.values()
        headers = {"Authorization": f"Bearer {tokens[location]}"}
        assert world.call(location, "oracle", method="GET", headers=headers).status_code == 401
        assert world.oracle(location, "oracle", method="GET").status_code == 200


@pytest.mark.parametrize("location", ["nowhere", ""])
def test_who_is_not_there_gets_no_keys(world: World, location: str) -> None:
    done = edgectl("rotate", location, "--state-dir", world.folder, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert json.loads(edgectl("status", "--json", "--state-dir", world.folder).stdout)
