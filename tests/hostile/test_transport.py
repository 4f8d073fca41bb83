"""A gateway may answer whatever it likes: the transport gives an answer, or says there is none."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from pathlib import Path

import pytest

from edgedb.errors import PeerUnavailable
from edgedb.peers import transport
from edgedb.peers.transport import HttpTransport, PeerRequest, PeerResponse
from tests.hostile.answers import endless, gateway, saying

OK = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "nothing": b"",
    "no-http": b"hello\r\n\r\n",
    "no-status": b"HTTP/1.1 abc\r\n\r\n",
    "broken-off": OK + b"Content-Length: 10\r\n\r\nabc",
    "broken-off-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "no-chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "long-header": OK + b"X: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "many-headers": OK + b"X: x\r\n" * 10_000 + b"\r\n",
    "no-gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
}


def sent(url: str, timeout: float = 10, answer_limit: int = 2**25) -> PeerResponse:
    """Make a call to a gateway."""
    return HttpTransport(answer_limit).send(PeerRequest("GET", "city", url, "oracle"), timeout)


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_http_is_no_answer(answer: bytes) -> None:
    with gateway(saying(answer)) as url:
        try:
            response = sent(url)
        except PeerUnavailable:
            return
    assert response.body == b"abc"  # what claims to be packed is not unpacked


def test_a_redirect_is_not_followed() -> None:
    with gateway(saying(OK + b"Content-Length: 5\r\n\r\ntaken")) as elsewhere:
        there = f"HTTP/1.1 307 T\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n".encode()
        with gateway(saying(there)) as url:
            assert sent(url) == PeerResponse(307, b"", "")


def test_an_answer_is_not_unpacked() -> None:
    packed = gzip.compress(bytes(10_000_000))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with gateway(saying(head + packed)) as url:
        assert len(sent(url).body) == len(packed)


ENDLESS = {
    "to-the-end": (OK + b"\r\n", b"x"),
    "of-a-length": (OK + b"Content-Length: 99999999999\r\n\r\n", b"x"),
    "in-chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
}
endless_answers = pytest.mark.parametrize(("head", "part"), ENDLESS.values(), ids=ENDLESS.keys())


@endless_answers
def test_an_answer_without_end_is_given_up_when_it_is_too_long(head: bytes, part: bytes) -> None:
    stop = threading.Event()
    with gateway(endless(head, part * 1000, stop)) as url:
        with pytest.raises(PeerUnavailable, match="file size"):
            sent(url, answer_limit=100_000)
        stop.set()


@endless_answers
def test_an_answer_that_only_drips_is_given_up_in_time(head: bytes, part: bytes) -> None:
    stop = threading.Event()
    with gateway(endless(head, part, stop, pause_s=0.02)) as url:
        with pytest.raises(PeerUnavailable):
            sent(url, timeout=0.2)
        stop.set()


class Calls:
    """A gateway's script: how many calls each connection brought, the last one unanswered."""

    def __init__(self, answered: int) -> None:
        self._answered = answered
        self.seen = list[int]()

    def __call__(self, connection: socket.socket) -> None:
        self.seen.append(1)
        for _ in range(self._answered):
            connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")
            if not connection.recv(65536):
                return
            self.seen[-1] += 1


def called(url: str, times: int, *, is_last_repeatable: bool = True) -> None:
    """Make some calls, one after the other, with one transport."""
    kept = HttpTransport(2**25)
    for left in reversed(range(times)):
        is_repeatable = left > 0 or is_last_repeatable
        request = PeerRequest("POST", "city", url, "oracle", "", {}, b"{}", is_repeatable)
        assert kept.send(request, 10) == PeerResponse(200, b"{}", "")


def test_connections_are_kept_and_used_again() -> None:
    calls = Calls(answered=9)
    with gateway(calls) as url:
        called(url, 3)
    assert calls.seen == [3]


def test_a_kept_connection_that_is_closed_under_a_call_costs_no_answer() -> None:
    """A gateway closes a connection when it has been idle; the call may be under way already."""
    calls = Calls(answered=2)
    with gateway(calls) as url:
        called(url, 3)
    assert calls.seen[0] == 3
    assert len(calls.seen) == 2


def test_a_call_that_a_new_connection_does_not_answer_is_not_repeated() -> None:
    calls = Calls(answered=0)
    with gateway(calls) as url, pytest.raises(PeerUnavailable):
        called(url, 1)
    assert calls.seen == [1]


def test_what_must_not_be_repeated_goes_over_a_kept_connection_too() -> None:
    calls = Calls(answered=9)
    with gateway(calls) as url:
        called(url, 3, is_last_repeatable=False)
    assert calls.seen == [3]


def test_what_must_not_be_repeated_is_not_sent_again_when_that_is_closed() -> None:
    """Whether or not it has arrived."""
    calls = Calls(answered=2)
    with gateway(calls) as url, pytest.raises(PeerUnavailable) as caught:
        called(url, 3, is_last_repeatable=False)
    assert caught.value.is_sent
    assert calls.seen == [3]


@pytest.mark.parametrize(
    "answer", [b"Content-Type: t\xff\xe9\r\nContent-Length: 2\r\n\r\n{}", b"x" * 1_000_000]
)
def test_a_head_that_cannot_be_read_is_no_answer(answer: bytes) -> None:
    with gateway(saying(OK + answer)) as url, pytest.raises(PeerUnavailable, match=r"answer: .+"):
        sent(url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/hostname?",
        "ftp://127.0.0.1:1",
        "http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher",
    ],
)
def test_only_gateways_of_http_are_called(url: str) -> None:
    with pytest.raises(PeerUnavailable):
        sent(url)


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b""), ("POST", b"{}")])
def test_a_call_says_what_it_is_and_no_more(method: str, body: bytes) -> None:
    """Nothing of what libcurl would add by itself: no form, no Expect, no proxy."""
    heard = list[bytes]()

    def listen(connection: socket.socket) -> None:
        connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

    with gateway(listen, heard.append) as url:
        request = PeerRequest(method, "city", url, "oracle", "a=1+2", {"X-a": "b"}, body)
        HttpTransport(1000).send(request, 10)
    head, _, sent_body = heard[0].partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert first == f"{method} /function/oracle?a=1+2 HTTP/1.1"
    expected = {"Host", "Accept", "User-Agent", "Accept-Encoding", "X-a"}
    expected |= {"Content-Length"} if method == "POST" else set()
    expected |= {"Content-Type"} if body else set()
    assert {line.partition(":")[0] for line in lines} == expected
    assert sent_body == body


CERTIFICATES = Path(__file__).parent / "tls"  # of 127.0.0.1, by an authority of its own


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "gateway.pem")
    return context


def test_a_gateway_behind_tls_is_called(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATES / "authority.pem"))
    with gateway(saying(OK + b"Content-Length: 2\r\n\r\n{}"), tls=tls) as url:
        assert url.startswith("https:")
        assert sent(url).body == b"{}"


def test_a_gateway_whose_certificate_nobody_vouches_for_is_not_called(tls: ssl.SSLContext) -> None:
    heard = list[bytes]()
    with (
        gateway(saying(OK + b"Content-Length: 2\r\n\r\n{}"), heard.append, tls=tls) as url,
        pytest.raises(PeerUnavailable, match="certificate"),
    ):
        sent(url)
    assert not any(heard)


def carried(url: str, method: str = "POST", body: bytes = b"", **headers: str) -> PeerRequest:
    """Give a client's call that is carried, with no more headers than these."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return PeerRequest(method, "city", url, "f/p", "", names, body, False, True)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [b"", bytes(range(256))])
def test_a_clients_call_is_carried_as_it_is(method: str, body: bytes) -> None:
    heard = list[bytes]()
    said = {"Authorization": "Basic dTpw", "X_Name": "gr\u00fc\u00dfe \xc3\xa9", "X_Empty": ""}
    with gateway(saying(OK + b"Content-Length: 2\r\n\r\n{}"), heard.append) as url:
        response = HttpTransport(1000).send(carried(url, method, body, **said), 10)
    assert (response.status, response.body) == (200, b"{}")
    head, _, sent_body = heard[0].partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == f"{method} /function/f/p HTTP/1.1".encode()
    length = [b"Content-Length: %d" % len(body)] if body or method == "POST" else []
    names = [b"Authorization: Basic dTpw", "X-Name: grüße \xc3\xa9".encode("latin-1"), b"X-Empty:"]
    assert sorted(lines[1:]) == sorted(names + length)
    assert sent_body == body


def test_all_headers_of_an_answer_come_back_repeated_ones_too() -> None:
    head = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
    head += b"Set-Cookie: a=1; Path=/\r\nset-cookie: b=\xe9\r\nContent-Length: 3\r\n\r\n"
    with gateway(saying(head + b"\x00\xff!")) as url:
        response = HttpTransport(1000).send(carried(url), 10)
    cookies = (("Set-Cookie", "a=1; Path=/"), ("set-cookie", "b=\xe9"))
    assert response.headers == (*cookies, ("Content-Length", "3"))
    assert response.body == b"\x00\xff!"


def test_a_head_call_ends_with_its_head() -> None:
    with gateway(saying(OK + b"Content-Length: 7\r\n\r\n")) as url:
        response = HttpTransport(1000).send(carried(url, "HEAD"), 10)
    assert (response.body, response.header("content-length")) == (b"", "7")


def test_a_carried_answer_may_be_longer_than_a_nodes_and_has_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "CARRIED_LIMIT", 5000)
    for length in (5000, 5001):
        head = OK + b"Content-Length: %d\r\n\r\n" % length
        with gateway(saying(head + bytes(length))) as url:
            if length == 5000:
                assert len(HttpTransport(10).send(carried(url), 10).body) == 5000
            else:
                with pytest.raises(PeerUnavailable, match="file size") as raised:
                    HttpTransport(10).send(carried(url), 10)
                assert raised.value.is_sent


def test_a_call_that_found_nobody_is_known_to_have_done_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://nobody.invalid", "ftp://127.0.0.1"):
        with pytest.raises(PeerUnavailable) as raised:
            sent(url)
        assert not raised.value.is_sent, url


def test_a_call_that_nobody_answered_may_have_done_something() -> None:
    with gateway(saying(b"")) as url, pytest.raises(PeerUnavailable) as raised:
        sent(url)
    assert raised.value.is_sent
