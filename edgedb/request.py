"""Requests as functions see them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, unquote_to_bytes

import flask
from werkzeug.datastructures import EnvironHeaders, Headers

from edgedb.errors import BadRequest, InvalidSession, TooLarge
from edgedb.wire.headers import SESSION
from edgedb.wire.model import checked_session_id

IDEMPOTENCY_KEY_LIMIT = 256  # characters

Environ = dict[str, Any]

Choice = TypeVar("Choice", bound=StrEnum)

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

    def session_header(self, cookie: str = "") -> str | None:
        """Give the checked ``X-session``, without one that of a cookie; raises InvalidSession.

        ``cookie`` is the name of the cookie that may carry it, percent-encoded.
        """
        value = self.header(SESSION)
        if value is None and cookie:
            value = self.cookie(cookie)
        return value if value is None else checked_session_id(value)

    def cookie(self, name: str) -> str | None:
        """Give a cookie, which is percent-encoded, or None; raises InvalidSession."""
        pairs = (pair.partition("=") for pair in self.headers.get("Cookie", "").split(";"))
        found = {value.strip().strip('"') for key, _, value in pairs if key.strip() == name}
        if len(found) > 1:
            raise InvalidSession(f"there are two cookies named {name}, which differ")
        try:
            texts = [unquote_to_bytes(value.encode("latin-1")).decode() for value in found]
        except UnicodeDecodeError as error:
            raise InvalidSession(f"the cookie {name} is not UTF-8") from error
        return texts[0] if texts else None

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

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """Give a parameter that is one of several words; raises BadRequest."""
        text = self.query.get(name, default)
        if text not in set(kind):
            raise BadRequest(f"{name} must be one of {', '.join(kind)}, got {text!r:.40}")
        return kind(text)

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
