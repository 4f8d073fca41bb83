"""A proxy breaks what it is told to break, and nothing else."""

from __future__ import annotations

import socket
import threading
from contextlib import closing, suppress

import pytest

from harness.waiting import until
from tests.faults.conftest import Echo
from tests.faults.links import Links
from tests.faults.proxy import Address, Proxy, Way

PATIENCE_S = 10
LARGE = bytes(range(256)) * 8192


@pytest.fixture
def address(links: Links, echo: Echo) -> Address:
    return links.open("echo", echo.listener.getsockname())


def connect(address: Address) -> socket.socket:
    return socket.create_connection(address, timeout=PATIENCE_S)


def received(connection: socket.socket, count: int) -> bytes:
    """Give what comes, up to ``count`` bytes or the connection's end."""
    found = b""
    while len(found) < count and (piece := connection.recv(count - len(found))):
        found += piece
    return found


def until_reset(connection: socket.socket) -> bytes:
    """Give what comes before the connection is reset."""
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        return found
    raise AssertionError("it ended without a reset")


def is_refused(address: Address) -> bool:
    """Tell whether a new connection is reset, which may be before its caller knows it is open."""
    try:
        with closing(connect(address)) as caller:
            return caller.recv(1) == b"never"
    except ConnectionResetError:
        return True


def is_silent(connection: socket.socket) -> bool:
    """Tell whether nothing comes for a while."""
    connection.settimeout(0.2)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b"never"
    except TimeoutError:
        return True
    finally:
        connection.settimeout(PATIENCE_S)


def sending(connection: socket.socket) -> threading.Thread:
    """Send a lot beside the test, as far as it is taken."""

    def send() -> None:
        with suppress(OSError):
            connection.sendall(LARGE)
            connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def test_what_nobody_disturbs_arrives_unchanged_to_its_end(address: Address, echo: Echo) -> None:
    with closing(connect(address)) as caller:
        sender = sending(caller)
        assert received(caller, len(LARGE) + 1) == LARGE
        sender.join()
    assert echo.ended.wait(PATIENCE_S)


def test_a_caller_that_is_gone_is_gone_for_the_target(
    links: Links, address: Address, echo: Echo
) -> None:
    with closing(connect(address)) as caller:
        caller.sendall(b"x")
        assert received(caller, 1) == b"x"
    assert echo.ended.wait(PATIENCE_S)
    until(lambda: links.tell("echo", lambda proxy: proxy.connections) == 0)


def test_without_a_target_connections_are_reset(links: Links) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert is_refused(links.open("nobody", unused.getsockname()))


def test_a_cut_resets_open_and_new_connections(links: Links, address: Address, echo: Echo) -> None:
    with closing(connect(address)) as before:
        before.sendall(b"x")
        assert received(before, 1) == b"x"
        links.tell("echo", Proxy.cut)
        assert until_reset(before) == b""
    assert echo.ended.wait(PATIENCE_S)
    assert is_refused(address)
    links.tell("echo", Proxy.mend)
    with closing(connect(address)) as after:
        after.sendall(b"y")
        assert received(after, 1) == b"y"


def test_stalled_answers_come_late(links: Links, address: Address, echo: Echo) -> None:
    links.tell("echo", lambda proxy: proxy.stall(Way.ANSWERS))
    with closing(connect(address)) as caller:
        caller.sendall(b"late")
        until(lambda: echo.got == b"late")
        assert is_silent(caller)
        links.tell("echo", Proxy.mend)
        assert received(caller, 4) == b"late"


def test_stalled_requests_arrive_though_their_caller_is_gone(
    links: Links, address: Address, echo: Echo
) -> None:
    links.tell("echo", lambda proxy: proxy.stall(Way.REQUESTS))
    with closing(connect(address)) as caller:
        caller.sendall(b"late")
        assert is_silent(caller)
    assert echo.got == b""
    links.tell("echo", Proxy.mend)
    until(lambda: echo.got == b"late")


@pytest.mark.parametrize("after", [0, 3, 1000, 700_000])
def test_an_answer_is_reset_in_the_middle(links: Links, address: Address, after: int) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.ANSWERS, after))
    with closing(connect(address)) as caller:
        sending(caller)
        found = until_reset(caller)
    # a reset overtakes what is still under way
    assert found == LARGE[:after] or (after > 65536 and LARGE[:after].startswith(found))


def test_a_request_is_reset_in_the_middle_of_one_connection(
    links: Links, address: Address, echo: Echo
) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.REQUESTS, 4))
    with closing(connect(address)) as first, closing(connect(address)) as second:
        first.sendall(b"a request")
        assert echo.ended.wait(PATIENCE_S)
        assert echo.got == b"a re"
        until(lambda: links.tell("echo", lambda proxy: proxy.connections) == 1)
        second.sendall(b"ab")
        assert received(second, 2) == b"ab"
