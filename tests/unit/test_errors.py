"""The error tree: every class has its HTTP answer and can be told from the others by type."""

from __future__ import annotations

import json

import pytest

from edgedb import errors
from edgedb.errors import EdgeError
from edgedb.problems import problem
from edgedb.wire.headers import PROBLEM_JSON
from edgedb.wire.problem import Problem, error_from


def descendants(kind: type[EdgeError]) -> list[type[EdgeError]]:
    """Give a class and everything below it that the library itself declares."""
    children = [child for child in kind.__subclasses__() if child.__module__ == errors.__name__]
    return [kind, *(found for child in children for found in descendants(child))]


ALL = descendants(EdgeError)


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


@pytest.mark.parametrize("kind", ALL)
def test_what_one_node_writes_another_reads(kind: type[EdgeError]) -> None:
    written = problem(kind("what happened"))
    for error in (
        error_from("city", written.status, written.body),
        Problem.from_json(written.body).to_error("city"),
    ):
        assert (type(error), str(error)) == (kind, "city: what happened")


NEAREST = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    409: errors.Conflict,
    413: errors.TooLarge,
    422: errors.IdempotencyMismatch,
    500: EdgeError,
    502: errors.PeerUnavailable,
    503: errors.Unavailable,
    507: errors.InsufficientStorage,
    418: EdgeError,
    429: EdgeError,
    599: EdgeError,
}


@pytest.mark.parametrize(("status", "kind"), NEAREST.items())
@pytest.mark.parametrize(
    "type_", ["urn:edgedb:problem:OfALaterVersion", "about:blank", "HTTPStatus"]
)
def test_a_type_that_is_not_known_keeps_its_status(
    type_: str, status: int, kind: type[EdgeError]
) -> None:
    document = {"type": type_, "title": "Something new", "status": status, "detail": "x"}
    error = error_from("city", status, json.dumps(document).encode())
    assert type(error) is kind
    relayed = problem(error)
    assert relayed.status == status
    assert json.loads(relayed.body)["title"] == "Something new"
    assert ("Retry-After" in dict(relayed.headers)) == (status in {502, 503, 507})


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"404 page not found"),
        (404, b'{"title": "t", "detail": "d"}'),
        (404, b"[]"),
        (500, b""),
        (307, json.dumps({"type": "about:blank", "title": "t", "detail": "d"}).encode()),
    ],
)
def test_what_no_node_writes_is_no_problem(status: int, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"Expect|Extra data|required field|no problem"):
        error_from("city", status, body)
