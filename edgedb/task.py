"""What is to run under a session, and for which request."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from edgedb.response import Response
from edgedb.session import Session
from edgedb.store.requests import Attempt
from edgedb.waiting import now


@dataclass(frozen=True)
class Task:
    """What is to run under a session.

    ``fingerprint`` tells requests with the same idempotency key apart; ``handle`` is given the
    open session; ``home``: where its session was created, if it is to be that one and no new one;
    ``callers`` are the requests that this one is made within; ``began``: when it
    came, in monotonic seconds.
    """

    session: str
    function: str
    handle: Callable[[Session], Response]
    idempotency_key: str = ""
    fingerprint: str = ""
    home: str = ""
    callers: tuple[str, ...] = ()
    read_only: bool = False
    node_local: bool = False
    began: float = field(default_factory=now)

    @property
    def queue(self) -> tuple[str, bool]:
        """Which requests of a process wait for each other."""
        return self.session, self.node_local

    def attempt(self) -> Attempt:
        """Give one attempt to begin; read-only tasks take no lock."""
        lock = "" if self.read_only else secrets.token_hex(8)
        key = self.idempotency_key
        return Attempt(self.session, self.function, lock, key, self.node_local, self.home)
