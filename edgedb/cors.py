"""Pages of other origins: what an answer tells the browser of them (Fetch standard, 3.3).

A browser asks before most calls of another origin (*preflight*), and shows a page no answer that
does not name its origin. So questions are answered here, whatever the function and wherever the
session is, and every answer that leaves gets its headers here, an error's too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from edgedb.errors import ConfigurationError, Forbidden
from edgedb.request import Request
from edgedb.response import Response
from edgedb.settings import CorsRules
from edgedb.wire.headers import CALL_ID, SESSION_HOME, SESSION_LOCATION

EXPOSED = ", ".join((SESSION_LOCATION, SESSION_HOME, "Retry-After", "WWW-Authenticate", CALL_ID))
"""What a page may read of an answer, besides what every page may; a handler's own list adds."""

_OURS = {"access-control-allow-origin", "access-control-allow-credentials"}

Headers = tuple[tuple[str, str], ...]


@cache
def rules_of_process() -> CorsRules:
    """Give the rules of this process's environment, also where its other settings are wrong."""
    try:
        return CorsRules.from_environment()
    except ConfigurationError:  # the answer to any request says so
        return CorsRules()


def preflight(rules: CorsRules, request: Request) -> Response | None:
    """Answer a browser's question whether a page may call; None: the request is none.

    Raises:
        Forbidden: not from that origin.

    """
    asked = request.headers.get("Access-Control-Request-Method")
    origin = request.headers.get("Origin")
    if not rules.origins or request.method != "OPTIONS" or asked is None or origin is None:
        return None
    if _named(rules, origin) is None:
        raise Forbidden(f"{origin!r:.200} is not in EDGE_CORS_ORIGINS")
    headers = rules.headers or request.headers.get("Access-Control-Request-Headers")
    return Response(
        status=204,
        headers=(
            ("Access-Control-Allow-Methods", rules.methods),
            *((("Access-Control-Allow-Headers", headers),) if headers else ()),
            ("Access-Control-Max-Age", str(round(rules.max_age))),
            ("Vary", "Access-Control-Request-Headers"),
        ),
    )


def with_headers(rules: CorsRules, origin: str | None, response: Response) -> Response:
    """Give an answer as a page of ``origin`` may read it, whatever a handler says of that."""
    if not rules.origins:
        return response
    kept = tuple(pair for pair in response.headers if pair[0].lower() not in _OURS)
    return replace(response, headers=kept + headers_for(rules, origin))


def headers_for(rules: CorsRules, origin: str | None) -> Headers:
    """Give the headers by which a page of ``origin`` may read an answer."""
    if not rules.origins:
        return ()
    vary: Headers = () if "*" in rules.origins else (("Vary", "Origin"),)
    named = _named(rules, origin)
    if named is None:
        return vary
    return (
        *vary,
        ("Access-Control-Allow-Origin", named),
        *((("Access-Control-Allow-Credentials", "true"),) if rules.credentials else ()),
        ("Access-Control-Expose-Headers", EXPOSED),
    )


def loses_origin(rules: CorsRules, origin: str | None) -> bool:
    """Say whether a page that may call would be a stranger where it is redirected to.

    A browser that is redirected from one foreign origin to another says ``Origin: null`` there.
    """
    return origin in rules.origins and "null" not in rules.origins


def headers_of_process(origin: str | None) -> Headers:
    """Give the same for an answer that this process's server gives itself."""
    return headers_for(rules_of_process(), origin)


def _named(rules: CorsRules, origin: str | None) -> str | None:
    if "*" in rules.origins:
        return "*"
    return origin if origin in rules.origins else None
