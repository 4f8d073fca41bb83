"""Calls between nodes as they come in over HTTP, with the credential of any caller."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from werkzeug.datastructures import Headers

import edgedb
from edgedb.peers import credentials
from tests.support.tree import NODE_KEY, Tree

HEAD = b'{"alg":"HS256","typ":"JWT"}'


def sign(claims: bytes, head: bytes = HEAD, key: bytes = NODE_KEY) -> str:
    """Sign any two parts; gives the ``Authorization``."""
    text = f"{_encoded(head)}.{_encoded(claims)}"
    return f"Bearer {text}.{_encoded(hmac.new(key, text.encode(), 'sha256').digest())}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def good_claims(
    call: credentials.Call, caller: str = "city", location: str = "edge-a", after_s: int = 0
) -> dict[str, Any]:
    """Give what a caller says of its call, so many seconds from now."""
    now = int(time.time()) + after_s
    times = {"iat": now, "exp": now + credentials.LIFE_S}
    return {"iss": caller, "aud": location, **times, "call": call.digest()}


@dataclass(frozen=True)
class NodeCall:
    """One call of a location to an endpoint of another; ``function`` may have a path."""

    caller: str
    location: str
    function: str
    method: str = "POST"
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def credential(self, key: bytes = NODE_KEY, after_s: int = 0) -> str:
        """Give the ``Authorization`` that the caller sends, as of so many seconds from now."""
        path = f"/function/{self.function}"
        call = credentials.Call(self.method, path, self.query.encode(), self.body)
        claims = good_claims(call, self.caller, self.location, after_s)
        return sign(json.dumps(claims).encode(), key=key)

    def send(self, tree: Tree, authorization: str | None) -> edgedb.Response:
        """Make the call, with any credential or none."""
        headers = Headers(dict(self.headers))
        if authorization is not None:
            headers["Authorization"] = authorization
        function, slash, path = self.function.partition("/")
        request = edgedb.Request(
            self.method, slash + path or "/", self.query.encode(), headers, self.body
        )
        return tree.respond(self.location, function, request)

    def signed(self, tree: Tree) -> edgedb.Response:
        """Make the call, with its own credential."""
        return self.send(tree, self.credential())


@dataclass(frozen=True)
class AsNode(AuthBase):
    """Signs each call of a client as a location would."""

    key: bytes
    caller: str
    location: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a call that is ready to be sent."""
        url, body = urlsplit(str(request.url)), request.body or b""
        content = body if isinstance(body, bytes) else body.encode()
        call = credentials.Call(str(request.method), url.path, url.query.encode(), content)
        request.headers["Authorization"] = credentials.issue(
            self.key, self.caller, self.location, call
        )
        return request
