"""Carries calls to other nodes' gateways, over connections that are kept.

It is libcurl because of what a call costs a function that is called now and then: Python that has
not run for a while takes up to ten times of what it takes in a loop, and ``requests`` has thousands
of lines of it for a call, libcurl some twenty (docs/performance.md, "A move").
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Protocol

import pycurl

from edgedb.errors import PeerUnavailable
from edgedb.times import milliseconds
from edgedb.wire.headers import JSON

CONNECTIONS = 32
"""Kept open by each handle, of which there are as many as calls at a time."""


@dataclass(frozen=True)
class PeerRequest:
    """One HTTP call to another node's gateway; the body, if there is one, is JSON.

    ``is_repeatable``: a second one while the first is still at work gets the same answer.
    """

    method: str
    location: str
    gateway: str
    function: str
    query_string: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_repeatable: bool = True

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
        been idle for too long, but the call may also have arrived. So one that must not be
        repeated has a connection of its own.
        """
        try:
            curl = self._free.pop()
        except IndexError:
            curl = pycurl.Curl()
        try:
            self._prepare(curl, timeout)
            return _performed(curl, request)
        except (pycurl.error, UnicodeError) as error:
            reason = curl.errstr() or error
            raise PeerUnavailable(f"{request.location} does not answer: {reason}") from error
        finally:
            curl.reset()  # forgets the call; connections are kept
            self._free.append(curl)

    def _prepare(self, curl: pycurl.Curl, timeout: float) -> None:
        curl.setopt(pycurl.NOSIGNAL, 1)  # signals are for one thread, calls are made by many
        curl.setopt(pycurl.PROXY, "")
        curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
        curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
        curl.setopt(pycurl.MAXCONNECTS, CONNECTIONS)
        curl.setopt(pycurl.MAXFILESIZE_LARGE, self._answer_limit)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, milliseconds(timeout)))  # 0 is for ever
        if self._certificates.cafile:
            curl.setopt(pycurl.CAINFO, self._certificates.cafile)
        if self._certificates.capath:
            curl.setopt(pycurl.CAPATH, self._certificates.capath)


def _performed(curl: pycurl.Curl, request: PeerRequest) -> PeerResponse:
    # those without a value libcurl would add, and must not
    kind = JSON if request.body else ""
    headers = {"Accept-Encoding": "identity", "Content-Type": kind, "Expect": "", **request.headers}
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
    curl.setopt(pycurl.URL, request.url)
    if not request.is_repeatable:
        curl.setopt(pycurl.FRESH_CONNECT, 1)
        curl.setopt(pycurl.FORBID_REUSE, 1)
    if request.method == "POST":
        curl.setopt(pycurl.POSTFIELDS, request.body)
    with BytesIO() as body:
        curl.setopt(pycurl.WRITEDATA, body)
        curl.perform()
        content_type = curl.getinfo(pycurl.CONTENT_TYPE) or ""
        return PeerResponse(curl.getinfo(pycurl.RESPONSE_CODE), body.getvalue(), content_type)
