"""``docs/openapi.yaml`` describes what the code has, and nothing else."""

from __future__ import annotations

import inspect
import re

import pytest
from hypothesis import given, strategies as st

from edgedb import errors
from edgedb.checking.findings import Kind
from edgedb.errors import EdgeError, InvalidSession
from edgedb.request import IDEMPOTENCY_KEY_LIMIT
from edgedb.wire import model
from edgedb.wire.choices import Hold, OffloadStatus, Phase, Policy
from edgedb.wire.headers import PROBLEM_JSON
from tests.hostile.document import (
    DOCUMENT,
    METHODS,
    USERS,
    operations,
    problem_types,
    resolved,
)
from tests.support import strategies
from tests.support.tree import ENDPOINTS, REPOSITORY, load_handler

SCHEMAS = DOCUMENT["components"]["schemas"]


def test_every_deployed_function_is_described_and_no_other() -> None:
    assert {o.function for o in operations()} == {*ENDPOINTS, USERS}


@pytest.mark.parametrize("function", ENDPOINTS)
def test_the_methods_and_paths_are_those_of_the_endpoint(function: str) -> None:
    module = load_handler(REPOSITORY / "functions" / ENDPOINTS[function])
    action = "tick" if function == "oracle" else function
    endpoint = module.ENDPOINTS[action] if hasattr(module, "ENDPOINTS") else module.handle
    described = {o.entry for o in operations() if o.function == function}
    assert described == set(endpoint.table)


def test_a_users_function_has_every_method() -> None:
    assert {o.method for o in operations() if o.function == USERS} == set(METHODS)


def test_every_problem_is_described_with_its_status() -> None:
    kinds: dict[str, set[str]] = {}
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, EdgeError):
            kinds.setdefault(str(int(kind.status)), set()).add(kind.problem_type())
    responses = DOCUMENT["components"]["responses"].values()
    answers = {
        str(response["content"][PROBLEM_JSON]["schema"]["properties"]["status"]["const"]): (
            problem_types(response)
        )
        for response in responses
        if "content" in response
    }
    assert answers == kinds


def test_a_status_is_described_by_the_answer_that_has_it() -> None:
    for operation in operations():
        for status, reference in operation.document["responses"].items():
            content = resolved(reference).get("content", {})
            if PROBLEM_JSON in content:
                stated = content[PROBLEM_JSON]["schema"]["properties"]["status"]["const"]
                assert str(stated) == status, operation


def test_the_choices_are_those_of_the_code() -> None:
    stated = [SCHEMAS["Status"], SCHEMAS["Phase"], SCHEMAS["Finding"]["properties"]["kind"]]
    assert [each["enum"] for each in stated] == [list(OffloadStatus), list(Phase), list(Kind)]
    for name, choices in {"Policy": Policy, "Hold": Hold}.items():
        assert [each["const"] for each in SCHEMAS[name]["oneOf"]] == list(choices)


def test_the_limits_are_those_of_the_code() -> None:
    parameters = DOCUMENT["components"]["parameters"]
    assert parameters["Idempotency-Key"]["schema"]["maxLength"] == IDEMPOTENCY_KEY_LIMIT
    assert parameters["count"]["schema"]["maximum"] == model.COUNT_LIMIT
    assert SCHEMAS["SessionTokens"]["maxItems"] == model.COUNT_LIMIT
    assert SCHEMAS["SessionIds"]["maxItems"] == model.COUNT_LIMIT
    assert SCHEMAS["SessionId"]["maxLength"] == model.SESSION_ID_LIMIT
    assert SCHEMAS["Number"]["exclusiveMaximum"] == model.VERSION_LIMIT


@strategies.quick
@given(
    st.text(max_size=4) | st.text(st.sampled_from("a, \t\n\x7f\x85\xa0\u2028\ufeffé"), max_size=5)
)
def test_a_session_id_that_matches_the_document_is_taken_and_no_other(text: str) -> None:
    # the document cannot say it of unpaired surrogates, which no HTTP message can carry
    try:
        is_taken = model.checked_session_id(text) == text
    except InvalidSession:
        is_taken = False
    assert is_taken == (re.fullmatch(SCHEMAS["SessionId"]["pattern"], text) is not None)
