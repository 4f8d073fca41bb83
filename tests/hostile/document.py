"""``docs/openapi.yaml``, and what the code of an endpoint takes, to be compared with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgedb.wire import headers
from edgedb.wire.headers import PROBLEM_JSON, SESSION
from tests.support.tree import ENDPOINTS, REPOSITORY, load_handler

DOCUMENT: dict[str, Any] = yaml.safe_load((REPOSITORY / "docs" / "openapi.yaml").read_text())
USERS = "{function}"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


@dataclass(frozen=True)
class Operation:
    """One method of one path of the document."""

    path: str
    method: str
    document: dict[str, Any]

    @property
    def function(self) -> str:
        """The function's name; ``{function}`` for a user's."""
        return self.path.split("/")[2]

    @property
    def statuses(self) -> set[int]:
        """The described statuses."""
        return {int(status) for status in self.document["responses"] if status != "default"}

    def parameters(self, place: str) -> set[str]:
        """Give the names of the parameters in ``query`` or ``header``."""
        found = map(resolved, self.document.get("parameters", []))
        return {parameter["name"] for parameter in found if parameter["in"] == place}

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def resolved(entry: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference inside the document."""
    while "$ref" in entry:
        steps = entry["$ref"].removeprefix("#/").split("/")
        entry = DOCUMENT
        for step in steps:
            entry = entry[step]
    return entry


def operations() -> Iterator[Operation]:
    """Give every operation of the document."""
    for path, item in DOCUMENT["paths"].items():
        yield from (Operation(path, method, item[method]) for method in METHODS if method in item)


def problem_types(response: dict[str, Any]) -> set[str]:
    """Give the problem types of a described answer."""
    schema = response["content"][PROBLEM_JSON]["schema"]
    return set(schema["properties"]["type"]["enum"])


@dataclass(frozen=True)
class Code:
    """What a part of a module reads of a request."""

    query: frozenset[str]
    headers: frozenset[str]


def code_of(function: str) -> Code:
    """Find what an endpoint's code reads, from its entry on."""
    folder = REPOSITORY / "functions" / ENDPOINTS[function]
    module = load_handler(folder)
    entry = module.handle._decide.__name__
    if entry == "oracle":
        entry = module.ACTIONS["tick" if function == "oracle" else function].__name__
    return _read_by(_reachable(folder / "handler.py", entry))


def code_of_users() -> Code:
    """Find what the library reads of a call of a user's function."""
    return _read_by([ast.parse((REPOSITORY / "edgedb" / "offloadable.py").read_text())])


def _reachable(file: Path, entry: str) -> list[ast.AST]:
    """Give the definitions of a module that one of them leads to."""
    named: dict[str, ast.AST] = {}
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            named[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            named[node.target.id] = node
    found, waiting = dict[str, ast.AST](), [entry]
    while waiting:
        name = waiting.pop()
        if name in named and name not in found:
            found[name] = named[name]
            waiting += [n.id for n in ast.walk(named[name]) if isinstance(n, ast.Name)]
    return list(found.values())


def _read_by(nodes: list[ast.AST]) -> Code:
    calls = [n for top in nodes for n in ast.walk(top) if isinstance(n, ast.Call)]
    read = [(kind, name) for kind, name in map(_reading, calls) if name]
    return Code(
        frozenset(name for kind, name in read if kind == "query"),
        frozenset(name for kind, name in read if kind == "header" and name != "Authorization"),
    )


_SESSION = {
    "session_parameter": ("query", "session"),
    "required_session": ("query", "session"),
    "session_header": ("header", SESSION),
}


def _reading(call: ast.Call) -> tuple[str, str]:
    """Give the kind and name of what a call reads: ``request.query.get("x")`` and the like.

    The name is empty where the call reads nothing, or something that its caller names.
    """
    called = ast.unparse(call.func)
    method = called.rpartition(".")[2]
    if method in _SESSION:
        return _SESSION[method]
    if called.endswith(".query.get") or method in {"choice", "number"}:
        return "query", _text(call.args[0])
    if called == "_parameter":
        return "query", _text(call.args[1])
    if called.endswith((".headers.get", "request.header")):
        return "header", _text(call.args[0])
    return "", ""


def _text(node: ast.expr) -> str:
    """Give a literal, or a constant of :mod:`edgedb.wire.headers` by its name."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return str(getattr(headers, ast.unparse(node).rpartition(".")[2], ""))
