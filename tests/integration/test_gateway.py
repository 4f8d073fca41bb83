"""A gateway answers as the real one and its of-watchdog do."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.support.gateway import Gateway, gateway

MIB = 1 << 20
ADMIN = [("Authorization", "Basic YWRtaW46d29yZA==")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all tests that leave it as it was."""
    functions = {
        "probe": {},
        "hasty": {"exec_timeout": "300ms"},
        "narrow": {"max_inflight": "1"},
        "plain": {"ready_path": ""},
        "broken": {"fprocess": "python -c 'raise SystemExit(7)'"},
    }
    with gateway(tmp_path_factory.mktemp("gateway"), **functions) as started:
        yield started


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Gateway]:
    """Run a gateway for a test that breaks something."""
    with gateway(tmp_path, probe={}, twins={"replicas": "2"}) as started:
        yield started


def test_the_gateway_itself_is_healthy(running: Gateway) -> None:
    assert running.call("GET", "/healthz").status == 200


@pytest.mark.parametrize("target", ["/function/nobody", "/function/nobody/a/b?x=1"])
def test_an_unknown_function_is_a_404_in_text(running: Gateway, target: str) -> None:
    answer = running.call("POST", target, body=b"x")
    assert answer.status == 404
    assert answer.header("Content-Type").startswith("text/plain")
    assert b"nobody" in answer.body


def test_the_front_page_is_the_user_interface(running: Gateway) -> None:
    answer = running.call("GET", "/")
    assert (answer.status, answer.header("Location")) == (307, "/ui/")


def test_it_says_to_its_administrator_how_often_each_function_was_called(alone: Gateway) -> None:
    assert alone.call("GET", "/system/functions").status == 401
    for _ in range(3):
        alone.probe()
    answer = alone.call("GET", "/system/functions", headers=ADMIN)
    counts = {each["name"]: each["invocationCount"] for each in answer.json()}
    assert counts == {"probe": 3, "twins": 0}


@pytest.mark.parametrize("target", ["/ui/", "/function/", "/functions/probe", "/other"])
def test_other_paths_are_a_404(running: Gateway, target: str) -> None:
    assert running.call("GET", target).status == 404


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("", "/", ""),
        ("/", "/", ""),
        ("?x=1", "/", "x=1"),
        ("/a/b?x=1", "/a/b", "x=1"),
        ("/a/b/?x=%2F+1&&y;z=%C3%A4&q", "/a/b/", "x=%2F+1&&y;z=%C3%A4&q"),
        ("/a%2Fb", "/a/b", ""),
        ("/a%20%25%3F%C3%A4%FF", "/a %?\u00c3\u00a4\u00ff", ""),
        ("/%2e%2ea", "/..a", ""),
        ("/?u=http://x//y/../z", "/", "u=http://x//y/../z"),
    ],
)
def test_the_function_sees_the_decoded_path_and_the_query_byte_for_byte(
    running: Gateway, target: str, path: str, query: str
) -> None:
    seen = running.probe(target)
    assert (seen["path"], seen["query"]) == (path, query)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/function/probe//a?x=1", "/function/probe/a?x=1"),
        ("//function/probe", "/function/probe"),
        ("/function/probe/a/../b/", "/function/probe/b/"),
        ("/function/probe/./a", "/function/probe/a"),
        ("/function/probe/a%2F%2Fb%20c", "/function/probe/a/b%20c"),
        ("/function/probe/%2e%2e/x", "/function/x"),
        ("/..", "/"),
    ],
)
def test_a_path_that_is_not_clean_is_redirected(
    running: Gateway, target: str, location: str
) -> None:
    answer = running.call("POST", target, body=b"lost on the way")
    assert (answer.status, answer.header("Location")) == (301, location)


def test_a_malformed_escape_is_refused(running: Gateway) -> None:
    assert running.call("GET", "/function/probe/%zz").status == 400


def test_the_platform_adds_its_headers(running: Gateway) -> None:
    before = time.time_ns()
    answer = running.call("GET", "/function/probe")
    sent = dict(answer.json()["headers"])
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sent["X-Call-Id"])
    assert before <= int(sent["X-Start-Time"]) <= time.time_ns()
    assert answer.header("X-Call-Id") == sent["X-Call-Id"]
    assert answer.header("X-Start-Time") == sent["X-Start-Time"]
    assert re.fullmatch(r"127\.0\.0\.1:\d+", sent["Host"])
    assert sent["Host"] != f"127.0.0.1:{running.port}"


def test_a_call_id_of_the_client_is_kept(running: Gateway) -> None:
    answer = running.call("GET", "/function/probe", headers=[("X-Call-Id", "mine")])
    assert dict(answer.json()["headers"])["X-Call-Id"] == "mine"


def test_a_call_that_passes_a_gateway_twice_has_two_start_times(running: Gateway) -> None:
    answer = running.call("GET", "/function/probe", headers=[("X-Start-Time", "1")])
    first, second = dict(answer.json()["headers"])["X-Start-Time"].split(", ")
    assert (first, second) == ("1", answer.header("X-Start-Time"))


def test_headers_pass_joined_if_double_and_dropped_if_underscored(running: Gateway) -> None:
    headers = [
        ("X-session", "a b/%7B}"),
        ("Authorization", "Bearer t"),
        ("Cookie", "c=1"),
        ("X-Twice", "1"),
        ("x-twice", "2"),
        ("X_Under", "score"),
        ("Connection", "close"),
        ("TE", "trailers"),
    ]
    sent = dict(running.probe(headers=headers)["headers"])
    assert sent["X-Session"] == "a b/%7B}"
    assert sent["Authorization"] == "Bearer t"
    assert sent["Cookie"] == "c=1"
    assert sent["X-Twice"] == "1, 2"
    assert not {"X-Under", "X_Under", "Te"} & set(sent)


def test_nothing_is_added_that_a_client_would_have_to_send(running: Gateway) -> None:
    sent = set(dict(running.probe()["headers"]))
    assert sent == {"Host", "X-Call-Id", "X-Start-Time"}


@pytest.mark.parametrize("value", ["caf\u00e9".encode(), b"caf\xe9", "\U0001f511".encode()])
def test_bytes_beyond_ascii_pass_in_a_header(running: Gateway, value: bytes) -> None:
    sent = running.probe(headers=[("X-session", value.decode("latin-1"))])["headers"]
    assert dict(sent)["X-Session"].encode("latin-1") == value


def test_a_redirect_passes_unchanged(running: Gateway) -> None:
    answer = running.call("PUT", "/function/probe/redirect", body=b"x")
    assert answer.status == 307
    assert answer.header("Location") == "http://elsewhere.example/function/probe?q=%2F+1"
    assert answer.header("X-session-location") == "city"
    assert answer.body == b"over there"
    assert [value for name, value in answer.headers if name == "Set-Cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_reach_the_function(running: Gateway, method: str) -> None:
    assert running.probe("/x", method=method, body=b"\x00\xff")["method"] == method


def test_head_has_the_length_and_no_body(running: Gateway) -> None:
    answer = running.call("HEAD", "/function/probe/large/70000")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("Content-Length") == "70000"


@pytest.mark.parametrize("method", ["TRACE", "PURGE"])
def test_other_methods_are_not_allowed(running: Gateway, method: str) -> None:
    assert running.call(method, "/function/probe").status == 405


@pytest.mark.parametrize("status", [204, 304, 404, 500, 503])
def test_any_status_passes(running: Gateway, status: int) -> None:
    assert running.call("GET", f"/function/probe/status/{status}").status == status


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, 3 * MIB])
def test_bytes_pass_both_ways(running: Gateway, size: int) -> None:
    body = os.urandom(size)
    assert running.call("POST", "/function/probe/echo", body=body).body == body


def test_a_body_of_unknown_length_passes_both_ways(running: Gateway) -> None:
    pieces = [os.urandom(50_000) for _ in range(5)]
    assert running.call("POST", "/function/probe/echo", body=iter(pieces)).body == b"".join(pieces)
    answer = running.call("GET", "/function/probe/pieces")
    assert answer.body == b"one two three"
    assert "Content-Length" not in dict(answer.headers)


def test_a_packed_body_is_not_unpacked(running: Gateway) -> None:
    body = b"\x1f\x8b not really packed"
    headers = [("Content-Encoding", "gzip")]
    assert running.call("POST", "/function/probe/echo", body=body, headers=headers).body == body


def test_a_client_that_waits_is_invited_to_send(running: Gateway) -> None:
    with running.connect() as connection:
        connection.sendall(
            b"POST /function/probe/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Expect: 100-continue\r\nConnection: close\r\n\r\n"
        )
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"hello")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\nhello")


def test_64_mib_pass_each_way_without_being_gathered(running: Gateway) -> None:
    size = 64 * MIB
    assert running.call("PUT", "/function/probe/size", body=bytes(size)).body == b"%d" % size
    assert len(running.call("GET", f"/function/probe/large/{size}").body) == size
    assert psutil.Process(running.process.pid).memory_info().rss < 64 * MIB + size / 2


def test_an_answer_that_breaks_off_breaks_off(running: Gateway) -> None:
    with running.connect() as connection:
        connection.sendall(
            b"GET /function/probe/broken-off HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert not answer.endswith(b"half" * 2)


def test_beyond_exec_timeout_the_answer_is_504_and_empty(running: Gateway) -> None:
    answer = running.call("GET", "/function/hasty/wait/2")
    assert (answer.status, answer.body) == (504, b"")
    assert running.call("GET", "/function/hasty/x").status == 200


def test_an_answer_that_takes_longer_than_exec_timeout_breaks_off(running: Gateway) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        running.call("GET", "/function/hasty/drip/2")
    assert running.call("GET", "/function/hasty/x").status == 200
    assert "Traceback" not in (running.folder / "gateway.log").read_text()


def test_a_client_that_hangs_up_is_no_error(running: Gateway) -> None:
    with running.connect() as connection:
        connection.sendall(b"GET /function/probe/large/9000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(10)
    for length in (9, 900_000):
        with running.connect() as connection:
            head = f"PUT /function/probe/size HTTP/1.1\r\nHost: x\r\nContent-Length: {length}"
            connection.sendall(head.encode() + b"\r\n\r\nx")
    assert running.probe()["method"] == "GET"
    assert "Traceback" not in (running.folder / "gateway.log").read_text()


def test_beyond_max_inflight_the_answer_is_429(running: Gateway) -> None:
    assert running.call("GET", "/function/narrow").status == 200
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(running.call, "GET", "/function/narrow/wait/0.5") for _ in range(4)]
        statuses = sorted(call.result().status for call in calls)
    assert statuses == [200, 429, 429, 429]
    assert running.call("GET", "/function/narrow").status == 200


def test_the_watchdog_tells_health_and_readiness(running: Gateway) -> None:
    health = running.call("GET", "/function/probe/_/health")
    assert (health.status, health.body) == (200, b"OK")
    assert running.call("GET", "/function/probe/_/ready").status == 204
    assert running.call("GET", "/function/plain/_/ready").status == 200
    assert running.call("POST", "/function/probe/_/health").status == 405


@pytest.mark.parametrize(
    ("method", "path", "first"),
    [
        ("GET", "", (307, b"")),
        ("GET", "/sub/path", (404, b"404 page not found\n")),
        ("POST", "", (500, b"Can't reach service for: probe.")),
    ],
)
def test_a_function_without_a_replica_fails_until_one_listens(
    alone: Gateway, method: str, path: str, first: tuple[int, bytes]
) -> None:
    pid = alone.probe()["pid"]
    asleep = alone.call("POST", "/system/scale-function/probe", b'{"replicas": 0}', ADMIN)
    assert (asleep.status, psutil.pid_exists(pid)) == (202, False)
    answers = [alone.call(method, f"/function/probe{path}")]
    while answers[-1].status != 200:
        answers.append(alone.call(method, f"/function/probe{path}"))
    seen = [(answer.status, answer.body) for answer in answers[:-1]]
    assert seen[0] == first
    assert set(seen[1:]) == {(500, b"")}
    assert alone.probe()["pid"] == answers[-1].json()["pid"] != pid


def test_only_the_administrator_scales(running: Gateway) -> None:
    target = "/system/scale-function/plain"
    assert running.call("POST", target, body=b"{}").status == 401
    assert running.call("POST", target, body=b"{}", headers=ADMIN).status == 202
    unknown = running.call("POST", "/system/scale-function/nobody", body=b"", headers=ADMIN)
    assert unknown.status == 404


def test_connections_stay_open_for_the_next_request(running: Gateway) -> None:
    with running.connect() as connection:
        for _ in range(3):
            connection.sendall(b"GET /function/probe/status/204 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 204")


def test_a_function_that_does_not_start_is_a_500_and_says_why_in_the_log(
    running: Gateway,
) -> None:
    answer = running.call("POST", "/function/broken", body=b"x")
    assert (answer.status, answer.body) == (500, b"")
    assert "broken/0: ended with 7" in (running.folder / "gateway.log").read_text()


def test_many_first_calls_start_one_process(alone: Gateway) -> None:
    with ThreadPoolExecutor(8) as pool:
        pids = set(pool.map(lambda _: alone.probe()["pid"], range(8)))
    assert len(pids) == 1


def test_replicas_take_turns(alone: Gateway) -> None:
    pids = [alone.call("GET", "/function/twins").json()["pid"] for _ in range(4)]
    assert pids[:2] == pids[2:]
    assert len(set(pids)) == 2


def test_a_killed_process_costs_its_calls_and_the_next_one(alone: Gateway) -> None:
    pid = alone.probe()["pid"]
    mark = alone.folder / "mark"
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(alone.call("GET", f"/function/probe/wait/20?mark={mark}"))
    )
    waiting.start()
    until(mark.exists)
    os.kill(pid, signal.SIGKILL)
    waiting.join()
    assert (answers[0].status, answers[0].body) == (500, b"")
    process = psutil.Process(alone.process.pid)
    until(lambda: any(_listens(child) for child in process.children()))
    assert alone.call("GET", "/function/probe").status == 500
    assert alone.probe()["pid"] != pid


def test_a_call_is_never_sent_twice(alone: Gateway) -> None:
    alone.probe()
    assert alone.call("GET", "/function/probe/crash").status == 500
    until(lambda: alone.call("GET", "/function/probe").status == 200)
    assert (alone.folder / "gateway.log").read_text().count("ended with 3") == 1


def test_on_sigterm_running_calls_are_answered_and_processes_end(alone: Gateway) -> None:
    pid = alone.probe()["pid"]
    assert alone.stop() == 0
    assert not psutil.pid_exists(pid)


def test_no_function_outlives_a_killed_gateway(alone: Gateway) -> None:
    pid = alone.probe()["pid"]
    alone.process.kill()
    alone.process.wait()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")


def _listens(process: psutil.Process) -> bool:
    try:
        return any(each.status == psutil.CONN_LISTEN for each in process.net_connections())
    except psutil.Error:
        return False


def until(holds: object) -> None:
    """Ask again and again until it holds; the test's time limit ends it."""
    assert callable(holds)
    while not holds():
        threading.Event().wait(0.02)
