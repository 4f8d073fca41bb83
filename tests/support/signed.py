"""Calls between nodes as they come in over HTTP, with the credential of any caller."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from werkzeug.datastructures import Headers

import edgedb
from edgedb.errors import Forbidden
from edgedb.peers import credentials, keys
from edgedb.peers.keys import Keyring
from edgedb.topology.tree import Topology
from tests.support.tree import THREE_LEVELS, TREE_KEY, Tree

TOPOLOGY = Topology.from_json(THREE_LEVELS)
NOBODYS_KEY = b"a key of enough bytes that no node has"


def keyring(location: str, topology: Topology = TOPOLOGY) -> Keyring:
    """Give what a location's node knows of keys."""
    own = tuple(key.decode() for key in keys.of_node(TREE_KEY, topology, location))
    view = topology.view_of(location)
    return Keyring(location, lambda: own, lambda: view)


def key_of(caller: str, location: str, topology: Topology = TOPOLOGY) -> bytes:
    """Give the key with which a location calls another; some key where they have none."""
    if caller not in topology:
        return NOBODYS_KEY
    return key_in(keyring(caller, topology), location)


def key_in(ring: Keyring, location: str) -> bytes:
    """Give the current key of a node's calls to another; some key where they have none."""
    try:
        return ring.to(location)[0]
    except Forbidden:
        return NOBODYS_KEY


def authorization(key: bytes, caller: str, call: credentials.Call, after_s: int = 0) -> str:
    """Give the ``Authorization`` of a call that is made so many seconds from now."""
    made_at = str(int(time.time()) + after_s)
    return f"Bearer {caller}.{made_at}.{call.signature(key, made_at)}"


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

    @property
    def call(self) -> credentials.Call:
        """What its credential is bound to."""
        path = f"/function/{self.function}"
        signed = credentials.signed_of(Headers(dict(self.headers)))
        return credentials.Call(self.method, path, self.query.encode(), self.body, signed)

    def credential(self, key: bytes | None = None, after_s: int = 0) -> str:
        """Give the ``Authorization`` that the caller sends, as of so many seconds from now."""
        known = key_of(self.caller, self.location) if key is None else key
        return authorization(known, self.caller, self.call, after_s)

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
        return self.send(tree, self.credential(key_of(self.caller, self.location, tree.topology)))


@dataclass(frozen=True)
class AsNode(AuthBase):
    """Signs each call of a client as the location would whose keys these are."""

    keys: Keyring
    location: str

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a call that is ready to be sent."""
        url, body = urlsplit(str(request.url)), request.body or b""
        content = body if isinstance(body, bytes) else body.encode()
        signed = credentials.signed_of(request.headers)
        call = credentials.Call(str(request.method), url.path, url.query.encode(), content, signed)
        key = key_in(self.keys, self.location)
        request.headers["Authorization"] = credentials.issue(key, self.keys.location, call)
        return request
