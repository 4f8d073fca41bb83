"""Which requests a call is made within, so that none waits for itself.

A running request's id is its lock: a session says who has it
(docs/writing-functions.md#calling-other-functions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from edgedb.wire.headers import SESSION_CALLERS

CALLERS_LIMIT = 32
"""Requests of which a call tells, the inner ones; a loop over more is left to time."""

_ID = re.compile(r"\b[0-9a-f]{16}\b")

_running: ContextVar[tuple[str, ...]] = ContextVar("edgedb_callers", default=())


def call_headers() -> dict[str, str]:
    """Give the headers for a call of another function, made in a handler and its thread.

    Elsewhere there are none.
    """
    running = _running.get()
    return {SESSION_CALLERS: ", ".join(running)} if running else {}


def callers_in(header: str | None) -> tuple[str, ...]:
    """Read the header of a call; whatever a client has put there, what is no id is left out."""
    return tuple(_ID.findall(header or "")[-CALLERS_LIMIT:])


@contextmanager
def running_within(callers: Sequence[str], own: str) -> Iterator[None]:
    """Let the calls made in the block tell of these requests and of one's own ('': of none)."""
    ids = (*callers, own) if own else (*callers,)
    token = _running.set(ids[-CALLERS_LIMIT:])
    try:
        yield
    finally:
        _running.reset(token)
