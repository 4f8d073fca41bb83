"""What a handler sees of a request, and what a caller sees of its answer."""

from __future__ import annotations

import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from tests.integration.template.conftest import Starter
from tests.integration.template.process import FunctionProcess

ECHO = """
def handle(event, context):
    return {"body": {
        "method": event.method,
        "path": event.path,
        "query": event.query.to_dict(),
        "thing": event.headers.get("x-thing"),
        "body": list(event.body),
        "hostname": context.hostname,
    }}
"""

ANSWERS = {
    "nothing": "None",
    "text": "'caf\\u00e9'",
    "octets": "bytes(range(256))",
    "list": "[1, 'two', None]",
    "document": "{'products': []}",
    "headers alone": "{'headers': {'X-Kind': 'data'}}",
    "more than an envelope": "{'body': 'b', 'headers': {'X-Kind': 'data'}, 'id': 1}",
    "pair with headers": "('made', {'X-Kind': 'made'})",
    "stream": "flask.Response(iter(['a', 'b']), 200, {'X-Kind': 'bits'})",
    "no status": "('x', 0)",
    "header of the connection": "('x', 200, {'Connection': 'keep-alive'})",
    "envelope": "{'statusCode': 201, 'body': {'a': 1}, 'headers': {'X-Kind': 'made'}}",
    "status alone": "{'statusCode': 204}",
    "status as text": "{'statusCode': '202', 'body': None}",
    "octets in envelope": "{'body': b'\\x00\\xff', 'headers': {'Content-Type': 'image/png'}}",
    "list in envelope": "{'body': [1]}",
    "number in envelope": "{'body': 1.5}",
    "pair": "('made', 201)",
    "triple": "(b'\\x00', 203, [('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')])",
    "triple of nothing": "(None, 202, {'X-Kind': 'none'})",
    "flask": "flask.Response('there', 410)",
    "abort": "flask.abort(418, 'short and stout')",
    "error": "1 / 0",
    "object": "object()",
    "exit": "exit(3)",
}

GALLERY = f"""
import flask
def handle(event, context):
    return eval({ANSWERS!r}[event.query["answer"]])
"""


@pytest.fixture(scope="module")
def echo(serving: Starter) -> FunctionProcess:
    return serving(ECHO, HOSTNAME="pod-7", EDGE_MAX_BODY="1000000")


@pytest.fixture(scope="module")
def gallery(serving: Starter) -> FunctionProcess:
    return serving(GALLERY)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_reaches_the_handler(echo: FunctionProcess, method: str) -> None:
    assert echo.call("/", method).json()["method"] == method


def test_the_event_has_path_query_headers_and_body_as_they_were_sent(echo: FunctionProcess) -> None:
    answer = echo.call(
        "/a%20b/caf%C3%A9?x=1&y=%2F+&x=2", "PUT", data=bytes(range(256)), headers={"X-Thing": "T"}
    )
    assert answer.json() == {
        "method": "PUT",
        "path": "/a b/café",
        "query": {"x": "1", "y": "/ "},
        "thing": "T",
        "body": list(range(256)),
        "hostname": "pod-7",
    }


def test_slashes_are_not_merged_and_nothing_is_redirected(echo: FunctionProcess) -> None:
    connection = http.client.HTTPConnection(urlsplit(echo.url).netloc)
    connection.request("POST", "//a//b/", b"kept")
    document = json.load(connection.getresponse())
    connection.close()
    assert document["path"] == "/a//b/"
    assert bytes(document["body"]) == b"kept"


def test_a_chunked_body_arrives_whole(echo: FunctionProcess) -> None:
    assert bytes(echo.call(method="POST", data=iter([b"ab", b"cd"])).json()["body"]) == b"abcd"


def test_a_form_is_a_body_like_any_other(echo: FunctionProcess) -> None:
    assert bytes(echo.call(method="POST", data={"a": "1"}).json()["body"]) == b"a=1"


@pytest.mark.parametrize(
    ("answer", "status", "content_type", "body"),
    [
        ("nothing", 200, "text/html; charset=utf-8", b""),
        ("text", 200, "text/html; charset=utf-8", "café".encode()),
        ("octets", 200, "application/octet-stream", bytes(range(256))),
        ("list", 200, "application/json", b'[1,"two",null]\n'),
        ("document", 200, "application/json", b'{"products":[]}\n'),
        ("headers alone", 200, "application/json", b'{"headers":{"X-Kind":"data"}}\n'),
        (
            "more than an envelope",
            200,
            "application/json",
            b'{"body":"b","headers":{"X-Kind":"data"},"id":1}\n',
        ),
        ("pair with headers", 200, "text/html; charset=utf-8", b"made"),
        ("stream", 200, "text/html; charset=utf-8", b"ab"),
        ("envelope", 201, "application/json", b'{"a":1}\n'),
        ("status as text", 202, "text/html; charset=utf-8", b""),
        ("octets in envelope", 200, "image/png", b"\x00\xff"),
        ("list in envelope", 200, "application/json", b"[1]\n"),
        ("number in envelope", 200, "application/json", b"1.5\n"),
        ("pair", 201, "text/html; charset=utf-8", b"made"),
        ("triple", 203, "application/octet-stream", b"\x00"),
        ("triple of nothing", 202, "text/html; charset=utf-8", b""),
        ("flask", 410, "text/html; charset=utf-8", b"there"),
    ],
)
def test_what_a_handler_returns_is_what_is_sent(
    gallery: FunctionProcess, answer: str, status: int, content_type: str, body: bytes
) -> None:
    sent = gallery.call(f"/?answer={answer}")
    assert (sent.status_code, sent.headers["Content-Type"]) == (status, content_type)
    assert sent.content == body


def test_a_status_without_content_has_no_body(gallery: FunctionProcess) -> None:
    sent = gallery.call("/?answer=status alone")
    assert (sent.status_code, sent.content) == (204, b"")


def test_headers_are_sent_and_repeated_ones_all_of_them(gallery: FunctionProcess) -> None:
    assert gallery.call("/?answer=envelope").headers["X-Kind"] == "made"
    assert gallery.call("/?answer=triple of nothing").headers["X-Kind"] == "none"
    cookies = gallery.call("/?answer=triple").raw.headers.getlist("Set-Cookie")
    assert cookies == ["a=1", "b=2"]


def test_head_reaches_the_handler_and_answers_without_a_body(gallery: FunctionProcess) -> None:
    sent = gallery.call("/?answer=octets", "HEAD")
    assert (sent.status_code, sent.content) == (200, b"")
    assert sent.headers["Content-Length"] == "256"


def test_redirects_pass_unchanged(serving: Starter) -> None:
    source = "def handle(e, c): return b'', 307, [('Location', 'http://up/function/f?a=%2F')]"
    sent = serving(source).call(method="POST", data="x")
    assert (sent.status_code, sent.headers["Location"]) == (307, "http://up/function/f?a=%2F")


@pytest.mark.parametrize(
    "answer", ["error", "object", "exit", "no status", "header of the connection"]
)
def test_a_failed_handler_is_a_problem_and_only_the_log_has_the_trace(
    gallery: FunctionProcess, answer: str
) -> None:
    sent = gallery.call(f"/?answer={answer}")
    assert_problem(sent, 500)
    assert "Traceback" not in sent.text
    assert "Error" not in sent.json()["detail"]
    record = gallery.logged("Traceback")
    assert (record["level"], record["message"]) == ("ERROR", "the handler failed: GET /")


def test_flask_abort_is_a_problem_with_its_status_and_text(gallery: FunctionProcess) -> None:
    sent = gallery.call("/?answer=abort")
    assert_problem(sent, 418)
    assert sent.json()["detail"] == "short and stout"


def test_a_body_of_exactly_the_limit_is_taken(echo: FunctionProcess) -> None:
    assert len(echo.call(method="POST", data=b"x" * 1_000_000).json()["body"]) == 1_000_000


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(echo: FunctionProcess, chunked: bool) -> None:
    body = b"x" * 1_000_001
    sent = echo.call(method="POST", data=iter([body]) if chunked else body)
    assert_problem(sent, 413)
    assert sent.json()["detail"] == "the body is over 1000000 bytes"


def test_a_page_of_another_origin_can_read_that_its_body_is_too_large(serving: Starter) -> None:
    shop = "https://shop.example.com"
    limited = serving(ECHO, EDGE_MAX_BODY="10", EDGE_CORS_ORIGINS=shop)
    sent = limited.call(method="POST", data=b"x" * 11, headers={"Origin": shop})
    assert_problem(sent, 413)
    assert sent.headers["Access-Control-Allow-Origin"] == shop


def test_bodies_of_64_mebibytes_go_in_and_out_unharmed(serving: Starter) -> None:
    body = os.urandom(64 * 2**20)
    sent = serving("def handle(event, context): return event.body").call(method="POST", data=body)
    assert sent.content == body


def test_a_malformed_request_is_a_problem(echo: FunctionProcess) -> None:
    connection = http.client.HTTPConnection(urlsplit(echo.url).netloc)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", "many")
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert json.load(answer)["status"] == 400
    connection.close()


def test_sixteen_calls_run_at_once(serving: Starter) -> None:
    source = (
        "import threading\n"
        "meeting = threading.Barrier(16)\n"
        "def handle(event, context): return str(meeting.wait(15))"
    )
    answers = together(serving(source), 16)
    assert sorted(int(answer.text) for answer in answers) == list(range(16))


def test_the_environment_says_how_many_calls_run_at_once(serving: Starter) -> None:
    source = (
        "import threading\n"
        "here = threading.Semaphore(2)\n"
        "def handle(event, context):\n"
        "    alone = here.acquire(blocking=False)\n"
        "    threading.Event().wait(0.05)\n"
        "    here.release() if alone else None\n"
        "    return str(alone)"
    )
    assert {a.text for a in together(serving(source, EDGE_THREADS="2"), 6)} == {"True"}


def together(process: FunctionProcess, count: int) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: process.call(), range(count)))


def assert_problem(sent: requests.Response, status: int) -> None:
    assert sent.status_code == status
    assert sent.headers["Content-Type"] == "application/problem+json"
    assert sent.json().keys() == {"type", "title", "status", "detail"}
    assert sent.json()["status"] == status
