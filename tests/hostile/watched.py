"""Requests that remember what was read of them."""

from __future__ import annotations

from typing import Any, ClassVar

from werkzeug.datastructures import Headers

import edgedb

NOT_DESCRIBED = {
    *("accept", "authorization", "content-type"),  # no parameters in an OpenAPI document
    *("origin", "access-control-request-method", "user-agent", "x-start-time"),
}
"""The second line: what browsers and the platform say of a call."""


class _Query(dict[str, str]):
    def get(self, name: str, default: Any = None) -> Any:
        Watched.read.add(("query", name))
        return super().get(name, default)


class _Headers(Headers):
    def get(self, name: str, *more: Any, **options: Any) -> Any:
        if name.lower() not in NOT_DESCRIBED:
            Watched.read.add(("header", name))
        return super().get(name, *more, **options)


class Watched(edgedb.Request):
    """A request whose parameters and headers are noted in ``read`` when they are asked for."""

    read: ClassVar[set[tuple[str, str]]] = set()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        object.__setattr__(self, "headers", _Headers(self.headers))

    def _parameters(self, errors: str) -> dict[str, str]:
        return _Query(super()._parameters(errors))
