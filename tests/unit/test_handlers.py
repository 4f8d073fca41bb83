"""What cannot work as a handler is refused when it is imported, and says what to write instead."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import edgedb
from edgedb.handlers import checked_handler


async def later(_self: object, _request: object) -> str:
    return "never"


async def bit_by_bit_later(_self: object, _request: object) -> Any:
    yield "never"


def bit_by_bit(_self: object, _request: object) -> Iterator[str]:
    yield "never"


def of_a_template(_self: object, _event: object, _context: object) -> str:
    return "never"


@pytest.mark.parametrize(
    ("handler", "why"),
    [
        (later, "must not be async"),
        (bit_by_bit_later, "must not be async"),
        (bit_by_bit, "must return its answer, not yield it"),
        (of_a_template, "called with 1 arguments"),
        (lambda: "never", "called with 1 arguments"),
        (staticmethod(lambda: "never"), "called with 1 arguments"),
        (str, "is the class str"),
        ("text", "not a callable object"),
    ],
)
def test_a_class_whose_handler_cannot_answer_is_refused(handler: Any, why: str) -> None:
    with pytest.raises(TypeError, match=rf"Broken\.handle_offload.*{why}"):
        type("Broken", (edgedb.Offloadable,), {"handle_offload": handler})


def test_the_same_holds_for_propagated_values() -> None:
    with pytest.raises(TypeError, match=r"Broken\.receive_propagate.*2 arguments"):
        type("Broken", (edgedb.Offloadable,), {"receive_propagate": later_free})


def later_free(_self: object, _value: object) -> None:
    """Take no origin."""


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass on whatever comes, as decorators do."""

    @functools.wraps(function)
    def wrapper(self: object, request: object) -> Any:
        return function(self, request, "connection")

    return wrapper


def with_connection(_self: object, _request: object, connection: str) -> str:
    return connection


def awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a plain function of one that is async."""

    @functools.wraps(function)
    def wrapper(*arguments: object) -> Any:
        return asyncio.run(function(*arguments))

    return wrapper


@pytest.mark.parametrize(
    "handler",
    [
        logged(with_connection),
        awaited(later),
        lambda _self, request: request,
        lambda *_arguments: "x",
        lambda _self, _request, _more=None: "x",
        staticmethod(lambda _request: "x"),
        classmethod(lambda _cls, _request: "x"),
        functools.partialmethod(with_connection, connection="c"),
        functools.partial(with_connection, None, connection="c"),
    ],
)
def test_whatever_takes_a_request_and_returns_is_a_handler(handler: Any) -> None:
    made = type("Good", (edgedb.Offloadable,), {"handle_offload": handler})()
    made.handle_offload(edgedb.Request())


class Cart(edgedb.Offloadable):
    def handle_offload(self, request: edgedb.Request) -> str:
        return request.path


def test_a_class_is_no_handle() -> None:
    checked_handler("handle", Cart(), arguments=2)
    with pytest.raises(TypeError, match=r"handle is the class Cart; write handle = Cart\(\)"):
        checked_handler("handle", Cart, arguments=2)


def test_a_class_without_handlers_is_its_authors_fault() -> None:
    class Misspelt(edgedb.Offloadable):
        def handle_ofload(self, request: edgedb.Request) -> None:
            """Never be called."""

    with pytest.raises(NotImplementedError, match="Misspelt has no handle_offload"):
        Misspelt().handle_offload(edgedb.Request())


@pytest.mark.parametrize("status", [0, 200, 307, 600, "409", None])
def test_an_error_that_says_all_is_well_is_refused(status: object) -> None:
    with pytest.raises(TypeError, match=r"Odd\.status must be from 400 to 599"):
        type("Odd", (edgedb.EdgeError,), {"status": status})
