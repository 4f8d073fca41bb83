"""EdgeSession over real connections that break, hang and lead elsewhere."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from edgedb.client import EdgeSession
from tests.support.places import Call, Place, Start, done, places, to


def hung_up(call: Call) -> None:
    """Lose the answer, though the function ran."""
    call.connection.shutdown(socket.SHUT_RDWR)
    call.close_connection = True


def cut_off(call: Call) -> None:
    """End the answer in the middle."""
    call.answer(200, b"do", **{"Content-Length": "4"})
    hung_up(call)


def cut_off_in_a_chunk(call: Call) -> None:
    call.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndo")
    hung_up(call)


@pytest.fixture
def place() -> Iterator[Start]:
    with places() as start:
        yield start


@pytest.fixture
def session_of() -> Iterator[Callable[..., EdgeSession]]:
    sessions: list[EdgeSession] = []

    def open_at(home: Place, **options: Any) -> EdgeSession:
        sessions.append(EdgeSession(home.url, "größe", **options))
        return sessions[-1]

    yield open_at
    for session in sessions:
        session.close()


@pytest.mark.parametrize("loss", [hung_up, cut_off, cut_off_in_a_chunk])
def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    place: Any, session_of: Any, loss: Callable[[Call], None]
) -> None:
    home = place(loss, done)
    assert session_of(home).post("/function/cart", data=b"\x00").text == "done"
    assert [call.body for call in home.calls] == [b"\x00", b"\x00"]
    assert home.keys[0] == home.keys[1]


def test_a_kept_connection_that_was_closed_meanwhile_is_no_failure(
    place: Any, session_of: Any
) -> None:
    def done_and_closed(call: Call) -> None:
        done(call)
        hung_up(call)

    home = place(done_and_closed)
    session = session_of(home)
    for _ in range(3):
        assert session.post("/function/cart").text == "done"
    assert len(set(home.keys)) == 3


def test_an_answer_that_does_not_come_in_time_is_asked_for_again(
    place: Any, session_of: Any
) -> None:
    over = threading.Event()
    home = place(lambda _: over.wait(10), done)
    assert session_of(home, timeout=0.2).post("/function/cart").text == "done"
    over.set()
    assert home.keys[0] == home.keys[1]


def test_a_large_body_follows_the_session_to_another_port_whole(
    place: Any, session_of: Any
) -> None:
    content = os.urandom(3 * 2**20)
    up = place(lambda call: call.answer(200, call.body))
    home = place(to(up))
    answer = session_of(home).put(
        "/function/cdn-upload/a%20b?x=%2F", data=content, auth=("me", "secret")
    )
    assert answer.content == content
    (call,) = up.calls
    assert call.path == "/function/cdn-upload/a%20b?x=%2F"
    assert call.headers["X-session"].encode("latin-1").decode() == "größe"
    assert call.headers["Authorization"] == home.calls[0].headers["Authorization"]


def test_a_file_follows_the_session_whole(place: Any, session_of: Any, tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(2**20))
    up = place(hung_up, lambda call: call.answer(200, call.body))
    home = place(to(up))
    with path.open("rb") as file:
        answer = session_of(home).put("/function/cdn-upload/f", data=file)
    assert answer.content == path.read_bytes()


def test_when_the_remembered_place_is_gone_home_knows_where_the_session_is(
    place: Any, session_of: Any
) -> None:
    first, second = place(done), place(done)
    home = place(to(first))
    session = session_of(home)
    session.post("/function/cart")
    assert session.gateway_of("cart") == first.url
    home.reactions[:] = [to(second)]
    first.stop()
    session.close()  # drops the kept connection; the next call opens a new one
    assert session.post("/function/cart").text == "done"
    assert session.gateway_of("cart") == second.url
    session.post("/function/cart")
    assert (len(home.calls), len(second.calls)) == (2, 2)


def test_a_cookie_of_any_place_is_one_of_the_session(place: Any, session_of: Any) -> None:
    there = place(lambda call: call.answer(200, Set_Cookie="login=yes"), host="127.0.0.2")
    home = place(to(there))
    session = session_of(home)
    session.post("/function/login")
    home.reactions[:] = [done]
    session.post("/function/cart")
    assert home.calls[-1].headers["Cookie"] == "login=yes"


def test_attempts_end(place: Any, session_of: Any) -> None:
    home = place(hung_up)
    with pytest.raises(requests.ConnectionError):
        session_of(home, attempts=3).post("/function/cart")
    assert len(home.calls) == 3
    assert len(set(home.keys)) == 1


def test_a_streamed_answer_can_be_read_after_a_repeat(place: Any, session_of: Any) -> None:
    home = place(lambda call: call.answer(502), done)
    with session_of(home).get("/function/cart", stream=True) as answer:
        assert b"".join(answer.iter_content(2)) == b"done"
