"""Scripts are run whatever the server has forgotten."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest

from edgedb.store.scripts import LeanRedis
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
