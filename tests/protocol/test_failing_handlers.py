"""A handler that fails leaves nothing behind, and the session is free at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import edgedb
from edgedb.oracle.tick import tick
from edgedb.response import Response
from edgedb.store.requests import Attempt, Run
from tests.protocol.test_requests import problem
from tests.support.dumps import dump
from tests.support.scripted import Scripted, ScriptedReader
from tests.support.tree import Tree


def deploy(tree: Tree, fail: Callable[[], Any]) -> Scripted:
    """Deploy a function that writes and propagates, and then fails."""

    def script(_: edgedb.Request) -> Any:
        edgedb.set("count", "100")
        edgedb.add_to_list("words", "never")
        edgedb.delete("last")
        edgedb.propagate("never", "cloud", "tally")
        return fail()

    tree.functions["failing"] = Scripted(script)
    return tree.functions["failing"]


def raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


FAILURES: dict[str, tuple[Callable[[], Any], int]] = {
    "an exception": (raising(RuntimeError("secret detail")), 500),
    "an exit": (raising(SystemExit(3)), 500),
    "a cancellation": (raising(asyncio.CancelledError()), 500),
    "an error of the library": (raising(edgedb.EdgeError("on purpose")), 500),
    "a value that is too large": (lambda: edgedb.set("count", b"x" * (64 * 2**20 + 1)), 413),
    "a value that utf-8 cannot carry": (lambda: edgedb.set("count", "\ud800"), 400),
    "propagating what utf-8 cannot carry": (lambda: edgedb.propagate("\ud800", "city", "f"), 400),
}
failures = pytest.mark.parametrize(("fail", "status"), FAILURES.values(), ids=FAILURES.keys())


@failures
@pytest.mark.parametrize("is_new", [False, True], ids=["known-session", "new-session"])
def test_a_handler_that_fails_changes_nothing_and_frees_the_session(
    tree: Tree, fail: Callable[[], Any], status: int, is_new: bool
) -> None:
    if not is_new:
        tree.write("edge-a", "one")
    deploy(tree, fail)
    before = dump(tree)
    response = tree.call("edge-a", "failing", headers={"Idempotency-Key": "k"})
    assert response.status == status, response.body
    assert problem(response)
    assert dump(tree) == before
    assert tree.write("edge-a", "two").status == 200
    for location in ("edge-a", "city"):
        tick(tree.node(location))
    assert tree.node("edge-a").store.residents.load().outbox == 0


MISUSES: dict[str, Callable[[], Any]] = {
    "a value of the wrong type": lambda: edgedb.set("count", 5),  # type: ignore[arg-type]
    "a key of the wrong type": lambda: edgedb.get(5),  # type: ignore[arg-type]
    "a level that is none": lambda: edgedb.propagate("x", "fog", "tally"),
    "propagating the wrong type": lambda: edgedb.propagate(5, "cloud", "f"),  # type: ignore[arg-type]
    "propagating to no function": lambda: edgedb.propagate("x", "cloud", 5),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES.keys())
def test_what_the_author_did_wrong_is_500_and_logged_with_its_trace(
    tree: Tree, caplog: pytest.LogCaptureFixture, misuse: Callable[[], Any]
) -> None:
    deploy(tree, misuse)
    before = dump(tree)
    response = tree.call("edge-a", "failing")
    assert (response.status, problem(response)) == (500, "InvalidValue")
    assert dump(tree) == before
    assert_logged(caplog, "InvalidValue: ")


def test_a_write_in_a_handler_that_only_reads_is_logged_with_its_trace(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    assert tree.call("edge-a", "reader", query="write").status == 500
    assert_logged(caplog, "ReadOnlySession: ")


def test_what_the_client_did_wrong_is_not_logged(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree.functions["strict"] = Scripted(lambda request: request.json())
    assert tree.call("edge-a", "strict", body=b"{").status == 400
    assert caplog.records == []


def assert_logged(caplog: pytest.LogCaptureFixture, part: str) -> None:
    """Check that one line was logged, with ``part`` in it and the trace behind it."""
    [record] = caplog.records
    assert (record.levelname, part in record.getMessage()) == ("ERROR", True), record.getMessage()
    assert record.exc_info is not None


UNSENDABLE: dict[str, tuple[Callable[[], Any], str]] = {
    "a header of the connection": (
        lambda: {"body": "ok", "headers": {"Connection": "keep-alive"}},
        "Connection",
    ),
    "a header of the transfer": (lambda: ("", 200, {"Transfer-Encoding": "chunked"}), "Transfer-"),
    "a header beyond Latin-1": (lambda: ("", 200, [("X-Price", "5 €")]), "X-Price"),
    "a header with a control character": (lambda: ("", 200, {"X-A": "a\x1b[m"}), "X-A"),
    "a header of two lines": (lambda: ("", 200, {"X-A": "a\r\nX-B: b"}), "X-A"),
    "a header without a name": (lambda: ("", 200, {"X A": "a"}), "'X A'"),
    "a header that is nothing": (lambda: ("", 200, {"X-A": None}), "X-A"),
    "a second length": (lambda: ("ok", 200, {"Content-Length": "7"}), "Content-Length"),
    "a header list of the wrong type": (
        lambda: Response(b"x", 200, "X-A"),  # type: ignore[arg-type]
        "'X-A'",
    ),
    "headers that are no pairs": (
        lambda: Response(b"x", 200, ("ab",)),  # type: ignore[arg-type]
        "'ab'",
    ),
    "too many headers": (lambda: ("", 200, [("X-A", "a")] * 65), "64 headers"),
    "too many headers together": (
        lambda: (Response(b"", 200, (("X-A", "a"),) * 40), 200, [("X-B", "b")] * 40),
        "64 headers",
    ),
    "headers that are too long": (lambda: ("", 200, {"X-A": "a" * 40_000}), "32768 bytes"),
    "a response without bytes": (lambda: Response("text"), "'text'"),  # type: ignore[arg-type]
    "no status": (lambda: {"statusCode": 0}, "0 is no status"),
    "a status that promises another answer": (lambda: ("", 101), "101 is no status"),
    "a status beyond the last": (lambda: ("", 600), "600 is no status"),
    "text that is no status": (lambda: ("", "fine"), "'fine' is no status"),
    "text that utf-8 cannot carry": (lambda: "\ud800", "surrogates"),
    "a number that JSON has not": (lambda: {"mean": float("nan")}, "NaN"),
    "a set": (lambda: {"tags": {"a"}}, "set is no answer: return a list"),
    "a generator": (lambda: (i for i in "ab"), "generator is no answer: return a list"),
    "a coroutine": (lambda: asyncio.sleep(0), "coroutine is no answer: a handler is a plain"),
    "an object": (object, "object is no answer: return None, text"),
}


@pytest.mark.filterwarnings("ignore:coroutine 'sleep' was never awaited")
@pytest.mark.parametrize(("answer", "named"), UNSENDABLE.values(), ids=UNSENDABLE.keys())
def test_an_answer_that_cannot_be_sent_is_refused_by_name_and_nothing_is_written(
    tree: Tree, caplog: pytest.LogCaptureFixture, answer: Callable[[], Any], named: str
) -> None:
    function = deploy(tree, answer)
    before = dump(tree)
    for runs in (1, 2):  # its repeat is no repeat: there was no answer
        caplog.clear()
        response = tree.call("edge-a", "failing", headers={"Idempotency-Key": "k"})
        assert (response.status, problem(response)) == (500, "HandlerFailed")
        assert (dump(tree), function.runs) == (before, runs)
        assert_logged(caplog, named)


def test_an_error_of_an_author_that_no_answer_can_carry_is_one_that_can(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(edgedb.EdgeError):
        retry_after = "soon\n"  # type: ignore[assignment]

    deploy(tree, raising(Odd("odd")))
    assert problem(tree.call("edge-a", "failing")) == "EdgeError"
    assert "Retry-After" in caplog.text


def test_the_answer_does_not_say_why_a_handler_failed(tree: Tree) -> None:
    deploy(tree, raising(RuntimeError("the password is hunter2")))
    response = tree.call("edge-a", "failing")
    assert problem(response) == "HandlerFailed"
    for secret in (b"hunter2", b"RuntimeError", b"Traceback", b".py"):
        assert secret not in response.body


def test_a_handler_sees_its_own_writes_and_nobody_else_does_before_the_end(tree: Tree) -> None:
    seen = list[Any]()

    def script(_: edgedb.Request) -> None:
        edgedb.set("count", "7")
        edgedb.add_to_list("words", "one")
        seen.append((edgedb.get("count"), edgedb.get_list("words")))
        seen.append(json.loads(tree.call("edge-a", "reader").body)["words"])

    tree.functions["f"] = Scripted(script)
    tree.write("edge-a", "zero")
    tree.call("edge-a", "f")
    assert seen == [("7", ["zero", "one"]), ["zero"]]
    assert tree.words("edge-a") == ["zero", "one"]


def test_outside_a_request_there_is_no_session() -> None:
    for use in (lambda: edgedb.get("x"), edgedb.location, lambda: edgedb.propagate("v", "l", "f")):
        with pytest.raises(edgedb.EdgeError, match="inside handle_offload"):
            use()


def take_over(tree: Tree) -> None:
    """Let the running request's lock run out, and another process take it."""
    tree.clock.advance(tree.node("edge-a").settings.lock_ttl)
    begun = tree.node("edge-a").store.requests.begin(Attempt("s", "other", "another process"))
    assert isinstance(begun, Run)


def move_away(tree: Tree) -> None:
    """Let the running request's lock run out, and the session move."""
    tree.clock.advance(tree.node("edge-a").settings.lock_ttl)
    tree.offload("edge-a")


@pytest.mark.parametrize("lose", [take_over, move_away])
@pytest.mark.parametrize("key", ["", "k"])
def test_a_request_that_lost_its_session_changes_nothing(
    tree: Tree, lose: Callable[[Tree], None], key: str
) -> None:
    tree.write("edge-a", "one")

    def script(_: edgedb.Request) -> None:
        edgedb.set("count", "100")
        lose(tree)

    tree.functions["slow"] = Scripted(script)
    response = tree.call("edge-a", "slow", headers={"Idempotency-Key": key})
    # with a key it is asked again what became of it: the session is busy, or elsewhere
    expected = 409 if not key else 503 if lose is take_over else 307
    assert response.status == expected
    tree.clock.advance(tree.node("edge-a").settings.lock_ttl)
    assert json.loads(tree.follow("edge-a", "reader")[1].body)["count"] == 1


def test_a_reader_cannot_hide_that_it_read_too_late(tree: Tree) -> None:
    tree.write("edge-a", "one", body=b"x" * 20_000)

    def careless(_: edgedb.Request) -> str:
        if reader.runs == 1:
            tree.write("edge-a", "two")
        try:
            return f"count {edgedb.get('count')!s}"
        except edgedb.EdgeError:
            return "never mind"

    reader = ScriptedReader(careless)
    tree.functions["careless"] = reader
    assert tree.call("edge-a", "careless").body == b"count 2"
    assert reader.runs == 2


def test_the_lock_of_a_long_request_is_kept(make_tree: Callable[..., Tree]) -> None:
    tree = make_tree(settings={"lock_ttl": 0.03})
    tree.write("edge-a", "one")
    client = tree.clients["edge-a"]

    def renewed() -> bool:
        until = int(client.hget("edge:{s}:meta", "lock_until") or 0)
        return until == tree.clock.now_ms + 30

    def script(_: edgedb.Request) -> None:
        for _ in range(4):
            tree.clock.advance(0.02)
            while not renewed():
                time.sleep(0.001)
        edgedb.set("last", "kept")

    tree.functions["long"] = Scripted(script)
    assert tree.call("edge-a", "long").status == 200
