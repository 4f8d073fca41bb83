"""What every log record of a request says about it: session, transfer and call id."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

FIELDS = ("session", "transfer", "call_id")

_context: ContextVar[dict[str, str]] = ContextVar("edgedb_log_context", default={})  # noqa: B039


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Add ``fields`` (of :data:`FIELDS`) to every record logged inside the block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class ContextFilter(logging.Filter):
    """Puts the current context's fields on each record, for a formatter to print."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; let every record pass."""
        for name, value in _context.get().items():
            setattr(record, name, value)
        return True
