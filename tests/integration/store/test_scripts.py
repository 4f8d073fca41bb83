"""Scripts are run whatever the server has forgotten; readiness tries what they do."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path
from typing import Any

import pytest
from redis.client import Pipeline

from edgedb.store import scripts
from edgedb.store.client import LeanRedis
from tests.integration.store.steps import Place
from tests.support.servers import Server


def test_a_step_is_taken_by_a_server_that_forgets_each_script_at_once(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = edge.client.execute_command

    def forgetful(*words: Any, **options: Any) -> Any:
        send("SCRIPT FLUSH")
        return send(*words, **options)

    monkeypatch.setattr(edge.client, "execute_command", forgetful)
    edge.write({"x": "1"})
    assert edge.token().epoch == 1


def test_a_child_of_fork_has_connections_of_its_own(server: Server) -> None:
    client: Any = LeanRedis(host="127.0.0.1", port=server.port, protocol=2)
    fork = multiprocessing.get_context("fork")
    said = fork.SimpleQueue()

    def say() -> None:
        said.put(client.execute_command("CLIENT ID"))

    say()
    child = fork.Process(target=say)
    child.start()
    child.join()
    say()
    parents, childs, again = said.get(), said.get(), said.get()
    assert childs != parents == again
    client.close()


def test_steps_in_one_round_trip_are_taken_by_a_server_that_has_just_forgotten_their_script(
    edge: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    send: Any = Pipeline._execute_pipeline  # type: ignore[attr-defined]

    def forgetful(*arguments: Any) -> Any:
        edge.client.script_flush()
        return send(*arguments)

    edge.write({"x": "1"}, {"words": ["one"], "more": ["two"]})
    seen = edge.page(), edge.store.inspection.look({"s": ["list:0"]})
    monkeypatch.setattr(Pipeline, "_execute_pipeline", forgetful)
    assert (edge.page(), edge.store.inspection.look({"s": ["list:0"]})) == seen


def commands(text: str) -> set[str]:
    """Give the names of the commands in a script."""
    return set(re.findall(r"'([A-Z]+)'", text))


def test_readiness_tries_every_command_that_a_script_uses() -> None:
    folder = Path(scripts.__file__).parent / "lua"
    used = {file: file.read_text() for file in folder.glob("*.lua") if file.stem != "probe"}
    called = set(re.findall(r"call\('([A-Z]+)'", "".join(used.values())))
    assert called
    assert called - commands((folder / "probe.lua").read_text()) == set()


def test_readiness_leaves_nothing_behind_and_writes_nothing_to_the_file(edge: Place) -> None:
    edge.store.require_ready()  # whoever is the first in this run is noted
    before = edge.client.info("persistence")["aof_current_size"]
    edge.store.require_ready()
    assert edge.keys() == []
    assert edge.client.info("persistence")["aof_current_size"] == before
