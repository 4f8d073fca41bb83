"""A TCP proxy that cuts, stalls and resets connections when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator
from enum import StrEnum

Address = tuple[str, int]

PIECE_BYTES = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""``SO_LINGER`` on, 0 s: closing sends RST, and what was not sent yet is dropped."""


class Way(StrEnum):
    """A direction through a proxy."""

    REQUESTS = "requests"
    ANSWERS = "answers"


class Proxy:
    """One port of this machine in front of another address; used on its event loop only.

    A way that is stalled holds what has come until it flows again: what a caller has given up
    meanwhile arrives all the same, late.
    """

    def __init__(self, target: Address) -> None:
        self._target = target
        self._flows = {way: asyncio.Event() for way in Way}
        self._resets = {way: deque[int]() for way in Way}
        self._ends = set[asyncio.StreamWriter]()
        self._is_cut = False
        self._server: asyncio.Server | None = None
        self.mend()

    @property
    def connections(self) -> int:
        """How many callers are connected."""
        return len(self._ends) // 2

    async def start(self) -> int:
        """Listen; give the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more and reset all connections."""
        assert self._server is not None
        self._server.close()
        self.mend()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset all connections, and every new one, until :meth:`mend`."""
        self._is_cut = True
        _reset(self._ends)

    def stall(self, way: Way) -> None:
        """Let nothing pass this way until :meth:`mend`."""
        self._flows[way].clear()

    def reset(self, way: Way, after: int) -> None:
        """Reset the next connection that is used this way, after so many more bytes."""
        self._resets[way].append(after)

    def mend(self) -> None:
        """End :meth:`cut` and :meth:`stall`; a :meth:`reset` that has not happened will not."""
        self._is_cut = False
        for way in Way:
            self._flows[way].set()
            self._resets[way].clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            return _reset({writer})
        try:
            from_target, to_target = await asyncio.open_connection(*self._target)
        except OSError:
            return _reset({writer})
        await self._join(_Wire(reader, to_target), _Wire(from_target, writer))
        return None

    async def _join(self, requests: _Wire, answers: _Wire) -> None:
        ends = {requests.writer, answers.writer}
        self._ends |= ends
        await asyncio.gather(
            self._pass_on(Way.REQUESTS, requests, ends), self._pass_on(Way.ANSWERS, answers, ends)
        )
        self._ends -= ends
        for writer in ends:
            writer.close()

    async def _pass_on(self, way: Way, wire: _Wire, ends: set[asyncio.StreamWriter]) -> None:
        """Pass on what comes one way, whatever has become of the other."""
        left: int | None = None
        async for piece in wire.pieces():
            await self._flows[way].wait()
            if left is None and self._resets[way]:
                left = self._resets[way].popleft()
            if left is not None and left <= len(piece):
                await wire.write(piece[:left])
                return _reset(ends)
            left = left and left - len(piece)
            await wire.write(piece)
        await self._flows[way].wait()
        wire.end()
        return None


class _Wire:
    """One direction of one connection; that an end is lost is like its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        writer.transport.set_write_buffer_limits(0)  # what was written is sent, or a reset drops it

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give what comes, until no more does."""
        with contextlib.suppress(OSError):
            while piece := await self._reader.read(PIECE_BYTES):
                yield piece

    async def write(self, piece: bytes) -> None:
        """Send a piece, as fast as it is taken; nobody takes it at an end that is lost."""
        if not self.writer.is_closing():
            with contextlib.suppress(OSError):
                self.writer.write(piece)
                await self.writer.drain()

    def end(self) -> None:
        """Say that no more comes."""
        with contextlib.suppress(OSError):
            self.writer.write_eof()


def _reset(ends: set[asyncio.StreamWriter]) -> None:
    for writer in ends:
        connection: socket.socket = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        writer.transport.abort()
