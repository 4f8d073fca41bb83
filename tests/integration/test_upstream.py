"""Answers of a function's process, whatever they look like on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from edgectl.local.gateway.reply import ReplyHead
from edgectl.local.gateway.upstream import Unreachable, Upstream

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def says(*answers: bytes, closes: bool = True) -> Script:
    """Make a server that gives these answers, one for each request."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        if not closes:
            await reader.read()
        writer.close()

    return script


async def exchange(upstream: Upstream, *, has_answer_body: bool = True) -> tuple[ReplyHead, bytes]:
    """Send a request and read the whole answer."""
    connection = await upstream.connect()
    try:
        head = await connection.send(REQUEST, None, has_answer_body=has_answer_body)
        body = b"".join([piece async for piece in connection.pieces(head)])
    except BaseException:
        connection.close()
        raise
    upstream.give_back(connection)
    return head, body


def against(script: Script, use: Callable[[Upstream], Awaitable[None]]) -> None:
    """Run a test's calls against a server of its own."""
    served: list[asyncio.Future[None]] = []

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.ensure_future(script(reader, writer)))

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        upstream = Upstream(server.sockets[0].getsockname()[1])
        async with server:
            await use(upstream)
            upstream.close_idle()
            await asyncio.gather(*served, return_exceptions=True)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (OK, 200, b"ok"),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\none\r\n5;ext=1\r\n, two\r\n0\r\nTrailer: x\r\n\r\n",
            200,
            b"one, two",
        ),
    ],
)
def test_every_framing_is_read(answer: bytes, status: int, body: bytes) -> None:
    async def use(upstream: Upstream) -> None:
        head, received = await exchange(upstream)
        assert (head.status, received) == (status, body)

    against(says(answer), use)


def test_an_answer_to_head_ends_with_its_head() -> None:
    async def use(upstream: Upstream) -> None:
        head, body = await exchange(upstream, has_answer_body=False)
        assert (dict(head.headers)["Content-Length"], body) == ("2", b"")

    against(says(OK.removesuffix(b"ok")), use)


def test_header_bytes_are_utf_8_or_else_iso_8859_1() -> None:
    answer = b"HTTP/1.1 200 OK\r\nA: \xc3\xa4\r\nB:\xe4 \r\nContent-Length: 0\r\n\r\n"

    async def use(upstream: Upstream) -> None:
        head, _ = await exchange(upstream)
        assert head.headers[:2] == [("A", "ä"), ("B", "ä")]

    against(says(answer), use)


def test_a_connection_serves_one_request_after_the_other() -> None:
    connections = 0

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await says(OK, OK, closes=False)(reader, writer)

    async def use(upstream: Upstream) -> None:
        assert [(await exchange(upstream))[1] for _ in range(2)] == [b"ok", b"ok"]

    against(counting, use)
    assert connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK,
    ],
)
def test_a_connection_that_is_closed_is_not_used_again(answer: bytes) -> None:
    async def use(upstream: Upstream) -> None:
        for _ in range(3):
            assert (await exchange(upstream))[1] == b"ok"
            await asyncio.sleep(0)  # lets the end of the connection be noticed

    against(says(answer), use)


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 600_000],
)
def test_what_is_no_answer_makes_the_function_unreachable(answer: bytes) -> None:
    async def use(upstream: Upstream) -> None:
        with pytest.raises(Unreachable):
            await exchange(upstream)

    against(says(answer), use)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    ],
)
def test_a_body_that_breaks_off_is_an_error(answer: bytes) -> None:
    async def use(upstream: Upstream) -> None:
        with pytest.raises(EOFError):
            await exchange(upstream)

    against(says(answer), use)


def test_an_answer_may_come_before_the_request_is_sent() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 65536

    async def use(upstream: Upstream) -> None:
        connection = await upstream.connect()
        head = await connection.send(REQUEST, endless(), has_answer_body=True)
        assert await connection.whole(head) == b"ok"
        upstream.give_back(connection)
        assert not connection.is_usable

    against(says(OK, closes=False), use)


def test_nobody_listening_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        asyncio.run(Upstream(1).connect())
