"""The names of headers and media types, and the protocol, that clients and nodes agree on."""

SESSION = "X-session"
SESSION_LOCATION = "X-session-location"
SESSION_HOME = "X-session-home"
SESSION_REDIRECT = "X-session-redirect"
SESSION_CALLERS = "X-session-callers"
ONLOAD_LOCATION = "X-onload-location"
IDEMPOTENCY_KEY = "Idempotency-Key"
PROPAGATE = "X-edge-propagate"
NODE = "X-edge-node"
CALL_ID = "X-Call-Id"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
PACKET = "application/vnd.edgedb.packet+msgpack"

SIGNED = (ONLOAD_LOCATION, PROPAGATE, NODE)
"""What a call between nodes says in headers: its credential covers them."""

PROTOCOL = 3
"""Of moves (docs/protocol.md): nodes in which it differs serve, and move nothing to each other."""

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "trailers", "transfer-encoding", "upgrade"),
    }
)
"""Headers of one connection (RFC 9110 section 7.6.1): the server's, never a function's."""

_NOT_CARRIED = HOP_BY_HOP | {
    *("content-length", "date", "expect", "host", "server", SESSION_LOCATION.lower()),
    *("x-duration-seconds", "x-served-by", "x-start-time"),  # each platform's own
}


def is_end_to_end(name: str, but: str | None = None) -> bool:
    """Say whether a header goes along when a call, or its answer, is carried on.

    ``but``: one that does here, in lower case.
    """
    return name.lower() == but or name.lower() not in _NOT_CARRIED
