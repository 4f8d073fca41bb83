"""What every log record of a request says about it: session, transfer and call id."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_context: ContextVar[dict[str, str]] = ContextVar("edgedb_log_context", default={})  # noqa: B039


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add fields (session, transfer, call id) to every record logged inside the block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class ContextFilter(logging.Filter):
    """Puts the current context's fields on each record, for a formatter to print."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; let every record pass."""
        vars(record).update(_context.get())
        return True
