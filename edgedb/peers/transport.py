"""Carries calls to other nodes' gateways, over connections that are kept.

It is libcurl because of what a call costs a function that is called now and then: Python that has
not run for a while takes up to ten times of what it takes in a loop, and ``requests`` has thousands
of lines of it for a call, libcurl some twenty (docs/performance.md, "A move").
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

import pycurl

from edgedb.errors import PeerUnavailable
from edgedb.times import milliseconds
from edgedb.wire.headers import JSON, NODE

CONNECTIONS = 32
"""Kept open by each handle, of which there are as many as calls at a time."""

IDLE_S = 1
"""For how long a connection may have been idle that is used for a call that must not be repeated:
one that the other side closes just then would leave an outcome that nobody knows."""

_LIBCURLS = ("Accept", "Accept-Encoding", "Content-Type", "Expect", "User-Agent")
CARRIED_LIMIT = 128 * 2**20  # bytes of an answer to a client's call that is carried


@dataclass(frozen=True)
class PeerRequest:
    """One HTTP call to another node's gateway; the body, if there is one, is JSON.

    ``is_repeatable``: a second one while the first is still at work gets the same answer.
    ``is_carried``: it is a client's; ``headers`` are all that it has, any body and method do, and
    all of the answer's headers are wanted.
    """

    method: str
    location: str
    gateway: str
    function: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_repeatable: bool = True
    is_carried: bool = False

    @property
    def url(self) -> str:
        """The whole address."""
        query = f"?{self.query_string}" if self.query_string else ""
        return f"{self.gateway}/function/{self.function}{query}"


@dataclass(frozen=True)
class PeerResponse:
    """What the other node answered."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        """Give the first header of that name, None if there is none."""
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class Transport(Protocol):
    """Carries a call to another node."""

    def send(self, request: PeerRequest, timeout: float) -> PeerResponse:
        """Give the answer; raises PeerUnavailable when there is none within ``timeout`` s."""
        ...


class HttpTransport:
    """The transport of a deployed node: redirects not followed, no proxy, no cookies.

    ``answer_limit``: bytes; a longer answer is none. Certificates are those that Python's ``ssl``
    takes by default, so SSL_CERT_FILE and SSL_CERT_DIR name others.
    """

    def __init__(self, answer_limit: int) -> None:
        self._answer_limit = answer_limit
        self._certificates = ssl.get_default_verify_paths()
        self._free = list[pycurl.Curl]()

    def send(self, request: PeerRequest, timeout: float) -> PeerResponse:
        """Give the answer; raises PeerUnavailable.

        libcurl repeats a call by itself if a kept connection is closed without an answer: it has
        been idle for too long, but the call may also have arrived. One that must not be repeated
        is kept from that, and goes over no connection that has been idle for long.
        """
        try:
            curl = self._free.pop()
        except IndexError:
            curl = pycurl.Curl()
        try:
            self._prepare(curl, request, timeout)
            return _performed(curl, request)
        except (pycurl.error, UnicodeError) as error:
            reason = f"{request.location} does not answer: {curl.errstr() or error}"
            is_sent = curl.getinfo(pycurl.REQUEST_SIZE) > 0
            raise PeerUnavailable(reason, is_sent=is_sent) from error
        finally:
            curl.reset()  # forgets the call; connections are kept
            self._free.append(curl)

    def _prepare(self, curl: pycurl.Curl, request: PeerRequest, timeout: float) -> None:
        limit = CARRIED_LIMIT if request.is_carried else self._answer_limit
        curl.setopt(pycurl.NOSIGNAL, 1)  # signals are for one thread, calls are made by many
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.MAXCONNECTS, CONNECTIONS)
        curl.setopt(pycurl.MAXFILESIZE_LARGE, limit)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, milliseconds(timeout)))  # 0 is for ever
        if self._certificates.cafile:
            curl.setopt(pycurl.CAINFO, self._certificates.cafile)
        if self._certificates.capath:
            curl.setopt(pycurl.CAPATH, self._certificates.capath)


def _performed(curl: pycurl.Curl, request: PeerRequest) -> PeerResponse:
    curl.setopt(pycurl.HTTPHEADER, [_line(*pair) for pair in _headers(request).items()])
    curl.setopt(pycurl.URL, request.url)
    _set_method(curl, request)
    head = list[bytes]()
    curl.setopt(pycurl.HEADERFUNCTION, head.append)
    once = nullcontext() if request.is_repeatable else _sent_once(curl)
    with BytesIO() as body, once:
        curl.setopt(pycurl.WRITEDATA, body)
        curl.perform()
        content_type = curl.getinfo(pycurl.CONTENT_TYPE) or ""
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        headers = _pairs(head)
        if not request.is_carried:
            headers = (pair for pair in headers if pair[0].lower() == NODE.lower())
        return PeerResponse(status, body.getvalue(), content_type, tuple(headers))


@contextmanager
def _sent_once(curl: pycurl.Curl) -> Iterator[None]:
    """Let a call be sent once: after that no other connection is opened for it."""
    is_sent, opened = False, ExitStack()

    def see(kind: int, _: bytes) -> None:
        nonlocal is_sent
        is_sent |= kind == pycurl.INFOTYPE_HEADER_OUT

    def connect(_: int, address: tuple[int, int, int, object]) -> socket.socket | int:
        if is_sent:
            return int(pycurl.SOCKET_BAD)
        return opened.enter_context(socket.socket(*address[:3]))  # libcurl makes a duplicate

    curl.setopt(pycurl.MAXAGE_CONN, IDLE_S)
    curl.setopt(pycurl.VERBOSE, 1)
    curl.setopt(pycurl.DEBUGFUNCTION, see)
    curl.setopt(pycurl.OPENSOCKETFUNCTION, connect)
    with opened:
        yield


def _headers(request: PeerRequest) -> Mapping[str, str | None]:
    """Give the headers to send; None for those that libcurl would add, and must not."""
    if request.is_carried:
        given = {name.title(): value for name, value in request.headers.items()}
        return {**dict.fromkeys(_LIBCURLS), **given}
    kind = JSON if request.body else None
    return {"Accept-Encoding": "identity", "Content-Type": kind, "Expect": None, **request.headers}


def _line(name: str, value: str | None) -> bytes:
    """Write a header as libcurl takes it: bytes read as Latin-1, as WSGI has them."""
    if value is None:
        return f"{name}:".encode()
    return f"{name}: {value}".encode("latin-1") if value else f"{name};".encode()


def _set_method(curl: pycurl.Curl, request: PeerRequest) -> None:
    if request.method == "HEAD":
        curl.setopt(pycurl.NOBODY, 1)
        return
    if request.body or request.method == "POST":
        curl.setopt(pycurl.POSTFIELDS, request.body)
    if request.method not in {"GET", "POST"} or (request.body and request.method == "GET"):
        curl.setopt(pycurl.CUSTOMREQUEST, request.method)


def _pairs(head: list[bytes]) -> Iterator[tuple[str, str]]:
    """Read the headers of an answer; a 1xx that announced it has a head of its own before."""
    for line in head:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon and not name.startswith("HTTP/"):
            yield name, value.strip()
