"""``Offloadable``: what a user's function inherits (docs/writing-functions.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from edgedb.access import require_descendant, require_itself
from edgedb.callers import callers_in
from edgedb.endpoint import Function
from edgedb.errors import (
    BadRequest,
    InvalidSession,
    InvalidTopology,
    OutsideRequest,
    UnknownLocation,
)
from edgedb.forwarding import serve_anywhere
from edgedb.handlers import checked_methods
from edgedb.homes import home_of, with_home_cookie
from edgedb.logs import log_context
from edgedb.node import Node
from edgedb.replies import fingerprint, key_of
from edgedb.request import IDEMPOTENCY_KEY_LIMIT, Request
from edgedb.response import Response, as_response
from edgedb.session_api import within
from edgedb.task import Task
from edgedb.wire.headers import PROPAGATE, SESSION_CALLERS
from edgedb.wire.model import PROPAGATION, Propagation, Value, read


class Offloadable(Function):
    """A stateful function; override :meth:`handle_offload`.

    ::

        import edgedb

        class Cart(edgedb.Offloadable):
            def handle_offload(self, request):
                edgedb.add_to_list("products", request.query["product"])
                return {"body": {"products": edgedb.get_list("products")}}

        handle = Cart()

    Class attributes:

    - ``read_only = True``: the handler writes nothing; it takes no lock.
    - ``node_local = True``: the state belongs to the function at this node, not to a session;
      no ``X-session`` is needed and nothing ever moves.
    """

    read_only: ClassVar[bool] = False
    node_local: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Refuse handlers that cannot be called, or give no answer; raises TypeError."""
        checked_methods(cls, {"handle_offload": 1, "receive_propagate": 2})

    def handle_offload(self, request: Request) -> Any:  # noqa: ANN401, ARG002
        """Answer a request; what may be returned is in :func:`edgedb.response.as_response`."""
        if type(self).receive_propagate is Offloadable.receive_propagate:
            raise NotImplementedError(f"{type(self).__name__} has no handle_offload")
        raise BadRequest(f"{type(self).__name__} does not take requests")

    def receive_propagate(self, value: Value, origin: str) -> None:  # noqa: ARG002
        """Take a value propagated by another function; runs on this node's own state."""
        raise BadRequest(f"{type(self).__name__} does not take propagated values")

    def respond(self, node: Node, request: Request) -> Response:
        """Serve a client, or take a propagated value from another node."""
        if request.headers.get(PROPAGATE) is not None:
            return self._receive(node, request)
        return self._serve(node, request)

    def _serve(self, node: Node, request: Request) -> Response:
        function = node.settings.function
        cookie = node.settings.session_cookie
        name = function if self.node_local else request.session_header(cookie)
        if name is None:
            return self._without_session(node, request)

        key = "" if self.read_only else key_of(request, is_node_local=self.node_local)
        session_id = "" if self.node_local else name
        known = replace(request, session_id=session_id, location=node.location)
        home = "" if self.node_local else home_of(node, request, name)
        task = Task(
            session=name,
            function=function,
            handle=within(node, session_id, lambda: as_response(self.handle_offload(known))),
            idempotency_key=key,
            fingerprint=fingerprint(function, request) if key else "",
            home=home,
            callers=callers_in(request.headers.get(SESSION_CALLERS)),
            read_only=self.read_only,
            node_local=self.node_local,
        )
        with log_context(session=name):
            answer = serve_anywhere(node, request, task)
        return with_home_cookie(answer, request, name, cookie)

    def _without_session(self, node: Node, request: Request) -> Response:
        """Ask the handler what it answers to OPTIONS: a preflight never names a session."""
        missing = InvalidSession("the header X-session is missing")
        if request.method != "OPTIONS":
            raise missing
        try:
            return as_response(self.handle_offload(replace(request, location=node.location)))
        except OutsideRequest:
            raise missing from None

    def _message(self, node: Node, request: Request) -> Propagation:
        """Read a message that was sent to this function, here, by its origin."""
        caller = require_descendant(node, request, or_itself=True)
        message = read(PROPAGATION, request.body)
        if not 0 < len(message.id) <= IDEMPOTENCY_KEY_LIMIT:
            raise BadRequest(f"a message's id has 1 to {IDEMPOTENCY_KEY_LIMIT} characters")
        if (message.to, message.function) != (node.location, node.settings.function):
            raise BadRequest(f"the message is for {message.function!r:.80} at {message.to!r:.80}")
        require_itself(caller, message.origin)
        return message

    def _receive(self, node: Node, request: Request) -> Response:
        message = self._message(node, request)

        def received() -> Response:
            try:
                self.receive_propagate(message.value, message.origin)
            except (InvalidTopology, UnknownLocation):
                raise  # the tree is being changed
            except BadRequest as error:  # of whatever kind, as one that senders know
                raise BadRequest(str(error)) from error
            return Response(status=204)

        # the message's id is its idempotency key: that is all it takes to drop duplicates
        task = Task(
            session=node.settings.function,
            function=node.settings.function,
            handle=within(node, "", received),
            idempotency_key=message.id,
            node_local=True,
        )
        return serve_anywhere(node, request, task)
