"""What a browser is told about pages of other origins."""

from __future__ import annotations

import pytest
from werkzeug.datastructures import Headers

from edgedb import cors
from edgedb.errors import ConfigurationError, Forbidden
from edgedb.request import Request
from edgedb.response import Response
from edgedb.settings import CorsRules

SHOP = "https://shop.example.com"
NAMED = {"EDGE_CORS_ORIGINS": SHOP}


def rules(**environ: str) -> CorsRules:
    """Read rules from an environment; names without their prefix."""
    return CorsRules.from_environment(
        {f"EDGE_CORS_{name}": value for name, value in environ.items()}
    )


def asking(origin: str = SHOP, method: str = "POST", headers: str = "") -> Request:
    """Give the question that a browser asks before a call."""
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    sent |= {"Access-Control-Request-Headers": headers} if headers else {}
    return Request("OPTIONS", headers=Headers(sent))


def told(stated: CorsRules, origin: str | None = SHOP) -> dict[str, str]:
    """Give the headers of an answer."""
    return dict(cors.headers_for(stated, origin))


def permission(stated: CorsRules, request: Request) -> dict[str, str]:
    """Give the headers of the answer to a question."""
    answer = cors.preflight(stated, request)
    assert answer is not None
    assert (answer.status, answer.body) == (204, b"")
    return dict(answer.headers)


def test_without_origins_nothing_is_said_and_no_question_is_answered() -> None:
    assert cors.preflight(rules(), asking()) is None
    assert cors.with_headers(rules(), SHOP, Response(b"x")) == Response(b"x")


def test_an_answer_names_the_page_s_origin_if_it_is_in_the_list_and_varies_with_it() -> None:
    stated = rules(ORIGINS=f"http://localhost:3000, {SHOP}")
    assert told(stated)["Access-Control-Allow-Origin"] == SHOP
    assert told(stated)["Vary"] == "Origin"
    for other in ("https://evil.example.com", f"{SHOP}:444", "null", None):
        assert told(stated, other) == {"Vary": "Origin"}


def test_a_star_is_for_everybody_the_same() -> None:
    stated = rules(ORIGINS="*")
    assert told(stated) == told(stated, "null") == told(stated, None)
    assert told(stated)["Access-Control-Allow-Origin"] == "*"
    assert "Vary" not in told(stated)


def test_null_is_named_only_where_it_is_in_the_list() -> None:
    assert told(rules(ORIGINS=f"{SHOP},null"), "null")["Access-Control-Allow-Origin"] == "null"


def test_a_page_may_read_where_a_session_is_and_when_to_try_again() -> None:
    exposed = told(rules(ORIGINS=SHOP))["Access-Control-Expose-Headers"]
    assert {"X-session-location", "X-session-home", "Retry-After"} <= set(exposed.split(", "))


def test_cookies_are_let_through_only_where_that_was_asked_for() -> None:
    assert "Access-Control-Allow-Credentials" not in told(rules(ORIGINS=SHOP))
    allowed = told(rules(ORIGINS=SHOP, CREDENTIALS="1"))
    assert allowed["Access-Control-Allow-Credentials"] == "true"


def test_a_question_is_answered_with_what_a_page_may_send() -> None:
    said = permission(rules(ORIGINS=SHOP), asking(headers="x-session,idempotency-key"))
    assert set(said["Access-Control-Allow-Methods"].split(", ")) >= {"POST", "DELETE", "PATCH"}
    assert said["Access-Control-Allow-Headers"] == "x-session,idempotency-key"
    assert said["Access-Control-Max-Age"] == "600"


def test_methods_headers_and_how_long_the_answer_holds_can_be_stated() -> None:
    stated = rules(ORIGINS=SHOP, METHODS="GET,POST", HEADERS="X-session", MAX_AGE="2m")
    said = permission(stated, asking(headers="x-other"))
    assert said["Access-Control-Allow-Methods"] == "GET, POST"
    assert said["Access-Control-Allow-Headers"] == "X-session"
    assert said["Access-Control-Max-Age"] == "120"


def test_a_question_from_elsewhere_is_refused_with_the_setting_s_name() -> None:
    with pytest.raises(Forbidden, match="EDGE_CORS_ORIGINS"):
        cors.preflight(rules(ORIGINS=SHOP), asking("https://evil.example.com"))


@pytest.mark.parametrize(
    "request_",
    [
        Request("OPTIONS"),
        Request("OPTIONS", headers=Headers({"Origin": SHOP})),
        Request("POST", headers=asking().headers),
    ],
    ids=["no origin", "no method", "another method"],
)
def test_what_is_no_preflight_is_left_to_the_function(request_: Request) -> None:
    assert cors.preflight(rules(ORIGINS=SHOP), request_) is None


def test_what_a_handler_says_of_origins_is_replaced_the_rest_is_kept() -> None:
    said = (
        ("Access-control-allow-origin", "https://old.example.com"),
        ("Access-Control-Expose-Headers", "X-Total"),
        ("Vary", "Accept"),
    )
    answer = cors.with_headers(rules(ORIGINS=SHOP), SHOP, Response(b"x", 201, said))
    assert (answer.body, answer.status) == (b"x", 201)
    headers = Headers(list(answer.headers))
    assert headers.getlist("Access-Control-Allow-Origin") == [SHOP]
    assert "X-Total" in headers.getlist("Access-Control-Expose-Headers")
    assert headers.getlist("Vary") == ["Accept", "Origin"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ORIGINS", "https://shop.example.com/"),
        ("ORIGINS", "https://shop.example.com/page"),
        ("ORIGINS", "shop.example.com"),
        ("ORIGINS", "HTTPS://shop.example.com"),
        ("ORIGINS", f"*,{SHOP}"),
        ("METHODS", "GET;POST"),
        ("HEADERS", "X-sess\u00efon"),
        ("CREDENTIALS", "yes"),
        ("MAX_AGE", "soon"),
    ],
)
def test_a_malformed_rule_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"EDGE_CORS_{name}"):
        rules(**{"ORIGINS": SHOP, name: value})


def test_cookies_for_pages_of_any_origin_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="name the origins"):
        rules(ORIGINS="*", CREDENTIALS="1")
