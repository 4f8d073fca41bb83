"""Stored replies: which request an ``Idempotency-Key`` stands for, and how its answer is kept."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote

from edgedb.errors import BadRequest, Conflict, IdempotencyMismatch, TooLarge
from edgedb.request import IDEMPOTENCY_KEY_LIMIT, Request
from edgedb.response import Response
from edgedb.wire.headers import IDEMPOTENCY_KEY
from edgedb.wire.sendable import header_pairs, status_code

REPLY_LIMIT = 256 * 1024  # bytes; a larger reply's repeat gets 208 without a body
ANONYMOUS_KEY_LEAST = 16  # characters of a key that nothing but itself keeps from others
QUERY_SAFE = "%!$&'()*+,/:;=?@"  # RFC 3986 query characters, and what is quoted already


def key_of(request: Request, *, is_node_local: bool) -> str:
    """Give the key that the reply is stored under; empty if the request has none.

    A session's key belongs to the session. Node-local state is that of all clients: a key belongs
    to the ``X-session`` that is sent along, or else it must be one that no other client chooses.
    Nothing else tells clients apart: they share addresses, and renew credentials between a request
    and its repeat.

    Raises:
        TooLarge: it is over 256 characters.
        BadRequest: it is too short to be that of one client only.

    """
    key = request.header(IDEMPOTENCY_KEY) or ""
    if len(key) > IDEMPOTENCY_KEY_LIMIT:
        raise TooLarge(f"Idempotency-Key is over {IDEMPOTENCY_KEY_LIMIT} characters")
    if not key or not is_node_local:
        return key
    if (session := request.session_header()) is not None:
        return f"{session}\n{key}"  # a line feed is in no session id
    if len(key) < ANONYMOUS_KEY_LEAST:
        least = f"{ANONYMOUS_KEY_LEAST} characters, a UUID for instance"
        raise BadRequest(f"Idempotency-Key without X-session must be one of a kind: {least}")
    return f"\n{key}"


def fingerprint(function: str, request: Request) -> str:
    """Give a digest of everything that makes a request what it is.

    A redirect passes through software that quotes a query's characters anew; that is no
    difference.
    """
    sha = hashlib.sha256()
    line = f"{function} {request.method} {request.function_path}?"
    query = quote(request.query_string, safe=QUERY_SAFE).encode()
    for part in (line.encode(), query, request.body):
        sha.update(len(part).to_bytes(8, "big"))
        sha.update(part)
    return sha.hexdigest()


def kept(response: Response, request_fingerprint: str) -> bytes:
    """Give the stored form of a reply: a JSON line, then the body."""
    is_small = len(response.body) <= REPLY_LIMIT
    head = {
        "fingerprint": request_fingerprint,
        "status": response.status if is_small else 208,
        "headers": response.headers if is_small else (),
    }
    return json.dumps(head).encode() + b"\n" + (response.body if is_small else b"")


def replayed(reply: bytes, request_fingerprint: str) -> Response:
    """Read what :func:`kept` gave for the first request.

    Raises:
        IdempotencyMismatch: it was another request.
        Conflict: it cannot be read, or not be sent: another node has stored it.

    """
    line, _, body = reply.partition(b"\n")
    try:
        head = json.loads(line)
        first, status, pairs = head["fingerprint"], head["status"], header_pairs(head["headers"])
        answer = Response(body, status_code(status), pairs)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Conflict("the stored reply to this Idempotency-Key cannot be read") from error
    if first != request_fingerprint:
        raise IdempotencyMismatch("this Idempotency-Key was used with a different request")
    return answer
