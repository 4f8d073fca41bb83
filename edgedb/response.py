"""Responses as functions give them.

What a handler returns is made a :class:`Response` that is complete and can be sent, before
anything is written: see :func:`as_response`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response as FlaskResponse

from edgedb.wire.headers import JSON
from edgedb.wire.sendable import Pairs, header_pairs, json_bytes, limited, status_code

StartResponse = Callable[[str, list[tuple[str, str]]], Any]

WITHOUT_BODY = {204, 304}  # RFC 9110, section 6.4.1
TEXT = "text/plain; charset=utf-8"
OCTETS = "application/octet-stream"


@dataclass(frozen=True)
class Response:
    """What a function answers; a body without ``Content-Type`` is sent as octets."""

    body: bytes = b""
    status: int = 200
    headers: Pairs = ()

    @classmethod
    def json(cls, document: object, status: int = 200) -> Response:
        """Answer with a JSON document, whatever its keys are called."""
        return cls(json_bytes(document), status, (("Content-Type", JSON),))

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        """Answer with plain text."""
        return cls(str.encode(text), status, (("Content-Type", TEXT),))

    def to_wsgi(self, method: str, start_response: StartResponse) -> list[bytes]:
        """Answer as a WSGI application does (PEP 3333)."""
        headers, body = list(self.headers), self.body
        if self.status in WITHOUT_BODY:
            body = b""
        elif not any(name.lower() == "content-length" for name, _ in headers):
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{self.status} {HTTP_STATUS_CODES.get(self.status, 'Unknown')}", headers)
        return [] if method == "HEAD" else [body]

    def as_tuple(self) -> tuple[bytes, int, list[tuple[str, str]]]:
        """Give the form that Flask, and so every python3-http index.py, passes on unchanged."""
        return self.body, self.status, list(self.headers)


def parts(returned: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401 - whatever a handler returns
    """Take what a handler returned apart: body, status, headers; None for what it does not say.

    A dict is an envelope if it has ``statusCode`` or ``body`` and nothing but these and
    ``headers``; any other dict is data. A tuple is ``(body, status)``, ``(body, headers)`` or
    ``(body, status, headers)``. Everything else is a body.
    """
    if isinstance(returned, dict) and returned.keys() & {"statusCode", "body"}:
        if returned.keys() <= {"statusCode", "body", "headers"}:
            return returned.get("body"), returned.get("statusCode"), returned.get("headers")
    elif isinstance(returned, tuple):
        match returned:
            case (body, (int() | str()) as status):
                return body, status, None
            case (body, headers):
                return body, None, headers
            case (body, status, headers):
                return body, status, headers
        raise TypeError(f"a tuple is (body, status[, headers]), not {returned!r:.80}")
    return returned, None, None


def as_response(returned: Any) -> Response:  # noqa: ANN401
    """Give what a handler returned as a complete response that can be sent.

    The forms are those of :func:`parts`; a body is None, text, bytes, what JSON can say, or a
    response of this library or of Flask, whose status and headers the others replace.

    Raises:
        TypeError, ValueError: it cannot be sent; the message names the header or the value.

    """
    body, status, headers = parts(returned)
    content = _content(body)
    pairs = header_pairs(headers)
    given = {name.lower() for name, _ in pairs}
    more = tuple(pair for pair in content.headers if pair[0].lower() not in given)
    return _completed(content.body, content.status if status is None else status, pairs + more)


def _content(body: Any) -> Response:  # noqa: ANN401
    if isinstance(body, Response):
        return Response(_octets(body.body), status_code(body.status), header_pairs(body.headers))
    if isinstance(body, FlaskResponse):
        body.direct_passthrough = False  # a file, too, is read here and now
        return Response(_octets(body.get_data()), body.status_code, header_pairs(body.headers))
    if isinstance(body, bytes | bytearray | memoryview):
        return Response(_octets(body))
    if isinstance(body, str | None):
        return Response.text("" if body is None else body)
    return Response.json(body)


def _octets(body: Any) -> bytes:  # noqa: ANN401
    """Give bytes of any kind as those that are sent."""
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"a Response has bytes, not {body!r:.80}; see Response.text")
    return memoryview(body).tobytes()


def _completed(body: bytes, status: object, pairs: Pairs) -> Response:
    """Add what is missing, and take out the length, which is the server's to say."""
    code, kept, has_type = status_code(status), [], False
    for name, value in limited(pairs):
        match name.lower():
            case "content-length" if value != f"{len(body)}":
                raise ValueError(f"the header Content-Length is not {len(body)}; leave it out")
            case "content-length":
                continue
            case "content-type":
                has_type = True
        kept.append((name, value))
    missing = [] if has_type else [("Content-Type", OCTETS)]
    return Response(b"" if code in WITHOUT_BODY else body, code, (*kept, *missing))
