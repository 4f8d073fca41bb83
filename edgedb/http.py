"""Requests and responses as functions see them, and problems as RFC 9457 documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote

import flask
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.http import HTTP_STATUS_CODES

from edgedb.errors import BadRequest, EdgeError, InvalidSession, MethodNotAllowed, TooLarge
from edgedb.model import checked_session_id

SESSION = "X-session"
SESSION_LOCATION = "X-session-location"
ONLOAD_LOCATION = "X-onload-location"
IDEMPOTENCY_KEY = "Idempotency-Key"
PROPAGATE = "X-edge-propagate"
CALL_ID = "X-Call-Id"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
PACKET = "application/vnd.edgedb.packet+msgpack"

IDEMPOTENCY_KEY_LIMIT = 256  # characters
COUNT_LIMIT = 1000  # sessions one call may ask for

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]

WITHOUT_BODY = {204, 304, *range(100, 200)}  # RFC 9110, section 6.4.1

_PATH_SAFE = "/!$&'()*+,;=:@-._~"  # RFC 3986 pchar, and the slash


@dataclass(frozen=True)
class Request:
    """One HTTP request to a function.

    ``path`` is decoded and begins with ``/``; ``query_string`` is byte for byte what the client
    sent. ``session_id`` and ``location`` are filled in before a handler sees the request.
    """

    method: str = "GET"
    path: str = "/"
    query_string: bytes = b""
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    session_id: str = ""
    location: str = ""

    @classmethod
    def from_event(cls, event: Any) -> Request:  # noqa: ANN401 - the template's own class
        """Read a python3-http event, inside the Flask request that it was made from."""
        return cls.from_environ(flask.request.environ, event.body)

    @classmethod
    def from_environ(cls, environ: Environ, body: bytes) -> Request:
        """Read a WSGI environment (PEP 3333), whose body has been read already."""
        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "surrogateescape"),
            query_string=environ.get("QUERY_STRING", "").encode("latin-1"),
            headers=EnvironHeaders(environ),
            body=body,
        )

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        strict = self._utf8_query
        return self._parameters("replace") if strict is None else strict

    @cached_property
    def _utf8_query(self) -> dict[str, str] | None:
        """The same if all of it is UTF-8."""
        try:
            return self._parameters("strict")
        except UnicodeDecodeError:
            return None

    def _parameters(self, errors: str) -> dict[str, str]:
        text = self.query_string.decode("utf-8", errors)
        return dict(parse_qsl(text, keep_blank_values=True, errors=errors))

    @property
    def text(self) -> str:
        """The body as UTF-8 text; raises BadRequest."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest(f"the body is not UTF-8: {error}") from error

    def json(self) -> Any:  # noqa: ANN401 - that is what JSON is
        """Parse the body; raises BadRequest."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise BadRequest(f"the body is not JSON: {error}") from error

    @property
    def function_path(self) -> str:
        """The path after ``/function/<name>``, percent-encoded; empty for ``/``."""
        raw = self.path.encode("utf-8", "surrogateescape")
        return "" if self.path == "/" else quote(raw, safe=_PATH_SAFE)

    def header(self, name: str) -> str | None:
        """Give a header's value as UTF-8 text, or None; raises BadRequest.

        WSGI hands headers over as Latin-1 (PEP 3333), clients mean UTF-8.
        """
        value = self.headers.get(name)
        try:
            return value if value is None else value.encode("latin-1").decode()
        except UnicodeError as error:
            raise BadRequest(f"the header {name} is not UTF-8") from error

    def accepts(self, content_type: str) -> bool:
        """Say whether ``Accept`` names a type."""
        return content_type in (self.headers.get("Accept") or "")

    @property
    def authorization(self) -> str | None:
        """The ``Authorization`` header; one that cannot be read is as good as an empty one."""
        try:
            return self.header("Authorization")
        except BadRequest:
            return ""

    def session_header(self) -> str:
        """Give the checked ``X-session``; raises InvalidSession."""
        value = self.header(SESSION)
        if value is None:
            raise InvalidSession("the header X-session is missing")
        return checked_session_id(value)

    def session_parameter(self) -> str | None:
        """Give the checked parameter ``session``, or None; raises InvalidSession."""
        if self._utf8_query is None:
            raise InvalidSession("the query is not UTF-8")
        value = self._utf8_query.get("session")
        return value if value is None else checked_session_id(value)

    def required_session(self) -> str:
        """Give the checked parameter ``session``; raises InvalidSession."""
        session = self.session_parameter()
        if session is None:
            raise InvalidSession("the parameter session is missing: ?session=<id>")
        return session

    def number(self, name: str, default: int, limit: int = 2**53) -> int:
        """Give a parameter that is a whole number from 0 to ``limit``.

        Raises:
            BadRequest: it is not a number.
            TooLarge: it is over the limit.

        """
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit()):
            raise BadRequest(f"{name} must be a whole number, got {text!r:.60}")
        if len(text) > 16 or int(text) > limit:
            raise TooLarge(f"{name} is over the limit of {limit}")
        return int(text)


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


def problem(error: EdgeError) -> Response:
    """Render an error as ``application/problem+json`` (RFC 9457 section 3)."""
    document = {
        "type": error.problem_type(),
        "title": error.title,
        "status": int(error.status),
        "detail": str(error),
    }
    headers = [("Content-Type", PROBLEM_JSON)]
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", error.allowed))
    if error.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Response(json.dumps(document).encode(), int(error.status), tuple(headers))


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
