"""Everything that can go wrong: one tree of classes, each with its HTTP answer.

docs/api.md#errors has it as a table, :mod:`edgedb.problems` renders it.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import ClassVar


class EdgeError(Exception):
    """Base of every error of this library; ``str(error)`` is the problem's detail."""

    status: int = HTTPStatus.INTERNAL_SERVER_ERROR
    title: str = "Internal error"
    retry_after: ClassVar[int | None] = None
    """Seconds after which the same call may succeed; None where repeating it is no help."""
    answered_as: str = ""
    """The problem type that another node answered with, which may be one that is not known here."""

    def __init_subclass__(cls) -> None:
        """Title a class by the words of its name; refuse one whose status says all is well."""
        if not isinstance(cls.status, int) or not 400 <= cls.status <= 599:
            raise TypeError(f"{cls.__name__}.status must be from 400 to 599, not {cls.status!r}")
        if "title" not in vars(cls):
            cls.title = re.sub("(?<=[a-z])(?=[A-Z])", " ", cls.__name__).capitalize()

    @classmethod
    def problem_type(cls) -> str:
        """Give the problem type (RFC 9457 section 3.1.1), a URN that names the class."""
        return f"urn:edgedb:problem:{cls.__name__}"


class BadRequest(EdgeError):
    """The call is malformed; repeating it unchanged fails again."""

    status = HTTPStatus.BAD_REQUEST


class InvalidSession(BadRequest):
    """``X-session`` is missing, empty, sent twice, too long or has control characters."""

    title = "Invalid session id"


class InvalidTopology(BadRequest):
    """The description of the tree is not one tree of well-formed locations."""


class UnknownLocation(BadRequest):
    """A location is not part of this node's topology."""


class Unauthorized(EdgeError):
    """There are no credentials, or they are not valid for this call."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(EdgeError):
    """The credentials are valid, but this caller may not make this call."""

    status = HTTPStatus.FORBIDDEN


class NotFound(EdgeError):
    """The session is not known here, there is nothing to move, or nothing at this path."""

    status = HTTPStatus.NOT_FOUND


class SessionGone(NotFound):
    """The session that a client says exists is lost or removed, or its home is no location."""


class MethodNotAllowed(EdgeError):
    """The endpoint does not serve this HTTP method, but those ``allowed`` (RFC 9110, 15.5.6)."""

    status = HTTPStatus.METHOD_NOT_ALLOWED

    def __init__(self, message: str, allowed: str = "") -> None:
        super().__init__(message)
        self.allowed = allowed


class Conflict(EdgeError):
    """The state of the session does not allow this step (any more)."""

    status = HTTPStatus.CONFLICT


class OfferEnded(Conflict):
    """The session does not stay at its source as it was offered, and never will again."""


class NodeReplaced(Conflict):
    """Another node of this name is known, or the same with another store (``edgectl lost``)."""


class NotResident(Conflict):
    """The session does not live at this node."""

    title = "Session not resident here"


class SessionChanged(Conflict):
    """The session moved or changed under a request that is reading it."""


class SessionLost(Conflict):
    """A request took over ``exec_timeout``, or lost its session; nothing was written."""


class StaleToken(Conflict):
    """A token with a higher epoch is already known here."""


class TooLarge(EdgeError):
    """A body, value or count is over its documented limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class IdempotencyMismatch(EdgeError):
    """The ``Idempotency-Key`` was used before, with a different request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    title = "Idempotency-Key reused"


class HandlerFailed(EdgeError):
    """The user's handler raised, or answered what cannot be sent; nothing was committed."""

    title = "The function failed"


class InvalidValue(EdgeError):
    """A handler used the session API with a type, level or name that it cannot take."""

    title = "Invalid key or value"


class ReadOnlySession(EdgeError):
    """A handler that declares ``read_only = True`` tried to write."""

    title = "Read-only handler"


class OutsideRequest(EdgeError):
    """The session API was called where no session is open."""

    title = "No session open"


class Unavailable(EdgeError):
    """The call may succeed when repeated after ``retry_after`` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "Service unavailable"
    retry_after = 1


class SessionBusy(Unavailable):
    """The session was locked, held or arriving for longer than ``EDGE_LOCK_WAIT``."""


class StoreUnavailable(Unavailable):
    """The node's Redis does not answer, or refuses; nothing has happened."""


class NotClaimed(Unavailable):
    """The node's store is nobody's yet: whoever deploys the node claims it (``edgectl claim``)."""

    retry_after = 5


class ForeignStore(Unavailable):
    """The node's store is another location's, or another tree's; the message names both."""

    retry_after = 60


class Rejoining(Unavailable):
    """The node's store may have lost what other nodes know: it asks them before it serves."""


class ReleasesDiffer(Unavailable):
    """The other node runs a release that moves sessions in another way."""

    retry_after = 60


class KeysDiffer(Unavailable):
    """The other node does not take this node's credential: of another key, clock or release."""

    retry_after = 60


class OutcomeUnknown(EdgeError):
    """The call may have been carried out, or not; only a repeat with its key can tell.

    Hence no ``retry_after``: clients obey it, whether they have sent a key or not.
    """

    status = HTTPStatus.GATEWAY_TIMEOUT


class PeerUnavailable(EdgeError):
    """Another node did not answer, so whether it acted is unknown; unless nothing ``is_sent``."""

    status = HTTPStatus.BAD_GATEWAY
    retry_after = 1

    def __init__(self, message: str, *, is_sent: bool = True) -> None:
        super().__init__(message)
        self.is_sent = is_sent


class LoopDetected(EdgeError):
    """A call is made within a request that has the session it needs: it would wait for itself."""

    status = HTTPStatus.LOOP_DETECTED


class InsufficientStorage(EdgeError):
    """The node has no room for it (``docs/operations.md``, "A full node")."""

    status = HTTPStatus.INSUFFICIENT_STORAGE
    retry_after = 5


class ConfigurationError(EdgeError):
    """A setting or a secret is missing or malformed; the message names it."""
