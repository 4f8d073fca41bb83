"""What nobody should send, as hypothesis strategies."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings, strategies as st

many = settings(
    max_examples=60,
    deadline=None,  # a busy machine is no error
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

texts = st.sampled_from(
    ["", "x" * 2000, "\ud800", "a\r\nb: c", "\x00", "../..", "edge-a", "s", "\ufeff", "'; --"]
) | st.text(st.characters() | st.sampled_from("\udfff\x00\r\n\t\x7f\x85\u2028"), max_size=8)
"""Any text: with unpaired surrogates too, which JSON can say and UTF-8 cannot."""

numbers = (
    st.sampled_from([2**53 - 1, 2**53, -1, 10**400, float("nan"), float("inf"), 1.0, -0.0])
    | st.integers()
    | st.floats()
)
documents = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)
"""Any JSON document, and what only Python's parser takes for one."""

NOT_JSON = {
    "nothing": b"",
    "no-utf8": b"\xff\xfe{}",
    "open": b'{"session": "s"',
    "deep-list": b"[" * 100_000,
    "deep-object": b'{"a":' * 100_000,
    "long-number": b"9" * 5000,
    "two": b"{}{}",
    "nul": b"{}\x00",
}
"""Bodies that are refused before anybody looks what they say."""

_GONE = object()


def like(document: Any) -> st.SearchStrategy[Any]:
    """Give documents that are like one, but for one or two of their parts."""
    return _changed(document).flatmap(lambda found: st.just(found) | _changed(found))


def json_like(document: Any) -> st.SearchStrategy[bytes]:
    """Give JSON of documents like one, as far as it can say them."""
    return like(document).map(_as_json)


def _as_json(document: Any) -> bytes:
    return json.dumps(document, default=lambda value: value.decode("latin-1")).encode()


def packed_like(document: Any) -> st.SearchStrategy[bytes]:
    """Give MessagePack of documents like one, cut off, garbled or with more, and anything."""
    packed = like(document).map(_packed)
    cut = st.tuples(packed, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
    more = packed.map(lambda body: body + b"\x00")
    return packed | cut | more | _garbled(_packed(document)) | st.binary(max_size=40)


def _garbled(body: bytes) -> st.SearchStrategy[bytes]:
    """Give a body with one byte or two that say something else, such as another kind or length."""
    change = st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255))

    def with_changes(changes: list[tuple[int, int]]) -> bytes:
        found = bytearray(body)
        for place, byte in changes:
            found[place] = byte
        return bytes(found)

    return st.lists(change, min_size=1, max_size=2).map(with_changes)


def _packed(document: Any) -> bytes:
    try:
        return msgspec.msgpack.encode(document)
    except (ValueError, OverflowError):  # what MessagePack cannot say
        return b"\xc1"


def bytes_like(document: Any) -> st.SearchStrategy[bytes]:
    """Give bodies: documents like one, the same with a key twice, and anything."""
    start = json.dumps(document).encode()[:-1]
    again = st.tuples(st.sampled_from(list(document)), documents)
    return (
        like(document).map(lambda found: json.dumps(found).encode())
        | again.map(lambda pair: b"%s, %s" % (start, json.dumps(dict([pair])).encode()[1:]))
        | st.binary(max_size=40)
        | st.integers(0, len(start)).map(lambda end: start[:end])
    )


def _changed(document: Any) -> st.SearchStrategy[Any]:
    """Give a document with something else, or nothing, in one place."""
    places = list(_places(document))
    return st.sampled_from(places).flatmap(
        lambda place: _instead(_at(document, place)).map(
            lambda value: _with(document, place, value)
        )
    )


def _instead(part: Any) -> st.SearchStrategy[Any]:
    gone = st.just(_GONE)
    if isinstance(part, bytes):
        return st.binary(max_size=8) | texts | documents | gone
    if isinstance(part, str):
        return texts | texts | documents | gone
    return numbers | documents | gone


def _places(document: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield place
    if isinstance(document, dict | list):
        for key in document if isinstance(document, dict) else range(len(document)):
            yield from _places(document[key], (*place, key))


def _at(document: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        document = document[key]
    return document


def _with(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return None if value is _GONE else value
    result = copy.deepcopy(document)
    inner = _at(result, place[:-1])
    if value is _GONE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return result
