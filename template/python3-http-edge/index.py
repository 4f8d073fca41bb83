"""Answers HTTP with ``function/handler.py``: the contract of python3-http, kept exactly.

``handler.handle(event, context)`` is called inside a Flask request, for every method and path.
It returns None, str, bytes, a list or dict (JSON), a dict of statusCode, body and headers, a
tuple ``(body, status[, headers])``, or a Flask response; ``edgedb.response.parts`` has the rule.
"""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, NoReturn

import server
from flask import Flask, Request, Response, json, jsonify, request
from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import HTTPException, InternalServerError

from edgedb.handlers import checked_handler
from edgedb.response import parts
from edgedb.wire.sendable import header_pairs, status_code

Handle = Callable[["Event", "Context"], Any]

log = logging.getLogger("function")


class Event:
    """The current request, under the attribute names of python3-http."""

    def __init__(self) -> None:
        self.body: bytes = request.get_data()
        self.headers: Headers = request.headers
        self.method: str = request.method
        self.query: MultiDict[str, str] = request.args
        self.path: str = request.path


class Context:
    """Where the function runs."""

    def __init__(self) -> None:
        self.hostname: str = os.getenv("HOSTNAME") or socket.gethostname()


class Unimportable:
    """Stands in for a handler that failed to import: says so, and is never ready."""

    def __init__(self, error: BaseException) -> None:
        self.reason = f"handler.py cannot be imported: {type(error).__name__}: {error}"

    def ready(self) -> None:
        """Raise, as a handler that cannot serve does."""
        raise RuntimeError(self.reason)

    def __call__(self, _event: Event, _context: Context) -> NoReturn:
        """Answer every call with 500."""
        raise InternalServerError(self.reason)


class Function(Flask):
    """A Flask application without routes: the handler is asked whatever comes."""

    def __init__(self, handle: Handle, lifecycle: server.Lifecycle) -> None:
        super().__init__(__name__, static_folder=None)
        self.handle = handle
        self.direct = getattr(handle, "wsgi", None)
        self.lifecycle = lifecycle
        self.unready = ""
        self.register_error_handler(HTTPException, http_problem)
        self.register_error_handler(Exception, failure)

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:  # noqa: ANN401 - PEP 3333
        """Leave the call to a handler that is a WSGI application itself, as edgedb's are."""
        if self.direct is None or environ["PATH_INFO"] == server.READY_PATH:
            return super().wsgi_app(environ, start_response)
        return self.direct(environ, start_response)

    def create_url_adapter(self, _request: Request | None) -> None:
        """Route nothing: routing would redirect ``//`` and answer OPTIONS itself."""

    def full_dispatch_request(self) -> Response:
        """Ask the handler; hooks and signals that Flask would look for, nobody can register."""
        try:
            return self.dispatch_request()
        except Exception as error:
            return self.make_response(self.handle_user_exception(error))

    def dispatch_request(self) -> Response:
        """Answer the current request."""
        if request.path == server.READY_PATH:
            return self.readiness()
        try:
            return self.rendered(self.handle(Event(), Context()))
        except SystemExit as error:  # would end waitress's thread and leave the caller waiting
            raise RuntimeError(f"the handler called sys.exit({error.code!r})") from error

    def readiness(self) -> Response:
        """Say 200 only where the next call would be served."""
        if self.lifecycle.stopping:
            return problem(503, "the function is stopping")
        try:
            getattr(self.handle, "ready", lambda: None)()
        except Exception as error:  # whatever it is, calls would meet it too
            return self.not_ready(f"{error}")
        self.unready = ""
        return Response("ready\n", content_type="text/plain")

    def not_ready(self, reason: str) -> Response:
        """Say why; the log says so when it changes, not each time that the watchdog asks."""
        if reason != self.unready:
            log.warning("not ready: %s", reason)
        self.unready = reason
        return problem(503, reason[:300])

    def rendered(self, value: object) -> Response:
        """Turn what a handler returned into a response that can be sent."""
        body, status, headers = parts(value)
        response = self.make_response(rendered_body(body))
        response.headers.update(Headers(header_pairs(headers)))  # with all repeated ones
        header_pairs(response.headers)
        response.status_code = status_code(response.status_code if status is None else status)
        if not response.is_streamed:
            response.content_length = response.calculate_content_length() or 0
        return response


def rendered_body(body: object) -> Any:  # noqa: ANN401 - whatever Flask can answer with
    """Turn a body into what Flask sends as it stands: JSON for data, never a Python repr."""
    if body is None:
        return ""
    if isinstance(body, bytes | bytearray):
        return Response(bytes(body), mimetype="application/octet-stream")
    if isinstance(body, dict | list | int | float):
        return jsonify(body)
    return body


def problem(status: int, detail: str) -> Response:
    """Render a problem document (RFC 9457)."""
    document = {"type": "about:blank", "title": HTTPStatus(status).phrase}
    body = json.dumps(document | {"status": status, "detail": detail})
    return Response(body, status, content_type="application/problem+json")


def http_problem(error: HTTPException) -> Response:
    """Render what ``flask.abort`` raised, keeping headers such as Allow."""
    response = error.get_response()
    response.data = problem(error.code or 500, error.description or "").data
    response.content_type = "application/problem+json"
    return response  # type: ignore[return-value]


def failure(_error: Exception) -> Response:
    """Answer for a handler that raised; only the log gets the trace."""
    log.exception("the handler failed: %s %s", request.method, request.path)
    return problem(500, "the handler failed; the function's log has the trace")


def load_handle() -> Handle:
    """Import the handler; a process that stays up can say what is wrong with it."""
    try:
        handle: Handle = importlib.import_module("function.handler").handle
        checked_handler("handle", handle, arguments=2)
    except (Exception, SystemExit) as error:
        log.exception("handler.py cannot be imported")
        return Unimportable(error)
    return handle


if __name__ == "__main__":
    server.log_as_json()
    lifecycle = server.Lifecycle()
    server.serve(Function(load_handle(), lifecycle), lifecycle)
