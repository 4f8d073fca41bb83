"""Node credentials: good for one call, at one place, for a minute."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given, strategies as st

from edgedb.errors import Unauthorized
from edgedb.peers.credentials import (
    LEEWAY_S,
    LIFE_S,
    Call,
    issue,
    verify,
    verify_secret,
)
from tests.support import strategies
from tests.support.signed import good_claims, sign

KEY = b"a key of thirty-two bytes or more"
CALL = Call("POST", "/function/migrate-session", b"phase=hand-over&to=city", b"body")

calls = st.builds(
    Call, method=st.text(), path=st.text(), query_string=st.binary(), body=st.binary()
)


def signed(key: bytes = KEY, after_s: int = 0, **changes: Any) -> str:
    """Give a credential of city's for edge-a, with other claims; times are seconds from now."""
    now, claims = int(time.time()), good_claims(CALL, after_s=after_s)
    claims |= {name: now + v if isinstance(v, int) else v for name, v in changes.items()}
    return sign(json.dumps(claims).encode(), key=key)


def test_a_credential_names_the_location_that_signed_it() -> None:
    assert verify(KEY, issue(KEY, "city", "edge-a", CALL), "edge-a", CALL) == "city"


@strategies.quick
@given(calls)
def test_a_credential_is_good_for_its_own_call(call: Call) -> None:
    assert verify(KEY, issue(KEY, "city", "edge-a", call), "edge-a", call) == "city"


@strategies.quick
@given(calls, calls)
def test_two_calls_have_the_same_digest_only_if_they_are_the_same(a: Call, b: Call) -> None:
    assert (a.digest() == b.digest()) == (a == b)


def test_the_digest_tells_where_one_part_ends_and_the_next_begins() -> None:
    assert Call("GET", "/a", b"b", b"").digest() != Call("GET", "/ab", b"", b"").digest()
    assert Call("GET", "/a", b"b", b"c").digest() != Call("GET", "/a", b"bc", b"").digest()


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, method="GET"),
        replace(CALL, path="/function/update-session"),
        replace(CALL, query_string=b"phase=hand-over&to=cloud"),
        replace(CALL, query_string=b""),
        replace(CALL, body=b""),
        replace(CALL, body=b"body "),
    ],
    ids=["method", "path", "query", "no-query", "no-body", "body"],
)
def test_a_credential_is_no_good_for_another_call(other: Call) -> None:
    with pytest.raises(Unauthorized, match="another call"):
        verify(KEY, issue(KEY, "city", "edge-a", CALL), "edge-a", other)


def test_a_credential_is_no_good_at_another_location() -> None:
    with pytest.raises(Unauthorized):
        verify(KEY, issue(KEY, "city", "edge-a", CALL), "edge-b", CALL)


def test_a_credential_signed_with_another_key_is_refused() -> None:
    with pytest.raises(Unauthorized):
        verify(KEY, signed(key=KEY[::-1]), "edge-a", CALL)


def test_a_credential_is_over_after_a_minute_and_the_leeway() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        verify(KEY, signed(after_s=-LIFE_S - LEEWAY_S - 1), "edge-a", CALL)


@pytest.mark.parametrize("apart_s", [5 - LEEWAY_S, LEEWAY_S - 5])
def test_clocks_may_be_apart_by_less_than_the_leeway(apart_s: int) -> None:
    assert verify(KEY, signed(after_s=apart_s), "edge-a", CALL) == "city"


def test_a_credential_from_the_future_is_refused() -> None:
    with pytest.raises(Unauthorized):
        verify(KEY, signed(after_s=2 * LEEWAY_S + 1), "edge-a", CALL)


@pytest.mark.parametrize("claim", ["iss", "aud", "iat", "exp", "call"])
def test_no_claim_may_be_missing(claim: str) -> None:
    claims = good_claims(CALL)
    del claims[claim]
    with pytest.raises(Unauthorized):
        verify(KEY, sign(json.dumps(claims).encode(), key=KEY), "edge-a", CALL)


@pytest.mark.parametrize(
    "changes",
    [
        *({"exp": 3600}, {"exp": 10**8}, {"iat": -10_000}, {"nbf": 3600}),
        *({"iss": ["city"]}, {"iss": None}, {"aud": ["edge-a", "edge-b"]}),
        *({"call": "é"}, {"call": "\ud800"}, {"call": [CALL.digest()]}, {"call": None}),
    ],
    ids=str,
)
def test_a_credential_is_short_lived_and_says_just_what_it_should(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        verify(KEY, signed(**changes), "edge-a", CALL)


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_only_the_one_algorithm_is_accepted(algorithm: str) -> None:
    key = None if algorithm == "none" else KEY * 2
    credential = jwt.encode(good_claims(CALL), key, algorithm)
    with pytest.raises(Unauthorized):
        verify(KEY, f"Bearer {credential}", "edge-a", CALL)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic dXNlcjpwYXNz", "x"],
)
def test_anything_else_is_no_credential(authorization: str | None) -> None:
    with pytest.raises(Unauthorized):
        verify(KEY, authorization, "edge-a", CALL)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_name_may_be_in_any_case(scheme: str) -> None:
    verify_secret("the oracle", f"{scheme} the oracle")


@pytest.mark.parametrize(
    "authorization", [None, "", "the oracle", "Bearer the oracl", "Bearer the oracle!", "Bearer "]
)
def test_a_wrong_bearer_secret_is_refused(authorization: str | None) -> None:
    with pytest.raises(Unauthorized):
        verify_secret("the oracle", authorization)


def test_a_bearer_secret_may_have_any_character() -> None:
    verify_secret("schlüssel\U0001f511", "Bearer schlüssel\U0001f511")
