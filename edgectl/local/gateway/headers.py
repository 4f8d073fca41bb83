"""What the platform does to headers on their way to a function and back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache

from aiohttp.web import BaseRequest
from multidict import CIMultiDict

_HOP_BY_HOP = {
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "Te",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
}
_NOT_TO_FUNCTION = {*_HOP_BY_HOP, "Expect", "Host"}


def to_function(request: BaseRequest) -> dict[str, bytes]:
    """Give a request's headers as the function gets them, values byte for byte.

    Duplicates are joined, names with an underscore dropped, and the platform's own are added: a
    call id unless there is one, the start time (ns since the epoch) behind one that is there, host
    and address of the caller.
    """
    headers: dict[str, bytes] = {}
    for raw_name, value in request.raw_headers:
        name = _canonical(raw_name.decode("latin-1"))
        if name not in _NOT_TO_FUNCTION and "_" not in name:
            headers[name] = headers[name] + b", " + value if name in headers else value
    headers.setdefault("X-Call-Id", str(uuid.uuid4()).encode())
    earlier = headers.get("X-Start-Time")
    now = b"%d" % time.time_ns()
    headers["X-Start-Time"] = now if earlier is None else earlier + b", " + now
    headers.setdefault("X-Forwarded-Host", request.headers.get("Host", "").encode())
    headers.setdefault("X-Forwarded-For", _address(request))
    return headers


def to_client(
    answer: Iterable[tuple[str, str]], sent: Mapping[str, bytes], request: BaseRequest
) -> CIMultiDict[str]:
    """Give a function's headers as the client gets them; ``sent`` is what the function got."""
    headers = CIMultiDict[str]()
    for given, value in answer:
        if (name := _canonical(given)) not in _HOP_BY_HOP:
            headers.add(name, value)
    if "X-Call-Id" not in request.headers:
        headers["X-Call-Id"] = sent["X-Call-Id"].decode()
    headers["X-Start-Time"] = sent["X-Start-Time"].decode().rpartition(", ")[2]
    headers.setdefault("Content-Type", request.headers.get("Content-Type", "text/plain"))
    return headers


@lru_cache(maxsize=1024)
def _canonical(name: str) -> str:
    """Write a name as Go's servers do: ``x-session`` becomes ``X-Session``."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _address(request: BaseRequest) -> bytes:
    peer = request.transport and request.transport.get_extra_info("peername")
    return f"{peer[0]}:{peer[1]}".encode() if peer else b""
