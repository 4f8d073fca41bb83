"""What the clients that are at hand do at a 307 is what ``docs/api.md`` says of them."""

from __future__ import annotations

import io
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from edgedb.client import EdgeSession
from tests.support.places import Place, done, places, to

HEADERS = {
    "X-session": "s",
    "Idempotency-Key": "k",
    "Authorization": "Bearer secret",
    "Cookie": "a=b",
}
IDS = {"X-session", "Idempotency-Key"}
EVERYTHING = set(HEADERS)


@pytest.fixture(params=["127.0.0.1", "127.0.0.2"], ids=["another port", "another host"])
def there(request: pytest.FixtureRequest) -> Iterator[tuple[str, Place]]:
    """Give the address of a function at home, and the place that home redirects to."""
    with places() as start:
        elsewhere = start(done, host=request.param)
        yield f"{start(to(elsewhere)).url}/function/f", elsewhere


def arrived(there: tuple[str, Place]) -> tuple[str, bytes, set[str]]:
    """Give what came there: method, body, and which of the headers."""
    (call,) = there[1].calls
    return call.command, call.body, {name for name in HEADERS if name in call.headers}


def curl(url: str, *options: str, body: bytes = b"body") -> int:
    given = [word for pair in HEADERS.items() for word in ("-H", ": ".join(pair))]
    words = ["curl", "--silent", "-X", "POST", *given, *options, url]
    return subprocess.run(words, input=body, stdout=subprocess.DEVNULL, check=False).returncode


def test_curl_alone_follows_nothing(there: tuple[str, Place]) -> None:
    assert curl(there[0], "-d", "body") == 0
    assert there[1].calls == []


def test_curl_following_drops_credentials(there: tuple[str, Place]) -> None:
    assert curl(there[0], "-L", "-d", "body") == 0
    assert arrived(there) == ("POST", b"body", IDS)


def test_curl_trusting_repeats_credentials_anywhere(there: tuple[str, Place]) -> None:
    assert curl(there[0], "--location-trusted", "-d", "body") == 0
    assert arrived(there) == ("POST", b"body", EVERYTHING)


def test_curl_cannot_repeat_a_body_from_a_pipe(there: tuple[str, Place]) -> None:
    assert curl(there[0], "-L", "-T", "-", "-H", "Expect:") == 65
    assert there[1].calls == []


def test_requests_drops_credentials(there: tuple[str, Place]) -> None:
    assert requests.post(there[0], data=b"body", headers=HEADERS, timeout=10).ok
    assert arrived(there) == ("POST", b"body", IDS)


def test_requests_takes_cookies_that_are_arguments_anywhere(there: tuple[str, Place]) -> None:
    assert requests.post(there[0], cookies={"a": "b"}, timeout=10).ok
    assert arrived(there) == ("POST", b"", {"Cookie"})


def test_requests_sends_nothing_more_of_a_generator(there: tuple[str, Place]) -> None:
    assert requests.post(there[0], data=iter([b"body"]), headers=HEADERS, timeout=10).ok
    assert arrived(there) == ("POST", b"", IDS)


def test_urllib_follows_get_only_and_repeats_credentials_anywhere(
    there: tuple[str, Place],
) -> None:
    post = urllib.request.Request(there[0], b"body", HEADERS)
    with pytest.raises(urllib.error.HTTPError, match="307") as failed:
        urllib.request.urlopen(post, timeout=10)
    failed.value.close()
    with urllib.request.urlopen(urllib.request.Request(there[0], None, HEADERS), timeout=10):
        assert arrived(there) == ("GET", b"", EVERYTHING)


@pytest.mark.parametrize("body", [lambda: b"body", lambda: io.BytesIO(b"body")])
def test_an_edge_session_repeats_everything_at_a_gateway_of_the_tree(
    there: tuple[str, Place], body: Callable[[], Any]
) -> None:
    home, _, path = there[0].partition("/function/")
    with EdgeSession(home, "s") as session:
        assert session.post(f"/function/{path}", data=body(), headers=HEADERS).ok
    assert arrived(there) == ("POST", b"body", EVERYTHING)
