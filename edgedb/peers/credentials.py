"""Node credentials: a short-lived JWT bound to one call (docs/api.md#between-nodes, RFC 7519).

The caller signs who it is, whom it calls and a digest of the whole call; a token that leaks is
of no use for any other call, and of none at all after a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass

import jwt

from edgedb.errors import Unauthorized

ALGORITHM = "HS256"
LIFE_S = 60
LEEWAY_S = 10  # how far two nodes' clocks may be apart
INSECURE_KEY = b"edge-insecure-edge-insecure-edge"
"""What nodes sign with under ``EDGE_INSECURE=1``, where nobody verifies."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a credential is bound to."""

    method: str
    path: str
    query_string: bytes
    body: bytes

    def digest(self) -> str:
        """Give the SHA-256 of the call, hexadecimal; parts are length-prefixed."""
        sha = hashlib.sha256()
        for part in (self.method.encode(), self.path.encode(), self.query_string, self.body):
            sha.update(len(part).to_bytes(8, "big"))
            sha.update(part)
        return sha.hexdigest()


def issue(key: bytes, issuer: str, audience: str, call: Call) -> str:
    """Give the ``Authorization`` value with which location ``issuer`` makes ``call``."""
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": audience,
        "iat": now,
        "exp": now + LIFE_S,
        "call": call.digest(),
    }
    return f"Bearer {jwt.encode(claims, key, ALGORITHM)}"


def verify(key: bytes, authorization: str | None, audience: str, call: Call) -> str:
    """Give the location that signed ``call``.

    Raises:
        Unauthorized: no credential, or not one for this call, here and now.

    """
    try:
        claims = jwt.decode(
            bearer(authorization),
            key,
            [ALGORITHM],
            audience=audience,
            leeway=LEEWAY_S,
            options={"require": ["iss", "aud", "iat", "exp"], "strict_aud": True},
        )
    except (jwt.InvalidTokenError, RecursionError) as error:
        raise Unauthorized(f"the node credential is not valid: {error}") from error
    if not isinstance(claims["iss"], str):
        raise Unauthorized("the node credential does not name a location")
    if int(claims["exp"]) - int(claims["iat"]) > LIFE_S:
        raise Unauthorized(f"the node credential is valid for longer than {LIFE_S} s")
    if claims.get("call") != call.digest():  # both are known to who signed: nothing leaks
        raise Unauthorized("the node credential is for another call")
    return claims["iss"]


def verify_secret(secret: str, authorization: str | None) -> None:
    """Check a bearer secret in constant time; raises Unauthorized."""
    if not hmac.compare_digest(bearer(authorization).encode(), secret.encode()):
        raise Unauthorized("the bearer token is not the secret edge-oracle-token")


def bearer(authorization: str | None) -> str:
    """Give the token of a ``Bearer`` Authorization header (RFC 6750); raises Unauthorized."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("credentials are missing: Authorization: Bearer <token>")
    return token.strip()
