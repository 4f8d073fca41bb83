"""What OpenFaaS answers in the place of a function, and what that says of the call.

Observed with gateway 0.27 and faasd's provider 0.19, and read in their sources. A function without
an address is called at the gateway itself, so that the gateway's own routes answer.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from edgedb.waiting import Deadline
from edgedb.wire.headers import PROBLEM_JSON

READINESS = "/_/ready"
"""What follows a function's name to ask it whether it is ready; asking starts it, too."""

WAKING_S = 10.0
"""What a function's start is given; it takes about two seconds, more on a small machine."""

GAVE_UP = frozenset({502, 504})
"""Somebody on the way has stopped waiting: the function may have the call, and be at work."""

_WITHOUT_PROCESS = frozenset({429, 500, 503})
"""The watchdog's or the provider's, where nobody takes the call."""

_NOT_DEPLOYED = b"error finding function"
_NO_SUCH_PAGE = b"404 page not found"
_USER_INTERFACE = "/ui/"


def is_not_deployed(status: int, body: bytes) -> bool:
    """Tell whether the gateway knows no such function."""
    return status == 404 and body.startswith(_NOT_DEPLOYED)


def is_gateways_own(status: int, body: bytes, location: str | None, allow: str | None) -> bool:
    """Tell whether no function was asked, because the one that is meant has no replica.

    ``location`` and ``allow`` are the answer's headers. The gateway sends a GET of its front page
    to its user interface, has no other method there, and knows no other page.
    """
    if 300 <= status < 400:
        return urlsplit(location or "").path == _USER_INTERFACE
    if status == 405:
        return not body and allow is None
    return status == 404 and body.startswith(_NO_SUCH_PAGE)


def is_asleep(status: int, content_type: str, body: bytes) -> bool:
    """Tell whether no process has the call: a function of a node answers with documents.

    A process that took the call and died looks the same; it is at work no more.
    """
    if content_type == PROBLEM_JSON:
        return False
    return status in _WITHOUT_PROCESS or is_gateways_own(status, body, _USER_INTERFACE, None)


def wakes(is_asleep: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until a function answers itself, whatever it says; False: in vain."""
    return seconds > 0 and any(not is_asleep() for _ in Deadline(seconds).attempts())


def explained(status: int, content_type: str, body: bytes) -> str:
    """Say what an answer was that is no function's, in half a line."""
    text = " ".join(body.decode("utf-8", "replace").split())[:100] or "without a body"
    if is_asleep(status, content_type, body):
        return f"has no process, or has lost it: the platform answered {status}, {text}"
    if status in GAVE_UP:
        return f"may be at work: the platform answered {status}, {text}"
    return f"answered {status} without a problem document, {text}"
