"""Errors as answers: problem documents (RFC 9457)."""

from __future__ import annotations

from edgedb.errors import EdgeError, MethodNotAllowed
from edgedb.response import Response
from edgedb.wire.headers import PROBLEM_JSON
from edgedb.wire.problem import Problem
from edgedb.wire.sendable import header_pairs, json_bytes, status_code


def problem(error: EdgeError) -> Response:
    """Render an error as ``application/problem+json`` (RFC 9457 section 3).

    Raises:
        TypeError, ValueError: a class of a function's author has what no answer can.

    """
    document = Problem.of(error)
    headers = [("Content-Type", PROBLEM_JSON), ("Cache-Control", "no-store")]  # true only now
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", error.allowed))
    if error.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    return Response(json_bytes(document), status_code(error.status), header_pairs(headers))
