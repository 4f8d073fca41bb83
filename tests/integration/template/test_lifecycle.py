"""Start, readiness, logs and the stop that loses no answer."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.template.conftest import Builder, Starter
from tests.integration.template.process import PATIENCE, FunctionProcess

READY = "/_edge/ready"

# The answer waits for a file to appear, so a test decides when the call ends.
SLOW = """
import logging, pathlib, threading
def handle(event, context):
    logging.getLogger("slow").info("running")
    while not pathlib.Path(event.query["until"]).exists():
        threading.Event().wait(0.02)
    return b"x" * int(event.query.get("size", "4"))
"""


def test_a_function_without_ready_is_ready_once_it_is_imported(serving: Starter) -> None:
    sent = serving("def handle(event, context): return event.path").call(READY)
    assert (sent.status_code, sent.text) == (200, "ready\n")


def test_readiness_is_what_ready_says_each_time(serving: Starter) -> None:
    process = serving(
        "class Handle:\n"
        "    asked = 0\n"
        "    def ready(self):\n"
        "        self.asked += 1\n"
        "        if self.asked < 3: raise OSError('redis:6379 does not answer')\n"
        "    def __call__(self, event, context): return 'served'\n"
        "handle = Handle()"
    )
    for answer in (process.call(READY), process.call(READY)):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"] == "redis:6379 does not answer"
    assert process.call(READY).status_code == 200
    assert process.call("/").text == "served"
    process.terminate()
    process.logged("stopping")
    assert ["not ready" in record["message"] for record in process.log].count(True) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("def handle(:", "SyntaxError"),
        ("raise SystemExit('no settings')", "SystemExit: no settings"),
        ("handler = 1", "AttributeError"),
        ("class handle: pass", "handle is the class handle; write handle = handle()"),
        ("async def handle(event, context): return 'x'", "handle must not be async"),
        ("def handle(event): return 'x'", "handle is called with 2 arguments"),
        (
            "import edgedb\n"
            "class Visits(edgedb.Offloadable):\n"
            "    async def handle_offload(self, request): return 'x'\n"
            "handle = Visits()",
            "Visits.handle_offload must not be async",
        ),
    ],
)
def test_a_handler_that_cannot_be_imported_says_so(
    serving: Starter, source: str, reason: str
) -> None:
    process = serving(source)
    assert any("Traceback" in str(record.get("exc_info")) for record in process.log)
    for path, status in ((READY, 503), ("/", 500)):
        sent = process.call(path)
        assert (sent.status_code, sent.json()["status"]) == (status, status)
        assert reason in sent.json()["detail"]
        assert "Traceback" not in sent.text


def test_the_log_is_json_with_what_edgedb_knows_of_the_request(serving: Starter) -> None:
    process = serving(
        "import logging\n"
        "from edgedb.logs import log_context\n"
        "def handle(event, context):\n"
        "    with log_context(session='s', transfer='t', call_id='c'):\n"
        "        logging.getLogger('cart').info('added %s', 'milk', extra={'basket': 3})\n"
    )
    process.call()
    record = process.logged("added milk")
    assert record["timestamp"].endswith("+00:00")
    del record["timestamp"]
    assert record == {
        "level": "INFO",
        "logger": "cart",
        "message": "added milk",
        "basket": 3,
        "session": "s",
        "transfer": "t",
        "call_id": "c",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [("EDGE_THREADS", "0"), ("EDGE_THREADS", "many"), ("EDGE_PORT", "-1"), ("EDGE_MAX_BODY", "1G")],
)
def test_a_malformed_setting_ends_the_process_and_is_named(
    built: Builder, start: Starter, name: str, value: str
) -> None:
    with pytest.raises(AssertionError, match=f"{name} must be a whole number"):
        start(built("def handle(event, context): pass"), **{name: value})


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_readiness_is_answered_though_handlers_hold_all_threads(
    serving: Starter, tmp_path: Path
) -> None:
    process = serving(SLOW, EDGE_THREADS="2")
    with ThreadPoolExecutor(3) as callers, requests.Session() as watchdog:
        running = [callers.submit(process.call, f"/?until={tmp_path}/go") for _ in range(3)]
        for _ in range(2):
            process.logged("running")
        for _ in range(2):  # over one connection, too
            assert watchdog.get(process.url + READY, timeout=PATIENCE).text == "ready\n"
        (tmp_path / "go").touch()
        assert [call.result().content for call in running] == [b"xxxx"] * 3


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_the_running_call_takes_no_new_one_and_exits_with_0(
    serving: Starter, tmp_path: Path, caller: ThreadPoolExecutor, stop: signal.Signals
) -> None:
    process = serving(SLOW, write_timeout="60s")
    running: Future[requests.Response] = caller.submit(process.call, f"/?until={tmp_path}/go")
    process.logged("running")
    process.process.send_signal(stop)
    process.logged("stopping")
    refused(process)
    (tmp_path / "go").touch()
    assert running.result().content == b"xxxx"
    assert process.ended() == 0


def test_a_large_answer_is_sent_whole_before_the_process_ends(
    serving: Starter, tmp_path: Path, caller: ThreadPoolExecutor
) -> None:
    process = serving(SLOW)
    size = 32 * 2**20
    running = caller.submit(process.call, f"/?until={tmp_path}/go&size={size}")
    process.logged("running")
    process.terminate()
    process.logged("stopping")
    (tmp_path / "go").touch()
    assert len(running.result().content) == size
    assert process.ended() == 0


def test_a_call_whose_body_is_still_coming_is_taken_to_its_end(serving: Starter) -> None:
    process = serving("def handle(event, context): return event.body")
    with socket.create_connection(address(process)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: f\r\nContent-Length: 4\r\n\r\nab")
        process.call()  # the bytes above have been read by the time this is answered
        process.terminate()
        process.logged("stopping")
        refused(process)
        client.sendall(b"cd")
        with client.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\nabcd")
    assert process.ended() == 0


def test_connections_without_a_call_do_not_delay_the_stop(serving: Starter) -> None:
    process = serving("def handle(event, context): return 'x'", write_timeout="60s")
    with requests.Session() as idle:
        idle.get(process.url, timeout=5)
        process.terminate()
        assert process.ended() == 0


def test_while_the_watchdog_still_sends_calls_they_are_served_but_readiness_ends(
    serving: Starter,
) -> None:
    process = serving("def handle(event, context): return 'x'", healthcheck_interval="2s")
    process.terminate()
    process.logged("stopping")
    assert process.call().text == "x"
    assert process.call(READY).status_code == 503
    assert process.ended() == 0


def test_a_call_that_never_ends_does_not_keep_the_process_beyond_the_drain_time(
    serving: Starter, caller: ThreadPoolExecutor
) -> None:
    process = serving(SLOW, write_timeout="100ms")
    running = caller.submit(process.call, "/?until=/nowhere/at/all")
    process.logged("running")
    process.terminate()
    process.logged("1 calls were still running")
    assert process.ended() == 0
    with pytest.raises(requests.ConnectionError):
        running.result()


def address(process: FunctionProcess) -> tuple[str, int]:
    parts = urlsplit(process.url)
    return str(parts.hostname), int(parts.port or 0)


def refused(process: FunctionProcess) -> None:
    """Wait until the port is closed."""
    for _ in range(1000):
        try:
            socket.create_connection(address(process), timeout=5).close()
        except ConnectionRefusedError:
            return
        threading.Event().wait(0.01)
    pytest.fail("the port is still open")
