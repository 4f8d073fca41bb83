"""Errors as problem documents (RFC 9457): what they say, and what is read from another's."""

from __future__ import annotations

import json
from typing import Any

from edgedb import errors
from edgedb.errors import EdgeError

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, EdgeError)
}
NEAREST = {int(kind.status): kind for kind in KINDS.values() if EdgeError in kind.__bases__}
NEAREST[int(EdgeError.status)] = EdgeError
"""By status: what an error of a type that is not known here is taken for."""


def document_of(error: EdgeError) -> dict[str, Any]:
    """Give an error's problem document."""
    return {
        "type": error.problem_type(),
        "title": error.title,
        "status": int(error.status),
        "detail": str(error),
    }


def error_from(location: str, status: int, body: bytes) -> EdgeError:
    """Read the problem that another node answered with; its status and title are kept.

    Raises:
        ValueError: it is no problem document.

    """
    return _error(read(body), status, f"{location}: ")


def error_of(document: object, location: str = "") -> EdgeError:
    """Read a problem document that is part of an answer; raises ValueError."""
    found = _read(document)
    status = document.get("status") if isinstance(document, dict) else None
    return _error(found, status, f"{location}: " if location else "")


def _error(found: tuple[str, str, str], status: object, who: str) -> EdgeError:
    type_, title, detail = found
    if not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError(f"{status} is the status of no problem document")
    kind = KINDS.get(type_.rpartition(":")[2]) or NEAREST.get(status, EdgeError)
    error = kind(who + detail)
    error.answered_as, error.status, error.title = type_, status, title
    return error


def read(body: bytes) -> tuple[str, str, str]:
    """Give type, title and detail of a problem document; raises ValueError."""
    try:
        return _read(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"that is no problem document: {error}") from error


def _read(document: Any) -> tuple[str, str, str]:  # noqa: ANN401
    try:
        return str(document["type"]), str(document["title"]), str(document["detail"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"that is no problem document: {error}") from error
