"""Errors as problem documents (RFC 9457): what they say, and what is read from another's."""

from __future__ import annotations

import json

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edgedb import errors
from edgedb.errors import EdgeError

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, EdgeError)
}
NEAREST = {int(kind.status): kind for kind in KINDS.values() if EdgeError in kind.__bases__}
NEAREST[int(EdgeError.status)] = EdgeError
"""By status: what an error of a type that is not known here is taken for."""


class Problem(Struct, frozen=True):
    """A problem document."""

    type: str
    title: str
    status: int = 0
    detail: str = ""

    @classmethod
    def of(cls, error: EdgeError) -> Problem:
        """Give an error's problem document."""
        return cls(error.problem_type(), error.title, int(error.status), str(error))

    @classmethod
    def from_json(cls, body: bytes) -> Problem:
        """Read a problem document; raises ValueError or RecursionError if it is none."""
        return msgspec.convert(json.loads(body), cls)

    def to_error(self, location: str = "") -> EdgeError:
        """Give the error that a node has answered with; raises ValueError for another status."""
        if not 400 <= self.status <= 599:
            raise ValueError(f"{self.status} is the status of no problem document")
        kind = KINDS.get(self.type.rpartition(":")[2]) or NEAREST.get(self.status, EdgeError)
        error = kind(f"{location}: {self.detail}" if location else self.detail)
        error.answered_as, error.status, error.title = self.type, self.status, self.title
        return error


def error_from(location: str, status: int, body: bytes) -> EdgeError:
    """Read the problem that another node has answered a call with; raises as its parts do."""
    return replace(Problem.from_json(body), status=status).to_error(location)
