"""Calls between nodes as they come in over HTTP, with the credential of any caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from werkzeug.datastructures import Headers

import edgedb
from edgedb.peers import credentials
from tests.support.tree import NODE_KEY, Tree


@dataclass(frozen=True)
class NodeCall:
    """One call of a location to an endpoint of another."""

    caller: str
    location: str
    function: str
    method: str = "POST"
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def credential(self, key: bytes = NODE_KEY) -> str:
        """Give the ``Authorization`` that the caller sends."""
        path = f"/function/{self.function}"
        call = credentials.Call(self.method, path, self.query.encode(), self.body)
        return credentials.issue(key, self.caller, self.location, call)

    def send(self, tree: Tree, authorization: str | None) -> edgedb.Response:
        """Make the call, with any credential or none."""
        headers = Headers(dict(self.headers))
        if authorization is not None:
            headers["Authorization"] = authorization
        request = edgedb.Request(
            self.method, query_string=self.query.encode(), headers=headers, body=self.body
        )
        return tree.respond(self.location, self.function, request)

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
