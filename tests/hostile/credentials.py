"""Credentials of who has the key and says whatever with it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

from edgedb.peers import credentials
from tests.support.tree import NODE_KEY

CALL = credentials.Call("POST", "/function/f", b"", b"")
HEAD = b'{"alg":"HS256","typ":"JWT"}'


def signed(head: bytes, claims: bytes) -> str:
    """Sign any two parts; gives the ``Authorization``."""
    text = f"{_encoded(head)}.{_encoded(claims)}"
    digest = hmac.new(NODE_KEY, text.encode(), "sha256").digest()
    return f"Bearer {text}.{_encoded(digest)}"


def good_claims() -> dict[str, Any]:
    """Give what city says when it makes CALL at edge-a."""
    now = int(time.time())
    digest = CALL.digest()
    return {
        "iss": "city",
        "aud": "edge-a",
        "iat": now,
        "exp": now + credentials.LIFE_S,
        "call": digest,
    }


def claiming(**changes: Any) -> str:
    """Give a credential with other claims; numbers are seconds from now."""
    now = int(time.time())
    moved = {k: now + v if isinstance(v, int) else v for k, v in changes.items()}
    return signed(HEAD, json.dumps(good_claims() | moved).encode())


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
