"""A function whose one session is busy, in its real server: whom its clients delay."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.waiting import until
from tests.integration.template.conftest import Builder, Starter
from tests.integration.template.environment import deployed
from tests.support.servers import Server

CLIENTS, THREADS = 20, 16
SERVED = THREADS // 2 + 1  # those who wait, and the one they wait for

SLOW = """
import pathlib, threading, edgedb
class Slow(edgedb.Offloadable):
    def handle_offload(self, request):
        while "until" in request.query and not pathlib.Path(request.query["until"]).exists():
            threading.Event().wait(0.02)
        return "served"
handle = Slow()
"""


def test_clients_of_one_busy_session_delay_neither_readiness_nor_others(
    built: Builder, start: Starter, servers: list[Server], tmp_path: Path
) -> None:
    environ = deployed("slow", "edge-a", servers[0], tmp_path / "secrets")
    process = start(built(SLOW), **environ, EDGE_THREADS=f"{THREADS}", EDGE_LOCK_WAIT="60s")
    busy = {"headers": {"X-session": "busy"}}
    with ThreadPoolExecutor(CLIENTS) as clients:
        calls = [
            clients.submit(process.call, f"/?until={tmp_path}/go", **busy) for _ in range(CLIENTS)
        ]
        until(lambda: sum(call.done() for call in calls) == CLIENTS - SERVED)
        refused = [call.result() for call in calls if call.done()]
        assert {(sent.status_code, sent.headers["Retry-After"]) for sent in refused} == {(503, "1")}
        assert process.call("/_edge/ready").text == "ready\n"
        assert process.call().status_code == 400  # without a session
        assert process.call(headers={"X-session": "another"}).text == "served"
        (tmp_path / "go").touch()
        statuses = Counter(call.result().status_code for call in calls)
    assert statuses == {200: SERVED, 503: CLIENTS - SERVED}
