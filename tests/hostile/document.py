"""``docs/openapi.yaml``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from edgedb.wire.headers import PROBLEM_JSON
from tests.support.tree import REPOSITORY

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
    def entry(self) -> str:
        """Its entry in the function's table."""
        path = self.path.removeprefix(f"/function/{self.function}")
        return f"{self.method.upper()} {path or '/'}"

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
