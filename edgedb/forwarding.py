"""Carries a client's request to where its session is, for clients that a redirect would break.

A redirect is cheaper and the rule (docs/protocol.md#a-request, step 4). But clients drop
``Authorization`` and cookies when the host changes, a page's origin becomes ``null`` for the
browser that it is redirected by, and the queue-worker of ``/async-function/`` may lose the body.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgedb import cors
from edgedb.errors import BadRequest, OutcomeUnknown, PeerUnavailable, SessionBusy, Unavailable
from edgedb.node import Node
from edgedb.peers.transport import PeerResponse
from edgedb.redirect import redirect_to
from edgedb.request import Request
from edgedb.response import Response
from edgedb.room import Place
from edgedb.serving import serve
from edgedb.settings import REDIRECT_MODES
from edgedb.store.requests import Redirect
from edgedb.task import Task
from edgedb.waiting import now
from edgedb.wire.headers import SESSION_LOCATION, SESSION_REDIRECT, is_end_to_end

ATTEMPTS = 2  # at one node, where another may be made
TIME_SHARE = 0.9  # of exec_timeout: so that the answer to a wait in vain is still this library's

Outcome = Response | Redirect


def serve_anywhere(node: Node, request: Request, task: Task) -> Response:
    """Serve a request's task here, or have it served where its session is.

    Raises:
        BadRequest: ``X-session-redirect`` asks for something else than there is.
        EdgeError: as :func:`edgedb.serving.serve` and :meth:`Forward.answer`.

    """
    forwards = is_forwarded(node, request)
    with node.room.place() as place:
        outcome = serve(node, task, place)
        if isinstance(outcome, Redirect) and forwards:
            return Forward(node, request, task, place).answer(outcome)
    if isinstance(outcome, Redirect):
        return redirect_to(node, request, outcome)
    return outcome


def is_forwarded(node: Node, request: Request) -> bool:
    """Say whether a request is carried to its session, rather than its client sent there.

    Raises:
        BadRequest: ``X-session-redirect`` asks for something else.

    """
    asked = request.headers.get(SESSION_REDIRECT)
    if asked is not None:
        if asked not in REDIRECT_MODES:
            modes = " or ".join(REDIRECT_MODES)
            raise BadRequest(f"{SESSION_REDIRECT} is {modes}, not {asked!r:.80}")
        return asked == "forward"
    return (
        node.settings.redirect == "forward"
        or _is_queued(request)
        or cors.loses_origin(node.settings.cors, request.headers.get("Origin"))
    )


def _is_queued(request: Request) -> bool:
    """Tell a call through ``/async-function/``.

    Its worker may say who it is, or where the answer goes. Or the call has passed a gateway twice,
    before and after the queue, each of which has added its time.
    """
    headers = request.headers
    return (
        "queue-worker" in headers.get("User-Agent", "")
        or "X-Callback-Url" in headers
        or "," in headers.get("X-Start-Time", "")
    )


@dataclass
class Forward:
    """One request on its way, in its place.

    The task serves it here, should the session have come back.
    """

    node: Node
    request: Request
    task: Task
    place: Place
    may_have_run: bool = field(default=False, init=False)

    @property
    def is_repeatable(self) -> bool:
        """Whether it takes effect once, though it is made twice."""
        return self.task.read_only or self.task.idempotency_key != ""

    @property
    def mode(self) -> str:
        """What the other node is to do where the session is elsewhere: this one goes there.

        But for a session of another subtree, whose places are not known here.
        """
        home = self.task.home
        return "redirect" if not home or home in self.node.topology else "forward"

    def answer(self, outcome: Outcome) -> Response:
        """Go where the session is, and on to where that node says it is; give the answer.

        The thread waits as long as the other node's does, in a place of the waiting room: two
        nodes all of whose threads wait for each other would wait until all time is over.

        Raises:
            SessionBusy: it moves faster than it can be followed; nothing has happened.
            Unavailable: its node cannot be reached, or there is no place; nothing has happened.
            OutcomeUnknown: its node has not answered.

        """
        for _ in self.node.topology.levels:  # as many as a tree is deep, and one
            if isinstance(outcome, Response):
                return outcome
            is_back = outcome.location == self.node.location
            if is_back:
                outcome = serve(self.node, self.task, self.place)
            else:
                outcome = self._carried(outcome.location)
        if isinstance(outcome, Redirect):
            raise SessionBusy("the session moves faster than it can be followed; try again")
        return outcome

    def _carried(self, location: str) -> Outcome:
        self.place.take()
        answer = self._sent(location)
        target = answer.header(SESSION_LOCATION)
        if answer.status == 307 and target is not None and target in self.node.topology:
            return Redirect(target)
        length = "content-length" if self.request.method == "HEAD" else None  # of no body here
        kept = [pair for pair in answer.headers if is_end_to_end(pair[0], but=length)]
        served = target if target is not None and self.mode == "forward" else location
        return Response(answer.body, answer.status, (*kept, (SESSION_LOCATION, served)))

    def _sent(self, location: str) -> PeerResponse:
        """Make the call at a node; once more if that is safe and there was no answer."""
        for _ in range(ATTEMPTS):
            try:
                return self._sent_once(location)
            except PeerUnavailable as error:
                self.may_have_run |= error.is_sent
                reason = error
                if self.may_have_run and not self.is_repeatable:
                    break
        if self.task.read_only or not self.may_have_run:
            raise Unavailable(f"{reason}; nothing was written, try again") from reason
        raise OutcomeUnknown(f"{reason}; whether it was carried out is not known") from reason

    def _sent_once(self, location: str) -> PeerResponse:
        left = self.task.began + TIME_SHARE * self.node.settings.exec_timeout - now()
        if left <= 0:
            raise PeerUnavailable(f"there is no time left to ask {location}", is_sent=False)
        carry = self.node.peers.carry
        return carry(location, self.request, left, mode=self.mode, is_repeatable=self.is_repeatable)
