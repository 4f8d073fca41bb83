"""Whatever a handler answers: the client sees just that and the writes are in, or neither.

``make answers`` does this five thousand times; the suite does it some hundred times.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import given

import edgedb
from tests.answers.generated import Given, Meant, answers
from tests.answers.through_http import Client, Seen, served
from tests.support.tree import Tree

EXAMPLES = int(os.environ.get("EDGE_ANSWERS", "300"))
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="EDGE_ANSWERS" not in os.environ,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Answering(edgedb.Offloadable):
    """Writes the number it is given, and answers what the test says."""

    answer: Callable[[], Any]
    runs = 0

    def handle_offload(self, request: edgedb.Request) -> Any:
        self.runs += 1
        edgedb.set("number", request.query["number"])
        return self.answer()


class Failures(logging.Handler):
    """Counts what the log says of handlers that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give the lines that the log has; nobody formats the thousands of traces."""
    log, handler = logging.getLogger("edgedb.serving"), Failures()
    monkeypatch.setattr(log, "propagate", False)
    log.addHandler(handler)
    yield handler.lines
    log.removeHandler(handler)


@pytest.mark.timeout(60 + EXAMPLES // 10)
def test_a_client_sees_the_answer_and_the_writes_are_in_or_neither(
    tree: Tree, failures: list[str]
) -> None:
    function = tree.functions["answering"] = Answering()
    numbers = iter(range(10 * EXAMPLES + 1000))

    with served(tree, "edge-a") as port:
        client = Client(port)

        @SETTINGS
        @given(answers)
        def check(answer: Given) -> None:
            function.answer, function.runs, number = answer.make, 0, f"number {next(numbers)}"
            failures.clear()
            target = f"/function/answering?number={number.replace(' ', '%20')}"
            headers = {"X_session": "s", "Idempotency_Key": number}
            first, repeat = (client.call(target, "POST", **headers) for _ in range(2))
            is_written = _written(tree) == number
            if answer.meant is None:
                _check_refusal(first)
                assert (is_written, function.runs, len(failures)) == (False, 2, 2)
            else:
                _check(first, answer.meant)
                assert (is_written, function.runs, failures) == (True, 1, [])
            assert _without_date(repeat) == _without_date(first)

        check()
        client.close()
    assert next(numbers) >= EXAMPLES


def _written(tree: Tree) -> str:
    stored = tree.clients["edge-a"].hget("edge:{s}:scalars", "number")
    return "" if stored is None else bytes(stored)[1:].decode()  # type: ignore[arg-type]


def _check(seen: Seen, meant: Meant) -> None:
    of_servers = {"date", "server", "content-length", "connection", "x-session-home"}
    headers = sorted(pair for pair in seen.headers if pair[0] not in of_servers)
    assert (seen.status, headers) == (meant.status, list(meant.headers))
    if meant.is_json:
        assert json.loads(seen.body) == json.loads(meant.content)
    else:
        assert seen.body == meant.content


def _check_refusal(seen: Seen) -> None:
    assert (seen.status, seen.values("content-type")) == (500, ["application/problem+json"])
    assert json.loads(seen.body)["type"].startswith("urn:edgedb:problem:")


def _without_date(seen: Seen) -> Seen:
    kept = tuple(pair for pair in seen.headers if pair[0] != "date")
    return Seen(seen.status, kept, seen.body)
