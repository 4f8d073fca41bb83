"""The error tree: every class has its HTTP answer and can be told from the others by type."""

from __future__ import annotations

import json
import re

import pytest

from edgedb import errors
from edgedb.errors import EdgeError
from edgedb.response import problem
from edgedb.wire.headers import PROBLEM_JSON


def descendants(kind: type[EdgeError]) -> list[type[EdgeError]]:
    """Give a class and everything below it that the library itself declares."""
    children = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(found for child in children for found in descendants(child))]


ALL = descendants(EdgeError)

DRAWN = re.findall(r"^[ │├└─]*(\w+) +(\d{3})\b", errors.__doc__ or "", re.MULTILINE)


def test_the_tree_in_the_documentation_is_the_tree() -> None:
    assert sorted(DRAWN) == sorted((kind.__name__, str(int(kind.status))) for kind in ALL)


@pytest.mark.parametrize("kind", ALL)
def test_every_error_renders_as_a_problem_document(kind: type[EdgeError]) -> None:
    response = problem(kind("what happened"))
    assert dict(response.headers)["Content-Type"] == PROBLEM_JSON
    assert response.status == kind.status
    assert json.loads(response.body) == {
        "type": f"urn:edgedb:problem:{kind.__name__}",
        "title": kind.title,
        "status": kind.status,
        "detail": "what happened",
    }


@pytest.mark.parametrize("kind", ALL)
def test_who_may_repeat_a_call_is_told_when(kind: type[EdgeError]) -> None:
    retry_after = dict(problem(kind("try again")).headers).get("Retry-After")
    assert (retry_after is not None) == (kind.status in {502, 503, 507})
    assert retry_after is None or int(retry_after) >= 1


def test_a_401_says_which_credentials_are_wanted() -> None:
    headers = dict(problem(errors.Unauthorized("who are you?")).headers)
    assert headers["WWW-Authenticate"] == "Bearer"


def test_a_detail_that_utf8_cannot_carry_does_not_break_the_answer() -> None:
    response = problem(errors.BadRequest("location '\ud800'"))
    assert json.loads(response.body)["detail"] == "location '\ud800'"
