"""A redirect leads to the gateway of a node of the tree, whatever path and query it carries."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from hypothesis import example, given, strategies as st

from tests.hostile.application import Application
from tests.hostile.strategies import many


def redirected(application: Application, path: bytes, query: bytes) -> dict[str, str]:
    """Call a function in a session that is at city, as a server would hand the call over."""
    answered: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/function/keeper" + path.decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "HTTP_X_SESSION": "up",
    }
    b"".join(application(environ, lambda *answer: answered.append(answer)))
    status, headers = answered[-1][:2]
    assert status.startswith("307"), status
    return dict(headers)


@many
@given(st.binary(max_size=30))
@example(b"")
@example(b"/evil.example")
@example(b"\r\nSet-Cookie: a=b")
@example(b"\x00\xff")
@example(b"@evil.example/..//x?y#z")
def test_no_path_leads_elsewhere(gateways: dict[str, Application], rest: bytes) -> None:
    place = urlsplit(redirected(gateways["edge-a"], b"/" + rest, b"")["Location"])
    assert (place.scheme, place.netloc, place.query, place.fragment) == ("http", "city", "", "")
    assert unquote_to_bytes(place.path) == b"/function/keeper" + (b"/" + rest if rest else b"")


printable = st.integers(0x21, 0x7E).map(lambda code: bytes([code]))
queries = st.lists(printable, max_size=40).map(b"".join)


@many
@given(queries)
@example(b"a=%0D%0ASet-Cookie:%20a=b")
@example(b"?&=@//evil.example")
@example(b"x" * 200_000)
def test_the_query_is_kept_byte_for_byte(gateways: dict[str, Application], query: bytes) -> None:
    location = redirected(gateways["edge-a"], b"/x", query)["Location"]
    kept = b"?" + query if query else b""
    assert location.encode("latin-1") == b"http://city/function/keeper/x" + kept
    assert "\r" not in location
    assert "\n" not in location
