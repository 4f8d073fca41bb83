"""Calls made up from ``docs/openapi.yaml``, and from what contradicts it."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from typing import Any

import hypothesis
import msgspec
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from edgedb.wire.headers import PACKET
from tests.hostile.document import DOCUMENT

EXAMPLES = int(os.environ.get("EDGE_HOSTILE_EXAMPLES", "0"))
"""Random calls of each operation, beside the fixed ones that try each limit; 0: a few."""

SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES or 3,
    deadline=None,
    derandomize=not EXAMPLES,
    suppress_health_check=list(hypothesis.HealthCheck),
)
CHECKS: list[Callable[..., Any]] = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@schemathesis.serializer(PACKET)
def packed(_: object, value: Any) -> bytes:
    """Write what is generated for a body in MessagePack."""
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError):  # what MessagePack cannot say
        return json.dumps(value, default=repr).encode()


@schemathesis.deserializer(PACKET)
def unpacked(_: object, response: Any) -> Any:
    """Read an answer in MessagePack, to be compared with its description."""
    return msgspec.msgpack.decode(response.content)


def schema(functions: list[str], locations: list[str]) -> Any:
    """Give the document with names that exist, so that calls get beyond the first check.

    Sessions are ``s`` and ``up``.
    """
    document = copy.deepcopy(DOCUMENT)
    components = document["components"]
    components["parameters"]["function"]["schema"] = {"enum": functions}
    for name, known in {"SessionId": ["s", "up"], "Location": locations}.items():
        components["schemas"][name] = {"anyOf": [{"enum": known}, components["schemas"][name]]}
    return schemathesis.openapi.from_dict(document, config=schemathesis.Config())


def is_for_oracles(case: schemathesis.Case) -> bool:
    """Say whether an operation asks for the oracle's token."""
    return {"oracle": []} in case.operation.definition.raw.get("security", [])


def check(case: schemathesis.Case, response: Any) -> None:
    """Check that an answer is one of the described ones."""
    assert response.status_code < 500 or response.status_code == 503, response.content
    case.validate_response(response, checks=CHECKS)
