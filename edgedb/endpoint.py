"""What OpenFaaS calls: a function's ``handle(event, context)``, whatever it does inside."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from werkzeug.wsgi import get_input_stream

from edgedb import cors
from edgedb.errors import ConfigurationError, EdgeError, MethodNotAllowed, NotFound
from edgedb.logs import log_context
from edgedb.node import Node, default_node
from edgedb.problems import problem
from edgedb.readiness import require_ready
from edgedb.request import Environ, Request
from edgedb.response import Response, StartResponse
from edgedb.settings import CorsRules
from edgedb.wire.headers import CALL_ID, NODE

log = logging.getLogger(__name__)


class Function(ABC):
    """A deployed function; subclasses say what it answers.

    The instance is the ``handle`` that a python3-http template looks for in ``handler.py``.
    """

    def __call__(self, event: Any, context: Any) -> tuple[bytes, int, list[tuple[str, str]]]:  # noqa: ANN401, ARG002
        """Answer one event of the template; never raises."""
        request = Request.from_event(event)
        with log_context(call_id=request.headers.get(CALL_ID, "")):
            return self.respond_to(request).as_tuple()

    def wsgi(self, environ: Environ, start_response: StartResponse) -> list[bytes]:
        """Answer as a WSGI application; a template that knows of it saves what Flask costs."""
        request = Request.from_environ(environ, get_input_stream(environ).read())
        with log_context(call_id=request.headers.get(CALL_ID, "")):
            return self.respond_to(request).to_wsgi(request.method, start_response)

    def respond_to(self, request: Request, node: Node | None = None) -> Response:
        """Answer a request at ``node``, by default this process's own."""
        rules = node.settings.cors if node else cors.rules_of_process()
        answer = self._answer_always(request, node, rules)
        return cors.with_headers(rules, request.headers.get("Origin"), answer)

    def _answer_always(self, request: Request, node: Node | None, rules: CorsRules) -> Response:
        try:
            return self._answer(request, node, rules)
        except (Exception, SystemExit):  # sys.exit would end the server's thread
            log.exception("the function failed")
            return problem(EdgeError("the function failed; its log has the reason"))

    def _answer(self, request: Request, node: Node | None, rules: CorsRules) -> Response:
        try:
            asked = cors.preflight(rules, request)
            return asked or self.respond(node or default_node(), request)
        except ConfigurationError as error:
            log.error("not configured: %s", error)  # noqa: TRY400 - the message says it all
            return problem(error)
        except EdgeError as error:
            return problem(error)

    def ready(self) -> None:
        """Check that requests can be served; raises EdgeError where a request would meet it."""
        require_ready(default_node())

    @abstractmethod
    def respond(self, node: Node, request: Request) -> Response:
        """Answer a request; an :class:`EdgeError` becomes a problem document."""


class Endpoint(Function):
    """A function of the internal API: what it does, by method and path.

    ::

        handle = Endpoint({"GET /": status, "POST /repairs": repair})
    """

    def __init__(self, table: Mapping[str, Callable[[Node, Request], Response]]) -> None:
        self.table = table

    def respond(self, node: Node, request: Request) -> Response:
        """Do what the table says; raises NotFound and MethodNotAllowed for what it does not."""
        decide = self.table.get(f"{request.method} {request.path}")
        if decide is None:
            raise self._refusal(request)
        if NODE not in request.headers:
            return decide(node, request)
        # who says who it is, is told who has answered
        identity, response = node.store.relatives.identity(), decide(node, request)
        with suppress(EdgeError):  # what was done is done
            identity = node.store.relatives.identity()
        return replace(response, headers=(*response.headers, (NODE, str(identity))))

    def _refusal(self, request: Request) -> EdgeError:
        served = (entry.split(" ") for entry in self.table)
        allowed = ", ".join(sorted(method for method, path in served if path == request.path))
        if not allowed:
            return NotFound(f"{request.path!r:.80} is not served here")
        return MethodNotAllowed(f"{request.method} is not served here; use {allowed}", allowed)
