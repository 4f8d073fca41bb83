"""HTTP/1.1 to the process of one replica, over connections that are kept.

A client library would add headers of its own, decode and encode those of others, and send a GET
again when a connection is lost. Here every byte of a header stays what it was, and a request is
sent once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from http import HTTPStatus

from edgectl.local.gateway.reply import ReplyHead, parse_head
from edgectl.local.ports import LOOPBACK

_LARGEST_HEAD_BYTES = 256 * 1024
_PIECE_BYTES = 256 * 1024
_IDLE_LIMIT_S = 60.0
"""Less than a server waits before it closes an idle connection (waitress: 120 s)."""

_LOST = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


class Unreachable(Exception):
    """The process took no connection, or closed it before it had answered."""


class Upstream:
    """The connections to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.host = f"{LOOPBACK}:{port}".encode()
        self._port = port
        self._idle: list[Connection] = []

    async def connect(self) -> Connection:
        """Give a connection that nobody uses; raise Unreachable if nobody listens."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        try:
            return Connection(
                *await asyncio.open_connection(LOOPBACK, self._port, limit=_LARGEST_HEAD_BYTES)
            )
        except OSError as error:
            raise Unreachable(str(error)) from error

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request, if it can serve one."""
        if connection.is_usable:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()

    def close_idle(self) -> None:
        """Close the connections that nobody uses, so that a process may end."""
        while self._idle:
            self._idle.pop().close()


class Connection:
    """One connection: a request, then its answer, then perhaps the next."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.idle_since = time.monotonic()
        self._reader = reader
        self._writer = writer
        self._sending: asyncio.Task[None] | None = None
        self._is_done = True

    @property
    def is_usable(self) -> bool:
        """Whether the last answer is complete and the other side still listens."""
        is_fresh = time.monotonic() - self.idle_since < _IDLE_LIMIT_S
        is_open = not (self._reader.at_eof() or self._writer.is_closing())
        return self._is_done and is_fresh and is_open

    def close(self) -> None:
        """Cut it off, whatever is still on its way."""
        if self._sending is not None:
            self._sending.cancel()
        self._writer.transport.abort()

    async def send(
        self, head: bytes, body: AsyncIterator[bytes] | None, *, has_answer_body: bool
    ) -> ReplyHead:
        """Send a request and read the head of its answer; raise Unreachable if there is none.

        ``body`` is sent while the answer is awaited, since it may come before all is sent.
        ``has_answer_body`` False: the answer ends with its head, whatever that says.
        """
        self._is_done = False
        self._writer.write(head)
        if body is not None:
            self._sending = asyncio.create_task(self._send_body(body))
            self._sending.add_done_callback(_ignore_failure)
        try:
            return await self._read_head(has_body=has_answer_body)
        except _LOST as error:
            raise Unreachable(str(error) or "the connection was closed") from error

    async def pieces(self, head: ReplyHead) -> AsyncIterator[bytes]:
        """Give the body as it comes; raise EOFError or OSError if it breaks off."""
        if head.is_chunked:
            while size := int((await self._reader.readuntil(b"\n")).partition(b";")[0], 16):
                async for piece in self._exactly(size):
                    yield piece
                await self._reader.readuntil(b"\n")
            while (await self._reader.readuntil(b"\n")).strip():
                pass
        elif head.length is not None:
            async for piece in self._exactly(head.length):
                yield piece
        else:
            while piece := await self._reader.read(_PIECE_BYTES):
                yield piece
        self._finish(head)

    async def whole(self, head: ReplyHead) -> bytes:
        """Give a body of known length in one piece; raise Unreachable if it breaks off."""
        try:
            body = await self._reader.readexactly(head.length or 0)
        except _LOST as error:
            raise Unreachable("the answer broke off") from error
        self._finish(head)
        return body

    def _finish(self, head: ReplyHead) -> None:
        is_sent = self._sending is None or self._sending.done()
        self._is_done = is_sent and not head.closes
        self._sending = None if is_sent else self._sending

    async def _exactly(self, size: int) -> AsyncIterator[bytes]:
        while size:
            piece = await self._reader.read(min(size, _PIECE_BYTES))
            if not piece:
                raise EOFError
            size -= len(piece)
            yield piece

    async def _send_body(self, body: AsyncIterator[bytes]) -> None:
        """Send what the caller sends; if the caller breaks off, so does this connection."""
        try:
            async for piece in body:
                self._writer.write(piece)
                await self._writer.drain()
        except BaseException:
            self._writer.transport.abort()
            raise

    async def _read_head(self, *, has_body: bool) -> ReplyHead:
        while True:
            head = parse_head(await self._reader.readuntil(b"\r\n\r\n"), has_body=has_body)
            if head.status >= HTTPStatus.OK:  # a 1xx answer announces another one
                return head


def _ignore_failure(sending: asyncio.Task[None]) -> None:
    """Look at it, or it is reported as forgotten; the missing answer tells what happened."""
    if not sending.cancelled():
        sending.exception()
