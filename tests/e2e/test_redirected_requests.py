"""``curl -L`` through a redirect, or carried: not a byte of the request changes on its way."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from tests.e2e.curl import curl
from tests.e2e.world import World

QUERIES = [
    "?",
    "?a=1&b=2&a=3",
    "?b=2&a=1",
    "?a=&b&=c&&",
    "?plus=1+2&space=1%202&percent=%25",
    "?caf%C3%A9=%F0%9F%98%80",
    "?bytes=%FF%FE%00&lower=%c3%a9",
    "?a=b=c;d,e:f@g/h?i",
    "?%61=%2F%3f&quote='()*!$~-._",
    "?" + "long=x&" * 1000,
]
PATHS = [
    "",
    "/",
    "/a/b",
    "/a/b/",
    "/with%20space",
    "/caf%C3%A9/%F0%9F%98%80",
    "/a%3Fb%23c%25d%2541",
    "/bytes/%FF%FE",
    "/a+b/c;d=e,f/@:!$&'()*=~",
    "/" + "long/" * 500,
]


PLACES = {
    "edge-a": ("edge-a", "redirect", 0),
    "city": ("city", "redirect", 1),
    "cloud": ("cloud", "redirect", 1),
    "cloud by forwarding": ("cloud", "forward", 0),
}
"""Where the session is, how it is reached from edge-a, and by how many redirects."""


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest, world: World) -> tuple[str, str]:
    """Give the session ``mirrored ...``, and its place."""
    session, location = f"mirrored {secrets.token_hex(4)}", PLACES[request.param][0]
    world.add(session, "begin")
    if location == "city":
        world.offload(session)
    elif location == "cloud":
        with world.rejecting("city"):
            world.offload(session)
    return session, request.param


def seen(world: World, place: tuple[str, str], rest: str, *options: str | Path) -> Any:
    """Call ``mirror`` at ``edge-a``; give what it was called with."""
    session, (location, mode, redirects) = place[0], PLACES[place[1]]
    how = ["-H", f"X-session-redirect: {mode}"]
    answer = curl(world.url("edge-a", "mirror", rest), session, *how, *options)
    assert (answer.status, answer.redirects) == (200, redirects)
    document = answer.json()
    assert (document["location"], document["session"]) == (location, session)
    return document


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_is_kept_byte_for_byte(world: World, place: tuple[str, str], query: str) -> None:
    assert seen(world, place, query)["query"] == query[1:]


@pytest.mark.parametrize("path", PATHS)
def test_the_path_means_the_same(world: World, place: tuple[str, str], path: str) -> None:
    seen_path = seen(world, place, path)["path"]
    assert unquote_to_bytes(seen_path) == unquote_to_bytes(path or "/")


@pytest.mark.parametrize("size", [0, 1, 256, 100_000, 5_000_000])
def test_a_body_of_any_bytes_is_kept(
    world: World, place: tuple[str, str], tmp_path: Path, size: int
) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    (tmp_path / "file").write_bytes(content)
    options = ["-X", "POST", "--data-binary", f"@{tmp_path / 'file'}"]
    document = seen(world, place, "/p?q=1", *options)
    assert base64.b64decode(document["content"]) == content
    assert (document["method"], document["path"], document["query"]) == ("POST", "/p", "q=1")


def test_an_upload_by_put_in_chunks_is_kept(
    world: World, place: tuple[str, str], tmp_path: Path
) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    options = ["-T", str(tmp_path / "file"), "-H", "Transfer-Encoding: chunked"]
    document = seen(world, place, "/file", *options)
    assert (document["method"], base64.b64decode(document["content"])) == ("PUT", content)


def test_form_data_and_headers_are_kept(world: World, place: tuple[str, str]) -> None:
    options = ["-F", "field=value", "-H", "X-Custom: Grüße", "-H", "Accept-Language: de"]
    document = seen(world, place, "", *options)
    assert document["given"]["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="field"\r\n\r\nvalue\r\n' in base64.b64decode(document["content"])
    assert document["given"]["accept-language"] == "de"
    assert document["given"]["x-custom"].encode("latin-1").decode() == "Grüße"


QUEUED = {
    "by its name": ["-H", "User-Agent: openfaas-ce/nats-queue-worker"],
    "by its way": ["-H", "X-Start-Time: 1764276000000000000"],
}


@pytest.mark.parametrize("how", QUEUED)
def test_what_a_queue_worker_sends_is_carried(
    world: World, place: tuple[str, str], how: str
) -> None:
    """A POST with the headers and the body of the call that was put into the queue."""
    options = [*QUEUED[how], "-X", "POST", "--data-binary", "not lost"]
    session, (location, *_) = place[0], PLACES[place[1]]
    answer = curl(world.url("edge-a", "mirror", "/p?q=1"), session, *options)
    assert (answer.status, answer.redirects) == (200, 0)
    document = answer.json()
    assert base64.b64decode(document["content"]) == b"not lost"
    assert (document["location"], document["query"]) == (location, "q=1")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_kept(world: World, place: tuple[str, str], method: str) -> None:
    assert seen(world, place, "", "-X", method)["method"] == method
