"""What another node's answer means where it is none that was asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from edgedb.errors import (
    BadRequest,
    EdgeError,
    KeysDiffer,
    PeerUnavailable,
    ReleasesDiffer,
    Unauthorized,
)
from edgedb.peers.transport import PeerRequest, PeerResponse
from edgedb.wire.openfaas import explained
from edgedb.wire.problem import error_from

log = logging.getLogger(__name__)


@contextmanager
def of_one_release(location: str) -> Iterator[None]:
    """Say what it means if a node does not understand a call of the hand-over."""
    try:
        yield
    except BadRequest as error:
        what = f"{location} runs another release; moves wait until both ends have the same: {error}"
        log.warning("%s", what)
        raise ReleasesDiffer(what) from error


@contextmanager
def read_from(location: str) -> Iterator[None]:
    """Take an answer that makes no sense for none: what the other node has done is unknown."""
    try:
        yield
    except (ValueError, BadRequest) as error:
        raise PeerUnavailable(f"{location} answered with something else: {error}") from error


def error_of(request: PeerRequest, response: PeerResponse) -> EdgeError:
    """Give the problem that another node has answered a call with."""
    try:
        error = error_from(request.location, response.status, response.body)
    except (ValueError, RecursionError):
        what = explained(response.status, response.content_type, response.body)
        return PeerUnavailable(f"{request.location}: {request.function} {what}")
    if not isinstance(error, Unauthorized):
        return error
    what = (
        f"{request.location} does not know this node by its credential: a key, a clock or the "
        f"release differs; moves wait until it does: {error}"
    )
    log.warning("%s", what)
    return KeysDiffer(what)
