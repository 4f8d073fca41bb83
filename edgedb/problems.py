"""Errors as problem documents (RFC 9457): how they are written, and what is read from another's."""

from __future__ import annotations

import json

from edgedb import errors
from edgedb.errors import EdgeError, MethodNotAllowed
from edgedb.response import Response
from edgedb.wire.headers import PROBLEM_JSON
from edgedb.wire.sendable import header_pairs, json_bytes, status_code

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, EdgeError)
}
NEAREST = {int(kind.status): kind for kind in KINDS.values() if EdgeError in kind.__bases__}
NEAREST[int(EdgeError.status)] = EdgeError
"""By status: what an error of a type that is not known here is taken for."""


def problem(error: EdgeError) -> Response:
    """Render an error as ``application/problem+json`` (RFC 9457 section 3).

    Raises:
        TypeError, ValueError: a class of a function's author has what no answer can.

    """
    document = {
        "type": error.problem_type(),
        "title": error.title,
        "status": int(error.status),
        "detail": str(error),
    }
    headers = [("Content-Type", PROBLEM_JSON)]
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", error.allowed))
    if error.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Response(json_bytes(document), status_code(error.status), header_pairs(headers))


def error_from(location: str, status: int, body: bytes) -> EdgeError:
    """Read the problem that another node answered with; its status and title are kept.

    Raises:
        ValueError: it is no problem document.

    """
    type_, title, detail = read(body)
    if not 400 <= status <= 599:
        raise ValueError(f"{status} is the status of no problem document")
    kind = KINDS.get(type_.rpartition(":")[2]) or NEAREST.get(status, EdgeError)
    error = kind(f"{location}: {detail}")
    error.answered_as, error.status, error.title = type_, status, title
    return error


def read(body: bytes) -> tuple[str, str, str]:
    """Give type, title and detail of a problem document; raises ValueError."""
    try:
        document = json.loads(body)
        return str(document["type"]), str(document["title"]), str(document["detail"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"that is no problem document: {error}") from error
