"""Bytes that are no proper HTTP, or never come to an end: refused in time, harming nobody."""

from __future__ import annotations

import re
import select
import socket
from contextlib import suppress

import pytest

from tests.hostile.running import Running

HEAD = b"Host: x\r\nX-session: wire\r\nConnection: close\r\n"
GET = b"GET /function/keeper HTTP/1.1\r\n" + HEAD
POST = b"POST /function/keeper HTTP/1.1\r\n" + HEAD
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

REFUSED = {
    "no-http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no-method": b"G@T /function/keeper HTTP/1.1\r\n" + HEAD + b"\r\n",
    "bare-newlines": GET.replace(b"\r\n", b"\n") + b"\n",
    "return-in-a-header": GET + b"X-a: b\rX-session: other\r\n\r\n",
    "nul-in-a-header": GET.replace(b"wire", b"wi\x00re") + b"\r\n",
    "control-in-a-session": GET.replace(b"wire", b"wi\x01re") + b"\r\n",
    "tab-in-a-session": GET.replace(b"wire", b"wi\tre") + b"\r\n",
    "no-utf8-in-a-session": GET.replace(b"wire", b"\xff\xfe") + b"\r\n",
    "folded-header": GET.replace(b"wire", b"wi\r\n re") + b"\r\n",
    "header-without-name": GET + b": x\r\n\r\n",
    "space-in-a-headers-name": GET + b"X-session : other\r\n\r\n",
    "return-in-the-query": GET.replace(b"keeper", b"keeper?a=\rb") + b"\r\n",
    "bytes-in-the-query": GET.replace(b"keeper", b"keeper?a=\xff\x01") + b"\r\n",
    "malformed-escape": GET.replace(b"keeper", b"keeper/%zz") + b"\r\n",
    "two-hosts": GET + b"Host: y\r\n\r\n",
    "no-host": GET.replace(b"Host: x\r\n", b"") + b"\r\n",
    "long-header": GET + b"X-a: " + b"x" * 300_000 + b"\r\n\r\n",
    "long-query": GET.replace(b"keeper", b"keeper?" + b"x" * 300_000) + b"\r\n",
    "two-lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length-and-chunks": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "signed-length": POST + b"Content-Length: +1\r\n\r\na",
    "negative-length": POST + b"Content-Length: -1\r\n\r\na",
    "endless-length": POST + b"Content-Length: 99999999999999999999\r\n\r\na",
    "length-over-the-limit": POST + b"Content-Length: 1000001\r\n\r\na",
    "other-coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two-codings": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "space-before-the-colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "no-chunk-size": CHUNKED + b"ZZ\r\nx\r\n0\r\n\r\n",
    "negative-chunk-size": CHUNKED + b"-1\r\nx\r\n0\r\n\r\n",
    "prefixed-chunk-size": CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n",
    "newline-in-a-chunk": CHUNKED + b"1;a\nb\r\nx\r\n0\r\n\r\n",
    "unknown-function": GET.replace(b"keeper", b"none") + b"\r\n",
    "function-of-a-path": GET.replace(b"keeper", b"keeper%00") + b"\r\n",
    "trace": GET.replace(b"GET", b"TRACE") + b"\r\n",
}
CLEANED = {
    "dots": (b"/function/keeper/../oracle", b"/function/oracle"),
    "quoted-dots": (b"/function/keeper/%2e%2e/oracle", b"/function/oracle"),
    "quoted-slashes": (b"/function/keeper/a%2f%2fb", b"/function/keeper/a/b"),
    "slashes": (b"//evil.example/x", b"/evil.example/x"),
    "backslash": (b"/\\evil.example//x", b"/%5Cevil.example/x"),
    "line": (b"/function/keeper//%0d%0aX:%20y", b"/function/keeper/%0D%0AX:%20y"),
}


def answer_to(running: Running, sent: bytes, end: bytes = b"\r\n\r\n") -> bytes:
    """Send bytes to edge-a's gateway; gives what comes back, up to the end of the head."""
    with running.connect("edge-a") as connection:
        with suppress(OSError):  # it may have answered and closed before all was sent
            connection.sendall(sent)
        return received(connection, end)


def received(connection: socket.socket, end: bytes = b"\r\n\r\n") -> bytes:
    """Read up to ``end``, or all there is; a gateway may wait some time before it closes."""
    answer = b""
    with suppress(ConnectionError):
        while end not in answer and (part := connection.recv(65536)):
            answer += part
    return answer


def status_of(answer: bytes) -> int:
    match = re.match(rb"HTTP/\d\.\d (\d{3}) ", answer)
    assert match is not None, answer[:200]
    return int(match[1])


def kept(running: Running) -> int:
    """Give how much the session of these tests has, in any list."""
    keys = list(running.redis("edge-a").scan_iter("edge:{w*}:list:*"))
    return sum(int(running.redis("edge-a").llen(key)) for key in keys)


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_call_is_refused_and_changes_nothing(running: Running, sent: bytes) -> None:
    before = kept(running)
    assert status_of(answer_to(running, sent)) in {400, 404, 405, 413, 431, 501}
    assert kept(running) == before


@pytest.mark.parametrize(("path", "cleaned"), CLEANED.values(), ids=CLEANED.keys())
def test_a_path_is_cleaned_within_the_gateway(
    running: Running, path: bytes, cleaned: bytes
) -> None:
    answer = answer_to(running, GET.replace(b"/function/keeper", path) + b"\r\n")
    assert status_of(answer) == 301
    assert re.findall(rb"(?i)\r\nlocation: (.*)\r\n", answer) == [cleaned]


def test_what_follows_a_call_is_another_call(running: Running) -> None:
    first = POST.replace(b"Connection: close\r\n", b"") + b"Content-Length: 2\r\n\r\nab"
    smuggled = b"GET /function/oracle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    statuses = re.findall(rb"HTTP/1.1 (\d{3})", answer_to(running, first + smuggled, b"no end"))
    assert statuses == [b"200", b"401"]


def test_trailers_are_no_headers(running: Running) -> None:
    sent = CHUNKED + b"1\r\nx\r\n0\r\nX-session: smuggled\r\n\r\n"
    assert status_of(answer_to(running, sent)) == 200
    assert running.current("smuggled") == []


def test_a_body_without_end_is_refused_at_its_limit(running: Running) -> None:
    with running.connect("edge-a") as connection:
        connection.sendall(CHUNKED)
        with suppress(OSError):
            for _ in range(500):  # 32 MiB, where 1 MB is taken
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        answer = received(connection)
    # the function says 413 and hangs up; a gateway that is still sending may miss what it said
    assert answer == b"" or status_of(answer) in {413, 500, 502}
    assert running.keep("after that").status_code == 200


UNFINISHED = {"length": POST + b"Content-Length: 400\r\n\r\nab", "chunks": CHUNKED + b"2\r\nab\r\n"}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_a_body_that_never_ends_is_given_up_and_nobody_else_waits(
    running: Running, sent: bytes
) -> None:
    before = kept(running)

    def is_served_before_they_are_given_up() -> bool:
        connections = [running.connect("edge-a") for _ in range(20)]  # more than there are threads
        for connection in connections:
            connection.sendall(sent)
        assert running.keep("meanwhile").status_code == 200
        given_up, _, _ = select.select(connections, [], [], 0)
        for connection in connections:
            with connection:
                assert status_of(received(connection)) == 504
        return not given_up

    assert any(is_served_before_they_are_given_up() for _ in range(3))  # a machine may be busy
    assert kept(running) == before
