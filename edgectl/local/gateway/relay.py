"""One request to a function's process and its answer back, streamed both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from edgectl.local.gateway import headers
from edgectl.local.gateway.reply import ReplyHead
from edgectl.local.gateway.upstream import Connection, Unreachable, Upstream

_GATHERED_BYTES = 64 * 1024
"""Bodies up to here are passed on in one piece, which takes fewer system calls."""


async def relay(request: web.BaseRequest, upstream: Upstream, target: str) -> web.StreamResponse:
    """Pass a request on and its answer back; raise Unreachable if there is none.

    An answer that breaks off in the middle breaks off for the client too.
    """
    sent = headers.to_function(request)
    head, body = await _outgoing(request, target, upstream.host, sent)
    connection = await upstream.connect()
    try:
        reply = await connection.send(head, body, has_answer_body=request.method != "HEAD")
        response = await _answer(request, connection, reply, sent)
    except BaseException:
        connection.close()
        raise
    upstream.give_back(connection)
    return response


async def _outgoing(
    request: web.BaseRequest, target: str, host: bytes, sent: Mapping[str, bytes]
) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """Write the head of a request, a small body with it; give a larger one to be streamed."""
    first = f"{request.method} {target} HTTP/1.1".encode("utf-8", "surrogateescape")
    lines = [name.encode("latin-1") + b": " + value for name, value in sent.items()]
    start = b"\r\n".join([first, b"Host: " + host, *lines])
    length = request.content_length
    if not request.body_exists:
        return start + b"\r\n\r\n", None
    if length is None:
        return start + b"\r\nTransfer-Encoding: chunked\r\n\r\n", _chunks(request)
    if length > _GATHERED_BYTES:
        return start + b"\r\n\r\n", request.content.iter_any()
    return start + b"\r\n\r\n" + await _whole_body(request), None


async def _whole_body(request: web.BaseRequest) -> bytes:
    try:
        return await request.read()
    except (OSError, web.RequestPayloadError) as error:
        raise Unreachable("the client has hung up") from error


async def _chunks(request: web.BaseRequest) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_any():
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


async def _answer(
    request: web.BaseRequest, connection: Connection, reply: ReplyHead, sent: Mapping[str, bytes]
) -> web.StreamResponse:
    received = headers.to_client(reply.headers, sent, request)
    if reply.length is not None and 0 < reply.length <= _GATHERED_BYTES:
        body = await connection.whole(reply)
        return web.Response(status=reply.status, reason=reply.reason, headers=received, body=body)
    response = web.StreamResponse(status=reply.status, reason=reply.reason, headers=received)
    try:
        await response.prepare(request)
        async for piece in connection.pieces(reply):
            await response.write(piece)
        await response.write_eof()
    except (OSError, EOFError, ValueError):  # either side has gone
        _hang_up(request)
    except BaseException:
        _hang_up(request)
        raise
    return response


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
