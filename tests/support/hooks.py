"""What may happen to a call between the nodes of a tree in one process."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs

from edgedb.errors import EdgeError, PeerUnavailable
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.problems import problem

Deliver = Callable[[], PeerResponse]
Hook = Callable[[PeerRequest, Deliver], PeerResponse]


def as_usual(_: PeerRequest, deliver: Deliver) -> PeerResponse:
    """Let the call arrive and its answer too."""
    return deliver()


def lose_request(_: PeerRequest, __: Deliver) -> PeerResponse:
    """Never let the call arrive."""
    raise PeerUnavailable("the request was lost")


def lose_answer(_: PeerRequest, deliver: Deliver) -> PeerResponse:
    """Let the call arrive, its answer not."""
    deliver()
    raise PeerUnavailable("the answer was lost")


def answer(error: EdgeError) -> Hook:
    """Answer the call with an error."""
    response = problem(error)
    return lambda _, __: PeerResponse(response.status, response.body)


def where(matches: Callable[[PeerRequest], bool], fault: Hook) -> Hook:
    """Let something happen to some calls only."""
    return lambda call, deliver: fault(call, deliver) if matches(call) else deliver()


def to(location: str, fault: Hook = lose_request) -> Hook:
    """Let something happen to the calls to one location."""
    return where(lambda call: call.location == location, fault)


def at_hand_over(fault: Hook) -> Hook:
    """Let something happen to the hand-overs."""
    return where(lambda call: parameters(call).get("phase") == ["hand-over"], fault)


def parameters(call: PeerRequest) -> dict[str, list[str]]:
    """Give a call's query parameters."""
    return parse_qs(call.query_string)
