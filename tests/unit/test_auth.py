"""Node credentials: good for one call, at one place, for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from edgedb.errors import Forbidden, Unauthorized
from edgedb.peers.credentials import (
    LEEWAY_S,
    LIFE_S,
    Call,
    bearer,
    issue,
    signed_of,
    verify,
    verify_secret,
)
from edgedb.wire.headers import NODE, ONLOAD_LOCATION, PROPAGATE, SIGNED
from tests.support import strategies
from tests.support.signed import authorization

KEY, PREVIOUS = b"a key of thirty-two bytes or more", b"the one before it, as long as that"
CALL = Call("POST", "/function/migrate-session", b"phase=hand-over&to=city", b"body")

calls = st.builds(
    Call,
    method=st.text(),
    path=st.text(),
    query_string=st.binary(),
    body=st.binary(),
    signed=st.tuples(*(st.none() | st.text() for _ in SIGNED)),
)


def keys_of(caller: str) -> tuple[bytes, ...]:
    """Give the keys of city's calls to this node."""
    if caller != "city":
        raise Forbidden(f"{caller!r} is no relative")
    return KEY, PREVIOUS


def verified(credential: str | None, call: Call = CALL) -> str:
    return verify(keys_of, credential, call)


def test_a_credential_names_the_location_that_signed_it() -> None:
    assert verified(issue(KEY, "city", CALL)) == "city"


def test_the_key_before_is_good_as_well() -> None:
    assert verified(issue(PREVIOUS, "city", CALL)) == "city"


@strategies.quick
@given(calls)
def test_a_credential_is_good_for_its_own_call(call: Call) -> None:
    assert verified(issue(KEY, "city", call), call) == "city"


@strategies.quick
@given(calls, calls)
def test_two_calls_have_the_same_signature_only_if_they_are_the_same(a: Call, b: Call) -> None:
    assert (a.signature(KEY, "1") == b.signature(KEY, "1")) == (a == b)


def test_the_signature_tells_where_one_part_ends_and_the_next_begins() -> None:
    def signature(*parts: object) -> str:
        return Call(*parts).signature(KEY, "1")  # type: ignore[arg-type]

    assert signature("GET", "/a", b"b", b"") != signature("GET", "/ab", b"", b"")
    assert signature("GET", "/a", b"b", b"c") != signature("GET", "/a", b"bc", b"")
    nothing, empty = signature("GET", "/a", b"", b"", (None,)), ("GET", "/a", b"", b"", ("",))
    assert nothing != signature(*empty)


@pytest.mark.parametrize(
    "other",
    [
        replace(CALL, method="GET"),
        replace(CALL, path="/function/update-session"),
        replace(CALL, query_string=b"phase=hand-over&to=cloud"),
        replace(CALL, query_string=b""),
        replace(CALL, body=b""),
        replace(CALL, body=b"body "),
        *(
            replace(CALL, signed=signed_of({name: value}))
            for name in (ONLOAD_LOCATION, PROPAGATE, NODE)
            for value in ("", "edge-a")
        ),
    ],
    ids=str,
)
def test_a_credential_is_no_good_for_another_call(other: Call) -> None:
    with pytest.raises(Unauthorized, match="of another key or call"):
        verified(issue(KEY, "city", CALL), other)


def test_a_credential_of_another_key_or_name_is_refused() -> None:
    with pytest.raises(Unauthorized):
        verified(issue(KEY[::-1], "city", CALL))
    with pytest.raises(Forbidden):
        verified(issue(KEY, "edge-b", CALL))


def test_a_credential_is_over_after_a_minute_and_the_leeway() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        verified(authorization(KEY, "city", CALL, -LIFE_S - LEEWAY_S - 2))


@pytest.mark.parametrize("apart_s", [5 - LEEWAY_S, LEEWAY_S - 5])
def test_clocks_may_be_apart_by_less_than_the_leeway(apart_s: int) -> None:
    assert verified(authorization(KEY, "city", CALL, apart_s)) == "city"


def test_a_credential_from_the_future_is_refused() -> None:
    with pytest.raises(Unauthorized):
        verified(authorization(KEY, "city", CALL, LEEWAY_S + 5))


def test_its_time_cannot_be_changed() -> None:
    old = authorization(KEY, "city", CALL, -LIFE_S)
    now = str(int(time.time()))
    with pytest.raises(Unauthorized):
        verified(f"Bearer city.{now}.{old.rpartition('.')[2]}")


CHANGES: dict[str, Callable[[str], str]] = {
    "shorter": lambda credential: credential[:-1],
    "longer": lambda credential: credential + "0",
    "upper-case": str.upper,
    "no-signature": lambda credential: credential.rpartition(".")[0] + ".",
    "no-text": lambda credential: credential + "\ud800",
    "not-ascii": lambda credential: credential[:-1] + "\xe9",
    "other-digits": lambda credential: credential.replace(".1", ".\u0661"),
    "fraction": lambda credential: credential.replace(".1", ".1.1"),
    "endless": lambda credential: credential.replace(".1", "." + "1" * 5000),
    "negative": lambda credential: credential.replace(".1", ".-1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_credential_that_was_changed_is_refused(change: Callable[[str], str]) -> None:
    credential = bearer(issue(KEY, "city", CALL))
    with pytest.raises((Unauthorized, Forbidden)):
        verified(f"Bearer {change(credential)}")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic dXNlcjpwYXNz", "x"],
)
def test_anything_else_is_no_credential(authorization: str | None) -> None:
    with pytest.raises(Unauthorized):
        verified(authorization)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_name_may_be_in_any_case(scheme: str) -> None:
    verify_secret(["the oracle"], f"{scheme} the oracle")


def test_a_bearer_secret_may_be_the_one_before() -> None:
    verify_secret(["the oracle", "the one before"], "Bearer the one before")


@pytest.mark.parametrize(
    "authorization", [None, "", "the oracle", "Bearer the oracl", "Bearer the oracle!", "Bearer "]
)
def test_a_wrong_bearer_secret_is_refused(authorization: str | None) -> None:
    with pytest.raises(Unauthorized):
        verify_secret(["the oracle"], authorization)


def test_a_bearer_secret_may_have_any_character() -> None:
    verify_secret(["schlüssel\U0001f511"], "Bearer schlüssel\U0001f511")
