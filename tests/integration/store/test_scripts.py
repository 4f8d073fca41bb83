"""Scripts are run whatever the server has forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.store.steps import Place


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
