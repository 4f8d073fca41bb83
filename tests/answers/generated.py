"""Answers of handlers, each with what it means; None: nothing that could be sent.

What an answer means is said by how it is put together here, not by looking at it, so that the
library's own reading of it is held against something else.
"""

from __future__ import annotations

import asyncio
import decimal
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date
from http import HTTPStatus
from typing import Any

import flask
from hypothesis import strategies as st
from werkzeug.datastructures import Headers, MultiDict

import edgedb

Make = Callable[[], Any]
Pairs = list[tuple[str, str]]

TEXT, OCTETS, JSON = "text/plain; charset=utf-8", "application/octet-stream", "application/json"
HTML = "text/html; charset=utf-8"
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "upgrade"}
HOP_BY_HOP |= {"proxy-authenticate", "proxy-authorization", "trailer", "trailers"}
SERVERS = {"content-length", "content-type", "date", "server", "via"}
"""Headers that say something about the generated answer only now and then."""

PROVIDER = flask.Flask(__name__).json


@dataclass(frozen=True)
class Meant:
    """What a client is to see; ``content`` is compared as JSON if it is a document."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    is_json: bool = False


@dataclass(frozen=True)
class Given:
    """One answer: ``make`` gives or raises it, as often as the handler is asked."""

    make: Make
    meant: Meant | None

    def __repr__(self) -> str:
        """Show what a failing example was."""
        try:
            return f"{self.make()!r:.300} -> {self.meant!r:.300}"
        except BaseException as error:
            return f"raise {error!r:.300} -> {self.meant!r:.300}"


@dataclass(frozen=True)
class Body:
    """A body: how to make it, and the content and the type it has if it can be sent."""

    make: Make
    content: bytes | None
    content_type: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


def _always(value: Any) -> Make:
    return lambda: value


def _utf8(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


# -- bodies

texts = st.text(st.characters() | st.sampled_from("\ud800\udfff\x00\r\n\x85"), max_size=12)
names = texts | st.sampled_from(["body", "headers", "statusCode", "status"])


class Shade(str):
    """Text whose ``str()`` is another one, as that of some enumerations."""

    def __str__(self) -> str:
        return "Shade.OF\r\nGREY"

    def encode(self, *_: Any) -> Any:
        return 7


@dataclass
class Point:
    x: float
    when: date


known = (
    st.builds(Point, st.integers(), st.dates())
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.decimals()
    | st.uuids()
)
"""What Flask writes as JSON though JSON does not know it."""

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | finite
documents = st.recursive(
    scalars | texts | known,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=5,
)


def _numbers() -> Iterator[int]:
    yield 1


class _Later:
    """What somebody forgot to await, without the warning of a real coroutine."""

    def __await__(self) -> Iterator[int]:
        return _numbers()


JUNK: list[Make] = [
    object,
    set,
    lambda: {1, 2},
    lambda: frozenset("ab"),
    _numbers,
    _Later,
    lambda: iter([1]),
    lambda: map(str, [1]),
    lambda: range(3),
    lambda: {}.keys(),
    lambda: complex(1, 2),
    lambda: float("nan"),
    lambda: float("-inf"),
    lambda: decimal,
    lambda: dict,
    lambda: Point,
    lambda: len,
    lambda: ValueError("x"),
    lambda: Headers({"a": "b"}),
    lambda: ...,
    lambda: edgedb.Request(),
    lambda: 10**5000,
    lambda: [b"octets"],
    lambda: {(1, 2): 3},
    lambda: {"a": [{"b": {1, 2}}]},
    lambda: _nested(100_000),
    lambda: _endless(),
]


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def _endless() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def _document(value: Any) -> Body:
    return Body(
        _always(value),
        json.dumps(json.loads(PROVIDER.dumps(value, sort_keys=False))).encode(),
        JSON,
    )


def _text(text: str) -> Body:
    return Body(_always(text), _utf8(text), TEXT)


junk = st.sampled_from(JUNK).map(lambda make: Body(make, None))
octets = st.builds(
    lambda content, kind: Body(lambda: kind(content), content, OCTETS),
    st.binary(max_size=20) | st.just(bytes(70_000)),
    st.sampled_from([bytes, bytearray, memoryview]),
)
plain = (
    st.just(Body(_always(None), b"", TEXT))
    | texts.map(_text)
    | st.just(Body(lambda: Shade("grey"), b"grey", TEXT))
    | octets
)
structured = documents.filter(lambda value: not isinstance(value, str | dict | tuple | None))


# -- statuses and headers

good_statuses = (
    st.integers(200, 599).map(lambda code: (code, code))
    | st.integers(200, 599).map(lambda code: (f"{code}", code))
    | st.sampled_from([("201 CREATED", 201), (HTTPStatus.ACCEPTED, 202), (None, None)])
)
bad_statuses = (
    st.integers().filter(lambda code: not 200 <= code <= 599)
    | st.integers(-1, 199)
    | st.sampled_from(["", "ok", "20", "2000", "200\r\nX: y", "٢٠٠", True, 2.5e2, b"200", [200]])
).map(lambda status: (status, -1))
statuses = good_statuses | good_statuses | bad_statuses

tokens = st.text(st.sampled_from("abcXYZ019!#$%&'*+-.^_`|~"), min_size=1, max_size=8).filter(
    lambda name: name.lower() not in HOP_BY_HOP | SERVERS
)
values = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f") | st.just("\t"),
    max_size=12,
)
good_pairs = st.tuples(tokens, values).map(
    lambda pair: (pair, (pair[0].lower(), pair[1].strip(" \t")))
)
odd_pairs = st.sampled_from(
    [
        (("X-Number", 7), ("x-number", "7")),
        (("X-Ratio", 0.5), ("x-ratio", "0.5")),
        (["X-List", "of two"], ("x-list", "of two")),
        ((Shade("X-Shade"), Shade("grey")), ("x-shade", "grey")),
        (("Content-Type", "image/png"), ("content-type", "image/png")),
        (("content-type", "text/x"), ("content-type", "text/x")),
    ]
)
bad_pairs = (
    st.tuples(st.sampled_from([*sorted(HOP_BY_HOP), "Connection", "TE"]), values)
    | st.tuples(
        st.sampled_from(["", " ", "a b", "a:b", "é", "a\r\nb", "a\x00", b"a", 5, None]), values
    )
    | st.tuples(
        tokens,
        st.sampled_from(
            ["a\r\nb: c", "a\nb", "\x00", "\x1b[m", "\x7f", "€", "\ud800", b"x", None, object(), {}]
        ),
    )
    | st.sampled_from([("Content-Length", "1000000"), ("content-length", "x"), ("a",), "ab", 5])
).map(lambda pair: (pair, None))


def _headers(found: list[Any]) -> tuple[Make, Pairs | None]:
    given, meant = [pair for pair, _ in found], [pair for _, pair in found]
    return lambda: list(given), None if None in meant else meant


def _mapping(found: dict[str, list[str]], kind: Any) -> tuple[Make, Pairs]:
    meant = [(name.lower(), value.strip(" \t")) for name in found for value in found[name]]
    return lambda: kind(found), meant


many = st.lists(good_pairs | odd_pairs, max_size=4).map(_headers)
mappings = st.builds(
    _mapping,
    st.dictionaries(tokens, st.lists(values, min_size=1, max_size=2), max_size=3),
    st.sampled_from([dict, MultiDict, Headers]),
)
bad_headers = st.lists(good_pairs | bad_pairs, min_size=1, max_size=3).map(_headers).filter(
    lambda made: made[1] is None
) | st.sampled_from([5, "abc", "ab", b"ab", {"a", "b"}, ["ab"], object(), True]).map(
    lambda value: (_always(value), None)
)
no_headers: st.SearchStrategy[tuple[Make, Pairs | None]] = st.sampled_from(
    [(_always(None), []), (dict, []), (list, []), (tuple, [])]
)
headers = no_headers | many | many | mappings | bad_headers


# -- responses, as bodies


def _own(content: Body, status: tuple[Any, int], pairs: tuple[Make, Pairs | None]) -> Body:
    """Give a Response of the library."""
    is_good = status[1] is not None and status[1] > 0 and pairs[1] is not None
    if content.content_type != OCTETS or not is_good:
        content = replace(content, content=None)
    return replace(
        content,
        make=lambda: edgedb.Response(content.make(), status[0], pairs[0]()),
        status=status[1],
        headers=tuple(pairs[1] or ()),
    )


def _flask(content: bytes, status: int, pairs: tuple[Make, Pairs | None], *, streams: bool) -> Body:
    """Give a Response of Flask, whose content may come bit by bit."""

    def make() -> flask.Response:
        body = (bytes([each]) for each in content) if streams else content
        return flask.Response(body, status, Headers(pairs[0]()))

    return Body(make, content, HTML, status, tuple(pairs[1] or ()))


flask_responses = st.builds(
    _flask,
    st.binary(max_size=10),
    st.integers(200, 599),
    no_headers | mappings,
    streams=st.booleans(),
)
responses = (
    st.builds(_own, octets | plain | junk, statuses, headers)
    | flask_responses
    | st.builds(
        lambda document, status: Body(
            lambda: edgedb.Response.json(document, status),
            _document(document).content,
            JSON,
            status,
        ),
        documents,
        st.integers(200, 599),
    )
)


# -- whole answers


def _whole(body: Body, status: int | None, pairs: Pairs | None, make: Make) -> Given:
    if body.content is None or pairs is None or status == -1:
        return Given(make, None)
    named = {name for name, _ in pairs}
    seen = [*pairs, *(pair for pair in body.headers if pair[0] not in named)]
    if "content-type" not in {name for name, _ in seen}:
        seen.append(("content-type", body.content_type))
    code = body.status if status is None else status
    content = b"" if code in {204, 304} else body.content
    is_json = body.content_type == JSON and content != b""
    return Given(make, Meant(code, tuple(sorted(seen)), content, is_json))


def _tuple(body: Body, status: Any, pairs: Any, length: int) -> Given:
    """Give one of the tuples; of those with other lengths nothing can be made."""
    is_one = length in {2, 3}
    return _whole(
        body,
        status[1] if is_one else -1,
        pairs[1] if length == 3 else [],
        lambda: (body.make(), status[0], pairs[0](), None, None)[:length],
    )


def _envelope(body: Body | None, status: Any, pairs: Any, shape: set[str]) -> Given:
    content = body if body is not None and "body" in shape else Body(_always(None), b"", TEXT)
    parts = {"statusCode": lambda: status[0], "headers": lambda: pairs[0](), "body": content.make}
    return _whole(
        content,
        status[1] if "statusCode" in shape else None,
        pairs[1] if "headers" in shape else [],
        lambda: {name: parts[name]() for name in sorted(shape)},
    )


shapes = st.sets(st.sampled_from(["statusCode", "body", "headers"])).filter(
    lambda shape: shape & {"statusCode", "body"}
)
bodies = (
    plain
    | structured.map(_document)
    | documents.map(lambda value: _document([value]))
    | junk
    | responses
)
inner = bodies | st.dictionaries(names, documents, max_size=2).map(_document)


def _data(document: dict[str, Any]) -> Given:
    body = _document(document)
    return _whole(body, None, [], body.make)


data = st.dictionaries(names, documents, max_size=4).filter(
    lambda found: not found.keys() & {"body", "statusCode"}
).map(_data) | st.dictionaries(names, documents, max_size=3).map(
    lambda found: {"other": 1, **found}
).map(_data)
"""Dicts that are data, however much they look like an envelope."""


def _raising(error: BaseException) -> Make:
    def make() -> Any:
        raise error

    return make


raised = st.sampled_from(
    [
        RuntimeError("x"),
        SystemExit(3),
        GeneratorExit(),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        StopIteration(),
        RecursionError(),
        MemoryError(),
        edgedb.EdgeError("on purpose"),
    ]
).map(lambda error: Given(_raising(error), None))

answers: st.SearchStrategy[Given] = (
    bodies.map(lambda body: _whole(body, None, [], body.make))
    | st.builds(_envelope, inner, statuses, headers, shapes)
    | st.builds(_tuple, inner, statuses, headers, st.sampled_from([1, 2, 3, 3, 3, 4, 5]))
    | data
    | raised
)
