"""A tree's nodes as WSGI applications: the template's own, so all but the sockets is as deployed.

A call that carries ``Authorization: as edge-a`` is signed on its way in, as that location would
have signed it: whoever makes up calls need not know how they look on the wire.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from werkzeug.datastructures import EnvironHeaders

from edgedb.endpoint import Function
from edgedb.node import Node
from edgedb.peers import credentials
from edgedb.request import Request
from edgedb.response import Response
from tests.support.signed import key_of
from tests.support.tree import REPOSITORY, Tree

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_PATH = re.compile(r"/function/([a-z0-9-]+)(/.*)?", re.DOTALL)


def node_application(tree: Tree, location: str) -> Application:
    """Give what answers at a location's gateway."""
    index = template()
    applications = {
        name: index.Function(_AtNode(tree, location, name), index.server.Lifecycle())
        for name in tree.functions
    }

    def gateway(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        match = _PATH.fullmatch(environ["PATH_INFO"])
        if match is None or match[1] not in applications:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"error finding function"]
        _sign(environ, location)
        inner = {**environ, "SCRIPT_NAME": "", "PATH_INFO": match[2] or "/"}
        answer: Iterable[bytes] = applications[match[1]](inner, start_response)
        return answer

    return gateway


def template() -> Any:
    """Import ``index.py`` of the template, which expects to be run in its own folder."""
    folder = str(REPOSITORY / "template" / "python3-http-edge")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module("index")


class _AtNode(Function):
    """A function's ``handle`` at one of the tree's nodes, not at the process's own."""

    def __init__(self, tree: Tree, location: str, name: str) -> None:
        self._tree, self._location, self._name = tree, location, name

    def respond_to(self, request: Request, _node: Node | None = None) -> Response:
        node = self._tree.node(self._location, self._name)
        return super().respond_to(request, node)

    def respond(self, node: Node, request: Request) -> Response:
        function: Function = self._tree.functions[self._name]
        return function.respond(node, request)


def _sign(environ: Environ, location: str) -> None:
    caller = re.fullmatch("as ([a-z0-9-]+)", environ.get("HTTP_AUTHORIZATION", ""))
    if caller is None:
        return
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "surrogateescape")
    query = environ["QUERY_STRING"].encode("latin-1")
    signed = credentials.signed_of(EnvironHeaders(environ))
    call = credentials.Call(
        environ["REQUEST_METHOD"], Request(path=path).function_path, query, body, signed
    )
    key = key_of(caller[1], location)
    environ["HTTP_AUTHORIZATION"] = credentials.issue(key, caller[1], call)
