"""Node credentials: a signature of one call, good for a minute (docs/security.md#credentials).

It says who calls and when; the key that it is made with says to whom, and the signature covers all
that the call says. One that leaks is of no use for any other call.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from werkzeug.datastructures import Headers

from edgedb.errors import Unauthorized
from edgedb.peers.keys import Keys
from edgedb.wire.headers import SIGNED

LIFE_S = 60
LEEWAY_S = 10  # how far two nodes' clocks may be apart


@dataclass(frozen=True, slots=True)
class Call:
    """What a credential is bound to; ``signed`` are the values of the headers ``SIGNED``."""

    method: str
    path: str
    query_string: bytes
    body: bytes
    signed: tuple[str | None, ...] = (None,) * len(SIGNED)

    def signature(self, key: bytes, made_at: str) -> str:
        """Give the HMAC-SHA-256 of all parts and the time, hexadecimal."""
        body = hashlib.sha256(self.body).digest()
        parts = (made_at, self.method, self.path, self.query_string, body, *self.signed)
        return hmac.digest(key, msgspec.msgpack.encode(parts), "sha256").hex()


def signed_of(headers: Mapping[str, str] | Headers) -> tuple[str | None, ...]:
    """Give the values of the headers that a credential covers."""
    return tuple(headers.get(name) for name in SIGNED)


def issue(key: bytes, caller: str, call: Call) -> str:
    """Give the ``Authorization`` value with which location ``caller`` makes ``call``."""
    made_at = str(int(time.time()))
    return f"Bearer {caller}.{made_at}.{call.signature(key, made_at)}"


def verify(keys_of: Callable[[str], Keys], authorization: str | None, call: Call) -> str:
    """Give the location that signed ``call``; ``keys_of`` gives those of its calls to this one.

    Raises:
        Unauthorized: no credential, or not one for this call, here and now.
        Forbidden: as ``keys_of``, of whoever is named.

    """
    caller, made_at, signature = _parts(bearer(authorization))
    age = int(time.time()) - int(made_at)
    if not -LEEWAY_S <= age <= LIFE_S + LEEWAY_S:
        raise Unauthorized(f"the node credential is {age} s old: has it expired, is a clock wrong?")
    expected = [call.signature(key, made_at) for key in keys_of(caller)]
    if not _is_one_of(expected, signature):
        raise Unauthorized(f"the node credential of {caller!r:.80} is of another key or call")
    return caller


def _parts(credential: str) -> tuple[str, str, str]:
    caller, _, rest = credential.partition(".")
    made_at, _, signature = rest.partition(".")
    if not (caller and signature and made_at.isascii() and made_at.isdigit()) or len(made_at) > 12:
        raise Unauthorized("the node credential is none of this release: caller.time.signature")
    return caller, made_at, signature


def verify_secret(secrets: Sequence[str], authorization: str | None) -> None:
    """Check a bearer secret in constant time; raises Unauthorized."""
    if not _is_one_of(secrets, bearer(authorization)):
        raise Unauthorized("the bearer token is not the secret edge-oracle-token")


def _is_one_of(secrets: Sequence[str], given: str) -> bool:
    sent = given.encode(errors="surrogatepass")
    return any(hmac.compare_digest(secret.encode(), sent) for secret in secrets)


def bearer(authorization: str | None) -> str:
    """Give the token of a ``Bearer`` Authorization header (RFC 6750); raises Unauthorized."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("credentials are missing: Authorization: Bearer <token>")
    return token.strip()
