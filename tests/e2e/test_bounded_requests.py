"""A handler that hangs, and one that calls its own session, through gateways and watchdogs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.waiting import until
from tests.e2e.world import World


def test_a_handler_that_hangs_has_its_session_no_longer_than_its_client_waits(
    world: World, session: str, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    world.add(session, "first")
    log = world.folder / "edge-a" / "logs" / "hasty.log"
    hung = world.call("edge-a", "hasty", f"/add?key=words&value=late&hold={mark}", session=session)
    assert (hung.status_code, hung.content) == (504, b"")  # the watchdog's
    assert world.add(session, "by another function")
    same = world.call("edge-a", "hasty", "/add?key=words&value=by+the+same", session=session)
    assert same.status_code == 200
    assert world.offload(session) == "city"
    mark.unlink()
    until(lambda: "nothing is written" in log.read_text())
    assert "the handler of hasty is given up" in log.read_text()
    assert world.words(session) == ["first", "by another function", "by the same"]


@pytest.mark.parametrize("at", ["edge-a", "city"])
@pytest.mark.parametrize("inner", ["notebook", "hasty"])
def test_a_handler_that_calls_its_own_session_is_told_at_once(
    world: World, session: str, at: str, inner: str
) -> None:
    world.add(session, "first")
    if at == "city":
        world.offload(session)
    gateway, rest = world.gateway("edge-a"), f"/function/{inner}/add?key=words&value=inner"

    def calling(**more: Any) -> str:
        query = urlencode({"gateway": gateway, "rest": rest, **more})
        answer = world.call(at, "notebook", f"/call?{query}", session=session, allow_redirects=True)
        return str(answer.json()["given"])

    assert calling() == "urn:edgedb:problem:LoopDetected"
    assert calling(session=f"{session} other") == "200"
    assert world.words(session) == ["first"]
