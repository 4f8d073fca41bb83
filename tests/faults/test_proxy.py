"""A proxy breaks what it is told to break, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.waiting import until
from tests.faults.links import Links
from tests.faults.proxy import Address, Proxy, Way

PATIENCE_S = 10
LARGE = bytes(range(256)) * 8192


@pytest.fixture
def links() -> Iterator[Links]:
    with Links() as opened:
        yield opened


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self) -> None:
        self.got = b""
        self.ended = threading.Event()
        """A connection is over, however it ended."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            while piece := connection.recv(65536):
                self.got += piece
                connection.sendall(piece)
        except OSError:
            pass
        finally:
            connection.close()
            self.ended.set()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


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


def is_reset(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b"never"
    except ConnectionResetError:
        return True


def is_refused(address: Address) -> bool:
    """Tell whether a new connection is reset, which may be before its caller knows it is open."""
    try:
        with closing(connect(address)) as caller:
            return is_reset(caller)
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


def test_what_nobody_disturbs_arrives_unchanged(address: Address) -> None:
    with closing(connect(address)) as caller:
        sender = threading.Thread(target=caller.sendall, args=(LARGE,))
        sender.start()
        assert received(caller, len(LARGE)) == LARGE
        sender.join()


def test_the_end_is_passed_on_in_both_directions(address: Address, echo: Echo) -> None:
    with closing(connect(address)) as caller:
        caller.sendall(b"last words")
        caller.shutdown(socket.SHUT_WR)
        assert received(caller, 100) == b"last words"
        assert caller.recv(1) == b""
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
        address = links.open("nobody", unused.getsockname())
        assert is_refused(address)


def test_a_cut_resets_open_and_new_connections(links: Links, address: Address, echo: Echo) -> None:
    with closing(connect(address)) as before:
        before.sendall(b"x")
        assert received(before, 1) == b"x"
        links.tell("echo", Proxy.cut)
        assert is_reset(before)
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


@pytest.mark.parametrize("after", [0, 3, 1000])
def test_an_answer_is_reset_in_the_middle(links: Links, address: Address, after: int) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.ANSWERS, after))
    with closing(connect(address)) as caller:
        threading.Thread(target=_send, args=(caller, LARGE), daemon=True).start()
        assert received_until_reset(caller) == LARGE[:after]


def test_no_more_of_a_large_answer_comes_than_was_asked_for(links: Links, address: Address) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.ANSWERS, 700_000))
    with closing(connect(address)) as caller:
        threading.Thread(target=_send, args=(caller, LARGE), daemon=True).start()
        found = received_until_reset(caller)  # a reset overtakes what is still under way
    assert LARGE.startswith(found)
    assert len(found) <= 700_000


def test_a_request_is_reset_in_the_middle(links: Links, address: Address, echo: Echo) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.REQUESTS, 4))
    with closing(connect(address)) as caller:
        caller.sendall(b"a request")
        assert echo.ended.wait(PATIENCE_S)
        assert echo.got == b"a re"
        until(lambda: links.tell("echo", lambda proxy: proxy.connections) == 0)


def test_only_one_connection_is_reset(links: Links, address: Address) -> None:
    links.tell("echo", lambda proxy: proxy.reset(Way.ANSWERS, 1))
    with closing(connect(address)) as first, closing(connect(address)) as second:
        first.sendall(b"ab")
        assert received_until_reset(first) == b"a"
        second.sendall(b"ab")
        assert received(second, 2) == b"ab"


def received_until_reset(connection: socket.socket) -> bytes:
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        return found
    raise AssertionError("it ended without a reset")


def _send(connection: socket.socket, content: bytes) -> None:
    try:
        connection.sendall(content)
    except OSError:
        return
