"""What a client is to do, and what it reports of each request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.connection import Address


@dataclass(frozen=True)
class Plan:
    """What one client does: ``POST /function/<function>`` under a session of its own.

    With ``counts`` the answer is how many writes the session had before, so acknowledged ones must
    be answered 0, 1, 2, ...; anything else is a lost or doubled write. A session is left for a
    fresh one after ``renew_after`` requests, unless that is 0. ``remembers``: the next request goes
    where the last one ended; otherwise it begins at home again. ``follows`` False: a 307 is the
    answer. ``knows``: hosts and ports to which it has a connection already, as a client has that
    was redirected there before. ``headers``: lines that every request has besides. ``obeys``: after
    a 503 it waits as long as ``Retry-After`` says and up to as long again, then it begins anew; it
    has made no request by itself before. ``others``: sessions to which it goes on, one after the
    other, once the one that it writes to has moved and was written to there. ``pace_s``: from one
    request to the next, if it is answered by then; the first comes within that time, to a session
    that is new, and none before.
    """

    host: str
    port: int
    function: str
    session: str
    counts: bool = True
    renew_after: int = 0
    remembers: bool = True
    follows: bool = True
    knows: Sequence[Address] = ()
    headers: Sequence[str] = ()
    obeys: bool = False
    others: Sequence[str] = ()
    pace_s: float = 0


@dataclass(frozen=True)
class Reply:
    """One acknowledged request: by which client, when it was sent, seconds, redirects followed.

    Or one that was refused, where the client obeys. ``visit``: to which of its sessions it was.
    """

    client: int
    sent: float
    seconds: float
    redirects: int
    is_refused: bool = False
    visit: int = 0

    @property
    def ended(self) -> float:
        """When it was answered."""
        return self.sent + self.seconds
