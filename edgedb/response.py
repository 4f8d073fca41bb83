"""Responses as functions give them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES

from edgedb.wire.headers import JSON

StartResponse = Callable[[str, list[tuple[str, str]]], Any]

WITHOUT_BODY = {204, 304, *range(100, 200)}  # RFC 9110, section 6.4.1


@dataclass(frozen=True)
class Response:
    """What a function answers; a body without ``Content-Type`` is sent as octets or text."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def json(cls, document: object, status: int = 200) -> Response:
        """Answer with a JSON document."""
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return cls(body, status, (("Content-Type", JSON),))

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        """Answer with plain text."""
        return cls(text.encode(), status, (("Content-Type", "text/plain; charset=utf-8"),))

    def to_wsgi(self, method: str, start_response: StartResponse) -> list[bytes]:
        """Answer as a WSGI application does (PEP 3333)."""
        headers, body = list(self.headers), self.body
        if self.status in WITHOUT_BODY:
            body = b""
        else:
            headers.append(("Content-Length", str(len(body))))
        start_response(f"{self.status} {HTTP_STATUS_CODES.get(self.status, 'Unknown')}", headers)
        return [] if method == "HEAD" else [body]

    def as_tuple(self) -> tuple[bytes, int, list[tuple[str, str]]]:
        """Give the form that Flask, and so every python3-http index.py, passes on unchanged."""
        return self.body, self.status, list(self.headers)


def as_response(returned: Any) -> Response:  # noqa: ANN401 - whatever a handler returns
    """Give what a handler returned as a response.

    Accepted: None, str, bytes, a :class:`Response`, ``(body, status[, headers])``, a dict with
    any of ``statusCode``, ``body``, ``headers`` (the python3-http form), and any other JSON
    document. Raises TypeError for anything else.
    """
    if isinstance(returned, Response):
        return returned
    if isinstance(returned, tuple):
        body, status, *rest = returned
        return _assembled(body, status, rest[0] if rest else ())
    if isinstance(returned, Mapping) and returned.keys() & {"statusCode", "body", "headers"}:
        return _assembled(
            returned.get("body"), returned.get("statusCode", 200), returned.get("headers") or ()
        )
    return _assembled(returned, 200, ())


def _assembled(body: Any, status: Any, headers: Any) -> Response:  # noqa: ANN401
    pairs = tuple((str(k), str(v)) for k, v in Headers(headers).items()) if headers else ()
    content, content_type = _encoded(body)
    if content_type and not any(name.lower() == "content-type" for name, _ in pairs):
        pairs = (*pairs, ("Content-Type", content_type))
    return Response(content, int(status), pairs)


def _encoded(body: Any) -> tuple[bytes, str | None]:  # noqa: ANN401
    if body is None:
        return b"", "text/plain; charset=utf-8"
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), "application/octet-stream"
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode(), "application/json"
